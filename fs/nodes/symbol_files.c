/*
 * fs/nodes/symbol_files.c - /dump/symbols: the symbol files that would help, one for each image that
 * says which one it was built with; what a symbol store is asked for.
 */
#include <stdlib.h>
#include <string.h>

#include "nodes/nodes.h"
#include "ntdump.h"

#define ROWS_MAX 65536u

struct row {
	char pdb[64], module[64];
	struct nd_guid_age id;
};

struct rows {
	struct row *row;
	uint32_t count, room;
};

static int compare_rows(const void *a, const void *b)
{
	const struct row *x = a, *y = b;
	char guid_x[33], guid_y[33];
	int order = strcmp(x->pdb, y->pdb);

	if (order)
		return order;
	nd_guid_text(x->id.guid, guid_x);
	nd_guid_text(y->id.guid, guid_y);
	order = strcmp(guid_x, guid_y);
	if (order)
		return order;
	if (x->id.age != y->id.age)
		return x->id.age < y->id.age ? -1 : 1;
	return strcmp(x->module, y->module);
}

static bool same_file(const struct row *a, const struct row *b)
{
	return strcmp(a->pdb, b->pdb) == 0 && memcmp(&a->id, &b->id, sizeof(a->id)) == 0;
}

/* Sort, and keep the first row of each file. */
static void sort_rows(struct rows *rows)
{
	uint32_t kept = 0;

	if (rows->count > 1)
		qsort(rows->row, rows->count, sizeof(*rows->row), compare_rows);
	for (uint32_t i = 0; i < rows->count; i++)
		if (kept == 0 || !same_file(&rows->row[kept - 1], &rows->row[i]))
			rows->row[kept++] = rows->row[i];
	rows->count = kept;
}

/* Room for one more: what is there twice goes first. */
static enum nd_status make_room(struct rows *rows)
{
	uint32_t room = rows->room ? rows->room * 2 : 512;
	struct row *more;

	if (rows->count < rows->room)
		return ND_OK;
	sort_rows(rows);
	if (rows->count < rows->room / 2)
		return ND_OK;
	more = room > ROWS_MAX ? NULL : reallocarray(rows->row, room, sizeof(*more));
	if (!more)
		return ND_ENOMEM;
	rows->row = more;
	rows->room = room;
	return ND_OK;
}

static enum nd_status add_module(struct rows *rows, const struct nd_space *space,
				 const struct nd_module *m)
{
	const struct nd_image *image;
	enum nd_status st = m->base_st == ND_OK ? nd_image_get(space, m->base, &image) : m->base_st;

	if (st != ND_OK)
		return nd_is_failure(st) ? st : ND_OK;
	if (image->id_st == ND_OK && image->pdb[0] != '\0') {
		st = make_room(rows);
		if (st == ND_OK) {
			struct row *row = &rows->row[rows->count++];

			*row = (struct row){ .id = image->id };
			memcpy(row->pdb, image->pdb, sizeof(row->pdb));
			memcpy(row->module, m->symbol_name, sizeof(row->module));
		}
	}
	nd_image_put(space->dump, image);
	return st;
}

static enum nd_status add_kernel(struct rows *rows, const struct nd_dump *dump)
{
	const struct nd_module_list *list;
	enum nd_status st = nd_kernel_modules(dump, &list);

	for (uint32_t i = 0; st == ND_OK && i < list->count; i++) {
		struct nd_space space = nd_kernel_space_of(dump, list->module[i].base);

		st = add_module(rows, &space, &list->module[i]);
	}
	return st;
}

static enum nd_status add_process(struct rows *rows, const struct nd_dump *dump, uint32_t process,
				  nd_va eprocess)
{
	const struct nd_module_list *list;
	struct nd_process p;
	struct nd_space space;
	enum nd_status st = nd_process_read(dump, eprocess, &p);

	if (st != ND_OK)
		return nd_is_failure(st) ? st : ND_OK;
	space = nd_process_space(dump, &p);
	st = nd_process_modules(dump, process, &list);
	for (uint32_t i = 0; st == ND_OK && i < list->count; i++)
		st = add_module(rows, &space, &list->module[i]);
	return st;
}

enum nd_status render_symbol_files(struct text *out, const struct node_at *at)
{
	const struct nd_process_list *list;
	struct rows rows = { 0 };
	enum nd_status st = add_kernel(&rows, at->dump);

	if (st == ND_OK)
		st = nd_processes(at->dump, &list);
	for (uint32_t i = 0; st == ND_OK && i < list->count; i++)
		st = add_process(&rows, at->dump, i, list->ref[i].eprocess);
	sort_rows(&rows);
	for (uint32_t i = 0; st == ND_OK && i < rows.count; i++) {
		text_pdb_key(out, rows.row[i].pdb, &rows.row[i].id);
		text_tab(out);
		text_str(out, rows.row[i].module);
		text_line(out);
	}
	free(rows.row);
	return st;
}
