# tests/scale.bats - a machine of 64 GiB and one of 2 TiB: neither time nor memory depends on it.

load dumps

setup() { requires fuse; }
teardown() { unmount_below "$BATS_TEST_TMPDIR"; }

# huge GIB CONTAINER: the path of a dump of the sample machine with so much memory, most of it holes.
huge() {
    local dump=$BATS_TEST_TMPDIR/$1.dmp
    PYTHONPATH=tests/fixtures python3 - "$dump" "$1" "$2" <<'PYTHON'
import sys
import scenarios

path, gib, container = sys.argv[1], int(sys.argv[2]), sys.argv[3]
runs = ((0x1, 0x9E), (0x100, 0x7FDF0), (0x100000, gib * 0x40000 - 0x80000))
dump, truth, kind = scenarios.article(container, "huge", runs=runs)
dump.write(path, kind)
PYTHON
    echo "$dump"
}

# The processes are those of the sample with 4 GiB, read with little memory and in little time.
reads_well() { # GIB CONTAINER KIB
    local dump size before
    truncate -s "$(($1 + 2))G" "$BATS_TEST_TMPDIR/probe" ||
        skip "the filesystem of $BATS_TEST_TMPDIR has no files of $1 GiB"
    rm "$BATS_TEST_TMPDIR/probe"
    dump=$(huge "$1" "$2")
    size=$(stat -c %s "$dump")
    [ "$2" != full ] || [ "$size" -ge $((($1 - 1) << 30)) ]
    before=$SECONDS
    mount_dump "$dump"
    start_sample article-active "$BATS_TEST_TMPDIR/sample"
    grep -q $'^Build:\t10240$' "$MNT/target"
    diff "$MNT/proc/list" "$BATS_TEST_TMPDIR/sample/proc/list"
    diff "$MNT/proc/5148/threads/440/syscall" "$BATS_TEST_TMPDIR/sample/proc/5148/threads/440/syscall"
    timeout 30 cat "$MNT"/dump/runs >/dev/null
    [ $((SECONDS - before)) -le "${NTDUMPFS_SANITIZED:+4}5" ]
    [ -n "${NTDUMPFS_SANITIZED:-}" ] ||
        [ "$(awk '$1 == "VmHWM:" { print $2 }' "/proc/$(daemon_pid "$MNT")/status")" -le "$3" ]
}

@test "complete dump of 64 GiB" { reads_well 64 full 16384; }

@test "active dump of 64 GiB" { reads_well 64 bitmap5 16384; }

@test "complete dump of 2 TiB" { reads_well 2048 full 16384; }

# Its bitmap alone is 64 MiB, nearly all of it a hole in the file.
@test "active dump of 2 TiB" { reads_well 2048 bitmap5 32768; }
