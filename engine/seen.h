/*
 * engine/seen.h - a growing set of addresses: how a walk through the dump notices that it has
 * come round.
 */
#ifndef ND_SEEN_H
#define ND_SEEN_H

#include "base.h"

struct nd_seen {
	nd_va *slot; /* open addressing; 0 is empty, so address 0 cannot be a member */
	size_t cap, count;
};

/* Zero-initialise before use. */
bool nd_seen_has(const struct nd_seen *seen, nd_va va);
/* ND_OK (also when it was there), ND_ENOMEM. va must not be 0. */
enum nd_status nd_seen_add(struct nd_seen *seen, nd_va va);
void nd_seen_deinit(struct nd_seen *seen);

#endif
