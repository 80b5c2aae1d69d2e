/*
 * fs/nodes/graph.c - /graph: who started whom, who talks to whom, and who shares what, for dot(1).
 * Made of the rows of the tables.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nodes/table.h"
#include "ntdump.h"

#define SHARED_MIN 2u
#define SHARED_MAX 12u /* an object that more processes hold says nothing, and hides the rest */
#define NAMES_MAX 3u   /* of the ports that an edge stands for */

/* --- processes: the rows of /proc/list -------------------------------------------------------- */

enum {
	PID,
	IMAGE,
	SESSION,
	EPROCESS,
	PPID,
	ACTIVE,
	LISTED,
	PROTECTION,
	INTEGRITY,
	JOB,
	SILO,
	TIME
};

struct process {
	struct table_field field[TABLE_COLUMNS_MAX];
	bool drawn; /* for the graphs that do not show all */
};

struct processes {
	struct text rows; /* what the fields point into */
	struct process *item;
	uint32_t count;
};

static void processes_free(struct processes *list)
{
	text_deinit(&list->rows);
	free(list->item);
}

static enum nd_status read_processes(const struct node_at *at, struct processes *ret)
{
	const struct node_row *row = table_row_named(node_proc_rows, "list");
	struct table_field field[TABLE_COLUMNS_MAX];
	const char *p;
	size_t len, lines = 0;
	unsigned count;
	enum nd_status st;

	*ret = (struct processes){ .count = 0 };
	text_init(&ret->rows);
	st = table_render(&ret->rows, at, row, 0);
	if (st != ND_OK)
		return st;
	for (size_t i = 0; i < ret->rows.len; i++)
		lines += ret->rows.p[i] == '\n';
	ret->item = calloc(lines + 1, sizeof(*ret->item));
	if (!ret->item)
		return ND_ENOMEM;
	p = ret->rows.p;
	len = ret->rows.len;
	while (ret->count < lines && table_next_line(&p, &len, field, &count))
		if (count > TIME) /* not the word for a list that cannot be read */
			memcpy(ret->item[ret->count++].field, field, sizeof(field));
	return ND_OK;
}

static int compare_fields(const struct table_field *a, const struct table_field *b)
{
	size_t n = a->len < b->len ? a->len : b->len;
	int order = n ? memcmp(a->p, b->p, n) : 0;

	return order ? order : (a->len > b->len) - (a->len < b->len);
}

static bool same(const struct table_field *a, const struct table_field *b)
{
	return compare_fields(a, b) == 0;
}

/* --- the words of dot ------------------------------------------------------------------------- */

/* Inside of quotes: the tables have no control characters. */
static void write_quoted(struct text *out, const struct table_field *f)
{
	for (size_t i = 0; i < f->len; i++) {
		if (f->p[i] == '"' || f->p[i] == '\\')
			text_char(out, '\\');
		text_char(out, f->p[i]);
	}
}

static void write_id(struct text *out, const struct table_field *f)
{
	text_char(out, '"');
	write_quoted(out, f);
	text_char(out, '"');
}

static void write_start(struct text *out, const char *name)
{
	text_printf(out,
		    "digraph %s {\n"
		    "\trankdir=LR; nodesep=0.12; ranksep=0.6;\n"
		    "\tnode [shape=box, style=filled, fillcolor=white, fontname=\"sans-serif\", "
		    "fontsize=10, height=0.3, margin=\"0.08,0.03\"];\n"
		    "\tedge [color=gray40, fontname=\"sans-serif\", fontsize=8, arrowsize=0.6];\n",
		    name);
}

static const char *color_of(const struct process *p)
{
	static const struct {
		const char *integrity, *color;
	} rows[] = { { "System", "gray90" },
		     { "Protected", "gray90" },
		     { "High", "moccasin" },
		     { "Low", "darkseagreen1" },
		     { "Untrusted", "darkseagreen1" } };

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		if (table_field_is(&p->field[INTEGRITY], rows[i].integrity))
			return rows[i].color;
	return "white";
}

/* A process that only other sources than the kernel's list know is red, a protected one is bold. */
static void write_process(struct text *out, const struct process *p, bool hidden)
{
	text_tab(out);
	write_id(out, &p->field[EPROCESS]);
	text_str(out, " [label=\"");
	write_quoted(out, &p->field[IMAGE]);
	text_str(out, "\\n");
	write_quoted(out, &p->field[PID]);
	if (hidden)
		text_str(out, " hidden");
	if (!table_field_is(&p->field[PROTECTION], "-")) {
		text_str(out, "\\n");
		write_quoted(out, &p->field[PROTECTION]);
	}
	text_printf(out, "\", fillcolor=%s%s%s];\n", color_of(p),
		    hidden ? ", color=red, fontcolor=red" : "",
		    table_field_is(&p->field[PROTECTION], "-") ? "" : ", penwidth=2");
}

/* --- processes.dot ---------------------------------------------------------------------------- */

/* The process that had the id when the child began: the last one that began before it. */
static const struct process *parent_of(const struct processes *list, const struct process *child)
{
	const struct process *best = NULL;

	if (table_field_is(&child->field[PPID], "0") || table_field_missing(&child->field[PPID]))
		return NULL;
	for (uint32_t i = 0; i < list->count; i++) {
		const struct process *p = &list->item[i];

		if (p != child && same(&p->field[PID], &child->field[PPID]) &&
		    compare_fields(&p->field[TIME], &child->field[TIME]) <= 0 &&
		    (!best || compare_fields(&p->field[TIME], &best->field[TIME]) > 0))
			best = p;
	}
	return best;
}

static nd_va address_in(const struct table_field *f)
{
	char hex[20] = "";

	if (f->len > 0 && f->len < sizeof(hex))
		memcpy(hex, f->p, f->len);
	return strtoull(hex, NULL, 16);
}

/* The process's place in nd_processes(), or UINT32_MAX. */
static uint32_t index_of(const struct node_at *at, const struct process *p,
			 const struct nd_process_list **ret)
{
	if (nd_processes(at->dump, ret) != ND_OK)
		return UINT32_MAX;
	return nd_process_index(*ret, address_in(&p->field[EPROCESS]));
}

static bool is_hidden(const struct node_at *at, const struct process *p)
{
	const struct nd_process_list *list;
	uint32_t index = index_of(at, p, &list);

	return index != UINT32_MAX && !list->ref[index].listed;
}

static void write_sessions(struct text *out, const struct node_at *at, struct processes *list)
{
	for (uint32_t i = 0; i < list->count && out->failed == ND_OK; i++) {
		const struct table_field *session = &list->item[i].field[SESSION];
		bool cluster = !table_field_is(session, "-") && !table_field_missing(session);

		if (list->item[i].drawn)
			continue;
		if (cluster) {
			text_str(out, "\tsubgraph \"cluster_session_");
			write_quoted(out, session);
			text_str(out, "\" {\n\tlabel=\"session ");
			write_quoted(out, session);
			text_str(out, "\"; color=gray70; fontname=\"sans-serif\";\n");
		}
		for (uint32_t k = i; k < list->count; k++)
			if (!list->item[k].drawn && same(&list->item[k].field[SESSION], session)) {
				write_process(out, &list->item[k], is_hidden(at, &list->item[k]));
				list->item[k].drawn = true;
			}
		if (cluster)
			text_str(out, "\t}\n");
	}
}

static enum nd_status render_processes(struct text *out, const struct node_at *at)
{
	struct processes list;
	enum nd_status st = read_processes(at, &list);

	if (st == ND_OK) {
		write_start(out, "processes");
		write_sessions(out, at, &list);
		for (uint32_t i = 0; i < list.count && out->failed == ND_OK; i++) {
			const struct process *parent = parent_of(&list, &list.item[i]);

			if (!parent)
				continue;
			text_tab(out);
			write_id(out, &parent->field[EPROCESS]);
			text_str(out, " -> ");
			write_id(out, &list.item[i].field[EPROCESS]);
			text_str(out, ";\n");
		}
		text_str(out, "}\n");
	}
	processes_free(&list);
	return st;
}

/* --- edges ------------------------------------------------------------------------------------ */

#define NAME_BYTES 64u

struct edge {
	uint32_t from, to;     /* processes */
	nd_va object;	       /* of a shared one; `to` counts for nothing then */
	char name[NAME_BYTES]; /* cut where it is too long */
};

struct edges {
	struct edge *item;
	size_t count, room;
};

static enum nd_status add_edge(struct edges *e, uint32_t from, uint32_t to, nd_va object,
			       const struct table_field *name)
{
	struct edge edge = { .from = from, .to = to, .object = object };
	size_t len = name->len < NAME_BYTES - 1 ? name->len : NAME_BYTES - 1;

	if (e->count == e->room) {
		size_t room = e->room ? e->room * 2 : 256;
		struct edge *p = realloc(e->item, room * sizeof(*p));

		if (!p)
			return ND_ENOMEM;
		e->item = p;
		e->room = room;
	}
	/* Not in the middle of a character, and not behind a lone backslash. */
	while (len > 0 && len < name->len && ((uint8_t)name->p[len] & 0xc0) == 0x80)
		len--;
	if (len > 0)
		memcpy(edge.name, name->p, len);
	e->item[e->count++] = edge;
	return ND_OK;
}

static int by_ends(const void *a, const void *b)
{
	const struct edge *x = a, *y = b;

	if (x->object != y->object)
		return x->object < y->object ? -1 : 1;
	if (x->from != y->from)
		return x->from < y->from ? -1 : 1;
	if (x->to != y->to)
		return x->to < y->to ? -1 : 1;
	return strcmp(x->name, y->name);
}

static void sort_edges(struct edges *e)
{
	if (e->count)
		qsort(e->item, e->count, sizeof(*e->item), by_ends);
}

static void write_name(struct text *out, const char *name)
{
	write_quoted(out, &(struct table_field){ name, strlen(name) });
}

static void draw(struct text *out, struct process *p)
{
	if (!p->drawn)
		write_process(out, p, false);
	p->drawn = true;
}

static void write_ends(struct text *out, struct processes *list, const struct edge *e)
{
	draw(out, &list->item[e->from]);
	draw(out, &list->item[e->to]);
	text_tab(out);
	write_id(out, &list->item[e->from].field[EPROCESS]);
	text_str(out, " -> ");
	write_id(out, &list->item[e->to].field[EPROCESS]);
}

/* Those between the same two are one, with the names of the first few. */
static void write_merged(struct text *out, struct processes *list, const struct edges *e)
{
	size_t next;

	for (size_t i = 0; i < e->count && out->failed == ND_OK; i = next) {
		unsigned names = 0;

		for (next = i; next < e->count && e->item[next].from == e->item[i].from &&
			       e->item[next].to == e->item[i].to;)
			next++;
		write_ends(out, list, &e->item[i]);
		text_str(out, " [label=\"");
		for (size_t k = i; k < next && names < NAMES_MAX; k++) {
			if (k > i && strcmp(e->item[k].name, e->item[k - 1].name) == 0)
				continue;
			if (names++)
				text_str(out, "\\n");
			write_name(out, e->item[k].name);
		}
		if (next - i > names)
			text_printf(out, "\\n%zu in all", next - i);
		text_str(out, "\"];\n");
	}
}

/* What adds the edges of one process, from the rows of one of its tables. */
typedef enum nd_status collect_fn(struct edges *e, const struct processes *list, uint32_t from,
				  const struct table_field f[], unsigned count);

static enum nd_status collect(struct edges *e, const struct processes *list,
			      const struct node_at *at, const char *table, collect_fn *fn)
{
	const struct node_row *row = table_process_row(table);
	struct table_field f[TABLE_COLUMNS_MAX];
	enum nd_status st = ND_OK;
	struct text rows;

	text_init(&rows);
	for (uint32_t i = 0; i < list->count && st == ND_OK; i++) {
		const struct nd_process_list *processes;
		uint32_t index = index_of(at, &list->item[i], &processes);
		const char *p;
		size_t len;
		unsigned count;

		if (index == UINT32_MAX)
			continue;
		st = table_render(&rows, at, row, index);
		p = rows.p;
		len = st == ND_OK ? rows.len : 0;
		while (st == ND_OK && table_next_line(&p, &len, f, &count))
			st = fn(e, list, i, f, count);
	}
	text_deinit(&rows);
	return st;
}

static uint32_t find(const struct processes *list, int column, const struct table_field *value)
{
	for (uint32_t i = 0; i < list->count; i++)
		if (same(&list->item[i].field[column], value))
			return i;
	return UINT32_MAX;
}

/* --- alpc.dot --------------------------------------------------------------------------------- */

enum { PORT, KIND, PEER_PID, PEER_IMAGE, PORT_NAME };
enum { CLIENT_PID, CLIENT_TID, SERVER_PID, SERVER_TID, WAIT_PORT, WAIT_NAME };

static enum nd_status collect_ports(struct edges *e, const struct processes *list, uint32_t from,
				    const struct table_field f[], unsigned count)
{
	uint32_t to;

	if (count <= PORT_NAME || !table_field_is(&f[KIND], "client"))
		return ND_OK;
	to = find(list, PID, &f[PEER_PID]);
	return to != UINT32_MAX ? add_edge(e, from, to, 0, &f[PORT_NAME]) : ND_OK;
}

/* Who waits for an answer: red. */
static enum nd_status write_waits(struct text *out, const struct node_at *at,
				  struct processes *list)
{
	struct table_field f[TABLE_COLUMNS_MAX];
	struct text rows;
	const char *p;
	size_t len;
	unsigned count;
	enum nd_status st;

	text_init(&rows);
	st = table_render(&rows, at, table_row_named(node_alpc_rows, "waits"), 0);
	p = rows.p;
	len = st == ND_OK ? rows.len : 0;
	while (table_next_line(&p, &len, f, &count)) {
		struct edge e = { 0 };

		if (count <= WAIT_NAME)
			continue;
		e.from = find(list, PID, &f[CLIENT_PID]);
		e.to = find(list, PID, &f[SERVER_PID]);
		if (e.from == UINT32_MAX || e.to == UINT32_MAX)
			continue;
		write_ends(out, list, &e);
		text_str(out, " [color=red, fontcolor=red, penwidth=2, label=\"thread ");
		write_quoted(out, &f[CLIENT_TID]);
		text_str(out, " waits for ");
		write_quoted(out, &f[SERVER_TID]);
		text_str(out, "\\n");
		write_quoted(out, &f[WAIT_NAME]);
		text_str(out, "\"];\n");
	}
	text_deinit(&rows);
	return st;
}

static enum nd_status render_alpc(struct text *out, const struct node_at *at)
{
	struct processes list;
	struct edges e = { 0 };
	enum nd_status st = read_processes(at, &list);

	if (st == ND_OK)
		st = collect(&e, &list, at, "alpc", collect_ports);
	if (st == ND_OK) {
		sort_edges(&e);
		write_start(out, "alpc");
		write_merged(out, &list, &e);
		st = write_waits(out, at, &list);
		text_str(out, "}\n");
	}
	free(e.item);
	processes_free(&list);
	return st;
}

/* --- objects.dot ------------------------------------------------------------------------------ */

enum { HANDLE, TYPE, ACCESS, OBJECT, OBJECT_NAME };

/* Handles to processes lead to them; others to an object, whose name is "type name". */
static enum nd_status collect_handles(struct edges *e, const struct processes *list, uint32_t from,
				      const struct table_field f[], unsigned count)
{
	uint32_t to;
	char what[NAME_BYTES];
	int len;

	if (count <= OBJECT_NAME || address_in(&f[OBJECT]) == 0)
		return ND_OK;
	if (table_field_is(&f[TYPE], "Process")) {
		to = find(list, EPROCESS, &f[OBJECT]);
		return to != UINT32_MAX && to != from ? add_edge(e, from, to, 0, &f[ACCESS])
						      : ND_OK;
	}
	if (table_field_missing(&f[TYPE]) || table_field_is(&f[OBJECT_NAME], "-"))
		return ND_OK;
	len = snprintf(what, sizeof(what), "%.*s %.*s", (int)(f[TYPE].len < 20 ? f[TYPE].len : 20),
		       f[TYPE].p, (int)(f[OBJECT_NAME].len < 200 ? f[OBJECT_NAME].len : 200),
		       f[OBJECT_NAME].p);
	if (len >= (int)sizeof(what))
		len = (int)sizeof(what) - 1;
	while (len > 0 && ((uint8_t)what[len - 1] & 0x80)) /* perhaps cut in a character */
		len--;
	return add_edge(e, from, UINT32_MAX, address_in(&f[OBJECT]),
			&(struct table_field){ what, (size_t)len });
}

/* Named objects that a few processes have; each process once. */
static void write_shared(struct text *out, struct processes *list, const struct edges *e,
			 uint64_t *ret_left_out)
{
	size_t next;

	for (size_t i = 0; i < e->count && out->failed == ND_OK; i = next) {
		unsigned holders = 0;

		for (next = i; next < e->count && e->item[next].object == e->item[i].object; next++)
			holders += next == i || e->item[next].from != e->item[next - 1].from;
		*ret_left_out += holders > SHARED_MAX;
		if (holders < SHARED_MIN || holders > SHARED_MAX)
			continue;
		text_printf(out, "\t\"object 0x%016llx\" [shape=ellipse, fillcolor=azure, label=\"",
			    (unsigned long long)e->item[i].object);
		write_name(out, e->item[i].name);
		text_str(out, "\"];\n");
		for (size_t k = i; k < next; k++) {
			if (k > i && e->item[k].from == e->item[k - 1].from)
				continue;
			draw(out, &list->item[e->item[k].from]);
			text_tab(out);
			write_id(out, &list->item[e->item[k].from].field[EPROCESS]);
			text_printf(out, " -> \"object 0x%016llx\" [arrowhead=none];\n",
				    (unsigned long long)e->item[i].object);
		}
	}
}

static enum nd_status render_objects(struct text *out, const struct node_at *at)
{
	struct processes list;
	struct edges all = { 0 }, opened = { 0 }, shared = { 0 };
	uint64_t left_out = 0;
	enum nd_status st = read_processes(at, &list);

	if (st == ND_OK)
		st = collect(&all, &list, at, "handlelist", collect_handles);
	if (st == ND_OK) {
		sort_edges(&all); /* those without an object first */
		opened = all;
		for (opened.count = 0; opened.count < all.count;)
			if (all.item[opened.count].object != 0)
				break;
			else
				opened.count++;
		shared.item = all.item ? all.item + opened.count : NULL;
		shared.count = all.count - opened.count;
		write_start(out, "objects");
		write_merged(out, &list, &opened);
		write_shared(out, &list, &shared, &left_out);
		text_printf(out,
			    "\t// left out: %llu objects that more than %u processes hold\n}\n",
			    (unsigned long long)left_out, SHARED_MAX);
	}
	free(all.item);
	processes_free(&list);
	return st;
}

// clang-format off
const struct node_row node_graph_rows[] = {
	{ "processes.dot", "who started whom, by session; red: hidden, bold: protected. For dot -Tsvg", .render = render_processes, .flags = NODE_COSTLY },
	{ "alpc.dot",      "who is connected with whom by ALPC; red: who waits for an answer",          .render = render_alpc, .flags = NODE_COSTLY },
	{ "objects.dot",   "processes that others have opened, and named objects that 2 to 12 of them share", .render = render_objects, .flags = NODE_COSTLY },
	{ 0 }
};
// clang-format on
