/*
 * engine/nt/trap_frame.c - reads a thread's KTRAP_FRAME and tells which registers are valid in it.
 */
#include "nt/trap_frame.h"

#define RPL_MASK 3u
#define SEGMENTS_MAX 16u /* nested user-mode callbacks and expanded stacks */

/*
 * KSTACK_CONTROL lies at InitialStack: StackBase, ActualLimit, then Previous, a
 * KERNEL_STACK_SEGMENT {StackBase, StackLimit, KernelStack, InitialStack} (9600 to 22000).
 */
enum { PREVIOUS_STACK_BASE = 0x10, PREVIOUS_STACK_LIMIT = 0x18, PREVIOUS_INITIAL_STACK = 0x28 };

enum when { ALWAYS, NOT_SYSTEM_CALL, SYSTEM_CALL, EXCEPTION_ONLY };

struct register_row {
	const char *name;
	enum nd_member_id member;
	enum when when;
};

/* Valid-when after the entry code of the kernels that are known: see nd_trap_kind. */
#define R(m, w) \
	{ \
#m, ND_M_KTRAP_FRAME_##m, w \
	}
static const struct register_row rows[] = {
	R(Rip, ALWAYS),
	R(Rsp, ALWAYS),
	R(EFlags, ALWAYS),
	R(SegCs, ALWAYS),
	R(SegSs, ALWAYS),
	R(Rbp, ALWAYS),
	R(Rbx, SYSTEM_CALL),
	R(Rsi, SYSTEM_CALL),
	R(Rdi, SYSTEM_CALL),
	R(Rax, NOT_SYSTEM_CALL),
	R(Rcx, NOT_SYSTEM_CALL),
	R(Rdx, NOT_SYSTEM_CALL),
	R(R8, NOT_SYSTEM_CALL),
	R(R9, NOT_SYSTEM_CALL),
	R(R10, NOT_SYSTEM_CALL),
	R(R11, NOT_SYSTEM_CALL),
	R(MxCsr, ALWAYS),
	R(PreviousMode, ALWAYS),
	R(PreviousIrql, NOT_SYSTEM_CALL),
	R(FaultIndicator, EXCEPTION_ONLY),
	R(ExceptionActive, ALWAYS),
	R(ErrorCode, EXCEPTION_ONLY),
	R(FaultAddress, EXCEPTION_ONLY),
	R(GsBase, NOT_SYSTEM_CALL),
	R(SegDs, NOT_SYSTEM_CALL),
	R(SegEs, NOT_SYSTEM_CALL),
	R(SegFs, NOT_SYSTEM_CALL),
	R(SegGs, NOT_SYSTEM_CALL),
	R(Dr0, EXCEPTION_ONLY),
	R(Dr1, EXCEPTION_ONLY),
	R(Dr2, EXCEPTION_ONLY),
	R(Dr3, EXCEPTION_ONLY),
	R(Dr6, EXCEPTION_ONLY),
	R(Dr7, EXCEPTION_ONLY),
	R(TrapFrame, NOT_SYSTEM_CALL),
	R(Xmm0, NOT_SYSTEM_CALL),
	R(Xmm1, NOT_SYSTEM_CALL),
	R(Xmm2, NOT_SYSTEM_CALL),
	R(Xmm3, NOT_SYSTEM_CALL),
	R(Xmm4, NOT_SYSTEM_CALL),
	R(Xmm5, NOT_SYSTEM_CALL),
};
#undef R

_Static_assert(sizeof(rows) / sizeof(*rows) <= ND_TRAP_REGISTERS, "rows fit the frame");

static bool in_range(nd_va va, nd_va low, nd_va high)
{
	return va >= low && va < high;
}

/* Whether the frame lies in the current stack segment or in one that it was pushed on. */
static bool in_stack(const struct nd_dump *dump, const struct nd_thread *thread, nd_va frame)
{
	nd_va initial = thread->initial_stack.value;

	if (in_range(frame, thread->stack_limit.value, thread->stack_base.value))
		return true;
	for (unsigned i = 0; i < SEGMENTS_MAX && nd_va_is_kernel(initial); i++) {
		struct nd_u64 base = nd_read_num(&dump->kernel, initial + PREVIOUS_STACK_BASE, 8);
		struct nd_u64 limit = nd_read_num(&dump->kernel, initial + PREVIOUS_STACK_LIMIT, 8);
		struct nd_u64 outer =
			nd_read_num(&dump->kernel, initial + PREVIOUS_INITIAL_STACK, 8);

		if (base.st != ND_OK || limit.st != ND_OK || outer.st != ND_OK ||
		    !nd_va_is_kernel(limit.value) || limit.value >= base.value)
			return false;
		if (in_range(frame, limit.value, base.value))
			return true;
		initial = outer.value;
	}
	return false;
}

static bool is_saved(enum when when, enum nd_trap_kind kind)
{
	switch (when) {
	case ALWAYS:
		return true;
	case NOT_SYSTEM_CALL:
		return kind == ND_TRAP_EXCEPTION || kind == ND_TRAP_INTERRUPT;
	case SYSTEM_CALL:
		return kind == ND_TRAP_SYSTEM_CALL;
	case EXCEPTION_ONLY:
		return kind == ND_TRAP_EXCEPTION;
	}
	return false;
}

static void read_registers(const struct nd_rec *rec, struct nd_trap_frame *frame)
{
	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		struct nd_trap_register *reg = &frame->reg[frame->register_count++];
		uint32_t offset = nd_offset(rec->dump, rows[i].member);

		reg->name = rows[i].name;
		reg->bytes = nd_member_bytes[rows[i].member];
		reg->value = nd_rec_get(rec, rows[i].member);
		reg->high = nd_u64_missing(ND_NONE, 0);
		if (reg->bytes == 16 && offset != ND_OFFSET_ABSENT)
			reg->high = nd_rec_num(rec, offset + 8, 8);
		reg->saved = is_saved(rows[i].when, frame->kind);
	}
}

enum nd_status nd_trap_frame_read(const struct nd_dump *dump, const struct nd_thread *thread,
				  struct nd_trap_frame *ret)
{
	nd_va at = thread->trap_frame.value;
	struct nd_trap_frame frame = { .address = at };
	struct nd_rec rec;
	enum nd_status st = thread->trap_frame.st;

	if (st != ND_OK)
		return st;
	if (at == 0)
		return ND_NONE;
	if (!nd_va_is_kernel(at) || at & 7)
		return ND_INVALID;
	if (thread->stack_base.st == ND_OK && thread->stack_limit.st == ND_OK &&
	    !in_stack(dump, thread, at))
		return ND_INVALID;
	st = nd_rec_read(&dump->kernel, at, ND_S_KTRAP_FRAME, &rec);
	if (st != ND_OK)
		return st;
	frame.exception_active = nd_rec_get(&rec, ND_M_KTRAP_FRAME_ExceptionActive);
	frame.kind = ND_TRAP_UNKNOWN;
	if (frame.exception_active.st == ND_OK && frame.exception_active.value <= 2)
		frame.kind = (enum nd_trap_kind)frame.exception_active.value;
	frame.rip = nd_rec_get(&rec, ND_M_KTRAP_FRAME_Rip);
	frame.rsp = nd_rec_get(&rec, ND_M_KTRAP_FRAME_Rsp);
	frame.seg_cs = nd_rec_get(&rec, ND_M_KTRAP_FRAME_SegCs);
	frame.seg_ss = nd_rec_get(&rec, ND_M_KTRAP_FRAME_SegSs);
	frame.eflags = nd_rec_get(&rec, ND_M_KTRAP_FRAME_EFlags);
	frame.previous_mode = nd_rec_get(&rec, ND_M_KTRAP_FRAME_PreviousMode);
	frame.user_mode = frame.seg_cs.st == ND_OK && (frame.seg_cs.value & RPL_MASK) == RPL_MASK;
	read_registers(&rec, &frame);
	*ret = frame;
	return ND_OK;
}
