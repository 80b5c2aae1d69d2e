/*
 * fs/nodes/norm.c - /norm: what can be compared between boots. No ids, no addresses, no symbols,
 * rows in the order of their text.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nodes/norm.h"
#include "nodes/objects.h"
#include "nt/handle.h"
#include "nt/peer.h"
#include "nt/system_call.h"
#include "nt/trap_frame.h"
#include "ntdump.h"

/* --- names: image, session, number ------------------------------------------------------------ */

static void peer_name(const struct nd_peer *peer, char name[NODE_NAME_MAX + 1])
{
	char image[256], session[24] = "-";

	text_file_name_utf8(peer->image, strlen(peer->image), image);
	if (peer->session.st == ND_OK)
		snprintf(session, sizeof(session), "%llu", (unsigned long long)peer->session.value);
	else if (peer->session.st != ND_NONE)
		snprintf(session, sizeof(session), "x");
	snprintf(name, NODE_NAME_MAX + 1, "%.200s.s%s.%u", image, session, peer->number);
}

static enum nd_status next_peer(const struct node_at *dir, uint64_t *cursor, struct node_entry *ret)
{
	const struct nd_peer_list *list;
	enum nd_status st = nd_peers(dir->dump, &list);

	if (st != ND_OK)
		return st;
	if (*cursor >= list->count)
		return ND_ENOENT;
	ret->key = list->peer[*cursor].process;
	peer_name(&list->peer[(*cursor)++], ret->name);
	return ND_OK;
}

static void about_peer(const struct node_at *at, struct node_about *ret)
{
	const struct nd_process_ref *ref;

	if (at_process_ref(at, &ref) != ND_OK)
		return;
	ret->address = ref->eprocess;
	ret->type = "Process";
	ret->source = layout_source_name(at->dump);
}

/* --- rows in the order of their text ---------------------------------------------------------- */

struct line {
	const char *p;
	size_t len;
};

static int compare_lines(const void *a, const void *b)
{
	const struct line *x = a, *y = b;
	int order = memcmp(x->p, y->p, x->len < y->len ? x->len : y->len);

	return order ? order : (x->len > y->len) - (x->len < y->len);
}

/* The lines of `rows`, each with its end, in C-locale order. Frees rows. */
static enum nd_status write_sorted(struct text *out, struct text *rows)
{
	struct line *line = NULL;
	size_t count = 0, n = 0;
	enum nd_status st = rows->failed;

	for (size_t i = 0; i < rows->len; i++)
		count += rows->p[i] == '\n';
	if (st == ND_OK && count > 0) {
		line = calloc(count, sizeof(*line));
		st = line ? ND_OK : ND_ENOMEM;
	}
	for (size_t from = 0, i = 0; line && i < rows->len; i++) {
		if (rows->p[i] != '\n')
			continue;
		line[n++] = (struct line){ rows->p + from, i + 1 - from };
		from = i + 1;
	}
	if (line)
		qsort(line, count, sizeof(*line), compare_lines);
	for (size_t i = 0; i < n; i++)
		text_bytes(out, line[i].p, line[i].len);
	free(line);
	text_deinit(rows);
	return st;
}

typedef enum nd_status rows_fn(struct text *rows, const struct node_at *at);

static enum nd_status render_sorted(struct text *out, const struct node_at *at, rows_fn *fill)
{
	struct text rows;
	enum nd_status st;

	text_init(&rows);
	st = fill(&rows, at);
	if (st != ND_OK) {
		text_deinit(&rows);
		return st;
	}
	return write_sorted(out, &rows);
}

/* --- threads ---------------------------------------------------------------------------------- */

/* module+0xRVA whatever symbols are at hand. */
static void text_rva(struct text *out, const struct node_at *at, struct nd_u64 v)
{
	const struct nd_module_list *modules;
	const struct nd_module *module = NULL;
	enum nd_status st = v.st;

	if (st == ND_OK && v.value == 0)
		st = ND_NONE;
	if (st == ND_OK && nd_va_is_kernel(v.value))
		st = nd_kernel_modules(at->dump, &modules);
	else if (st == ND_OK)
		st = nd_process_modules(at->dump, at->key[0], &modules);
	if (st == ND_OK)
		module = nd_module_of(modules, v.value);
	if (st != ND_OK)
		text_missing(out, st, v.at);
	else if (module)
		text_printf(out, "%s+0x%llx", module->symbol_name,
			    (unsigned long long)(v.value - module->base));
	else
		text_str(out, "no-module");
}

static enum nd_status thread_row(struct text *out, const struct node_at *at,
				 const struct nd_thread *t)
{
	struct nd_trap_frame frame;
	struct nd_system_call call;
	enum nd_status st = nd_trap_frame_read(at->dump, t, &frame);

	if (nd_is_failure(st))
		return st;
	text_rva(out, at, nd_thread_start(t));
	text_tab(out);
	text_rva(out, at, st == ND_OK ? frame.rip : nd_u64_missing(st, t->trap_frame.value));
	text_tab(out);
	text_state(out, t);
	text_tab(out);
	st = nd_system_call_read(at->dump, t, &call);
	if (st != ND_OK)
		return st;
	text_service(out, at->dump, call.number);
	text_line(out);
	return ND_OK;
}

/* A row of which nothing can be read. */
static void absent_row(struct text *out, int columns, enum nd_status st)
{
	for (int column = 0; column < columns; column++) {
		if (column)
			text_tab(out);
		text_missing(out, st, 0);
	}
	text_line(out);
}

static enum nd_status fill_threads(struct text *rows, const struct node_at *at)
{
	const struct nd_thread_list *list;
	enum nd_status st = nd_threads(at->dump, at->key[0], &list);

	for (uint32_t i = 0; st == ND_OK && rows->failed == ND_OK && i < list->count; i++) {
		struct nd_thread t;

		st = nd_thread_read(at->dump, list->ref[i].ethread, &t);
		if (nd_is_missing(st)) {
			absent_row(rows, 4, st);
			st = ND_OK;
		} else if (st == ND_OK) {
			st = thread_row(rows, at, &t);
		}
	}
	return st;
}

static enum nd_status render_threads(struct text *out, const struct node_at *at)
{
	return render_sorted(out, at, fill_threads);
}

/* --- modules ---------------------------------------------------------------------------------- */

static void module_rows(struct text *rows, const struct nd_module_list *list)
{
	for (uint32_t i = 0; rows->failed == ND_OK && i < list->count; i++) {
		const struct nd_module *m = &list->module[i];

		text_ustr(rows, &m->name);
		text_tab(rows);
		text_dec(rows, m->size);
		text_tab(rows);
		text_hex_pad(rows, m->timestamp, 8);
		text_line(rows);
	}
}

static enum nd_status fill_modules(struct text *rows, const struct node_at *at)
{
	const struct nd_module_list *list;
	enum nd_status st = nd_process_modules(at->dump, at->key[0], &list);

	if (st == ND_OK)
		module_rows(rows, list);
	return st;
}

static enum nd_status render_modules(struct text *out, const struct node_at *at)
{
	return render_sorted(out, at, fill_modules);
}

static enum nd_status fill_drivers(struct text *rows, const struct node_at *at)
{
	const struct nd_module_list *list;
	enum nd_status st = nd_kernel_modules(at->dump, &list);

	if (st == ND_OK)
		module_rows(rows, list);
	return st;
}

static enum nd_status render_drivers(struct text *out, const struct node_at *at)
{
	return render_sorted(out, at, fill_drivers);
}

/* --- handles ---------------------------------------------------------------------------------- */

/* ImageFileName of an EPROCESS alone: tables have thousands of these. */
static void process_image(struct text *out, const struct nd_dump *dump, struct nd_u64 eprocess)
{
	uint32_t offset = nd_offset(dump, ND_M_EPROCESS_ImageFileName);
	char name[ND_IMAGE_NAME_BYTES + 1] = "";
	enum nd_status st = eprocess.st;

	if (st == ND_OK && !nd_va_is_kernel(eprocess.value))
		st = ND_INVALID;
	else if (st == ND_OK && offset == ND_OFFSET_ABSENT)
		st = ND_NOT_IN_BUILD;
	else if (st == ND_OK)
		st = nd_read(&dump->kernel, eprocess.value + offset, name, ND_IMAGE_NAME_BYTES);
	if (st != ND_OK)
		text_missing(out, st, eprocess.at);
	else
		text_utf8(out, name, strlen(name));
}

static void object_name(struct text *out, const struct nd_dump *dump,
			const struct nd_object *object)
{
	enum nd_object_kind kind = object->type ? object->type->kind : ND_OBJECT_OTHER;

	if (kind == ND_OBJECT_PROCESS)
		process_image(out, dump, nd_u64_of(object->object));
	else if (kind == ND_OBJECT_THREAD)
		process_image(out, dump,
			      nd_member_read(&dump->kernel, object->object, ND_M_KTHREAD_Process));
	else
		text_object_name(out, dump, object);
}

static bool is_word(char c)
{
	return (c >= '0' && c <= '9') || (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z');
}

/*
 * Programs put their own id into names ("SM0:3012:304:WilStaging_02"): what was written from
 * `start` on gets "<pid>" for it. Ids of one or two digits could be anything.
 */
static void replace_pid(struct text *out, size_t start, struct nd_u64 pid)
{
	char digits[24];
	size_t len = 0, copied = 0, tail_len = out->len - start;
	char *tail;

	if (pid.st == ND_OK && pid.value >= 100)
		len = (size_t)snprintf(digits, sizeof(digits), "%llu",
				       (unsigned long long)pid.value);
	if (out->failed != ND_OK || len == 0 || tail_len < len ||
	    !memmem(out->p + start, tail_len, digits, len))
		return;
	tail = malloc(tail_len);
	if (!tail) {
		text_fail(out, ND_ENOMEM);
		return;
	}
	memcpy(tail, out->p + start, tail_len);
	out->len = start;
	for (size_t i = 0; i + len <= tail_len; i++) {
		if (memcmp(tail + i, digits, len) != 0 || (i > 0 && is_word(tail[i - 1])) ||
		    (i + len < tail_len && is_word(tail[i + len])))
			continue;
		text_bytes(out, tail + copied, i - copied);
		text_str(out, "<pid>");
		copied = i + len;
		i = copied - 1;
	}
	text_bytes(out, tail + copied, tail_len - copied);
	free(tail);
}

static enum nd_status handle_row(struct text *out, const struct nd_dump *dump, struct nd_u64 pid,
				 const struct nd_handle *handle)
{
	struct nd_object object;
	enum nd_status st = nd_object_read(dump, handle->object, &object);
	size_t start;

	if (nd_is_failure(st))
		return st;
	if (st == ND_OK)
		text_object_type(out, &object);
	else
		text_missing(out, st, handle->object);
	text_printf(out, "\t0x%08x\t", handle->access);
	start = out->len;
	if (st == ND_OK)
		object_name(out, dump, &object);
	else
		text_missing(out, st, handle->object);
	replace_pid(out, start, pid);
	text_line(out);
	return ND_OK;
}

static enum nd_status fill_handles(struct text *rows, const struct node_at *at)
{
	struct nd_handle_iter iter = { .dump = at->dump };
	struct nd_handle handle;
	const struct nd_process_ref *ref;
	enum nd_status st = at_process_ref(at, &ref);

	if (st == ND_OK)
		st = nd_handle_table(at->dump, at->key[0], &iter.table);
	if (st != ND_OK)
		return st;
	if (iter.table->st != ND_OK && iter.table->st != ND_NONE)
		return missing_or_fail(rows, iter.table->st, iter.table->st_at);
	while (rows->failed == ND_OK && (st = nd_handle_iter_next(&iter, &handle)) == ND_OK) {
		st = handle_row(rows, at->dump, (struct nd_u64){ ref->pid, ref->pid_st, 0 },
				&handle);
		if (st != ND_OK)
			return st;
	}
	return st == ND_ENOENT ? ND_OK : st;
}

static enum nd_status render_handles(struct text *out, const struct node_at *at)
{
	return render_sorted(out, at, fill_handles);
}

// clang-format off
static const struct node_row process_rows[] = {
	{ "threads", "table: start rip state service, by module+0xRVA; no-module: code in no image", .render = render_threads, .flags = NODE_COSTLY },
	{ "modules", "table: name size timestamp",                                     .render = render_modules, .flags = NODE_COSTLY },
	{ "handles", "table: type access name; a process or thread by its image",      .render = render_handles, .flags = NODE_COSTLY },
	{ "status",  "facts of the process that no boot changes",                      .render = render_norm_status, .flags = NODE_COSTLY },
	{ 0 }
};

static const struct node_row processes_rows[] = {
	{ "<image>.s<session>.<n>", "each process: image, session (s- without), the how-manieth of these by create time, ended ones last",
	  .rows = process_rows, .next = next_peer, .about = about_peer },
	{ 0 }
};

const struct node_row node_norm_rows[] = {
	{ "proc",    "processes without ids and addresses, rows sorted by their text", .rows = processes_rows },
	{ "drivers", "table: name size timestamp, of the kernel's modules",            .render = render_drivers, .flags = NODE_COSTLY },
	{ 0 }
};
// clang-format on
