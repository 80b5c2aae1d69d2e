/*
 * engine/nt/directory.c - walks the hash chains of an OBJECT_DIRECTORY, bounded and cycle-safe.
 */
#include <stdlib.h>

#include "nt/directory.h"
#include "seen.h"
#include "sym/rec.h"

#define BUCKETS 37u /* OBJECT_DIRECTORY.HashBuckets, the same in all builds */

struct walk {
	const struct nd_dump *dump;
	struct nd_directory *directory;
	struct nd_problems *problems;
	struct nd_seen seen; /* OBJECT_DIRECTORY_ENTRYs */
	uint32_t cap;
};

static void broken(struct walk *w, nd_va at, enum nd_status st)
{
	w->directory->whole = false;
	nd_problem_add(w->problems, (struct nd_problem){ .kind = ND_PROBLEM_TREE,
							 .where = "OBJECT_DIRECTORY.HashBuckets",
							 .owner = w->directory->at,
							 .a = at,
							 .st = st });
}

static enum nd_status append(struct walk *w, nd_va object)
{
	struct nd_directory *d = w->directory;

	if (d->count == w->cap) {
		uint32_t cap = w->cap ? 2 * w->cap : 32;
		nd_va *grown = realloc(d->object, cap * sizeof(*grown));

		if (!grown)
			return ND_ENOMEM;
		d->object = grown;
		w->cap = cap;
	}
	d->object[d->count++] = object;
	return ND_OK;
}

/* One entry: its object is kept, *at moves on. Missing: the chain cannot be followed. */
static enum nd_status take_entry(struct walk *w, nd_va *at)
{
	struct nd_u64 object, next;

	if (!nd_va_is_kernel(*at) || *at & 7 || nd_seen_has(&w->seen, *at) ||
	    w->directory->count >= ND_DIRECTORY_ENTRIES_MAX)
		return ND_INVALID;
	if (nd_seen_add(&w->seen, *at) != ND_OK)
		return ND_ENOMEM;
	object = nd_member_read(&w->dump->kernel, *at, ND_M_OBJECT_DIRECTORY_ENTRY_Object);
	next = nd_member_read(&w->dump->kernel, *at, ND_M_OBJECT_DIRECTORY_ENTRY_ChainLink);
	if (object.st != ND_OK)
		return object.st;
	if (append(w, object.value) != ND_OK)
		return ND_ENOMEM;
	if (next.st == ND_OK)
		*at = next.value;
	return next.st;
}

static enum nd_status walk_chain(struct walk *w, nd_va at)
{
	while (at != 0) {
		enum nd_status st = take_entry(w, &at);

		if (nd_is_failure(st))
			return st;
		if (st != ND_OK) {
			broken(w, at, st);
			return ND_OK;
		}
	}
	return ND_OK;
}

enum nd_status nd_directory_read(const struct nd_dump *dump, nd_va directory,
				 struct nd_problems *problems, struct nd_directory *ret)
{
	struct nd_directory d = { .whole = true, .at = directory };
	struct walk w = { .dump = dump, .directory = &d, .problems = problems };
	uint32_t buckets = nd_offset(dump, ND_M_OBJECT_DIRECTORY_HashBuckets);
	uint8_t raw[BUCKETS * 8];
	enum nd_status st = ND_OK;

	if (buckets == ND_OFFSET_ABSENT)
		d.st = ND_NOT_IN_BUILD;
	else if (!nd_va_is_kernel(directory) || directory & 7)
		d.st = ND_INVALID;
	else
		d.st = nd_read(&dump->kernel, directory + buckets, raw, sizeof(raw));
	if (nd_is_failure(d.st))
		return d.st;
	for (unsigned i = 0; d.st == ND_OK && st == ND_OK && i < BUCKETS; i++)
		st = walk_chain(&w, nd_le64(raw + (size_t)i * 8));
	nd_seen_deinit(&w.seen);
	if (st != ND_OK)
		nd_directory_free(&d);
	else
		*ret = d;
	return st;
}

void nd_directory_free(struct nd_directory *directory)
{
	free(directory->object);
	*directory = (struct nd_directory){ 0 };
}

struct nd_u64 nd_root_directory(const struct nd_dump *dump)
{
	nd_va symbol = dump->symbol[ND_SYM_ObpRootDirectoryObject];
	struct nd_u64 root;

	if (symbol == 0)
		return nd_u64_missing(ND_NO_SYMBOLS, 0);
	root = nd_read_num(&dump->kernel, symbol, 8);
	if (root.st == ND_OK && (!nd_va_is_kernel(root.value) || root.value & 7))
		return nd_u64_missing(ND_INVALID, symbol);
	return root;
}
