#!/usr/bin/env python3
# tests/truth/compare.py - is everything that a mounted dump shows what its truth file says?
"""Compare a mounted dump with its truth file; report every difference; exit 1 if there is one."""

import argparse
import sys

import check_alpc
import check_cpu
import check_crossview
import check_drivers
import check_dump
import check_handles
import check_jobs
import check_listing
import check_modules
import check_objects
import check_process
import check_security
import check_services
import check_stack
import check_syscalls
import check_waits
import damage
from tree import Report, Tree
from truth import Truth

PARTS = {"dump": check_dump, "proc": check_process, "modules": check_modules,
         "listing": check_listing, "services": check_services, "cpu": check_cpu,
         "drivers": check_drivers, "security": check_security, "jobs": check_jobs,
         "syscalls": check_syscalls, "waits": check_waits, "crossview": check_crossview,
         "handles": check_handles, "objects": check_objects, "alpc": check_alpc,
         "stack": check_stack}


def main():
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("mountpoint")
    parser.add_argument("truth")
    parser.add_argument("--kernel-dump", action="store_true", default=None,
                        help="user pages are absent (default: as the truth file's container says)")
    parser.add_argument("--what", action="append", choices=sorted(PARTS),
                        help="this part only; may be repeated")
    parser.add_argument("--limit", type=int, default=40, help="differences to print in full")
    args = parser.parse_args()

    sys.stdout.reconfigure(errors="backslashreplace")
    truth = Truth(args.truth, args.kernel_dump)
    report = Report(args.limit, damage.excuses(truth), damage.missing_ok(truth))
    for name, part in PARTS.items():
        if not args.what or name in args.what:
            part.check(truth, Tree(args.mountpoint), report)
    if report.differences > report.limit:
        print(f"... and {report.differences - report.limit} more")
    excused = f" ({report.excused} more are known to be missing)" if report.excused else ""
    print(f"{report.checks} values compared, {report.differences} differences{excused}")
    return 1 if report.differences or not report.checks else 0


if __name__ == "__main__":
    sys.exit(main())
