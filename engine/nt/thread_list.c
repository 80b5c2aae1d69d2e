/*
 * engine/nt/thread_list.c - the threads of one process: its two rings of threads, reconciled.
 */
#include <stdlib.h>

#include "nt/list.h"
#include "nt/thread.h"

static int compare_refs(const void *a, const void *b, void *list)
{
	const struct nd_thread_ref *refs = ((struct nd_thread_list *)list)->ref;
	uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
	bool i_known = refs[i].tid_st == ND_OK, j_known = refs[j].tid_st == ND_OK;

	if (i_known != j_known)
		return i_known ? -1 : 1;
	if (i_known && refs[i].tid != refs[j].tid)
		return refs[i].tid < refs[j].tid ? -1 : 1;
	return i < j ? -1 : i > j;
}

static enum nd_status sort_by_tid(struct nd_thread_list *list)
{
	list->by_tid = malloc((list->count ? list->count : 1) * sizeof(*list->by_tid));
	if (!list->by_tid)
		return ND_ENOMEM;
	for (uint32_t i = 0; i < list->count; i++)
		list->by_tid[i] = i;
	if (list->count > 1)
		qsort_r(list->by_tid, list->count, sizeof(*list->by_tid), compare_refs, list);
	for (uint32_t i = 1; i < list->count; i++) {
		struct nd_thread_ref *before = &list->ref[list->by_tid[i - 1]];
		struct nd_thread_ref *ref = &list->ref[list->by_tid[i]];

		if (ref->tid_st == ND_OK && ref->tid == before->tid)
			ref->duplicate = before->duplicate + 1;
	}
	return ND_OK;
}

static void fill_ref(const struct nd_dump *dump, nd_va ethread, struct nd_thread_ref *ref)
{
	uint32_t cid = nd_offset(dump, ND_M_ETHREAD_Cid);
	uint32_t unique = nd_offset(dump, ND_M_CLIENT_ID_UniqueThread);
	struct nd_u64 tid = nd_u64_missing(ND_NOT_IN_BUILD, ethread);

	if (cid != ND_OFFSET_ABSENT && unique != ND_OFFSET_ABSENT)
		tid = nd_read_num(&dump->kernel, ethread + cid + unique, 8);
	ref->ethread = ethread;
	ref->tid = tid.value;
	ref->tid_st = tid.st;
	ref->create_time = nd_member_read(&dump->kernel, ethread, ND_M_ETHREAD_CreateTime);
}

/* One ring of the process. An absent ring is an empty one with its reason in *why. */
static enum nd_status collect(const struct nd_dump *dump, nd_va eprocess, enum nd_member_id head,
			      enum nd_member_id link, const char *where,
			      struct nd_thread_list *list, struct nd_list *ret, enum nd_status *why)
{
	uint32_t head_at = nd_offset(dump, head), link_at = nd_offset(dump, link);
	enum nd_status st = ND_NOT_IN_BUILD;

	*ret = (struct nd_list){ 0 };
	if (head_at != ND_OFFSET_ABSENT && link_at != ND_OFFSET_ABSENT)
		st = nd_list_collect(&dump->kernel, eprocess + head_at, ND_THREADS_MAX, ret);
	*why = st;
	if (st != ND_OK)
		return nd_is_failure(st) ? st : ND_OK;
	nd_problem_add_list(&list->problems, where, eprocess, ret);
	for (size_t i = 0; i < ret->count; i++)
		ret->link[i] -= link_at;
	return ND_OK;
}

static int by_address(const void *a, const void *b)
{
	nd_va x = *(const nd_va *)a, y = *(const nd_va *)b;

	return x < y ? -1 : x > y;
}

static bool contains(const nd_va *sorted, size_t count, nd_va va)
{
	return count > 0 && bsearch(&va, sorted, count, sizeof(va), by_address);
}

static enum nd_status sorted_copy(const struct nd_list *list, nd_va **ret)
{
	*ret = malloc((list->count ? list->count : 1) * sizeof(**ret));
	if (!*ret)
		return ND_ENOMEM;
	for (size_t i = 0; i < list->count; i++)
		(*ret)[i] = list->link[i];
	if (list->count > 1)
		qsort(*ret, list->count, sizeof(**ret), by_address);
	return ND_OK;
}

/* The EPROCESS ring in its order, then what only the KPROCESS ring has. */
static enum nd_status merge(const struct nd_dump *dump, const struct nd_list *e,
			    const struct nd_list *k, struct nd_thread_list *list)
{
	nd_va *in_e = NULL, *in_k = NULL;
	size_t most = e->count + k->count;
	enum nd_status st = sorted_copy(e, &in_e);

	if (st == ND_OK)
		st = sorted_copy(k, &in_k);
	list->ref = calloc(most ? most : 1, sizeof(*list->ref));
	if (!list->ref)
		st = ND_ENOMEM;
	for (size_t i = 0; st == ND_OK && i < e->count; i++) {
		struct nd_thread_ref *ref = &list->ref[list->count++];

		fill_ref(dump, e->link[i], ref);
		ref->in_eprocess_list = true;
		ref->in_kprocess_list = contains(in_k, k->count, e->link[i]);
	}
	for (size_t i = 0; st == ND_OK && i < k->count; i++) {
		struct nd_thread_ref *ref;

		if (contains(in_e, e->count, k->link[i]))
			continue;
		ref = &list->ref[list->count++];
		fill_ref(dump, k->link[i], ref);
		ref->in_kprocess_list = true;
	}
	free(in_e);
	free(in_k);
	return st;
}

static enum nd_status build_from_rings(const struct nd_dump *dump, nd_va eprocess,
				       struct nd_thread_list *list)
{
	struct nd_list e = { 0 }, k = { 0 };
	enum nd_status e_why, k_why = ND_OK;
	enum nd_status st =
		collect(dump, eprocess, ND_M_EPROCESS_ThreadListHead, ND_M_ETHREAD_ThreadListEntry,
			"EPROCESS.ThreadListHead", list, &e, &e_why);

	if (st == ND_OK)
		st = collect(dump, eprocess, ND_M_KPROCESS_ThreadListHead,
			     ND_M_KTHREAD_ThreadListEntry, "KPROCESS.ThreadListHead", list, &k,
			     &k_why);
	if (st == ND_OK)
		st = merge(dump, &e, &k, list);
	if (st == ND_OK && e_why != ND_OK && k_why != ND_OK)
		list->st = e_why;
	nd_list_free(&e);
	nd_list_free(&k);
	return st;
}

/* A triage dump holds one thread. */
static enum nd_status build_triage(const struct nd_dump *dump, nd_va eprocess,
				   struct nd_thread_list *list)
{
	list->ref = calloc(1, sizeof(*list->ref));
	if (!list->ref)
		return ND_ENOMEM;
	if (dump->triage_thread == 0 || eprocess != dump->triage_process) {
		list->st = ND_NOT_IN_DUMP;
		return ND_OK;
	}
	fill_ref(dump, dump->triage_thread, &list->ref[list->count++]);
	return ND_OK;
}

enum nd_status nd_thread_list_build(const struct nd_dump *dump, nd_va eprocess,
				    struct nd_thread_list *ret)
{
	struct nd_thread_list list = { 0 };
	enum nd_status st = nd_source_is_virtual(dump->src)
				    ? build_triage(dump, eprocess, &list)
				    : build_from_rings(dump, eprocess, &list);

	if (st == ND_OK)
		st = sort_by_tid(&list);
	if (st != ND_OK) {
		nd_thread_list_free(&list);
		return st;
	}
	*ret = list;
	return ND_OK;
}

void nd_thread_list_free(struct nd_thread_list *list)
{
	free(list->ref);
	free(list->by_tid);
	nd_problems_free(&list->problems);
	*list = (struct nd_thread_list){ 0 };
}
