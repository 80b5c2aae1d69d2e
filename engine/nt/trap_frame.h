/*
 * engine/nt/trap_frame.h - KTRAP_FRAME: the registers that were saved when a thread entered the
 * kernel.
 */
#ifndef ND_NT_TRAP_FRAME_H
#define ND_NT_TRAP_FRAME_H

#include "ntdump.h"
#include "nt/thread.h"

/* How the kernel was entered: KTRAP_FRAME.ExceptionActive. It decides which registers are valid. */
enum nd_trap_kind {
	ND_TRAP_INTERRUPT = 0,
	ND_TRAP_EXCEPTION = 1,
	ND_TRAP_SYSTEM_CALL = 2,
	ND_TRAP_UNKNOWN,
};

/* A register of the frame. saved: the kind of entry stores it, so the value is the register's. */
struct nd_trap_register {
	const char *name; /* as KTRAP_FRAME spells the member */
	struct nd_u64 value;
	struct nd_u64 high; /* upper 8 bytes of an Xmm register; ND_NONE otherwise */
	unsigned bytes;	    /* 1, 2, 4, 8 or 16 */
	bool saved;
};

#define ND_TRAP_REGISTERS 48u

struct nd_trap_frame {
	nd_va address;
	enum nd_trap_kind kind;
	struct nd_u64 rip, rsp, seg_cs, seg_ss, eflags, exception_active, previous_mode;
	bool user_mode; /* SegCs says that user code was interrupted or called in */
	uint32_t register_count;
	struct nd_trap_register reg[ND_TRAP_REGISTERS];
};

/*
 * The frame that KTHREAD.TrapFrame of `thread` points to. ND_NONE when it is 0; ND_INVALID when it
 * lies in none of the thread's kernel stack segments or is misaligned; else why it is unreadable.
 */
enum nd_status nd_trap_frame_read(const struct nd_dump *dump, const struct nd_thread *thread,
				  struct nd_trap_frame *ret);

#endif
