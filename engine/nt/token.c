/*
 * engine/nt/token.c - reads TOKEN members.
 */
#include "nt/token.h"

#define SID_AND_ATTRIBUTES_BYTES 16u
#define NO_INDEX 0xffffffffu
#define LABEL_AUTHORITY 16u /* SECURITY_MANDATORY_LABEL_AUTHORITY, big-endian in the SID */

/* The one sub-authority of a mandatory label SID. */
static struct nd_u64 label_of(const struct nd_dump *dump, nd_va sid)
{
	uint8_t raw[12];
	enum nd_status st = nd_va_is_kernel(sid) ? nd_read(&dump->kernel, sid, raw, sizeof(raw)) :
						   ND_INVALID;

	if (st == ND_OK && (raw[0] != 1 || raw[1] != 1 || raw[7] != LABEL_AUTHORITY))
		st = ND_INVALID;
	if (st != ND_OK)
		return nd_u64_missing(st, sid);
	return (struct nd_u64){ .value = nd_le32(raw + 8), .st = ND_OK, .at = sid };
}

struct nd_u64 nd_token_integrity(const struct nd_dump *dump, struct nd_u64 token)
{
	struct nd_u64 index, count, groups, sid;

	if (token.st != ND_OK)
		return token;
	if (token.value == 0)
		return nd_u64_missing(ND_NONE, token.at);
	if (!nd_va_is_kernel(token.value))
		return nd_u64_missing(ND_INVALID, token.at);
	index = nd_member_read(&dump->kernel, token.value, ND_M_TOKEN_IntegrityLevelIndex);
	count = nd_member_read(&dump->kernel, token.value, ND_M_TOKEN_UserAndGroupCount);
	groups = nd_member_read(&dump->kernel, token.value, ND_M_TOKEN_UserAndGroups);
	if (index.st != ND_OK)
		return index;
	if (index.value == NO_INDEX)
		return nd_u64_missing(ND_NONE, index.at);
	if (count.st != ND_OK)
		return count;
	if (groups.st != ND_OK)
		return groups;
	if (index.value >= count.value || !nd_va_is_kernel(groups.value))
		return nd_u64_missing(ND_INVALID, index.at);
	sid = nd_member_read(&dump->kernel, groups.value + index.value * SID_AND_ATTRIBUTES_BYTES,
			     ND_M_SID_AND_ATTRIBUTES_Sid);
	return sid.st == ND_OK ? label_of(dump, sid.value) : sid;
}
