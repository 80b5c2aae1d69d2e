# tests/stack.bats - call stacks. The frames are compared with those that the builder laid out by
# truth.bats and corpus.bats.

load dumps

setup_file() {
    load dumps
    export MNT=$BATS_FILE_TMPDIR/mnt
    start_sample article-active "$MNT"
    sample zoo-19041 >/dev/null
}
teardown_file() { load dumps; unmount_below "$BATS_FILE_TMPDIR"; }
teardown() { unmount_below "$BATS_TEST_TMPDIR"; }

va='0x[0-9a-f]{16}'
reason='(<[a-z-]+>|-)'

# damaged NAME: mount that variant of a sample at $BATS_TEST_TMPDIR/mnt.
damaged() {
    PYTHONDONTWRITEBYTECODE=1 python3 tests/fixtures/damage.py "$(sample zoo-19041)" "$BATS_TEST_TMPDIR" "$1"
    start "$BATS_TEST_TMPDIR/$1.dmp" "$BATS_TEST_TMPDIR/mnt"
}

@test "every stack is a table of frames, or says why there is none" {
    run ! grep -rvE "^([0-9]+"$'\t'"($va|<[a-z-]+>)"$'\t'"($va|$reason)"$'\t'"[^"$'\t'"]+"$'\t'"(context|saved|unwind|leaf|trap-frame|wow64)|$reason)\$" \
        "$MNT"/proc/*/threads/*/stack "$MNT/dump/stack"
    [ "$(cat "$MNT"/proc/*/threads/*/stack | wc -l)" -gt 500 ]
}

@test "the return address of a frame is the next one's place" {
    awk -F'\t' '
        FNR > 1 && ret ~ /^0x0*[1-9a-f]/ { split($4, at, "+"); n++; if ($1 != index_ + 1) exit 1 }
        { index_ = $1; ret = $3 }
        END { exit n < 500 }' "$MNT"/proc/*/threads/*/stack
}

@test "the stack of the crash goes through the trap into the driver and on to user mode" {
    run -0 cat "$MNT/dump/stack"
    [[ ${lines[0]} == 0$'\t'*$'\tnt!KeBugCheckEx\tcontext' ]]
    [[ $output == *$'\tmyfault+0x1981\ttrap-frame\n'*$'\tnt!IofCallDriver+0x59\tunwind\n'* ]]
    [[ $output == *$'\tntdll!NtDeviceIoControlFile+0xa\ttrap-frame\n'*$'\tKERNELBASE!DeviceIoControl+0xf0\tleaf\n'* ]]
    [[ ${lines[-1]} == *$'\t0x0000000000000000\tntdll!RtlUserThreadStart+0x48\tunwind' ]]
    cmp "$MNT/dump/stack" "$MNT/proc/5148/threads/440/stack"
}

@test "without pages of user mode the stack ends there, and says so" {
    start_sample article-kernel "$BATS_TEST_TMPDIR/mnt"
    run -0 cat "$BATS_TEST_TMPDIR/mnt/proc/5148/threads/440/stack"
    [[ ${lines[-1]} == *$'\t<not-in-dump>\tntdll+0x9356a\ttrap-frame' ]]
    grep -P '^proc/5148/threads/440/stack\t.*\t<not-in-dump>$' "$BATS_TEST_TMPDIR/mnt/dump/missing"
}

@test "a thread that has ended has no stack; one that was never switched away neither" {
    start_sample zoo-19041 "$BATS_TEST_TMPDIR/mnt"
    local status
    for status in $(grep -l $'^State:\t4 Terminated' "$BATS_TEST_TMPDIR"/mnt/proc/*/threads/*/status); do
        [ "$(cat "${status%/status}/stack")" = - ]
    done
    [ -n "$status" ]
}

@test "unwind data that is broken ends the kernel's part; the user's is found by the trap frame" {
    local name
    for name in stack-info-version stack-info-codes stack-info-frame stack-info-operation stack-info-chained; do
        damaged "$name"
        run -0 cat "$BATS_TEST_TMPDIR/mnt/proc/120/threads/128/stack"
        [[ ${lines[0]} == 0$'\t'*$'\t<invalid>\t'*$'\tsaved' ]]
        [[ ${lines[1]} == 1$'\t'*$'\ttrap-frame' ]]
        [[ ${lines[-1]} == *$'\t0x0000000000000000\t'* ]]
        unmount_dump "$BATS_TEST_TMPDIR/mnt"
    done
}

@test "stacks that lead back to themselves end" {
    local name
    for name in stack-trap-loop stack-all-frames stack-segments-ring stack-pdata-itself; do
        damaged "$name"
        [ "$(timeout 20 cat "$BATS_TEST_TMPDIR"/mnt/proc/*/threads/*/stack | wc -l)" -lt 5000 ]
        unmount_dump "$BATS_TEST_TMPDIR/mnt"
    done
}

# --- others' words about the same ---------------------------------------------------------------

compiled() { # OPTIMISATION
    requires clang lld-link
    clang --target=x86_64-pc-windows-msvc "-$1" -fasynchronous-unwind-tables -mno-stack-arg-probe \
        -ffreestanding -c tests/fixtures/frames.c -o "$BATS_TEST_TMPDIR/frames.obj"
    lld-link /nologo /dll /noentry /nodefaultlib "/out:$BATS_TEST_TMPDIR/frames.dll" "$BATS_TEST_TMPDIR/frames.obj"
}

oracle() { "${NTDUMPFS_BUILD:-${NTDUMPFS%/*}}/oracle/unwind" "$@"; }

@test "unwind data of a compiler is decoded as llvm-readobj decodes it" {
    requires llvm-readobj
    local level
    for level in O0 O2; do
        compiled "$level"
        llvm-readobj --unwind "$BATS_TEST_TMPDIR/frames.dll" | awk '
            /StartAddress/ { begin = $2 }
            /EndAddress/ { end = $2; gsub(/[()]/, "", begin); gsub(/[()]/, "", end); print begin, end }
            /Version:|PrologSize:|^ *0x[0-9A-F][0-9A-F]: / { sub(/^ */, ""); print }' >"$BATS_TEST_TMPDIR/want"
        oracle decode "$BATS_TEST_TMPDIR/frames.dll" >"$BATS_TEST_TMPDIR/got"
        diff "$BATS_TEST_TMPDIR/want" "$BATS_TEST_TMPDIR/got"
        grep -q 'PUSH_MACHFRAME errcode=yes' "$BATS_TEST_TMPDIR/got"
    done
}

@test "from every instruction of compiled functions the caller is found, with all of its registers" {
    [ "$(uname -m)" = x86_64 ] || skip "the functions are run here"
    [ -z "${NTDUMPFS_SANITIZED:-}" ] || skip "instructions are counted one by one"
    local level
    for level in O0 O1 O2 Os; do
        compiled "$level"
        run -0 timeout 50 "${NTDUMPFS_BUILD:-${NTDUMPFS%/*}}/oracle/unwind" steps "$BATS_TEST_TMPDIR/frames.dll"
        echo "$output"
        [[ ${lines[0]} =~ ^([0-9]+)' instructions, 0 wrong; '([0-9]+)' steps by data, '([0-9]+)' leaf' ]]
        [ "${BASH_REMATCH[1]}" -gt 500 ]
        [ "${BASH_REMATCH[3]}" -gt 0 ]
    done
}

# bats test_tags=corpus
@test "a small dump that Windows wrote: return addresses are words of its stack" {
    requires_corpus
    local mnt=$BATS_TEST_TMPDIR/mnt address
    start "$(corpus real-triage-19041).dmp" "$mnt"
    run -0 cat "$mnt/dump/stack"
    [[ ${lines[0]} == $'0\t0xffff850429892120\t'*$'\tamdppm+0x334c\tcontext' ]]
    for address in $(cut -f 3 "$mnt/dump/stack" | grep ^0x); do
        cut -f 2 "$mnt/dump/stack_words" | grep -x "$address"
    done
    # The headers of that driver are cut off in the dump: nothing can be said of its caller.
    [[ ${lines[-1]} == *$'\t<not-in-dump>\t'* ]]
}
