/*
 * engine/nt/wait.h - what a thread waits for: the wait blocks of KTHREAD.WaitBlockList and the
 * dispatcher objects that they name.
 */
#ifndef ND_NT_WAIT_H
#define ND_NT_WAIT_H

#include "ntdump.h"
#include "nt/problem.h"
#include "nt/thread.h"

#define ND_WAIT_BLOCKS_MAX 64u /* MAXIMUM_WAIT_OBJECTS */

/* KOBJECTS: DISPATCHER_HEADER.Type of the kinds that are told apart here. */
enum nd_dispatcher_type {
	ND_DISPATCHER_MUTANT = 2,
	ND_DISPATCHER_PROCESS = 3,
	ND_DISPATCHER_THREAD = 6,
};

struct nd_wait_block {
	nd_va block;
	struct nd_u64
		object;	    /* KWAIT_BLOCK.Object; ND_INVALID when the block is not the thread's */
	struct nd_u64 type; /* DISPATCHER_HEADER.Type, its low 7 bits */
	struct nd_u64 wait_type; /* 0 all of them, 1 any of them, ... (WAIT_TYPE) */
	/* Who can end the wait: a mutant's owner, or the thread itself; ND_NONE otherwise. */
	struct nd_u64 thread;
	struct nd_u64 process; /* of that thread, or the process itself; ND_NONE otherwise */
};

struct nd_wait {
	struct nd_wait_block block[ND_WAIT_BLOCKS_MAX];
	uint32_t count;	   /* 0 when the thread does not wait */
	enum nd_status st; /* why the blocks cannot be told; ND_OK otherwise */
	nd_va at;
};

/*
 * The wait blocks of a thread that waits, in their order. ND_OK (with ret->st, and each value with
 * its own reason), ND_EIO, ND_ENOMEM. What is broken goes to `problems`, which may be NULL.
 */
enum nd_status nd_wait_read(const struct nd_dump *dump, const struct nd_thread *thread,
			    struct nd_wait *ret, struct nd_problems *problems);

/* KOBJECTS by name ("EventSynchronization", "Mutant"); NULL when the value has none. */
const char *nd_dispatcher_type_name(uint64_t type);

#endif
