/*
 * engine/nt/sid.h - security identifiers: read, written as S-1-..., named where the name is fixed.
 */
#ifndef ND_NT_SID_H
#define ND_NT_SID_H

#include "ntdump.h"

#define ND_SID_SUBS_MAX 15u    /* SID_MAX_SUB_AUTHORITIES */
#define ND_SID_TEXT_BYTES 192u /* S-1-0x123456789abc and 15 numbers of 10 digits */
#define ND_SID_NAME_BYTES 96u

struct nd_sid {
	enum nd_status st; /* ND_NONE: there is no SID (a NULL pointer); ND_INVALID: not one */
	nd_va at;
	uint64_t authority; /* 48 bits */
	uint32_t count;	    /* of sub[], at most ND_SID_SUBS_MAX */
	uint32_t sub[ND_SID_SUBS_MAX];
};

/* The SID at kernel address `at`. ret.st may be a failure (ND_EIO). */
struct nd_sid nd_sid_read(const struct nd_dump *dump, nd_va at);

/* "S-1-5-32-544". The SID's st must be ND_OK. */
void nd_sid_text(const struct nd_sid *sid, char ret[ND_SID_TEXT_BYTES]);

/*
 * The name that Windows gives a SID on every machine: "BUILTIN\Administrators", "Everyone". False
 * when the name depends on the machine (users, services): nothing is guessed.
 */
bool nd_sid_name(const struct nd_sid *sid, char ret[ND_SID_NAME_BYTES]);

#endif
