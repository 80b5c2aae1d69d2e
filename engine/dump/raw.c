/*
 * engine/dump/raw.c - a flat image of physical memory (.raw, .mem, .vmem): file offset = physical
 * address. Holes of a sparse file are pages that the image does not hold.
 */
#include <errno.h>
#include <stdlib.h>
#include <unistd.h>

#include "dump/container.h"
#include "dump/ranges.h"

#define RAW_BYTES_MIN (1ull << 20) /* less than a Windows kernel alone */
#define RUNS_MAX (1u << 20)	   /* what is still more scattered is taken as one run */

static bool probe_file(const struct nd_source *src, const uint8_t *bytes, size_t len)
{
	return src->file_bytes >= RAW_BYTES_MIN && nd_header_is_unknown(bytes, len);
}

/* The next piece of the file that is no hole: *ret_end, or false behind the last. */
static bool next_data(const struct nd_source *src, uint64_t from, uint64_t *ret_first,
		      uint64_t *ret_end)
{
	off_t data = lseek(src->fd, (off_t)from, SEEK_DATA), hole;

	if (data < 0 && errno == ENXIO)
		return false;
	*ret_first = data < 0 || (uint64_t)data < from ? from : (uint64_t)data;
	*ret_end = src->file_bytes;
	hole = data < 0 ? -1 : lseek(src->fd, data, SEEK_HOLE);
	if (hole >= 0 && (uint64_t)hole > *ret_first && (uint64_t)hole < *ret_end)
		*ret_end = (uint64_t)hole;
	return true;
}

/* Pages of which any byte is there; the last page of the file only when it is whole. */
static enum nd_status add_runs(const struct nd_source *src, struct nd_ranges *map)
{
	nd_pfn end_pfn = src->file_bytes / ND_PAGE_BYTES;
	uint64_t at = 0, first, end;
	enum nd_status st = ND_OK;

	while (st == ND_OK && at < end_pfn * ND_PAGE_BYTES && next_data(src, at, &first, &end)) {
		nd_pfn a = first / ND_PAGE_BYTES;
		nd_pfn b = end / ND_PAGE_BYTES + (end % ND_PAGE_BYTES != 0);

		if (map->count >= RUNS_MAX || b > end_pfn)
			b = end_pfn;
		if (a >= b)
			break;
		st = nd_ranges_add(map, &(struct nd_range){ a, b, a * ND_PAGE_BYTES });
		at = b * ND_PAGE_BYTES;
	}
	return st;
}

static enum nd_status raw_open(struct nd_source *src, struct nd_error *err)
{
	struct nd_ranges *map = calloc(1, sizeof(*map));
	enum nd_status st = map != NULL ? ND_OK : ND_ENOMEM;

	src->state = map;
	if (map != NULL)
		map->unit_shift = ND_PAGE_SHIFT;
	if (st == ND_OK)
		st = add_runs(src, map);
	if (st == ND_OK)
		st = nd_ranges_finish_runs(src, map);
	if (st != ND_OK)
		nd_error_set(err, "out of memory");
	src->counts.end_pfn = src->file_bytes / ND_PAGE_BYTES;
	return st;
}

const struct nd_container nd_container_raw = {
	.name = "raw",
	.probe_file = probe_file,
	.open = raw_open,
	.close = nd_ranges_close,
	.find = nd_ranges_find_page,
	.next_run = nd_ranges_next_page_run,
};
