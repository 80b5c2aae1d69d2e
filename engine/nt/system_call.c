/*
 * engine/nt/system_call.c - judges whether KTHREAD.SystemCallNumber is that of a call that the
 * thread is in: by its state, its last entry into the kernel, and the code that entered.
 */
#include <stdlib.h>
#include <string.h>

#include "nt/bugcheck.h"
#include "nt/system.h"
#include "nt/system_call.h"
#include "nt/trap_frame.h"

#define RPL_MASK 3u
#define PROCESSORS_MAX 2048u
#define STACK_ARGUMENTS_AT 0x28u /* return address, four home slots, then the fifth argument */

enum { STATE_INITIALIZED = 0, STATE_RUNNING = 2, STATE_TERMINATED = 4 }; /* KTHREAD_STATE */

enum where { IN_KERNEL, IN_USER_MODE, NOWHERE };

static enum nd_status own_space(const struct nd_dump *dump, const struct nd_thread *thread,
				struct nd_space *ret)
{
	struct nd_process p;
	enum nd_status st = thread->process.st;

	if (st == ND_OK)
		st = nd_process_read(dump, thread->process.value, &p);
	if (st == ND_OK)
		*ret = nd_process_space(dump, &p);
	return st;
}

/* --- a running thread: its processor's registers ---------------------------------------------- */

/* Kernel mode counts only with a stack pointer in this thread's stack: a context may be old. */
static enum where judge_context(const struct nd_thread *thread, uint64_t seg_cs, uint64_t rsp)
{
	if (seg_cs != 0 && (seg_cs & RPL_MASK) == RPL_MASK)
		return IN_USER_MODE;
	if (seg_cs != 0 && thread->stack_base.st == ND_OK && thread->stack_limit.st == ND_OK &&
	    rsp >= thread->stack_limit.value && rsp <= thread->stack_base.value)
		return IN_KERNEL;
	return NOWHERE;
}

/* KPRCB.ProcessorState.ContextFrame of the processor that runs the thread. */
static enum where frozen_context(const struct nd_dump *dump, const struct nd_thread *thread,
				 nd_va prcb)
{
	uint32_t state = nd_offset(dump, ND_M_KPRCB_ProcessorState);
	uint32_t frame = nd_offset(dump, ND_M_KPROCESSOR_STATE_ContextFrame);
	uint32_t cs = nd_offset(dump, ND_M_CONTEXT_SegCs), rsp = nd_offset(dump, ND_M_CONTEXT_Rsp);
	struct nd_u64 seg_cs, stack;

	if (state == ND_OFFSET_ABSENT || frame == ND_OFFSET_ABSENT || cs == ND_OFFSET_ABSENT ||
	    rsp == ND_OFFSET_ABSENT)
		return NOWHERE;
	seg_cs = nd_read_num(&dump->kernel, prcb + state + frame + cs, 2);
	stack = nd_read_num(&dump->kernel, prcb + state + frame + rsp, 8);
	if (seg_cs.st != ND_OK || stack.st != ND_OK)
		return NOWHERE;
	return judge_context(thread, seg_cs.value, stack.value);
}

static enum where crash_context(const struct nd_dump *dump, const struct nd_thread *thread)
{
	uint32_t cs = nd_offset(dump, ND_M_CONTEXT_SegCs), rsp = nd_offset(dump, ND_M_CONTEXT_Rsp);
	struct nd_crash crash;

	if (!dump->header || !dump->header->context_set || cs > ND_CONTEXT_BYTES - 2 ||
	    rsp > ND_CONTEXT_BYTES - 8)
		return NOWHERE;
	nd_crash_read(dump, &crash);
	if (crash.thread.st != ND_OK || crash.thread.value != thread->ethread)
		return NOWHERE;
	return judge_context(thread, nd_le16(dump->header->context + cs),
			     nd_le64(dump->header->context + rsp));
}

static enum where running_where(const struct nd_dump *dump, const struct nd_thread *thread)
{
	enum where where = crash_context(dump, thread);

	for (uint32_t i = 0; where == NOWHERE && i < PROCESSORS_MAX; i++) {
		struct nd_u64 prcb = nd_prcb(dump, i), current;

		if (prcb.st != ND_OK)
			break;
		current = nd_member_read(&dump->kernel, prcb.value, ND_M_KPRCB_CurrentThread);
		if (current.st == ND_OK && current.value == thread->ethread)
			return frozen_context(dump, thread, prcb.value);
	}
	return where;
}

/* --- the code before Rip ---------------------------------------------------------------------- */

/*
 * The number that the stub loads whose system call instruction ends at rip: mov r10,rcx;
 * mov eax,imm32; then syscall, or the test of SharedUserData!SystemCall with both instructions.
 */
static struct nd_u64 stub_number(const struct nd_space *space, nd_va rip, bool int_2e)
{
	static const uint8_t load[] = { 0x4c, 0x8b, 0xd1, 0xb8 };
	static const unsigned distance[2][2] = { { 0x0a, 0x14 }, { 0x17, 0x17 } };

	for (unsigned i = 0; i < 2; i++) {
		uint8_t code[8];
		enum nd_status st = nd_read(space, rip - distance[int_2e][i], code, sizeof(code));

		if (st != ND_OK)
			return nd_u64_missing(st, rip);
		if (memcmp(code, load, sizeof(load)) == 0)
			return nd_u64_of(nd_le32(code + 4));
	}
	return nd_u64_missing(ND_NONE, rip);
}

static enum nd_call_verdict judge_code(const struct nd_space *space, nd_va rip, uint64_t number,
				       struct nd_u64 *ret_stub)
{
	struct nd_u64 instruction;
	bool syscall, int_2e;

	if (nd_va_is_kernel(rip) || rip < 0x1000)
		return ND_CALL_NOT_BEHIND;
	instruction = nd_read_num(space, rip - 2, 2);
	if (instruction.st != ND_OK) {
		*ret_stub = instruction;
		return nd_is_failure(instruction.st) ? ND_CALL_UNKNOWN : ND_CALL_UNPROVEN;
	}
	syscall = instruction.value == 0x050f;
	int_2e = instruction.value == 0x2ecd;
	if (!syscall && !int_2e)
		return ND_CALL_NOT_BEHIND;
	*ret_stub = stub_number(space, rip, int_2e);
	if (ret_stub->st == ND_NONE)
		return ND_CALL_NO_STUB;
	if (ret_stub->st != ND_OK)
		return nd_is_failure(ret_stub->st) ? ND_CALL_UNKNOWN : ND_CALL_UNPROVEN;
	return ret_stub->value == number ? ND_CALL_PROVEN : ND_CALL_OTHER_NUMBER;
}

/* --- the judgement ---------------------------------------------------------------------------- */

static enum nd_call_verdict judge_frame(const struct nd_thread *thread,
					const struct nd_trap_frame *frame)
{
	if (frame->seg_cs.st != ND_OK || frame->rip.st != ND_OK || frame->kind == ND_TRAP_UNKNOWN)
		return ND_CALL_UNKNOWN;
	if (!frame->user_mode)
		return ND_CALL_FROM_KERNEL;
	if (frame->kind != ND_TRAP_SYSTEM_CALL)
		return frame->kind == ND_TRAP_EXCEPTION ? ND_CALL_EXCEPTION : ND_CALL_INTERRUPTED;
	if (thread->previous_mode.st == ND_OK && thread->previous_mode.value == 0)
		return ND_CALL_FROM_KERNEL;
	return ND_CALL_PROVEN; /* as far as the frame goes */
}

static enum nd_call_verdict judge_thread(const struct nd_thread *thread)
{
	if (thread->state.st == ND_OK && thread->state.value == STATE_INITIALIZED)
		return ND_CALL_NOT_STARTED;
	if (thread->state.st == ND_OK && thread->state.value == STATE_TERMINATED)
		return ND_CALL_ENDED;
	if (thread->system_thread.st == ND_OK && thread->system_thread.value)
		return ND_CALL_SYSTEM_THREAD;
	return thread->state.st == ND_OK ? ND_CALL_PROVEN : ND_CALL_UNKNOWN;
}

static enum nd_call_verdict judge_running(const struct nd_dump *dump,
					  const struct nd_thread *thread)
{
	enum where where;

	if (thread->state.value != STATE_RUNNING)
		return ND_CALL_PROVEN;
	where = running_where(dump, thread);
	if (where == IN_USER_MODE)
		return ND_CALL_RETURNED;
	return where == IN_KERNEL ? ND_CALL_PROVEN : ND_CALL_RUNS;
}

static enum nd_call_verdict judge(const struct nd_dump *dump, const struct nd_thread *thread,
				  struct nd_system_call *call, enum nd_status *why)
{
	enum nd_call_verdict verdict = judge_thread(thread);
	struct nd_trap_frame frame;
	struct nd_space space;

	*why = thread->state.st != ND_OK ? thread->state.st : ND_INVALID;
	if (verdict != ND_CALL_PROVEN)
		return verdict;
	*why = nd_trap_frame_read(dump, thread, &frame);
	if (*why != ND_OK)
		return *why == ND_NONE ? ND_CALL_NO_FRAME : ND_CALL_UNKNOWN;
	*why = frame.seg_cs.st != ND_OK ? frame.seg_cs.st
	       : frame.rip.st != ND_OK	? frame.rip.st
					: ND_INVALID;
	verdict = judge_frame(thread, &frame);
	if (verdict == ND_CALL_PROVEN)
		verdict = judge_running(dump, thread);
	if (verdict != ND_CALL_PROVEN)
		return verdict;
	*why = thread->system_call_number.st;
	if (*why != ND_OK)
		return ND_CALL_UNKNOWN;
	call->user_rsp = frame.rsp.st == ND_OK ? frame.rsp.value : 0;
	*why = own_space(dump, thread, &space);
	if (*why != ND_OK)
		return nd_is_failure(*why) ? ND_CALL_UNKNOWN : ND_CALL_UNPROVEN;
	verdict = judge_code(&space, frame.rip.value, thread->system_call_number.value,
			     &call->stub_number);
	*why = call->stub_number.st;
	return verdict;
}

enum nd_status nd_system_call_read(const struct nd_dump *dump, const struct nd_thread *thread,
				   struct nd_system_call *ret)
{
	struct nd_system_call call = { .stub_number = nd_u64_missing(ND_NONE, 0) };
	enum nd_status why, st = ND_NONE;

	call.verdict = judge(dump, thread, &call, &why);
	if (call.verdict == ND_CALL_UNKNOWN && nd_is_failure(why))
		return why;
	if (nd_call_is_inside(call.verdict)) {
		call.number = thread->system_call_number;
		call.first_argument = thread->first_argument;
		*ret = call;
		return ND_OK;
	}
	if (call.verdict == ND_CALL_UNKNOWN)
		st = nd_is_missing(why) ? why : ND_INVALID;
	else if (call.verdict == ND_CALL_OTHER_NUMBER)
		st = ND_INVALID;
	call.user_rsp = 0;
	call.number = nd_u64_missing(st, thread->trap_frame.value);
	call.first_argument = call.number;
	*ret = call;
	return ND_OK;
}

void nd_system_call_stack_arguments(const struct nd_dump *dump, const struct nd_thread *thread,
				    const struct nd_system_call *call, uint32_t count,
				    struct nd_u64 *ret)
{
	struct nd_space space;
	enum nd_status st = ND_NONE;
	nd_va rsp = call->user_rsp;

	if (nd_call_is_inside(call->verdict))
		st = rsp == 0 || nd_va_is_kernel(rsp) || rsp & 7 ? ND_INVALID
								 : own_space(dump, thread, &space);
	for (uint32_t i = 0; i < count && i < ND_STACK_ARGUMENTS_MAX; i++)
		ret[i] = st == ND_OK ? nd_read_num(&space, rsp + STACK_ARGUMENTS_AT + 8ull * i, 8)
				     : nd_u64_missing(st, rsp);
}

/* --- services whose first argument is a handle ------------------------------------------------ */

static int compare_names(const void *key, const void *row)
{
	return strcmp(key, *(const char *const *)row);
}

bool nd_service_takes_handle(const char *name)
{
	/* Sorted. From the services' published prototypes. */
	static const char *const names[] = {
		"NtAdjustPrivilegesToken",
		"NtAlertResumeThread",
		"NtAlertThread",
		"NtAllocateVirtualMemory",
		"NtAlpcCancelMessage",
		"NtAlpcImpersonateClientOfPort",
		"NtAlpcQueryInformation",
		"NtAlpcSendWaitReceivePort",
		"NtAlpcSetInformation",
		"NtAssignProcessToJobObject",
		"NtAssociateWaitCompletionPacket",
		"NtCancelIoFile",
		"NtCancelIoFileEx",
		"NtCancelTimer",
		"NtCancelWaitCompletionPacket",
		"NtClearEvent",
		"NtClose",
		"NtDeleteKey",
		"NtDeleteValueKey",
		"NtDeviceIoControlFile",
		"NtDuplicateObject",
		"NtDuplicateToken",
		"NtEnumerateKey",
		"NtEnumerateValueKey",
		"NtFlushBuffersFile",
		"NtFlushKey",
		"NtFlushVirtualMemory",
		"NtFreeVirtualMemory",
		"NtFsControlFile",
		"NtGetContextThread",
		"NtImpersonateAnonymousToken",
		"NtLockFile",
		"NtMapViewOfSection",
		"NtNotifyChangeDirectoryFile",
		"NtNotifyChangeDirectoryFileEx",
		"NtNotifyChangeKey",
		"NtProtectVirtualMemory",
		"NtPulseEvent",
		"NtQueryDirectoryFile",
		"NtQueryDirectoryFileEx",
		"NtQueryEaFile",
		"NtQueryEvent",
		"NtQueryInformationFile",
		"NtQueryInformationJobObject",
		"NtQueryInformationProcess",
		"NtQueryInformationThread",
		"NtQueryInformationToken",
		"NtQueryIoCompletion",
		"NtQueryKey",
		"NtQueryObject",
		"NtQuerySection",
		"NtQuerySecurityObject",
		"NtQueryTimer",
		"NtQueryValueKey",
		"NtQueryVirtualMemory",
		"NtQueryVolumeInformationFile",
		"NtReadFile",
		"NtReadFileScatter",
		"NtReadVirtualMemory",
		"NtReleaseMutant",
		"NtReleaseSemaphore",
		"NtReleaseWorkerFactoryWorker",
		"NtRemoveIoCompletion",
		"NtRemoveIoCompletionEx",
		"NtReplyPort",
		"NtReplyWaitReceivePort",
		"NtReplyWaitReceivePortEx",
		"NtRequestPort",
		"NtRequestWaitReplyPort",
		"NtResetEvent",
		"NtResumeProcess",
		"NtResumeThread",
		"NtSetContextThread",
		"NtSetEvent",
		"NtSetInformationFile",
		"NtSetInformationJobObject",
		"NtSetInformationKey",
		"NtSetInformationProcess",
		"NtSetInformationThread",
		"NtSetInformationToken",
		"NtSetInformationWorkerFactory",
		"NtSetIoCompletion",
		"NtSetIoCompletionEx",
		"NtSetSecurityObject",
		"NtSetTimer",
		"NtSetTimer2",
		"NtSetTimerEx",
		"NtSetValueKey",
		"NtSetVolumeInformationFile",
		"NtShutdownWorkerFactory",
		"NtSignalAndWaitForSingleObject",
		"NtSuspendProcess",
		"NtSuspendThread",
		"NtTerminateJobObject",
		"NtTerminateProcess",
		"NtTerminateThread",
		"NtUnlockFile",
		"NtUnmapViewOfSection",
		"NtWaitForKeyedEvent",
		"NtWaitForSingleObject",
		"NtWaitForWorkViaWorkerFactory",
		"NtWorkerFactoryWorkerReady",
		"NtWriteFile",
		"NtWriteFileGather",
		"NtWriteVirtualMemory",
	};

	return bsearch(name, names, sizeof(names) / sizeof(*names), sizeof(*names),
		       compare_names) != NULL;
}
