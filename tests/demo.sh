#!/bin/bash
# tests/demo.sh NTDUMPFS - what `make demo` shows: two sample dumps, mounted, and read with the
# tools that everybody knows. Leaves nothing behind.
set -eu
cd "$(dirname "$0")/.."

daemon=$(realpath "$1")
place=$(mktemp -d "${TMPDIR:-/tmp}/ntdumpfs-demo.XXXXXX")
active=$place/active kernel=$place/kernel

cleanup() {
    local mnt
    for mnt in "$active" "$kernel"; do
        mountpoint -q "$mnt" && { fusermount3 -u "$mnt" || umount "$mnt" || fusermount3 -u -z "$mnt"; }
    done
    rm -rf "$place"
}
trap cleanup EXIT

if ! [ -r /dev/fuse ] || ! [ -w /dev/fuse ]; then
    echo "This user cannot open /dev/fuse (ls -l /dev/fuse says why): run make demo as root." >&2
    exit 1
fi

bold='' plain=''
if [ -t 1 ]; then
    bold=$'\e[1m' plain=$'\e[0m'
fi

heading() {
    printf '\n%s%s%s\n' "$bold" "$*" "$plain"
}

# Show a command as a person in $place would type it, then its output, cut to LINES lines.
show() { # LINES COMMAND
    heading "\$ $2"
    { cd "$place"; timeout 60 bash -c "$2" 2>&1; } | expand -t 8 | cut -c 1-150 | head -n "$1"
}

heading "Two sample dumps of the same machine: an active dump, and a kernel dump without user pages"
mkdir "$active" "$kernel"
python3 tests/fixtures/mkdump.py article-active "$place/ACTIVE.DMP"
python3 tests/fixtures/mkdump.py article-kernel "$place/KERNEL.DMP"
(cd "$place" && ls -sh ./*.DMP)
timeout 60 "$daemon" "$place/ACTIVE.DMP" "$active"
timeout 60 "$daemon" "$place/KERNEL.DMP" "$kernel"
mount | grep "$place" | sed "s|$place/||g"

show 20 'ls -C -w 90 active'
show 10 'cat active/vertarget'
show 30 'cut -f 1,2,4,6,12 active/proc/list | column -t'
pid=$(awk -F '\t' '$2 == "NotMyfault.exe" { print $1 }' "$active/proc/list")
show 40 "ls -C -w 90 active/proc/$pid"
show 20 "cat active/proc/$pid/listing"
show 10 "ls -l --time-style=full-iso active/proc | sort -k 6,7 | tail -n 5"
show 10 'grep -r NtDeviceIoControlFile active/proc'
show 12 "diff -r active/proc/$pid kernel/proc/$pid"
heading "That was it. The dumps are unmounted now; docs/tutorial.md goes on from here."
