# tests/handles.bats - proc/<pid>/handlelist and handles/, /object and /object-at: lookups, WinDbg's
# text, and that one grep finds every user of an object.

load dumps

setup_file() {
    load dumps
    export BATS_TEST_TIMEOUT=100 MNT=$BATS_FILE_TMPDIR/mnt
    start_sample article-active "$MNT"
}
teardown() { unmount_below "$BATS_TEST_TMPDIR"; }
teardown_file() { load dumps; unmount_below "$BATS_FILE_TMPDIR"; }

# The process that an article's !handle shows, and its handle.
P=proc/5148
fact() { awk -F '\t' -v key="$2:" '$1 == key { print $2 }' "$MNT/$1"; }

# bats test_tags=handles
@test "the article's handle: object, entry, header and counts are the article's" {
    [ "$(fact $P/handles/01c0 Object)" = 0xffffe00076049f20 ]
    [ "$(fact $P/handles/01c0 Entry)" = 0xffffc001d3300700 ]
    [ "$(fact $P/handles/01c0 Header)" = 0xffffe00076049ef0 ]
    [ "$(fact $P/handles/01c0 Type)" = File ]
    [ "$(fact $P/handles/01c0 HandleCount)" = 1 ]
    [ "$(fact $P/handles/01c0 PointerCount)" = 32770 ]
    [[ $(fact $P/handles/01c0 GrantedAccess) == "0x0012019f READ_CONTROL|SYNCHRONIZE|READ_DATA|"* ]]
}

# bats test_tags=handles
@test "the text of !handle is the article's, with the count that WinDbg could not read" {
    local want=$BATS_TEST_TMPDIR/want truth count attributes marks=
    truth=$(sample article-active)
    count=$(fact $P/status HandleCount)
    # WinDbg misread the attributes of every handle of that build; these are the ones in the dump.
    attributes=$(jq '.processes[] | select(.pid == 5148).handles.handles[] |
        select(.handle == 448).attributes' "${truth%.dmp}.truth.json")
    ((attributes & 1)) && marks+=" (Protected)"
    ((attributes & 2)) && marks+=" (Inherit)"
    ((attributes & 4)) && marks+=" (Audit)"
    cat >"$want" <<END

PROCESS ffffe0007749f080
    SessionId: 2  Cid: 141c    Peb: 7ff7cee8d000  ParentCid: 1204
    DirBase: 69225000  ObjectTable: ffffc001e0e2b2c0  HandleCount: $(printf %3d "$count").
    Image: NotMyfault.exe

Handle table at ffffc001e0e2b2c0 with $count entries in use

01c0: Object: ffffe00076049f20  GrantedAccess: 0012019f$marks Entry: ffffc001d3300700
Object: ffffe00076049f20  Type: (ffffe0007301fdc0) File
    ObjectHeader: ffffe00076049ef0 (new version)
        HandleCount: 1  PointerCount: 32770
END
    diff "$want" "$MNT/$P/handles/01c0.windbg"
    cmp "$MNT/$P/handles/01c0.windbg" "$MNT/$P/handles/0n448.windbg"
    cmp "$MNT/$P/handles/01c0.windbg" "$MNT/$P/handles/0x1c0.windbg"
    run ! grep -q windbg <(ls "$MNT/$P/handles")
}

# bats test_tags=handles
@test "a handle has several spellings, and what is no open handle has none" {
    local name
    for name in 01c0 1c0 0x1c0 0n448 0x1c1; do
        cmp "$MNT/$P/handles/01c0" "$MNT/$P/handles/$name"
    done
    for name in 0000 0x0 0n0 01C0 0x1c4 0n4480 zz 448 01c0.txt .windbg 0xfffffffffffffffff \
        -1 0n-1 4000000 0x4000000 0n67108864 99999999999999999999; do
        run ! cat "$MNT/$P/handles/$name"
        run ! cat "$MNT/$P/handles/$name.windbg"
    done
    # System's handles also as the kernel writes them.
    cmp "$MNT/proc/4/handles/0004" "$MNT/proc/4/handles/0xffffffff80000004"
}

# bats test_tags=handles
@test "the table and the directory hold the same handles, and status counts them" {
    local dir
    for dir in "$MNT"/proc/[0-9]*; do
        diff <(cut -f 1 "$dir/handlelist" | sed 's/^0x//' | while read -r h; do printf '%04x\n' "0x$h"; done) \
            <(ls "$dir/handles")
        [ "$(fact "proc/${dir##*/}/status" HandlesListed)" = "$(wc -l <"$dir/handlelist")" ] ||
            [ "$(fact "proc/${dir##*/}/status" HandlesListed)" = - ]
    done
}

# bats test_tags=handles,hostile
@test "a table that counts other handles than it has is told once, a sound one never" {
    local mnt=$BATS_TEST_TMPDIR/mnt
    run ! grep -F HANDLE_TABLE.HandleCount "$MNT/dump/warnings"
    python3 tests/fixtures/damage.py "$(sample article-active)" "$BATS_TEST_TMPDIR" handle-count
    start "$BATS_TEST_TMPDIR/handle-count.dmp" "$mnt"
    cat "$mnt/dump/warnings" >"$BATS_TEST_TMPDIR/warnings"
    unmount_dump "$mnt"
    cat "$BATS_TEST_TMPDIR/warnings"
    [ "$(grep -cF HANDLE_TABLE.HandleCount "$BATS_TEST_TMPDIR/warnings")" = 1 ]
}

# bats test_tags=handles
@test "one grep finds every process that has a handle to an object" {
    local object found
    # The most shared object of the machine.
    object=$(cat "$MNT"/proc/[0-9]*/handlelist | cut -f 4 | sort | uniq -c | sort -rn | awk 'NR == 1 { print $2 }')
    found=$(cat "$MNT"/proc/[0-9]*/handlelist | grep -c "$object")
    [ "$found" -gt 1 ]
    [ "$(grep -l "$object" "$MNT"/proc/[0-9]*/handles/* | wc -l)" = "$found" ]
    [ "$(grep -l "$object" "$MNT"/proc/*/handlelist | wc -l)" = "$found" ]
    [ "$(fact "object-at/$object" Object)" = "$object" ]
}

# bats test_tags=handles
@test "a handle's extended attributes are its object's" {
    requires getfattr
    run -0 getfattr --absolute-names --only-values -n user.ntdump.address "$MNT/$P/handles/01c0"
    [ "$output" = 0xffffe00076049f20 ]
    run -0 getfattr --absolute-names --only-values -n user.ntdump.type "$MNT/$P/handles/01c0"
    [ "$output" = File ]
}

# bats test_tags=objects
@test "/object-at takes an address in each spelling and refuses what is no object" {
    local name
    for name in ffffe00076049f20 'ffffe000`76049f20' 0xffffe00076049f20; do
        [ "$(fact "object-at/$name" Type)" = File ]
    done
    for name in 0 0x0 ffffe00076049f21 ffffe00076049f28 0x1000 00007ff7cee8d000 0xffffffffffffffff x; do
        run ! cat "$MNT/object-at/$name"
    done
    [ -z "$(ls "$MNT/object-at")" ]
}

# bats test_tags=objects
@test "/object is the namespace: directories to walk, names that the handles have, too" {
    local name
    [ "$(fact object/Device/Null Type)" = Device ] || [ "$(fact object/Device/HarddiskVolume2 Type)" = Device ]
    find "$MNT/object" -type f -print0 | xargs -0 cat >/dev/null
    # A name in the table of handles is a path below /object, where it is that of such an object.
    cat "$MNT"/proc/[0-9]*/handlelist | awk -F '\t' '$2 == "Directory" { print $5 }' | sort -u |
        while IFS= read -r name; do
            [ -d "$MNT/object${name//\\//}" ]
        done
}

# bats test_tags=objects
@test "walking up and down inside /object ends where it began" {
    local dir
    dir=$(find "$MNT/object" -mindepth 1 -type d | head -n 1)
    [ "$(cd "$dir/../$(basename "$dir")" && stat -c %i .)" = "$(stat -c %i "$dir")" ]
}
