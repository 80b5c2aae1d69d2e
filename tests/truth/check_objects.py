# tests/truth/check_objects.py - /object and /object-at against the truth file: every directory of
# the namespace, every object that the truth file knows.
import os
import stat

import truth as T
from check_handles import Objects, check_type_facts


def file_name(name):
    """A name of the dump as a file name (no name of the samples is long enough to be cut)."""
    if name in (".", ".."):
        return name.replace(".", "%2E")
    ret = []
    for c in name:
        if ord(c) < 0x20 or 0x7f <= ord(c) < 0xa0 or c in "/%":
            ret += [f"%{byte:02X}" for byte in c.encode("utf-8", "surrogatepass")]
        else:
            ret.append(c)
    return "".join(ret) or "%00"


def mounted(path):
    """\\Device\\Null as a path below the mount point."""
    return "/".join(["object"] + [file_name(part) for part in path.split("\\") if part])


def check_directory(tree, report, d):
    base = mounted(d["path"])
    names = sorted(file_name(entry["name"]) for entry in d["entries"])
    report.same(f"{base} entries", names, tree.names(base))
    report.same(f"{base} user.ntdump.address", T.va(d["address"]),
                tree.xattr(base, "user.ntdump.address"))
    for entry in d["entries"]:
        path = f"{base}/{file_name(entry['name'])}"
        if not tree.exists(path):
            continue
        is_directory = stat.S_ISDIR(os.lstat(tree.path(path)).st_mode)
        report.same(f"{path} is a directory", entry["type"] == "Directory", is_directory)
        report.same(f"{path} user.ntdump.type", entry["type"],
                    tree.xattr(path, "user.ntdump.type"))
        report.same(f"{path} user.ntdump.address", T.va(entry["object"]),
                    tree.xattr(path, "user.ntdump.address"))
        if not is_directory:
            facts = tree.facts(path)
            report.same(f"{path} Object", T.va(entry["object"]), facts.get("Object"))
            report.same(f"{path} Type", entry["type"], facts.get("Type"))


def check_object(tree, report, objects, o):
    path = f"object-at/{T.va(o['address'])}"
    facts = tree.facts(path)
    expected = {"Object": T.va(o["address"]), "Type": o["type"], "Header": T.va(o["header"]),
                "HandleCount": str(o["handle_count"]), "PointerCount": str(o["pointer_count"]),
                "InfoMask": f"0x{o['info_mask']:x}"}
    name = objects.name(o["address"], o["type"])
    if name is not None:
        expected["Name"] = name
    for key, value in expected.items():
        report.same(f"{path} {key}", value, facts.get(key))
    check_type_facts(report, path, facts, o)


def check(truth, tree, report):
    if truth.triage:  # it holds no objects but the process and the thread of the crash
        report.same("object", [], tree.names("object"))
        return
    objects = Objects(truth)
    for d in truth.data.get("directories", []):
        check_directory(tree, report, d)
    for o in truth.data.get("objects", []):
        check_object(tree, report, objects, o)
