/*
 * engine/vm/extent.c - steps through page tables: whole tables where an entry above the leaf is
 * empty, whole large pages where the dump holds them.
 */
#include "ntdump.h"
#include "vm/extent.h"
#include "vm/vad.h"

#define STEPS_MAX (1u << 22) /* 16 GiB of small pages in one piece */

/* Pages from the one at `va` to the end of what an entry of a table of that level stands for. */
static uint64_t pages_of_entry(nd_va va, unsigned level)
{
	uint64_t span = 1ull << 9 * ((level >= 1 ? level : 1) - 1);

	return span - (va >> ND_PAGE_SHIFT) % span;
}

/*
 * Pages from `va` on, at most `most`, whose prototype PTEs lie where nothing is mapped, like that of
 * `va`; 1 when it lies somewhere.
 */
static uint64_t pages_without_prototypes(const struct nd_space *space, nd_va va, uint64_t most)
{
	const struct nd_dump *dump = space->dump;
	struct nd_page page;
	nd_va first, last;
	uint64_t count;
	enum nd_status st = nd_vad_prototype(dump, space->process, va, &first);

	if (nd_is_missing(st))
		return most;
	if (st != ND_OK || !nd_is_missing(nd_translate(&dump->kernel, first, &page)))
		return 1;
	count = pages_of_entry(first, page.level) * (ND_PAGE_BYTES / 8) - first % ND_PAGE_BYTES / 8;
	count = count < most ? count : most;
	if (count <= 1 ||
	    nd_vad_prototype(dump, space->process, va + (count - 1) * ND_PAGE_BYTES, &last) !=
		    ND_OK ||
	    last != first + (count - 1) * 8)
		return 1;
	return count;
}

uint64_t nd_pages_alike(const struct nd_space *space, nd_va va, const struct nd_page *page,
			uint64_t most)
{
	struct nd_vad vad;
	uint64_t count;
	enum nd_status st;

	if (page->level <= 1 || (page->state != ND_PAGE_NONE && page->state != ND_PAGE_DEMAND_ZERO))
		return 1;
	count = pages_of_entry(va, page->level);
	count = count < most ? count : most;
	if (space->process == 0 || nd_va_is_kernel(va))
		return count;
	st = nd_vad_next(space->dump, space->process, va, &vad);
	if (st == ND_UNMAPPED || nd_is_missing(st))
		return count;
	if (st != ND_OK)
		return 1;
	/* Up to where the range begins, or to its end. */
	uint64_t rest = vad.start > va ? (vad.start - va) >> ND_PAGE_SHIFT
				       : ((vad.end - va) >> ND_PAGE_SHIFT) + 1;
	if (rest == 0)
		return 1;
	count = count < rest ? count : rest;
	if (vad.start > va || (vad.private_memory.st == ND_OK && vad.private_memory.value == 1))
		return count;
	return pages_without_prototypes(space, va, count);
}

/* Whether the page at `va` is there, and *ret_next, from where on the next may differ. */
static enum nd_status look(const struct nd_space *space, nd_va va, bool *ret_there, nd_va *ret_next)
{
	struct nd_page page;
	enum nd_status st = nd_translate(space, va, &page);
	nd_va start = va & ~(nd_va)(ND_PAGE_BYTES - 1);
	uint64_t pages = 1, run;
	nd_pfn first;

	if (nd_is_failure(st))
		return st;
	*ret_there =
		st == ND_OK && page.state != ND_PAGE_DEMAND_ZERO && nd_page_present(space, &page);
	if (st != ND_OK || page.state == ND_PAGE_DEMAND_ZERO) {
		pages = nd_pages_alike(space, start, &page, UINT64_MAX);
	} else if (*ret_there && page.state == ND_PAGE_LARGE) {
		uint64_t rest = pages_of_entry(va, page.level);

		if (nd_source_next_run(space->dump->src, page.pfn, &first, &run) == ND_OK &&
		    first == page.pfn && run >= rest)
			pages = rest;
	}
	*ret_next = start + pages * ND_PAGE_BYTES;
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
	if (!data)
		return ND_EIO;
	*ret = va; /* whoever looks there finds zeros, and goes on */
	return ND_OK;
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
