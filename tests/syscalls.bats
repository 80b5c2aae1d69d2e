# tests/syscalls.bats - which system call a thread is in: the listing that an article printed from
# its machine's dump, the facts of one call, and threads that are in none.

load dumps

setup_file() {
    load dumps
    export MNT=$BATS_FILE_TMPDIR/mnt
    start_sample article-active "$MNT"
}
teardown_file() { load dumps; unmount_below "$BATS_FILE_TMPDIR"; }
teardown() { unmount_below "$BATS_TEST_TMPDIR"; }

fact() { awk -F ':\t' -v key="$2" '$1 == key { print $2 }' "$1"; }

# bats test_tags=listing
@test "proc/<pid>/syscalls of NotMyfault.exe is the article's, byte for byte" {
    cmp "$MNT/proc/0x141c/syscalls" tests/data/article-syscalls.txt
}

# bats test_tags=listing
@test "it stands in /listing/syscalls between blank lines" {
    awk -v RS= '/^NotMyfault.exe\(/' "$MNT/listing/syscalls" | cmp - tests/data/article-syscalls.txt
}

# bats test_tags=listing
@test "the article's kernel dump, which has no user pages, gives the same block" {
    local mnt=$BATS_TEST_TMPDIR/mnt
    start_sample article-kernel "$mnt"
    cmp "$mnt/proc/0x141c/syscalls" tests/data/article-syscalls.txt
    run -0 grep -h '^InCall' "$mnt"/proc/0x141c/threads/*/syscall
    unmount_dump "$mnt"
    [ "${lines[0]}" = $'InCall:\tyes (the code before Rip cannot be read)' ]
}

# bats test_tags=listing,corpus
@test "the corpus's dump of the article's machine gives the same block" {
    requires_corpus
    local mnt=$BATS_TEST_TMPDIR/mnt name
    for name in article-notmyfault.active article-notmyfault.kernel; do
        start "$(corpus $name).dmp" "$mnt"
        cmp "$mnt/proc/0x141c/syscalls" tests/data/article-syscalls.txt
        awk -v RS= '/^NotMyfault.exe\(/' "$mnt/listing/syscalls" | cmp - tests/data/article-syscalls.txt
        cat "$mnt"/proc/0x141c/threads/*/syscall >"$BATS_TEST_TMPDIR/facts"
        grep -qxF $'Object:\tFile \\Device\\Myfault -> ../../handles/01c0' "$BATS_TEST_TMPDIR/facts"
        unmount_dump "$mnt"
    done
}

@test "syscall tells number, service, arguments, and how that is known" {
    local thread
    thread=$(grep -l 0xffffe00075ea5840 "$MNT"/proc/0x141c/threads/*/ethread)
    run -0 cat "${thread%ethread}syscall"
    [ "${lines[0]}" = $'Number:\t7' ]
    [ "${lines[1]}" = $'Service:\tnt!NtDeviceIoControlFile' ]
    [ "${lines[2]}" = $'StackArgs:\t6' ]
    [ "${lines[3]}" = $'FirstArgument:\t0x1c0' ]
    [[ ${lines[4]} == $'Object:\t'*' -> ../../handles/01c0' ]]
    [[ ${lines[5]} == $'Argument5:\t0x'* ]]
    [[ $output == *$'InCall:\tyes (the stub before Rip loads this number)'* ]]
}

@test "the columns of threadlist say the same as syscall" {
    local pid tid number service arg at count=0
    for pid in 4 $((0x141c)); do
        while IFS=$'\t' read -r tid number service arg; do
            at=$MNT/proc/$pid/threads/$tid/syscall
            [ "$number" = "$(fact "$at" Number)" ]
            [ "$service" = "$(fact "$at" Service)" ]
            [ "$arg" = "$(fact "$at" FirstArgument)" ]
            count=$((count + 1))
        done < <(cut -f 1,5-7 "$MNT/proc/$pid/threadlist")
    done
    [ $count -ge 10 ]
}

@test "threads of the system process are in no call" {
    run -0 cut -f 5-7 "$MNT/proc/4/threadlist"
    run ! grep -qvx $'-\t-\t-' <<<"$output"
    run ! grep -q 'System Call Number' "$MNT/proc/4/syscalls"
}

@test "threads that were interrupted, have ended, or came from the kernel itself are in no call" {
    local mnt=$BATS_TEST_TMPDIR/mnt verdict
    start_sample zoo-19041 "$mnt"
    cat "$mnt"/proc/*/threads/*/syscall >"$BATS_TEST_TMPDIR/facts"
    for verdict in 'no (exception in user mode)' 'no (ended)' 'no (no trap frame)' \
        "no (a call of the kernel's own code)" 'unknown (what decides cannot be read)'; do
        echo "$verdict"
        grep -qxF $'InCall:\t'"$verdict" "$BATS_TEST_TMPDIR/facts"
    done
    unmount_dump "$mnt"
}

@test "a number that the stub before Rip does not load is not believed" {
    local mnt=$BATS_TEST_TMPDIR/mnt
    python3 tests/fixtures/damage.py "$(sample article-active)" "$BATS_TEST_TMPDIR" system-call-huge
    start "$BATS_TEST_TMPDIR/system-call-huge.dmp" "$mnt"
    cat "$mnt"/proc/*/threads/*/syscall >"$BATS_TEST_TMPDIR/facts"
    unmount_dump "$mnt"
    run -0 grep -xF -A1 $'InCall:\tyes, but the number that the thread keeps is another call\'s' "$BATS_TEST_TMPDIR/facts"
    [[ ${lines[1]} == $'StubNumber:\t'[0-9]* ]]
    grep -qxF $'Number:\t<invalid>' "$BATS_TEST_TMPDIR/facts"
}

@test "a thread that waits for an object shows it in wait, with its kind" {
    cat "$MNT"/proc/*/threads/*/wait >"$BATS_TEST_TMPDIR/wait"
    [ -s "$BATS_TEST_TMPDIR/wait" ]
    run ! grep -vE $'^0x[0-9a-f]{16}\t[A-Z][A-Za-z0-9]+\t[^\t]+$' "$BATS_TEST_TMPDIR/wait"
}

# What is broken about one thread is a line of /dump/warnings, and everything stays readable.
warning_of() { # VARIANT
    local mnt=$BATS_TEST_TMPDIR/mnt
    python3 tests/fixtures/damage.py "$(sample article-active)" "$BATS_TEST_TMPDIR" "$1"
    start "$BATS_TEST_TMPDIR/$1.dmp" "$mnt"
    timeout 10 cat "$mnt"/proc/*/threads/*/{wait,irps} >"$BATS_TEST_TMPDIR/out"
    cat "$mnt/dump/warnings"
    unmount_dump "$mnt"
}

# bats test_tags=hostile
@test "wait blocks that are not the thread's, or too many, are told once" {
    local variant
    for variant in wait-count wait-user wait-other wait-itself; do
        warning_of $variant >"$BATS_TEST_TMPDIR/warnings"
        cat "$BATS_TEST_TMPDIR/warnings"
        [ "$(grep -c "wait block is not its thread's" "$BATS_TEST_TMPDIR/warnings")" = 1 ]
    done
}

# bats test_tags=hostile
@test "a list of requests that does not come back ends, and is told" {
    local variant
    for variant in irp-loop irp-unmapped irp-user; do
        warning_of $variant | grep '^ETHREAD.IrpList'
    done
}
