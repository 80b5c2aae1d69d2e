# tests/truth/check_drivers.py - /drivers, /callbacks and the GDTs against the truth file.
"""A driver's entry is FOREIGN exactly where the truth has a hook; nobody else is accused."""

import truth as T

MAJORS = """CREATE CREATE_NAMED_PIPE CLOSE READ WRITE QUERY_INFORMATION SET_INFORMATION QUERY_EA SET_EA
FLUSH_BUFFERS QUERY_VOLUME_INFORMATION SET_VOLUME_INFORMATION DIRECTORY_CONTROL FILE_SYSTEM_CONTROL
DEVICE_CONTROL INTERNAL_DEVICE_CONTROL SHUTDOWN LOCK_CONTROL CLEANUP CREATE_MAILSLOT QUERY_SECURITY
SET_SECURITY POWER SYSTEM_CONTROL DEVICE_CHANGE QUERY_QUOTA SET_QUOTA PNP""".split()


def module_of(truth, address):
    for module in truth.kernel_modules:
        if module["base"] <= address < module["base"] + module["size"]:
            return module
    return None


def own_module(truth, driver):
    """A driver without an image is one that the kernel has made itself."""
    return module_of(truth, driver["driver_start"] or truth.build["kernel_base"])


def foreign(truth, driver, address):
    """What must be called FOREIGN: code of a module that is neither the driver's nor the kernel's;
    ports are named in the truth, where a driver has one."""
    module, own = module_of(truth, address), own_module(truth, driver)
    if module is None:
        return not 0 <= address - driver["driver_start"] < driver["driver_size"]
    if module is own or T.stem(module["name"]) in ("nt", "hal"):
        return False
    return module["name"] not in driver.get("ports", ())


def drivers(truth):
    if "drivers" in truth.data:  # our own builder's
        return truth.data["drivers"]
    return [o for o in truth.data.get("objects") or [] if o["type"] == "Driver"]


def check_driver(truth, tree, report, d, rows):
    base = f"drivers/{d['name']}"
    facts = tree.facts(base)
    bad = [i for i, a in enumerate(d["major_functions"]) if foreign(truth, d, a)]
    module = own_module(truth, d)
    report.same(f"{base} Object", T.va(d["address"]), facts.get("Object"))
    report.same(f"{base} Name", d["path"], facts.get("Name"))
    report.same(f"{base} DriverStart", T.va(d["driver_start"]) if d["driver_start"] else "-",
                facts.get("DriverStart"))
    report.same(f"{base} DriverSize", str(d["driver_size"]), facts.get("DriverSize"))
    report.same(f"{base} Module", module["name"] if module else "UNLISTED", facts.get("Module"))
    report.same(f"{base} Foreign", str(len(bad)), facts.get("Foreign"))
    for i, (name, address) in enumerate(zip(MAJORS, d["major_functions"])):
        value = facts.get(f"IRP_MJ_{name}", "")
        report.same(f"{base} IRP_MJ_{name}", T.va(address), value.split()[-1].strip("()"))
        report.same(f"{base} IRP_MJ_{name} foreign", i in bad, value.startswith("FOREIGN "))
    report.same(f"{base} Devices", str(len(d["devices"])), facts.get("Devices"))
    devices = [line.split("\t")[1].split()[0] for line in tree.read(base).splitlines()
               if line.startswith("Device:\t")]
    report.same(f"{base} Device", sorted(map(T.va, d["devices"])), sorted(devices))
    report.same(f"{base} row", [T.va(d["address"]), T.va(d["driver_start"]), str(d["driver_size"]),
                                module["name"] if module else "UNLISTED", str(len(bad)),
                                str(len(d["devices"]))], rows.get(d["name"]))
    if "service" in d:
        report.same(f"{base} ServiceKey", d["service"], facts.get("ServiceKey"))
        report.same(f"{base} DriverName", d["driver_name"], facts.get("DriverName"))
        report.same(f"{base} Source", d["source"] == "namespace",
                    "namespace" in facts.get("Source", ""))
        report.same(f"{base} UNLISTED", d["source"] != "namespace",
                    facts.get("Source", "").endswith(" UNLISTED"))
    if "stack" in d:
        report.same(f"{base} stack", d["stack"],
                    [line.split(" < ")[1:] for line in tree.read(base).splitlines()
                     if line.startswith("Device:\t") and " < " in line])


def check_devices(truth, tree, report):
    """The type of each device, in the file of its driver."""
    names = {d["address"]: d["name"] for d in drivers(truth)}
    for device in truth.data.get("objects") or []:
        if device["type"] != "Device" or device.get("driver") not in names:
            continue
        base = f"drivers/{names[device['driver']]}"
        lines = [line for line in tree.read(base).splitlines()
                 if line.startswith(f"Device:\t{T.va(device['address'])} ")]
        want = f"Device:\t{T.va(device['address'])} {device['path'] or '-'} type " \
               f"0x{device['device_type']:x}"
        report.same(f"{base} {device['path']}", [want], [line.split(" < ")[0] for line in lines])


def check_drivers(truth, tree, report):
    rows = {row[0]: row[1:] for row in tree.table("drivers/list")}
    for d in drivers(truth):
        check_driver(truth, tree, report, d, rows)
    if drivers(truth):
        report.same("drivers names", sorted([d["name"] for d in drivers(truth)] + ["list"]),
                    tree.names("drivers"))
        check_devices(truth, tree, report)
    hook = (truth.data.get("tampering") or {}).get("irp_hook")
    if hook:
        facts = tree.facts("drivers/" + hook["driver"].rsplit("\\", 1)[-1])
        value = facts.get("IRP_MJ_" + MAJORS[hook["major"]], "")
        report.same("drivers hooked", ("FOREIGN", T.va(hook["target"])),
                    (value.split()[0], value.split()[-1].strip("()")))


def check_callbacks(truth, tree, report):
    """Only our own builder registers callbacks; in other dumps nobody may be accused."""
    for kind in tree.names("callbacks"):
        if kind.startswith("<errno"):
            continue
        rows = tree.table(f"callbacks/{kind}")
        if "callbacks" not in truth.data:
            report.same(f"callbacks/{kind} foreign", [], [r for r in rows if "FOREIGN" in r[-1]])
            continue
        want = truth.data["callbacks"].get(kind, [])
        if want is None:
            report.same(f"callbacks/{kind}", [["<no-symbols>"]], rows)
            continue
        got = [[row[0], row[1], row[3], row[4], row[5], row[6]] for row in rows if len(row) == 7]
        report.same(f"callbacks/{kind}", [
            [str(c["index"]), T.va(c["entry"]), rva_text(truth, c["routine"]),
             T.va(c["context"]) if c["context"] is not None else "-", c.get("detail") or "-",
             "FOREIGN" if module_of(truth, c["routine"]) is None else "match"] for c in want], got)


def rva_text(truth, address):
    module = module_of(truth, address)
    if module is None:
        return T.va(address)
    name = "nt" if module["base"] == truth.data["build"]["kernel_base"] else T.stem(module["name"])
    return f"{name}+0x{address - module['base']:x}"


def check_gdt(truth, tree, report):
    for cpu in truth.data["processors"]:
        base = f"cpu/{cpu['number']}"
        rows = {row[0]: row[1:] for row in tree.table(f"{base}/gdt")}
        code = rows.get("0x0010", [])
        report.same(f"{base}/gdt 0x0010", ["code", "0", "yes", "yes"],
                    [code[i][:4] if i == 2 else code[i] for i in (2, 3, 4, 5)] if code else None)
        tss = rows.get("0x0040", [""] * 7)
        report.same(f"{base}/gdt 0x0040", T.va(cpu["tss"]), tss[0])
        report.same(f"{base}/gdt 0x0040 type", "tss64-busy", tss[2])
        facts = tree.facts(f"{base}/tss")
        report.same(f"{base}/tss Tss", T.va(cpu["tss"]), facts.get("Tss"))
        if "drivers" in truth.data:  # our own builder's
            report.same(f"{base}/tss Rsp0", T.va(cpu["kpcr"]), facts.get("Rsp0"))
            for i in range(1, 8):
                report.same(f"{base}/tss Ist{i}", T.va(cpu["kpcr"] + 0x100 * i),
                            facts.get(f"Ist{i}"))


def check(truth, tree, report):
    if truth.triage:
        return
    check_drivers(truth, tree, report)
    check_callbacks(truth, tree, report)
    check_gdt(truth, tree, report)
