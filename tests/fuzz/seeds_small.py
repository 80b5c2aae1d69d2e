#!/usr/bin/env python3
# tests/fuzz/seeds_small.py - seeds of fuzz_pages, fuzz_names and fuzz_options.
"""usage: seeds_small.py CORPUS_FOLDER"""

import pathlib
import struct
import sys

NAMES = {"plain": "ntoskrnl.exe".encode(), "dots": b"..", "slash": b"a/b%c", "empty-unit": b"\0\0",
         "control": b"a\x1b[2Jb\n\x7f\xc2\x9b", "surrogate": struct.pack("<4H", 0x41, 0xd83d, 0xde00, 0xdc00),
         "direction": "a\u202eb\u2028".encode(), "long": "ä€😀".encode() * 40}
OPTIONS = {"plain": ["a.dmp", "mnt"], "helper": ["a.dmp", "mnt", "-o", "ro,loop,x-gvfs-hide,uid=1000"],
           "words": ["-o", "symbols=a:b,nocache,threads=8,cache=16M,raw=list", "d", "m"],
           "masks": ["-osandbox=strict,umask=077,uid=0,gid=0,allow_other", "d", "m"],
           "flags": ["-f", "-d", "-s", "d", "m"], "explain": ["--explain", "x/proc/4"],
           "bad": ["-o", "threads=99999999999999999999,cache=1T,,=", "d", "m"], "id": ["--symbol-id", "x.pdb"]}


def pages(build, flags, entries):
    words = [0] * (512 * 10)
    for at, value in entries.items():
        words[at] = value
    words = words[:max(entries) + 1]
    return struct.pack("<8B", build, flags, 0, 1, 0, 0, 0, 0) + struct.pack(f"<{len(words)}Q", *words)


def entry(page, bits):
    return 0xaa << 56 | page << 12 | bits


PAGES = {
    "self-map": pages(5, 0, {0: entry(2, 0x67), 0x1ed: entry(1, 0x63), 1024: entry(1, 0xe3)}),
    "transition": pages(2, 0, {1536 + i: entry(20 + i, 0x8a0) for i in range(8)}),
    "prototype": pages(5, 2, {1536: 0xffff800000001400, 1537: 0x8000000000000c00 | 0x1000 << 16}),
    "paged-out": pages(4, 2, {1536: 0x12345 << 32 | 0x80, 1537: 0x80, 1538: 1 << 36 | 0xa0}),
    "large": pages(5, 0, {512: entry(0, 0xe3), 513: 0xffffffffff0e3, 1024: 0x2000e3}),
    "la57": pages(5, 1, {256: entry(1, 3), 0: entry(2, 7)}),
}


def main():
    folder = pathlib.Path(sys.argv[1])
    options = {name: bytes([name == "helper"]) + b"\0".join(word.encode() for word in words)
               for name, words in OPTIONS.items()}
    for target, seeds in (("names", NAMES), ("options", options), ("pages", PAGES)):
        (folder / target).mkdir(parents=True, exist_ok=True)
        for name, seed in seeds.items():
            (folder / target / name).write_bytes(seed)


if __name__ == "__main__":
    main()
