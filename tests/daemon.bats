# tests/daemon.bats - the daemon as such, whatever the tree holds: mounting and refusing to, what the
# file system promises to tools, how many requests they cost, how it ends.
#
# shellcheck disable=SC2016 # awk, perl and the commands of inner shells expand their own variables

setup_file() {
    load helpers
    [ -w /dev/fuse ] || return 0 # each test then says that it cannot run
    SAMPLE=$(sample_dump)
    STATS=$BATS_FILE_TMPDIR/stats
    export SAMPLE STATS
    mount_dump "$SAMPLE" -o "stats=$STATS"
    export TREE=$MNT
}
teardown_file() {
    load helpers
    unmount_below "$BATS_FILE_TMPDIR"
}
setup() {
    load helpers
    requires fuse
    export MNT=$TREE
}
teardown() { unmount_below "$BATS_TEST_TMPDIR"; }

# refuses STATUS FILE REASON ARGUMENT...: one line on stderr, no mount.
refuses() {
    local status=$1 file=$2 reason=$3
    shift 3
    run -"$status" --separate-stderr timeout 30 "$NTDUMPFS" "$@"
    [ -z "$output" ]
    echo "$stderr"
    [[ $stderr == "ntdumpfs: $file: "*"$reason"* ]]
    [ "${#stderr_lines[@]}" = 1 ]
    run ! is_mounted "${*: -1}"
}

usage_error() { # TEXT ARGUMENT...
    local text=$1
    shift
    run -1 --separate-stderr timeout 30 "$NTDUMPFS" "$@"
    echo "$stderr"
    [[ $stderr == "ntdumpfs: "*"$text"* ]]
    [ "${#stderr_lines[@]}" = 1 ]
}

some_files() { find "$TREE" -type f | head -n "${1:-300}"; }

# --- mounting -----------------------------------------------------------------------------------

@test "the command returns when the mount is ready" {
    mount_dump "$SAMPLE"
    [ -s "$MNT/README" ]
    unmount_dump
    run ! is_mounted "$MNT"
}

@test "mount(8) shows the dump, fuse.ntdumpfs and ro,nosuid,nodev" {
    run -0 awk -v at="$TREE" '$2 == at { print $1, $3, $4 }' /proc/mounts
    [[ $output == "$(realpath "$SAMPLE") fuse.ntdumpfs ro,nosuid,nodev,"* ]]
}

@test "rw, suid and dev are taken and have no effect" {
    mount_dump "$SAMPLE" -o rw,suid,dev,exec,defaults,noauto,nofail,user,_netdev,x-a.b=c,comment=x,relatime
    run -0 awk -v at="$MNT" '$2 == at { print $4 }' /proc/mounts
    [[ $output == ro,nosuid,nodev,* ]]
}

@test "a dump whose name holds blank, comma, backslash and quote" {
    ln -s "$(realpath "$SAMPLE")" "$BATS_TEST_TMPDIR/a b,c\\d'e.dmp"
    cp "$SAMPLE" "$BATS_TEST_TMPDIR/f g,h\\i'j.dmp"
    mount_dump "$BATS_TEST_TMPDIR/f g,h\\i'j.dmp"
    run -0 awk -v at="$MNT" '$2 == at { print $1 }' /proc/mounts
    [ "$(printf '%b' "$output")" = "$BATS_TEST_TMPDIR/f g,h\\i'j.dmp" ]
    mount_dump "$BATS_TEST_TMPDIR/a b,c\\d'e.dmp"
}

@test "fsname= is shown instead, with an escaped comma" {
    mount_dump "$SAMPLE" -o 'fsname=my\,dump,ro'
    run -0 awk -v at="$MNT" '$2 == at { print $1 }' /proc/mounts
    [ "$output" = my,dump ]
}

@test "relative paths: dump, folder, counters" {
    cp "$SAMPLE" "$BATS_TEST_TMPDIR/d.dmp"
    cd "$BATS_TEST_TMPDIR"
    mkdir m
    timeout 60 "$NTDUMPFS" -o stats=counters d.dmp m 3>&- 4>&-
    find m -type f | head -n 1 | xargs cat >/dev/null
    unmount_dump "$PWD/m"
    until_true grep -q ^requests counters
}

@test "the daemon keeps no descriptor of its caller and no folder busy" {
    local pid
    mount_dump "$SAMPLE"
    pid=$(daemon_pid)
    [ "$(readlink "/proc/$pid/cwd")" = / ]
    for n in 0 1 2; do [ "$(readlink "/proc/$pid/fd/$n")" = /dev/null ]; done
    run ! grep -l "^$BATS_ROOT" <(readlink "/proc/$pid"/fd/*)
    # A pipeline ends although the daemon lives: it has closed the pipe that it inherited.
    mkdir "$BATS_TEST_TMPDIR/other"
    timeout 20 bash -c '"$NTDUMPFS" "$SAMPLE" "$1" 5>&1 | cat' - "$BATS_TEST_TMPDIR/other" 3>&- 4>&-
    is_mounted "$BATS_TEST_TMPDIR/other"
}

@test "-f stays in the foreground, -s answers with one thread" {
    mkdir "$BATS_TEST_TMPDIR/m"
    timeout 60 "$NTDUMPFS" -f -s "$SAMPLE" "$BATS_TEST_TMPDIR/m" 3>&- 4>&- &
    local pid=$!
    until_true is_mounted "$BATS_TEST_TMPDIR/m"
    [ -s "$BATS_TEST_TMPDIR/m/README" ]
    lives $pid
    unmount_dump "$BATS_TEST_TMPDIR/m"
    wait $pid
}

@test "-d tells about the dump and the requests" {
    mkdir "$BATS_TEST_TMPDIR/m"
    timeout 60 "$NTDUMPFS" -d "$SAMPLE" "$BATS_TEST_TMPDIR/m" 2>"$BATS_TEST_TMPDIR/log" 3>&- 4>&- &
    local pid=$!
    until_true is_mounted "$BATS_TEST_TMPDIR/m"
    ls "$BATS_TEST_TMPDIR/m"
    unmount_dump "$BATS_TEST_TMPDIR/m"
    wait $pid
    grep -q '^ntdumpfs: .*container' "$BATS_TEST_TMPDIR/log"
    grep -q READDIRPLUS "$BATS_TEST_TMPDIR/log"
}

@test "twenty times in a row: mount, read, unmount" {
    mkdir "$BATS_TEST_TMPDIR/m"
    for _ in {1..20}; do
        timeout 60 "$NTDUMPFS" "$SAMPLE" "$BATS_TEST_TMPDIR/m" 3>&- 4>&-
        [ -s "$BATS_TEST_TMPDIR/m/README" ]
        timeout 10 fusermount3 -u "$BATS_TEST_TMPDIR/m"
    done
    until_true not daemon_pid "$BATS_TEST_TMPDIR/m"
}

# --- refusing -----------------------------------------------------------------------------------

@test "no dump, a folder, something else, nothing" {
    mkdir "$BATS_TEST_TMPDIR/m"
    refuses 32 "$BATS_TEST_TMPDIR/none" 'No such file' "$BATS_TEST_TMPDIR/none" "$BATS_TEST_TMPDIR/m"
    refuses 32 /usr 'Is a directory' /usr "$BATS_TEST_TMPDIR/m"
    refuses 32 tests/helpers.bash '' tests/helpers.bash "$BATS_TEST_TMPDIR/m"
    refuses 32 /dev/null '' /dev/null "$BATS_TEST_TMPDIR/m"
}

@test "a name that would move the cursor is shown escaped" {
    mkdir "$BATS_TEST_TMPDIR/m"
    refuses 32 'x\x1b[2J\x0ay' 'No such file' $'x\033[2J\ny' "$BATS_TEST_TMPDIR/m"
}

@test "no folder, a file, a folder that is mounted already" {
    touch "$BATS_TEST_TMPDIR/file"
    refuses 32 "$BATS_TEST_TMPDIR/none" 'No such file' "$SAMPLE" "$BATS_TEST_TMPDIR/none"
    refuses 32 "$BATS_TEST_TMPDIR/file" 'Not a directory' "$SAMPLE" "$BATS_TEST_TMPDIR/file"
    run -32 --separate-stderr timeout 30 "$NTDUMPFS" "$SAMPLE" "$TREE"
    [ "$stderr" = "ntdumpfs: $TREE: already mounted" ]
    [ "$(awk -v at="$TREE" '$2 == at' /proc/mounts | wc -l)" = 1 ]
}

@test "counters that cannot be written are found before the mount" {
    mkdir "$BATS_TEST_TMPDIR/m"
    refuses 32 /nowhere/stats 'No such file' -o stats=/nowhere/stats "$SAMPLE" "$BATS_TEST_TMPDIR/m"
}

@test "usage errors name what is wrong and end with 1" {
    usage_error 'a dump and a directory'
    usage_error 'a dump and a directory' "$SAMPLE"
    usage_error 'too many' "$SAMPLE" a b
    usage_error "'colour=red'" -o ro,colour=red "$SAMPLE" "$BATS_TEST_TMPDIR"
    usage_error "-x" -x "$SAMPLE" "$BATS_TEST_TMPDIR"
    usage_error "--frobnicate" --frobnicate
    usage_error "-o" -o
    usage_error "threads=" -o threads=0 "$SAMPLE" "$BATS_TEST_TMPDIR"
    usage_error "threads=" -o threads=many "$SAMPLE" "$BATS_TEST_TMPDIR"
    usage_error "cache=" -o cache=12X "$SAMPLE" "$BATS_TEST_TMPDIR"
    usage_error "raw=" -o raw=yes "$SAMPLE" "$BATS_TEST_TMPDIR"
    usage_error "umask=" -o umask=8 "$SAMPLE" "$BATS_TEST_TMPDIR"
    usage_error "uid=" -o uid=-1 "$SAMPLE" "$BATS_TEST_TMPDIR"
    usage_error "exclude" -o allow_root,allow_other "$SAMPLE" "$BATS_TEST_TMPDIR"
}

@test "--help and --version" {
    run -0 --separate-stderr "$NTDUMPFS" --help
    [[ $output == "usage: ntdumpfs "* && -z $stderr ]]
    run -0 "$NTDUMPFS" -h
    run -0 --separate-stderr "$NTDUMPFS" --version
    [[ $output =~ ^ntdumpfs\ [0-9.]+\  && -z $stderr ]]
    run -0 "$NTDUMPFS" -V
}

# --- what tools are promised --------------------------------------------------------------------

@test "every file is as long as it says, and the same when read again" {
    some_files | while IFS= read -r file; do
        [ "$(stat -c %s "$file")" = "$(wc -c <"$file")" ] || { echo "$file" && exit 1; }
    done
    some_files | xargs -d '\n' md5sum >"$BATS_TEST_TMPDIR/once"
    mount_dump "$SAMPLE"
    (cd "$MNT" && sed "s#$TREE/##" "$BATS_TEST_TMPDIR/once" | md5sum --quiet -c)
}

@test "errors are those of a read-only file system" {
    local some
    some=$(some_files 1)
    for try in "touch $TREE/x" "mkdir $TREE/x" "rm $some" "truncate -s 0 $some" "mv $some $some.x" \
        "ln -s a $TREE/x" "setfattr -n user.x -v 1 $some" "chmod 644 $some"; do
        # shellcheck disable=SC2086 # a command and its arguments
        run ! env LC_ALL=C timeout 10 $try
        echo "$try: $output"
        [[ $output == *'Read-only file system'* ]]
    done
    run ! env LC_ALL=C timeout 10 cat "$TREE"
    [[ $output == *'Is a directory'* ]]
    run ! env LC_ALL=C timeout 10 cat "$some/x"
    [[ $output == *'Not a directory'* ]]
    run ! env LC_ALL=C timeout 10 cat "$TREE/no such name"
    [[ $output == *'No such file or directory'* ]]
    run ! env LC_ALL=C timeout 10 cat "$TREE/$(printf 'n%.0s' {1..300})"
    [[ $output == *'File name too long'* ]]
}

@test "attributes: owner, modes, times, links, inode numbers" {
    [ "$(stat -c '%a %u %g' "$TREE" "$TREE/README" | tr '\n' ,)" = "555 $(id -u) $(id -g),444 $(id -u) $(id -g)," ]
    [ "$(stat -c %Y "$TREE/README")" = "$(stat -c %Y "$TREE")" ]
    [ "$(stat -c %i "$TREE")" = 1 ]
    find "$TREE" -type f -links -2 | grep -q .
    run -0 bash -c 'find "$TREE" ! -type l -printf "%i\n" | head -n 3000 | sort | uniq -d'
    [ -z "$output" ]
}

@test "uid=, gid=, umask=" {
    mount_dump "$SAMPLE" -o uid=12,gid=34,umask=027
    [ "$(stat -c '%a %u %g' "$MNT" "$MNT/README" | tr '\n' ,)" = '550 12 34,440 12 34,' ]
}

@test "links end inside of the mount" {
    run -0 bash -c 'find "$TREE" -type l | head -n 50 | while IFS= read -r link; do
        target=$(readlink "$link") && [[ $target != /* ]] && [ ${#target} = "$(stat -c %s "$link")" ] &&
            [[ $(realpath "$link") == "$TREE"/* ]] || echo "$link -> $target"
    done'
    [ -z "$output" ]
}

@test "a directory can be read again from any place" {
    requires perl
    run -0 timeout 30 perl -e '
        for my $dir (split /\n/, `find \Q$ARGV[0]\E -type d | head -n 40`) {
            opendir(my $d, $dir) or die "$dir: $!";
            my (@names, @places);
            while (push(@places, telldir $d), defined(my $n = readdir $d)) { push @names, $n }
            for my $i (reverse 0 .. $#names) {
                seekdir $d, $places[$i];
                my $n = readdir $d;
                die "$dir: $n instead of $names[$i]" if $n ne $names[$i];
            }
            die "$dir: no . and .." if join(" ", @names[0, 1]) ne ". ..";
        }' "$TREE"
}

@test "statfs tells the size of the dump" {
    run -0 df --output=size,avail -B1 "$TREE"
    [ "$(awk 'END { print $2 }' <<<"$output")" = 0 ]
    [ "$(awk 'END { print $1 }' <<<"$output")" -ge "$(stat -L -c %s "$SAMPLE")" ]
}

@test "extended attributes: ours or none" {
    requires getfattr
    run -0 getfattr -d -m - "$TREE/README"
    run ! env LC_ALL=C getfattr -n user.nothing "$TREE/README"
    [[ $output == *'No such attribute'* ]]
    run ! env LC_ALL=C getfattr -n security.selinux "$TREE/README"
    some_files 50 | xargs -d '\n' getfattr --absolute-names -d | grep -vE '^$|^#' >"$BATS_TEST_TMPDIR/all" || true
    run -1 grep -vE '^user\.ntdump\.(address="0x[0-9a-f]{16}"|type="[^"]+"|source="[^"]+")$' "$BATS_TEST_TMPDIR/all"
}

@test "a small cache and many readers: the same bytes" {
    mount_dump "$SAMPLE" -o cache=1K,threads=8
    some_files | sed "s#$TREE/##" >"$BATS_TEST_TMPDIR/names"
    (cd "$TREE" && xargs -d '\n' md5sum) <"$BATS_TEST_TMPDIR/names" >"$BATS_TEST_TMPDIR/sums"
    for i in 1 2 3 4; do
        (cd "$MNT" && shuf "$BATS_TEST_TMPDIR/sums" | timeout 50 md5sum --quiet -c) &
        pids[i]=$!
    done
    for pid in "${pids[@]}"; do wait "$pid"; done
}

# --- how much they ask --------------------------------------------------------------------------

@test "requests of a cold and a warm grep -r" {
    mount_dump "$SAMPLE" -o "stats=$BATS_TEST_TMPDIR/s"
    run ! timeout 50 grep -r 'no such text anywhere' "$MNT"
    write_counters "$BATS_TEST_TMPDIR/s"
    local cold warm files dirs
    cold=$(counter "$BATS_TEST_TMPDIR/s" requests)
    [ "$(counter "$BATS_TEST_TMPDIR/s" open)" -le 1 ]
    [ "$(counter "$BATS_TEST_TMPDIR/s" opendir)" -le 1 ]
    [ "$(counter "$BATS_TEST_TMPDIR/s" release)" = 0 ]
    run ! timeout 50 grep -r 'no such text anywhere' "$MNT"
    write_counters "$BATS_TEST_TMPDIR/s"
    warm=$(($(counter "$BATS_TEST_TMPDIR/s" requests) - cold))
    files=$(find "$MNT" -type f | wc -l)
    dirs=$(find "$MNT" -type d | wc -l)
    # A long file is read in pieces of 128 KiB, a long directory in several calls.
    local pieces calls
    pieces=$(find "$MNT" -type f -size +128k -printf '%s\n' | awk '{ n += $1 / 131072 } END { print int(n) }')
    calls=$(find "$MNT" | wc -l)
    echo "cold $cold, warm $warm, files $files, dirs $dirs"
    [ "$cold" -le $((2 * files + 2 * dirs + pieces + calls / 20 + 10)) ]
    # Next to nothing; a kernel that is short of memory may forget some of it.
    [ "$warm" -le $((5 + cold / 5)) ]
    # Every file was made once, although it was asked for twice (size, contents); what is made
    # on the way to /dump/missing is not counted here.
    [ "$(counter "$BATS_TEST_TMPDIR/s" cache_misses)" -le $((files + files / 20 + 5)) ]
}

@test "a warm ls -lR and find ask next to nothing" {
    local before after
    mount_dump "$SAMPLE" -o "stats=$BATS_TEST_TMPDIR/s"
    timeout 50 ls -lR "$MNT" >/dev/null
    write_counters "$BATS_TEST_TMPDIR/s"
    before=$(counter "$BATS_TEST_TMPDIR/s" requests)
    timeout 50 ls -lR "$MNT" >/dev/null
    timeout 50 find "$MNT" -size +1k >/dev/null
    write_counters "$BATS_TEST_TMPDIR/s"
    after=$(counter "$BATS_TEST_TMPDIR/s" requests)
    echo "$before, then $((after - before))"
    [ $((after - before)) -le $((6 + before / 5)) ] # a kernel short of memory forgets some
}

@test "raw memory is read in pieces of up to 1 MiB" {
    requires root
    local folder="$BATS_TEST_TMPDIR/a b\\c" before
    mkdir "$folder"
    timeout 60 "$NTDUMPFS" -o "stats=$BATS_TEST_TMPDIR/s" "$SAMPLE" "$folder" 3>&- 4>&-
    MNT=$folder
    ls "$MNT" >/dev/null
    timeout 50 dd if="$MNT/mem/physical" of="$BATS_TEST_TMPDIR/part" bs=1M count=64 status=none
    : >"$BATS_TEST_TMPDIR/s"
    kill -USR1 "$(pgrep -f "stats=$BATS_TEST_TMPDIR/s")"
    until_true grep -q '^cache_bytes ' "$BATS_TEST_TMPDIR/s"
    before=$(counter "$BATS_TEST_TMPDIR/s" read)
    echo "$before reads of 64 MiB"
    [ "$before" -le 150 ] # 512 of 128 KiB
    # The same bytes as read page by page.
    mount_dump "$SAMPLE"
    timeout 50 dd if="$MNT/mem/physical" bs=4096 count=16384 iflag=direct status=none | cmp - "$BATS_TEST_TMPDIR/part"
    unmount_dump "$folder"
}

@test "a name that does not exist is asked for once" {
    local before after
    mount_dump "$SAMPLE" -o "stats=$BATS_TEST_TMPDIR/s"
    run ! stat "$MNT/none"
    write_counters "$BATS_TEST_TMPDIR/s"
    before=$(counter "$BATS_TEST_TMPDIR/s" lookup)
    for _ in 1 2 3; do run ! stat "$MNT/none"; done
    write_counters "$BATS_TEST_TMPDIR/s"
    [ "$(counter "$BATS_TEST_TMPDIR/s" lookup)" = "$before" ]
}

@test "counters are written at the end, too" {
    mount_dump "$SAMPLE" -o "stats=$BATS_TEST_TMPDIR/s"
    cat "$MNT/README" >/dev/null
    [ ! -s "$BATS_TEST_TMPDIR/s" ]
    unmount_dump
    until_true grep -q '^read [1-9]' "$BATS_TEST_TMPDIR/s"
}

# --- how it ends --------------------------------------------------------------------------------

@test "SIGTERM, SIGINT and SIGHUP unmount, and the daemon ends with 0" {
    mkdir "$BATS_TEST_TMPDIR/m"
    for signal in TERM INT HUP; do
        # A background job of a shell ignores SIGINT, and so would the daemon.
        timeout 60 env --default-signal "$NTDUMPFS" -f "$SAMPLE" "$BATS_TEST_TMPDIR/m" 3>&- 4>&- &
        local job=$!
        until_true is_mounted "$BATS_TEST_TMPDIR/m"
        [ -s "$BATS_TEST_TMPDIR/m/README" ]
        kill -$signal "$(daemon_pid "$BATS_TEST_TMPDIR/m")"
        wait $job
        run ! is_mounted "$BATS_TEST_TMPDIR/m"
    done
}

@test "SIGTERM while a file is open and another is being read" {
    mount_dump "$SAMPLE"
    local pid
    pid=$(daemon_pid)
    exec 7<"$MNT/README"
    (timeout 30 grep -r x "$MNT" >/dev/null 2>&1 || true) &
    local reader=$!
    sleep 0.1
    kill "$pid"
    until_true not lives "$pid"
    exec 7<&-
    wait $reader
    run ! is_mounted "$MNT"
}

@test "umount -l: open files stay readable, then the daemon ends" {
    requires root
    mount_dump "$SAMPLE"
    local pid
    pid=$(daemon_pid)
    exec 7<"$MNT/README"
    timeout 10 umount -l "$MNT"
    lives "$pid"
    [ -n "$(timeout 10 cat <&7)" ]
    exec 7<&-
    until_true not lives "$pid"
}

@test "auto_unmount cleans up after a daemon that was killed" {
    mount_dump "$SAMPLE" -o auto_unmount
    kill -KILL "$(daemon_pid)"
    until_true not is_mounted "$MNT"
}

@test "two mounts of one dump do not know each other" {
    mount_dump "$SAMPLE"
    local one=$MNT
    mount_dump "$SAMPLE"
    diff "$one/README" "$MNT/README"
    unmount_dump "$one"
    [ -s "$MNT/README" ]
}
