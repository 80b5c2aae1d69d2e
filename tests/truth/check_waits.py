# tests/truth/check_waits.py - threads/<tid>/wait, irps and impersonation against the truth file.
import truth as T

WAITING = (5, 6, 9)
EVENTS = {"Event": ("EventNotification", "EventSynchronization"), "Mutant": ("Mutant",),
          "Semaphore": ("Semaphore",), "Process": ("Process",), "Thread": ("Thread",),
          "Timer": ("TimerNotification", "TimerSynchronization")}
LEVELS = ["0 SecurityAnonymous", "1 SecurityIdentification", "2 SecurityImpersonation",
          "3 SecurityDelegation"]


def types(truth):
    """Object address -> type name, of everything that a process has a handle to."""
    return {h["object"]: h["type"] for p in truth.data["processes"]
            for h in (p.get("handles") or {}).get("handles", [])}


def check_wait(tree, report, path, t, of_object):
    rows = tree.table(path)
    expected = t.get("wait_object") if t["state"] in WAITING else None
    if not expected:
        return
    report.same(f"{path} object", [T.va(expected)], [row[0] for row in rows])
    if len(rows) == 1 and expected in of_object:
        allowed = EVENTS.get(of_object[expected])
        if allowed and len(rows[0]) == 3:
            report.one_of(f"{path} type", allowed, rows[0][1])


def check_not_waiting(tree, report, path, t):
    if t["state"] not in WAITING:
        report.same(path, "", tree.read(path))


def check_impersonation(truth, tree, report, path, t):
    if "impersonating" not in t:
        return
    expected = t["impersonating"]
    if not expected:
        report.same(path, "-\n", tree.read(path))
        return
    facts = tree.facts(path)
    report.one_of(f"{path} Level", LEVELS, facts.get("Level"))
    if isinstance(expected, dict):
        report.same(f"{path} Level", LEVELS[expected["level"]], facts.get("Level"))
        expected = expected["token"]
    report.same(f"{path} Token", T.va(expected), facts.get("Token"))


def check_irps(tree, report, path, t):
    """Only our own builder lays requests out; its threads without any have an empty list."""
    if "irps" not in t:
        return
    rows = {row[0]: row[1:] for row in tree.table(path)}
    report.same(f"{path} requests", sorted(T.va(i["irp"]) for i in t["irps"]), sorted(rows))
    for i in t["irps"]:
        got = rows.get(T.va(i["irp"]))
        if i.get("invalid"):
            report.same(f"{path} invalid", ["<invalid>"] * 5, got)
            continue
        device = T.va(i["device"]) if isinstance(i["device"], int) else i["device"]
        want = [i["major"], i["minor"], device, i["driver"], i["file"]]
        report.same(f"{path} {i['major']}", ["-" if w is None else str(w) for w in want], got)


def check(truth, tree, report):
    of_object = types(truth)
    for p in truth.processes():
        for t in truth.threads(p):
            base = f"proc/{p['dir']}/threads/{t['tid']}"
            if not truth.triage:
                check_wait(tree, report, f"{base}/wait", t, of_object)
                check_impersonation(truth, tree, report, f"{base}/impersonation", t)
            if not truth.triage:
                check_irps(tree, report, f"{base}/irps", t)
            check_not_waiting(tree, report, f"{base}/wait", t)
