/*
 * fs/nodes/coverage.c - /dump/coverage and proc/<pid>/coverage: how much of what is mapped the
 * dump holds.
 */
#include <stdio.h>

#include "nodes/lines.h"
#include "nodes/reports.h"
#include "ntdump.h"
#include "vm/extent.h"
#include "vm/vad.h"

/*
 * How much is looked at: an honest dump maps each of its pages a few times, and what it does not hold
 * is passed over in large pieces. Of what is left then, nothing is known.
 */
#define STEPS_OF_PROCESS(present) (2 * (present) + (1ull << 21))
#define STEPS_OF_ALL(present) (16 * (present) + (1ull << 23))

struct counts {
	uint64_t pages, valid, transition, prototype, demand_zero, paged_out, present, unseen;
};

/* Count the pages of [start, end] in at most *steps looks. */
static enum nd_status count_range(const struct nd_space *space, nd_va start, nd_va end,
				  uint64_t *steps, struct counts *c)
{
	uint64_t pages = (end - start) / ND_PAGE_BYTES + 1, n;

	c->pages += pages;
	for (uint64_t i = 0; i < pages; i += n) {
		nd_va va = start + i * ND_PAGE_BYTES;
		struct nd_page page;
		enum nd_status st;

		if (*steps == 0) {
			c->unseen += pages - i;
			return ND_OK;
		}
		--*steps;
		st = nd_translate(space, va, &page);
		if (nd_is_failure(st))
			return st;
		n = nd_pages_alike(space, va, &page, pages - i);
		c->paged_out += st == ND_PAGED_OUT ? n : 0;
		c->valid += page.state == ND_PAGE_VALID || page.state == ND_PAGE_LARGE;
		c->transition += page.state == ND_PAGE_TRANSITION;
		c->prototype += page.state == ND_PAGE_PROTOTYPE;
		c->demand_zero += page.state == ND_PAGE_DEMAND_ZERO ? n : 0;
		c->present += page.state != ND_PAGE_DEMAND_ZERO && nd_page_present(space, &page);
	}
	return ND_OK;
}

static enum nd_status count_process(const struct nd_dump *dump, nd_va eprocess, uint64_t *all_steps,
				    struct counts *c)
{
	uint64_t most = STEPS_OF_PROCESS(nd_source_counts(dump->src).present_pages);
	uint64_t steps = most < *all_steps ? most : *all_steps;
	struct nd_process p;
	struct nd_vad_list vads;
	struct nd_space space;
	enum nd_status st = nd_process_read(dump, eprocess, &p);

	if (st != ND_OK)
		return st;
	space = nd_process_space(dump, &p);
	st = nd_vad_list_read(dump, eprocess, &vads);
	if (st != ND_OK)
		return st;
	*all_steps -= steps;
	for (size_t i = 0; i < vads.count && st == ND_OK; i++) {
		const struct nd_vad *v = &vads.vad[i];

		st = count_range(&space, v->start, v->end, &steps, c);
	}
	*all_steps += steps;
	nd_vad_list_free(&vads);
	return st;
}

static void write_counts(struct text *out, const char *key, const struct counts *c)
{
	text_key(out, key);
	text_printf(out,
		    "pages %llu valid %llu transition %llu prototype %llu demand-zero %llu "
		    "paged-out %llu present %llu",
		    (unsigned long long)c->pages, (unsigned long long)c->valid,
		    (unsigned long long)c->transition, (unsigned long long)c->prototype,
		    (unsigned long long)c->demand_zero, (unsigned long long)c->paged_out,
		    (unsigned long long)c->present);
	if (c->unseen)
		text_printf(out, " not-looked-at %llu", (unsigned long long)c->unseen);
	text_char(out, '\n');
}

static void add(struct counts *sum, const struct counts *c)
{
	sum->pages += c->pages;
	sum->valid += c->valid;
	sum->transition += c->transition;
	sum->prototype += c->prototype;
	sum->demand_zero += c->demand_zero;
	sum->paged_out += c->paged_out;
	sum->present += c->present;
	sum->unseen += c->unseen;
}

/* One "pid image" line a process in pid order, then their sum. */
enum nd_status render_coverage(struct text *out, const struct node_at *at)
{
	const struct nd_dump *dump = at->dump;
	const struct nd_process_list *list;
	struct nd_source_counts file = nd_source_counts(dump->src);
	struct counts sum = { 0 };
	uint64_t steps = STEPS_OF_ALL(file.present_pages);
	enum nd_status st = nd_processes(dump, &list);

	if (st != ND_OK)
		return st;
	text_fact_dec(out, "PagesPresent", nd_u64_of(file.present_pages));
	text_fact_dec(out, "PagesCut", nd_u64_of(file.cut_pages));
	for (uint32_t i = 0; i < list->count && out->failed == ND_OK; i++) {
		const struct nd_process_ref *ref = &list->ref[list->by_pid[i]];
		struct counts c = { 0 };
		char key[32];

		st = count_process(dump, ref->eprocess, &steps, &c);
		if (nd_is_failure(st))
			return st;
		if (st != ND_OK || ref->pid_st != ND_OK)
			continue;
		snprintf(key, sizeof(key), "Process %llu", (unsigned long long)ref->pid);
		write_counts(out, key, &c);
		add(&sum, &c);
	}
	write_counts(out, "Processes", &sum);
	return ND_OK;
}

enum nd_status render_process_coverage(struct text *out, const struct node_at *at)
{
	const struct nd_module_list *modules;
	struct nd_process p;
	struct nd_space space;
	struct lines l;
	uint64_t steps = STEPS_OF_PROCESS(nd_source_counts(at->dump->src).present_pages);
	enum nd_status st = at_process(at, &p);

	if (st != ND_OK)
		return nd_is_missing(st) ? ND_OK : st;
	lines_init(&l, out);
	space = nd_process_space(at->dump, &p);
	st = nd_process_modules(at->dump, at->key[0], &modules);
	for (uint32_t i = 0; st == ND_OK && i < modules->count; i++) {
		const struct nd_module *m = &modules->module[modules->by_base[i]];
		struct counts c = { 0 };
		unsigned long long in_memory;

		if (m->size.st != ND_OK || m->size.value == 0 || m->size.value > UINT32_MAX)
			continue;
		st = count_range(&space, m->base & ~0xfffull, m->base + m->size.value - 1, &steps,
				 &c);
		lines_begin(&l);
		text_ustr(&l.text, &m->name);
		in_memory = c.valid + c.transition + c.prototype;
		text_printf(&l.text, "\t%llu", (unsigned long long)c.pages);
		if (c.unseen) /* of a size that no module has */
			text_str(&l.text, "\t<invalid>\t<invalid>\n");
		else
			text_printf(&l.text, "\t%llu\t%llu\n", in_memory,
				    (unsigned long long)c.present);
	}
	if (st == ND_OK)
		lines_write(&l, out);
	lines_free(&l);
	return st;
}
