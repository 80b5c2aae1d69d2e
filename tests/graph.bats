# tests/graph.bats - /graph: what dot(1) makes of it, and whether it is what the machine has.

load dumps

setup_file() {
    load dumps
    [ -w /dev/fuse ] || return 0
    export PLACE=$BATS_FILE_TMPDIR TRUTH
    local name
    for name in article-active boot-hooked zoo-19041; do
        start_sample "$name" "$PLACE/$name"
    done
    TRUTH=$(sample article-active)
    TRUTH=${TRUTH%.dmp}.truth.json
}
teardown_file() {
    load helpers
    unmount_below "$BATS_FILE_TMPDIR"
}
setup() {
    load dumps
    requires fuse dot
}

teardown() { unmount_below "$BATS_TEST_TMPDIR"; }

# drawn FILE: "node NAME" and "edge FROM TO" lines, as dot understands them.
drawn() {
    timeout 50 dot -Tplain "$1" | awk '$1 == "node" || $1 == "edge" { print $1, $2, ($1 == "edge" ? $3 : "") }' | tr -d '"'
}

@test "dot draws all of them, also with names that lie" {
    local file
    for file in "$PLACE"/*/graph/*.dot; do
        timeout 50 dot -Tsvg "$file" -o "$BATS_TEST_TMPDIR/svg"
        grep -q '</svg>' "$BATS_TEST_TMPDIR/svg"
        cmp "$file" <(cat "$file")
    done
}

@test "each process is a node, and its parent is the one that the truth has" {
    drawn "$PLACE/article-active/graph/processes.dot" >"$BATS_TEST_TMPDIR/drawn"
    python3 - "$TRUTH" "$BATS_TEST_TMPDIR/drawn" <<'END'
import json, sys
truth = json.load(open(sys.argv[1]))["processes"]
lines = [line.split() for line in open(sys.argv[2])]
nodes = {l[1] for l in lines if l[0] == "node"}
edges = {(l[1], l[2]) for l in lines if l[0] == "edge"}
name = lambda p: "0x%016x" % p["eprocess"]
assert nodes == {name(p) for p in truth}
by_pid = {p["pid"]: p for p in truth}
assert len(by_pid) == len(truth)
want = {(name(by_pid[p["ppid"]]), name(p)) for p in truth if p["ppid"] in by_pid and p["ppid"] != 0
        and by_pid[p["ppid"]]["create_time"] <= p["create_time"]}
assert edges == want, (edges ^ want)
assert len(edges) >= 5
END
}

@test "a hidden process is red, protected ones are bold" {
    grep 'rkagent.exe' "$PLACE/boot-hooked/graph/processes.dot" | grep -q 'color=red'
    [ "$(grep -c 'color=red' "$PLACE/boot-hooked/graph/processes.dot")" = 1 ]
    [ "$(grep -c 'penwidth=2' "$PLACE/article-active/graph/processes.dot")" = \
        "$(cut -f 8 "$PLACE/article-active/proc/list" | grep -vcx -e -)" ]
}

@test "every connection and every wait is an edge" {
    local dot=$PLACE/article-active/graph/alpc.dot pid peer from to
    [ "$(grep -c 'color=red' "$dot")" = "$(wc -l <"$PLACE/article-active/alpc/waits")" ]
    for pid in $(cd "$PLACE/article-active/proc" && printf '%s\n' [0-9]*); do
        from=$(cat "$PLACE/article-active/proc/$pid/eprocess")
        for peer in $(awk -F '\t' '$2 == "client" { print $3 }' "$PLACE/article-active/proc/$pid/alpc"); do
            to=$(cat "$PLACE/article-active/proc/$peer/eprocess")
            grep -qF "\"$from\" -> \"$to\" [label=" "$dot"
        done
    done
    [ "$(grep -c ' -> ' "$dot")" -ge 6 ]
}

# objects_of FOLDER MINIMUM
objects_of() {
    drawn "$1/graph/objects.dot" >"$BATS_TEST_TMPDIR/drawn"
    python3 - "$1" "$BATS_TEST_TMPDIR/drawn" "$2" <<'END'
import collections, glob, os, sys
mount = sys.argv[1]
lines = [line.split(" ", 2) for line in open(sys.argv[2])]
edges = collections.Counter(line[1] for line in lines if line[0] == "edge")
held, opened, processes = collections.defaultdict(set), set(), set()
for file in glob.glob(mount + "/proc/*/eprocess"):
    processes.add(open(file).read().strip())
for file in glob.glob(mount + "/proc/*/handlelist"):
    me = open(os.path.dirname(file) + "/eprocess").read().strip()
    for line in open(file):
        f = line.rstrip("\n").split("\t")
        if len(f) < 5:
            continue
        if f[1] == "Process":
            if f[3] in processes and f[3] != me:
                opened.add((me, f[3]))
        elif not f[1].startswith("<") and f[4] != "-":
            held[f[3]].add(me)
shared = {o: h for o, h in held.items() if 2 <= len(h) <= 12}
want = len(opened) + sum(len(h) for h in shared.values())
print(len(opened), len(shared), sum(edges.values()))
assert sum(edges.values()) == want, (want, edges)
assert want >= int(sys.argv[3]), want
END
}

@test "shared objects and opened processes are those of the handle lists" {
    objects_of "$PLACE/article-active" 0
    start_sample tampered "$BATS_TEST_TMPDIR/mnt"
    objects_of "$BATS_TEST_TMPDIR/mnt" 1
}

@test "the same for a desktop of 150 processes" {
    requires_corpus
    start "$(corpus desktop-22000.active.dmp)" "$BATS_TEST_TMPDIR/mnt"
    objects_of "$BATS_TEST_TMPDIR/mnt" 100
}
