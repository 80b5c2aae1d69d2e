# tests/mount_helper.bats - mount(8), fstab and the conventions of mount helpers.
#
# mount(8) looks for helpers in /sbin only. So these tests run in a mount namespace of their own where
# a copy of that folder, with our program in it, lies over it: nothing of it can stay behind.
#
# shellcheck disable=SC2016 # awk, perl and the commands of inner shells expand their own variables

setup_file() {
    load helpers
    # Without these each test says that it cannot run.
    { [ "$(id -u)" = 0 ] && [ -w /dev/fuse ] && unshare -m true 2>/dev/null; } || return 0
    SAMPLE=$(realpath "$(sample_dump)")
    SBIN=$BATS_FILE_TMPDIR/sbin
    cp -a /usr/sbin "$SBIN"
    rm -f "$SBIN/mount.ntdumpfs" "$SBIN/ntdumpfs"
    cp "$NTDUMPFS" "$SBIN/ntdumpfs"
    ln -s ntdumpfs "$SBIN/mount.ntdumpfs"
    export SAMPLE SBIN
}
teardown_file() { rm -rf "$BATS_FILE_TMPDIR/sbin"; }
setup() {
    load helpers
    requires root fuse namespaces
    export MNT=$BATS_TEST_TMPDIR/mnt HELPER=$SBIN/mount.ntdumpfs
    mkdir -p "$MNT"
}
teardown() { unmount_below "$BATS_TEST_TMPDIR"; }

# in_sbin COMMANDS: run them where our helper is installed; what they mount is unmounted.
in_sbin() {
    timeout --kill-after=5 50 unshare -m --propagation private bash -euc "
        mount --bind '$SBIN' /usr/sbin
        [ -L /sbin ] || mount --bind '$SBIN' /sbin
        trap 'umount \"\$MNT\" 2>/dev/null || umount -l \"\$MNT\" 2>/dev/null || true' EXIT
        $1" 3>&- 4>&-
}

in_other_namespace() { # PID
    [ "$(readlink "/proc/$1/ns/mnt")" != "$(readlink /proc/self/ns/mnt)" ]
}

shows_mount() { # a line of /proc/mounts in $output
    [[ $output == *"$SAMPLE $MNT fuse.ntdumpfs ro,nosuid,nodev,"* ]]
}

@test "mount -t ntdumpfs DUMP DIR" {
    run -0 in_sbin 'mount -t ntdumpfs "$SAMPLE" "$MNT"; grep " $MNT " /proc/mounts; head -c 1 "$MNT/README"'
    shows_mount
    run ! is_mounted "$MNT"
}

@test "mount -o with our words and those of fstab" {
    run -0 in_sbin 'mount -t ntdumpfs -o rw,noauto,nofail,user,noexec,x-systemd.automount,_netdev,threads=2,umask=077 "$SAMPLE" "$MNT"
        grep " $MNT " /proc/mounts; stat -c mode=%a "$MNT/README"'
    shows_mount
    [[ $output == *mode=400* ]]
}

@test "mount -t fuse.ntdumpfs DUMP DIR" {
    run -0 in_sbin 'PATH=/usr/sbin:$PATH; mount -t fuse.ntdumpfs "$SAMPLE" "$MNT"; grep " $MNT " /proc/mounts; head -c 1 "$MNT/README"'
    shows_mount
}

@test "lines of fstab, with a blank in the dump's name" {
    cp "$SAMPLE" "$BATS_TEST_TMPDIR/my dump.dmp"
    printf '%s %s ntdumpfs ro,noauto,nofail,cache=1M 0 0\n' \
        "${BATS_TEST_TMPDIR// /\\040}/my\\040dump.dmp" "$MNT" >"$BATS_TEST_TMPDIR/fstab"
    run -0 in_sbin "mount -T '$BATS_TEST_TMPDIR/fstab' \"\$MNT\"; grep \" \$MNT \" /proc/mounts; head -c 1 \"\$MNT/README\""
    [[ $output == *'my\040dump.dmp '* ]]
    printf '%s %s fuse.ntdumpfs noauto 0 0\n' "$SAMPLE" "$MNT" >"$BATS_TEST_TMPDIR/fstab"
    run -0 in_sbin "PATH=/usr/sbin:\$PATH; mount -T '$BATS_TEST_TMPDIR/fstab' \"\$MNT\"; grep \" \$MNT \" /proc/mounts"
    shows_mount
}

@test "mount -f does nothing and is content" {
    run -0 in_sbin 'mount -f -t ntdumpfs "$SAMPLE" "$MNT"; mountpoint -q "$MNT" || echo nothing'
    [ "$output" = nothing ]
    run -0 "$HELPER" /no/such/dump "$MNT" -f -o rw
    [ -z "$output" ]
}

@test "mount hands on our message and our status" {
    run -32 in_sbin 'mount -t ntdumpfs /no/such/dump "$MNT"'
    [ "$output" = 'ntdumpfs: /no/such/dump: No such file or directory' ]
    run -1 in_sbin 'mount -t ntdumpfs -o colour=red "$SAMPLE" "$MNT"'
    [[ $output == "ntdumpfs: unknown option 'colour=red'" ]]
}

@test "mount -s lets unknown words pass" {
    run -0 in_sbin 'mount -s -t ntdumpfs -o colour=red "$SAMPLE" "$MNT"; grep " $MNT " /proc/mounts'
    shows_mount
}

@test "the helper takes all flags of mount(8), in its order" {
    "$HELPER" "$SAMPLE" "$MNT" -s -n -v -o rw,colour=red -t ntdumpfs.sub 3>&- 4>&-
    is_mounted "$MNT"
    [ -s "$MNT/README" ]
    unmount_dump
    run -1 "$HELPER" "$SAMPLE" "$MNT" -x
    run -1 "$HELPER" "$SAMPLE"
}

@test "mount -N mounts in another namespace" {
    unshare -m --propagation private sleep 30 3>&- 4>&- &
    local pid=$!
    until_true in_other_namespace $pid
    "$HELPER" "$SAMPLE" "$MNT" -N "/proc/$pid/ns/mnt" -o rw 3>&- 4>&-
    run ! is_mounted "$MNT"
    run -0 nsenter -m -t $pid cat /proc/mounts
    shows_mount
    nsenter -m -t $pid timeout 10 umount "$MNT"
    kill $pid
}

@test "umount(8) by folder and by dump" {
    run -0 in_sbin 'mount -t ntdumpfs "$SAMPLE" "$MNT"; umount "$SAMPLE"; mountpoint -q "$MNT" || echo gone
        mount -t ntdumpfs "$SAMPLE" "$MNT"; umount "$MNT"; mountpoint -q "$MNT" || echo gone'
    [ "$output" = $'gone\ngone' ]
}
