/*
 * engine/vm/extent.h - where an address space has bytes: the next address whose page the dump
 * holds, and the next one whose page it does not hold.
 */
#ifndef ND_VM_EXTENT_H
#define ND_VM_EXTENT_H

#include "vm/space.h"

/*
 * The first address in [from, end) whose page is there (data), or is not (hole): ND_OK and *ret;
 * ND_ENOENT when there is none; ND_EIO also when the page tables are so absurd that finding out
 * would take minutes. Pages of zeros that were never touched (demand zero) are holes.
 * In a triage dump addresses count by bytes, else by pages.
 */
enum nd_status nd_space_next_data(const struct nd_space *space, nd_va from, nd_va end, nd_va *ret);
enum nd_status nd_space_next_hole(const struct nd_space *space, nd_va from, nd_va end, nd_va *ret);

#endif
