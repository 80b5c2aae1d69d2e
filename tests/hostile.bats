# tests/hostile.bats - dumps that somebody broke on purpose: each is refused with one line, or mounts
# and can be read to the end in a few seconds; the daemon lives on and ends when it is told to.

load dumps

setup_file() {
    load dumps
    export BATS_TEST_TIMEOUT=600 MANIFEST=$BATS_FILE_TMPDIR/manifest
    sample zoo-19041 >/dev/null
    python3 tests/fixtures/damage.py --list - >"$MANIFEST"
}
teardown() { unmount_below "$BATS_TEST_TMPDIR"; }

seconds=${NTDUMPFS_SANITIZED:+60}
seconds=${seconds:-10}

# Prints what is wrong with a refusal.
check_refused() { # DUMP
    local mnt=$BATS_TEST_TMPDIR/mnt status=0
    mkdir -p "$mnt"
    timeout "$seconds" "$NTDUMPFS" "$1" "$mnt" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" 3>&- || status=$?
    check_refusal "$status"
    if mountpoint -q "$mnt"; then
        echo "mounted all the same"
        unmount_dump "$mnt"
    fi
}

check_refusal() { # STATUS: what the daemon said is in the file err
    [ "$1" = 32 ] || echo "exit status $1"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/err")" = 1 ] || { echo "not one line:" && cat "$BATS_TEST_TMPDIR/err"; }
    ! LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]' "$BATS_TEST_TMPDIR/err" || echo "control characters"
}

# Prints what is wrong with a mount of a broken dump. Too broken to mount is fine, too.
check_mounts() { # DUMP
    local mnt=$BATS_TEST_TMPDIR/mnt status=0
    start "$1" "$mnt" 2>"$BATS_TEST_TMPDIR/err" || status=$?
    if [ "$status" != 0 ]; then
        check_refusal "$status"
        return
    fi
    # A file may fail with EIO when the dump was cut; everything else must be readable.
    timeout "$seconds" find "$mnt" -type f -print0 >"$BATS_TEST_TMPDIR/files" || echo "find: status $?"
    [ -z "$(sort -z "$BATS_TEST_TMPDIR/files" | uniq -zd | tr '\0' ' ')" ] || echo "two files of one name"
    timeout "$seconds" xargs -0 cat <"$BATS_TEST_TMPDIR/files" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err" ||
        { echo "cat: status $?" && grep -v 'Input/output error' "$BATS_TEST_TMPDIR/err" | head -n 3; } |
        grep -vx 'cat: status 123' # xargs: some cat had an error, and it was EIO
    [ -s "$BATS_TEST_TMPDIR/out" ] || echo "nothing to read"
    ! LC_ALL=C grep -qaP '[\x00-\x08\x0b-\x1f\x7f]' "$BATS_TEST_TMPDIR/out" || echo "control characters in a file"
    timeout 10 stat -f "$mnt" >/dev/null || echo "the daemon does not answer any more"
    unmount_dump "$mnt" || echo "not unmounted cleanly"
}

# Every variant of the manifest that must be refused, or may mount.
check_variants() { # refuse|mount SCENARIO
    local count=0 failed=0 good folder=$BATS_TEST_TMPDIR name expected description problems
    good=$(sample "$2")
    while IFS=$'\t' read -r name expected description; do
        [ "$expected" = "$1" ] || continue
        count=$((count + 1))
        python3 tests/fixtures/damage.py "$good" "$folder" "${name%.dmp}"
        case $name in
        # A small dump with nothing in it; a run list cut to what the header can hold.
        as-triage.dmp | full-runs-*.dmp) problems=$(check_mounts "$folder/$name") ;;
        *) problems=$(if [ "$1" = refuse ]; then check_refused "$folder/$name"; else check_mounts "$folder/$name"; fi) ;;
        esac
        if [ -n "$problems" ]; then
            echo "$name ($description): $problems"
            failed=$((failed + 1))
        fi
        rm -f "$folder/$name"
    done <"$MANIFEST"
    echo "$count variants, $failed failed"
    [ "$count" -gt 0 ] && [ "$failed" = 0 ]
}

# bats test_tags=hostile
@test "broken headers are refused with one line and exit status 32" {
    check_variants refuse zoo-19041
}

# bats test_tags=hostile
@test "dumps with broken contents are refused so, or mount and can be read to the end" {
    check_variants mount zoo-19041
}

# bats test_tags=hostile,slow
@test "the same with another build: broken headers" {
    check_variants refuse article-active
}

# bats test_tags=hostile,slow
@test "the same with another build: broken contents" {
    check_variants mount article-active
}

# bats test_tags=hostile
@test "a dump whose lists go round in circles ends, and /dump/warnings says where" {
    local mnt=$BATS_TEST_TMPDIR/mnt
    start_sample loops "$mnt"
    timeout "$seconds" find "$mnt" -type f -exec cat {} + >"$BATS_TEST_TMPDIR/out"
    [ -s "$mnt/dump/warnings" ]
    unmount_dump "$mnt"
}

# bats test_tags=hostile
@test "a dump that shrinks while it is mounted gives EIO, and the daemon lives" {
    local mnt=$BATS_TEST_TMPDIR/mnt
    cp "$(sample article-kernel)" "$BATS_TEST_TMPDIR/cut.dmp"
    start "$BATS_TEST_TMPDIR/cut.dmp" "$mnt"
    truncate -s 100000 "$BATS_TEST_TMPDIR/cut.dmp"
    timeout "$seconds" find "$mnt" -type f -exec cat {} + >/dev/null 2>"$BATS_TEST_TMPDIR/err" || true
    run ! grep -v 'Input/output error' "$BATS_TEST_TMPDIR/err"
    timeout 10 stat -f "$mnt"
    unmount_dump "$mnt"
}

# bats test_tags=hostile
@test "things that are no dump are refused" {
    local problems
    : >"$BATS_TEST_TMPDIR/empty"
    head -c 100000 /dev/urandom >"$BATS_TEST_TMPDIR/noise"
    head -c 8192 /dev/zero >"$BATS_TEST_TMPDIR/zeros"
    printf 'MDMP' >"$BATS_TEST_TMPDIR/minidump"
    head -c 8192 /dev/zero >>"$BATS_TEST_TMPDIR/minidump"
    mkdir "$BATS_TEST_TMPDIR/folder"
    mkfifo "$BATS_TEST_TMPDIR/fifo"
    for name in empty noise zeros minidump folder fifo nothing-there; do
        problems=$(check_refused "$BATS_TEST_TMPDIR/$name")
        echo "$name: ${problems:-refused}"
        [ -z "$problems" ]
    done
}
