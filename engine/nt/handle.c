/*
 * engine/nt/handle.c - finds the pages of a handle table once, and reads entries from them.
 *
 * A page is taken once, by its page frame: a table that refers to itself, or to one page at many
 * addresses, ends. So the work is bounded by the pages of the dump, whatever the table claims.
 */
#include <stdlib.h>
#include <string.h>

#include "nt/handle.h"
#include "seen.h"
#include "sym/rec.h"

#define LEVEL_MASK 3ull /* HANDLE_TABLE.TableCode: the low bits are the level */
#define LEVEL_MAX 2u
#define ENTRY_BYTES 16u
#define POINTERS 512u /* of a page above the leaves */
#define LEAVES_MAX (ND_HANDLES_MAX / ND_HANDLES_IN_LEAF)
#define LEAF_SPAN (ND_HANDLES_IN_LEAF * ND_HANDLE_STEP) /* handle values of a leaf */
#define TROUBLES_MAX 64u				/* told of one table */
#define CANONICAL_TOP 0xffff000000000000ull		/* ObjectPointerBits are bits 4..47 */

/* Windows 7: HANDLE_TABLE_ENTRY.Object with attributes in its low bits, and GrantedAccess. */
#define OLD_UNLOCKED 1u
#define OLD_INHERIT 2u
#define OLD_AUDIT 4u
#define OLD_PROTECT_ACCESS 0x02000000u

/* --- entries ---------------------------------------------------------------------------------- */

/* A bit-field or member of an entry; 0 when the build has none. */
static uint64_t entry_member(const struct nd_dump *dump, const uint8_t *entry,
			     enum nd_member_id member)
{
	const struct nd_member_place *place = &dump->layout.member[member];
	unsigned bytes = nd_member_bytes[member];
	uint64_t v;

	if (place->offset > ENTRY_BYTES - bytes) /* absent, or a layout that cannot be */
		return 0;
	v = bytes == 4 ? nd_le32(entry + place->offset) : nd_le64(entry + place->offset);
	if (place->bit_length == 0)
		return v;
	return v >> (place->bit_position & 63) & ((1ull << (place->bit_length & 63)) - 1);
}

static bool is_old(const struct nd_dump *dump)
{
	return nd_offset(dump, ND_M_HANDLE_TABLE_ENTRY_ObjectPointerBits) == ND_OFFSET_ABSENT;
}

static bool decode_old(const struct nd_dump *dump, const uint8_t *entry, struct nd_handle *ret)
{
	uint64_t q = entry_member(dump, entry, ND_M_HANDLE_TABLE_ENTRY_Object);
	uint64_t access = entry_member(dump, entry, ND_M_HANDLE_TABLE_ENTRY_GrantedAccess);

	if ((q & ~7ull) == 0)
		return false;
	ret->object = q & ~7ull;
	ret->access = (uint32_t)access & ~OLD_PROTECT_ACCESS;
	ret->locked = !(q & OLD_UNLOCKED);
	ret->held_references = 0;
	ret->attributes = (uint8_t)((access & OLD_PROTECT_ACCESS ? ND_HANDLE_PROTECT : 0) |
				    (q & OLD_INHERIT ? ND_HANDLE_INHERIT : 0) |
				    (q & OLD_AUDIT ? ND_HANDLE_AUDIT : 0));
	return true;
}

static bool decode_new(const struct nd_dump *dump, const uint8_t *entry, struct nd_handle *ret)
{
	uint64_t bits = entry_member(dump, entry, ND_M_HANDLE_TABLE_ENTRY_ObjectPointerBits);

	if (bits == 0)
		return false;
	ret->object = bits << 4 | CANONICAL_TOP;
	ret->access =
		(uint32_t)entry_member(dump, entry, ND_M_HANDLE_TABLE_ENTRY_GrantedAccessBits);
	ret->held_references = (uint32_t)entry_member(dump, entry, ND_M_HANDLE_TABLE_ENTRY_RefCnt);
	ret->attributes = (uint8_t)entry_member(dump, entry, ND_M_HANDLE_TABLE_ENTRY_Attributes);
	ret->locked = !entry_member(dump, entry, ND_M_HANDLE_TABLE_ENTRY_Unlocked);
	return true;
}

/*
 * The first entry of a leaf is the kernel's own (an InfoTable, with a signature for its high half):
 * no handle. Where it looks like one in every bit, that is worth showing, not hiding.
 */
static bool first_is_handle(const uint8_t *entry, const struct nd_handle *handle)
{
	return !handle->locked && nd_va_is_canonical(handle->object) &&
	       nd_le64(entry + ENTRY_BYTES / 2) == handle->access && handle->access != 0;
}

/* False for a free entry. */
static bool decode(const struct nd_dump *dump, const struct nd_handle_leaf *leaf, uint32_t index,
		   const uint8_t *entry, struct nd_handle *ret)
{
	uint32_t body = nd_offset(dump, ND_M_OBJECT_HEADER_Body);

	if (!(is_old(dump) ? decode_old : decode_new)(dump, entry, ret))
		return false;
	if (index == 0 && (leaf->number == 0 || !first_is_handle(entry, ret)))
		return false;
	ret->object += body == ND_OFFSET_ABSENT ? 0 : body; /* entries point at headers */
	ret->entry = leaf->page + (uint64_t)index * ENTRY_BYTES;
	ret->value = (leaf->number * ND_HANDLES_IN_LEAF + index) * ND_HANDLE_STEP;
	return true;
}

/* --- the pages of a table --------------------------------------------------------------------- */

struct walk {
	const struct nd_dump *dump;
	struct nd_handle_table *table;
	nd_va base;
	uint32_t leaves; /* that NextHandleNeedingPool tells of */
	struct nd_seen seen;
	uint32_t cap;
	enum nd_status broken_st; /* the first that could not be read, and where */
	nd_va broken_at;
	nd_va pointers_at[LEVEL_MAX]; /* the pages of pointers that were read last */
	uint8_t pointers[LEVEL_MAX][ND_PAGE_BYTES];
};

static void broken(struct walk *w, nd_va at, enum nd_status st)
{
	if (w->table->whole) {
		w->broken_st = st;
		w->broken_at = at;
	}
	w->table->whole = false;
	if (w->table->problems.count >= TROUBLES_MAX)
		return;
	nd_problem_add(&w->table->problems, (struct nd_problem){ .kind = ND_PROBLEM_HANDLE_TABLE,
								 .where = "HANDLE_TABLE.TableCode",
								 .owner = w->table->at,
								 .a = at,
								 .st = st });
}

/* In halves, so that it stays in the cache of pages: whoever asks for the table reads it again. */
static enum nd_status read_page(const struct nd_dump *dump, nd_va at, uint8_t *page)
{
	const size_t half = ND_PAGE_BYTES / 2;
	enum nd_status st = nd_read(&dump->kernel, at, page, half);

	return st == ND_OK ? nd_read(&dump->kernel, at + half, page + half, half) : st;
}

/* Take the page at `at` unless it was taken before: by its frame where there are frames. */
static enum nd_status take_page(struct walk *w, nd_va at, uint8_t *page)
{
	struct nd_page where = { .state = ND_PAGE_NONE };
	nd_va key = at;
	enum nd_status st = ND_OK;

	if (!nd_va_is_kernel(at) || at & (ND_PAGE_BYTES - 1))
		return ND_INVALID;
	if (w->dump->kernel.levels != 0)
		st = nd_translate(&w->dump->kernel, at, &where);
	if (st != ND_OK)
		return st;
	if (where.state != ND_PAGE_NONE && where.state != ND_PAGE_DEMAND_ZERO)
		key = where.pfn << ND_PAGE_SHIFT | 1; /* no address ends so */
	if (nd_seen_has(&w->seen, key))
		return ND_INVALID;
	st = read_page(w->dump, at, page);
	return st == ND_OK ? nd_seen_add(&w->seen, key) : st;
}

/* The i-th pointer of a page of pointers; 0 where nothing was allocated. */
static struct nd_u64 pointer(struct walk *w, unsigned slot, nd_va page, uint32_t i)
{
	if (w->pointers_at[slot] != page) {
		enum nd_status st = take_page(w, page, w->pointers[slot]);

		if (st != ND_OK)
			return nd_u64_missing(st, page);
		w->pointers_at[slot] = page;
	}
	return nd_u64_of(nd_le64(w->pointers[slot] + (size_t)i * 8));
}

static struct nd_u64 leaf_of(struct walk *w, uint32_t number)
{
	struct nd_u64 middle = nd_u64_of(w->base);

	if (w->table->level == 0)
		return nd_u64_of(number == 0 ? w->base : 0);
	if (w->table->level == LEVEL_MAX)
		middle = pointer(w, 1, w->base, number / POINTERS);
	else if (number >= POINTERS)
		return nd_u64_of(0);
	if (middle.st != ND_OK || middle.value == 0)
		return middle;
	return pointer(w, 0, middle.value, number % POINTERS);
}

static enum nd_status append(struct walk *w, struct nd_handle_leaf leaf)
{
	struct nd_handle_table *t = w->table;

	if (t->leaves == w->cap) {
		uint32_t cap = w->cap ? 2 * w->cap : 1;
		struct nd_handle_leaf *grown = realloc(t->leaf, cap * sizeof(*grown));

		if (!grown)
			return ND_ENOMEM;
		t->leaf = grown;
		w->cap = cap;
	}
	t->leaf[t->leaves++] = leaf;
	t->handles += leaf.live;
	return ND_OK;
}

static enum nd_status add_leaf(struct walk *w, uint32_t number, nd_va at)
{
	struct nd_handle_leaf leaf = { .number = number, .page = at };
	uint8_t page[ND_PAGE_BYTES];
	struct nd_handle handle;
	enum nd_status st = take_page(w, at, page);

	if (nd_is_failure(st))
		return st;
	if (st != ND_OK) {
		broken(w, at, st);
		return ND_OK;
	}
	for (uint32_t i = 0; i < ND_HANDLES_IN_LEAF; i++)
		leaf.live += decode(w->dump, &leaf, i, page + (size_t)i * ENTRY_BYTES, &handle);
	return append(w, leaf);
}

static enum nd_status walk_leaves(struct walk *w)
{
	enum nd_status st = ND_OK;

	for (uint32_t i = 0; st == ND_OK && i < w->leaves; i++) {
		struct nd_u64 leaf = leaf_of(w, i);

		if (nd_is_failure(leaf.st))
			return leaf.st;
		if (leaf.st != ND_OK) {
			broken(w, leaf.at, leaf.st);
			if (leaf.at == w->base)
				return ND_OK; /* nothing below the top can be found */
			i |= POINTERS - 1;    /* the page above is the same for all of these */
		} else if (leaf.value != 0) {
			st = add_leaf(w, i, leaf.value);
		} else if (w->table->level == LEVEL_MAX && i % POINTERS == 0 &&
			   pointer(w, 1, w->base, i / POINTERS).value == 0) {
			i |= POINTERS - 1; /* no page of pointers there */
		}
	}
	return st;
}

/* How many leaves the table has: up to the first handle beyond what is allocated. */
static uint32_t leaf_bound(struct walk *w)
{
	static const uint32_t capacity[] = { 1, POINTERS, LEAVES_MAX };
	struct nd_u64 next = nd_member_read(&w->dump->kernel, w->table->at,
					    ND_M_HANDLE_TABLE_NextHandleNeedingPool);
	uint32_t most = capacity[w->table->level];
	uint64_t leaves;

	if (next.st != ND_OK)
		return most;
	leaves = next.value / LEAF_SPAN + (next.value % LEAF_SPAN != 0);
	if (leaves <= most && next.value != 0)
		return (uint32_t)leaves;
	nd_problem_add(&w->table->problems,
		       (struct nd_problem){ .kind = ND_PROBLEM_ABSURD,
					    .where = "HANDLE_TABLE.NextHandleNeedingPool",
					    .owner = w->table->at,
					    .a = next.value,
					    .b = w->base });
	return most;
}

static enum nd_status read_table(struct walk *w)
{
	struct nd_handle_table *t = w->table;
	struct nd_u64 code;
	enum nd_status st;

	if (!nd_va_is_kernel(t->at) || t->at & 7)
		return ND_INVALID;
	if (is_old(w->dump) &&
	    nd_offset(w->dump, ND_M_HANDLE_TABLE_ENTRY_Object) == ND_OFFSET_ABSENT)
		return ND_NOT_IN_BUILD;
	code = nd_member_read(&w->dump->kernel, t->at, ND_M_HANDLE_TABLE_TableCode);
	if (code.st != ND_OK)
		return code.st;
	t->st_at = code.at;
	t->level = code.value & LEVEL_MASK;
	w->base = code.value & ~LEVEL_MASK;
	if (t->level > LEVEL_MAX || !nd_va_is_kernel(w->base) || w->base & (ND_PAGE_BYTES - 1))
		return ND_INVALID;
	w->leaves = leaf_bound(w);
	st = walk_leaves(w);
	if (st == ND_OK && t->leaves == 0 && !t->whole) { /* nothing of it */
		t->st_at = w->broken_at;
		st = w->broken_st;
	}
	return st;
}

/* The counter that the kernel keeps against what was found. */
static void check_count(const struct nd_dump *dump, const struct nd_process *process,
			struct nd_handle_table *table)
{
	struct nd_u64 count = nd_process_handle_count(dump, process);

	if (table->st != ND_OK || !table->whole || count.st != ND_OK ||
	    count.value == table->handles)
		return;
	nd_problem_add(&table->problems, (struct nd_problem){ .kind = ND_PROBLEM_COUNT,
							      .where = "HANDLE_TABLE.HandleCount",
							      .owner = table->at,
							      .a = count.value,
							      .b = table->handles });
}

static void tell(struct nd_handle_table *table)
{
	if (table->st == ND_OK || table->st == ND_NONE)
		return;
	table->whole = false;
	nd_problem_add(&table->problems, (struct nd_problem){ .kind = ND_PROBLEM_HANDLE_TABLE,
							      .where = "EPROCESS.ObjectTable",
							      .owner = table->at,
							      .a = table->st_at,
							      .st = table->st });
}

enum nd_status nd_handle_table_build(const struct nd_dump *dump, nd_va eprocess,
				     struct nd_handle_table *ret)
{
	struct nd_handle_table table = { .whole = true };
	struct walk *w = calloc(1, sizeof(*w));
	struct nd_process process;

	if (!w)
		return ND_ENOMEM;
	w->dump = dump;
	w->table = &table;
	table.st = nd_process_read(dump, eprocess, &process);
	table.st_at = eprocess;
	if (table.st == ND_OK) {
		table.st = process.object_table.st;
		table.at = table.st_at = process.object_table.value;
	}
	if (table.st == ND_OK)
		table.st = table.at ? read_table(w) : ND_NONE;
	nd_seen_deinit(&w->seen);
	free(w);
	if (nd_is_failure(table.st)) {
		enum nd_status st = table.st;

		nd_handle_table_free(&table);
		return st;
	}
	tell(&table);
	if (table.st == ND_OK)
		check_count(dump, &process, &table);
	*ret = table;
	return ND_OK;
}

void nd_handle_table_free(struct nd_handle_table *table)
{
	free(table->leaf);
	nd_problems_free(&table->problems);
	*table = (struct nd_handle_table){ 0 };
}

/* --- handles of a table ----------------------------------------------------------------------- */

/* Index of the first leaf that holds `value` or higher ones. */
static uint32_t leaf_from(const struct nd_handle_table *table, uint32_t value)
{
	uint32_t low = 0, high = table->leaves;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (table->leaf[middle].number < value / LEAF_SPAN)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

enum nd_status nd_handle_next(const struct nd_dump *dump, const struct nd_handle_table *table,
			      uint32_t from, struct nd_handle *ret)
{
	for (uint32_t i = leaf_from(table, from); i < table->leaves; i++) {
		const struct nd_handle_leaf *leaf = &table->leaf[i];
		uint32_t entry = 0;

		if (leaf->live == 0)
			continue;
		if (leaf->number == from / LEAF_SPAN && from % LEAF_SPAN != 0)
			entry = (from % LEAF_SPAN + ND_HANDLE_STEP - 1) / ND_HANDLE_STEP;
		for (; entry < ND_HANDLES_IN_LEAF; entry++) {
			uint8_t raw[ENTRY_BYTES];
			enum nd_status st =
				nd_read(&dump->kernel, leaf->page + (uint64_t)entry * ENTRY_BYTES,
					raw, sizeof(raw));

			if (nd_is_failure(st))
				return st;
			if (st == ND_OK && decode(dump, leaf, entry, raw, ret))
				return ND_OK;
		}
	}
	return ND_ENOENT;
}

enum nd_status nd_handle_find(const struct nd_dump *dump, const struct nd_handle_table *table,
			      uint32_t value, struct nd_handle *ret)
{
	uint32_t wanted = value - value % ND_HANDLE_STEP;
	uint32_t i = leaf_from(table, wanted);
	uint32_t entry = wanted % LEAF_SPAN / ND_HANDLE_STEP;
	uint8_t raw[ENTRY_BYTES];
	enum nd_status st;

	if (i >= table->leaves || table->leaf[i].number != wanted / LEAF_SPAN)
		return ND_ENOENT;
	st = nd_read(&dump->kernel, table->leaf[i].page + (uint64_t)entry * ENTRY_BYTES, raw,
		     sizeof(raw));
	if (nd_is_failure(st))
		return st;
	return st == ND_OK && decode(dump, &table->leaf[i], entry, raw, ret) ? ND_OK : ND_ENOENT;
}

enum nd_status nd_handle_iter_next(struct nd_handle_iter *iter, struct nd_handle *ret)
{
	const struct nd_handle_table *table = iter->table;

	for (; iter->leaf < table->leaves; iter->leaf++, iter->entry = 0, iter->loaded = false) {
		const struct nd_handle_leaf *leaf = &table->leaf[iter->leaf];
		enum nd_status st = ND_OK;

		if (leaf->live != 0 && !iter->loaded)
			st = read_page(iter->dump, leaf->page, iter->page);
		if (nd_is_failure(st))
			return st;
		if (st != ND_OK || leaf->live == 0)
			continue;
		iter->loaded = true;
		while (iter->entry < ND_HANDLES_IN_LEAF) {
			uint32_t i = iter->entry++;

			if (decode(iter->dump, leaf, i, iter->page + (size_t)i * ENTRY_BYTES, ret))
				return ND_OK;
		}
	}
	return ND_ENOENT;
}
