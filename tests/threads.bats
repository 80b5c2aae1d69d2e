# tests/threads.bats - many readers of one fresh mount, each with another habit: all see the same
# bytes as one reader of a daemon with one thread. `make tsan` runs this under ThreadSanitizer.

load dumps

setup_file() { load dumps; }
setup() {
    requires fuse
    # The sanitizer's own thread needs more than the walls let through.
    [ -z "${NTDUMPFS_SANITIZED:-}" ] || off=,sandbox=off
    cd "$BATS_TEST_TMPDIR" || exit 1
    ROOT=$OLDPWD
}
teardown() {
    cd "$ROOT" || exit 1
    unmount_below "$BATS_TEST_TMPDIR"
}

# sums FOLDER: every file's checksum, in an order of its own; what cannot be read has none.
sums() {
    (cd "$1" && find . -type f -print0 | shuf -z --random-source=<(yes "${2:-}") |
        timeout 200 xargs -0 -n 300 md5sum 2>/dev/null | sort -k 2)
}

# The readers: table files, threads and names, searches, sizes, names that exist in no list, links.
reader() { # NUMBER FOLDER
    case $1 in
    1 | 2) sums "$2" "$1" >"sums.$1" ;;
    3) timeout 200 grep -rs 'no such text' "$2" || [ $? != 124 ] ;;
    4) timeout 200 ls -lR "$2" >/dev/null ;;
    5) timeout 200 cat "$2"/dump/{missing,warnings,coverage,stack} "$2"/proc/crossview "$2"/alpc/{list,waits} >/dev/null ;;
    6) for p in "$2"/proc/[0-9]*; do
        timeout 50 cat "$p/symbol/ntdll!NtClose" "$p/code/ntdll!NtClose/u" "$p/handlelist" >/dev/null 2>&1 || [ $? != 124 ]
    done ;;
    7) timeout 200 tar c -C "$2" . >/dev/null 2>&1 || [ $? != 124 ] ;;
    8) timeout 50 dd if="$2/mem/physical" of=/dev/null bs=1M count=64 status=none ;;
    esac
}

# same_for_all SCENARIO [OPTION...]
same_for_all() {
    local dump i pids=()
    dump=$(cd "$ROOT" && realpath "$(sample "$1")")
    shift
    start "$dump" "$PWD/one" "threads=1$off"
    sums one one >sums.one
    unmount_dump "$PWD/one"
    [ "$(wc -l <sums.one)" -gt 1000 ]
    start "$dump" "$PWD/many" "threads=8$off$*"
    for i in 1 2 3 4 5 6 7 8; do
        reader "$i" many &
        pids+=($!)
    done
    for i in "${pids[@]}"; do wait "$i"; done
    cmp sums.one sums.1
    cmp sums.one sums.2
    unmount_dump "$PWD/many"
}

@test "eight readers at once, nothing made yet" {
    same_for_all article-active
}

@test "the same with a cache that holds next to nothing" {
    same_for_all zoo-19041 ,cache=1K
}

@test "the same with what hides and lies" {
    same_for_all tampered
}
