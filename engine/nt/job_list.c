/*
 * engine/nt/job_list.c - all jobs and their members: PspJobList, the processes' own pointers and
 * the nesting of jobs, reconciled; each of them may be broken.
 */
#include <stdlib.h>
#include <string.h>

#include "nt/job.h"
#include "nt/list.h"
#include "seen.h"

/* A job that some source names. */
struct claim {
	nd_va job;
	unsigned sources;
};

struct link { /* a process in a job */
	nd_va job;
	struct nd_job_member member;
};

struct build {
	const struct nd_dump *dump;
	const struct nd_process_list *processes;
	struct nd_job_list *list;
	struct nd_seen seen; /* jobs that are in `claim` */
	struct claim *claim; /* in the order of finding; one job may be there more than once */
	size_t claims, claim_cap;
	struct link *link;
	size_t links, link_cap;
	uint32_t *by_address_index; /* of processes, by the address of their EPROCESS */
	size_t child_budget;	    /* entries of child lists that may still be read, of all jobs */
	bool list_sound;	    /* PspJobList was read to its end */
};

static void problem(struct build *b, enum nd_problem_kind kind, const char *where, nd_va owner,
		    uint64_t a, uint64_t other)
{
	nd_problem_add(&b->list->problems,
		       (struct nd_problem){
			       .kind = kind, .where = where, .owner = owner, .a = a, .b = other });
}

/*
 * Note a job. `owner` is what points to it, for the warning when nothing can be there; a job whose
 * page is merely absent from the dump is one all the same.
 */
static enum nd_status claim(struct build *b, nd_va job, unsigned source, const char *where,
			    nd_va owner)
{
	struct nd_u64 first = { .st = ND_INVALID };
	enum nd_status st;

	if (nd_va_is_kernel(job) && !(job & 7))
		first = nd_read_num(&b->dump->kernel, job, 8);
	if (nd_is_failure(first.st))
		return first.st;
	if (first.st == ND_INVALID || first.st == ND_UNMAPPED) {
		problem(b, ND_PROBLEM_POINTER, where, owner, job, 0);
		return ND_OK;
	}
	if (b->seen.count >= ND_JOBS_MAX && !nd_seen_has(&b->seen, job))
		return ND_OK;
	st = nd_grow((void **)&b->claim, &b->claim_cap, b->claims, sizeof(*b->claim));
	if (st != ND_OK)
		return st;
	b->claim[b->claims++] = (struct claim){ job, source };
	return nd_seen_add(&b->seen, job);
}

/* --- the sources ------------------------------------------------------------------------------ */

static enum nd_status claim_of_processes(struct build *b)
{
	enum nd_status st = ND_OK;

	for (uint32_t i = 0; st == ND_OK && i < b->processes->count; i++) {
		nd_va eprocess = b->processes->ref[i].eprocess;
		struct nd_u64 job = nd_member_read(&b->dump->kernel, eprocess, ND_M_EPROCESS_Job);

		if (nd_is_failure(job.st))
			return job.st;
		if (job.st != ND_OK || job.value == 0)
			continue;
		st = claim(b, job.value, ND_JOB_OF_PROCESS, "EPROCESS.Job", eprocess);
		if (st == ND_OK)
			st = nd_grow((void **)&b->link, &b->link_cap, b->links, sizeof(*b->link));
		if (st == ND_OK)
			b->link[b->links++] =
				(struct link){ job.value,
					       { .eprocess = eprocess, .by_pointer = true } };
	}
	return st;
}

static bool in_kernel_image(const struct nd_dump *dump, nd_va va)
{
	return dump->kernel_base != 0 && va >= dump->kernel_base &&
	       va - dump->kernel_base < dump->kernel_bytes;
}

/* Entries of the ring, without its head where the walk began at an entry. */
static enum nd_status claim_ring(struct build *b, const struct nd_list *ring, bool from_entry)
{
	uint32_t links = nd_offset(b->dump, ND_M_EJOB_JobLinks);
	enum nd_status st = ND_OK;

	for (size_t i = 0; st == ND_OK && i < ring->count; i++)
		if (!from_entry || !in_kernel_image(b->dump, ring->link[i]))
			st = claim(b, ring->link[i] - links, ND_JOB_LISTED, "EJOB.JobLinks", 0);
	b->list_sound = ring->trouble == ND_LIST_SOUND;
	nd_problem_add_list(&b->list->problems, "EJOB.JobLinks", 0, ring);
	return st;
}

/* From PspJobList; without its address, from the first job that a process has. */
static enum nd_status claim_listed(struct build *b)
{
	nd_va head = b->dump->symbol[ND_SYM_PspJobList];
	uint32_t links = nd_offset(b->dump, ND_M_EJOB_JobLinks);
	nd_va known = head == 0 && b->claims > 0 ? b->claim[0].job : 0;
	struct nd_list ring;
	enum nd_status st = ND_NO_SYMBOLS;

	if (links == ND_OFFSET_ABSENT)
		return ND_OK;
	if (head != 0 || (known != 0 && b->dump->kernel_bytes != 0))
		st = nd_list_collect(&b->dump->kernel, head ? head : known + links, ND_JOBS_MAX,
				     &ring);
	if (nd_is_missing(st)) {
		if (head != 0 || known != 0)
			nd_problem_add(&b->list->problems,
				       (struct nd_problem){ .kind = ND_PROBLEM_LIST_ABSENT,
							    .where = "PspJobList",
							    .a = head,
							    .st = st });
		return ND_OK;
	}
	if (st != ND_OK)
		return st;
	st = claim_ring(b, &ring, head == 0);
	nd_list_free(&ring);
	if (st == ND_OK && known != 0)
		st = claim(b, known, ND_JOB_LISTED, "EJOB.JobLinks", 0);
	return st;
}

static enum nd_status claim_children(struct build *b, nd_va job)
{
	uint32_t head = nd_offset(b->dump, ND_M_EJOB_ChildJobListHead);
	uint32_t sibling = nd_offset(b->dump, ND_M_EJOB_SiblingJobLinks);
	struct nd_list ring;
	enum nd_status st;

	if (head == ND_OFFSET_ABSENT || sibling == ND_OFFSET_ABSENT || b->child_budget == 0)
		return ND_OK;
	st = nd_list_collect(&b->dump->kernel, job + head, b->child_budget, &ring);
	if (nd_is_missing(st))
		return ND_OK;
	if (st != ND_OK)
		return st;
	b->child_budget -= ring.count < b->child_budget ? ring.count : b->child_budget;
	nd_problem_add_list(&b->list->problems, "EJOB.ChildJobListHead", job, &ring);
	for (size_t i = 0; st == ND_OK && i < ring.count; i++) {
		nd_va child = ring.link[i] - sibling;
		struct nd_u64 parent = nd_member_read(&b->dump->kernel, child, ND_M_EJOB_ParentJob);

		if (parent.st == ND_OK && parent.value == job)
			st = claim(b, child, ND_JOB_RELATED, "EJOB.ChildJobListHead", job);
		else if (nd_is_failure(parent.st))
			st = parent.st;
		else
			problem(b, ND_PROBLEM_POINTER, "EJOB.SiblingJobLinks", job, child, 0);
	}
	nd_list_free(&ring);
	return st;
}

/* Parents and children of all jobs, of those too that are found so. */
static enum nd_status claim_related(struct build *b)
{
	struct nd_seen done = { 0 };
	enum nd_status st = ND_OK;

	for (size_t i = 0; st == ND_OK && i < b->claims; i++) {
		nd_va job = b->claim[i].job;
		struct nd_u64 parent;

		if (nd_seen_has(&done, job))
			continue;
		st = nd_seen_add(&done, job);
		if (st != ND_OK)
			break;
		parent = nd_member_read(&b->dump->kernel, job, ND_M_EJOB_ParentJob);
		if (parent.st == ND_OK && parent.value != 0)
			st = claim(b, parent.value, ND_JOB_RELATED, "EJOB.ParentJob", job);
		else if (nd_is_failure(parent.st))
			st = parent.st;
		if (st == ND_OK)
			st = claim_children(b, job);
	}
	nd_seen_deinit(&done);
	return st;
}

/* --- the list --------------------------------------------------------------------------------- */

static int compare_claims(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;

	return x->job < y->job ? -1 : x->job > y->job;
}

static void read_container(const struct nd_dump *dump, struct nd_job_ref *ref)
{
	uint32_t id = nd_offset(dump, ND_M_EJOB_ContainerId);
	struct nd_u64 globals =
		nd_member_read(&dump->kernel, ref->job, ND_M_EJOB_ServerSiloGlobals);

	ref->server_silo = globals.st == ND_OK && globals.value != 0;
	ref->container_st = ND_NONE;
	if (ref->server_silo)
		ref->container_st = id == ND_OFFSET_ABSENT
					    ? ND_NOT_IN_BUILD
					    : nd_read(&dump->kernel, ref->job + id,
						      ref->container_id, sizeof(ref->container_id));
}

static void number_duplicate(struct nd_job_list *list, uint32_t i)
{
	struct nd_job_ref *ref = &list->ref[i];

	if (!ref->server_silo || ref->container_st != ND_OK)
		return;
	for (uint32_t j = i; j-- > 0;) {
		struct nd_job_ref *other = &list->ref[j];

		if (!other->server_silo || other->container_st != ND_OK ||
		    memcmp(other->container_id, ref->container_id, 16) != 0)
			continue;
		ref->duplicate = other->duplicate + 1;
		return;
	}
}

static enum nd_status merge_claims(struct build *b)
{
	struct nd_job_list *list = b->list;

	if (b->claims == 0)
		return ND_OK;
	qsort(b->claim, b->claims, sizeof(*b->claim), compare_claims);
	list->ref = calloc(b->seen.count, sizeof(*list->ref));
	if (!list->ref)
		return ND_ENOMEM;
	for (size_t i = 0; i < b->claims; i++) {
		if (list->count == 0 || list->ref[list->count - 1].job != b->claim[i].job)
			list->ref[list->count++].job = b->claim[i].job;
		list->ref[list->count - 1].sources |= b->claim[i].sources;
	}
	for (uint32_t i = 0; i < list->count; i++) {
		struct nd_job_ref *ref = &list->ref[i];

		read_container(b->dump, ref);
		if (nd_is_failure(ref->container_st))
			return ref->container_st;
		number_duplicate(list, i);
		if (b->list_sound && !(ref->sources & ND_JOB_LISTED))
			problem(b, ND_PROBLEM_UNLISTED, "PspJobList", 0, ref->job, 0);
	}
	return ND_OK;
}

/* --- members ---------------------------------------------------------------------------------- */

static enum nd_status link_listed(struct build *b)
{
	uint32_t head = nd_offset(b->dump, ND_M_EJOB_ProcessListHead);
	uint32_t links = nd_offset(b->dump, ND_M_EPROCESS_JobLinks);
	size_t budget = ND_PROCESSES_MAX;
	enum nd_status st = ND_OK;

	if (head == ND_OFFSET_ABSENT || links == ND_OFFSET_ABSENT)
		return ND_OK;
	for (uint32_t i = 0; st == ND_OK && budget > 0 && i < b->list->count; i++) {
		nd_va job = b->list->ref[i].job;
		struct nd_list ring;

		st = nd_list_collect(&b->dump->kernel, job + head, budget, &ring);
		if (nd_is_missing(st)) {
			st = ND_OK;
			continue;
		}
		if (st != ND_OK)
			return st;
		budget -= ring.count < budget ? ring.count : budget;
		nd_problem_add_list(&b->list->problems, "EJOB.ProcessListHead", job, &ring);
		for (size_t k = 0; st == ND_OK && k < ring.count; k++) {
			st = nd_grow((void **)&b->link, &b->link_cap, b->links, sizeof(*b->link));
			if (st == ND_OK)
				b->link[b->links++] = (struct link){
					job, { .eprocess = ring.link[k] - links, .on_list = true }
				};
		}
		nd_list_free(&ring);
	}
	return st;
}

static int compare_links(const void *a, const void *b)
{
	const struct link *x = a, *y = b;

	if (x->job != y->job)
		return x->job < y->job ? -1 : 1;
	return x->member.eprocess < y->member.eprocess ? -1
						       : x->member.eprocess > y->member.eprocess;
}

static int compare_indices(const void *a, const void *b, void *context)
{
	const struct nd_process_ref *ref = ((const struct nd_process_list *)context)->ref;
	nd_va x = ref[*(const uint32_t *)a].eprocess, y = ref[*(const uint32_t *)b].eprocess;

	return x < y ? -1 : x > y;
}

static enum nd_status sort_processes(struct build *b)
{
	uint32_t count = b->processes->count;

	if (count == 0)
		return ND_OK;
	b->by_address_index = malloc(count * sizeof(*b->by_address_index));
	if (!b->by_address_index)
		return ND_ENOMEM;
	for (uint32_t i = 0; i < count; i++)
		b->by_address_index[i] = i;
	qsort_r(b->by_address_index, count, sizeof(*b->by_address_index), compare_indices,
		(void *)(uintptr_t)b->processes);
	return ND_OK;
}

static uint32_t process_index(const struct build *b, nd_va eprocess)
{
	uint32_t low = 0, high = b->processes->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;
		uint32_t i = b->by_address_index[middle];

		if (b->processes->ref[i].eprocess == eprocess)
			return i;
		if (b->processes->ref[i].eprocess < eprocess)
			low = middle + 1;
		else
			high = middle;
	}
	return UINT32_MAX;
}

/* A process that has ended may have left the list already. */
static void check_member(struct build *b, nd_va job, const struct nd_job_member *m)
{
	struct nd_u64 exit;

	if (m->on_list && m->by_pointer)
		return;
	if (m->on_list) {
		problem(b, ND_PROBLEM_POINTER, "EPROCESS.JobLinks", job, m->eprocess, 0);
		return;
	}
	exit = nd_member_read(&b->dump->kernel, m->eprocess, ND_M_EPROCESS_ExitTime);
	if (exit.st == ND_OK && exit.value == 0)
		problem(b, ND_PROBLEM_UNLISTED, "EJOB.ProcessListHead", job, m->eprocess, 0);
}

/* Add a link behind those before it, which are in order: the same process once. */
static void add_member(struct build *b, const struct link *link, nd_va last_job)
{
	struct nd_job_list *list = b->list;
	struct nd_job_ref *ref = &list->ref[nd_job_index(list, link->job)];
	struct nd_job_member *m;

	if (last_job == link->job) {
		m = &list->member[list->member_count - 1];
		if (m->eprocess == link->member.eprocess) {
			m->on_list |= link->member.on_list;
			m->by_pointer |= link->member.by_pointer;
			return;
		}
	} else {
		ref->first_member = list->member_count;
	}
	m = &list->member[list->member_count++];
	*m = link->member;
	m->process = process_index(b, m->eprocess);
	ref->member_count++;
}

static enum nd_status merge_links(struct build *b)
{
	struct nd_job_list *list = b->list;
	nd_va last = 0;

	if (b->links == 0)
		return ND_OK;
	qsort(b->link, b->links, sizeof(*b->link), compare_links);
	list->member = calloc(b->links, sizeof(*list->member));
	if (!list->member)
		return ND_ENOMEM;
	for (size_t i = 0; i < b->links; i++) {
		if (nd_job_index(list, b->link[i].job) == UINT32_MAX)
			continue; /* nothing can be there */
		add_member(b, &b->link[i], last);
		last = b->link[i].job;
	}
	for (uint32_t i = 0; i < list->count; i++)
		for (uint32_t k = 0; k < list->ref[i].member_count; k++)
			check_member(b, list->ref[i].job,
				     &list->member[list->ref[i].first_member + k]);
	return ND_OK;
}

static enum nd_status run(struct build *b)
{
	enum nd_status st = claim_of_processes(b);

	if (st == ND_OK)
		st = claim_listed(b);
	if (st == ND_OK)
		st = claim_related(b);
	if (st == ND_OK)
		st = merge_claims(b);
	if (st == ND_OK)
		st = link_listed(b);
	if (st == ND_OK)
		st = sort_processes(b);
	if (st == ND_OK)
		st = merge_links(b);
	return st == ND_OK ? nd_job_list_check(b->dump, b->list) : st;
}

enum nd_status nd_job_list_build(const struct nd_dump *dump, struct nd_job_list *ret)
{
	struct nd_job_list list = { 0 };
	struct build b = { .dump = dump, .list = &list, .child_budget = 2u * ND_JOBS_MAX };
	enum nd_status st = nd_processes(dump, &b.processes);

	if (st == ND_OK)
		st = run(&b);
	nd_seen_deinit(&b.seen);
	free(b.claim);
	free(b.link);
	free(b.by_address_index);
	if (st != ND_OK) {
		nd_job_list_free(&list);
		return st;
	}
	*ret = list;
	return ND_OK;
}
