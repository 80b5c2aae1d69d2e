# tests/table.bats - /table: the rows of the tables of the tree, for databases and for jq.
#
# shellcheck disable=SC2016

load dumps

setup_file() {
    load dumps
    [ -w /dev/fuse ] || return 0
    export MNT=$BATS_FILE_TMPDIR/mnt
    start_sample zoo-19041 "$MNT"
}
teardown_file() {
    load helpers
    unmount_below "$BATS_FILE_TMPDIR"
}
setup() {
    load dumps
    requires fuse
}
teardown() { unmount_below "$BATS_TEST_TMPDIR"; }

# of_processes FILE: the rows of proc/<pid>/FILE behind the pid and the address of the process.
of_processes() {
    local pid
    for pid in $(cd "$MNT/proc" && printf '%s\n' [0-9]* | sort -n); do
        [ -s "$MNT/proc/$pid/$1" ] || continue
        awk -v head="${pid%~*}	$(cat "$MNT/proc/$pid/eprocess")	" '{ print head $0 }' "$MNT/proc/$pid/$1"
    done
}

# A table that is one word, which says why there is none, is a row of that word in every column.
same_rows() { # TABLE FILE
    diff <(of_processes "$2" | grep -E $'\t.*\t.*\t' | sort) <(tail -n +2 "$MNT/table/$1.tsv" | grep -v '^-' | grep -vE $'^[^\t]*\t[^\t]*\t(<[a-z-]+>)(\t\\1)*$' | sort)
    [ "$(wc -l <"$MNT/table/$1.tsv")" -gt 10 ]
}

@test "the rows are those of the tables of the tree" {
    diff "$MNT/proc/list" <(tail -n +2 "$MNT/table/processes.tsv")
    diff "$MNT/ssdt/table" <(tail -n +2 "$MNT/table/ssdt.tsv")
    diff "$MNT/alpc/list" <(tail -n +2 "$MNT/table/alpc.tsv")
    same_rows threads threadlist
    same_rows handles handlelist
    same_rows vads vad
    same_rows modules modules
    # The kernel's own are no process's.
    diff <(cut -f 1-3 "$MNT/modules/list" | sort) <(grep '^-' "$MNT/table/modules.tsv" | cut -f 3-5 | sort)
}

@test "every file begins with a line of column names, and has as many fields in each line" {
    local file
    for file in "$MNT"/table/*.tsv; do
        head -n 1 "$file" | grep -qE '^[a-z_]+(	[a-z_]+)+$'
        awk -F '\t' 'NR == 1 { n = NF } NF != n { print FILENAME ": " $0; bad = 1 } END { exit bad }' "$file"
    done
}

@test "ndjson is JSON in UTF-8, with the same values" {
    python3 - "$MNT/table" <<'END'
import glob, json, os, sys
seen = missing = 0
for tsv in sorted(glob.glob(sys.argv[1] + "/*.tsv")):
    rows = [line.rstrip("\n").split("\t") for line in open(tsv, encoding="utf-8", newline="\n")]
    objects = [json.loads(line) for line in open(tsv[:-3] + "ndjson", encoding="utf-8", newline="\n")]
    assert len(objects) == len(rows) - 1, tsv
    for row, o in zip(rows[1:], objects):
        words = o.pop("_missing", {})
        assert list(o) == rows[0], (tsv, o)
        for name, text in zip(rows[0], row):
            value = o[name]
            if value is None:
                assert text == words.get(name, "-"), (tsv, name, text, words)
                missing += name in words
            else:
                assert str(value) == text, (tsv, name, text, value)
            seen += 1
print(seen, missing)
assert seen > 1000 and missing > 10
END
}

@test "jq and sqlite3 take them as they are" {
    requires jq sqlite3
    local file
    for file in "$MNT"/table/*.ndjson; do
        timeout 20 jq -c . "$file" >/dev/null
    done
    [ "$(jq -r 'select(.pid == 4) | .image' "$MNT/table/processes.ndjson")" = System ]
    timeout 30 sqlite3 -cmd '.mode ascii' -cmd '.separator "\t" "\n"' -cmd ".import '$MNT/table/threads.tsv' threads" \
        -cmd ".import '$MNT/table/processes.tsv' processes" :memory: \
        "select p.image, count(*) from threads t join processes p using (pid, eprocess)
         where p.pid = 4 group by 1" >"$BATS_TEST_TMPDIR/out" 2>"$BATS_TEST_TMPDIR/err"
    [ "$(cat "$BATS_TEST_TMPDIR/out")" = "System	$(wc -l <"$MNT/proc/4/threadlist")" ]
}

@test "a token is one row a process" {
    [ "$(tail -n +2 "$MNT/table/tokens.tsv" | wc -l)" -ge 5 ]
    local pid user
    while IFS=$'\t' read -r pid _ _ user _; do
        grep -q "^User:	$user" "$MNT/proc/$pid/token"
    done < <(tail -n +2 "$MNT/table/tokens.tsv" | grep -v '<')
}
