/*
 * engine/nt/stack_bounds.c - the segments of a thread's kernel and user stacks.
 */
#include "nt/stack_bounds.h"

#define FOREIGN_BYTES 0x8000u	 /* stacks of DPCs and of the processor's own are not longer */
#define UNKNOWN_BYTES 0x1000000u /* of a user stack whose TEB is absent */

/* KSTACK_CONTROL at InitialStack: see trap_frame.c. */
enum { PREVIOUS_STACK_BASE = 0x10, PREVIOUS_STACK_LIMIT = 0x18, PREVIOUS_INITIAL_STACK = 0x28 };
/* TEB.NtTib */
enum { TEB_STACK_BASE = 8, TEB_STACK_LIMIT = 0x10 };

static void add_segment(struct nd_stack_bounds *b, nd_va low, nd_va high)
{
	if (b->count < ND_STACK_SEGMENTS_MAX && low < high)
		b->seg[b->count++] = (struct nd_stack_segment){ low, high };
}

/* Nothing of a stack lies above its InitialStack; `base` where that makes no sense. */
static nd_va end_of(nd_va initial, nd_va limit, nd_va base)
{
	return initial > limit && initial < base ? initial : base;
}

void nd_stack_bounds_kernel(const struct nd_dump *dump, const struct nd_thread *thread,
			    struct nd_stack_bounds *ret)
{
	nd_va initial = thread->initial_stack.value, low = thread->stack_limit.value;

	ret->count = ret->current = 0;
	if (nd_va_is_kernel(low))
		add_segment(ret, low, end_of(initial, low, thread->stack_base.value));
	while (ret->count < ND_STACK_SEGMENTS_MAX - 1 && nd_va_is_kernel(initial)) {
		struct nd_u64 base = nd_read_num(&dump->kernel, initial + PREVIOUS_STACK_BASE, 8);
		struct nd_u64 limit = nd_read_num(&dump->kernel, initial + PREVIOUS_STACK_LIMIT, 8);
		struct nd_u64 outer =
			nd_read_num(&dump->kernel, initial + PREVIOUS_INITIAL_STACK, 8);

		if (base.st != ND_OK || limit.st != ND_OK || outer.st != ND_OK ||
		    !nd_va_is_kernel(limit.value) || limit.value >= base.value)
			return;
		add_segment(ret, limit.value, end_of(outer.value, limit.value, base.value));
		initial = outer.value;
	}
}

void nd_stack_bounds_user(const struct nd_space *space, const struct nd_thread *thread, nd_va rsp,
			  struct nd_stack_bounds *ret)
{
	struct nd_u64 base = nd_u64_missing(ND_NONE, 0), limit = base, teb = thread->teb;

	ret->count = ret->current = 0;
	if (space && teb.st == ND_OK && teb.value != 0 && !nd_va_is_kernel(teb.value)) {
		base = nd_read_num(space, teb.value + TEB_STACK_BASE, 8);
		limit = nd_read_num(space, teb.value + TEB_STACK_LIMIT, 8);
	}
	if (base.st == ND_OK && limit.st == ND_OK && !nd_va_is_kernel(base.value))
		add_segment(ret, limit.value, base.value);
	else if (!nd_va_is_kernel(rsp))
		add_segment(ret, rsp, rsp + UNKNOWN_BYTES);
}

static bool holds(const struct nd_stack_segment *s, nd_va rsp)
{
	return rsp >= s->low && rsp <= s->high;
}

bool nd_stack_enter(struct nd_stack_bounds *b, nd_va rsp)
{
	for (uint32_t i = 0; i < b->count; i++)
		if (holds(&b->seg[i], rsp)) {
			b->current = i;
			return rsp % 8 == 0;
		}
	return false;
}

void nd_stack_enter_foreign(struct nd_stack_bounds *b, nd_va rsp)
{
	nd_va page = rsp & ~(nd_va)(ND_PAGE_BYTES - 1);
	nd_va most = UINT64_MAX - page, length = ND_PAGE_BYTES + FOREIGN_BYTES;

	if (b->count == ND_STACK_SEGMENTS_MAX)
		b->count--;
	for (uint32_t i = b->count; i > 0; i--)
		b->seg[i] = b->seg[i - 1];
	b->seg[0] = (struct nd_stack_segment){ rsp, page + (length < most ? length : most) };
	b->count++;
	b->current = 0;
}

bool nd_stack_moves_on(struct nd_stack_bounds *b, nd_va from, nd_va to)
{
	if (b->count == 0 || to % 8 != 0)
		return false;
	for (uint32_t i = b->current + 1; i < b->count; i++) /* a foreign one may overlap */
		if (holds(&b->seg[i], to) && !holds(&b->seg[i], from)) {
			b->current = i;
			return true;
		}
	return to > from && holds(&b->seg[b->current], to);
}
