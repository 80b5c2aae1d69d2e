/*
 * fs/tree_content.c - see tree.h: contents through the cache, attributes, and what a node tells
 * about itself beyond its row.
 */
#include <string.h>

#include "ntdump.h"
#include "tree_private.h"

#define FILETIME_PER_SECOND 10000000u
#define UNIX_EPOCH_SECONDS 11644473600 /* from 1601 to 1970 */

/* A read that failed spoils all of a text, also where a renderer took it for a missing value. */
static enum nd_status render_whole(const struct node_at *at, struct text *out)
{
	uint64_t before = nd_source_failures();
	enum nd_status st = at->row->render(out, at);

	if (nd_source_failures() != before && !nd_is_failure(st))
		st = ND_EIO;
	return st;
}

enum nd_status node_render(const struct node_at *at, struct text *out)
{
	uint64_t before = nd_source_failures();
	enum nd_status st;

	if (!at->row->render)
		return ND_EINVAL;
	if (!node_exists(at))
		return nd_source_failures() != before ? ND_EIO : ND_ENOENT;
	atomic_fetch_add_explicit(&at->tree->renders, 1, memory_order_relaxed);
	st = render_whole(at, out);
	if (!nd_is_missing(st))
		return st;
	if (tree_kind_of(at) == TREE_LINK)
		return ND_ENOENT;
	text_missing(out, st, 0); /* the whole value is the reason */
	text_char(out, '\n');
	return ND_OK;
}

enum nd_status tree_content_get(struct tree *tree, uint64_t ino, struct tree_content *ret)
{
	struct content *content;
	enum nd_status st = content_cache_get(tree->cache, ino, &content);

	if (st != ND_OK)
		return st;
	ret->p = content_bytes(content, &ret->len);
	ret->hold = content;
	return ND_OK;
}

const struct node_raw *tree_raw_of(struct tree *tree, uint64_t ino, struct node_at *ret)
{
	return tree_at(tree, ino, ret) == ND_OK ? ret->row->raw : NULL;
}

void tree_content_put(struct tree *tree, struct tree_content *content)
{
	content_cache_put(tree->cache, content->hold);
	*content = (struct tree_content){ 0 };
}

/* What the node itself tells. */
static struct node_about about_self(const struct node_at *at)
{
	struct node_about about = { 0 };

	if (at->row->about)
		at->row->about(at, &about);
	return about;
}

enum nd_status tree_about(struct tree *tree, uint64_t ino, struct node_about *ret)
{
	struct node_about about, above = { 0 };
	struct node_at at;
	enum nd_status st = tree_at(tree, ino, &at);

	if (st != ND_OK)
		return st;
	about = about_self(&at);
	if (at.row->source)
		about.source = at.row->source(&at);
	if (!at.row->about) { /* the nearest directory above says whose part this is */
		while (at.instance != PLACE_ROOT && !at.row->about)
			at = node_at_place(tree, tree->place[at.instance].parent, at.key);
		above = about_self(&at);
		about.address = above.address;
		about.type = above.type;
	}
	*ret = about;
	return ND_OK;
}

bool unix_time(uint64_t filetime, int64_t *ret_seconds, uint32_t *ret_nanoseconds)
{
	if (filetime == 0 || filetime > INT64_MAX)
		return false;
	*ret_seconds = (int64_t)(filetime / FILETIME_PER_SECOND) - UNIX_EPOCH_SECONDS;
	*ret_nanoseconds = (uint32_t)(filetime % FILETIME_PER_SECOND) * 100;
	return true;
}

static void set_mtime(const struct node_at *at, struct tree_attr *attr)
{
	struct node_about about = about_self(at);

	attr->mtime_seconds = at->tree->mtime_seconds;
	attr->mtime_nanoseconds = at->tree->mtime_nanoseconds;
	unix_time(about.filetime, &attr->mtime_seconds, &attr->mtime_nanoseconds);
}

enum nd_status tree_attr(struct tree *tree, uint64_t ino, struct tree_attr *ret)
{
	struct tree_attr attr = { .links = 1 }; /* for a directory: not counted */
	struct tree_content content;
	struct node_at at;
	enum nd_status st = tree_at(tree, ino, &at);

	if (st != ND_OK)
		return st;
	attr.kind = tree_kind_of(&at);
	if (at.row->raw) {
		uint64_t present = nd_source_counts(at.dump->src).present_pages << ND_PAGE_SHIFT;

		st = at.row->raw->size(&at, &attr.size);
		if (st != ND_OK)
			return st;
		present = present > 0 ? present : ND_PAGE_BYTES; /* none: some tools read nothing */
		/* Less than all, whatever there is: cp(1) and tar(1) then look for holes. */
		attr.stored = attr.size > ND_PAGE_BYTES ? attr.size - ND_PAGE_BYTES : attr.size;
		attr.stored = present < attr.stored ? present : attr.stored;
	} else if (attr.kind != TREE_DIR) {
		st = tree_content_get(tree, ino, &content);
		if (st != ND_OK)
			return st;
		attr.size = content.len;
		attr.stored = content.len;
		tree_content_put(tree, &content);
	}
	set_mtime(&at, &attr);
	*ret = attr;
	return ND_OK;
}

struct tree_counts tree_counts(const struct tree *tree)
{
	struct content_counts cache = content_cache_counts(tree->cache);

	return (struct tree_counts){
		.renders = tree->renders,
		.cache_hits = cache.hits,
		.cache_misses = cache.misses,
		.cache_evictions = cache.evictions,
		.cache_entries = cache.entries,
		.cache_bytes = cache.bytes,
	};
}
