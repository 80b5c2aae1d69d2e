# tests/corpus.bats - the dumps of NTDUMPFS_CORPUS (NAME.dmp with NAME.truth.json) agree with their
# truth files: other builds, other containers, other machines than our own samples.

load dumps
setup() { requires_corpus; }
teardown() { unmount_below "$BATS_TEST_TMPDIR"; }

agrees() { compare_with_truth "$(corpus "$1").dmp" "$(corpus "$1").truth.json"; }

# bats test_tags=corpus
@test "article-notmyfault.active agrees with its truth" { agrees article-notmyfault.active; }

# bats test_tags=corpus
@test "article-notmyfault.kernel agrees with its truth" { agrees article-notmyfault.kernel; }

# bats test_tags=corpus,slow
@test "article-csrss.active agrees with its truth" { agrees article-csrss.active; }

# bats test_tags=corpus,slow
@test "article-csrss.kernel agrees with its truth" { agrees article-csrss.kernel; }

# bats test_tags=corpus
@test "small-14393.active agrees with its truth" { agrees small-14393.active; }

# bats test_tags=corpus,slow
@test "small-14393.kernel agrees with its truth" { agrees small-14393.kernel; }

# bats test_tags=corpus,slow
@test "small-14393-boot2.kernel agrees with its truth" { agrees small-14393-boot2.kernel; }

# bats test_tags=corpus,slow
@test "small-18362.live agrees with its truth" { agrees small-18362.live; }

# bats test_tags=corpus
@test "small-19041.full agrees with its truth" { agrees small-19041.full; }

# bats test_tags=corpus,slow
@test "small-19041.win-dmp-qemu agrees with its truth" { agrees small-19041.win-dmp-qemu; }

# bats test_tags=corpus
@test "small-19041.rdmp-full-user agrees with its truth" { agrees small-19041.rdmp-full-user; }

# bats test_tags=corpus
@test "small-20348.kernel5 agrees with its truth" { agrees small-20348.kernel5; }

# bats test_tags=corpus
@test "small-22000.active agrees with its truth" { agrees small-22000.active; }

# bats test_tags=corpus
@test "silo-17763.active agrees with its truth" { agrees silo-17763.active; }

# bats test_tags=corpus
@test "tampered-19041.active agrees with its truth" { agrees tampered-19041.active; }

# bats test_tags=corpus,slow
@test "desktop-22000.active agrees with its truth" { agrees desktop-22000.active; }

# bats test_tags=corpus,slow
@test "server-19041.kernel agrees with its truth" { agrees server-19041.kernel; }

# bats test_tags=corpus
@test "hostile-19041.active: what was not damaged agrees with its truth" { agrees hostile-19041.active; }

# bats test_tags=corpus
@test "small-19041.triage: what a small dump holds agrees with its truth" { agrees small-19041.triage; }

# A real file that Windows wrote; there is no truth file, these facts were read from it by hand.
# bats test_tags=corpus
@test "real-triage-19041: a dump that Windows wrote" {
    local mnt=$BATS_TEST_TMPDIR/mnt
    start "$(corpus real-triage-19041).dmp" "$mnt"
    run -0 cat "$mnt/dump/type"
    [[ $output == *$'Kind:\ttriage'* ]]
    [[ $output == *$'DumpType:\t4 TRIAGE'* ]]
    run -0 cat "$mnt/dump/bugcheck"
    [[ ${lines[0]} == $'Code:\t0x1000007e SYSTEM_THREAD_EXCEPTION_NOT_HANDLED'* ]]
    run -0 cat "$mnt/target"
    [[ $output == *$'Build:\t19041'* ]]
    [[ $output == *$'Processors:\t16'* ]]
    run -0 cat "$mnt/modules/list"
    [ ${#lines[@]} = 151 ]
    run -0 find "$mnt" -type f -exec cat {} +
    unmount_dump "$mnt"
}

# Files that other projects' containers hold are read by other means, or not yet.
# bats test_tags=corpus
@test "every crash dump of the corpus is compared in this file" {
    local dump name missing=
    for dump in "$NTDUMPFS_CORPUS"/*.dmp; do
        name=${dump##*/}
        name=${name%.dmp}
        [ "$(head -c 8 "$dump")" = PAGEDU64 ] || continue
        grep -qwF -- "$name" tests/corpus.bats || missing+=" $name"
    done
    echo "not compared:$missing"
    [ -z "$missing" ]
}
