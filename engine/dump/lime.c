/*
 * engine/dump/lime.c - LiME images: pieces of physical memory in ascending order, each behind a
 * header of 32 bytes that says where it begins and ends.
 */
#include <stdlib.h>
#include <string.h>

#include "dump/container.h"
#include "dump/ranges.h"

#define HEAD_BYTES 32u
#define MAGIC 0x4c694d45u /* "EMiL" */
#define VERSION 1u
#define PIECES_MAX (1u << 16)

struct piece {
	uint64_t first, last; /* physical addresses, both inclusive */
};

static bool probe_file(const struct nd_source *src, const uint8_t *bytes, size_t len)
{
	(void)src;
	return len >= HEAD_BYTES && nd_le32(bytes) == MAGIC;
}

static enum nd_status refuse(struct nd_error *err, uint32_t index, const char *why)
{
	nd_error_set(err, "damaged LiME image: range %u %s", (unsigned)index, why);
	return ND_EFORMAT;
}

/* The header of piece `index`; `end` is one past the last address of the piece before. */
static enum nd_status read_piece(const struct nd_source *src, uint64_t offset, uint32_t index,
				 uint64_t end, struct piece *ret, struct nd_error *err)
{
	uint8_t raw[HEAD_BYTES];
	struct piece piece;
	enum nd_status st =
		nd_source_read_part(src, offset, raw, sizeof(raw), "the header of a range", err);

	if (st != ND_OK)
		return st;
	if (nd_le32(raw) != MAGIC)
		return refuse(err, index, "has no header where the one before it ends");
	if (nd_le32(raw + 4) != VERSION) {
		nd_error_set(err, "LiME image of version %u; only version 1 is supported",
			     (unsigned)nd_le32(raw + 4));
		return ND_EFORMAT;
	}
	piece.first = nd_le64(raw + 8);
	piece.last = nd_le64(raw + 16);
	if (piece.first > piece.last || piece.last == UINT64_MAX)
		return refuse(err, index, "ends before it begins, or too high");
	if (piece.first < end)
		return refuse(err, index, "begins inside the one before it");
	*ret = piece;
	return ND_OK;
}

/* The whole pages of a piece whose bytes begin at `offset`. */
static enum nd_status add_piece(struct nd_source *src, struct nd_ranges *map,
				const struct piece *piece, uint64_t offset)
{
	uint64_t skip = -piece->first % ND_PAGE_BYTES, bytes = piece->last - piece->first + 1;

	if (bytes <= skip)
		return ND_OK;
	offset += skip;
	return nd_ranges_add_run(src, map, (piece->first + skip) / ND_PAGE_BYTES,
				 (bytes - skip) / ND_PAGE_BYTES, &offset);
}

static enum nd_status read_pieces(struct nd_source *src, struct nd_ranges *map,
				  struct nd_error *err)
{
	struct piece piece = { 0 };
	uint64_t offset = 0, end = 0;
	enum nd_status st = ND_OK;

	/* What is left behind the last piece and too short for a header was cut off. */
	for (uint32_t i = 0; st == ND_OK && nd_source_holds(src, offset, 1, HEAD_BYTES); i++) {
		if (i == PIECES_MAX)
			return refuse(err, i, "is one too many");
		st = read_piece(src, offset, i, end, &piece, err);
		if (st != ND_OK)
			return st;
		offset += HEAD_BYTES;
		end = piece.last + 1;
		st = add_piece(src, map, &piece, offset);
		if (end - piece.first > src->file_bytes - offset)
			break;
		offset += end - piece.first;
	}
	if (st == ND_ENOMEM)
		nd_error_set(err, "out of memory");
	return st;
}

static enum nd_status lime_open(struct nd_source *src, struct nd_error *err)
{
	struct nd_ranges *map = calloc(1, sizeof(*map));
	enum nd_status st;

	if (map == NULL) {
		nd_error_set(err, "out of memory");
		return ND_ENOMEM;
	}
	src->state = map;
	map->unit_shift = ND_PAGE_SHIFT;
	st = read_pieces(src, map, err);
	if (st != ND_OK)
		return st;
	st = nd_ranges_finish_runs(src, map);
	if (st != ND_OK)
		nd_error_set(err, "out of memory");
	return st;
}

const struct nd_container nd_container_lime = {
	.name = "lime",
	.probe_file = probe_file,
	.open = lime_open,
	.close = nd_ranges_close,
	.find = nd_ranges_find_page,
	.next_run = nd_ranges_next_page_run,
};
