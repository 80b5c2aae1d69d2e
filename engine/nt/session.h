/*
 * engine/nt/session.h - terminal sessions: MM_SESSION_SPACE, and the processes of each.
 */
#ifndef ND_NT_SESSION_H
#define ND_NT_SESSION_H

#include "ntdump.h"
#include "nt/problem.h"
#include "nt/process.h"

#define ND_SESSIONS_MAX 4096u

struct nd_session_ref {
	nd_va at; /* MM_SESSION_SPACE */
	struct nd_u64 id;
	uint32_t duplicate; /* how many before it have the same id */
	uint32_t reader;    /* index of a process whose address space maps it, or UINT32_MAX */
	uint32_t first_member, member_count; /* into nd_session_list.member: indices by pid */
	uint32_t listed;		     /* of them on its ProcessList */
};

struct nd_session_list {
	struct nd_session_ref *ref; /* by id, those without a readable one last */
	uint32_t count;
	uint32_t *member; /* indices in nd_processes() */
	struct nd_problems problems;
};

/* All sessions: built on first use, then shared; lives as long as the dump. ND_ENOMEM, ND_EIO. */
enum nd_status nd_sessions(const struct nd_dump *dump, const struct nd_session_list **ret);
/* Index of the session whose MM_SESSION_SPACE is at `at`, or UINT32_MAX. */
uint32_t nd_session_index(const struct nd_session_list *list, nd_va at);

struct nd_session {
	struct nd_u64 reference_count, locale;
	struct nd_u64 io_state;	   /* IO_SESSION_STATE */
	struct nd_u64 create_time; /* FILETIME */
	struct nd_u64 session_object;
	struct nd_u64 server_silo; /* EJOB; 0: the host's */
};

/* Members that cannot be read speak for themselves. */
struct nd_session nd_session_read(const struct nd_dump *dump, const struct nd_session_ref *ref);
/* "Connected", ...; NULL for an unknown value. */
const char *nd_session_state_name(uint64_t state);

/* For nt/tables.c. */
enum nd_status nd_session_list_build(const struct nd_dump *dump, struct nd_session_list *ret);
void nd_session_list_free(struct nd_session_list *list);

#endif
