#!/usr/bin/env python3
"""tests/fuzz/seeds_source.py - write the seeds of fuzz_source into tests/fuzz/corpus/source."""

import os
import struct

FOLDER = os.path.join(os.path.dirname(os.path.abspath(__file__)), "corpus", "source")


def header(dump_type, runs=()):
    data = bytearray(b"PAGE" * 0x800)
    data[0:8] = b"PAGEDU64"
    struct.pack_into("<II", data, 8, 15, 19041)
    struct.pack_into("<I", data, 0x30, 0x8664)
    struct.pack_into("<Q", data, 0x80, 0xFFFFF8047C600B20)
    struct.pack_into("<I", data, 0xF98, dump_type)
    if runs:
        struct.pack_into("<IIQ", data, 0x88, len(runs), 0, sum(n for _, n in runs))
        for i, run in enumerate(runs):
            struct.pack_into("<QQ", data, 0x98 + 16 * i, *run)
    return data


def at(data, offset, piece):
    if len(data) < offset + len(piece):
        data.extend(bytes(offset + len(piece) - len(data)))
    data[offset : offset + len(piece)] = piece


def full():
    data = header(1, [(2, 1), (0x100000, 1)])
    at(data, 0x2000, b"\x11" * 0x2000)
    return data


def bitmap(dump_type, signature):
    data = header(dump_type)
    at(data, 0x2000, signature + b"DUMP")
    at(data, 0x2020, struct.pack("<QQQ", 0x3000, 2, 77))
    at(data, 0x2038, b"\x02\0\0\0\0\0\0\0\0\x10")
    at(data, 0x3000, b"\x22" * 0x1800)
    return data


def summary():
    data = header(2)
    at(data, 0x2000, b"SDMPDUMP" + struct.pack("<IIIII", 0, 0x3000, 100, 1, 13))
    at(data, 0x2028, b"\x04" + bytes(12))
    at(data, 0x3000, b"\x33" * 0x1000)
    return data


def rdmp(dump_type):
    data = header(dump_type)
    at(data, 0x2000, struct.pack("<I", 0x40) + b"RDMPDUMP" + bytes(4))
    at(data, 0x2010, struct.pack("<QQQQ", 0x40, 0x2060, 2, 2))
    at(data, 0x2030, struct.pack("<QQQQ", 0x300, 1, 0x10, 1))
    at(data, 0x2060, b"\x44" * 0x2000)
    return data


def triage():
    data = header(4)
    fields = [0, 0x2684, 0x2680, 0x348, 0xF00, 0, 0x20D0, 0x2100, 0, 0, 0x2200, 0x40]
    fields += [0x2300, 2, 0x2420, 0x60, 0, 0x41]
    at(data, 0x2000, struct.pack("<18I", *fields))
    at(data, 0x2048, struct.pack("<Q", 0xFFFF850429890EE8))
    at(data, 0x2070, struct.pack("<IIII", 0x2280, 0x20, 0x2500, 3))
    at(data, 0x20D0, struct.pack("<QHH4xQ", 1, 14, 14, 0) + "dam.sys".encode("utf-16-le"))
    at(data, 0x2100, struct.pack("<QQ", 0xFFFFF80487DE0000, 0xFFFFF80487DFC000))
    at(data, 0x2280, bytes(16) + b"KDBG")
    for i in range(2):
        entry = 0x2300 + 0x90 * i
        at(data, entry, struct.pack("<I", 0x2420 + 0x20 * i))
        at(data, entry + 0x38, struct.pack("<Q", 0xFFFFF8047BA00000 + i * 0x2000000))
        at(data, 0x2420 + 0x20 * i, struct.pack("<I", 7) + "hal.dll".encode("utf-16-le"))
    at(data, 0x2500, struct.pack("<QII", 0xFFFFC50912345678, 0x2600, 0x20))
    at(data, 0x2510, struct.pack("<QII", 0xFFFFC50912345688, 0x2621, 0x20))
    at(data, 0x2520, struct.pack("<QII", 0xFFFFC50912345000, 0x2600, 0x680))
    at(data, 0x2680, b"TRGD")
    return data


SEEDS = {
    "full": full(),
    "bitmap-full": bitmap(5, b"FDMP"),
    "bitmap-kernel": bitmap(6, b"SDMP"),
    "summary": summary(),
    "rdmp-kernel": rdmp(8),
    "rdmp-full": rdmp(10),
    "triage": triage(),
}

os.makedirs(FOLDER, exist_ok=True)
for name, content in SEEDS.items():
    with open(os.path.join(FOLDER, name), "wb") as file:
        file.write(content)
