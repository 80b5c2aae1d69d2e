/*
 * engine/nt/peer.c - see peer.h: reads what processes are sorted by, sorts and numbers them.
 */
#include "nt/peer.h"

#include <stdlib.h>
#include <string.h>

/* A process with what decides its place among its peers. */
struct candidate {
	struct nd_peer peer;
	bool ended;
	uint64_t create_time; /* FILETIME; unreadable ones last */
	uint64_t pid;
	nd_va eprocess;
};

static int compare_u64(uint64_t a, uint64_t b)
{
	return a < b ? -1 : a > b;
}

/* 0 for processes of the same image and session. */
static int compare_kinds(const struct nd_peer *a, const struct nd_peer *b)
{
	int order = compare_u64(a->image_st, b->image_st);

	if (order == 0)
		order = strcmp(a->image, b->image);
	if (order == 0)
		order = compare_u64(a->session.st, b->session.st);
	if (order == 0)
		order = compare_u64(a->session.value, b->session.value);
	return order;
}

static int compare_candidates(const void *a, const void *b)
{
	const struct candidate *x = a, *y = b;
	int order = compare_kinds(&x->peer, &y->peer);

	if (order == 0)
		order = (int)x->ended - (int)y->ended;
	if (order == 0)
		order = compare_u64(x->create_time, y->create_time);
	if (order == 0)
		order = compare_u64(x->pid, y->pid);
	return order ? order : compare_u64(x->eprocess, y->eprocess);
}

/*
 * All ways of not knowing count as one, so that the names made of these are distinct: the image is
 * ND_OK or ND_INVALID, the session ND_OK, ND_NONE or ND_INVALID.
 */
static enum nd_status read_candidate(const struct nd_dump *dump, const struct nd_process_ref *ref,
				     uint32_t index, struct candidate *ret)
{
	struct candidate c = { .eprocess = ref->eprocess, .create_time = UINT64_MAX };
	struct nd_process p;
	enum nd_status st = nd_process_read(dump, ref->eprocess, &p);

	if (nd_is_failure(st))
		return st;
	c.pid = ref->pid_st == ND_OK ? ref->pid : UINT64_MAX;
	c.peer = (struct nd_peer){ .process = index, .session = { .st = ND_INVALID } };
	c.peer.image_st = ND_INVALID;
	if (st == ND_OK) {
		struct nd_u64 session = nd_process_session_id(dump, &p);

		if (session.st == ND_OK || session.st == ND_NONE)
			c.peer.session = session;
		c.peer.session.at = 0;
		if (p.image_name_st == ND_OK && p.image_name[0] != '\0') {
			memcpy(c.peer.image, p.image_name, sizeof(c.peer.image));
			c.peer.image_st = ND_OK;
		}
		if (p.create_time.st == ND_OK)
			c.create_time = p.create_time.value;
		c.ended = p.exit_time.st == ND_OK && p.exit_time.value != 0;
	}
	*ret = c;
	return ND_OK;
}

static void number_candidates(const struct candidate *c, uint32_t count, struct nd_peer *ret)
{
	for (uint32_t i = 0; i < count; i++) {
		ret[i] = c[i].peer;
		ret[i].number = 1;
		if (i > 0 && compare_kinds(&ret[i - 1], &ret[i]) == 0)
			ret[i].number = ret[i - 1].number + 1;
	}
}

enum nd_status nd_peer_list_build(const struct nd_dump *dump, struct nd_peer_list *ret)
{
	const struct nd_process_list *list;
	struct nd_peer_list peers = { 0 };
	struct candidate *candidate = NULL;
	enum nd_status st = nd_processes(dump, &list);

	if (st != ND_OK)
		return st;
	peers.peer = calloc((size_t)list->count + 1, sizeof(*peers.peer));
	candidate = calloc((size_t)list->count + 1, sizeof(*candidate));
	if (!peers.peer || !candidate)
		st = ND_ENOMEM;
	for (uint32_t i = 0; st == ND_OK && i < list->count; i++)
		st = read_candidate(dump, &list->ref[i], i, &candidate[i]);
	if (st == ND_OK) {
		qsort(candidate, list->count, sizeof(*candidate), compare_candidates);
		number_candidates(candidate, list->count, peers.peer);
		peers.count = list->count;
		*ret = peers;
	} else {
		free(peers.peer);
	}
	free(candidate);
	return st;
}

void nd_peer_list_free(struct nd_peer_list *list)
{
	free(list->peer);
	*list = (struct nd_peer_list){ 0 };
}
