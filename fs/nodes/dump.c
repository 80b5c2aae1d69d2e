/*
 * fs/nodes/dump.c - /dump: the dump file's own header, bug check, runs, and what it holds.
 */
#include <string.h>

#include "nodes/nodes.h"
#include "nodes/reports.h"
#include "nt/bugcheck.h"
#include "nt/system.h"
#include "ntdump.h"

const char *dump_kind_name(const struct nd_dump *dump)
{
	static const char *const name[] = { "full",   "active", "kernel", "live",
					    "triage", "elf",	"kdump",  "raw" };
	struct nd_u64 user;

	return name[nd_contents_of(dump, &user)];
}

const char *dump_type_name(const struct nd_dump *dump)
{
	/* DUMP_HEADER64.DumpType */
	static const char *const name[] = {
		NULL,	       "FULL",		"SUMMARY",   "HEADER",	    "TRIAGE",
		"BITMAP_FULL", "BITMAP_KERNEL", "AUTOMATIC", "RDMP_KERNEL", "RDMP_KERNEL_USER",
		"RDMP_FULL"
	};
	uint64_t type = dump->header ? dump->header->dump_type.value : 0;

	return type < sizeof(name) / sizeof(*name) && name[type] ? name[type] : "-";
}

static enum nd_status render_type(struct text *out, const struct node_at *at)
{
	const struct nd_dump *dump = at->dump;
	struct nd_source_counts counts = nd_source_counts(dump->src);
	struct nd_u64 user;
	uint64_t ram = 0;

	text_fact_str(out, "Kind", dump_kind_name(dump));
	text_key(out, "DumpType");
	if (dump->header)
		text_printf(out, "%u %s", (unsigned)dump->header->dump_type.value,
			    dump_type_name(dump));
	else
		text_char(out, '-');
	text_line(out);
	text_fact_str(out, "Container", nd_source_container(dump->src));
	nd_contents_of(dump, &user);
	text_key(out, "UserPages");
	if (user.st == ND_OK)
		text_str(out, user.value ? "present" : "absent");
	else
		text_missing(out, user.st, user.at);
	text_line(out);
	text_fact_dec(out, "PagesPresent", nd_u64_of(counts.present_pages));
	for (uint32_t i = 0; dump->header && i < dump->header->run_count; i++)
		ram += dump->header->run[i].pages;
	text_fact_dec(out, "PagesTotal", ram ? nd_u64_of(ram) : nd_u64_missing(ND_NOT_IN_DUMP, 0));
	text_fact_dec(out, "PagesCut", nd_u64_of(counts.cut_pages));
	text_fact_dec(out, "FileBytes", nd_u64_of(nd_source_file_bytes(dump->src)));
	return ND_OK;
}

static void header_numbers(struct text *out, const struct nd_header *h)
{
	text_fact_hex(out, "MajorVersion", h->major_version);
	text_fact_dec(out, "MinorVersion", h->minor_version);
	text_fact_va(out, "DirectoryTableBase", h->directory_table_base);
	text_fact_va(out, "PfnDataBase", h->pfn_database);
	text_fact_va(out, "PsLoadedModuleList", h->ps_loaded_module_list);
	text_fact_va(out, "PsActiveProcessHead", h->ps_active_process_head);
	text_fact_hex(out, "MachineImageType", h->machine_image_type);
	text_fact_dec(out, "NumberProcessors", h->number_processors);
	text_fact_hex(out, "BugCheckCode", h->bugcheck_code);
	text_fact_va(out, "BugCheckParameter1", h->bugcheck_parameter[0]);
	text_fact_va(out, "BugCheckParameter2", h->bugcheck_parameter[1]);
	text_fact_va(out, "BugCheckParameter3", h->bugcheck_parameter[2]);
	text_fact_va(out, "BugCheckParameter4", h->bugcheck_parameter[3]);
	text_key(out, "VersionUser");
	text_utf8(out, h->version_user[0] ? h->version_user : "-",
		  strlen(h->version_user[0] ? h->version_user : "-"));
	text_line(out);
	text_fact_va(out, "KdDebuggerDataBlock", h->kd_debugger_data_block);
}

static void header_rest(struct text *out, const struct nd_header *h)
{
	text_fact_dec(out, "NumberOfRuns", h->number_of_runs);
	text_fact_dec(out, "NumberOfPages", h->number_of_pages);
	text_fact_hex(out, "DumpType", h->dump_type);
	text_fact_dec(out, "RequiredDumpSpace", h->required_dump_space);
	text_fact_time(out, "SystemTime", h->system_time);
	text_key(out, "Comment");
	text_utf8(out, h->comment[0] ? h->comment : "-", strlen(h->comment[0] ? h->comment : "-"));
	text_line(out);
	text_fact_dec(out, "SystemUpTime", h->system_up_time);
	text_fact_hex(out, "MiniDumpFields", h->mini_dump_fields);
	text_fact_hex(out, "SecondaryDataState", h->secondary_data_state);
	text_fact_dec(out, "ProductType", h->product_type);
	text_fact_hex(out, "SuiteMask", h->suite_mask);
	text_fact_hex(out, "WriterStatus", h->writer_status);
	text_fact_hex(out, "KdSecondaryVersion", h->kd_secondary_version);
	text_fact_hex(out, "Attributes", h->attributes);
	text_fact_dec(out, "BootId", h->boot_id);
}

static void exception_facts(struct text *out, const struct nd_header *h)
{
	text_fact_hex(out, "ExceptionCode", h->exception_code);
	text_fact_hex(out, "ExceptionFlags", h->exception_flags);
	text_fact_va(out, "ExceptionRecord", h->exception_record);
	text_fact_va(out, "ExceptionAddress", h->exception_address);
	for (uint32_t i = 0; i < h->exception_parameter_count; i++)
		text_printf(out, "ExceptionInformation%u:\t0x%016llx\n", i + 1,
			    (unsigned long long)h->exception_parameter[i]);
}

static enum nd_status render_header(struct text *out, const struct node_at *at)
{
	const struct nd_header *h = at->dump->header;

	if (!h)
		return missing_or_fail(out, ND_NONE, 0);
	header_numbers(out, h);
	header_rest(out, h);
	exception_facts(out, h);
	return ND_OK;
}

static void bugcheck_code(struct text *out, struct nd_u64 code)
{
	uint32_t value = (uint32_t)code.value;
	const char *name = nd_bugcheck_name(value);
	bool marked = !name && (value & ND_BUGCHECK_MINIDUMP);

	if (marked)
		name = nd_bugcheck_name(value & ~ND_BUGCHECK_MINIDUMP);
	text_key(out, "Code");
	text_hex_pad(out, code, 8);
	if (code.st == ND_OK && name)
		text_printf(out, " %s%s", name, marked ? "_M" : "");
	text_line(out);
}

static void crash_object(struct text *out, const struct nd_dump *dump, const char *key,
			 struct nd_u64 object)
{
	struct nd_process p;

	text_key(out, key);
	text_va(out, object);
	if (object.st == ND_OK && strcmp(key, "Process") == 0 &&
	    nd_process_read(dump, object.value, &p) == ND_OK) {
		text_char(out, ' ');
		text_dec(out, p.pid);
		text_char(out, ' ');
		text_image_name(out, &p);
	}
	text_line(out);
}

static void thread_id(struct text *out, const struct nd_dump *dump, struct nd_u64 thread)
{
	struct nd_thread t;

	text_key(out, "Thread");
	text_va(out, thread);
	if (thread.st == ND_OK && nd_thread_read(dump, thread.value, &t) == ND_OK) {
		text_char(out, ' ');
		text_dec(out, t.tid);
	}
	text_line(out);
}

static void bugcheck_parameters(struct text *out, const struct nd_u64 parameter[4])
{
	for (int i = 0; i < 4; i++) {
		text_printf(out, "Parameter%d:\t", i + 1);
		text_va(out, parameter[i]);
		text_line(out);
	}
}

/*
 * Without a header: nt!KiBugCheckData, five pointers, which KeBugCheck2 fills in; all 0 while the
 * machine runs.
 */
static enum nd_status bugcheck_in_memory(struct text *out, const struct nd_dump *dump)
{
	nd_va at = dump->symbol[ND_SYM_KiBugCheckData];
	struct nd_u64 data[5];
	uint64_t any = 0;

	if (at == 0)
		return missing_or_fail(out, ND_NO_SYMBOLS, 0);
	for (unsigned i = 0; i < 5; i++) {
		data[i] = nd_read_num(&dump->kernel, at + 8 * i, 8);
		if (data[i].st != ND_OK)
			return missing_or_fail(out, data[i].st, data[i].at);
		any |= data[i].value;
	}
	if (any == 0)
		return missing_or_fail(out, ND_NONE, 0);
	if (data[0].value > UINT32_MAX)
		data[0] = nd_u64_missing(ND_INVALID, at);
	bugcheck_code(out, data[0]);
	bugcheck_parameters(out, data + 1);
	return ND_OK;
}

static enum nd_status render_bugcheck(struct text *out, const struct node_at *at)
{
	const struct nd_header *h = at->dump->header;
	struct nd_crash crash;

	if (!h)
		return bugcheck_in_memory(out, at->dump);
	bugcheck_code(out, h->bugcheck_code);
	bugcheck_parameters(out, h->bugcheck_parameter);
	nd_crash_read(at->dump, &crash);
	text_fact_dec(out, "Processor", crash.processor);
	crash_object(out, at->dump, "Process", crash.process);
	thread_id(out, at->dump, crash.thread);
	exception_facts(out, h);
	text_key(out, "Rip");
	text_code(out, at->dump, UINT32_MAX,
		  h->context_set ? nd_u64_of(nd_le64(h->context + 0xf8))
				 : nd_u64_missing(ND_NOT_IN_DUMP, 0),
		  CODE_FULL);
	text_line(out);
	return ND_OK;
}

static enum nd_status render_context(struct text *out, const struct node_at *at)
{
	const struct nd_header *h = at->dump->header;

	if (!h || !h->context_set)
		return missing_or_fail(out, ND_NOT_IN_DUMP, 0);
	for (const struct nd_context_register *r = nd_context_registers; r->name; r++) {
		const uint8_t *p = h->context + r->offset;
		uint64_t v = r->bytes == 8 ? nd_le64(p) : r->bytes == 4 ? nd_le32(p) : nd_le16(p);

		text_key(out, r->name);
		text_hex_pad(out, nd_u64_of(v), 2 * r->bytes);
		text_line(out);
	}
	return ND_OK;
}

static enum nd_status render_runs(struct text *out, const struct node_at *at)
{
	nd_pfn first, from = 0;
	uint64_t pages;
	enum nd_status st;

	while ((st = nd_source_next_run(at->dump->src, from, &first, &pages)) == ND_OK) {
		text_printf(out, "%llu\t%llu\n", (unsigned long long)first,
			    (unsigned long long)pages);
		from = first + pages;
		if (out->failed != ND_OK)
			break;
	}
	return st == ND_ENOENT || st == ND_OK ? ND_OK : st;
}

/* The words of the crashing thread's saved stack, each with the code it may point to. */
static enum nd_status render_stack_words(struct text *out, const struct node_at *at)
{
	const struct nd_triage *t = nd_source_triage(at->dump->src);
	nd_va va, end;

	for (va = t->top_of_stack & ~7ull, end = va + t->stack_bytes; va < end; va += 8) {
		struct nd_u64 word = nd_read_num(&at->dump->kernel, va, 8);
		const struct nd_module_list *modules;
		enum nd_status st;

		text_va(out, nd_u64_of(va));
		text_tab(out);
		text_va(out, word);
		text_tab(out);
		st = nd_kernel_modules(at->dump, &modules);
		if (st != ND_OK)
			return st;
		if (word.st == ND_OK && nd_module_of(modules, word.value))
			text_code(out, at->dump, UINT32_MAX, word, CODE_SHORT);
		else
			text_char(out, '-');
		text_line(out);
	}
	return ND_OK;
}

static bool is_triage(const struct node_at *at)
{
	return nd_source_triage(at->dump->src) != NULL;
}

// clang-format off
const struct node_row node_dump_rows[] = {
	{ "type",     "kind of dump, judged by what it holds",                       .render = render_type },
	{ "header",   "every field of DUMP_HEADER64",                                .render = render_header },
	{ "bugcheck", "bug check, its parameters, thread, process, exception",       .render = render_bugcheck },
	{ "context",  "registers of the crashing processor (CONTEXT of the header)", .render = render_context },
	{ "stack",    "table: index child-sp ret-addr site how: the call stack of the thread that crashed", .render = render_crash_stack },
	{ "stack_words", "a triage dump's saved stack: address word code",           .render = render_stack_words, .exists = is_triage },
	{ "runs",     "table: first-pfn pages",                                      .render = render_runs },
	{ "coverage", "pages valid, in transition, prototype, present, by process",  .render = render_coverage, .flags = NODE_COSTLY },
	{ "missing",  "table: path address reason",                                  .render = render_missing, .flags = NODE_COSTLY },
	{ "symbols",  "table: pdb/GUIDAGE module: symbol files that would help",     .render = render_symbol_files, .flags = NODE_COSTLY },
	{ "warnings", "lists, trees and counters that do not agree",                 .render = render_warnings, .flags = NODE_COSTLY },
	{ 0 }
};
// clang-format on
