# tests/ntdumpfs_diff.bats - ntdumpfs-diff: what it finds, what it does not call a difference, what it
# leaves behind.

load dumps

setup_file() {
    load dumps
    [ -w /dev/fuse ] || return 0
    export ONE TWO HOOKED
    ONE=$(sample boot1) TWO=$(sample boot2) HOOKED=$(sample boot-hooked)
}
setup() {
    load dumps
    requires fuse
    export TMPDIR=$BATS_TEST_TMPDIR
    PROGRAM=mount-helpers/ntdumpfs-diff
}
teardown() { unmount_below "$BATS_TEST_TMPDIR"; }

# Nothing is left of a run: no mount, no folder.
nothing_left() {
    not grep -q "$BATS_TEST_TMPDIR" /proc/mounts || return 1
    [ -z "$(find "$BATS_TEST_TMPDIR" -maxdepth 1 -name 'ntdumpfs-diff.*')" ]
}

@test "two boots of one machine: nothing differs" {
    run -0 timeout 50 "$PROGRAM" "$ONE" "$TWO"
    [ "$(grep -c ': [1-9][0-9]* compared, none differs$' <<<"$output")" = 12 ]
    run -1 grep '^[-+~]' <<<"$output"
    run -0 timeout 50 "$PROGRAM" "$ONE" "$TWO"
    [ "${lines[-1]}" = "0 added, 0 removed, 0 changed in 0 of 12 sections" ]
    nothing_left
}

@test "what was hooked and hidden is one line each" {
    run -1 timeout 50 "$PROGRAM" "$ONE" "$HOOKED"
    [[ $output == *'~ nt!NtQuerySystemInformation: nt+'*' -> FOREIGN rkhook+'* ]]
    [[ $output == *'~ driver Null IRP_MJ_READ: Null+'*' -> FOREIGN rkhook+'* ]]
    [[ $output == *'~ cpu 1 0x03: nt+'*' -> FOREIGN rkhook+'* ]]
    [[ $output == *$'\n+ rkagent.exe.s0.1: '*' HIDDEN'* ]]
    [[ $output == *$'\n+ image rkhook.sys: '* ]]
    [ "$(grep -c '^[-+~]' <<<"$output")" = 9 ]
    nothing_left
}

@test "the other way round what was added is removed" {
    run -1 timeout 50 "$PROGRAM" "$HOOKED" "$ONE"
    [[ $output == *$'\n- rkagent.exe.s0.1'* ]]
    [[ $output == *' -> nt+'* ]]
    [[ ${lines[-1]} == '0 added, 5 removed, 4 changed in 5 of 12 sections' ]]
}

@test "mounted folders are taken as well, and stay mounted" {
    start "$ONE" "$BATS_TEST_TMPDIR/a"
    start "$TWO" "$BATS_TEST_TMPDIR/b"
    run -0 timeout 50 "$PROGRAM" --brief "$BATS_TEST_TMPDIR/a" "$BATS_TEST_TMPDIR/b" services threads
    [ "${#lines[@]}" = 5 ]
    is_mounted "$BATS_TEST_TMPDIR/a"
    is_mounted "$BATS_TEST_TMPDIR/b"
}

@test "what a kernel dump lacks is not called a difference" {
    run -0 timeout 50 "$PROGRAM" "$(sample article-active)" "$(sample article-kernel)"
    [[ $output == *'? '*'not in dump B'* ]]
    run -1 grep '^[-+~]' <<<"$output"
}

@test "sections: all by default, those that are asked for, none that is not there" {
    run -0 "$PROGRAM" --sections
    [ "${#lines[@]}" = 12 ]
    run -1 timeout 50 "$PROGRAM" --brief "$ONE" "$HOOKED" idt
    [ "${lines[2]}" = "idt: 512 compared, 1 differ" ]
    run -2 --separate-stderr "$PROGRAM" "$ONE" "$TWO" nothing
    [ "$stderr" = "ntdumpfs-diff: nothing: no section (see --sections)" ]
}

@test "colour when asked for, and not in a pipe" {
    run -1 timeout 50 "$PROGRAM" --color=always "$ONE" "$HOOKED" services
    [[ $output == *$'\033[33m~ nt!NtQuerySystemInformation'* ]]
    run -1 timeout 50 "$PROGRAM" "$ONE" "$HOOKED" services
    [[ $output != *$'\033'* ]]
}

@test "trouble is 2 and one line" {
    run -2 --separate-stderr "$PROGRAM" "$ONE"
    [ "${#stderr_lines[@]}" = 1 ]
    run -2 --separate-stderr "$PROGRAM" "$ONE" "$BATS_TEST_TMPDIR/none.dmp"
    [ "${stderr_lines[-1]}" = "ntdumpfs-diff: $BATS_TEST_TMPDIR/none.dmp: no such file" ]
    echo nothing >"$BATS_TEST_TMPDIR/text"
    run -2 --separate-stderr "$PROGRAM" "$ONE" "$BATS_TEST_TMPDIR/text"
    [[ ${stderr_lines[-1]} == "ntdumpfs-diff: $BATS_TEST_TMPDIR/text: could not be mounted" ]]
    mkdir "$BATS_TEST_TMPDIR/empty"
    run -2 --separate-stderr "$PROGRAM" "$ONE" "$BATS_TEST_TMPDIR/empty"
    run -2 --separate-stderr "$PROGRAM" --what "$ONE" "$TWO"
    nothing_left
}

@test "a signal leaves nothing mounted" {
    timeout 50 "$PROGRAM" "$ONE" "$TWO" >/dev/null 2>&1 3>&- &
    until_true grep -q "$BATS_TEST_TMPDIR" /proc/mounts
    pkill -TERM -f "^/bin/bash $PROGRAM $ONE" || pkill -TERM -f "bash $PROGRAM $ONE"
    local status=0
    wait $! || status=$?
    [ "$status" = 143 ]
    nothing_left
}
