# tests/diff.bats - two mounts side by side: the active and the kernel dump of one machine.

load dumps

setup_file() {
    load dumps
    export ACTIVE=$BATS_FILE_TMPDIR/active KERNEL=$BATS_FILE_TMPDIR/kernel
    start_sample article-active "$ACTIVE"
    start_sample article-kernel "$KERNEL"
}
teardown_file() { load dumps; unmount_below "$BATS_FILE_TMPDIR"; }

@test "both mounts are there at once, each with its own dump" {
    run -0 cat "$ACTIVE/dump/type"
    [[ $output == *$'Kind:\tactive'*$'UserPages:\tpresent'* ]]
    run -0 cat "$KERNEL/dump/type"
    [[ $output == *$'Kind:\tkernel'*$'UserPages:\tabsent'* ]]
}

@test "a mount does not differ from itself, nor from a second mount of the same dump" {
    run -0 timeout 50 diff -r "$ACTIVE" "$ACTIVE"
    start_sample article-active "$BATS_TEST_TMPDIR/again"
    run -0 timeout 50 diff -r "$ACTIVE" "$BATS_TEST_TMPDIR/again"
    unmount_dump "$BATS_TEST_TMPDIR/again"
    [ -z "$output" ]
}

@test "diff -r of the two ends, and only files differ: both have the same names" {
    run -1 timeout 50 diff -rq "$ACTIVE" "$KERNEL"
    run ! grep -v '^Files .* differ$' <<<"$output"
}

@test "what lies in kernel memory is the same in both" {
    local name
    for name in vertarget dump/bugcheck modules proc/list proc/5148/eprocess proc/5148/vad; do
        diff -r "$ACTIVE/$name" "$KERNEL/$name"
    done
}

@test "what lies in user memory says in the kernel dump that it is not there" {
    run -0 cat "$KERNEL/proc/5148/cmdline" "$KERNEL/proc/5148/environ"
    [ "$output" = $'<not-in-dump>\n<not-in-dump>' ]
    run -0 cat "$ACTIVE/proc/5148/cmdline"
    [[ $output == *NotMyfault.exe* ]]
}

@test "diff of one listing shows the names that the kernel dump cannot know" {
    run -1 diff "$ACTIVE/proc/5148/listing" "$KERNEL/proc/5148/listing"
    [[ $output == *'< '*'Rip->ntdll!NtDeviceIoControlFile+0xa '* ]]
    [[ $output == *'> '*'Rip->ntdll+0x9356a '* ]]
    [[ $output != *Thread-\>* ]]
}

@test "ending one mount leaves the other alone" {
    unmount_dump "$KERNEL"
    run -0 cat "$ACTIVE/vertarget"
    unmount_dump "$ACTIVE"
}
