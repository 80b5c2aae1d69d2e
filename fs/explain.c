/*
 * fs/explain.c - see explain.h.
 */
#include "explain.h"

#include <mntent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/xattr.h>

#include "tree.h"

#define DEPTH_MAX 8
#define PATTERN_MAX 512

static bool is_dynamic(const struct node_row *row)
{
	return row->name[0] == '<';
}

static const char *kind_of(const struct node_row *row)
{
	if (row->rows)
		return row->flags & NODE_UNLISTED ? "directory, not listed" : "directory";
	if (row->flags & NODE_LINK)
		return "link";
	if (row->raw)
		return "raw memory, not listed unless raw=list";
	return row->flags & NODE_UNLISTED ? "file, not listed" : "file";
}

/* "<hex>.windbg" takes what ends in ".windbg"; "<pid>" takes everything. */
static bool fits(const struct node_row *row, const char *name, size_t len)
{
	const char *tail = is_dynamic(row) ? strrchr(row->name, '>') : NULL;
	size_t tail_len;

	if (!tail)
		return strlen(row->name) == len && memcmp(row->name, name, len) == 0;
	tail_len = strlen(++tail);
	return len > tail_len && memcmp(name + len - tail_len, tail, tail_len) == 0;
}

static mode_t mode_of(const struct node_row *row)
{
	return row->rows ? S_IFDIR : row->flags & NODE_LINK ? S_IFLNK : S_IFREG;
}

/*
 * The row of a name; `kind` is of S_IFMT, or 0 for any. A static name wins over a dynamic one, a dynamic one
 * with an end over one without.
 */
static const struct node_row *child_of(const struct node_row *rows, const char *name, size_t len,
				       mode_t kind)
{
	const struct node_row *best = NULL;

	for (const struct node_row *r = rows; r->name; r++) {
		if (!fits(r, name, len) || (kind && kind != mode_of(r)))
			continue;
		if (!is_dynamic(r))
			return r;
		if (!best || strlen(strrchr(r->name, '>')) > strlen(strrchr(best->name, '>')))
			best = r;
	}
	return best;
}

/* The row of a path below the root, which leads to a `kind` or 0, and its pattern; NULL: none. */
static const struct node_row *row_of(const char *path, mode_t kind, char pattern[PATTERN_MAX])
{
	const struct node_row *rows = node_root_rows, *row = NULL;
	size_t used = 0;

	for (;;) {
		size_t len;
		bool last;

		path += strspn(path, "/");
		len = strcspn(path, "/");
		if (len == 0)
			return row;
		last = path[len + strspn(path + len, "/")] == '\0';
		row = rows ? child_of(rows, path, len, last ? kind : S_IFDIR) : NULL;
		if (!row || strlen(row->name) + 2 > PATTERN_MAX - used)
			return NULL;
		pattern[used++] = '/';
		used = (size_t)(stpcpy(pattern + used, row->name) - pattern);
		rows = row->rows;
		path += len;
	}
}

/* The absolute path without links, except that the last part may be one. The caller frees it. */
static char *real_of(const char *path)
{
	const char *slash = strrchr(path, '/');
	char *dir = slash ? strndup(path, (size_t)(slash - path) + 1) : strdup(".");
	char *real = dir ? realpath(dir, NULL) : NULL;
	const char *last = slash ? slash + 1 : path;
	char *whole = NULL;

	if (*last == '\0' || strcmp(last, ".") == 0 || strcmp(last, "..") == 0)
		whole = realpath(path, NULL);
	else if (real && asprintf(&whole, "%s/%s", strcmp(real, "/") == 0 ? "" : real, last) < 0)
		whole = NULL;
	free(real);
	free(dir);
	return whole;
}

/* The part of `real` below the mount that it is in; NULL: that is none of ours. */
static const char *below_mount(const char *real)
{
	FILE *mounts = setmntent("/proc/self/mounts", "r");
	const char *below = NULL;
	size_t longest = 0;
	struct mntent *m;

	while (mounts && (m = getmntent(mounts))) {
		size_t len = strcmp(m->mnt_dir, "/") == 0 ? 0 : strlen(m->mnt_dir);

		if (len < longest || strncmp(real, m->mnt_dir, len) != 0 ||
		    (real[len] != '/' && real[len] != '\0'))
			continue;
		longest = len;
		below = strcmp(m->mnt_type, "fuse.ntdumpfs") == 0 ? real + len : NULL;
	}
	if (mounts)
		endmntent(mounts);
	return below;
}

static void add_attribute(struct text *out, const char *path, const char *name, const char *key)
{
	char value[256];
	ssize_t len = lgetxattr(path, name, value, sizeof(value));

	if (len <= 0)
		return;
	text_printf(out, "%s:\t", key);
	text_utf8(out, value, (size_t)len);
	text_char(out, '\n');
}

enum nd_status explain_path(struct text *out, const char *path)
{
	char *real = real_of(path);
	const char *below = real ? below_mount(real) : NULL;
	char pattern[PATTERN_MAX] = "/";
	const char *asked = below ? below : path;
	struct stat st;
	mode_t kind = below && lstat(real, &st) == 0 ? st.st_mode & S_IFMT : 0;
	const struct node_row *row = row_of(asked, kind, pattern);
	bool root = asked[strspn(asked, "/")] == '\0';

	if (row || root) {
		text_printf(out, "Path:\t%s\n", pattern);
		text_printf(out, "Kind:\t%s\n", row ? kind_of(row) : "directory");
		text_printf(out, "What:\t%s\n", row ? row->help : "the mounted dump");
	}
	if (below && row) {
		add_attribute(out, real, "user.ntdump.type", "Object");
		add_attribute(out, real, "user.ntdump.address", "Address");
		add_attribute(out, real, "user.ntdump.source", "Symbols");
	}
	free(real);
	return row || root ? ND_OK : ND_ENOENT;
}

static void tell_rows(struct text *out, const struct node_row *rows, const char *path, int depth)
{
	for (const struct node_row *r = rows; r->name && depth < DEPTH_MAX; r++) {
		char below[PATTERN_MAX];

		text_printf(out, "%s/%s\t%s\t%s\n", path, r->name, kind_of(r), r->help);
		if (!r->rows || r->rows == rows ||
		    strlen(path) + strlen(r->name) + 2 > sizeof(below))
			continue;
		stpcpy(stpcpy(stpcpy(below, path), "/"), r->name);
		tell_rows(out, r->rows, below, depth + 1);
	}
}

void explain_tree(struct text *out)
{
	tell_rows(out, node_root_rows, "", 0);
}
