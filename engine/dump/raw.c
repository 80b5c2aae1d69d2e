/*
 * engine/dump/raw.c - a flat image of physical memory (.raw, .mem, .vmem): file offset = physical
 * address. What is a hole of a sparse file reads as zeros, as in every other reader of that file.
 */
#include <stdlib.h>

#include "dump/container.h"
#include "dump/ranges.h"

#define RAW_BYTES_MIN (1ull << 20) /* less than a Windows kernel alone */

static bool probe_file(const struct nd_source *src, const uint8_t *bytes, size_t len)
{
	return src->file_bytes >= RAW_BYTES_MIN && nd_header_is_unknown(bytes, len);
}

/* One run: all of the file. A last page that is not whole counts as cut. */
static enum nd_status raw_open(struct nd_source *src, struct nd_error *err)
{
	struct nd_ranges *map = calloc(1, sizeof(*map));
	enum nd_status st = map != NULL ? ND_OK : ND_ENOMEM;
	uint64_t pages = src->file_bytes / ND_PAGE_BYTES, offset = 0;

	src->state = map;
	pages += src->file_bytes % ND_PAGE_BYTES != 0;
	if (map != NULL)
		map->unit_shift = ND_PAGE_SHIFT;
	if (st == ND_OK)
		st = nd_ranges_add_run(src, map, 0, pages, &offset);
	if (st == ND_OK)
		st = nd_ranges_finish_runs(src, map);
	if (st != ND_OK)
		nd_error_set(err, "out of memory");
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
