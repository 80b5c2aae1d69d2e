/*
 * engine/sym/pdb.h - what the two halves of the PDB reader share. Private to engine/sym.
 */
#ifndef ND_SYM_PDB_H
#define ND_SYM_PDB_H

#include "sym/symbuild.h"

#include <string.h>

/* Reads forward in a record; past the end it gives zeros and remembers that it did. */
struct nd_cursor {
	const uint8_t *at, *end;
	bool bad;
};

static inline const uint8_t *nd_cursor_take(struct nd_cursor *c, size_t len)
{
	const uint8_t *at = c->at;

	if (c->bad || len > (size_t)(c->end - c->at)) {
		c->bad = true;
		return NULL;
	}
	c->at += len;
	return at;
}

static inline uint8_t nd_cursor_u8(struct nd_cursor *c)
{
	const uint8_t *p = nd_cursor_take(c, 1);

	return p == NULL ? 0 : *p;
}

static inline uint16_t nd_cursor_u16(struct nd_cursor *c)
{
	const uint8_t *p = nd_cursor_take(c, 2);

	return p == NULL ? 0 : nd_le16(p);
}

static inline uint32_t nd_cursor_u32(struct nd_cursor *c)
{
	const uint8_t *p = nd_cursor_take(c, 4);

	return p == NULL ? 0 : nd_le32(p);
}

static inline uint64_t nd_cursor_u64(struct nd_cursor *c)
{
	const uint8_t *p = nd_cursor_take(c, 8);

	return p == NULL ? 0 : nd_le64(p);
}

/* A NUL-terminated name; "" and bad when it does not end within the record. */
static inline const char *nd_cursor_name(struct nd_cursor *c)
{
	const uint8_t *nul = c->bad ? NULL : memchr(c->at, '\0', (size_t)(c->end - c->at));
	const char *name = (const char *)c->at;

	if (nul == NULL) {
		c->bad = true;
		return "";
	}
	c->at = nul + 1;
	return name;
}

/*
 * Add the structures and enums of a type stream. What cannot be understood is left out; ND_EFORMAT
 * when the stream as a whole is damaged. Failures of `build` are also its result.
 */
enum nd_status nd_pdb_read_types(struct nd_symbuild *build, const uint8_t *tpi, size_t len,
				 struct nd_error *err);

#endif
