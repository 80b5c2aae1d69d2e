/*
 * engine/nt/token.h - access tokens: the integrity level.
 */
#ifndef ND_NT_TOKEN_H
#define ND_NT_TOKEN_H

#include "ntdump.h"
#include "nt/process.h"

/*
 * The last sub-authority of the token's integrity label S-1-16-X (0x2000 medium, 0x3000 high).
 * ND_NONE when the token has no label.
 */
struct nd_u64 nd_token_integrity(const struct nd_dump *dump, struct nd_u64 token);

#endif
