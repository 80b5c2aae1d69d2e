# tests/truth/truth.py - a dump's truth file, and what the mounted tree must say because of it.
"""Nothing in here looks at the mount: every expected value comes from the truth file alone."""

import bisect
import json

STATES = ["Initialized", "Ready", "Running", "Standby", "Terminated", "Waiting", "Transition",
          "DeferredReady", "GateWaitObsolete", "WaitingForProcessInSwap"]

WAIT_REASONS = [
    "Executive", "FreePage", "PageIn", "PoolAllocation", "DelayExecution", "Suspended",
    "UserRequest", "WrExecutive", "WrFreePage", "WrPageIn", "WrPoolAllocation",
    "WrDelayExecution", "WrSuspended", "WrUserRequest", "WrSpare0", "WrQueue", "WrLpcReceive",
    "WrLpcReply", "WrVirtualMemory", "WrPageOut", "WrRendezvous", "WrKeyedEvent", "WrTerminated",
    "WrProcessInSwap", "WrCpuRateControl", "WrCalloutStack", "WrKernel", "WrResource",
    "WrPushLock", "WrMutex", "WrQuantumEnd", "WrDispatchInt", "WrPreempted", "WrYieldExecution",
    "WrFastMutex", "WrGuardedMutex", "WrRundown", "WrAlertByThreadId", "WrDeferredPreempt",
    "WrPhysicalFault", "WrIoRing", "WrMdlCache", "WrRcu"]

PROTECTIONS = ["NOACCESS", "READONLY", "EXECUTE", "EXECUTE_READ", "READWRITE", "WRITECOPY",
               "EXECUTE_READWRITE", "EXECUTE_WRITECOPY"]

PROTECTION_TYPES = ["None", "ProtectedLight", "Protected"]
PROTECTION_SIGNERS = ["None", "Authenticode", "CodeGen", "Antimalware", "Lsa", "Windows",
                      "WinTcb", "WinSystem", "App"]

BUGCHECKS = {0xd1: "DRIVER_IRQL_NOT_LESS_OR_EQUAL", 0xe2: "MANUALLY_INITIATED_CRASH",
             0x7e: "SYSTEM_THREAD_EXCEPTION_NOT_HANDLED", 0x161: "LIVE_SYSTEM_DUMP"}

# Containers without the pages of user address spaces.
KERNEL_FORMATS = ("kernel", "summary", "triage")

NOT_IN_DUMP = "<not-in-dump>"


def va(value):
    return f"0x{value:016x}"


def windbg(value):
    return f"{value >> 32:08x}`{value & 0xffffffff:08x}"


def iso_time(filetime):
    """FILETIME (100 ns since 1601, UTC) as the tree prints it; "-" for 0."""
    if not filetime:
        return "-"
    seconds, rest = divmod(filetime, 10_000_000)
    days, second = divmod(seconds, 86400)
    year, month, day = civil_date(days)
    return (f"{year:04d}-{month:02d}-{day:02d}T{second // 3600:02d}:{second // 60 % 60:02d}:"
            f"{second % 60:02d}.{rest:07d}Z")


def civil_date(days):
    """Days since 1601-01-01 as (year, month, day)."""
    era, day = divmod(days, 146097)  # 400 years; 1601 begins such a period
    century = min(day // 36524, 3)
    day -= century * 36524
    four, day = divmod(day, 1461)
    year_in_four = min(day // 365, 3)
    day -= year_in_four * 365
    year = 1601 + era * 400 + century * 100 + four * 4 + year_in_four
    leap = year % 4 == 0 and (year % 100 != 0 or year % 400 == 0)
    for month, length in enumerate((31, 29 if leap else 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31)):
        if day < length:
            break
        day -= length
    return year, month + 1, day + 1


def unix_nanoseconds(filetime):
    return (filetime - 116444736000000000) * 100


def stem(file_name):
    """A module's name as WinDbg says it: no extension, ntoskrnl is nt."""
    name = file_name.rsplit("\\", 1)[-1]
    name = name.rsplit(".", 1)[0] if "." in name else name
    return "nt" if name.lower() in ("ntoskrnl", "ntkrnlmp") else name


def escape(text):
    """Text of the dump as contents: nothing in it can move a terminal's cursor."""
    ret = []
    for c in text:
        code = ord(c)
        if code < 0x20 or 0x7f <= code < 0xa0:
            ret.append(f"\\x{code:02x}")
        elif 0xd800 <= code < 0xe000:
            ret.append(f"\\u{code:04x}")
        else:
            ret.append(c)
    return "".join(ret)


def short_name(process):
    """ImageFileName: the kernel keeps 14 characters and a NUL."""
    return process["name"][:14]


def protection_name(byte):
    """EPROCESS.Protection as /proc/list prints it."""
    kind, signer = byte & 7, byte >> 4
    if kind == 0:
        return "-"
    name = PROTECTION_SIGNERS[signer]
    return f"PsProtectedSigner{name}" + ("-Light" if kind == 1 else "")


def vad_protection(value):
    extra = ["", "|NOCACHE", "|GUARD", "|WRITECOMBINE"][value >> 3]
    return PROTECTIONS[value & 7] + extra


class Names:
    """Addresses of names that an export table or a system call stub gives, for one module."""

    def __init__(self):
        self.stubs = []
        self.stub_size = 0
        self.exact = {}
        self.complete = True  # False: the module has names that the truth file leaves out

    def add_stubs(self, stubs, size):
        self.stubs = sorted((address, name) for name, address in stubs.items())
        self.stub_size = size

    def find(self, address):
        """(name, offset) where the rules allow a name, else None."""
        i = bisect.bisect_right(self.stubs, (address, chr(0x10ffff))) - 1
        if i >= 0 and address - self.stubs[i][0] < self.stub_size:
            return self.stubs[i][1], address - self.stubs[i][0]
        if address in self.exact:
            return self.exact[address], 0
        return None


class Truth:
    def __init__(self, path, kernel_dump=None):
        with open(path, encoding="utf-8") as file:
            self.data = json.load(file)
        container = self.data.get("container") or {}
        self.format = container.get("format", "")
        if kernel_dump is None:
            kernel_dump = self.format.startswith(KERNEL_FORMATS)
        self.user_pages = not kernel_dump
        self.build = self.data["build"]
        self.meta = dict(self.data["meta"])
        if self.format.startswith("live"):  # its header is that of a live dump, not of the crash
            self.meta["bugcheck_code"] = 0x161
            self.meta["bugcheck_params"] = []
        self.crash_time = self.meta["system_time"]
        self.names = {}
        self.said = {}
        self._collect_names()
        self.kernel_modules = sorted(self.data["modules"], key=lambda m: m["base"])
        self.damage = self.data.get("damage") or []
        self._name_directories()
        # Some truth files say which ended threads are still on the list; else all are.
        self.marks_linked = any("still_linked" in t for p in self.data["processes"]
                                for t in p["threads"])

    def _name_directories(self):
        """Every process gets its name in /proc: the pid, and ~2 for the second owner of a pid."""
        for item in self.damage:
            for p in self.data["processes"]:
                if item["what"] == "duplicate pid" and p["eprocess"] == item["eprocess"]:
                    p["pid"] = item["pid"]
        seen = {}
        for p in self.data["processes"]:
            count = seen[p["pid"]] = seen.get(p["pid"], 0) + 1
            p["dir"] = str(p["pid"]) if count == 1 else f"{p['pid']}~{count}"

    def _collect_names(self):
        ntdll = self.data.get("ntdll") or {}
        names = Names()
        names.add_stubs(ntdll.get("stubs", {}), ntdll.get("stub_size", 0))
        names.exact = {address: name for name, address in ntdll.get("exports", {}).items()}
        names.complete = ntdll.get("export_count", 0) <= len(names.exact)
        self.names["ntdll"] = names
        win32u = self.data.get("win32u") or {}
        names = Names()
        names.add_stubs(win32u.get("stubs", {}), ntdll.get("stub_size", 0))
        self.names["win32u"] = names

    @property
    def triage(self):
        return self.format == "triage"

    def kernel_pdb(self):
        """name.pdb/GUIDAGE of the kernel."""
        kernel = next(m for m in self.data["modules"] if m["base"] == self.build["kernel_base"])
        return f"{kernel['pdb']}/{kernel['guid']}{kernel['age']:X}"

    def processes(self):
        """Those with a directory in /proc, in the order of the kernel's list. A triage dump holds
        the process of the crash, and of its threads the one that crashed."""
        if self.triage:
            return [p for p in self.data["processes"] if self.threads(p)]
        return [p for p in self.data["processes"] if not p["hidden"]]

    def hidden_processes(self):
        return [p for p in self.data["processes"] if p["hidden"]]

    def has_user_memory(self, process):
        return self.user_pages and process["peb"] != 0

    def threads(self, process):
        """Those that are still on EPROCESS.ThreadListHead."""
        if self.triage:
            return [t for t in process["threads"] if t["ethread"] == self.data["crash_thread"]]
        return [t for t in process["threads"]
                if not self.marks_linked or not t["terminated"] or t.get("still_linked")]

    @staticmethod
    def rip(thread):
        """Where the thread entered the kernel; None without a trap frame."""
        return thread["rip"] if thread["trap_frame"] else None

    @staticmethod
    def start(thread):
        return thread["win32_start_address"] or thread["start_address"]

    def image_vads(self, process):
        return [] if self.triage else [v for v in process.get("vads") or [] if v["kind"] == "image"]

    def loader_modules(self, process):
        """What the process's loader lists name, of both widths, without what was damaged."""
        if not self.user_pages or not process["peb"]:
            return []
        lost = [i for i in self.damage if i.get("pid") == process["pid"]]
        if any(i["what"] == "module known to the VADs only" for i in lost):
            return []
        lost = {i["module"] for i in lost if i["what"] == "LDR entry not in the dump"}
        ret = {}
        for m in process.get("modules", []) + process.get("modules32", []):
            if m["name"] not in lost:
                ret.setdefault(m["base"], m)
        return list(ret.values())

    def user_module(self, process, address):
        """(name, base) of the image that holds a user address, or None."""
        if self.user_pages:
            for m in self.loader_modules(process):
                if m["base"] <= address < m["base"] + m["size"]:
                    return stem(m["name"]), m["base"]
        for v in self.image_vads(process):
            if v["file"] and v["start"] <= address <= v["end"]:
                return stem(v["file"]), v["start"]
        return None

    def kernel_module(self, address):
        for m in self.kernel_modules:
            if m["base"] <= address < m["base"] + m["size"]:
                return stem(m["name"]), m["base"]
        return None

    def code(self, process, address):
        """`module!symbol+0xOFF`, `module+0xOFF`, or None where only the address can be said."""
        kernel = address >> 63
        module = self.kernel_module(address) if kernel else self.user_module(process, address)
        if module is None:
            return None
        name, base = module
        known = None
        if not kernel and self.user_pages and name in self.names:
            known = self.names[name].find(address)
        if known is None:
            return f"{name}+0x{address - base:x}"
        symbol, offset = known
        return f"{name}!{symbol}" + (f"+0x{offset:x}" if offset else "")

    def symbol_ok(self, text, process, address):
        """Is `module!Name+0xOFF` possible where the truth file does not list the module's names?
        The module must be right, and a name must mean the same place wherever it is said."""
        kernel = address >> 63
        module = self.kernel_module(address) if kernel else self.user_module(process, address)
        prefix, _, rest = text.partition("!")
        name, _, offset = rest.partition("+0x")
        if module is None or prefix != module[0] or not name:
            return False
        if not kernel and prefix in self.names and self.names[prefix].complete:
            return False
        try:
            rva = address - module[1] - (int(offset, 16) if offset else 0)
        except ValueError:
            return False
        if kernel and prefix == "nt" and name in self.kernel_names():
            return self.kernel_names()[name] == module[1] + rva
        return self.said.setdefault((prefix, name), rva) == rva

    def kernel_names(self):
        if not hasattr(self, "_kernel_names"):
            names = dict(self.data.get("symbols", {}))
            for service in self.data["ssdt"]["services"]:
                if service.get("owner", "nt") == "nt":
                    names[service["name"]] = service["address"]
            self._kernel_names = names
        return self._kernel_names
