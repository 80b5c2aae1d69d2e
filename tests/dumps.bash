# tests/dumps.bash - where the tests get dumps from, and how they are compared with their truth.

# sample SCENARIO [CONTAINER]: the path of a dump made by our own builder; its truth file lies beside
# it as NAME.truth.json. Built once for each build folder; files that run at once share it.
sample() {
    local folder=${NTDUMPFS_SAMPLES:-${NTDUMPFS_BUILD:-${NTDUMPFS%/*}}/samples} name=$1${2:+.$2}
    local dump=$folder/$name.dmp
    mkdir -p "$folder"
    (
        flock 9
        if ! [ -e "$dump" ] || [ -n "$(find tests/fixtures -name '*.py' -newer "$dump" -print -quit)" ]; then
            python3 tests/fixtures/mkdump.py "$1" "$dump.part" --truth "$folder/$name.truth.json" \
                ${2:+--container "$2"} >&2 && mv "$dump.part" "$dump"
        fi
    ) 9>"$folder/lock.$name" || return 1
    echo "$dump"
}

load helpers

# start DUMP FOLDER [OPTIONS]: mount at a folder of the caller's choice, which is made.
start() {
    mkdir -p "$2"
    timeout 60 "$NTDUMPFS" "$1" "$2" ${3:+-o "$3"} 3>&- 4>&-
}

# start_sample SCENARIO FOLDER: the same for a sample dump.
start_sample() {
    local dump
    dump=$(sample "$1") || return 1
    start "$dump" "$2"
}

# compare_with_truth DUMP TRUTH [OPTION...]: mount the dump, compare, unmount.
compare_with_truth() {
    local dump=$1 truth=$2 mnt=$BATS_TEST_TMPDIR/mnt failed=0
    shift 2
    start "$dump" "$mnt"
    timeout 200 python3 tests/truth/compare.py "$mnt" "$truth" "$@" || failed=1
    unmount_dump "$mnt" || failed=1
    return $failed
}

# corpus NAME: the path of a dump of the corpus, without its extension.
corpus() {
    echo "$NTDUMPFS_CORPUS/$1"
}

requires_corpus() {
    [ -n "${NTDUMPFS_CORPUS:-}" ] || skip "NTDUMPFS_CORPUS names no folder of dumps"
}
