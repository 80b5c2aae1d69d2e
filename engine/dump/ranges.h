/*
 * engine/dump/ranges.h - a map from numbers (page frames, addresses) to places in the file, built
 * from ranges that may be unsorted and may overlap; private to engine/dump.
 */
#ifndef ND_DUMP_RANGES_H
#define ND_DUMP_RANGES_H

#include "base.h"

struct nd_range {
	uint64_t first;
	uint64_t end;	      /* one past the last */
	uint64_t file_offset; /* of `first` */
};

struct nd_ranges {
	struct nd_range *item; /* after nd_ranges_finish(): ascending, without overlap */
	size_t count, room;
	uint32_t unit_shift; /* one step in the file is 1 << unit_shift bytes */
};

/* Append a range in the order of the file's list; first < end. ND_ENOMEM. */
enum nd_status nd_ranges_add(struct nd_ranges *map, const struct nd_range *range);
/* Sort; where ranges overlap the one added first wins; join what is contiguous. ND_ENOMEM. */
enum nd_status nd_ranges_finish(struct nd_ranges *map);
/* The range that holds `at`, or NULL. Only after nd_ranges_finish(), as the next two. */
const struct nd_range *nd_ranges_find(const struct nd_ranges *map, uint64_t at);
/* The first maximal run at or after `from`: ND_ENOENT when there is none. */
enum nd_status nd_ranges_next_run(const struct nd_ranges *map, uint64_t from, uint64_t *first,
				  uint64_t *count);
/* How many numbers the map holds. */
uint64_t nd_ranges_total(const struct nd_ranges *map);
/* Where `at`, which `range` holds, lies in the file. */
static inline uint64_t nd_range_offset(const struct nd_ranges *map, const struct nd_range *range,
				       uint64_t at)
{
	return range->file_offset + ((at - range->first) << map->unit_shift);
}
/* Frees the items, not the map. */
void nd_ranges_deinit(struct nd_ranges *map);

/* The state of a container that is nothing but ranges of pages (type 1 and RDMP). */
struct nd_source;
bool nd_ranges_find_page(const void *state, nd_pfn pfn, uint64_t *ret_offset);
enum nd_status nd_ranges_next_page_run(const void *state, nd_pfn from, nd_pfn *first,
				       uint64_t *pages);
void nd_ranges_close(void *state);
/*
 * Add the run {first, pages} whose pages begin at file offset *offset, and move *offset behind it
 * (it sticks at UINT64_MAX). Counts in src->counts what lies past the end of the file. A run that
 * reaches past the last possible page frame is left out, but its bytes are passed over.
 */
enum nd_status nd_ranges_add_run(struct nd_source *src, struct nd_ranges *map, nd_pfn first,
				 uint64_t pages, uint64_t *offset);
/* nd_ranges_finish() and src->counts.present_pages. */
enum nd_status nd_ranges_finish_runs(struct nd_source *src, struct nd_ranges *map);

#endif
