/*
 * engine/sym/symtry.c - takes or refuses one file as the symbol file that is looked for: asks the
 * compiled cache first, then the file for its identity, and reads it when it is the right one.
 */
#include "sym/symfind.h"
#include "dump/source.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#define MAX_KNOWN 4096u

void nd_symfind_note(struct nd_symfind *f, const char *format, ...)
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
	if (len + 2 > ND_SYMFIND_MAX_TRIED_BYTES - f->tried_len)
		return;
	for (size_t i = 0; i < len; i++) {
		if ((unsigned char)line[i] < ' ' || line[i] == 0x7f)
			line[i] = '?';
	}
	line[len++] = '\n';
	text = realloc(f->tried, f->tried_len + len + 1);
	if (text == NULL) {
		nd_source_note_failure();
		return;
	}
	memcpy(text + f->tried_len, line, len);
	f->tried = text;
	f->tried_len += len;
	text[f->tried_len] = '\0';
}

static bool is_wanted(const struct nd_symfind *f, const struct nd_guid_age *id)
{
	return id->age == f->id->age && memcmp(id->guid, f->id->guid, sizeof(id->guid)) == 0;
}

static void note_other(struct nd_symfind *f, const char *path, const struct nd_guid_age *id)
{
	char guid[33];

	nd_guid_text(id->guid, guid);
	nd_symfind_note(f, "%s: " ND_SYMFIND_OTHER ": GUID %s age %u", path, guid, id->age);
}

void nd_symmemo_deinit(struct nd_symmemo *memo)
{
	for (uint32_t i = 0; i < memo->count; i++)
		free(memo->known[i].path);
	free(memo->known);
	*memo = (struct nd_symmemo){ 0 };
}

static bool is_unchanged(const struct nd_symknown *known, const struct stat *st)
{
	return known->bytes == (uint64_t)st->st_size && known->time.tv_sec == st->st_mtim.tv_sec &&
	       known->time.tv_nsec == st->st_mtim.tv_nsec;
}

/* The row of a path, perhaps a new one that says nothing yet; NULL when there can be none. */
static struct nd_symknown *find_known(struct nd_symmemo *memo, const char *path)
{
	for (uint32_t i = 0; i < memo->count; i++)
		if (strcmp(memo->known[i].path, path) == 0)
			return &memo->known[i];
	if (memo->count == memo->room && memo->count < MAX_KNOWN) {
		uint32_t room = memo->room == 0 ? 16 : memo->room * 2;
		struct nd_symknown *more = reallocarray(memo->known, room, sizeof(*more));

		if (more == NULL)
			return NULL;
		memo->known = more;
		memo->room = room;
	}
	if (memo->count == memo->room)
		return NULL;
	memo->known[memo->count] = (struct nd_symknown){ .path = strdup(path) };
	return memo->known[memo->count].path == NULL ? NULL : &memo->known[memo->count++];
}

static enum nd_status read_id(const char *path, enum nd_symfile_kind kind, struct nd_guid_age *ret,
			      struct nd_error *err)
{
	return kind == ND_SYMFILE_PDB ? nd_pdb_read_id(path, ret, err)
				      : nd_isf_read_id(path, ret, err);
}

/* What the file says that it is: known from before, or asked. */
static struct nd_symknown identify(struct nd_symfind *f, const char *path,
				   enum nd_symfile_kind kind, const struct stat *st)
{
	struct nd_symknown *known = f->memo == NULL ? NULL : find_known(f->memo, path);
	struct nd_symknown now = { .bytes = (uint64_t)st->st_size, .time = st->st_mtim };

	if (known != NULL && known->bytes != 0 && is_unchanged(known, st))
		return *known;
	now.st = read_id(path, kind, &now.id, &now.err);
	if (known != NULL && now.st != ND_ENOMEM) {
		now.path = known->path;
		*known = now;
	}
	return now;
}

/* Whether it is worth reading: it is of the right image, or its name says so and it is not known. */
static bool is_right(struct nd_symfind *f, const char *path, enum nd_symfile_kind kind,
		     const struct stat *st)
{
	struct nd_symknown known = identify(f, path, kind, st);

	if (known.st == ND_OK && is_wanted(f, &known.id))
		return true;
	if (known.st == ND_OK)
		note_other(f, path, &known.id);
	else if (known.st == ND_NO_SYMBOLS)
		nd_symfind_note(f, "%s: states no GUID and age", path);
	else
		nd_symfind_note(f, "%s", known.err.text);
	return false;
}

/* Take a file that was read when it is the right one; else free it and say why. */
static bool accept(struct nd_symfind *f, const char *path, struct nd_symfile *file)
{
	if (file->id_known && is_wanted(f, &file->id)) {
		f->found = file;
		return true;
	}
	if (file->id_known)
		note_other(f, path, &file->id);
	else
		nd_symfind_note(f, "%s: states no GUID and age", path);
	nd_symfile_free(file);
	return false;
}

static struct nd_symkey key_of(const struct nd_symfind *f, const char *path,
			       enum nd_symfile_kind kind, const struct stat *st)
{
	return (struct nd_symkey){
		.kind = kind,
		.pdb_name = f->pdb_name,
		.id = *f->id,
		.path = path,
		.source_bytes = (uint64_t)st->st_size,
		.source_seconds = st->st_mtim.tv_sec,
		.source_nanoseconds = (uint32_t)st->st_mtim.tv_nsec,
	};
}

static bool load_compiled(struct nd_symfind *f, const struct nd_symkey *key)
{
	const char *why = NULL;

	if (f->cache == NULL)
		return false;
	if (nd_symcache_load(f->cache, key, &f->found, &why) == ND_OK) {
		f->found->compiled = true;
		return true;
	}
	if (why != NULL)
		nd_symfind_note(f, "%s: %s", f->cache->folder, why);
	return false;
}

bool nd_symfind_try(struct nd_symfind *f, const char *path, enum nd_symfile_kind kind, bool named)
{
	struct nd_error err = { .text = "" };
	struct nd_symfile *file;
	struct nd_symkey key;
	struct stat st, after;
	enum nd_status result;

	if (stat(path, &st) != 0 || S_ISDIR(st.st_mode))
		return false; /* <pdb> is a folder in a symbol store */
	key = key_of(f, path, kind, &st);
	if (load_compiled(f, &key))
		return true;
	if (!named && !is_right(f, path, kind, &st))
		return false;
	result = kind == ND_SYMFILE_PDB ? nd_pdb_read(path, &file, &err)
					: nd_isf_read(path, &file, &err);
	if (result != ND_OK) {
		nd_symfind_note(f, "%s", err.text[0] ? err.text : "out of memory");
		return false;
	}
	if (!accept(f, path, file))
		return false;
	if (f->cache != NULL && stat(path, &after) == 0 && after.st_size == st.st_size &&
	    after.st_mtim.tv_sec == st.st_mtim.tv_sec &&
	    after.st_mtim.tv_nsec == st.st_mtim.tv_nsec)
		nd_symcache_store(f->cache, &key, file);
	return true;
}
