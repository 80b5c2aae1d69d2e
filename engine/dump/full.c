/*
 * engine/dump/full.c - type 1, the complete dump: the header's runs of pages, one after another
 * behind the header. DumpIt and QEMU write it too.
 */
#include <stdlib.h>

#include "dump/container.h"
#include "dump/ranges.h"

static bool probe(const struct nd_header *header)
{
	return header->dump_type.value == ND_DUMP_FULL;
}

static enum nd_status full_open(struct nd_source *src, struct nd_error *err)
{
	const struct nd_header *h = &src->header;
	struct nd_ranges *map = calloc(1, sizeof(*map));
	uint64_t offset = ND_HEADER_BYTES;
	enum nd_status st = map != NULL ? ND_OK : ND_ENOMEM;

	src->state = map;
	if (map != NULL)
		map->unit_shift = ND_PAGE_SHIFT;
	for (uint32_t i = 0; st == ND_OK && i < h->run_count; i++)
		st = nd_ranges_add_run(src, map, h->run[i].first, h->run[i].pages, &offset);
	if (st == ND_OK)
		st = nd_ranges_finish_runs(src, map);
	if (st != ND_OK) {
		nd_error_set(err, "out of memory");
		return st;
	}
	if (src->counts.end_pfn == 0) {
		nd_error_set(err, "complete memory dump without a usable list of memory runs");
		return ND_EFORMAT;
	}
	return ND_OK;
}

const struct nd_container nd_container_full = {
	.name = "full",
	.probe = probe,
	.open = full_open,
	.close = nd_ranges_close,
	.find = nd_ranges_find_page,
	.next_run = nd_ranges_next_page_run,
};
