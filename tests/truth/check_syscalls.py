# tests/truth/check_syscalls.py - system calls of threads: threads/<tid>/syscall, the columns of
# threadlist, and /listing/syscalls byte for byte, made from the truth file.
import truth as T

WIN32K_FIRST = 4096
TAKE_HANDLES = {"NtWaitForSingleObject", "NtReadFile", "NtDeviceIoControlFile", "NtClose",
                "NtRemoveIoCompletion", "NtAlpcSendWaitReceivePort",
                "NtWaitForWorkViaWorkerFactory"}


def services(truth):
    """Service number -> what the truth file says of it."""
    ret = {s["number"]: s for s in truth.data["ssdt"]["services"]}
    ret.update({s["number"]: s for s in (truth.data.get("shadow_ssdt") or {}).get("services", [])})
    return ret


RUNNING = 2


def in_call(truth, tree, p, t):
    """A thread that came from user mode by a system call and has not ended. Of one that runs on
    another processor than the crashed one nothing is certain: the tree's word is taken."""
    if not t["service"] or not t["trap_frame"] or t["terminated"]:
        return False
    base = f"proc/{p['dir']}/threads/{t['tid']}"
    if t["state"] == RUNNING and t["ethread"] != truth.data["crash_thread"]:
        return tree.facts(f"{base}/syscall").get("InCall", "").startswith("yes")
    entry = tree.facts(f"{base}/trapframe/registers").get("Entry", "2")
    return not entry.startswith(("0", "1"))  # entered by an interrupt or an exception


def name_unread_stubs(truth, table):
    """Code before Rip that is no stub contradicts the frame; where user pages are absent nothing
    does, and the number that the kernel noted stands."""
    for p in truth.processes():
        for t in truth.threads(p):
            number = t["system_call_number"]
            if not t["service"] and not truth.user_pages and number in table:
                t["service"] = table[number]["name"]


def service_name(thread):
    module = "win32k" if thread["system_call_number"] >= WIN32K_FIRST else "nt"
    return f"{module}!{thread['service']}"


def check_facts(truth, tree, report, path, p, t, table):
    facts = tree.facts(path)
    if not in_call(truth, tree, p, t):
        for key in ("Number", "Service", "StackArgs", "FirstArgument"):
            report.same(f"{path} {key}", "-", facts.get(key))
        report.same(f"{path} InCall", False, facts.get("InCall", "yes").startswith("yes"))
        return
    service = table.get(t["system_call_number"])
    report.same(f"{path} Number", str(t["system_call_number"]), facts.get("Number"))
    report.same(f"{path} Service", service_name(t), facts.get("Service"))
    report.same(f"{path} FirstArgument", f"0x{t['first_argument']:x}", facts.get("FirstArgument"))
    how = "yes (the stub" if truth.has_user_memory(p) else "yes (the code before Rip cannot"
    report.same(f"{path} InCall", how, facts.get("InCall", "")[:len(how)])
    check_object(report, path, p, t, facts)
    if service is None or "stack_args" not in service:
        return
    report.same(f"{path} StackArgs", str(service["stack_args"]), facts.get("StackArgs"))
    listed = [key for key in facts if key.startswith("Argument")]
    report.same(f"{path} arguments", [f"Argument{i + 5}" for i in range(service["stack_args"])],
                listed)
    for key in listed:
        hexadecimal = facts[key].startswith("0x")
        report.same(f"{path} {key} is there", truth.has_user_memory(p), hexadecimal)


def check_object(report, path, p, t, facts):
    """The handle in the first argument, where the service takes one."""
    if "Object" not in facts:
        report.same(f"{path} Object", False, t["service"] in TAKE_HANDLES)
        return
    handles = {h["handle"]: h for h in (p.get("handles") or {}).get("handles", [])}
    handle = handles.get(t["first_argument"] & ~3)
    if handle is None:
        if not t["first_argument"] >> 31:  # no pseudo handle
            report.same(f"{path} Object", "-", facts["Object"])
        return
    if facts["Object"].startswith("<no-symbols> "):  # the type's name; check_handles looks at them
        report.one_of(f"{path} Object type", ("<no-symbols>",), facts["Object"].split(" ")[0])
    else:
        report.same(f"{path} Object type", handle["type"], facts["Object"][:len(handle["type"])])
    link = f" -> ../../handles/{handle['handle']:04x}"
    report.same(f"{path} Object link", link, facts["Object"][-len(link):])


def check_row(truth, tree, report, path, p, t, row):
    expected = ["-", "-", "-"]
    if in_call(truth, tree, p, t):
        expected = [str(t["system_call_number"]), service_name(t), f"0x{t['first_argument']:x}"]
    report.same(f"{path} number service arg", expected, row[4:7])


def signed(value):
    return value - (1 << 64) if value >> 63 else value


def thread_lines(truth, tree, p, index, t, table):
    lines = [f"\t{index:2d}: Thread: {T.va(t['ethread'])}", f"\t\tWait Reason: {t['wait_reason']}",
             f"\t\tState: {t['state']}", f"\t\tTrapframe: {t['trap_frame']:x}"]
    if in_call(truth, tree, p, t):
        number = t["system_call_number"]
        lines.append(f"\t\tArg({signed(t['first_argument'])})")
        lines.append(f"\t\tSystem Call Number: {number:4d} ===>\t{service_name(t)} "
                     f"({T.windbg(table[number]['address'])})")
    return lines


def listing(truth, tree, p, table):
    lines = [f"{T.short_name(p)}({T.va(p['eprocess'])}) has {p['active_threads']} active threads"]
    for i, t in enumerate(truth.threads(p)):
        lines += thread_lines(truth, tree, p, i + 1, t, table)
    return "\n".join(lines) + "\n"


def check(truth, tree, report):
    if truth.triage:
        return
    table = services(truth)
    name_unread_stubs(truth, table)
    for p in truth.processes():
        rows = {row[0]: row for row in tree.table(f"proc/{p['dir']}/threadlist")}
        for t in truth.threads(p):
            path = f"proc/{p['dir']}/threads/{t['tid']}/syscall"
            check_facts(truth, tree, report, path, p, t, table)
            if len(rows.get(str(t["tid"]), [])) == 9:
                check_row(truth, tree, report, f"proc/{p['dir']}/threadlist {t['tid']}", p, t,
                          rows[str(t["tid"])])
        report.text(f"proc/{p['dir']}/syscalls", listing(truth, tree, p, table),
                    tree.read(f"proc/{p['dir']}/syscalls"))
    hidden = tuple(f"{T.short_name(p)}({T.va(p['eprocess'])})" for p in truth.hidden_processes())
    blocks = tree.read("listing/syscalls").split("\n\n")
    if hidden:
        blocks = [b for b in blocks if not b.startswith(hidden)]
        if not blocks[-1].endswith("\n"):
            blocks[-1] += "\n"
    expected = "\n".join(listing(truth, tree, p, table) for p in truth.processes())
    report.text("listing/syscalls", expected, "\n\n".join(blocks))
