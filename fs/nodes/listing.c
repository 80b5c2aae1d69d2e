/*
 * fs/nodes/listing.c - /listing: whole listings in WinDbg's spelling of addresses.
 */
#include <string.h>

#include "nodes/nodes.h"
#include "ntdump.h"

/* Start and Rip: the symbol with its address, the address alone, or the reason. */
static void listing_thread(struct text *out, const struct nd_dump *dump, uint32_t process,
			   uint32_t number, nd_va ethread)
{
	struct nd_thread t;
	enum nd_status st = nd_thread_read(dump, ethread, &t);

	text_printf(out, "No.%03u\tThread->0x%016llx\tTrapFrame->", number,
		    (unsigned long long)ethread);
	if (st != ND_OK) {
		text_missing(out, st, ethread);
		text_str(out, "\n\t\tStart->");
		text_missing(out, st, ethread);
		text_str(out, "\tRip->");
		text_missing(out, st, ethread);
		text_line(out);
		return;
	}
	text_va(out, t.trap_frame);
	text_str(out, "\n\t\tStart->");
	text_code(out, dump, process, nd_thread_start(&t), CODE_LISTING);
	text_str(out, "\tRip->");
	thread_rip(out, dump, process, &t, CODE_LISTING);
	text_line(out);
}

enum nd_status listing_process(struct text *out, const struct nd_dump *dump, uint32_t process)
{
	const struct nd_process_list *list;
	const struct nd_thread_list *threads;
	struct nd_process p = { 0 };
	enum nd_status st = nd_processes(dump, &list);

	if (st == ND_OK)
		st = nd_threads(dump, process, &threads);
	if (st != ND_OK)
		return st;
	text_printf(out, "0x%016llx\tActiveThread->",
		    (unsigned long long)list->ref[process].eprocess);
	st = nd_process_read(dump, list->ref[process].eprocess, &p);
	if (nd_is_failure(st))
		return st;
	if (st != ND_OK) {
		text_missing(out, st, list->ref[process].eprocess);
		text_tab(out);
		text_missing(out, st, list->ref[process].eprocess);
	} else {
		if (p.active_threads.st == ND_OK)
			text_printf(out, "%03llu", (unsigned long long)p.active_threads.value);
		else
			text_missing(out, p.active_threads.st, p.active_threads.at);
		text_tab(out);
		text_image_name(out, &p);
	}
	text_line(out);
	for (uint32_t i = 0; i < threads->count && out->failed == ND_OK; i++)
		listing_thread(out, dump, process, i + 1, threads->ref[i].ethread);
	return ND_OK;
}

enum nd_status render_process_listing(struct text *out, const struct node_at *at)
{
	return listing_process(out, at->dump, at->key[0]);
}

static enum nd_status render_processes(struct text *out, const struct node_at *at)
{
	const struct nd_process_list *list;
	enum nd_status st = nd_processes(at->dump, &list);

	for (uint32_t i = 0; st == ND_OK && i < list->count && out->failed == ND_OK; i++) {
		if (i)
			text_line(out);
		st = listing_process(out, at->dump, i);
	}
	return st;
}

// clang-format off
const struct node_row node_listing_rows[] = {
	{ "processes", "every process with its threads, in list order", .render = render_processes, .flags = NODE_COSTLY },
	{ "syscalls",  "which system call every thread is in, in list order", .render = render_syscall_listing, .flags = NODE_COSTLY },
	{ "ssdt",      "every system service with its address",         .render = render_ssdt_listing, .flags = NODE_COSTLY },
	{ "win32k",    "every win32k service with its address",         .render = render_win32k_listing, .flags = NODE_COSTLY },
	{ "idt",       "each processor's interrupt handlers",           .render = render_idt_listing },
	{ "pcr",       "each processor with its KPCR, KPRCB and process", .render = render_pcr_listing },
	{ 0 }
};
// clang-format on
