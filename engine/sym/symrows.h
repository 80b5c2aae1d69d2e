/*
 * engine/sym/symrows.h - the layout of the flat form of a symbol file's tables, for sympack.c and
 * symunpack.c.
 *
 *   0 magic  8 version  12 kind  16 GUID  32 age  36 source's nanoseconds  40 source's bytes
 *   48 source's seconds  56 PDB name  60 source's path  64 bytes of names  68 publics  72 types
 *   76 fields  80 enums  84 constants  88 reserved (0), 16 bytes  104 CRC-64 of all, with 0 here
 */
#ifndef ND_SYM_SYMROWS_H
#define ND_SYM_SYMROWS_H

#include "sym/sympack.h"

/* One more whenever the layout or the meaning of a row changes, or a reader reads differently. */
#define ND_SYMPACK_VERSION 1u

static const uint8_t nd_sympack_magic[8] = "ntdsym\r\n";

enum {
	ND_PUBLIC_ROW_BYTES = 12,  /* rva, flags, name */
	ND_BY_NAME_ROW_BYTES = 4,  /* index of a public */
	ND_TYPE_ROW_BYTES = 16,	   /* name, bytes, first field, fields */
	ND_FIELD_ROW_BYTES = 24,   /* name, type name, offset, bytes, count, bits and kind */
	ND_ENUM_ROW_BYTES = 12,	   /* name, first constant, constants */
	ND_CONSTANT_ROW_BYTES = 12 /* name, value in 8 bytes */
};

/* How many rows there are, and where in the block each table begins. */
struct nd_symrows {
	uint32_t name_bytes, public_count, type_count, field_count, enum_count, constant_count;
	uint64_t names, publics, by_name, types, fields, enums, constants, end;
};

/* Work out the places from the counts; false when there is more than a block can hold. */
static inline bool nd_symrows_place(struct nd_symrows *rows)
{
	if (rows->name_bytes > ND_SYMFILE_MAX_NAME_BYTES ||
	    rows->public_count > ND_SYMFILE_MAX_ROWS || rows->type_count > ND_SYMFILE_MAX_ROWS ||
	    rows->field_count > ND_SYMFILE_MAX_ROWS || rows->enum_count > ND_SYMFILE_MAX_ROWS ||
	    rows->constant_count > ND_SYMFILE_MAX_ROWS)
		return false;
	rows->names = ND_SYMPACK_HEADER_BYTES;
	rows->publics = rows->names + rows->name_bytes;
	rows->by_name = rows->publics + (uint64_t)rows->public_count * ND_PUBLIC_ROW_BYTES;
	rows->types = rows->by_name + (uint64_t)rows->public_count * ND_BY_NAME_ROW_BYTES;
	rows->fields = rows->types + (uint64_t)rows->type_count * ND_TYPE_ROW_BYTES;
	rows->enums = rows->fields + (uint64_t)rows->field_count * ND_FIELD_ROW_BYTES;
	rows->constants = rows->enums + (uint64_t)rows->enum_count * ND_ENUM_ROW_BYTES;
	rows->end = rows->constants + (uint64_t)rows->constant_count * ND_CONSTANT_ROW_BYTES;
	return rows->end <= ND_SYMPACK_MAX_BYTES;
}

#endif
