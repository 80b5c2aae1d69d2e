/*
 * fs/tree_path.c - the way from the root to a node (tree_path), and the walk through all that is
 * listed which /dump/missing is made of. Names are asked for again, as nothing is kept for them.
 */
#include <stdlib.h>
#include <string.h>

#include "tree_private.h"

#define SEARCH_STEPS_MAX 1000000u /* entries looked at to find one inside a directory that nests */

/* Append "/name" (without the slash at the start). False when it does not fit. */
static bool append(char *path, size_t bytes, const char *name)
{
	size_t len = strlen(path);
	size_t slash = len > 0;
	size_t name_len = strlen(name);

	if (name_len + slash >= bytes - len)
		return false;
	if (slash)
		path[len++] = '/';
	memcpy(path + len, name, name_len + 1);
	return true;
}

static bool same_node(const struct node_at *a, const struct node_at *b)
{
	return node_ino(a) == node_ino(b);
}

struct search {
	const struct node_at *target;
	char *path;
	size_t bytes;
	unsigned steps;
};

/* Find the target among what `dir` lists, and below directories of a kind that holds itself. */
static enum nd_status search_below(struct search *search, const struct node_at *dir, int depth)
{
	size_t len = strlen(search->path);
	char name[NODE_NAME_MAX + 1];
	uint64_t cursor = 0;
	struct node_at child;
	enum nd_status st;

	while ((st = node_next(dir, &cursor, name, &child)) == ND_OK) {
		bool nests = dir->tree->place[child.instance].holds_itself;

		if (search->steps++ >= SEARCH_STEPS_MAX)
			return ND_ENOENT;
		if (!nests && !same_node(&child, search->target))
			continue;
		if (!append(search->path, search->bytes, name))
			return ND_EINVAL;
		if (same_node(&child, search->target))
			return ND_OK;
		if (depth < TREE_DEPTH_MAX)
			st = search_below(search, &child, depth + 1);
		else
			st = ND_ENOENT;
		if (st != ND_ENOENT)
			return st;
		search->path[len] = '\0';
	}
	return st;
}

/* Append the names of `at`'s parents and its own. */
static enum nd_status path_of(const struct node_at *at, char *ret, size_t bytes)
{
	struct tree *tree = at->tree;
	const struct place *place = &tree->place[at->instance];
	struct search search = { .target = at, .path = ret, .bytes = bytes };
	struct node_at dir = node_at_place(tree, place->parent, at->key);
	enum nd_status st;

	if (at->instance == PLACE_ROOT)
		return ND_OK;
	st = path_of(&dir, ret, bytes); /* as deep as the tables: tree_new() has bounded it */
	if (st != ND_OK)
		return st;
	if (place->dynamic)
		return search_below(&search, &dir, 0);
	return append(ret, bytes, place->row->name) ? ND_OK : ND_EINVAL;
}

enum nd_status tree_path(struct tree *tree, uint64_t ino, char *ret, size_t bytes)
{
	struct node_at at;
	enum nd_status st = tree_at(tree, ino, &at);
	char *path;

	if (st != ND_OK || bytes == 0)
		return st != ND_OK ? st : ND_EINVAL;
	path = calloc(1, bytes);
	if (!path)
		return ND_ENOMEM;
	st = path_of(&at, path, bytes);
	if (st == ND_OK)
		memcpy(ret, path, bytes);
	free(path);
	return st;
}

/* --- what is missing -------------------------------------------------------------------------- */

struct collector {
	tree_missing_fn *fn;
	void *ctx;
	struct text text; /* reused from file to file */
	char path[TREE_DEPTH_MAX * (NODE_NAME_MAX + 1)];
};

static void tell_missing(void *ctx, nd_va address, enum nd_status reason)
{
	struct collector *collector = ctx;

	collector->fn(collector->ctx, collector->path, address, reason);
}

static enum nd_status collect_file(struct collector *collector, const struct node_at *at)
{
	struct text *text = &collector->text;
	enum nd_status st;

	text->len = 0;
	text->failed = ND_OK;
	text->copied = false;
	st = node_render(at, text);
	if (st == ND_OK)
		st = text->failed;
	return st == ND_ENOENT ? ND_OK : st; /* listed, but gone when looked at closely */
}

static enum nd_status collect_below(struct collector *collector, const struct node_at *dir,
				    int depth)
{
	size_t len = strlen(collector->path);
	char name[NODE_NAME_MAX + 1];
	uint64_t cursor = 0;
	struct node_at child;
	enum nd_status st;

	while ((st = node_next(dir, &cursor, name, &child)) == ND_OK) {
		enum tree_kind kind = tree_kind_of(&child);

		if (child.row->flags & NODE_COSTLY || child.row->raw || kind == TREE_LINK ||
		    !append(collector->path, sizeof(collector->path), name))
			continue;
		if (kind == TREE_FILE)
			st = collect_file(collector, &child);
		else if (depth < TREE_DEPTH_MAX)
			st = collect_below(collector, &child, depth + 1);
		collector->path[len] = '\0';
		if (st != ND_OK)
			return st;
	}
	return st == ND_ENOENT ? ND_OK : st;
}

enum nd_status tree_collect_missing(struct tree *tree, tree_missing_fn *fn, void *ctx)
{
	struct collector *collector = calloc(1, sizeof(*collector));
	enum nd_status st = collector ? ND_OK : ND_ENOMEM;
	struct node_at root;

	if (st == ND_OK)
		st = content_making_enter();
	if (st != ND_OK) {
		free(collector);
		return st;
	}
	collector->fn = fn;
	collector->ctx = ctx;
	text_init(&collector->text);
	collector->text.missing = tell_missing;
	collector->text.missing_ctx = collector;
	st = tree_at(tree, TREE_ROOT_INO, &root);
	if (st == ND_OK)
		st = collect_below(collector, &root, 0);
	text_deinit(&collector->text);
	content_making_leave();
	free(collector);
	return st;
}
