# tests/readme.bats - the commands that README.md prints do what it says they do.

load dumps

setup_file() {
    load dumps
    export PLACE=$BATS_FILE_TMPDIR
    start_sample article-active "$PLACE/active"
    start_sample article-kernel "$PLACE/kernel"
}
teardown_file() { load dumps; unmount_below "$BATS_FILE_TMPDIR"; }

@test "the example's commands print the example's output" {
    local line command='' expected='' count=0
    while IFS= read -r line; do
        if [[ $line == '    $ '* || $line == END ]]; then
            if [ -n "$command" ]; then
                count=$((count + 1))
                diff <(printf '%s' "$expected" | sed '$ { /^$/d }') <(cd "$PLACE" && bash -c "$command" 2>&1)
            fi
            command=${line#    $ } expected=''
        elif [[ $line == '    '* ]]; then
            expected+=${line#    }$'\n'
        fi
    done < <(sed -n '/^## What it looks like/,/^## /p' README.md && echo END)
    [ "$count" = 12 ]
}

@test "make help lists every target that README.md names" {
    local target
    run -0 make --no-print-directory help
    for target in $(grep -oE '(make|make_) [a-z]+' README.md CONTRIBUTING.md | awk '{ print $2 }' | sort -u); do
        [[ $target == alone || $target == it ]] || [[ $output == *"make $target "* ]]
    done
}

@test "the folders that README.md names exist" {
    local name
    for name in $(sed -nE 's/^\| `([^`]+)`.*/\1/p' README.md); do
        [ -e "$name" ]
    done
}
