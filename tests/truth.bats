# tests/truth.bats - everything that the mounted sample dumps say is what their builder put in.

load dumps
teardown() { unmount_below "$BATS_TEST_TMPDIR"; }

sample_agrees() { # SCENARIO [CONTAINER]
    local dump
    dump=$(sample "$@")
    compare_with_truth "$dump" "${dump%.dmp}.truth.json"
}

# bats test_tags=truth
@test "article-active agrees with its truth" { sample_agrees article-active; }

# bats test_tags=truth
@test "article-kernel agrees with its truth" { sample_agrees article-kernel; }

# bats test_tags=truth
@test "zoo-10240 agrees with its truth" { sample_agrees zoo-10240; }

# bats test_tags=truth
@test "zoo-19041 agrees with its truth" { sample_agrees zoo-19041; }

# bats test_tags=truth
@test "article-csrss agrees with its truth" { sample_agrees article-csrss; }

# bats test_tags=truth
@test "article-csrss-kernel agrees with its truth" { sample_agrees article-csrss-kernel; }

# bats test_tags=truth
@test "la57, a machine with 5-level paging, agrees with its truth" { sample_agrees la57; }

# bats test_tags=truth
@test "tampered, with drivers that hide, agrees with its truth" { sample_agrees tampered; }

# bats test_tags=truth
@test "loops agrees with its truth where it is not broken" { sample_agrees loops; }

# bats test_tags=truth
@test "the same machine in every container agrees with its truth" {
    local container
    for container in bitmap6 full rdmp8 rdmp9 rdmpa summary32 summary64 triage; do
        echo "$container:"
        sample_agrees article-active "$container"
    done
}

# bats test_tags=truth,slow
@test "the big dump agrees with its truth" { sample_agrees big; }

# bats test_tags=truth,slow
@test "the sparse dump of a 64 GB machine agrees with its truth" { sample_agrees sparse64g; }

# bats test_tags=truth
@test "the comparison does find a difference" {
    local dump mnt=$BATS_TEST_TMPDIR/mnt wrong=$BATS_TEST_TMPDIR/wrong.json
    dump=$(sample article-active)
    sed 's/"NotMyfault.exe"/"NotMyFault.exe"/g' "${dump%.dmp}.truth.json" >"$wrong"
    start "$dump" "$mnt"
    run -1 timeout 100 python3 tests/truth/compare.py "$mnt" "$wrong"
    unmount_dump "$mnt"
    [[ $output == *"expected NotMyFault.exe"* ]]
    [[ $output == *"got      NotMyfault.exe"* ]]
}
