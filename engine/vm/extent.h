/*
 * engine/vm/extent.h - where an address space has bytes: the next address whose page the dump
 * holds, and the next one whose page it does not hold.
 */
#ifndef ND_VM_EXTENT_H
#define ND_VM_EXTENT_H

#include "vm/space.h"

/*
 * The first address in [from, end) whose page is there (data), or is not (hole): ND_OK and *ret;
 * ND_ENOENT when there is none. Where finding out would take minutes a search for data ends at
 * what it has come to, and one for a hole with ND_EIO. Pages of zeros that were never touched (demand zero) are holes.
 * In a triage dump addresses count by bytes, else by pages. Of a process's space (space->process)
 * also the pages count that no page table maps and its VADs tell of.
 */
enum nd_status nd_space_next_data(const struct nd_space *space, nd_va from, nd_va end, nd_va *ret);
enum nd_status nd_space_next_hole(const struct nd_space *space, nd_va from, nd_va end, nd_va *ret);

/*
 * How many pages from `va` on, at most `most` (>= 1), are certain to be like the one there, of which
 * nd_translate() has said `page`: what a missing table stands for, as far as its VAD says the same.
 */
uint64_t nd_pages_alike(const struct nd_space *space, nd_va va, const struct nd_page *page,
			uint64_t most);

#endif
