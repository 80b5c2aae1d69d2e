/*
 * engine/nt/list.h - LIST_ENTRY rings of the dumped kernel, walked with a bound and without going
 * round: forwards through Flink, and, where that breaks, backwards through Blink for the rest.
 */
#ifndef ND_NT_LIST_H
#define ND_NT_LIST_H

#include "ntdump.h"

enum nd_list_trouble {
	ND_LIST_SOUND,
	ND_LIST_ABSENT,	   /* a link could not be read: see st */
	ND_LIST_BAD_LINK,  /* a link points where no list entry can be */
	ND_LIST_LOOP,	   /* a link leads back into the list, not to its head */
	ND_LIST_TOO_LONG,  /* more entries than the bound */
	ND_LIST_BACK_LINK, /* the least: all entries were reached, but some Blink disagrees */
};

struct nd_list {
	nd_va *link; /* addresses of the LIST_ENTRYs, in list order; owned */
	size_t count;
	enum nd_list_trouble trouble; /* the worst; the first of equally bad ones */
	enum nd_status st;	      /* why the walk stopped, for ND_LIST_ABSENT */
	nd_va trouble_at;	      /* the entry where it stopped */
	nd_va trouble_to;	      /* what its link held */
};

/*
 * Collect the entries of the ring whose head is at `head` (the head itself is not an entry), at
 * most `max`. ND_OK also when the ring is broken: ret->trouble tells. ND_ENOMEM, ND_EIO; or why
 * the head itself cannot be read (ND_NOT_IN_DUMP, ...). Free with nd_list_free().
 */
enum nd_status nd_list_collect(const struct nd_space *space, nd_va head, size_t max,
			       struct nd_list *ret);
/* The same for rings of 32-bit pointers (WoW64 loader lists). */
enum nd_status nd_list32_collect(const struct nd_space *space, nd_va head, size_t max,
				 struct nd_list *ret);
void nd_list_free(struct nd_list *list);

#endif
