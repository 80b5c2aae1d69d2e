/*
 * engine/sym/sympack.c - writes the tables of a symbol file as a flat block. Reading is in
 * symunpack.c; the layout of both is in symrows.h.
 */
#include "sym/symrows.h"

#include <lzma.h>
#include <stdlib.h>
#include <string.h>

uint64_t nd_sympack_checksum(const uint8_t *bytes, size_t len)
{
	static const uint8_t none[8];
	uint64_t sum = lzma_crc64(bytes, ND_SYMPACK_CHECKSUM_AT, 0);

	sum = lzma_crc64(none, sizeof(none), sum);
	return lzma_crc64(bytes + ND_SYMPACK_HEADER_BYTES, len - ND_SYMPACK_HEADER_BYTES, sum);
}

/* A name and where it goes. */
struct place {
	const char *name;
	uint32_t offset;
};

struct packer {
	const struct nd_symfile *file;
	const struct nd_symkey *key;
	struct place *by_pointer; /* each pointer once */
	size_t pointer_count;
	struct place **by_name; /* the same, as strcmp() has them */
	struct nd_symrows rows;
	uint8_t *out, *at;
};

static int compare_pointers(const void *a, const void *b)
{
	const struct place *x = a, *y = b;
	uintptr_t p = (uintptr_t)x->name, q = (uintptr_t)y->name;

	return (p > q) - (p < q);
}

static int compare_names(const void *a, const void *b)
{
	const struct place *const *x = a, *const *y = b;

	return strcmp((*x)->name, (*y)->name);
}

static void add_name(struct packer *p, const char *name)
{
	p->by_pointer[p->pointer_count++].name = name;
}

/* Every name of the file, each pointer once. */
static bool collect_names(struct packer *p)
{
	const struct nd_symfile *f = p->file;
	size_t most = 2 + (size_t)f->public_count + f->type_count + 2 * (size_t)f->field_count +
		      f->enum_count + f->constant_count;
	size_t kept = 0;

	p->by_pointer = calloc(most, sizeof(*p->by_pointer));
	if (p->by_pointer == NULL)
		return false;
	add_name(p, p->key->pdb_name);
	add_name(p, p->key->path);
	for (uint32_t i = 0; i < f->public_count; i++)
		add_name(p, f->publics[i].name);
	for (uint32_t i = 0; i < f->type_count; i++)
		add_name(p, f->types[i].name);
	for (uint32_t i = 0; i < f->field_count; i++) {
		add_name(p, f->fields[i].name);
		add_name(p, f->fields[i].type_name);
	}
	for (uint32_t i = 0; i < f->enum_count; i++)
		add_name(p, f->enums[i].name);
	for (uint32_t i = 0; i < f->constant_count; i++)
		add_name(p, f->constants[i].name);
	qsort(p->by_pointer, p->pointer_count, sizeof(*p->by_pointer), compare_pointers);
	for (size_t i = 0; i < p->pointer_count; i++) {
		if (kept == 0 || p->by_pointer[kept - 1].name != p->by_pointer[i].name)
			p->by_pointer[kept++] = p->by_pointer[i];
	}
	p->pointer_count = kept;
	return true;
}

/* Give each name its offset: equal names the same one. */
static bool place_names(struct packer *p)
{
	uint64_t end = 0;

	p->by_name = calloc(p->pointer_count, sizeof(*p->by_name));
	if (p->by_name == NULL)
		return false;
	for (size_t i = 0; i < p->pointer_count; i++)
		p->by_name[i] = &p->by_pointer[i];
	qsort(p->by_name, p->pointer_count, sizeof(*p->by_name), compare_names);
	for (size_t i = 0; i < p->pointer_count; i++) {
		struct place *place = p->by_name[i];

		if (i > 0 && strcmp(p->by_name[i - 1]->name, place->name) == 0) {
			place->offset = p->by_name[i - 1]->offset;
			continue;
		}
		if (end > ND_SYMFILE_MAX_NAME_BYTES)
			return false;
		place->offset = (uint32_t)end;
		end += strlen(place->name) + 1;
	}
	p->rows.name_bytes = (uint32_t)end;
	return end <= ND_SYMFILE_MAX_NAME_BYTES;
}

static uint32_t offset_of(const struct packer *p, const char *name)
{
	const struct place wanted = { .name = name };
	const struct place *found = bsearch(&wanted, p->by_pointer, p->pointer_count,
					    sizeof(*p->by_pointer), compare_pointers);

	return found->offset; /* every name was collected */
}

static void put(struct packer *p, uint32_t v)
{
	for (unsigned shift = 0; shift < 32; shift += 8)
		*p->at++ = (uint8_t)(v >> shift);
}

static void put64(struct packer *p, uint64_t v)
{
	put(p, (uint32_t)v);
	put(p, (uint32_t)(v >> 32));
}

static void put_header(struct packer *p)
{
	const struct nd_symkey *key = p->key;

	memcpy(p->at, nd_sympack_magic, sizeof(nd_sympack_magic));
	p->at += sizeof(nd_sympack_magic);
	put(p, ND_SYMPACK_VERSION);
	put(p, (uint32_t)key->kind);
	memcpy(p->at, key->id.guid, sizeof(key->id.guid));
	p->at += sizeof(key->id.guid);
	put(p, key->id.age);
	put(p, key->source_nanoseconds);
	put64(p, key->source_bytes);
	put64(p, (uint64_t)key->source_seconds);
	put(p, offset_of(p, key->pdb_name));
	put(p, offset_of(p, key->path));
	put(p, p->rows.name_bytes);
	put(p, p->rows.public_count);
	put(p, p->rows.type_count);
	put(p, p->rows.field_count);
	put(p, p->rows.enum_count);
	put(p, p->rows.constant_count);
	put64(p, 0); /* reserved, 16 bytes */
	put64(p, 0);
	put64(p, 0); /* the checksum's place */
}

static void put_names(struct packer *p)
{
	for (size_t i = 0; i < p->pointer_count; i++) {
		const struct place *place = p->by_name[i];

		if (i == 0 || place->offset != p->by_name[i - 1]->offset)
			p->at = (uint8_t *)stpcpy((char *)p->at, place->name) + 1;
	}
}

static void put_publics(struct packer *p)
{
	const struct nd_symfile *f = p->file;

	for (uint32_t i = 0; i < f->public_count; i++) {
		put(p, f->publics[i].rva);
		put(p, f->publics[i].flags);
		put(p, offset_of(p, f->publics[i].name));
	}
	for (uint32_t i = 0; i < f->public_count; i++)
		put(p, f->by_name[i]);
}

static void put_types(struct packer *p)
{
	const struct nd_symfile *f = p->file;

	for (uint32_t i = 0; i < f->type_count; i++) {
		put(p, offset_of(p, f->types[i].name));
		put(p, f->types[i].bytes);
		put(p, f->types[i].first_field);
		put(p, f->types[i].field_count);
	}
	for (uint32_t i = 0; i < f->field_count; i++) {
		const struct nd_field *field = &f->fields[i];

		put(p, offset_of(p, field->name));
		put(p, offset_of(p, field->type_name));
		put(p, field->offset);
		put(p, field->bytes);
		put(p, field->array_count);
		put(p, field->bit_position | (uint32_t)field->bit_length << 8 |
			       (uint32_t)field->type_kind << 16);
	}
}

static void put_enums(struct packer *p)
{
	const struct nd_symfile *f = p->file;

	for (uint32_t i = 0; i < f->enum_count; i++) {
		put(p, offset_of(p, f->enums[i].name));
		put(p, f->enums[i].first_constant);
		put(p, f->enums[i].constant_count);
	}
	for (uint32_t i = 0; i < f->constant_count; i++) {
		put(p, offset_of(p, f->constants[i].name));
		put64(p, (uint64_t)f->constants[i].value);
	}
}

static enum nd_status pack(struct packer *p)
{
	const struct nd_symfile *f = p->file;
	uint64_t sum;
	uint8_t *checksum;

	p->rows = (struct nd_symrows){
		.public_count = f->public_count,
		.type_count = f->type_count,
		.field_count = f->field_count,
		.enum_count = f->enum_count,
		.constant_count = f->constant_count,
	};
	if (!collect_names(p) || !place_names(p) || !nd_symrows_place(&p->rows))
		return ND_ENOMEM;
	p->out = malloc(p->rows.end);
	if (p->out == NULL)
		return ND_ENOMEM;
	p->at = p->out;
	put_header(p);
	put_names(p);
	put_publics(p);
	put_types(p);
	put_enums(p);
	sum = nd_sympack_checksum(p->out, p->rows.end);
	checksum = p->out + ND_SYMPACK_CHECKSUM_AT;
	for (unsigned i = 0; i < 8; i++)
		checksum[i] = (uint8_t)(sum >> 8 * i);
	return ND_OK;
}

enum nd_status nd_sympack_write(const struct nd_symfile *file, const struct nd_symkey *key,
				uint8_t **ret, size_t *ret_len)
{
	struct packer p = { .file = file, .key = key };
	enum nd_status st = pack(&p);

	free(p.by_pointer);
	free(p.by_name);
	if (st != ND_OK)
		return st;
	*ret = p.out;
	*ret_len = (size_t)p.rows.end;
	return ND_OK;
}
