#!/bin/bash
# tests/soak/soak.sh BUILD_FOLDER - broken dumps by the thousand, what `make soak` does.
#
#   N=10000      dumps that are broken and read whole, in process
#   SEED=0       the first one's seed; the same seed breaks a dump the same way
#   MOUNTS=100   of them also mounted, each file read through the kernel and its size compared
#   CYCLES=10000 mounts and unmounts of a good dump; nothing may be left behind
#   JOBS=N       how many at once (default: processors)
#
# The last line is `N passed, N failed`. To see one again: N=1 SEED=n.
set -u
cd "$(dirname "$0")/../.." || exit 1
build=$(realpath "$1")
N=${N:-10000} SEED=${SEED:-0} MOUNTS=${MOUNTS:-100} CYCLES=${CYCLES:-10000} JOBS=${JOBS:-$(nproc)}
place=$(mktemp -d "${TMPDIR:-/tmp}/ntdumpfs-soak-XXXXXX")
mnt=$place/mnt
mkdir "$mnt"
export PYTHONDONTWRITEBYTECODE=1 XDG_CACHE_HOME=$place/cache
unset NTDUMPFS_SYMBOLS _NT_SYMBOL_PATH
export ASAN_OPTIONS=${ASAN_OPTIONS-exitcode=99:detect_leaks=0:allocator_may_return_null=1:log_path=$place/report}
export UBSAN_OPTIONS=${UBSAN_OPTIONS-exitcode=99:print_stacktrace=1:log_path=$place/report}

unmount_it() {
    timeout 20 fusermount3 -u "$mnt" 2>/dev/null || timeout 10 umount -l "$mnt"
}

# shellcheck disable=SC2317,SC2329 # run by the trap
finish() {
    mountpoint -q "$mnt" && unmount_it
    rm -rf "$place"
}
trap finish EXIT

passed=0 failed=0
count() { # STATUS WHAT
    if [ "$1" = 0 ]; then
        passed=$((passed + 1))
        echo "ok: $2"
    else
        failed=$((failed + 1))
        echo "not ok: $2"
    fi
}

# --- the dumps --------------------------------------------------------------------------------

make_one() { # NAME SCENARIO [CONTAINER]
    python3 tests/fixtures/mkdump.py "$2" "$place/$1.dmp" --truth "$place/$1.json" ${3:+--container "$3"} >/dev/null || exit 1
}

make_samples() {
    local kind
    for kind in small zoo-10240 zoo-19041 tampered loops la57 article-csrss; do
        make_one "$kind" "$kind"
    done
    for kind in summary32 summary64 bitmap5 rdmp8 rdmp9 rdmpa triage; do
        make_one "small.$kind" small "$kind"
    done
    make_one full small full
    for kind in raw lime elf kdump; do
        python3 tests/fixtures/physical.py "$kind" "$place/full.dmp" "$place/full.json" "$place/small.$kind.dmp" || exit 1
    done
    rm -f "$place"/*.json
    mv "$place/small.dmp" "$place/0-small.dmp" # the first one
}

# --- what is done with them -------------------------------------------------------------------

# Mount the dump of a seed, read every file, compare sizes.
mount_one() { # SEED
    local status=0
    "$build/soak/soak" --first "$1" --write "$place/one" "$place"/*.dmp >/dev/null || return 1
    timeout 60 "$build/ntdumpfs" "$place/one" "$mnt" >"$place/out" 2>"$place/err" || status=$?
    if [ "$status" = 32 ] && [ "$(wc -l <"$place/err")" = 1 ]; then
        return 0
    elif [ "$status" != 0 ]; then
        echo "seed $1: exit status $status" && cat "$place/err"
        return 1
    fi
    (cd "$mnt" && timeout 120 find . -type f -printf '%s %p\0' |
        timeout 120 python3 -c '
import sys
bad = 0
for row in sys.stdin.buffer.read().split(b"\0")[:-1]:
    size, path = row.split(b" ", 1)
    try:
        with open(path, "rb") as file:
            got = len(file.read())
    except OSError as error:
        if error.errno != 5:  # a dump that was cut
            print(path, error)
            bad += 1
        continue
    if got != int(size):
        print(path, "is", got, "bytes, not", int(size))
        bad += 1
sys.exit(bad > 0)') || { echo "seed $1" && status=1; }
    timeout 10 stat -f "$mnt" >/dev/null || status=1
    unmount_it || status=1
    return "$status"
}

mount_some() {
    local i bad=0
    for ((i = 0; i < MOUNTS; i++)); do
        mount_one $((SEED + i * (N / (MOUNTS + 1) + 1))) || bad=1
    done
    return "$bad"
}

daemons() {
    pgrep -f -- " $mnt\$" | wc -l
}

# Mount and unmount again and again.
cycle() {
    local i
    for ((i = 0; i < CYCLES; i++)); do
        timeout 60 "$build/ntdumpfs" "$place/0-small.dmp" "$mnt" || return 1
        read -r _ <"$mnt/proc/list" || return 1
        timeout 20 fusermount3 -u "$mnt" || return 1
        [ $((i % 1000)) != 999 ] || echo "$((i + 1)) mounts" >&2
    done
    for ((i = 0; i < 200 && $(daemons) > 0; i++)); do sleep 0.05; done
    [ "$(daemons)" = 0 ] && ! mountpoint -q "$mnt"
}

make_samples
"$build/soak/soak" --first "$SEED" --count "$N" --jobs "$JOBS" "$place"/*.dmp
count $? "$N broken dumps from seed $SEED on"
[ "$MOUNTS" = 0 ] || { mount_some && true; count $? "$MOUNTS of them mounted"; }
[ "$CYCLES" = 0 ] || { cycle && true; count $? "$CYCLES mounts and unmounts"; }
for report in "$place"/report.*; do
    [ -e "$report" ] || continue
    head -n 40 "$report"
    count 1 "sanitizer report"
done
echo "$passed passed, $failed failed"
[ "$failed" = 0 ]
