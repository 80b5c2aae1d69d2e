/*
 * fs/nodes/syscalls.c - which system call a thread is in: threads/<tid>/syscall, the columns of
 * the thread tables, and the listings.
 */
#include <string.h>

#include "nodes/nodes.h"
#include "nodes/objects.h"
#include "nt/handle.h"
#include "nt/service_table.h"
#include "nt/system_call.h"
#include "ntdump.h"

void thread_system_call(struct text *out, const struct nd_dump *dump, const struct nd_thread *t)
{
	struct nd_system_call call;
	enum nd_status st = nd_system_call_read(dump, t, &call);

	if (st != ND_OK) {
		text_fail(out, st);
		return;
	}
	text_dec(out, call.number);
	text_tab(out);
	text_service(out, dump, call.number);
	text_tab(out);
	text_hex(out, call.first_argument);
}

/* --- threads/<tid>/syscall -------------------------------------------------------------------- */

/* What the InCall fact says. */
static const char *verdict_text(enum nd_call_verdict verdict)
{
	switch (verdict) {
	case ND_CALL_PROVEN:
		return "yes (the stub before Rip loads this number)";
	case ND_CALL_UNPROVEN:
		return "yes (the code before Rip cannot be read)";
	case ND_CALL_NO_STUB:
		return "yes (by a system call instruction outside of any known stub)";
	case ND_CALL_NO_FRAME:
		return "no (no trap frame)";
	case ND_CALL_NOT_STARTED:
		return "no (not started)";
	case ND_CALL_ENDED:
		return "no (ended)";
	case ND_CALL_SYSTEM_THREAD:
		return "no (system thread)";
	case ND_CALL_FROM_KERNEL:
		return "no (a call of the kernel's own code)";
	case ND_CALL_INTERRUPTED:
		return "no (interrupted in user mode)";
	case ND_CALL_EXCEPTION:
		return "no (exception in user mode)";
	case ND_CALL_RETURNED:
		return "no (runs in user mode)";
	case ND_CALL_RUNS:
		return "unknown (runs, its registers were not saved)";
	case ND_CALL_NOT_BEHIND:
		return "no (Rip is not behind a system call instruction)";
	case ND_CALL_OTHER_NUMBER:
		return "yes, but the number that the thread keeps is another call's";
	case ND_CALL_UNKNOWN:
		break;
	}
	return "unknown (what decides cannot be read)";
}

static void stack_argument_facts(struct text *out, const struct nd_dump *dump,
				 const struct nd_thread *t, const struct nd_system_call *call,
				 struct nd_u64 count)
{
	struct nd_u64 argument[ND_STACK_ARGUMENTS_MAX];
	uint32_t n = count.value < ND_STACK_ARGUMENTS_MAX ? (uint32_t)count.value
							  : ND_STACK_ARGUMENTS_MAX;

	if (count.st != ND_OK)
		return;
	nd_system_call_stack_arguments(dump, t, call, n, argument);
	for (uint32_t i = 0; i < n; i++) {
		text_printf(out, "Argument%u:\t", i + 5);
		text_hex(out, argument[i]);
		text_line(out);
	}
}

/* -1, -2, ...: what the kernel takes for a handle without a table. */
static const char *pseudo_handle(uint64_t value)
{
	switch ((int64_t)value) {
	case -1:
		return "current process";
	case -2:
		return "current thread";
	case -4:
		return "current process's token";
	case -5:
		return "current thread's token";
	case -6:
		return "current effective token";
	default:
		return NULL;
	}
}

static void object_text(struct text *out, const struct nd_dump *dump, const struct nd_handle *h)
{
	struct nd_object object;
	enum nd_status st = nd_object_read(dump, h->object, &object);

	if (st != ND_OK) {
		text_missing(out, st, h->object);
		return;
	}
	text_object_type(out, &object);
	text_char(out, ' ');
	text_object_name(out, dump, &object);
	text_printf(out, " -> ../../handles/%04x", h->value);
}

/* Why a part of a table cannot be read. */
static enum nd_status lost_part(const struct nd_handle_table *table)
{
	for (size_t i = 0; i < table->problems.count; i++)
		if (nd_is_missing(table->problems.item[i].st))
			return table->problems.item[i].st;
	return ND_INVALID;
}

/* What the handle in the first argument stands for. */
static enum nd_status object_fact(struct text *out, const struct node_at *at, uint64_t argument)
{
	const struct nd_handle_table *table;
	const char *pseudo = pseudo_handle(argument);
	struct nd_handle handle;
	enum nd_status st;

	text_key(out, "Object");
	if (pseudo || argument > UINT32_MAX) {
		text_str(out, pseudo ? pseudo : "-");
		text_line(out);
		return ND_OK;
	}
	st = nd_handle_table(at->dump, at->key[0], &table);
	if (st == ND_OK)
		st = table->st;
	if (st == ND_OK)
		st = nd_handle_find(at->dump, table, (uint32_t)argument, &handle);
	if (st == ND_OK)
		object_text(out, at->dump, &handle);
	else if (st == ND_ENOENT && !table->whole) /* perhaps in the part that is not there */
		text_missing(out, lost_part(table), table->at);
	else if (st == ND_ENOENT) /* closed since, or never one */
		text_char(out, '-');
	else if (nd_is_failure(st))
		return st;
	else
		text_missing(out, st, table->st_at);
	text_line(out);
	return ND_OK;
}

enum nd_status render_syscall(struct text *out, const struct node_at *at)
{
	const struct nd_service *service = NULL;
	struct nd_system_call call;
	struct nd_u64 count;
	struct nd_thread t;
	enum nd_status st = at_thread(at, &t);

	if (st == ND_OK)
		st = nd_system_call_read(at->dump, &t, &call);
	if (st != ND_OK)
		return missing_or_fail(out, st, 0);
	count = call.number;
	if (call.number.st == ND_OK)
		service = nd_service_of(at->dump, call.number.value);
	if (call.number.st == ND_OK)
		count = service ? service->stack_args : nd_u64_missing(ND_NO_SYMBOLS, 0);
	text_fact_dec(out, "Number", call.number);
	text_key(out, "Service");
	text_service(out, at->dump, call.number);
	text_line(out);
	text_fact_dec(out, "StackArgs", count);
	text_fact_hex(out, "FirstArgument", call.first_argument);
	if (service && call.first_argument.st == ND_OK && nd_service_takes_handle(service->name))
		st = object_fact(out, at, call.first_argument.value);
	if (st != ND_OK)
		return st;
	stack_argument_facts(out, at->dump, &t, &call, count);
	text_fact_str(out, "InCall", verdict_text(call.verdict));
	if (call.verdict == ND_CALL_OTHER_NUMBER)
		text_fact_dec(out, "StubNumber", call.stub_number);
	return ND_OK;
}

/* --- /listing/syscalls ------------------------------------------------------------------------ */

static void listing_call(struct text *out, const struct nd_dump *dump,
			 const struct nd_system_call *call)
{
	const struct nd_service *service = nd_service_of(dump, call->number.value);

	text_str(out, "\t\tArg(");
	text_sdec(out, call->first_argument, 8);
	text_printf(out, ")\n\t\tSystem Call Number: %4llu ===>\t",
		    (unsigned long long)call->number.value);
	text_service(out, dump, call->number);
	if (service) {
		text_str(out, " (");
		if (service->target.st == ND_OK)
			text_windbg_va(out, service->target.value);
		else
			text_missing(out, service->target.st, service->target.at);
		text_char(out, ')');
	}
	text_line(out);
}

static void listing_thread(struct text *out, const struct nd_dump *dump, uint32_t number,
			   nd_va ethread)
{
	struct nd_system_call call;
	struct nd_thread t = { 0 };
	enum nd_status st = nd_thread_read(dump, ethread, &t);

	if (nd_is_missing(st))
		t.wait_reason = t.state = t.trap_frame = nd_u64_missing(st, ethread);
	text_printf(out, "\t%2u: Thread: 0x%016llx\n\t\tWait Reason: ", number,
		    (unsigned long long)ethread);
	text_dec(out, t.wait_reason);
	text_str(out, "\n\t\tState: ");
	text_dec(out, t.state);
	text_str(out, "\n\t\tTrapframe: ");
	if (t.trap_frame.st == ND_OK)
		text_printf(out, "%llx", (unsigned long long)t.trap_frame.value);
	else
		text_missing(out, t.trap_frame.st, t.trap_frame.at);
	text_line(out);
	if (st == ND_OK)
		st = nd_system_call_read(dump, &t, &call);
	if (nd_is_failure(st))
		text_fail(out, st);
	else if (st == ND_OK && nd_call_is_inside(call.verdict))
		listing_call(out, dump, &call);
}

static enum nd_status listing_syscalls(struct text *out, const struct nd_dump *dump,
				       uint32_t process)
{
	const struct nd_process_list *list;
	const struct nd_thread_list *threads;
	struct nd_process p = { 0 };
	enum nd_status st = nd_processes(dump, &list);
	nd_va eprocess;

	if (st == ND_OK)
		st = nd_threads(dump, process, &threads);
	if (st != ND_OK)
		return st;
	eprocess = list->ref[process].eprocess;
	st = nd_process_read(dump, eprocess, &p);
	if (nd_is_failure(st))
		return st;
	if (st != ND_OK) {
		p.image_name_st = st;
		p.active_threads = nd_u64_missing(st, eprocess);
		p.eprocess = eprocess;
	}
	text_image_name(out, &p);
	text_printf(out, "(0x%016llx) has ", (unsigned long long)eprocess);
	text_dec(out, p.active_threads);
	text_str(out, " active threads\n");
	for (uint32_t i = 0; i < threads->count && out->failed == ND_OK; i++)
		listing_thread(out, dump, i + 1, threads->ref[i].ethread);
	return ND_OK;
}

enum nd_status render_process_syscalls(struct text *out, const struct node_at *at)
{
	return listing_syscalls(out, at->dump, at->key[0]);
}

enum nd_status render_syscall_listing(struct text *out, const struct node_at *at)
{
	const struct nd_process_list *list;
	enum nd_status st = nd_processes(at->dump, &list);

	for (uint32_t i = 0; st == ND_OK && i < list->count && out->failed == ND_OK; i++) {
		if (i)
			text_line(out);
		st = listing_syscalls(out, at->dump, i);
	}
	return st;
}
