/*
 * engine/nt/thread.c - reads ETHREAD/KTHREAD and names states and wait reasons.
 */
#include "nt/thread.h"

enum { STATE_WAITING = 5, STATE_TRANSITION = 6, STATE_WAITING_FOR_PROCESS_IN_SWAP = 9 };

/* KTHREAD_STATE, 9600 to 22000. */
static const char *const state_name[] = {
	"Initialized", "Ready",	     "Running",	      "Standby",	  "Terminated",
	"Waiting",     "Transition", "DeferredReady", "GateWaitObsolete", "WaitingForProcessInSwap",
};

/* KWAIT_REASON, 9600 to 22000; later members were added at the end. */
static const char *const wait_reason_name[] = {
	"Executive",
	"FreePage",
	"PageIn",
	"PoolAllocation",
	"DelayExecution",
	"Suspended",
	"UserRequest",
	"WrExecutive",
	"WrFreePage",
	"WrPageIn",
	"WrPoolAllocation",
	"WrDelayExecution",
	"WrSuspended",
	"WrUserRequest",
	"WrSpare0",
	"WrQueue",
	"WrLpcReceive",
	"WrLpcReply",
	"WrVirtualMemory",
	"WrPageOut",
	"WrRendezvous",
	"WrKeyedEvent",
	"WrTerminated",
	"WrProcessInSwap",
	"WrCpuRateControl",
	"WrCalloutStack",
	"WrKernel",
	"WrResource",
	"WrPushLock",
	"WrMutex",
	"WrQuantumEnd",
	"WrDispatchInt",
	"WrPreempted",
	"WrYieldExecution",
	"WrFastMutex",
	"WrGuardedMutex",
	"WrRundown",
	"WrAlertByThreadId",
	"WrDeferredPreempt",
	"WrPhysicalFault",
	"WrIoRing",
	"WrMdlCache",
	"WrRcu",
};

const char *nd_thread_state_name(uint64_t state)
{
	return state < sizeof(state_name) / sizeof(*state_name) ? state_name[state] : NULL;
}

const char *nd_wait_reason_name(uint64_t reason)
{
	return reason < sizeof(wait_reason_name) / sizeof(*wait_reason_name)
		       ? wait_reason_name[reason]
		       : NULL;
}

bool nd_thread_is_waiting(const struct nd_thread *thread)
{
	return thread->state.st == ND_OK &&
	       (thread->state.value == STATE_WAITING || thread->state.value == STATE_TRANSITION ||
		thread->state.value == STATE_WAITING_FOR_PROCESS_IN_SWAP);
}

static void read_scheduling(const struct nd_rec *rec, struct nd_thread *t)
{
	t->state = nd_rec_get(rec, ND_M_KTHREAD_State);
	t->wait_reason = nd_rec_get(rec, ND_M_KTHREAD_WaitReason);
	t->wait_mode = nd_rec_get(rec, ND_M_KTHREAD_WaitMode);
	t->wait_irql = nd_rec_get(rec, ND_M_KTHREAD_WaitIrql);
	t->wait_time = nd_rec_get(rec, ND_M_KTHREAD_WaitTime);
	t->priority = nd_rec_get(rec, ND_M_KTHREAD_Priority);
	t->base_priority = nd_rec_get(rec, ND_M_KTHREAD_BasePriority);
	t->context_switches = nd_rec_get(rec, ND_M_KTHREAD_ContextSwitches);
	t->kernel_time = nd_rec_get(rec, ND_M_KTHREAD_KernelTime);
	t->user_time = nd_rec_get(rec, ND_M_KTHREAD_UserTime);
	t->cycle_time = nd_rec_get(rec, ND_M_KTHREAD_CycleTime);
	t->next_processor = nd_rec_get(rec, ND_M_KTHREAD_NextProcessor);
	t->suspend_count = nd_rec_get(rec, ND_M_KTHREAD_SuspendCount);
	t->previous_mode = nd_rec_get(rec, ND_M_KTHREAD_PreviousMode);
	t->system_call_number = nd_rec_get(rec, ND_M_KTHREAD_SystemCallNumber);
	t->first_argument = nd_rec_get(rec, ND_M_KTHREAD_FirstArgument);
	t->system_thread = nd_rec_get(rec, ND_M_KTHREAD_SystemThread);
}

static void read_stacks(const struct nd_rec *rec, struct nd_thread *t)
{
	t->trap_frame = nd_rec_get(rec, ND_M_KTHREAD_TrapFrame);
	t->initial_stack = nd_rec_get(rec, ND_M_KTHREAD_InitialStack);
	t->kernel_stack = nd_rec_get(rec, ND_M_KTHREAD_KernelStack);
	t->stack_base = nd_rec_get(rec, ND_M_KTHREAD_StackBase);
	t->stack_limit = nd_rec_get(rec, ND_M_KTHREAD_StackLimit);
	t->teb = nd_rec_get(rec, ND_M_KTHREAD_Teb);
	t->win32_thread = nd_rec_get(rec, ND_M_KTHREAD_Win32Thread);
	t->process = nd_rec_get(rec, ND_M_KTHREAD_Process);
}

/* A member of a structure that is itself a member. */
static struct nd_u64 nested(const struct nd_rec *rec, enum nd_member_id outer,
			    enum nd_member_id inner)
{
	uint32_t a = nd_offset(rec->dump, outer), b = nd_offset(rec->dump, inner);

	if (a == ND_OFFSET_ABSENT || b == ND_OFFSET_ABSENT)
		return nd_u64_missing(ND_NOT_IN_BUILD, rec->at);
	return nd_rec_num(rec, a + b, nd_member_bytes[inner]);
}

static void read_ethread(const struct nd_rec *rec, struct nd_thread *t)
{
	t->pid = nested(rec, ND_M_ETHREAD_Cid, ND_M_CLIENT_ID_UniqueProcess);
	t->tid = nested(rec, ND_M_ETHREAD_Cid, ND_M_CLIENT_ID_UniqueThread);
	t->attached_process = nested(rec, ND_M_KTHREAD_ApcState, ND_M_KAPC_STATE_Process);
	t->create_time = nd_rec_get(rec, ND_M_ETHREAD_CreateTime);
	t->exit_time = nd_rec_get(rec, ND_M_ETHREAD_ExitTime);
	t->exit_status = nd_rec_get(rec, ND_M_ETHREAD_ExitStatus);
	t->start_address = nd_rec_get(rec, ND_M_ETHREAD_StartAddress);
	t->win32_start_address = nd_rec_get(rec, ND_M_ETHREAD_Win32StartAddress);
	t->terminated = nd_rec_get(rec, ND_M_ETHREAD_Terminated);
	t->thread_name = nd_rec_get(rec, ND_M_ETHREAD_ThreadName);
}

enum nd_status nd_thread_read(const struct nd_dump *dump, nd_va ethread, struct nd_thread *ret)
{
	struct nd_rec rec;
	enum nd_status st;

	if (!nd_va_is_kernel(ethread) || ethread & 7)
		return ND_INVALID;
	st = nd_rec_read(&dump->kernel, ethread, ND_S_ETHREAD, &rec);
	if (nd_is_failure(st) || (st != ND_OK && rec.st[1] != ND_OK))
		return st;
	*ret = (struct nd_thread){ .ethread = ethread };
	read_scheduling(&rec, ret);
	read_stacks(&rec, ret);
	read_ethread(&rec, ret);
	return ND_OK;
}

struct nd_u64 nd_thread_start(const struct nd_thread *thread)
{
	if (thread->win32_start_address.st == ND_OK && thread->win32_start_address.value == 0)
		return thread->start_address;
	return thread->win32_start_address;
}

struct nd_ustr nd_thread_name(const struct nd_dump *dump, const struct nd_thread *thread)
{
	struct nd_u64 p = thread->thread_name;

	if (p.st == ND_OK && p.value == 0)
		p.st = ND_NONE;
	else if (p.st == ND_OK && !nd_va_is_kernel(p.value))
		p.st = ND_INVALID;
	if (p.st != ND_OK)
		return (struct nd_ustr){ .st = p.st, .at = p.at };
	return nd_ustr_read(&dump->kernel, p.value);
}
