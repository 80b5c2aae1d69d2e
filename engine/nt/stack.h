/*
 * engine/nt/stack.h - the call stack of a thread: kernel frames, then those of user mode, as far as
 * unwind data justifies them.
 */
#ifndef ND_NT_STACK_H
#define ND_NT_STACK_H

#include "ntdump.h"
#include "nt/thread.h"

/* How a frame's Rip and Rsp are known. */
enum nd_frame_how {
	ND_FRAME_CONTEXT, /* the registers that the processor was stopped with */
	ND_FRAME_SAVED,	  /* what the thread saved when another one took its processor */
	ND_FRAME_UNWIND,  /* unwind data of the frame before */
	ND_FRAME_LEAF,	  /* the frame before has no unwind data: its return address is on top */
	ND_FRAME_TRAP,	  /* the code that was interrupted, or made the system call */
	ND_FRAME_WOW64,	  /* the same of 32-bit code: not followed any further */
};

struct nd_frame {
	struct nd_u64 rip; /* the next instruction; missing: nothing is known of this frame */
	struct nd_u64 rsp; /* the stack pointer there */
	struct nd_u64 ret; /* the caller's next instruction; 0 or ND_NONE at the stack's end, else
			    * why it cannot be followed */
	enum nd_frame_how how;
};

/* More than a stack of 1 MiB holds, unless something is wrong with it. */
#define ND_FRAMES_MAX 16384u

struct nd_stack {
	struct nd_frame *frame; /* innermost first */
	uint32_t count;
	enum nd_status st; /* why there is no frame at all: ND_NONE of a thread that has ended */
	nd_va at;
};

/*
 * The stack of `thread`, a thread of the `process`-th process of nd_processes() (UINT32_MAX: not
 * known, only the kernel's part). A thread that runs is read from its processor's registers, the
 * one that crashed from the dump header's, every other one from where it was switched away. Free
 * with nd_stack_free(). ND_ENOMEM, ND_EIO.
 */
enum nd_status nd_stack_read(const struct nd_dump *dump, uint32_t process,
			     const struct nd_thread *thread, struct nd_stack *ret);
void nd_stack_free(struct nd_stack *stack);

#endif
