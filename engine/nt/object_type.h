/*
 * engine/nt/object_type.h - the kinds of kernel objects: OBJECT_TYPE by index, and how a header's
 * TypeIndex is to be read (nt!ObHeaderCookie).
 */
#ifndef ND_NT_OBJECT_TYPE_H
#define ND_NT_OBJECT_TYPE_H

#include "ntdump.h"
#include "nt/problem.h"
#include "sym/rec.h"

#define ND_OBJECT_TYPES 256u
#define ND_TYPE_NAME_BYTES 64u

/* Types of which more is known than their headers. */
enum nd_object_kind {
	ND_OBJECT_OTHER,
	ND_OBJECT_TYPE,
	ND_OBJECT_DIRECTORY,
	ND_OBJECT_SYMBOLIC_LINK,
	ND_OBJECT_TOKEN,
	ND_OBJECT_JOB,
	ND_OBJECT_PROCESS,
	ND_OBJECT_THREAD,
	ND_OBJECT_EVENT,
	ND_OBJECT_MUTANT,
	ND_OBJECT_SEMAPHORE,
	ND_OBJECT_TIMER,
	ND_OBJECT_SECTION,
	ND_OBJECT_KEY,
	ND_OBJECT_FILE,
	ND_OBJECT_DEVICE,
	ND_OBJECT_DRIVER,
	ND_OBJECT_ALPC_PORT,
	ND_OBJECT_IO_COMPLETION,
	ND_OBJECT_ETW_REGISTRATION,
	ND_OBJECT_TP_WORKER_FACTORY,
	ND_OBJECT_WINDOW_STATION,
	ND_OBJECT_DESKTOP,
	ND_OBJECT_SESSION,
	ND_OBJECT_DEBUG_OBJECT,
	ND_OBJECT_KEYED_EVENT,
	ND_OBJECT_PARTITION,
	ND_OBJECT_KINDS
};

struct nd_object_type {
	nd_va at; /* OBJECT_TYPE; 0: the index is not used */
	enum nd_object_kind kind;
	char name[ND_TYPE_NAME_BYTES]; /* printable ASCII; "" unless name_st is ND_OK */
	enum nd_status name_st;	       /* ND_INVALID: not such a name */
	uint32_t valid_access;	       /* TypeInfo.ValidAccessMask; 0 when unknown */
};

struct nd_object_types {
	struct nd_object_type type[ND_OBJECT_TYPES];
	uint32_t count; /* of those that are used */
	bool encoded;	/* TypeIndex is XORed with the header's address and the cookie */
	uint8_t cookie;
	enum nd_status st; /* why types cannot be told; ND_OK otherwise */
	nd_va at;
};

/* All types: read on first use, lives with the dump. ND_ENOMEM, ND_EIO. */
enum nd_status nd_object_types(const struct nd_dump *dump, const struct nd_object_types **ret);

/*
 * The type of the object whose header is at `header` and stores `type_index`. NULL with the reason
 * in *ret_st (ND_INVALID: no type has this index).
 */
const struct nd_object_type *nd_object_type_of(const struct nd_object_types *types, nd_va header,
					       uint8_t type_index, enum nd_status *ret_st);

/* For nt/tables.c. */
enum nd_status nd_object_types_build(const struct nd_dump *dump, struct nd_object_types *ret);

#endif
