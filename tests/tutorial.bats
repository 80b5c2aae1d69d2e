# tests/tutorial.bats - docs/tutorial.md, run from its first command to its last.

load dumps
load transcript

# The tutorial's own preparation, in a folder that has nothing of the checkout but the sample builder.
setup_file() {
    load dumps
    requires fuse jq
    export PLACE=$BATS_FILE_TMPDIR/checkout
    mkdir "$PLACE"
    ln -s "$PWD/tests" "$PLACE/tests"
    PATH=$(realpath "${NTDUMPFS%/*}"):$PWD/mount-helpers:$PATH
    export PATH
    sed -n '/^```sh$/,/^```$/p' docs/tutorial.md | sed '1d;$d' >"$BATS_FILE_TMPDIR/prepare"
    (cd "$PLACE" && timeout 120 bash -e "$BATS_FILE_TMPDIR/prepare" 3>&- 4>&-)
}
teardown_file() { load dumps; unmount_below "$BATS_FILE_TMPDIR"; }

@test "the tutorial mounts four dumps" {
    local name
    for name in active kernel before after; do
        is_mounted "$PLACE/tutorial/$name"
    done
}

@test "each command of the tutorial prints what the tutorial says" {
    run_examples "$PLACE/tutorial" <docs/tutorial.md
    [ "$EXAMPLES" = "$(grep -c '^    \$ ' docs/tutorial.md)" ]
    [ "$EXAMPLES" -ge 40 ]
}
