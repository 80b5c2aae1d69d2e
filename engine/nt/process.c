/*
 * engine/nt/process.c - reads EPROCESS, its address space and its user-mode parameters.
 */
#include <string.h>

#include "nt/process.h"

#define FREE_LISTS_MAX 64u
#define FAST_REF_MASK 0xfull /* _EX_FAST_REF.RefCnt on x64 */
#define CR3_MASK 0x000ffffffffff000ull
#define PARAMETERS_NORMALIZED 1u /* RTL_USER_PROCESS_PARAMETERS.Flags bit 0 */
#define ENVIRONMENT_MAX_BYTES (2u * ND_USTR_UNITS_MAX)

static void read_image_name(const struct nd_rec *rec, struct nd_process *p)
{
	char raw[ND_IMAGE_NAME_BYTES] = { 0 };

	p->image_name_st = nd_rec_bytes(rec, ND_M_EPROCESS_ImageFileName, raw);
	if (p->image_name_st != ND_OK)
		return;
	memcpy(p->image_name, raw, sizeof(raw));
	p->image_name[sizeof(raw)] = '\0';
}

static void read_flags(const struct nd_rec *rec, struct nd_process *p)
{
	p->flags = nd_rec_get(rec, ND_M_EPROCESS_Flags);
	p->flags2 = nd_rec_get(rec, ND_M_EPROCESS_Flags2);
	p->flags3 = nd_rec_get(rec, ND_M_EPROCESS_Flags3);
	p->exiting = nd_rec_get(rec, ND_M_EPROCESS_ProcessExiting);
	p->deleting = nd_rec_get(rec, ND_M_EPROCESS_ProcessDelete);
	p->break_on_termination = nd_rec_get(rec, ND_M_EPROCESS_BreakOnTermination);
	p->minimal = nd_rec_get(rec, ND_M_EPROCESS_Minimal);
	p->protection = nd_rec_get(rec, ND_M_EPROCESS_Protection);
	p->signature_level = nd_rec_get(rec, ND_M_EPROCESS_SignatureLevel);
	p->section_signature_level = nd_rec_get(rec, ND_M_EPROCESS_SectionSignatureLevel);
	p->mitigation_flags = nd_rec_get(rec, ND_M_EPROCESS_MitigationFlags);
	p->mitigation_flags2 = nd_rec_get(rec, ND_M_EPROCESS_MitigationFlags2);
}

static void read_numbers(const struct nd_rec *rec, struct nd_process *p)
{
	p->active_threads = nd_rec_get(rec, ND_M_EPROCESS_ActiveThreads);
	p->create_time = nd_rec_get(rec, ND_M_EPROCESS_CreateTime);
	p->exit_time = nd_rec_get(rec, ND_M_EPROCESS_ExitTime);
	p->exit_status = nd_rec_get(rec, ND_M_EPROCESS_ExitStatus);
	p->priority_class = nd_rec_get(rec, ND_M_EPROCESS_PriorityClass);
	p->base_priority = nd_rec_get(rec, ND_M_KPROCESS_BasePriority);
	p->kernel_time = nd_rec_get(rec, ND_M_KPROCESS_KernelTime);
	p->user_time = nd_rec_get(rec, ND_M_KPROCESS_UserTime);
	p->virtual_size = nd_rec_get(rec, ND_M_EPROCESS_VirtualSize);
	p->peak_virtual_size = nd_rec_get(rec, ND_M_EPROCESS_PeakVirtualSize);
	p->commit_pages = nd_rec_get(rec, ND_M_EPROCESS_CommitCharge);
	p->vad_count = nd_rec_get(rec, ND_M_EPROCESS_VadCount);
}

static void read_pointers(const struct nd_rec *rec, struct nd_process *p)
{
	p->pid = nd_rec_get(rec, ND_M_EPROCESS_UniqueProcessId);
	p->parent_pid = nd_rec_get(rec, ND_M_EPROCESS_InheritedFromUniqueProcessId);
	p->object_table = nd_rec_get(rec, ND_M_EPROCESS_ObjectTable);
	p->peb = nd_rec_get(rec, ND_M_EPROCESS_Peb);
	p->wow64_process = nd_rec_get(rec, ND_M_EPROCESS_WoW64Process);
	p->directory_table_base = nd_rec_get(rec, ND_M_KPROCESS_DirectoryTableBase);
	p->user_directory_table_base = nd_rec_get(rec, ND_M_KPROCESS_UserDirectoryTableBase);
	p->session = nd_rec_get(rec, ND_M_EPROCESS_Session);
	p->token = nd_rec_get(rec, ND_M_EPROCESS_Token);
	p->token.value &= ~FAST_REF_MASK;
	p->job = nd_rec_get(rec, ND_M_EPROCESS_Job);
	p->section_base = nd_rec_get(rec, ND_M_EPROCESS_SectionBaseAddress);
	p->vad_root = nd_rec_get(rec, ND_M_EPROCESS_VadRoot);
	p->audit_name = nd_rec_get(rec, ND_M_EPROCESS_SeAuditProcessCreationInfo);
}

enum nd_status nd_process_read(const struct nd_dump *dump, nd_va eprocess, struct nd_process *ret)
{
	struct nd_rec rec;
	enum nd_status st;

	if (!nd_va_is_kernel(eprocess) || eprocess & 7)
		return ND_INVALID;
	st = nd_rec_read(&dump->kernel, eprocess, ND_S_EPROCESS, &rec);
	if (nd_is_failure(st) || (st != ND_OK && rec.st[1] != ND_OK))
		return st;
	*ret = (struct nd_process){ .eprocess = eprocess };
	read_image_name(&rec, ret);
	read_pointers(&rec, ret);
	read_numbers(&rec, ret);
	read_flags(&rec, ret);
	return ND_OK;
}

struct nd_space nd_process_space(const struct nd_dump *dump, const struct nd_process *process)
{
	struct nd_space space = dump->kernel;

	space.process = process->eprocess;
	if (space.levels != 0)
		space.root = process->directory_table_base.value & CR3_MASK;
	return space;
}

/*
 * Session space is mapped by the page tables of the session's own processes; those of an exited
 * process may be gone. EPROCESS.Session is the structure's global address (one for each session),
 * so that any process with the same pointer can read it.
 */
static struct nd_u64 session_id_through_others(const struct nd_dump *dump,
					       const struct nd_process *process)
{
	const struct nd_process_list *list;
	struct nd_u64 ret = nd_u64_missing(ND_NOT_IN_DUMP, process->session.value);
	enum nd_status st = nd_processes(dump, &list);

	for (uint32_t i = 0; st == ND_OK && i < list->count; i++) {
		nd_va other = list->ref[i].eprocess;
		struct nd_u64 session = nd_member_read(&dump->kernel, other, ND_M_EPROCESS_Session);
		struct nd_process p;
		struct nd_space space;

		if (session.st != ND_OK || session.value != process->session.value ||
		    other == process->eprocess || nd_process_read(dump, other, &p) != ND_OK)
			continue;
		space = nd_process_space(dump, &p);
		ret = nd_member_read(&space, session.value, ND_M_MM_SESSION_SPACE_SessionId);
		if (ret.st == ND_OK)
			return ret;
	}
	return ret;
}

struct nd_u64 nd_process_session_id(const struct nd_dump *dump, const struct nd_process *process)
{
	struct nd_space space = nd_process_space(dump, process);
	struct nd_u64 id;

	if (process->session.st != ND_OK)
		return process->session;
	if (process->session.value == 0)
		return nd_u64_missing(ND_NONE, process->session.at);
	if (!nd_va_is_kernel(process->session.value))
		return nd_u64_missing(ND_INVALID, process->session.at);
	id = nd_member_read(&space, process->session.value, ND_M_MM_SESSION_SPACE_SessionId);
	if (nd_is_missing(id.st) && id.st != ND_NOT_IN_BUILD)
		return session_id_through_others(dump, process);
	return id;
}

#define SESSION_PROBES_MAX 64u

struct nd_space nd_kernel_space_of(const struct nd_dump *dump, nd_va va)
{
	const struct nd_process_list *list;
	struct nd_page page;
	unsigned probes = 0;

	if (dump->kernel.levels == 0 || nd_translate(&dump->kernel, va, &page) != ND_UNMAPPED ||
	    nd_processes(dump, &list) != ND_OK)
		return dump->kernel;
	for (uint32_t i = 0; i < list->count && probes < SESSION_PROBES_MAX; i++) {
		struct nd_space space;
		struct nd_process p;

		if (nd_process_read(dump, list->ref[i].eprocess, &p) != ND_OK ||
		    p.session.st != ND_OK || p.session.value == 0)
			continue;
		probes++;
		space = nd_process_space(dump, &p);
		space.process = 0;
		if (nd_translate(&space, va, &page) == ND_OK)
			return space;
	}
	return dump->kernel;
}

/*
 * HANDLE_TABLE.FreeLists has nt!ExpFreeListCount elements (one in kernels without this variable).
 * A handle may be closed on another list than it was opened on: only the sum means something.
 */
static struct nd_u64 sum_of_lists(const struct nd_dump *dump, nd_va first)
{
	nd_va symbol = dump->symbol[ND_SYM_ExpFreeListCount];
	uint32_t stride = dump->layout.struct_bytes[ND_S_HANDLE_TABLE_FREE_LIST];
	struct nd_u64 lists = symbol ? nd_read_num(&dump->kernel, symbol, 4) : nd_u64_of(1);
	struct nd_u64 sum = nd_read_num(&dump->kernel, first, 4);

	if (lists.st != ND_OK || lists.value < 2 || lists.value > FREE_LISTS_MAX || stride == 0)
		return sum;
	for (uint64_t i = 1; sum.st == ND_OK && i < lists.value; i++) {
		struct nd_u64 more = nd_read_num(&dump->kernel, first + i * stride, 4);

		if (more.st != ND_OK)
			return more;
		sum.value = (uint32_t)(sum.value + more.value);
	}
	return sum;
}

struct nd_u64 nd_process_handle_count(const struct nd_dump *dump, const struct nd_process *process)
{
	nd_va table = process->object_table.value;
	uint32_t lists = nd_offset(dump, ND_M_HANDLE_TABLE_FreeLists);
	uint32_t count = nd_offset(dump, ND_M_HANDLE_TABLE_FREE_LIST_HandleCount);

	if (process->object_table.st != ND_OK)
		return process->object_table;
	if (table == 0)
		return nd_u64_missing(ND_NONE, process->object_table.at);
	if (!nd_va_is_kernel(table))
		return nd_u64_missing(ND_INVALID, process->object_table.at);
	if (nd_offset(dump, ND_M_HANDLE_TABLE_HandleCount) != ND_OFFSET_ABSENT)
		return nd_member_read(&dump->kernel, table, ND_M_HANDLE_TABLE_HandleCount);
	if (lists == ND_OFFSET_ABSENT || count == ND_OFFSET_ABSENT)
		return nd_u64_missing(ND_NOT_IN_BUILD, table);
	return sum_of_lists(dump, table + lists + count);
}

struct nd_ustr nd_process_image_path(const struct nd_dump *dump, const struct nd_process *process)
{
	struct nd_u64 info = process->audit_name;
	uint32_t name = nd_offset(dump, ND_M_OBJECT_NAME_INFORMATION_Name);

	if (info.st == ND_OK && info.value == 0)
		info.st = ND_NONE;
	else if (info.st == ND_OK && !nd_va_is_kernel(info.value))
		info.st = ND_INVALID;
	if (info.st != ND_OK)
		return (struct nd_ustr){ .st = info.st, .at = info.at };
	return nd_ustr_read(&dump->kernel, info.value + (name == ND_OFFSET_ABSENT ? 0 : name));
}

/* The user-mode RTL_USER_PROCESS_PARAMETERS of a process. */
static struct nd_u64 parameters(const struct nd_dump *dump, const struct nd_process *process,
				struct nd_space *space)
{
	struct nd_u64 peb = process->peb, v;

	*space = nd_process_space(dump, process);
	if (peb.st != ND_OK)
		return peb;
	if (peb.value == 0)
		return nd_u64_missing(ND_NONE, peb.at);
	if (nd_va_is_kernel(peb.value))
		return nd_u64_missing(ND_INVALID, peb.at);
	v = nd_member_read(space, peb.value, ND_M_PEB_ProcessParameters);
	if (v.st == ND_OK && (v.value == 0 || nd_va_is_kernel(v.value)))
		return nd_u64_missing(ND_INVALID, v.at);
	return v;
}

/* A pointer inside the parameters: relative to them until the loader has normalised it. */
static nd_va normalize(const struct nd_space *space, nd_va parameters_at, nd_va pointer)
{
	struct nd_u64 flags =
		nd_member_read(space, parameters_at, ND_M_RTL_USER_PROCESS_PARAMETERS_Flags);

	if (flags.st == ND_OK && !(flags.value & PARAMETERS_NORMALIZED))
		return parameters_at + pointer;
	return pointer;
}

struct nd_ustr nd_process_command_line(const struct nd_dump *dump, const struct nd_process *process)
{
	struct nd_space space;
	struct nd_u64 at = parameters(dump, process, &space);
	uint32_t offset = nd_offset(dump, ND_M_RTL_USER_PROCESS_PARAMETERS_CommandLine);
	uint8_t header[16];
	enum nd_status st = at.st;

	if (st == ND_OK && offset == ND_OFFSET_ABSENT)
		st = ND_NOT_IN_BUILD;
	if (st == ND_OK)
		st = nd_read(&space, at.value + offset, header, sizeof(header));
	if (st != ND_OK)
		return (struct nd_ustr){ .st = st, .at = at.value ? at.value : at.at };
	if (nd_le16(header) > nd_le16(header + 2))
		return (struct nd_ustr){ .st = ND_INVALID, .at = at.value + offset };
	return nd_ustr_read_at(&space, normalize(&space, at.value, nd_le64(header + 8)),
			       nd_le16(header));
}

/* Cut at the empty string that ends an environment block. */
static void cut_environment(struct nd_ustr *block)
{
	for (size_t i = 0; i < block->count; i++)
		if (block->units[i] == 0 && (i == 0 || block->units[i - 1] == 0)) {
			block->count = i;
			return;
		}
	while (block->count > 0 && block->units[block->count - 1] != 0)
		block->count--; /* an unfinished last string is not a fact */
}

struct nd_ustr nd_process_environment(const struct nd_dump *dump, const struct nd_process *process)
{
	struct nd_space space;
	struct nd_u64 at = parameters(dump, process, &space), env, bytes;
	struct nd_ustr block;

	if (at.st != ND_OK)
		return (struct nd_ustr){ .st = at.st, .at = at.at };
	env = nd_member_read(&space, at.value, ND_M_RTL_USER_PROCESS_PARAMETERS_Environment);
	bytes = nd_member_read(&space, at.value, ND_M_RTL_USER_PROCESS_PARAMETERS_EnvironmentSize);
	if (env.st == ND_OK && env.value == 0)
		env.st = ND_NONE;
	if (env.st != ND_OK || bytes.st != ND_OK)
		return (struct nd_ustr){ .st = env.st != ND_OK ? env.st : bytes.st, .at = env.at };
	bytes.value &= ~1ull;
	if (bytes.value > ENVIRONMENT_MAX_BYTES)
		bytes.value = ENVIRONMENT_MAX_BYTES;
	block = nd_ustr_read_at(&space, normalize(&space, at.value, env.value),
				(size_t)bytes.value);
	if (block.st == ND_OK)
		cut_environment(&block);
	return block;
}
