/*
 * engine/sym/symunpack.c - reads the flat form of a symbol file's tables: all of it is checked before
 * any of it is used.
 */
#include "sym/symrows.h"

#include <stdlib.h>
#include <string.h>

struct unpacker {
	const uint8_t *bytes;
	struct nd_symrows rows;
	struct nd_symfile *file;
	const char *names; /* the file's own copy */
	bool bad;
};

static uint32_t get(const uint8_t *row, unsigned index)
{
	return nd_le32(row + 4 * (size_t)index);
}

/* The name at an offset: only where a name begins. */
static const char *name_at(struct unpacker *u, uint32_t offset)
{
	if (offset >= u->rows.name_bytes || (offset > 0 && u->names[offset - 1] != '\0')) {
		u->bad = true;
		return "";
	}
	return u->names + offset;
}

static bool read_header(struct unpacker *u, size_t len, const struct nd_symkey *key)
{
	static const uint8_t reserved[16];
	const uint8_t *h = u->bytes;

	if (len < ND_SYMPACK_HEADER_BYTES ||
	    memcmp(h, nd_sympack_magic, sizeof(nd_sympack_magic)) != 0 ||
	    nd_le32(h + 8) != ND_SYMPACK_VERSION || nd_le32(h + 12) != (uint32_t)key->kind ||
	    memcmp(h + 16, key->id.guid, sizeof(key->id.guid)) != 0 ||
	    nd_le32(h + 32) != key->id.age || nd_le32(h + 36) != key->source_nanoseconds ||
	    nd_le64(h + 40) != key->source_bytes ||
	    nd_le64(h + 48) != (uint64_t)key->source_seconds ||
	    memcmp(h + 88, reserved, sizeof(reserved)) != 0)
		return false;
	u->rows = (struct nd_symrows){
		.name_bytes = nd_le32(h + 64),
		.public_count = nd_le32(h + 68),
		.type_count = nd_le32(h + 72),
		.field_count = nd_le32(h + 76),
		.enum_count = nd_le32(h + 80),
		.constant_count = nd_le32(h + 84),
	};
	return nd_symrows_place(&u->rows) && u->rows.end == len &&
	       nd_sympack_checksum(u->bytes, len) == nd_le64(h + ND_SYMPACK_CHECKSUM_AT);
}

/* Copied into the file; sorted, so that their offsets compare as they do, and distinct. */
static enum nd_status read_names(struct unpacker *u)
{
	uint32_t len = u->rows.name_bytes;
	struct nd_symarena *arena;
	const char *at, *end;

	if (len == 0 || u->bytes[u->rows.names + len - 1] != '\0')
		return ND_EFORMAT;
	arena = malloc(sizeof(*arena) + len);
	if (arena == NULL)
		return ND_ENOMEM;
	arena->next = NULL;
	arena->used = arena->room = len;
	memcpy(arena->bytes, u->bytes + u->rows.names, len);
	u->file->arena = arena;
	u->names = arena->bytes;
	at = arena->bytes;
	end = at + len;
	for (const char *next = at + strlen(at) + 1; next < end; next += strlen(next) + 1) {
		if (strcmp(at, next) >= 0)
			return ND_EFORMAT;
		at = next;
	}
	return ND_OK;
}

static bool read_key(struct unpacker *u, const struct nd_symkey *key)
{
	const char *pdb_name = name_at(u, nd_le32(u->bytes + 56));
	const char *path = name_at(u, nd_le32(u->bytes + 60));

	return !u->bad && strcmp(pdb_name, key->pdb_name) == 0 && strcmp(path, key->path) == 0;
}

static void *table(uint32_t count, size_t row_bytes)
{
	return malloc((size_t)count * row_bytes + 1);
}

static enum nd_status make_tables(struct unpacker *u, const struct nd_symkey *key)
{
	const struct nd_symrows *r = &u->rows;
	struct nd_symfile *f = u->file;

	f->kind = key->kind;
	f->id = key->id;
	f->id_known = true;
	f->path = strdup(key->path);
	f->publics = table(r->public_count, sizeof(*f->publics));
	f->by_name = table(r->public_count, sizeof(*f->by_name));
	f->types = table(r->type_count, sizeof(*f->types));
	f->fields = table(r->field_count, sizeof(*f->fields));
	f->enums = table(r->enum_count, sizeof(*f->enums));
	f->constants = table(r->constant_count, sizeof(*f->constants));
	return f->path && f->publics && f->by_name && f->types && f->fields && f->enums &&
			       f->constants
		       ? ND_OK
		       : ND_ENOMEM;
}

static void read_publics(struct unpacker *u)
{
	const uint8_t *row = u->bytes + u->rows.publics;
	struct nd_symfile *f = u->file;

	for (uint32_t i = 0; i < u->rows.public_count; i++, row += ND_PUBLIC_ROW_BYTES) {
		struct nd_public *p = &f->publics[i];

		*p = (struct nd_public){ get(row, 0), get(row, 1), name_at(u, get(row, 2)) };
		if ((p->flags & ~(uint32_t)(ND_PUBLIC_CODE | ND_PUBLIC_FUNCTION)) != 0 ||
		    (i > 0 &&
		     (p->rva < p[-1].rva || (p->rva == p[-1].rva && p->name < p[-1].name))))
			u->bad = true;
	}
	f->public_count = u->rows.public_count;
}

/* Whether row `a` of publics comes before row `b` by name, address and place. */
static bool is_before(const struct nd_symfile *f, uint32_t a, uint32_t b)
{
	const struct nd_public *x = &f->publics[a], *y = &f->publics[b];

	if (x->name != y->name)
		return x->name < y->name;
	return x->rva != y->rva ? x->rva < y->rva : a < b;
}

/* As each comes before the next one, none comes twice: every public is there. */
static void read_by_name(struct unpacker *u)
{
	const uint8_t *row = u->bytes + u->rows.by_name;
	struct nd_symfile *f = u->file;

	for (uint32_t i = 0; i < f->public_count; i++, row += ND_BY_NAME_ROW_BYTES) {
		uint32_t at = get(row, 0);

		if (at >= f->public_count) {
			u->bad = true;
			at = 0;
		}
		f->by_name[i] = at;
		if (i > 0 && !is_before(f, f->by_name[i - 1], at))
			u->bad = true;
	}
}

static bool is_range(uint32_t first, uint32_t count, uint32_t all)
{
	return first <= all && count <= all - first;
}

static void read_types(struct unpacker *u)
{
	const uint8_t *row = u->bytes + u->rows.types;
	struct nd_symfile *f = u->file;

	for (uint32_t i = 0; i < u->rows.type_count; i++, row += ND_TYPE_ROW_BYTES) {
		struct nd_type *t = &f->types[i];

		*t = (struct nd_type){ name_at(u, get(row, 0)), get(row, 1), get(row, 2),
				       get(row, 3) };
		if (!is_range(t->first_field, t->field_count, u->rows.field_count) ||
		    (i > 0 && t->name <= t[-1].name))
			u->bad = true;
	}
	f->type_count = u->rows.type_count;
}

static void read_fields(struct unpacker *u)
{
	const uint8_t *row = u->bytes + u->rows.fields;
	struct nd_symfile *f = u->file;

	for (uint32_t i = 0; i < u->rows.field_count; i++, row += ND_FIELD_ROW_BYTES) {
		uint32_t bits = get(row, 5);

		f->fields[i] = (struct nd_field){
			.name = name_at(u, get(row, 0)),
			.offset = get(row, 2),
			.bytes = get(row, 3),
			.array_count = get(row, 4),
			.bit_position = (uint8_t)bits,
			.bit_length = (uint8_t)(bits >> 8),
			.type_kind = (uint8_t)(bits >> 16),
			.type_name = name_at(u, get(row, 1)),
		};
		if (bits >> 24 != 0 || (bits & 0xff) > 63 ||
		    (bits >> 8 & 0xff) > 64 - (bits & 0xff) ||
		    (bits >> 16 & 0xff) > ND_TYPE_POINTER)
			u->bad = true;
	}
	f->field_count = u->rows.field_count;
}

/* Structures do not share fields, so this is linear; their fields come by offset. */
static void check_fields(struct unpacker *u)
{
	const struct nd_symfile *f = u->file;
	uint64_t seen = 0;

	for (uint32_t i = 0; i < f->type_count && !u->bad; i++) {
		const struct nd_type *t = &f->types[i];

		seen += t->field_count;
		if (seen > f->field_count)
			u->bad = true;
		for (uint32_t k = 1; k < t->field_count && !u->bad; k++)
			if (f->fields[t->first_field + k].offset <
			    f->fields[t->first_field + k - 1].offset)
				u->bad = true;
	}
}

static void read_enums(struct unpacker *u)
{
	const uint8_t *row = u->bytes + u->rows.enums;
	struct nd_symfile *f = u->file;

	for (uint32_t i = 0; i < u->rows.enum_count; i++, row += ND_ENUM_ROW_BYTES) {
		struct nd_enum *e = &f->enums[i];

		*e = (struct nd_enum){ name_at(u, get(row, 0)), get(row, 1), get(row, 2) };
		if (!is_range(e->first_constant, e->constant_count, u->rows.constant_count) ||
		    (i > 0 && e->name <= e[-1].name))
			u->bad = true;
	}
	f->enum_count = u->rows.enum_count;
	row = u->bytes + u->rows.constants;
	for (uint32_t i = 0; i < u->rows.constant_count; i++, row += ND_CONSTANT_ROW_BYTES)
		f->constants[i] =
			(struct nd_constant){ name_at(u, get(row, 0)), (int64_t)nd_le64(row + 4) };
	f->constant_count = u->rows.constant_count;
}

static enum nd_status unpack(struct unpacker *u, size_t len, const struct nd_symkey *key)
{
	enum nd_status st;

	if (!read_header(u, len, key))
		return ND_EFORMAT;
	st = read_names(u);
	if (st == ND_OK && !read_key(u, key))
		st = ND_EFORMAT;
	if (st == ND_OK)
		st = make_tables(u, key);
	if (st != ND_OK)
		return st;
	read_publics(u);
	read_by_name(u);
	read_types(u);
	read_fields(u);
	check_fields(u);
	read_enums(u);
	return u->bad ? ND_EFORMAT : ND_OK;
}

enum nd_status nd_sympack_read(const uint8_t *bytes, size_t len, const struct nd_symkey *key,
			       struct nd_symfile **ret)
{
	struct unpacker u = { .bytes = bytes };
	enum nd_status st;

	u.file = calloc(1, sizeof(*u.file));
	if (u.file == NULL)
		return ND_ENOMEM;
	st = unpack(&u, len, key);
	if (st == ND_OK)
		*ret = u.file;
	else
		nd_symfile_free(u.file);
	return st;
}
