/*
 * engine/nt/stack_bounds.h - where a thread's stack pointer may be: what bounds a walk.
 *
 * Kernel stacks come in segments: KTHREAD's, then those that it was switched from (user-mode
 * callbacks, expanded stacks). Inside a segment the stack pointer only grows, and a segment is never
 * returned to.
 */
#ifndef ND_NT_STACK_BOUNDS_H
#define ND_NT_STACK_BOUNDS_H

#include "nt/thread.h"
#include "ntdump.h"

#define ND_STACK_SEGMENTS_MAX 16u

struct nd_stack_segment {
	nd_va low, high; /* the stack pointer lies in [low, high] */
};

struct nd_stack_bounds {
	struct nd_stack_segment seg[ND_STACK_SEGMENTS_MAX]; /* in the order of a walk */
	uint32_t count, current;			    /* current: where the walk is */
};

/* The kernel stack of the thread, and the segments that it was switched from. */
void nd_stack_bounds_kernel(const struct nd_dump *dump, const struct nd_thread *thread,
			    struct nd_stack_bounds *ret);

/*
 * The thread's stack in `space` of its process (NULL: not known), as its TEB says; without that
 * the 16 MiB from `rsp` on.
 */
void nd_stack_bounds_user(const struct nd_space *space, const struct nd_thread *thread, nd_va rsp,
			  struct nd_stack_bounds *ret);

/* Begin a walk in the segment that holds `rsp`; false where none does, or at an odd address. */
bool nd_stack_enter(struct nd_stack_bounds *b, nd_va rsp);

/* Begin on the stack of a DPC or an interrupt, which comes before all of the thread's. */
void nd_stack_enter_foreign(struct nd_stack_bounds *b, nd_va rsp);

/* Whether the stack pointer may go from one frame's to its caller's; moves to its segment. */
bool nd_stack_moves_on(struct nd_stack_bounds *b, nd_va from, nd_va to);

#endif
