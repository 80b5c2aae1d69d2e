/*
 * engine/nt/system_call.h - which system call a thread sits in, if it sits in one: KTHREAD keeps
 * the number and the first argument of the last call, and nobody clears them.
 */
#ifndef ND_NT_SYSTEM_CALL_H
#define ND_NT_SYSTEM_CALL_H

#include "ntdump.h"
#include "nt/thread.h"

/* The service table counts the arguments on the stack in four bits. */
#define ND_STACK_ARGUMENTS_MAX 15u

/* What was found out. The first three: the thread is in the call. */
enum nd_call_verdict {
	ND_CALL_PROVEN,	  /* the stub before Rip loads the same number */
	ND_CALL_UNPROVEN, /* the code before Rip cannot be read */
	ND_CALL_NO_STUB,  /* a system call instruction before Rip, but in no known stub */
	ND_CALL_NO_FRAME, /* KTHREAD.TrapFrame is 0 */
	ND_CALL_NOT_STARTED,
	ND_CALL_ENDED,
	ND_CALL_SYSTEM_THREAD,
	ND_CALL_FROM_KERNEL,  /* the last entry is a Zw call of the kernel's own code */
	ND_CALL_INTERRUPTED,  /* the last entry is an interrupt of user code */
	ND_CALL_EXCEPTION,    /* or an exception */
	ND_CALL_RETURNED,     /* it runs, and its processor is in user mode */
	ND_CALL_RUNS,	      /* it runs, and nothing tells where: it may have returned */
	ND_CALL_NOT_BEHIND,   /* Rip is not behind a system call instruction */
	ND_CALL_OTHER_NUMBER, /* the stub before Rip loads another number: KTHREAD's is stale */
	ND_CALL_UNKNOWN,      /* what decides cannot be read: see number.st */
};

struct nd_system_call {
	enum nd_call_verdict verdict;
	struct nd_u64 number;	      /* EAX; ND_NONE when in no call, ND_INVALID: OTHER_NUMBER */
	struct nd_u64 first_argument; /* 64 bits as the caller passed them; st as number */
	struct nd_u64 stub_number;    /* what the stub before Rip loads; ND_NONE without a stub */
	nd_va user_rsp;		      /* 0 unless in a call */
};

/* Whether the verdict means that the thread is in the call. */
static inline bool nd_call_is_inside(enum nd_call_verdict verdict)
{
	return verdict <= ND_CALL_NO_STUB;
}

/* ND_OK with a verdict, whatever is missing; ND_EIO, ND_ENOMEM. */
enum nd_status nd_system_call_read(const struct nd_dump *dump, const struct nd_thread *thread,
				   struct nd_system_call *ret);

/*
 * The call's arguments on the user stack, the fifth first: at Rsp + 0x28. `count` (at most
 * ND_STACK_ARGUMENTS_MAX) of them, each with its reason; ND_NONE each when in no call.
 */
void nd_system_call_stack_arguments(const struct nd_dump *dump, const struct nd_thread *thread,
				    const struct nd_system_call *call, uint32_t count,
				    struct nd_u64 *ret);

/* Whether the first argument of the service named `name` ("NtClose") is a handle. */
bool nd_service_takes_handle(const char *name);

#endif
