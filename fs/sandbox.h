/*
 * fs/sandbox.h - what the daemon gives up once the dump is open and the tree is mounted: whoever takes
 * it over through a malicious dump holds a process that can answer requests, and little else.
 */
#ifndef FS_SANDBOX_H
#define FS_SANDBOX_H

#include "base.h"
#include "text.h"

struct nd_dump;

enum sandbox_level {
	SANDBOX_ON, /* symbol folders can be read and the compiled cache be written, nothing else */
	SANDBOX_STRICT, /* no file can be opened: symbols are what the mount has loaded */
	SANDBOX_OFF
};

/*
 * Can this machine do what `strict` promises? ND_OK; ND_EINVAL with one line in *err. The other levels
 * take what there is.
 */
enum nd_status sandbox_check(enum sandbox_level level, struct nd_error *err);
/*
 * Enter it, for this thread and those it will start; there is no way back. A line of *notes (may be
 * NULL) for each wall that this kernel does not have. Call it while the process has one thread.
 *
 * Core dumps off, resource limits, no new privileges, no capabilities, Landlock, seccomp.
 */
void sandbox_enter(enum sandbox_level level, const struct nd_dump *dump, struct text *notes);

#endif
