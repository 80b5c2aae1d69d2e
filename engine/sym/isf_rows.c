/*
 * engine/sym/isf_rows.c - what the objects of an ISF file come to: rows of the tables, and the sizes
 * that fields get when all types are known.
 */
#include "sym/isf.h"

#include <stdlib.h>
#include <string.h>

int nd_isf_refuse(struct nd_isf_reader *r, const char *trouble)
{
	if (r->trouble == NULL)
		r->trouble = trouble;
	nd_symbuild_fail(&r->build, ND_EFORMAT);
	return 0;
}

int nd_isf_go_on(const struct nd_isf_reader *r)
{
	return r->build.st == ND_OK && !r->done;
}

/* A pointer's target by name; "" for a pointer to a pointer, an array or a function. */
static void set_pointer(const struct nd_isf_reader *r, uint32_t at, struct nd_field *field)
{
	field->type_kind = ND_TYPE_POINTER;
	if (at + 1 < r->type_levels && r->type[at + 1].kind == KIND_NAMED)
		field->type_name = r->type[at + 1].name;
}

/*
 * The levels of a field's type, outermost first, as a row of the table. The size needs the sizes
 * of other types, which may come later in the file: `bytes` says only whether it is an array.
 */
int nd_isf_add_field(struct nd_isf_reader *r)
{
	struct nd_field field = { .name = r->field_name, .type_name = "" };
	uint64_t count = 1;
	uint32_t at = 0;

	if (!r->offset_known || r->offset > UINT32_MAX)
		return nd_isf_refuse(r, "a field without a proper offset");
	field.offset = (uint32_t)r->offset;
	for (; at < r->type_levels && r->type[at].kind == KIND_ARRAY; at++) {
		if (__builtin_mul_overflow(count, r->type[at].count, &count) || count > UINT32_MAX)
			return nd_isf_refuse(r, "an array with too many elements");
		field.array_count = (uint32_t)count;
		field.bytes = 1;
	}
	if (at < r->type_levels && r->type[at].kind == KIND_BITS) {
		const struct nd_isf_level *bits = &r->type[at++];

		if (bits->bit_position > 63 || bits->bit_length == 0 ||
		    bits->bit_length > 64 - bits->bit_position)
			return nd_isf_refuse(r, "a bit-field outside of 64 bits");
		field.bit_position = (uint8_t)bits->bit_position;
		field.bit_length = (uint8_t)bits->bit_length;
	}
	if (at < r->type_levels && r->type[at].kind == KIND_NAMED) {
		field.type_kind = (uint8_t)r->type[at].named;
		field.type_name = r->type[at].name;
	} else if (at < r->type_levels && r->type[at].kind == KIND_POINTER) {
		set_pointer(r, at, &field);
	}
	nd_symbuild_field(&r->build, &field);
	return nd_isf_go_on(r);
}

int nd_isf_add_symbol(struct nd_isf_reader *r)
{
	const char *name = r->linkage_name != NULL ? r->linkage_name : r->name;

	/* Without an address: a constant. Beyond an image's end: an absolute symbol. */
	if (r->address_known && r->address <= UINT32_MAX && name[0] != '\0')
		nd_symbuild_public(&r->build, (uint32_t)r->address, 0, name);
	return nd_isf_go_on(r);
}

int nd_isf_add_base(struct nd_isf_reader *r)
{
	if (!r->bytes_known)
		return 1;
	if (r->bytes > UINT32_MAX || r->base_count == ND_ISF_MAX_BASE_TYPES)
		return nd_isf_refuse(r, "too many or too large base types");
	r->base[r->base_count++] = (struct nd_isf_size){ r->name, (uint32_t)r->bytes };
	return 1;
}

int nd_isf_add_type(struct nd_isf_reader *r)
{
	if (!r->bytes_known || r->bytes > UINT32_MAX)
		return nd_isf_refuse(r, "a structure without a proper size");
	nd_symbuild_type(&r->build, r->name, (uint32_t)r->bytes);
	return nd_isf_go_on(r);
}

int nd_isf_add_enum(struct nd_isf_reader *r)
{
	if (r->bytes_known && r->bytes <= 8 && r->enum_count < ND_SYMFILE_MAX_ROWS) {
		if (r->enum_count == r->enum_room) {
			uint32_t room = r->enum_room == 0 ? 256 : r->enum_room * 2;
			struct nd_isf_size *rows = reallocarray(r->enums, room, sizeof(*rows));

			if (rows == NULL) {
				nd_symbuild_fail(&r->build, ND_ENOMEM);
				return 0;
			}
			r->enums = rows;
			r->enum_room = room;
		}
		r->enums[r->enum_count++] = (struct nd_isf_size){ r->name, (uint32_t)r->bytes };
	}
	nd_symbuild_enum(&r->build, r->name);
	return nd_isf_go_on(r);
}

static int compare_sizes(const void *a, const void *b)
{
	const struct nd_isf_size *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order != 0 ? order : (x->bytes > y->bytes) - (x->bytes < y->bytes);
}

static uint32_t find_size(const struct nd_isf_size *rows, uint32_t count, const char *name)
{
	uint32_t low = 0, high = count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		int order = strcmp(name, rows[mid].name);

		if (order == 0)
			return rows[mid].bytes;
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return 0;
}

static uint32_t element_bytes(const struct nd_isf_reader *r, const struct nd_symfile *file,
			      const struct nd_field *field)
{
	const struct nd_type *type;

	switch (field->type_kind) {
	case ND_TYPE_POINTER:
		return 8;
	case ND_TYPE_BASE:
		return find_size(r->base, r->base_count, field->type_name);
	case ND_TYPE_ENUM:
		return find_size(r->enums, r->enum_count, field->type_name);
	case ND_TYPE_STRUCT:
		type = nd_symfile_type(file, field->type_name);
		return type == NULL ? 0 : type->bytes;
	default:
		return 0;
	}
}

void nd_isf_size_fields(struct nd_isf_reader *r, struct nd_symfile *file)
{
	if (r->base_count > 0)
		qsort(r->base, r->base_count, sizeof(*r->base), compare_sizes);
	if (r->enum_count > 0)
		qsort(r->enums, r->enum_count, sizeof(*r->enums), compare_sizes);
	for (uint32_t i = 0; i < file->field_count; i++) {
		struct nd_field *field = &file->fields[i];
		uint32_t bytes = element_bytes(r, file, field);

		if (field->bytes != 0 && __builtin_mul_overflow(bytes, field->array_count, &bytes))
			bytes = 0;
		field->bytes = bytes;
	}
}
