/*
 * engine/nt/pool_scan.h - processes found by the tag of their pool allocations: what neither a
 * list nor a table has to name.
 */
#ifndef ND_NT_POOL_SCAN_H
#define ND_NT_POOL_SCAN_H

#include "ntdump.h"

#define ND_POOL_HITS_MAX 65536u

struct nd_pool_scan {
	nd_va *eprocess; /* by address, each once */
	uint32_t count;
	uint64_t pages;	   /* that were looked at */
	bool whole;	   /* all writable kernel pages of the dump, as far as is known */
	enum nd_status st; /* why nothing was looked at; ND_OK otherwise */
};

/*
 * EPROCESSes in pool allocations with the tag Proc, found by reading every writable kernel page
 * that the dump has: about a second a gigabyte. Done once, on first use, under a lock of its own;
 * lives with the dump. ND_ENOMEM, ND_EIO.
 */
enum nd_status nd_pool_scan(const struct nd_dump *dump, const struct nd_pool_scan **ret);
bool nd_pool_scan_has(const struct nd_pool_scan *scan, nd_va eprocess);

/*
 * Whether an EPROCESS that only the scan knows is a live object, not what a freed one left behind:
 * it has not ended, is referenced, and its list of threads leads back to it.
 */
bool nd_pool_process_is_live(const struct nd_dump *dump, nd_va eprocess);

/* For nt/tables.c. */
enum nd_status nd_pool_scan_build(const struct nd_dump *dump, struct nd_pool_scan *ret);
void nd_pool_scan_free(struct nd_pool_scan *scan);

#endif
