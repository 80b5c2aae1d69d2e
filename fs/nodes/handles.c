/*
 * fs/nodes/handles.c - proc/<pid>/handlelist and proc/<pid>/handles: the handles of a process.
 */
#include <stdio.h>
#include <string.h>

#include "nodes/objects.h"
#include "nt/handle.h"
#include "ntdump.h"

#define KERNEL_HANDLE 0xffffffff80000000ull /* marks handles of System's table in the kernel */
#define WINDBG_SUFFIX ".windbg"

/* --- names ------------------------------------------------------------------------------------ */

static void handle_name(uint32_t value, char name[NODE_NAME_MAX + 1])
{
	snprintf(name, NODE_NAME_MAX, "%04x", value);
}

/* "01c0", "0x1c0", "0n448", and 0xffffffff800001c0 as the kernel writes its own. */
static bool parse_handle(const char *name, uint32_t *ret)
{
	char prefixed[32];
	uint64_t value;

	if (name[0] != '0' || (name[1] != 'x' && name[1] != 'n')) {
		if (strlen(name) > 16 || strspn(name, "0123456789abcdef") != strlen(name))
			return false;
		snprintf(prefixed, sizeof(prefixed), "0x%s", name);
		name = prefixed;
	}
	if (!parse_number(name, &value))
		return false;
	if ((value & KERNEL_HANDLE) == KERNEL_HANDLE)
		value &= ~KERNEL_HANDLE;
	*ret = (uint32_t)value;
	return value / ND_HANDLE_STEP < ND_HANDLES_MAX;
}

static enum nd_status next_handle(const struct node_at *dir, uint64_t *cursor,
				  struct node_entry *ret)
{
	const struct nd_handle_table *table;
	struct nd_handle handle;
	enum nd_status st = nd_handle_table(dir->dump, dir->key[0], &table);

	if (st == ND_OK && *cursor >= ND_HANDLES_MAX)
		st = ND_ENOENT;
	if (st == ND_OK)
		st = nd_handle_next(dir->dump, table, (uint32_t)*cursor * ND_HANDLE_STEP, &handle);
	if (st != ND_OK)
		return st;
	ret->key = handle.value / ND_HANDLE_STEP;
	*cursor = (uint64_t)ret->key + 1;
	handle_name(handle.value, ret->name);
	return ND_OK;
}

static enum nd_status find_value(const struct node_at *dir, const char *name,
				 struct node_entry *ret)
{
	const struct nd_handle_table *table;
	struct nd_handle handle;
	uint32_t value;
	enum nd_status st = ND_ENOENT;

	if (parse_handle(name, &value))
		st = nd_handle_table(dir->dump, dir->key[0], &table);
	if (st == ND_OK)
		st = nd_handle_find(dir->dump, table, value, &handle);
	if (st != ND_OK)
		return st;
	ret->key = handle.value / ND_HANDLE_STEP;
	handle_name(handle.value, ret->name);
	return ND_OK;
}

/* The same handle with ".windbg" behind it. */
static enum nd_status find_windbg(const struct node_at *dir, const char *name,
				  struct node_entry *ret)
{
	size_t len = strlen(name), suffix = strlen(WINDBG_SUFFIX);
	char number[32];
	enum nd_status st;

	if (len <= suffix || len - suffix >= sizeof(number) ||
	    strcmp(name + len - suffix, WINDBG_SUFFIX) != 0)
		return ND_ENOENT;
	memcpy(number, name, len - suffix);
	number[len - suffix] = '\0';
	st = find_value(dir, number, ret);
	if (st == ND_OK)
		memcpy(ret->name + strlen(ret->name), WINDBG_SUFFIX, suffix + 1);
	return st;
}

static enum nd_status at_handle(const struct node_at *at, struct nd_handle *ret)
{
	const struct nd_handle_table *table;
	enum nd_status st = nd_handle_table(at->dump, at->key[0], &table);

	return st == ND_OK ? nd_handle_find(at->dump, table, at->key[1] * ND_HANDLE_STEP, ret) : st;
}

static void about_handle(const struct node_at *at, struct node_about *ret)
{
	struct nd_handle handle;
	struct nd_object object;

	if (at_handle(at, &handle) != ND_OK)
		return;
	ret->address = handle.object;
	ret->source = layout_source_name(at->dump);
	if (nd_object_read(at->dump, handle.object, &object) == ND_OK && object.type &&
	    object.type->name_st == ND_OK)
		ret->type = object.type->name;
}

/* --- handles/<hex> ---------------------------------------------------------------------------- */

static const struct bit_name attribute_names[] = {
	{ ND_HANDLE_PROTECT, "PROTECT_CLOSE" },
	{ ND_HANDLE_INHERIT, "INHERIT" },
	{ ND_HANDLE_AUDIT, "AUDIT_OBJECT_CLOSE" },
};

static void entry_facts(struct text *out, const struct nd_handle *handle)
{
	text_key(out, "Attributes");
	text_bits(out, handle->attributes, attribute_names,
		  sizeof(attribute_names) / sizeof(*attribute_names));
	text_line(out);
	text_fact_va(out, "Entry", nd_u64_of(handle->entry));
	text_fact_str(out, "Locked", handle->locked ? "yes" : "no");
}

static enum nd_status render_handle(struct text *out, const struct node_at *at)
{
	struct nd_handle handle;
	struct nd_object object = { 0 };
	enum nd_status st = at_handle(at, &handle), read;

	if (st != ND_OK)
		return st;
	read = nd_object_read(at->dump, handle.object, &object);
	if (nd_is_failure(read))
		return read;
	text_fact_hex(out, "Handle", nd_u64_of(handle.value));
	text_fact_va(out, "Object", nd_u64_of(handle.object));
	text_key(out, "Type");
	if (read == ND_OK)
		text_object_type(out, &object);
	else
		text_missing(out, read, handle.object);
	text_str(out, "\nName:\t");
	if (read == ND_OK)
		text_object_name(out, at->dump, &object);
	else
		text_missing(out, read, handle.object);
	text_str(out, "\nGrantedAccess:\t");
	text_access(out, handle.access);
	text_access_names(out, object.type, handle.access);
	text_line(out);
	entry_facts(out, &handle);
	if (read == ND_OK) {
		object_header_facts(out, &object, &handle.held_references);
		object_facts(out, at->dump, &object);
	}
	return ND_OK;
}

/* --- handles/<hex>.windbg --------------------------------------------------------------------- */

static void windbg_value(struct text *out, struct nd_u64 v, const char *format)
{
	if (v.st != ND_OK) {
		text_missing(out, v.st, v.at);
		return;
	}
	if (strcmp(format, "%08llx") == 0)
		text_printf(out, "%08llx", (unsigned long long)v.value);
	else
		text_printf(out, "%04llx", (unsigned long long)v.value);
}

/* The lines on the process, as !process prints them. */
static void windbg_process(struct text *out, const struct nd_dump *dump, const struct nd_process *p,
			   const struct nd_handle_table *table)
{
	struct nd_u64 session = nd_process_session_id(dump, p);
	struct nd_u64 count = nd_process_handle_count(dump, p);

	text_printf(out, "\nPROCESS %016llx\n    SessionId: ", (unsigned long long)p->eprocess);
	if (session.st == ND_NONE)
		text_str(out, "none");
	else
		text_dec(out, session);
	text_str(out, "  Cid: ");
	windbg_value(out, p->pid, "%04llx");
	text_str(out, "    Peb: ");
	windbg_value(out, p->peb, "%08llx");
	text_str(out, "  ParentCid: ");
	windbg_value(out, p->parent_pid, "%04llx");
	text_str(out, "\n    DirBase: ");
	windbg_value(out, p->directory_table_base, "%08llx");
	text_str(out, "  ObjectTable: ");
	windbg_value(out, p->object_table, "%08llx");
	text_str(out, "  HandleCount: ");
	if (count.st == ND_OK)
		text_printf(out, "%3llu.", (unsigned long long)count.value);
	else
		text_missing(out, count.st, count.at);
	text_str(out, "\n    Image: ");
	text_image_name(out, p);
	text_printf(out, "\n\nHandle table at %016llx with ", (unsigned long long)table->at);
	text_dec(out, count);
	text_str(out, " entries in use\n\n");
}

static void windbg_object(struct text *out, const struct nd_object *object)
{
	text_printf(out, "Object: %016llx  Type: (", (unsigned long long)object->object);
	windbg_value(out,
		     object->type ? nd_u64_of(object->type->at)
				  : nd_u64_missing(object->type_st, object->header),
		     "%08llx");
	text_str(out, ") ");
	text_object_type(out, object);
	text_printf(out, "\n    ObjectHeader: %016llx (new version)\n        HandleCount: ",
		    (unsigned long long)object->header);
	text_sdec(out, object->handle_count, 8);
	text_str(out, "  PointerCount: ");
	text_sdec(out, object->pointer_count, 8);
	text_line(out);
}

static enum nd_status render_windbg(struct text *out, const struct node_at *at)
{
	const struct nd_handle_table *table;
	struct nd_process process;
	struct nd_handle handle;
	struct nd_object object;
	enum nd_status st = nd_handle_table(at->dump, at->key[0], &table);

	if (st == ND_OK)
		st = at_handle(at, &handle);
	if (st == ND_OK)
		st = at_process(at, &process);
	if (st != ND_OK)
		return missing_or_fail(out, st, 0);
	st = nd_object_read(at->dump, handle.object, &object);
	if (nd_is_failure(st))
		return st;
	windbg_process(out, at->dump, &process, table);
	text_printf(out, "%04x: Object: %016llx  GrantedAccess: %08x%s%s%s Entry: %016llx\n",
		    handle.value, (unsigned long long)handle.object, handle.access,
		    handle.attributes & ND_HANDLE_PROTECT ? " (Protected)" : "",
		    handle.attributes & ND_HANDLE_INHERIT ? " (Inherit)" : "",
		    handle.attributes & ND_HANDLE_AUDIT ? " (Audit)" : "",
		    (unsigned long long)handle.entry);
	if (st == ND_OK)
		windbg_object(out, &object);
	else
		missing_or_fail(out, st, handle.object);
	return ND_OK;
}

/* --- handlelist ------------------------------------------------------------------------------- */

/* "0x1c0": the formats of text_hex() and text_access(), without printf for each handle. */
static void quick_hex(struct text *out, uint32_t value, unsigned least_digits)
{
	char digits[10] = "0x";
	unsigned count = least_digits;

	while (count < 8 && value >> 4 * count != 0)
		count++;
	for (unsigned i = 0; i < count; i++)
		digits[2 + i] = "0123456789abcdef"[value >> 4 * (count - 1 - i) & 15];
	text_bytes(out, digits, 2 + count);
}

static enum nd_status list_row(struct text *out, const struct nd_dump *dump,
			       const struct nd_handle *handle)
{
	struct nd_object object;
	enum nd_status st = nd_object_read(dump, handle->object, &object);

	if (nd_is_failure(st))
		return st;
	quick_hex(out, handle->value, 1);
	text_tab(out);
	if (st == ND_OK)
		text_object_type(out, &object);
	else
		text_missing(out, st, handle->object);
	text_tab(out);
	quick_hex(out, handle->access, 8);
	text_tab(out);
	text_va(out, nd_u64_of(handle->object));
	text_tab(out);
	if (st == ND_OK)
		text_object_name(out, dump, &object);
	else
		text_missing(out, st, handle->object);
	text_line(out);
	return ND_OK;
}

enum nd_status render_handlelist(struct text *out, const struct node_at *at)
{
	struct nd_handle_iter iter = { .dump = at->dump };
	struct nd_handle handle;
	enum nd_status st = nd_handle_table(at->dump, at->key[0], &iter.table);

	if (st != ND_OK)
		return st;
	out->copied = true; /* what is missing is told by handles/<hex> */
	if (iter.table->st != ND_OK && iter.table->st != ND_NONE)
		return missing_or_fail(out, iter.table->st, iter.table->st_at);
	while (out->failed == ND_OK && (st = nd_handle_iter_next(&iter, &handle)) == ND_OK) {
		st = list_row(out, at->dump, &handle);
		if (st != ND_OK)
			return st;
	}
	return st == ND_ENOENT ? ND_OK : st;
}

void handles_listed_fact(struct text *out, const struct node_at *at)
{
	const struct nd_handle_table *table;
	enum nd_status st = nd_handle_table(at->dump, at->key[0], &table);

	text_key(out, "HandlesListed");
	if (st != ND_OK)
		text_fail(out, st);
	else if (table->st != ND_OK)
		text_missing(out, table->st, table->st_at);
	else
		text_printf(out, "%u", table->handles);
	text_line(out);
}

// clang-format off
const struct node_row node_handles_rows[] = {
	{ "<handle>",        "facts of each handle; also by 0x1c0 and 0n448",
	  .render = render_handle, .next = next_handle, .find = find_value, .about = about_handle },
	{ "<handle>.windbg", "the text of !handle (looked up, not listed)",
	  .render = render_windbg, .find = find_windbg, .about = about_handle, .flags = NODE_UNLISTED },
	{ 0 }
};
// clang-format on
