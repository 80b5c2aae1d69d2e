/*
 * engine/nt/session.c - sessions are found through their processes: EPROCESS.Session is the global
 * address of the structure, one for each session, mapped by the session's own processes.
 */
#include <stdlib.h>
#include <string.h>

#include "nt/list.h"
#include "nt/session.h"

struct entry { /* a process and its session */
	nd_va session;
	uint32_t process;
	uint32_t rank; /* in pid order */
};

static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->session != y->session)
		return x->session < y->session ? -1 : 1;
	return x->rank < y->rank ? -1 : x->rank > y->rank;
}

static void note_pointer(struct nd_session_list *list, nd_va eprocess, nd_va session)
{
	nd_problem_add(&list->problems, (struct nd_problem){ .kind = ND_PROBLEM_POINTER,
							     .where = "EPROCESS.Session",
							     .owner = eprocess,
							     .a = session });
}

static enum nd_status collect(const struct nd_dump *dump, const struct nd_process_list *processes,
			      struct nd_session_list *list, struct entry *entry, uint32_t *count)
{
	for (uint32_t rank = 0; rank < processes->count; rank++) {
		uint32_t i = processes->by_pid[rank];
		nd_va eprocess = processes->ref[i].eprocess;
		struct nd_u64 v = nd_member_read(&dump->kernel, eprocess, ND_M_EPROCESS_Session);

		if (nd_is_failure(v.st))
			return v.st;
		if (v.st != ND_OK || v.value == 0)
			continue;
		if (!nd_va_is_kernel(v.value) || v.value & 7)
			note_pointer(list, eprocess, v.value);
		else
			entry[(*count)++] = (struct entry){ v.value, i, rank };
	}
	qsort(entry, *count, sizeof(*entry), compare_entries);
	return ND_OK;
}

/* Any process of the session that is still mapped can read it. */
static enum nd_status find_reader(const struct nd_dump *dump,
				  const struct nd_process_list *processes,
				  const struct nd_session_list *list, struct nd_session_ref *ref)
{
	ref->reader = UINT32_MAX;
	ref->id = nd_u64_missing(ND_NOT_IN_DUMP, ref->at);
	for (uint32_t i = 0; i < ref->member_count; i++) {
		uint32_t index = list->member[ref->first_member + i];
		struct nd_process p;
		struct nd_space space;
		struct nd_u64 id;

		if (nd_process_read(dump, processes->ref[index].eprocess, &p) != ND_OK)
			continue;
		space = nd_process_space(dump, &p);
		id = nd_member_read(&space, ref->at, ND_M_MM_SESSION_SPACE_SessionId);
		if (nd_is_failure(id.st))
			return id.st;
		if (i == 0 || id.st == ND_OK)
			ref->id = id;
		if (id.st == ND_OK) {
			ref->reader = index;
			return ND_OK;
		}
	}
	return ND_OK;
}

static struct nd_space space_of(const struct nd_dump *dump, const struct nd_session_ref *ref)
{
	const struct nd_process_list *processes;
	struct nd_process p;

	if (ref->reader == UINT32_MAX || nd_processes(dump, &processes) != ND_OK ||
	    nd_process_read(dump, processes->ref[ref->reader].eprocess, &p) != ND_OK)
		return dump->kernel;
	return nd_process_space(dump, &p);
}

/* A process that has ended leaves the list before it leaves memory. */
static bool is_running(const struct nd_dump *dump, nd_va eprocess)
{
	struct nd_u64 exit = nd_member_read(&dump->kernel, eprocess, ND_M_EPROCESS_ExitTime);

	return exit.st == ND_OK && exit.value == 0;
}

static uint32_t count_running(const struct nd_dump *dump, const struct nd_session_list *list,
			      const struct nd_session_ref *ref)
{
	const struct nd_process_list *processes;
	uint32_t count = 0;

	if (nd_processes(dump, &processes) != ND_OK)
		return 0;
	for (uint32_t i = 0; i < ref->member_count; i++)
		count += is_running(dump,
				    processes->ref[list->member[ref->first_member + i]].eprocess);
	return count;
}

/* Entries of the ring that are processes of this session; *running: those that have not ended. */
static void count_listed(const struct nd_dump *dump, struct nd_session_list *list,
			 struct nd_session_ref *ref, const struct nd_list *ring, uint32_t *running)
{
	uint32_t links = nd_offset(dump, ND_M_EPROCESS_SessionProcessLinks);

	*running = 0;
	for (size_t i = 0; i < ring->count; i++) {
		nd_va eprocess = ring->link[i] - links;
		struct nd_u64 v = nd_member_read(&dump->kernel, eprocess, ND_M_EPROCESS_Session);

		if (v.st != ND_OK || v.value != ref->at) {
			note_pointer(list, eprocess, v.value);
			continue;
		}
		ref->listed++;
		*running += is_running(dump, eprocess);
	}
}

/* MM_SESSION_SPACE.ProcessList against the processes' own pointers. */
static enum nd_status check_list(const struct nd_dump *dump, struct nd_session_list *list,
				 struct nd_session_ref *ref, size_t *budget)
{
	uint32_t head = nd_offset(dump, ND_M_MM_SESSION_SPACE_ProcessList);
	uint32_t links = nd_offset(dump, ND_M_EPROCESS_SessionProcessLinks);
	uint32_t running, wanted = count_running(dump, list, ref);
	struct nd_space space = space_of(dump, ref);
	struct nd_list ring;
	enum nd_status st;

	if (ref->reader == UINT32_MAX || head == ND_OFFSET_ABSENT || links == ND_OFFSET_ABSENT ||
	    *budget == 0)
		return ND_OK;
	st = nd_list_collect(&space, ref->at + head, *budget, &ring);
	if (st != ND_OK)
		return nd_is_missing(st) ? ND_OK : st;
	*budget -= ring.count < *budget ? ring.count : *budget;
	nd_problem_add_list(&list->problems, "MM_SESSION_SPACE.ProcessList", ref->at, &ring);
	count_listed(dump, list, ref, &ring, &running);
	nd_list_free(&ring);
	if (running < wanted)
		nd_problem_add(&list->problems,
			       (struct nd_problem){ .kind = ND_PROBLEM_COUNT,
						    .where = "MM_SESSION_SPACE.ProcessList",
						    .owner = ref->at,
						    .a = running,
						    .b = wanted });
	return ND_OK;
}

static int compare_refs(const void *a, const void *b)
{
	const struct nd_session_ref *x = a, *y = b;
	bool x_known = x->id.st == ND_OK, y_known = y->id.st == ND_OK;

	if (x_known != y_known)
		return x_known ? -1 : 1;
	if (x_known && x->id.value != y->id.value)
		return x->id.value < y->id.value ? -1 : 1;
	return x->at < y->at ? -1 : x->at > y->at;
}

static enum nd_status finish(const struct nd_dump *dump, const struct nd_process_list *processes,
			     struct nd_session_list *list)
{
	size_t budget = ND_PROCESSES_MAX;
	enum nd_status st = ND_OK;

	for (uint32_t i = 0; st == ND_OK && i < list->count; i++) {
		struct nd_session_ref *ref = &list->ref[i];

		st = find_reader(dump, processes, list, ref);
		if (st == ND_OK && (ref->id.st == ND_INVALID || ref->id.st == ND_UNMAPPED))
			note_pointer(list, processes->ref[list->member[ref->first_member]].eprocess,
				     ref->at);
		if (st == ND_OK)
			st = check_list(dump, list, ref, &budget);
	}
	if (st != ND_OK)
		return st;
	qsort(list->ref, list->count, sizeof(*list->ref), compare_refs);
	for (uint32_t i = 1; i < list->count; i++) {
		const struct nd_session_ref *before = &list->ref[i - 1];

		if (list->ref[i].id.st == ND_OK && list->ref[i].id.value == before->id.value)
			list->ref[i].duplicate = before->duplicate + 1;
	}
	return ND_OK;
}

static enum nd_status group(const struct entry *entry, uint32_t count, struct nd_session_list *list)
{
	list->member = malloc((count ? count : 1) * sizeof(*list->member));
	list->ref =
		calloc(count < ND_SESSIONS_MAX ? count + 1 : ND_SESSIONS_MAX, sizeof(*list->ref));
	if (!list->member || !list->ref)
		return ND_ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		list->member[i] = entry[i].process;
		if (i == 0 || entry[i].session != entry[i - 1].session) {
			if (list->count == ND_SESSIONS_MAX)
				break;
			list->ref[list->count++] = (struct nd_session_ref){ .at = entry[i].session,
									    .first_member = i };
		}
		list->ref[list->count - 1].member_count++;
	}
	return ND_OK;
}

enum nd_status nd_session_list_build(const struct nd_dump *dump, struct nd_session_list *ret)
{
	struct nd_session_list list = { 0 };
	const struct nd_process_list *processes;
	struct entry *entry = NULL;
	uint32_t count = 0;
	enum nd_status st = nd_processes(dump, &processes);

	if (st != ND_OK)
		return st;
	entry = calloc(processes->count ? processes->count : 1, sizeof(*entry));
	st = entry ? collect(dump, processes, &list, entry, &count) : ND_ENOMEM;
	if (st == ND_OK)
		st = group(entry, count, &list);
	free(entry);
	if (st == ND_OK)
		st = finish(dump, processes, &list);
	if (st != ND_OK) {
		nd_session_list_free(&list);
		return st;
	}
	*ret = list;
	return ND_OK;
}

void nd_session_list_free(struct nd_session_list *list)
{
	free(list->ref);
	free(list->member);
	nd_problems_free(&list->problems);
	*list = (struct nd_session_list){ 0 };
}

uint32_t nd_session_index(const struct nd_session_list *list, nd_va at)
{
	for (uint32_t i = 0; i < list->count; i++)
		if (list->ref[i].at == at)
			return i;
	return UINT32_MAX;
}

struct nd_session nd_session_read(const struct nd_dump *dump, const struct nd_session_ref *ref)
{
	struct nd_space space = space_of(dump, ref);

	return (struct nd_session){
		.reference_count =
			nd_member_read(&space, ref->at, ND_M_MM_SESSION_SPACE_ReferenceCount),
		.locale = nd_member_read(&space, ref->at, ND_M_MM_SESSION_SPACE_LocaleId),
		.io_state = nd_member_read(&space, ref->at, ND_M_MM_SESSION_SPACE_IoState),
		.create_time = nd_member_read(&space, ref->at, ND_M_MM_SESSION_SPACE_CreateTime),
		.session_object =
			nd_member_read(&space, ref->at, ND_M_MM_SESSION_SPACE_SessionObject),
		.server_silo = nd_member_read(&space, ref->at, ND_M_MM_SESSION_SPACE_ServerSilo),
	};
}

const char *nd_session_state_name(uint64_t state)
{
	static const char *const name[] = { NULL,	 "Created",	 "Initialized",
					    "Connected", "Disconnected", "DisconnectedLoggedOn",
					    "LoggedOn",	 "LoggedOff",	 "Terminated" };

	return state < sizeof(name) / sizeof(*name) ? name[state] : NULL;
}
