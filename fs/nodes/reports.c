/*
 * fs/nodes/reports.c - /dump/missing and /dump/warnings: what the dump lacks, what it contradicts.
 */
#include <stdlib.h>
#include <string.h>

#include "nodes/reports.h"
#include "nt/kdbg.h"
#include "nt/trap_frame.h"
#include "ntdump.h"

/* Lines of text collected out of order, then sorted: offsets into one buffer. */
struct lines {
	struct text text;
	size_t *start;
	size_t count, cap;
};

static void lines_begin(struct lines *l)
{
	if (l->count == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 256;
		size_t *grown = realloc(l->start, cap * sizeof(*grown));

		if (!grown) {
			text_fail(&l->text, ND_ENOMEM);
			return;
		}
		l->start = grown;
		l->cap = cap;
	}
	l->start[l->count++] = l->text.len;
}

static int compare_lines(const void *a, const void *b, void *text)
{
	const char *p = (const char *)text + *(const size_t *)a;
	const char *q = (const char *)text + *(const size_t *)b;
	size_t n = strcspn(p, "\n"), m = strcspn(q, "\n");
	int order = memcmp(p, q, n < m ? n : m);

	return order ? order : n < m ? -1 : n > m;
}

/* Sorted, equal lines once. */
static void lines_write(struct lines *l, struct text *out)
{
	const char *last = NULL;
	size_t last_len = 0;

	text_char(&l->text, '\0'); /* strcspn stops at the end */
	if (l->text.failed != ND_OK) {
		text_fail(out, l->text.failed);
		return;
	}
	if (l->count > 1)
		qsort_r(l->start, l->count, sizeof(*l->start), compare_lines, l->text.p);
	for (size_t i = 0; i < l->count; i++) {
		const char *p = l->text.p + l->start[i];
		size_t len = strcspn(p, "\n") + 1;

		if (last && last_len == len && memcmp(last, p, len) == 0)
			continue;
		text_bytes(out, p, len);
		last = p;
		last_len = len;
	}
}

static void lines_free(struct lines *l)
{
	text_deinit(&l->text);
	free(l->start);
}

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
	struct lines l = { 0 };
	enum nd_status st;

	text_init(&l.text);
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

static enum nd_status thread_problems(struct lines *l, const struct nd_dump *dump,
				      const struct nd_thread_list *threads)
{
	for (uint32_t i = 0; i < threads->count; i++) {
		struct nd_thread t;
		struct nd_trap_frame frame;
		enum nd_status st = nd_thread_read(dump, threads->ref[i].ethread, &t);

		if (st == ND_OK)
			st = nd_trap_frame_read(dump, &t, &frame);
		if (nd_is_failure(st))
			return st;
		if (st == ND_INVALID)
			add_problem(l, &(struct nd_problem){ .kind = ND_PROBLEM_TRAP_FRAME,
							     .where = "KTHREAD.TrapFrame",
							     .owner = t.ethread,
							     .a = t.trap_frame.value });
	}
	return ND_OK;
}

static enum nd_status process_problems(struct lines *l, const struct nd_dump *dump,
				       const struct nd_process_list *list, uint32_t i)
{
	const struct nd_thread_list *threads;
	const struct nd_module_list *modules;
	struct nd_process p;
	enum nd_status st = nd_threads(dump, i, &threads);

	if (st == ND_OK)
		st = nd_process_modules(dump, i, &modules);
	if (st != ND_OK)
		return st;
	add_problems(l, &threads->problems);
	add_problems(l, &modules->problems);
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
	return ND_OK;
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
	struct lines l = { 0 };
	enum nd_status st = nd_processes(dump, &processes);

	text_init(&l.text);
	if (st == ND_OK)
		st = nd_kernel_modules(dump, &modules);
	if (st == ND_OK) {
		layout_problems(&l, dump);
		add_problems(&l, &processes->problems);
		add_problems(&l, &modules->problems);
		for (uint32_t i = 0; st == ND_OK && i < processes->count; i++)
			st = process_problems(&l, dump, processes, i);
	}
	if (st == ND_OK)
		lines_write(&l, out);
	lines_free(&l);
	return st;
}
