# tests/truth/check_thread.py - proc/<pid>/threadlist and threads/<tid>/* against the truth file.
import os

import truth as T

LIST_COLUMNS = ["tid", "ethread", "state", "waitreason", "number", "service", "arg", "start",
                "rip"]

# Members of the truth's trap frame, by the name that trapframe/registers gives them.
REGISTERS = ["Rip", "Rsp", "EFlags", "SegCs", "SegSs", "Rax", "Rcx", "Rdx", "R8", "R9", "R10",
             "R11", "Rbx", "Rbp", "Rsi", "Rdi", "ErrorCode"]
# What a system call's frame holds for certain; the rest may be left over from before.
SYSTEM_CALL_REGISTERS = {"Rip", "Rsp", "EFlags", "SegCs", "SegSs", "Rbx", "Rbp", "Rsi", "Rdi"}


def code_ok(truth, process, address, got, with_address):
    """Is `got` the right way to write this code address? Returns (ok, expected)."""
    tail = f" ({T.va(address)})" if with_address else ""
    expected = truth.code(process, address)
    if expected is None:
        return got == T.va(address), T.va(address)
    if got == expected + tail:
        return True, expected
    # Names that the truth file does not list: of kernel routines, of other DLLs' exports.
    said = got[:len(got) - len(tail)]
    return got.endswith(tail) and truth.symbol_ok(said, process, address), expected + tail


def check_code(truth, report, path, process, address, got, with_address=True):
    if not address:
        report.one_of(path, ("-", T.va(0)), got)
        return
    ok, expected = code_ok(truth, process, address, got, with_address)
    report.same(path, expected, expected if ok else got)


def check_list(truth, tree, report, p):
    path = f"proc/{p['dir']}/threadlist"
    rows = tree.table(path)
    threads = sorted(truth.threads(p), key=lambda t: t["tid"])
    report.same(f"{path} tids", [str(t["tid"]) for t in threads], [row[0] for row in rows])
    by_tid = {row[0]: row for row in rows}
    for t in threads:
        row = by_tid.get(str(t["tid"]))
        if row is None or not report.same(f"{path} columns", len(LIST_COLUMNS), len(row)):
            continue
        check_row(truth, report, f"{path} {t['tid']}", p, t, dict(zip(LIST_COLUMNS, row)))


def check_row(truth, report, path, p, t, got):
    report.same(f"{path} ethread", T.va(t["ethread"]), got["ethread"])
    report.same(f"{path} state", T.STATES[t["state"]], got["state"])
    report.same(f"{path} waitreason", T.WAIT_REASONS[t["wait_reason"]], got["waitreason"])
    check_code(truth, report, f"{path} start", p, T.Truth.start(t), got["start"], False)
    if T.Truth.rip(t):
        check_code(truth, report, f"{path} rip", p, T.Truth.rip(t), got["rip"], False)
    else:
        report.same(f"{path} rip", "-", got["rip"])
    number = t["system_call_number"]
    if number is not None and got["number"] != "-":
        report.same(f"{path} number", str(number), got["number"])
        report.same(f"{path} arg", f"0x{t['first_argument']:x}", got["arg"])
    if t["service"] and got["service"] not in ("-", "<no-symbols>"):
        module = "win32k" if number is not None and number >= 4096 else "nt"
        report.same(f"{path} service", f"{module}!{t['service']}", got["service"])


def check_status(truth, tree, report, p, t):
    path = f"proc/{p['dir']}/threads/{t['tid']}/status"
    facts = tree.facts(path)
    waiting = t["state"] in (5, 6, 9)
    reason = f"{t['wait_reason']} {T.WAIT_REASONS[t['wait_reason']]}"
    expected = {
        "Ethread": T.va(t["ethread"]), "Tid": str(t["tid"]), "Pid": str(t["pid"]),
        "Terminated": "yes" if t["terminated"] else "no", "State": f"{t['state']} {T.STATES[t['state']]}",
        "WaitReason": reason if waiting else f"{reason} <stale>",
        "Priority": str(t["priority"]), "TrapFrame": T.va(t["trap_frame"]),
        "InitialStack": T.va(t["initial_stack"]), "KernelStack": T.va(t["kernel_stack"]),
        "StackBase": T.va(t["stack_base"]), "StackLimit": T.va(t["stack_limit"]),
        "Teb": T.va(t["teb"]), "ContextSwitches": str(t["context_switches"]),
        "CreateTime": T.iso_time(t["create_time"]),
    }
    for key, value in expected.items():
        allowed = [value] + (["-"] if value == T.va(0) else [])
        report.one_of(f"{path} {key}", allowed, facts.get(key))
    if not t["terminated"] or "exit_time" in t:
        report.same(f"{path} ExitTime", T.iso_time(t.get("exit_time") or 0),
                    facts.get("ExitTime"))
    for key, name in (("StartAddress", "start_address"),
                      ("Win32StartAddress", "win32_start_address")):
        check_code(truth, report, f"{path} {key}", p, t[name], facts.get(key, "<no fact>"))
    suspended = facts.get("SuspendCount", "0")
    report.same(f"{path} SuspendCount", bool(t["suspended"]), suspended != "0")
    mode = facts.get("WaitMode", "").split()
    report.same(f"{path} WaitMode", str(t["wait_mode"]), mode[0] if mode else None)


def check_trap_frame(truth, tree, report, p, t):
    base = f"proc/{p['dir']}/threads/{t['tid']}/trapframe/"
    if not t["trap_frame"]:
        for name in ("address", "rip", "rsp"):
            report.same(base + name, "-", tree.value(base + name))
        report.one_of(base + "registers", ("", "-\n"), tree.read(base + "registers"))
        return
    report.same(base + "address", T.va(t["trap_frame"]), tree.value(base + "address"))
    check_code(truth, report, base + "rip", p, t["rip"], tree.value(base + "rip"))
    report.same(base + "rsp", T.va(t["rsp"]), tree.value(base + "rsp"))
    check_registers(tree, report, base + "registers", t)


def check_registers(tree, report, path, t):
    got = {}
    for line in tree.read(path).splitlines():
        words = line.replace(":", " ").split()
        if len(words) >= 2:
            got[words[0].lower()] = words[1:]
    for name in REGISTERS:
        words = got.get(name.lower(), ["<missing>"])
        try:
            value = int(words[0], 0)
        except ValueError:
            value = " ".join(words)
        if name in SYSTEM_CALL_REGISTERS:
            report.same(f"{path} {name}", t["trap"][name], value)
        elif isinstance(value, int):
            report.same(f"{path} {name}", t["trap"][name], value)
        else:
            report.same(f"{path} {name} is said to be not saved", True, "<missing>" not in words)


def check_thread(truth, tree, report, p, t):
    base = f"proc/{p['dir']}/threads/{t['tid']}"
    check_status(truth, tree, report, p, t)
    report.same(f"{base}/ethread", T.va(t["ethread"]), tree.value(f"{base}/ethread"))
    check_code(truth, report, f"{base}/start", p, T.Truth.start(t), tree.value(f"{base}/start"))
    check_trap_frame(truth, tree, report, p, t)
    report.same(f"{base} user.ntdump.address", T.va(t["ethread"]),
                tree.xattr(base, "user.ntdump.address"))
    report.same(f"{base} user.ntdump.type", "Thread", tree.xattr(base, "user.ntdump.type"))
    when = t["create_time"] or truth.crash_time
    report.same(f"{base} mtime", T.unix_nanoseconds(when), os.lstat(tree.path(base)).st_mtime_ns)


def check_threads(truth, tree, report, p):
    check_list(truth, tree, report, p)
    listed = tree.names(f"proc/{p['dir']}/threads")
    report.same(f"proc/{p['dir']}/threads", sorted(str(t["tid"]) for t in truth.threads(p)), listed)
    for t in truth.threads(p):
        if str(t["tid"]) in listed:
            check_thread(truth, tree, report, p, t)
