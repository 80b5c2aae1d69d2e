# tests/truth/check_services.py - /ssdt, /win32k, /stubs and their listings against the truth file.
import truth as T


def check_table(truth, tree, report, folder, key, module, base):
    services = truth.data[key]["services"]
    rows = tree.table(f"{folder}/table")
    report.same(f"{folder}/table rows", len(services), len(rows))
    for s, row in zip(services, rows):
        path = f"{folder}/table {s['number']}"
        row = row + ["<no column>"] * (5 - len(row))
        own = s.get("owner", module) == module
        report.same(f"{path} n", str(s["number"]), row[0])
        report.same(f"{path} service", f"{module}!{s['name']}", row[1])
        if own:
            report.same(f"{path} rva", f"{module}+0x{s['address'] - base:x}", row[2])
            report.same(f"{path} args", str(s["stack_args"]), row[3])
            report.same(f"{path} target", "match", row[4])
        else:
            hook = [m for m in truth.kernel_modules
                    if m["base"] <= s["address"] < m["base"] + m["size"]][0]
            where = f"{T.stem(hook['name'])}+0x{s['address'] - hook['base']:x}"
            report.same(f"{path} target", f"FOREIGN {where}", row[4])
    listing = "".join(f"{s['number']:3d}\t{module}!{s['name']} ({T.windbg(s['address'])})\n"
                      for s in services)
    report.text(f"listing/{folder}", listing, tree.read(f"listing/{folder}"))
    for s, row in list(zip(services, rows))[::37]:  # the directories, a sample
        base_path = f"{folder}/{s['number']}/"
        for name, column in (("service", 1), ("rva", 2), ("args", 3), ("target", 4)):
            report.same(base_path + name, row[column], tree.value(base_path + name))
        report.same(base_path + "name", s["name"], tree.value(base_path + "name"))
        report.one_of(base_path + "source", ("pdb", "isf", "export", "stub", "profile"),
                      tree.value(base_path + "source"))
        report.same(f"{folder}/0x{s['number']:x}/name", s["name"],
                    tree.value(f"{folder}/0x{s['number']:x}/name"))


def check_stubs(truth, tree, report):
    for name in ("ntdll", "win32u"):
        stubs = truth.data[name].get("stubs") or {}
        rows = tree.table(f"stubs/{name}")
        if not any(truth.has_user_memory(p) for p in truth.processes()):
            report.same(f"stubs/{name}", [["<not-in-dump>"]], rows)
            continue
        if not stubs:
            continue
        shown = {row[1]: row for row in rows if row[0] != "-"}
        key = "ssdt" if name == "ntdll" else "shadow_ssdt"
        numbers = {s["name"]: s["number"] for s in truth.data[key]["services"]}
        kind = "syscall" if truth.data["build"]["number"] < 14393 else "syscall|int2e"
        for stub in stubs:
            row = shown.get(stub, ["<no row>"] * 4)
            if stub == "NtQuerySystemTime" and stub not in shown:
                # No stub in Windows' own ntdll: it jumps to another export.
                jumps = [row[:3] for row in rows if row[1] == stub]
                report.same(f"stubs/{name} {stub}", [["-", stub, "jump"]], jumps)
                continue
            report.same(f"stubs/{name} {stub}", [str(numbers[stub]), stub, kind, "-"], row)


def check(truth, tree, report):
    if truth.triage:
        return
    check_table(truth, tree, report, "ssdt", "ssdt", "nt", truth.data["build"]["kernel_base"])
    check_table(truth, tree, report, "win32k", "shadow_ssdt", "win32k",
                truth.data["shadow_ssdt"]["module_base"])
    check_stubs(truth, tree, report)
