/*
 * engine/vm/extent.c - steps through page tables: whole tables where an entry above the leaf is
 * empty, whole large pages where the dump holds them.
 */
#include "ntdump.h"
#include "vm/extent.h"

#define STEPS_MAX (1u << 22) /* 16 GiB of small pages in one piece */

/* How far a page's outcome reaches: the table entry that decided it. */
static uint64_t reach(const struct nd_page *page)
{
	unsigned level = page->level >= 1 ? page->level : 1;

	return 1ull << (ND_PAGE_SHIFT + 9 * (level - 1));
}

/* Whether the page at `va` is there, and *ret_next, from where on the next may differ. */
static enum nd_status look(const struct nd_space *space, nd_va va, bool *ret_there, nd_va *ret_next)
{
	struct nd_page page;
	enum nd_status st = nd_translate(space, va, &page);
	uint64_t step = ND_PAGE_BYTES;

	if (nd_is_failure(st))
		return st;
	*ret_there =
		st == ND_OK && page.state != ND_PAGE_DEMAND_ZERO && nd_page_present(space, &page);
	if (st != ND_OK || page.state == ND_PAGE_DEMAND_ZERO)
		step = reach(&page);
	*ret_next = (va & ~(step - 1)) + step;
	if (*ret_there && page.state == ND_PAGE_LARGE) {
		uint64_t rest = reach(&page) - (va & (reach(&page) - 1)), pages;
		nd_pfn first;

		if (nd_source_next_run(space->dump->src, page.pfn, &first, &pages) == ND_OK &&
		    first == page.pfn && pages >= rest >> ND_PAGE_SHIFT)
			*ret_next = va + rest;
	}
	return ND_OK;
}

static enum nd_status next_mapped(const struct nd_space *space, nd_va from, nd_va end, bool data,
				  nd_va *ret)
{
	nd_va va = from, next;
	bool there;

	for (uint32_t i = 0; i < STEPS_MAX; i++) {
		enum nd_status st = look(space, va, &there, &next);

		if (st != ND_OK)
			return st;
		if (there == data) {
			*ret = va;
			return ND_OK;
		}
		if (next <= va || next >= end) /* the end of the address space wraps to 0 */
			return ND_ENOENT;
		va = next;
	}
	return ND_EIO;
}

static enum nd_status next_virtual(const struct nd_space *space, nd_va from, nd_va end, bool data,
				   nd_va *ret)
{
	uint64_t bytes = 0;
	nd_va first = 0;
	enum nd_status st = nd_source_next_block(space->dump->src, from, &first, &bytes);

	if (st != ND_OK && st != ND_ENOENT)
		return st;
	if (!data) /* the hole begins here, or behind the block that lies here */
		first = st == ND_OK && first == from ? from + bytes : from;
	else if (st != ND_OK)
		return st;
	if (first >= end)
		return ND_ENOENT;
	*ret = first;
	return ND_OK;
}

static enum nd_status next(const struct nd_space *space, nd_va from, nd_va end, bool data,
			   nd_va *ret)
{
	if (from >= end)
		return ND_ENOENT;
	if (space->levels == 0)
		return next_virtual(space, from, end, data, ret);
	return next_mapped(space, from, end, data, ret);
}

enum nd_status nd_space_next_data(const struct nd_space *space, nd_va from, nd_va end, nd_va *ret)
{
	return next(space, from, end, true, ret);
}

enum nd_status nd_space_next_hole(const struct nd_space *space, nd_va from, nd_va end, nd_va *ret)
{
	return next(space, from, end, false, ret);
}
