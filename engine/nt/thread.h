/*
 * engine/nt/thread.h - ETHREAD and its KTHREAD: one thread, and the threads of a process.
 */
#ifndef ND_NT_THREAD_H
#define ND_NT_THREAD_H

#include "ntdump.h"
#include "nt/problem.h"
#include "nt/process.h"

#define ND_THREADS_MAX 1000000u

struct nd_thread {
	nd_va ethread;
	struct nd_u64 tid, pid;		    /* Cid */
	struct nd_u64 process;		    /* KTHREAD.Process: the owner's KPROCESS = EPROCESS */
	struct nd_u64 attached_process;	    /* ApcState.Process */
	struct nd_u64 state;		    /* KTHREAD_STATE */
	struct nd_u64 wait_reason;	    /* KWAIT_REASON; a leftover unless State is Waiting */
	struct nd_u64 wait_mode;	    /* 0 kernel, 1 user */
	struct nd_u64 wait_irql, wait_time; /* tick count, low 32 bits */
	struct nd_u64 priority, base_priority; /* signed bytes */
	struct nd_u64 trap_frame;	       /* KTHREAD.TrapFrame; 0 when there is none */
	struct nd_u64 initial_stack, kernel_stack, stack_base, stack_limit;
	struct nd_u64 teb;
	struct nd_u64 context_switches;
	struct nd_u64 kernel_time, user_time; /* ticks of KeTimeIncrement */
	struct nd_u64 cycle_time;
	struct nd_u64 create_time, exit_time; /* FILETIME */
	struct nd_u64 exit_status;
	struct nd_u64 start_address;	   /* kernel's first user (or system) routine */
	struct nd_u64 win32_start_address; /* what the creator said; a claim */
	struct nd_u64 system_call_number, first_argument; /* of the last system call */
	struct nd_u64 previous_mode;
	struct nd_u64 next_processor;
	struct nd_u64 suspend_count;
	struct nd_u64 terminated;    /* CrossThreadFlags.Terminated */
	struct nd_u64 system_thread; /* MiscFlags.SystemThread */
	struct nd_u64 win32_thread;
	struct nd_u64 thread_name; /* UNICODE_STRING *, 14393 and later */
};

/*
 * Read the ETHREAD at `ethread` (its first member is the KTHREAD, so one copy serves both). ND_OK
 * when some of it is there; each member says for itself whether it is.
 */
enum nd_status nd_thread_read(const struct nd_dump *dump, nd_va ethread, struct nd_thread *ret);

/* Win32StartAddress, or StartAddress where that is 0 (kernel threads). */
struct nd_u64 nd_thread_start(const struct nd_thread *thread);

/* KTHREAD_STATE and KWAIT_REASON by name; NULL when the value has none. */
const char *nd_thread_state_name(uint64_t state);
const char *nd_wait_reason_name(uint64_t reason);
/* Whether WaitReason means something in this state (Waiting, Transition, WaitingForProcessInSwap). */
bool nd_thread_is_waiting(const struct nd_thread *thread);

/* The name that SetThreadDescription gave. ND_NONE without one. Free with nd_ustr_free(). */
struct nd_ustr nd_thread_name(const struct nd_dump *dump, const struct nd_thread *thread);

struct nd_thread_ref {
	nd_va ethread;
	uint64_t tid;
	enum nd_status tid_st;
	uint32_t duplicate; /* as nd_process_ref.duplicate */
	struct nd_u64 create_time;
	bool in_eprocess_list, in_kprocess_list;
};

struct nd_thread_list {
	struct nd_thread_ref *ref; /* in EPROCESS.ThreadListHead order, then those only on the
				       * KPROCESS list */
	uint32_t count;
	uint32_t *by_tid; /* indices sorted by tid */
	struct nd_problems problems;
	enum nd_status st; /* why there is no list at all; ND_OK otherwise */
};

/* Threads of the `process`-th process of nd_processes(): built on first use, lives with the dump. */
enum nd_status nd_threads(const struct nd_dump *dump, uint32_t process,
			  const struct nd_thread_list **ret);

/* For nt/tables.c. */
enum nd_status nd_thread_list_build(const struct nd_dump *dump, nd_va eprocess,
				    struct nd_thread_list *ret);
void nd_thread_list_free(struct nd_thread_list *list);

#endif
