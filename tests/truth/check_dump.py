# tests/truth/check_dump.py - /target, /vertarget and /dump against the truth file.
import datetime

import truth as T

PRODUCTS = {1: "WinNt", 2: "LanManNt", 3: "ServerNt"}
SUITES = [(0x10, "TerminalServer"), (0x80, "DataCenter"), (0x100, "SingleUserTS")]

# /dump/type's Kind, by the beginning of the truth file's name for the container.
KINDS = [("full", "full"), ("win-dmp", "full"), ("active", "active"), ("kernel", "kernel"),
         ("summary", "kernel"), ("live", "live"), ("triage", "triage")]

# /dump/header: DUMP_HEADER64's own member names.
HEADER = {
    "MinorVersion": "minor", "MajorVersion": "major", "DirectoryTableBase": "dtb",
    "PfnDataBase": "pfn_database", "PsLoadedModuleList": "ps_loaded_module_list",
    "PsActiveProcessHead": "ps_active_process_head", "MachineImageType": "machine_type",
    "NumberProcessors": "number_processors", "BugCheckCode": "bugcheck_code",
    "KdDebuggerDataBlock": "kd_debugger_data_block", "ProductType": "product_type",
    "SuiteMask": "suite_mask",
}


def number(text):
    """The number at the start of a fact: 0x.. or decimal; None when there is none."""
    word = text.split()[0] if text.split() else ""
    try:
        return int(word, 0)
    except ValueError:
        return None


def uptime(ticks):
    """100 ns units as `0 days 18:04:16.257`."""
    milliseconds = ticks // 10_000
    seconds, milliseconds = divmod(milliseconds, 1000)
    days, seconds = divmod(seconds, 86400)
    return (f"{days} days {seconds // 3600}:{seconds // 60 % 60:02d}:{seconds % 60:02d}"
            f".{milliseconds:03d}")


def check_target(truth, tree, report):
    facts = tree.facts("target")
    build, meta = truth.build, truth.meta
    report.same("target Build", str(build["number"]), facts.get("Build"))
    report.one_of("target BuildLabEx", (build["lab_ex"], "<no-symbols>"), facts.get("BuildLabEx"))
    if not truth.triage:
        kernel = truth.kernel_pdb()
        report.same("target KernelPdb", kernel, facts.get("KernelPdb"))
    report.same("target BuildLab", build["lab"], facts.get("BuildLab"))
    report.same("target Processors", str(meta["number_processors"]), facts.get("Processors"))
    report.same("target Product", PRODUCTS[meta["product_type"]], facts.get("Product"))
    report.same("target CrashTime", T.iso_time(truth.crash_time), facts.get("CrashTime"))
    hours = uptime(meta["system_up_time"])
    report.one_of("target Uptime", (hours, hours.replace(" days ", " days 0", 1)),
                  facts.get("Uptime"))


def check_vertarget(truth, tree, report):
    text = tree.read("vertarget")
    lines = text.split("\n")
    meta, build = truth.meta, truth.build
    report.same("vertarget lines", 8, len(lines))  # seven, and nothing behind the last newline
    lines += [""] * 8
    family = 11 if build["number"] >= 22000 else 10
    first = "Windows 8.1" if build["number"] == 9600 else f"Windows {family}"
    if meta["product_type"] == 3:
        first = None  # the server's marketing name is not in the truth file
    end = f" Kernel Version {build['number']} MP ({meta['number_processors']} procs) Free x64"
    if first:
        report.same("vertarget:1", first + end, lines[0])
    else:
        report.same("vertarget:1", True, lines[0].endswith(end))
    suites = " ".join(name for bit, name in SUITES if meta["suite_mask"] & bit)
    report.same("vertarget:2", f"Product: {PRODUCTS[meta['product_type']]}, suite: {suites}",
                lines[1])
    report.same("vertarget:3", f"Built by: {build['lab']}", lines[2])
    report.same("vertarget:4", True, lines[3].startswith("Machine Name:"))
    report.same("vertarget:5",
                f"Kernel base = 0x{T.windbg(build['kernel_base'])} "
                f"PsLoadedModuleList = 0x{T.windbg(meta['ps_loaded_module_list'])}", lines[4])
    session = session_times(truth)
    report.one_of("vertarget:6", session, lines[5])
    report.one_of("vertarget:7", [f"System Uptime: {uptime(meta['system_up_time'])}",
                                  "System Uptime: " + uptime(meta["system_up_time"]).replace(
                                      " days ", " days 0", 1)], lines[6])


def session_times(truth):
    """`Debug session time:` in UTC, and in the zone of the dumped machine."""
    ret = []
    for minutes in (0, -truth.data["time"]["utc_bias_minutes"]):
        ticks = truth.crash_time + minutes * 600_000_000
        when = datetime.datetime(1601, 1, 1) + datetime.timedelta(microseconds=ticks // 10)
        sign = "+" if minutes >= 0 else "-"
        ret.append(f"Debug session time: {when:%a %b} {when.day:2d} {when:%H:%M:%S}"
                   f".{when.microsecond // 1000:03d} {when.year} "
                   f"(UTC {sign} {abs(minutes) // 60}:{abs(minutes) % 60:02d})")
    return ret


def check_type(truth, tree, report):
    facts = tree.facts("dump/type")
    kind = next((kind for name, kind in KINDS if truth.format.startswith(name)), None)
    if kind:
        report.same("dump/type Kind", kind, facts.get("Kind"))
    container = truth.data.get("container") or {}
    if "dump_type" in container:
        report.same("dump/type DumpType", container["dump_type"],
                    number(facts.get("DumpType", "")))
    if truth.data["page_counts"].get("user") is not None:
        report.same("dump/type UserPages", "present" if truth.user_pages else "absent",
                    facts.get("UserPages"))
    if "size" in container:
        report.same("dump/type FileBytes", str(container["size"]), facts.get("FileBytes"))
    if "pages" in container and truth.format != "triage":
        report.same("dump/type PagesPresent", str(container["pages"]), facts.get("PagesPresent"))


def check_header(truth, tree, report):
    facts = {key.lower(): value for key, value in tree.facts("dump/header").items()}
    for key, name in HEADER.items():
        got = facts.get(key.lower())
        report.same(f"dump/header {key}", truth.meta[name], number(got) if got else got)
    for key, name in (("SystemTime", "system_time"),):
        report.same(f"dump/header {key}", T.iso_time(truth.meta[name]), facts.get(key.lower()))
    report.same("dump/header SystemUpTime", str(truth.meta["system_up_time"]),
                facts.get("systemuptime"))
    for i, parameter in enumerate(truth.meta["bugcheck_params"]):
        keys = (f"bugcheckparameter{i + 1}", f"bugcheckparameters{i + 1}", f"parameter{i + 1}")
        got = next((facts[key] for key in keys if key in facts), None)
        report.same(f"dump/header BugCheckParameter{i + 1}", parameter,
                    number(got) if got else got)


def check_bugcheck(truth, tree, report):
    facts = tree.facts("dump/bugcheck")
    code = truth.meta["bugcheck_code"]
    name = T.BUGCHECKS.get(code)
    if name:
        report.same("dump/bugcheck Code", f"0x{code:08x} {name}", facts.get("Code"))
    else:
        report.same("dump/bugcheck Code", code, number(facts.get("Code", "")))
    for i, parameter in enumerate(truth.meta["bugcheck_params"]):
        report.same(f"dump/bugcheck Parameter{i + 1}", parameter,
                    number(facts.get(f"Parameter{i + 1}", "")))
    thread = truth.data.get("crash_thread")
    if thread and "Thread" in facts:
        report.same("dump/bugcheck Thread", True, T.va(thread) in facts["Thread"])


def check_runs(truth, tree, report):
    """What the container holds: ascending, within the machine's memory, as many as it says."""
    rows = tree.table("dump/runs")
    runs = [(int(first), int(pages)) for first, pages in rows]
    report.same("dump/runs order", sorted(runs), runs)
    machine = truth.data["physical_runs"]
    inside = all(any(first <= a and a + n <= first + count for first, count in machine)
                 for a, n in runs)
    if truth.format != "triage":
        report.same("dump/runs inside the machine's memory", True, inside)
        pages = (truth.data.get("container") or {}).get("pages")
        if pages is not None:
            report.same("dump/runs pages", pages, sum(n for _, n in runs))


def check(truth, tree, report):
    check_target(truth, tree, report)
    check_vertarget(truth, tree, report)
    check_type(truth, tree, report)
    check_header(truth, tree, report)
    check_bugcheck(truth, tree, report)
    check_runs(truth, tree, report)
