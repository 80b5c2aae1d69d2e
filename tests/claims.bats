# tests/claims.bats - what README.md and docs/ claim beside their examples.

load dumps

teardown() { unmount_below "$BATS_TEST_TMPDIR"; }

@test "documents name files that exist" {
    local name
    for name in $(grep -ohE '`(docs|tests|mount-helpers|engine|fs)/[A-Za-z0-9_./-]+`' README.md CONTRIBUTING.md docs/*.md |
        tr -d '`' | sort -u); do
        echo "$name"
        [ -e "$name" ]
    done
}

@test "the comparison of docs/performance.md measures what is installed, and says what is not" {
    requires fuse
    local dump
    dump=$(sample article-active)
    RUNS=1 run -0 tests/bench/peers.sh "$NTDUMPFS" "$dump"
    [ "${#lines[@]}" = 6 ]
    not grep -E '^\| [^|]+ \| failed' <<<"$output"
    command -v vol || [[ ${lines[2]} == *'| not installed |'* ]]
}

@test "ls -lt of /proc is the order in which processes started" {
    requires fuse
    mount_dump
    diff <(cd "$MNT/proc" && find . -mindepth 1 -maxdepth 1 -name '[0-9]*' -printf '%T@ %P\n' | sort -n |
        awk '{ print $2 }') <(sort -t $'\t' -k 12,12 "$MNT/proc/list" | cut -f 1)
}

@test "grep -r of /proc without crossview, which --exclude leaves out" {
    requires fuse
    mount_dump
    diff <(timeout 60 grep -rl --exclude=crossview NtAlpc "$MNT/proc") \
        <(timeout 60 grep -rl NtAlpc "$MNT/proc" | grep -v /crossview)
}
