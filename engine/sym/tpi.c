/*
 * engine/sym/tpi.c - the records of a PDB's type stream (TPI): where each begins, what structures
 * and enums state of themselves, and which record defines a name.
 */
#include "sym/tpi.h"

#include <stdlib.h>

#define HEADER_BYTES 56u
#define PROP_FORWARD 0x80u
#define MAX_TYPES (1u << 20)

uint16_t nd_tpi_record(const struct nd_tpi *t, uint32_t index, struct nd_cursor *ret)
{
	const uint8_t *at;

	if (index < ND_TPI_FIRST || index - ND_TPI_FIRST >= t->count)
		return 0;
	at = t->tpi + t->record[index - ND_TPI_FIRST];
	*ret = (struct nd_cursor){ .at = at + 4, .end = at + 2 + nd_le16(at) };
	return nd_le16(at + 2);
}

uint64_t nd_tpi_number(struct nd_cursor *c)
{
	uint16_t word = nd_cursor_u16(c);

	if (word < 0x8000)
		return word;
	switch (word) {
	case 0x8000:
		return (uint64_t)(int64_t)(int8_t)nd_cursor_u8(c);
	case 0x8001:
		return (uint64_t)(int64_t)(int16_t)nd_cursor_u16(c);
	case 0x8002:
		return nd_cursor_u16(c);
	case 0x8003:
		return (uint64_t)(int64_t)(int32_t)nd_cursor_u32(c);
	case 0x8004:
		return nd_cursor_u32(c);
	case 0x8009:
	case 0x800a:
		return nd_cursor_u64(c);
	default:
		c->bad = true;
		return 0;
	}
}

bool nd_tpi_tag(const struct nd_tpi *t, uint32_t index, struct nd_tpi_tag *ret)
{
	struct nd_cursor c;
	uint16_t leaf = nd_tpi_record(t, index, &c);
	uint32_t props;

	*ret = (struct nd_tpi_tag){ .is_enum = leaf == LF_ENUM };
	switch (leaf) {
	case LF_CLASS:
	case LF_STRUCTURE:
	case LF_UNION:
	case LF_ENUM:
		nd_cursor_u16(&c);
		props = nd_cursor_u16(&c);
		if (leaf == LF_ENUM)
			ret->underlying = nd_cursor_u32(&c);
		ret->fields = nd_cursor_u32(&c);
		if (leaf == LF_CLASS || leaf == LF_STRUCTURE)
			nd_cursor_take(&c, 8);
		break;
	case LF_CLASS_2:
	case LF_STRUCTURE_2:
		props = nd_cursor_u32(&c);
		ret->fields = nd_cursor_u32(&c);
		nd_cursor_take(&c, 10);
		break;
	default:
		return false;
	}
	if (leaf != LF_ENUM)
		ret->bytes = nd_tpi_number(&c);
	ret->name = nd_cursor_name(&c);
	ret->forward = (props & PROP_FORWARD) != 0;
	return !c.bad;
}

bool nd_tpi_is_unnamed(const char *name)
{
	return name[0] == '\0' || strcmp(name, "<unnamed-tag>") == 0 ||
	       strcmp(name, "<anonymous-tag>") == 0 || strcmp(name, "__unnamed") == 0;
}

struct definition {
	const char *name;
	uint32_t index;
	bool is_enum;
};

static int compare_definitions(const void *a, const void *b)
{
	const struct definition *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	if (order == 0)
		order = x->is_enum - y->is_enum;
	return order != 0 ? order : (x->index > y->index) - (x->index < y->index);
}

/* The last complete definition of a name; 0 when there is none. */
static uint32_t find_definition(const struct definition *rows, uint32_t count,
				const struct nd_tpi_tag *tag)
{
	struct definition wanted = { tag->name, UINT32_MAX, tag->is_enum };
	uint32_t low = 0, high = count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (compare_definitions(&rows[mid], &wanted) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == 0 || rows[low - 1].is_enum != tag->is_enum ||
	    strcmp(rows[low - 1].name, tag->name) != 0)
		return 0;
	return rows[low - 1].index;
}

enum nd_status nd_tpi_find_definitions(struct nd_tpi *t)
{
	struct definition *rows = calloc((size_t)t->count + 1, sizeof(*rows));
	uint32_t count = 0;
	struct nd_tpi_tag tag;

	if (rows == NULL)
		return ND_ENOMEM;
	for (uint32_t i = 0; i < t->count; i++) {
		if (nd_tpi_tag(t, ND_TPI_FIRST + i, &tag) && !tag.forward &&
		    !nd_tpi_is_unnamed(tag.name))
			rows[count++] =
				(struct definition){ tag.name, ND_TPI_FIRST + i, tag.is_enum };
	}
	qsort(rows, count, sizeof(*rows), compare_definitions);
	for (uint32_t i = 0; i < t->count; i++) {
		if (nd_tpi_tag(t, ND_TPI_FIRST + i, &tag) && !nd_tpi_is_unnamed(tag.name))
			t->definition[i] = find_definition(rows, count, &tag);
	}
	free(rows);
	return ND_OK;
}

/* Note where each record begins: at most as many as the header and the limit say. */
static enum nd_status index_records(struct nd_tpi *t, size_t at, size_t end, uint32_t most)
{
	uint32_t room = 0;

	while (t->count < most && end - at >= 4) {
		uint16_t len = nd_le16(t->tpi + at);

		if (len < 2 || len > end - at - 2)
			break;
		if (t->count == room) {
			uint32_t *record;

			room = room == 0 ? 4096 : room * 2;
			record = reallocarray(t->record, room, sizeof(*record));
			if (record == NULL)
				return ND_ENOMEM;
			t->record = record;
		}
		t->record[t->count++] = (uint32_t)at;
		at += (size_t)len + 2;
	}
	return ND_OK;
}

enum nd_status nd_tpi_open(struct nd_tpi *t, struct nd_error *err)
{
	uint32_t header, first, end_index, bytes;

	if (t->len < HEADER_BYTES) {
		nd_error_set(err, "the PDB's type stream is too short");
		return ND_EFORMAT;
	}
	header = nd_le32(t->tpi + 4);
	first = nd_le32(t->tpi + 8);
	end_index = nd_le32(t->tpi + 12);
	bytes = nd_le32(t->tpi + 16);
	if (header < HEADER_BYTES || header > t->len || bytes > t->len - header ||
	    first != ND_TPI_FIRST || end_index < first || end_index - first > MAX_TYPES) {
		nd_error_set(err, "the PDB's type stream is damaged");
		return ND_EFORMAT;
	}
	return index_records(t, header, (size_t)header + bytes, end_index - first);
}
