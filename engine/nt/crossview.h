/*
 * engine/nt/crossview.h - processes and threads as sources that do not depend on each other know
 * them: what is missing in one of them and should be there is hidden.
 */
#ifndef ND_NT_CROSSVIEW_H
#define ND_NT_CROSSVIEW_H

#include "ntdump.h"
#include "nt/problem.h"
#include "nt/process.h"

/* Bits of nd_process_ref.sources. */
enum nd_process_source {
	ND_FROM_LINKS = 1u << 0,   /* PsActiveProcessHead */
	ND_FROM_CID = 1u << 1,	   /* PspCidTable */
	ND_FROM_SESSION = 1u << 2, /* MM_SESSION_SPACE.ProcessList */
	ND_FROM_HANDLES = 1u << 3, /* HANDLE_TABLE.QuotaProcess of all handle tables */
	ND_FROM_THREADS = 1u << 4, /* KTHREAD.Process of threads by id and of running threads */
	ND_FROM_POOL = 1u << 5,	   /* pool allocations with the tag Proc: nt/pool_scan.h only */
};
#define ND_PROCESS_SOURCES 6u

/* A process and the sources that have it. */
struct nd_found_process {
	nd_va eprocess;
	uint8_t sources;
};

/* What the cheap sources know: all but links and pool. */
struct nd_found_processes {
	struct nd_found_process *item; /* by address, each once; owned */
	uint32_t count;
	uint8_t whole; /* sources that could be read to their ends */
};

/*
 * Ask the cheap sources, starting from `known` processes as well. Only what is a process by its
 * dispatcher header and has a plausible id is taken. Costs a page for every 256 ids and a few reads
 * a process and thread. ND_ENOMEM, ND_EIO. Free with nd_found_processes_free().
 */
enum nd_status nd_find_processes(const struct nd_dump *dump, const nd_va *known, uint32_t count,
				 struct nd_found_processes *ret);
void nd_found_processes_free(struct nd_found_processes *found);
/* The entry of a process; NULL when no source has it. */
const struct nd_found_process *nd_found_process(const struct nd_found_processes *found,
						nd_va eprocess);

/* Whether an EPROCESS lies at `eprocess`, judged by its header and id. */
bool nd_is_process(const struct nd_dump *dump, nd_va eprocess);

/*
 * Whether a source must have this process: false when the process has ended, or has nothing that
 * the source could know it by (no session, no handle table, no thread).
 */
bool nd_source_holds(const struct nd_process *process, enum nd_process_source source);

/*
 * Live threads in PspCidTable that are on none of their process's lists: ND_PROBLEM_HIDDEN_THREAD
 * each. ND_ENOMEM, ND_EIO.
 */
enum nd_status nd_hidden_threads(const struct nd_dump *dump, struct nd_problems *ret);

#endif
