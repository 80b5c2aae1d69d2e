/*
 * fs/nodes/norm_status.c - /norm/proc/<image>.s<session>.<n>/status: the facts of a process that a
 * boot does not change.
 */
#include <string.h>

#include "nodes/norm.h"
#include "nt/crossview.h"
#include "nt/job.h"
#include "nt/process_flags.h"
#include "nt/sid.h"
#include "nt/token.h"
#include "ntdump.h"

static void string_fact(struct text *out, const char *key, struct nd_ustr s)
{
	text_key(out, key);
	if (s.st == ND_OK && s.count == 0)
		text_char(out, '-');
	else
		text_ustr(out, &s);
	text_line(out);
	nd_ustr_free(&s);
}

/* "yes", "no", or why that is not known. */
static void yes_no_fact(struct text *out, const char *key, struct nd_u64 v)
{
	text_key(out, key);
	if (v.st != ND_OK)
		text_missing(out, v.st, v.at);
	else
		text_str(out, v.value ? "yes" : "no");
	text_line(out);
}

/* The image of the process that made it, unless that is gone: its id may be another's now. */
static void parent_fact(struct text *out, const struct nd_dump *dump,
			const struct nd_process_list *list, const struct nd_process *p)
{
	struct nd_process parent = { .image_name_st = ND_NONE };

	for (uint32_t i = 0; p->parent_pid.st == ND_OK && i < list->count; i++) {
		const struct nd_process_ref *ref = &list->ref[i];

		if (ref->pid_st != ND_OK || ref->pid != p->parent_pid.value ||
		    ref->create_time.st != ND_OK || p->create_time.st != ND_OK ||
		    ref->create_time.value > p->create_time.value || ref->eprocess == p->eprocess)
			continue;
		parent.image_name_st = nd_process_read(dump, ref->eprocess, &parent);
		if (parent.image_name_st == ND_OK)
			break;
	}
	text_key(out, "Parent");
	text_image_name(out, &parent);
	text_line(out);
}

static void token_facts(struct text *out, const struct nd_dump *dump, const struct nd_process *p)
{
	struct nd_token t = { 0 };
	struct nd_sid user = { .st = p->token.st, .at = p->token.at };
	char sid[ND_SID_TEXT_BYTES];

	text_key(out, "Integrity");
	text_integrity(out, nd_token_integrity(dump, p->token));
	text_str(out, "\nUser:\t");
	if (user.st == ND_OK)
		user.st = p->token.value ? nd_token_read(dump, p->token.value, NULL, &t) : ND_NONE;
	if (user.st == ND_OK && t.groups.st != ND_OK)
		user.st = t.groups.st;
	else if (user.st == ND_OK && t.groups.count == 0)
		user.st = ND_NONE;
	else if (user.st == ND_OK)
		user = t.groups.item[0].sid;
	if (user.st == ND_OK) {
		nd_sid_text(&user, sid);
		text_str(out, sid);
	} else {
		text_missing(out, user.st, user.at);
	}
	text_line(out);
	nd_token_free(&t);
}

/* Whether it is in a server silo: which one is another at each start. */
static void job_facts(struct text *out, const struct nd_dump *dump, const struct nd_process *p)
{
	struct nd_silo_of silo = nd_process_silo(dump, p);

	yes_no_fact(out, "Job", p->job);
	text_key(out, "Silo");
	if (silo.st == ND_NOT_IN_BUILD)
		text_char(out, '-');
	else if (silo.st != ND_OK)
		text_missing(out, silo.st, silo.at);
	else
		text_str(out, silo.server ? "server" : "host");
	text_line(out);
}

static void mitigations_fact(struct text *out, const struct nd_dump *dump,
			     const struct nd_process *p)
{
	struct nd_flags flags;

	nd_process_mitigations(dump, p, &flags);
	flag_names_fact(out, "Mitigations", &flags);
}

static void protection_facts(struct text *out, const struct nd_process *p)
{
	text_key(out, "Protection");
	text_protection(out, p->protection);
	text_str(out, "\nSignatureLevel:\t");
	text_hex_pad(out, p->signature_level, 2);
	text_str(out, "\nSectionSignatureLevel:\t");
	text_hex_pad(out, p->section_signature_level, 2);
	text_line(out);
}

/* '-' of a process that need not be on the list, and where the list is not whole. */
static void listed_fact(struct text *out, const struct nd_process_list *list,
			const struct nd_process_ref *ref, const struct nd_process *p)
{
	text_key(out, "Listed");
	if (ref->listed)
		text_str(out, "yes");
	else if (!(list->whole & ND_FROM_LINKS) || !nd_source_holds(p, ND_FROM_LINKS))
		text_char(out, '-');
	else
		text_str(out, "no");
	text_line(out);
}

enum nd_status render_norm_status(struct text *out, const struct node_at *at)
{
	const struct nd_process_list *list;
	const struct nd_process_ref *ref;
	struct nd_process p;
	enum nd_status st = nd_processes(at->dump, &list);

	if (st == ND_OK)
		st = at_process_ref(at, &ref);
	if (st == ND_OK)
		st = nd_process_read(at->dump, ref->eprocess, &p);
	if (st != ND_OK)
		return st;
	text_key(out, "Name");
	text_image_name(out, &p);
	text_line(out);
	string_fact(out, "Image", nd_process_image_path(at->dump, &p));
	string_fact(out, "CommandLine", nd_process_command_line(at->dump, &p));
	text_fact_dec(out, "Session", nd_process_session_id(at->dump, &p));
	parent_fact(out, at->dump, list, &p);
	listed_fact(out, list, ref, &p);
	yes_no_fact(out, "Ended", p.exit_time);
	yes_no_fact(out, "Wow64", p.wow64_process);
	yes_no_fact(out, "Minimal", p.minimal);
	protection_facts(out, &p);
	token_facts(out, at->dump, &p);
	job_facts(out, at->dump, &p);
	mitigations_fact(out, at->dump, &p);
	return ND_OK;
}
