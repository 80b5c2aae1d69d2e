#!/bin/bash
# tests/bench/peers.sh NTDUMPFS DUMP - the same questions to ntdumpfs, Volatility 3 and MemProcFS:
# seconds from the command to the answer on stdout. A program that is not installed is not measured.
#
#   SYMBOLS=DIR   symbol files, for ntdumpfs and Volatility (which needs them: neither asks the network)
#   RUNS=N        best of (3)
set -eu

if [ $# != 2 ]; then
    sed -n '2,6s/^# \{0,1\}//p' "$0" >&2
    exit 2
fi
daemon=$(realpath "$1") dump=$(realpath "$2")
symbols=${SYMBOLS:+$(realpath "$SYMBOLS")}
place=$(mktemp -d "${TMPDIR:-/tmp}/ntdumpfs-peers.XXXXXX")
mnt=$place/mnt
mkdir "$mnt"

unmount() {
    fusermount3 -u -q "$mnt" || fusermount3 -u -q -z "$mnt" || true
}
trap 'mountpoint -q "$mnt" && unmount; rm -rf "$place"' EXIT

best() { # COMMAND...: seconds, or `failed`
    local i from to
    for ((i = 0; i < ${RUNS:-3}; i++)); do
        from=$EPOCHREALTIME
        "$@" >/dev/null 2>&1 || {
            echo failed
            return
        }
        to=$EPOCHREALTIME
        echo $(((${to/./} - ${from/./}) / 1000))
    done | sort -n | awk 'NR == 1 { print /failed/ ? $0 : sprintf("%.3f s", $1 / 1000) }'
}

ours() { # FILES: below the mount, a pattern
    local status=0
    timeout 60 "$daemon" ${symbols:+-o "symbols=$symbols"} "$dump" "$mnt" || return 1
    # shellcheck disable=SC2086 # a pattern
    (cd "$mnt" && timeout 600 cat $1) || status=1
    unmount
    return $status
}

volatility() { # PLUGIN
    timeout 3600 vol -q --offline ${symbols:+-s "$symbols"} -f "$dump" "$1"
}

# Mounts, reads, and ends the process that was started here.
memprocfs_reads() { # FILES
    local pid status=0 i
    memprocfs -device "$dump" -mount "$mnt" &
    pid=$!
    for ((i = 0; i < 600; i++)); do
        [ -e "$mnt/name" ] && break
        sleep 0.1
    done
    # shellcheck disable=SC2086 # a pattern
    (cd "$mnt" && timeout 600 cat $1) || status=1
    unmount
    kill "$pid" 2>/dev/null || true
    wait "$pid" || true
    return $status
}

measure() { # PROGRAM COMMAND...
    local program=$1
    shift
    if [ "$2" = - ]; then
        echo "not asked"
    elif command -v "$program" >/dev/null; then
        best "$@"
    else
        echo "not installed"
    fi
}

row() { # QUESTION OUR-FILES PLUGIN THEIR-FILES
    printf '| %s | %s | %s | %s |\n' "$1" "$(best ours "$2")" "$(measure vol volatility "$3")" \
        "$(measure memprocfs memprocfs_reads "$4")"
}

echo '| question | ntdumpfs | Volatility 3 | MemProcFS |'
echo '| --- | --- | --- | --- |'
row 'list of processes' proc/list windows.pslist sys/proc/proc.txt
row 'command lines' 'proc/[0-9]*/cmdline' windows.cmdline -
row 'handles of all processes' 'proc/[0-9]*/handlelist' windows.handles 'pid/[0-9]*/handles/handles.txt'
row 'system services' ssdt/table windows.ssdt -
