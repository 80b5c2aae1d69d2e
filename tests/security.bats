# tests/security.bats - tokens, protection, mitigations; jobs, silos and sessions, and the links to
# them. The values are compared with the truth files by truth.bats and corpus.bats.

load dumps

setup_file() {
    load dumps
    export MNT=$BATS_FILE_TMPDIR/mnt
    start_sample zoo-19041 "$MNT"
}
teardown_file() { load dumps; unmount_below "$BATS_FILE_TMPDIR"; }
teardown() { unmount_below "$BATS_TEST_TMPDIR"; }

words='not-in-dump|paged-out|unmapped|invalid|no-symbols|not-in-this-build'

@test "who runs where, in one line of shell" {
    cut -f1,2,4,9-12 "$MNT/proc/list" | column -t -s$'\t' >"$BATS_TEST_TMPDIR/table"
    [ "$(wc -l <"$BATS_TEST_TMPDIR/table")" = "$(wc -l <"$MNT/proc/list")" ]
    grep -E '^4 +System +0x[0-9a-f]{16} +System ' "$BATS_TEST_TMPDIR/table"
}

@test "a token's SIDs are written out, with the names that are the same everywhere" {
    cat "$MNT"/proc/*/token >"$BATS_TEST_TMPDIR/tokens"
    grep -xF $'User:\tS-1-5-18 NT AUTHORITY\\SYSTEM' "$BATS_TEST_TMPDIR/tokens"
    run ! bash -c "grep -E $'^(User|Group):\t' '$BATS_TEST_TMPDIR/tokens' |
        grep -vE $'^(User|Group):\t(S-1-[0-9]+(-[0-9]+)* .+|<($words)>.*)\$'"
}

@test "the columns of /proc/list are those of the files" {
    local pid integrity protection
    while IFS=$'\t' read -r pid _ _ _ _ _ _ protection integrity _; do
        [ "$integrity" = - ] || [[ $integrity == '<'* ]] ||
            grep -qE $'^Integrity:\t'"$integrity \(0x" "$MNT/proc/$pid/token"
        [ "$protection" = - ] || [[ $protection == '<'* ]] ||
            grep -qE $'^Level:\t0x[0-9a-f]{2} '"$protection"'$' "$MNT/proc/$pid/protection"
    done < <(awk -F'\t' '$1 ~ /^[0-9]+$/ && !seen[$1]++' "$MNT/proc/list")
}

@test "links lead to directories of the mount, and there is no way back: find -L ends" {
    [ -z "$(find "$MNT/proc" -maxdepth 2 -xtype l)" ]
    [ "$(find "$MNT/proc" -maxdepth 2 -type l | wc -l)" -gt 0 ]
    run -0 timeout 60 find -L "$MNT/job" "$MNT/silo" "$MNT/session" "$MNT/proc" -maxdepth 4 -name status
    [ -z "$(find "$MNT/job" "$MNT/silo" "$MNT/session" -type l)" ]
    run ! grep -i loop <<<"$output"
}

@test "a process is in the table of the session, the silo and the job that its links lead to" {
    local folder link pid
    for folder in "$MNT"/proc/[0-9]*/; do
        pid=$(basename "$folder")
        for link in session silo job; do
            [ ! -L "$folder$link" ] || grep -qE "^${pid%~*}"$'\t' "$folder$link/processes"
        done
    done
}

@test "FlagNames says what a process is" {
    run -0 grep -h '^FlagNames' "$MNT/proc/4/status"
    [[ $output == *SystemProcess* ]]
}

@test "a build without silos says so" {
    local mnt=$BATS_TEST_TMPDIR/mnt
    start_sample zoo-10240 "$mnt"
    [ "$(ls "$mnt/silo")" = host ]
    run -0 cat "$mnt/silo/host/status" "$mnt/silo/host/processes"
    [ "$output" = $'<not-in-this-build>\n<not-in-this-build>' ]
    [ -z "$(find "$mnt/proc" -maxdepth 2 -name silo)" ]
    unmount_dump "$mnt"
}

# What is impossible about tokens, jobs and sessions is a line of /dump/warnings, and the tree ends.
warnings_of() { # VARIANT
    local mnt=$BATS_TEST_TMPDIR/mnt
    python3 tests/fixtures/damage.py "$(sample article-active)" "$BATS_TEST_TMPDIR" "$1"
    start "$BATS_TEST_TMPDIR/$1.dmp" "$mnt"
    timeout 20 cat "$mnt"/proc/*/{token,protection,mitigations} >"$BATS_TEST_TMPDIR/tokens"
    timeout 20 find -L "$mnt/job" "$mnt/silo" "$mnt/session" -type f -exec cat {} + >"$BATS_TEST_TMPDIR/jobs"
    timeout 20 ls -l "$mnt"/proc/*/ >"$BATS_TEST_TMPDIR/names"
    tee "$BATS_TEST_TMPDIR/warnings" <"$mnt/dump/warnings"
    unmount_dump "$mnt"
}

# bats test_tags=hostile
@test "SIDs and counts that cannot be are told, and invent no groups" {
    warnings_of token-sid-255 | grep 'not a SID'
    grep -F $'Group:\t<invalid> ' "$BATS_TEST_TMPDIR/tokens"
    warnings_of token-groups-huge | grep $'^TOKEN.UserAndGroupCount\t.*count is impossible'
    grep -xF $'Group:\t<invalid>' "$BATS_TEST_TMPDIR/tokens"
    warnings_of token-capabilities-huge | grep $'^TOKEN.CapabilityCount\t.*count is impossible'
    grep -xF $'Capability:\t<invalid>' "$BATS_TEST_TMPDIR/tokens"
    warnings_of token-package-user | grep 'not a SID'
    grep -xF $'AppContainer:\t<invalid>' "$BATS_TEST_TMPDIR/tokens"
}

# bats test_tags=hostile
@test "sessions and jobs that are nowhere are told" {
    warnings_of session-unmapped | grep $'^EPROCESS.Session\t.*pointer leads nowhere'
    warnings_of session-user | grep $'^EPROCESS.Session\t.*pointer leads nowhere'
    warnings_of job-unmapped | grep $'^EPROCESS.Job\t.*pointer leads nowhere'
}

# bats test_tags=hostile
@test "jobs whose nesting or lists go round in circles end, and are told" {
    warnings_of job-parent-itself | grep $'^EJOB.ParentJob\t.*nesting loops'
    warnings_of job-children-loop | grep $'^EJOB.ChildJobListHead\t'
    warnings_of job-members-loop | grep $'^EJOB.ProcessListHead\t'
}
