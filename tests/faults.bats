# tests/faults.bats - what goes wrong around a mount: a dump replaced under it, a disk that fails, a full
# cache, too many readers, too many mounts. EIO or a clear line, never a wrong byte.

load dumps

setup() {
    load dumps
    MNT=$BATS_TEST_TMPDIR/mnt
}
teardown() { unmount_below "$BATS_TEST_TMPDIR"; }

# good_copy FOLDER: every listed file of the sample, read from an undisturbed mount, once for all tests.
good_copy() {
    local dump good=$BATS_FILE_TMPDIR/good
    dump=$(sample small)
    if ! [ -d "$good" ]; then
        start "$dump" "$MNT.good"
        cp -r "$MNT.good" "$good.part"
        unmount_dump "$MNT.good"
        mv "$good.part" "$good"
    fi
    echo "$good"
}

@test "a dump that is replaced or removed under the mount is still read to its last byte" {
    local good
    good=$(good_copy)
    cp "$(sample small)" "$BATS_TEST_TMPDIR/a.dmp"
    start "$BATS_TEST_TMPDIR/a.dmp" "$MNT"
    cp "$(sample article-active)" "$BATS_TEST_TMPDIR/b.dmp"
    mv "$BATS_TEST_TMPDIR/b.dmp" "$BATS_TEST_TMPDIR/a.dmp"
    diff -r "$good" "$MNT"
    unmount_dump
    cp "$(sample small)" "$BATS_TEST_TMPDIR/c.dmp"
    start "$BATS_TEST_TMPDIR/c.dmp" "$MNT"
    rm "$BATS_TEST_TMPDIR/c.dmp"
    diff -r "$good" "$MNT"
}

# bats test_tags=slow
@test "a disk that fails now and then gives EIO or the right bytes, and later the right bytes" {
    requires cc
    [ -z "${NTDUMPFS_SANITIZED:-}" ] || skip "a sanitizer must come first in the list of libraries"
    local good shim=$BATS_TEST_TMPDIR/shim.so well=$BATS_TEST_TMPDIR/well dump failed=0 bad=0 file
    good=$(good_copy)
    dump=$(sample small)
    cc -shared -fPIC -O1 -o "$shim" tests/fixtures/failing_disk.c
    touch "$well" # mounting sees a disk that works
    mkdir "$MNT"
    LD_PRELOAD=$shim FAILING_FILE=$(realpath "$dump") FAILING_EVERY=23 FAILING_UNLESS=$well \
        timeout 60 "$NTDUMPFS" -o sandbox=off "$dump" "$MNT" 3>&- 4>&-
    rm "$well"
    while IFS= read -r file; do
        if timeout 10 cat "$MNT/$file" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"; then
            cmp "$BATS_TEST_TMPDIR/out" "$good/$file" || bad=$((bad + 1))
        else
            grep -q 'Input/output error' "$BATS_TEST_TMPDIR/err" || bad=$((bad + 1))
            failed=$((failed + 1))
        fi
    done < <(cd "$good" && find proc/4 ssdt/7 modules dump listing -type f)
    echo "failed: $failed"
    [ "$bad" = 0 ]
    [ "$failed" -gt 0 ]
    touch "$well" # nothing that failed was kept
    diff -r "$good" "$MNT"
}

@test "a full disk under the cache is no error" {
    requires root
    local cache=$BATS_TEST_TMPDIR/cache dump key
    mkdir "$cache"
    mount -t tmpfs -o size=16k none "$cache"
    head -c 16k /dev/zero >"$cache/full" 2>/dev/null || true
    dump=$(sample article-active)
    key=$(jq -r '.modules[0].guid' "${dump%.dmp}.truth.json")
    mkdir -p "$BATS_TEST_TMPDIR/symbols"
    echo '1000 2 ThisName' >"$BATS_TEST_TMPDIR/names"
    python3 tests/fixtures/pdb.py --guid "$key" --age 1 --symbols "$BATS_TEST_TMPDIR/names" \
        "$BATS_TEST_TMPDIR/symbols/ntkrnlmp.pdb"
    XDG_CACHE_HOME=$cache start "$dump" "$MNT" "symbols=$BATS_TEST_TMPDIR/symbols"
    grep -q '^Build:' "$MNT/target"
    timeout 30 cat "$MNT/listing/processes" >/dev/null
    unmount_dump
    umount "$cache"
}

# bats test_tags=slow
@test "64 readers at once read the same bytes as one" {
    local good n pids=()
    good=$(good_copy)
    start "$(sample small)" "$MNT"
    for n in {1..64}; do
        timeout 100 diff -r "$good" "$MNT" >"$BATS_TEST_TMPDIR/diff.$n" 2>&1 &
        pids+=($!)
    done
    for n in "${pids[@]}"; do
        wait "$n"
    done
    run -0 cat "$BATS_TEST_TMPDIR"/diff.*
    [ -z "$output" ]
}

# bats test_tags=slow
@test "a hundred mounts and unmounts leave nothing behind" {
    local n dump
    dump=$(sample small)
    for n in {1..100}; do
        start "$dump" "$MNT"
        cat "$MNT/proc/list" >/dev/null
        timeout 20 fusermount3 -u "$MNT"
    done
    until_true not pgrep -f -- "ntdumpfs.* $MNT\$"
    run ! is_mounted "$MNT"
}

@test "mounts side by side do not disturb each other" {
    local n good
    good=$(good_copy)
    for n in {1..12}; do
        start "$(sample small)" "$MNT.$n"
    done
    kill -KILL "$(daemon_pid "$MNT.3")"
    diff -r "$good" "$MNT.2"
    diff -r "$good" "$MNT.12"
}
