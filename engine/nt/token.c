/*
 * engine/nt/token.c - reads TOKEN: its SIDs, privileges, integrity level; as whom a thread acts.
 */
#include <stdlib.h>
#include <string.h>

#include "nt/token.h"

#define SID_AND_ATTRIBUTES_BYTES 16u
#define NO_INDEX 0xffffffffu
#define LABEL_AUTHORITY 16u  /* SECURITY_MANDATORY_LABEL_AUTHORITY */
#define CLIENT_REF_MASK 7ull /* PS_CLIENT_SECURITY_CONTEXT: level and EffectiveOnly */

static struct nd_u64 level_of(const struct nd_sid *sid)
{
	if (sid->st != ND_OK)
		return nd_u64_missing(sid->st, sid->at);
	if (sid->authority != LABEL_AUTHORITY || sid->count != 1)
		return nd_u64_missing(ND_INVALID, sid->at);
	return (struct nd_u64){ .value = sid->sub[0], .st = ND_OK, .at = sid->at };
}

struct nd_u64 nd_token_integrity(const struct nd_dump *dump, struct nd_u64 token)
{
	struct nd_u64 index, count, groups, at;
	struct nd_sid sid;

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
	at = nd_member_read(&dump->kernel, groups.value + index.value * SID_AND_ATTRIBUTES_BYTES,
			    ND_M_SID_AND_ATTRIBUTES_Sid);
	if (at.st != ND_OK)
		return at;
	sid = nd_sid_read(dump, at.value);
	return level_of(&sid);
}

/* --- arrays of SIDs --------------------------------------------------------------------------- */

static struct nd_group read_group(const struct nd_dump *dump, nd_va at)
{
	struct nd_u64 sid = nd_member_read(&dump->kernel, at, ND_M_SID_AND_ATTRIBUTES_Sid);
	struct nd_group ret = {
		.sid = { .st = sid.st, .at = sid.at },
		.attributes = nd_member_read(&dump->kernel, at, ND_M_SID_AND_ATTRIBUTES_Attributes),
	};

	if (sid.st == ND_OK)
		ret.sid = nd_sid_read(dump, sid.value);
	if (ret.sid.st == ND_NONE) /* an entry cannot be empty */
		ret.sid.st = ND_INVALID;
	return ret;
}

static enum nd_status read_array(const struct nd_dump *dump, nd_va at, uint32_t count,
				 struct nd_groups *ret)
{
	ret->item = calloc(count, sizeof(*ret->item));
	if (!ret->item)
		return ND_ENOMEM;
	for (uint32_t i = 0; i < count; i++) {
		ret->item[i] = read_group(dump, at + (nd_va)i * SID_AND_ATTRIBUTES_BYTES);
		if (nd_is_failure(ret->item[i].sid.st))
			return ret->item[i].sid.st;
	}
	ret->count = count;
	return ND_OK;
}

/* An impossible count gives no entries at all: which of them would be real? */
static enum nd_status read_groups(const struct nd_rec *rec, struct nd_u64 count,
				  struct nd_u64 array, const char *where,
				  struct nd_problems *problems, struct nd_groups *ret)
{
	ret->at = count.at;
	ret->st = count.st != ND_OK ? count.st : array.st;
	if (ret->st != ND_OK)
		return nd_is_failure(ret->st) ? ret->st : ND_OK;
	if (count.value == 0)
		return ND_OK;
	if (count.value > ND_TOKEN_SIDS_MAX || !nd_va_is_kernel(array.value)) {
		ret->st = ND_INVALID;
		nd_problem_add(problems, (struct nd_problem){ .kind = ND_PROBLEM_ABSURD,
							      .where = where,
							      .owner = rec->at,
							      .a = count.value,
							      .b = array.value });
		return ND_OK;
	}
	return read_array(rec->dump, array.value, (uint32_t)count.value, ret);
}

static void check_groups(const struct nd_groups *groups, nd_va token, struct nd_problems *problems)
{
	for (uint32_t i = 0; i < groups->count; i++)
		if (groups->item[i].sid.st == ND_INVALID)
			nd_problem_add(problems, (struct nd_problem){ .kind = ND_PROBLEM_SID,
								      .where = "SID",
								      .owner = token,
								      .a = groups->item[i].sid.at,
								      .b = i });
}

static enum nd_status read_all_groups(const struct nd_rec *rec, struct nd_problems *problems,
				      struct nd_token *t)
{
	enum nd_status st;

	st = read_groups(rec, nd_rec_get(rec, ND_M_TOKEN_UserAndGroupCount),
			 nd_rec_get(rec, ND_M_TOKEN_UserAndGroups), "TOKEN.UserAndGroupCount",
			 problems, &t->groups);
	if (st == ND_OK)
		st = read_groups(rec, nd_rec_get(rec, ND_M_TOKEN_RestrictedSidCount),
				 nd_rec_get(rec, ND_M_TOKEN_RestrictedSids),
				 "TOKEN.RestrictedSidCount", problems, &t->restricted);
	if (st == ND_OK)
		st = read_groups(rec, nd_rec_get(rec, ND_M_TOKEN_CapabilityCount),
				 nd_rec_get(rec, ND_M_TOKEN_Capabilities), "TOKEN.CapabilityCount",
				 problems, &t->capabilities);
	check_groups(&t->groups, t->at, problems);
	check_groups(&t->restricted, t->at, problems);
	check_groups(&t->capabilities, t->at, problems);
	return st;
}

/* --- the token -------------------------------------------------------------------------------- */

static struct nd_u64 privileges(const struct nd_rec *rec, enum nd_member_id part)
{
	uint32_t base = nd_offset(rec->dump, ND_M_TOKEN_Privileges);
	uint32_t offset = nd_offset(rec->dump, part);

	if (base == ND_OFFSET_ABSENT || offset == ND_OFFSET_ABSENT)
		return nd_u64_missing(ND_NOT_IN_BUILD, rec->at);
	return nd_rec_num(rec, base + offset, 8);
}

static void read_numbers(const struct nd_rec *rec, struct nd_token *t)
{
	char source[16] = { 0 }; /* TOKEN_SOURCE: 8 characters, then a LUID */

	t->source_st = nd_rec_bytes(rec, ND_M_TOKEN_TokenSource, source);
	if (t->source_st == ND_OK)
		memcpy(t->source, source, sizeof(t->source) - 1);
	t->id = nd_rec_get(rec, ND_M_TOKEN_TokenId);
	t->logon_id = nd_rec_get(rec, ND_M_TOKEN_AuthenticationId);
	t->parent_id = nd_rec_get(rec, ND_M_TOKEN_ParentTokenId);
	t->modified_id = nd_rec_get(rec, ND_M_TOKEN_ModifiedId);
	t->expiration_time = nd_rec_get(rec, ND_M_TOKEN_ExpirationTime);
	t->session_id = nd_rec_get(rec, ND_M_TOKEN_SessionId);
	t->type = nd_rec_get(rec, ND_M_TOKEN_TokenType);
	t->impersonation_level = nd_rec_get(rec, ND_M_TOKEN_ImpersonationLevel);
	t->flags = nd_rec_get(rec, ND_M_TOKEN_TokenFlags);
	t->mandatory_policy = nd_rec_get(rec, ND_M_TOKEN_MandatoryPolicy);
	t->owner_index = nd_rec_get(rec, ND_M_TOKEN_DefaultOwnerIndex);
	t->present = privileges(rec, ND_M_SEP_TOKEN_PRIVILEGES_Present);
	t->enabled = privileges(rec, ND_M_SEP_TOKEN_PRIVILEGES_Enabled);
	t->by_default = privileges(rec, ND_M_SEP_TOKEN_PRIVILEGES_EnabledByDefault);
	t->logon_session = nd_rec_get(rec, ND_M_TOKEN_LogonSession);
}

static struct nd_sid sid_of(const struct nd_rec *rec, enum nd_member_id member,
			    struct nd_problems *problems)
{
	struct nd_u64 at = nd_rec_get(rec, member);
	struct nd_sid sid = { .st = at.st, .at = at.at };

	if (at.st == ND_OK)
		sid = nd_sid_read(rec->dump, at.value);
	if (sid.st == ND_INVALID)
		nd_problem_add(problems, (struct nd_problem){ .kind = ND_PROBLEM_SID,
							      .where = "SID",
							      .owner = rec->at,
							      .a = sid.at });
	return sid;
}

/* A member of the structure that another member points to. ND_NONE for a NULL pointer. */
static struct nd_u64 follow(const struct nd_dump *dump, struct nd_u64 pointer,
			    enum nd_member_id member)
{
	if (pointer.st != ND_OK)
		return pointer;
	if (pointer.value == 0)
		return nd_u64_missing(ND_NONE, pointer.at);
	if (!nd_va_is_kernel(pointer.value))
		return nd_u64_missing(ND_INVALID, pointer.at);
	return nd_member_read(&dump->kernel, pointer.value, member);
}

static struct nd_u64 integrity(const struct nd_rec *rec, const struct nd_token *t)
{
	struct nd_u64 index = nd_rec_get(rec, ND_M_TOKEN_IntegrityLevelIndex);

	if (index.st != ND_OK)
		return index;
	if (index.value == NO_INDEX)
		return nd_u64_missing(ND_NONE, index.at);
	if (t->groups.st != ND_OK)
		return nd_u64_missing(t->groups.st, t->groups.at);
	if (index.value >= t->groups.count)
		return nd_u64_missing(ND_INVALID, index.at);
	return level_of(&t->groups.item[index.value].sid);
}

enum nd_status nd_token_read(const struct nd_dump *dump, nd_va token, struct nd_problems *problems,
			     struct nd_token *ret)
{
	struct nd_token t = { .at = token };
	struct nd_rec rec;
	enum nd_status st;

	if (!nd_va_is_kernel(token) || token & 7)
		return ND_INVALID;
	st = nd_rec_read(&dump->kernel, token, ND_S_TOKEN, &rec);
	if (nd_is_failure(st) || (st != ND_OK && rec.st[1] != ND_OK))
		return st;
	read_numbers(&rec, &t);
	st = read_all_groups(&rec, problems, &t);
	if (st != ND_OK) {
		nd_token_free(&t);
		return st;
	}
	t.integrity = integrity(&rec, &t);
	t.primary_group = sid_of(&rec, ND_M_TOKEN_PrimaryGroup, problems);
	t.package = sid_of(&rec, ND_M_TOKEN_Package, problems);
	t.trust_level = sid_of(&rec, ND_M_TOKEN_TrustLevelSid, problems);
	t.lowbox_number = follow(dump, nd_rec_get(&rec, ND_M_TOKEN_LowboxNumberEntry),
				 ND_M_SEP_LOWBOX_NUMBER_ENTRY_LowboxNumber);
	t.sibling_logon_id =
		follow(dump, t.logon_session, ND_M_SEP_LOGON_SESSION_REFERENCES_SiblingAuthId);
	*ret = t;
	return ND_OK;
}

void nd_token_free(struct nd_token *token)
{
	free(token->groups.item);
	free(token->restricted.item);
	free(token->capabilities.item);
	token->groups = token->restricted = token->capabilities = (struct nd_groups){ 0 };
}

static struct nd_ustr logon_string(const struct nd_dump *dump, const struct nd_token *token,
				   enum nd_member_id member)
{
	struct nd_u64 at = token->logon_session;
	uint32_t offset = nd_offset(dump, member);

	if (at.st == ND_OK && at.value == 0)
		at.st = ND_NONE;
	else if (at.st == ND_OK && !nd_va_is_kernel(at.value))
		at.st = ND_INVALID;
	else if (at.st == ND_OK && offset == ND_OFFSET_ABSENT)
		at.st = ND_NOT_IN_BUILD;
	if (at.st != ND_OK)
		return (struct nd_ustr){ .st = at.st, .at = at.at };
	return nd_ustr_read(&dump->kernel, at.value + offset);
}

struct nd_ustr nd_logon_authority(const struct nd_dump *dump, const struct nd_token *token)
{
	return logon_string(dump, token, ND_M_SEP_LOGON_SESSION_REFERENCES_AuthorityName);
}

struct nd_ustr nd_logon_account(const struct nd_dump *dump, const struct nd_token *token)
{
	return logon_string(dump, token, ND_M_SEP_LOGON_SESSION_REFERENCES_AccountName);
}

const char *nd_privilege_name(unsigned bit)
{
	static const char *const name[] = {
		[2] = "SeCreateTokenPrivilege",
		[3] = "SeAssignPrimaryTokenPrivilege",
		[4] = "SeLockMemoryPrivilege",
		[5] = "SeIncreaseQuotaPrivilege",
		[6] = "SeMachineAccountPrivilege",
		[7] = "SeTcbPrivilege",
		[8] = "SeSecurityPrivilege",
		[9] = "SeTakeOwnershipPrivilege",
		[10] = "SeLoadDriverPrivilege",
		[11] = "SeSystemProfilePrivilege",
		[12] = "SeSystemtimePrivilege",
		[13] = "SeProfileSingleProcessPrivilege",
		[14] = "SeIncreaseBasePriorityPrivilege",
		[15] = "SeCreatePagefilePrivilege",
		[16] = "SeCreatePermanentPrivilege",
		[17] = "SeBackupPrivilege",
		[18] = "SeRestorePrivilege",
		[19] = "SeShutdownPrivilege",
		[20] = "SeDebugPrivilege",
		[21] = "SeAuditPrivilege",
		[22] = "SeSystemEnvironmentPrivilege",
		[23] = "SeChangeNotifyPrivilege",
		[24] = "SeRemoteShutdownPrivilege",
		[25] = "SeUndockPrivilege",
		[26] = "SeSyncAgentPrivilege",
		[27] = "SeEnableDelegationPrivilege",
		[28] = "SeManageVolumePrivilege",
		[29] = "SeImpersonatePrivilege",
		[30] = "SeCreateGlobalPrivilege",
		[31] = "SeTrustedCredManAccessPrivilege",
		[32] = "SeRelabelPrivilege",
		[33] = "SeIncreaseWorkingSetPrivilege",
		[34] = "SeTimeZonePrivilege",
		[35] = "SeCreateSymbolicLinkPrivilege",
		[36] = "SeDelegateSessionUserImpersonatePrivilege",
	};

	return bit < sizeof(name) / sizeof(*name) ? name[bit] : NULL;
}

struct nd_impersonation nd_thread_impersonation(const struct nd_dump *dump, nd_va ethread)
{
	struct nd_u64 active =
		nd_member_read(&dump->kernel, ethread, ND_M_ETHREAD_ActiveImpersonationInfo);
	struct nd_u64 client = nd_member_read(&dump->kernel, ethread, ND_M_ETHREAD_ClientSecurity);
	struct nd_impersonation ret = { .st = active.st, .at = active.at };

	if (ret.st == ND_OK && active.value == 0)
		ret.st = ND_NONE;
	if (ret.st == ND_OK) {
		ret.st = client.st;
		ret.at = client.at;
	}
	if (ret.st != ND_OK)
		return ret;
	ret.token = client.value & ~CLIENT_REF_MASK;
	ret.level = (unsigned)(client.value & 3);
	ret.effective_only = client.value & 4;
	if (!nd_va_is_kernel(ret.token))
		ret.st = ND_INVALID;
	return ret;
}
