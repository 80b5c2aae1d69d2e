/*
 * fs/nodes/lines.c - see lines.h.
 */
#include "nodes/lines.h"

#include <stdlib.h>
#include <string.h>

void lines_init(struct lines *l, const struct text *out)
{
	*l = (struct lines){ 0 };
	text_init(&l->text);
	l->text.missing = out->missing;
	l->text.missing_ctx = out->missing_ctx;
}

void lines_begin(struct lines *l)
{
	if (l->count == l->cap) {
		size_t cap = l->cap ? 2 * l->cap : 256;
		size_t *grown = realloc(l->start, cap * sizeof(*grown));

		if (!grown) {
			text_fail(&l->text, ND_ENOMEM);
			return;
		}
		l->start = grown;
		l->cap = cap;
	}
	l->start[l->count++] = l->text.len;
}

static int compare_lines(const void *a, const void *b, void *text)
{
	const char *p = (const char *)text + *(const size_t *)a;
	const char *q = (const char *)text + *(const size_t *)b;
	size_t n = strcspn(p, "\n"), m = strcspn(q, "\n");
	int order = memcmp(p, q, n < m ? n : m);

	return order ? order : n < m ? -1 : n > m;
}

void lines_write(struct lines *l, struct text *out)
{
	const char *last = NULL;
	size_t last_len = 0;

	text_char(&l->text, '\0'); /* strcspn stops at the end */
	if (l->text.failed != ND_OK) {
		text_fail(out, l->text.failed);
		return;
	}
	if (l->count > 1)
		qsort_r(l->start, l->count, sizeof(*l->start), compare_lines, l->text.p);
	for (size_t i = 0; i < l->count; i++) {
		const char *p = l->text.p + l->start[i];
		size_t len = strcspn(p, "\n") + 1;

		if (last && last_len == len && memcmp(last, p, len) == 0)
			continue;
		text_bytes(out, p, len);
		last = p;
		last_len = len;
	}
}

void lines_free(struct lines *l)
{
	text_deinit(&l->text);
	free(l->start);
}
