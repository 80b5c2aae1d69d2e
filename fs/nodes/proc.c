/*
 * fs/nodes/proc.c - /proc: the table of processes, and one directory a process.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "nodes/nodes.h"
#include "nodes/reports.h"
#include "nt/job.h"
#include "nt/object_name.h"
#include "nt/system.h"
#include "nt/token.h"
#include "ntdump.h"
#include "vm/vad.h"

/* --- names: a pid, "pid~2" for its second owner, the EPROCESS where the pid is unreadable ------ */

static void process_name(const struct nd_process_ref *ref, char name[NODE_NAME_MAX + 1])
{
	if (ref->pid_st != ND_OK)
		snprintf(name, NODE_NAME_MAX, "0x%016llx", (unsigned long long)ref->eprocess);
	else if (ref->duplicate)
		snprintf(name, NODE_NAME_MAX, "%llu~%u", (unsigned long long)ref->pid,
			 ref->duplicate + 1);
	else
		snprintf(name, NODE_NAME_MAX, "%llu", (unsigned long long)ref->pid);
}

enum nd_status next_process(const struct node_at *dir, uint64_t *cursor, struct node_entry *ret)
{
	const struct nd_process_list *list;
	enum nd_status st = nd_processes(dir->dump, &list);

	if (st != ND_OK)
		return st;
	if (*cursor >= list->count)
		return ND_ENOENT;
	ret->key = list->by_pid[(*cursor)++];
	process_name(&list->ref[ret->key], ret->name);
	return ND_OK;
}

/* Decimal or 0x pid, "pid~2", or the EPROCESS address. */
enum nd_status find_process(const struct node_at *dir, const char *name, struct node_entry *ret)
{
	const struct nd_process_list *list;
	const char *tilde = strchr(name, '~');
	char number[32];
	uint64_t value, duplicate = 1;
	size_t len = tilde ? (size_t)(tilde - name) : strlen(name);
	enum nd_status st;

	if (len == 0 || len >= sizeof(number) || (tilde && !parse_number(tilde + 1, &duplicate)))
		return ND_ENOENT;
	memcpy(number, name, len);
	number[len] = '\0';
	if (!parse_number(number, &value) || duplicate == 0)
		return ND_ENOENT;
	st = nd_processes(dir->dump, &list);
	if (st != ND_OK)
		return st;
	for (uint32_t i = 0; i < list->count; i++) {
		const struct nd_process_ref *ref = &list->ref[i];
		bool by_pid = ref->pid_st == ND_OK && ref->pid == value &&
			      ref->duplicate + 1 == duplicate;

		if (!by_pid && !(ref->eprocess == value && !tilde))
			continue;
		ret->key = i;
		process_name(ref, ret->name);
		return ND_OK;
	}
	return ND_ENOENT;
}

static void about_process(const struct node_at *at, struct node_about *ret)
{
	const struct nd_process_ref *ref;

	if (at_process_ref(at, &ref) != ND_OK)
		return;
	ret->address = ref->eprocess;
	ret->type = "Process";
	ret->source = layout_source_name(at->dump);
	if (ref->create_time.st == ND_OK)
		ret->filetime = ref->create_time.value;
}

/* --- /proc/list ------------------------------------------------------------------------------- */

static void silo_field(struct text *out, const struct nd_dump *dump, const struct nd_process *p)
{
	struct nd_silo_of silo = nd_process_silo(dump, p);
	char guid[GUID_NAME_BYTES];

	if (silo.st == ND_NOT_IN_BUILD) {
		text_char(out, '-');
	} else if (silo.st != ND_OK) {
		text_missing(out, silo.st, silo.at);
	} else if (!silo.server) {
		text_str(out, "host");
	} else {
		guid_name(silo.container_id, guid);
		text_str(out, guid);
	}
}

static void list_row(struct text *out, const struct nd_dump *dump, uint32_t listed_threads,
		     const struct nd_process *p)
{
	text_dec(out, p->pid);
	text_tab(out);
	text_image_name(out, p);
	text_tab(out);
	text_dec(out, nd_process_session_id(dump, p));
	text_tab(out);
	text_va(out, nd_u64_of(p->eprocess));
	text_tab(out);
	text_dec(out, p->parent_pid);
	text_tab(out);
	text_dec(out, p->active_threads);
	text_printf(out, "\t%u\t", listed_threads);
	text_protection(out, p->protection);
	text_tab(out);
	text_integrity(out, nd_token_integrity(dump, p->token));
	text_tab(out);
	if (p->job.st == ND_OK && p->job.value == 0)
		text_char(out, '-');
	else
		text_va(out, p->job);
	text_tab(out);
	silo_field(out, dump, p);
	text_tab(out);
	text_time(out, p->create_time);
	text_line(out);
}

/* A process of which nothing can be read still has its row. */
static void absent_row(struct text *out, const struct nd_process_ref *ref, enum nd_status st)
{
	for (int column = 0; column < 12; column++) {
		if (column)
			text_tab(out);
		if (column == 3)
			text_va(out, nd_u64_of(ref->eprocess));
		else
			text_missing(out, st, ref->eprocess);
	}
	text_line(out);
}

static enum nd_status render_list(struct text *out, const struct node_at *at)
{
	const struct nd_process_list *list;
	enum nd_status st = nd_processes(at->dump, &list);

	for (uint32_t i = 0; st == ND_OK && i < list->count; i++) {
		uint32_t index = list->by_pid[i];
		const struct nd_thread_list *threads;
		struct nd_process p;

		st = nd_threads(at->dump, index, &threads);
		if (st != ND_OK)
			return st;
		st = nd_process_read(at->dump, list->ref[index].eprocess, &p);
		if (nd_is_failure(st))
			return st;
		if (st == ND_OK)
			list_row(out, at->dump, threads->count, &p);
		else
			absent_row(out, &list->ref[index], st);
		st = ND_OK;
	}
	return st;
}

/* --- one value each --------------------------------------------------------------------------- */

static enum nd_status render_eprocess(struct text *out, const struct node_at *at)
{
	const struct nd_process_ref *ref;
	enum nd_status st = at_process_ref(at, &ref);

	if (st != ND_OK)
		return st;
	text_va(out, nd_u64_of(ref->eprocess));
	text_line(out);
	return ND_OK;
}

static enum nd_status render_name(struct text *out, const struct node_at *at)
{
	struct nd_process p;
	enum nd_status st = at_process(at, &p);

	if (st != ND_OK)
		return missing_or_fail(out, st, 0);
	text_image_name(out, &p);
	text_line(out);
	return ND_OK;
}

typedef struct nd_ustr string_of_process(const struct nd_dump *dump, const struct nd_process *p);

static enum nd_status render_string(struct text *out, const struct node_at *at,
				    string_of_process *read)
{
	struct nd_process p;
	struct nd_ustr s;
	enum nd_status st = at_process(at, &p);

	if (st != ND_OK)
		return missing_or_fail(out, st, 0);
	s = read(at->dump, &p);
	if (s.st == ND_OK && s.count == 0)
		text_char(out, '-');
	else
		text_ustr(out, &s);
	nd_ustr_free(&s);
	text_line(out);
	return ND_OK;
}

static enum nd_status render_image(struct text *out, const struct node_at *at)
{
	return render_string(out, at, nd_process_image_path);
}

static enum nd_status render_cmdline(struct text *out, const struct node_at *at)
{
	return render_string(out, at, nd_process_command_line);
}

static enum nd_status render_environ(struct text *out, const struct node_at *at)
{
	struct nd_process p;
	struct nd_ustr s;
	enum nd_status st = at_process(at, &p);

	if (st != ND_OK)
		return missing_or_fail(out, st, 0);
	s = nd_process_environment(at->dump, &p);
	if (s.st == ND_NONE)
		return ND_OK; /* no user memory: no lines */
	if (s.st != ND_OK)
		return missing_or_fail(out, s.st, s.at);
	for (size_t i = 0, from = 0; i < s.count; i++) {
		if (s.units[i] != 0)
			continue;
		text_utf16(out, s.units + from, i - from);
		text_line(out);
		from = i + 1;
	}
	nd_ustr_free(&s);
	return ND_OK;
}

/* --- status ----------------------------------------------------------------------------------- */

static void identity_facts(struct text *out, const struct nd_process *p)
{
	text_key(out, "Name");
	text_image_name(out, p);
	text_line(out);
	text_fact_dec(out, "Pid", p->pid);
	text_fact_hex(out, "Cid", p->pid);
	text_fact_dec(out, "ParentPid", p->parent_pid);
	text_fact_va(out, "Eprocess", nd_u64_of(p->eprocess));
}

static void memory_facts(struct text *out, const struct nd_process *p)
{
	text_fact_va(out, "Peb", p->peb);
	text_fact_va(out, "DirBase", p->directory_table_base);
	text_fact_va(out, "UserDirBase", p->user_directory_table_base);
	text_fact_va(out, "SectionBase", p->section_base);
	text_fact_va(out, "VadRoot", p->vad_root);
	text_fact_dec(out, "VadCount", p->vad_count);
	text_fact_dec(out, "VirtualSize", p->virtual_size);
	text_fact_dec(out, "PeakVirtualSize", p->peak_virtual_size);
	text_fact_dec(out, "CommitPages", p->commit_pages);
}

static void state_facts(struct text *out, const struct nd_dump *dump, const struct nd_process *p)
{
	text_fact_time(out, "CreateTime", p->create_time);
	text_fact_time(out, "ExitTime", p->exit_time);
	text_fact_ticks(out, dump, "KernelTime", p->kernel_time);
	text_fact_ticks(out, dump, "UserTime", p->user_time);
	text_key(out, "Wow64");
	if (p->wow64_process.st != ND_OK)
		text_missing(out, p->wow64_process.st, p->wow64_process.at);
	else
		text_str(out, p->wow64_process.value ? "yes" : "no");
	text_line(out);
	text_key(out, "ExitStatus");
	text_hex_pad(out, p->exit_status, 8);
	text_line(out);
	text_key(out, "Flags");
	text_hex_pad(out, p->flags, 8);
	text_str(out, "\nFlags2:\t");
	text_hex_pad(out, p->flags2, 8);
	text_str(out, "\nFlags3:\t");
	text_hex_pad(out, p->flags3, 8);
	text_line(out);
	process_flag_names_fact(out, dump, p);
	text_key(out, "Minimal");
	if (p->minimal.st != ND_OK)
		text_missing(out, p->minimal.st, p->minimal.at);
	else
		text_str(out, p->minimal.value ? "yes" : "no");
	text_line(out);
	text_fact_dec(out, "BasePriority", p->base_priority);
	text_fact_dec(out, "PriorityClass", p->priority_class);
	text_key(out, "Protection");
	text_protection(out, p->protection);
	text_line(out);
}

static enum nd_status render_status(struct text *out, const struct node_at *at)
{
	const struct nd_thread_list *threads;
	const struct nd_process_ref *ref;
	struct nd_process p;
	enum nd_status st = at_process_ref(at, &ref);

	if (st == ND_OK)
		st = nd_process_read(at->dump, ref->eprocess, &p);
	if (st != ND_OK)
		return missing_or_fail(out, st, 0);
	st = nd_threads(at->dump, at->key[0], &threads);
	if (st != ND_OK)
		return st;
	identity_facts(out, &p);
	text_fact_dec(out, "ActiveThreads", p.active_threads);
	text_key(out, "ThreadsListed");
	if (threads->st != ND_OK)
		text_missing(out, threads->st, p.eprocess);
	else
		text_printf(out, "%u", threads->count);
	text_line(out);
	text_fact_dec(out, "SessionId", nd_process_session_id(at->dump, &p));
	memory_facts(out, &p);
	text_fact_va(out, "ObjectTable", p.object_table);
	text_fact_dec(out, "HandleCount", nd_process_handle_count(at->dump, &p));
	handles_listed_fact(out, at);
	text_fact_va(out, "Token", p.token);
	text_fact_va(out, "Job", p.job);
	state_facts(out, at->dump, &p);
	text_source_fact(out, ref);
	return ND_OK;
}

/* --- tables ----------------------------------------------------------------------------------- */

static const char *module_source(enum nd_module_source source)
{
	return source == ND_MODULE_VAD ? "vad" : "ldr";
}

static enum nd_status render_modules(struct text *out, const struct node_at *at)
{
	const struct nd_module_list *list;
	enum nd_status st = nd_process_modules(at->dump, at->key[0], &list);

	for (uint32_t i = 0; st == ND_OK && i < list->count; i++) {
		const struct nd_module *m = &list->module[list->by_base[i]];

		text_va(out, nd_u64_of(m->base));
		text_tab(out);
		text_dec(out, m->size);
		text_tab(out);
		text_ustr(out, &m->name);
		text_printf(out, "\t%s\t", module_source(m->source));
		text_hex_pad(out, m->timestamp, 8);
		text_tab(out);
		text_ustr(out, &m->path);
		text_line(out);
	}
	return st;
}

static void vad_protection(struct text *out, struct nd_u64 v)
{
	/* The 5-bit value of the memory manager: low 3 bits access, high 2 bits modifier. */
	static const char *const access[] = { "NOACCESS",	   "READONLY",	       "EXECUTE",
					      "EXECUTE_READ",	   "READWRITE",	       "WRITECOPY",
					      "EXECUTE_READWRITE", "EXECUTE_WRITECOPY" };
	static const char *const modifier[] = { "", "|NOCACHE", "|GUARD", "|WRITECOMBINE" };

	if (v.st != ND_OK)
		text_missing(out, v.st, v.at);
	else
		text_printf(out, "%s%s", access[v.value & 7], modifier[v.value >> 3 & 3]);
}

static void vad_type(struct text *out, const struct nd_vad *v)
{
	static const char *const name[] = { "Mapped",	      "DevicePhysicalMemory",
					    "Image",	      "Awe",
					    "WriteWatch",     "LargePages",
					    "RotatePhysical", "LargePageSection" };

	if (v->type.st != ND_OK)
		text_missing(out, v->type.st, v->type.at);
	else if (v->type.value == ND_VAD_NONE && v->private_memory.st == ND_OK &&
		 v->private_memory.value)
		text_str(out, "Private");
	else if (v->type.value < sizeof(name) / sizeof(*name))
		text_str(out, name[v->type.value]);
	else
		text_dec(out, v->type);
}

static void vad_row(struct text *out, const struct nd_dump *dump, const struct nd_vad *v)
{
	struct nd_u64 file = nd_vad_file_object(dump, v);
	struct nd_ustr path = { .st = file.st, .at = file.at };

	text_va(out, nd_u64_of(v->start));
	text_tab(out);
	text_va(out, nd_u64_of(v->end));
	text_tab(out);
	text_dec(out, v->commit_pages);
	text_tab(out);
	vad_protection(out, v->protection);
	text_tab(out);
	vad_type(out, v);
	text_tab(out);
	if (file.st == ND_OK)
		path = nd_file_object_path(dump, file.value);
	text_ustr(out, &path);
	nd_ustr_free(&path);
	text_line(out);
}

static enum nd_status render_vad(struct text *out, const struct node_at *at)
{
	const struct nd_process_ref *ref;
	struct nd_vad_list list;
	enum nd_status st = at_process_ref(at, &ref);

	if (st == ND_OK)
		st = nd_vad_list_read(at->dump, ref->eprocess, &list);
	if (st != ND_OK)
		return st;
	if (list.count == 0 && list.st != ND_OK)
		missing_or_fail(out, list.st, list.trouble);
	for (size_t i = 0; i < list.count; i++)
		vad_row(out, at->dump, &list.vad[i]);
	nd_vad_list_free(&list);
	return ND_OK;
}

static void thread_row(struct text *out, const struct node_at *at, const struct nd_thread *t)
{
	text_dec(out, t->tid);
	text_tab(out);
	text_va(out, nd_u64_of(t->ethread));
	text_tab(out);
	text_state(out, t);
	text_tab(out);
	text_wait_reason(out, t);
	text_tab(out);
	thread_system_call(out, at->dump, t);
	text_tab(out);
	text_code(out, at->dump, at->key[0], nd_thread_start(t), CODE_SHORT);
	text_tab(out);
	thread_rip(out, at->dump, at->key[0], t, CODE_SHORT);
	text_line(out);
}

static enum nd_status render_threadlist(struct text *out, const struct node_at *at)
{
	const struct nd_thread_list *list;
	enum nd_status st = nd_threads(at->dump, at->key[0], &list);

	for (uint32_t i = 0; st == ND_OK && i < list->count; i++) {
		const struct nd_thread_ref *ref = &list->ref[list->by_tid[i]];
		struct nd_thread t;

		st = nd_thread_read(at->dump, ref->ethread, &t);
		if (nd_is_failure(st))
			return st;
		if (st == ND_OK)
			thread_row(out, at, &t);
		else
			thread_absent_row(out, ref->ethread, st);
		st = ND_OK;
	}
	return st;
}

/* --- threads/<tid> ---------------------------------------------------------------------------- */

static void thread_name(const struct nd_thread_ref *ref, char name[NODE_NAME_MAX + 1])
{
	if (ref->tid_st != ND_OK)
		snprintf(name, NODE_NAME_MAX, "0x%016llx", (unsigned long long)ref->ethread);
	else if (ref->duplicate)
		snprintf(name, NODE_NAME_MAX, "%llu~%u", (unsigned long long)ref->tid,
			 ref->duplicate + 1);
	else
		snprintf(name, NODE_NAME_MAX, "%llu", (unsigned long long)ref->tid);
}

static enum nd_status next_thread(const struct node_at *dir, uint64_t *cursor,
				  struct node_entry *ret)
{
	const struct nd_thread_list *list;
	enum nd_status st = nd_threads(dir->dump, dir->key[0], &list);

	if (st != ND_OK)
		return st;
	if (*cursor >= list->count)
		return ND_ENOENT;
	ret->key = list->by_tid[(*cursor)++];
	thread_name(&list->ref[ret->key], ret->name);
	return ND_OK;
}

static enum nd_status find_thread(const struct node_at *dir, const char *name,
				  struct node_entry *ret)
{
	const struct nd_thread_list *list;
	uint64_t value = 0;
	bool number = parse_number(name, &value);
	enum nd_status st = nd_threads(dir->dump, dir->key[0], &list);

	if (st != ND_OK)
		return st;
	for (uint32_t i = 0; i < list->count; i++) {
		const struct nd_thread_ref *ref = &list->ref[i];

		thread_name(ref, ret->name);
		if (strcmp(ret->name, name) != 0 &&
		    !(number && !ref->duplicate && ref->tid_st == ND_OK && ref->tid == value) &&
		    !(number && ref->ethread == value))
			continue;
		ret->key = i;
		return ND_OK;
	}
	return ND_ENOENT;
}

static void about_thread(const struct node_at *at, struct node_about *ret)
{
	const struct nd_thread_list *list;

	if (nd_threads(at->dump, at->key[0], &list) != ND_OK || at->key[1] >= list->count)
		return;
	ret->address = list->ref[at->key[1]].ethread;
	ret->type = "Thread";
	ret->source = layout_source_name(at->dump);
	if (list->ref[at->key[1]].create_time.st == ND_OK)
		ret->filetime = list->ref[at->key[1]].create_time.value;
}

// clang-format off
static const struct node_row threads_rows[] = {
	{ "<tid>", "each ETHREAD on EPROCESS.ThreadListHead or KPROCESS.ThreadListHead",
	  .rows = node_thread_rows, .next = next_thread, .find = find_thread, .about = about_thread },
	{ 0 }
};

static const struct node_row process_rows[] = {
	{ "status",     "facts of the EPROCESS",                                         .render = render_status },
	{ "eprocess",   "address of the EPROCESS",                                       .render = render_eprocess },
	{ "name",       "EPROCESS.ImageFileName",                                        .render = render_name },
	{ "image",      "full NT path of the image",                                     .render = render_image },
	{ "cmdline",    "command line, from user memory",                                .render = render_cmdline },
	{ "environ",    "NAME=value lines, from user memory",                            .render = render_environ },
	{ "listing",    "this process's part of /listing/processes",                     .render = render_process_listing },
	{ "syscalls",   "this process's part of /listing/syscalls",                      .render = render_process_syscalls },
	{ "threadlist", "table: tid ethread state waitreason number service arg start rip", .render = render_threadlist },
	{ "handlelist", "table: handle type access object name",                         .render = render_handlelist },
	{ "modules",    "table: base size name source timestamp path",                   .render = render_modules },
	{ "vad",        "table: start end commit protection type file",                  .render = render_vad },
	{ "coverage",   "table: module pages pages-valid pages-present",                 .render = render_process_coverage },
	{ "token",      "facts of the TOKEN: user, groups, integrity, privileges",      .render = render_token, .about = about_token },
	{ "protection", "facts of EPROCESS.Protection and the signature levels",        .render = render_protection },
	{ "mitigations", "one name a line: the exploit mitigations that are on",        .render = render_process_mitigations },
	{ "alpc",       "table: port kind peer-pid peer-image name queued pending",      .render = render_process_ports },
	{ "session",    "its session; only of a process that is in one",                .render = render_session_link, .exists = exists_session_link, .flags = NODE_LINK },
	{ "job",        "its job; only of a process that has one",                      .render = render_job_link, .exists = exists_job_link, .flags = NODE_LINK },
	{ "silo",       "its server silo, or the host; only in builds that have silos", .render = render_silo_link, .exists = exists_silo_link, .flags = NODE_LINK },
	{ "handles",    "one file a handle",                                             .rows = node_handles_rows },
	{ "code",       "disassembly in its address space (looked up, not listed)",      .rows = node_process_code_rows, .flags = NODE_UNLISTED },
	{ "symbol",     "names and addresses of its modules (looked up, not listed)",    .rows = node_process_symbol_rows, .flags = NODE_UNLISTED },
	{ "modules-image", "its modules as PE files (raw memory: -o raw=list lists them)", .rows = node_process_image_rows, .flags = NODE_RAW },
	{ "threads",    "one directory a thread",                                        .rows = threads_rows },
	{ 0 }
};

const struct node_row node_proc_rows[] = {
	{ "list",  "table: pid image session eprocess ppid active listed protection integrity job silo create-time",
	  .render = render_list, .flags = NODE_COSTLY },
	{ "crossview", "table: pid eprocess image links cid session handles threads pool; 1, 0, or - where a source cannot tell. Scans all writable memory of the kernel: grep -r --exclude=crossview where that is slow",
	  .render = render_crossview, .flags = NODE_COSTLY },
	{ "<pid>", "each EPROCESS on PsActiveProcessHead or known to another source; also by 0x pid or EPROCESS address",
	  .rows = process_rows, .next = next_process, .find = find_process, .about = about_process },
	{ 0 }
};
// clang-format on
