# tests/symbols.bats - symbol files: which are used, what they add, and that each is read once.
#
# The PDBs and ISF files of the sample dump's ntdll and kernel are written here, from the truth file
# that the dump's builder gives; the article's listing is the article's own text.

load dumps

setup_file() {
    load dumps
    requires jq
    DUMP=$(sample article-active)
    TRUTH=${DUMP%.dmp}.truth.json
    STORE=$BATS_FILE_TMPDIR/store
    NTDLL=$(jq -r .ntdll.guid "$TRUTH")
    KERNEL=$(jq -r '.modules[0].guid' "$TRUTH")
    export DUMP TRUTH STORE NTDLL KERNEL
    hidden >"$BATS_FILE_TMPDIR/ntdll.symbols"
    make_pdb ntdll "$NTDLL" "$STORE" "$BATS_FILE_TMPDIR/ntdll.symbols"
}

setup() {
    load dumps
    MNT=$BATS_TEST_TMPDIR/mnt
    export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache
    CACHE=$XDG_CACHE_HOME/ntdumpfs/compiled
    mkdir "$XDG_CACHE_HOME"
}
teardown() { unmount_below "$BATS_TEST_TMPDIR"; }

# The routines of ntdll that it does not export: RVA FLAGS NAME.
hidden() {
    jq -r '.ntdll | .base as $base | .hidden | to_entries[] | "\(.value - $base) 2 \(.key)"' "$TRUTH"
}

make_pdb() { # NAME GUID STORE SYMBOLS
    mkdir -p "$3/$1.pdb/${2}1"
    python3 tests/fixtures/pdb.py --guid "$2" --age 1 --symbols "$4" "$3/$1.pdb/${2}1/$1.pdb"
}

make_isf() { # GUID SYMBOLS: as Volatility writes it
    jq -nR --arg guid "$1" '
        {metadata: {windows: {pdb: {GUID: $guid, age: 1, database: "ntdll.pdb"}}},
         base_types: {}, enums: {}, user_types: {},
         symbols: ([inputs | split(" ") | {key: .[2], value: {address: (.[0] | tonumber)}}]
                   | from_entries)}' "$2"
}

article() {
    awk -v RS= '/\tNotMyfault.exe\n/' "$MNT/listing/processes"
}

compiled() { find "$CACHE" -type f 2>/dev/null | wc -l; }

# said OPTIONS: what ntdumpfs -d says of symbols at opening.
said() {
    mkdir -p "$MNT"
    timeout 20 "$NTDUMPFS" -d -o "$1" "$DUMP" "$MNT" 2>"$BATS_TEST_TMPDIR/said" 3>&- 4>&- &
    local pid=$!
    until_true is_mounted "$MNT"
    unmount_dump "$MNT"
    wait "$pid" || true
    grep '^ntdumpfs: symbols: ' "$BATS_TEST_TMPDIR/said"
}

@test "with ntdll's PDB the listing is the article's, byte for byte" {
    start "$DUMP" "$MNT" "symbols=$STORE"
    article | cmp - tests/data/article-listing-symbols.txt
}

@test "with ntdll's ISF file, too" {
    mkdir -p "$BATS_TEST_TMPDIR/isf/ntdll.pdb"
    make_isf "$NTDLL" "$BATS_FILE_TMPDIR/ntdll.symbols" \
        >"$BATS_TEST_TMPDIR/isf/ntdll.pdb/$NTDLL-1.json"
    start "$DUMP" "$MNT" "symbols=$BATS_TEST_TMPDIR/isf"
    article | cmp - tests/data/article-listing-symbols.txt
}

@test "relative folders are those of the folder where ntdumpfs was started" {
    local list
    for list in NTDUMPFS_SYMBOLS=store _NT_SYMBOL_PATH='cache*store;srv*https://127.0.0.1:9'; do
        mkdir -p "$MNT"
        (cd "$BATS_FILE_TMPDIR" && env "$list" timeout 20 "$NTDUMPFS" -o nocache "$DUMP" "$MNT" \
            3>&- 4>&-)
        article | cmp - tests/data/article-listing-symbols.txt
        unmount_dump "$MNT"
    done
}

@test "without any it is ntdll+0xOFF" {
    start "$DUMP" "$MNT"
    article | cmp - tests/data/article-listing.txt
}

@test "a PDB of another image is never used" {
    local other=${NTDLL:0:31}
    [ "${NTDLL:31}" = 0 ] && other+=1 || other+=0
    make_pdb ntdll "$other" "$BATS_TEST_TMPDIR/other" "$BATS_FILE_TMPDIR/ntdll.symbols"
    mv "$BATS_TEST_TMPDIR/other/ntdll.pdb/${other}1" "$BATS_TEST_TMPDIR/other/ntdll.pdb/${NTDLL}1"
    start "$DUMP" "$MNT" "symbols=$BATS_TEST_TMPDIR/other"
    article | cmp - tests/data/article-listing.txt
}

@test "a kernel PDB of another image is named in /target and with -d" {
    mkdir "$BATS_TEST_TMPDIR/other"
    python3 tests/fixtures/pdb.py "$BATS_TEST_TMPDIR/other/ntkrnlmp.pdb"
    start "$DUMP" "$MNT" "symbols=$BATS_TEST_TMPDIR/other"
    run -0 cat "$MNT/target"
    unmount_dump "$MNT"
    [[ $output == *"SymbolFile:"*"/other/ntkrnlmp.pdb: is of another image: GUID 11223344"* ]]
    [[ $output == *"SymbolSource:"*"profile "* ]]
    run -0 said "symbols=$BATS_TEST_TMPDIR/other"
    [[ $output == *"/other/ntkrnlmp.pdb: is of another image: GUID 11223344"* ]]
}

# --- names --------------------------------------------------------------------------------------

# A kernel module that the machine has, with made-up symbols at one of its functions.
with_module_symbols() {
    local guid base
    read -r guid base < <(jq -r '.modules[] | select(.name == "tcpip.sys") | "\(.guid) \(.base)"' \
        "$TRUTH")
    printf '%s\n' '0x1000 2 ?Trigger@Inner@Outer@@YAXXZ' '0x1000 0 ??_C@_0BA@text@' \
        '0x1040 2 ZwThing' '0x1040 2 NtThing' '0x1040 2 xHalThing' '0x1040 2 A' \
        '0x1080 2 LongerName' '0x1080 2 Short' '0x1080 2 Shorn' \
        '0x10c0 0 DataName' '0x10c0 2 FunctionName' \
        '0x18f0 2 LeafBefore' '0x1900 2 Dispatch' '0x1b40 2 Leaf' \
        '0x2000 0 __imp_Something' '0x2008 0 ??_C@_0BA@more@' \
        >"$BATS_TEST_TMPDIR/tcpip.symbols"
    make_pdb tcpip "$guid" "$STORE" "$BATS_TEST_TMPDIR/tcpip.symbols"
    start "$DUMP" "$MNT" "symbols=$STORE"
    base=$(awk -F '\t' '$3 == "tcpip.sys" { print $1 }' "$MNT/modules/list")
    TCPIP=$((base))
}

at() { # OFFSET: the name of tcpip's code there
    sed 's/ (.*//' "$MNT/symbol/$(printf '0x%x' $((TCPIP + $1)))"
}

address() { # NAME: the offset of a name in tcpip
    echo $(($(cat "$MNT/symbol/tcpip!$1") - TCPIP))
}

@test "names of C++ are shown in their plain form, and found by either" {
    with_module_symbols
    [ "$(at 0x1000)" = 'tcpip!Outer::Inner::Trigger' ]
    [ "$(address 'Outer::Inner::Trigger')" = $((0x1000)) ]
    [ "$(address '?Trigger@Inner@Outer@@YAXXZ')" = $((0x1000)) ]
}

@test "a symbol counts only inside its function" {
    with_module_symbols
    # .pdata of the sample's drivers: functions at 0x1020..0x1080 and 0x1900..0x1b00.
    [ "$(at 0x1908)" = 'tcpip!Dispatch+0x8' ]
    [ "$(at 0x1aff)" = 'tcpip!Dispatch+0x1ff' ]
    [ "$(at 0x1b00)" = 'tcpip+0x1b00' ]
    [ "$(at 0x1b44)" = 'tcpip!Leaf+0x4' ]
    [ "$(at 0x18f8)" = 'tcpip!LeafBefore+0x8' ]
    [ "$(at 0x103f)" = 'tcpip+0x103f' ]
    [ "$(at 0x1060)" = 'tcpip!NtThing+0x20' ]
}

@test "a part that lies apart from its function is named by it" {
    # In the sample's kernel that is a part of KeBugCheckEx, 0x800 bytes from where it begins.
    start "$DUMP" "$MNT"
    local rva
    rva=$(($(cat "$MNT/symbol/nt!KeBugCheckEx") - $(awk -F '\t' '$3 == "ntoskrnl.exe" { print $1 }' \
        "$MNT/modules/list")))
    unmount_dump "$MNT"
    printf '%s\n' "$rva 2 Whole" "$((rva + 0x700)) 2 Decoy" >"$BATS_TEST_TMPDIR/nt.symbols"
    make_pdb ntkrnlmp "$KERNEL" "$BATS_TEST_TMPDIR/nt" "$BATS_TEST_TMPDIR/nt.symbols"
    start "$DUMP" "$MNT" "symbols=$BATS_TEST_TMPDIR/nt"
    local whole
    whole=$(cat "$MNT/symbol/nt!Whole")
    [[ $(cat "$MNT/symbol/$(printf '0x%x' $((whole + 0x810)))") == 'nt!Whole+0x810 ('* ]]
    [[ $(cat "$MNT/symbol/$(printf '0x%x' $((whole + 0x708)))") == 'nt!Decoy+0x8 ('* ]]
}

@test "import slots are found as debuggers write them, and never name code" {
    with_module_symbols
    [ "$(address '_imp_Something')" = $((0x2000)) ]
    [ "$(address '__imp_Something')" = $((0x2000)) ]
    [[ $(at 0x2000) != *imp* ]]
    [[ $(at 0x2008) != *_C@* ]]
}

@test "of several names of an address one is chosen: Nt, functions, the shortest, the first" {
    with_module_symbols
    [ "$(at 0x1040)" = 'tcpip!NtThing' ]
    [ "$(at 0x1080)" = 'tcpip!Shorn' ]
    [ "$(at 0x10c0)" = 'tcpip!FunctionName' ]
}

@test "user.ntdump.source says where a name is known from" {
    requires getfattr
    with_module_symbols
    run -0 getfattr --absolute-names --only-values -n user.ntdump.source "$MNT/symbol/tcpip!A"
    [ "$output" = pdb ]
    run -0 getfattr --absolute-names --only-values -n user.ntdump.source "$MNT/symbol/nt!NtClose"
    [ "$output" = export ]
}

@test "user.ntdump.source of a file says it, too: a thread's start and rip, a service's name and code" {
    requires getfattr
    source_of() { getfattr --absolute-names --only-values -n user.ntdump.source "$MNT/$1"; }
    start "$DUMP" "$MNT" "symbols=$STORE"
    local thread
    thread=$(cd "$MNT" && grep -l '^ntdll!TppWorkerThread ' proc/[0-9]*/threads/*/start | head -n 1)
    [ "$(source_of "$thread")" = pdb ]
    [ "$(source_of proc/5148/threads/440/trapframe/rip)" = export ]
    [ "$(source_of ssdt/7/service)" = "$(<"$MNT/ssdt/7/source")" ]
    [ "$(source_of ssdt/7/disasm)" = export ]
    run ! source_of ssdt/7/rva
    run -0 getfattr --absolute-names --only-values -n user.ntdump.type "$MNT/$thread"
    [ "$output" = Thread ]
    unmount_dump "$MNT"

    start "$DUMP" "$MNT"
    run ! source_of "$thread" # ntdll+0xOFF
    [ "$(source_of proc/5148/threads/440/trapframe/rip)" = export ]
}

@test "an unknown name is no entry" {
    with_module_symbols
    run ! cat "$MNT/symbol/tcpip!NoSuchName"
    run ! cat "$MNT/symbol/tcpip!Trigger"
    run ! cat "$MNT/symbol/tcpip!imp_Something"
}

# --- the compiled cache -------------------------------------------------------------------------

@test "a symbol file is compiled when it is first used, and the listing stays the same" {
    for _ in 1 2 3; do
        start "$DUMP" "$MNT" "symbols=$STORE"
        article | cmp - tests/data/article-listing-symbols.txt
        unmount_dump "$MNT"
        [ "$(compiled)" = 1 ]
    done
    [ "$(stat -c %a "$CACHE")" = 700 ]
    [ "$(stat -c %a "$CACHE"/*)" = 600 ]
}

@test "a kernel PDB without types gives names; the layout is the profile's" {
    printf "%s\n" "0x1000 2 KernelName" >"$BATS_TEST_TMPDIR/nt.symbols"
    make_pdb ntkrnlmp "$KERNEL" "$BATS_TEST_TMPDIR/nt" "$BATS_TEST_TMPDIR/nt.symbols"
    start "$DUMP" "$MNT" "symbols=$BATS_TEST_TMPDIR/nt"
    [[ $(cat "$MNT/target") == *"SymbolSource:"*"profile "*"SymbolNames:"*"/ntkrnlmp.pdb"* ]]
    [[ $(cat "$MNT/symbol/nt!KernelName") == 0xfffff803* ]]
    article | cmp - tests/data/article-listing.txt
}

@test "the kernel's symbol file is read once, then its compiled form" {
    printf '%s\n' '0x1000 2 KernelName' >"$BATS_TEST_TMPDIR/nt.symbols"
    make_pdb ntkrnlmp "$KERNEL" "$BATS_TEST_TMPDIR/nt" "$BATS_TEST_TMPDIR/nt.symbols"
    run -0 said "symbols=$BATS_TEST_TMPDIR/nt"
    [[ $output == *"/ntkrnlmp.pdb: used" ]]
    run -0 said "symbols=$BATS_TEST_TMPDIR/nt"
    [[ $output == *"/ntkrnlmp.pdb: used, compiled before" ]]
    run -0 said "symbols=$BATS_TEST_TMPDIR/nt,nocache"
    [[ $output == *"/ntkrnlmp.pdb: used" ]]
    touch "$BATS_TEST_TMPDIR"/nt/*/*/*.pdb
    run -0 said "symbols=$BATS_TEST_TMPDIR/nt"
    [[ $output == *"/ntkrnlmp.pdb: used" ]]
}

@test "-o nocache writes nothing" {
    start "$DUMP" "$MNT" "symbols=$STORE,nocache"
    article | cmp - tests/data/article-listing-symbols.txt
    [ -z "$(ls -A "$XDG_CACHE_HOME")" ]
}

@test "a damaged cache is not used and no error" {
    local file
    start "$DUMP" "$MNT" "symbols=$STORE"
    article >/dev/null
    unmount_dump "$MNT"
    file=$(find "$CACHE" -type f)
    sed -i s/TppWorkerThread/TppWorkerThreat/ "$file"
    start "$DUMP" "$MNT" "symbols=$STORE"
    article | cmp - tests/data/article-listing-symbols.txt
    unmount_dump "$MNT"
    grep -q TppWorkerThread "$file"
}

@test "a cache that others can write to is not used, and -d says so" {
    make_pdb ntkrnlmp "$KERNEL" "$BATS_TEST_TMPDIR/nt" "$BATS_FILE_TMPDIR/ntdll.symbols"
    said "symbols=$BATS_TEST_TMPDIR/nt"
    [ "$(compiled)" = 1 ]
    chmod 777 "$CACHE"
    run -0 said "symbols=$BATS_TEST_TMPDIR/nt"
    [[ $output == *"/compiled: others may write to it: not used"* ]]
    [[ $output == *"/ntkrnlmp.pdb: used" ]]
}

@test "a cache that cannot be written, or no home at all, is no error and silent" {
    local home
    for home in /proc /dev/null /nonexistent; do
        mkdir -p "$MNT"
        run -0 env -u XDG_CACHE_HOME HOME=$home timeout 20 "$NTDUMPFS" -o "symbols=$STORE" "$DUMP" \
            "$MNT" 3>&- 4>&-
        [ -z "$output" ]
        article | cmp - tests/data/article-listing-symbols.txt
        unmount_dump "$MNT"
    done
    run -0 env -i PATH="$PATH" timeout 20 "$NTDUMPFS" -o "symbols=$STORE" "$DUMP" "$MNT" 3>&- 4>&-
    [ -z "$output" ]
}

@test "a real kernel's PDB: first mount and later ones" {
    [ -n "${NTDUMPFS_PDBS:-}" ] || skip "NTDUMPFS_PDBS names no folder of PDBs"
    local file=$BATS_TEST_TMPDIR/pdb/ntkrnlmp.pdb/BBED7C2955FBE4522AAA23F4B8677AD91/ntkrnlmp.pdb
    [ -f "$NTDUMPFS_PDBS/${file#*/pdb/}.xz" ] || skip "NTDUMPFS_PDBS lacks the kernel of 19041.329"
    mkdir -p "${file%/*}"
    xz -dc "$NTDUMPFS_PDBS/${file#*/pdb/}.xz" >"$file"
    DUMP=$(sample zoo-19041)
    run -0 said "symbols=$BATS_TEST_TMPDIR/pdb"
    if [[ $output != *": used"* ]]; then
        skip "the sample has another kernel"
    fi
    run -0 said "symbols=$BATS_TEST_TMPDIR/pdb"
    [[ $output == *": used, compiled before" ]]
}

# --- what is asked for --------------------------------------------------------------------------

@test "/dump/symbols has each image's PDB once, sorted" {
    start "$DUMP" "$MNT"
    cp "$MNT/dump/symbols" "$BATS_TEST_TMPDIR/symbols"
    grep -qx "ntdll.pdb/${NTDLL}1	ntdll" "$BATS_TEST_TMPDIR/symbols"
    grep -qx "ntkrnlmp.pdb/${KERNEL}1	nt" "$BATS_TEST_TMPDIR/symbols"
    LC_ALL=C sort -c -u -t $'\t' -k 1,1 "$BATS_TEST_TMPDIR/symbols"
    jq -r '.modules[] | "\(.pdb)/\(.guid)1"' "$TRUTH" | sort -u >"$BATS_TEST_TMPDIR/kernel"
    run -0 comm -13 <(cut -f 1 "$BATS_TEST_TMPDIR/symbols" | sort) "$BATS_TEST_TMPDIR/kernel"
    [ -z "$output" ]
}

@test "--symbol-id tells what a symbol file is" {
    run -0 "$NTDUMPFS" --symbol-id "$STORE/ntdll.pdb/${NTDLL}1/ntdll.pdb"
    [ "$output" = "ntdll.pdb $NTDLL 1 pdb" ]
    make_isf "$KERNEL" "$BATS_FILE_TMPDIR/ntdll.symbols" >"$BATS_TEST_TMPDIR/a.json"
    run -0 "$NTDUMPFS" --symbol-id "$BATS_TEST_TMPDIR/a.json"
    [ "$output" = "ntdll.pdb $KERNEL 1 isf" ]
    xz "$BATS_TEST_TMPDIR/a.json"
    run -0 "$NTDUMPFS" --symbol-id "$BATS_TEST_TMPDIR/a.json.xz"
    [ "$output" = "ntdll.pdb $KERNEL 1 isf" ]
    run -1 "$NTDUMPFS" --symbol-id "$DUMP"
    run -1 "$NTDUMPFS" --symbol-id /nonexistent
    [[ $output == 'ntdumpfs: /nonexistent: No such file or directory' ]]
}
@test "a user module's PDB of another image is told with -d when it is asked for, once" {
    local other=$BATS_TEST_TMPDIR/other said=$BATS_TEST_TMPDIR/said pid
    mkdir -p "$other" "$MNT"
    python3 tests/fixtures/pdb.py --guid 00112233445566778899AABBCCDDEEFF --age 3 "$other/ntdll.pdb"
    timeout 30 "$NTDUMPFS" -d -o "symbols=$other" "$DUMP" "$MNT" 2>"$said" 3>&- 4>&- &
    pid=$!
    until_true is_mounted "$MNT"
    run ! grep -q ntdll.pdb "$said" # nobody has asked
    cat "$MNT/listing/processes" "$MNT/listing/syscalls" >"$BATS_TEST_TMPDIR/out"
    unmount_dump "$MNT"
    wait "$pid" || true
    run -0 grep -c '^ntdumpfs: symbols: .*/other/ntdll.pdb: is of another image: GUID 0011.* age 3$' "$said"
    [ "$output" = 1 ]
}
@test "names of user modules resolve both ways, in the process that has them" {
    local pid=5148 address
    start "$DUMP" "$MNT" "symbols=$STORE"
    run -0 cat "$MNT/proc/$pid/symbol/ntdll!NtClose"
    address=$output
    [[ $(cat "$MNT/proc/$pid/code/$address/u") == "ntdll!NtClose:"* ]]
    [ "$(python3 -c 'import json, sys
d = json.load(open(sys.argv[1]))["ntdll"]
print("0x%016x" % d["stubs"]["NtClose"])' "$TRUTH")" = "$address" ]
    run -0 cat "$MNT/proc/$pid/symbol/$address"
    [ "$output" = "ntdll!NtClose ($address)" ]
    run -0 cat "$MNT/proc/$pid/symbol/nt!NtClose"
    [ "$output" = "$(cat "$MNT/symbol/nt!NtClose")" ]
    run -0 getfattr --only-values -n user.ntdump.source "$MNT/proc/$pid/symbol/nt!NtClose"
    run -1 stat "$MNT/symbol/ntdll!NtClose" # the kernel has no such module
    run -1 stat "$MNT/proc/$pid/symbol/ntdll!NoSuch"
}
