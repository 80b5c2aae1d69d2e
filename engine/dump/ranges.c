/*
 * engine/dump/ranges.c - sorted ranges with file offsets: building, overlaps, lookup.
 */
#include <stdlib.h>

#include "dump/container.h"
#include "dump/ranges.h"

enum nd_status nd_ranges_add(struct nd_ranges *map, const struct nd_range *range)
{
	if (map->count == map->room) {
		size_t room = map->room < 16 ? 16 : map->room + map->room / 2;
		struct nd_range *item = reallocarray(map->item, room, sizeof(*item));

		if (item == NULL)
			return ND_ENOMEM;
		map->item = item;
		map->room = room;
	}
	map->item[map->count++] = *range;
	return ND_OK;
}

void nd_ranges_deinit(struct nd_ranges *map)
{
	free(map->item);
	map->item = NULL;
	map->count = map->room = 0;
}

/* --- overlaps ----------------------------------------------------------------------------- */

/*
 * A sweep over the ranges by ascending `first`. Those that reach over the present position wait in
 * a heap with the one listed first on top; it gives the file offset up to its end or up to the
 * next range's start, whichever comes first.
 */
struct listed {
	struct nd_range range;
	size_t order;
};

struct sweep {
	struct listed *listed; /* sorted by range.first */
	size_t *heap;	       /* indices of `listed`, least `order` on top */
	size_t heap_count;
};

static int by_first(const void *a, const void *b)
{
	const struct listed *x = a, *y = b;

	if (x->range.first != y->range.first)
		return x->range.first < y->range.first ? -1 : 1;
	return x->order < y->order ? -1 : 1;
}

static bool heap_less(const struct sweep *s, size_t a, size_t b)
{
	return s->listed[s->heap[a]].order < s->listed[s->heap[b]].order;
}

static void heap_swap(struct sweep *s, size_t a, size_t b)
{
	size_t t = s->heap[a];

	s->heap[a] = s->heap[b];
	s->heap[b] = t;
}

static void heap_push(struct sweep *s, size_t index)
{
	size_t at = s->heap_count++;

	s->heap[at] = index;
	for (; at > 0 && heap_less(s, at, (at - 1) / 2); at = (at - 1) / 2)
		heap_swap(s, at, (at - 1) / 2);
}

static void heap_pop(struct sweep *s)
{
	size_t at = 0, child;

	s->heap[0] = s->heap[--s->heap_count];
	while ((child = 2 * at + 1) < s->heap_count) {
		if (child + 1 < s->heap_count && heap_less(s, child + 1, child))
			child++;
		if (!heap_less(s, child, at))
			break;
		heap_swap(s, at, child);
		at = child;
	}
}

/* Append [first, end) of `range`, joined to the last item where both meet also in the file. */
static enum nd_status emit(struct nd_ranges *map, const struct nd_range *range, uint64_t first,
			   uint64_t end)
{
	struct nd_range piece = { first, end, nd_range_offset(map, range, first) };
	struct nd_range *last = map->count > 0 ? &map->item[map->count - 1] : NULL;

	if (last != NULL && last->end == first &&
	    nd_range_offset(map, last, first) == piece.file_offset) {
		last->end = end;
		return ND_OK;
	}
	return nd_ranges_add(map, &piece);
}

static enum nd_status sweep(struct sweep *s, size_t count, struct nd_ranges *map)
{
	size_t next = 0;
	uint64_t at = 0;

	while (next < count || s->heap_count > 0) {
		const struct nd_range *top;
		uint64_t end;
		enum nd_status st;

		if (s->heap_count == 0)
			at = s->listed[next].range.first;
		while (next < count && s->listed[next].range.first <= at)
			heap_push(s, next++);
		top = &s->listed[s->heap[0]].range;
		if (top->end <= at) {
			heap_pop(s);
			continue;
		}
		end = top->end;
		if (next < count && s->listed[next].range.first < end)
			end = s->listed[next].range.first;
		st = emit(map, top, at, end);
		if (st != ND_OK)
			return st;
		at = end;
	}
	return ND_OK;
}

enum nd_status nd_ranges_finish(struct nd_ranges *map)
{
	struct nd_ranges sorted = { .unit_shift = map->unit_shift };
	struct sweep s = { 0 };
	enum nd_status st = ND_ENOMEM;

	if (map->count == 0)
		return ND_OK;
	s.listed = calloc(map->count, sizeof(*s.listed));
	s.heap = calloc(map->count, sizeof(*s.heap));
	if (s.listed != NULL && s.heap != NULL) {
		for (size_t i = 0; i < map->count; i++)
			s.listed[i] = (struct listed){ map->item[i], i };
		qsort(s.listed, map->count, sizeof(*s.listed), by_first);
		st = sweep(&s, map->count, &sorted);
	}
	free(s.listed);
	free(s.heap);
	if (st != ND_OK) {
		nd_ranges_deinit(&sorted);
		return st;
	}
	nd_ranges_deinit(map);
	*map = sorted;
	return ND_OK;
}

/* --- lookup ------------------------------------------------------------------------------- */

/* The index of the first item that ends after `at`; map->count when there is none. */
static size_t lower_bound(const struct nd_ranges *map, uint64_t at)
{
	size_t low = 0, high = map->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (map->item[middle].end > at)
			high = middle;
		else
			low = middle + 1;
	}
	return low;
}

const struct nd_range *nd_ranges_find(const struct nd_ranges *map, uint64_t at)
{
	size_t i = lower_bound(map, at);

	return i < map->count && map->item[i].first <= at ? &map->item[i] : NULL;
}

enum nd_status nd_ranges_next_run(const struct nd_ranges *map, uint64_t from, uint64_t *first,
				  uint64_t *count)
{
	size_t i = lower_bound(map, from);
	uint64_t start, end;

	if (i == map->count)
		return ND_ENOENT;
	start = map->item[i].first > from ? map->item[i].first : from;
	end = map->item[i].end;
	while (++i < map->count && map->item[i].first == end)
		end = map->item[i].end;
	*first = start;
	*count = end - start;
	return ND_OK;
}

uint64_t nd_ranges_total(const struct nd_ranges *map)
{
	uint64_t total = 0;

	for (size_t i = 0; i < map->count; i++)
		total += map->item[i].end - map->item[i].first;
	return total;
}

/* --- runs of pages ------------------------------------------------------------------------ */

static uint64_t add_saturated(uint64_t a, uint64_t b)
{
	return a > UINT64_MAX - b ? UINT64_MAX : a + b;
}

enum nd_status nd_ranges_add_run(struct nd_source *src, struct nd_ranges *map, nd_pfn first,
				 uint64_t pages, uint64_t *offset)
{
	uint64_t start = *offset;
	uint64_t left = start < src->file_bytes ? src->file_bytes - start : 0;
	uint64_t present = left / ND_PAGE_BYTES < pages ? left / ND_PAGE_BYTES : pages;

	*offset = pages > UINT64_MAX >> ND_PAGE_SHIFT
			  ? UINT64_MAX
			  : add_saturated(start, pages << ND_PAGE_SHIFT);
	if (pages == 0 || first >= ND_PFN_END || pages > ND_PFN_END - first)
		return ND_OK;
	src->counts.cut_pages = add_saturated(src->counts.cut_pages, pages - present);
	if (first + pages > src->counts.end_pfn)
		src->counts.end_pfn = first + pages;
	if (present == 0)
		return ND_OK;
	return nd_ranges_add(map, &(struct nd_range){ first, first + present, start });
}

enum nd_status nd_ranges_finish_runs(struct nd_source *src, struct nd_ranges *map)
{
	enum nd_status st = nd_ranges_finish(map);

	if (st == ND_OK)
		src->counts.present_pages = nd_ranges_total(map);
	return st;
}

bool nd_ranges_find_page(const void *state, nd_pfn pfn, uint64_t *ret_offset)
{
	const struct nd_ranges *map = state;
	const struct nd_range *range = nd_ranges_find(map, pfn);

	if (range == NULL)
		return false;
	*ret_offset = nd_range_offset(map, range, pfn);
	return true;
}

enum nd_status nd_ranges_next_page_run(const void *state, nd_pfn from, nd_pfn *first,
				       uint64_t *pages)
{
	return nd_ranges_next_run(state, from, first, pages);
}

void nd_ranges_close(void *state)
{
	struct nd_ranges *map = state;

	if (map == NULL)
		return;
	nd_ranges_deinit(map);
	free(map);
}
