/*
 * fs/nodes/cpu.c - /cpu: processors, and /listing/pcr.
 */
#include <stdio.h>
#include <string.h>

#include "nodes/nodes.h"
#include "nt/bugcheck.h"
#include "nt/cpu.h"
#include "nt/gdt.h"
#include "ntdump.h"

enum nd_status next_cpu(const struct node_at *dir, uint64_t *cursor, struct node_entry *ret)
{
	struct nd_cpu cpu;
	enum nd_status st = nd_cpu_read(dir->dump, (uint32_t)*cursor, &cpu);

	if (st != ND_OK)
		return nd_is_failure(st) ? st : ND_ENOENT;
	ret->key = (uint32_t)(*cursor)++;
	snprintf(ret->name, sizeof(ret->name), "%u", ret->key);
	return ND_OK;
}

enum nd_status find_cpu(const struct node_at *dir, const char *name, struct node_entry *ret)
{
	uint64_t number, cursor;

	if (!parse_number(name, &number) || number >= ND_CPUS_MAX)
		return ND_ENOENT;
	cursor = number;
	return next_cpu(dir, &cursor, ret);
}

static void about_cpu(const struct node_at *at, struct node_about *ret)
{
	struct nd_cpu cpu;

	if (nd_cpu_read(at->dump, at->key[0], &cpu) != ND_OK)
		return;
	ret->address = cpu.prcb.value;
	ret->type = "KPRCB";
	ret->source = layout_source_name(at->dump);
}

static enum nd_status render_registers(struct text *out, const struct node_at *at)
{
	struct nd_cpu_register special[ND_SPECIAL_REGISTERS];
	uint8_t context[ND_CONTEXT_BYTES];
	struct nd_cpu cpu;
	uint32_t count;
	enum nd_status st = nd_cpu_read(at->dump, at->key[0], &cpu);

	if (st != ND_OK)
		return missing_or_fail(out, st, 0);
	st = nd_cpu_context(at->dump, &cpu, context);
	if (nd_is_failure(st))
		return st;
	for (const struct nd_context_register *r = nd_context_registers; r->name; r++) {
		const uint8_t *p = context + r->offset;

		text_key(out, r->name);
		if (st != ND_OK)
			text_missing(out, st, cpu.prcb.value);
		else
			text_hex_pad(out,
				     nd_u64_of(r->bytes == 8   ? nd_le64(p)
					       : r->bytes == 4 ? nd_le32(p)
							       : nd_le16(p)),
				     2 * r->bytes);
		text_line(out);
	}
	count = nd_cpu_special_registers(at->dump, &cpu, special);
	for (uint32_t i = 0; i < count; i++) {
		text_key(out, special[i].name);
		text_hex_pad(out, special[i].value, 2 * (int)special[i].bytes);
		text_line(out);
	}
	return ND_OK;
}

static enum nd_status render_pcr(struct text *out, const struct node_at *at)
{
	struct nd_cpu cpu;
	enum nd_status st = nd_cpu_read(at->dump, at->key[0], &cpu);

	if (st != ND_OK)
		return missing_or_fail(out, st, 0);
	text_fact_va(out, "Pcr", cpu.pcr);
	text_fact_va(out, "Prcb", cpu.prcb);
	text_fact_va(out, "CurrentThread", cpu.current_thread);
	text_fact_va(out, "NextThread", cpu.next_thread);
	text_fact_va(out, "IdleThread", cpu.idle_thread);
	text_fact_va(out, "IdtBase", cpu.idt_base);
	text_fact_va(out, "GdtBase", cpu.gdt_base);
	text_fact_va(out, "TssBase", cpu.tss_base);
	text_fact_va(out, "UserRsp", cpu.user_rsp);
	text_fact_dec(out, "Irql", cpu.irql);
	text_key(out, "Vendor");
	if (cpu.vendor_st == ND_OK)
		text_utf8(out, cpu.vendor, strlen(cpu.vendor));
	else
		text_missing(out, cpu.vendor_st, cpu.prcb.value);
	text_line(out);
	text_fact_dec(out, "MHz", cpu.mhz);
	text_fact_dec(out, "Family", cpu.cpu_type);
	text_fact_hex(out, "ModelStepping", cpu.cpu_step);
	text_fact_dec(out, "Group", cpu.group);
	text_fact_dec(out, "GroupIndex", cpu.group_index);
	text_fact_va(out, "UpdateSignature", cpu.update_signature);
	return ND_OK;
}

static void yes_no(struct text *out, const char *key, struct nd_u64 v, unsigned bit)
{
	text_key(out, key);
	if (v.st != ND_OK)
		text_missing(out, v.st, v.at);
	else
		text_str(out, v.value >> bit & 1 ? "yes" : "no");
	text_line(out);
}

static struct nd_u64 special_value(const struct nd_cpu_register *special, uint32_t count,
				   const char *name)
{
	for (uint32_t i = 0; i < count; i++)
		if (strcmp(special[i].name, name) == 0)
			return special[i].value;
	return nd_u64_missing(ND_NOT_IN_BUILD, 0);
}

/* By where the processor enters the kernel; by the kernel's variable where that is neither way. */
static struct nd_u64 kva_shadow(const struct nd_dump *dump, struct nd_u64 lstar)
{
	nd_va with = dump->symbol[ND_SYM_KiSystemCall64Shadow];
	nd_va without = dump->symbol[ND_SYM_KiSystemCall64];
	nd_va variable = dump->symbol[ND_SYM_KiKvaShadow];

	if (lstar.st == ND_OK && with != 0 && lstar.value == with)
		return nd_u64_of(1);
	if (lstar.st == ND_OK && without != 0 && lstar.value == without)
		return nd_u64_of(0);
	return variable ? nd_read_num(&dump->kernel, variable, 1)
			: nd_u64_missing(ND_NO_SYMBOLS, 0);
}

static enum nd_status render_mitigations(struct text *out, const struct node_at *at)
{
	const struct nd_dump *dump = at->dump;
	struct nd_cpu_register special[ND_SPECIAL_REGISTERS];
	struct nd_cpu cpu;
	struct nd_u64 cr4;
	uint32_t count;
	enum nd_status st = nd_cpu_read(dump, at->key[0], &cpu);

	if (st != ND_OK)
		return missing_or_fail(out, st, 0);
	count = nd_cpu_special_registers(dump, &cpu, special);
	yes_no(out, "KvaShadow", kva_shadow(dump, special_value(special, count, "MsrLStar")), 0);
	text_fact_va(out, "KernelDirectoryTableBase", cpu.kernel_dtb);
	text_fact_hex(out, "ShadowFlags", cpu.shadow_flags);
	cr4 = special_value(special, count, "Cr4");
	yes_no(out, "La57", cr4, 12); /* CR4 bits, as the processor manuals number them */
	yes_no(out, "Pcid", cr4, 17);
	yes_no(out, "Smep", cr4, 20);
	yes_no(out, "Smap", cr4, 21);
	yes_no(out, "Cet", cr4, 23);
	yes_no(out, "BpbEnabled",
	       nd_member_read(&dump->kernel, cpu.prcb.value, ND_M_KPRCB_BpbEnabled), 0);
	yes_no(out, "BpbSmep", nd_member_read(&dump->kernel, cpu.prcb.value, ND_M_KPRCB_BpbSmep),
	       0);
	yes_no(out, "BpbRetpolineEnabled",
	       nd_member_read(&dump->kernel, cpu.prcb.value, ND_M_KPRCB_BpbRetpolineEnabled), 0);
	text_fact_hex(out, "BpbState",
		      nd_member_read(&dump->kernel, cpu.prcb.value, ND_M_KPRCB_BpbState));
	text_fact_hex(out, "BpbKernelSpecCtrl",
		      nd_member_read(&dump->kernel, cpu.prcb.value, ND_M_KPRCB_BpbKernelSpecCtrl));
	text_fact_hex(out, "BpbUserSpecCtrl",
		      nd_member_read(&dump->kernel, cpu.prcb.value, ND_M_KPRCB_BpbUserSpecCtrl));
	return ND_OK;
}

/* --- segments --------------------------------------------------------------------------------- */

/* code-re-ac, data-rw, tss64-busy, ...: as debuggers call them. */
static void segment_type(struct text *out, const struct nd_gdt_entry *e)
{
	static const char *const system[16] = {
		[2] = "ldt",
		[9] = "tss64",
		[11] = "tss64-busy",
		[12] = "call-gate64",
		[14] = "interrupt-gate64",
		[15] = "trap-gate64",
	};

	if (e->system && system[e->type])
		text_str(out, system[e->type]);
	else if (e->system)
		text_printf(out, "system-%u", e->type);
	else if (e->type & 8)
		text_printf(out, "code-%s%s%s", e->type & 2 ? "re" : "eo",
			    e->type & 4 ? "-conforming" : "", e->type & 1 ? "-ac" : "");
	else
		text_printf(out, "data-%s%s%s", e->type & 2 ? "rw" : "ro",
			    e->type & 4 ? "-down" : "", e->type & 1 ? "-ac" : "");
}

static enum nd_status render_gdt(struct text *out, const struct node_at *at)
{
	struct nd_cpu cpu;
	struct nd_gdt gdt;
	enum nd_status st = nd_cpu_read(at->dump, at->key[0], &cpu);

	if (st == ND_OK)
		st = nd_gdt_read(at->dump, &cpu, &gdt);
	if (st != ND_OK)
		return missing_or_fail(out, st, 0);
	for (uint32_t i = 0; i < gdt.count; i++) {
		const struct nd_gdt_entry *e = &gdt.entry[i];

		text_printf(out, "0x%04x\t0x%016llx\t0x%llx\t", e->selector,
			    (unsigned long long)e->base, (unsigned long long)e->limit);
		segment_type(out, e);
		text_printf(out, "\t%u\t%s\t%s\n", e->dpl, e->present ? "yes" : "no",
			    e->long_mode ? "yes" : "no");
	}
	if (gdt.st != ND_OK && gdt.count == 0)
		st = missing_or_fail(out, gdt.st, gdt.st_at);
	nd_gdt_free(&gdt);
	return st;
}

static void stack_fact(struct text *out, const char *name, unsigned i, struct nd_u64 v)
{
	char key[16];

	if (v.st == ND_OK && v.value == 0)
		v.st = ND_NONE;
	snprintf(key, sizeof(key), "%s%u", name, i);
	text_fact_va(out, key, v);
}

static enum nd_status render_tss(struct text *out, const struct node_at *at)
{
	struct nd_cpu cpu;
	struct nd_tss tss;
	enum nd_status st = nd_cpu_read(at->dump, at->key[0], &cpu);

	if (st != ND_OK)
		return missing_or_fail(out, st, 0);
	tss = nd_tss_read(at->dump, &cpu);
	text_fact_va(out, "Tss", tss.at);
	for (unsigned i = 0; i < 3; i++)
		stack_fact(out, "Rsp", i, tss.rsp[i]);
	for (unsigned i = 1; i < 8; i++)
		stack_fact(out, "Ist", i, tss.ist[i]);
	text_fact_hex(out, "IoMapBase", tss.io_map);
	return ND_OK;
}

/* --- links into /proc ------------------------------------------------------------------------- */

/* proc/<pid>[/threads/<tid>] of a thread; false when it is not below /proc (idle threads). */
static bool thread_path(const struct nd_dump *dump, struct nd_u64 thread, bool process_only,
			char path[128])
{
	const struct nd_process_list *processes;
	const struct nd_thread_list *threads;
	struct nd_thread t;
	uint32_t index;

	if (thread.st != ND_OK || thread.value == 0 ||
	    nd_thread_read(dump, thread.value, &t) != ND_OK || t.process.st != ND_OK ||
	    nd_processes(dump, &processes) != ND_OK)
		return false;
	index = nd_process_index(processes, t.process.value);
	if (index == UINT32_MAX || processes->ref[index].pid_st != ND_OK ||
	    processes->ref[index].duplicate || nd_threads(dump, index, &threads) != ND_OK)
		return false;
	for (uint32_t i = 0; i < threads->count; i++) {
		const struct nd_thread_ref *ref = &threads->ref[i];

		if (ref->ethread != thread.value || ref->tid_st != ND_OK || ref->duplicate)
			continue;
		snprintf(path, 128,
			 process_only ? "../../proc/%llu" : "../../proc/%llu/threads/%llu",
			 (unsigned long long)processes->ref[index].pid,
			 (unsigned long long)ref->tid);
		return true;
	}
	return false;
}

enum which { CURRENT_THREAD, CURRENT_PROCESS, IDLE_THREAD };

static bool link_path(const struct node_at *at, enum which which, char path[128])
{
	struct nd_cpu cpu;

	if (nd_cpu_read(at->dump, at->key[0], &cpu) != ND_OK)
		return false;
	return thread_path(at->dump, which == IDLE_THREAD ? cpu.idle_thread : cpu.current_thread,
			   which == CURRENT_PROCESS, path);
}

#define CPU_LINK(name, which) \
	static bool has_##name(const struct node_at *at) \
	{ \
		char path[128]; \
		return link_path(at, which, path); \
	} \
	static enum nd_status render_##name(struct text *out, const struct node_at *at) \
	{ \
		char path[128]; \
		if (!link_path(at, which, path)) \
			return ND_ENOENT; \
		text_str(out, path); \
		return ND_OK; \
	}

CPU_LINK(current_thread, CURRENT_THREAD)
CPU_LINK(current_process, CURRENT_PROCESS)
CPU_LINK(idle_thread, IDLE_THREAD)

/* --- /listing/pcr ----------------------------------------------------------------------------- */

enum nd_status render_pcr_listing(struct text *out, const struct node_at *at)
{
	struct nd_cpu cpu;
	enum nd_status st;

	for (uint32_t i = 0; (st = nd_cpu_read(at->dump, i, &cpu)) == ND_OK; i++) {
		struct nd_thread t = { 0 };
		struct nd_process p;

		st = cpu.current_thread.st == ND_OK
			     ? nd_thread_read(at->dump, cpu.current_thread.value, &t)
			     : cpu.current_thread.st;
		text_str(out, "Pcr->");
		text_va(out, cpu.pcr);
		text_str(out, "\tPrcb->");
		text_va(out, cpu.prcb);
		text_str(out, "\tProcess->");
		text_va(out, st == ND_OK ? t.process : nd_u64_missing(st, cpu.prcb.value));
		if (st == ND_OK && t.process.st == ND_OK &&
		    nd_process_read(at->dump, t.process.value, &p) == ND_OK) {
			text_tab(out);
			text_image_name(out, &p);
		}
		text_line(out);
	}
	return nd_is_missing(st) ? missing_or_fail(out, st, 0) : st == ND_ENOENT ? ND_OK : st;
}

// clang-format off
static const struct node_row cpu_rows[] = {
	{ "registers",       "CONTEXT that it was stopped with, and special registers", .render = render_registers },
	{ "pcr",             "facts of KPCR and KPRCB",                                 .render = render_pcr },
	{ "mitigations",     "KVA shadow and speculation controls",                     .render = render_mitigations },
	{ "gdt",             "table: selector base limit type dpl present long",        .render = render_gdt },
	{ "tss",             "stacks of the task state segment: Rsp0 to 2, Ist1 to 7",  .render = render_tss },
	{ "current_thread",  "the thread that ran on it",                               .render = render_current_thread, .exists = has_current_thread, .flags = NODE_LINK },
	{ "current_process", "its process",                                             .render = render_current_process, .exists = has_current_process, .flags = NODE_LINK },
	{ "idle_thread",     "its idle thread, where that is below /proc",              .render = render_idle_thread, .exists = has_idle_thread, .flags = NODE_LINK },
	{ 0 }
};

const struct node_row node_cpu_rows[] = {
	{ "<n>", "each KPRCB of KiProcessorBlock", .rows = cpu_rows, .next = next_cpu, .find = find_cpu, .about = about_cpu },
	{ 0 }
};
// clang-format on
