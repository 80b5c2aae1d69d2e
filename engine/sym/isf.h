/*
 * engine/sym/isf.h - what the two halves of the ISF reader share. Private to engine/sym.
 */
#ifndef ND_SYM_ISF_H
#define ND_SYM_ISF_H

#include "sym/symbuild.h"

#define ND_ISF_MAX_DEPTH 32
#define ND_ISF_MAX_BASE_TYPES 256

/* Where in the document we are: one per open object. */
enum nd_isf_place {
	IN_NOTHING, /* before the top object */
	IN_SKIPPED, /* an object or array that is of no interest, and all within */
	IN_TOP,
	IN_METADATA,
	IN_WINDOWS,
	IN_PDB,
	IN_BASE_TYPES,
	IN_BASE_TYPE,
	IN_USER_TYPES,
	IN_USER_TYPE,
	IN_FIELDS,
	IN_FIELD,
	IN_FIELD_TYPE, /* and its subtypes, one inside the other */
	IN_ENUMS,
	IN_ENUM,
	IN_CONSTANTS,
	IN_SYMBOLS,
	IN_SYMBOL,
};

enum nd_isf_kind { KIND_NONE, KIND_NAMED, KIND_POINTER, KIND_ARRAY, KIND_BITS, KIND_FUNCTION };

/* One level of a field's type: a pointer to an array of ... */
struct nd_isf_level {
	enum nd_isf_kind kind;
	enum nd_type_kind named; /* of KIND_NAMED */
	const char *name;
	uint64_t count, bit_position, bit_length;
};

/* Size of a base type or an enum. */
struct nd_isf_size {
	const char *name;
	uint32_t bytes;
};

struct nd_isf_reader {
	struct nd_symbuild build;
	struct nd_error *err;
	const char *trouble; /* what is wrong with the file, in words */
	bool id_only, done;
	char database[65]; /* the PDB's name in the metadata; "" when unknown */
	uint32_t depth;
	enum nd_isf_place place[ND_ISF_MAX_DEPTH];
	char key[16]; /* the last key seen, as far as it matters; "" when longer */

	struct nd_guid_age id;
	bool guid_known, age_known;

	/* The object being read; written to the tables when it closes. */
	const char *name, *field_name, *constant_name, *linkage_name;
	uint64_t bytes, offset, address;
	bool bytes_known, offset_known, address_known;
	struct nd_isf_level type[ND_ISF_MAX_DEPTH];
	uint32_t type_open, type_levels;

	struct nd_isf_size *base;
	uint32_t base_count;
	struct nd_isf_size *enums;
	uint32_t enum_count, enum_room;
};

/* As nd_symfile_identify(), of an ISF file. */
enum nd_status nd_isf_identify(const char *path, struct nd_symfile_id *ret, struct nd_error *err);
/* Note what is wrong with the file; 0, which makes yajl stop. */
int nd_isf_refuse(struct nd_isf_reader *r, const char *trouble);
/* What yajl wants to hear: go on, or stop. */
int nd_isf_go_on(const struct nd_isf_reader *r);
/* The object being read has closed: a row of the tables. As nd_isf_go_on(). */
int nd_isf_add_base(struct nd_isf_reader *r);
int nd_isf_add_type(struct nd_isf_reader *r);
int nd_isf_add_field(struct nd_isf_reader *r);
int nd_isf_add_enum(struct nd_isf_reader *r);
int nd_isf_add_symbol(struct nd_isf_reader *r);
/* Give each field its size, when all types are known. */
void nd_isf_size_fields(struct nd_isf_reader *r, struct nd_symfile *file);

#endif
