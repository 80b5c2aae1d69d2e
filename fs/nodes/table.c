/*
 * fs/nodes/table.c - /table: every table of the tree in one file each, with a header line (.tsv) or
 * as JSON objects (.ndjson). Columns and rows are those of the tables' own rows and renderers, so
 * that they cannot disagree.
 */
#include "nodes/table.h"

#include <ctype.h>
#include <string.h>

#include "ntdump.h"

/* --- other files' rows ------------------------------------------------------------------------ */

const struct node_row *table_row_named(const struct node_row *rows, const char *name)
{
	for (const struct node_row *r = rows; r && r->name; r++)
		if (strcmp(r->name, name) == 0)
			return r;
	return NULL;
}

const struct node_row *table_process_row(const char *name)
{
	const struct node_row *processes = table_row_named(node_proc_rows, "<pid>");

	return processes ? table_row_named(processes->rows, name) : NULL;
}

enum nd_status table_render(struct text *ret, const struct node_at *at, const struct node_row *row,
			    uint32_t process)
{
	struct node_at there = { .tree = at->tree, .dump = at->dump, .row = row };
	enum nd_status st;

	if (!row || !row->render)
		return ND_EINVAL;
	there.key[0] = process;
	ret->len = 0;
	st = row->render(ret, &there);
	if (nd_is_missing(st)) { /* the whole file is the reason */
		ret->len = 0;
		text_missing(ret, st, 0);
		text_char(ret, '\n');
		st = ND_OK;
	}
	return st != ND_OK ? st : ret->failed;
}

bool table_next_line(const char **p, size_t *len, struct table_field ret[], unsigned *ret_count)
{
	const char *at = *p, *newline = *len ? memchr(at, '\n', *len) : NULL;
	size_t left = newline ? (size_t)(newline - at) : *len;
	unsigned count = 0;

	if (*len == 0)
		return false;
	*p += left + (newline != NULL);
	*len -= left + (newline != NULL);
	for (;;) {
		const char *tab = left ? memchr(at, '\t', left) : NULL;
		size_t field = tab ? (size_t)(tab - at) : left;

		if (count < TABLE_COLUMNS_MAX)
			ret[count++] = (struct table_field){ at, field };
		if (!tab)
			break;
		at += field + 1;
		left -= field + 1;
	}
	*ret_count = count;
	return true;
}

bool table_field_is(const struct table_field *field, const char *s)
{
	return strlen(s) == field->len && memcmp(field->p, s, field->len) == 0;
}

bool table_field_missing(const struct table_field *field)
{
	static const char *const words[] = {
		"<not-in-dump>", "<paged-out>",	 "<unmapped>",
		"<invalid>",	 "<no-symbols>", "<not-in-this-build>"
	};

	for (size_t i = 0; i < sizeof(words) / sizeof(*words); i++)
		if (table_field_is(field, words[i]))
			return true;
	return false;
}

/* --- columns: the words after "table:" in the help of a table's row --------------------------- */

struct columns {
	struct table_field name[TABLE_COLUMNS_MAX];
	unsigned count;
};

static struct columns columns_of(const struct node_row *row)
{
	struct columns columns = { .count = 0 };
	const char *p = row && strncmp(row->help, "table:", 6) == 0 ? row->help + 6 : "";

	while (*p == ' ' && columns.count < TABLE_COLUMNS_MAX) {
		size_t len = strcspn(++p, " ,;:(");

		if (len == 0)
			break;
		columns.name[columns.count++] = (struct table_field){ p, len };
		p += len;
	}
	return columns;
}

/* "module+rva" is module_rva: a name that needs no quotes in SQL and jq. */
static void write_name(struct text *out, const struct table_field *name)
{
	for (size_t i = 0; i < name->len; i++)
		text_char(out, isalnum((unsigned char)name->p[i]) ? name->p[i] : '_');
}

static void write_header(struct text *out, const char *before, const struct columns *columns)
{
	text_str(out, before);
	for (unsigned i = 0; i < columns->count; i++) {
		if (i)
			text_tab(out);
		write_name(out, &columns->name[i]);
	}
	text_line(out);
}

/* --- rows ------------------------------------------------------------------------------------- */

/* A file that is only a word has that word in each column. */
static void write_fields(struct text *out, const struct table_field *field, unsigned count,
			 unsigned columns)
{
	for (unsigned i = 0; i < columns; i++) {
		if (i)
			text_tab(out);
		if (i < count)
			text_bytes(out, field[i].p, field[i].len);
		else if (table_field_missing(&field[0]))
			text_bytes(out, field[0].p, field[0].len);
		else
			text_char(out, '-');
	}
	text_line(out);
}

static enum nd_status whole_table(struct text *out, const struct node_at *at,
				  const struct node_row *row)
{
	struct table_field field[TABLE_COLUMNS_MAX];
	struct columns columns = columns_of(row);
	unsigned count;
	struct text rows;
	enum nd_status st;

	text_init(&rows);
	write_header(out, "", &columns);
	st = table_render(&rows, at, row, 0);
	if (st == ND_OK) {
		const char *p = rows.p;
		size_t len = rows.len;

		while (out->failed == ND_OK && table_next_line(&p, &len, field, &count))
			write_fields(out, field, count, columns.count);
	}
	text_deinit(&rows);
	return st;
}

/* "pid<TAB>eprocess<TAB>": what a row of a process's table begins with. */
static void write_process(struct text *out, const struct nd_process_ref *ref)
{
	if (ref->pid_st == ND_OK)
		text_dec(out, nd_u64_of(ref->pid));
	else
		text_missing(out, ref->pid_st, ref->eprocess);
	text_tab(out);
	text_va(out, nd_u64_of(ref->eprocess));
	text_tab(out);
}

/* Write the rows of one process, whose file is `content`. */
typedef void process_rows_fn(struct text *out, const struct nd_process_ref *ref,
			     const struct columns *columns, const struct text *content);

static void process_lines(struct text *out, const struct nd_process_ref *ref,
			  const struct columns *columns, const struct text *content)
{
	struct table_field field[TABLE_COLUMNS_MAX];
	const char *p = content->p;
	size_t len = content->len;
	unsigned count;

	while (out->failed == ND_OK && table_next_line(&p, &len, field, &count)) {
		write_process(out, ref);
		write_fields(out, field, count, columns->count);
	}
}

static enum nd_status each_process(struct text *out, const struct node_at *at, const char *file,
				   process_rows_fn *write)
{
	const struct node_row *row = table_process_row(file);
	struct columns columns = columns_of(row);
	const struct nd_process_list *list;
	struct text content;
	enum nd_status st = nd_processes(at->dump, &list);

	text_init(&content);
	for (uint32_t i = 0; st == ND_OK && out->failed == ND_OK && i < list->count; i++) {
		uint32_t process = list->by_pid[i];

		st = table_render(&content, at, row, process);
		if (st == ND_OK)
			write(out, &list->ref[process], &columns, &content);
	}
	text_deinit(&content);
	return st;
}

static enum nd_status process_table(struct text *out, const struct node_at *at, const char *file)
{
	struct columns columns = columns_of(table_process_row(file));

	write_header(out, "pid\teprocess\t", &columns);
	return each_process(out, at, file, process_lines);
}

/* --- modules: the kernel's have no process, and the source "kernel" --------------------------- */

static void kernel_module(struct text *out, const struct columns *columns,
			  const struct columns *kernel, const struct table_field *field,
			  unsigned count)
{
	text_str(out, "-\t-");
	for (unsigned i = 0; i < columns->count; i++) {
		const struct table_field *name = &columns->name[i], *value = NULL;

		for (unsigned k = 0; k < kernel->count && k < count; k++)
			if (kernel->name[k].len == name->len &&
			    memcmp(kernel->name[k].p, name->p, name->len) == 0)
				value = &field[k];
		text_tab(out);
		if (value)
			text_bytes(out, value->p, value->len);
		else
			text_str(out, table_field_is(name, "source") ? "kernel" : "-");
	}
	text_line(out);
}

static enum nd_status kernel_modules(struct text *out, const struct node_at *at)
{
	const struct node_row *row = table_row_named(node_modules_rows, "list");
	struct columns columns = columns_of(table_process_row("modules")), kernel = columns_of(row);
	struct table_field field[TABLE_COLUMNS_MAX];
	unsigned count;
	struct text rows;
	enum nd_status st;

	text_init(&rows);
	st = table_render(&rows, at, row, 0);
	if (st == ND_OK) {
		const char *p = rows.p;
		size_t len = rows.len;

		while (out->failed == ND_OK && table_next_line(&p, &len, field, &count))
			kernel_module(out, &columns, &kernel, field, count);
	}
	text_deinit(&rows);
	return st;
}

/* --- tokens: facts become columns ------------------------------------------------------------- */

enum part {
	WHOLE,
	FIRST,	 /* word */
	REST,	 /* after the first word */
	PRESENT, /* the first words of those that say so, with | between; - without any */
	ENABLED,
	LIST, /* the first words of all, with | between */
};

static const struct {
	const char *column, *key;
	enum part part;
} token_column[] = {
	{ "token", "Token", WHOLE },
	{ "user", "User", FIRST },
	{ "user_name", "User", REST },
	{ "account", "Account", WHOLE },
	{ "integrity", "Integrity", FIRST },
	{ "elevation", "Elevation", WHOLE },
	{ "session", "Session", WHOLE },
	{ "logon_id", "LogonId", WHOLE },
	{ "type", "TokenType", REST },
	{ "app_container", "AppContainer", FIRST },
	{ "privileges_enabled", "Privilege", ENABLED },
	{ "privileges_present", "Privilege", PRESENT },
	{ "groups", "Group", LIST },
};
#define TOKEN_COLUMNS (sizeof(token_column) / sizeof(*token_column))

static bool contains(const struct table_field *field, const char *word)
{
	size_t len = strlen(word);

	for (size_t i = 0; field->len >= len && i <= field->len - len; i++)
		if (memcmp(field->p + i, word, len) == 0)
			return true;
	return false;
}

/* The wanted part of a fact; false where it has no such part. */
static bool take_part(struct table_field *value, enum part part)
{
	const char *blank = value->len ? memchr(value->p, ' ', value->len) : NULL;
	size_t first = blank ? (size_t)(blank - value->p) : value->len;
	bool missing = table_field_missing(value);

	if ((part == PRESENT && !missing && !contains(value, "present")) ||
	    (part == ENABLED && !missing && !contains(value, "enabled")) ||
	    (part == REST && !missing && !blank))
		return false;
	if (part == REST && !missing)
		*value = (struct table_field){ value->p + first + 1, value->len - first - 1 };
	else if (part != WHOLE)
		value->len = first;
	return true;
}

static void token_value(struct text *out, const struct text *facts, const char *key, enum part part)
{
	struct table_field field[TABLE_COLUMNS_MAX];
	const char *p = facts->p;
	size_t len = facts->len, before = out->len;
	char name[40];
	unsigned count;

	stpcpy(stpcpy(name, key), ":");
	while (table_next_line(&p, &len, field, &count)) {
		struct table_field value = field[count > 1 ? 1 : 0];

		if (count > 1 ? !table_field_is(&field[0], name) : !table_field_missing(&value))
			continue; /* another fact; a lone word is true of all of them */
		if (!take_part(&value, part))
			continue;
		if (out->len > before)
			text_char(out, '|');
		text_bytes(out, value.p, value.len);
		if (part < PRESENT)
			break;
	}
	if (out->len == before)
		text_char(out, '-');
}

static void token_row(struct text *out, const struct nd_process_ref *ref,
		      const struct columns *columns, const struct text *content)
{
	(void)columns;
	write_process(out, ref);
	for (size_t i = 0; i < TOKEN_COLUMNS; i++) {
		if (i)
			text_tab(out);
		token_value(out, content, token_column[i].key, token_column[i].part);
	}
	text_line(out);
}

/* --- files ------------------------------------------------------------------------------------ */

static enum nd_status render_processes(struct text *out, const struct node_at *at)
{
	return whole_table(out, at, table_row_named(node_proc_rows, "list"));
}

static enum nd_status render_threads(struct text *out, const struct node_at *at)
{
	return process_table(out, at, "threadlist");
}

static enum nd_status render_handles(struct text *out, const struct node_at *at)
{
	return process_table(out, at, "handlelist");
}

static enum nd_status render_modules(struct text *out, const struct node_at *at)
{
	enum nd_status st = process_table(out, at, "modules");

	return st == ND_OK ? kernel_modules(out, at) : st;
}

static enum nd_status render_ssdt(struct text *out, const struct node_at *at)
{
	return whole_table(out, at, table_row_named(node_ssdt_rows, "table"));
}

static enum nd_status render_vads(struct text *out, const struct node_at *at)
{
	return process_table(out, at, "vad");
}

static enum nd_status render_tokens(struct text *out, const struct node_at *at)
{
	text_str(out, "pid\teprocess");
	for (size_t i = 0; i < TOKEN_COLUMNS; i++)
		text_printf(out, "\t%s", token_column[i].column);
	text_line(out);
	return each_process(out, at, "token", token_row);
}

static enum nd_status render_alpc(struct text *out, const struct node_at *at)
{
	return whole_table(out, at, table_row_named(node_alpc_rows, "list"));
}

/* NAME.ndjson is made of NAME.tsv beside it, which stays in the cache for whoever reads both. */
static enum nd_status render_json(struct text *out, const struct node_at *at)
{
	struct tree_content content;
	char name[40];
	uint64_t ino;
	size_t stem = strcspn(at->row->name, ".");
	enum nd_status st = tree_lookup(at->tree, TREE_ROOT_INO, "table", &ino);

	if (stem + sizeof(".tsv") > sizeof(name))
		return ND_EINVAL;
	memcpy(name, at->row->name, stem);
	memcpy(name + stem, ".tsv", sizeof(".tsv"));
	if (st == ND_OK)
		st = tree_lookup(at->tree, ino, name, &ino);
	if (st == ND_OK)
		st = tree_content_get(at->tree, ino, &content);
	if (st != ND_OK)
		return st;
	table_write_json(out, content.p, content.len);
	tree_content_put(at->tree, &content);
	return ND_OK;
}

// clang-format off
const struct node_row node_table_rows[] = {
	{ "processes.tsv", "all of /proc/list with a header line", .render = render_processes, .flags = NODE_COSTLY },
	{ "processes.ndjson", "processes.tsv as one JSON object a line", .render = render_json, .flags = NODE_COSTLY },
	{ "threads.tsv", "pid and eprocess, then the columns of proc/<pid>/threadlist, of all processes; with a header line", .render = render_threads, .flags = NODE_COSTLY },
	{ "threads.ndjson", "threads.tsv as one JSON object a line", .render = render_json, .flags = NODE_COSTLY },
	{ "handles.tsv", "pid and eprocess, then the columns of proc/<pid>/handlelist, of all processes; with a header line", .render = render_handles, .flags = NODE_COSTLY },
	{ "handles.ndjson", "handles.tsv as one JSON object a line", .render = render_json, .flags = NODE_COSTLY },
	{ "modules.tsv", "pid and eprocess, then the columns of proc/<pid>/modules, of all processes; the kernel's at the end with - for pid and eprocess and the source kernel; with a header line", .render = render_modules, .flags = NODE_COSTLY },
	{ "modules.ndjson", "modules.tsv as one JSON object a line", .render = render_json, .flags = NODE_COSTLY },
	{ "ssdt.tsv", "all of /ssdt/table with a header line", .render = render_ssdt, .flags = NODE_COSTLY },
	{ "ssdt.ndjson", "ssdt.tsv as one JSON object a line", .render = render_json, .flags = NODE_COSTLY },
	{ "vads.tsv", "pid and eprocess, then the columns of proc/<pid>/vad, of all processes; with a header line", .render = render_vads, .flags = NODE_COSTLY },
	{ "vads.ndjson", "vads.tsv as one JSON object a line", .render = render_json, .flags = NODE_COSTLY },
	{ "tokens.tsv", "pid eprocess token user user_name account integrity elevation session logon_id type app_container privileges_enabled privileges_present groups: one row a process, lists with | between; with a header line", .render = render_tokens, .flags = NODE_COSTLY },
	{ "tokens.ndjson", "tokens.tsv as one JSON object a line", .render = render_json, .flags = NODE_COSTLY },
	{ "alpc.tsv", "all of /alpc/list with a header line", .render = render_alpc, .flags = NODE_COSTLY },
	{ "alpc.ndjson", "alpc.tsv as one JSON object a line", .render = render_json, .flags = NODE_COSTLY },
	{ 0 }
};
// clang-format on
