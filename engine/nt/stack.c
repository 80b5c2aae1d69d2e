/*
 * engine/nt/stack.c - walks a thread's stack from where it stopped to where it began.
 */
#include <stdlib.h>
#include <string.h>

#include "nt/bugcheck.h"
#include "nt/cpu.h"
#include "nt/module.h"
#include "nt/name.h"
#include "nt/stack.h"
#include "nt/stack_bounds.h"
#include "nt/system.h"
#include "nt/trap_frame.h"
#include "nt/unwind.h"

/* KSWITCH_FRAME at KernelStack, the same in all 64-bit builds. */
enum { SWITCH_RBP = 0x30, SWITCH_RETURN = 0x38, SWITCH_BYTES = 0x40 };
/* x64 CONTEXT: its integer registers are in the order of their numbers. */
enum { CONTEXT_SEG_CS = 0x38, CONTEXT_GPR = 0x78, CONTEXT_RIP = 0xf8 };
enum { CS_RPL = 3, CS_USER32 = 0x23 };
enum { STATE_RUNNING = 2, STATE_TERMINATED = 4 };

struct walk {
	const struct nd_dump *dump;
	const struct nd_thread *thread;
	uint32_t process;
	struct nd_space user_space;
	enum nd_status user_st; /* why there is no user_space */
	struct nd_stack_bounds bounds;
	const struct nd_image *image; /* the last one that was looked at */
	struct nd_stack stack;
	uint32_t room;
};

/* --- frames ----------------------------------------------------------------------------------- */

static enum nd_status push(struct walk *w, struct nd_frame frame, struct nd_frame **ret)
{
	if (w->stack.count == w->room) {
		uint32_t room = w->room ? w->room * 2 : 32;
		struct nd_frame *p = realloc(w->stack.frame, room * sizeof(*p));

		if (!p)
			return ND_ENOMEM;
		w->stack.frame = p;
		w->room = room;
	}
	*ret = &w->stack.frame[w->stack.count++];
	**ret = frame;
	return ND_OK;
}

void nd_stack_free(struct nd_stack *stack)
{
	free(stack->frame);
	*stack = (struct nd_stack){ 0 };
}

/* --- one frame -------------------------------------------------------------------------------- */

/* The image that holds va, kept until another one is asked for. */
static enum nd_status image_at(struct walk *w, nd_va va, nd_va *ret_missing)
{
	const struct nd_module_list *modules = NULL;
	const struct nd_module *m;
	struct nd_space space = w->user_space;
	enum nd_status st = w->user_st;

	*ret_missing = va;
	if (nd_va_is_kernel(va)) {
		space = nd_kernel_space_of(w->dump, va);
		st = nd_kernel_modules(w->dump, &modules);
	} else if (st == ND_OK) {
		st = nd_process_modules(w->dump, w->process, &modules);
	}
	if (st != ND_OK)
		return st;
	m = nd_module_of(modules, va);
	if (!m)
		return modules->st != ND_OK ? modules->st : ND_NO_SYMBOLS;
	if (w->image && w->image->pe.base == m->base)
		return ND_OK;
	nd_image_put(w->dump, w->image);
	w->image = NULL;
	*ret_missing = m->base;
	return nd_image_get(&space, m->base, &w->image);
}

static enum nd_status unwind(struct walk *w, enum nd_stopped stopped, struct nd_registers *r,
			     struct nd_unwound *found)
{
	bool kernel = nd_va_is_kernel(r->rip);
	enum nd_status st = image_at(w, r->rip, &found->slot);
	struct nd_pe pe;

	if (st != ND_OK)
		return st;
	pe = w->image->pe; /* processes share images: read the pages of this one */
	pe.space = kernel ? nd_kernel_space_of(w->dump, r->rip) : w->user_space;
	return nd_unwind(&pe, kernel ? &w->dump->kernel : &w->user_space, stopped, r, found);
}

/*
 * Frames from *r on. ret_user: the kernel has been followed to code of user mode, whose registers
 * *r then are.
 */
static enum nd_status follow(struct walk *w, struct nd_registers *r, enum nd_frame_how how,
			     enum nd_stopped stopped, uint16_t *ret_cs)
{
	*ret_cs = 0;
	for (;;) {
		struct nd_frame frame = { nd_u64_of(r->rip), nd_u64_of(r->gpr[ND_RSP]),
					  nd_u64_missing(ND_NONE, 0), how };
		struct nd_unwound found = { 0 };
		nd_va from = r->gpr[ND_RSP];
		bool kernel = nd_va_is_kernel(r->rip);
		struct nd_frame *last;
		enum nd_status st = push(w, frame, &last);

		if (st == ND_OK)
			st = unwind(w, stopped, r, &found);
		if (nd_is_failure(st))
			return st;
		if (st != ND_OK) {
			last->ret = nd_u64_missing(st, found.slot);
			return ND_OK;
		}
		last->ret = (struct nd_u64){ r->rip, ND_OK, found.slot };
		if (found.how == ND_UNWOUND_MACHINE && (found.cs & CS_RPL) == CS_RPL && kernel) {
			*ret_cs = found.cs;
			return ND_OK;
		}
		if (found.how != ND_UNWOUND_MACHINE && w->bounds.count > 0 &&
		    found.slot == w->bounds.seg[w->bounds.current].high) {
			last->ret = nd_u64_missing(ND_NONE, 0); /* the first frame of the stack */
			return ND_OK;
		}
		if (!nd_stack_moves_on(&w->bounds, from, r->gpr[ND_RSP]) ||
		    (r->rip != 0 && nd_va_is_kernel(r->rip) != kernel) ||
		    w->stack.count >= ND_FRAMES_MAX) {
			last->ret = nd_u64_missing(ND_INVALID, found.slot);
			return ND_OK;
		}
		if (r->rip == 0)
			return ND_OK;
		how = found.how == ND_UNWOUND_MACHINE ? ND_FRAME_TRAP
		      : found.how == ND_UNWOUND_LEAF  ? ND_FRAME_LEAF
						      : ND_FRAME_UNWIND;
		stopped = how == ND_FRAME_TRAP ? ND_STOPPED_ANYWHERE : ND_STOPPED_CALL;
	}
}

/* --- user mode -------------------------------------------------------------------------------- */

static void learn(struct nd_registers *r, unsigned number, struct nd_u64 v)
{
	if (v.st != ND_OK)
		return;
	r->gpr[number] = v.value;
	r->known |= (uint16_t)(1u << number);
}

/* What the trap frame has of the registers that functions keep. */
static void learn_from_frame(const struct nd_trap_frame *f, struct nd_registers *r)
{
	static const struct {
		const char *name;
		unsigned number;
	} rows[] = { { "Rbx", ND_RBX }, { "Rbp", ND_RBP }, { "Rsi", ND_RSI }, { "Rdi", ND_RDI } };

	for (uint32_t i = 0; i < f->register_count; i++)
		for (size_t k = 0; k < sizeof(rows) / sizeof(*rows); k++)
			if (f->reg[i].saved && strcmp(f->reg[i].name, rows[k].name) == 0)
				learn(r, rows[k].number, f->reg[i].value);
}

static void user_bounds(struct walk *w, nd_va rsp)
{
	nd_stack_bounds_user(w->user_st == ND_OK ? &w->user_space : NULL, w->thread, rsp,
			     &w->bounds);
}

/* Frames of user mode from *r on, which a trap or a context has brought. */
static enum nd_status follow_user(struct walk *w, struct nd_registers *r, uint16_t cs,
				  enum nd_frame_how how)
{
	struct nd_frame frame = { nd_u64_of(r->rip), nd_u64_of(r->gpr[ND_RSP]),
				  nd_u64_missing(ND_NONE, 0), how };
	struct nd_frame *last;

	if (cs == CS_USER32) {
		frame.how = ND_FRAME_WOW64;
		return push(w, frame, &last);
	}
	user_bounds(w, r->gpr[ND_RSP]);
	if (nd_va_is_kernel(r->rip) || !nd_stack_enter(&w->bounds, r->gpr[ND_RSP])) {
		frame.ret = nd_u64_missing(ND_INVALID, r->gpr[ND_RSP]);
		return push(w, frame, &last);
	}
	return follow(w, r, how, ND_STOPPED_ANYWHERE, &cs);
}

/* --- where it begins -------------------------------------------------------------------------- */

static bool is_whole(const struct nd_stack *stack)
{
	enum nd_status st = stack->frame[stack->count - 1].ret.st;

	return st == ND_OK || st == ND_NONE;
}

/* Follow the kernel's part; then the user's, found by it or by KTHREAD.TrapFrame. */
static enum nd_status follow_both(struct walk *w, struct nd_registers *r, enum nd_frame_how how,
				  enum nd_stopped stopped)
{
	struct nd_trap_frame trap;
	bool have_trap;
	uint16_t cs;
	enum nd_status st = follow(w, r, how, stopped, &cs);

	if (st != ND_OK)
		return st;
	st = nd_trap_frame_read(w->dump, w->thread, &trap);
	if (nd_is_failure(st))
		return st;
	have_trap = st == ND_OK && trap.user_mode && trap.rip.st == ND_OK && trap.rsp.st == ND_OK;
	if (cs == 0 && (!have_trap || is_whole(&w->stack)))
		return ND_OK;
	if (cs == 0) {
		*r = (struct nd_registers){ .rip = trap.rip.value };
		r->gpr[ND_RSP] = trap.rsp.value;
		cs = (uint16_t)trap.seg_cs.value;
	}
	if (have_trap && trap.rip.value == r->rip && trap.rsp.value == r->gpr[ND_RSP])
		learn_from_frame(&trap, r);
	return follow_user(w, r, cs, ND_FRAME_TRAP);
}

/* The kernel's part is not there: one frame says why, then the user's part. */
static enum nd_status without_kernel(struct walk *w, struct nd_u64 missing, struct nd_u64 rsp,
				     enum nd_frame_how how)
{
	struct nd_frame frame = { missing, rsp, missing, how }, *last;
	struct nd_registers r = { 0 };
	struct nd_trap_frame trap;
	enum nd_status st = nd_trap_frame_read(w->dump, w->thread, &trap);

	if (nd_is_failure(st))
		return st;
	if (st != ND_OK || !trap.user_mode || trap.rip.st != ND_OK || trap.rsp.st != ND_OK) {
		w->stack.st = missing.st;
		w->stack.at = missing.at;
		return ND_OK;
	}
	st = push(w, frame, &last);
	if (st != ND_OK)
		return st;
	r.rip = trap.rip.value;
	r.gpr[ND_RSP] = trap.rsp.value;
	learn_from_frame(&trap, &r);
	return follow_user(w, &r, (uint16_t)trap.seg_cs.value, ND_FRAME_TRAP);
}

static enum nd_status from_switch(struct walk *w)
{
	struct nd_u64 sp = w->thread->kernel_stack, rbp, ret;
	struct nd_registers r = { 0 };

	if (sp.st != ND_OK)
		return without_kernel(w, sp, sp, ND_FRAME_SAVED);
	nd_stack_bounds_kernel(w->dump, w->thread, &w->bounds);
	if (!nd_va_is_kernel(sp.value) || !nd_stack_enter(&w->bounds, sp.value))
		return without_kernel(w, nd_u64_missing(ND_INVALID, sp.value), sp, ND_FRAME_SAVED);
	rbp = nd_read_num(&w->dump->kernel, sp.value + SWITCH_RBP, 8);
	ret = nd_read_num(&w->dump->kernel, sp.value + SWITCH_RETURN, 8);
	if (nd_is_failure(rbp.st) || nd_is_failure(ret.st))
		return nd_is_failure(rbp.st) ? rbp.st : ret.st;
	if (ret.st == ND_OK && !nd_va_is_kernel(ret.value))
		ret = nd_u64_missing(ND_INVALID, ret.at);
	if (ret.st != ND_OK)
		return without_kernel(w, ret, sp, ND_FRAME_SAVED);
	r.rip = ret.value;
	r.gpr[ND_RSP] = sp.value + SWITCH_BYTES;
	learn(&r, ND_RBP, rbp);
	if (!nd_stack_moves_on(&w->bounds, sp.value, r.gpr[ND_RSP]))
		return without_kernel(w, nd_u64_missing(ND_INVALID, sp.value), sp, ND_FRAME_SAVED);
	return follow_both(w, &r, ND_FRAME_SAVED, ND_STOPPED_SWITCHED);
}

/* From a processor's CONTEXT. `trusted`: it is this thread's for certain, also on another stack. */
static enum nd_status from_context(struct walk *w, const uint8_t context[ND_CONTEXT_BYTES],
				   bool trusted)
{
	struct nd_registers r = { .rip = nd_le64(context + CONTEXT_RIP), .known = 0xffff };
	uint16_t cs = nd_le16(context + CONTEXT_SEG_CS);
	struct nd_u64 rsp, no;

	for (unsigned i = 0; i < ND_GPRS; i++)
		r.gpr[i] = nd_le64(context + CONTEXT_GPR + 8u * i);
	rsp = nd_u64_of(r.gpr[ND_RSP]);
	no = nd_u64_missing(r.rip == 0 ? ND_NOT_IN_DUMP : ND_INVALID, 0);
	if (r.rip != 0 && !nd_va_is_kernel(r.rip)) {
		user_bounds(w, rsp.value);
		if (trusted || nd_stack_enter(&w->bounds, rsp.value))
			return follow_user(w, &r, cs, ND_FRAME_CONTEXT);
	}
	nd_stack_bounds_kernel(w->dump, w->thread, &w->bounds);
	if (!nd_va_is_kernel(r.rip) || !nd_va_is_kernel(rsp.value))
		return without_kernel(w, no, rsp, ND_FRAME_CONTEXT);
	if (!nd_stack_enter(&w->bounds, rsp.value)) {
		if (!trusted)
			return without_kernel(w, no, rsp, ND_FRAME_CONTEXT);
		nd_stack_enter_foreign(&w->bounds, rsp.value);
	}
	return follow_both(w, &r, ND_FRAME_CONTEXT, ND_STOPPED_ANYWHERE);
}

/* The registers of the processor that runs the thread. ND_NONE: none says that it does. */
static enum nd_status running_context(const struct nd_dump *dump, nd_va ethread,
				      uint8_t ret[ND_CONTEXT_BYTES])
{
	struct nd_cpu cpu;

	for (uint32_t n = 0; n < ND_CPUS_MAX; n++) {
		enum nd_status st = nd_cpu_read(dump, n, &cpu);

		if (st == ND_ENOENT)
			return ND_NONE;
		if (nd_is_failure(st))
			return st;
		if (st == ND_OK && cpu.current_thread.st == ND_OK &&
		    cpu.current_thread.value == ethread)
			return nd_cpu_context(dump, &cpu, ret);
	}
	return ND_NONE;
}

static enum nd_status read_stack(struct walk *w)
{
	const struct nd_thread *t = w->thread;
	uint8_t context[ND_CONTEXT_BYTES];
	struct nd_crash crash;
	enum nd_status st;

	nd_crash_read(w->dump, &crash);
	if (nd_is_failure(crash.thread.st))
		return crash.thread.st;
	if (crash.thread.st == ND_OK && crash.thread.value == t->ethread && w->dump->header &&
	    w->dump->header->context_set)
		return from_context(w, w->dump->header->context, true);
	if (t->state.st == ND_OK && t->state.value == STATE_TERMINATED) {
		w->stack.st = ND_NONE;
		return ND_OK;
	}
	if (t->state.st != ND_OK || t->state.value != STATE_RUNNING)
		return from_switch(w);
	st = running_context(w->dump, t->ethread, context);
	if (nd_is_failure(st))
		return st;
	if (st != ND_OK)
		return without_kernel(w,
				      nd_u64_missing(st == ND_NONE ? ND_INVALID : st, t->ethread),
				      nd_u64_missing(st == ND_NONE ? ND_INVALID : st, t->ethread),
				      ND_FRAME_CONTEXT);
	return from_context(w, context, false);
}

/* The space of the process whose thread it is. */
static enum nd_status find_user_space(struct walk *w)
{
	const struct nd_process_list *list;
	struct nd_process p;
	enum nd_status st = nd_processes(w->dump, &list);

	w->user_st = ND_NO_SYMBOLS;
	if (st != ND_OK)
		return st;
	if (w->process >= list->count)
		return ND_OK;
	w->user_st = nd_process_read(w->dump, list->ref[w->process].eprocess, &p);
	if (w->user_st == ND_OK)
		w->user_space = nd_process_space(w->dump, &p);
	return nd_is_failure(w->user_st) ? w->user_st : ND_OK;
}

enum nd_status nd_stack_read(const struct nd_dump *dump, uint32_t process,
			     const struct nd_thread *thread, struct nd_stack *ret)
{
	struct walk w = { .dump = dump, .thread = thread, .process = process };
	enum nd_status st = find_user_space(&w);

	if (st == ND_OK)
		st = read_stack(&w);
	nd_image_put(dump, w.image);
	if (st != ND_OK) {
		nd_stack_free(&w.stack);
		return st;
	}
	*ret = w.stack;
	return ND_OK;
}
