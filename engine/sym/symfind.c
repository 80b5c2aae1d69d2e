/*
 * engine/sym/symfind.c - finds the symbol file of a module in folders, symbol stores and
 * Volatility's symbol trees, by GUID and age.
 */
#include "sym/symfind.h"

#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/stat.h>
#include <unistd.h>

#define MAX_LOOSE_FILES 64 /* .json files of a folder that are asked for their identity */
#define MAX_ENTRIES 100000 /* entries of a folder that are looked at */

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

/* A store's file may be there packed: say so, for we do not unpack it. */
static void note_packed(struct nd_symfind *f, const char *folder, const char *const *dirs)
{
	char path[PATH_MAX], name[ND_SYMFIND_NAME_BYTES + 1];

	size_t len = strlen(f->pdb_name); /* it is safe: 1 to ND_SYMFIND_NAME_BYTES */

	memcpy(name, f->pdb_name, len + 1);
	name[len - 1] = '_';
	if (find_below(path, folder, dirs) && descend(path, name))
		nd_symfind_note(f, "%s: is packed (a cabinet): unpack it with cabextract", path);
}

static bool pdb_in_store(struct nd_symfind *f, const char *folder)
{
	char path[PATH_MAX];
	char letters[3] = { f->pdb_name[0], f->pdb_name[1], '\0' };
	const char *one[] = { f->pdb_name, f->store_key, NULL };
	const char *two[] = { letters, f->pdb_name, f->store_key, NULL };
	const char *const index[] = { "index2.txt", NULL };

	if (find_below(path, folder, one) && descend(path, f->pdb_name) &&
	    nd_symfind_try(f, path, ND_SYMFILE_PDB, false))
		return true;
	note_packed(f, folder, one);
	if (!find_below(path, folder, index))
		return false;
	if (find_below(path, folder, two) && descend(path, f->pdb_name) &&
	    nd_symfind_try(f, path, ND_SYMFILE_PDB, false))
		return true;
	note_packed(f, folder, two);
	return false;
}

static bool pdb_in_folder(struct nd_symfind *f, const char *folder)
{
	const char *const plain[] = { f->pdb_name, NULL };
	const char *const pdb[] = { "pdb", f->pdb_name, NULL };
	const char *const symbols[] = { "symbols", "pdb", f->pdb_name, NULL };
	const char *const *const places[] = { plain, pdb, symbols };
	char path[PATH_MAX];

	if (pdb_in_store(f, folder))
		return true;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		if (find_below(path, folder, places[i]) &&
		    nd_symfind_try(f, path, ND_SYMFILE_PDB, false))
			return true;
	}
	return false;
}

static bool isf_by_name(struct nd_symfind *f, const char *folder)
{
	for (size_t i = 0; i < 2; i++) {
		const char *const volatility[] = { f->pdb_name, f->isf_name[i], NULL };
		const char *const symbols[] = { "symbols", "windows", f->pdb_name, f->isf_name[i],
						NULL };
		const char *const windows[] = { "windows", f->pdb_name, f->isf_name[i], NULL };
		const char *const plain[] = { f->isf_name[i], NULL };
		const char *const *const places[] = { volatility, symbols, windows, plain };
		char path[PATH_MAX];

		for (size_t k = 0; k < sizeof(places) / sizeof(*places); k++) {
			if (find_below(path, folder, places[k]) &&
			    nd_symfind_try(f, path, ND_SYMFILE_ISF, true))
				return true;
		}
	}
	return false;
}

/* A file that may be an ISF and was not tried by its name. */
static bool is_loose_isf(const struct nd_symfind *f, const char *name)
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
static bool isf_by_contents(struct nd_symfind *f, const char *folder)
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
			nd_symfind_note(f, "%s: has more than %d .json files: not all were tried",
					folder, MAX_LOOSE_FILES);
			break;
		}
		names[count] = strdup(entry->d_name);
		count += names[count] != NULL;
	}
	closedir(dir);
	if (count > 0)
		qsort(names, count, sizeof(*names), compare_names);
	for (uint32_t i = 0; i < count; i++) {
		const char *const place[] = { names[i], NULL };
		char path[PATH_MAX];

		if (!found && find_below(path, folder, place))
			found = nd_symfind_try(f, path, ND_SYMFILE_ISF, false);
		free(names[i]);
	}
	return found;
}

/* A symbol file that is itself an element of the list: by its contents. */
static bool try_file(struct nd_symfind *f, const char *path, bool pdb)
{
	size_t len = strlen(path);
	bool looks_isf = (len > 5 && strcasecmp(path + len - 5, ".json") == 0) ||
			 (len > 3 && strcasecmp(path + len - 3, ".xz") == 0);

	if (pdb == looks_isf)
		return false;
	return nd_symfind_try(f, path, pdb ? ND_SYMFILE_PDB : ND_SYMFILE_ISF, false);
}

static bool search_in(struct nd_symfind *f, const char *folder, bool pdb)
{
	size_t before = f->tried_len;
	struct stat st;

	if (stat(folder, &st) != 0) {
		if (!pdb)
			nd_symfind_note(f, "%s: does not exist", folder);
		return false;
	}
	if (!S_ISDIR(st.st_mode))
		return try_file(f, folder, pdb);
	if (pdb)
		return pdb_in_folder(f, folder);
	if (isf_by_name(f, folder) || isf_by_contents(f, folder))
		return true;
	if (f->tried_len == before)
		nd_symfind_note(f, "%s: nothing for %s %s", folder, f->pdb_name, f->store_key);
	return false;
}

static void search_all(struct nd_symfind *f, const char *search)
{
	char guid[33];

	nd_guid_text(f->id->guid, guid);
	(void)snprintf(f->store_key, sizeof(f->store_key), "%s%X", guid, f->id->age);
	(void)snprintf(f->isf_name[0], sizeof(f->isf_name[0]), "%s-%u.json.xz", guid, f->id->age);
	(void)snprintf(f->isf_name[1], sizeof(f->isf_name[1]), "%s-%u.json", guid, f->id->age);
	nd_symfind_places(f, search);
	for (uint32_t i = 0; i < f->folder_count && f->found == NULL; i++)
		search_in(f, f->folder[i], true);
	for (uint32_t i = 0; i < f->folder_count && f->found == NULL; i++)
		search_in(f, f->folder[i], false);
}

void nd_symfind(struct nd_symfind *f, const char *search)
{
	if (f->want_tried)
		f->tried = calloc(1, 1);
	if (nd_pdb_name_is_safe(f->pdb_name))
		search_all(f, search);
	else
		nd_symfind_note(f, "the dump names its symbol file as no symbol file is named");
	for (uint32_t i = 0; i < f->folder_count; i++)
		free(f->folder[i]);
}

enum nd_status nd_symfile_find(const char *search, const char *pdb_name,
			       const struct nd_guid_age *id, struct nd_symfile **ret, char **tried)
{
	struct nd_symfind f = { .pdb_name = pdb_name, .id = id, .want_tried = tried != NULL };

	nd_symfind(&f, search);
	if (tried != NULL)
		*tried = f.tried;
	if (f.found == NULL)
		return ND_NO_SYMBOLS;
	*ret = f.found;
	return ND_OK;
}
