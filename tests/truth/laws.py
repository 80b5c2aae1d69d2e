#!/usr/bin/env python3
# tests/truth/laws.py - what holds of every file and directory of a mounted tree.
"""usage: laws.py {sizes|names|text|tables|metadata} MOUNTPOINT"""

import os
import re
import stat
import sys

# Columns of the tables that may be mounted; {} of any length.
TABLES = {
    r"proc/list": 12, r"proc/crossview": 9, r"proc/[^/]+/threadlist": 9,
    r"proc/[^/]+/handlelist": 5, r"proc/[^/]+/modules": 6, r"proc/[^/]+/vad": 6,
    r"proc/[^/]+/coverage": 4, r"proc/[^/]+/alpc": 7, r"proc/[^/]+/threads/[^/]+/wait": 3,
    r"proc/[^/]+/threads/[^/]+/irps": 6,
    r"ssdt/table": 5, r"win32k/table": 5, r"stubs/[^/]+": 4, r"idt/[^/]+/table": 4,
    r"cpu/[^/]+/gdt": 7, r"drivers/list": 7, r"callbacks/[^/]+": 7,
    r"(job|silo|session)/[^/]+/processes": 2,
    r"modules/list": 6, r"modules/unloaded": 4, r"alpc/list": 7, r"alpc/waits": 6,
    r"dump/runs": 2, r"dump/missing": 3,
}
# Whole words of rule 4, for a table that could not be read.
REASON = re.compile(r"<(not-in-dump|paged-out|unmapped|invalid|no-symbols|not-in-this-build)>")


def walk(root):
    for folder, folders, files in os.walk(root):
        folders.sort()
        yield folder, folders, sorted(files)


def files(root):
    for folder, _, names in walk(root):
        for name in names:
            path = os.path.join(folder, name)
            if not os.path.islink(path):
                yield path


def read(path):
    with open(path, "rb") as file:
        return file.read()


def sizes(root):
    for path in files(root):
        size = os.stat(path).st_size
        first, second = read(path), read(path)
        if len(first) != size:
            yield f"{path}: st_size {size}, but {len(first)} bytes"
        if first != second:
            yield f"{path}: read twice, two contents"
        blocks = os.stat(path).st_blocks * 512
        if blocks and blocks + 4096 < size:
            yield f"{path}: st_blocks says {blocks} bytes for {size}"


def names(root):
    for folder, folders, plain in walk(root):
        listed = os.listdir(folder)
        if len(set(listed)) != len(listed):
            yield f"{folder}: a name is listed twice"
        if listed != os.listdir(folder):
            yield f"{folder}: listed in another order the second time"
        if sorted(folders + plain) != sorted(listed):
            yield f"{folder}: os.walk and os.listdir disagree"
        with os.scandir(folder) as entries:
            for entry in entries:
                status = os.lstat(entry.path)
                if status.st_ino != entry.inode():
                    yield f"{entry.path}: inode {entry.inode()} when listed, {status.st_ino} when asked"
                if entry.is_dir(follow_symlinks=False) != stat.S_ISDIR(status.st_mode):
                    yield f"{entry.path}: listed as another type than it is"


def text(root):
    allowed = {"\n", "\t"}
    for path in files(root):
        content = read(path)
        try:
            decoded = content.decode("utf-8")
        except UnicodeDecodeError as error:
            yield f"{path}: {error}"
            continue
        if content and not content.endswith(b"\n"):
            yield f"{path}: no newline at the end"
        bad = {c for c in decoded if (ord(c) < 32 or 0x7f <= ord(c) < 0xa0) and c not in allowed}
        if bad:
            yield f"{path}: control characters {sorted(bad)}"


def sort_key(field):
    """Numeric where the column is numeric, else as bytes."""
    if re.fullmatch(r"\d+(~\d+)?", field):
        number, _, more = field.partition("~")
        return (0, int(number), int(more or 0), b"")
    if re.fullmatch(r"0x[0-9a-f]+", field):
        return (0, int(field, 16), 0, b"")
    return (1, 0, 0, field.encode())


def tables(root):
    seen = 0
    for path in files(root):
        relative = os.path.relpath(path, root)
        columns = next((n for pattern, n in TABLES.items() if re.fullmatch(pattern, relative)), 0)
        if not columns:
            continue
        seen += 1
        rows = [line.split("\t") for line in read(path).decode().split("\n")[:-1]]
        if len(rows) == 1 and len(rows[0]) == 1 and REASON.fullmatch(rows[0][0]):
            continue
        for row in rows:
            if len(row) != columns or "" in row:
                yield f"{path}: not {columns} columns: {row}"
        keys = [sort_key(row[0]) for row in rows]
        if keys != sorted(keys):
            yield f"{path}: not in the order of its first column"
    if not seen:
        yield "no table at all"


def metadata(root):
    inodes = {}
    for folder, folders, plain in walk(root):
        for name in folders + plain + ["."]:
            path = os.path.join(folder, name)
            status = os.lstat(path)
            mode = stat.S_IMODE(status.st_mode)
            if stat.S_ISDIR(status.st_mode):
                wanted = 0o555
            elif stat.S_ISLNK(status.st_mode):
                wanted = mode
                target = os.readlink(path)
                if target.startswith("/") or not os.path.realpath(path).startswith(root + os.sep):
                    yield f"{path}: link leaves the mount: {target}"
                if not os.path.exists(path):
                    yield f"{path}: link leads nowhere: {target}"
            else:
                wanted = 0o444
            if mode != wanted:
                yield f"{path}: mode {mode:o}"
            if status.st_uid != os.getuid():
                yield f"{path}: owner {status.st_uid}"
            if status.st_mtime_ns <= 0:
                yield f"{path}: mtime {status.st_mtime_ns}"
            if name != "." and inodes.setdefault(status.st_ino, path) != path:
                yield f"{path}: inode {status.st_ino} is that of {inodes[status.st_ino]}, too"


def main():
    law, root = sys.argv[1], os.path.realpath(sys.argv[2])
    count = 0
    for count, problem in enumerate(globals()[law](root), 1):
        print(problem)
        if count >= 50:
            break
    return 1 if count else 0


if __name__ == "__main__":
    sys.exit(main())
