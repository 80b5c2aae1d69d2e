#!/usr/bin/env python3
# tests/qemudump.py - starts a small guest in QEMU (TCG, no disk) and has QEMU dump its memory.
"""qemudump.py FOLDER [KERNEL]

Runs a multiboot KERNEL, else the firmware only. Writes FOLDER/memory (flat, by pmemsave) and
FOLDER/{elf,elf-paging,kdump-zlib,kdump-lzo,kdump-snappy} of the stopped guest, and kdump files, which
QEMU writes flattened, also as NAME.assembled. A kind that this QEMU cannot write is left out.
"""

import json
import os
import socket
import struct
import subprocess
import sys
import time

MEMORY = 32 << 20
KINDS = {
    "elf": {"paging": False},
    "elf-paging": {"paging": True},
    "kdump-zlib": {"paging": False, "format": "kdump-zlib"},
    "kdump-lzo": {"paging": False, "format": "kdump-lzo"},
    "kdump-snappy": {"paging": False, "format": "kdump-snappy"},
}


class Monitor:
    def __init__(self, path):
        for _ in range(200):
            try:
                self.socket = socket.socket(socket.AF_UNIX)
                self.socket.connect(path)
                break
            except OSError:
                time.sleep(0.05)
        self.socket.settimeout(30)
        self.file = self.socket.makefile("rw")
        self.file.readline()
        self.run("qmp_capabilities")

    def run(self, name, **arguments):
        self.file.write(json.dumps({"execute": name, "arguments": arguments}) + "\n")
        self.file.flush()
        while True:
            answer = json.loads(self.file.readline())
            if "return" in answer or "error" in answer:
                return answer


def assemble(path):
    """What makedumpfile -R does: put each piece where it says that it belongs."""
    with open(path, "rb") as flat, open(path + ".assembled", "wb") as out:
        flat.seek(4096)
        while True:
            at, size = struct.unpack(">qq", flat.read(16))
            if at < 0:
                return
            out.seek(at)
            out.write(flat.read(size))


def main():
    folder = os.path.abspath(sys.argv[1])
    qmp = os.path.join(folder, "qmp")
    guest = subprocess.Popen(
        ["qemu-system-x86_64", "-accel", "tcg", "-m", "32", "-smp", "2", "-display", "none",
         "-nodefaults", "-nic", "none", "-qmp", f"unix:{qmp},server,wait=off",
         *(["-kernel", sys.argv[2]] if sys.argv[2:] else [])],
        stdin=subprocess.DEVNULL)  # fmt: skip
    try:
        monitor = Monitor(qmp)
        time.sleep(1)
        monitor.run("stop")
        answer = monitor.run("pmemsave", val=0, size=MEMORY, filename=f"{folder}/memory")
        assert "return" in answer, answer
        for kind, arguments in KINDS.items():
            answer = monitor.run("dump-guest-memory", protocol=f"file:{folder}/{kind}", **arguments)
            if "error" in answer:
                print(kind, answer["error"]["desc"])
                continue
            with open(f"{folder}/{kind}", "rb") as file:
                flattened = file.read(12) == b"makedumpfile"
            if flattened:
                assemble(f"{folder}/{kind}")
        monitor.run("quit")
        guest.wait(20)
    finally:
        guest.kill()


main()
