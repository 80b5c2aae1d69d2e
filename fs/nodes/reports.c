/*
 * fs/nodes/reports.c - /dump/missing and /dump/warnings: what the dump lacks, what it contradicts.
 */
#include <stdlib.h>
#include <string.h>

#include "nodes/lines.h"
#include "nodes/reports.h"
#include "nt/alpc.h"
#include "nt/callback.h"
#include "nt/cid.h"
#include "nt/crossview.h"
#include "nt/driver.h"
#include "nt/handle.h"
#include "nt/irp.h"
#include "nt/job.h"
#include "nt/kdbg.h"
#include "nt/namespace.h"
#include "nt/session.h"
#include "nt/token.h"
#include "nt/trap_frame.h"
#include "nt/wait.h"
#include "ntdump.h"

static void add_missing(void *ctx, const char *path, nd_va address, enum nd_status reason)
{
	struct lines *l = ctx;

	lines_begin(l);
	text_str(&l->text, path);
	text_printf(&l->text, "\t0x%016llx\t<%s>\n", (unsigned long long)address,
		    text_reason(reason));
}

enum nd_status render_missing(struct text *out, const struct node_at *at)
{
	struct lines l;
	enum nd_status st;

	lines_init(&l, out);
	st = tree_collect_missing(at->tree, add_missing, &l);
	if (st == ND_OK)
		lines_write(&l, out);
	lines_free(&l);
	return st;
}

static const char *problem_text(enum nd_problem_kind kind)
{
	switch (kind) {
	case ND_PROBLEM_LIST_ABSENT:
		return "list entry cannot be read";
	case ND_PROBLEM_LIST_BAD_LINK:
		return "list link leads nowhere";
	case ND_PROBLEM_LIST_LOOP:
		return "list loops";
	case ND_PROBLEM_LIST_TOO_LONG:
		return "list does not end";
	case ND_PROBLEM_LIST_BACK_LINK:
		return "list links disagree";
	case ND_PROBLEM_TREE:
		return "tree node missing, repeated or absurd";
	case ND_PROBLEM_COUNT:
		return "counter disagrees";
	case ND_PROBLEM_DUPLICATE_PID:
		return "process id used twice";
	case ND_PROBLEM_TRAP_FRAME:
		return "trap frame outside of the thread's stacks";
	case ND_PROBLEM_NAME:
		return "name cannot be read";
	case ND_PROBLEM_LAYOUT:
		return "KDBG and layout disagree";
	case ND_PROBLEM_WAIT_BLOCK:
		return "wait block is not its thread's";
	case ND_PROBLEM_HANDLE_TABLE:
		return "handle table page missing, repeated or absurd";
	case ND_PROBLEM_CID:
		return "id table entry is not of this id";
	case ND_PROBLEM_HIDDEN_PROCESS:
		return "process is not on the list of processes";
	case ND_PROBLEM_HIDDEN_THREAD:
		return "thread is not on its process's lists";
	case ND_PROBLEM_ORPHAN_THREAD:
		return "thread starts in the kernel, but in no module";
	case ND_PROBLEM_ABSURD:
		return "count is impossible";
	case ND_PROBLEM_SID:
		return "not a SID";
	case ND_PROBLEM_POINTER:
		return "pointer leads nowhere";
	case ND_PROBLEM_NOT_BACK:
		return "what it points at does not point back";
	case ND_PROBLEM_UNLISTED:
		return "not on the list that should hold it";
	case ND_PROBLEM_NESTING:
		return "nesting loops or is too deep";
	}
	return "-";
}

static void problem_values(struct text *t, const struct nd_problem *p)
{
	switch (p->kind) {
	case ND_PROBLEM_COUNT:
	case ND_PROBLEM_LAYOUT:
		text_printf(t, "%llu\t%llu", (unsigned long long)p->a, (unsigned long long)p->b);
		break;
	case ND_PROBLEM_DUPLICATE_PID:
	case ND_PROBLEM_WAIT_BLOCK:
	case ND_PROBLEM_CID:
	case ND_PROBLEM_HIDDEN_PROCESS:
	case ND_PROBLEM_HIDDEN_THREAD:
	case ND_PROBLEM_ORPHAN_THREAD:
		text_printf(t, "0x%016llx\t%llu", (unsigned long long)p->a,
			    (unsigned long long)p->b);
		break;
	default:
		text_printf(t, "0x%016llx\t0x%016llx", (unsigned long long)p->a,
			    (unsigned long long)p->b);
	}
}

static void add_problem(struct lines *l, const struct nd_problem *p)
{
	lines_begin(l);
	text_str(&l->text, p->where);
	text_tab(&l->text);
	if (p->owner)
		text_va(&l->text, nd_u64_of(p->owner));
	else
		text_char(&l->text, '-');
	text_tab(&l->text);
	problem_values(&l->text, p);
	text_tab(&l->text);
	text_str(&l->text, problem_text(p->kind));
	if (nd_is_missing(p->st))
		text_printf(&l->text, " <%s>", text_reason(p->st));
	text_line(&l->text);
}

static void add_problems(struct lines *l, const struct nd_problems *problems)
{
	for (size_t i = 0; i < problems->count; i++)
		add_problem(l, &problems->item[i]);
}

/* A thread of the kernel that began in no module: of a driver that was hidden or unloaded. */
static enum nd_status start_problems(struct lines *l, const struct nd_dump *dump,
				     const struct nd_thread *t)
{
	const struct nd_module_list *modules;
	enum nd_status st = nd_kernel_modules(dump, &modules);

	if (st != ND_OK || modules->st != ND_OK || modules->problems.count > 0 ||
	    t->start_address.st != ND_OK || !nd_va_is_kernel(t->start_address.value) ||
	    nd_module_of(modules, t->start_address.value))
		return st;
	add_problem(l, &(struct nd_problem){ .kind = ND_PROBLEM_ORPHAN_THREAD,
					     .where = "ETHREAD.StartAddress",
					     .owner = t->process.value,
					     .a = t->ethread,
					     .b = t->tid.value });
	return ND_OK;
}

/* The wait blocks and pending requests of one thread. */
static enum nd_status wait_problems(struct lines *l, const struct nd_dump *dump,
				    const struct nd_thread *t)
{
	struct nd_problems problems = { 0 };
	struct nd_irp_list irps = { 0 };
	struct nd_wait wait;
	enum nd_status st = nd_wait_read(dump, t, &wait, &problems);

	if (st == ND_OK)
		st = nd_irp_list_read(dump, t->ethread, &irps, &problems);
	nd_irp_list_free(&irps);
	add_problems(l, &problems);
	nd_problems_free(&problems);
	return st;
}

static enum nd_status thread_problems(struct lines *l, const struct nd_dump *dump,
				      const struct nd_thread_list *threads)
{
	for (uint32_t i = 0; i < threads->count; i++) {
		struct nd_thread t;
		struct nd_trap_frame frame;
		enum nd_status st = nd_thread_read(dump, threads->ref[i].ethread, &t);

		if (nd_is_failure(st))
			return st;
		if (st != ND_OK)
			continue;
		st = nd_trap_frame_read(dump, &t, &frame);
		if (st == ND_INVALID)
			add_problem(l, &(struct nd_problem){ .kind = ND_PROBLEM_TRAP_FRAME,
							     .where = "KTHREAD.TrapFrame",
							     .owner = t.ethread,
							     .a = t.trap_frame.value });
		if (!nd_is_failure(st))
			st = wait_problems(l, dump, &t);
		if (!nd_is_failure(st))
			st = start_problems(l, dump, &t);
		if (nd_is_failure(st))
			return st;
	}
	return ND_OK;
}

/* What PspCidTable holds that it should not, and the threads that only it has. */
static enum nd_status cid_problems(struct lines *l, const struct nd_dump *dump)
{
	struct nd_problems hidden = { 0 };
	const struct nd_cid_table *cid;
	enum nd_status st = nd_cid_table(dump, &cid);

	if (st != ND_OK)
		return st;
	add_problems(l, &cid->problems);
	st = nd_hidden_threads(dump, &hidden);
	add_problems(l, &hidden);
	nd_problems_free(&hidden);
	return st;
}

/* SIDs and counts that cannot be. */
static enum nd_status token_problems(struct lines *l, const struct nd_dump *dump, nd_va token)
{
	struct nd_problems problems = { 0 };
	struct nd_token t;
	enum nd_status st = nd_token_read(dump, token, &problems, &t);

	if (st == ND_OK)
		nd_token_free(&t);
	add_problems(l, &problems);
	nd_problems_free(&problems);
	return nd_is_failure(st) ? st : ND_OK;
}

/* The tokens of a process and of those of its threads that impersonate. */
static enum nd_status all_token_problems(struct lines *l, const struct nd_dump *dump,
					 const struct nd_process *process,
					 const struct nd_thread_list *threads)
{
	enum nd_status st = ND_OK;

	if (process->token.st == ND_OK && nd_va_is_kernel(process->token.value))
		st = token_problems(l, dump, process->token.value);
	else if (process->token.st == ND_OK && process->token.value != 0)
		add_problem(l, &(struct nd_problem){ .kind = ND_PROBLEM_POINTER,
						     .where = "EPROCESS.Token",
						     .owner = process->eprocess,
						     .a = process->token.value });
	for (uint32_t i = 0; st == ND_OK && i < threads->count; i++) {
		struct nd_impersonation client =
			nd_thread_impersonation(dump, threads->ref[i].ethread);

		if (nd_is_failure(client.st))
			return client.st;
		if (client.st == ND_OK)
			st = token_problems(l, dump, client.token);
	}
	return st;
}

static enum nd_status job_and_session_problems(struct lines *l, const struct nd_dump *dump)
{
	const struct nd_job_list *jobs;
	const struct nd_session_list *sessions;
	enum nd_status st = nd_jobs(dump, &jobs);

	if (st == ND_OK)
		st = nd_sessions(dump, &sessions);
	if (st != ND_OK)
		return st;
	add_problems(l, &jobs->problems);
	add_problems(l, &sessions->problems);
	return ND_OK;
}

/* Driver objects, their devices, and the lists of what they have registered. */
static enum nd_status driver_problems(struct lines *l, const struct nd_dump *dump)
{
	const struct nd_driver_list *drivers;
	enum nd_status st = nd_drivers(dump, &drivers);

	if (st == ND_OK)
		add_problems(l, &drivers->problems);
	for (int kind = 0; st == ND_OK && kind < ND_CALLBACK_KINDS; kind++) {
		struct nd_problems problems = { 0 };
		struct nd_callback_list list = { 0 };

		st = nd_callbacks_read(dump, kind, &problems, &list);
		nd_callback_list_free(&list);
		add_problems(l, &problems);
		nd_problems_free(&problems);
	}
	return st;
}

static enum nd_status port_problems(struct lines *l, const struct nd_dump *dump)
{
	const struct nd_alpc *alpc;
	enum nd_status st = nd_alpc(dump, &alpc);

	if (st == ND_OK)
		add_problems(l, &alpc->problems);
	return st;
}

static enum nd_status process_problems(struct lines *l, const struct nd_dump *dump,
				       const struct nd_process_list *list, uint32_t i)
{
	const struct nd_thread_list *threads;
	const struct nd_module_list *modules;
	const struct nd_handle_table *handles;
	struct nd_process p;
	enum nd_status st = nd_threads(dump, i, &threads);

	if (st == ND_OK)
		st = nd_process_modules(dump, i, &modules);
	if (st == ND_OK)
		st = nd_handle_table(dump, i, &handles);
	if (st != ND_OK)
		return st;
	add_problems(l, &threads->problems);
	add_problems(l, &modules->problems);
	add_problems(l, &handles->problems);
	st = thread_problems(l, dump, threads);
	if (st != ND_OK)
		return st;
	st = nd_process_read(dump, list->ref[i].eprocess, &p);
	if (nd_is_failure(st))
		return st;
	if (st == ND_OK && p.active_threads.st == ND_OK && p.active_threads.value > threads->count)
		add_problem(l, &(struct nd_problem){ .kind = ND_PROBLEM_COUNT,
						     .where = "EPROCESS.ActiveThreads",
						     .owner = p.eprocess,
						     .a = p.active_threads.value,
						     .b = threads->count });
	return st == ND_OK ? all_token_problems(l, dump, &p, threads) : ND_OK;
}

static void layout_problems(struct lines *l, const struct nd_dump *dump)
{
	struct nd_kdbg_check_row row;

	for (uint32_t i = 0; nd_kdbg_mismatch(dump, &dump->layout, i, &row) == ND_OK; i++)
		add_problem(l, &(struct nd_problem){ .kind = ND_PROBLEM_LAYOUT,
						     .where = row.name,
						     .a = row.kdbg,
						     .b = row.layout });
}

enum nd_status render_warnings(struct text *out, const struct node_at *at)
{
	const struct nd_dump *dump = at->dump;
	const struct nd_process_list *processes;
	const struct nd_module_list *modules;
	const struct nd_namespace *names;
	struct lines l;
	enum nd_status st = nd_processes(dump, &processes);

	lines_init(&l, out);
	if (st == ND_OK)
		st = nd_kernel_modules(dump, &modules);
	if (st == ND_OK)
		st = nd_namespace(dump, &names);
	if (st == ND_OK) {
		layout_problems(&l, dump);
		add_problems(&l, &processes->problems);
		add_problems(&l, &modules->problems);
		add_problems(&l, &names->problems);
		for (uint32_t i = 0; st == ND_OK && i < processes->count; i++)
			st = process_problems(&l, dump, processes, i);
		if (st == ND_OK)
			st = cid_problems(&l, dump);
		if (st == ND_OK)
			st = job_and_session_problems(&l, dump);
		if (st == ND_OK)
			st = driver_problems(&l, dump);
		if (st == ND_OK)
			st = port_problems(&l, dump);
	}
	if (st == ND_OK)
		lines_write(&l, out);
	lines_free(&l);
	return st;
}
