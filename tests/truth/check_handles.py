# tests/truth/check_handles.py - handle tables against the truth file: the table of each process,
# its directory of handles, and what is told of each handle and its object.
import truth as T

ATTRIBUTES = ["PROTECT_CLOSE", "INHERIT", "AUDIT_OBJECT_CLOSE"]


class Objects:
    """What the truth file knows of an object, by address."""

    def __init__(self, truth):
        data = truth.data
        self.truth = truth
        self.by_address = {o["address"]: o for o in data.get("objects", [])}
        self.processes = {p["eprocess"]: p for p in data["processes"]}
        self.threads = {t["ethread"]: (p, t) for p in data["processes"] for t in p["threads"]}
        self.paths = {d["address"]: d["path"] for d in data.get("directories", [])}
        for d in data.get("directories", []):
            for entry in d["entries"]:
                self.paths.setdefault(entry["object"],
                                      d["path"].rstrip("\\") + "\\" + entry["name"])
        self.renamed = {i["pid"] for i in truth.damage
                        if i["what"] == "image name with slashes and controls"}
        self.connections = {}
        for port in data.get("alpc_ports", []):
            for client in port.get("clients") or []:
                for end in ("server_port", "client_port"):
                    self.connections[client[end]] = port["name"]

    def name(self, address, kind):
        """The display name, or None where the truth file does not tell."""
        o = self.by_address.get(address, {})
        known = bool(self.by_address)  # some truth files leave objects out
        if kind == "Process":
            p = self.processes.get(address)
            if p and p["pid"] in self.renamed:
                return None
            return p and T.escape(f"{T.short_name(p)} ({p['pid']})")
        if kind == "Thread":
            p, t = self.threads.get(address, (None, None))
            if p and p["pid"] in self.renamed:
                return None
            return p and T.escape(f"{T.short_name(p)} ({p['pid']}) {t['tid']}")
        if kind == "Token":
            return o.get("user")
        if kind == "File":
            return T.escape((o["device_name"] or "") + (o["file_name"] or "")) if o else None
        if kind == "Key":
            return T.escape(o["key_path"]) if o else None
        path = self.paths.get(address) or o.get("path")
        if not path and kind == "ALPC Port":
            path = self.connections.get(address)
        if not path and kind == "Section" and o.get("handle_count") == 0:
            return None  # of a process's image: its file is not told
        return T.escape(path or "-") if path or known else None


def broken_table(truth, p):
    """The word that stands for a table which was damaged, or None."""
    words = {"handle table refers to itself": "<invalid>", "handle table unmapped": "<unmapped>"}
    for item in truth.damage:
        if item.get("pid") == p["pid"] and item["what"] in words:
            return words[item["what"]]
    return None


def expected_row(objects, handle):
    return [f"0x{handle['handle']:x}", handle["type"], f"0x{handle['access']:08x}",
            T.va(handle["object"]), objects.name(handle["object"], handle["type"])]


def attributes(value):
    names = [name for bit, name in enumerate(ATTRIBUTES) if value & 1 << bit]
    return f"0x{value:x}" + (" " + "|".join(names) if names else "")


def check_one(tree, report, objects, base, handle, row):
    path = f"{base}/handles/{handle['handle']:04x}"
    facts = tree.facts(path)
    same = {"Handle": row[0], "Type": row[1], "Object": row[3], "Entry": T.va(handle["entry"]),
            "Attributes": attributes(handle["attributes"])}
    if row[4] is not None:
        same["Name"] = row[4]
    truth = objects.by_address.get(handle["object"])
    if truth:
        same |= {"Header": T.va(truth["header"]), "HandleCount": str(truth["handle_count"]),
                 "PointerCount": str(truth["pointer_count"]),
                 "InfoMask": f"0x{truth['info_mask']:x}"}
    for key, value in same.items():
        report.same(f"{path} {key}", value, facts.get(key))
    report.same(f"{path} GrantedAccess", row[2], facts.get("GrantedAccess", "").split(" ")[0])
    check_type_facts(report, path, facts, truth or {})


def check_type_facts(report, path, facts, o):
    """What the truth file says of an object of this type."""
    expected = {}
    if o.get("type") == "Event":
        expected = {"Kind": o["kind"], "SignalState": str(int(o["state"]))}
    elif o.get("type") == "Mutant":
        expected = {"Owner": T.va(o["owner_thread"]) if o["owner_thread"] else "-"}
    elif o.get("type") == "Section" and "size" in o:
        expected = {"Size": str(o["size"])}
    elif o.get("type") == "File":
        expected = {"Device": f"{T.va(o['device'])} {o['device_name']}"}
    elif o.get("type") == "ALPC Port":
        expected = {"Kind": o["kind"]}
    elif o.get("type") == "SymbolicLink":
        expected = {"Target": T.escape(o["target"])}
    elif o.get("type") == "Driver":
        expected = {"DriverStart": T.va(o["driver_start"]), "DriverSize": str(o["driver_size"])}
    elif o.get("type") == "Device":
        expected = {"DeviceType": f"0x{o['device_type']:x}"}
    for key, value in expected.items():
        got = facts.get(key)
        if key == "Owner" and got:
            got = got.split(" ")[0]
        report.same(f"{path} {key}", value, got)


def check_process(truth, tree, report, objects, p):
    base = f"proc/{p['dir']}"
    handles = (p.get("handles") or {}).get("handles") or []
    word = T.NOT_IN_DUMP if truth.triage and p.get("handles") else broken_table(truth, p)
    if word:
        report.same(f"{base}/handlelist", word + "\n", tree.read(f"{base}/handlelist"))
        report.same(f"{base}/handles", [], tree.names(f"{base}/handles"))
        return
    expected = [expected_row(objects, h) for h in handles]
    got = tree.table(f"{base}/handlelist")
    report.same(f"{base}/handlelist handles", [row[0] for row in expected], [row[0] for row in got])
    for want, have in zip(expected, got):
        if want[4] is None:
            want[4] = have[4]
        report.same(f"{base}/handlelist {want[0]}", want, have)
    names = [f"{h['handle']:04x}" for h in handles]
    report.same(f"{base}/handles", sorted(names), tree.names(f"{base}/handles"))
    if p.get("handles"):
        report.same(f"{base}/status HandlesListed", str(len(handles)),
                    tree.facts(f"{base}/status").get("HandlesListed"))
    for handle, row in zip(handles, expected):
        check_one(tree, report, objects, base, handle, row)
    if handles:
        check_metadata(tree, report, base, handles[-1])


def check_metadata(tree, report, base, handle):
    """The last handle of a process: other spellings, extended attributes."""
    path = f"{base}/handles/{handle['handle']:04x}"
    for alias in (f"0x{handle['handle']:x}", f"0n{handle['handle']}"):
        report.same(f"{base}/handles/{alias}", tree.read(path),
                    tree.read(f"{base}/handles/{alias}"))
    report.same(f"{path} user.ntdump.address", T.va(handle["object"]),
                tree.xattr(path, "user.ntdump.address"))
    report.same(f"{path} user.ntdump.type", handle["type"], tree.xattr(path, "user.ntdump.type"))


def check(truth, tree, report):
    objects = Objects(truth)
    listed = set(tree.names("proc"))
    for p in truth.processes() + truth.hidden_processes():
        if p["dir"] in listed:
            check_process(truth, tree, report, objects, p)
