# tests/crossview.bats - /proc/crossview: processes that were taken off the list are found all the
# same, and nobody is accused who is not hidden.

load dumps

teardown() { unmount_below "$BATS_TEST_TMPDIR"; }

# broken VARIANT FOLDER: mount the article's machine with something wrong.
broken() {
    python3 tests/fixtures/damage.py "$(sample article-active)" "$BATS_TEST_TMPDIR" "$1"
    start "$BATS_TEST_TMPDIR/$1.dmp" "$2"
}

# The process that the variants hide: the last of the list with user memory.
hidden() { awk -F '\t' '$4 == 0 { print $1 }' "$1/proc/crossview"; }

accused() { # FOLDER
    awk -F '\t' '{ for (i = 4; i <= 9; i++) if ($i == "0") { print; next } }' "$1/proc/crossview"
    grep -E "not on (the|its process's) list" "$1/dump/warnings" || true
    grep 'in no module' "$1/dump/warnings" || true
}

@test "in sound dumps every source has every process that it can hold" {
    local mnt=$BATS_TEST_TMPDIR/mnt name
    for name in article-active article-kernel article-csrss small la57; do
        start_sample $name "$mnt"
        [ "$(cut -f 1 "$mnt/proc/list")" = "$(cut -f 1 "$mnt/proc/crossview")" ]
        run -0 accused "$mnt"
        echo "$name: $output"
        [ -z "$output" ]
        unmount_dump "$mnt"
    done
}

@test "of two processes with one pid, the table of ids has one" {
    local mnt=$BATS_TEST_TMPDIR/mnt
    start_sample zoo-19041 "$mnt"
    run -0 accused "$mnt"
    [ ${#lines[@]} = 1 ]
    [[ $output == *$'\ttwin2.exe\t1\t0\t1\t1\t1\t-' ]]
    unmount_dump "$mnt"
}

@test "a process that is not on the list has its directory, its row, and its sources" {
    local mnt=$BATS_TEST_TMPDIR/mnt pid
    broken hidden-process "$mnt"
    pid=$(hidden "$mnt")
    [ -n "$pid" ]
    [ -s "$mnt/proc/$pid/threadlist" ]
    grep -q "^$pid	" "$mnt/proc/list"
    grep -qxF $'Source:\tcid,session,handles,threads' "$mnt/proc/$pid/status"
    run -0 grep 'process is not on the list of processes' "$mnt/dump/warnings"
    [[ $output == *$'\t'"$pid"$'\t'* ]]
    grep -qxF $'Source:\tlinks,cid,handles,threads' "$mnt/proc/4/status"
    unmount_dump "$mnt"
}

@test "it is found without the table of ids, too" {
    local mnt=$BATS_TEST_TMPDIR/mnt pid
    broken hidden-process-ids "$mnt"
    pid=$(hidden "$mnt")
    run -0 grep "^$pid	" "$mnt/proc/crossview"
    [[ $output == *$'\t0\t0\t1\t1\t1\t-' ]]
    [ -d "$mnt/proc/$pid" ]
    unmount_dump "$mnt"
}

@test "a thread that is on no list of its process is told with its owner" {
    local mnt=$BATS_TEST_TMPDIR/mnt
    broken hidden-thread "$mnt"
    run -0 grep "thread is not on its process's lists" "$mnt/dump/warnings"
    [ ${#lines[@]} = 1 ]
    [ -d "$mnt/proc/$(cut -f 2 <<<"$output")" ]
    unmount_dump "$mnt"
}

@test "a source that cannot be read is '-' for everybody, and accuses nobody" {
    local mnt=$BATS_TEST_TMPDIR/mnt variant
    for variant in cid-self-1 cid-self-2 cid-level cid-unmapped cid-user session-self \
        session-unmapped tables-ring; do
        broken $variant "$mnt"
        run -0 timeout 10 cat "$mnt/proc/crossview"
        run -0 accused "$mnt"
        echo "$variant: $output"
        [ -z "$output" ]
        unmount_dump "$mnt"
    done
}

# bats test_tags=hostile
@test "a table of ids that refers to itself ends, and is told" {
    local mnt=$BATS_TEST_TMPDIR/mnt variant
    for variant in cid-self-1 cid-self-2 cid-unmapped; do
        broken $variant "$mnt"
        timeout 10 grep -q 'handle table page missing, repeated or absurd' "$mnt/dump/warnings"
        unmount_dump "$mnt"
    done
    broken cid-swapped "$mnt"
    [ "$(grep -c 'id table entry is not of this id' "$mnt/dump/warnings")" = 2 ]
    unmount_dump "$mnt"
}

@test "listing /proc does not read the pool" {
    local stats=$BATS_TEST_TMPDIR/stats
    mount_dump "$(sample article-active)" -o "stats=$stats"
    ls "$MNT/proc" >/dev/null
    write_counters "$stats"
    # `list` and `crossview` are not rendered; nothing else in /proc is a file.
    [ "$(counter "$stats" renders)" = 0 ]
    unmount_dump
}

# bats test_tags=corpus
@test "the corpus's tampered machine: one hidden process, one orphan thread, nobody else" {
    requires_corpus
    local mnt=$BATS_TEST_TMPDIR/mnt truth
    truth=$(corpus tampered-19041.active).truth.json
    start "$(corpus tampered-19041.active).dmp" "$mnt"
    run -0 accused "$mnt"
    echo "$output"
    [ ${#lines[@]} = 3 ] # a row, and a warning each
    [ "$(cut -f 1 <<<"${lines[0]}")" = "$(jq .tampering.hidden_process.pid "$truth")" ]
    [ "$(cut -f 4 <<<"${lines[2]}")" = "$(jq .tampering.orphan_thread.tid "$truth")" ]
    unmount_dump "$mnt"
}
