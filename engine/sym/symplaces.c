/*
 * engine/sym/symplaces.c - which folders and files are looked at for symbols: lists as Unix writes
 * them and as Windows' debuggers do, and the usual places.
 */
#include "sym/symfind.h"
#include "dump/source.h"

#include <ctype.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

static void add_folder(struct nd_symfind *f, const char *path, size_t len)
{
	char whole[PATH_MAX];
	int n;

	while (len > 1 && path[len - 1] == '/')
		len--;
	if (len > 0 && len < PATH_MAX && path[0] != '/' && f->cwd != NULL) {
		n = snprintf(whole, sizeof(whole), "%s/%.*s", f->cwd, (int)len, path);
		if (n < 0 || (size_t)n >= sizeof(whole))
			return;
		path = whole;
		len = (size_t)n;
	}
	if (len == 0 || len >= PATH_MAX)
		return;
	for (uint32_t i = 0; i < f->folder_count; i++) {
		if (strlen(f->folder[i]) == len && memcmp(f->folder[i], path, len) == 0)
			return;
	}
	if (f->folder_count == ND_SYMFIND_MAX_FOLDERS) {
		nd_symfind_note(f, "%.*s: more than %d places", (int)len, path,
				ND_SYMFIND_MAX_FOLDERS);
		return;
	}
	f->folder[f->folder_count] = strndup(path, len);
	if (f->folder[f->folder_count] != NULL)
		f->folder_count++;
	else
		nd_source_note_failure();
}

static bool piece_is(const char *piece, size_t len, const char *word)
{
	return strlen(word) == len && strncasecmp(piece, word, len) == 0;
}

/* A server, a share or a drive: nothing that can be opened here. */
static bool is_remote(const char *piece, size_t len)
{
	return memmem(piece, len, "://", 3) != NULL || piece[0] == '\\' ||
	       (len >= 2 && isalpha((unsigned char)piece[0]) && piece[1] == ':');
}

/* One element between semicolons: `srv*CACHE*URL`, `cache*DIR`, `DIR`. */
static void add_nt_element(struct nd_symfind *f, const char *at, size_t len)
{
	const char *end = at + len;
	bool first = true;

	while (at < end) {
		const char *star = memchr(at, '*', (size_t)(end - at));
		size_t piece = (size_t)((star == NULL ? end : star) - at);
		bool keyword = (first && star != NULL &&
				(piece_is(at, piece, "srv") || piece_is(at, piece, "cache") ||
				 piece_is(at, piece, "symsrv"))) ||
			       piece_is(at, piece, "symsrv.dll");

		if (piece > 0 && !keyword) {
			if (is_remote(at, piece))
				nd_symfind_note(f, "%.*s: not a local folder", (int)piece, at);
			else
				add_folder(f, at, piece);
		}
		at += piece + (star != NULL);
		first = false;
	}
}

static void add_list(struct nd_symfind *f, const char *list, bool as_windows)
{
	if (list == NULL)
		return;
	if (strpbrk(list, ";*") != NULL)
		as_windows = true;
	while (*list != '\0') {
		size_t len = strcspn(list, as_windows ? ";" : ":");

		if (len < PATH_MAX && as_windows)
			add_nt_element(f, list, len);
		else if (len < PATH_MAX)
			add_folder(f, list, len);
		list += len + (list[len] != '\0');
	}
}

void nd_symfind_places(struct nd_symfind *f, const char *search)
{
	char home[PATH_MAX];

	add_list(f, search, false);
	add_list(f, getenv("NTDUMPFS_SYMBOLS"), false);
	add_list(f, getenv("_NT_SYMBOL_PATH"), true);
	if (nd_symcache_home(home))
		add_folder(f, home, strlen(home));
	add_list(f, "/usr/share/ntdumpfs", false);
}
