/*
 * engine/sym/tpi.h - the records of a PDB's type stream. Private to engine/sym.
 *
 * A type is an index; its record may refer to any other, also to itself in a hostile file: every
 * walk from record to record must be counted.
 */
#ifndef ND_SYM_TPI_H
#define ND_SYM_TPI_H

#include "sym/pdb.h"

enum {
	LF_MODIFIER = 0x1001,
	LF_POINTER = 0x1002,
	LF_PROCEDURE = 0x1008,
	LF_FIELDLIST = 0x1203,
	LF_BITFIELD = 0x1205,
	LF_BCLASS = 0x1400,
	LF_VBCLASS = 0x1401,
	LF_IVBCLASS = 0x1402,
	LF_INDEX = 0x1404,
	LF_VFUNCTAB = 0x1409,
	LF_ENUMERATE = 0x1502,
	LF_ARRAY = 0x1503,
	LF_CLASS = 0x1504,
	LF_STRUCTURE = 0x1505,
	LF_UNION = 0x1506,
	LF_ENUM = 0x1507,
	LF_MEMBER = 0x150d,
	LF_STMEMBER = 0x150e,
	LF_METHOD = 0x150f,
	LF_NESTTYPE = 0x1510,
	LF_ONEMETHOD = 0x1511,
	LF_CLASS_2 = 0x1608, /* the forms of VS 2019 and later */
	LF_STRUCTURE_2 = 0x1609,
};

#define ND_TPI_FIRST 0x1000u /* below are the simple types */

/* One structure, union or enum record. */
struct nd_tpi_tag {
	bool is_enum, forward;
	uint32_t fields;     /* index of the field list */
	uint32_t underlying; /* of an enum */
	uint64_t bytes;
	const char *name;
};

struct nd_tpi {
	struct nd_symbuild *build;
	const uint8_t *tpi;
	size_t len;
	uint32_t count;
	uint32_t *record;     /* per type: offset of its u16 length */
	uint32_t *definition; /* per type: the complete tag of that name, for a tag; else 0 */
	const char **name;    /* per type: the lasting copy of its name, once it was wanted */
	uint64_t budget;      /* bytes of field lists that may still be read */
};

/* Index the records of t->tpi; ND_EFORMAT with *err, ND_ENOMEM. Free t->record in any case. */
enum nd_status nd_tpi_open(struct nd_tpi *t, struct nd_error *err);
/* Fill t->definition, which has a row for each type: the last complete tag of each name. */
enum nd_status nd_tpi_find_definitions(struct nd_tpi *t);
/* The body of a record and its leaf; leaf 0 for an index without one. */
uint16_t nd_tpi_record(const struct nd_tpi *t, uint32_t index, struct nd_cursor *ret);
/* A number as records write it; the bits of a negative one. */
uint64_t nd_tpi_number(struct nd_cursor *c);
/* Read a structure, union or enum record; false for any other, and for a damaged one. */
bool nd_tpi_tag(const struct nd_tpi *t, uint32_t index, struct nd_tpi_tag *ret);
/* The names that compilers give to what has none. */
bool nd_tpi_is_unnamed(const char *name);

#endif
