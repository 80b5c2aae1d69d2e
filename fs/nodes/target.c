/*
 * fs/nodes/target.c - /target and /vertarget: the machine and its system.
 */
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include "nodes/nodes.h"
#include "nt/kdbg.h"
#include "nt/system.h"
#include "ntdump.h"

#define FILETIME_SECOND 10000000ll
#define FILETIME_UNIX_EPOCH 116444736000000000ll /* 1970-01-01 in 100 ns since 1601 */
#define BUILD_WINDOWS_10 10240u
#define BUILD_WINDOWS_11 22000u

static void text_astr(struct text *out, const struct nd_astr *s)
{
	if (s->st != ND_OK)
		text_missing(out, s->st, s->at);
	else
		text_utf8(out, s->text, strlen(s->text));
}

static const char *windows_name(const struct nd_system *s)
{
	if (s->build.value >= BUILD_WINDOWS_11)
		return "11";
	if (s->build.value >= BUILD_WINDOWS_10)
		return "10";
	return s->build.value >= 9600 ? "8.1" : s->build.value >= 9200 ? "8" : "7";
}

static void text_suites(struct text *out, struct nd_u64 mask)
{
	if (mask.st != ND_OK) {
		text_char(out, ' ');
		text_missing(out, mask.st, mask.at);
		return;
	}
	for (unsigned bit = 0; bit < 32; bit++) {
		if (!(mask.value >> bit & 1))
			continue;
		if (nd_suite_name(bit))
			text_printf(out, " %s", nd_suite_name(bit));
		else
			text_printf(out, " 0x%llx", 1ull << bit);
	}
}

static void text_product(struct text *out, struct nd_u64 type)
{
	const char *name = type.st == ND_OK ? nd_product_name(type.value) : NULL;

	if (name)
		text_str(out, name);
	else
		text_dec(out, type);
}

/* The dumped machine's own local time; WinDbg uses that of the machine it runs on. */
static void text_session_time(struct text *out, const struct nd_system *s)
{
	int64_t bias = s->time_zone_bias.st == ND_OK ? (int64_t)s->time_zone_bias.value : 0;
	int64_t minutes = -(bias / FILETIME_SECOND / 60);
	int64_t local;
	time_t seconds;
	struct tm tm;
	char date[32];

	if (s->crash_time.st != ND_OK) {
		text_missing(out, s->crash_time.st, s->crash_time.at);
		return;
	}
	if (minutes < -24 * 60 || minutes > 24 * 60)
		bias = minutes = 0;
	local = (int64_t)(s->crash_time.value & INT64_MAX) - FILETIME_UNIX_EPOCH - bias;
	seconds = (time_t)(local / FILETIME_SECOND);
	if (local < 0 || !gmtime_r(&seconds, &tm) ||
	    strftime(date, sizeof(date), "%a %b %e %H:%M:%S", &tm) == 0) {
		text_missing(out, ND_INVALID, s->crash_time.at);
		return;
	}
	text_printf(out, "%s.%03d %d (UTC %c %d:%02d)", date,
		    (int)(local % FILETIME_SECOND / 10000), tm.tm_year + 1900,
		    minutes < 0 ? '-' : '+', (int)(llabs(minutes) / 60),
		    (int)(llabs(minutes) % 60));
}

static void text_backtick_or_reason(struct text *out, const char *what, nd_va va)
{
	text_str(out, what);
	if (va != 0) {
		text_str(out, "0x");
		text_windbg_va(out, va);
	} else {
		text_missing(out, ND_NO_SYMBOLS, 0);
	}
}

enum nd_status render_vertarget(struct text *out, const struct node_at *at)
{
	const struct nd_dump *dump = at->dump;
	struct nd_system s;

	nd_system_read(dump, &s);
	text_printf(out, "Windows %s Kernel Version ", windows_name(&s));
	text_dec(out, s.build);
	text_str(out, s.processors.st == ND_OK && s.processors.value == 1 ? " UP (" : " MP (");
	text_dec(out, s.processors);
	text_str(out, s.processors.st == ND_OK && s.processors.value == 1 ? " proc) " : " procs) ");
	text_str(out, s.checked_build.st == ND_OK && s.checked_build.value ? "Checked x64\n"
									   : "Free x64\n");
	text_str(out, "Product: ");
	text_product(out, s.product_type);
	text_str(out, ", suite:");
	text_suites(out, s.suite_mask);
	text_str(out, "\nBuilt by: ");
	text_astr(out, &s.build_lab);
	text_str(out, "\nMachine Name:\n");
	text_backtick_or_reason(out, "Kernel base = ", dump->kernel_base);
	text_backtick_or_reason(out,
				" PsLoadedModuleList = ", dump->symbol[ND_SYM_PsLoadedModuleList]);
	text_str(out, "\nDebug session time: ");
	text_session_time(out, &s);
	text_str(out, "\nSystem Uptime: ");
	text_duration(out, s.uptime);
	text_line(out);
	nd_system_free(&s);
	return ND_OK;
}

const char *layout_source_name(const struct nd_dump *dump)
{
	switch (dump->layout.source) {
	case ND_LAYOUT_PDB:
		return "pdb";
	case ND_LAYOUT_ISF:
		return "isf";
	case ND_LAYOUT_PROFILE_EXACT:
	case ND_LAYOUT_PROFILE_NEAREST:
		return "profile";
	case ND_LAYOUT_NONE:
		break;
	}
	return "none";
}

static void layout_facts(struct text *out, const struct nd_dump *dump)
{
	text_key(out, "SymbolSource");
	text_str(out, layout_source_name(dump));
	if (dump->layout.source == ND_LAYOUT_PDB || dump->layout.source == ND_LAYOUT_ISF) {
		text_char(out, ' ');
		text_utf8(out, dump->kernel_symbols->path, strlen(dump->kernel_symbols->path));
	} else if (dump->layout.source == ND_LAYOUT_PROFILE_EXACT) {
		text_printf(out, " %s (this very kernel)", dump->layout.version);
	} else if (dump->layout.source == ND_LAYOUT_PROFILE_NEAREST) {
		text_printf(out, " %s (nearest known kernel of the build; it fits the dump)",
			    dump->layout.version);
	} else {
		text_str(out,
			 " (no layout of this kernel is known: only what the header, the module "
			 "list and KDBG give)");
	}
	text_line(out);
	if (dump->kernel_symbols && dump->layout.source != ND_LAYOUT_PDB &&
	    dump->layout.source != ND_LAYOUT_ISF) {
		text_key(out, "SymbolNames"); /* the file has no types */
		text_utf8(out, dump->kernel_symbols->path, strlen(dump->kernel_symbols->path));
		text_line(out);
	}
	text_key(out, "KernelPdb");
	if (dump->kernel_id_known)
		text_pdb_key(out, dump->kernel_pdb, &dump->kernel_id);
	else
		text_missing(out, ND_NOT_IN_DUMP, dump->kernel_base);
	text_line(out);
	text_key(out, "KernelFoundBy");
	text_str(out, dump->kernel_found);
	text_line(out);
	text_key(out, "DebuggerDataBlock");
	text_str(out, dump->kdbg_decoded ? "decoded" : dump->kdbg ? "plain" : "not readable");
	text_line(out);
}

static void symbol_search_facts(struct text *out, const struct nd_dump *dump)
{
	const char *line = dump->symbols_tried;

	while (line && *line) {
		const char *end = strchrnul(line, '\n');

		text_key(out, "SymbolFile");
		text_utf8(out, line, (size_t)(end - line));
		text_line(out);
		line = *end ? end + 1 : end;
	}
}

enum nd_status render_target(struct text *out, const struct node_at *at)
{
	const struct nd_dump *dump = at->dump;
	struct nd_system s;
	struct nd_u64 crash;
	struct nd_ustr name;

	nd_system_read(dump, &s);
	text_fact_dec(out, "Build", s.build);
	text_key(out, "BuildLab");
	text_astr(out, &s.build_lab);
	text_str(out, "\nBuildLabEx:\t");
	text_astr(out, &s.build_lab_ex);
	text_str(out, "\nVersion:\t");
	text_dec(out, s.major_version);
	text_char(out, '.');
	text_dec(out, s.minor_version);
	text_line(out);
	text_fact_dec(out, "Processors", s.processors);
	text_key(out, "Product");
	text_product(out, s.product_type);
	text_str(out, "\nSuite:\t");
	text_hex(out, s.suite_mask);
	text_suites(out, s.suite_mask);
	name = nd_machine_name(dump);
	text_str(out, "\nMachineName:\t");
	text_ustr(out, &name);
	nd_ustr_free(&name);
	text_str(out, "\nSystemRoot:\t");
	text_ustr(out, &s.system_root);
	text_line(out);
	text_fact_time(out, "CrashTime", s.crash_time);
	text_key(out, "Uptime");
	text_duration(out, s.uptime);
	text_line(out);
	crash = s.crash_time;
	crash.value -= s.uptime.value;
	if (s.uptime.st != ND_OK)
		crash = s.uptime;
	text_fact_time(out, "BootTime", crash);
	text_key(out, "TimeZoneBias");
	if (s.time_zone_bias.st == ND_OK)
		text_printf(out, "%lld minutes (UTC - local)",
			    (long long)((int64_t)s.time_zone_bias.value / FILETIME_SECOND / 60));
	else
		text_missing(out, s.time_zone_bias.st, s.time_zone_bias.at);
	text_line(out);
	text_fact_dec(out, "SystemCall", s.system_call);
	layout_facts(out, dump);
	symbol_search_facts(out, dump);
	nd_system_free(&s);
	return ND_OK;
}
