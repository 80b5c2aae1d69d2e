/*
 * engine/nt/bugcheck.h - bug check codes by name, and what the crash context says.
 */
#ifndef ND_NT_BUGCHECK_H
#define ND_NT_BUGCHECK_H

#include "ntdump.h"

/*
 * The name of a bug check code, without the debugger's 0x10000000 mark; NULL when unknown.
 */
const char *nd_bugcheck_name(uint32_t code);

/* The mark that crash-dump tools add; the name then ends in "_M". */
#define ND_BUGCHECK_MINIDUMP 0x10000000u

/* The thread that ran on the crashing processor, and its process. */
struct nd_crash {
	struct nd_u64 processor; /* number whose registers the header holds */
	struct nd_u64 thread;	 /* ETHREAD */
	struct nd_u64 process;	 /* EPROCESS of that thread */
};

/* The processor is the one whose PRCB is in the same place as the context's; see bugcheck.c. */
void nd_crash_read(const struct nd_dump *dump, struct nd_crash *ret);

/* Integer registers and segments of an x64 CONTEXT, in its order. */
struct nd_context_register {
	const char *name;
	uint16_t offset;
	uint8_t bytes;
};
/* Ends with a NULL name. */
extern const struct nd_context_register nd_context_registers[];

#endif
