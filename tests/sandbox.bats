# tests/sandbox.bats - what the daemon gives up after the mount, and that the mount goes nevertheless:
# when it ends, and when it is killed.

setup() {
    load helpers
    requires fuse
}
teardown() { unmount_below "$BATS_TEST_TMPDIR"; }

# of_daemon FIELD: a line of the daemon's /proc/PID/status.
of_daemon() { awk -v field="$1:" '$1 == field { print $2 }' "/proc/$(daemon_pid)/status"; }

# unsanitized: system calls are not filtered under the sanitizers, whose own they would be.
unsanitized() { [ -z "${NTDUMPFS_SANITIZED:-}" ] || skip "no filter under sanitizers"; }

watcher_pid() { pgrep -x -P "$(daemon_pid)" ntdumpfs-watch; }

@test "the daemon has no new privileges, no capabilities and leaves no core" {
    mount_dump
    [ "$(of_daemon NoNewPrivs)" = 1 ]
    [ "$(($((16#$(of_daemon CapEff))) & ~4))" = 0 ] # 4: to read others' symbol files, as root
    [ "$(($((16#$(of_daemon CapPrm))) & ~4))" = 0 ]
    grep -Eq '^Max core file size +0 +0 ' "/proc/$(daemon_pid)/limits"
}

@test "system calls are filtered, in all threads" {
    unsanitized
    mount_dump
    cat "$MNT/README" >/dev/null
    local status
    for status in "/proc/$(daemon_pid)/task"/*/status; do
        grep -Eq '^Seccomp:[[:blank:]]+2$' "$status"
    done
}

@test "strict keeps no capability at all; the same bytes come out" {
    unsanitized
    local sample one
    sample=$(sample_dump)
    mount_dump "$sample" -o sandbox=off
    one=$MNT
    mount_dump "$sample" -o sandbox=strict
    [ "$(of_daemon CapEff)" = 0000000000000000 ]
    timeout 60 diff -r "$one" "$MNT"
}

@test "off leaves the daemon as it was" {
    mount_dump "$(sample_dump)" -o sandbox=off
    [ "$(of_daemon NoNewPrivs)" = 0 ]
    [ "$(of_daemon Seccomp)" = "$(awk '$1 == "Seccomp:" { print $2 }' /proc/self/status)" ]
}

@test "another word is a usage error" {
    run -1 --separate-stderr "$NTDUMPFS" -o sandbox=maybe "$(sample_dump)" "$BATS_TEST_TMPDIR"
    [ "$stderr" = "ntdumpfs: option 'sandbox=': bad value 'maybe'" ]
}

@test "a signal unmounts, in each level, from a relative directory, too" {
    local level pid sample
    sample=$(sample_dump)
    mkdir "$BATS_TEST_TMPDIR/relative"
    cd "$BATS_TEST_TMPDIR"
    for level in on strict off; do
        timeout 60 "$NTDUMPFS" -o "sandbox=$level" "$sample" relative 3>&- 4>&-
        is_mounted "$BATS_TEST_TMPDIR/relative"
        pid=$(pgrep -f "^[^ ]*ntdumpfs[^ ]* .*$level.* relative\$")
        kill -TERM "$pid"
        until_true not lives "$pid"
        run ! is_mounted "$BATS_TEST_TMPDIR/relative"
    done
}

@test "killed, it leaves no dead mount and no process" {
    local watcher
    mount_dump
    ls "$MNT" # the kernel knows the root now
    watcher=$(watcher_pid)
    kill -KILL "$(daemon_pid)"
    until_true not is_mounted "$MNT"
    until_true not lives "$watcher"
}

@test "unmounted by somebody else, the watcher leaves what is mounted there since" {
    requires root
    local first second
    mount_dump
    first=$(daemon_pid)
    umount "$MNT"
    mount -t tmpfs none "$MNT"
    until_true not lives "$first"
    sleep 0.2
    is_mounted "$MNT"
    umount "$MNT"
    # The same when the daemon is killed while another mount lies over its own.
    mount_dump
    second=$(daemon_pid)
    mount -t tmpfs none "$MNT"
    kill -KILL "$second"
    until_true not lives "$second"
    sleep 0.2
    mountpoint -q "$MNT"
    umount "$MNT"
}

@test "the watcher holds no file of the daemon open" {
    local watcher
    mount_dump
    watcher=$(watcher_pid)
    # Nothing but /dev/null and its socket.
    run -0 find "/proc/$watcher/fd" -mindepth 1 -printf '%l\n'
    run ! grep -v -e '^/dev/null$' -e '^socket:' <<<"$output"
}
