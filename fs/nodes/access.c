/*
 * fs/nodes/access.c - the bits of an ACCESS_MASK by name: each type has its own below bit 16.
 */

#include "nodes/objects.h"

static const struct bit_name generic[] = {
	{ 0x00010000, "DELETE" },      { 0x00020000, "READ_CONTROL" },
	{ 0x00040000, "WRITE_DAC" },   { 0x00080000, "WRITE_OWNER" },
	{ 0x00100000, "SYNCHRONIZE" }, { 0x01000000, "ACCESS_SYSTEM_SECURITY" },
};

#define SPECIFIC_MAX 14u /* bits that any type names */

/* By bit, from bit 0 on; NULL where the bit has no name. */
// clang-format off
static const char *const specific[ND_OBJECT_KINDS][SPECIFIC_MAX] = {
	[ND_OBJECT_FILE] = { "READ_DATA", "WRITE_DATA", "APPEND_DATA", "READ_EA", "WRITE_EA", "EXECUTE",
		"DELETE_CHILD", "READ_ATTRIBUTES", "WRITE_ATTRIBUTES" },
	[ND_OBJECT_PROCESS] = { "TERMINATE", "CREATE_THREAD", "SET_SESSIONID", "VM_OPERATION", "VM_READ",
		"VM_WRITE", "DUP_HANDLE", "CREATE_PROCESS", "SET_QUOTA", "SET_INFORMATION",
		"QUERY_INFORMATION", "SUSPEND_RESUME", "QUERY_LIMITED_INFORMATION",
		"SET_LIMITED_INFORMATION" },
	[ND_OBJECT_THREAD] = { "TERMINATE", "SUSPEND_RESUME", "ALERT", "GET_CONTEXT", "SET_CONTEXT",
		"SET_INFORMATION", "QUERY_INFORMATION", "SET_THREAD_TOKEN", "IMPERSONATE",
		"DIRECT_IMPERSONATION", "SET_LIMITED_INFORMATION", "QUERY_LIMITED_INFORMATION", "RESUME" },
	[ND_OBJECT_KEY] = { "QUERY_VALUE", "SET_VALUE", "CREATE_SUB_KEY", "ENUMERATE_SUB_KEYS", "NOTIFY",
		"CREATE_LINK", NULL, NULL, "WOW64_64KEY", "WOW64_32KEY" },
	[ND_OBJECT_SECTION] = { "QUERY", "MAP_WRITE", "MAP_READ", "MAP_EXECUTE", "EXTEND_SIZE",
		"MAP_EXECUTE_EXPLICIT" },
	[ND_OBJECT_EVENT] = { "QUERY_STATE", "MODIFY_STATE" },
	[ND_OBJECT_SEMAPHORE] = { "QUERY_STATE", "MODIFY_STATE" },
	[ND_OBJECT_TIMER] = { "QUERY_STATE", "MODIFY_STATE" },
	[ND_OBJECT_IO_COMPLETION] = { "QUERY_STATE", "MODIFY_STATE" },
	[ND_OBJECT_MUTANT] = { "QUERY_STATE" },
	[ND_OBJECT_TOKEN] = { "ASSIGN_PRIMARY", "DUPLICATE", "IMPERSONATE", "QUERY", "QUERY_SOURCE",
		"ADJUST_PRIVILEGES", "ADJUST_GROUPS", "ADJUST_DEFAULT", "ADJUST_SESSIONID" },
	[ND_OBJECT_ALPC_PORT] = { "CONNECT" },
	[ND_OBJECT_DIRECTORY] = { "QUERY", "TRAVERSE", "CREATE_OBJECT", "CREATE_SUBDIRECTORY" },
	[ND_OBJECT_SYMBOLIC_LINK] = { "QUERY", "SET" },
	[ND_OBJECT_JOB] = { "ASSIGN_PROCESS", "SET_ATTRIBUTES", "QUERY", "TERMINATE",
		"SET_SECURITY_ATTRIBUTES", "IMPERSONATE" },
	[ND_OBJECT_TP_WORKER_FACTORY] = { "RELEASE_WORKER", "WAIT", "SET_INFORMATION",
		"QUERY_INFORMATION", "READY_WORKER", "SHUTDOWN" },
	[ND_OBJECT_WINDOW_STATION] = { "ENUMDESKTOPS", "READATTRIBUTES", "ACCESSCLIPBOARD",
		"CREATEDESKTOP", "WRITEATTRIBUTES", "ACCESSGLOBALATOMS", "EXITWINDOWS", NULL, "ENUMERATE",
		"READSCREEN" },
	[ND_OBJECT_DESKTOP] = { "READOBJECTS", "CREATEWINDOW", "CREATEMENU", "HOOKCONTROL",
		"JOURNALRECORD", "JOURNALPLAYBACK", "ENUMERATE", "WRITEOBJECTS", "SWITCHDESKTOP" },
	[ND_OBJECT_DEBUG_OBJECT] = { "READ_EVENT", "PROCESS_ASSIGN", "SET_INFORMATION",
		"QUERY_INFORMATION" },
	[ND_OBJECT_SESSION] = { "QUERY", "MODIFY" },
	[ND_OBJECT_KEYED_EVENT] = { "WAIT", "WAKE" },
	[ND_OBJECT_PARTITION] = { "QUERY", "MODIFY" },
};
// clang-format on

void text_access(struct text *out, uint32_t mask)
{
	text_hex_pad(out, nd_u64_of(mask), 8);
}

/* One word of a list whose words are separated by '|'; the first follows a blank. */
static void word(struct text *out, bool *first, const char *name)
{
	text_char(out, *first ? ' ' : '|');
	text_str(out, name);
	*first = false;
}

static void rest(struct text *out, bool *first, uint64_t bits)
{
	if (bits == 0)
		return;
	text_char(out, *first ? ' ' : '|');
	text_hex(out, nd_u64_of(bits));
	*first = false;
}

void text_bits(struct text *out, uint64_t value, const struct bit_name *names, size_t count)
{
	bool first = true;

	text_hex(out, nd_u64_of(value));
	for (size_t i = 0; i < count; i++) {
		if (!(value & names[i].bit))
			continue;
		word(out, &first, names[i].name);
		value &= ~names[i].bit;
	}
	rest(out, &first, value);
}

void text_access_names(struct text *out, const struct nd_object_type *type, uint32_t mask)
{
	const char *const *own = specific[type ? type->kind : ND_OBJECT_OTHER];
	uint32_t left = mask;
	bool first = true;

	if (type && type->valid_access != 0 && (mask & type->valid_access) == type->valid_access)
		word(out, &first, "ALL_ACCESS");
	for (size_t i = 0; i < sizeof(generic) / sizeof(*generic); i++)
		if (mask & generic[i].bit) {
			word(out, &first, generic[i].name);
			left &= ~(uint32_t)generic[i].bit;
		}
	for (unsigned i = 0; i < SPECIFIC_MAX; i++)
		if (own[i] && mask & 1u << i) {
			word(out, &first, own[i]);
			left &= ~(1u << i);
		}
	rest(out, &first, left);
}
