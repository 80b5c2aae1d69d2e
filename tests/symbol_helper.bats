# tests/symbol_helper.bats - ntdumpfs-symbols, against a symbol server on loopback whose log is looked
# at: what is asked for, and that nothing is unless the user says so.

load dumps

setup_file() {
    load dumps
    requires jq curl python3
    DUMP=$(sample article-active)
    TRUTH=${DUMP%.dmp}.truth.json
    REMOTE=$BATS_FILE_TMPDIR/remote
    WANTED=$BATS_FILE_TMPDIR/wanted
    export DUMP TRUTH REMOTE WANTED
    export HELPER=$PWD/mount-helpers/ntdumpfs-symbols NTDUMPFS_SYMBOLS_PAUSE=0
    : >"$BATS_FILE_TMPDIR/no-symbols"
    echo '0x39040 2 TppWorkerThread' >"$BATS_FILE_TMPDIR/symbols"
    # What is asked for, from the truth file; `list` is compared with it.
    jq -r '([.modules[] | "missing\t\(.pdb)/\(.guid)\(.age)/\(.pdb)\t\(.name | sub("\\.[^.]*$"; ""))"],
            ["missing\tntdll.pdb/\(.ntdll.guid)1/ntdll.pdb\tntdll"]) | .[]' "$TRUTH" |
        sed 's/\tntoskrnl$/\tnt/' >"$WANTED"
    local name
    for name in ntdll ntkrnlmp hal CLFS; do
        serve "$name" "$(key "$name")"
    done
}

setup() {
    load dumps
    DIR=$BATS_TEST_TMPDIR/dir LOG=$BATS_TEST_TMPDIR/log
    : >"$LOG"
    SERVER_PID=
    # Nothing of this machine's user may play a part.
    export XDG_CACHE_HOME=$BATS_TEST_TMPDIR/cache HOME=$BATS_TEST_TMPDIR TMPDIR=$BATS_TEST_TMPDIR/tmp
    mkdir "$TMPDIR"
    unset http_proxy https_proxy all_proxy HTTPS_PROXY ALL_PROXY NTDUMPFS_SYMBOLS
}
teardown() {
    [ -z "$SERVER_PID" ] || kill "$SERVER_PID" 2>/dev/null || true
    unmount_below "$BATS_TEST_TMPDIR"
    # The helper leaves neither mounts nor temporary folders.
    [ -z "$(ls -A "$TMPDIR")" ]
}

key() { # NAME
    sed -nE "s|^missing\t$1\.pdb/([0-9A-F]+)/.*|\1|p" "$WANTED" | head -n 1
}

# serve NAME KEY [GUID]: a PDB on the server, perhaps with another GUID than its place says.
serve() {
    local guid=${3:-${2:0:32}}
    mkdir -p "$REMOTE/$1.pdb/$2"
    python3 tests/fixtures/pdb.py --guid "$guid" --age 1 --bulk 50 \
        --symbols "$BATS_FILE_TMPDIR/symbols" "$REMOTE/$1.pdb/$2/$1.pdb"
}

start_server() { # [NAME=BEHAVIOUR...]
    python3 tests/fixtures/symserver.py "$REMOTE" "$LOG" "$@" >"$BATS_TEST_TMPDIR/port" \
        3>&- 4>&- &
    SERVER_PID=$!
    until_true test -s "$BATS_TEST_TMPDIR/port"
    SERVER=http://127.0.0.1:$(cat "$BATS_TEST_TMPDIR/port")/download/symbols
}

fetch() { # MODULE...
    timeout 50 "$HELPER" fetch "$WANTED" --server "$SERVER" --dir "$DIR" "$@" 3>&- 4>&-
}

# The server's log without what is the same in every line: path, range, status.
requests() { sed 's|^/download/symbols/||; s|/[0-9A-F]*1/|/KEY/|' "$LOG"; }

is_fetched() { # NAME
    cmp "$DIR/$1.pdb/$(key "$1")/$1.pdb" "$REMOTE/$1.pdb/$(key "$1")/$1.pdb" &&
        [ "$(find "$DIR/$1.pdb" -type f | wc -l)" = 1 ]
}

nothing_is_kept() { [ -z "$(find "$DIR" -type f 2>/dev/null)" ]; }

# --- what is asked for --------------------------------------------------------------------------

@test "list names what the dump asks for, and asks nobody" {
    start_server
    run -0 --separate-stderr "$HELPER" list "$DUMP"
    comm -13 <(sort <<<"$output") <(sort -u "$WANTED") >"$BATS_TEST_TMPDIR/lacking"
    [ ! -s "$BATS_TEST_TMPDIR/lacking" ]
    [ -z "$stderr" ]
    [ ! -s "$LOG" ]
    run ! grep -q "$BATS_TEST_TMPDIR" /proc/mounts
}

@test "list reads a mounted tree as well, and leaves it mounted" {
    start "$DUMP" "$BATS_TEST_TMPDIR/mnt"
    "$HELPER" list "$BATS_TEST_TMPDIR/mnt" >"$BATS_TEST_TMPDIR/mounted"
    is_mounted "$BATS_TEST_TMPDIR/mnt"
    unmount_dump "$BATS_TEST_TMPDIR/mnt"
    "$HELPER" list "$DUMP" | cmp - "$BATS_TEST_TMPDIR/mounted"
}

@test "list says what is there, as PDB or as ISF file" {
    mkdir -p "$DIR/ntdll.pdb/$(key ntdll)" "$DIR/hal.pdb"
    : >"$DIR/ntdll.pdb/$(key ntdll)/ntdll.pdb"
    local hal
    hal=$(key hal)
    : >"$DIR/hal.pdb/${hal%1}-1.json.xz"
    run -0 "$HELPER" list "$WANTED" --dir "$DIR"
    [[ $output == *$'present\tntdll.pdb/'* ]]
    [[ $output == *$'present\thal.pdb/'* ]]
    [[ $output == *$'missing\tntkrnlmp.pdb/'* ]]
}

@test "what cannot be mounted is an error with one line" {
    run -2 "$HELPER" list /nonexistent
    [ "$output" = 'ntdumpfs-symbols: /nonexistent: no such file' ]
    run -2 "$HELPER" list "$BATS_FILE_TMPDIR/symbols"
    [[ $output == *'could not be mounted' ]]
    run -2 "$HELPER" list "$BATS_TEST_TMPDIR"
    [[ $output == *'no dump is mounted here' ]]
}

@test "names that are none of files are left out of paths and addresses" {
    start_server
    WANTED=$BATS_TEST_TMPDIR/hostile
    local key=0123456789ABCDEF0123456789ABCDEF1
    printf 'missing\t%s\tx\n' "../../etc.pdb/$key/a" "a b.pdb/$key/a" ".hidden/$key/a" \
        "-x;id.pdb/$key/a" "a%2f.pdb/$key/a" "ok.pdb/../ok.pdb" "ok.pdb/${key}zz/ok.pdb" \
        $'esc\e[31m.pdb/'"$key/a" "$(printf 'a%.0s' {1..65})/$key/a" >"$WANTED"
    run -0 fetch
    [ ! -s "$LOG" ]
    nothing_is_kept
    [[ $output == *'9 names in it are none of symbol files: left out' ]]
}

@test "wrong usage is status 2" {
    local words
    for words in "" "list" "fetch" "import" "steal $DUMP" "list --dir" "list a b" "list --nothing" \
        "fetch $WANTED --server ftp://127.0.0.1/" "fetch $WANTED --server file:///etc"; do
        # shellcheck disable=SC2086 # words
        run -2 "$HELPER" $words
        [[ ${lines[0]} == 'ntdumpfs-symbols: '* ]]
    done
    run -0 "$HELPER" --help
    [[ $output == usage:* ]]
}

# --- downloading --------------------------------------------------------------------------------

@test "fetch downloads what is asked for; the second time nothing" {
    start_server
    run -0 --separate-stderr fetch ntdll
    [ "$output" = "fetched	ntdll.pdb/$(key ntdll)/ntdll.pdb	ntdll" ]
    [ -z "$stderr" ]
    is_fetched ntdll
    [ "$(requests)" = 'ntdll.pdb/KEY/ntdll.pdb - 200' ]
    run -0 fetch ntdll
    [[ $output == present* ]]
    [ "$(wc -l <"$LOG")" = 1 ]
}

@test "modules are named as WinDbg does, by file or by PDB" {
    start_server
    run -0 fetch nt NTDLL.DLL hal.pdb
    is_fetched ntkrnlmp
    is_fetched ntdll
    is_fetched hal
    [ "$(wc -l <"$LOG")" = 3 ]
    run -1 fetch nosuchmodule
    [[ $output == *'nosuchmodule: no module of the dump is called so' ]]
}

@test "without names everything; what is missing is status 1" {
    start_server
    run -1 --separate-stderr fetch
    [ "$(grep -c '^fetched' <<<"$output")" = 4 ]
    [ "$(grep -c '^missing' <<<"$output")" = $(($(cut -f 2 "$WANTED" | sort -u | wc -l) - 4)) ]
    [[ $stderr == *'tcpip.pdb: not on the server'* ]]
}

@test "fetch from the dump itself, into the folder that ntdumpfs searches" {
    start_server
    run -0 timeout 50 "$HELPER" fetch "$DUMP" --server="$SERVER/" ntdll
    start "$DUMP" "$BATS_TEST_TMPDIR/mnt"
    run -0 cat "$BATS_TEST_TMPDIR/mnt/proc/0x141c/listing"
    unmount_dump "$BATS_TEST_TMPDIR/mnt"
    [ "$output" = "$(cat tests/data/article-listing-symbols.txt)" ]
}

@test "a redirection is followed, one in circles is not" {
    start_server ntdll.pdb=redirect hal.pdb=endless
    run -0 fetch ntdll
    is_fetched ntdll
    [ "$(sed -n 2p "$LOG" | cut -d ' ' -f 3)" = 200 ]
    [[ $(sed -n 2p "$LOG") == '/moved/download/symbols/ntdll.pdb/'*'?sig=a%2Fb&c=d - 200' ]]
    run -1 fetch hal
    [[ $output == *'hal.pdb: the server sends us in circles' ]]
}

@test "404: the packed file is asked for, then the pointer" {
    start_server
    with_cabextract
    run -1 fetch tcpip
    [ "$(requests)" = 'tcpip.pdb/KEY/tcpip.pdb - 404
tcpip.pdb/KEY/tcpip.pd_ - 404
tcpip.pdb/KEY/file.ptr - 404' ]
    [[ $output == *'tcpip.pdb: not on the server' ]]
    nothing_is_kept
}

# A stand-in: what it calls a cabinet is MSCF and the file itself.
with_cabextract() {
    mkdir -p "$BATS_TEST_TMPDIR/bin"
    # shellcheck disable=SC2016 # the script's own
    printf '%s\n' '#!/bin/bash' 'tail -c +5 -- "${@: -1}"' >"$BATS_TEST_TMPDIR/bin/cabextract"
    chmod +x "$BATS_TEST_TMPDIR/bin/cabextract"
    PATH=$BATS_TEST_TMPDIR/bin:$PATH
}

@test "a packed file is unpacked and checked" {
    local key
    key=$(key tm)
    REMOTE=$BATS_TEST_TMPDIR/remote
    serve tm "$key"
    (cd "$REMOTE/tm.pdb/$key" && { printf MSCF && cat tm.pdb; } >tm.pd_ && mv tm.pdb plain)
    start_server
    with_cabextract
    run -0 fetch tm
    cmp "$DIR/tm.pdb/$key/tm.pdb" "$REMOTE/tm.pdb/$key/plain"
    [ "$(find "$DIR" -type f | wc -l)" = 1 ]
    [ "$(requests)" = 'tm.pdb/KEY/tm.pdb - 404
tm.pdb/KEY/tm.pd_ - 200' ]
}

@test "without cabextract that is said" {
    mkdir "$BATS_TEST_TMPDIR/bin"
    local tool
    for tool in bash curl dirname readlink mktemp rm mkdir head tr grep cat cut stat printf flock \
        rmdir sleep python3 timeout env mv sync fusermount3 umount; do
        ln -s "$(command -v "$tool")" "$BATS_TEST_TMPDIR/bin/$tool"
    done
    start_server
    PATH=$BATS_TEST_TMPDIR/bin run -1 fetch tcpip
    [[ $output == *'tcpip.pdb: not on the server (packed files need cabextract'* ]]
}

@test "a pointer is shown, not followed" {
    local key
    key=$(key tm)
    REMOTE=$BATS_TEST_TMPDIR/remote
    mkdir -p "$REMOTE/tm.pdb/$key"
    printf 'PATH:\\\\server\\share\\tm.pdb\e[31m' >"$REMOTE/tm.pdb/$key/file.ptr"
    start_server
    run -1 fetch tm
    [[ $output == *'tm.pdb: the server points elsewhere: PATH:\\server\share\tm.pdb?[31m' ]]
    nothing_is_kept
}

@test "a download that breaks off goes on where it was" {
    start_server ntdll.pdb=cut
    run -0 fetch ntdll
    is_fetched ntdll
    [ "$(wc -l <"$LOG")" -gt 2 ]
    [ "$(grep -c 'bytes=[1-9]' "$LOG")" = $(($(wc -l <"$LOG") - 1)) ]
    run ! grep -v ' 20[06]$' "$LOG"
}

@test "what an earlier run left is gone on with" {
    local part
    part=$DIR/ntdll.pdb/$(key ntdll)/.ntdll.pdb.part
    mkdir -p "${part%/*}"
    head -c 5000 "$REMOTE/ntdll.pdb/$(key ntdll)/ntdll.pdb" >"$part"
    start_server
    run -0 fetch ntdll
    is_fetched ntdll
    [ "$(requests)" = 'ntdll.pdb/KEY/ntdll.pdb bytes=5000- 206' ]
}

@test "when what was left does not belong to it, it is downloaded from the beginning" {
    local part
    part=$DIR/ntdll.pdb/$(key ntdll)/.ntdll.pdb.part
    mkdir -p "${part%/*}"
    head -c 5000 /dev/zero >"$part"
    start_server
    run -0 fetch ntdll
    is_fetched ntdll
    [ "$(requests)" = 'ntdll.pdb/KEY/ntdll.pdb bytes=5000- 206
ntdll.pdb/KEY/ntdll.pdb - 200' ]
}

@test "a server without ranges is asked for the whole" {
    local part
    part=$DIR/ntdll.pdb/$(key ntdll)/.ntdll.pdb.part
    mkdir -p "${part%/*}"
    head -c 5000 "$REMOTE/ntdll.pdb/$(key ntdll)/ntdll.pdb" >"$part"
    start_server ntdll.pdb=norange
    run -0 fetch ntdll
    is_fetched ntdll
}

@test "a web page with status 200 is no PDB" {
    start_server ntdll.pdb=html
    run -1 fetch ntdll
    [[ $output == *'ntdll.pdb: what the server sent is not a PDB' ]]
    nothing_is_kept
}

@test "an empty answer is no PDB" {
    start_server ntdll.pdb=empty
    run -1 fetch ntdll
    [[ $output == *'ntdll.pdb: what the server sent is not a PDB' ]]
    nothing_is_kept
}

@test "a PDB of another image is deleted, and said" {
    REMOTE=$BATS_TEST_TMPDIR/remote
    serve ntdll "$(key ntdll)" 00112233445566778899AABBCCDDEEFF
    start_server
    run -1 fetch ntdll
    [[ $output == *'of another image: GUID 00112233445566778899AABBCCDDEEFF age 1' ]]
    nothing_is_kept
}

@test "500 once is tried again; for ever it is said" {
    start_server ntdll.pdb=hiccup hal.pdb=error
    run -0 fetch ntdll
    is_fetched ntdll
    [ "$(wc -l <"$LOG")" = 2 ]
    : >"$LOG"
    run -1 fetch hal
    [[ $output == *'hal.pdb: HTTP status 500' ]]
    [ "$(wc -l <"$LOG")" = 3 ]
}

@test "403 is said at once" {
    start_server hal.pdb=forbidden
    run -1 fetch hal
    [[ $output == *'hal.pdb: HTTP status 403' ]]
    [ "$(wc -l <"$LOG")" = 1 ]
}

@test "no server at all is said" {
    SERVER=http://127.0.0.1:9/symbols
    run -1 fetch hal
    [[ $output == *'hal.pdb: no connection (curl says 7)' ]]
    nothing_is_kept
}

@test "the environment's proxy is used" {
    start_server
    export http_proxy=$SERVER
    SERVER=http://symbols.example/download/symbols
    run -0 fetch ntdll
    is_fetched ntdll
    [[ $(cat "$LOG") == http://symbols.example/download/symbols/* ]]
}

@test "a folder that cannot be written is said" {
    DIR=/proc/nowhere
    start_server
    run -1 fetch ntdll
    [[ $output == *'cannot be written'* ]]
    [ ! -s "$LOG" ]
}

# --- importing ----------------------------------------------------------------------------------

@test "import puts PDB and ISF files where ntdumpfs looks" {
    mkdir -p "$BATS_TEST_TMPDIR/stick/sub"
    cp "$REMOTE/ntdll.pdb/$(key ntdll)/ntdll.pdb" "$BATS_TEST_TMPDIR/stick/sub/"
    cp tests/unit/data/tiny.isf.json "$BATS_TEST_TMPDIR/stick/anything.json"
    echo '{}' >"$BATS_TEST_TMPDIR/stick/other.json"
    run -1 --separate-stderr "$HELPER" import "$BATS_TEST_TMPDIR/stick" --dir "$DIR"
    [ "$stderr" = "ntdumpfs-symbols: $BATS_TEST_TMPDIR/stick/other.json: states no GUID and age" ]
    [ -f "$DIR/ntdll.pdb/$(key ntdll)/ntdll.pdb" ]
    run -0 find "$DIR" -name '*-3.json'
    [ "${#lines[@]}" = 1 ]
    rm "$BATS_TEST_TMPDIR/stick/other.json"
    xz "$BATS_TEST_TMPDIR/stick/anything.json"
    run -0 "$HELPER" import "$BATS_TEST_TMPDIR/stick/anything.json.xz" --dir "$DIR"
    run -0 find "$DIR" -name '*-3.json.xz'
    [ "${#lines[@]}" = 1 ]
    run -1 "$HELPER" import /nonexistent --dir "$DIR"
}

@test "an ISF file cannot choose where it is put" {
    local name
    for name in '../../evil.pdb' 'a.pdb ../../evil' $'a\e[31m.pdb' '.a.pdb' 'a/b.pdb'; do
        rm -rf "$DIR"
        jq --arg name "$name" '.metadata.windows.pdb.database = $name' tests/unit/data/tiny.isf.json \
            >"$BATS_TEST_TMPDIR/evil.json"
        run -0 "$HELPER" import "$BATS_TEST_TMPDIR/evil.json" --dir "$DIR"
        [ "$output" = 'imported	11223344556677880123456789ABCDEF-3.json' ]
        [ "$(find "$BATS_TEST_TMPDIR" -name '*-3.json')" = \
            "$DIR/11223344556677880123456789ABCDEF-3.json" ]
    done
}

@test "from a machine without network to one with it and back" {
    start_server
    "$HELPER" list "$DUMP" >"$BATS_TEST_TMPDIR/list.txt"
    run -0 timeout 50 "$HELPER" fetch "$BATS_TEST_TMPDIR/list.txt" --server "$SERVER" \
        --dir "$BATS_TEST_TMPDIR/stick" ntdll nt
    run -0 "$HELPER" import "$BATS_TEST_TMPDIR/stick"
    [ "${#lines[@]}" = 2 ]
    run -0 "$HELPER" list "$DUMP"
    [ "$(grep -c '^present' <<<"$output")" = 2 ]
}
