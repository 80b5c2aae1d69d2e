/*
 * engine/nt/process_flags.c - names for single bits of EPROCESS.
 */
#include <stdio.h>
#include <string.h>

#include "nt/process_flags.h"

static void add(struct nd_flags *flags, const char *name)
{
	struct nd_flag *flag = &flags->flag[flags->count];
	size_t len = strnlen(name, sizeof(flag->name) - 1);

	if (flags->count == ND_FLAGS_MAX)
		return;
	for (size_t i = 0; i < len; i++) /* names of a symbol file are bytes */
		flag->name[i] = name[i] > ' ' && name[i] < 0x7f ? name[i] : '?';
	flag->name[len] = '\0';
	flags->count++;
}

static void note_missing(struct nd_flags *flags, struct nd_u64 v)
{
	if (flags->st == ND_OK && v.st != ND_OK && v.st != ND_NOT_IN_BUILD) {
		flags->st = v.st;
		flags->at = v.at;
	}
}

/* --- members of one bit each ------------------------------------------------------------------ */

struct bit_member {
	enum nd_member_id member;
	const char *name;
};

#define BIT(m) \
	{ \
		ND_M_EPROCESS_##m, #m \
	}

static void add_members(const struct nd_rec *rec, const struct bit_member *bit, size_t count,
			struct nd_flags *flags)
{
	for (size_t i = 0; i < count; i++) {
		struct nd_u64 v = nd_rec_get(rec, bit[i].member);

		note_missing(flags, v);
		if (v.st == ND_OK && v.value != 0)
			add(flags, bit[i].name);
	}
}

static bool read_process(const struct nd_dump *dump, const struct nd_process *process,
			 struct nd_rec *rec, struct nd_flags *flags)
{
	enum nd_status st = nd_rec_read(&dump->kernel, process->eprocess, ND_S_EPROCESS, rec);

	if (st == ND_OK || (nd_is_missing(st) && rec->st[1] == ND_OK))
		return true;
	flags->st = st;
	flags->at = process->eprocess;
	return false;
}

/* A trustlet's process: SecurePid is its identity, bit 0 of SecureState says so. */
static bool is_secure(const struct nd_rec *rec)
{
	struct nd_u64 pid = nd_rec_get(rec, ND_M_KPROCESS_SecurePid);
	struct nd_u64 state = nd_rec_get(rec, ND_M_KPROCESS_SecureState);

	return (pid.st == ND_OK && pid.value != 0) || (state.st == ND_OK && state.value & 1);
}

void nd_process_flags(const struct nd_dump *dump, const struct nd_process *process,
		      struct nd_flags *ret)
{
	static const struct bit_member bit[] = {
		BIT(ProcessExiting),
		BIT(ProcessDelete),
		BIT(ProcessRundown),
		BIT(ProcessSelfDelete),
		BIT(VmDeleted),
		BIT(Outswapped),
		BIT(BreakOnTermination),
		BIT(NoDebugInherit),
		BIT(Crashed),
		BIT(SystemProcess),
		BIT(ProcessInSession),
		BIT(Minimal),
		BIT(PicoCreated),
		BIT(SubsystemProcess),
		BIT(AuxiliaryProcess),
		BIT(VmProcessorHost),
		BIT(PrimaryTokenFrozen),
		BIT(CrossSessionCreate),
		BIT(InPrivate),
		BIT(RestrictSetThreadContext),
	};
	struct nd_rec rec;

	*ret = (struct nd_flags){ 0 };
	if (!read_process(dump, process, &rec, ret))
		return;
	add_members(&rec, bit, sizeof(bit) / sizeof(*bit), ret);
	if (process->wow64_process.st == ND_OK && process->wow64_process.value != 0)
		add(ret, "Wow64");
	if (is_secure(&rec))
		add(ret, "Secure");
}

/* --- MitigationFlags and MitigationFlags2 ----------------------------------------------------- */

/* Known of builds from `first` to `last`. */
struct known_bit {
	uint8_t bit;
	uint32_t first, last;
	const char *name;
};

#define LAST_KNOWN 22000u /* the newest build whose bits were seen */

static const struct known_bit known[] = {
	{ 0, 16299, LAST_KNOWN, "ControlFlowGuardEnabled" },
	{ 1, 16299, LAST_KNOWN, "ControlFlowGuardExportSuppressionEnabled" },
	{ 2, 16299, LAST_KNOWN, "ControlFlowGuardStrict" },
	{ 3, 16299, LAST_KNOWN, "DisallowStrippedImages" },
	{ 4, 16299, LAST_KNOWN, "ForceRelocateImages" },
	{ 5, 16299, LAST_KNOWN, "HighEntropyASLREnabled" },
	{ 6, 16299, LAST_KNOWN, "StackRandomizationDisabled" },
	{ 7, 16299, LAST_KNOWN, "ExtensionPointDisable" },
	{ 8, 16299, LAST_KNOWN, "DisableDynamicCode" },
	{ 9, 16299, LAST_KNOWN, "DisableDynamicCodeAllowOptOut" },
	{ 10, 16299, LAST_KNOWN, "DisableDynamicCodeAllowRemoteDowngrade" },
	{ 11, 16299, LAST_KNOWN, "AuditDisableDynamicCode" },
	{ 12, 16299, LAST_KNOWN, "DisallowWin32kSystemCalls" },
	{ 13, 16299, LAST_KNOWN, "AuditDisallowWin32kSystemCalls" },
	{ 14, 16299, LAST_KNOWN, "EnableFilteredWin32kAPIs" },
	{ 15, 16299, LAST_KNOWN, "AuditFilteredWin32kAPIs" },
	{ 16, 16299, LAST_KNOWN, "DisableNonSystemFonts" },
	{ 17, 16299, LAST_KNOWN, "AuditNonSystemFontLoading" },
	{ 18, 16299, LAST_KNOWN, "PreferSystem32Images" },
	{ 19, 16299, LAST_KNOWN, "ProhibitRemoteImageMap" },
	{ 20, 16299, LAST_KNOWN, "AuditProhibitRemoteImageMap" },
	{ 21, 16299, LAST_KNOWN, "ProhibitLowILImageMap" },
	{ 22, 16299, LAST_KNOWN, "AuditProhibitLowILImageMap" },
	{ 23, 16299, LAST_KNOWN, "SignatureMitigationOptIn" },
	{ 24, 16299, LAST_KNOWN, "AuditBlockNonMicrosoftBinaries" },
	{ 25, 16299, LAST_KNOWN, "AuditBlockNonMicrosoftBinariesAllowStore" },
	{ 26, 16299, LAST_KNOWN, "LoaderIntegrityContinuityEnabled" },
	{ 27, 16299, LAST_KNOWN, "AuditLoaderIntegrityContinuity" },
	{ 28, 16299, LAST_KNOWN, "EnableModuleTamperingProtection" },
	{ 29, 16299, LAST_KNOWN, "EnableModuleTamperingProtectionNoInherit" },
	{ 30, 17763, LAST_KNOWN, "RestrictIndirectBranchPrediction" },
	{ 31, 17763, LAST_KNOWN, "IsolateSecurityDomain" },
};

static const struct known_bit known2[] = {
	{ 0, 16299, LAST_KNOWN, "EnableExportAddressFilter" },
	{ 1, 16299, LAST_KNOWN, "AuditExportAddressFilter" },
	{ 2, 16299, LAST_KNOWN, "EnableExportAddressFilterPlus" },
	{ 3, 16299, LAST_KNOWN, "AuditExportAddressFilterPlus" },
	{ 4, 16299, LAST_KNOWN, "EnableRopStackPivot" },
	{ 5, 16299, LAST_KNOWN, "AuditRopStackPivot" },
	{ 6, 16299, LAST_KNOWN, "EnableRopCallerCheck" },
	{ 7, 16299, LAST_KNOWN, "AuditRopCallerCheck" },
	{ 8, 16299, LAST_KNOWN, "EnableRopSimExec" },
	{ 9, 16299, LAST_KNOWN, "AuditRopSimExec" },
	{ 10, 16299, LAST_KNOWN, "EnableImportAddressFilter" },
	{ 11, 16299, LAST_KNOWN, "AuditImportAddressFilter" },
	{ 12, 17763, LAST_KNOWN, "DisablePageCombine" },
	{ 13, 17763, LAST_KNOWN, "SpeculativeStoreBypassDisable" },
	{ 14, 17763, 17763, "CetShadowStacks" },
	{ 14, 18362, LAST_KNOWN, "CetUserShadowStacks" },
	{ 15, 19041, LAST_KNOWN, "AuditCetUserShadowStacks" },
	{ 16, 19041, LAST_KNOWN, "AuditCetUserShadowStacksLogged" },
	{ 17, 19041, LAST_KNOWN, "UserCetSetContextIpValidation" },
	{ 18, 19041, LAST_KNOWN, "AuditUserCetSetContextIpValidation" },
	{ 19, 19041, LAST_KNOWN, "AuditUserCetSetContextIpValidationLogged" },
	{ 20, 20348, LAST_KNOWN, "CetUserShadowStacksStrictMode" },
	{ 21, 20348, LAST_KNOWN, "BlockNonCetBinaries" },
	{ 22, 20348, LAST_KNOWN, "BlockNonCetBinariesNonEhcont" },
	{ 23, 20348, LAST_KNOWN, "AuditBlockNonCetBinaries" },
	{ 24, 20348, LAST_KNOWN, "AuditBlockNonCetBinariesLogged" },
	{ 25, 20348, LAST_KNOWN, "XtendedControlFlowGuard" },
	{ 26, 20348, LAST_KNOWN, "AuditXtendedControlFlowGuard" },
	{ 27, 20348, LAST_KNOWN, "PointerAuthUserIp" },
	{ 28, 20348, LAST_KNOWN, "AuditPointerAuthUserIp" },
	{ 29, 20348, LAST_KNOWN, "AuditPointerAuthUserIpLogged" },
	{ 30, 20348, LAST_KNOWN, "CetDynamicApisOutOfProcOnly" },
	{ 31, 20348, LAST_KNOWN, "UserCetSetContextIpValidationRelaxedMode" },
};

struct flag_word {
	const char *name;   /* the member */
	const char *values; /* the member of the same place that names the bits */
	const struct known_bit *known;
	size_t known_count;
};

/* The structure of bits that the exact symbol file has for the word; NULL without. */
static const struct nd_type *exact_bits(const struct nd_dump *dump, const struct flag_word *word)
{
	const struct nd_symfile *file = dump->kernel_symbols;
	const struct nd_type *process = file ? nd_symfile_type(file, "_EPROCESS") : NULL;
	const struct nd_field *values =
		process ? nd_symfile_field(file, process, word->values) : NULL;

	return values ? nd_symfile_type(file, values->type_name) : NULL;
}

static const char *exact_name(const struct nd_dump *dump, const struct nd_type *bits, unsigned bit)
{
	for (uint32_t i = 0; i < bits->field_count; i++) {
		const struct nd_field *f = &dump->kernel_symbols->fields[bits->first_field + i];

		if (f->bit_length == 1 && 8 * (uint64_t)f->offset + f->bit_position == bit)
			return f->name;
	}
	return NULL;
}

static const char *known_name(uint32_t build, const struct flag_word *word, unsigned bit)
{
	for (size_t i = 0; i < word->known_count; i++) {
		const struct known_bit *k = &word->known[i];

		if (k->bit == bit && build >= k->first && build <= k->last)
			return k->name;
	}
	return NULL;
}

static void add_word(const struct nd_dump *dump, const struct flag_word *word, struct nd_u64 value,
		     struct nd_flags *flags)
{
	const struct nd_type *bits = exact_bits(dump, word);

	note_missing(flags, value);
	for (unsigned bit = 0; value.st == ND_OK && bit < 32; bit++) {
		char number[ND_FLAG_NAME_BYTES];
		const char *name;

		if (!(value.value >> bit & 1))
			continue;
		name = bits ? exact_name(dump, bits, bit) : known_name(dump->build, word, bit);
		if (!name) {
			(void)snprintf(number, sizeof(number), "%s.%u", word->name, bit);
			name = number;
		}
		add(flags, name);
	}
}

void nd_process_mitigations(const struct nd_dump *dump, const struct nd_process *process,
			    struct nd_flags *ret)
{
	static const struct bit_member bit[] = {
		BIT(ControlFlowGuardEnabled),
		BIT(ControlFlowGuardExportSuppressionEnabled),
		BIT(ControlFlowGuardStrict),
		BIT(DisallowStrippedImages),
		BIT(ForceRelocateImages),
		BIT(HighEntropyASLREnabled),
		BIT(StackRandomizationDisabled),
		BIT(ExtensionPointDisable),
		BIT(DisableDynamicCode),
		BIT(DisableDynamicCodeAllowOptOut),
		BIT(DisableDynamicCodeAllowRemoteDowngrade),
		BIT(DisallowWin32kSystemCalls),
		BIT(EnableFilteredWin32kAPIs),
		BIT(AuditFilteredWin32kAPIs),
		BIT(DisableNonSystemFonts),
		BIT(AuditNonSystemFontLoading),
		BIT(PreferSystem32Images),
		BIT(ProhibitRemoteImageMap),
		BIT(ProhibitLowILImageMap),
		BIT(SignatureMitigationOptIn),
		BIT(LoaderIntegrityContinuityEnabled),
		BIT(LoaderIntegrityContinuityAudit),
		BIT(RestrictIndirectBranchPrediction),
		BIT(SpeculativeStoreBypassDisable),
	};
	static const struct flag_word word = { "MitigationFlags", "MitigationFlagsValues", known,
					       sizeof(known) / sizeof(*known) };
	static const struct flag_word word2 = { "MitigationFlags2", "MitigationFlags2Values",
						known2, sizeof(known2) / sizeof(*known2) };
	struct nd_rec rec;

	*ret = (struct nd_flags){ 0 };
	if (process->mitigation_flags.st != ND_NOT_IN_BUILD) {
		add_word(dump, &word, process->mitigation_flags, ret);
		add_word(dump, &word2, process->mitigation_flags2, ret);
		return;
	}
	if (nd_offset(dump, ND_M_EPROCESS_Flags2) == ND_OFFSET_ABSENT)
		ret->st = ND_NOT_IN_BUILD;
	else if (read_process(dump, process, &rec, ret))
		add_members(&rec, bit, sizeof(bit) / sizeof(*bit), ret);
}
