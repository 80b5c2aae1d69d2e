# tests/listing.bats - the listing of NotMyfault.exe that an article printed from its machine's dump:
# the same bytes from the sample dump that has the article's addresses.
#
# tests/data/article-listing.txt is the article's text, with one difference: without ntdll's symbols
# its thread pool's routine, ntdll!TppWorkerThread (00007ffa`3da59040), is ntdll+0x39040.

load dumps

setup_file() {
    load dumps
    export MNT=$BATS_FILE_TMPDIR/mnt
    start_sample article-active "$MNT"
}
teardown_file() { load dumps; unmount_below "$BATS_FILE_TMPDIR"; }

notmyfault() { awk -F '\t' '$2 == "NotMyfault.exe" { print $1 }' "$MNT/proc/list"; }

@test "proc/<pid>/listing of NotMyfault.exe is the article's, byte for byte" {
    cmp "$MNT/proc/$(notmyfault)/listing" tests/data/article-listing.txt
}

@test "it stands in /listing/processes between blank lines" {
    awk -v RS= '/\tNotMyfault.exe\n/' "$MNT/listing/processes" | cmp - tests/data/article-listing.txt
}

@test "the offset of the thread pool's routine is that of the truth file" {
    local truth
    truth=$(sample article-active)
    truth=${truth%.dmp}.truth.json
    run -0 jq -r '.ntdll.hidden.TppWorkerThread - .ntdll.base' "$truth"
    [ "$((output))" = $((0x39040)) ]
}

@test "the article's process has the article's pid: 0x141c" {
    [ "$(notmyfault)" = $((0x141c)) ]
    cmp "$MNT/proc/0x141c/listing" tests/data/article-listing.txt
}

@test "vertarget is the article's" {
    run -0 cat "$MNT/vertarget"
    [ ${#lines[@]} = 7 ]
    [ "${lines[0]}" = 'Windows 10 Kernel Version 10240 MP (2 procs) Free x64' ]
    [ "${lines[1]}" = 'Product: WinNt, suite: TerminalServer SingleUserTS' ]
    [ "${lines[2]}" = 'Built by: 10240.16393.amd64fre.th1_st1.150717-1719' ]
    [ "${lines[3]}" = 'Machine Name:' ]
    # shellcheck disable=SC2016
    [ "${lines[4]}" = 'Kernel base = 0xfffff803`15415000 PsLoadedModuleList = 0xfffff803`1573a030' ]
    [ "${lines[5]}" = 'Debug session time: Tue Aug  4 11:21:22.658 2015 (UTC + 9:00)' ]
    [ "${lines[6]}" = 'System Uptime: 0 days 18:04:16.257' ]
}

@test "without user pages the listing keeps what kernel memory tells: module+0xOFF" {
    local mnt=$BATS_TEST_TMPDIR/mnt
    start_sample article-kernel "$mnt"
    run -0 cat "$mnt/proc/0x141c/listing"
    unmount_dump "$mnt"
    [ "${lines[2]}" = $'\t\tStart->NotMyfault+0x2f98 (00007ff7`cf1a2f98)\tRip->ntdll+0x9356a (00007ffa`3dab356a)' ]
}
