# tests/pdb.bats - the engine reads from a PDB what llvm-pdbutil reads: from one that clang and lld make,
# and from a real kernel's, where one is at hand.

setup() {
    load helpers
    local folder
    for folder in /usr/lib/llvm-*/bin; do
        PATH=$PATH:$folder
    done
    requires llvm-pdbutil cc
    SYMDUMP=${BATS_FILE_TMPDIR}/symdump
    # shellcheck disable=SC2046 # words of pkg-config
    [ -x "$SYMDUMP" ] || cc -Iengine ${NTDUMPFS_SANITIZED:+-fsanitize=address,undefined} \
        tests/fixtures/symdump.c "${NTDUMPFS_BUILD:-build/release}/libntdump.a" \
        $(pkg-config --libs yajl liblzma libkdumpfile capstone) -pthread -o "$SYMDUMP"
}

# Types without a name have one that each reader makes up.
named() { grep -vE '<unnamed|<anonymous|__unnamed' | LC_ALL=C sort -u; }

# same_as_llvm PDB LINES: and there are so many things to compare, or more.
same_as_llvm() {
    python3 tests/fixtures/pdbutil.py llvm-pdbutil "$1" | named >"$BATS_TEST_TMPDIR/want"
    "$SYMDUMP" "$1" | named >"$BATS_TEST_TMPDIR/got"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/want")" -ge "$2" ]
    diff "$BATS_TEST_TMPDIR/want" "$BATS_TEST_TMPDIR/got"
}

@test "a PDB that clang and lld make: public symbols, structures, members, bit-fields" {
    requires clang lld-link
    cd "$BATS_TEST_TMPDIR"
    clang --target=x86_64-pc-windows-msvc -g -gcodeview -O1 -c \
        "$BATS_TEST_DIRNAME/fixtures/shapes.c" -o shapes.obj
    lld-link /nologo /debug /pdb:shapes.pdb /entry:entry /subsystem:native /nodefaultlib \
        /out:shapes.exe shapes.obj
    cd "$BATS_TEST_DIRNAME/.."
    same_as_llvm "$BATS_TEST_TMPDIR/shapes.pdb" 35
    grep -qx 'member bits wide 8 0 40' "$BATS_TEST_TMPDIR/got"
    grep -qx 'member shapes bytes 104 0 0' "$BATS_TEST_TMPDIR/got" # of an anonymous union
}

@test "a real kernel's PDB" {
    [ -n "${NTDUMPFS_PDBS:-}" ] || skip "NTDUMPFS_PDBS names no folder of PDBs"
    local file
    for file in "$NTDUMPFS_PDBS"/ntkrnlmp.pdb/*/ntkrnlmp.pdb.xz; do
        xz -dc "$file" >"$BATS_TEST_TMPDIR/kernel.pdb"
        same_as_llvm "$BATS_TEST_TMPDIR/kernel.pdb" 20000
    done
}
