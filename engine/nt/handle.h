/*
 * engine/nt/handle.h - the handle table of a process (or of the kernel: System's): HANDLE_TABLE
 * with pages of HANDLE_TABLE_ENTRYs below up to two levels of pointers.
 */
#ifndef ND_NT_HANDLE_H
#define ND_NT_HANDLE_H

#include "ntdump.h"
#include "nt/problem.h"
#include "nt/process.h"

#define ND_HANDLE_STEP 4u	  /* handle values are multiples; the low bits are the user's */
#define ND_HANDLES_MAX 0x1000000u /* Windows' own limit of one table */
#define ND_HANDLES_IN_LEAF 256u	  /* the first of a leaf is the kernel's */

/* HANDLE_TABLE_ENTRY.Attributes */
enum nd_handle_attribute {
	ND_HANDLE_PROTECT = 1, /* OBJ_PROTECT_CLOSE */
	ND_HANDLE_INHERIT = 2, /* OBJ_INHERIT */
	ND_HANDLE_AUDIT = 4,   /* OBJ_AUDIT_OBJECT_CLOSE */
};

struct nd_handle {
	uint32_t value;		  /* of a kernel handle without the bits that mark it as one */
	nd_va entry;		  /* HANDLE_TABLE_ENTRY */
	nd_va object;		  /* the body; not necessarily there */
	uint32_t access;	  /* ACCESS_MASK granted */
	uint32_t held_references; /* taken in advance and not used yet; 0 before Windows 8.1 */
	uint8_t attributes;
	bool locked; /* a processor was busy with the entry */
};

/* One page of entries. */
struct nd_handle_leaf {
	uint32_t number; /* index of its first entry / 256 */
	uint32_t live;	 /* handles in it */
	nd_va page;
};

struct nd_handle_table {
	nd_va at;		     /* HANDLE_TABLE; 0 without */
	unsigned level;		     /* of pointer pages: 0, 1 or 2 */
	struct nd_handle_leaf *leaf; /* those that can be read, by number; owned */
	uint32_t leaves;
	uint32_t handles; /* live entries in them */
	bool whole;	  /* all of the table could be read */
	struct nd_problems problems;
	enum nd_status st; /* ND_OK; ND_NONE: no table; or why it cannot be read */
	nd_va st_at;
};

/* Of the `process`-th process of nd_processes(): read on first use, lives with the dump. */
enum nd_status nd_handle_table(const struct nd_dump *dump, uint32_t process,
			       const struct nd_handle_table **ret);

/*
 * The first handle whose value is `from` or more, in a table that nd_handle_table() gave.
 * ND_ENOENT: there is none; ND_EIO, ND_ENOMEM. To walk a whole table, use the iterator.
 */
enum nd_status nd_handle_next(const struct nd_dump *dump, const struct nd_handle_table *table,
			      uint32_t from, struct nd_handle *ret);
/* Exactly that handle (the user's two low bits do not matter). ND_ENOENT: not open. */
enum nd_status nd_handle_find(const struct nd_dump *dump, const struct nd_handle_table *table,
			      uint32_t value, struct nd_handle *ret);

/* All handles of a table in ascending order, a page at a time. Begin with { .dump, .table }. */
struct nd_handle_iter {
	const struct nd_dump *dump;
	const struct nd_handle_table *table;
	uint32_t leaf; /* private from here on */
	uint32_t entry;
	bool loaded;
	uint8_t page[ND_PAGE_BYTES];
};
/* ND_ENOENT at the end; ND_EIO, ND_ENOMEM. */
enum nd_status nd_handle_iter_next(struct nd_handle_iter *iter, struct nd_handle *ret);

/* For nt/tables.c. */
enum nd_status nd_handle_table_build(const struct nd_dump *dump, nd_va eprocess,
				     struct nd_handle_table *ret);
void nd_handle_table_free(struct nd_handle_table *table);

#endif
