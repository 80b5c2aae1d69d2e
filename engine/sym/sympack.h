/*
 * engine/sym/sympack.h - the tables of a symbol file as one flat block of bytes and back: what a file
 * of the compiled cache holds. Private to engine/sym.
 *
 * The block: a header, the names (sorted, distinct, each ended by a NUL), then the rows of the tables
 * with names as offsets. Numbers are little-endian. As the names are sorted, names compare as their
 * offsets do.
 */
#ifndef ND_SYM_SYMPACK_H
#define ND_SYM_SYMPACK_H

#include "sym/symbuild.h"

/* Which symbol file a block is of: it serves only where all of this is the same. */
struct nd_symkey {
	enum nd_symfile_kind kind;
	const char *pdb_name; /* as the image has it */
	struct nd_guid_age id;
	const char *path; /* of the file that was read; its size and time of change: */
	uint64_t source_bytes;
	int64_t source_seconds;
	uint32_t source_nanoseconds;
};

#define ND_SYMPACK_HEADER_BYTES 112u
/* More than the tables of any real file come to. */
#define ND_SYMPACK_MAX_BYTES (192u << 20)

/* *ret is malloc'ed. ND_ENOMEM: no memory, or larger than a block can be. */
enum nd_status nd_sympack_write(const struct nd_symfile *file, const struct nd_symkey *key,
				uint8_t **ret, size_t *ret_len);
/*
 * The tables again, equal to those that were written. ND_EFORMAT for anything else than a sound block
 * of that key: every count, offset, index, order and the checksum are checked. ND_ENOMEM.
 */
enum nd_status nd_sympack_read(const uint8_t *bytes, size_t len, const struct nd_symkey *key,
			       struct nd_symfile **ret);
/* The checksum that belongs into a block's header, at ND_SYMPACK_CHECKSUM_AT. */
uint64_t nd_sympack_checksum(const uint8_t *bytes, size_t len);
#define ND_SYMPACK_CHECKSUM_AT 104u

#endif
