# tests/containers.bats - the same machine in every container: complete dump, flat image, ELF core,
# kdump-compressed. How its kernel is found without a dump header, what is refused, and raw memory.
#
# shellcheck disable=SC2016

setup_file() {
    load dumps
    [ -w /dev/fuse ] || return 0
    export FULL PARTS=$BATS_FILE_TMPDIR
    FULL=$(sample zoo-19041 full)
    for kind in raw lime elf kdump kdump-flat; do
        physical "$kind" "$PARTS/$kind"
    done
    start "$FULL" "$PARTS/mnt-full"
}
teardown_file() {
    load helpers
    unmount_below "$BATS_FILE_TMPDIR"
}
setup() {
    load dumps
    requires fuse
}
teardown() { unmount_below "$BATS_TEST_TMPDIR"; }

physical() { # KIND OUT [CHANGE...]
    local kind=$1 out=$2
    shift 2
    python3 tests/fixtures/physical.py "$kind" "$FULL" "${FULL%.full.dmp}.full.truth.json" "$out" "$@"
}

fact() { # FILE KEY
    awk -F'\t' -v key="$2:" '$1 == key { print $2 }' "$1"
}

# The mounts differ in /dump only, and in how the kernel was found.
same_machine() { # FILE
    local mnt=$BATS_TEST_TMPDIR/mnt
    start "$1" "$mnt"
    timeout 100 diff -r --exclude=dump -I '^KernelFoundBy:' "$PARTS/mnt-full" "$mnt"
}

found_by() { # FILE WORDS
    local mnt=$BATS_TEST_TMPDIR/found
    start "$1" "$mnt"
    fact "$mnt/target" KernelFoundBy
    [[ $(fact "$mnt/target" KernelFoundBy) == "$2"* ]]
    [ -e "$mnt/proc/4/status" ]
    [ "$(fact "$mnt/target" BuildLab)" = "$(fact "$PARTS/mnt-full/target" BuildLab)" ]
}

refused() { # FILE LINE
    mkdir -p "$BATS_TEST_TMPDIR/none"
    run -32 --separate-stderr timeout 30 "$NTDUMPFS" "$1" "$BATS_TEST_TMPDIR/none"
    echo "$stderr"
    [ "${#stderr_lines[@]}" = 1 ]
    [ "$stderr" = "ntdumpfs: $1: $2" ]
}

# --- the same machine -------------------------------------------------------------------------------

@test "a flat image shows the machine of the complete dump" {
    same_machine "$PARTS/raw"
    [ "$(fact "$BATS_TEST_TMPDIR/mnt/dump/type" Kind)" = raw ]
    [ "$(fact "$BATS_TEST_TMPDIR/mnt/dump/type" DumpType)" = - ]
    # Holes of a sparse file are zeros, not pages that the image lacks.
    [ "$(cat "$BATS_TEST_TMPDIR/mnt/dump/runs")" = $'0\t'$(($(stat -c %s "$PARTS/raw") / 4096)) ]
}

@test "a flat image of no whole number of pages: what is left is not there" {
    cp --sparse=always "$PARTS/raw" "$BATS_TEST_TMPDIR/odd"
    truncate -s +100 "$BATS_TEST_TMPDIR/odd"
    same_machine "$BATS_TEST_TMPDIR/odd"
    [ "$(fact "$BATS_TEST_TMPDIR/mnt/dump/type" PagesCut)" = 1 ]
    [ "$(fact "$BATS_TEST_TMPDIR/mnt/dump/type" PagesPresent)" = $(($(stat -c %s "$PARTS/raw") / 4096)) ]
}

@test "a LiME image shows the machine of the complete dump" {
    same_machine "$PARTS/lime"
    [ "$(fact "$BATS_TEST_TMPDIR/mnt/dump/type" Kind)" = raw ]
    [ "$(fact "$BATS_TEST_TMPDIR/mnt/dump/type" Container)" = lime ]
    cmp "$PARTS/mnt-full/dump/runs" "$BATS_TEST_TMPDIR/mnt/dump/runs"
}

@test "an ELF core shows the machine of the complete dump" {
    same_machine "$PARTS/elf"
    [ "$(fact "$BATS_TEST_TMPDIR/mnt/dump/type" Kind)" = elf ]
    cmp "$PARTS/mnt-full/dump/runs" "$BATS_TEST_TMPDIR/mnt/dump/runs"
}

@test "a kdump-compressed dump shows the machine of the complete dump" {
    same_machine "$PARTS/kdump"
    [ "$(fact "$BATS_TEST_TMPDIR/mnt/dump/type" Kind)" = kdump ]
    cmp "$PARTS/mnt-full/dump/runs" "$BATS_TEST_TMPDIR/mnt/dump/runs"
}

# same_as CONTAINER OTHER...: mounts of the sample differ in /dump only.
same_as() {
    local other
    start "$(sample zoo-19041 "$1")" "$BATS_TEST_TMPDIR/mnt"
    for other in "${@:2}"; do
        start "$(sample zoo-19041 "$other")" "$BATS_TEST_TMPDIR/other"
        timeout 60 diff -r --exclude=dump "$BATS_TEST_TMPDIR/mnt" "$BATS_TEST_TMPDIR/other"
        unmount_dump "$BATS_TEST_TMPDIR/other"
    done
}

@test "active and live dumps with user memory, bitmap or RDMP, show the same machine" {
    same_as bitmap5 rdmp9 rdmpa
    # The complete dump has two pages more: what is different is not in this one.
    timeout 60 diff -r --exclude=dump --exclude=mem "$PARTS/mnt-full" "$BATS_TEST_TMPDIR/mnt" \
        >"$BATS_TEST_TMPDIR/diff" || [ $? = 1 ]
    [ -s "$BATS_TEST_TMPDIR/diff" ]
    run -0 grep -c '^>' "$BATS_TEST_TMPDIR/diff"
    run -1 bash -c 'grep "^>" "$0" | grep -v "<not-in-dump>"' "$BATS_TEST_TMPDIR/diff"
    run -1 bash -c 'grep "^Only in" "$0"' "$BATS_TEST_TMPDIR/diff"
}

@test "kernel dumps, bitmap, RDMP and summary, show the same machine but for user memory" {
    local kind
    same_as bitmap6 rdmp8 summary32 summary64
    # /norm and /table say the same again.
    timeout 60 diff -r --exclude={dump,mem,norm,table,graph} "$PARTS/mnt-full" "$BATS_TEST_TMPDIR/mnt" \
        >"$BATS_TEST_TMPDIR/diff" || [ $? = 1 ]
    [ -s "$BATS_TEST_TMPDIR/diff" ]
    # But for names and paths that user memory has, user stacks, and counts of its pages, what is
    # different is not in the dump.
    run -0 awk '/^diff / { n = split($NF, part, "/"); name = part[n] }
        /^Only/ || (/^>/ && !/<not-in-dump>/ && !(name in known)) { print name ": " $0 }
        BEGIN { n = split("source status rip syscall modules environ coverage cmdline threadlist " \
            "listing win32u ntdll list vad start syscalls processes", names, " ")
            for (i in names) known[names[i]] }' "$BATS_TEST_TMPDIR/diff"
    [ -z "$output" ]
}

# --- finding the kernel -----------------------------------------------------------------------------

@test "the kernel is found by QEMU's notes" {
    found_by "$PARTS/elf" "QEMU's note"
}

@test "the kernel is found by page tables that map themselves" {
    physical elf "$BATS_TEST_TMPDIR/elf" no-notes
    found_by "$BATS_TEST_TMPDIR/elf" "page tables that map themselves"
}

@test "the kernel is found by the start-up code below 1 MiB" {
    physical raw "$BATS_TEST_TMPDIR/raw" start-block no-self-map
    found_by "$BATS_TEST_TMPDIR/raw" "start-up code"
}

@test "the kernel is found by page tables that map the shared data" {
    physical raw "$BATS_TEST_TMPDIR/raw" no-self-map
    found_by "$BATS_TEST_TMPDIR/raw" "page tables that map the shared data"
}

@test "a dump header in a note of the guest is used" {
    physical elf "$BATS_TEST_TMPDIR/elf" no-notes note-header
    found_by "$BATS_TEST_TMPDIR/elf" KDBG
    cmp "$PARTS/mnt-full/dump/header" "$BATS_TEST_TMPDIR/found/dump/header"
}

@test "the debugger block that a running kernel keeps encoded is decoded" {
    physical elf "$BATS_TEST_TMPDIR/elf" encoded
    found_by "$BATS_TEST_TMPDIR/elf" "QEMU's note"
    [ "$(fact "$BATS_TEST_TMPDIR/found/target" DebuggerDataBlock)" = decoded ]
}

@test "a kernel that is not known exactly is understood through its debugger block" {
    FULL=$(sample la57 full)
    physical raw "$BATS_TEST_TMPDIR/la57" no-self-map
    start "$BATS_TEST_TMPDIR/la57" "$BATS_TEST_TMPDIR/la57.mnt"
    [ -e "$BATS_TEST_TMPDIR/la57.mnt/proc/4/status" ]
    FULL=$(sample article-active full)
    physical raw "$BATS_TEST_TMPDIR/article"
    start "$BATS_TEST_TMPDIR/article" "$BATS_TEST_TMPDIR/article.mnt"
    grep -q 'SymbolSource:.*nearest' "$BATS_TEST_TMPDIR/article.mnt/target"
    [ -e "$BATS_TEST_TMPDIR/article.mnt/proc/4/status" ]
}

@test "the bug check is known without a header, from the kernel's own memory" {
    local kind
    for kind in raw elf; do
        start "$PARTS/$kind" "$BATS_TEST_TMPDIR/$kind.mnt"
        diff <(head -n 5 "$PARTS/mnt-full/dump/bugcheck") "$BATS_TEST_TMPDIR/$kind.mnt/dump/bugcheck"
    done
    [ "$(grep -c . "$PARTS/mnt-full/dump/bugcheck")" -gt 5 ]
}

# --- refusals ---------------------------------------------------------------------------------------

@test "a flattened kdump file is refused and says what to do" {
    refused "$PARTS/kdump-flat" \
        "a flattened kdump-compressed dump; assemble it first: makedumpfile -R NEW < DUMP"
}

@test "the memory of a Linux kernel is refused by name" {
    physical elf "$BATS_TEST_TMPDIR/linux" no-notes linux
    refused "$BATS_TEST_TMPDIR/linux" \
        "memory of a Linux kernel (release 6.1.0-18-amd64), not of Windows"
}

@test "memory of something else is refused with what it is" {
    local file=$BATS_TEST_TMPDIR/memory
    # of TEXT WHAT: 8 MiB of memory with the text somewhere.
    of() {
        head -c 2M /dev/urandom | tr -d 'LRSE' | head -c 1M >"$file"
        truncate -s 8M "$file"
        # shellcheck disable=SC2059 # the text has escapes
        printf "$1" | dd of="$file" bs=1 seek=5000000 conv=notrunc status=none
        refused "$file" "no Windows kernel found in 8 MiB of memory$2"
    }
    of 'Linux version 6.1.0-18-amd64 (debian-kernel@lists.debian.org)' ': Linux version 6.1.0-18-amd64 is in it'
    of 'this is about Linux version one' ''
    of 'RSDS0123456789abcdef\1\0\0\0ntkrpamp.pdb\0' ': a 32-bit Windows kernel (ntkrpamp.pdb) is in it, which is not supported'
    of 'RSDS0123456789abcdef\1\0\0\0ntkrnlmp.pdb\0' ": a kernel's image (ntkrnlmp.pdb) is in it, but no page tables that map it"
    of 'SeaBIOS (version 1.16.2-debian)' ': only firmware (SeaBIOS) is in it'
    of 'RSDS' ''
}

@test "random data is refused, and nothing but holes" {
    head -c 4M /dev/urandom >"$BATS_TEST_TMPDIR/random"
    refused "$BATS_TEST_TMPDIR/random" "no Windows kernel found in 4 MiB of memory"
    truncate -s 16G "$BATS_TEST_TMPDIR/holes"
    refused "$BATS_TEST_TMPDIR/holes" "no Windows kernel found in 16384 MiB of memory: nothing but zeros is in it"
}

# One that libkdumpfile does not live through.
@test "an ELF core whose section headers lie nowhere is refused with one line" {
    cp --sparse=always "$PARTS/elf" "$BATS_TEST_TMPDIR/elf"
    printf '\377\377\377\377\377\377\377\377' | dd of="$BATS_TEST_TMPDIR/elf" bs=1 seek=43 conv=notrunc status=none
    refused "$BATS_TEST_TMPDIR/elf" "libkdumpfile cannot live with its damaged header"
}

# A library that is asked for page after page that cannot be unpacked.
@test "a kdump file with many damaged pages: the rest is shown, the daemon lives" {
    python3 - "$PARTS/kdump" "$BATS_TEST_TMPDIR/damaged" <<'END'
import sys
data = bytearray(open(sys.argv[1], "rb").read())
for at in range(len(data) // 5, len(data), 20000):
    data[at] ^= 0xFF
open(sys.argv[2], "wb").write(data)
END
    start "$BATS_TEST_TMPDIR/damaged" "$BATS_TEST_TMPDIR/mnt"
    timeout 60 find "$BATS_TEST_TMPDIR/mnt" -type f -exec cat {} + >"$BATS_TEST_TMPDIR/all" 2>/dev/null || [ $? = 1 ]
    timeout 60 dd if="$BATS_TEST_TMPDIR/mnt/mem/physical" bs=1M count=512 of=/dev/null status=none
    timeout 10 stat -f "$BATS_TEST_TMPDIR/mnt"
    grep -q 'not-in-dump' "$BATS_TEST_TMPDIR/all"
    grep -q . "$BATS_TEST_TMPDIR/mnt/proc/list"
}

@test "a cut ELF core mounts; what is cut is not in the dump" {
    cp --sparse=always "$PARTS/elf" "$BATS_TEST_TMPDIR/cut"
    truncate -s 1G "$BATS_TEST_TMPDIR/cut"
    start "$BATS_TEST_TMPDIR/cut" "$BATS_TEST_TMPDIR/mnt"
    [ "$(fact "$BATS_TEST_TMPDIR/mnt/dump/type" PagesCut)" -gt 0 ]
    timeout 100 cat "$BATS_TEST_TMPDIR/mnt/dump/missing" >/dev/null
}

# --- raw memory -------------------------------------------------------------------------------------

@test "physical memory reads as the image, holes where the dump has none" {
    run -0 timeout 60 python3 - "$PARTS/raw" "$PARTS/mnt-full/mem/physical" <<'PY'
import os, sys
image, mem = (os.open(p, os.O_RDONLY) for p in sys.argv[1:])
assert os.fstat(image).st_size == os.fstat(mem).st_size
at = count = 0
while True:
    try:
        at = os.lseek(image, at, os.SEEK_DATA)
    except OSError:
        break
    end = os.lseek(image, at, os.SEEK_HOLE)
    while at < end:
        piece = os.pread(image, min(end - at, 1 << 20), at)
        assert piece == os.pread(mem, len(piece), at), hex(at)
        at += len(piece)
        count += 1
assert count > 10
at, runs = 0, []
while True:
    try:
        at = os.lseek(mem, at, os.SEEK_DATA)
    except OSError:
        break
    end = os.lseek(mem, at, os.SEEK_HOLE)
    runs.append("%d\t%d\n" % (at // 4096, (end - at) // 4096))
    at = end
assert "".join(runs) == open(os.path.dirname(sys.argv[2]) + "/../dump/runs").read()
PY
}

@test "virtual memory reads by address, and its holes are soon passed" {
    local base offset
    base=$(cat "$PARTS/mnt-full/modules/nt/base")
    offset=$((base & 0xffffffffffff))
    [ "$(stat -c %s "$PARTS/mnt-full/mem/kernel")" = $((1 << 48)) ]
    [ "$(timeout 10 dd if="$PARTS/mnt-full/mem/kernel" bs=4096 skip=$((offset / 4096)) count=1 status=none |
        head -c 2)" = MZ ]
    run -0 timeout 60 python3 - "$PARTS/mnt-full/mem/4" "$offset" <<'PY'
import os, sys
mem, base = os.open(sys.argv[1], os.O_RDONLY), int(sys.argv[2])
at, found = 0, False
while True:
    try:
        at = os.lseek(mem, at, os.SEEK_DATA)
    except OSError:
        break
    end = os.lseek(mem, at, os.SEEK_HOLE)
    found |= at <= base < end
    at = end
assert found
PY
}

@test "a process's memory has its pages in every state that memory has them" {
    run -0 timeout 60 python3 - "${FULL%.dmp}.truth.json" "$PARTS/mnt-full/mem" <<'PY'
import json, os, sys
truth, seen = json.load(open(sys.argv[1])), {}
for p in truth["processes"]:
    samples = p.get("pte_samples") or []
    if not samples:
        continue
    mem = os.open(f'{sys.argv[2]}/{p["pid"]}', os.O_RDONLY)
    for s in samples:
        va, state = s["va"], s["state"]
        got = os.pread(mem, 16, va)
        try:
            data = os.lseek(mem, va, os.SEEK_DATA)
        except OSError:
            data = None
        if s["first16"]:
            assert got == bytes.fromhex(s["first16"]), (hex(va), state, got)
            assert data == va, (hex(va), state, data)
            assert os.lseek(mem, va, os.SEEK_HOLE) >= va + 4096, (hex(va), state)
        elif s["pfn"] is None:
            assert got == bytes(16), (hex(va), state, got)
            assert data != va, (hex(va), state)
        seen[state] = seen.get(state, 0) + 1
print(seen)
assert any(k.startswith("vad-prototype:valid") for k in seen), seen
assert "transition" in seen and "prototype:transition" in seen, seen
PY
    echo "$output"
}

@test "raw memory is hidden, listed or absent as -o raw says" {
    run ! grep -qx mem <(ls "$PARTS/mnt-full")
    [ -d "$PARTS/mnt-full/mem" ]
    start "$FULL" "$BATS_TEST_TMPDIR/list" raw=list
    [ -e "$BATS_TEST_TMPDIR/list/mem/kernel" ]
    grep -qx mem <(ls "$BATS_TEST_TMPDIR/list")
    grep -qx physical <(ls "$BATS_TEST_TMPDIR/list/mem")
    start "$FULL" "$BATS_TEST_TMPDIR/off" raw=off
    [ ! -e "$BATS_TEST_TMPDIR/off/mem" ]
    [ ! -e "$BATS_TEST_TMPDIR/off/mem/physical" ]
}
