/*
 * engine/nt/process_flags.h - single-bit facts of a process by name: what it is and how far its end
 * has come; exploit mitigations.
 */
#ifndef ND_NT_PROCESS_FLAGS_H
#define ND_NT_PROCESS_FLAGS_H

#include "ntdump.h"
#include "nt/process.h"

#define ND_FLAG_NAME_BYTES 64u

/* One flag that is set. `name` is printable ASCII; bits without a name: "MitigationFlags.30". */
struct nd_flag {
	char name[ND_FLAG_NAME_BYTES];
};

#define ND_FLAGS_MAX 128u

struct nd_flags {
	struct nd_flag flag[ND_FLAGS_MAX];
	uint32_t count;
	enum nd_status st; /* why they cannot be told (count may still be > 0); ND_OK otherwise */
	nd_va at;
};

/*
 * The mitigations that are on, in bit order. Names of MitigationFlags and MitigationFlags2 come
 * from the kernel's own symbol file, else from what is known of its build; builds before those
 * members have single bits.
 */
void nd_process_mitigations(const struct nd_dump *dump, const struct nd_process *process,
			    struct nd_flags *ret);

/*
 * ProcessExiting, BreakOnTermination, Wow64, Minimal, PicoCreated, Secure, ...: those that are set,
 * of those that this build has.
 */
void nd_process_flags(const struct nd_dump *dump, const struct nd_process *process,
		      struct nd_flags *ret);

#endif
