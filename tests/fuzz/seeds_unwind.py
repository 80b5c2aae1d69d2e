#!/usr/bin/env python3
# tests/fuzz/seeds_unwind.py - seeds of fuzz_unwind: functions of every kind, stacks through them.
"""usage: seeds_unwind.py FOLDER"""

import pathlib
import struct
import sys

STACK, CODE = 0xaa << 56, 0xab << 56
# UNWIND_INFO, bytes of the frame up to the return address, code
FRAME = ("01040100 0442", 0x28, "4883ec28 90909090 4883c428 c3")
PUSHES = ("01060300 0642 0260 0130", 0x38, "5356 4883ec28 9090 4883c428 5e5b c3")
BY_RBP = ("010a0525 0a340500 0a03 0572 0150", 0x48, "55 4883ec40 488d6c2420 90 488d6520 5dc3")
SAVES = ("01200a00 207500200000 18680200 10340500 08018000", 0x400, "4881ec00040000 90 c3")
VERSION_2 = ("0a0f0800 0206 0306 0f640b00 0f340a00 0f72 0b70", 0x48, "90" * 29 + "5fc390")
MACHINE = ("01040200 0442 001a", 0x30, "90")
EMPTY = ("01000000", 0, "c3")
FAR = ("01100600 10f9 00010000 0911 00000100", 0x10000, "90")


def seed(chain, rbp=0, rsp_word=None):
    xdata, text, functions = b"", b"", []
    words = [0, 0, 0, 0, 0, 0x1f80, rbp, 0]
    for i, (info, frame, code) in enumerate(chain):
        info, code = bytes.fromhex(info), bytes.fromhex(code)
        functions.append((len(text), max(len(code), 0x20), len(xdata)))
        words[7 if i == 0 else -1] = CODE | (len(text) + 8)
        xdata += info + bytes(-len(info) % 4)
        text += code.ljust(0x20, b"\x90")
        if chain[i][0] == MACHINE[0]:  # Rip, Cs, EFlags, Rsp, Ss
            at = (len(words) + 11) * 8
            words += [0] * 6 + [0, 0x10, 0x202, STACK | at + 0x10, 0x18, 0]
            words[-6] = 0
            words += [0]
        else:
            words += [0] * (frame // 8) + [0]
    stack = b"".join(struct.pack("<Q", w) for w in words)[:0x1000]
    third = max(len(xdata), len(text), len(stack))
    head = bytes([len(functions)]) + struct.pack("<HH", 0, 0)
    head += b"".join(struct.pack("<HBH", b, n, x) for b, n, x in functions)
    return head + b"".join(part.ljust(third, b"\0") for part in (xdata, text, stack))


def main(folder):
    folder = pathlib.Path(folder)
    folder.mkdir(parents=True, exist_ok=True)
    seeds = {
        "frames": seed([FRAME, PUSHES, FRAME, EMPTY]),
        "rbp": seed([BY_RBP, BY_RBP, FRAME], rbp=STACK | 0x60),
        "saves": seed([SAVES, FRAME]),
        "version2": seed([VERSION_2, FRAME]),
        "machine": seed([FRAME, MACHINE, FRAME]),
        "far": seed([FRAME, FAR]),
        "chained": seed([FRAME, ("21000000 00100000 20100000 00000100", 0x28, "90"), FRAME]),
        "itself": seed([("21000000 00100000 20100000 00000100", 0x28, "90"), FRAME]),
        "loop": seed([BY_RBP], rbp=STACK | 0x20),
    }
    for name, content in seeds.items():
        (folder / name).write_bytes(content)


if __name__ == "__main__":
    main(sys.argv[1])
