/*
 * fs/nodes/thread.c - proc/<pid>/threads/<tid>: one thread.
 */
#include "nodes/nodes.h"
#include "nt/trap_frame.h"
#include "ntdump.h"

/* --- what the process's table and the listing show of a thread, too --------------------------- */

void thread_rip(struct text *out, const struct nd_dump *dump, uint32_t process,
		const struct nd_thread *t, enum code_style style)
{
	struct nd_trap_frame frame;
	enum nd_status st = nd_trap_frame_read(dump, t, &frame);

	if (st != ND_OK)
		text_missing(out, st, t->trap_frame.value);
	else
		text_code(out, dump, process, frame.rip, style);
}

void thread_absent_row(struct text *out, nd_va ethread, enum nd_status st)
{
	for (int column = 0; column < 9; column++) {
		if (column)
			text_tab(out);
		if (column == 1)
			text_va(out, nd_u64_of(ethread));
		else
			text_missing(out, st, ethread);
	}
	text_line(out);
}

/* --- status ----------------------------------------------------------------------------------- */

static void scheduling_facts(struct text *out, const struct nd_thread *t)
{
	text_key(out, "State");
	text_dec(out, t->state);
	if (t->state.st == ND_OK && nd_thread_state_name(t->state.value))
		text_printf(out, " %s", nd_thread_state_name(t->state.value));
	text_line(out);
	text_key(out, "WaitReason");
	text_dec(out, t->wait_reason);
	if (t->wait_reason.st == ND_OK && nd_wait_reason_name(t->wait_reason.value))
		text_printf(out, " %s", nd_wait_reason_name(t->wait_reason.value));
	if (t->wait_reason.st == ND_OK && t->state.st == ND_OK && !nd_thread_is_waiting(t))
		text_str(out, " <stale>");
	text_line(out);
	text_key(out, "WaitMode");
	text_dec(out, t->wait_mode);
	if (t->wait_mode.st == ND_OK && t->wait_mode.value <= 1)
		text_str(out, t->wait_mode.value ? " UserMode" : " KernelMode");
	text_line(out);
	text_key(out, "Priority");
	text_sdec(out, t->priority, 1);
	text_str(out, "\nBasePriority:\t");
	text_sdec(out, t->base_priority, 1);
	text_line(out);
	text_fact_dec(out, "WaitIrql", t->wait_irql);
	text_fact_dec(out, "WaitTime", t->wait_time);
	text_fact_dec(out, "SuspendCount", t->suspend_count);
	text_fact_dec(out, "NextProcessor", t->next_processor);
}

static void stack_facts(struct text *out, const struct nd_thread *t)
{
	text_fact_va(out, "TrapFrame", t->trap_frame);
	text_fact_va(out, "InitialStack", t->initial_stack);
	text_fact_va(out, "KernelStack", t->kernel_stack);
	text_fact_va(out, "StackBase", t->stack_base);
	text_fact_va(out, "StackLimit", t->stack_limit);
	text_fact_va(out, "Teb", t->teb);
}

static void life_facts(struct text *out, const struct nd_dump *dump, const struct nd_thread *t)
{
	text_fact_dec(out, "ContextSwitches", t->context_switches);
	text_fact_ticks(out, dump, "KernelTime", t->kernel_time);
	text_fact_ticks(out, dump, "UserTime", t->user_time);
	text_fact_dec(out, "CycleTime", t->cycle_time);
	text_fact_time(out, "CreateTime", t->create_time);
	text_key(out, "ExitTime");
	if (t->terminated.st == ND_OK && t->terminated.value == 0)
		text_char(out, '-'); /* the member is used for something else while it lives */
	else
		text_time(out, t->exit_time);
	text_str(out, "\nExitStatus:\t");
	text_hex_pad(out, t->exit_status, 8);
	text_line(out);
	text_key(out, "Terminated");
	if (t->terminated.st != ND_OK)
		text_missing(out, t->terminated.st, t->terminated.at);
	else
		text_str(out, t->terminated.value ? "yes" : "no");
	text_line(out);
}

static void name_fact(struct text *out, const struct nd_dump *dump, const struct nd_thread *t)
{
	struct nd_ustr name = nd_thread_name(dump, t);

	text_key(out, "Name");
	text_ustr(out, &name);
	nd_ustr_free(&name);
	text_line(out);
}

static enum nd_status render_status(struct text *out, const struct node_at *at)
{
	struct nd_thread t;
	enum nd_status st = at_thread(at, &t);

	if (st != ND_OK)
		return missing_or_fail(out, st, 0);
	text_fact_va(out, "Ethread", nd_u64_of(t.ethread));
	text_fact_dec(out, "Tid", t.tid);
	text_fact_dec(out, "Pid", t.pid);
	name_fact(out, at->dump, &t);
	scheduling_facts(out, &t);
	stack_facts(out, &t);
	text_key(out, "StartAddress");
	text_code(out, at->dump, at->key[0], t.start_address, CODE_FULL);
	text_str(out, "\nWin32StartAddress:\t");
	text_code(out, at->dump, at->key[0], t.win32_start_address, CODE_FULL);
	text_line(out);
	text_fact_va(out, "AttachedProcess", t.attached_process);
	text_fact_dec(out, "PreviousMode", t.previous_mode);
	life_facts(out, at->dump, &t);
	return ND_OK;
}

/* --- one value each --------------------------------------------------------------------------- */

static enum nd_status render_ethread(struct text *out, const struct node_at *at)
{
	const struct nd_thread_list *list;
	enum nd_status st = nd_threads(at->dump, at->key[0], &list);

	if (st != ND_OK)
		return st;
	if (at->key[1] >= list->count)
		return ND_ENOENT;
	text_va(out, nd_u64_of(list->ref[at->key[1]].ethread));
	text_line(out);
	return ND_OK;
}

static enum nd_status render_start(struct text *out, const struct node_at *at)
{
	struct nd_thread t;
	enum nd_status st = at_thread(at, &t);

	if (st != ND_OK)
		return missing_or_fail(out, st, 0);
	text_code(out, at->dump, at->key[0], nd_thread_start(&t), CODE_FULL);
	text_line(out);
	return ND_OK;
}

static const char *source_start(const struct node_at *at)
{
	struct nd_thread t;
	struct nd_u64 start = { .st = at_thread(at, &t) };

	if (start.st == ND_OK)
		start = nd_thread_start(&t);
	return start.st == ND_OK ? code_source_name(at->dump, at->key[0], start.value) : NULL;
}

/* --- trapframe/ ------------------------------------------------------------------------------- */

static enum nd_status frame_at(const struct node_at *at, struct nd_thread *t,
			       struct nd_trap_frame *frame)
{
	enum nd_status st = at_thread(at, t);

	return st == ND_OK ? nd_trap_frame_read(at->dump, t, frame) : st;
}

static enum nd_status render_frame_address(struct text *out, const struct node_at *at)
{
	struct nd_thread t;
	enum nd_status st = at_thread(at, &t);

	if (st != ND_OK)
		return missing_or_fail(out, st, 0);
	if (t.trap_frame.st == ND_OK && t.trap_frame.value == 0)
		text_char(out, '-');
	else
		text_va(out, t.trap_frame);
	text_line(out);
	return ND_OK;
}

static enum nd_status render_frame_rip(struct text *out, const struct node_at *at)
{
	struct nd_thread t = { 0 };
	struct nd_trap_frame frame;
	enum nd_status st = frame_at(at, &t, &frame);

	if (st != ND_OK)
		return missing_or_fail(out, st, t.trap_frame.value);
	text_code(out, at->dump, at->key[0], frame.rip, CODE_FULL);
	text_line(out);
	return ND_OK;
}

static const char *source_frame_rip(const struct node_at *at)
{
	struct nd_thread t = { 0 };
	struct nd_trap_frame frame;

	return frame_at(at, &t, &frame) == ND_OK && frame.rip.st == ND_OK
		       ? code_source_name(at->dump, at->key[0], frame.rip.value)
		       : NULL;
}

static enum nd_status render_frame_rsp(struct text *out, const struct node_at *at)
{
	struct nd_thread t = { 0 };
	struct nd_trap_frame frame;
	enum nd_status st = frame_at(at, &t, &frame);

	if (st != ND_OK)
		return missing_or_fail(out, st, t.trap_frame.value);
	text_va(out, frame.rsp);
	text_line(out);
	return ND_OK;
}

static void register_line(struct text *out, const struct nd_trap_register *reg)
{
	text_key(out, reg->name);
	if (reg->bytes == 16 && reg->value.st == ND_OK && reg->high.st == ND_OK) {
		text_hex_pad(out, reg->high, 16);
		text_printf(out, "%016llx", (unsigned long long)reg->value.value);
	} else {
		text_hex_pad(out, reg->value, 2 * (int)reg->bytes);
	}
	if (!reg->saved && reg->value.st == ND_OK)
		text_str(out, " (not saved)");
	text_line(out);
}

static enum nd_status render_frame_registers(struct text *out, const struct node_at *at)
{
	static const char *const kind[] = { "0 interrupt", "1 exception", "2 system call",
					    "unknown" };
	struct nd_thread t = { 0 };
	struct nd_trap_frame frame;
	enum nd_status st = frame_at(at, &t, &frame);

	if (st != ND_OK)
		return missing_or_fail(out, st, t.trap_frame.value);
	text_fact_str(out, "Entry", kind[frame.kind]);
	text_fact_str(out, "Mode", frame.user_mode ? "user" : "kernel");
	for (uint32_t i = 0; i < frame.register_count; i++)
		register_line(out, &frame.reg[i]);
	return ND_OK;
}

static void about_frame(const struct node_at *at, struct node_about *ret)
{
	struct nd_thread t;

	if (at_thread(at, &t) != ND_OK || t.trap_frame.st != ND_OK || t.trap_frame.value == 0)
		return;
	ret->address = t.trap_frame.value;
	ret->type = "KTRAP_FRAME";
}

// clang-format off
static const struct node_row frame_rows[] = {
	{ "address",   "KTHREAD.TrapFrame",                                     .render = render_frame_address },
	{ "rip",       "the instruction that the thread returns to",            .render = render_frame_rip, .source = source_frame_rip },
	{ "rsp",       "the stack pointer that it returns with",                .render = render_frame_rsp },
	{ "registers", "all of KTRAP_FRAME; \"(not saved)\" where the entry does not store it", .render = render_frame_registers },
	{ 0 }
};

const struct node_row node_thread_rows[] = {
	{ "status",    "facts of ETHREAD and KTHREAD",                         .render = render_status },
	{ "ethread",   "address of the ETHREAD",                               .render = render_ethread },
	{ "start",     "Win32StartAddress, or StartAddress where that is 0",   .render = render_start, .source = source_start },
	{ "syscall",   "the system call that the thread is in, and how that is known", .render = render_syscall },
	{ "wait",      "table: object type name, of what it waits for",        .render = render_wait },
	{ "irps",      "table: irp major minor device driver file, of its pending requests", .render = render_irps },
	{ "alpc",      "facts: the message whose reply it waits for, who has it and who holds that one up; ports it receives from, messages it holds", .render = render_thread_alpc },
	{ "impersonation", "facts of the client that it acts for",             .render = render_impersonation },
	{ "token",     "facts of the client's TOKEN; only of a thread that impersonates", .render = render_thread_token, .exists = exists_thread_token, .about = about_thread_token },
	{ "stack",     "table: index child-sp ret-addr site how: the call stack by unwind data, kernel then user; ret-addr says why it ends", .render = render_thread_stack },
	{ "trapframe", "registers at the last entry into the kernel",          .rows = frame_rows, .about = about_frame },
	{ 0 }
};
// clang-format on
