/*
 * fs/nodes/sessions.c - /session, and the link that leads there from a process.
 */
#include <stdio.h>

#include "nodes/jobs.h"
#include "nodes/nodes.h"
#include "nt/session.h"
#include "ntdump.h"

static void session_name(const struct nd_session_ref *ref, char name[NODE_NAME_MAX + 1])
{
	if (ref->id.st != ND_OK)
		snprintf(name, NODE_NAME_MAX, "0x%016llx", (unsigned long long)ref->at);
	else if (ref->duplicate)
		snprintf(name, NODE_NAME_MAX, "%llu~%u", (unsigned long long)ref->id.value,
			 ref->duplicate + 1);
	else
		snprintf(name, NODE_NAME_MAX, "%llu", (unsigned long long)ref->id.value);
}

/* --- /session/<n> ----------------------------------------------------------------------------- */

static enum nd_status session_at(const struct node_at *at, const struct nd_session_list **list,
				 const struct nd_session_ref **ret)
{
	enum nd_status st = nd_sessions(at->dump, list);

	if (st != ND_OK)
		return st;
	if (at->key[0] >= (*list)->count)
		return ND_ENOENT;
	*ret = &(*list)->ref[at->key[0]];
	return ND_OK;
}

static enum nd_status next_session(const struct node_at *dir, uint64_t *cursor,
				   struct node_entry *ret)
{
	const struct nd_session_list *list;
	enum nd_status st = nd_sessions(dir->dump, &list);

	if (st != ND_OK)
		return st;
	if (*cursor >= list->count)
		return ND_ENOENT;
	ret->key = (uint32_t)(*cursor)++;
	session_name(&list->ref[ret->key], ret->name);
	return ND_OK;
}

static void about_session(const struct node_at *at, struct node_about *ret)
{
	const struct nd_session_list *list;
	const struct nd_session_ref *ref;

	if (session_at(at, &list, &ref) != ND_OK)
		return;
	ret->address = ref->at;
	ret->type = "MM_SESSION_SPACE";
	ret->source = layout_source_name(at->dump);
}

static void session_silo_fact(struct text *out, const struct nd_dump *dump, struct nd_u64 job)
{
	const struct nd_job_list *list;
	char name[NODE_NAME_MAX + 1];
	uint32_t i;
	enum nd_status st = nd_jobs(dump, &list);

	text_key(out, "Silo");
	if (!has_silos(dump))
		job = nd_u64_missing(ND_NOT_IN_BUILD, 0);
	if (nd_is_failure(st)) {
		text_fail(out, st);
	} else if (job.st != ND_OK) {
		text_missing(out, job.st, job.at);
	} else if (job.value == 0) {
		text_str(out, "host");
	} else {
		i = nd_job_index(list, job.value);
		if (i != UINT32_MAX && list->ref[i].server_silo) {
			silo_name(&list->ref[i], name);
			text_str(out, name);
		} else {
			text_missing(out, ND_INVALID, job.at);
		}
	}
	text_line(out);
}

static enum nd_status render_session_status(struct text *out, const struct node_at *at)
{
	const struct nd_session_list *list;
	const struct nd_session_ref *ref;
	struct nd_session s;
	enum nd_status st = session_at(at, &list, &ref);

	if (st != ND_OK)
		return st;
	s = nd_session_read(at->dump, ref);
	text_fact_dec(out, "SessionId", ref->id);
	text_fact_va(out, "Address", nd_u64_of(ref->at));
	text_printf(out, "Processes:\t%u\nProcessesListed:\t%u\n", ref->member_count, ref->listed);
	text_fact_named(out, "IoState", s.io_state, nd_session_state_name);
	text_fact_time(out, "CreateTime", s.create_time);
	text_fact_dec(out, "ReferenceCount", s.reference_count);
	text_fact_hex(out, "LocaleId", s.locale);
	address_or_none(out, "SessionObject", s.session_object);
	object_name_fact(out, at->dump, "Name", s.session_object);
	session_silo_fact(out, at->dump, s.server_silo);
	return ND_OK;
}

static enum nd_status render_session_processes(struct text *out, const struct node_at *at)
{
	const struct nd_process_list *processes;
	const struct nd_session_list *list;
	const struct nd_session_ref *ref;
	enum nd_status st = session_at(at, &list, &ref);

	if (st == ND_OK)
		st = nd_processes(at->dump, &processes);
	for (uint32_t i = 0; st == ND_OK && i < ref->member_count; i++)
		st = process_row(out, at->dump,
				 processes->ref[list->member[ref->first_member + i]].eprocess);
	return st;
}

/* --- the link of a process -------------------------------------------------------------------- */

static const struct nd_session_ref *session_of(const struct node_at *at)
{
	const struct nd_session_list *list;
	struct nd_process p;
	uint32_t i;

	if (at_process(at, &p) != ND_OK || p.session.st != ND_OK || p.session.value == 0 ||
	    nd_sessions(at->dump, &list) != ND_OK)
		return NULL;
	i = nd_session_index(list, p.session.value);
	return i != UINT32_MAX ? &list->ref[i] : NULL;
}

bool exists_session_link(const struct node_at *at)
{
	return session_of(at) != NULL;
}

enum nd_status render_session_link(struct text *out, const struct node_at *at)
{
	const struct nd_session_ref *ref = session_of(at);
	char name[NODE_NAME_MAX + 1];

	if (!ref)
		return ND_ENOENT;
	session_name(ref, name);
	text_printf(out, "../../session/%s", name);
	return ND_OK;
}

// clang-format off
static const struct node_row session_rows[] = {
	{ "status",    "facts of the MM_SESSION_SPACE",                       .render = render_session_status },
	{ "processes", "table: pid image",                                    .render = render_session_processes },
	{ 0 }
};

const struct node_row node_session_rows[] = {
	{ "<n>", "each session that a process is in",                         .rows = session_rows, .next = next_session, .about = about_session },
	{ 0 }
};
// clang-format on
