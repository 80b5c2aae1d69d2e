/*
 * engine/vm/space.h - address spaces: from a virtual address through page tables and Windows'
 * software PTEs to bytes, or to the reason why there are none.
 */
#ifndef ND_VM_SPACE_H
#define ND_VM_SPACE_H

#include "base.h"

struct nd_dump;

/* One address space. A plain value; copies are fine. Lives no longer than its dump. */
struct nd_space {
	const struct nd_dump *dump;
	nd_pa root;	/* physical address of the PML4 (PML5 with LA57); low bits masked off */
	uint8_t levels; /* 4 or 5; 0: no page tables (triage dump), virtual blocks only */
	nd_va process;	/* EPROCESS whose VADs say what a zero PTE means; 0: kernel space only */
};

/* What a translation found. */
enum nd_page_state {
	ND_PAGE_VALID,
	ND_PAGE_LARGE,	     /* 2 MiB or 1 GiB mapping */
	ND_PAGE_TRANSITION,  /* on the standby or modified list: contents are still there */
	ND_PAGE_PROTOTYPE,   /* through a prototype PTE, valid or in transition */
	ND_PAGE_DEMAND_ZERO, /* 4096 zero bytes */
	ND_PAGE_NONE	     /* see status */
};

struct nd_page {
	enum nd_page_state state;
	nd_pfn pfn;    /* unless demand zero or none */
	uint64_t pte;  /* the last entry looked at, raw */
	uint8_t level; /* of the page-table entry where the walk ended: 1 = PTE, 2 = PDE, ... */
};

/*
 * Translate one address. ND_OK: *ret tells the page (the dump may still lack its bytes).
 * ND_UNMAPPED, ND_PAGED_OUT, ND_NOT_IN_DUMP (a page table is absent), ND_INVALID (absurd entry,
 * non-canonical address); ND_EIO. *ret is written in every case.
 */
enum nd_status nd_translate(const struct nd_space *space, nd_va va, struct nd_page *ret);

/* Copy exactly `len` bytes at va, or say why the first byte that is missing is missing. */
enum nd_status nd_read(const struct nd_space *space, nd_va va, void *buf, size_t len);

/*
 * Copy as many of `len` bytes at va as are there in one piece; *got tells how many. ND_OK when all;
 * else the reason why the next byte is missing (*got may still be > 0).
 */
enum nd_status nd_read_some(const struct nd_space *space, nd_va va, void *buf, size_t len,
			    size_t *got);

/* One little-endian number of 1, 2, 4 or 8 bytes, with its reason. */
struct nd_u64 nd_read_num(const struct nd_space *space, nd_va va, unsigned bytes);

/*
 * The physical address of `va` and how many bytes from it lie in the same page of the dump:
 * used by coverage counts. As nd_translate(), plus ND_NOT_IN_DUMP when the page is absent.
 */
bool nd_page_present(const struct nd_space *space, const struct nd_page *page);

#endif
