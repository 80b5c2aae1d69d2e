/*
 * engine/sym/rec.c - copies of kernel structures, and their members as numbers or text with the
 * reason why one is missing.
 */
#include <stdlib.h>
#include <string.h>

#include "sym/rec.h"

/* End of the last member that is listed for a structure, where its size is not known. */
static size_t last_member_end(const struct nd_dump *dump, const char *name)
{
	size_t end = 0;

	for (int m = 0; m < ND_MEMBER_COUNT; m++) {
		const struct nd_member_place *p = &dump->layout.member[m];
		size_t e;

		if (p->offset == ND_OFFSET_ABSENT || strcmp(nd_member_struct_name[m], name) != 0)
			continue;
		e = (size_t)p->offset + nd_member_bytes[m];
		end = e > end ? e : end;
	}
	return end;
}

enum nd_status nd_rec_read_bytes(const struct nd_space *space, nd_va va, size_t bytes,
				 struct nd_rec *ret)
{
	size_t in_page = ND_PAGE_BYTES - (size_t)(va & (ND_PAGE_BYTES - 1));
	size_t got = 0;

	ret->dump = space->dump;
	ret->at = va;
	ret->len = bytes < ND_REC_BYTES ? bytes : ND_REC_BYTES;
	ret->split = ret->len < in_page ? ret->len : in_page;
	ret->st[0] = nd_read_some(space, va, ret->bytes, ret->split, &got);
	if (ret->st[0] != ND_OK && got > 0) { /* a triage block ended inside the first page */
		ret->st[1] = ret->st[0];
		ret->st[0] = ND_OK;
		ret->split = got;
		return ND_OK;
	}
	ret->st[1] = ND_OK;
	if (ret->len > ret->split)
		ret->st[1] = nd_read(space, va + ret->split, ret->bytes + ret->split,
				     ret->len - ret->split);
	return nd_is_failure(ret->st[1]) ? ret->st[1] : ret->st[0];
}

enum nd_status nd_rec_read(const struct nd_space *space, nd_va va, enum nd_struct_id type,
			   struct nd_rec *ret)
{
	size_t bytes = space->dump->layout.struct_bytes[type];

	if (bytes == 0)
		bytes = last_member_end(space->dump, nd_struct_name[type]);
	return nd_rec_read_bytes(space, va, bytes, ret);
}

/* The status of bytes [offset, offset + bytes) of the copy. */
static enum nd_status piece_status(const struct nd_rec *rec, uint32_t offset, size_t bytes)
{
	if (offset > rec->len || bytes > rec->len - offset)
		return ND_INVALID;
	if (offset < rec->split && rec->st[0] != ND_OK)
		return rec->st[0];
	if (bytes > 0 && offset + bytes > rec->split && rec->st[1] != ND_OK)
		return rec->st[1];
	return ND_OK;
}

struct nd_u64 nd_rec_num(const struct nd_rec *rec, uint32_t offset, unsigned bytes)
{
	uint8_t raw[8] = { 0 };
	struct nd_u64 ret = { .at = rec->at + offset };

	ret.st = bytes <= 8 ? piece_status(rec, offset, bytes) : ND_INVALID;
	if (ret.st != ND_OK)
		return ret;
	memcpy(raw, rec->bytes + offset, bytes);
	ret.value = nd_le64(raw);
	return ret;
}

static struct nd_u64 take_bits(struct nd_u64 v, const struct nd_member_place *place)
{
	if (v.st != ND_OK || place->bit_length == 0 || place->bit_length >= 64)
		return v;
	v.value = v.value >> (place->bit_position & 63) & ((1ull << place->bit_length) - 1);
	return v;
}

struct nd_u64 nd_rec_get(const struct nd_rec *rec, enum nd_member_id member)
{
	const struct nd_member_place *place = &rec->dump->layout.member[member];
	unsigned bytes = nd_member_bytes[member] < 8 ? nd_member_bytes[member] : 8;

	if (place->offset == ND_OFFSET_ABSENT)
		return nd_u64_missing(ND_NOT_IN_BUILD, rec->at);
	return take_bits(nd_rec_num(rec, place->offset, bytes), place);
}

enum nd_status nd_rec_bytes(const struct nd_rec *rec, enum nd_member_id member, void *buf)
{
	uint32_t offset = rec->dump->layout.member[member].offset;
	enum nd_status st;

	if (offset == ND_OFFSET_ABSENT)
		return ND_NOT_IN_BUILD;
	st = piece_status(rec, offset, nd_member_bytes[member]);
	if (st == ND_OK)
		memcpy(buf, rec->bytes + offset, nd_member_bytes[member]);
	return st;
}

struct nd_u64 nd_member_read(const struct nd_space *space, nd_va va, enum nd_member_id member)
{
	const struct nd_member_place *place = &space->dump->layout.member[member];
	unsigned bytes = nd_member_bytes[member] < 8 ? nd_member_bytes[member] : 8;

	if (place->offset == ND_OFFSET_ABSENT)
		return nd_u64_missing(ND_NOT_IN_BUILD, va);
	return take_bits(nd_read_num(space, va + place->offset, bytes), place);
}

struct nd_ustr nd_ustr_read_at(const struct nd_space *space, nd_va va, size_t bytes)
{
	struct nd_ustr ret = { .at = va };
	uint8_t *raw;

	if (bytes == 0)
		return ret;
	ret.st = ND_INVALID;
	if (bytes % 2 != 0 || bytes / 2 > ND_USTR_UNITS_MAX || va == 0)
		return ret;
	raw = malloc(bytes);
	ret.units = malloc(bytes);
	ret.st = raw && ret.units ? nd_read(space, va, raw, bytes) : ND_ENOMEM;
	if (ret.st == ND_OK) {
		ret.count = bytes / 2;
		for (size_t i = 0; i < ret.count; i++)
			ret.units[i] = nd_le16(raw + 2 * i);
	} else {
		free(ret.units);
		ret.units = NULL;
	}
	free(raw);
	return ret;
}

static struct nd_ustr ustr_from_header(const struct nd_space *space, const uint8_t header[16],
				       nd_va at)
{
	size_t bytes = nd_le16(header);
	size_t max_bytes = nd_le16(header + 2);

	if (bytes > max_bytes)
		return (struct nd_ustr){ .st = ND_INVALID, .at = at };
	return nd_ustr_read_at(space, nd_le64(header + 8), bytes);
}

struct nd_ustr nd_ustr_read(const struct nd_space *space, nd_va va)
{
	uint8_t header[16];
	enum nd_status st = nd_read(space, va, header, sizeof(header));

	if (st != ND_OK)
		return (struct nd_ustr){ .st = st, .at = va };
	return ustr_from_header(space, header, va);
}

struct nd_ustr nd_rec_ustr(const struct nd_rec *rec, const struct nd_space *space,
			   enum nd_member_id member)
{
	uint8_t header[16];
	uint32_t offset = nd_offset(rec->dump, member);
	nd_va at = rec->at + (offset == ND_OFFSET_ABSENT ? 0 : offset);
	enum nd_status st = nd_member_bytes[member] == sizeof(header)
				    ? nd_rec_bytes(rec, member, header)
				    : ND_INVALID;

	if (st != ND_OK)
		return (struct nd_ustr){ .st = st, .at = at };
	return ustr_from_header(space, header, at);
}

void nd_ustr_free(struct nd_ustr *s)
{
	free(s->units);
	s->units = NULL;
	s->count = 0;
}
