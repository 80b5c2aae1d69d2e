/*
 * fs/nodes/stacks.c - call stacks: threads/<tid>/stack and /dump/stack.
 */
#include "nodes/nodes.h"
#include "nt/bugcheck.h"
#include "nt/stack.h"
#include "ntdump.h"

static const char *const how_name[] = {
	[ND_FRAME_CONTEXT] = "context", [ND_FRAME_SAVED] = "saved",
	[ND_FRAME_UNWIND] = "unwind",	[ND_FRAME_LEAF] = "leaf",
	[ND_FRAME_TRAP] = "trap-frame", [ND_FRAME_WOW64] = "wow64",
};

static enum nd_status stack_table(struct text *out, const struct nd_dump *dump, uint32_t process,
				  const struct nd_thread *t)
{
	struct nd_stack stack;
	enum nd_status st = nd_stack_read(dump, process, t, &stack);

	if (st != ND_OK)
		return st;
	if (stack.count == 0)
		st = missing_or_fail(out, stack.st, stack.at);
	for (uint32_t i = 0; i < stack.count && out->failed == ND_OK; i++) {
		const struct nd_frame *f = &stack.frame[i];

		text_printf(out, "%u\t", i);
		text_va(out, f->rsp);
		text_tab(out);
		text_va(out, f->ret);
		text_tab(out);
		text_code(out, dump, process, f->rip, CODE_SHORT);
		text_tab(out);
		text_str(out, how_name[f->how]);
		text_line(out);
	}
	nd_stack_free(&stack);
	return st;
}

enum nd_status render_thread_stack(struct text *out, const struct node_at *at)
{
	struct nd_thread t;
	enum nd_status st = at_thread(at, &t);

	if (st != ND_OK)
		return missing_or_fail(out, st, 0);
	return stack_table(out, at->dump, at->key[0], &t);
}

/* Where nd_processes() has a process; UINT32_MAX where it has not. */
static enum nd_status index_of(const struct nd_dump *dump, struct nd_u64 eprocess, uint32_t *ret)
{
	const struct nd_process_list *list;
	enum nd_status st = nd_processes(dump, &list);

	*ret = UINT32_MAX;
	if (st != ND_OK)
		return st;
	for (uint32_t i = 0; eprocess.st == ND_OK && i < list->count; i++)
		if (list->ref[i].eprocess == eprocess.value)
			*ret = i;
	return ND_OK;
}

enum nd_status render_crash_stack(struct text *out, const struct node_at *at)
{
	struct nd_crash crash;
	struct nd_thread t;
	uint32_t process;
	enum nd_status st;

	nd_crash_read(at->dump, &crash);
	if (crash.thread.st != ND_OK)
		return missing_or_fail(out, crash.thread.st, crash.thread.at);
	st = nd_thread_read(at->dump, crash.thread.value, &t);
	if (st == ND_OK)
		st = index_of(at->dump, crash.process, &process);
	if (st != ND_OK)
		return missing_or_fail(out, st, crash.thread.value);
	return stack_table(out, at->dump, process, &t);
}
