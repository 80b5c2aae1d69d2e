# tests/truth/check_listing.py - /listing/processes, byte for byte, made from the truth file.
import truth as T
from check_thread import code_ok


def code_text(truth, process, address, shown):
    """A code address in the listing. `shown` is the tree's own word for it: it is taken for a
    routine whose name the truth file does not know, after it was found to be possible."""
    if not address:
        return T.windbg(0)
    text = truth.code(process, address)
    if text is None:
        return T.windbg(address)
    if shown and code_ok(truth, process, address, shown, True)[0]:
        text = shown.rsplit(" (", 1)[0]
    return f"{text} ({T.windbg(address)})"


def thread_lines(truth, tree, process, index, thread):
    start = T.Truth.start(thread)
    base = f"proc/{process['dir']}/threads/{thread['tid']}/"
    start = code_text(truth, process, start, tree.value(base + "start"))
    rip = T.Truth.rip(thread)
    rip = code_text(truth, process, rip, tree.value(base + "trapframe/rip")) if rip else "-"
    return (f"No.{index:03d}\tThread->{T.va(thread['ethread'])}\t"
            f"TrapFrame->{T.va(thread['trap_frame'])}\n"
            f"\t\tStart->{start}\tRip->{rip}\n")


def process_listing(truth, tree, process):
    text = (f"{T.va(process['eprocess'])}\tActiveThread->{process['active_threads']:03d}\t"
            f"{T.short_name(process)}\n")
    return text + "".join(thread_lines(truth, tree, process, i + 1, t)
                          for i, t in enumerate(truth.threads(process)))


def listing(truth, tree):
    return "\n".join(process_listing(truth, tree, p) for p in truth.processes())


def check(truth, tree, report):
    hidden = [T.va(p["eprocess"]) for p in truth.hidden_processes()]
    got = tree.read("listing/processes")
    blocks = [b for b in got.split("\n\n") if not any(b.startswith(h) for h in hidden)]
    if not blocks[-1].endswith("\n"):  # the last block was a hidden process
        blocks[-1] += "\n"
    report.text("listing/processes", listing(truth, tree), "\n\n".join(blocks))
    parts = [tree.read(f"proc/{p['dir']}/listing") for p in truth.processes()
             if tree.exists(f"proc/{p['dir']}")]
    report.text("listing/processes as the sum of proc/<pid>/listing", "\n".join(parts),
                "\n\n".join(blocks))
    for p in truth.processes():
        path = f"proc/{p['dir']}/listing"
        report.text(path, process_listing(truth, tree, p), tree.read(path))
