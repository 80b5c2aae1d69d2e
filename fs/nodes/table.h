/*
 * fs/nodes/table.h - what /table and /graph share: rows of the tables elsewhere in the tree, as
 * their own renderers write them.
 */
#ifndef FS_TABLE_H
#define FS_TABLE_H

#include "nodes/nodes.h"

extern const struct node_row node_table_rows[]; /* table.c */
extern const struct node_row node_graph_rows[]; /* graph.c */

/* The row of this name in a directory's rows, or NULL. */
const struct node_row *table_row_named(const struct node_row *rows, const char *name);
/* The row of the file `name` of each process's directory. */
const struct node_row *table_process_row(const char *name);

/*
 * What the file of `row` holds for the `process`-th process (or anything, for a file that is not
 * below a process), written over what `ret` held. A file that is one word holds that word. `at`:
 * the file that asks. A failure, or ND_OK.
 */
enum nd_status table_render(struct text *ret, const struct node_at *at, const struct node_row *row,
			    uint32_t process);

/* One field of a line; not NUL-terminated. */
struct table_field {
	const char *p;
	size_t len;
};
#define TABLE_COLUMNS_MAX 24

/*
 * Take the next line of the `*len` bytes at `*p` apart: true and up to TABLE_COLUMNS_MAX fields;
 * false at the end. The fields point into the text.
 */
bool table_next_line(const char **p, size_t *len, struct table_field ret[], unsigned *ret_count);
bool table_field_is(const struct table_field *field, const char *s);
/* One of the words for a value that cannot be read: "<not-in-dump>", ... */
bool table_field_missing(const struct table_field *field);

/* The lines of a .tsv, its header first, as one JSON object each: table_json.c */
void table_write_json(struct text *out, const char *tsv, size_t len);

#endif
