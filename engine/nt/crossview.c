/*
 * engine/nt/crossview.c - asks the kernel's independent tables for processes: ids, sessions, handle
 * tables, threads.
 */
#include <stdlib.h>

#include "nt/cid.h"
#include "nt/crossview.h"
#include "nt/list.h"
#include "nt/system.h"
#include "nt/thread.h"
#include "nt/wait.h"
#include "seen.h"

#define TYPE_MASK 0x7fu
#define HANDLE_TABLES_MAX ND_PROCESSES_MAX
#define PROCESSORS_MAX 2048u
#define ATTEMPTS_MAX 64u /* at rings that do not close */

enum { STATE_INITIALIZED = 0, STATE_TERMINATED = 4 }; /* KTHREAD_STATE */

struct search {
	const struct nd_dump *dump;
	struct nd_found_processes *found;
	uint32_t cap;
};

bool nd_is_process(const struct nd_dump *dump, nd_va eprocess)
{
	struct nd_u64 type, pid;

	if (!nd_va_is_kernel(eprocess) || eprocess & 7)
		return false;
	type = nd_member_read(&dump->kernel, eprocess, ND_M_DISPATCHER_HEADER_Type);
	pid = nd_member_read(&dump->kernel, eprocess, ND_M_EPROCESS_UniqueProcessId);
	return type.st == ND_OK && (type.value & TYPE_MASK) == ND_DISPATCHER_PROCESS &&
	       pid.st == ND_OK && pid.value != 0 && pid.value % 4 == 0 && pid.value <= UINT32_MAX;
}

static enum nd_status add(struct search *s, nd_va eprocess, enum nd_process_source source)
{
	struct nd_found_processes *f = s->found;

	if (f->count == s->cap) {
		uint32_t cap = s->cap ? 2 * s->cap : 256;
		struct nd_found_process *grown = realloc(f->item, cap * sizeof(*grown));

		if (!grown)
			return ND_ENOMEM;
		f->item = grown;
		s->cap = cap;
	}
	f->item[f->count++] = (struct nd_found_process){ eprocess, (uint8_t)source };
	return ND_OK;
}

static int by_address(const void *a, const void *b)
{
	const struct nd_found_process *x = a, *y = b;

	return x->eprocess < y->eprocess ? -1 : x->eprocess > y->eprocess;
}

/* Sort, join what several sources have, and drop what is no process. */
static void merge(struct search *s)
{
	struct nd_found_processes *f = s->found;
	uint32_t kept = 0;

	if (f->count > 1)
		qsort(f->item, f->count, sizeof(*f->item), by_address);
	for (uint32_t i = 0; i < f->count; i++) {
		if (kept > 0 && f->item[kept - 1].eprocess == f->item[i].eprocess)
			f->item[kept - 1].sources |= f->item[i].sources;
		else
			f->item[kept++] = f->item[i];
	}
	f->count = kept;
	kept = 0;
	for (uint32_t i = 0; i < f->count; i++)
		if (nd_is_process(s->dump, f->item[i].eprocess))
			f->item[kept++] = f->item[i];
	f->count = kept;
}

/* --- the sources ------------------------------------------------------------------------------ */

static enum nd_status from_threads(struct search *s, const struct nd_cid_table *cid)
{
	enum nd_status st = ND_OK;

	for (uint32_t i = 0; st == ND_OK && i < cid->count; i++) {
		const struct nd_cid *c = &cid->entry[i];

		if (c->thread && c->owner.st == ND_OK)
			st = add(s, c->owner.value, ND_FROM_THREADS);
	}
	for (uint32_t i = 0; st == ND_OK && i < PROCESSORS_MAX; i++) {
		struct nd_u64 v = nd_prcb(s->dump, i);

		if (v.st != ND_OK)
			break;
		v = nd_member_read(&s->dump->kernel, v.value, ND_M_KPRCB_CurrentThread);
		if (v.st == ND_OK && nd_va_is_kernel(v.value))
			v = nd_member_read(&s->dump->kernel, v.value, ND_M_KTHREAD_Process);
		if (v.st == ND_OK)
			st = add(s, v.value, ND_FROM_THREADS);
	}
	return st;
}

static enum nd_status from_cid(struct search *s)
{
	const struct nd_cid_table *cid;
	enum nd_status st = nd_cid_table(s->dump, &cid);

	if (st == ND_OK && cid->st == ND_OK && cid->whole)
		s->found->whole |= ND_FROM_CID | ND_FROM_THREADS;
	for (uint32_t i = 0; st == ND_OK && i < cid->count; i++)
		if (!cid->entry[i].thread)
			st = add(s, cid->entry[i].object, ND_FROM_CID);
	return st == ND_OK ? from_threads(s, cid) : st;
}

/* A ring that was entered at `head` and walked round, or up to its own head that is not there. */
static bool is_round(const struct nd_list *ring, nd_va own_head)
{
	return ring->trouble == ND_LIST_SOUND || ring->trouble == ND_LIST_BACK_LINK ||
	       (ring->trouble == ND_LIST_ABSENT && ring->trouble_to == own_head);
}

/*
 * One session's ring, entered through a process that should be on it. One that was taken off still
 * points into the ring, but is never reached: then *round is false, and another one is tried.
 */
static enum nd_status from_session(struct search *s, const struct nd_process *p, bool *round)
{
	uint32_t links = nd_offset(s->dump, ND_M_EPROCESS_SessionProcessLinks);
	nd_va head = p->session.value + nd_offset(s->dump, ND_M_MM_SESSION_SPACE_ProcessList);
	struct nd_space space = nd_process_space(s->dump, p);
	struct nd_list ring;
	enum nd_status st = nd_list_collect(&space, p->eprocess + links, ND_PROCESSES_MAX, &ring);

	*round = false;
	if (st != ND_OK)
		return nd_is_failure(st) ? st : ND_OK;
	*round = ring.count > 0 && is_round(&ring, head);
	if (*round)
		st = add(s, p->eprocess, ND_FROM_SESSION);
	for (size_t i = 0; st == ND_OK && i < ring.count; i++)
		if (ring.link[i] != head)
			st = add(s, ring.link[i] - links, ND_FROM_SESSION);
	nd_list_free(&ring);
	return st;
}

struct sessions {
	struct nd_seen round, doubtful;
	uint32_t open;	   /* doubtful ones that no process has led round yet */
	unsigned attempts; /* that failed */
};

static enum nd_status try_session(struct search *s, struct sessions *sessions,
				  const struct nd_process *p)
{
	nd_va session = p->session.value;
	bool round, doubtful = nd_seen_has(&sessions->doubtful, session);
	enum nd_status st;

	if (nd_seen_has(&sessions->round, session) || sessions->attempts >= ATTEMPTS_MAX)
		return ND_OK;
	st = from_session(s, p, &round);
	if (st != ND_OK)
		return st;
	if (round) {
		sessions->open -= doubtful;
		return nd_seen_add(&sessions->round, session);
	}
	sessions->attempts++;
	sessions->open += !doubtful;
	return nd_seen_add(&sessions->doubtful, session);
}

/* Every session that one of the processes is in. An ended process has left its session's list. */
static enum nd_status from_sessions(struct search *s, const nd_va *process, uint32_t count)
{
	struct sessions sessions = { 0 };
	enum nd_status st = ND_OK;

	if (nd_offset(s->dump, ND_M_EPROCESS_SessionProcessLinks) == ND_OFFSET_ABSENT ||
	    nd_offset(s->dump, ND_M_MM_SESSION_SPACE_ProcessList) == ND_OFFSET_ABSENT)
		return ND_OK;
	for (uint32_t i = 0; !nd_is_failure(st) && i < count; i++) {
		struct nd_process p;

		st = nd_process_read(s->dump, process[i], &p);
		if (st == ND_OK && nd_source_holds(&p, ND_FROM_SESSION) &&
		    nd_va_is_kernel(p.session.value))
			st = try_session(s, &sessions, &p);
	}
	if (sessions.open == 0 && sessions.attempts < ATTEMPTS_MAX)
		s->found->whole |= ND_FROM_SESSION;
	nd_seen_deinit(&sessions.round);
	nd_seen_deinit(&sessions.doubtful);
	return nd_is_failure(st) ? st : ND_OK;
}

static bool in_kernel_image(const struct nd_dump *dump, nd_va va)
{
	return va >= dump->kernel_base && va - dump->kernel_base < dump->kernel_bytes;
}

/* The ring of all handle tables, entered through one of them; its head lies in the kernel. */
static enum nd_status from_tables(struct search *s, nd_va table, nd_va owner, bool *round)
{
	uint32_t links = nd_offset(s->dump, ND_M_HANDLE_TABLE_HandleTableList);
	struct nd_list ring;
	enum nd_status st =
		nd_list_collect(&s->dump->kernel, table + links, HANDLE_TABLES_MAX, &ring);

	*round = false;
	if (st != ND_OK)
		return nd_is_failure(st) ? st : ND_OK;
	*round = ring.count > 0 && is_round(&ring, 0);
	if (*round)
		st = add(s, owner, ND_FROM_HANDLES);
	for (size_t i = 0; st == ND_OK && i < ring.count; i++) {
		struct nd_u64 process;

		if (in_kernel_image(s->dump, ring.link[i]))
			continue;
		process = nd_member_read(&s->dump->kernel, ring.link[i] - links,
					 ND_M_HANDLE_TABLE_QuotaProcess);
		if (process.st == ND_OK && process.value != 0)
			st = add(s, process.value, ND_FROM_HANDLES);
	}
	nd_list_free(&ring);
	return st;
}

/* The first table that leads round will do: the ring is one for the whole machine. */
static enum nd_status from_handles(struct search *s, const nd_va *process, uint32_t count)
{
	bool round = false;

	if (nd_offset(s->dump, ND_M_HANDLE_TABLE_HandleTableList) == ND_OFFSET_ABSENT)
		return ND_OK;
	for (uint32_t i = 0, attempts = 0; i < count && !round && attempts < ATTEMPTS_MAX; i++) {
		struct nd_process p;
		enum nd_status st = nd_process_read(s->dump, process[i], &p);

		if (st == ND_OK && nd_source_holds(&p, ND_FROM_HANDLES) &&
		    nd_va_is_kernel(p.object_table.value)) {
			st = from_tables(s, p.object_table.value, p.eprocess, &round);
			attempts++;
		}
		if (nd_is_failure(st))
			return st;
	}
	if (round)
		s->found->whole |= ND_FROM_HANDLES;
	return ND_OK;
}

enum nd_status nd_find_processes(const struct nd_dump *dump, const nd_va *known, uint32_t count,
				 struct nd_found_processes *ret)
{
	struct nd_found_processes found = { 0 };
	struct search s = { .dump = dump, .found = &found };
	enum nd_status st = from_cid(&s);

	if (st == ND_OK)
		st = from_sessions(&s, known, count);
	if (st == ND_OK)
		st = from_handles(&s, known, count);
	if (st != ND_OK) {
		nd_found_processes_free(&found);
		return st;
	}
	merge(&s);
	*ret = found;
	return ND_OK;
}

void nd_found_processes_free(struct nd_found_processes *found)
{
	free(found->item);
	*found = (struct nd_found_processes){ 0 };
}

const struct nd_found_process *nd_found_process(const struct nd_found_processes *found,
						nd_va eprocess)
{
	struct nd_found_process key = { .eprocess = eprocess };

	if (found->count == 0)
		return NULL;
	return bsearch(&key, found->item, found->count, sizeof(key), by_address);
}

/* --- what a source must have ------------------------------------------------------------------ */

static bool is_set(struct nd_u64 v)
{
	return v.st == ND_OK && v.value != 0;
}

bool nd_source_holds(const struct nd_process *process, enum nd_process_source source)
{
	if (process->exit_time.st != ND_OK || process->exit_time.value != 0)
		return false;
	switch (source) {
	case ND_FROM_SESSION:
		return is_set(process->session);
	case ND_FROM_HANDLES:
		return is_set(process->object_table);
	case ND_FROM_THREADS:
		return is_set(process->active_threads);
	default:
		return true;
	}
}

/* --- threads ---------------------------------------------------------------------------------- */

static bool is_listed(const struct nd_thread_list *list, nd_va ethread)
{
	for (uint32_t i = 0; i < list->count; i++)
		if (list->ref[i].ethread == ethread)
			return true;
	return false;
}

/* A thread that starts or ends may rightly be on no list. */
static bool is_alive(const struct nd_thread *t)
{
	return t->state.st == ND_OK && t->state.value != STATE_INITIALIZED &&
	       t->state.value != STATE_TERMINATED &&
	       !(t->terminated.st == ND_OK && t->terminated.value);
}

static enum nd_status check_thread(const struct nd_dump *dump,
				   const struct nd_process_list *processes,
				   const struct nd_cid *cid, struct nd_problems *ret)
{
	const struct nd_thread_list *list = NULL;
	struct nd_thread t;
	uint32_t owner;
	enum nd_status st = nd_thread_read(dump, cid->object, &t);

	if (st != ND_OK || !is_alive(&t) || t.process.st != ND_OK)
		return nd_is_failure(st) ? st : ND_OK;
	owner = nd_process_index(processes, t.process.value);
	if (owner != UINT32_MAX)
		st = nd_threads(dump, owner, &list);
	if (st != ND_OK)
		return st;
	/* Of a list that could not be walked nothing is claimed. */
	if (list && (list->st != ND_OK || list->problems.count > 0 || is_listed(list, t.ethread)))
		return ND_OK;
	nd_problem_add(ret, (struct nd_problem){ .kind = ND_PROBLEM_HIDDEN_THREAD,
						 .where = "PspCidTable",
						 .owner = t.process.value,
						 .a = t.ethread,
						 .b = cid->id });
	return ND_OK;
}

enum nd_status nd_hidden_threads(const struct nd_dump *dump, struct nd_problems *ret)
{
	const struct nd_process_list *processes;
	const struct nd_cid_table *cid;
	enum nd_status st = nd_processes(dump, &processes);

	if (st == ND_OK)
		st = nd_cid_table(dump, &cid);
	for (uint32_t i = 0; st == ND_OK && i < cid->count; i++)
		if (cid->entry[i].thread)
			st = check_thread(dump, processes, &cid->entry[i], ret);
	return st;
}
