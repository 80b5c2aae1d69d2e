/*
 * engine/base.h - the words that every part of the engine shares: guest address types, the
 * status enum with its two kinds of "no", and values that carry the reason why they are missing.
 */
#ifndef ND_BASE_H
#define ND_BASE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

typedef uint64_t nd_va;	 /* virtual address in the dumped machine; never a host pointer */
typedef uint64_t nd_pa;	 /* physical address in the dumped machine */
typedef uint64_t nd_pfn; /* page frame number: physical address / 4096 */

#define ND_PAGE_BYTES 4096u
#define ND_PAGE_SHIFT 12u

/*
 * The outcome of every fallible function.
 *
 * Missing is an answer: it travels with a value and becomes a word in the text ("<not-in-dump>").
 * Failure ends the request and becomes an errno in fs/fuse.c and nowhere else.
 */
enum nd_status {
	ND_OK = 0,

	/* Missing: in the order of tree.md rule 4. */
	ND_NOT_IN_DUMP,	 /* the page exists(ed) but the dump file does not hold it */
	ND_PAGED_OUT,	 /* the PTE says that the contents are in a page file, a store or a file */
	ND_UNMAPPED,	 /* nothing is mapped at this address */
	ND_INVALID,	 /* read, but failed a sanity check; or a pointer that cannot be one */
	ND_NO_SYMBOLS,	 /* would need symbols that are not at hand */
	ND_NOT_IN_BUILD, /* this kernel build has no such member, variable or feature */
	ND_NONE,	 /* the value does not exist here (no trap frame, no job): "-" */

	/* Failure. */
	ND_ENOENT,  /* no such entry: a lookup's normal negative answer */
	ND_ENOMEM,  /* out of memory, or a hard size limit was reached */
	ND_EIO,	    /* the dump file could not be read (it shrank, or the disk failed) */
	ND_EFORMAT, /* a file is not what it must be; details in struct nd_error */
	ND_EINVAL   /* a caller's argument or option is wrong */
};

static inline bool nd_is_missing(enum nd_status st)
{
	return st >= ND_NOT_IN_DUMP && st <= ND_NONE;
}

static inline bool nd_is_failure(enum nd_status st)
{
	return st >= ND_ENOENT;
}

/* A number from the dump, or the reason why there is none: the two travel together. */
struct nd_u64 {
	uint64_t value; /* 0 unless st is ND_OK */
	enum nd_status st;
	nd_va at; /* the address that was read or could not be read; 0 if there is none */
};

/* One line for the user about why a file was refused. No newline, no control characters. */
struct nd_error {
	char text[256];
};

/* printf into err->text (truncated to fit, control characters replaced by '?'); err may be NULL. */
void nd_error_set(struct nd_error *err, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* Little-endian loads from unaligned memory; the caller has checked the bounds. */
static inline uint16_t nd_le16(const void *p)
{
	const uint8_t *b = p;
	return (uint16_t)(b[0] | b[1] << 8);
}

static inline uint32_t nd_le32(const void *p)
{
	const uint8_t *b = p;
	return (uint32_t)b[0] | (uint32_t)b[1] << 8 | (uint32_t)b[2] << 16 | (uint32_t)b[3] << 24;
}

static inline uint64_t nd_le64(const void *p)
{
	const uint8_t *b = p;
	return (uint64_t)nd_le32(b) | (uint64_t)nd_le32(b + 4) << 32;
}

/* True for an address that has bits 63..47 all equal (48-bit canonical form). */
static inline bool nd_va_is_canonical(nd_va va)
{
	uint64_t top = va >> 47;
	return top == 0 || top == 0x1ffff;
}

/* True for the system half of the address space (48- and 57-bit machines alike). */
static inline bool nd_va_is_kernel(nd_va va)
{
	return va >> 63 != 0;
}

/*
 * Room for one more element of `bytes` in an array that holds `count` and has room for *cap. ND_OK or
 * ND_ENOMEM, and nothing has changed then.
 */
enum nd_status nd_grow(void **array, size_t *cap, size_t count, size_t bytes);

#endif
