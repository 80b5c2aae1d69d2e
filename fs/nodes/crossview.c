/*
 * fs/nodes/crossview.c - /proc/crossview: every process, and which of the independent sources
 * know it.
 */
#include <stdlib.h>

#include "nodes/nodes.h"
#include "nt/crossview.h"
#include "nt/pool_scan.h"
#include "ntdump.h"

void text_source_fact(struct text *out, const struct nd_process_ref *ref)
{
	static const char *const name[ND_PROCESS_SOURCES] = { "links",	 "cid",	    "session",
							      "handles", "threads", "pool" };
	const char *comma = "";

	text_key(out, "Source");
	for (unsigned i = 0; i < ND_PROCESS_SOURCES; i++)
		if (ref->sources & 1u << i) {
			text_printf(out, "%s%s", comma, name[i]);
			comma = ",";
		}
	text_line(out);
}

/* One row: a process of the list, or one that only the pool scan has. */
struct row {
	nd_va eprocess;
	uint64_t pid;
	enum nd_status pid_st;
	uint8_t sources;
};

static int compare_rows(const void *a, const void *b)
{
	const struct row *x = a, *y = b;

	if ((x->pid_st == ND_OK) != (y->pid_st == ND_OK))
		return x->pid_st == ND_OK ? -1 : 1;
	if (x->pid_st == ND_OK && x->pid != y->pid)
		return x->pid < y->pid ? -1 : 1;
	return x->eprocess < y->eprocess ? -1 : x->eprocess > y->eprocess;
}

/* The pool header lies before the object's headers: without that memory the pool cannot tell. */
static bool pool_can_tell(const struct nd_dump *dump, nd_va eprocess)
{
	uint8_t headers[0x90];

	return nd_read(&dump->kernel, eprocess - sizeof(headers), headers, sizeof(headers)) ==
	       ND_OK;
}

static void source_field(struct text *out, const struct nd_dump *dump, const struct row *row,
			 const struct nd_process *p, uint8_t whole, enum nd_process_source source)
{
	text_tab(out);
	if (row->sources & source)
		text_char(out, '1');
	else if (!(whole & source) || !p || !nd_source_holds(p, source))
		text_char(out, '-');
	else if (source == ND_FROM_POOL && !pool_can_tell(dump, row->eprocess))
		text_char(out, '-');
	else
		text_char(out, '0');
}

static enum nd_status write_row(struct text *out, const struct nd_dump *dump, const struct row *row,
				uint8_t whole)
{
	struct nd_process p;
	enum nd_status st = nd_process_read(dump, row->eprocess, &p);

	if (nd_is_failure(st))
		return st;
	text_dec(out, (struct nd_u64){ row->pid, row->pid_st, row->eprocess });
	text_tab(out);
	text_va(out, nd_u64_of(row->eprocess));
	text_tab(out);
	if (st == ND_OK)
		text_image_name(out, &p);
	else
		text_missing(out, st, row->eprocess);
	for (unsigned i = 0; i < ND_PROCESS_SOURCES; i++)
		source_field(out, dump, row, st == ND_OK ? &p : NULL, whole,
			     (enum nd_process_source)(1u << i));
	text_line(out);
	return ND_OK;
}

/* The list's processes, then those that only the pool has and that are alive. */
static uint32_t fill_rows(const struct nd_dump *dump, const struct nd_process_list *list,
			  const struct nd_pool_scan *pool, struct row *row)
{
	uint32_t count = 0;

	for (uint32_t i = 0; i < list->count; i++) {
		const struct nd_process_ref *ref = &list->ref[i];
		uint8_t in_pool = nd_pool_scan_has(pool, ref->eprocess) ? ND_FROM_POOL : 0;

		row[count++] = (struct row){ ref->eprocess, ref->pid, ref->pid_st,
					     (uint8_t)(ref->sources | in_pool) };
	}
	for (uint32_t i = 0; i < pool->count; i++) {
		nd_va eprocess = pool->eprocess[i];
		struct nd_u64 pid;

		if (nd_process_index(list, eprocess) != UINT32_MAX ||
		    !nd_pool_process_is_live(dump, eprocess))
			continue;
		pid = nd_member_read(&dump->kernel, eprocess, ND_M_EPROCESS_UniqueProcessId);
		row[count++] = (struct row){ eprocess, pid.value, pid.st, ND_FROM_POOL };
	}
	return count;
}

/* A pool in which not even one known process is tagged says nothing about the others. */
static bool pool_is_usable(const struct nd_process_list *list, const struct nd_pool_scan *pool)
{
	for (uint32_t i = 0; pool->whole && i < list->count; i++)
		if (nd_pool_scan_has(pool, list->ref[i].eprocess))
			return true;
	return false;
}

enum nd_status render_crossview(struct text *out, const struct node_at *at)
{
	const struct nd_process_list *list;
	const struct nd_pool_scan *pool;
	struct row *row;
	uint32_t count;
	uint8_t whole;
	enum nd_status st = nd_processes(at->dump, &list);

	if (st == ND_OK)
		st = nd_pool_scan(at->dump, &pool);
	if (st != ND_OK)
		return st;
	row = calloc((size_t)list->count + pool->count + 1, sizeof(*row));
	if (!row)
		return ND_ENOMEM;
	count = fill_rows(at->dump, list, pool, row);
	if (count > 1)
		qsort(row, count, sizeof(*row), compare_rows);
	whole = list->whole;
	if (pool_is_usable(list, pool))
		whole |= ND_FROM_POOL;
	for (uint32_t i = 0; st == ND_OK && i < count && out->failed == ND_OK; i++)
		st = write_row(out, at->dump, &row[i], whole);
	free(row);
	return st;
}
