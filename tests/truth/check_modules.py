# tests/truth/check_modules.py - /modules against the truth file.
import truth as T


def pdb_text(module):
    return f"{module['pdb']}/{module['guid']}{module['age']:X}"


def check_list(truth, tree, report):
    rows = {row[0]: row for row in tree.table("modules/list")}
    expected = truth.kernel_modules
    report.same("modules/list bases", sorted(T.va(m["base"]) for m in expected), sorted(rows))
    report.same("modules/list order", sorted(rows), list(rows))
    for m in expected:
        row = rows.get(T.va(m["base"]))
        if row is None:
            continue
        path = f"modules/list {m['name']}"
        want = [T.va(m["base"]), str(m["size"]), m["name"], f"0x{m['timestamp']:08x}",
                pdb_text(m), m["path"]]
        for i, column in enumerate(("base", "size", "name", "timestamp", "pdb", "path")):
            report.same(f"{path} {column}", want[i], row[i] if i < len(row) else "<no column>")


def check_directory(truth, tree, report):
    listed = tree.names("modules")
    names = {m["name"] for m in truth.kernel_modules} | {"list", "unloaded"}
    report.same("modules names", sorted(names), listed)
    for m in truth.kernel_modules:
        base = f"modules/{m['name']}/"
        expected = {
            "base": T.va(m["base"]), "size": str(m["size"]), "path": m["path"],
            "timestamp": f"0x{m['timestamp']:08x}", "pdb": pdb_text(m),
        }
        for name, value in expected.items():
            report.same(base + name, value, tree.value(base + name))
        if not truth.triage:
            report.same(f"{base} user.ntdump.address", T.va(m["entry"]),
                        tree.xattr(base.rstrip("/"), "user.ntdump.address"))
        # Also by the name that symbols carry, unless another module has it, too.
        alias = T.stem(m["name"])
        if sum(T.stem(other["name"]) == alias for other in truth.kernel_modules) == 1:
            report.same(f"modules/{alias}/base", T.va(m["base"]),
                        tree.value(f"modules/{alias}/base"))


def check_unloaded(truth, tree, report):
    expected = [[u["name"], T.va(u["start"]), T.va(u["end"]), T.iso_time(u["time"])]
                for u in truth.data["unloaded_drivers"]]
    report.same("modules/unloaded", sorted(expected), sorted(tree.table("modules/unloaded")))


def check(truth, tree, report):
    check_list(truth, tree, report)
    check_directory(truth, tree, report)
    if not truth.triage:  # the sample has none in its list
        check_unloaded(truth, tree, report)
