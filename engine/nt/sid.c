/*
 * engine/nt/sid.c - reads SIDs and knows the names of those that are the same on every machine.
 */
#include <inttypes.h>
#include <stdio.h>
#include <string.h>

#include "nt/sid.h"

#define SID_HEADER_BYTES 8u
#define SID_REVISION 1u

struct nd_sid nd_sid_read(const struct nd_dump *dump, nd_va at)
{
	struct nd_sid ret = { .at = at };
	uint8_t head[SID_HEADER_BYTES], subs[4 * ND_SID_SUBS_MAX];

	if (at == 0)
		ret.st = ND_NONE;
	else if (!nd_va_is_kernel(at))
		ret.st = ND_INVALID;
	else
		ret.st = nd_read(&dump->kernel, at, head, sizeof(head));
	if (ret.st == ND_OK && (head[0] != SID_REVISION || head[1] > ND_SID_SUBS_MAX))
		ret.st = ND_INVALID;
	if (ret.st != ND_OK)
		return ret;
	for (int i = 2; i < 8; i++) /* big-endian */
		ret.authority = ret.authority << 8 | head[i];
	ret.count = head[1];
	ret.st = nd_read(&dump->kernel, at + sizeof(head), subs, 4 * (size_t)ret.count);
	for (uint32_t i = 0; ret.st == ND_OK && i < ret.count; i++)
		ret.sub[i] = nd_le32(subs + 4 * (size_t)i);
	return ret;
}

void nd_sid_text(const struct nd_sid *sid, char ret[ND_SID_TEXT_BYTES])
{
	size_t len;

	if (sid->authority >> 32)
		(void)snprintf(ret, ND_SID_TEXT_BYTES, "S-1-0x%012" PRIx64, sid->authority);
	else
		(void)snprintf(ret, ND_SID_TEXT_BYTES, "S-1-%" PRIu64, sid->authority);
	for (uint32_t i = 0; i < sid->count; i++) {
		len = strlen(ret);
		(void)snprintf(ret + len, ND_SID_TEXT_BYTES - len, "-%" PRIu32, sid->sub[i]);
	}
}

/* --- names ------------------------------------------------------------------------------------ */

#define ANY UINT32_MAX

struct known {
	uint8_t authority, count;
	uint32_t sub[6]; /* ANY: any number */
	const char *name;
};

static const struct known names[] = {
	{ 0, 1, { 0 }, "NULL SID" },
	{ 1, 1, { 0 }, "Everyone" },
	{ 2, 1, { 0 }, "LOCAL" },
	{ 2, 1, { 1 }, "CONSOLE LOGON" },
	{ 3, 1, { 0 }, "CREATOR OWNER" },
	{ 3, 1, { 1 }, "CREATOR GROUP" },
	{ 3, 1, { 2 }, "CREATOR OWNER SERVER" },
	{ 3, 1, { 3 }, "CREATOR GROUP SERVER" },
	{ 3, 1, { 4 }, "OWNER RIGHTS" },
	{ 5, 1, { 1 }, "NT AUTHORITY\\DIALUP" },
	{ 5, 1, { 2 }, "NT AUTHORITY\\NETWORK" },
	{ 5, 1, { 3 }, "NT AUTHORITY\\BATCH" },
	{ 5, 1, { 4 }, "NT AUTHORITY\\INTERACTIVE" },
	{ 5, 3, { 5, ANY, ANY }, "NT AUTHORITY\\Logon Session" },
	{ 5, 1, { 6 }, "NT AUTHORITY\\SERVICE" },
	{ 5, 1, { 7 }, "NT AUTHORITY\\ANONYMOUS LOGON" },
	{ 5, 1, { 8 }, "NT AUTHORITY\\PROXY" },
	{ 5, 1, { 9 }, "NT AUTHORITY\\ENTERPRISE DOMAIN CONTROLLERS" },
	{ 5, 1, { 10 }, "NT AUTHORITY\\SELF" },
	{ 5, 1, { 11 }, "NT AUTHORITY\\Authenticated Users" },
	{ 5, 1, { 12 }, "NT AUTHORITY\\RESTRICTED" },
	{ 5, 1, { 13 }, "NT AUTHORITY\\TERMINAL SERVER USER" },
	{ 5, 1, { 14 }, "NT AUTHORITY\\REMOTE INTERACTIVE LOGON" },
	{ 5, 1, { 15 }, "NT AUTHORITY\\This Organization" },
	{ 5, 1, { 17 }, "NT AUTHORITY\\IUSR" },
	{ 5, 1, { 18 }, "NT AUTHORITY\\SYSTEM" },
	{ 5, 1, { 19 }, "NT AUTHORITY\\LOCAL SERVICE" },
	{ 5, 1, { 20 }, "NT AUTHORITY\\NETWORK SERVICE" },
	{ 5, 2, { 32, 544 }, "BUILTIN\\Administrators" },
	{ 5, 2, { 32, 545 }, "BUILTIN\\Users" },
	{ 5, 2, { 32, 546 }, "BUILTIN\\Guests" },
	{ 5, 2, { 32, 547 }, "BUILTIN\\Power Users" },
	{ 5, 2, { 32, 548 }, "BUILTIN\\Account Operators" },
	{ 5, 2, { 32, 549 }, "BUILTIN\\Server Operators" },
	{ 5, 2, { 32, 550 }, "BUILTIN\\Print Operators" },
	{ 5, 2, { 32, 551 }, "BUILTIN\\Backup Operators" },
	{ 5, 2, { 32, 552 }, "BUILTIN\\Replicator" },
	{ 5, 2, { 32, 554 }, "BUILTIN\\Pre-Windows 2000 Compatible Access" },
	{ 5, 2, { 32, 555 }, "BUILTIN\\Remote Desktop Users" },
	{ 5, 2, { 32, 556 }, "BUILTIN\\Network Configuration Operators" },
	{ 5, 2, { 32, 558 }, "BUILTIN\\Performance Monitor Users" },
	{ 5, 2, { 32, 559 }, "BUILTIN\\Performance Log Users" },
	{ 5, 2, { 32, 562 }, "BUILTIN\\Distributed COM Users" },
	{ 5, 2, { 32, 568 }, "BUILTIN\\IIS_IUSRS" },
	{ 5, 2, { 32, 569 }, "BUILTIN\\Cryptographic Operators" },
	{ 5, 2, { 32, 573 }, "BUILTIN\\Event Log Readers" },
	{ 5, 2, { 32, 574 }, "BUILTIN\\Certificate Service DCOM Access" },
	{ 5, 2, { 32, 578 }, "BUILTIN\\Hyper-V Administrators" },
	{ 5, 2, { 32, 579 }, "BUILTIN\\Access Control Assistance Operators" },
	{ 5, 2, { 32, 580 }, "BUILTIN\\Remote Management Users" },
	{ 5, 1, { 33 }, "NT AUTHORITY\\WRITE RESTRICTED" },
	{ 5, 2, { 64, 10 }, "NT AUTHORITY\\NTLM Authentication" },
	{ 5, 2, { 64, 14 }, "NT AUTHORITY\\SChannel Authentication" },
	{ 5, 2, { 64, 21 }, "NT AUTHORITY\\Digest Authentication" },
	{ 5, 2, { 80, 0 }, "NT SERVICE\\ALL SERVICES" },
	{ 5,
	  6,
	  { 80, 956008885, 3418522649, 1831038044, 1853292631, 2271478464 },
	  "NT SERVICE\\TrustedInstaller" },
	{ 5, 2, { 83, 0 }, "NT VIRTUAL MACHINE\\Virtual Machines" },
	{ 5, 6, { 84, 0, 0, 0, 0, 0 }, "NT AUTHORITY\\USER MODE DRIVERS" },
	{ 5, 2, { 90, 0 }, "Window Manager\\Window Manager Group" },
	{ 5, 1, { 113 }, "NT AUTHORITY\\Local account" },
	{ 5, 1, { 114 }, "NT AUTHORITY\\Local account and member of Administrators group" },
	{ 15, 2, { 2, 1 }, "APPLICATION PACKAGE AUTHORITY\\ALL APPLICATION PACKAGES" },
	{ 15, 2, { 2, 2 }, "APPLICATION PACKAGE AUTHORITY\\ALL RESTRICTED APPLICATION PACKAGES" },
	{ 15, 2, { 3, 1 }, "internetClient" },
	{ 15, 2, { 3, 2 }, "internetClientServer" },
	{ 15, 2, { 3, 3 }, "privateNetworkClientServer" },
	{ 15, 2, { 3, 4 }, "picturesLibrary" },
	{ 15, 2, { 3, 5 }, "videosLibrary" },
	{ 15, 2, { 3, 6 }, "musicLibrary" },
	{ 15, 2, { 3, 7 }, "documentsLibrary" },
	{ 15, 2, { 3, 8 }, "enterpriseAuthentication" },
	{ 15, 2, { 3, 9 }, "sharedUserCertificates" },
	{ 15, 2, { 3, 10 }, "removableStorage" },
	{ 15, 2, { 3, 11 }, "appointments" },
	{ 15, 2, { 3, 12 }, "contacts" },
	{ 16, 1, { 0x0000 }, "Mandatory Label\\Untrusted Mandatory Level" },
	{ 16, 1, { 0x1000 }, "Mandatory Label\\Low Mandatory Level" },
	{ 16, 1, { 0x2000 }, "Mandatory Label\\Medium Mandatory Level" },
	{ 16, 1, { 0x2100 }, "Mandatory Label\\Medium Plus Mandatory Level" },
	{ 16, 1, { 0x3000 }, "Mandatory Label\\High Mandatory Level" },
	{ 16, 1, { 0x4000 }, "Mandatory Label\\System Mandatory Level" },
	{ 16, 1, { 0x5000 }, "Mandatory Label\\Protected Process Mandatory Level" },
	{ 18, 1, { 1 }, "Authentication authority asserted identity" },
	{ 18, 1, { 2 }, "Service asserted identity" },
};

/*
 * Accounts and groups of a machine or domain: the last number is the same everywhere. 513 is left
 * out: "Domain Users" in a domain, "None" on a machine of its own.
 */
static const struct {
	uint32_t rid;
	const char *name;
} relative_names[] = {
	{ 500, "Administrator" },
	{ 501, "Guest" },
	{ 502, "krbtgt" },
	{ 503, "DefaultAccount" },
	{ 504, "WDAGUtilityAccount" },
	{ 512, "Domain Admins" },
	{ 514, "Domain Guests" },
	{ 515, "Domain Computers" },
	{ 516, "Domain Controllers" },
	{ 518, "Schema Admins" },
	{ 519, "Enterprise Admins" },
};

static bool is_known(const struct nd_sid *sid, const struct known *known)
{
	if (sid->authority != known->authority || sid->count != known->count)
		return false;
	for (uint32_t i = 0; i < sid->count; i++)
		if (known->sub[i] != ANY && known->sub[i] != sid->sub[i])
			return false;
	return true;
}

static const char *fixed_name(const struct nd_sid *sid)
{
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (is_known(sid, &names[i]))
			return names[i].name;
	if (sid->authority == 5 && sid->count == 5 && sid->sub[0] == 21)
		for (size_t i = 0; i < sizeof(relative_names) / sizeof(*relative_names); i++)
			if (relative_names[i].rid == sid->sub[4])
				return relative_names[i].name;
	return NULL;
}

/* S-1-19-T-L: a process trust label. */
static bool trust_name(const struct nd_sid *sid, char ret[ND_SID_NAME_BYTES])
{
	static const struct {
		uint32_t rid;
		const char *name;
	} level[] = { { 0, "None" },   { 1024, "Authenticode" }, { 1536, "Antimalware" },
		      { 2048, "App" }, { 4096, "Windows" },	 { 8192, "WinTcb" } };

	if (sid->authority != 19 || sid->count != 2 || (sid->sub[0] != 512 && sid->sub[0] != 1024))
		return false;
	for (size_t i = 0; i < sizeof(level) / sizeof(*level); i++)
		if (level[i].rid == sid->sub[1]) {
			(void)snprintf(ret, ND_SID_NAME_BYTES, "TRUST LEVEL\\%s-%s",
				       sid->sub[0] == 512 ? "ProtectedLight" : "Protected",
				       level[i].name);
			return true;
		}
	return false;
}

bool nd_sid_name(const struct nd_sid *sid, char ret[ND_SID_NAME_BYTES])
{
	const char *name = fixed_name(sid);

	if (name) {
		(void)snprintf(ret, ND_SID_NAME_BYTES, "%s", name);
		return true;
	}
	if (sid->authority == 5 && sid->count == 3 && sid->sub[1] == 0 &&
	    (sid->sub[0] == 90 || sid->sub[0] == 96)) {
		(void)snprintf(ret, ND_SID_NAME_BYTES, "%s-%" PRIu32,
			       sid->sub[0] == 90 ? "Window Manager\\DWM" : "Font Driver Host\\UMFD",
			       sid->sub[2]);
		return true;
	}
	return trust_name(sid, ret);
}
