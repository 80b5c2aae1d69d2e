#!/usr/bin/env python3
# tests/fuzz/seeds_objects.py - seeds of fuzz_objects: a few types, a namespace, a handle table, ports.
"""usage: seeds_objects.py FOLDER"""

import pathlib
import sys

TYPES = ["Type", "Directory", "File", "Key", "Section", "ALPC Port", "Event", "Process",
         "Thread"]
BASE = 0xffff800000000000
TYPE, ROOT, DEVICE, EVENT, FILE, KEY = 0x430, 0xd30, 0xf30, 0x2130, 0x2230, 0x2430
PROCESS, TABLE, LEAF = 0x1000, 0x1800, 0x3000
LIST, LISTENER, CLIENT = 0x80, 0x3230, 0x3460  # ALPC ports
INFO, CLIENT_INFO, MESSAGE, THREAD = 0x3660, 0x36c0, 0x3740, 0x3930
QUEUES = (0x90, 0xa0, 0xb8, 0xd0, 0xe8, 0x180)  # 10240 to 22000


class Memory:
    def __init__(self):
        self.bytes = bytearray(0x3c00)
        self.text_at = 0x2800

    def put(self, at, value, size=8):
        self.bytes[at:at + size] = value.to_bytes(size, "little")

    def point(self, at, to):
        self.put(at, 0xaa << 56 | to)  # the target makes a pointer of it

    def text(self, at, text):
        """A UNICODE_STRING."""
        raw = text.encode("utf-16-le")
        self.bytes[self.text_at:self.text_at + len(raw)] = raw
        self.put(at, len(raw), 2)
        self.put(at + 2, len(raw), 2)
        self.point(at + 8, self.text_at)
        self.text_at += (len(raw) + 7) & ~7

    def object(self, at, kind, name=None, directory=0):
        header = at - 0x30
        self.put(header, 1)
        self.put(header + 8, 1)
        self.put(header + 0x18, TYPES.index(kind) + 2, 1)
        if name:
            self.put(header + 0x1a, 2, 1)
            self.point(header - 0x20, directory)
            self.text(header - 0x18, name)


    def ring(self, *entries):
        for i, at in enumerate(entries):
            self.point(at, entries[(i + 1) % len(entries)])
            self.point(at + 8, entries[i - 1])


def ports(m):
    """A connection port, a client's port, and a request in the queue of the former."""
    m.ring(LIST, LISTENER, CLIENT)
    for at, info, kind in ((LISTENER, INFO, 1), (CLIENT, CLIENT_INFO, 3)):
        m.object(at, "ALPC Port")
        m.point(at + 0x10, info)
        m.point(at + 0x18, PROCESS + 0x230)
        m.put(at + 0x1a0, 1 | kind << 1, 4)
        m.point(info, LISTENER)
        for queue in QUEUES:
            m.ring(at + queue)
    m.point(CLIENT_INFO + 0x10, CLIENT)
    m.ring(INFO + 0x18, CLIENT_INFO + 0x18)
    m.ring(LISTENER + QUEUES[0], MESSAGE)
    m.put(LISTENER + 0x1c0, 1, 4)
    m.object(THREAD, "Thread")
    for at, to in ((0x10, LISTENER), (0x18, CLIENT), (0x20, THREAD), (0xc0, THREAD), (0xc8, THREAD)):
        m.point(MESSAGE + at, to)


def seed(build, flags):
    m = Memory()
    m.put(0, build, 1)
    m.put(1, flags, 1)
    m.point(8, ROOT)
    m.point(16, TYPE)
    for i, name in enumerate(TYPES):
        at = TYPE + 0x100 * i
        m.object(at, "Type")
        m.text(at + 0x10, name)
        m.put(at + 0x28, i + 2, 1)
        m.point(0x20 + 8 * (i + 2), at)
    m.object(ROOT, "Directory")
    m.object(DEVICE, "Directory", "Device", ROOT)
    m.object(EVENT, "Event", "Done", DEVICE)
    m.object(FILE, "File")
    m.object(KEY, "Key")
    for directory, entry, held in ((ROOT, 0x2600, DEVICE), (DEVICE, 0x2620, EVENT)):
        m.point(directory, entry)
        m.point(entry + 8, held)
    if flags & 4:
        ports(m)
    m.point(KEY + 8, 0x2640)
    m.point(0x2640 + 80, 0x2700)
    m.put(0x2700, 1, 4)
    m.put(0x2718, 4, 2)
    m.bytes[0x271a:0x271e] = b"NAME"
    for at in range(PROCESS + 0x200, PROCESS + 0x600, 8):
        m.point(at, TABLE)
    for at in range(TABLE, TABLE + 0x80, 8):
        m.point(at, LEAF)
    for i, held in enumerate((FILE, EVENT, KEY, ROOT), 1):
        header = BASE + held - 0x30
        m.put(LEAF + 16 * i, header | 1 if build == 0 else (header >> 4 & (1 << 44) - 1) << 20 | 1)
        m.put(LEAF + 16 * i + 8, 0x1f0003)
    return bytes(m.bytes)


def main():
    folder = pathlib.Path(sys.argv[1])
    folder.mkdir(parents=True, exist_ok=True)
    for build, name in enumerate(("7601", "9600", "10240", "19041", "22000")):
        for flags in (1, 2, 5) if name == "19041" else (1, 5) if name == "10240" else (1,):
            (folder / f"{name}-{flags}").write_bytes(seed(build, flags))


if __name__ == "__main__":
    main()
