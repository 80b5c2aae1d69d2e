# tests/helpers.bash - mounting for the tests of the daemon itself: a mount that cannot outlive its
# test, counters, and the one way to skip.
#
# NTDUMPFS is the program, NTDUMPFS_SAMPLE a dump; without the latter the sample builder makes one.

bats_require_minimum_version 1.5.0
NTDUMPFS=${NTDUMPFS:-$PWD/build/release/ntdumpfs}
export NTDUMPFS
# The tests neither use nor fill the symbol files of whoever runs them.
export XDG_CACHE_HOME=${BATS_FILE_TMPDIR:-${TMPDIR:-/tmp}/ntdumpfs-none}/cache
unset NTDUMPFS_SYMBOLS _NT_SYMBOL_PATH

# requires WORD...: skip, and say so, where this machine lacks something. A word is `root`, `fuse`,
# `namespaces`, `xattr`, or a command.
requires() {
    local word
    for word; do
        case $word in
        root) [ "$(id -u)" = 0 ] || skip "needs root" ;;
        fuse) [ -w /dev/fuse ] || skip "needs /dev/fuse" ;;
        namespaces) unshare -m true 2>/dev/null || skip "needs mount namespaces" ;;
        *) command -v "$word" >/dev/null || skip "needs $word" ;;
        esac
    done
}

# sample_dump: the path of a dump to mount.
sample_dump() {
    if [ -n "${NTDUMPFS_SAMPLE:-}" ]; then
        echo "$NTDUMPFS_SAMPLE"
    else
        load dumps
        sample article-active
    fi
}

# mount_dump [FILE] [OPTION...]: mount below the test's folder; sets and exports MNT. Descriptors 3
# and 4 are bats's own.
mount_dump() {
    local file=${1:-$(sample_dump)}
    shift || true
    MNT=$(mktemp -d "${BATS_TEST_TMPDIR:-$BATS_FILE_TMPDIR}/mnt.XXXXXX")
    export MNT
    timeout 60 "$NTDUMPFS" "$@" "$file" "$MNT" 3>&- 4>&-
    timeout 10 mountpoint -q "$MNT"
}

# unmount_dump [FOLDER]: fails when that was not possible the usual way; then it is forced, so that
# nothing stays mounted whatever a test did.
unmount_dump() {
    local folder=${1:-$MNT}
    timeout 20 fusermount3 -u "$folder" || {
        timeout 10 umount -f "$folder"
        timeout 10 umount -l "$folder"
        return 1
    }
}

# For teardown: unmount what a test left mounted below FOLDER, however it was left.
unmount_below() {
    local folder
    awk -v at="$1/" 'index($2, at) == 1 { print $2 }' /proc/mounts | sort -r |
        while IFS= read -r folder; do
            unmount_dump "$(printf '%b' "$folder")" || true
        done 2>/dev/null
}

# is_mounted FOLDER: asks the kernel's list, which a daemon cannot hang.
is_mounted() {
    awk -v at="$1" '$2 == at { found = 1 } END { exit !found }' /proc/mounts
}

# until_true COMMAND...: repeat it for at most ten seconds.
until_true() {
    local i
    for ((i = 0; i < 200; i++)); do
        "$@" && return 0
        sleep 0.05
    done
    echo "in vain: $*"
    return 1
}

not() { ! "$@"; }

# daemon_pid [FOLDER]: the daemon that serves a folder.
# shellcheck disable=SC2120 # the tests pass one
daemon_pid() {
    pgrep -f -- "^[^ ]*ntdumpfs[^ ]* .* ${1:-$MNT}\$"
}

# lives PID: a zombie, where nobody reaps it, does not.
lives() {
    [ -n "$1" ] && [ -e "/proc/$1/stat" ] && ! grep -q ') Z ' "/proc/$1/stat" 2>/dev/null
}

# The daemon of MNT writes its counters (mounted with -o stats=FILE) to FILE.
write_counters() { # FILE
    : >"$1"
    kill -USR1 "$(daemon_pid "$MNT")"
    until_true grep -q '^cache_bytes ' "$1"
}

counter() { # FILE NAME
    awk -v name="$2" '$1 == name { print $2 }' "$1"
}
