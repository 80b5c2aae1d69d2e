/*
 * engine/sym/symfind.c - finds the symbol file of a module in folders, symbol stores and
 * Volatility's symbol trees, by GUID and age.
 */
#include "sym/symfile.h"

#include <ctype.h>
#include <dirent.h>
#include <limits.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_FOLDERS 64
#define MAX_LOOSE_FILES 64    /* .json files of a folder that are asked for their identity */
#define MAX_ENTRIES 100000    /* entries of a folder that are looked at */
#define MAX_TRIED_BYTES 65536 /* of text */
#define MAX_NAME_BYTES 64

struct finder {
	const char *pdb_name;
	const struct nd_guid_age *id;
	char store_key[48];   /* <GUID><age in hex> */
	char isf_name[2][56]; /* <GUID>-<age>.json.xz and .json */
	char *folder[MAX_FOLDERS];
	uint32_t folder_count;
	char *tried;
	size_t tried_len;
	bool want_tried;
	struct nd_symfile *found;
};

/* A line of the text for the user; control characters become '?'. */
__attribute__((format(printf, 2, 3))) static void note(struct finder *f, const char *format, ...)
{
	char line[PATH_MAX + 512];
	va_list args;
	char *text;
	size_t len;
	int n;

	if (!f->want_tried)
		return;
	va_start(args, format);
	// clang 14 does not see that va_start() fills it in
	n = vsnprintf(line, sizeof(line) - 1, format, args); // NOLINT(clang-analyzer-valist*)
	va_end(args);
	if (n < 0)
		return;
	len = strlen(line);
	if (len + 2 > MAX_TRIED_BYTES - f->tried_len)
		return;
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	}
	line[len++] = '\n';
	text = realloc(f->tried, f->tried_len + len + 1);
	if (text == NULL)
		return;
	memcpy(text + f->tried_len, line, len);
	f->tried = text;
	f->tried_len += len;
	text[f->tried_len] = '\0';
}

static bool is_safe_name(const char *name)
{
	size_t len = strnlen(name, MAX_NAME_BYTES + 1);

	if (len == 0 || len > MAX_NAME_BYTES || name[0] == '.')
		return false;
	for (size_t i = 0; i < len; i++) {
		if (!(name[i] >= 'A' && name[i] <= 'Z') && !(name[i] >= 'a' && name[i] <= 'z') &&
		    !(name[i] >= '0' && name[i] <= '9') && strchr("_.-", name[i]) == NULL)
			return false;
	}
	return true;
}

static void add_folder(struct finder *f, const char *path, size_t len)
{
	while (len > 1 && path[len - 1] == '/')
		len--;
	if (len == 0 || len >= PATH_MAX)
		return;
	for (uint32_t i = 0; i < f->folder_count; i++) {
		if (strlen(f->folder[i]) == len && memcmp(f->folder[i], path, len) == 0)
			return;
	}
	if (f->folder_count == MAX_FOLDERS) {
		note(f, "%.*s: more than %d places", (int)len, path, MAX_FOLDERS);
		return;
	}
	f->folder[f->folder_count] = strndup(path, len);
	if (f->folder[f->folder_count] != NULL)
		f->folder_count++;
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
static void add_nt_element(struct finder *f, const char *at, size_t len)
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
				note(f, "%.*s: not a local folder", (int)piece, at);
			else
				add_folder(f, at, piece);
		}
		at += piece + (star != NULL);
		first = false;
	}
}

static void add_list(struct finder *f, const char *list, bool as_windows)
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

static void add_cache_folder(struct finder *f)
{
	const char *cache = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");
	char path[PATH_MAX];
	int n = -1;

	if (cache != NULL && cache[0] == '/')
		n = snprintf(path, sizeof(path), "%s/ntdumpfs", cache);
	else if (home != NULL && home[0] == '/')
		n = snprintf(path, sizeof(path), "%s/.cache/ntdumpfs", home);
	if (n > 0 && (size_t)n < sizeof(path))
		add_folder(f, path, (size_t)n);
}

/* Append "/name"; false (and nothing appended) when it does not fit. */
static bool append(char path[PATH_MAX], const char *name)
{
	size_t len = strlen(path), name_len = strlen(name);

	if (name_len + 2 > PATH_MAX - len)
		return false;
	path[len] = '/';
	memcpy(path + len + 1, name, name_len + 1);
	return true;
}

/*
 * Append the entry `name` of the folder `path`: as it is spelled, else the first in byte order that
 * differs in case only. False (and nothing appended) when there is none.
 */
static bool descend(char path[PATH_MAX], const char *name)
{
	size_t len = strlen(path);
	char best[NAME_MAX + 1] = "";
	uint32_t entries = 0;
	struct dirent *entry;
	DIR *dir;

	if (!append(path, name))
		return false;
	if (access(path, F_OK) == 0)
		return true;
	path[len] = '\0';
	dir = opendir(path);
	if (dir == NULL)
		return false;
	while (entries++ < MAX_ENTRIES && (entry = readdir(dir)) != NULL) {
		if (strcasecmp(entry->d_name, name) == 0 && strlen(name) < sizeof(best) &&
		    (best[0] == '\0' || strcmp(entry->d_name, best) < 0))
			memcpy(best, entry->d_name, strlen(name) + 1);
	}
	closedir(dir);
	return best[0] != '\0' && append(path, best);
}

/* The path folder/name/name...; false when it does not exist. */
static bool find_below(char path[PATH_MAX], const char *folder, const char *const *names)
{
	size_t len = strlen(folder);

	if (len >= PATH_MAX)
		return false;
	memcpy(path, folder, len + 1);
	for (; *names != NULL; names++) {
		if (!descend(path, *names))
			return false;
	}
	return true;
}

static bool is_wanted(const struct finder *f, const struct nd_guid_age *id)
{
	return id->age == f->id->age && memcmp(id->guid, f->id->guid, sizeof(id->guid)) == 0;
}

static void note_other(struct finder *f, const char *path, const struct nd_guid_age *id)
{
	char guid[33];

	nd_guid_text(id->guid, guid);
	note(f, "%s: is of another image: GUID %s age %u", path, guid, id->age);
}

/* Take a file that was read when it is the right one; else free it and say why. */
static bool accept(struct finder *f, const char *path, struct nd_symfile *file)
{
	if (file->id_known && is_wanted(f, &file->id)) {
		f->found = file;
		return true;
	}
	if (file->id_known)
		note_other(f, path, &file->id);
	else
		note(f, "%s: states no GUID and age", path);
	nd_symfile_free(file);
	return false;
}

static bool try_pdb(struct finder *f, const char *path)
{
	struct nd_symfile *file;
	struct nd_error err = {.text = ""};
	struct stat st;

	if (stat(path, &st) != 0 || S_ISDIR(st.st_mode))
		return false; /* <pdb> is a folder in a symbol store */
	if (nd_pdb_read(path, &file, &err) != ND_OK) {
		note(f, "%s", err.text);
		return false;
	}
	return accept(f, path, file);
}

static bool try_isf(struct finder *f, const char *path)
{
	struct nd_symfile *file;
	struct nd_error err = {.text = ""};
	struct nd_guid_age id;
	enum nd_status st = nd_isf_read_id(path, &id, &err);

	if (st == ND_NO_SYMBOLS) {
		note(f, "%s: states no GUID and age", path);
		return false;
	}
	if (st == ND_OK && !is_wanted(f, &id)) {
		note_other(f, path, &id);
		return false;
	}
	if (st == ND_OK)
		st = nd_isf_read(path, &file, &err);
	if (st != ND_OK) {
		note(f, "%s", err.text);
		return false;
	}
	return accept(f, path, file);
}

/* A store's file may be there packed: say so, for we do not unpack it. */
static void note_packed(struct finder *f, const char *folder, const char *const *dirs)
{
	char path[PATH_MAX], name[MAX_NAME_BYTES + 1];

	size_t len = strlen(f->pdb_name); /* is_safe_name(): 1 to MAX_NAME_BYTES */

	memcpy(name, f->pdb_name, len + 1);
	name[len - 1] = '_';
	if (find_below(path, folder, dirs) && descend(path, name))
		note(f, "%s: is packed (a cabinet): unpack it with cabextract", path);
}

static bool pdb_in_store(struct finder *f, const char *folder)
{
	char path[PATH_MAX];
	char letters[3] = {f->pdb_name[0], f->pdb_name[1], '\0'};
	const char *one[] = {f->pdb_name, f->store_key, NULL};
	const char *two[] = {letters, f->pdb_name, f->store_key, NULL};
	const char *const index[] = {"index2.txt", NULL};

	if (find_below(path, folder, one) && descend(path, f->pdb_name) && try_pdb(f, path))
		return true;
	note_packed(f, folder, one);
	if (!find_below(path, folder, index))
		return false;
	if (find_below(path, folder, two) && descend(path, f->pdb_name) && try_pdb(f, path))
		return true;
	note_packed(f, folder, two);
	return false;
}

static bool pdb_in_folder(struct finder *f, const char *folder)
{
	const char *const plain[] = {f->pdb_name, NULL};
	const char *const pdb[] = {"pdb", f->pdb_name, NULL};
	const char *const symbols[] = {"symbols", "pdb", f->pdb_name, NULL};
	const char *const *const places[] = {plain, pdb, symbols};
	char path[PATH_MAX];

	if (pdb_in_store(f, folder))
		return true;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		if (find_below(path, folder, places[i]) && try_pdb(f, path))
			return true;
	}
	return false;
}

static bool isf_by_name(struct finder *f, const char *folder)
{
	for (size_t i = 0; i < 2; i++) {
		const char *const volatility[] = {f->pdb_name, f->isf_name[i], NULL};
		const char *const symbols[] = {"symbols", "windows", f->pdb_name, f->isf_name[i],
					       NULL};
		const char *const windows[] = {"windows", f->pdb_name, f->isf_name[i], NULL};
		const char *const plain[] = {f->isf_name[i], NULL};
		const char *const *const places[] = {volatility, symbols, windows, plain};
		char path[PATH_MAX];

		for (size_t k = 0; k < sizeof(places) / sizeof(*places); k++) {
			if (find_below(path, folder, places[k]) && try_isf(f, path))
				return true;
		}
	}
	return false;
}

/* A file that may be an ISF and was not tried by its name. */
static bool is_loose_isf(const struct finder *f, const char *name)
{
	size_t len = strlen(name);
	bool json = len > 5 && strcasecmp(name + len - 5, ".json") == 0;
	bool xz = len > 8 && strcasecmp(name + len - 8, ".json.xz") == 0;

	return (json || xz) && strcasecmp(name, f->isf_name[0]) != 0 &&
	       strcasecmp(name, f->isf_name[1]) != 0;
}

static int compare_names(const void *a, const void *b)
{
	const char *const *x = a, *const *y = b;

	return strcmp(*x, *y);
}

/* Other .json files of the folder, in byte order, by the identity that they state. */
static bool isf_by_contents(struct finder *f, const char *folder)
{
	char *names[MAX_LOOSE_FILES];
	uint32_t count = 0, entries = 0;
	struct dirent *entry;
	DIR *dir = opendir(folder);
	bool found = false;

	if (dir == NULL)
		return false;
	while (entries++ < MAX_ENTRIES && (entry = readdir(dir)) != NULL) {
		if (!is_loose_isf(f, entry->d_name))
			continue;
		if (count == MAX_LOOSE_FILES) {
			note(f, "%s: has more than %d .json files: not all were tried", folder,
			     MAX_LOOSE_FILES);
			break;
		}
		names[count] = strdup(entry->d_name);
		count += names[count] != NULL;
	}
	closedir(dir);
	if (count > 0)
		qsort(names, count, sizeof(*names), compare_names);
	for (uint32_t i = 0; i < count; i++) {
		const char *const place[] = {names[i], NULL};
		char path[PATH_MAX];

		if (!found && find_below(path, folder, place))
			found = try_isf(f, path);
		free(names[i]);
	}
	return found;
}

/* A symbol file that is itself an element of the list: by its contents. */
static bool try_file(struct finder *f, const char *path, bool pdb)
{
	size_t len = strlen(path);
	bool looks_isf = (len > 5 && strcasecmp(path + len - 5, ".json") == 0) ||
			 (len > 3 && strcasecmp(path + len - 3, ".xz") == 0);

	if (pdb == looks_isf)
		return false;
	return pdb ? try_pdb(f, path) : try_isf(f, path);
}

static bool search_in(struct finder *f, const char *folder, bool pdb)
{
	size_t before = f->tried_len;
	struct stat st;

	if (stat(folder, &st) != 0) {
		if (!pdb)
			note(f, "%s: does not exist", folder);
		return false;
	}
	if (!S_ISDIR(st.st_mode))
		return try_file(f, folder, pdb);
	if (pdb)
		return pdb_in_folder(f, folder);
	if (isf_by_name(f, folder) || isf_by_contents(f, folder))
		return true;
	if (f->tried_len == before)
		note(f, "%s: nothing for %s %s", folder, f->pdb_name, f->store_key);
	return false;
}

static void search_all(struct finder *f, const char *search)
{
	char guid[33];

	nd_guid_text(f->id->guid, guid);
	(void)snprintf(f->store_key, sizeof(f->store_key), "%s%X", guid, f->id->age);
	(void)snprintf(f->isf_name[0], sizeof(f->isf_name[0]), "%s-%u.json.xz", guid, f->id->age);
	(void)snprintf(f->isf_name[1], sizeof(f->isf_name[1]), "%s-%u.json", guid, f->id->age);
	add_list(f, search, false);
	add_list(f, getenv("NTDUMPFS_SYMBOLS"), false);
	add_list(f, getenv("_NT_SYMBOL_PATH"), true);
	add_cache_folder(f);
	add_list(f, "/usr/share/ntdumpfs", false);
	for (uint32_t i = 0; i < f->folder_count && f->found == NULL; i++)
		search_in(f, f->folder[i], true);
	for (uint32_t i = 0; i < f->folder_count && f->found == NULL; i++)
		search_in(f, f->folder[i], false);
}

enum nd_status nd_symfile_find(const char *search, const char *pdb_name,
			       const struct nd_guid_age *id, struct nd_symfile **ret, char **tried)
{
	struct finder f = {.pdb_name = pdb_name, .id = id, .want_tried = tried != NULL};

	if (f.want_tried)
		f.tried = calloc(1, 1);
	if (is_safe_name(pdb_name))
		search_all(&f, search);
	else
		note(&f, "the dump names its symbol file as no symbol file is named");
	for (uint32_t i = 0; i < f.folder_count; i++)
		free(f.folder[i]);
	if (tried != NULL)
		*tried = f.tried;
	if (f.found == NULL)
		return ND_NO_SYMBOLS;
	*ret = f.found;
	return ND_OK;
}
