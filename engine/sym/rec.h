/*
 * engine/sym/rec.h - a structure of the dumped kernel, copied once, then read member by member:
 * each member has its own reason, because a structure may cross into an absent page and a build
 * may lack a member.
 */
#ifndef ND_SYM_REC_H
#define ND_SYM_REC_H

#include "ntdump.h"

#define ND_REC_BYTES 4096u

/* At most two pages are touched, so at most two pieces with a status each. */
struct nd_rec {
	const struct nd_dump *dump;
	nd_va at;
	size_t len;	      /* bytes asked for */
	size_t split;	      /* bytes that lie in the first page */
	enum nd_status st[2]; /* of the first and the second piece */
	uint8_t bytes[ND_REC_BYTES];
};

/*
 * Copy the structure at `va`: `bytes` of it (at most ND_REC_BYTES; 0: what the layout says, or the
 * end of the last member that is read). The status of the first byte; ND_EIO if any piece failed so.
 */
enum nd_status nd_rec_read(const struct nd_space *space, nd_va va, enum nd_struct_id type,
			   struct nd_rec *ret);
enum nd_status nd_rec_read_bytes(const struct nd_space *space, nd_va va, size_t bytes,
				 struct nd_rec *ret);

/* A member as a number: bit-fields shifted down, wider than 8 bytes cut to the first 8. */
struct nd_u64 nd_rec_get(const struct nd_rec *rec, enum nd_member_id member);
/* `bytes` (1..8) at a place inside the copy. */
struct nd_u64 nd_rec_num(const struct nd_rec *rec, uint32_t offset, unsigned bytes);
/* Copy the raw bytes of a member (nd_member_bytes of it). */
enum nd_status nd_rec_bytes(const struct nd_rec *rec, enum nd_member_id member, void *buf);

/* Offset of a member, or ND_OFFSET_ABSENT. */
static inline uint32_t nd_offset(const struct nd_dump *dump, enum nd_member_id member)
{
	return dump->layout.member[member].offset;
}

/* One member of the structure at `va`, without copying the structure. */
struct nd_u64 nd_member_read(const struct nd_space *space, nd_va va, enum nd_member_id member);

/* A missing value with its reason. */
static inline struct nd_u64 nd_u64_missing(enum nd_status st, nd_va at)
{
	return (struct nd_u64){ .st = st, .at = at };
}

static inline struct nd_u64 nd_u64_of(uint64_t value)
{
	return (struct nd_u64){ .value = value, .st = ND_OK };
}

/*
 * UTF-16 text from the dump. `units` is owned: nd_ustr_free(). count 0 is an empty string.
 * at: the address of the characters.
 */
struct nd_ustr {
	uint16_t *units;
	size_t count;
	enum nd_status st;
	nd_va at;
};

#define ND_USTR_UNITS_MAX 32767u

/* The UNICODE_STRING at `va` (Length u16, MaximumLength u16, Buffer u64 at +8). */
struct nd_ustr nd_ustr_read(const struct nd_space *space, nd_va va);
/* The same from a copied member of type UNICODE_STRING; `space` is where the buffer lies. */
struct nd_ustr nd_rec_ustr(const struct nd_rec *rec, const struct nd_space *space,
			   enum nd_member_id member);
/* `bytes` bytes of UTF-16 at `va`. ND_INVALID when odd or longer than ND_USTR_UNITS_MAX units. */
struct nd_ustr nd_ustr_read_at(const struct nd_space *space, nd_va va, size_t bytes);
void nd_ustr_free(struct nd_ustr *s);

#endif
