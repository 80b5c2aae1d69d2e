/*
 * fs/nodes/object_text.c - what is told of every object: its type, its name, its headers.
 */
#include <string.h>

#include "nodes/objects.h"
#include "nt/object_name.h"
#include "nt/sid.h"
#include "ntdump.h"

/* --- names ------------------------------------------------------------------------------------ */

void text_object_type(struct text *out, const struct nd_object *object)
{
	if (!object->type)
		text_missing(out, object->type_st, object->header);
	else if (object->type->name_st != ND_OK)
		text_missing(out, object->type->name_st, object->type->at);
	else
		text_str(out, object->type->name);
}

/* Only the members that the name is made of: tables have thousands of these. */
void text_process_name(struct text *out, const struct nd_dump *dump, struct nd_u64 eprocess)
{
	uint32_t offset = nd_offset(dump, ND_M_EPROCESS_ImageFileName);
	char name[ND_IMAGE_NAME_BYTES + 1] = "";
	enum nd_status st = eprocess.st;

	if (st == ND_OK && !nd_va_is_kernel(eprocess.value))
		st = ND_INVALID;
	else if (st == ND_OK && offset == ND_OFFSET_ABSENT)
		st = ND_NOT_IN_BUILD;
	else if (st == ND_OK)
		st = nd_read(&dump->kernel, eprocess.value + offset, name, ND_IMAGE_NAME_BYTES);
	if (st != ND_OK) {
		text_missing(out, st, eprocess.value ? eprocess.value : eprocess.at);
		return;
	}
	text_utf8(out, name, strlen(name));
	text_str(out, " (");
	text_dec(out, nd_member_read(&dump->kernel, eprocess.value, ND_M_EPROCESS_UniqueProcessId));
	text_char(out, ')');
}

void text_thread_name(struct text *out, const struct nd_dump *dump, struct nd_u64 ethread)
{
	uint32_t cid = nd_offset(dump, ND_M_ETHREAD_Cid);
	uint32_t thread = nd_offset(dump, ND_M_CLIENT_ID_UniqueThread);

	if (ethread.st == ND_OK && !nd_va_is_kernel(ethread.value))
		ethread.st = ND_INVALID;
	if (ethread.st == ND_OK && (cid == ND_OFFSET_ABSENT || thread == ND_OFFSET_ABSENT))
		ethread.st = ND_NOT_IN_BUILD;
	if (ethread.st != ND_OK) {
		text_missing(out, ethread.st, ethread.value ? ethread.value : ethread.at);
		return;
	}
	text_process_name(out, dump,
			  nd_member_read(&dump->kernel, ethread.value, ND_M_KTHREAD_Process));
	text_char(out, ' ');
	text_dec(out, nd_read_num(&dump->kernel, ethread.value + cid + thread, 8));
}

/* TOKEN.UserAndGroups[0] */
static void token_user(struct text *out, const struct nd_dump *dump, nd_va token)
{
	struct nd_u64 at = nd_member_read(&dump->kernel, token, ND_M_TOKEN_UserAndGroups);
	char text[ND_SID_TEXT_BYTES];
	struct nd_sid sid;

	if (at.st == ND_OK)
		at = nd_member_read(&dump->kernel, at.value, ND_M_SID_AND_ATTRIBUTES_Sid);
	if (at.st != ND_OK) {
		text_missing(out, at.st, at.at);
		return;
	}
	sid = nd_sid_read(dump, at.value);
	if (sid.st != ND_OK) {
		text_missing(out, sid.st, sid.at);
		return;
	}
	nd_sid_text(&sid, text);
	text_str(out, text);
}

/* ETW_REG_ENTRY.GuidEntry.Guid: {lower-case}. */
static void provider_guid(struct text *out, const struct nd_dump *dump, nd_va registration)
{
	uint32_t at = nd_offset(dump, ND_M_ETW_GUID_ENTRY_Guid);
	struct nd_u64 entry =
		nd_member_read(&dump->kernel, registration, ND_M_ETW_REG_ENTRY_GuidEntry);
	uint8_t g[16];

	if (entry.st == ND_OK && entry.value == 0)
		entry.st = ND_NONE;
	else if (entry.st == ND_OK && at == ND_OFFSET_ABSENT)
		entry.st = ND_NOT_IN_BUILD;
	else if (entry.st == ND_OK)
		entry.st = nd_read(&dump->kernel, entry.value + at, g, sizeof(g));
	if (entry.st != ND_OK) {
		text_missing(out, entry.st, entry.value ? entry.value : entry.at);
		return;
	}
	text_printf(out, "{%08x-%04x-%04x-%02x%02x-", nd_le32(g), nd_le16(g + 4), nd_le16(g + 6),
		    g[8], g[9]);
	for (int i = 10; i < 16; i++)
		text_printf(out, "%02x", g[i]);
	text_char(out, '}');
}

static void path_name(struct text *out, const struct nd_dump *dump, const struct nd_object *object)
{
	struct nd_ustr name = nd_object_display_name(dump, object);

	if (name.st == ND_OK && name.count == 0)
		text_char(out, '-');
	else
		text_ustr(out, &name);
	nd_ustr_free(&name);
}

void text_object_name(struct text *out, const struct nd_dump *dump, const struct nd_object *object)
{
	switch (object->type ? object->type->kind : ND_OBJECT_OTHER) {
	case ND_OBJECT_PROCESS:
		text_process_name(out, dump, nd_u64_of(object->object));
		break;
	case ND_OBJECT_THREAD:
		text_thread_name(out, dump, nd_u64_of(object->object));
		break;
	case ND_OBJECT_TOKEN:
		token_user(out, dump, object->object);
		break;
	case ND_OBJECT_ETW_REGISTRATION:
		provider_guid(out, dump, object->object);
		break;
	default:
		path_name(out, dump, object);
	}
}

/* --- headers ---------------------------------------------------------------------------------- */

void object_header_facts(struct text *out, const struct nd_object *object, const uint32_t *held)
{
	text_fact_va(out, "Header", nd_u64_of(object->header));
	text_key(out, "HandleCount");
	text_sdec(out, object->handle_count, 8);
	text_str(out, "\nPointerCount:\t");
	text_sdec(out, object->pointer_count, 8);
	text_line(out);
	if (held) {
		text_fact_dec(out, "References", nd_object_references(object, *held));
		text_fact_dec(out, "HeldByHandle", nd_u64_of(*held));
	}
}

static void flags_fact(struct text *out, const struct nd_object *object)
{
	struct bit_name names[8];
	unsigned count = 0;

	for (unsigned bit = 0; bit < 8; bit++)
		if (nd_object_flag_name(bit))
			names[count++] = (struct bit_name){ 1ull << bit, nd_object_flag_name(bit) };
	text_key(out, "Flags");
	if (object->flags.st != ND_OK)
		text_missing(out, object->flags.st, object->flags.at);
	else
		text_bits(out, object->flags.value, names, count);
	text_line(out);
}

/* Optional headers: only those that the object has. */
static void optional_facts(struct text *out, const struct nd_dump *dump,
			   const struct nd_object *object)
{
	struct nd_u64 pid = nd_object_creator_pid(dump, object);
	struct nd_u64 process = nd_object_exclusive_process(dump, object);
	struct nd_u64 paged = nd_object_paged_charge(dump, object);

	flags_fact(out, object);
	text_fact_hex(out, "InfoMask", object->info_mask);
	text_fact_va(out, "SecurityDescriptor", object->security_descriptor);
	if (pid.st != ND_NONE)
		text_fact_dec(out, "CreatorPid", pid);
	if (process.st != ND_NONE && !(process.st == ND_OK && process.value == 0))
		text_fact_va(out, "ExclusiveProcess", process);
	if (paged.st != ND_NONE) {
		text_fact_dec(out, "PagedPoolCharge", paged);
		text_fact_dec(out, "NonPagedPoolCharge", nd_object_nonpaged_charge(dump, object));
	}
}

void object_facts(struct text *out, const struct nd_dump *dump, const struct nd_object *object)
{
	optional_facts(out, dump, object);
	object_type_facts(out, dump, object);
}
