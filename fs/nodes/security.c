/*
 * fs/nodes/security.c - proc/<pid>/{token,protection,mitigations}, threads/<tid>/token: who acts,
 * what it may do, what protects it.
 */
#include <string.h>

#include "nodes/nodes.h"
#include "nt/process_flags.h"
#include "nt/token.h"
#include "ntdump.h"

/* --- SIDs ------------------------------------------------------------------------------------- */

/* "SID name", '-' for a name that depends on the machine; or the reason, or '-' for no SID. */
static void sid_text(struct text *out, const struct nd_sid *sid)
{
	char text[ND_SID_TEXT_BYTES], name[ND_SID_NAME_BYTES];

	if (sid->st != ND_OK) {
		text_missing(out, sid->st, sid->at);
		return;
	}
	nd_sid_text(sid, text);
	text_printf(out, "%s %s", text, nd_sid_name(sid, name) ? name : "-");
}

static void sid_fact(struct text *out, const char *key, const struct nd_sid *sid)
{
	text_key(out, key);
	sid_text(out, sid);
	text_line(out);
}

/* SE_GROUP_* bits: MANDATORY|ENABLED, '-' for none. */
static void group_attributes(struct text *out, struct nd_u64 attributes)
{
	static const struct {
		uint32_t mask;
		const char *name;
	} bits[] = {
		{ 0x1, "MANDATORY" },
		{ 0x2, "ENABLED_BY_DEFAULT" },
		{ 0x4, "ENABLED" },
		{ 0x8, "OWNER" },
		{ 0x10, "USE_FOR_DENY_ONLY" },
		{ 0x20, "INTEGRITY" },
		{ 0x40, "INTEGRITY_ENABLED" },
		{ 0x20000000, "RESOURCE" },
		{ 0xc0000000, "LOGON_ID" },
	};
	uint64_t rest = attributes.value;
	const char *separator = "";

	if (attributes.st != ND_OK) {
		text_missing(out, attributes.st, attributes.at);
		return;
	}
	for (size_t i = 0; i < sizeof(bits) / sizeof(*bits); i++)
		if ((rest & bits[i].mask) == bits[i].mask) {
			text_printf(out, "%s%s", separator, bits[i].name);
			separator = "|";
			rest &= ~(uint64_t)bits[i].mask;
		}
	if (rest)
		text_printf(out, "%s0x%llx", separator, (unsigned long long)rest);
	else if (*separator == '\0')
		text_char(out, '-');
}

/* One line an entry from `from` on; one line with the reason where the array cannot be read. */
static void group_facts(struct text *out, const char *key, const struct nd_groups *groups,
			uint32_t from)
{
	if (groups->st != ND_OK) {
		text_key(out, key);
		text_missing(out, groups->st, groups->at);
		text_line(out);
	}
	for (uint32_t i = from; i < groups->count && out->failed == ND_OK; i++) {
		text_key(out, key);
		sid_text(out, &groups->item[i].sid);
		text_char(out, ' ');
		group_attributes(out, groups->item[i].attributes);
		text_line(out);
	}
}

/* --- facts of a token ------------------------------------------------------------------------- */

/* The index of a SID in the token's own groups. */
static struct nd_sid group_sid(const struct nd_groups *groups, struct nd_u64 index)
{
	struct nd_sid sid = { .st = index.st, .at = index.at };

	if (index.st != ND_OK)
		return sid;
	if (groups->st == ND_OK && index.value < groups->count)
		return groups->item[index.value].sid;
	sid.st = groups->st != ND_OK ? groups->st : ND_INVALID;
	return sid;
}

static void integrity_facts(struct text *out, const struct nd_token *t)
{
	text_key(out, "Integrity");
	if (t->integrity.st == ND_OK) {
		text_integrity(out, t->integrity);
		text_printf(out, " (0x%04llx)", (unsigned long long)t->integrity.value);
	} else {
		text_missing(out, t->integrity.st, t->integrity.at);
	}
	text_str(out, "\nMandatoryPolicy:\t");
	text_hex(out, t->mandatory_policy);
	if (t->mandatory_policy.st == ND_OK && t->mandatory_policy.value & 3)
		text_printf(out, " %s%s%s", t->mandatory_policy.value & 1 ? "NO_WRITE_UP" : "",
			    (t->mandatory_policy.value & 3) == 3 ? "|" : "",
			    t->mandatory_policy.value & 2 ? "NEW_PROCESS_MIN" : "");
	text_line(out);
}

/* A privilege that is not present cannot be enabled; if it claims to be, that is shown. */
static void privilege_facts(struct text *out, const struct nd_token *t)
{
	uint64_t any = t->present.value | t->enabled.value | t->by_default.value;

	if (t->present.st != ND_OK) {
		text_key(out, "Privilege");
		text_missing(out, t->present.st, t->present.at);
		text_line(out);
	}
	for (unsigned bit = 0; bit < 64; bit++) {
		const char *separator = " ";

		if (!(any >> bit & 1))
			continue;
		text_key(out, "Privilege");
		if (nd_privilege_name(bit))
			text_str(out, nd_privilege_name(bit));
		else
			text_printf(out, "%u", bit);
		if (t->present.value >> bit & 1) {
			text_str(out, " present");
			separator = ",";
		}
		if (t->enabled.value >> bit & 1) {
			text_printf(out, "%senabled", separator);
			separator = ",";
		}
		if (t->by_default.value >> bit & 1)
			text_printf(out, "%sdefault", separator);
		text_line(out);
	}
}

static void container_facts(struct text *out, const struct nd_token *t)
{
	text_key(out, "AppContainer");
	if (t->package.st == ND_NONE)
		text_str(out, "no");
	else
		sid_text(out, &t->package);
	text_line(out);
	group_facts(out, "Capability", &t->capabilities, 0);
	text_fact_dec(out, "LowboxNumber", t->lowbox_number);
}

static const char *const token_flag_names[32] = {
	"HAS_TRAVERSE",
	"HAS_BACKUP",
	"HAS_RESTORE",
	"WRITE_RESTRICTED",
	"IS_RESTRICTED",
	"SESSION_NOT_REFERENCED",
	"SANDBOX_INERT",
	"HAS_IMPERSONATE",
	NULL,
	"VIRTUALIZE_ALLOWED",
	"VIRTUALIZE_ENABLED",
	"IS_FILTERED",
	"UIACCESS",
	"NOT_LOW",
	"LOWBOX",
	"HAS_OWN_CLAIM_ATTRIBUTES",
	"PRIVATE_NAMESPACE",
	NULL,
	NULL,
	"NO_CHILD_PROCESS",
};

static const char *token_flag_name(unsigned bit)
{
	return bit < 32 ? token_flag_names[bit] : NULL;
}

#define TOKEN_IS_FILTERED 0x800u

/*
 * A logon session with a twin belongs to an administrator under user account control: the filtered
 * token of the two is the limited one.
 */
static void elevation_fact(struct text *out, const struct nd_token *t)
{
	text_key(out, "Elevation");
	if (t->sibling_logon_id.st != ND_OK)
		text_missing(out, t->sibling_logon_id.st, t->sibling_logon_id.at);
	else if (t->sibling_logon_id.value == 0)
		text_str(out, "Default");
	else if (t->flags.st != ND_OK)
		text_missing(out, t->flags.st, t->flags.at);
	else
		text_str(out, t->flags.value & TOKEN_IS_FILTERED ? "Limited" : "Full");
	text_line(out);
}

static void account_fact(struct text *out, const struct nd_dump *dump, const struct nd_token *t)
{
	struct nd_ustr authority = nd_logon_authority(dump, t), account = nd_logon_account(dump, t);

	text_key(out, "Account");
	if (authority.st == ND_OK && account.st == ND_OK && account.count == 0) {
		text_char(out, '-');
	} else if (authority.st == ND_OK && account.st == ND_OK) {
		text_ustr(out, &authority);
		text_char(out, '\\');
		text_ustr(out, &account);
	} else {
		text_ustr(out, account.st != ND_OK ? &account : &authority);
	}
	text_line(out);
	nd_ustr_free(&authority);
	nd_ustr_free(&account);
}

static const char *level_name(uint64_t level)
{
	static const char *const name[] = { "Anonymous", "Identification", "Impersonation",
					    "Delegation" };

	return level < sizeof(name) / sizeof(*name) ? name[level] : NULL;
}

static const char *type_name(uint64_t type)
{
	return type == 1 ? "Primary" : type == 2 ? "Impersonation" : NULL;
}

/* Eight characters, filled up with blanks. */
static void source_fact(struct text *out, const struct nd_token *t)
{
	size_t len = strlen(t->source);

	while (len > 0 && t->source[len - 1] == ' ')
		len--;
	text_key(out, "TokenSource");
	if (t->source_st != ND_OK)
		text_missing(out, t->source_st, t->at);
	else if (len == 0)
		text_char(out, '-');
	else
		text_utf8(out, t->source, len);
	text_line(out);
}

static void identity_facts(struct text *out, const struct nd_dump *dump, const struct nd_token *t)
{
	struct nd_sid user = group_sid(&t->groups, nd_u64_of(0));
	struct nd_sid owner = group_sid(&t->groups, t->owner_index);

	text_fact_va(out, "Token", nd_u64_of(t->at));
	text_fact_hex(out, "TokenId", t->id);
	text_fact_hex(out, "ParentTokenId", t->parent_id);
	text_fact_hex(out, "LogonId", t->logon_id);
	account_fact(out, dump, t);
	text_fact_dec(out, "Session", t->session_id);
	sid_fact(out, "User", &user);
	group_facts(out, "Group", &t->groups, 1);
	sid_fact(out, "PrimaryGroup", &t->primary_group);
	sid_fact(out, "Owner", &owner);
	group_facts(out, "RestrictedSid", &t->restricted, 0);
}

static void kind_facts(struct text *out, const struct nd_token *t)
{
	struct nd_u64 level = t->impersonation_level;

	text_fact_named(out, "TokenType", t->type, type_name);
	if (t->type.st == ND_OK && t->type.value == 1 && level.st == ND_OK)
		level = nd_u64_missing(ND_NONE, level.at); /* means something in the other kind */
	text_fact_named(out, "ImpersonationLevel", level, level_name);
	text_fact_bits(out, "TokenFlags", t->flags, token_flag_name);
	elevation_fact(out, t);
	sid_fact(out, "TrustLevel", &t->trust_level);
	source_fact(out, t);
	text_key(out, "ExpirationTime");
	if (t->expiration_time.st == ND_OK && t->expiration_time.value >= INT64_MAX - 1)
		text_str(out, "never");
	else
		text_time(out, t->expiration_time);
	text_line(out);
}

static enum nd_status token_text(struct text *out, const struct nd_dump *dump, nd_va token)
{
	struct nd_token t;
	enum nd_status st = nd_token_read(dump, token, NULL, &t);

	if (st != ND_OK)
		return missing_or_fail(out, st, token);
	identity_facts(out, dump, &t);
	integrity_facts(out, &t);
	privilege_facts(out, &t);
	container_facts(out, &t);
	kind_facts(out, &t);
	nd_token_free(&t);
	return ND_OK;
}

enum nd_status render_token(struct text *out, const struct node_at *at)
{
	struct nd_process p;
	enum nd_status st = at_process(at, &p);

	if (st == ND_OK)
		st = p.token.st;
	if (st != ND_OK)
		return missing_or_fail(out, st, 0);
	if (p.token.value == 0)
		return missing_or_fail(out, ND_NONE, p.token.at);
	return token_text(out, at->dump, p.token.value);
}

void about_token(const struct node_at *at, struct node_about *ret)
{
	struct nd_process p;

	if (at_process(at, &p) != ND_OK || p.token.st != ND_OK || p.token.value == 0)
		return;
	ret->address = p.token.value;
	ret->type = "Token";
}

static struct nd_impersonation impersonation_at(const struct node_at *at)
{
	struct nd_thread t;
	enum nd_status st = at_thread(at, &t);

	if (st != ND_OK)
		return (struct nd_impersonation){ .st = st };
	return nd_thread_impersonation(at->dump, t.ethread);
}

bool exists_thread_token(const struct node_at *at)
{
	struct nd_impersonation i = impersonation_at(at);

	return i.token != 0;
}

enum nd_status render_thread_token(struct text *out, const struct node_at *at)
{
	struct nd_impersonation i = impersonation_at(at);

	if (i.st != ND_OK)
		return missing_or_fail(out, i.st, i.at);
	return token_text(out, at->dump, i.token);
}

void about_thread_token(const struct node_at *at, struct node_about *ret)
{
	struct nd_impersonation i = impersonation_at(at);

	if (i.st != ND_OK)
		return;
	ret->address = i.token;
	ret->type = "Token";
}

/* --- protection ------------------------------------------------------------------------------- */

static const char *protection_type(uint64_t type)
{
	static const char *const name[] = { "PsProtectedTypeNone", "PsProtectedTypeProtectedLight",
					    "PsProtectedTypeProtected" };

	return type < sizeof(name) / sizeof(*name) ? name[type] : NULL;
}

static const char *protection_signer(uint64_t signer)
{
	static const char *const name[] = {
		"PsProtectedSignerNone",    "PsProtectedSignerAuthenticode",
		"PsProtectedSignerCodeGen", "PsProtectedSignerAntimalware",
		"PsProtectedSignerLsa",	    "PsProtectedSignerWindows",
		"PsProtectedSignerWinTcb",  "PsProtectedSignerWinSystem",
		"PsProtectedSignerApp",
	};

	return signer < sizeof(name) / sizeof(*name) ? name[signer] : NULL;
}

/* SE_SIGNING_LEVEL: the low four bits. */
static void signature_fact(struct text *out, const char *key, struct nd_u64 level)
{
	static const char *const name[16] = {
		"Unchecked",	"Unsigned",
		"Enterprise",	"Developer",
		"Authenticode", "Custom2",
		"Store",	"Antimalware",
		"Microsoft",	"Custom4",
		"Custom5",	"DynamicCodeGen",
		"Windows",	"WindowsProtectedProcessLight",
		"WindowsTcb",	"Custom6",
	};

	text_key(out, key);
	text_hex_pad(out, level, 2);
	if (level.st == ND_OK)
		text_printf(out, " %s", name[level.value & 15]);
	text_line(out);
}

/* A bit field of the byte. */
static struct nd_u64 part(struct nd_u64 byte, unsigned position, unsigned mask)
{
	if (byte.st == ND_OK)
		byte.value = byte.value >> position & mask;
	return byte;
}

enum nd_status render_protection(struct text *out, const struct node_at *at)
{
	struct nd_process p;
	enum nd_status st = at_process(at, &p);

	if (st != ND_OK)
		return missing_or_fail(out, st, 0);
	text_key(out, "Level");
	text_hex_pad(out, p.protection, 2);
	if (p.protection.st == ND_OK && p.protection.value != 0) {
		text_char(out, ' ');
		text_protection(out, p.protection);
	}
	text_line(out);
	text_fact_named(out, "Type", part(p.protection, 0, 7), protection_type);
	text_fact_dec(out, "Audit", part(p.protection, 3, 1));
	text_fact_named(out, "Signer", part(p.protection, 4, 15), protection_signer);
	signature_fact(out, "SignatureLevel", p.signature_level);
	signature_fact(out, "SectionSignatureLevel", p.section_signature_level);
	return ND_OK;
}

/* --- single bits ------------------------------------------------------------------------------ */

enum nd_status render_process_mitigations(struct text *out, const struct node_at *at)
{
	struct nd_process p;
	struct nd_flags flags;
	enum nd_status st = at_process(at, &p);

	if (st != ND_OK)
		return missing_or_fail(out, st, 0);
	nd_process_mitigations(at->dump, &p, &flags);
	for (uint32_t i = 0; i < flags.count; i++) {
		text_str(out, flags.flag[i].name);
		text_line(out);
	}
	return flags.st != ND_OK ? missing_or_fail(out, flags.st, flags.at) : ND_OK;
}

void flag_names_fact(struct text *out, const char *key, const struct nd_flags *flags)
{
	text_key(out, key);
	for (uint32_t i = 0; i < flags->count; i++)
		text_printf(out, "%s%s", i ? "|" : "", flags->flag[i].name);
	if (flags->st != ND_OK) {
		if (flags->count)
			text_char(out, ' ');
		text_missing(out, flags->st, flags->at);
	} else if (flags->count == 0) {
		text_char(out, '-');
	}
	text_line(out);
}

void process_flag_names_fact(struct text *out, const struct nd_dump *dump,
			     const struct nd_process *process)
{
	struct nd_flags flags;

	nd_process_flags(dump, process, &flags);
	flag_names_fact(out, "FlagNames", &flags);
}
