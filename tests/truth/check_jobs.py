# tests/truth/check_jobs.py - /job, /silo, /session and the links of processes against the truth.
import os

import truth as T
from check_process import silo_guid

LIMITS = """WORKINGSET PROCESS_TIME JOB_TIME ACTIVE_PROCESS AFFINITY PRIORITY_CLASS
PRESERVE_JOB_TIME SCHEDULING_CLASS PROCESS_MEMORY JOB_MEMORY DIE_ON_UNHANDLED_EXCEPTION
BREAKAWAY_OK SILENT_BREAKAWAY_OK KILL_ON_JOB_CLOSE SUBSET_AFFINITY""".split()

SILO_STATES = ["INITING", "STARTED", "SHUTTING_DOWN", "TERMINATING", "TERMINATED"]


def check_processes(truth, tree, report, path, processes):
    """A `processes` table against processes of the truth file."""
    hidden = {str(p["pid"]) for p in truth.hidden_processes()}
    shown = [row for row in tree.table(path) if row[0] not in hidden]
    order = sorted(processes, key=lambda p: (p["pid"], p["dir"]))
    if not report.same(f"{path} pids", [str(p["pid"]) for p in order], [r[0] for r in shown]):
        return
    names = {(p["pid"], T.short_name(p)) for p in order}  # one pid may have two owners
    for row in shown:
        expected = next(T.short_name(p) for p in order if str(p["pid"]) == row[0])
        if (int(row[0]), row[1]) not in names:
            report.same(f"{path} {row[0]} image", expected, row[1])
    report.checks += len(shown)


def members(truth, job):
    return [p for p in truth.processes() if p["job"] == job["address"]]


def link(tree, path):
    try:
        return os.readlink(tree.path(path))
    except OSError as error:
        return f"<{error.strerror}>"


def limit_text(flags):
    names = [name for bit, name in enumerate(LIMITS) if flags >> bit & 1]
    return f"0x{flags:08x}" + (" " + "|".join(names) if names else "")


def silo_word(job):
    return "server" if job["server_silo"] else "app" if job["silo"] else "no"


def check_job(truth, tree, report, job):
    base = f"job/{T.va(job['address'])}"
    facts = tree.facts(f"{base}/status")
    expected = {
        "Job": T.va(job["address"]), "Name": T.escape(job["name"] or "-"),
        "SessionId": str(job["session"]), "ParentJob": T.va(job["parent"]) if job["parent"] else "-",
        "ProcessesListed": str(len(job["processes"])),
        "ActiveProcesses": str(len(job["processes"])),
    }
    if truth.build["number"] >= 14393:
        expected["JobId"] = str(job["job_id"])
        expected["Silo"] = silo_word(job)
    for key, value in expected.items():
        report.same(f"{base}/status {key}", value, facts.get(key))
    facts = tree.facts(f"{base}/limits")
    report.same(f"{base}/limits LimitFlags", limit_text(job["limit_flags"]),
                facts.get("LimitFlags"))
    active = str(job["active_limit"]) if job["limit_flags"] & 8 else "-"
    report.same(f"{base}/limits ActiveProcessLimit", active, facts.get("ActiveProcessLimit"))
    check_processes(truth, tree, report, f"{base}/processes", members(truth, job))
    report.same(f"{base} address", T.va(job["address"]), tree.xattr(base, "user.ntdump.address"))


def check_silo(truth, tree, report, job):
    base = f"silo/{silo_guid(job['container_id'])}"
    facts = tree.facts(f"{base}/status")
    expected = {
        "Job": T.va(job["address"]), "Globals": T.va(job["globals"]),
        "RootDirectory": T.escape(job["silo_root"]), "SessionId": str(job["session"]),
        "State": f"{job['state']} {SILO_STATES[job['state']]}",
    }
    for key, value in expected.items():
        report.same(f"{base}/status {key}", value, facts.get(key))
    check_processes(truth, tree, report, f"{base}/processes", members(truth, job))


def check_silos(truth, tree, report):
    servers = [job for job in truth.data.get("jobs", []) if job.get("server_silo")]
    report.same("silo names", sorted(["host"] + [silo_guid(j["container_id"]) for j in servers]),
                tree.names("silo"))
    for job in servers:
        check_silo(truth, tree, report, job)
    if truth.build["number"] < 14393:
        for name in ("status", "processes"):
            report.same(f"silo/host/{name}", "<not-in-this-build>",
                        tree.value(f"silo/host/{name}"))
        return
    inside = {job["address"] for job in servers}
    check_processes(truth, tree, report, "silo/host/processes",
                    [p for p in truth.processes() if p["job"] not in inside])


def check_session(truth, tree, report, session):
    base = f"session/{session['id']}"
    facts = tree.facts(f"{base}/status")
    report.same(f"{base}/status SessionId", str(session["id"]), facts.get("SessionId"))
    report.same(f"{base}/status Address", T.va(session["address"]), facts.get("Address"))
    check_processes(truth, tree, report, f"{base}/processes",
                    [p for p in truth.processes() if p["session"] == session["id"]])


def check_links(truth, tree, report, process):
    base = f"proc/{process['dir']}"
    silos = {job["address"]: silo_guid(job["container_id"]) for job in truth.data.get("jobs", [])
             if job.get("server_silo")}
    silo = silos.get(process["job"], "host")
    expected = {
        "job": f"../../job/{T.va(process['job'])}" if process["job"] else None,
        "session": None if process["session"] is None else f"../../session/{process['session']}",
        "silo": f"../../silo/{silo}" if truth.build["number"] >= 14393 else None,
    }
    for name, target in expected.items():
        if target is None:
            report.same(f"{base}/{name} exists", False, tree.exists(f"{base}/{name}"))
        else:
            report.same(f"{base}/{name}", target, link(tree, f"{base}/{name}"))
            report.same(f"{base}/{name} leads", True, os.path.isdir(tree.path(f"{base}/{name}")))


def check(truth, tree, report):
    jobs = truth.data.get("jobs", [])
    if truth.triage:
        return  # none of these structures is in such a dump
    report.same("job names", sorted(T.va(job["address"]) for job in jobs), tree.names("job"))
    for job in jobs:
        check_job(truth, tree, report, job)
    check_silos(truth, tree, report)
    if "sessions" in truth.data:
        used = {p["session"] for p in truth.processes()}  # found through their processes
        sessions = [s for s in truth.data["sessions"] if s["id"] in used]
        report.same("session names", sorted(str(s["id"]) for s in sessions), tree.names("session"))
        for session in sessions:
            check_session(truth, tree, report, session)
    for process in truth.processes():
        check_links(truth, tree, report, process)
