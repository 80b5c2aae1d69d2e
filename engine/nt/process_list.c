/*
 * engine/nt/process_list.c - the list of all processes: PsActiveProcessHead, and what it hides from
 * the other sources; numbered and sorted.
 */
#include <stdlib.h>
#include <string.h>

#include "nt/crossview.h"
#include "nt/list.h"
#include "nt/process.h"

static int compare_refs(const void *a, const void *b, void *list)
{
	const struct nd_process_ref *refs = ((struct nd_process_list *)list)->ref;
	uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
	bool i_known = refs[i].pid_st == ND_OK, j_known = refs[j].pid_st == ND_OK;

	if (i_known != j_known)
		return i_known ? -1 : 1;
	if (i_known && refs[i].pid != refs[j].pid)
		return refs[i].pid < refs[j].pid ? -1 : 1;
	return i < j ? -1 : i > j;
}

/* Sort, and number the processes that share a pid in list order. */
static enum nd_status sort_by_pid(struct nd_process_list *list)
{
	list->by_pid = malloc((list->count ? list->count : 1) * sizeof(*list->by_pid));
	if (!list->by_pid)
		return ND_ENOMEM;
	for (uint32_t i = 0; i < list->count; i++)
		list->by_pid[i] = i;
	if (list->count > 1)
		qsort_r(list->by_pid, list->count, sizeof(*list->by_pid), compare_refs, list);
	for (uint32_t i = 1; i < list->count; i++) {
		struct nd_process_ref *before = &list->ref[list->by_pid[i - 1]];
		struct nd_process_ref *ref = &list->ref[list->by_pid[i]];

		if (ref->pid_st != ND_OK || ref->pid != before->pid)
			continue;
		ref->duplicate = before->duplicate + 1;
		nd_problem_add(&list->problems,
			       (struct nd_problem){ .kind = ND_PROBLEM_DUPLICATE_PID,
						    .where = "EPROCESS.UniqueProcessId",
						    .owner = ref->eprocess,
						    .a = ref->eprocess,
						    .b = ref->pid });
	}
	return ND_OK;
}

static void add_ref(const struct nd_dump *dump, struct nd_process_list *list, nd_va eprocess,
		    uint8_t sources)
{
	struct nd_process_ref *ref = &list->ref[list->count++];
	struct nd_u64 pid = nd_member_read(&dump->kernel, eprocess, ND_M_EPROCESS_UniqueProcessId);

	*ref = (struct nd_process_ref){ .eprocess = eprocess,
					.pid = pid.value,
					.pid_st = pid.st,
					.listed = sources & ND_FROM_LINKS,
					.sources = sources };
	ref->create_time = nd_member_read(&dump->kernel, eprocess, ND_M_EPROCESS_CreateTime);
}

static enum nd_status add_listed(const struct nd_dump *dump, struct nd_process_list *list)
{
	nd_va head = dump->symbol[ND_SYM_PsActiveProcessHead];
	uint32_t links = nd_offset(dump, ND_M_EPROCESS_ActiveProcessLinks);
	struct nd_list ring;
	enum nd_status st;

	if (head == 0 || links == ND_OFFSET_ABSENT) {
		list->st = ND_NO_SYMBOLS;
		return ND_OK;
	}
	st = nd_list_collect(&dump->kernel, head, ND_PROCESSES_MAX, &ring);
	if (nd_is_missing(st)) {
		list->st = st;
		return ND_OK;
	}
	if (st != ND_OK)
		return st;
	nd_problem_add_list(&list->problems, "EPROCESS.ActiveProcessLinks", 0, &ring);
	list->ref = calloc(ring.count ? ring.count : 1, sizeof(*list->ref));
	for (size_t i = 0; list->ref && i < ring.count; i++)
		add_ref(dump, list, ring.link[i] - links, ND_FROM_LINKS);
	if (ring.trouble == ND_LIST_SOUND || ring.trouble == ND_LIST_BACK_LINK)
		list->whole |= ND_FROM_LINKS;
	nd_list_free(&ring);
	return list->ref ? ND_OK : ND_ENOMEM;
}

/* A process that has ended, or has no thread yet, may rightly be on no list. */
static void tell_hidden(const struct nd_dump *dump, struct nd_process_list *list,
			const struct nd_process_ref *ref)
{
	struct nd_process p;

	if (!(list->whole & ND_FROM_LINKS) || nd_process_read(dump, ref->eprocess, &p) != ND_OK ||
	    !nd_source_holds(&p, ND_FROM_THREADS))
		return;
	nd_problem_add(&list->problems, (struct nd_problem){ .kind = ND_PROBLEM_HIDDEN_PROCESS,
							     .where = "PsActiveProcessHead",
							     .owner = ref->eprocess,
							     .a = ref->eprocess,
							     .b = ref->pid });
}

static enum nd_status add_found(const struct nd_dump *dump, struct nd_process_list *list,
				const struct nd_found_processes *found)
{
	struct nd_process_ref *grown;
	uint32_t listed = list->count;
	uint8_t *on_list = calloc(found->count ? found->count : 1, 1);

	if (!on_list)
		return ND_ENOMEM;
	for (uint32_t i = 0; i < listed; i++) {
		const struct nd_found_process *f = nd_found_process(found, list->ref[i].eprocess);

		if (!f)
			continue;
		list->ref[i].sources |= f->sources;
		on_list[f - found->item] = 1;
	}
	grown = realloc(list->ref, ((size_t)listed + found->count + 1) * sizeof(*grown));
	if (grown)
		list->ref = grown;
	for (uint32_t i = 0; grown && i < found->count && list->count < ND_PROCESSES_MAX; i++)
		if (!on_list[i]) {
			add_ref(dump, list, found->item[i].eprocess, found->item[i].sources);
			tell_hidden(dump, list, &list->ref[list->count - 1]);
		}
	free(on_list);
	return grown ? ND_OK : ND_ENOMEM;
}

/* What the list does not have, from the sources that cost little. */
static enum nd_status add_hidden(const struct nd_dump *dump, struct nd_process_list *list)
{
	struct nd_found_processes found;
	nd_va *known = malloc((list->count ? list->count : 1) * sizeof(*known));
	enum nd_status st = known ? ND_OK : ND_ENOMEM;

	for (uint32_t i = 0; known && i < list->count; i++)
		known[i] = list->ref[i].eprocess;
	if (st == ND_OK)
		st = nd_find_processes(dump, known, list->count, &found);
	free(known);
	if (st != ND_OK)
		return st;
	list->whole |= found.whole;
	st = add_found(dump, list, &found);
	nd_found_processes_free(&found);
	return st;
}

/* A triage dump holds one process: the owner of the crashing thread. */
static enum nd_status add_triage(const struct nd_dump *dump, struct nd_process_list *list)
{
	if (dump->triage_process == 0) {
		list->st = ND_NOT_IN_DUMP;
		return ND_OK;
	}
	list->ref = calloc(1, sizeof(*list->ref));
	if (!list->ref)
		return ND_ENOMEM;
	add_ref(dump, list, dump->triage_process, ND_FROM_THREADS);
	list->ref[0].listed = true; /* as far as such a dump can tell */
	return ND_OK;
}

enum nd_status nd_process_list_build(const struct nd_dump *dump, struct nd_process_list *ret)
{
	struct nd_process_list list = { 0 };
	enum nd_status st =
		nd_source_is_virtual(dump->src) ? add_triage(dump, &list) : add_listed(dump, &list);

	if (st == ND_OK && !nd_source_is_virtual(dump->src))
		st = add_hidden(dump, &list);
	if (st == ND_OK)
		st = sort_by_pid(&list);
	if (st != ND_OK) {
		nd_process_list_free(&list);
		return st;
	}
	*ret = list;
	return ND_OK;
}

void nd_process_list_free(struct nd_process_list *list)
{
	free(list->ref);
	free(list->by_pid);
	nd_problems_free(&list->problems);
	*list = (struct nd_process_list){ 0 };
}

uint32_t nd_process_index(const struct nd_process_list *list, nd_va eprocess)
{
	for (uint32_t i = 0; i < list->count; i++)
		if (list->ref[i].eprocess == eprocess)
			return i;
	return UINT32_MAX;
}
