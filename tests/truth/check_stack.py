# tests/truth/check_stack.py - threads/<tid>/stack and /dump/stack against the truth file.
"""Every frame must be the one that was laid out. A stack may end early only with a reason: images
of some dumps have no unwind data, and pages of user mode may be absent."""
import truth as T
from check_thread import check_code

RUNNING, TERMINATED = 2, 4
REASONS = ("<not-in-dump>", "<paged-out>", "<no-symbols>")
SWITCH_BYTES = 0x40


def chain(frames, end):
    """Laid-out return addresses as (child-sp, site, ret-addr): each is the next one's site."""
    ret = []
    for i, f in enumerate(frames):
        ret.append((f["rsp"] + 8, f["return"],
                    frames[i + 1]["return"] if i + 1 < len(frames) else end))
    return ret


def user_part(t):
    frames = t.get("user_frames") or []
    if not T.Truth.rip(t):
        return []
    first = frames[0]["return"] if frames else None
    return [(t["rsp"], t["rip"], first), *chain(frames, 0)]


def kernel_part(t):
    """Of a thread that waits, where the truth file has it; the first frame is what was saved."""
    return chain(t.get("kernel_frames") or [], T.Truth.rip(t) or "-")


def crash_part(truth, t):
    """KeBugCheckEx was entered with the stack pointer at the first return address. The driver's
    own frame ends where its interrupted code's stack pointer was."""
    frames = truth.data["crash_stack"]
    rows = [(frames[0]["rsp"], None, frames[0]["return"]), *chain(frames, T.Truth.rip(t))]
    for i, f in enumerate(frames):
        if f["symbol"].endswith(".sys"):  # the frame that was interrupted
            rows[i + 1] = (None, *rows[i + 1][1:])
    return rows


def check_rows(truth, report, path, p, expected, rows):
    for i, (want, row) in enumerate(zip(expected, rows)):
        name = f"{path} frame {i}"
        child, site, ret = want
        if not report.same(f"{name} columns", [str(i), 5], [row[0], len(row)]):
            return False
        if child is not None:
            report.same(f"{name} child-sp", T.va(child), row[1])
        if site is not None:
            check_code(truth, report, f"{name} site", p, site, row[3], False)
        if ret is not None and row[2] not in REASONS:
            report.same(f"{name} ret-addr", ret if ret == "-" else T.va(ret), row[2])
    return True


def check_parts(truth, report, path, p, parts, rows):
    """Each part, kernel's and user's, is as long as it was laid out, or ends with a reason."""
    for name, expected, whole in parts:
        if not expected:
            continue
        hows = [row[4] if len(row) == 5 else None for row in rows]
        cut = next((i for i, row in enumerate(rows[: len(expected)])
                    if len(row) == 5 and row[2] in REASONS), None)
        count = len(expected) if whole or cut is None else cut + 1
        if not report.same(f"{path} {name} frames", count, min(count, len(rows))):
            return
        if whole:
            report.same(f"{path} {name} is whole", None, cut)
        if name == "user":
            report.same(f"{path} user from", "trap-frame", hows[0])
        if not check_rows(truth, report, f"{path} {name}", p, expected, relative(rows[:count])):
            return
        rows = rows[count:]
    report.same(f"{path} more frames", [], rows)


def relative(rows):
    """Frames numbered from 0, so that a part can be compared by itself."""
    try:
        first = int(rows[0][0])
        return [[str(int(row[0]) - first), *row[1:]] for row in rows]
    except (ValueError, IndexError):
        return rows


def check_thread(truth, tree, report, p, t):
    path = f"proc/{p['dir']}/threads/{t['tid']}/stack"
    rows = tree.table(path)
    laid_out = "kernel_frames" in t and not truth.triage  # our own builder's images can be unwound
    user = ("user", user_part(t), laid_out and truth.has_user_memory(p))
    if t["ethread"] == truth.data["crash_thread"]:
        if not truth.data.get("crash_stack") or truth.format.startswith(("elf", "raw", "kdump")):
            return
        report.same(f"{path} how", "context", rows[0][4] if rows and len(rows[0]) == 5 else rows)
        if tree.value("dump/context") != T.NOT_IN_DUMP:
            report.same(f"{path} is dump/stack", tree.read("dump/stack"), tree.read(path))
        check_parts(truth, report, path, p,
                    [("kernel", crash_part(truth, t), laid_out), user], rows)
    elif t["state"] == TERMINATED or t["terminated"]:
        report.same(path, "-\n", tree.read(path))
    elif laid_out and not t["kernel_frames"] and not T.Truth.rip(t):
        report.same(path, "<invalid>\n", tree.read(path))  # where it stopped was never written
    elif t["state"] != RUNNING:
        if t.get("kernel_frames") or rows and len(rows[0]) == 5:
            report.same(f"{path} how", "saved", rows[0][4] if len(rows[0]) == 5 else rows)
            report.same(f"{path} child-sp", T.va(t["kernel_stack"] + SWITCH_BYTES), rows[0][1])
        kernel = kernel_part(t) or [(None, None, None)]
        check_parts(truth, report, path, p,
                    [("kernel", kernel, laid_out and bool(t["kernel_frames"])), user], rows)


def check(truth, tree, report):
    for p in truth.processes():
        for t in truth.threads(p):
            check_thread(truth, tree, report, p, t)
