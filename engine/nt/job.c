/*
 * engine/nt/job.c - reads EJOB and ESERVERSILO_GLOBALS, and walks the nesting of jobs.
 */
#include <stdlib.h>
#include <string.h>

#include "nt/job.h"

struct nd_silo_of nd_process_silo(const struct nd_dump *dump, const struct nd_process *process)
{
	struct nd_silo_of ret = { .st = process->job.st, .at = process->job.at };
	nd_va job = process->job.value;
	uint32_t id = nd_offset(dump, ND_M_EJOB_ContainerId);

	if (nd_offset(dump, ND_M_EJOB_ServerSiloGlobals) == ND_OFFSET_ABSENT)
		ret.st = ND_NOT_IN_BUILD;
	for (unsigned i = 0; ret.st == ND_OK && job != 0; i++) {
		struct nd_u64 globals, parent;

		if (i == ND_JOB_NESTING_MAX || !nd_va_is_kernel(job)) {
			ret.st = ND_INVALID;
			return ret;
		}
		globals = nd_member_read(&dump->kernel, job, ND_M_EJOB_ServerSiloGlobals);
		parent = nd_member_read(&dump->kernel, job, ND_M_EJOB_ParentJob);
		ret.st = globals.st != ND_OK ? globals.st : parent.st;
		ret.at = job;
		if (ret.st == ND_OK && globals.value != 0) {
			ret.server = true;
			ret.job = job;
			ret.st = id == ND_OFFSET_ABSENT
					 ? ND_NOT_IN_BUILD
					 : nd_read(&dump->kernel, job + id, ret.container_id, 16);
			return ret;
		}
		job = parent.value;
	}
	return ret;
}

/* --- one job ---------------------------------------------------------------------------------- */

static void read_relations(const struct nd_rec *rec, struct nd_job *j)
{
	j->parent = nd_rec_get(rec, ND_M_EJOB_ParentJob);
	j->root = nd_rec_get(rec, ND_M_EJOB_RootJob);
	j->nesting_depth = nd_rec_get(rec, ND_M_EJOB_NestingDepth);
	j->session_id = nd_rec_get(rec, ND_M_EJOB_SessionId);
	j->id = nd_rec_get(rec, ND_M_EJOB_JobId);
	j->flags = nd_rec_get(rec, ND_M_EJOB_JobFlags);
	j->flags2 = nd_rec_get(rec, ND_M_EJOB_JobFlags2);
	j->silo = nd_rec_get(rec, ND_M_EJOB_Silo);
	j->server_globals = nd_rec_get(rec, ND_M_EJOB_ServerSiloGlobals);
	j->completion_port = nd_rec_get(rec, ND_M_EJOB_CompletionPort);
}

static void read_accounting(const struct nd_rec *rec, struct nd_job *j)
{
	j->total_processes = nd_rec_get(rec, ND_M_EJOB_TotalProcesses);
	j->active_processes = nd_rec_get(rec, ND_M_EJOB_ActiveProcesses);
	j->terminated_processes = nd_rec_get(rec, ND_M_EJOB_TotalTerminatedProcesses);
	j->user_time = nd_rec_get(rec, ND_M_EJOB_TotalUserTime);
	j->kernel_time = nd_rec_get(rec, ND_M_EJOB_TotalKernelTime);
	j->cycle_time = nd_rec_get(rec, ND_M_EJOB_TotalCycleTime);
	j->page_faults = nd_rec_get(rec, ND_M_EJOB_TotalPageFaultCount);
	j->read_operations = nd_rec_get(rec, ND_M_EJOB_ReadOperationCount);
	j->write_operations = nd_rec_get(rec, ND_M_EJOB_WriteOperationCount);
	j->other_operations = nd_rec_get(rec, ND_M_EJOB_OtherOperationCount);
	j->read_bytes = nd_rec_get(rec, ND_M_EJOB_ReadTransferCount);
	j->write_bytes = nd_rec_get(rec, ND_M_EJOB_WriteTransferCount);
	j->other_bytes = nd_rec_get(rec, ND_M_EJOB_OtherTransferCount);
	j->memory_used = nd_rec_get(rec, ND_M_EJOB_CurrentJobMemoryUsed);
	j->peak_memory_used = nd_rec_get(rec, ND_M_EJOB_PeakJobMemoryUsed);
	j->peak_process_memory_used = nd_rec_get(rec, ND_M_EJOB_PeakProcessMemoryUsed);
}

/* KAFFINITY_EX.Bitmap[0]. */
static struct nd_u64 affinity(const struct nd_rec *rec)
{
	uint32_t at = nd_offset(rec->dump, ND_M_EJOB_Affinity);
	uint32_t bitmap = nd_offset(rec->dump, ND_M_KAFFINITY_EX_Bitmap);

	if (at == ND_OFFSET_ABSENT || bitmap == ND_OFFSET_ABSENT)
		return nd_u64_missing(ND_NOT_IN_BUILD, rec->at);
	return nd_rec_num(rec, at + bitmap, 8);
}

static void read_limits(const struct nd_rec *rec, struct nd_job *j)
{
	j->limit_flags = nd_rec_get(rec, ND_M_EJOB_LimitFlags);
	j->active_process_limit = nd_rec_get(rec, ND_M_EJOB_ActiveProcessLimit);
	j->process_time_limit = nd_rec_get(rec, ND_M_EJOB_PerProcessUserTimeLimit);
	j->job_time_limit = nd_rec_get(rec, ND_M_EJOB_PerJobUserTimeLimit);
	j->minimum_working_set = nd_rec_get(rec, ND_M_EJOB_MinimumWorkingSetSize);
	j->maximum_working_set = nd_rec_get(rec, ND_M_EJOB_MaximumWorkingSetSize);
	j->process_memory_limit = nd_rec_get(rec, ND_M_EJOB_ProcessMemoryLimit);
	j->job_memory_limit = nd_rec_get(rec, ND_M_EJOB_JobMemoryLimit);
	j->priority_class = nd_rec_get(rec, ND_M_EJOB_PriorityClass);
	j->scheduling_class = nd_rec_get(rec, ND_M_EJOB_SchedulingClass);
	j->affinity = affinity(rec);
	j->ui_restrictions = nd_rec_get(rec, ND_M_EJOB_UIRestrictionsClass);
	j->end_of_job_time_action = nd_rec_get(rec, ND_M_EJOB_EndOfJobTimeAction);
}

enum nd_status nd_job_read(const struct nd_dump *dump, nd_va job, struct nd_job *ret)
{
	struct nd_rec rec;
	enum nd_status st;

	if (!nd_va_is_kernel(job) || job & 7)
		return ND_INVALID;
	st = nd_rec_read(&dump->kernel, job, ND_S_EJOB, &rec);
	if (nd_is_failure(st) || (st != ND_OK && rec.st[1] != ND_OK))
		return st;
	*ret = (struct nd_job){ .at = job };
	read_relations(&rec, ret);
	read_accounting(&rec, ret);
	read_limits(&rec, ret);
	return ND_OK;
}

const char *nd_job_limit_name(unsigned bit)
{
	static const char *const name[] = {
		"WORKINGSET",
		"PROCESS_TIME",
		"JOB_TIME",
		"ACTIVE_PROCESS",
		"AFFINITY",
		"PRIORITY_CLASS",
		"PRESERVE_JOB_TIME",
		"SCHEDULING_CLASS",
		"PROCESS_MEMORY",
		"JOB_MEMORY",
		"DIE_ON_UNHANDLED_EXCEPTION",
		"BREAKAWAY_OK",
		"SILENT_BREAKAWAY_OK",
		"KILL_ON_JOB_CLOSE",
		"SUBSET_AFFINITY",
		"JOB_MEMORY_LOW",
		"JOB_READ_BYTES",
		"JOB_WRITE_BYTES",
		"CPU_RATE_CONTROL",
		"IO_RATE_CONTROL",
		"NET_RATE_CONTROL",
	};

	return bit < sizeof(name) / sizeof(*name) ? name[bit] : NULL;
}

const char *nd_job_ui_name(unsigned bit)
{
	static const char *const name[] = { "HANDLES",		"READCLIPBOARD",   "WRITECLIPBOARD",
					    "SYSTEMPARAMETERS", "DISPLAYSETTINGS", "GLOBALATOMS",
					    "DESKTOP",		"EXITWINDOWS" };

	return bit < sizeof(name) / sizeof(*name) ? name[bit] : NULL;
}

const char *nd_job_flag_name(uint32_t build, unsigned bit)
{
	static const char *const name[] = {
		"CloseDone",
		"MultiGroup",
		"OutstandingNotification",
		"NotificationInProgress",
		"UILimits",
		"CpuRateControlActive",
		"OwnCpuRateControl",
		"Terminating",
		"WorkingSetLock",
		"JobFrozen",
		"Background",
		"WakeNotificationAllocated",
		"WakeNotificationEnabled",
		"WakeNotificationPending",
		"LimitNotificationRequired",
		"ZeroCountNotificationRequired",
		"CycleTimeNotificationRequired",
		"CycleTimeNotificationPending",
		"TimersVirtualized",
		"JobSwapped",
		"ViolationDetected",
		"EmptyJobNotified",
		"NoSystemCharge",
		"DropNoWakeCharges",
		"NoWakeChargePolicyDecided",
		"NetRateControlActive",
		"OwnNetRateControl",
		"IoRateControlActive",
		"OwnIoRateControl",
		"DisallowNewProcesses",
		"Silo",
		"ContainerTelemetryIdSet",
	};

	if (bit == 29 && build < 14393)
		return build >= 10240 ? "IsContainerRoot" : NULL;
	if ((bit >= 25 && build < 10240) || (bit == 30 && build < 14393) ||
	    (bit == 31 && build < 15063))
		return NULL;
	return bit < sizeof(name) / sizeof(*name) ? name[bit] : NULL;
}

/* --- server silos ----------------------------------------------------------------------------- */

static struct nd_ustr string_at(const struct nd_dump *dump, nd_va at, enum nd_member_id member)
{
	uint32_t offset = nd_offset(dump, member);

	if (offset == ND_OFFSET_ABSENT)
		return (struct nd_ustr){ .st = ND_NOT_IN_BUILD, .at = at };
	return nd_ustr_read(&dump->kernel, at + offset);
}

/* UserSharedData is the structure itself in 14393 (no UserSharedSection there), later a pointer. */
static struct nd_u64 shared_data(const struct nd_dump *dump, nd_va at, enum nd_member_id member)
{
	uint32_t offset = nd_offset(dump, ND_M_ESERVERSILO_GLOBALS_UserSharedData);
	struct nd_u64 data = nd_u64_of(at + offset);

	if (offset == ND_OFFSET_ABSENT)
		return nd_u64_missing(ND_NOT_IN_BUILD, at);
	if (nd_offset(dump, ND_M_ESERVERSILO_GLOBALS_UserSharedSection) != ND_OFFSET_ABSENT)
		data = nd_read_num(&dump->kernel, at + offset, 8);
	if (data.st != ND_OK)
		return data;
	if (data.value == 0)
		return nd_u64_missing(ND_NONE, at + offset);
	if (!nd_va_is_kernel(data.value))
		return nd_u64_missing(ND_INVALID, at + offset);
	return nd_member_read(&dump->kernel, data.value, member);
}

struct nd_silo_globals nd_silo_globals_read(const struct nd_dump *dump, nd_va at)
{
	const struct nd_space *space = &dump->kernel;
	struct nd_silo_globals ret = { .at = at };

	ret.root = string_at(dump, at, ND_M_ESERVERSILO_GLOBALS_SiloRootDirectoryName);
	ret.system_root = string_at(dump, at, ND_M_ESERVERSILO_GLOBALS_NtSystemRoot);
	ret.state = nd_member_read(space, at, ND_M_ESERVERSILO_GLOBALS_State);
	ret.exit_status = nd_member_read(space, at, ND_M_ESERVERSILO_GLOBALS_ExitStatus);
	ret.session_leader =
		nd_member_read(space, at, ND_M_ESERVERSILO_GLOBALS_MiSessionLeaderProcess);
	ret.downlevel = nd_member_read(space, at, ND_M_ESERVERSILO_GLOBALS_IsDownlevelContainer);
	ret.service_session = shared_data(dump, at, ND_M_SILO_USER_SHARED_DATA_ServiceSessionId);
	ret.console_session = shared_data(dump, at, ND_M_SILO_USER_SHARED_DATA_ActiveConsoleId);
	return ret;
}

void nd_silo_globals_free(struct nd_silo_globals *globals)
{
	nd_ustr_free(&globals->root);
	nd_ustr_free(&globals->system_root);
}

const char *nd_silo_state_name(uint64_t state)
{
	static const char *const name[] = { "INITING", "STARTED", "SHUTTING_DOWN", "TERMINATING",
					    "TERMINATED" };

	return state < sizeof(name) / sizeof(*name) ? name[state] : NULL;
}

/* --- the list, once it is there --------------------------------------------------------------- */

void nd_job_list_free(struct nd_job_list *list)
{
	free(list->ref);
	free(list->member);
	nd_problems_free(&list->problems);
	*list = (struct nd_job_list){ 0 };
}

uint32_t nd_job_index(const struct nd_job_list *list, nd_va job)
{
	uint32_t low = 0, high = list->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (list->ref[middle].job == job)
			return middle;
		if (list->ref[middle].job < job)
			low = middle + 1;
		else
			high = middle;
	}
	return UINT32_MAX;
}

bool nd_job_has_member(const struct nd_job_list *list, const struct nd_job_ref *ref, nd_va eprocess)
{
	uint32_t low = ref->first_member, high = ref->first_member + ref->member_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (list->member[middle].eprocess == eprocess)
			return true;
		if (list->member[middle].eprocess < eprocess)
			low = middle + 1;
		else
			high = middle;
	}
	return false;
}

/* The job around a job; UINT32_MAX without. */
static uint32_t parent_index(const struct nd_dump *dump, const struct nd_job_list *list,
			     uint32_t job)
{
	struct nd_u64 parent =
		nd_member_read(&dump->kernel, list->ref[job].job, ND_M_EJOB_ParentJob);

	return parent.st == ND_OK && parent.value ? nd_job_index(list, parent.value) : UINT32_MAX;
}

/* Count a job's members in itself and in every job around it. */
static void count_inside(const struct nd_dump *dump, struct nd_job_list *list, uint32_t i,
			 uint64_t *inside)
{
	uint32_t job = i;

	for (unsigned depth = 0; depth < ND_JOB_NESTING_MAX && job != UINT32_MAX; depth++) {
		inside[job] += list->ref[i].member_count;
		job = parent_index(dump, list, job);
	}
	if (job != UINT32_MAX)
		nd_problem_add(&list->problems, (struct nd_problem){ .kind = ND_PROBLEM_NESTING,
								     .where = "EJOB.ParentJob",
								     .owner = list->ref[i].job,
								     .a = list->ref[job].job });
}

enum nd_status nd_job_list_check(const struct nd_dump *dump, struct nd_job_list *list)
{
	uint64_t *inside = calloc(list->count ? list->count : 1, sizeof(*inside));

	if (!inside)
		return ND_ENOMEM;
	for (uint32_t i = 0; i < list->count; i++)
		count_inside(dump, list, i, inside);
	for (uint32_t i = 0; i < list->count; i++) {
		nd_va job = list->ref[i].job;
		struct nd_u64 active =
			nd_member_read(&dump->kernel, job, ND_M_EJOB_ActiveProcesses);

		if (active.st == ND_OK && active.value > inside[i])
			nd_problem_add(&list->problems,
				       (struct nd_problem){ .kind = ND_PROBLEM_COUNT,
							    .where = "EJOB.ActiveProcesses",
							    .owner = job,
							    .a = active.value,
							    .b = inside[i] });
	}
	free(inside);
	return ND_OK;
}
