/*
 * fs/nodes/mem.c - /mem: raw memory, by physical address and by virtual address. Not rendered but
 * read where it is asked for; what the dump does not hold is a hole, and reads as zeros.
 */
#include <string.h>

#include "nodes/nodes.h"
#include "vm/extent.h"

/*
 * A virtual address space as a file: the place in it is the address without its top 16 bits, so
 * that kernel addresses are in the upper half.
 */
#define SPACE_BYTES (1ull << 48)
#define HALF_BYTES (1ull << 47)
#define TOP_BITS (~0ull << 47)

/* --- physical ----------------------------------------------------------------------------------- */

static enum nd_status physical_size(const struct node_at *at, uint64_t *ret)
{
	*ret = nd_source_counts(at->dump->src).end_pfn << ND_PAGE_SHIFT;
	return ND_OK;
}

/* Bytes of one page or, where whole pages are wanted, of all that lie in one piece. */
static enum nd_status physical_piece(const struct nd_source *src, uint64_t offset, uint8_t *buf,
				     size_t len, size_t *ret_done)
{
	uint32_t in_page = (uint32_t)(offset % ND_PAGE_BYTES);
	size_t now = ND_PAGE_BYTES - in_page < len ? ND_PAGE_BYTES - in_page : len, pages = 1;
	enum nd_status st;

	if (now == ND_PAGE_BYTES)
		st = nd_source_read_pages(src, offset / ND_PAGE_BYTES, len / ND_PAGE_BYTES, buf,
					  &pages);
	else
		st = nd_source_read(src, offset / ND_PAGE_BYTES, in_page, buf, now);
	if (st == ND_OK && now == ND_PAGE_BYTES)
		now = pages * ND_PAGE_BYTES;
	else if (st != ND_OK)
		memset(buf, 0, now);
	*ret_done = now;
	return nd_is_failure(st) ? st : ND_OK;
}

static enum nd_status physical_read(const struct node_at *at, uint64_t offset, uint8_t *buf,
				    size_t len)
{
	while (len > 0) {
		size_t done;
		enum nd_status st = physical_piece(at->dump->src, offset, buf, len, &done);

		if (st != ND_OK)
			return st;
		offset += done;
		buf += done;
		len -= done;
	}
	return ND_OK;
}

static enum nd_status physical_seek(const struct node_at *at, uint64_t offset, bool hole,
				    uint64_t *ret)
{
	nd_pfn first = 0;
	uint64_t pages = 0;
	enum nd_status st =
		nd_source_next_run(at->dump->src, offset / ND_PAGE_BYTES, &first, &pages);
	uint64_t begin = first << ND_PAGE_SHIFT;

	if (st != ND_OK && (!hole || st != ND_ENOENT))
		return st;
	if (hole)
		*ret = st == ND_OK && begin <= offset ? begin + (pages << ND_PAGE_SHIFT) : offset;
	else
		*ret = begin > offset ? begin : offset;
	return ND_OK;
}

/* --- virtual ------------------------------------------------------------------------------------ */

/* The space of the node, with what only VADs tell. ND_NONE where it has no page tables. */
static enum nd_status space_of(const struct node_at *at, bool process, struct nd_space *ret)
{
	struct nd_process p;
	enum nd_status st;

	*ret = at->dump->kernel;
	if (!process)
		return ND_OK;
	st = at_process(at, &p);
	if (st != ND_OK)
		return st;
	if (p.directory_table_base.st != ND_OK && ret->levels != 0)
		return ND_NONE;
	*ret = nd_process_space(at->dump, &p);
	return ND_OK;
}

static nd_va va_of(uint64_t offset)
{
	return offset < HALF_BYTES ? offset : offset | TOP_BITS;
}

static enum nd_status space_size(const struct node_at *at, uint64_t *ret)
{
	(void)at;
	*ret = SPACE_BYTES;
	return ND_OK;
}

static enum nd_status space_read(const struct node_at *at, bool process, uint64_t offset,
				 uint8_t *buf, size_t len)
{
	struct nd_space space;
	enum nd_status st = space_of(at, process, &space);

	memset(buf, 0, len);
	if (st != ND_OK)
		return nd_is_missing(st) ? ND_OK : st;
	for (size_t done = 0; done < len;) {
		nd_va va = va_of(offset + done);
		size_t page = ND_PAGE_BYTES - (size_t)(va % ND_PAGE_BYTES);
		size_t now = page < len - done ? page : len - done, got = 0;

		if (process || nd_va_is_kernel(va))
			st = nd_read_some(&space, va, buf + done, now, &got);
		if (nd_is_failure(st))
			return st;
		done += space.levels == 0 && got > 0 ? got : now;
	}
	return ND_OK;
}

/* In one half of the addresses: *ret stays when there is none. */
static enum nd_status seek_half(const struct nd_space *space, uint64_t offset, bool hole,
				uint64_t *ret)
{
	uint64_t end = offset < HALF_BYTES ? HALF_BYTES : SPACE_BYTES;
	nd_va va, last = va_of(end - 1); /* the last address of all has no one past it */
	enum nd_status st = hole ? nd_space_next_hole(space, va_of(offset), last, &va)
				 : nd_space_next_data(space, va_of(offset), last, &va);

	if (st == ND_OK)
		*ret = va & (SPACE_BYTES - 1);
	return st;
}

static enum nd_status space_seek(const struct node_at *at, bool process, uint64_t offset, bool hole,
				 uint64_t *ret)
{
	struct nd_space space;
	enum nd_status st = space_of(at, process, &space);

	if (nd_is_failure(st))
		return st;
	if (hole && (st != ND_OK || (!process && offset < HALF_BYTES))) {
		*ret = offset;
		return ND_OK;
	}
	if (st != ND_OK)
		return ND_ENOENT;
	if (!process && offset < HALF_BYTES)
		offset = HALF_BYTES;
	st = seek_half(&space, offset, hole, ret);
	if (st == ND_ENOENT && offset < HALF_BYTES)
		st = seek_half(&space, HALF_BYTES, hole, ret);
	if (st == ND_ENOENT && hole) {
		*ret = SPACE_BYTES;
		return ND_OK;
	}
	return st;
}

static enum nd_status kernel_read(const struct node_at *at, uint64_t offset, uint8_t *buf,
				  size_t len)
{
	return space_read(at, false, offset, buf, len);
}

static enum nd_status kernel_seek(const struct node_at *at, uint64_t offset, bool hole,
				  uint64_t *ret)
{
	return space_seek(at, false, offset, hole, ret);
}

static enum nd_status process_read(const struct node_at *at, uint64_t offset, uint8_t *buf,
				   size_t len)
{
	return space_read(at, true, offset, buf, len);
}

static enum nd_status process_seek(const struct node_at *at, uint64_t offset, bool hole,
				   uint64_t *ret)
{
	return space_seek(at, true, offset, hole, ret);
}

static const struct node_raw physical = { physical_size, physical_read, physical_seek };
static const struct node_raw kernel = { space_size, kernel_read, kernel_seek };
static const struct node_raw process = { space_size, process_read, process_seek };

// clang-format off
const struct node_row node_mem_rows[] = {
	{ "physical", "memory by physical address; sparse",                         .raw = &physical },
	{ "kernel",   "memory by kernel address, without the top 16 bits; sparse",  .raw = &kernel },
	{ "<pid>",    "the same as a process has it, user addresses from 0 on; sparse",
	  .raw = &process, .next = next_process, .find = find_process },
	{ 0 }
};
// clang-format on
