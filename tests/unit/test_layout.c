/*
 * tests/unit/test_layout.c - built-in profiles, and layouts filled from a symbol file.
 *
 * With NTDUMPFS_LAYOUTS (the folder that the profiles were made from) each exact ISF file in it is
 * compared with the profile of the same kernel, member by member.
 */
#include "sym/layout.h"

#include <glob.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"

static struct nd_guid_age identity(const char *guid, uint32_t age)
{
	struct nd_guid_age id = { .age = age };

	nd_guid_parse(guid, id.guid);
	return id;
}

static uint32_t offset(const struct nd_layout *layout, enum nd_member_id member)
{
	return layout->member[member].offset;
}

static void test_guid_text(void)
{
	uint8_t guid[16], again[16];
	char text[33];

	ok(nd_guid_parse("00112233445566778899aabbccddeeff", guid), "a GUID in lower case parses");
	ok(guid[0] == 0x33 && guid[4] == 0x55 && guid[6] == 0x77 && guid[8] == 0x88,
	   "its first three parts are little-endian in the file");
	nd_guid_text(guid, text);
	ok(strcmp(text, "00112233445566778899AABBCCDDEEFF") == 0, "and comes back in upper case");
	memset(again, 7, sizeof(again));
	ok(!nd_guid_parse("00112233445566778899AABBCCDDEEF", again) &&
		   !nd_guid_parse("00112233445566778899AABBCCDDEEFF0", again) &&
		   !nd_guid_parse("00112233-4556-6778-899AABBCCDDEEFF", again) &&
		   !nd_guid_parse("", again) && again[0] == 7,
	   "anything but 32 hex digits is refused and writes nothing");
}

/* Offsets as published for these builds. */
static void test_known_offsets(void)
{
	struct nd_guid_age id = identity("BBED7C2955FBE4522AAA23F4B8677AD9", 1);
	struct nd_layout l;

	ok(nd_profile_exact(&id, &l) == ND_OK, "10.0.19041.329 is known by its identity");
	ok(strcmp(l.version, "10.0.19041.329") == 0 && l.source == ND_LAYOUT_PROFILE_EXACT,
	   "and says so");
	ok(offset(&l, ND_M_EPROCESS_UniqueProcessId) == 0x440 &&
		   offset(&l, ND_M_EPROCESS_ActiveProcessLinks) == 0x448 &&
		   offset(&l, ND_M_EPROCESS_ImageFileName) == 0x5a8 &&
		   offset(&l, ND_M_EPROCESS_Protection) == 0x87a,
	   "its EPROCESS members lie where they are");
	ok(offset(&l, ND_M_EPROCESS_ProcessExiting) == 0x464 &&
		   l.member[ND_M_EPROCESS_ProcessExiting].bit_position == 2 &&
		   l.member[ND_M_EPROCESS_ProcessExiting].bit_length == 1,
	   "a flag is a bit of its storage unit");
	ok(l.member[ND_M_MMVAD_FLAGS_Protection].bit_position == 7 &&
		   l.member[ND_M_MMVAD_FLAGS_Protection].bit_length == 5,
	   "so is VAD protection, which other builds have elsewhere");
	ok(l.struct_bytes[ND_S_EPROCESS] == 0xa40, "the size of EPROCESS");
	ok(l.symbol_rva[ND_SYM_PsActiveProcessHead] == 0xc1e060, "the RVA of PsActiveProcessHead");
	ok(offset(&l, ND_M_MI_SYSTEM_INFORMATION_Hardware) == 0x15c0,
	   "MiState's inner places are known for this kernel");
}

static void test_unknown(void)
{
	struct nd_guid_age id = identity("BBED7C2955FBE4522AAA23F4B8677AD9", 2);
	struct nd_layout l;

	memset(&l, 0x55, sizeof(l));
	ok(nd_profile_exact(&id, &l) == ND_NO_SYMBOLS && l.version[0] == 0x55,
	   "another age is another kernel, and writes nothing");
	memset(&id, 0, sizeof(id));
	ok(nd_profile_exact(&id, &l) == ND_NO_SYMBOLS, "an identity of zeros is no kernel's");
	ok(nd_profile_candidate(22631, 1, 0, &l) == ND_ENOENT &&
		   nd_profile_candidate(0, 0, 0, &l) == ND_ENOENT &&
		   nd_profile_candidate(26100, 1, UINT32_MAX, &l) == ND_ENOENT,
	   "builds without a profile have no candidate");
	nd_layout_clear(&l);
	ok(l.source == ND_LAYOUT_NONE && offset(&l, 0) == ND_OFFSET_ABSENT &&
		   l.symbol_rva[0] == ND_RVA_ABSENT && l.struct_bytes[0] == 0,
	   "a cleared layout knows nothing");
}

static bool same_places(const struct nd_layout *a, const struct nd_layout *b)
{
	return memcmp(a->struct_bytes, b->struct_bytes, sizeof(a->struct_bytes)) == 0 &&
	       memcmp(a->member, b->member, sizeof(a->member)) == 0;
}

/* Every candidate of the build: distinct, without symbols. Their number; 0 when one is wrong. */
static uint32_t check_candidates(uint32_t build, uint32_t revision)
{
	static struct nd_layout seen[64];
	uint32_t count = 0;

	while (nd_profile_candidate(build, revision, count, &seen[count]) == ND_OK) {
		const struct nd_layout *l = &seen[count];

		if (l->source != ND_LAYOUT_PROFILE_NEAREST ||
		    l->symbol_rva[ND_SYM_PsActiveProcessHead] != ND_RVA_ABSENT)
			return 0;
		for (uint32_t i = 0; i < count; i++) {
			if (same_places(&seen[i], l))
				return 0;
		}
		count++;
	}
	return count;
}

static void test_candidates(void)
{
	static const uint32_t builds[] = { 7601,  9600,	 10240, 10586, 14393, 15063, 16299, 17134,
					   17763, 18362, 18363, 19041, 19044, 20348, 22000 };
	struct nd_layout l, other;

	for (size_t i = 0; i < sizeof(builds) / sizeof(*builds); i++)
		ok(check_candidates(builds[i], 1000) > 0,
		   "build %u has candidates, all different, without symbols", builds[i]);
	ok(nd_profile_candidate(19041, 330, 0, &l) == ND_OK &&
		   strcmp(l.version, "10.0.19041.329") == 0,
	   "the nearest servicing level comes first");
	ok(nd_profile_candidate(19041, 1000000, 0, &l) == ND_OK &&
		   strcmp(l.version, "10.0.19041.3448") == 0,
	   "for one newer than all, the newest");
	ok(nd_profile_candidate(19045, 1000000, 0, &other) == ND_OK && same_places(&l, &other),
	   "19045 has the kernel of 19041");
	ok(offset(&l, ND_M_MI_SYSTEM_INFORMATION_Hardware) == ND_OFFSET_ABSENT,
	   "what is known of single kernels only is not guessed for others");
}

static void test_old_builds(void)
{
	struct nd_layout l;

	ok(nd_profile_candidate(9600, 20000, 0, &l) == ND_OK &&
		   offset(&l, ND_M_KLDR_DATA_TABLE_ENTRY_DllBase) == 0x30 &&
		   offset(&l, ND_M_KLDR_DATA_TABLE_ENTRY_BaseDllName) == 0x58,
	   "9600: LDR_DATA_TABLE_ENTRY stands in for KLDR_DATA_TABLE_ENTRY");
	ok(offset(&l, ND_M_KLDR_DATA_TABLE_ENTRY_TimeDateStamp) == ND_OFFSET_ABSENT &&
		   l.struct_bytes[ND_S_KLDR_DATA_TABLE_ENTRY] == 0,
	   "but not where the two differ");
	ok(offset(&l, ND_M_EPROCESS_WoW64Process) != ND_OFFSET_ABSENT,
	   "9600: Wow64Process is WoW64Process");
	ok(nd_profile_candidate(10240, 16393, 0, &l) == ND_OK &&
		   offset(&l, ND_M_EPROCESS_Protection) == 0x6aa &&
		   l.struct_bytes[ND_S_EPROCESS] == 0x798 && l.struct_bytes[ND_S_ETHREAD] == 0x7c0,
	   "10240: the layout of the first release");
	ok(offset(&l, ND_M_ETHREAD_ThreadName) == ND_OFFSET_ABSENT, "10240: threads have no name");
}

static void test_kernels(void)
{
	uint32_t count = nd_profile_count(), wrong = 0;
	const char *version = NULL;
	struct nd_guid_age id;
	struct nd_layout l;

	for (uint32_t i = 0; i < count; i++) {
		if (!nd_profile_kernel(i, &version, &id) || nd_profile_exact(&id, &l) != ND_OK ||
		    strcmp(version, l.version) != 0 ||
		    offset(&l, ND_M_EPROCESS_ActiveProcessLinks) == ND_OFFSET_ABSENT ||
		    l.symbol_rva[ND_SYM_PsLoadedModuleList] == ND_RVA_ABSENT)
			wrong++;
	}
	ok(count >= 170 && wrong == 0, "%u kernels are known, each by its identity", count);
	ok(!nd_profile_kernel(count, &version, &id), "and no more");
}

static void test_from_symfile(void)
{
	struct nd_symfile *file = NULL;
	struct nd_error err;
	struct nd_layout l;

	if (nd_isf_read("tests/unit/data/tiny.isf.json", &file, &err) != ND_OK) {
		ok(false, "tiny.isf.json: %s", err.text);
		return;
	}
	nd_layout_from_symfile(file, &l);
	ok(l.source == ND_LAYOUT_ISF && l.version[0] == '\0' &&
		   offset(&l, ND_M_EPROCESS_UniqueProcessId) == 16 &&
		   l.struct_bytes[ND_S_EPROCESS] == 256 &&
		   l.symbol_rva[ND_SYM_PsActiveProcessHead] == 0x5008,
	   "a symbol file fills members, sizes and symbols");
	ok(offset(&l, ND_M_KLDR_DATA_TABLE_ENTRY_DllBase) == 48 &&
		   offset(&l, ND_M_KLDR_DATA_TABLE_ENTRY_TimeDateStamp) == ND_OFFSET_ABSENT &&
		   offset(&l, ND_M_LDR_DATA_TABLE_ENTRY_TimeDateStamp) == 128,
	   "with the same stand-ins as the profiles");
	ok(offset(&l, ND_M_KTHREAD_State) == ND_OFFSET_ABSENT &&
		   l.symbol_rva[ND_SYM_MiState] == ND_RVA_ABSENT,
	   "what it lacks is absent");
	nd_symfile_free(file);
}

static void compare_with_profile(const char *path)
{
	struct nd_symfile *file = NULL;
	struct nd_layout isf, profile;
	struct nd_error err;

	if (nd_isf_read(path, &file, &err) != ND_OK) {
		ok(false, "%s", err.text);
		return;
	}
	nd_layout_from_symfile(file, &isf);
	ok(nd_profile_exact(&file->id, &profile) == ND_OK && same_places(&isf, &profile) &&
		   memcmp(isf.symbol_rva, profile.symbol_rva, sizeof(isf.symbol_rva)) == 0,
	   "%s and its profile agree in all members, sizes and symbols", profile.version);
	nd_symfile_free(file);
}

int main(void)
{
	const char *layouts = getenv("NTDUMPFS_LAYOUTS");
	char pattern[4096];
	glob_t found;

	test_guid_text();
	test_known_offsets();
	test_unknown();
	test_candidates();
	test_old_builds();
	test_kernels();
	test_from_symfile();
	if (layouts == NULL) {
		skip("no NTDUMPFS_LAYOUTS with the files that the profiles were made from");
		return done_testing();
	}
	snprintf(pattern, sizeof(pattern), "%s/*.pdb/*-*.json.xz", layouts);
	if (glob(pattern, 0, NULL, &found) == 0) {
		for (size_t i = 0; i < found.gl_pathc; i++)
			compare_with_profile(found.gl_pathv[i]);
		globfree(&found);
	}
	return done_testing();
}
