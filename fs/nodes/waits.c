/*
 * fs/nodes/waits.c - what a thread waits for: threads/<tid>/wait and irps; and as whom it acts:
 * impersonation.
 */
#include <stdlib.h>
#include <string.h>

#include "nodes/nodes.h"
#include "nt/irp.h"
#include "nt/object.h"
#include "nt/object_name.h"
#include "nt/token.h"
#include "nt/wait.h"
#include "ntdump.h"

/* --- wait ------------------------------------------------------------------------------------- */

static void process_text(struct text *out, const struct nd_dump *dump, struct nd_u64 process)
{
	struct nd_process p;
	enum nd_status st = process.st;

	if (st == ND_OK)
		st = nd_process_read(dump, process.value, &p);
	if (st != ND_OK) {
		text_missing(out, st, process.value ? process.value : process.at);
		return;
	}
	text_image_name(out, &p);
	text_str(out, " (");
	text_dec(out, p.pid);
	text_char(out, ')');
}

static void thread_text(struct text *out, const struct nd_dump *dump, struct nd_u64 thread,
			struct nd_u64 process)
{
	struct nd_thread t;
	enum nd_status st = thread.st;

	if (st == ND_OK)
		st = nd_thread_read(dump, thread.value, &t);
	if (st != ND_OK) {
		text_missing(out, st, thread.value ? thread.value : thread.at);
		return;
	}
	process_text(out, dump, process);
	text_char(out, ' ');
	text_dec(out, t.tid);
}

/* Whether the object manager knows it as what its dispatcher header says: a KEVENT inside of some
 * structure has no object header. */
static bool is_object_of(const struct nd_dump *dump, const struct nd_wait_block *b)
{
	/* KOBJECTS of the types whose bodies begin with a dispatcher header. */
	static const struct {
		uint8_t dispatcher;
		enum nd_object_kind kind;
	} pairs[] = {
		{ 0, ND_OBJECT_EVENT },		{ 1, ND_OBJECT_EVENT },	    { 2, ND_OBJECT_MUTANT },
		{ 4, ND_OBJECT_IO_COMPLETION }, { 5, ND_OBJECT_SEMAPHORE }, { 8, ND_OBJECT_TIMER },
		{ 9, ND_OBJECT_TIMER },
	};
	struct nd_object object;

	if (nd_object_read(dump, b->object.value, &object) != ND_OK || !object.type ||
	    object.pointer_count.st != ND_OK || (int64_t)object.pointer_count.value <= 0)
		return false;
	for (size_t i = 0; i < sizeof(pairs) / sizeof(*pairs); i++)
		if (pairs[i].dispatcher == b->type.value && pairs[i].kind == object.type->kind)
			return true;
	return false;
}

/* The object's path, if it is one and has one: true when something was written. */
static bool wait_path(struct text *out, const struct nd_dump *dump, const struct nd_wait_block *b)
{
	struct nd_ustr path = { .st = ND_NONE };

	if (b->type.st == ND_OK && is_object_of(dump, b))
		path = nd_object_path(dump, b->object.value);
	if (path.st == ND_NONE || (path.st == ND_OK && path.count == 0)) {
		nd_ustr_free(&path);
		return false;
	}
	text_ustr(out, &path);
	nd_ustr_free(&path);
	return true;
}

static void wait_name(struct text *out, const struct nd_dump *dump, const struct nd_wait_block *b)
{
	bool mutant = b->type.st == ND_OK && b->type.value == ND_DISPATCHER_MUTANT;
	bool path = wait_path(out, dump, b);

	if (path && mutant)
		text_char(out, ' ');
	if (mutant && b->thread.st == ND_NONE) {
		text_str(out, "no owner");
	} else if (b->thread.st != ND_NONE) {
		if (mutant)
			text_str(out, "owner ");
		thread_text(out, dump, b->thread, b->process);
	} else if (!path) {
		process_text(out, dump, b->process);
	}
}

static void wait_row(struct text *out, const struct nd_dump *dump, const struct nd_wait_block *b)
{
	const char *type = b->type.st == ND_OK ? nd_dispatcher_type_name(b->type.value) : NULL;

	text_va(out, b->object);
	text_tab(out);
	if (type)
		text_str(out, type);
	else
		text_dec(out, b->type);
	text_tab(out);
	wait_name(out, dump, b);
	text_line(out);
}

static int by_object(const void *a, const void *b)
{
	const struct nd_wait_block *x = a, *y = b;

	if ((x->object.st == ND_OK) != (y->object.st == ND_OK))
		return x->object.st == ND_OK ? -1 : 1;
	if (x->object.value != y->object.value)
		return x->object.value < y->object.value ? -1 : 1;
	return x->block < y->block ? -1 : x->block > y->block;
}

enum nd_status render_wait(struct text *out, const struct node_at *at)
{
	struct nd_thread t;
	struct nd_wait wait;
	enum nd_status st = at_thread(at, &t);

	if (st == ND_OK)
		st = nd_wait_read(at->dump, &t, &wait, NULL);
	if (st != ND_OK)
		return missing_or_fail(out, st, 0);
	if (wait.st != ND_OK)
		return missing_or_fail(out, wait.st, wait.at);
	if (wait.count > 1)
		qsort(wait.block, wait.count, sizeof(*wait.block), by_object);
	for (uint32_t i = 0; i < wait.count; i++)
		wait_row(out, at->dump, &wait.block[i]);
	return ND_OK;
}

/* --- irps ------------------------------------------------------------------------------------- */

typedef struct nd_ustr name_of_object(const struct nd_dump *dump, nd_va object);

static struct nd_ustr driver_name(const struct nd_dump *dump, nd_va driver)
{
	uint32_t name = nd_offset(dump, ND_M_DRIVER_OBJECT_DriverName);

	if (name == ND_OFFSET_ABSENT)
		return (struct nd_ustr){ .st = ND_NOT_IN_BUILD, .at = driver };
	return nd_ustr_read(&dump->kernel, driver + name);
}

/* An object's name; its address where it has none. */
static void object_field(struct text *out, const struct nd_dump *dump, struct nd_u64 object,
			 name_of_object *read)
{
	struct nd_ustr name = { .st = object.st, .at = object.at };

	if (object.st == ND_OK && object.value == 0)
		name.st = ND_NONE;
	else if (object.st == ND_OK && (!nd_va_is_kernel(object.value) || object.value & 7))
		name.st = ND_INVALID;
	else if (object.st == ND_OK)
		name = read(dump, object.value);
	if (object.value != 0 && (name.st == ND_NONE || (name.st == ND_OK && name.count == 0)))
		text_va(out, object);
	else
		text_ustr(out, &name);
	nd_ustr_free(&name);
}

static void irp_row(struct text *out, const struct nd_dump *dump, const struct nd_irp *irp)
{
	const char *major = irp->major.st == ND_OK ? nd_irp_major_name(irp->major.value) : NULL;

	text_va(out, nd_u64_of(irp->irp));
	text_tab(out);
	if (major)
		text_str(out, major);
	else
		text_dec(out, irp->major);
	text_tab(out);
	text_dec(out, irp->minor);
	text_tab(out);
	object_field(out, dump, irp->device, nd_object_path);
	text_tab(out);
	object_field(out, dump, irp->driver, driver_name);
	text_tab(out);
	object_field(out, dump, irp->file_object, nd_file_object_path);
	text_line(out);
}

static int by_irp(const void *a, const void *b)
{
	const struct nd_irp *x = a, *y = b;

	return x->irp < y->irp ? -1 : x->irp > y->irp;
}

enum nd_status render_irps(struct text *out, const struct node_at *at)
{
	struct nd_irp_list list;
	struct nd_thread t;
	enum nd_status st = at_thread(at, &t);

	if (st == ND_OK)
		st = nd_irp_list_read(at->dump, t.ethread, &list, NULL);
	if (st != ND_OK)
		return missing_or_fail(out, st, 0);
	if (list.st != ND_OK)
		return missing_or_fail(out, list.st, list.at);
	if (list.count > 1)
		qsort(list.irp, list.count, sizeof(*list.irp), by_irp);
	for (uint32_t i = 0; i < list.count && out->failed == ND_OK; i++)
		irp_row(out, at->dump, &list.irp[i]);
	nd_irp_list_free(&list);
	return ND_OK;
}

/* --- impersonation ---------------------------------------------------------------------------- */

/* SECURITY_IMPERSONATION_LEVEL */
static const char *level_name(unsigned level)
{
	static const char *const name[] = { "SecurityAnonymous", "SecurityIdentification",
					    "SecurityImpersonation", "SecurityDelegation" };

	return level < sizeof(name) / sizeof(*name) ? name[level] : "-";
}

static void user_fact(struct text *out, const struct nd_dump *dump, nd_va token_at)
{
	struct nd_token token;
	struct nd_sid *user;
	enum nd_status st = nd_token_read(dump, token_at, NULL, &token);
	char sid[ND_SID_TEXT_BYTES], name[ND_SID_NAME_BYTES];

	text_key(out, "User");
	if (st != ND_OK) {
		text_missing(out, st, token_at);
		text_line(out);
		return;
	}
	user = token.groups.count ? &token.groups.item[0].sid : NULL;
	if (!user || user->st != ND_OK) {
		st = user ? user->st : token.groups.st;
		text_missing(out, st == ND_OK ? ND_NONE : st, token_at);
	} else {
		nd_sid_text(user, sid);
		text_str(out, sid);
		if (nd_sid_name(user, name))
			text_printf(out, " %s", name);
	}
	text_line(out);
	nd_token_free(&token);
}

enum nd_status render_impersonation(struct text *out, const struct node_at *at)
{
	struct nd_impersonation i;
	struct nd_thread t;
	enum nd_status st = at_thread(at, &t);

	if (st != ND_OK)
		return missing_or_fail(out, st, 0);
	i = nd_thread_impersonation(at->dump, t.ethread);
	if (i.st != ND_OK)
		return missing_or_fail(out, i.st, i.at);
	text_printf(out, "Level:\t%u %s\nEffectiveOnly:\t%s\n", i.level, level_name(i.level),
		    i.effective_only ? "yes" : "no");
	text_fact_va(out, "Token", nd_u64_of(i.token));
	user_fact(out, at->dump, i.token);
	return ND_OK;
}
