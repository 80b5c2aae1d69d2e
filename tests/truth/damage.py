# tests/truth/damage.py - which expectations a deliberately broken dump can no longer meet.
"""The truth file of a hostile dump holds the values from before the damage, and says what was
broken. A value behind a broken structure is excused; everything else must still be right."""

import re

import truth as T


def excuses(truth):
    """Patterns of report paths that are excused."""
    ret = []
    for item in truth.damage:
        rule = RULES.get(item["what"])
        if rule:
            ret += rule(truth, item)
    # /listing/syscalls shows the threads that /listing/processes shows.
    ret += [pattern.replace("listing/processes", "listing/syscalls") for pattern in ret
            if "listing/processes" in pattern]
    ret += [re.sub(r"/listing$", "/syscalls", pattern) for pattern in ret
            if pattern.endswith("/listing")]
    if truth.triage:  # the sample's driver list has no time stamps
        ret.append(r"^modules/.*timestamp$")
    return [re.compile(pattern) for pattern in ret]


def process_list_loop(truth, item):
    """Those behind the loop may be missing, and threads that only lead to them."""
    order = [p["eprocess"] for p in truth.processes()]
    behind = order[order.index(item["from"]) + 1:]
    lost = [p["dir"] for p in truth.processes() if p["eprocess"] in behind]
    return [r"proc/list pids", r"proc directories", r"listing/processes"] + \
        [rf"proc/{pid}[/ ]" for pid in lost]


def thread_list_loop(truth, item):
    pid = item["pid"]
    return [rf"proc/{pid}/thread", rf"proc/{pid}/listing", rf"proc/{pid}/status ThreadsListed",
            rf"proc/list {pid} listed", r"listing/processes"]


def vad_cycle(truth, item):
    """Regions behind the cycle are missing, and the names of images that only they know."""
    pid = item["pid"]
    return [rf"proc/{pid}/vad", rf"proc/{pid}/modules"]


def module_names(truth, item):
    name = re.escape(item["module"])
    return [rf"modules/list {name} (name|path)", rf"modules/{name}/", r"modules names",
            rf"modules/{re.escape(T.stem(item['module']))}/"]


def module_list_cut(truth, item):
    """Modules behind the cut are missing; addresses in them have no name."""
    names = [m["name"] for m in truth.data["modules"]]
    lost = [m for m in truth.data["modules"][names.index(item["after"]) + 1:]]
    ret = [r"modules/list bases", r"modules names", r"listing/processes"]
    ret += [rf"modules/(list )?{re.escape(m['name'])}[/ ]" for m in lost]
    ret += [rf"modules/{re.escape(T.stem(m['name']))}/" for m in lost]
    for p in truth.processes():
        for t in p["threads"]:
            start = T.Truth.start(t)
            if any(m["base"] <= start < m["base"] + m["size"] for m in lost):
                ret += thread_paths(p, t, "start")
    return ret


def thread_paths(p, t, name):
    return [rf"proc/{p['dir']}/threads/{t['tid']}/{name}", rf"proc/{p['dir']}/listing",
            rf"proc/{p['dir']}/threadlist {t['tid']} {name}$"]


def trap_frame(truth, item):
    for p in truth.processes():
        for t in p["threads"]:
            if t["tid"] == item["tid"]:
                return (thread_paths(p, t, "trapframe") + thread_paths(p, t, "status TrapFrame") +
                        thread_paths(p, t, "(rip|number|service|arg|number service arg)") +
                        thread_paths(p, t, "syscall") + thread_paths(p, t, "stack") +
                        [r"listing/processes"])
    return []


def image_name(truth, item):
    pid = item["pid"]
    return [rf"proc/{pid}/(name|listing|syscalls|status Name)", rf"proc/list {pid} image",
            r"listing/processes", rf"(job|silo|session)/[^/]+/processes {pid} image"]


def half_process(truth, item):
    """Its thread list lies in the missing half."""
    pid = item["pid"]
    return [rf"proc/{pid}/(thread|listing|vad|modules|status ThreadsListed)",
            rf"proc/list {pid} listed",
            r"listing/processes"]


def loader_entry_lost(truth, item):
    """The page held entries of other modules, too: whatever it held comes from the VADs."""
    return [rf"proc/{item['pid']}/modules "]


def missing_ok(truth):
    """Patterns of paths whose value may be missing, but not wrong."""
    if truth.triage:
        return [re.compile("")]
    return [re.compile(rf"proc/(list )?{item['pid']}[/ ]") for item in truth.damage
            if item["what"] in ("half of an EPROCESS is not in the dump",
                                "LDR entry not in the dump")]


def handle_table(truth, item):
    return [rf"proc/{item['pid']}/threads/\d+/syscall Object"]


RULES = {
    "handle table refers to itself": handle_table,
    "handle table unmapped": handle_table,
    "nested trap frame": trap_frame,
    "LDR entry not in the dump": loader_entry_lost,
    "process list loop": process_list_loop,
    "thread list loop": thread_list_loop,
    "VAD tree cycle": vad_cycle,
    "module name length 0xfffe": module_names,
    "module path at a non-canonical address": module_names,
    "module list cut": module_list_cut,
    "trap frame outside the stack": trap_frame,
    "trap frame in user space": trap_frame,
    "image name with slashes and controls": image_name,
    "half of an EPROCESS is not in the dump": half_process,
}
