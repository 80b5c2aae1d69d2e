# tests/manual.bats - what the program says of itself: man pages, --help, --explain, --tree, completion.
# Each is compared with the others and with a mounted tree, so that none can fall behind.

setup_file() {
    load helpers
    [ -w /dev/fuse ] || return 0
    mount_dump
    export TREE=$MNT
}
teardown_file() {
    load helpers
    unmount_below "$BATS_FILE_TMPDIR"
}
setup() {
    load helpers
    MANUALS=(mount-helpers/man/*.[158])
}

# The words of -o that --help lists, one a line: symbols= nocache ...
help_words() {
    "$NTDUMPFS" --help | sed -n '/^  -o WORD/,/^  Words of/p' | sed '1d;$d' | cut -c5-26 |
        grep -oE '[a-z_]+(=|[ ;:]|$)' | grep -oE '[a-z_]+=?' | grep -vx -e list -e hide -e off -e strict -e on
    echo allow_root
}

page() { mount-helpers/man/tree.sh "$NTDUMPFS"; }

@test "ntdumpfs(8) has every option that --help has" {
    local word words
    words=$(help_words)
    [ "$(wc -l <<<"$words")" -ge 13 ]
    for word in $words $("$NTDUMPFS" --help | grep -oE -- '--[a-z-]+'); do
        echo "$word"
        sed 's/\\-/-/g' mount-helpers/man/ntdumpfs.8 | grep -qF -- "$word"
    done
}

@test "every mount option of ntdumpfs(8) is understood" {
    local word value
    # shellcheck disable=SC2020
    for word in $(sed -n '/^.SH MOUNT OPTIONS/,/^.SH ENV/p' mount-helpers/man/ntdumpfs.8 |
        grep -A1 '^.TP' | grep -oE '^\.BI? R?[a-z_]+=?|^\.BR [a-z_]+=' | awk '{ print $2 }'); do
        case $word in
        raw=) value=list ;;
        sandbox=) value=strict ;;
        stats=) value=$BATS_TEST_TMPDIR/stats ;;
        *=) value=7 ;;
        *) value= ;;
        esac
        echo "$word$value"
        run -32 --separate-stderr "$NTDUMPFS" -o "$word$value" /dev/null/no.dmp /
        [[ $stderr == *"Not a directory"* ]] # the dump, which comes after the options
    done
}

@test "the man pages are sound" {
    requires groff
    local file
    for file in "${MANUALS[@]}"; do
        run -0 groff -man -ww -z -Tutf8 "$file"
        [ -z "$output" ]
    done
    page >"$BATS_TEST_TMPDIR/ntdumpfs.5"
    run -0 groff -man -ww -z -Tutf8 "$BATS_TEST_TMPDIR/ntdumpfs.5"
    [ -z "$output" ]
}

@test "pages that the pages name exist" {
    local name
    for name in $(sed 's/\\-/-/g' "${MANUALS[@]}" |
        grep -oE '^\.BR (mount\.)?ntdumpfs[a-z-]* \([158]\)' | awk '{ print $2 $3 }' | tr '()' '. ' |
        sort -u); do
        echo "$name"
        [ "$name" = ntdumpfs.5 ] || [ -s "mount-helpers/man/$name" ]
    done
}

@test "ntdumpfs(5) has every path of the tree" {
    [ "$(page | grep -c '^\.B /')" = "$("$NTDUMPFS" --tree | wc -l)" ]
    page | grep -qx '\.B /proc/<pid>/threads/<tid>/trapframe/rip'
}

@test "--explain knows every file of a mounted tree, and of which kind it is" {
    requires fuse
    local path kind
    find "$TREE" -mindepth 1 -printf '%y %P\n' | shuf -n 150 --random-source=<(yes) |
        while read -r kind path; do
            run -0 "$NTDUMPFS" --explain "$TREE/$path"
            case $kind in
            d) [[ $output == *$'\nKind:\tdirectory\n'* ]] ;;
            l) [[ $output == *$'\nKind:\tlink\n'* ]] ;;
            f) [[ $output == *$'\nKind:\tfile\n'* ]] ;;
            esac || {
                echo "$kind $path: $output"
                exit 1
            }
        done
}

@test "--explain of a path in a mount tells the object" {
    requires fuse
    cd "$TREE/proc/4"
    run -0 "$NTDUMPFS" --explain token
    [ "${lines[0]}" = $'Path:\t/proc/<pid>/token' ]
    [ "${lines[1]}" = $'Kind:\tfile' ]
    [[ $output == *$'\nAddress:\t'"$(getfattr --only-values -n user.ntdump.address token)"* ]]
    run -0 "$NTDUMPFS" --explain "$TREE"
    [ "${lines[0]}" = $'Path:\t/' ]
}

@test "--explain prefers the fuller pattern, and refuses what the tree does not have" {
    run -0 "$NTDUMPFS" --explain /proc/4/handles/01c0.windbg
    [ "${lines[0]}" = $'Path:\t/proc/<pid>/handles/<handle>.windbg' ]
    [ "${lines[1]}" = $'Kind:\tfile, not listed' ]
    run -0 "$NTDUMPFS" --explain proc/4/handles/01c0
    [ "${lines[0]}" = $'Path:\t/proc/<pid>/handles/<handle>' ]
    run -1 --separate-stderr "$NTDUMPFS" --explain proc/4/nothing
    [[ $stderr == "ntdumpfs: proc/4/nothing: no path of the tree"* ]]
    run -1 --separate-stderr "$NTDUMPFS" --explain proc/4/token/deeper
    [ -z "$output" ]
}

completed() { # WORD...: what bash offers for the last one
    bash -c '
        source mount-helpers/completion/ntdumpfs.bash
        compopt() { :; }
        COMP_WORDS=("$@") COMP_CWORD=$(($# - 1)) COMP_LINE="$*" COMP_POINT=${#COMP_LINE}
        _ntdumpfs
        printf "%s\n" "${COMPREPLY[@]}"' completed "$@"
}

@test "bash completes options, all that --help has" {
    local word
    run -0 completed ntdumpfs -o sandbox=st
    [ "$output" = sandbox=strict ]
    run -0 completed ntdumpfs -o nocache,thr
    [ "$output" = nocache,threads= ]
    run -0 completed ntdumpfs -o ''
    for word in $(help_words); do
        echo "$word"
        grep -qF -- "$word" <<<"$output"
        grep -qF -- "$word" mount-helpers/completion/_ntdumpfs
    done
    run -0 completed ntdumpfs --
    for word in $("$NTDUMPFS" --help | grep -oE -- '--[a-z-]+'); do
        grep -qxF -- "$word" <<<"$output"
        grep -qF -- "$word" mount-helpers/completion/_ntdumpfs
    done
}
