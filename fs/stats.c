/*
 * fs/stats.c - see stats.h.
 */
#include "stats.h"

#include <stdatomic.h>
#include <string.h>
#include <unistd.h>

#include "tree.h"

static const char *const names[STAT_COUNT] = {
	[STAT_LOOKUP] = "lookup",
	[STAT_FORGET] = "forget",
	[STAT_GETATTR] = "getattr",
	[STAT_READLINK] = "readlink",
	[STAT_OPEN] = "open",
	[STAT_READ] = "read",
	[STAT_LSEEK] = "lseek",
	[STAT_RELEASE] = "release",
	[STAT_OPENDIR] = "opendir",
	[STAT_READDIR] = "readdir",
	[STAT_READDIRPLUS] = "readdirplus",
	[STAT_RELEASEDIR] = "releasedir",
	[STAT_STATFS] = "statfs",
	[STAT_GETXATTR] = "getxattr",
	[STAT_LISTXATTR] = "listxattr",
	[STAT_PUSHED] = "pushed",
};

static atomic_uint_fast64_t counter[STAT_COUNT];

void stats_count(enum stat_name name)
{
	atomic_fetch_add_explicit(&counter[name], 1, memory_order_relaxed);
}

/* printf is not for signal handlers. */
struct lines {
	char p[2048];
	size_t len;
};

static void add_line(struct lines *lines, const char *name, uint64_t value)
{
	size_t name_len = strlen(name);
	char digits[20];
	size_t count = 0;

	do {
		digits[count++] = (char)('0' + value % 10);
		value /= 10;
	} while (value > 0);
	if (name_len + count + 2 > sizeof(lines->p) - lines->len)
		return;
	memcpy(lines->p + lines->len, name, name_len);
	lines->len += name_len;
	lines->p[lines->len++] = ' ';
	while (count > 0)
		lines->p[lines->len++] = digits[--count];
	lines->p[lines->len++] = '\n';
}

void stats_write(int fd, const struct tree *tree)
{
	struct tree_counts counts = tree_counts(tree);
	struct lines lines;
	uint64_t requests = 0;

	lines.len = 0;
	for (unsigned i = 0; i < STAT_COUNT; i++) {
		add_line(&lines, names[i], counter[i]);
		requests += i == STAT_FORGET || i == STAT_PUSHED ? 0 : counter[i];
	}
	add_line(&lines, "requests", requests); /* that somebody waited for */
	add_line(&lines, "renders", counts.renders);
	add_line(&lines, "cache_hits", counts.cache_hits);
	add_line(&lines, "cache_misses", counts.cache_misses);
	add_line(&lines, "cache_evictions", counts.cache_evictions);
	add_line(&lines, "cache_entries", counts.cache_entries);
	add_line(&lines, "cache_bytes", counts.cache_bytes);
	if (pwrite(fd, lines.p, lines.len, 0) == (ssize_t)lines.len)
		(void)!ftruncate(fd, (off_t)lines.len);
}
