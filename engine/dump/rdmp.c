/*
 * engine/dump/rdmp.c - types 8, 9 and 0xa, written by recent debuggers: a list of {pfn, pages} in
 * any order, then the pages in the order of the list.
 */
#include <stdlib.h>

#include "dump/container.h"
#include "dump/ranges.h"

#define RDMP_AT ND_HEADER_BYTES
#define RDMP_FIXED_BYTES 0x30 /* up to the list */
#define RDMP_LIST_BASE 0x20   /* MetadataSize counts from here */
#define ENTRY_BYTES 16
#define CHUNK_ENTRIES 4096

struct rdmp_header {
	uint64_t list, entries; /* file offset, count that fits */
	uint64_t first_page;	/* file offset */
	uint64_t total_pages;	/* 0: not said */
};

static bool probe(const struct nd_header *header)
{
	uint64_t type = header->dump_type.value;

	return type == ND_DUMP_RDMP_KERNEL || type == ND_DUMP_RDMP_KERNEL_USER ||
	       type == ND_DUMP_RDMP_FULL;
}

static enum nd_status read_header(const struct nd_source *src, struct rdmp_header *ret,
				  struct nd_error *err)
{
	uint8_t raw[RDMP_FIXED_BYTES];
	uint64_t metadata;
	enum nd_status st = nd_source_read_part(src, RDMP_AT, raw, sizeof(raw),
						"the RDMP header at 0x2000", err);

	if (st != ND_OK)
		return st;
	if (nd_le32(raw + 4) != 0x504d4452 || nd_le32(raw + 8) != 0x504d5544) {
		nd_error_set(err, "dump type %u, but no RDMP header at 0x2000",
			     (unsigned)src->header.dump_type.value);
		return ND_EFORMAT;
	}
	metadata = nd_le64(raw + 0x10);
	ret->first_page = nd_le64(raw + 0x18);
	ret->list = RDMP_AT + RDMP_FIXED_BYTES;
	ret->total_pages = 0;
	if (src->header.dump_type.value == ND_DUMP_RDMP_FULL)
		ret->total_pages = nd_le64(raw + 0x28);
	if (metadata < RDMP_FIXED_BYTES - RDMP_LIST_BASE ||
	    !nd_source_holds(src, RDMP_AT + RDMP_LIST_BASE, metadata, 1) ||
	    ret->first_page < RDMP_AT + RDMP_LIST_BASE + metadata ||
	    ret->first_page > src->file_bytes) {
		nd_error_set(err,
			     "damaged RDMP header: %llu bytes of page list, first page at 0x%llx",
			     (unsigned long long)metadata, (unsigned long long)ret->first_page);
		return ND_EFORMAT;
	}
	ret->entries = (metadata - (RDMP_FIXED_BYTES - RDMP_LIST_BASE)) / ENTRY_BYTES;
	return ND_OK;
}

/* Add the entries of one chunk; *done when the list said that it ends. */
static enum nd_status add_entries(struct nd_source *src, const struct rdmp_header *h,
				  const uint8_t *raw, size_t entries, uint64_t *offset,
				  uint64_t *listed, bool *done)
{
	struct nd_ranges *map = src->state;

	for (size_t i = 0; i < entries && !*done; i++) {
		nd_pfn first = nd_le64(raw + i * ENTRY_BYTES);
		uint64_t pages = nd_le64(raw + i * ENTRY_BYTES + 8);
		enum nd_status st;

		if (first == 0) {
			*done = true;
			break;
		}
		st = nd_ranges_add_run(src, map, first, pages, offset);
		if (st != ND_OK)
			return st;
		*listed = pages > UINT64_MAX - *listed ? UINT64_MAX : *listed + pages;
		*done = h->total_pages != 0 && *listed >= h->total_pages;
	}
	return ND_OK;
}

static enum nd_status read_list(struct nd_source *src, const struct rdmp_header *h,
				struct nd_error *err)
{
	uint8_t *raw = malloc((size_t)CHUNK_ENTRIES * ENTRY_BYTES);
	uint64_t offset = h->first_page, listed = 0;
	enum nd_status st = raw != NULL ? ND_OK : ND_ENOMEM;
	bool done = false;

	for (uint64_t at = 0; st == ND_OK && at < h->entries && !done; at += CHUNK_ENTRIES) {
		size_t now =
			h->entries - at < CHUNK_ENTRIES ? (size_t)(h->entries - at) : CHUNK_ENTRIES;

		st = nd_source_read_part(src, h->list + at * ENTRY_BYTES, raw, now * ENTRY_BYTES,
					 "the list of page ranges", err);
		if (st == ND_OK)
			st = add_entries(src, h, raw, now, &offset, &listed, &done);
	}
	free(raw);
	return st;
}

static enum nd_status rdmp_open(struct nd_source *src, struct nd_error *err)
{
	struct nd_ranges *map = calloc(1, sizeof(*map));
	struct rdmp_header h;
	enum nd_status st = ND_ENOMEM;

	src->state = map;
	if (map != NULL) {
		map->unit_shift = ND_PAGE_SHIFT;
		st = read_header(src, &h, err);
	}
	if (st == ND_OK)
		st = read_list(src, &h, err);
	if (st == ND_OK)
		st = nd_ranges_finish_runs(src, map);
	if (st == ND_ENOMEM)
		nd_error_set(err, "out of memory for the list of page ranges");
	if (st == ND_OK && src->counts.end_pfn == 0) {
		nd_error_set(err, "RDMP dump with an empty list of page ranges");
		st = ND_EFORMAT;
	}
	return st;
}

const struct nd_container nd_container_rdmp = {
	.name = "rdmp",
	.probe = probe,
	.open = rdmp_open,
	.close = nd_ranges_close,
	.find = nd_ranges_find_page,
	.next_run = nd_ranges_next_page_run,
};
