/*
 * engine/seen.c - the set of addresses behind every bounded walk.
 */
#include <stdlib.h>

#include "seen.h"

static size_t slot_of(const struct nd_seen *seen, nd_va va)
{
	size_t i = (size_t)((va * 0x9e3779b97f4a7c15ull) >> 20) & (seen->cap - 1);

	while (seen->slot[i] != 0 && seen->slot[i] != va)
		i = (i + 1) & (seen->cap - 1);
	return i;
}

bool nd_seen_has(const struct nd_seen *seen, nd_va va)
{
	return seen->cap > 0 && va != 0 && seen->slot[slot_of(seen, va)] == va;
}

static enum nd_status grow(struct nd_seen *seen)
{
	struct nd_seen larger = { .cap = seen->cap ? seen->cap * 2 : 64, .count = seen->count };

	larger.slot = calloc(larger.cap, sizeof(*larger.slot));
	if (!larger.slot)
		return ND_ENOMEM;
	for (size_t i = 0; i < seen->cap; i++)
		if (seen->slot[i] != 0)
			larger.slot[slot_of(&larger, seen->slot[i])] = seen->slot[i];
	free(seen->slot);
	*seen = larger;
	return ND_OK;
}

enum nd_status nd_seen_add(struct nd_seen *seen, nd_va va)
{
	size_t i;

	if (va == 0)
		return ND_OK;
	if (2 * (seen->count + 1) > seen->cap) {
		enum nd_status st = grow(seen);

		if (st != ND_OK)
			return st;
	}
	i = slot_of(seen, va);
	if (seen->slot[i] == 0) {
		seen->slot[i] = va;
		seen->count++;
	}
	return ND_OK;
}

void nd_seen_deinit(struct nd_seen *seen)
{
	free(seen->slot);
	*seen = (struct nd_seen){ 0 };
}
