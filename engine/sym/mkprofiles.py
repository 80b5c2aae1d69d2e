#!/usr/bin/env python3
# engine/sym/mkprofiles.py - writes profile_data.c: the built-in layout profiles.
"""Write engine/sym/profile_data.c from members.h and a folder of layout files.

usage: mkprofiles.py [FOLDER [OUTPUT]]

FOLDER (default: $NTDUMPFS_LAYOUTS) holds
  kernels.json.xz              many kernels: identity, layouts, symbols (types in short form)
  <pdb>/<GUID>-<age>.json.xz   ISF files: members and symbols that kernels.json.xz lacks, for
                               these very kernels only
  **/10.0.<build>.json.xz      ISF files with types only: one servicing level of a build

The same input gives the same bytes. Rows of members.h that no layout has, and rows whose bytes
contradict the files, are named on stderr.
"""

import json
import lzma
import os
import re
import sys
from pathlib import Path

ABSENT = 0xFFFFFFFF
HERE = Path(__file__).resolve().parent

# The servicing level that each types-only file was made from; the file does not say it.
TYPES_ONLY = {10240: 16384, 10586: 306, 15063: 0, 16299: 0, 17134: 1}

BASE_BYTES = {
    "void": 0, "char": 1, "unsigned char": 1, "bool": 1, "wchar": 2, "short": 2,
    "unsigned short": 2, "long": 4, "unsigned long": 4, "int": 4, "unsigned int": 4,
    "HRESULT": 4, "float": 4, "double": 8, "long long": 8, "unsigned long long": 8,
}


def read_rows(text, macro):
    """The argument lists of X(...) in the definition of `macro`."""
    text = re.sub(r"/\*.*?\*/", " ", text, flags=re.S).replace("\\\n", " ")
    body = re.search(r"#define " + macro + r"\(X\)(.*)", text).group(1)
    return [[a.strip() for a in row.split(",")] for row in re.findall(r"\bX\(([^)]*)\)", body)]


class Wanted:
    """What members.h asks for."""

    def __init__(self, path):
        text = path.read_text()
        self.structs = [r[0] for r in read_rows(text, "ND_STRUCTS")]
        self.members = [(s, m, int(b, 0)) for s, m, b in read_rows(text, "ND_MEMBERS")]
        self.aliases = [tuple(r) for r in read_rows(text, "ND_MEMBER_ALIASES")]
        self.struct_aliases = [(s, t, int(b, 0))
                               for s, t, b in read_rows(text, "ND_STRUCT_ALIASES")]
        self.symbols = [r[0] for r in read_rows(text, "ND_SYMBOLS")]


class Types:
    """The structures of one kernel, from either file format.

    field() gives (offset, bit position, bit length, bytes or None)."""

    def __init__(self, short=None, isf=None):
        self.short = short
        self.isf = isf

    def has(self, struct):
        return "_" + struct in (self.short or self.isf["user_types"])

    def bytes(self, struct):
        if not self.has(struct):
            return 0
        if self.short:
            return self.short["_" + struct][0]
        return self.isf["user_types"]["_" + struct]["size"]

    def field(self, struct, member):
        if not self.has(struct):
            return None
        if self.short:
            found = self.short["_" + struct][1].get(member)
            return found and self.short_place(*found)
        found = self.isf["user_types"]["_" + struct]["fields"].get(member)
        return found and self.isf_place(found["offset"], found["type"])

    def short_place(self, offset, text):
        bits = re.fullmatch(r":(\d+)\+(\d+) (.*)", text)
        if bits:
            return offset, int(bits[1]), int(bits[2]), self.short_bytes(bits[3])
        return offset, 0, 0, self.short_bytes(text)

    def short_bytes(self, text):
        if text.startswith("*"):
            return 8
        array = re.fullmatch(r"\[(\d+)\](.*)", text)
        if array:
            one = self.short_bytes(array[2])
            return None if one is None else int(array[1]) * one
        if text in BASE_BYTES:
            return BASE_BYTES[text]
        return self.short[text][0] if text in self.short else None

    def isf_place(self, offset, kind):
        if kind["kind"] == "bitfield":
            return offset, kind["bit_position"], kind["bit_length"], self.isf_bytes(kind["type"])
        return offset, 0, 0, self.isf_bytes(kind)

    def isf_bytes(self, kind):
        if kind["kind"] == "pointer":
            return 8
        if kind["kind"] == "array":
            one = self.isf_bytes(kind["subtype"])
            return None if one is None else kind["count"] * one
        for table in ("base_types", "user_types", "enums"):
            if kind.get("name") in self.isf[table]:
                return self.isf[table][kind["name"]]["size"]
        return None


def find_place(types, wanted, struct, member):
    """A member's place after aliases, or None."""
    for name in [member] + [a for s, m, a in wanted.aliases if (s, m) == (struct, member)]:
        place = types.field(struct, name)
        if place:
            return place
    if types.has(struct):
        return None
    for instead, stand_in, below in wanted.struct_aliases:
        if instead == struct:
            place = types.field(stand_in, member)
            if place and place[0] < below:
                return place
    return None


def pack(place):
    """20 bits of offset, 6 of bit position, 6 of bit length: as profile.c unpacks it."""
    if place is None:
        return ABSENT
    offset, position, length, _ = place
    if not (offset < 1 << 20 and position < 64 and length < 63):
        sys.exit("a place that does not fit the packed form: %r" % (place,))
    return offset | position << 20 | length << 26


def restrict(types, wanted):
    """The layout as members.h sees it."""
    members = tuple(pack(find_place(types, wanted, s, m)) for s, m, _ in wanted.members)
    return members, tuple(types.bytes(s) for s in wanted.structs)


def load(path):
    with lzma.open(path) as f:
        return json.load(f)


class Profiles:
    def __init__(self, folder, wanted):
        self.wanted = wanted
        self.layouts, self.symbol_tables = {}, {}
        self.kernels, self.extras = [], []
        self.seen = set()
        data = load(folder / "kernels.json.xz")
        exact = {p.name.split(".")[0]: p for p in folder.glob("*/*-*.json.xz")}
        for version in sorted(data["kernels"], key=version_key):
            self.add_exact(version, data["kernels"][version], data["layouts"], exact)
        self.exact_count = len(self.kernels)
        for build, revision in sorted(TYPES_ONLY.items()):
            self.add_types_only(folder, build, revision)

    def add_layout(self, types, name):
        self.check(types, name)
        return self.layouts.setdefault(restrict(types, self.wanted), len(self.layouts))

    def add_exact(self, version, kernel, layouts, exact):
        types = Types(short=layouts[kernel["layout"]]["structs"])
        guid, age = kernel["guid_age"][:32], int(kernel["guid_age"][32:], 16)
        symbols = dict(kernel["symbols"])
        path = exact.get("%s-%d" % (guid.upper(), age))
        if path:
            self.add_extras(types, load(path), symbols)
        table = tuple(symbols.get(s, ABSENT) for s in self.wanted.symbols)
        symbols_at = self.symbol_tables.setdefault(table, len(self.symbol_tables))
        self.seen.update(("symbol", s) for s in self.wanted.symbols if s in symbols)
        layout = self.add_layout(types, version)
        self.kernels.append((version, file_order(guid), age, layout, symbols_at))

    def add_extras(self, types, isf, symbols):
        """What only the exact ISF knows: for this kernel alone."""
        full = Types(isf=isf)
        known, _ = restrict(types, self.wanted)
        for i, (s, m, _) in enumerate(self.wanted.members):
            place = find_place(full, self.wanted, s, m)
            if known[i] == ABSENT and place:
                self.extras.append((len(self.kernels), s, m, pack(place)))
                self.seen.add((s, m))
            elif known[i] != pack(place):
                sys.exit("%s.%s: kernels.json.xz and the ISF file differ" % (s, m))
        for name in self.wanted.symbols:
            if name in isf["symbols"]:
                symbols.setdefault(name, isf["symbols"][name]["address"])

    def add_types_only(self, folder, build, revision):
        paths = sorted(folder.glob("**/10.0.%d.json.xz" % build))
        if not paths:
            sys.exit("no file for build %d" % build)
        version = "10.0.%d.%d" % (build, revision)
        layout = self.add_layout(Types(isf=load(paths[0])), version)
        self.kernels.append((version, bytes(16), 0, layout, 0))

    def check(self, types, name):
        for s, m, listed in self.wanted.members:
            place = find_place(types, self.wanted, s, m)
            if not place:
                continue
            self.seen.add((s, m))
            if listed and place[3] is not None and listed != place[3]:
                self.complain("%s.%s: %d bytes in members.h, %d in %s" % (
                    s, m, listed, place[3], name), (s, m, place[3]))

    def complain(self, text, key):
        if key not in self.seen:
            self.seen.add(key)
            print("mkprofiles: " + text, file=sys.stderr)

    def complain_of_unseen(self):
        for s, m, _ in self.wanted.members:
            if (s, m) not in self.seen:
                self.complain("%s.%s: in no layout at hand" % (s, m), None)
                self.seen.discard(None)
        for name in self.wanted.symbols:
            if ("symbol", name) not in self.seen:
                self.complain("%s: symbol of no kernel at hand" % name, None)
                self.seen.discard(None)


def version_key(version):
    return [int(x) for x in version.split(".")]


def file_order(guid):
    raw = bytes.fromhex(guid)
    return raw[3::-1] + raw[5:3:-1] + raw[7:5:-1] + raw[8:]


def number(value):
    return "A" if value == ABSENT else "%d" % value if value < 10 else "0x%x" % value


def lines(items, indent="\t\t"):
    """The items as lines of at most 100 columns."""
    out, line = [], ""
    for item in items:
        if line and len(line) + len(item) + 2 > 100 - 8 * len(indent):
            out.append(indent + line)
            line = ""
        line += (" " if line else "") + item + ","
    return "\n".join(out + ([indent + line] if line else [])) + "\n"


def table(out, declaration, rows):
    out.append("%s = {\n" % declaration)
    for row in rows:
        out.append("\t{\n%s\t},\n" % lines(map(number, row)))
    out.append("};\n\n")


HEAD = """\
/*
 * engine/sym/profile_data.c - the built-in layout profiles. Generated: do not edit. To regenerate,
 * with the layout files at hand: `make profiles`, or engine/sym/mkprofiles.py FOLDER.
 *
 * Offsets of structure members and addresses of kernel variables, as public symbol files of the
 * kernels state them; restricted to what members.h lists.
 */
#include "sym/profile_data.h"

// clang-format off
#define A UINT32_MAX

"""


def generate(profiles):
    wanted = profiles.wanted
    out = [HEAD]
    for kind, prefix, names in (
            ("member", "ND_M_", ["%s_%s" % (s, m) for s, m, _ in wanted.members]),
            ("struct", "ND_S_", wanted.structs),
            ("symbol", "ND_SYM_", wanted.symbols)):
        out.append("#define %sS %d\n" % (kind.upper(), len(names)))
        out.append("static const uint16_t %s_column[%sS] = {\n" % (kind, kind.upper()))
        out.append(lines([prefix + n for n in names], "\t") + "};\n\n")
    layouts = list(profiles.layouts)
    table(out, "static const uint32_t member[][MEMBERS]", [m for m, _ in layouts])
    table(out, "static const uint32_t struct_bytes[][STRUCTS]", [s for _, s in layouts])
    table(out, "static const uint32_t symbol[][SYMBOLS]", list(profiles.symbol_tables))
    out.append("static const struct nd_profile_extra extra[] = {\n")
    for kernel, s, m, place in profiles.extras:
        out.append("\t{ %d, ND_M_%s_%s, 0x%x },\n" % (kernel, s, m, place))
    out.append("};\n\nstatic const struct nd_profile_row kernel[] = {\n")
    for version, guid, age, layout, symbols in profiles.kernels:
        _, _, build, revision = version_key(version)
        out.append('\t{ "%s", %d, %d, { { %s }, %d }, %d, %d },\n' % (
            version, build, revision, ", ".join(number(b) for b in guid), age, layout, symbols))
    out.append(TAIL % (len(profiles.kernels), profiles.exact_count, len(profiles.extras)))
    return "".join(out)


TAIL = """\
};

const struct nd_profile_data nd_profile_data = {
	.members = MEMBERS,
	.structs = STRUCTS,
	.symbols = SYMBOLS,
	.kernels = %d,
	.exact_kernels = %d,
	.extras = %d,
	.member_column = member_column,
	.struct_column = struct_column,
	.symbol_column = symbol_column,
	.member = &member[0][0],
	.struct_bytes = &struct_bytes[0][0],
	.symbol = &symbol[0][0],
	.kernel = kernel,
	.extra = extra,
};
"""


def main():
    folder = sys.argv[1] if len(sys.argv) > 1 else os.environ.get("NTDUMPFS_LAYOUTS")
    if not folder:
        sys.exit(__doc__)
    output = Path(sys.argv[2]) if len(sys.argv) > 2 else HERE / "profile_data.c"
    profiles = Profiles(Path(folder), Wanted(HERE / "members.h"))
    profiles.complain_of_unseen()
    output.write_text(generate(profiles))
    print("%d kernels, %d layouts, %d symbol tables" % (
        len(profiles.kernels), len(profiles.layouts), len(profiles.symbol_tables)))


if __name__ == "__main__":
    main()
