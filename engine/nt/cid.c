/*
 * engine/nt/cid.c - walks PspCidTable: a handle table whose entries point at EPROCESS and ETHREAD
 * bodies, told apart by their dispatcher headers.
 */
#include <stdlib.h>

#include "nt/cid.h"
#include "nt/wait.h"
#include "seen.h"
#include "sym/rec.h"

#define LEVEL_MASK 7ull /* HANDLE_TABLE.TableCode: the low bits are the level */
#define LEVEL_MAX 2u
#define LEAF_ENTRIES 256u /* of 16 bytes; the first of a leaf is none */
#define ENTRY_BYTES 16u
#define POINTERS 512u /* of a page above the leaves */
#define HANDLE_STEP 4u
#define LEAVES_MAX 8192u    /* ids up to eight million */
#define OBJECTS_MAX 262144u /* looked at: more than any machine has */
#define TYPE_MASK 0x7fu
#define CANONICAL_TOP 0xffff000000000000ull /* ObjectPointerBits are bits 4..47 */

struct walk {
	const struct nd_dump *dump;
	struct nd_cid_table *table;
	unsigned level;
	nd_va base;
	struct nd_seen seen;
	uint32_t cap;
	bool full;
};

static void broken(struct walk *w, nd_va at, enum nd_status st)
{
	w->table->whole = false;
	nd_problem_add(&w->table->problems, (struct nd_problem){ .kind = ND_PROBLEM_HANDLE_TABLE,
								 .where = "PspCidTable",
								 .owner = w->table->at,
								 .a = at,
								 .st = st });
}

static enum nd_status append(struct walk *w, struct nd_cid cid)
{
	struct nd_cid_table *t = w->table;

	if (t->count >= OBJECTS_MAX) {
		w->full = true;
		return ND_OK;
	}
	if (t->count == w->cap) {
		uint32_t cap = w->cap ? 2 * w->cap : 256;
		struct nd_cid *grown = realloc(t->entry, cap * sizeof(*grown));

		if (!grown)
			return ND_ENOMEM;
		t->entry = grown;
		w->cap = cap;
	}
	t->entry[t->count++] = cid;
	return ND_OK;
}

/* The id that the object itself says it has. */
static struct nd_u64 own_id(const struct nd_dump *dump, const struct nd_cid *cid)
{
	uint32_t outer = nd_offset(dump, ND_M_ETHREAD_Cid);
	uint32_t inner = nd_offset(dump, ND_M_CLIENT_ID_UniqueThread);

	if (!cid->thread)
		return nd_member_read(&dump->kernel, cid->object, ND_M_EPROCESS_UniqueProcessId);
	if (outer == ND_OFFSET_ABSENT || inner == ND_OFFSET_ABSENT)
		return nd_u64_missing(ND_NOT_IN_BUILD, cid->object);
	return nd_read_num(&dump->kernel, cid->object + outer + inner, 8);
}

static void note_wrong_id(struct nd_cid_table *table, const struct nd_cid *cid)
{
	nd_problem_add(&table->problems, (struct nd_problem){ .kind = ND_PROBLEM_CID,
							      .where = "PspCidTable",
							      .owner = table->at,
							      .a = cid->object,
							      .b = cid->id });
}

/*
 * What an entry leads to: *keep when it is a process or thread. The object may be absent: then
 * nothing is known of it. The first entry of a leaf is the table's own on every kernel that is
 * known; it counts where it leads to an object that says it has this very id.
 */
static enum nd_status identify(const struct nd_dump *dump, struct nd_cid_table *table,
			       struct nd_cid *cid, bool *keep)
{
	struct nd_u64 type =
		nd_member_read(&dump->kernel, cid->object, ND_M_DISPATCHER_HEADER_Type);
	bool first = cid->id % (LEAF_ENTRIES * HANDLE_STEP) == 0;
	struct nd_u64 own;

	*keep = false;
	if (type.st != ND_OK) {
		table->whole &= first;
		return nd_is_failure(type.st) ? type.st : ND_OK;
	}
	cid->thread = (type.value & TYPE_MASK) == ND_DISPATCHER_THREAD;
	*keep = cid->thread || (type.value & TYPE_MASK) == ND_DISPATCHER_PROCESS;
	/* While its page is at hand: there are thousands of threads. */
	cid->owner = cid->thread ? nd_member_read(&dump->kernel, cid->object, ND_M_KTHREAD_Process)
				 : nd_u64_missing(ND_NONE, cid->object);
	if (nd_is_failure(cid->owner.st))
		return cid->owner.st;
	own = own_id(dump, cid);
	if (cid->thread)
		cid->alpc_message =
			nd_member_read(&dump->kernel, cid->object, ND_M_ETHREAD_AlpcMessage).value;
	if (first)
		*keep &= own.st == ND_OK && own.value == cid->id;
	else if (!*keep || (own.st == ND_OK && own.value != cid->id))
		note_wrong_id(table, cid);
	return ND_OK;
}

static int by_object(const void *a, const void *b)
{
	const struct nd_cid *x = a, *y = b;

	return x->object < y->object ? -1 : x->object > y->object;
}

static int by_id(const void *a, const void *b)
{
	const struct nd_cid *x = a, *y = b;

	return x->id < y->id ? -1 : x->id > y->id;
}

/* Objects are looked at in the order of their addresses: a disk reads them in one sweep. */
static enum nd_status identify_all(const struct nd_dump *dump, struct nd_cid_table *table)
{
	uint32_t kept = 0;

	if (table->count > 1)
		qsort(table->entry, table->count, sizeof(*table->entry), by_object);
	for (uint32_t i = 0; i < table->count; i++) {
		struct nd_cid cid = table->entry[i];
		bool keep;
		enum nd_status st = identify(dump, table, &cid, &keep);

		if (st != ND_OK)
			return st;
		if (keep)
			table->entry[kept++] = cid;
	}
	table->count = kept;
	if (kept > 1)
		qsort(table->entry, kept, sizeof(*table->entry), by_id);
	return ND_OK;
}

static enum nd_status read_leaf(struct walk *w, uint32_t index, nd_va leaf)
{
	const struct nd_member_place *place =
		&w->dump->layout.member[ND_M_HANDLE_TABLE_ENTRY_ObjectPointerBits];
	uint8_t page[LEAF_ENTRIES * ENTRY_BYTES];
	enum nd_status st = ND_INVALID;

	if (nd_va_is_kernel(leaf) && !(leaf & (ND_PAGE_BYTES - 1)) && !nd_seen_has(&w->seen, leaf))
		st = nd_read(&w->dump->kernel, leaf, page, sizeof(page));
	if (nd_is_failure(st))
		return st;
	if (st != ND_OK) {
		broken(w, leaf, st);
		return ND_OK;
	}
	st = nd_seen_add(&w->seen, leaf);
	for (uint32_t i = 0; st == ND_OK && i < LEAF_ENTRIES; i++) {
		uint64_t q = nd_le64(page + (size_t)i * ENTRY_BYTES + place->offset);
		nd_va object = (q >> place->bit_position << 4) | CANONICAL_TOP;
		uint32_t id = (index * LEAF_ENTRIES + i) * HANDLE_STEP;

		if (q >> place->bit_position != 0 && place->bit_position != 0)
			st = append(w, (struct nd_cid){ .id = id, .object = object });
	}
	return st;
}

/* Where the index-th leaf lies; 0 where it was never allocated. */
static struct nd_u64 leaf_of(const struct walk *w, uint32_t index)
{
	struct nd_u64 middle = nd_u64_of(w->base);

	if (w->level == 0)
		return nd_u64_of(index == 0 ? w->base : 0);
	if (w->level == LEVEL_MAX)
		middle = nd_read_num(&w->dump->kernel, w->base + 8ull * (index / POINTERS), 8);
	else if (index >= POINTERS)
		return nd_u64_of(0);
	if (middle.st != ND_OK || middle.value == 0)
		return middle;
	if (!nd_va_is_kernel(middle.value) || middle.value & (ND_PAGE_BYTES - 1))
		return nd_u64_missing(ND_INVALID, middle.value);
	return nd_read_num(&w->dump->kernel, middle.value + 8ull * (index % POINTERS), 8);
}

static enum nd_status walk_leaves(struct walk *w, uint32_t leaves)
{
	enum nd_status st = ND_OK;

	for (uint32_t i = 0; st == ND_OK && i < leaves; i++) {
		struct nd_u64 leaf = leaf_of(w, i);

		if (nd_is_failure(leaf.st))
			return leaf.st;
		if (leaf.st != ND_OK) {
			broken(w, leaf.at, leaf.st);
			i |= POINTERS - 1; /* the page above is the same for all of these */
		} else if (leaf.value != 0) {
			st = read_leaf(w, i, leaf.value);
		}
	}
	if (w->full)
		broken(w, w->base, ND_INVALID);
	return st;
}

/* PspCidTable is a pointer to the table. */
static struct nd_u64 find_table(const struct nd_dump *dump)
{
	nd_va symbol = dump->symbol[ND_SYM_PspCidTable];
	struct nd_u64 table;

	if (symbol == 0)
		return nd_u64_missing(ND_NO_SYMBOLS, 0);
	table = nd_read_num(&dump->kernel, symbol, 8);
	if (table.st == ND_OK && (!nd_va_is_kernel(table.value) || table.value & 7))
		return nd_u64_missing(ND_INVALID, symbol);
	return table;
}

enum nd_status nd_cid_table_build(const struct nd_dump *dump, struct nd_cid_table *ret)
{
	struct nd_cid_table table = { .whole = true };
	struct walk w = { .dump = dump, .table = &table };
	struct nd_u64 at = find_table(dump), code, next;
	enum nd_status st = ND_OK;
	uint32_t leaves = LEAVES_MAX;

	table.at = at.value;
	code = at.st == ND_OK ? nd_member_read(&dump->kernel, at.value, ND_M_HANDLE_TABLE_TableCode)
			      : at;
	if (code.st == ND_OK &&
	    dump->layout.member[ND_M_HANDLE_TABLE_ENTRY_ObjectPointerBits].offset > 8)
		code = nd_u64_missing(ND_NOT_IN_BUILD, at.value);
	if (code.st == ND_OK && (code.value & LEVEL_MASK) > LEVEL_MAX)
		code = nd_u64_missing(ND_INVALID, code.at);
	table.st = code.st;
	if (nd_is_failure(code.st))
		return code.st;
	if (code.st == ND_OK) {
		w.level = code.value & LEVEL_MASK;
		w.base = code.value & ~LEVEL_MASK;
		next = nd_member_read(&dump->kernel, at.value,
				      ND_M_HANDLE_TABLE_NextHandleNeedingPool);
		if (next.st == ND_OK && next.value / (LEAF_ENTRIES * HANDLE_STEP) < LEAVES_MAX)
			leaves = (uint32_t)(next.value / (LEAF_ENTRIES * HANDLE_STEP)) + 1;
		st = walk_leaves(&w, leaves);
	}
	if (st == ND_OK)
		st = identify_all(dump, &table);
	nd_seen_deinit(&w.seen);
	if (st != ND_OK)
		nd_cid_table_free(&table);
	else
		*ret = table;
	return st;
}

void nd_cid_table_free(struct nd_cid_table *table)
{
	free(table->entry);
	nd_problems_free(&table->problems);
	*table = (struct nd_cid_table){ 0 };
}
