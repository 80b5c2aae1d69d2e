# tests/readme.bats - the commands that README.md prints do what it says they do.

load dumps
load transcript

setup_file() {
    load dumps
    export PLACE=$BATS_FILE_TMPDIR
    start_sample article-active "$PLACE/active"
    start_sample article-kernel "$PLACE/kernel"
}
teardown_file() { load dumps; unmount_below "$BATS_FILE_TMPDIR"; }

@test "the example's commands print the example's output" {
    run_examples "$PLACE" < <(sed -n '/^## What it looks like/,/^## /p' README.md)
    [ "$EXAMPLES" = 13 ]
}

@test "the examples of raw memory print what they say" {
    requires objdump xxd file
    run_examples "$PLACE" < <(sed -n '/^## Raw memory/,/^## Mounting/p' README.md)
    [ "$EXAMPLES" = 6 ]
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
