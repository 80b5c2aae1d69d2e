/*
 * fs/nodes/lines.h - lines of text that are collected in any order and written sorted: tables whose
 * rows do not come in the order of their first column.
 */
#ifndef FS_LINES_H
#define FS_LINES_H

#include "text.h"

struct lines {
	struct text text; /* write each line here, after lines_begin(); it ends with a newline */
	size_t *start;
	size_t count, cap;
};

/* `out` is where they will go: it is told of missing values as they are written. */
void lines_init(struct lines *l, const struct text *out);
void lines_begin(struct lines *l);
/* Sorted in C-locale order, equal lines once. The first failure is handed on to `out`. */
void lines_write(struct lines *l, struct text *out);
void lines_free(struct lines *l);

#endif
