/*
 * engine/nt/unwind.h - from the registers inside a function of an x64 image to those of its caller,
 * as the image's unwind data (.pdata, UNWIND_INFO) tells.
 */
#ifndef ND_NT_UNWIND_H
#define ND_NT_UNWIND_H

#include "sym/pe.h"

/* Numbers of the integer registers, as instructions and unwind codes have them. */
enum {
	ND_RAX,
	ND_RCX,
	ND_RDX,
	ND_RBX,
	ND_RSP,
	ND_RBP,
	ND_RSI,
	ND_RDI,
	ND_R8,
	ND_R12 = 12,
	ND_R15 = 15,
	ND_GPRS
};

/* What is known of a place in the code. Rip and Rsp always are. */
struct nd_registers {
	nd_va rip;
	uint64_t gpr[ND_GPRS];
	uint16_t known; /* bit n: gpr[n] has the register's value */
};

/* What a function promises to restore: Rbx, Rsp, Rbp, Rsi, Rdi, R12 to R15. */
#define ND_NONVOLATILE 0xf0f8u

enum nd_unwind_op {
	ND_UWOP_PUSH_NONVOL = 0,
	ND_UWOP_ALLOC_LARGE = 1,
	ND_UWOP_ALLOC_SMALL = 2,
	ND_UWOP_SET_FPREG = 3,
	ND_UWOP_SAVE_NONVOL = 4,
	ND_UWOP_SAVE_NONVOL_FAR = 5,
	ND_UWOP_EPILOG = 6, /* version 1: an early form of SAVE_XMM128 */
	ND_UWOP_SPARE = 7,  /* version 1: of SAVE_XMM128_FAR */
	ND_UWOP_SAVE_XMM128 = 8,
	ND_UWOP_SAVE_XMM128_FAR = 9,
	ND_UWOP_PUSH_MACHFRAME = 10,
};

struct nd_unwind_code {
	uint8_t at;	/* offset of the end of the instruction, from the fragment's begin */
	uint8_t op;	/* enum nd_unwind_op */
	uint8_t info;	/* register, or what the operation says */
	uint32_t bytes; /* of an allocation, or from the frame to a saved register */
};

#define ND_UNWIND_CODES_MAX 255u

enum { ND_UNW_EHANDLER = 1, ND_UNW_UHANDLER = 2, ND_UNW_CHAININFO = 4 };

struct nd_unwind_info {
	uint8_t version, flags, prolog_bytes;
	uint8_t frame_register; /* 0: none */
	uint8_t frame_offset;	/* bytes from the stack pointer to where it points */
	uint32_t count;
	struct nd_unwind_code code[ND_UNWIND_CODES_MAX];
	struct nd_runtime_function chain; /* with ND_UNW_CHAININFO */
};

/*
 * Decode the UNWIND_INFO at an RVA. ND_INVALID: a version other than 1 and 2, an operation that
 * there is not, or one that is cut off; else why it cannot be read.
 */
enum nd_status nd_unwind_info_read(const struct nd_pe *pe, uint32_t rva,
				   struct nd_unwind_info *ret);

enum nd_unwind_how {
	ND_UNWOUND_BY_DATA,
	ND_UNWOUND_LEAF,    /* no unwind data: the return address is on top */
	ND_UNWOUND_MACHINE, /* through what the processor pushed when it was interrupted */
};

struct nd_unwound {
	enum nd_unwind_how how;
	nd_va slot;  /* where the caller's address was read, or could not be read */
	uint16_t cs; /* ND_UNWOUND_MACHINE: the code segment of the interrupted code */
};

/* How the code came to be where it is. */
enum nd_stopped {
	ND_STOPPED_CALL,     /* it has called something: Rip is a return address */
	ND_STOPPED_ANYWHERE, /* interrupted: maybe in a prologue, an epilogue or a leaf function */
	ND_STOPPED_SWITCHED, /* as ANYWHERE, but never in an epilogue: threads are switched there */
};

/*
 * One step: *regs inside the function of `pe` that holds regs->rip becomes the caller's, where
 * registers that nobody restored are no longer known. `stack`: the space that the stack is in.
 * *ret is written in every case; *regs only on ND_OK. The caller judges the new Rsp.
 *   ND_NO_SYMBOLS  the image has no unwind data (but where the next instruction is a return)
 *   ND_INVALID     broken unwind data, a register whose value is needed but not known, an address
 *                  without unwind data that is not in a section for code, or that has called
 *   else why unwind data or stack cannot be read (ret->slot: the stack's address)
 */
enum nd_status nd_unwind(const struct nd_pe *pe, const struct nd_space *stack,
			 enum nd_stopped stopped, struct nd_registers *regs,
			 struct nd_unwound *ret);

#endif
