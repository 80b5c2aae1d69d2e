#!/bin/bash
# tests/bench/bench.sh NTDUMPFS - the measurements behind `make bench`.
#
# Everything is a ratio of two things measured side by side in the same run (the mount and a copy of
# the same files on tmpfs), or a count. Prints a table and puts it into docs/performance.md.
# Times are the best of RUNS.
set -eu
cd "$(dirname "$0")/../.."

daemon=$(realpath "$1")
runs=${RUNS:-5}
place=$(mktemp -d /dev/shm/ntdumpfs-bench.XXXXXX)
mnt=$place/mnt
mkdir "$mnt"
export XDG_CACHE_HOME=$place/cache
mkdir "$XDG_CACHE_HOME"

cleanup() {
    fusermount3 -u -q "$mnt" 2>/dev/null || fusermount3 -u -q -z "$mnt" 2>/dev/null || true
    rm -rf "$place"
}
trap cleanup EXIT

milliseconds() { # COMMAND...: how long it takes
    local from=$EPOCHREALTIME to
    "$@" >/dev/null
    to=$EPOCHREALTIME
    echo $(((${to/./} - ${from/./}) / 100))
}

best() { # of numbers, one a line
    sort -n | head -n 1
}

tenths() { # 123 -> 12.3
    echo "$(($1 / 10)).$(($1 % 10))"
}

ratio() {
    awk -v a="$1" -v b="$2" 'BEGIN { printf "%.1fx", a / (b > 0 ? b : 1) }'
}

mount_it() { # DUMP [OPTIONS]
    timeout 60 "$daemon" "$1" "$mnt" ${2:+-o "$2"} 3>&-
}

# The counters file is written when the daemon ends: that may be a moment after the unmount.
unmount_it() {
    local i
    timeout 60 fusermount3 -u "$mnt"
    for i in {1..100}; do
        pgrep -f "^$daemon .* $mnt" >/dev/null || return 0
        sleep 0.05
    done
}

daemon_pid() {
    pgrep -f "^$daemon .* $mnt" | head -n 1
}

mount_list_unmount() { # DUMP [OPTIONS]
    mount_it "$@"
    ls "$mnt/proc"
    timeout 60 fusermount3 -u "$mnt"
}

row() {
    printf '| %s | %s | %s | %s |\n' "$@"
}

mount_times() {
    local name dump i time
    for name in sample big sparse64g; do
        dump=$place/$name.dmp
        time=$(for ((i = 0; i < runs; i++)); do milliseconds mount_list_unmount "$dump"; done | best)
        row "mount, \`ls proc\`, umount: $name ($(size_of "$dump"))" "$(tenths "$time") ms" \
            "" "<= 50 ms"
    done
}

# A PDB and an ISF file of the sample's kernel, as large as Microsoft's; names only, so that the rest
# of the mount is the same.
make_symbols() {
    local key
    mount_it "$place/sample.dmp"
    key=$(sed -nE 's|^KernelPdb:\tntkrnlmp.pdb/||p' "$mnt/target")
    unmount_it
    mkdir -p "$place/pdb/ntkrnlmp.pdb/$key" "$place/isf/ntkrnlmp.pdb"
    python3 tests/fixtures/pdb.py --guid "${key:0:32}" --age $((16#${key:32})) --bulk 44000 \
        --symbols /dev/null "$place/pdb/ntkrnlmp.pdb/$key/ntkrnlmp.pdb"
    python3 -c '
import json, random, sys
random.seed(1)
pdb = {"GUID": sys.argv[1], "age": int(sys.argv[2], 16), "database": "ntkrnlmp.pdb"}
symbols = {"%s%08x" % (w, random.getrandbits(32)): {"address": 0x100000 + 16 * i}
           for i, w in enumerate(["KiSymbol", "Mi", "ObpName", "Ps"] * 23000)}
json.dump({"metadata": {"windows": {"pdb": pdb}}, "base_types": {}, "enums": {},
           "user_types": {}, "symbols": symbols}, sys.stdout)' "${key:0:32}" "${key:32}" |
        xz >"$place/isf/ntkrnlmp.pdb/${key:0:32}-$((16#${key:32})).json.xz"
}

symbol_rows() {
    local kind file time i
    make_symbols
    for kind in pdb isf; do
        file=$(find "$place/$kind" -type f)
        time=$(for ((i = 0; i < runs; i++)); do
            rm -rf "$XDG_CACHE_HOME"
            mkdir "$XDG_CACHE_HOME"
            milliseconds mount_list_unmount "$place/sample.dmp" "symbols=$place/$kind"
        done | best)
        row "the same, first time with a $(stat -c %s "$file" | awk '{ printf "%.1f", $1 / 1e6 }') MB ${file##*.}" \
            "$(tenths "$time") ms" "" "<= 500 ms"
        time=$(for ((i = 0; i < runs; i++)); do
            milliseconds mount_list_unmount "$place/sample.dmp" "symbols=$place/$kind"
        done | best)
        row "the same, when it is compiled" "$(tenths "$time") ms" "" "<= 50 ms"
    done
}

size_of() {
    stat -c '%s %b' "$1" | awk '{ printf "%.1f MB, %.1f MB of it data", $1 / 1e6, $2 * 512 / 1e6 }'
}

cold() { # COMMAND: best time on a mount that nobody has read; counters of the last run in $counters
    local i
    for ((i = 0; i < runs; i++)); do
        mount_it "$place/big.dmp" "stats=$counters"
        milliseconds bash -c "cd '$mnt/proc' && $1"
        unmount_it
    done | best
}

warm() { # FOLDER COMMAND: best time when it was read before
    local i
    bash -c "cd '$1' && $2" >/dev/null
    for ((i = 0; i < runs; i++)); do
        milliseconds bash -c "cd '$1' && $2"
    done | best
}

counters=$place/counters

tool_row() { # NAME COMMAND COLD-TARGET WARM-TARGET
    local c w t
    t=$(warm "$copy" "$2")
    c=$(cold "$2")
    mount_it "$place/big.dmp"
    w=$(warm "$mnt/proc" "$2")
    unmount_it
    row "cold \`$1\` in /proc" "$(tenths "$c") ms" "$(ratio "$c" "$t") of tmpfs" "$3"
    row "warm \`$1\` in /proc" "$(tenths "$w") ms" "$(ratio "$w" "$t") of tmpfs" "$4"
}

requests_row() {
    local files folders sum
    files=$(find "$copy" -type f | wc -l)
    folders=$(find "$copy" -type d | wc -l)
    cold 'grep -r NoSuchText . || true' >/dev/null
    sum=$(awk '$1 == "requests" { print $2 }' "$counters")
    row "requests in a cold \`grep -r\` ($files files, $folders folders)" "$sum" "" \
        "<= $((files + 2 * folders + 10))"
}

memory_row() {
    local pid rss
    mount_it "$place/big.dmp"
    find "$mnt" -type f -exec cat {} + >/dev/null
    pid=$(daemon_pid)
    rss=$(awk '/^VmRSS/ { print $2 }' "/proc/$pid/status")
    unmount_it
    row "resident memory after reading every file of the big dump" "$((rss / 1024)) MiB" "" ""
}

# Nanoseconds that the daemon's threads have run; those that have ended are not counted.
daemon_ns() {
    cat "/proc/$(daemon_pid)/task"/*/schedstat | awk '{ sum += $1 } END { printf "%d", sum }'
}

# daemon_cpu COMMAND: best CPU time of the daemon for it, on a mount that nobody has read, in
# microseconds.
daemon_cpu() {
    local i from
    for ((i = 0; i < runs; i++)); do
        mount_it "$big" threads=1 # nobody reads ahead
        from=$(daemon_ns)
        (cd "$mnt" && eval "$1") >/dev/null
        echo $((($(daemon_ns) - from) / 1000))
        unmount_it
    done | best
}

# part_row NAME FOLDER...: reading all files of a part of the tree, cold, against a copy on tmpfs.
part_row() {
    local name=$1 part=$place/part i c t
    shift
    rm -rf "$part"
    mkdir "$part"
    mount_it "$big"
    (cd "$mnt" && cp -r --parents "$@" "$part")
    unmount_it
    # shellcheck disable=SC2016 # the inner shell's
    t=$(for ((i = 0; i < runs; i++)); do
        milliseconds bash -c 'cd "$0" && grep -r NoSuchText "$@" || true' "$part" "$@"
    done | best)
    c=$(for ((i = 0; i < runs; i++)); do
        mount_it "$big"
        # shellcheck disable=SC2016
        milliseconds bash -c 'cd "$0" && grep -r NoSuchText "$@" || true' "$mnt" "$@"
        unmount_it
    done | best)
    row "cold read of $name ($(find "$part" -type f | wc -l) files)" "$(tenths "$c") ms" \
        "$(ratio "$c" "$t") of tmpfs" "<= 6x"
    rm -rf "$part"
}

# The folders of the handles of ten processes.
some_handles() {
    mount_it "$big"
    (cd "$mnt" && printf '%s\n' proc/[0-9]*/handles | head -n 10)
    unmount_it
}

# What names cost: memory with a large symbol file, and the daemon's CPU for two names a thread.
name_rows() {
    local rss plain threads us
    for plain in nocache ''; do
        mount_it "$place/sample.dmp" "${plain:-symbols=$place/pdb}"
        cat "$mnt/listing/processes" "$mnt/listing/ssdt" >/dev/null
        rss=$((-${rss:-0} + $(awk '/^VmRSS/ { print $2 }' "/proc/$(daemon_pid)/status")))
        unmount_it
    done
    row "resident memory for the names of a 10 MB PDB (44,000 symbols)" "$rss KiB" "" ""
    mount_it "$big"
    threads=$(cat "$mnt"/proc/[0-9]*/threadlist | wc -l)
    unmount_it
    us=$(daemon_cpu 'cat proc/[0-9]*/threadlist')
    row "CPU of the daemon for all \`threadlist\`, $threads threads, two names each" \
        "$(tenths $((us / 100))) ms" "$(awk -v n="$threads" -v us="$us" 'BEGIN { printf "%.1f us a thread", us / n }')" ""
}

cpu_rows() {
    local processes handles us
    mount_it "$big"
    processes=$(wc -l <"$mnt/proc/list")
    handles=$(cat "$mnt"/proc/[0-9]*/handlelist | wc -l)
    unmount_it
    us=$(daemon_cpu 'cat proc/list')
    row "CPU of the daemon for a cold \`/proc/list\` of $processes processes" \
        "$(tenths $((us / 100))) ms" "" "<= 20 ms"
    us=$(daemon_cpu 'cat proc/[0-9]*/handlelist')
    row "the same for all \`handlelist\`, $handles handles" "$(tenths $((us / 100))) ms" \
        "$(awk -v n="$handles" -v us="$us" 'BEGIN { printf "%.2f million/s", n / us }')" ">= 1 million/s"
}

# Random reads of a page for two seconds at most: thousands a second.
random_reads() { # FILE
    python3 -c '
import os, random, sys, time
fd = os.open(sys.argv[1], os.O_RDONLY)
os.posix_fadvise(fd, 0, 0, os.POSIX_FADV_RANDOM)
pages, end, count = os.fstat(fd).st_size // 4096, time.time() + 2, 0
while time.time() < end:
    os.pread(fd, 4096, random.randrange(pages) * 4096)
    count += 1
print(round(count / 2000))' "$1"
}

# Raw memory of a complete dump without holes, against dd of the dump; per byte, as physical memory has
# holes that the dump has not.
physical_rows() {
    local dump=$place/physical.dmp i t c w share
    python3 tests/fixtures/mkdump.py article-active "$dump.sparse" --container full --truth "$place/physical.json"
    cp --sparse=never "$dump.sparse" "$dump"
    t=$(for ((i = 0; i < runs; i++)); do milliseconds dd if="$dump" of=/dev/null bs=1M status=none; done | best)
    c=$(for ((i = 0; i < runs; i++)); do
        mount_it "$dump"
        milliseconds dd if="$mnt/mem/physical" of=/dev/null bs=1M status=none
        unmount_it
    done | best)
    mount_it "$dump"
    share=$(awk -v a="$(stat -c %s "$mnt/mem/physical")" -v b="$(stat -c %s "$dump")" 'BEGIN { print a / b }')
    w=$(warm "$mnt" 'dd if=mem/physical of=/dev/null bs=1M status=none')
    row "cold \`dd\` of \`/mem/physical\` ($(stat -c %s "$mnt/mem/physical" | awk '{ printf "%.1f", $1 / 1e9 }') GB)" \
        "$(tenths "$c") ms" "$(awk -v a="$c" -v b="$t" -v s="$share" 'BEGIN { printf "%.1fx", a / b / s }') of the dump, per byte" "<= 4x"
    row "warm \`dd\` of \`/mem/physical\`" "$(tenths "$w") ms" \
        "$(awk -v a="$w" -v b="$t" -v s="$share" 'BEGIN { printf "%.1fx", a / b / s }') of the dump, per byte" "<= 1.5x"
    row "resident memory after it" "$(awk '/^VmHWM/ { print int($2 / 1024) }' "/proc/$(daemon_pid)/status") MiB" "" ""
    unmount_it
    mount_it "$dump"
    row "cold random reads of 4 KiB in \`/mem/physical\`" "$(random_reads "$mnt/mem/physical"),000 a second" "" ""
    unmount_it
    python3 tests/fixtures/physical.py raw "$dump.sparse" "$place/physical.json" "$place/physical.raw" no-self-map
    truncate -s 16G "$place/physical.raw"
    t=$(for ((i = 0; i < runs; i++)); do milliseconds mount_list_unmount "$place/physical.raw"; done | best)
    row "finding the kernel in a flat image of 16 GiB, most of it holes, by a scan" "$(tenths "$t") ms" "" "<= 2 s"
    rm -f "$place"/physical.*
}

machine() {
    echo "Measured on Linux $(uname -r | cut -d- -f1), $(nproc) processors;" \
        "$(grep -c . "$place/files") files in /proc of the big dump, best of $runs."
}

for scenario in zoo-19041 big sparse64g; do
    name=${scenario/zoo-19041/sample}
    python3 tests/fixtures/mkdump.py "$scenario" "$place/$name.dmp" --truth "$place/$name.json"
done
# Parts are measured on the largest dump at hand: 400 processes and 100,000 handles, where it is.
big=$place/big.dmp
if [ -f "${NTDUMPFS_CORPUS:-}/server-19041.kernel.dmp" ]; then
    big=$NTDUMPFS_CORPUS/server-19041.kernel.dmp
fi
copy=$place/copy
mount_it "$place/big.dmp"
cp -r "$mnt/proc" "$copy"
find "$copy" -type f >"$place/files"
unmount_it

table=$place/table.md
{
    machine
    echo
    row "" "measured" "ratio" "goal"
    row "---" "---" "---" "---"
    mount_times
    symbol_rows
    tool_row "grep -r" 'grep -r NoSuchText . || true' "<= 6x" "<= 1.5x"
    tool_row "find" 'find . -size +1000k' "<= 8x" "<= 1.5x"
    tool_row "ls -lR" 'ls -lR .' "<= 3x" "<= 1.5x"
    tool_row "tar c" 'tar c . | wc -c' "" "<= 1.5x"
    part_row "/ssdt" ssdt
    part_row "all of /alpc" alpc
    mapfile -t folders < <(some_handles)
    part_row "the handles of ten processes" "${folders[@]}"
    cpu_rows
    name_rows
    requests_row
    memory_row
    physical_rows
} | tee "$table"

doc=docs/performance.md
if grep -q '^<!-- table -->$' "$doc" 2>/dev/null; then
    sed -e '/^<!-- table -->$/r '"$table" -e '/^<!-- table -->$/,/^<!-- end -->$/{/^<!--/!d}' \
        "$doc" >"$place/doc"
    cp "$place/doc" "$doc"
fi
