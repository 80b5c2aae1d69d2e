# tests/truth/check_cpu.py - /idt, /cpu and /listing/pcr against the truth file.
import truth as T


def module_of(truth, address):
    for module in truth.kernel_modules:
        if module["base"] <= address < module["base"] + module["size"]:
            return module
    return None


def rva_text(truth, address):
    module = module_of(truth, address)
    if module is None:
        return T.va(address)
    name = "nt" if module["base"] == truth.data["build"]["kernel_base"] else T.stem(module["name"])
    return f"{name}+0x{address - module['base']:x}"


def check_idt(truth, tree, report):
    for cpu in truth.data["idt"]:
        base = f"idt/{cpu['cpu']}"
        rows = {row[0]: row for row in tree.table(f"{base}/table")}
        expected = {f"0x{e['vector']:02x}": e for e in cpu["entries"]}
        # The truth lists the gates with a meaning; the others lead to the kernel's stubs.
        for vector, e in expected.items():
            row = rows.get(vector, ["<no row>"] * 4)
            report.same(f"{base}/table {vector} rva", rva_text(truth, e["target"]), row[2])
            foreign = e["owner"] not in ("nt", "hal")
            report.same(f"{base}/table {vector} foreign", foreign, row[1].startswith("FOREIGN "))
            facts = tree.facts(f"{base}/{vector}")
            report.same(f"{base}/{vector} Dpl", str(e["dpl"]), facts.get("Dpl"))
            report.same(f"{base}/{vector} Ist", str(e["ist"]), facts.get("Ist"))
            report.same(f"{base}/{vector} Target", "FOREIGN" if foreign else "match",
                        facts.get("Target"))
        for vector, row in rows.items():
            if vector not in expected:
                report.same(f"{base}/table {vector} foreign", False,
                            row[1].startswith("FOREIGN "))
        report.same(f"{base} names", sorted([*rows, "table"]), tree.names(base))


def kva_shadow(truth):
    """Whether traps enter the kernel through its shadow: one variant of each handler is for that."""
    entries = truth.data["idt"][0]["entries"]
    return any((e.get("symbol") or "").endswith("Shadow") for e in entries)


def check_cpu(truth, tree, report):
    for cpu, state in zip(truth.data["processors"], truth.data["cpus"]):
        base = f"cpu/{cpu['number']}"
        pcr = tree.facts(f"{base}/pcr")
        for key, name in (("Pcr", "kpcr"), ("Prcb", "prcb"), ("IdtBase", "idt"),
                          ("GdtBase", "gdt"), ("TssBase", "tss")):
            report.same(f"{base}/pcr {key}", T.va(cpu[name]), pcr.get(key))
        shadow = tree.facts(f"{base}/mitigations").get("KvaShadow")
        if shadow != "<no-symbols>":
            report.same(f"{base}/mitigations KvaShadow", "yes" if kva_shadow(truth) else "no",
                        shadow)
        registers = tree.facts(f"{base}/registers")
        for key, name in (("Rip", "rip"), ("Rsp", "rsp")):
            report.same(f"{base}/registers {key}", T.va(state[name]), registers.get(key))
        report.same(f"{base} user.ntdump.address", T.va(cpu["prcb"]),
                    tree.xattr(base, "user.ntdump.address"))
    report.same("cpu names", sorted(str(c["number"]) for c in truth.data["processors"]),
                tree.names("cpu"))
    rows = tree.read("listing/pcr").splitlines()
    report.same("listing/pcr rows", len(truth.data["processors"]), len(rows))
    for cpu, row in zip(truth.data["processors"], rows):
        want = f"Pcr->{T.va(cpu['kpcr'])}\tPrcb->{T.va(cpu['prcb'])}\tProcess->0x"
        report.same(f"listing/pcr {cpu['number']}", want, row[:len(want)])


def check(truth, tree, report):
    if truth.triage:
        return
    check_idt(truth, tree, report)
    check_cpu(truth, tree, report)
