# tests/norm.bats - /norm: what two boots of a machine have in common, compared with diff(1), and with
# the truth.

load dumps

setup_file() {
    load dumps
    [ -w /dev/fuse ] || return 0
    export PLACE=$BATS_FILE_TMPDIR
    local name
    for name in boot1 boot2 boot-hooked; do
        start_sample "$name" "$PLACE/$name"
    done
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

@test "two boots of a machine are the same" {
    diff -r "$PLACE/boot1/norm" "$PLACE/boot2/norm"
    [ "$(find "$PLACE/boot1/norm" -type f | wc -l)" -ge 25 ]
    # And they are not the same dump.
    run ! diff -q "$PLACE/boot1/proc/list" "$PLACE/boot2/proc/list"
    run ! diff -q "$PLACE/boot1/modules/list" "$PLACE/boot2/modules/list"
}

@test "a hidden process and a driver more are seen" {
    run -1 diff -rq "$PLACE/boot1/norm" "$PLACE/boot-hooked/norm"
    [[ $output == *"Only in $PLACE/boot-hooked/norm/proc: rkagent.exe.s0.1"* ]]
    [ "$(diff "$PLACE/boot1/norm/drivers" "$PLACE/boot-hooked/norm/drivers" | grep -c '^>')" = 1 ]
    diff "$PLACE/boot1/norm/drivers" "$PLACE/boot-hooked/norm/drivers" | grep -q '^> rkhook.sys'
}

@test "no address and no process id is in it, and the lines are sorted" {
    local file
    run -1 grep -rE '0x[0-9a-f]{16}|0x[0-9a-f]{12}' "$PLACE/boot1/norm"
    for file in "$PLACE"/boot1/norm/drivers "$PLACE"/boot1/norm/proc/*/{threads,modules,handles}; do
        LC_ALL=C sort -c "$file"
    done
}

@test "processes, modules and threads are those of the truth" {
    local dump
    dump=$(sample boot1)
    python3 - "${dump%.dmp}.truth.json" "$PLACE/boot1" <<'END'
import collections, json, os, sys
truth, mount = json.load(open(sys.argv[1])), sys.argv[2]
count = collections.Counter()
for p in truth["processes"]:
    if p["exited"]:
        continue
    session = "-" if p["session"] is None else p["session"]
    count[f'{p["name"]}.s{session}'] += 1
names = collections.Counter(n.rsplit(".", 1)[0] for n in os.listdir(f"{mount}/norm/proc"))
assert names == count, (names, count)
for p in truth["processes"]:
    session = "-" if p["session"] is None else p["session"]
    name = f'{p["name"]}.s{session}'
    if p["exited"] or count[name] != 1:
        continue
    folder = f"{mount}/norm/proc/{name}.1"
    rows = [line.rstrip("\n").split("\t") for line in open(f"{folder}/threads")]
    assert len(rows) == len(p["threads"]), name
    assert all(len(r) == 4 for r in rows), rows
    rows = [line.rstrip("\n").split("\t") for line in open(f"{folder}/modules")]
    assert {r[0] for r in rows} >= {m["name"] for m in p.get("modules") or []}, name
    sizes = {m["name"]: str(m["size"]) for m in p.get("modules") or []}
    assert all(r[1] == sizes.get(r[0], r[1]) for r in rows), name
drivers = [line.rstrip("\n").split("\t") for line in open(f"{mount}/norm/drivers")]
want = sorted((m["name"], str(m["size"]), "0x%08x" % m["timestamp"]) for m in truth["modules"])
assert sorted(map(tuple, drivers)) == want
END
}

@test "names that lie are folders all the same" {
    start_sample zoo-19041 "$BATS_TEST_TMPDIR/zoo"
    find "$BATS_TEST_TMPDIR/zoo/norm" -type f -exec cat {} + >"$BATS_TEST_TMPDIR/all"
    [ -s "$BATS_TEST_TMPDIR/all" ]
    run ! env LC_ALL=C grep -qP '[\x00-\x08\x0b-\x1f\x7f]' "$BATS_TEST_TMPDIR/all"
    [ "$(find "$BATS_TEST_TMPDIR/zoo/norm/proc" -mindepth 1 -maxdepth 1 | wc -l)" -ge 10 ]
}
