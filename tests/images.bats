# tests/images.bats - mapped images as PE files: what objdump and file(1) read in them.
#
# shellcheck disable=SC2016

load dumps

setup_file() {
    load dumps
    [ -w /dev/fuse ] || return 0
    export ACTIVE=$BATS_FILE_TMPDIR/active TRUTH
    TRUTH=$(sample article-active)
    start "$TRUTH" "$ACTIVE"
    TRUTH=${TRUTH%.dmp}.truth.json
}
teardown_file() {
    load helpers
    unmount_below "$BATS_FILE_TMPDIR"
}
setup() {
    load dumps
    requires fuse objdump file
}
teardown() { unmount_below "$BATS_TEST_TMPDIR"; }

# exports_of FILE: "rva name" of each named export, as objdump reads them.
exports_of() {
    timeout 60 objdump -p "$1" | python3 -c '
import re, sys
text = sys.stdin.read()
base = int(re.search(r"Ordinal Base \s*(\d+)", text).group(1))
rva = dict(re.findall(r"^\t\[ *(\d+)\] \+base\[ *\d+\] +([0-9a-f]+) Export RVA", text, re.M))
names = text[text.index("[Ordinal/Name Pointer] Table"):]
for index, name in re.findall(r"^\t\[ *(\d+)\] (?:\+base\[ *\d+\] +[0-9a-f]+ )?(\S+)", names, re.M):
    if index in rva:
        print("0x%08x" % int(rva[index], 16), name)' | LC_ALL=C sort -u
}

# Their page of the dump is there, or the loader's size would be all that is known.
modules_with_headers() { # FOLDER OF /modules
    local m
    for m in "$1"/*/; do
        [ "$(head -c 2 "${m}image" 2>/dev/null | tr -d '\0')" = MZ ] && echo "$m"
    done
}

@test "a kernel module is a PE file of its true size" {
    local m n=0
    for m in $(modules_with_headers "$ACTIVE/modules"); do
        [ "$(stat -c %s "${m}image")" = "$(cat "${m}size")" ]
        [[ $(timeout 20 file -b "${m}image") == 'PE32+ executable'*'x86-64'* ]]
        [ "$(timeout 20 objdump -h "${m}image" | awk '$1 ~ /^[0-9]+$/' | wc -l)" -ge "$(grep -c . "${m}sections")" ]
        n=$((n + 1))
    done
    echo "$n modules"
    [ "$n" -ge 5 ]
}

@test "size, base and timestamp are those of the machine" {
    python3 - "$TRUTH" "$ACTIVE" <<'END'
import json, os, struct, sys
truth, mount = json.load(open(sys.argv[1])), sys.argv[2]
seen = 0
for m in truth["modules"]:
    path = f'{mount}/modules/{m["name"]}/image'
    assert os.stat(path).st_size == m["size"], m["name"]
    head = open(path, "rb").read(4096)
    if head[:2] != b"MZ":
        continue
    nt = struct.unpack_from("<I", head, 0x3C)[0]
    assert struct.unpack_from("<Q", head, nt + 48)[0] == m["base"], m["name"]
    seen += 1
assert seen >= 5, seen
END
}

@test "objdump finds the exports that are shown" {
    exports_of "$ACTIVE/modules/nt/image" >"$BATS_TEST_TMPDIR/objdump"
    awk -F '\t' '$4 == "-" && $3 != "-" { print $1, $3 }' "$ACTIVE/modules/nt/exports" | LC_ALL=C sort -u >"$BATS_TEST_TMPDIR/ours"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/ours")" -gt 10 ]
    cmp "$BATS_TEST_TMPDIR/objdump" "$BATS_TEST_TMPDIR/ours"
}

@test "objdump disassembles the article's system call in the process's ntdll, at its address" {
    local image=$ACTIVE/proc/5148/modules-image/ntdll.dll
    [[ $(file -b "$image") == 'PE32+ executable (DLL)'* ]]
    timeout 60 objdump -d --start-address=0x7ffa3dab3560 --stop-address=0x7ffa3dab356b "$image" >"$BATS_TEST_TMPDIR/d"
    grep -q '7ffa3dab3560:.*4c 8b d1 .*mov    %rcx,%r10' "$BATS_TEST_TMPDIR/d"
    grep -q '7ffa3dab3563:.*b8 07 00 00 00 .*mov    $0x7,%eax' "$BATS_TEST_TMPDIR/d"
    grep -q '7ffa3dab3568:.*0f 05 .*syscall' "$BATS_TEST_TMPDIR/d"
    cmp "$image" "$ACTIVE/proc/5148/modules-image/ntdll"
}

@test "but for the header the bytes are memory's" {
    local base size
    base=$(($(cat "$ACTIVE/modules/nt/base") & 0xffffffffffff))
    size=$(cat "$ACTIVE/modules/nt/size")
    timeout 60 dd if="$ACTIVE/mem/kernel" bs=4096 skip=$((base / 4096)) count=$((size / 4096)) status=none >"$BATS_TEST_TMPDIR/memory"
    cmp -i 4096 "$ACTIVE/modules/nt/image" "$BATS_TEST_TMPDIR/memory"
    run ! cmp -s -n 4096 "$ACTIVE/modules/nt/image" "$BATS_TEST_TMPDIR/memory"
}

@test "what the dump lacks is a hole, and a copy keeps it" {
    local image=$ACTIVE/modules/nt/image
    timeout 60 cp --sparse=auto "$image" "$BATS_TEST_TMPDIR/copy"
    cmp "$image" "$BATS_TEST_TMPDIR/copy"
    [ "$(($(stat -c '%b * 512' "$BATS_TEST_TMPDIR/copy")))" -lt $(($(stat -c %s "$image") / 2)) ]
    # As many pages with data as the coverage of the space says that there are.
    python3 - "$image" "$ACTIVE/mem/kernel" "$(cat "$ACTIVE/modules/nt/base")" <<'END'
import os, sys
def pages(path, start, end):
    fd, at, n = os.open(path, os.O_RDONLY), start, 0
    while at < end:
        try:
            at = os.lseek(fd, at, os.SEEK_DATA)
        except OSError:
            break
        stop = min(os.lseek(fd, at, os.SEEK_HOLE), end)
        n += max(0, stop - at) // 4096
        at = stop
    return n
size = os.stat(sys.argv[1]).st_size
base = int(sys.argv[3], 16) & 0xFFFFFFFFFFFF
image, memory = pages(sys.argv[1], 0, size), pages(sys.argv[2], base, base + size)
print(image, memory)
assert image == memory > 10
END
}

@test "raw=off takes the images away, raw=list lists them, else they are opened by name" {
    local dump
    dump=$(sample article-active)
    run -0 ls "$ACTIVE/modules/nt" "$ACTIVE/proc/5148"
    [[ $output != *image$'\n'*image* ]]
    run ! ls -d "$ACTIVE"/proc/5148/*-image
    start "$dump" "$BATS_TEST_TMPDIR/list" raw=list
    [ -n "$(find "$BATS_TEST_TMPDIR/list/modules/ntoskrnl.exe" -name image)" ]
    [ "$(find "$BATS_TEST_TMPDIR/list/proc/5148/modules-image" -type f -printf '%f\n' | sort)" = "$(cut -f 3 "$ACTIVE/proc/5148/modules" | sort)" ]
    start "$dump" "$BATS_TEST_TMPDIR/off" raw=off
    run ! stat "$BATS_TEST_TMPDIR/off/modules/nt/image"
    run ! stat "$BATS_TEST_TMPDIR/off/proc/5148/modules-image"
}
