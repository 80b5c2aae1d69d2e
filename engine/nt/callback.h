/*
 * engine/nt/callback.h - routines that drivers have registered with the kernel: told of processes,
 * threads, images, registry operations, handles, bug checks, shutdown, file systems.
 */
#ifndef ND_NT_CALLBACK_H
#define ND_NT_CALLBACK_H

#include "ntdump.h"
#include "nt/object_type.h"
#include "nt/problem.h"
#include "sym/rec.h"

#define ND_CALLBACKS_MAX 4096u /* of one kind */
#define ND_COMPONENT_BYTES 64u

enum nd_callback_kind {
	ND_CALLBACK_PROCESS,	     /* PspCreateProcessNotifyRoutine */
	ND_CALLBACK_THREAD,	     /* PspCreateThreadNotifyRoutine */
	ND_CALLBACK_IMAGE,	     /* PspLoadImageNotifyRoutine */
	ND_CALLBACK_REGISTRY,	     /* CallbackListHead */
	ND_CALLBACK_OBJECT,	     /* OBJECT_TYPE.CallbackList of each type */
	ND_CALLBACK_BUGCHECK,	     /* KeBugCheckCallbackListHead */
	ND_CALLBACK_BUGCHECK_REASON, /* KeBugCheckReasonCallbackListHead */
	ND_CALLBACK_SHUTDOWN,	     /* IopNotifyShutdownQueueHead */
	ND_CALLBACK_SHUTDOWN_LAST,   /* IopNotifyLastChanceShutdownQueueHead */
	ND_CALLBACK_FILE_SYSTEM,     /* IopFsNotifyChangeQueueHead */
	ND_CALLBACK_KINDS
};

struct nd_callback {
	uint32_t index;	       /* slot of an array; place in a list, of all lists together */
	nd_va entry;	       /* EX_CALLBACK_ROUTINE_BLOCK, list entry, record or packet */
	struct nd_u64 routine; /* 0: none */
	struct nd_u64 context; /* that it was registered with; a bug check's buffer; the device of a
				  shutdown, the driver of a file system notification, the
				  registration of an object callback; ND_NONE: there is none */
	struct nd_ustr altitude;	    /* registry only, else ND_NONE */
	const struct nd_object_type *type;  /* object callbacks only: lives with the dump */
	bool post;			    /* called after the operation, not before */
	struct nd_u64 operations, enabled;  /* object callbacks */
	char component[ND_COMPONENT_BYTES]; /* bug checks: raw bytes, maybe cut */
	enum nd_status component_st;	    /* ND_NONE for all others */
	struct nd_u64 reason;		    /* KBUGCHECK_CALLBACK_REASON; else ND_NONE */
};

struct nd_callback_list {
	struct nd_callback *item; /* owned */
	uint32_t count;
	enum nd_status st; /* why nothing, or not all, is known; ND_OK otherwise */
	nd_va at;
};

/*
 * ND_OK (ret->st tells why nothing is known: ND_NO_SYMBOLS where the variable's address is not
 * known), ND_ENOMEM, ND_EIO. Lists that are broken are told to `problems`, which may be NULL. Free
 * with nd_callback_list_free().
 */
enum nd_status nd_callbacks_read(const struct nd_dump *dump, enum nd_callback_kind kind,
				 struct nd_problems *problems, struct nd_callback_list *ret);
void nd_callback_list_free(struct nd_callback_list *list);

/* "KbCallbackDumpIo", ...; NULL for an unknown value. */
const char *nd_bugcheck_reason_name(uint64_t reason);

#endif
