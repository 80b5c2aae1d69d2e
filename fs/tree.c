/*
 * fs/tree.c - see tree.h: the tables unfolded into places, inode numbers, lookup, listing, paths.
 */
#include "tree.h"

#include <stdlib.h>
#include <string.h>

#include "nt/system.h"
#include "ntdump.h"
#include "tree_private.h"

#define LEVEL_MAX 24u  /* deeper tables hold themselves by mistake */
#define CURSOR_BITS 44 /* of a dynamic row; above it the number of the row in its table */
#define CURSOR_MASK ((UINT64_C(1) << CURSOR_BITS) - 1)
#define ROWS_MAX 0x3ffu /* row numbers that keep a cursor below 2^54 */

/* --- unfolding -------------------------------------------------------------------------------- */

static bool row_is_dynamic(const struct node_row *row)
{
	return row->name[0] == '<';
}

/* One of render, rows and raw; what belongs to dynamic rows only there. */
static bool row_is_sound(const struct node_row *row)
{
	bool dynamic = row_is_dynamic(row);

	if (!!row->render + !!row->rows + !!row->raw != 1 || row->name[0] == '\0' ||
	    strchr(row->name, '/') || strlen(row->name) > NODE_NAME_MAX)
		return false;
	return dynamic ? row->next || row->find : !row->next && !row->find;
}

/* The place among the children of `parent` for a row, as a number; PLACES_MAX when there is none. */
static uint16_t place_of_row(const struct tree *tree, uint16_t parent, const struct node_row *row)
{
	const struct place *p = &tree->place[parent];

	for (uint16_t i = 0; i < p->children; i++)
		if (tree->place[p->child[i]].row == row)
			return p->child[i];
	return PLACES_MAX;
}

/* Append the place of `row` below `parent`. */
static enum nd_status place_add(struct tree *tree, uint16_t parent, const struct node_row *row,
				const struct node_row *table, uint16_t *ret)
{
	const struct place *up = &tree->place[parent];
	struct place place = {
		.row = row,
		.parent = parent,
		.keys = (uint8_t)(up->keys + row_is_dynamic(row)),
		.level = (uint8_t)(up->level + 1),
		.dynamic = row_is_dynamic(row),
	};

	if (!row_is_sound(row) || place.keys > NODE_KEYS || place.level > LEVEL_MAX ||
	    tree->places >= PLACES_MAX)
		return ND_EINVAL;
	place.holds_itself = place.dynamic && row->rows == table;
	if (tree->places == tree->places_cap) {
		uint32_t cap = tree->places_cap * 2;
		struct place *p = reallocarray(tree->place, cap, sizeof(*p));

		if (!p)
			return ND_ENOMEM;
		tree->place = p;
		tree->places_cap = cap;
	}
	*ret = (uint16_t)tree->places;
	tree->place[tree->places++] = place;
	return ND_OK;
}

/*
 * Make the places of the children of a directory. Where it holds itself, the dynamic rows are
 * those of its siblings: their keys replace its own.
 */
static enum nd_status unfold(struct tree *tree, uint16_t dir)
{
	const struct node_row *table = tree->place[dir].row->rows;
	uint16_t count = 0;
	uint16_t *child;

	while (count < ROWS_MAX && table[count].name)
		count++;
	if (table[count].name)
		return ND_EINVAL;
	child = calloc((size_t)count + 1, sizeof(*child));
	if (!child)
		return ND_ENOMEM;
	tree->place[dir].child = child; /* owned by the tree; counted when complete */
	for (uint16_t i = 0; i < count; i++) {
		const struct place *p = &tree->place[dir];
		enum nd_status st = ND_OK;

		if (p->holds_itself && row_is_dynamic(&table[i]))
			child[i] = place_of_row(tree, p->parent, &table[i]);
		else
			st = place_add(tree, dir, &table[i], table, &child[i]);
		if (st != ND_OK)
			return st;
	}
	tree->place[dir].children = count;
	return ND_OK;
}

static enum nd_status unfold_all(struct tree *tree, const struct node_row *root)
{
	tree->places_cap = 64;
	tree->place = calloc(tree->places_cap, sizeof(*tree->place));
	if (!tree->place)
		return ND_ENOMEM;
	tree->root_row = (struct node_row){ .name = "", .rows = root };
	tree->place[PLACE_ROOT].row = &tree->root_row;
	tree->places = 1;
	for (uint32_t i = 0; i < tree->places; i++) {
		enum nd_status st = ND_OK;

		if (tree->place[i].row->rows)
			st = unfold(tree, (uint16_t)i);
		if (st != ND_OK)
			return st;
	}
	return ND_OK;
}

static void set_time(struct tree *tree, const struct tree_options *options)
{

	struct nd_u64 crash;

	tree->mtime_seconds = options->default_mtime_seconds;
	tree->mtime_nanoseconds = options->default_mtime_nanoseconds;
	if (!tree->dump)
		return;
	crash = nd_crash_time(tree->dump);
	if (crash.st == ND_OK)
		unix_time(crash.value, &tree->mtime_seconds, &tree->mtime_nanoseconds);
}

static enum nd_status make_content(void *ctx, uint64_t ino, struct text *out)
{
	struct node_at at;
	enum nd_status st = tree_at(ctx, ino, &at);

	return st == ND_OK ? node_render(&at, out) : st;
}

enum nd_status tree_new(const struct nd_dump *dump, const struct node_row *root,
			const struct tree_options *options, struct tree **ret)
{
	struct tree *tree = calloc(1, sizeof(*tree));
	enum nd_status st;

	if (!tree)
		return ND_ENOMEM;
	tree->dump = dump;
	tree->raw = options->raw;
	set_time(tree, options);
	st = unfold_all(tree, root);
	if (st == ND_OK)
		st = content_cache_new(options->cache_bytes, make_content, tree, &tree->cache);
	if (st == ND_OK)
		*ret = tree;
	else
		tree_free(tree);
	return st;
}

void tree_free(struct tree *tree)
{
	if (!tree)
		return;
	content_cache_free(tree->cache);
	for (uint32_t i = 0; i < tree->places; i++)
		free(tree->place[i].child);
	free(tree->place);
	free(tree);
}

/* --- inode numbers ---------------------------------------------------------------------------- */

struct node_at node_at_place(struct tree *tree, uint16_t place, const uint32_t key[NODE_KEYS])
{
	struct node_at at = {
		.tree = tree,
		.dump = tree->dump,
		.row = tree->place[place].row,
		.instance = place,
	};

	for (unsigned i = 0; i < tree->place[place].keys && i < NODE_KEYS; i++)
		at.key[i] = key[i];
	return at;
}

uint64_t node_ino(const struct node_at *at)
{
	if (at->instance == PLACE_ROOT)
		return TREE_ROOT_INO;
	return (uint64_t)at->instance << 48 | (uint64_t)at->key[0] << 24 | at->key[1];
}

enum nd_status tree_at(struct tree *tree, uint64_t ino, struct node_at *ret)
{
	uint16_t place = (uint16_t)(ino >> 48);
	uint32_t key[NODE_KEYS] = { ino >> 24 & NODE_KEY_MAX, ino & NODE_KEY_MAX };
	struct node_at at;

	if (ino == TREE_ROOT_INO)
		key[1] = 0;
	if (place >= tree->places || (place == PLACE_ROOT) != (ino == TREE_ROOT_INO))
		return ND_ENOENT;
	at = node_at_place(tree, place, key);
	if (place != PLACE_ROOT && node_ino(&at) != ino)
		return ND_ENOENT; /* more keys than the place has */
	*ret = at;
	return ND_OK;
}

enum tree_kind tree_kind_of(const struct node_at *at)
{
	if (at->row->rows)
		return TREE_DIR;
	return at->row->flags & NODE_LINK ? TREE_LINK : TREE_FILE;
}

bool node_exists(const struct node_at *at)
{
	if (at->row->flags & NODE_RAW && at->tree->raw == TREE_RAW_OFF)
		return false;
	return !at->row->exists || at->row->exists(at);
}

uint64_t tree_parent(struct tree *tree, uint64_t ino)
{
	struct node_at at;

	if (tree_at(tree, ino, &at) != ND_OK)
		return TREE_ROOT_INO;
	at = node_at_place(tree, tree->place[at.instance].parent, at.key);
	return node_ino(&at);
}

/* --- lookup and listing ----------------------------------------------------------------------- */

/* A name that the kernel takes and that stays within its directory; a key that fits. */
static bool entry_is_sound(const struct node_entry *entry)
{
	size_t len = strnlen(entry->name, sizeof(entry->name));

	return len > 0 && len <= NODE_NAME_MAX && entry->key <= NODE_KEY_MAX &&
	       !memchr(entry->name, '/', len) && strcmp(entry->name, ".") != 0 &&
	       strcmp(entry->name, "..") != 0;
}

/* The child of `dir` at a place, with this key if it is dynamic. */
static struct node_at child_at(const struct node_at *dir, uint16_t place, uint32_t key)
{
	const struct place *p = &dir->tree->place[place];
	uint32_t keys[NODE_KEYS];

	memcpy(keys, dir->key, sizeof(keys));
	if (p->dynamic)
		keys[p->keys - 1] = key;
	return node_at_place(dir->tree, place, keys);
}

/* The next entry of a dynamic row that can be shown. */
static enum nd_status next_entry(const struct node_at *dir, const struct node_row *row,
				 uint64_t *cursor, struct node_entry *ret)
{
	uint64_t before;
	enum nd_status st;

	do {
		before = *cursor;
		ret->name[0] = '\0';
		st = row->next(dir, cursor, ret);
		if (st != ND_OK)
			return nd_is_missing(st) ? ND_ENOENT : st;
		if (*cursor == before || *cursor > CURSOR_MASK)
			return ND_EIO; /* it would never end, or not resume */
	} while (!entry_is_sound(ret));
	return ND_OK;
}

/* Search a dynamic row that has no `find`. */
static enum nd_status search_entry(const struct node_at *dir, const struct node_row *row,
				   const char *name, struct node_entry *ret)
{
	struct node_entry entry;
	uint64_t cursor = 0;
	enum nd_status st;

	while ((st = next_entry(dir, row, &cursor, &entry)) == ND_OK) {
		if (strcmp(entry.name, name) != 0)
			continue;
		*ret = entry;
		return ND_OK;
	}
	return st;
}

static enum nd_status lookup_dynamic(const struct node_at *dir, uint16_t place, const char *name,
				     struct node_at *ret)
{
	const struct node_row *row = dir->tree->place[place].row;
	struct node_entry entry = { .key = 0 };
	enum nd_status st;

	if (row->find)
		st = row->find(dir, name, &entry);
	else
		st = search_entry(dir, row, name, &entry);
	if (st != ND_OK)
		return nd_is_missing(st) ? ND_ENOENT : st;
	if (entry.key > NODE_KEY_MAX)
		return ND_ENOENT;
	*ret = child_at(dir, place, entry.key);
	return ND_OK;
}

static enum nd_status lookup_at(const struct node_at *dir, const char *name, struct node_at *ret)
{
	const struct place *p = &dir->tree->place[dir->instance];

	for (uint16_t i = 0; i < p->children; i++) {
		const struct place *child = &dir->tree->place[p->child[i]];

		if (child->dynamic || strcmp(child->row->name, name) != 0)
			continue;
		*ret = child_at(dir, p->child[i], 0);
		return node_exists(ret) ? ND_OK : ND_ENOENT;
	}
	for (uint16_t i = 0; i < p->children; i++) {
		enum nd_status st;

		if (!dir->tree->place[p->child[i]].dynamic)
			continue;
		st = lookup_dynamic(dir, p->child[i], name, ret);
		if (st != ND_ENOENT)
			return st;
	}
	return ND_ENOENT;
}

enum nd_status tree_lookup(struct tree *tree, uint64_t dir, const char *name, uint64_t *ret_ino)
{
	struct node_at at, child;
	enum nd_status st = tree_at(tree, dir, &at);
	uint64_t before;

	if (st != ND_OK)
		return st;
	if (strlen(name) > NODE_NAME_MAX)
		return ND_ENOENT;
	before = nd_source_failures();
	st = lookup_at(&at, name, &child);
	if (nd_source_failures() != before)
		return ND_EIO; /* the kernel would remember for ever that there is none */
	if (st == ND_OK)
		*ret_ino = node_ino(&child);
	return st;
}

/* The child of the row at this place, or ND_ENOENT when it has no (more) listed child. */
static enum nd_status next_of_place(const struct node_at *dir, uint16_t place, uint64_t *cursor,
				    char *name, struct node_at *ret)
{
	const struct place *p = &dir->tree->place[place];
	struct node_entry entry;
	enum nd_status st;

	if (p->row->flags & NODE_RAW && dir->tree->raw != TREE_RAW_LIST)
		return ND_ENOENT;
	if (p->row->flags & NODE_UNLISTED || (p->dynamic ? !p->row->next : *cursor > 0))
		return ND_ENOENT;
	if (!p->dynamic) {
		*cursor = 1;
		*ret = child_at(dir, place, 0);
		memcpy(name, p->row->name, strlen(p->row->name) + 1); /* place_add() checked it */
		return node_exists(ret) ? ND_OK : ND_ENOENT;
	}
	st = next_entry(dir, p->row, cursor, &entry);
	if (st == ND_OK) {
		*ret = child_at(dir, place, entry.key);
		memcpy(name, entry.name, strlen(entry.name) + 1);
	}
	return st;
}

enum nd_status node_next(const struct node_at *dir, uint64_t *cursor, char *name,
			 struct node_at *ret)
{
	const struct place *p = &dir->tree->place[dir->instance];
	uint64_t row = *cursor >> CURSOR_BITS;
	uint64_t inner = *cursor & CURSOR_MASK;

	for (; row < p->children; row++, inner = 0) {
		enum nd_status st = next_of_place(dir, p->child[row], &inner, name, ret);

		if (st == ND_OK)
			*cursor = row << CURSOR_BITS | inner;
		if (st != ND_ENOENT)
			return st;
	}
	return ND_ENOENT;
}

enum nd_status tree_next(struct tree *tree, uint64_t dir, uint64_t *cursor, struct tree_child *ret)
{
	struct node_at at, child;
	enum nd_status st = tree_at(tree, dir, &at);
	uint64_t before;

	if (st != ND_OK)
		return st;
	before = nd_source_failures();
	st = node_next(&at, cursor, ret->name, &child);
	if (nd_source_failures() != before)
		return ND_EIO;
	if (st != ND_OK)
		return st;
	ret->ino = node_ino(&child);
	ret->kind = tree_kind_of(&child);
	ret->costly = child.row->flags & NODE_COSTLY;
	return ND_OK;
}
