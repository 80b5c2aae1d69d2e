/*
 * engine/nt/pool_scan.c - walks the kernel's page tables and looks for the pool tag Proc in every
 * writable page; each table is walked once at each level, so that no dump can make it long.
 */
#include <stdlib.h>

#include "nt/crossview.h"
#include "nt/pool_scan.h"
#include "seen.h"
#include "sym/rec.h"

#define TAG_PROC 0x636f7250u	 /* "Proc" */
#define TAG_PROTECTED (1u << 31) /* PROTECTED_POOL, set by old kernels */
#define POOL_UNIT 16u		 /* allocations and their headers are aligned so */
#define POOL_HEADER_BYTES 16u
#define HEADERS_BYTES_MAX 0x200u /* optional headers and padding before the OBJECT_HEADER */

#define PTE_VALID (1ull << 0)
#define PTE_WRITE (1ull << 1)
#define PTE_LARGE (1ull << 7)
#define PTE_PFN_MASK 0x000ffffffffff000ull
#define ENTRIES 512u

struct scan {
	const struct nd_dump *dump;
	struct nd_pool_scan *result;
	uint32_t cap, tag_offset;
	uint64_t pages_max, tables_max, tables;
	struct nd_seen seen; /* page tables: frame and level */
};

static enum nd_status append(struct scan *s, nd_va eprocess)
{
	struct nd_pool_scan *r = s->result;

	if (r->count >= ND_POOL_HITS_MAX) {
		r->whole = false;
		return ND_OK;
	}
	if (r->count == s->cap) {
		uint32_t cap = s->cap ? 2 * s->cap : 64;
		nd_va *grown = realloc(r->eprocess, cap * sizeof(*grown));

		if (!grown)
			return ND_ENOMEM;
		r->eprocess = grown;
		s->cap = cap;
	}
	r->eprocess[r->count++] = eprocess;
	return ND_OK;
}

/* The object's body lies behind the pool header, optional headers and the OBJECT_HEADER. */
static enum nd_status add_allocation(struct scan *s, nd_va header)
{
	uint32_t body = nd_offset(s->dump, ND_M_OBJECT_HEADER_Body);
	nd_va first = header + POOL_HEADER_BYTES + body;

	for (uint32_t at = 0; at <= HEADERS_BYTES_MAX; at += POOL_UNIT)
		if (nd_is_process(s->dump, first + at))
			return append(s, first + at);
	return ND_OK; /* a freed one, or another object's */
}

static enum nd_status scan_page(struct scan *s, nd_va va, nd_pfn pfn)
{
	uint8_t page[ND_PAGE_BYTES];
	enum nd_status st;

	if (s->result->pages >= s->pages_max) {
		s->result->whole = false;
		return ND_OK;
	}
	st = nd_source_read(s->dump->src, pfn, 0, page, sizeof(page));
	if (st != ND_OK)
		return nd_is_failure(st) ? st : ND_OK;
	s->result->pages++;
	for (uint32_t i = 0; st == ND_OK && i < ND_PAGE_BYTES; i += POOL_UNIT)
		if ((nd_le32(page + i + s->tag_offset) & ~TAG_PROTECTED) == TAG_PROC)
			st = add_allocation(s, va + i);
	return st;
}

/* The pages that the dump has of a mapping of `count` frames. */
static enum nd_status scan_frames(struct scan *s, nd_va va, nd_pfn pfn, uint64_t count)
{
	nd_pfn end = pfn + count, at = pfn, first;
	uint64_t pages;
	enum nd_status st = ND_OK;

	while (st == ND_OK && at < end && s->result->pages < s->pages_max) {
		if (nd_source_next_run(s->dump->src, at, &first, &pages) != ND_OK || first >= end)
			return ND_OK;
		if (first > at)
			at = first;
		for (nd_pfn stop = first + pages < end ? first + pages : end;
		     st == ND_OK && at < stop; at++)
			st = scan_page(s, va + ((at - pfn) << ND_PAGE_SHIFT), at);
	}
	return st;
}

static enum nd_status scan_table(struct scan *s, nd_pfn table, unsigned level, nd_va va);

static enum nd_status scan_entry(struct scan *s, uint64_t pte, unsigned level, nd_va va)
{
	nd_pfn pfn = (pte & PTE_PFN_MASK) >> ND_PAGE_SHIFT;
	unsigned shift = 9 * (level - 1);

	if (!(pte & PTE_VALID) || !(pte & PTE_WRITE))
		return ND_OK;
	if (level == 1)
		return nd_source_has(s->dump->src, pfn) ? scan_page(s, va, pfn) : ND_OK;
	if (level <= 3 && (pte & PTE_LARGE))
		return scan_frames(s, va, pfn & ~((1ull << shift) - 1), 1ull << shift);
	return scan_table(s, pfn, level - 1, va);
}

/* The self-map leads from the root to the root: page tables are no pool. */
static bool is_self_map(const struct scan *s, uint64_t pte)
{
	return (pte & PTE_PFN_MASK) == (s->dump->kernel.root & PTE_PFN_MASK);
}

/* One page of a table at `level`, which maps addresses from va on. */
static enum nd_status scan_table(struct scan *s, nd_pfn table, unsigned level, nd_va va)
{
	uint64_t key = (uint64_t)table << 3 | level;
	uint8_t page[ND_PAGE_BYTES];
	bool root = level == s->dump->kernel.levels;
	enum nd_status st;

	if (nd_seen_has(&s->seen, key))
		return ND_OK;
	st = nd_source_read(s->dump->src, table, 0, page, sizeof(page));
	if (st != ND_OK) {
		s->result->whole = false;
		return nd_is_failure(st) ? st : ND_OK;
	}
	if (s->tables++ >= s->tables_max) {
		s->result->whole = false;
		return ND_OK;
	}
	st = nd_seen_add(&s->seen, key);
	for (uint32_t i = root ? ENTRIES / 2 : 0; st == ND_OK && i < ENTRIES; i++) {
		uint64_t pte = nd_le64(page + 8 * (size_t)i);

		if (pte != 0 && !(root && is_self_map(s, pte)))
			st = scan_entry(s, pte, level,
					va + ((uint64_t)i << (ND_PAGE_SHIFT + 9 * (level - 1))));
	}
	return st;
}

static int by_address(const void *a, const void *b)
{
	nd_va x = *(const nd_va *)a, y = *(const nd_va *)b;

	return x < y ? -1 : x > y;
}

static void sort(struct nd_pool_scan *r)
{
	uint32_t kept = 0;

	if (r->count > 1)
		qsort(r->eprocess, r->count, sizeof(*r->eprocess), by_address);
	for (uint32_t i = 0; i < r->count; i++)
		if (kept == 0 || r->eprocess[kept - 1] != r->eprocess[i])
			r->eprocess[kept++] = r->eprocess[i];
	r->count = kept;
}

enum nd_status nd_pool_scan_build(const struct nd_dump *dump, struct nd_pool_scan *ret)
{
	uint64_t present = nd_source_counts(dump->src).present_pages;
	struct nd_pool_scan result = { .whole = true };
	struct scan s = { .dump = dump, .result = &result };
	unsigned levels = dump->kernel.levels;
	enum nd_status st;

	s.tag_offset = nd_offset(dump, ND_M_POOL_HEADER_PoolTag);
	if (levels == 0 || nd_source_is_virtual(dump->src))
		result.st = ND_NOT_IN_DUMP;
	else if (s.tag_offset > POOL_UNIT - 4 ||
		 nd_offset(dump, ND_M_OBJECT_HEADER_Body) == ND_OFFSET_ABSENT)
		result.st = ND_NOT_IN_BUILD;
	if (result.st != ND_OK) {
		result.whole = false;
		*ret = result;
		return ND_OK;
	}
	s.pages_max = 2 * present + ENTRIES; /* a page may be mapped twice */
	s.tables_max = present + ENTRIES;
	st = scan_table(&s, dump->kernel.root >> ND_PAGE_SHIFT, levels,
			levels == 5 ? 0xfe00000000000000ull : 0xffff000000000000ull);
	nd_seen_deinit(&s.seen);
	if (st != ND_OK) {
		nd_pool_scan_free(&result);
		return st;
	}
	sort(&result);
	*ret = result;
	return ND_OK;
}

void nd_pool_scan_free(struct nd_pool_scan *scan)
{
	free(scan->eprocess);
	*scan = (struct nd_pool_scan){ 0 };
}

bool nd_pool_scan_has(const struct nd_pool_scan *scan, nd_va eprocess)
{
	return scan->count > 0 &&
	       bsearch(&eprocess, scan->eprocess, scan->count, sizeof(*scan->eprocess), by_address);
}

bool nd_pool_process_is_live(const struct nd_dump *dump, nd_va eprocess)
{
	uint32_t head = nd_offset(dump, ND_M_KPROCESS_ThreadListHead);
	uint32_t body = nd_offset(dump, ND_M_OBJECT_HEADER_Body);
	struct nd_u64 references, flink, back;
	struct nd_process p;

	if (nd_process_read(dump, eprocess, &p) != ND_OK || !nd_source_holds(&p, ND_FROM_POOL) ||
	    head == ND_OFFSET_ABSENT || body == ND_OFFSET_ABSENT)
		return false;
	references =
		nd_member_read(&dump->kernel, eprocess - body, ND_M_OBJECT_HEADER_PointerCount);
	if (references.st != ND_OK || (int64_t)references.value <= 0)
		return false;
	flink = nd_read_num(&dump->kernel, eprocess + head, 8);
	if (flink.st != ND_OK || !nd_va_is_kernel(flink.value) || flink.value & 7)
		return false;
	back = nd_read_num(&dump->kernel, flink.value + 8, 8); /* LIST_ENTRY.Blink */
	return back.st == ND_OK && back.value == eprocess + head;
}
