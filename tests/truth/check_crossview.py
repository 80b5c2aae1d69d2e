# tests/truth/check_crossview.py - /proc/crossview: who is hidden, and that nobody else is accused.
import truth as T

COLUMNS = ["links", "cid", "session", "handles", "threads", "pool"]


def expected_row(p):
    """What each source must say; None: anything but an accusation."""
    ended = p["exited"] or p["exit_time"]
    ret = {"links": "0" if p["hidden"] else "1", "cid": "1", "pool": None,
           "session": "1" if p["session"] is not None and not ended else "-",
           "handles": "1" if p["object_table"] and not ended else "-",
           "threads": "1" if p["active_threads"] and not ended else "-"}
    return ret


def check_row(report, path, p, row):
    report.same(f"{path} eprocess", T.va(p["eprocess"]), row[1])
    report.same(f"{path} image", T.short_name(p), row[2])
    for name, got in zip(COLUMNS, row[3:]):
        expected = expected_row(p)[name]
        if expected is None:
            report.one_of(f"{path} {name}", ("1", "-"), got)
        elif name == "session" and expected == "1":
            report.one_of(f"{path} {name}", ("1", "-"), got)
        else:
            report.same(f"{path} {name}", expected, got)


def check_hidden(tree, report, p):
    base = f"proc/{p['pid']}"
    report.same(f"{base} is there", True, tree.exists(base))
    source = tree.facts(f"{base}/status").get("Source", "").split(",")
    report.same(f"{base}/status Source has cid", True, "cid" in source)
    report.same(f"{base}/status Source has no links", False, "links" in source)
    listed = [row[3] for row in tree.table("proc/list") if len(row) > 3]
    report.same(f"proc/list has {p['pid']}", True, T.va(p["eprocess"]) in listed)


def check_warnings(truth, tree, report):
    lines = tree.read("dump/warnings").splitlines()
    hidden = sorted(T.va(p["eprocess"]) for p in truth.hidden_processes())
    accused = sorted(l.split("\t")[1] for l in lines if "not on the list of processes" in l)
    report.same("dump/warnings hidden processes", hidden, accused)
    orphan = (truth.data.get("tampering") or {}).get("orphan_thread")
    accused = [l.split("\t")[3] for l in lines if "in no module" in l]
    report.same("dump/warnings orphan threads", [str(orphan["tid"])] if orphan else [], accused)
    accused = [l for l in lines if "not on its process's lists" in l]
    report.same("dump/warnings hidden threads", [], accused)


def check(truth, tree, report):
    rows = {row[0]: row for row in tree.table("proc/crossview")}
    if truth.triage:
        return
    everybody = truth.processes() + [p for p in truth.hidden_processes()
                                     if p not in truth.processes()]
    if truth.damage:
        return
    report.same("proc/crossview pids", sorted(str(p["pid"]) for p in everybody), sorted(rows))
    for p in everybody:
        row = rows.get(str(p["pid"]))
        if row and report.same(f"proc/crossview {p['pid']} columns", 9, len(row)):
            check_row(report, f"proc/crossview {p['pid']}", p, row)
    for p in truth.hidden_processes():
        check_hidden(tree, report, p)
    check_warnings(truth, tree, report)
