/*
 * fs/nodes/idt.c - /idt: each processor's interrupt descriptor table, and /listing/idt. No absolute
 * addresses in /idt, so that two boots of one build differ only where the machines do.
 */
#include <stdio.h>
#include <string.h>

#include "nodes/nodes.h"
#include "nt/cpu.h"
#include "ntdump.h"

/* Handlers belong to the kernel or the HAL. */
static enum nd_status is_foreign(const struct nd_dump *dump, nd_va handler, bool *ret)
{
	const struct nd_module_list *modules;
	const struct nd_module *m;
	enum nd_status st = nd_kernel_modules(dump, &modules);

	if (st != ND_OK)
		return st;
	m = nd_module_of(modules, handler);
	*ret = !m || (strcmp(m->symbol_name, "nt") != 0 && strcmp(m->symbol_name, "hal") != 0);
	return ND_OK;
}

static enum nd_status read_entry(const struct node_at *at, uint32_t cpu_number, unsigned vector,
				 struct nd_idt_entry *ret)
{
	struct nd_cpu cpu;
	enum nd_status st = nd_cpu_read(at->dump, cpu_number, &cpu);

	return st == ND_OK ? nd_idt_read(at->dump, &cpu, vector, ret) : st;
}

static enum nd_status next_vector(const struct node_at *dir, uint64_t *cursor,
				  struct node_entry *ret)
{
	while (*cursor < ND_IDT_ENTRIES) {
		unsigned vector = (unsigned)(*cursor)++;
		struct nd_idt_entry e;
		enum nd_status st = read_entry(dir, dir->key[0], vector, &e);

		if (nd_is_failure(st))
			return st;
		if (st != ND_OK || !e.present)
			continue;
		ret->key = vector;
		snprintf(ret->name, sizeof(ret->name), "0x%02x", vector);
		return ND_OK;
	}
	return ND_ENOENT;
}

static enum nd_status find_vector(const struct node_at *dir, const char *name,
				  struct node_entry *ret)
{
	uint64_t vector, cursor;
	enum nd_status st;

	if (!parse_number(name, &vector) || vector >= ND_IDT_ENTRIES)
		return ND_ENOENT;
	cursor = vector;
	st = next_vector(dir, &cursor, ret);
	return st == ND_OK && ret->key != vector ? ND_ENOENT : st;
}

static void handler_name(struct text *out, const struct nd_dump *dump, nd_va handler)
{
	bool foreign;
	enum nd_status st = is_foreign(dump, handler, &foreign);

	if (st != ND_OK) {
		text_fail(out, st);
		return;
	}
	if (foreign)
		text_str(out, "FOREIGN ");
	text_code(out, dump, UINT32_MAX, nd_u64_of(handler), CODE_SHORT);
}

/* module+0xRVA, always. */
static void handler_rva(struct text *out, const struct nd_dump *dump, nd_va handler)
{
	const struct nd_module_list *modules;
	const struct nd_module *m;

	if (nd_kernel_modules(dump, &modules) != ND_OK) {
		text_fail(out, ND_ENOMEM);
		return;
	}
	m = nd_module_of(modules, handler);
	if (m)
		text_printf(out, "%s+0x%llx", m->symbol_name,
			    (unsigned long long)(handler - m->base));
	else
		text_va(out, nd_u64_of(handler));
}

static enum nd_status render_vector(struct text *out, const struct node_at *at)
{
	struct nd_idt_entry e;
	bool foreign = false;
	enum nd_status st = read_entry(at, at->key[0], at->key[1], &e);

	if (st == ND_OK)
		st = is_foreign(at->dump, e.handler, &foreign);
	if (st != ND_OK)
		return missing_or_fail(out, st, 0);
	text_printf(out, "Vector:\t0x%02x\nHandler:\t", at->key[1]);
	text_code(out, at->dump, UINT32_MAX, nd_u64_of(e.handler), CODE_SHORT);
	text_str(out, "\nRva:\t");
	handler_rva(out, at->dump, e.handler);
	text_fact_str(out, "\nTarget", foreign ? "FOREIGN" : "match");
	text_printf(out, "Selector:\t0x%04x\nType:\t%u\nDpl:\t%u\nIst:\t%u\nInterrupt:\t",
		    e.selector, e.type, e.dpl, e.ist);
	if (e.interrupt.st == ND_OK)
		text_str(out, "yes");
	else
		text_missing(out, e.interrupt.st, e.interrupt.at);
	text_str(out, "\nServiceRoutine:\t");
	text_code(out, at->dump, UINT32_MAX, e.routine, CODE_SHORT);
	text_line(out);
	return ND_OK;
}

static enum nd_status render_table(struct text *out, const struct node_at *at)
{
	struct nd_cpu cpu;
	enum nd_status st = nd_cpu_read(at->dump, at->key[0], &cpu);

	if (st != ND_OK)
		return missing_or_fail(out, st, 0);
	for (unsigned v = 0; v < ND_IDT_ENTRIES && out->failed == ND_OK; v++) {
		struct nd_idt_entry e;

		st = nd_idt_read(at->dump, &cpu, v, &e);
		if (nd_is_failure(st))
			return st;
		if (st == ND_OK && !e.present)
			continue;
		text_printf(out, "0x%02x\t", v);
		if (st != ND_OK) {
			text_missing(out, st, cpu.idt_base.value + v * 16ull);
			text_str(out, "\t-\t-\n");
			continue;
		}
		handler_name(out, at->dump, e.handler);
		text_tab(out);
		handler_rva(out, at->dump, e.handler);
		text_tab(out);
		text_code(out, at->dump, UINT32_MAX, e.routine, CODE_SHORT);
		text_line(out);
	}
	return ND_OK;
}

/* Each processor's traps: "No.00<TAB>Trap->nt!KiDivideErrorFault (hi`lo)". */
enum nd_status render_idt_listing(struct text *out, const struct node_at *at)
{
	struct nd_cpu cpu;
	enum nd_status st;

	for (uint32_t i = 0; (st = nd_cpu_read(at->dump, i, &cpu)) == ND_OK; i++) {
		if (i)
			text_line(out);
		for (unsigned v = 0; v < ND_IDT_ENTRIES && out->failed == ND_OK; v++) {
			struct nd_idt_entry e;

			st = nd_idt_read(at->dump, &cpu, v, &e);
			if (nd_is_failure(st))
				return st;
			if (st != ND_OK || !e.present)
				continue;
			text_printf(out, "No.%02x\tTrap->", v);
			text_code(out, at->dump, UINT32_MAX, nd_u64_of(e.handler), CODE_LISTING);
			text_line(out);
		}
	}
	return nd_is_missing(st) ? missing_or_fail(out, st, 0) : st == ND_ENOENT ? ND_OK : st;
}

// clang-format off
static const struct node_row idt_cpu_rows[] = {
	{ "table",    "table: vector handler module+rva interrupt-routine", .render = render_table },
	{ "<vector>", "facts of one gate that is present",                  .render = render_vector, .next = next_vector, .find = find_vector },
	{ 0 }
};

const struct node_row node_idt_rows[] = {
	{ "<cpu>", "each processor's IDT", .rows = idt_cpu_rows, .next = next_cpu, .find = find_cpu },
	{ 0 }
};
// clang-format on
