/*
 * engine/nt/token.h - access tokens: who a process or an impersonating thread acts as, and what it
 * may do.
 */
#ifndef ND_NT_TOKEN_H
#define ND_NT_TOKEN_H

#include "ntdump.h"
#include "nt/problem.h"
#include "nt/process.h"
#include "nt/sid.h"

#define ND_TOKEN_SIDS_MAX 4096u /* of one array; Windows itself stops at about 1,000 */

/* One SID_AND_ATTRIBUTES. */
struct nd_group {
	struct nd_sid sid;
	struct nd_u64 attributes; /* SE_GROUP_* */
};

/* An array of them. st: why there is none; ND_OK with count 0 is an empty one. */
struct nd_groups {
	struct nd_group *item; /* owned by the token */
	uint32_t count;
	enum nd_status st;
	nd_va at;
};

struct nd_token {
	nd_va at;
	char source[9]; /* TokenSource.SourceName: raw bytes */
	enum nd_status source_st;
	struct nd_u64 id, logon_id, parent_id, modified_id; /* LUIDs */
	struct nd_u64 expiration_time;			    /* FILETIME */
	struct nd_u64 session_id;
	struct nd_u64 type;			    /* 1 primary, 2 impersonation */
	struct nd_u64 impersonation_level;	    /* SECURITY_IMPERSONATION_LEVEL */
	struct nd_u64 flags;			    /* TOKEN_* bits of TokenFlags */
	struct nd_u64 mandatory_policy;		    /* TOKEN_MANDATORY_POLICY_* */
	struct nd_u64 present, enabled, by_default; /* privileges: bit n is LUID n */
	struct nd_groups groups;		    /* [0] is the user */
	struct nd_groups restricted;
	struct nd_groups capabilities;
	struct nd_u64 integrity; /* as nd_token_integrity() */
	struct nd_sid primary_group;
	struct nd_sid package;		/* ND_NONE: in no AppContainer */
	struct nd_sid trust_level;	/* ND_NONE: no trust label */
	struct nd_u64 owner_index;	/* DefaultOwnerIndex, into groups */
	struct nd_u64 lowbox_number;	/* ND_NONE without */
	struct nd_u64 logon_session;	/* SEP_LOGON_SESSION_REFERENCES */
	struct nd_u64 sibling_logon_id; /* of the logon session: 0 when it has no twin */
};

/*
 * Read the TOKEN at `token`. ND_OK when some of it is there; members speak for themselves. What is
 * impossible is told to `problems` (NULL allowed). Free with nd_token_free() when ND_OK.
 * ND_INVALID: no kernel address; ND_ENOMEM, ND_EIO.
 */
enum nd_status nd_token_read(const struct nd_dump *dump, nd_va token, struct nd_problems *problems,
			     struct nd_token *ret);
void nd_token_free(struct nd_token *token);

/*
 * The last sub-authority of the token's integrity label S-1-16-X (0x2000 medium, 0x3000 high).
 * ND_NONE when the token has no label.
 */
struct nd_u64 nd_token_integrity(const struct nd_dump *dump, struct nd_u64 token);

/* "SeDebugPrivilege" of bit 20, ...; NULL for a bit without a name. */
const char *nd_privilege_name(unsigned bit);

/* The logon session's account; ND_NONE without. Free with nd_ustr_free(). */
struct nd_ustr nd_logon_authority(const struct nd_dump *dump, const struct nd_token *token);
struct nd_ustr nd_logon_account(const struct nd_dump *dump, const struct nd_token *token);

/* As whom a thread acts. */
struct nd_impersonation {
	enum nd_status st; /* ND_OK; ND_NONE: it does not impersonate; or why it cannot be told */
	nd_va at;
	nd_va token;
	unsigned level; /* SECURITY_IMPERSONATION_LEVEL of the thread */
	bool effective_only;
};

struct nd_impersonation nd_thread_impersonation(const struct nd_dump *dump, nd_va ethread);

#endif
