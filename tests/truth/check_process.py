# tests/truth/check_process.py - /proc/list and /proc/<pid>/* against the truth file.
import os

import truth as T
from check_thread import check_threads

LIST_COLUMNS = ["pid", "image", "session", "eprocess", "ppid", "active", "listed", "protection",
                "integrity", "job", "silo", "create-time"]


def expected_image(process):
    return T.escape(process["nt_path"] or "-")


def user_text(truth, process, text):
    """What a file made of user memory must hold."""
    if not process["peb"]:
        return "-"
    return text if truth.user_pages else T.NOT_IN_DUMP


def silo_guid(raw):
    """The GUID of a job container, from its bytes in memory."""
    parts = [raw[:8], raw[8:12], raw[12:16]]
    parts = ["".join(reversed([x[i:i + 2] for i in range(0, len(x), 2)])) for x in parts]
    return "-".join(parts + [raw[16:20], raw[20:]])


def security_columns(truth, process):
    token = next((o for o in truth.data.get("objects", [])
                  if o["type"] == "Token" and o["address"] == process["token"]), {})
    level = process.get("integrity") or token.get("integrity")
    words = {w.lower(): w for w in ("Untrusted", "Low", "Medium", "MediumPlus", "High", "System",
                                    "Protected")}
    job = next((j for j in truth.data.get("jobs", []) if j["address"] == process["job"]), {})
    silo = "host" if truth.build["number"] >= 14393 else "-"
    if job.get("server_silo"):
        silo = silo_guid(job["container_id"])
    return {
        "protection": T.protection_name(process["protection"]),
        "integrity": words.get(level.lower(), "-") if level else "-",
        "job": T.va(process["job"]) if process["job"] else "-",
        "silo": silo,
    }


def check_list(truth, tree, report):
    rows = tree.table("proc/list")
    hidden = {str(p["pid"]) for p in truth.hidden_processes()}
    shown = [row for row in rows if row[0] not in hidden]
    processes = sorted(truth.processes(), key=lambda p: (p["pid"], p["dir"]))
    report.same("proc/list pids", [str(p["pid"]) for p in processes], [row[0] for row in shown])
    by_address = {row[3]: row for row in shown}
    for p in processes:
        row = by_address.get(T.va(p["eprocess"]))
        if row is None:
            continue
        path = f"proc/list {p['dir']}"
        if not report.same(f"{path} columns", len(LIST_COLUMNS), len(row)):
            continue
        got = dict(zip(LIST_COLUMNS, row))
        expected = {
            "image": T.short_name(p), "eprocess": T.va(p["eprocess"]), "ppid": str(p["ppid"]),
            "session": "-" if p["session"] is None else str(p["session"]),
            "active": str(p["active_threads"]), "listed": str(len(truth.threads(p))),
            "create-time": T.iso_time(p["create_time"]),
        }
        for column, value in expected.items():
            report.same(f"{path} {column}", value, got[column])
        for column, value in security_columns(truth, p).items():
            report.same(f"{path} {column}", value, got[column])


def check_status(truth, tree, report, p):
    path = f"proc/{p['dir']}/status"
    facts = tree.facts(path)
    expected = {
        "Name": T.short_name(p), "Pid": str(p["pid"]), "ParentPid": str(p["ppid"]),
        "Eprocess": T.va(p["eprocess"]), "ActiveThreads": str(p["active_threads"]),
        "ThreadsListed": str(len(truth.threads(p))),
        "SessionId": "-" if p["session"] is None else str(p["session"]),
        "Peb": T.va(p["peb"]), "DirBase": T.va(p["dtb"]), "ObjectTable": T.va(p["object_table"]),
        "VadRoot": T.va(p.get("vad_root") or 0), "Token": T.va(p["token"] or 0),
        "Job": T.va(p["job"] or 0), "Minimal": "yes" if p["minimal"] else "no",
        "Protection": T.protection_name(p["protection"]),
        "CreateTime": T.iso_time(p["create_time"]), "ExitTime": T.iso_time(p["exit_time"]),
    }
    for key, value in expected.items():
        allowed = [value] + (["-"] if value == T.va(0) else [])
        report.one_of(f"{path} {key}", allowed, facts.get(key))
    cid = facts.get("Cid", "")
    report.same(f"{path} Cid", p["pid"], int(cid, 16) if cid else None)
    handles = p.get("handles")
    if handles:
        report.same(f"{path} HandleCount", str(handles["count"]), facts.get("HandleCount"))
    if facts.get("UserDirBase") != "<not-in-this-build>":
        none = [] if p["user_dtb"] else ["-", T.va(1)]  # 1: the kernel's word for no second table
        report.one_of(f"{path} UserDirBase", [T.va(p["user_dtb"])] + none,
                      facts.get("UserDirBase"))
    if p.get("vads") and not truth.triage:
        report.same(f"{path} VadCount", str(len(p["vads"])), facts.get("VadCount"))
    wow64 = facts.get("Wow64", "").split()
    report.same(f"{path} Wow64", p["wow64"], bool(wow64) and wow64[0] not in ("no", "-"))


def check_values(truth, tree, report, p):
    base = f"proc/{p['dir']}/"
    report.same(base + "eprocess", T.va(p["eprocess"]), tree.value(base + "eprocess"))
    report.same(base + "name", T.short_name(p), tree.value(base + "name"))
    report.same(base + "image", expected_image(p), tree.value(base + "image"))
    cmdline = user_text(truth, p, T.escape(p["cmdline"] or "-"))
    report.same(base + "cmdline", cmdline, tree.value(base + "cmdline"))
    # The truth file does not keep the order that the variables have in memory.
    environ = "".join(sorted(T.escape(f"{k}={v}") + "\n" for k, v in (p.get("environment") or {}).items()))
    if not p["peb"]:
        environ = ""
    elif not truth.user_pages:
        environ = T.NOT_IN_DUMP + "\n"
    lines = tree.read(base + "environ").splitlines(keepends=True)
    report.text(base + "environ", environ, "".join(sorted(lines)))


def vad_type(vad):
    return {"image": "Image", "mapped": "Mapped"}.get(vad["kind"], "Private")


def check_vads(truth, tree, report, p):
    path = f"proc/{p['dir']}/vad"
    if truth.triage:
        report.same(path, T.NOT_IN_DUMP + "\n", tree.read(path))
        return
    vads = sorted(p.get("vads") or [], key=lambda v: v["start"])
    expected = [[T.va(v["start"]), T.va(v["end"]), str(v["commit"]),
                 T.vad_protection(v["protection"]), vad_type(v),
                 "\\Device\\HarddiskVolume2" + T.escape(v["file"]) if v["file"] else "-"] for v in vads]
    got = tree.table(path)
    report.same(f"{path} rows", len(expected), len(got))
    for want, have in zip(expected, got):
        report.same(f"{path} {want[0]}", want, have)


def expected_modules(truth, p):
    """Rows of the modules table: the loader's, then image VADs that it does not name."""
    rows = []
    for m in truth.loader_modules(p):
        timestamp = f"0x{m['timestamp']:08x}"
        rows.append([T.va(m["base"]), str(m["size"]), T.escape(m["name"]), "ldr", timestamp,
                     T.escape(m["path"])])
    seen = {row[0] for row in rows}
    for v in truth.image_vads(p):
        if T.va(v["start"]) not in seen and v["file"]:
            rows.append([T.va(v["start"]), None, v["file"].rsplit("\\", 1)[-1], "vad", None,
                         "\\Device\\HarddiskVolume2" + T.escape(v["file"])])
    return sorted(rows)


def check_modules(truth, tree, report, p):
    path = f"proc/{p['dir']}/modules"
    expected, got = expected_modules(truth, p), tree.table(path)
    report.same(f"{path} bases", [row[0] for row in expected], [row[0] for row in got])
    by_base = {row[0]: row for row in got}
    for want in expected:
        have = by_base.get(want[0])
        if have is None:
            continue
        for i, column in enumerate(("base", "size", "name", "source", "timestamp", "path")):
            if want[i] is not None:
                report.same(f"{path} {want[0]} {column}", want[i],
                            have[i] if i < len(have) else "<no column>")


def check_metadata(truth, tree, report, p):
    base = f"proc/{p['dir']}"
    report.same(f"{base} user.ntdump.address", T.va(p["eprocess"]),
                tree.xattr(base, "user.ntdump.address"))
    report.same(f"{base} user.ntdump.type", "Process", tree.xattr(base, "user.ntdump.type"))
    when = p["create_time"] or truth.crash_time
    report.same(f"{base} mtime", T.unix_nanoseconds(when), os.lstat(tree.path(base)).st_mtime_ns)
    status = f"{base}/status"
    report.same(f"{status} mtime", T.unix_nanoseconds(truth.crash_time),
                os.lstat(tree.path(status)).st_mtime_ns)


def check_lookup(truth, tree, report, p):
    """proc/0x<pid in hex> opens the same directory, and is not listed; so does the EPROCESS."""
    alias = f"proc/0x{p['pid']:x}" if "~" not in p["dir"] else f"proc/{T.va(p['eprocess'])}"
    report.same(f"{alias}/status", tree.read(f"proc/{p['dir']}/status"),
                tree.read(f"{alias}/status"))
    for name, target in (("session", p["session"]), ("job", p["job"])):
        link = f"proc/{p['dir']}/{name}"
        if truth.triage:  # the session's number is not in such a dump: its directory has another name
            continue
        if tree.exists(link) and os.path.islink(tree.path(link)):
            want = f"../../session/{target}" if name == "session" else f"../../job/{T.va(target)}"
            report.same(link, want, os.readlink(tree.path(link)))


def check(truth, tree, report):
    check_list(truth, tree, report)
    listed = tree.names("proc")
    pids = [p["dir"] for p in truth.processes()]
    hidden = [p["dir"] for p in truth.hidden_processes()]
    report.same("proc directories", sorted(pids),
                [n for n in listed if n[:1].isdigit() and n not in hidden])
    for p in truth.processes():
        if p["dir"] not in listed:
            continue
        check_status(truth, tree, report, p)
        check_values(truth, tree, report, p)
        check_vads(truth, tree, report, p)
        check_modules(truth, tree, report, p)
        check_metadata(truth, tree, report, p)
        check_lookup(truth, tree, report, p)
        check_threads(truth, tree, report, p)
