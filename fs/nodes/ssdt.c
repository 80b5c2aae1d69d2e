/*
 * fs/nodes/ssdt.c - /ssdt and /win32k: the system services by number; /stubs: how user mode calls
 * them; /listing/ssdt and /listing/win32k.
 */
#include <stdio.h>
#include <string.h>

#include "nodes/nodes.h"
#include "nt/service_table.h"
#include "nt/stub.h"
#include "ntdump.h"

/* --- one service ------------------------------------------------------------------------------ */

static void service_name(struct text *out, const struct nd_service_table *t,
			 const struct nd_service *s)
{
	if (s->name[0] == '\0') {
		text_missing(out, ND_NO_SYMBOLS, s->target.value);
		return;
	}
	text_printf(out, "%s!", t->module);
	text_utf8(out, s->name, strlen(s->name));
}

void text_service(struct text *out, const struct nd_dump *dump, struct nd_u64 number)
{
	const struct nd_service_table *t;
	const struct nd_service *s;
	enum nd_status st = number.st;

	if (st == ND_OK)
		st = nd_service_table(
			dump, number.value < ND_WIN32K_FIRST ? ND_TABLE_NT : ND_TABLE_WIN32K, &t);
	s = st == ND_OK ? nd_service_of(dump, number.value) : NULL;
	if (s)
		service_name(out, t, s);
	else
		text_missing(out, st != ND_OK ? st : ND_NO_SYMBOLS, number.at);
}

/* module+0xRVA of where the entry leads. */
static void service_rva(struct text *out, const struct nd_service *s)
{
	if (s->target.st != ND_OK)
		text_missing(out, s->target.st, s->target.at);
	else if (s->module)
		text_printf(out, "%s+0x%llx", s->module->symbol_name,
			    (unsigned long long)(s->target.value - s->module->base));
	else
		text_missing(out, ND_INVALID, s->target.value);
}

static void service_target(struct text *out, const struct nd_service *s)
{
	if (s->target.st != ND_OK) {
		text_missing(out, s->target.st, s->target.at);
	} else if (s->verdict == ND_SERVICE_MATCH) {
		text_str(out, "match");
	} else if (s->verdict == ND_SERVICE_UNKNOWN) {
		text_str(out, "unknown-name");
	} else {
		text_str(out, "FOREIGN ");
		if (s->module)
			service_rva(out, s);
		else
			text_va(out, s->target); /* in no module: nothing else can be said */
	}
}

static const char *source_name(enum nd_service_source source)
{
	static const char *const name[] = { "-", "pdb", "isf", "export", "stub", "profile" };

	return name[source];
}

/* --- /ssdt/<n> -------------------------------------------------------------------------------- */

static enum nd_status next_service(const struct node_at *dir, enum nd_service_table_id id,
				   uint64_t *cursor, struct node_entry *ret)
{
	const struct nd_service_table *t;
	enum nd_status st = nd_service_table(dir->dump, id, &t);

	if (st != ND_OK)
		return st;
	if (*cursor >= t->count)
		return ND_ENOENT;
	ret->key = (uint32_t)(*cursor)++;
	snprintf(ret->name, sizeof(ret->name), "%u", t->service[ret->key].number);
	return ND_OK;
}

static enum nd_status find_service(const struct node_at *dir, enum nd_service_table_id id,
				   const char *name, struct node_entry *ret)
{
	const struct nd_service_table *t;
	enum nd_status st = nd_service_table(dir->dump, id, &t);
	uint64_t number, first = id == ND_TABLE_NT ? 0 : ND_WIN32K_FIRST;

	if (st != ND_OK)
		return st;
	if (!parse_number(name, &number) || number < first || number - first >= t->count)
		return ND_ENOENT;
	ret->key = (uint32_t)(number - first);
	snprintf(ret->name, sizeof(ret->name), "%u", (unsigned)number);
	return ND_OK;
}

static enum nd_status next_nt(const struct node_at *dir, uint64_t *cursor, struct node_entry *ret)
{
	return next_service(dir, ND_TABLE_NT, cursor, ret);
}

static enum nd_status find_nt(const struct node_at *dir, const char *name, struct node_entry *ret)
{
	return find_service(dir, ND_TABLE_NT, name, ret);
}

static enum nd_status next_win32k(const struct node_at *dir, uint64_t *cursor,
				  struct node_entry *ret)
{
	return next_service(dir, ND_TABLE_WIN32K, cursor, ret);
}

static enum nd_status find_win32k(const struct node_at *dir, const char *name,
				  struct node_entry *ret)
{
	return find_service(dir, ND_TABLE_WIN32K, name, ret);
}

/* The two tables share their files: which one a node is in follows from its row's table. */
typedef void service_text(struct text *out, const struct nd_service_table *t,
			  const struct nd_service *s);

static enum nd_status render_one(struct text *out, const struct node_at *at,
				 enum nd_service_table_id id, service_text *write)
{
	const struct nd_service_table *t;
	enum nd_status st = nd_service_table(at->dump, id, &t);

	if (st != ND_OK)
		return st;
	if (at->key[0] >= t->count)
		return ND_ENOENT;
	write(out, t, &t->service[at->key[0]]);
	text_line(out);
	return ND_OK;
}

static void write_name(struct text *out, const struct nd_service_table *t,
		       const struct nd_service *s)
{
	(void)t;
	if (s->name[0] == '\0')
		text_missing(out, ND_NO_SYMBOLS, s->target.value);
	else
		text_utf8(out, s->name, strlen(s->name));
}

static void write_rva(struct text *out, const struct nd_service_table *t,
		      const struct nd_service *s)
{
	(void)t;
	service_rva(out, s);
}

static void write_args(struct text *out, const struct nd_service_table *t,
		       const struct nd_service *s)
{
	(void)t;
	text_dec(out, s->stack_args);
}

static void write_target(struct text *out, const struct nd_service_table *t,
			 const struct nd_service *s)
{
	(void)t;
	service_target(out, s);
}

static void write_source(struct text *out, const struct nd_service_table *t,
			 const struct nd_service *s)
{
	(void)t;
	text_str(out, source_name(s->source));
}

static enum nd_status render_disasm(struct text *out, const struct node_at *at,
				    enum nd_service_table_id id)
{
	const struct nd_service_table *t;
	const struct nd_service *s;
	enum nd_status st = nd_service_table(at->dump, id, &t);

	if (st != ND_OK)
		return st;
	if (at->key[0] >= t->count)
		return ND_ENOENT;
	s = &t->service[at->key[0]];
	if (s->target.st != ND_OK)
		return missing_or_fail(out, s->target.st, s->target.at);
	return text_first_insns(out, at->dump, s->target.value);
}

static enum nd_status render_nt_disasm(struct text *out, const struct node_at *at)
{
	return render_disasm(out, at, ND_TABLE_NT);
}

static enum nd_status render_win32k_disasm(struct text *out, const struct node_at *at)
{
	return render_disasm(out, at, ND_TABLE_WIN32K);
}

/* One render function a table and file: nothing else tells a renderer which table it is in. */
#define SERVICE_FILE(file, writer) \
	static enum nd_status render_nt_##file(struct text *out, const struct node_at *at) \
	{ \
		return render_one(out, at, ND_TABLE_NT, writer); \
	} \
	static enum nd_status render_win32k_##file(struct text *out, const struct node_at *at) \
	{ \
		return render_one(out, at, ND_TABLE_WIN32K, writer); \
	}

SERVICE_FILE(name, write_name)
SERVICE_FILE(service, service_name)
SERVICE_FILE(rva, write_rva)
SERVICE_FILE(args, write_args)
SERVICE_FILE(target, write_target)
SERVICE_FILE(source, write_source)

/* --- tables and listings ---------------------------------------------------------------------- */

static void table_row(struct text *out, const struct nd_service_table *t,
		      const struct nd_service *s)
{
	text_printf(out, "%u\t", s->number);
	service_name(out, t, s);
	text_tab(out);
	service_rva(out, s);
	text_tab(out);
	text_dec(out, s->stack_args);
	text_tab(out);
	service_target(out, s);
}

static void listing_row(struct text *out, const struct nd_service_table *t,
			const struct nd_service *s)
{
	text_printf(out, "%3u\t", s->number);
	service_name(out, t, s);
	text_str(out, " (");
	if (s->target.st == ND_OK)
		text_windbg_va(out, s->target.value);
	else
		text_missing(out, s->target.st, s->target.at);
	text_char(out, ')');
}

static enum nd_status render_all(struct text *out, const struct node_at *at,
				 enum nd_service_table_id id, service_text *write)
{
	const struct nd_service_table *t;
	enum nd_status st = nd_service_table(at->dump, id, &t);

	if (st != ND_OK)
		return st;
	if (t->st != ND_OK)
		return missing_or_fail(out, t->st, t->at);
	for (uint32_t i = 0; i < t->count && out->failed == ND_OK; i++) {
		write(out, t, &t->service[i]);
		text_line(out);
	}
	return ND_OK;
}

static enum nd_status render_nt_table(struct text *out, const struct node_at *at)
{
	return render_all(out, at, ND_TABLE_NT, table_row);
}

static enum nd_status render_win32k_table(struct text *out, const struct node_at *at)
{
	return render_all(out, at, ND_TABLE_WIN32K, table_row);
}

enum nd_status render_ssdt_listing(struct text *out, const struct node_at *at)
{
	return render_all(out, at, ND_TABLE_NT, listing_row);
}

enum nd_status render_win32k_listing(struct text *out, const struct node_at *at)
{
	return render_all(out, at, ND_TABLE_WIN32K, listing_row);
}

/* --- /stubs ----------------------------------------------------------------------------------- */

static void stub_row(struct text *out, const struct nd_stub *s, const char *module)
{
	static const char *const entry[] = { "syscall", "syscall|int2e", "other",
					     "jump",	"patched",	 "-" };

	if (s->number == UINT32_MAX)
		text_char(out, '-');
	else
		text_printf(out, "%u", s->number);
	text_tab(out);
	text_utf8(out, s->name, strlen(s->name));
	text_printf(out, "\t%s\t", entry[s->entry]);
	if (s->entry == ND_STUB_ABSENT) {
		text_missing(out, s->st, 0);
	} else if (s->entry == ND_STUB_SYSCALL || s->entry == ND_STUB_SYSCALL_INT2E) {
		text_char(out, '-');
	} else if (s->entry == ND_STUB_JUMP) {
		text_printf(out, "%s+0x%x", module, s->jump_rva);
	} else {
		for (size_t i = 0; i < sizeof(s->bytes); i++)
			text_printf(out, "%02x", s->bytes[i]);
	}
	text_line(out);
}

static enum nd_status render_stubs(struct text *out, const struct node_at *at,
				   enum nd_stub_module module)
{
	const struct nd_stub_list *list;
	enum nd_status st = nd_stubs(at->dump, module, &list);

	if (st != ND_OK)
		return st;
	if (list->st != ND_OK)
		return missing_or_fail(out, list->st, 0);
	for (uint32_t i = 0; i < list->count && out->failed == ND_OK; i++)
		stub_row(out, &list->stub[i], module == ND_STUBS_NTDLL ? "ntdll" : "win32u");
	return ND_OK;
}

static enum nd_status render_ntdll(struct text *out, const struct node_at *at)
{
	return render_stubs(out, at, ND_STUBS_NTDLL);
}

static enum nd_status render_win32u(struct text *out, const struct node_at *at)
{
	return render_stubs(out, at, ND_STUBS_WIN32U);
}

static const struct nd_service *service_at(const struct node_at *at, enum nd_service_table_id id)
{
	const struct nd_service_table *t;

	if (nd_service_table(at->dump, id, &t) != ND_OK || at->key[0] >= t->count)
		return NULL;
	return &t->service[at->key[0]];
}

/* Of the service's name. */
static const char *name_source(const struct node_at *at, enum nd_service_table_id id)
{
	const struct nd_service *s = service_at(at, id);

	return s && s->source != ND_SERVICE_UNNAMED ? source_name(s->source) : NULL;
}

/* Of the name of the routine that its entry leads to. */
static const char *routine_source(const struct node_at *at, enum nd_service_table_id id)
{
	const struct nd_service *s = service_at(at, id);

	if (!s || s->target.st != ND_OK)
		return NULL;
	return code_source_name(at->dump, UINT32_MAX, s->target.value);
}

#define SERVICE_SOURCES(table, id) \
	static const char *name_source_##table(const struct node_at *at) \
	{ \
		return name_source(at, id); \
	} \
	static const char *routine_source_##table(const struct node_at *at) \
	{ \
		return routine_source(at, id); \
	} \
	static void about_##table(const struct node_at *at, struct node_about *ret) \
	{ \
		ret->source = name_source(at, id); \
	}

SERVICE_SOURCES(nt, ND_TABLE_NT)
SERVICE_SOURCES(win32k, ND_TABLE_WIN32K)

// clang-format off
#define SERVICE_ROWS(table) \
	{ "name",    "the service's name",                                      .render = render_##table##_name, .source = name_source_##table }, \
	{ "service", "module!name",                                             .render = render_##table##_service, .source = name_source_##table }, \
	{ "rva",     "module+0xRVA of where the entry leads",                   .render = render_##table##_rva }, \
	{ "args",    "arguments passed on the stack",                           .render = render_##table##_args }, \
	{ "target",  "match, FOREIGN module+0xRVA, or unknown-name",            .render = render_##table##_target }, \
	{ "source",  "where the name comes from: pdb isf export stub profile",  .render = render_##table##_source }, \
	{ "disasm",  "first 8 instructions, as the entry leads; addresses as module+0xRVA", .render = render_##table##_disasm, .source = routine_source_##table }, \
	{ 0 }

static const struct node_row ssdt_service_rows[] = { SERVICE_ROWS(nt) };
static const struct node_row win32k_service_rows[] = { SERVICE_ROWS(win32k) };

const struct node_row node_ssdt_rows[] = {
	{ "table", "table: n service module+rva args target", .render = render_nt_table, .flags = NODE_COSTLY },
	{ "<n>",   "each entry of KiServiceTable; also by 0x number", .rows = ssdt_service_rows, .next = next_nt, .find = find_nt, .about = about_nt },
	{ 0 }
};

const struct node_row node_win32k_rows[] = {
	{ "table", "table: n service module+rva args target", .render = render_win32k_table, .flags = NODE_COSTLY },
	{ "<n>",   "each entry of W32pServiceTable, numbers from 4096", .rows = win32k_service_rows, .next = next_win32k, .find = find_win32k, .about = about_win32k },
	{ 0 }
};

const struct node_row node_stubs_rows[] = {
	{ "ntdll",  "table: number name entry deviation", .render = render_ntdll, .flags = NODE_COSTLY },
	{ "win32u", "table: number name entry deviation", .render = render_win32u, .flags = NODE_COSTLY },
	{ 0 }
};
// clang-format on
