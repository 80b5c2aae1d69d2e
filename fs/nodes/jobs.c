/*
 * fs/nodes/jobs.c - /job and /silo, and the links that lead there from a process.
 */
#include <stdio.h>
#include <string.h>

#include "nodes/jobs.h"
#include "nodes/nodes.h"
#include "nt/job.h"
#include "nt/object_name.h"
#include "ntdump.h"

/* --- names ------------------------------------------------------------------------------------ */

void silo_name(const struct nd_job_ref *ref, char name[NODE_NAME_MAX + 1])
{
	char guid[GUID_NAME_BYTES];

	guid_name(ref->container_id, guid);
	if (ref->container_st != ND_OK)
		snprintf(name, NODE_NAME_MAX, "0x%016llx", (unsigned long long)ref->job);
	else if (ref->duplicate)
		snprintf(name, NODE_NAME_MAX, "%s~%u", guid, ref->duplicate + 1);
	else
		snprintf(name, NODE_NAME_MAX, "%s", guid);
}

bool has_silos(const struct nd_dump *dump)
{
	return nd_offset(dump, ND_M_EJOB_ServerSiloGlobals) != ND_OFFSET_ABSENT;
}

/* --- what directories share ------------------------------------------------------------------- */

enum nd_status process_row(struct text *out, const struct nd_dump *dump, nd_va eprocess)
{
	struct nd_process p;
	enum nd_status st = nd_process_read(dump, eprocess, &p);

	if (nd_is_failure(st))
		return st;
	if (st != ND_OK) {
		text_missing(out, st, eprocess);
		text_tab(out);
		text_missing(out, st, eprocess);
	} else {
		text_dec(out, p.pid);
		text_tab(out);
		text_image_name(out, &p);
	}
	text_line(out);
	return ND_OK;
}

void object_name_fact(struct text *out, const struct nd_dump *dump, const char *key,
		      struct nd_u64 object)
{
	struct nd_ustr name;

	if (object.st == ND_OK && object.value == 0)
		object.st = ND_NONE;
	text_key(out, key);
	if (object.st != ND_OK) {
		text_missing(out, object.st, object.at);
	} else {
		name = nd_object_path(dump, object.value);
		text_ustr(out, &name);
		nd_ustr_free(&name);
	}
	text_line(out);
}

void address_or_none(struct text *out, const char *key, struct nd_u64 v)
{
	if (v.st == ND_OK && v.value == 0)
		v.st = ND_NONE;
	text_fact_va(out, key, v);
}

static void duration_fact(struct text *out, const char *key, struct nd_u64 v)
{
	text_key(out, key);
	text_duration(out, v);
	text_line(out);
}

/* --- /job/<address> --------------------------------------------------------------------------- */

static enum nd_status job_at(const struct node_at *at, const struct nd_job_list **list,
			     const struct nd_job_ref **ret)
{
	enum nd_status st = nd_jobs(at->dump, list);

	if (st != ND_OK)
		return st;
	if (at->key[0] >= (*list)->count)
		return ND_ENOENT;
	*ret = &(*list)->ref[at->key[0]];
	return ND_OK;
}

static enum nd_status next_job(const struct node_at *dir, uint64_t *cursor, struct node_entry *ret)
{
	const struct nd_job_list *list;
	enum nd_status st = nd_jobs(dir->dump, &list);

	if (st != ND_OK)
		return st;
	if (*cursor >= list->count)
		return ND_ENOENT;
	ret->key = (uint32_t)(*cursor)++;
	snprintf(ret->name, sizeof(ret->name), "0x%016llx",
		 (unsigned long long)list->ref[ret->key].job);
	return ND_OK;
}

static enum nd_status find_job(const struct node_at *dir, const char *name, struct node_entry *ret)
{
	const struct nd_job_list *list;
	nd_va job;
	enum nd_status st;

	if (!parse_address(name, &job))
		return ND_ENOENT;
	st = nd_jobs(dir->dump, &list);
	if (st != ND_OK)
		return st;
	ret->key = nd_job_index(list, job);
	if (ret->key == UINT32_MAX)
		return ND_ENOENT;
	snprintf(ret->name, sizeof(ret->name), "0x%016llx", (unsigned long long)job);
	return ND_OK;
}

static void about_job(const struct node_at *at, struct node_about *ret)
{
	const struct nd_job_list *list;
	const struct nd_job_ref *ref;

	if (job_at(at, &list, &ref) != ND_OK)
		return;
	ret->address = ref->job;
	ret->type = "Job";
	ret->source = layout_source_name(at->dump);
}

static void job_flags_fact(struct text *out, const struct nd_dump *dump, struct nd_u64 flags)
{
	const char *separator = " ";

	text_key(out, "JobFlags");
	text_hex_pad(out, flags, 8);
	for (unsigned bit = 0; flags.st == ND_OK && bit < 32; bit++) {
		const char *name = nd_job_flag_name(dump->build, bit);

		if (!(flags.value >> bit & 1))
			continue;
		if (name)
			text_printf(out, "%s%s", separator, name);
		else
			text_printf(out, "%s0x%x", separator, 1u << bit);
		separator = "|";
	}
	text_line(out);
}

/* no, app (Desktop Bridge) or server (a container). */
static void silo_fact(struct text *out, const struct nd_job *j, const struct nd_job_ref *ref)
{
	char name[NODE_NAME_MAX + 1];

	text_key(out, "Silo");
	if (j->silo.st != ND_OK)
		text_missing(out, j->silo.st, j->silo.at);
	else if (j->silo.value == 0 && !ref->server_silo)
		text_str(out, "no");
	else
		text_str(out, ref->server_silo ? "server" : "app");
	text_line(out);
	if (!ref->server_silo)
		return;
	silo_name(ref, name);
	text_fact_str(out, "ContainerId", name);
	text_fact_va(out, "ServerSiloGlobals", j->server_globals);
}

static void job_source_fact(struct text *out, const struct nd_job_ref *ref)
{
	static const char *const name[] = { "list", "process", "nesting" };
	const char *separator = "";

	text_key(out, "Source");
	for (unsigned i = 0; i < sizeof(name) / sizeof(*name); i++)
		if (ref->sources >> i & 1) {
			text_printf(out, "%s%s", separator, name[i]);
			separator = ",";
		}
	text_line(out);
}

static void accounting_facts(struct text *out, const struct nd_job *j)
{
	text_fact_dec(out, "TotalProcesses", j->total_processes);
	text_fact_dec(out, "ActiveProcesses", j->active_processes);
	text_fact_dec(out, "TerminatedProcesses", j->terminated_processes);
	duration_fact(out, "TotalUserTime", j->user_time);
	duration_fact(out, "TotalKernelTime", j->kernel_time);
	text_fact_dec(out, "TotalCycleTime", j->cycle_time);
	text_fact_dec(out, "PageFaults", j->page_faults);
	text_fact_dec(out, "ReadOperations", j->read_operations);
	text_fact_dec(out, "WriteOperations", j->write_operations);
	text_fact_dec(out, "OtherOperations", j->other_operations);
	text_fact_dec(out, "ReadBytes", j->read_bytes);
	text_fact_dec(out, "WriteBytes", j->write_bytes);
	text_fact_dec(out, "OtherBytes", j->other_bytes);
	text_fact_dec(out, "MemoryUsedPages", j->memory_used);
	text_fact_dec(out, "PeakMemoryUsedPages", j->peak_memory_used);
	text_fact_dec(out, "PeakProcessMemoryUsedPages", j->peak_process_memory_used);
}

static enum nd_status render_job_status(struct text *out, const struct node_at *at)
{
	const struct nd_job_list *list;
	const struct nd_job_ref *ref;
	struct nd_job j;
	enum nd_status st = job_at(at, &list, &ref);

	if (st != ND_OK)
		return st;
	st = nd_job_read(at->dump, ref->job, &j);
	if (st != ND_OK)
		return missing_or_fail(out, st, ref->job);
	text_fact_va(out, "Job", nd_u64_of(j.at));
	object_name_fact(out, at->dump, "Name", nd_u64_of(j.at));
	text_fact_dec(out, "JobId", j.id);
	text_fact_dec(out, "SessionId", j.session_id);
	address_or_none(out, "ParentJob", j.parent);
	address_or_none(out, "RootJob", j.root);
	text_fact_dec(out, "NestingDepth", j.nesting_depth);
	text_printf(out, "ProcessesListed:\t%u\n", ref->member_count);
	silo_fact(out, &j, ref);
	job_flags_fact(out, at->dump, j.flags);
	text_key(out, "JobFlags2");
	text_hex_pad(out, j.flags2, 8);
	text_line(out);
	address_or_none(out, "CompletionPort", j.completion_port);
	accounting_facts(out, &j);
	job_source_fact(out, ref);
	return ND_OK;
}

enum {
	LIMIT_WORKINGSET = 0x1,
	LIMIT_PROCESS_TIME = 0x2,
	LIMIT_JOB_TIME = 0x4,
	LIMIT_ACTIVE_PROCESS = 0x8,
	LIMIT_AFFINITY = 0x10,
	LIMIT_PRIORITY_CLASS = 0x20,
	LIMIT_SCHEDULING_CLASS = 0x80,
	LIMIT_PROCESS_MEMORY = 0x100,
	LIMIT_JOB_MEMORY = 0x200,
};

/* A limit that is not in force is none, whatever its member holds. */
static struct nd_u64 in_force(const struct nd_job *j, unsigned flag, struct nd_u64 v)
{
	if (j->limit_flags.st != ND_OK)
		return j->limit_flags;
	return j->limit_flags.value & flag ? v : nd_u64_missing(ND_NONE, v.at);
}

static enum nd_status render_job_limits(struct text *out, const struct node_at *at)
{
	const struct nd_job_list *list;
	const struct nd_job_ref *ref;
	struct nd_job j;
	enum nd_status st = job_at(at, &list, &ref);

	if (st != ND_OK)
		return st;
	st = nd_job_read(at->dump, ref->job, &j);
	if (st != ND_OK)
		return missing_or_fail(out, st, ref->job);
	text_fact_bits(out, "LimitFlags", j.limit_flags, nd_job_limit_name);
	text_fact_dec(out, "ActiveProcessLimit",
		      in_force(&j, LIMIT_ACTIVE_PROCESS, j.active_process_limit));
	duration_fact(out, "PerProcessUserTimeLimit",
		      in_force(&j, LIMIT_PROCESS_TIME, j.process_time_limit));
	duration_fact(out, "PerJobUserTimeLimit", in_force(&j, LIMIT_JOB_TIME, j.job_time_limit));
	text_fact_dec(out, "MinimumWorkingSetPages",
		      in_force(&j, LIMIT_WORKINGSET, j.minimum_working_set));
	text_fact_dec(out, "MaximumWorkingSetPages",
		      in_force(&j, LIMIT_WORKINGSET, j.maximum_working_set));
	text_fact_dec(out, "ProcessMemoryLimitPages",
		      in_force(&j, LIMIT_PROCESS_MEMORY, j.process_memory_limit));
	text_fact_dec(out, "JobMemoryLimitPages",
		      in_force(&j, LIMIT_JOB_MEMORY, j.job_memory_limit));
	text_fact_hex(out, "Affinity", in_force(&j, LIMIT_AFFINITY, j.affinity));
	text_fact_dec(out, "PriorityClass", in_force(&j, LIMIT_PRIORITY_CLASS, j.priority_class));
	text_fact_dec(out, "SchedulingClass",
		      in_force(&j, LIMIT_SCHEDULING_CLASS, j.scheduling_class));
	text_fact_dec(out, "EndOfJobTimeAction",
		      in_force(&j, LIMIT_JOB_TIME, j.end_of_job_time_action));
	text_fact_bits(out, "UIRestrictions", j.ui_restrictions, nd_job_ui_name);
	return ND_OK;
}

/* Direct members, by pid; those that are no known process come last. */
static enum nd_status render_job_processes(struct text *out, const struct node_at *at)
{
	const struct nd_process_list *processes;
	const struct nd_job_list *list;
	const struct nd_job_ref *ref;
	enum nd_status st = job_at(at, &list, &ref);

	if (st == ND_OK)
		st = nd_processes(at->dump, &processes);
	for (uint32_t i = 0; st == ND_OK && i < processes->count; i++) {
		nd_va eprocess = processes->ref[processes->by_pid[i]].eprocess;

		if (nd_job_has_member(list, ref, eprocess))
			st = process_row(out, at->dump, eprocess);
	}
	for (uint32_t i = 0; st == ND_OK && i < ref->member_count; i++) {
		const struct nd_job_member *m = &list->member[ref->first_member + i];

		if (m->process == UINT32_MAX)
			st = process_row(out, at->dump, m->eprocess);
	}
	return st;
}

/* --- /silo ------------------------------------------------------------------------------------ */

static enum nd_status next_silo(const struct node_at *dir, uint64_t *cursor, struct node_entry *ret)
{
	const struct nd_job_list *list;
	enum nd_status st = nd_jobs(dir->dump, &list);

	if (st != ND_OK)
		return st;
	while (*cursor < list->count && !list->ref[*cursor].server_silo)
		(*cursor)++;
	if (*cursor >= list->count)
		return ND_ENOENT;
	ret->key = (uint32_t)(*cursor)++;
	silo_name(&list->ref[ret->key], ret->name);
	return ND_OK;
}

static void about_host(const struct node_at *at, struct node_about *ret)
{
	ret->address = at->dump->symbol[ND_SYM_PspHostSiloGlobals];
	ret->type = "ServerSiloGlobals";
}

static void state_fact(struct text *out, struct nd_u64 state)
{
	text_fact_named(out, "State", state, nd_silo_state_name);
}

static void string_fact(struct text *out, const char *key, const struct nd_ustr *s)
{
	text_key(out, key);
	if (s->st == ND_OK && s->count == 0)
		text_char(out, '-');
	else
		text_ustr(out, s);
	text_line(out);
}

static void globals_facts(struct text *out, const struct nd_dump *dump, nd_va at)
{
	struct nd_silo_globals g = nd_silo_globals_read(dump, at);

	text_fact_va(out, "Globals", nd_u64_of(at));
	state_fact(out, g.state);
	string_fact(out, "RootDirectory", &g.root);
	string_fact(out, "NtSystemRoot", &g.system_root);
	text_fact_dec(out, "ServiceSession", g.service_session);
	text_fact_dec(out, "ConsoleSession", g.console_session);
	address_or_none(out, "SessionLeader", g.session_leader);
	text_key(out, "ExitStatus");
	text_hex_pad(out, g.exit_status, 8);
	text_line(out);
	text_fact_dec(out, "DownlevelContainer", g.downlevel);
	nd_silo_globals_free(&g);
}

static enum nd_status render_host_status(struct text *out, const struct node_at *at)
{
	nd_va globals = at->dump->symbol[ND_SYM_PspHostSiloGlobals];

	if (!has_silos(at->dump))
		return missing_or_fail(out, ND_NOT_IN_BUILD, 0);
	if (globals == 0)
		return missing_or_fail(out, ND_NO_SYMBOLS, 0);
	globals_facts(out, at->dump, globals);
	return ND_OK;
}

static enum nd_status render_silo_status(struct text *out, const struct node_at *at)
{
	const struct nd_job_list *list;
	const struct nd_job_ref *ref;
	struct nd_job j;
	enum nd_status st = job_at(at, &list, &ref);

	if (st != ND_OK)
		return st;
	st = nd_job_read(at->dump, ref->job, &j);
	if (st != ND_OK)
		return missing_or_fail(out, st, ref->job);
	text_fact_va(out, "Job", nd_u64_of(j.at));
	text_fact_dec(out, "JobId", j.id);
	text_fact_dec(out, "SessionId", j.session_id);
	if (j.server_globals.st == ND_OK && !nd_va_is_kernel(j.server_globals.value))
		j.server_globals.st = ND_INVALID;
	if (j.server_globals.st == ND_OK)
		globals_facts(out, at->dump, j.server_globals.value);
	else
		text_fact_va(out, "Globals", j.server_globals);
	return ND_OK;
}

/* Of the silo whose job is `job`; of the host for 0. */
static enum nd_status silo_processes(struct text *out, const struct nd_dump *dump, nd_va job)
{
	const struct nd_process_list *processes;
	enum nd_status st = nd_processes(dump, &processes);

	for (uint32_t i = 0; st == ND_OK && i < processes->count; i++) {
		nd_va eprocess = processes->ref[processes->by_pid[i]].eprocess;
		struct nd_process p;
		struct nd_silo_of silo;

		st = nd_process_read(dump, eprocess, &p);
		if (nd_is_failure(st))
			return st;
		if (st == ND_OK) {
			silo = nd_process_silo(dump, &p);
			if (nd_is_failure(silo.st))
				return silo.st;
			if (silo.job == job && (job != 0 || silo.st == ND_OK))
				st = process_row(out, dump, eprocess);
		} else {
			st = ND_OK;
		}
	}
	return st;
}

static enum nd_status render_host_processes(struct text *out, const struct node_at *at)
{
	if (!has_silos(at->dump))
		return missing_or_fail(out, ND_NOT_IN_BUILD, 0);
	return silo_processes(out, at->dump, 0);
}

static enum nd_status render_silo_processes(struct text *out, const struct node_at *at)
{
	const struct nd_job_list *list;
	const struct nd_job_ref *ref;
	enum nd_status st = job_at(at, &list, &ref);

	return st == ND_OK ? silo_processes(out, at->dump, ref->job) : st;
}

/* --- links of a process ----------------------------------------------------------------------- */

static uint32_t job_of(const struct node_at *at, const struct nd_job_list **list)
{
	struct nd_process p;

	if (at_process(at, &p) != ND_OK || p.job.st != ND_OK || p.job.value == 0 ||
	    nd_jobs(at->dump, list) != ND_OK)
		return UINT32_MAX;
	return nd_job_index(*list, p.job.value);
}

bool exists_job_link(const struct node_at *at)
{
	const struct nd_job_list *list;

	return job_of(at, &list) != UINT32_MAX;
}

enum nd_status render_job_link(struct text *out, const struct node_at *at)
{
	const struct nd_job_list *list;
	uint32_t i = job_of(at, &list);

	if (i == UINT32_MAX)
		return ND_ENOENT;
	text_printf(out, "../../job/0x%016llx", (unsigned long long)list->ref[i].job);
	return ND_OK;
}

/* False where it cannot be told; name "host" or that of the silo's directory. */
static bool silo_of(const struct node_at *at, char name[NODE_NAME_MAX + 1])
{
	const struct nd_job_list *list;
	struct nd_silo_of silo;
	struct nd_process p;
	uint32_t i;

	if (!has_silos(at->dump) || at_process(at, &p) != ND_OK)
		return false;
	silo = nd_process_silo(at->dump, &p);
	if (silo.job == 0) {
		memcpy(name, "host", sizeof("host"));
		return silo.st == ND_OK;
	}
	if (nd_jobs(at->dump, &list) != ND_OK)
		return false;
	i = nd_job_index(list, silo.job);
	if (i == UINT32_MAX)
		return false;
	silo_name(&list->ref[i], name);
	return true;
}

bool exists_silo_link(const struct node_at *at)
{
	char name[NODE_NAME_MAX + 1];

	return silo_of(at, name);
}

enum nd_status render_silo_link(struct text *out, const struct node_at *at)
{
	char name[NODE_NAME_MAX + 1];

	if (!silo_of(at, name))
		return ND_ENOENT;
	text_printf(out, "../../silo/%s", name);
	return ND_OK;
}

// clang-format off
static const struct node_row job_rows[] = {
	{ "status",    "facts of the EJOB: nesting, flags, accounting",       .render = render_job_status },
	{ "limits",    "facts: the limits in force, '-' for those that are not", .render = render_job_limits },
	{ "processes", "table: pid image; those directly in it",              .render = render_job_processes },
	{ 0 }
};

const struct node_row node_job_rows[] = {
	{ "<address>", "each EJOB on PspJobList, of a process, or nested with one of these",
	  .rows = job_rows, .next = next_job, .find = find_job, .about = about_job },
	{ 0 }
};

static const struct node_row host_rows[] = {
	{ "status",    "facts of PspHostSiloGlobals",                         .render = render_host_status },
	{ "processes", "table: pid image",                                    .render = render_host_processes },
	{ 0 }
};

static const struct node_row silo_rows[] = {
	{ "status",    "facts of the job and of its ESERVERSILO_GLOBALS",     .render = render_silo_status },
	{ "processes", "table: pid image",                                    .render = render_silo_processes },
	{ 0 }
};

const struct node_row node_silo_rows[] = {
	{ "host",   "what is in no server silo",                              .rows = host_rows, .about = about_host },
	{ "<guid>", "each server silo (container)",                           .rows = silo_rows, .next = next_silo, .about = about_job },
	{ 0 }
};
// clang-format on
