/*
 * engine/nt/list.c - the bounded, cycle-safe walk of a LIST_ENTRY ring in both directions.
 */
#include <stdlib.h>
#include <string.h>

#include "nt/list.h"
#include "seen.h"

struct walk {
	const struct nd_space *space;
	nd_va head;
	size_t max, cap;
	unsigned pointer_bytes; /* 8, or 4 for WoW64 */
	struct nd_seen seen;
	struct nd_seen backwards; /* those of `seen` that were reached from the other end */
	struct nd_list *list;
};

struct links {
	nd_va next, previous;
};

static enum nd_status read_links(const struct walk *w, nd_va at, struct links *ret)
{
	uint8_t raw[16];
	enum nd_status st;

	if (at == 0 || at % w->pointer_bytes != 0)
		return ND_INVALID;
	st = nd_read(w->space, at, raw, 2 * w->pointer_bytes);
	if (st != ND_OK)
		return st;
	if (w->pointer_bytes == 8)
		*ret = (struct links){ nd_le64(raw), nd_le64(raw + 8) };
	else
		*ret = (struct links){ nd_le32(raw), nd_le32(raw + 4) };
	return ND_OK;
}

static enum nd_status append(struct walk *w, nd_va link)
{
	struct nd_list *list = w->list;

	if (list->count == w->cap) {
		size_t cap = w->cap ? 2 * w->cap : 32;
		nd_va *grown = realloc(list->link, cap * sizeof(*grown));

		if (!grown)
			return ND_ENOMEM;
		list->link = grown;
		w->cap = cap;
	}
	list->link[list->count++] = link;
	return nd_seen_add(&w->seen, link);
}

/* Links that disagree hide nothing; any other trouble may hide entries. */
static int severity(enum nd_list_trouble trouble)
{
	return trouble == ND_LIST_SOUND ? 0 : trouble == ND_LIST_BACK_LINK ? 1 : 2;
}

static void note(struct nd_list *list, enum nd_list_trouble trouble, enum nd_status st, nd_va at,
		 nd_va to)
{
	if (severity(trouble) <= severity(list->trouble))
		return; /* of equally bad ones the first is worth telling */
	list->trouble = trouble;
	list->st = st;
	list->trouble_at = at;
	list->trouble_to = to;
}

/* Kernel rings stay in kernel space, user rings in user space; entries are pointer-aligned. */
static bool link_is_plausible(const struct walk *w, nd_va to)
{
	return to != 0 && to % w->pointer_bytes == 0 &&
	       nd_va_is_kernel(to) == nd_va_is_kernel(w->head);
}

/* One direction, from `at` on. ND_OK or a failure; trouble goes into the list. */
static enum nd_status walk_one_way(struct walk *w, struct links at_head, bool forward)
{
	nd_va previous = w->head;
	nd_va at = forward ? at_head.next : at_head.previous;

	while (at != w->head) {
		struct links links;
		enum nd_status st;

		if (!link_is_plausible(w, at)) {
			note(w->list, ND_LIST_BAD_LINK, ND_INVALID, previous, at);
			return ND_OK;
		}
		if (nd_seen_has(&w->seen, at)) {
			/* Backwards, meeting what was walked forwards is the good end. */
			if (forward || nd_seen_has(&w->backwards, at))
				note(w->list, ND_LIST_LOOP, ND_INVALID, previous, at);
			return ND_OK;
		}
		if (w->list->count >= w->max) {
			note(w->list, ND_LIST_TOO_LONG, ND_INVALID, previous, at);
			return ND_OK;
		}
		st = read_links(w, at, &links);
		if (nd_is_failure(st))
			return st;
		if (st != ND_OK) {
			note(w->list, ND_LIST_ABSENT, st, previous, at);
			return ND_OK;
		}
		if ((forward ? links.previous : links.next) != previous)
			note(w->list, ND_LIST_BACK_LINK, ND_INVALID, at,
			     forward ? links.previous : links.next);
		st = append(w, at);
		if (st == ND_OK && !forward)
			st = nd_seen_add(&w->backwards, at);
		if (st != ND_OK)
			return st;
		previous = at;
		at = forward ? links.next : links.previous;
	}
	return ND_OK;
}

static void reverse(nd_va *link, size_t count)
{
	for (size_t i = 0; i < count / 2; i++) {
		nd_va t = link[i];

		link[i] = link[count - 1 - i];
		link[count - 1 - i] = t;
	}
}

static enum nd_status collect(struct walk *w)
{
	struct nd_list *list = w->list;
	struct links head;
	size_t forward;
	enum nd_status st = read_links(w, w->head, &head);

	if (st != ND_OK)
		return st;
	st = walk_one_way(w, head, true);
	if (st != ND_OK || list->trouble == ND_LIST_SOUND || list->trouble == ND_LIST_TOO_LONG)
		return st;
	forward = list->count;
	st = walk_one_way(w, head, false);
	if (list->count > forward)
		reverse(list->link + forward, list->count - forward);
	return st;
}

static enum nd_status start(const struct nd_space *space, nd_va head, size_t max, unsigned bytes,
			    struct nd_list *ret)
{
	struct nd_list list = { 0 };
	struct walk w = {
		.space = space, .head = head, .max = max, .pointer_bytes = bytes, .list = &list
	};
	enum nd_status st = collect(&w);

	nd_seen_deinit(&w.seen);
	nd_seen_deinit(&w.backwards);
	if (st != ND_OK) {
		free(list.link);
		return st;
	}
	*ret = list;
	return ND_OK;
}

enum nd_status nd_list_collect(const struct nd_space *space, nd_va head, size_t max,
			       struct nd_list *ret)
{
	return start(space, head, max, 8, ret);
}

enum nd_status nd_list32_collect(const struct nd_space *space, nd_va head, size_t max,
				 struct nd_list *ret)
{
	return start(space, head, max, 4, ret);
}

void nd_list_free(struct nd_list *list)
{
	free(list->link);
	*list = (struct nd_list){ 0 };
}
