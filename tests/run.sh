#!/bin/bash
# tests/run.sh BUILD_FOLDER [FILE.bats...] - runs the tests behind `make check`.
#
# Unit programs and bats files speak TAP; a fuzz target's stored inputs are one test. Several run at
# once, each into its own log; only failures are shown. The last line is `N passed, N failed`.
#
#   FAST=1       leave out what is tagged slow (the sanitizers' default)
#   JOBS=N       how many at once (default: processors)
#   VERBOSE=1    show every line
set -u
cd "$(dirname "$0")/.." || exit 1

build=$(realpath "$1")
shift
logs=$build/test-logs
rm -rf "$logs"
mkdir -p "$logs"

export NTDUMPFS=$build/ntdumpfs
export NTDUMPFS_BUILD=$build
export PYTHONDONTWRITEBYTECODE=1
export BATS_TEST_TIMEOUT=${BATS_TEST_TIMEOUT:-60}
case ${build##*/} in
asan | tsan)
    export NTDUMPFS_SANITIZED=1 BATS_TEST_TIMEOUT=240
    FAST=${FAST-1}
    ;;
esac
sanitizer_options=${NTDUMPFS_SANITIZED:+log_path=$logs/sanitizer:exitcode=99}
export ASAN_OPTIONS=${ASAN_OPTIONS-$sanitizer_options:detect_leaks=1}
export LSAN_OPTIONS=${LSAN_OPTIONS-print_suppressions=0}
export UBSAN_OPTIONS=${UBSAN_OPTIONS-$sanitizer_options:print_stacktrace=1}
export TSAN_OPTIONS=${TSAN_OPTIONS-$sanitizer_options}

# run_one NAME COMMAND...: NAME.log holds its output, NAME.status its exit status.
run_one() {
    local name=$1
    shift
    timeout --kill-after=10 1200 "$@" >"$logs/$name.log" 2>&1 3>&- </dev/null
    echo $? >"$logs/$name.status"
}

# A fuzz target has no TAP of its own: reading all stored inputs without a crash is one test.
replay() {
    local name=${1##*/} folder=tests/fuzz/corpus/${1##*/}
    [ -d "$folder" ] || folder=
    if "$1" ${folder:+"$folder"} 2>&1; then
        echo "ok 1 stored inputs of $name"
    else
        echo "not ok 1 stored inputs of $name"
    fi
}

in_background() {
    while [ "$(jobs -rp | wc -l)" -ge "${JOBS:-$(nproc)}" ]; do
        wait -n
    done
    run_one "$@" &
}

files=("$@")
export -f replay
if [ ${#files[@]} = 0 ]; then
    for program in "$build"/unit/test_*; do
        if [ -f "tests/unit/${program##*/}.c" ]; then
            in_background "unit-${program##*/}" "$program"
        fi
    done
    for program in "$build"/replay/*; do
        if [ -f "tests/fuzz/fuzz_${program##*/}.c" ]; then
            in_background "replay-${program##*/}" bash -c "replay '$program'"
        fi
    done
    # The long ones first, so that the last one to end is a short one.
    files=(tests/corpus.bats tests/truth.bats tests/hostile.bats)
    for file in tests/*.bats; do
        [[ " ${files[*]} " == *" $file "* ]] || files+=("$file")
    done
fi
for file in "${files[@]}"; do
    name=${file##*/}
    in_background "${name%.bats}" bats --tap --print-output-on-failure \
        ${FAST:+--filter-tags '!slow'} "$file"
done
wait

# --- counting -----------------------------------------------------------------------------------

passed=0 failed=0
for status in "$logs"/*.status; do
    [ -e "$status" ] || continue
    log=${status%.status}.log
    name=${log##*/}
    name=${name%.log}
    ok=$(grep -c '^ok ' "$log")
    skip=$(grep -cE '^ok [0-9]+ .*# skip' "$log")
    bad=$(grep -c '^not ok ' "$log")
    planned=$(sed -nE 's/^1\.\.([0-9]+)$/\1/p' "$log" | tail -n 1)
    # A program that stopped half-way, or failed without saying which test, is one failure more.
    if [ "$bad" = 0 ] && { [ "$(cat "$status")" != 0 ] || [ "${planned:-$ok}" -gt "$ok" ]; }; then
        bad=1
        echo "not ok - $name ended early (exit status $(cat "$status"))" >>"$log"
    fi
    passed=$((passed + ok - skip)) failed=$((failed + bad))
    if [ "$bad" -gt 0 ] || [ -n "${VERBOSE:-}" ]; then
        echo "== $name: $bad failed"
        if [ -n "${VERBOSE:-}" ]; then
            cat "$log"
        else
            awk '/^not ok /{show = 1; lines = 0} /^ok /{show = 0} show && lines++ < 30' "$log"
            grep -q '^not ok - ' "$log" && tail -n 20 "$log"
        fi
    fi
    sed -nE "s/^ok [0-9]+ .*# skip ?(.*)/\1/p" "$log" | sort | uniq -c |
        while read -r count why; do
            echo "$name: $count skipped: $why"
        done
done
for report in "$logs"/sanitizer.*; do
    [ -e "$report" ] || continue
    failed=$((failed + 1))
    echo "== sanitizer report ${report##*/}"
    head -n 40 "$report"
done

echo "$passed passed, $failed failed"
[ "$failed" = 0 ] && [ "$passed" -gt 0 ]
