/*
 * fs/nodes/object_facts.c - what is told of an object of each type: members by table, the rest by
 * a function.
 */
#include "nodes/objects.h"
#include "nt/object_name.h"
#include "ntdump.h"

/* --- members by table ------------------------------------------------------------------------- */

enum fact_form { FACT_VA, FACT_DEC, FACT_SDEC4, FACT_HEX, FACT_HEX8, FACT_TIME, FACT_YES_NO };

struct fact {
	const char *key;
	enum nd_member_id member;
	enum fact_form form;
};

static void member_fact(struct text *out, const struct nd_dump *dump, nd_va at,
			const struct fact *fact)
{
	struct nd_u64 v = nd_member_read(&dump->kernel, at, fact->member);

	text_key(out, fact->key);
	if (v.st != ND_OK)
		text_missing(out, v.st, v.at);
	else if (fact->form == FACT_VA)
		text_va(out, v);
	else if (fact->form == FACT_SDEC4)
		text_sdec(out, v, 4);
	else if (fact->form == FACT_HEX)
		text_hex(out, v);
	else if (fact->form == FACT_HEX8)
		text_hex_pad(out, v, 8);
	else if (fact->form == FACT_TIME)
		text_time(out, v);
	else if (fact->form == FACT_YES_NO)
		text_str(out, v.value ? "yes" : "no");
	else
		text_dec(out, v);
	text_line(out);
}

// clang-format off
static const struct fact type_facts[] = {
	{ "Index", ND_M_OBJECT_TYPE_Index, FACT_DEC },
	{ "Objects", ND_M_OBJECT_TYPE_TotalNumberOfObjects, FACT_DEC },
	{ "Handles", ND_M_OBJECT_TYPE_TotalNumberOfHandles, FACT_DEC },
	{ "HighWaterObjects", ND_M_OBJECT_TYPE_HighWaterNumberOfObjects, FACT_DEC },
	{ "HighWaterHandles", ND_M_OBJECT_TYPE_HighWaterNumberOfHandles, FACT_DEC },
	{ 0 }
};
static const struct fact link_facts[] = {
	{ "CreationTime", ND_M_OBJECT_SYMBOLIC_LINK_CreationTime, FACT_TIME },
	{ "DosDeviceDriveIndex", ND_M_OBJECT_SYMBOLIC_LINK_DosDeviceDriveIndex, FACT_DEC },
	{ 0 }
};
static const struct fact job_facts[] = {
	{ "ActiveProcesses", ND_M_EJOB_ActiveProcesses, FACT_DEC },
	{ "TotalProcesses", ND_M_EJOB_TotalProcesses, FACT_DEC },
	{ "SessionId", ND_M_EJOB_SessionId, FACT_DEC },
	{ "LimitFlags", ND_M_EJOB_LimitFlags, FACT_HEX8 },
	{ 0 }
};
static const struct fact semaphore_facts[] = {
	{ "Count", ND_M_DISPATCHER_HEADER_SignalState, FACT_SDEC4 },
	{ "Limit", ND_M_KSEMAPHORE_Limit, FACT_SDEC4 },
	{ 0 }
};
static const struct fact timer_facts[] = {
	{ "SignalState", ND_M_DISPATCHER_HEADER_SignalState, FACT_SDEC4 },
	{ "DueTime", ND_M_KTIMER_DueTime, FACT_DEC },
	{ "KernelPeriod", ND_M_KTIMER_Period, FACT_DEC },
	{ "Period", ND_M_ETIMER_Period, FACT_DEC },
	{ 0 }
};
static const struct fact device_facts[] = {
	{ "DeviceType", ND_M_DEVICE_OBJECT_DeviceType, FACT_HEX },
	{ "DeviceFlags", ND_M_DEVICE_OBJECT_Flags, FACT_HEX8 },
	{ "Characteristics", ND_M_DEVICE_OBJECT_Characteristics, FACT_HEX8 },
	{ "ReferenceCount", ND_M_DEVICE_OBJECT_ReferenceCount, FACT_SDEC4 },
	{ "NextDevice", ND_M_DEVICE_OBJECT_NextDevice, FACT_VA },
	{ "AttachedDevice", ND_M_DEVICE_OBJECT_AttachedDevice, FACT_VA },
	{ 0 }
};
static const struct fact driver_facts[] = {
	{ "DriverStart", ND_M_DRIVER_OBJECT_DriverStart, FACT_VA },
	{ "DriverSize", ND_M_DRIVER_OBJECT_DriverSize, FACT_DEC },
	{ "DriverFlags", ND_M_DRIVER_OBJECT_Flags, FACT_HEX8 },
	{ "DeviceObject", ND_M_DRIVER_OBJECT_DeviceObject, FACT_VA },
	{ 0 }
};
static const struct fact file_facts[] = {
	{ "FileFlags", ND_M_FILE_OBJECT_Flags, FACT_HEX8 },
	{ "DeletePending", ND_M_FILE_OBJECT_DeletePending, FACT_YES_NO },
	{ "Offset", ND_M_FILE_OBJECT_CurrentByteOffset, FACT_DEC },
	{ "FinalStatus", ND_M_FILE_OBJECT_FinalStatus, FACT_HEX8 },
	{ 0 }
};
static const struct fact queue_facts[] = {
	{ "Queued", ND_M_DISPATCHER_HEADER_SignalState, FACT_SDEC4 },
	{ "ActiveThreads", ND_M_KQUEUE_CurrentCount, FACT_DEC },
	{ "Concurrency", ND_M_KQUEUE_MaximumCount, FACT_DEC },
	{ 0 }
};
static const struct fact thread_facts[] = {
	{ "ExitStatus", ND_M_ETHREAD_ExitStatus, FACT_HEX8 },
	{ "CreateTime", ND_M_ETHREAD_CreateTime, FACT_TIME },
	{ 0 }
};
static const struct fact process_facts[] = {
	{ "ActiveThreads", ND_M_EPROCESS_ActiveThreads, FACT_DEC },
	{ "CreateTime", ND_M_EPROCESS_CreateTime, FACT_TIME },
	{ "ExitTime", ND_M_EPROCESS_ExitTime, FACT_TIME },
	{ 0 }
};
static const struct fact token_facts[] = {
	{ "SessionId", ND_M_TOKEN_SessionId, FACT_DEC },
	{ "LogonId", ND_M_TOKEN_AuthenticationId, FACT_HEX },
	{ "TokenType", ND_M_TOKEN_TokenType, FACT_DEC },
	{ 0 }
};
// clang-format on

/* --- facts that are more than a member -------------------------------------------------------- */

static void directory_facts(struct text *out, const struct nd_dump *dump, nd_va at)
{
	struct nd_u64 session = nd_member_read(&dump->kernel, at, ND_M_OBJECT_DIRECTORY_SessionId);

	text_key(out, "SessionId");
	if (session.st == ND_OK && session.value == UINT32_MAX)
		text_char(out, '-'); /* of no session */
	else
		text_dec(out, session);
	text_line(out);
}

static void link_target(struct text *out, const struct nd_dump *dump, nd_va at)
{
	uint32_t offset = nd_offset(dump, ND_M_OBJECT_SYMBOLIC_LINK_LinkTarget);
	struct nd_ustr target = { .st = ND_NOT_IN_BUILD, .at = at };

	if (offset != ND_OFFSET_ABSENT)
		target = nd_ustr_read(&dump->kernel, at + offset);
	text_key(out, "Target");
	text_ustr(out, &target);
	text_line(out);
	nd_ustr_free(&target);
}

static void event_facts(struct text *out, const struct nd_dump *dump, nd_va at)
{
	struct nd_u64 type = nd_member_read(&dump->kernel, at, ND_M_DISPATCHER_HEADER_Type);

	text_key(out, "Kind");
	if (type.st == ND_OK && (type.value & 0x7f) <= 1)
		text_str(out, type.value & 1 ? "synchronization" : "notification");
	else
		text_hex(out, type);
	text_str(out, "\nSignalState:\t");
	text_sdec(out, nd_member_read(&dump->kernel, at, ND_M_DISPATCHER_HEADER_SignalState), 4);
	text_line(out);
}

static void mutant_facts(struct text *out, const struct nd_dump *dump, nd_va at)
{
	struct nd_u64 owner = nd_member_read(&dump->kernel, at, ND_M_KMUTANT_OwnerThread);
	struct nd_u64 abandoned = nd_member_read(&dump->kernel, at, ND_M_KMUTANT_Abandoned);

	text_key(out, "SignalState");
	text_sdec(out, nd_member_read(&dump->kernel, at, ND_M_DISPATCHER_HEADER_SignalState), 4);
	text_str(out, "\nOwner:\t");
	if (owner.st == ND_OK && owner.value == 0) {
		text_char(out, '-');
	} else {
		text_va(out, owner);
		if (owner.st == ND_OK) {
			text_char(out, ' ');
			text_thread_name(out, dump, owner);
		}
	}
	text_line(out);
	text_key(out, "Abandoned");
	if (abandoned.st != ND_OK)
		text_missing(out, abandoned.st, abandoned.at);
	else
		text_str(out, abandoned.value ? "yes" : "no");
	text_line(out);
}

static void section_facts(struct text *out, const struct nd_dump *dump, nd_va at)
{
	struct nd_section section = nd_section_read(dump, at);

	text_fact_dec(out, "Size", section.size);
	text_fact_va(out, "ControlArea", section.control_area);
	text_fact_va(out, "FileObject", section.file);
}

static void key_facts(struct text *out, const struct nd_dump *dump, nd_va at)
{
	struct nd_u64 kcb = nd_key_control_block(dump, at), time = kcb;

	text_fact_va(out, "KeyControlBlock", kcb);
	if (kcb.st == ND_OK)
		time = nd_member_read(&dump->kernel, kcb.value,
				      ND_M_CM_KEY_CONTROL_BLOCK_KcbLastWriteTime);
	text_fact_time(out, "LastWriteTime", time);
	text_fact_dec(out, "OpenerPid",
		      nd_member_read(&dump->kernel, at, ND_M_CM_KEY_BODY_ProcessID));
}

/* "address path", '-' for 0. */
static void object_fact(struct text *out, const struct nd_dump *dump, const char *key,
			struct nd_u64 object)
{
	text_key(out, key);
	if (object.st == ND_OK && object.value == 0) {
		text_char(out, '-');
	} else {
		text_va(out, object);
		if (object.st == ND_OK) {
			struct nd_ustr path = nd_object_path(dump, object.value);

			text_char(out, ' ');
			text_ustr(out, &path);
			nd_ustr_free(&path);
		}
	}
	text_line(out);
}

/* READ|WRITE|DELETE of three one-byte flags. */
static void sharing_fact(struct text *out, const struct nd_dump *dump, nd_va at, const char *key,
			 const enum nd_member_id member[3])
{
	static const char *const name[] = { "READ", "WRITE", "DELETE" };
	bool first = true;

	text_key(out, key);
	for (int i = 0; i < 3; i++) {
		struct nd_u64 v = nd_member_read(&dump->kernel, at, member[i]);

		if (v.st != ND_OK) {
			text_missing(out, v.st, v.at);
			first = false;
			break;
		}
		if (!v.value)
			continue;
		text_printf(out, "%s%s", first ? "" : "|", name[i]);
		first = false;
	}
	if (first)
		text_char(out, '-');
	text_line(out);
}

static void file_more(struct text *out, const struct nd_dump *dump, nd_va at)
{
	static const enum nd_member_id access[] = { ND_M_FILE_OBJECT_ReadAccess,
						    ND_M_FILE_OBJECT_WriteAccess,
						    ND_M_FILE_OBJECT_DeleteAccess };
	static const enum nd_member_id shared[] = { ND_M_FILE_OBJECT_SharedRead,
						    ND_M_FILE_OBJECT_SharedWrite,
						    ND_M_FILE_OBJECT_SharedDelete };
	struct nd_u64 device = nd_member_read(&dump->kernel, at, ND_M_FILE_OBJECT_DeviceObject);
	struct nd_u64 driver = device;

	if (device.st == ND_OK && nd_va_is_kernel(device.value))
		driver = nd_member_read(&dump->kernel, device.value,
					ND_M_DEVICE_OBJECT_DriverObject);
	object_fact(out, dump, "Device", device);
	object_fact(out, dump, "Driver", driver);
	sharing_fact(out, dump, at, "Access", access);
	sharing_fact(out, dump, at, "Shared", shared);
}

static void device_more(struct text *out, const struct nd_dump *dump, nd_va at)
{
	object_fact(out, dump, "Driver",
		    nd_member_read(&dump->kernel, at, ND_M_DEVICE_OBJECT_DriverObject));
}

static void driver_more(struct text *out, const struct nd_dump *dump, nd_va at)
{
	uint32_t offset = nd_offset(dump, ND_M_DRIVER_OBJECT_DriverName);
	struct nd_ustr name = { .st = ND_NOT_IN_BUILD, .at = at };

	if (offset != ND_OFFSET_ABSENT)
		name = nd_ustr_read(&dump->kernel, at + offset);
	text_key(out, "DriverName");
	text_ustr(out, &name);
	nd_ustr_free(&name);
	text_str(out, "\nDriverInit:\t");
	text_code(out, dump, UINT32_MAX,
		  nd_member_read(&dump->kernel, at, ND_M_DRIVER_OBJECT_DriverInit), CODE_FULL);
	text_line(out);
}

/* An EPROCESS as "address image (pid)"; '-' for none. */
static void process_fact(struct text *out, const struct nd_dump *dump, const char *key,
			 struct nd_u64 process)
{
	text_key(out, key);
	if (process.st == ND_OK && process.value == 0) {
		text_char(out, '-');
	} else {
		text_va(out, process);
		if (process.st == ND_OK) {
			text_char(out, ' ');
			text_process_name(out, dump, process);
		}
	}
	text_line(out);
}

static void port_facts(struct text *out, const struct nd_dump *dump, nd_va at)
{
	struct nd_port_ends ends = nd_port_ends_read(dump, at);
	bool known = ends.connection.st == ND_OK;

	text_key(out, "Kind");
	if (!known)
		text_missing(out, ends.connection.st, ends.connection.at);
	else
		text_str(out, at == ends.connection.value ? "connection"
			      : at == ends.server.value	  ? "server"
			      : at == ends.client.value	  ? "client"
							  : "-");
	text_line(out);
	process_fact(out, dump, "OwnerProcess",
		     nd_member_read(&dump->kernel, at, ND_M_ALPC_PORT_OwnerProcess));
	object_fact(out, dump, "ConnectionPort", ends.connection);
	text_fact_va(out, "ServerPort", ends.server);
	text_fact_va(out, "ClientPort", ends.client);
}

static void registration_facts(struct text *out, const struct nd_dump *dump, nd_va at)
{
	process_fact(out, dump, "Process",
		     nd_member_read(&dump->kernel, at, ND_M_ETW_REG_ENTRY_Process));
}

static const struct {
	const struct fact *facts;
	void (*more)(struct text *out, const struct nd_dump *dump, nd_va at);
} by_kind[ND_OBJECT_KINDS] = {
	[ND_OBJECT_TYPE] = { type_facts, NULL },
	[ND_OBJECT_DIRECTORY] = { NULL, directory_facts },
	[ND_OBJECT_SYMBOLIC_LINK] = { link_facts, link_target },
	[ND_OBJECT_TOKEN] = { token_facts, NULL },
	[ND_OBJECT_JOB] = { job_facts, NULL },
	[ND_OBJECT_PROCESS] = { process_facts, NULL },
	[ND_OBJECT_THREAD] = { thread_facts, NULL },
	[ND_OBJECT_EVENT] = { NULL, event_facts },
	[ND_OBJECT_MUTANT] = { NULL, mutant_facts },
	[ND_OBJECT_SEMAPHORE] = { semaphore_facts, NULL },
	[ND_OBJECT_TIMER] = { timer_facts, NULL },
	[ND_OBJECT_SECTION] = { NULL, section_facts },
	[ND_OBJECT_KEY] = { NULL, key_facts },
	[ND_OBJECT_FILE] = { file_facts, file_more },
	[ND_OBJECT_DEVICE] = { device_facts, device_more },
	[ND_OBJECT_DRIVER] = { driver_facts, driver_more },
	[ND_OBJECT_ALPC_PORT] = { NULL, port_facts },
	[ND_OBJECT_IO_COMPLETION] = { queue_facts, NULL },
	[ND_OBJECT_ETW_REGISTRATION] = { NULL, registration_facts },
};

void object_type_facts(struct text *out, const struct nd_dump *dump, const struct nd_object *object)
{
	enum nd_object_kind kind = object->type ? object->type->kind : ND_OBJECT_OTHER;
	const struct fact *fact = by_kind[kind].facts;

	for (; fact && fact->key; fact++)
		member_fact(out, dump, object->object, fact);
	if (by_kind[kind].more)
		by_kind[kind].more(out, dump, object->object);
}
