/*
 * engine/nt/find_other.c - recognises what is not a 64-bit Windows by a few strings.
 */
#include <stdio.h>
#include <string.h>

#include "nt/find_other.h"

#define PAGES_MAX (1u << 22)
#define WORD_BYTES 48u

/* What may be in a page: the later ones only count when nothing of the earlier ones is there. */
enum what { LINUX, WINDOWS_32, WINDOWS_64, FIRMWARE, SOMETHING, NOTHING };

struct found {
	enum what what;
	char name[WORD_BYTES]; /* of a version, a PDB file, a firmware: printable ASCII */
};

/* Printable characters up to a blank or `end`, behind the mark at p. */
static void take_word(char ret[WORD_BYTES], const uint8_t *p, const uint8_t *end)
{
	size_t n = 0;

	while (p < end && n < WORD_BYTES - 1 && *p > ' ' && *p < 0x7f)
		ret[n++] = (char)*p++;
	ret[n] = '\0';
}

/* "Linux version 6.1.0-18-amd64 (...": a kernel's banner, not a sentence about it. */
static bool is_linux(const uint8_t *page, char name[WORD_BYTES])
{
	static const char mark[] = "Linux version ";
	const uint8_t *end = page + ND_PAGE_BYTES, *at = page;

	while ((at = memmem(at, (size_t)(end - at), mark, sizeof(mark) - 1)) != NULL) {
		at += sizeof(mark) - 1;
		take_word(name, at, end);
		if (name[0] >= '1' && name[0] <= '9' && name[1] == '.' && strlen(name) < 40)
			return true;
	}
	return false;
}

/* The name of a kernel's PDB in a CodeView record: "RSDS", GUID, age, name. */
static enum what kernel_pdb(const uint8_t *page, char name[WORD_BYTES])
{
	static const char *const names32[] = { "ntkrnlpa.pdb", "ntkrpamp.pdb" };
	static const char *const names64[] = { "ntkrnlmp.pdb", "ntoskrnl.pdb", "ntkrla57.pdb" };
	const uint8_t *end = page + ND_PAGE_BYTES, *at = page;

	while ((at = memmem(at, (size_t)(end - at), "RSDS", 4)) != NULL) {
		at += 4;
		if (end - at < 20 + 13)
			break;
		take_word(name, at + 20, end);
		for (size_t i = 0; i < sizeof(names32) / sizeof(*names32); i++)
			if (strcmp(name, names32[i]) == 0)
				return WINDOWS_32;
		for (size_t i = 0; i < sizeof(names64) / sizeof(*names64); i++)
			if (strcmp(name, names64[i]) == 0)
				return WINDOWS_64;
	}
	return SOMETHING;
}

static bool is_firmware(const uint8_t *page, char name[WORD_BYTES])
{
	static const char *const marks[] = { "SeaBIOS (version ", "EDK II" };
	static const char *const names[] = { "SeaBIOS", "EDK II" };

	for (size_t i = 0; i < sizeof(marks) / sizeof(*marks); i++)
		if (memmem(page, ND_PAGE_BYTES, marks[i], strlen(marks[i]))) {
			snprintf(name, WORD_BYTES, "%s", names[i]);
			return true;
		}
	return false;
}

static bool is_zero(const uint8_t *page)
{
	return page[0] == 0 && memcmp(page, page + 1, ND_PAGE_BYTES - 1) == 0;
}

static void look_at(const uint8_t *page, struct found *found)
{
	char name[WORD_BYTES] = "";
	enum what what = NOTHING;

	if (is_zero(page))
		return;
	if (is_linux(page, name))
		what = LINUX;
	else
		what = kernel_pdb(page, name);
	if (what == SOMETHING && is_firmware(page, name))
		what = FIRMWARE;
	if (what < found->what) {
		found->what = what;
		memcpy(found->name, name, sizeof(found->name));
	}
}

void nd_tell_other_system(const struct nd_dump *dump, struct nd_error *err)
{
	static const struct {
		const char *before, *after;
	} words[] = {
		[LINUX] = { ": Linux version ", " is in it" },
		[WINDOWS_32] = { ": a 32-bit Windows kernel (",
				 ") is in it, which is not supported" },
		[WINDOWS_64] = { ": a kernel's image (",
				 ") is in it, but no page tables that map it" },
		[FIRMWARE] = { ": only firmware (", ") is in it" },
		[SOMETHING] = { "", "" },
		[NOTHING] = { ": nothing but zeros is in it", "" },
	};
	unsigned long long mib = nd_source_counts(dump->src).present_pages >> 8;
	struct found found = { .what = NOTHING };
	uint8_t page[ND_PAGE_BYTES];
	uint64_t pages, left = PAGES_MAX;
	nd_pfn from = 0, first;

	while (left > 0 && found.what != LINUX &&
	       nd_source_next_stored(dump->src, from, &first, &pages) == ND_OK) {
		from = first + pages;
		for (nd_pfn pfn = first; pfn < from && left > 0; pfn++, left--)
			if (nd_source_read(dump->src, pfn, 0, page, sizeof(page)) == ND_OK)
				look_at(page, &found);
	}
	if (left == 0 && found.what == NOTHING) /* not all was looked at */
		found.what = SOMETHING;
	nd_error_set(err, "no Windows kernel found in %llu MiB of memory%s%s%s", mib,
		     words[found.what].before, found.what < SOMETHING ? found.name : "",
		     words[found.what].after);
}
