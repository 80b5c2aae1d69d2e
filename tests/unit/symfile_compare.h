/*
 * tests/unit/symfile_compare.h - are two symbol files' tables the same? And a folder for tests that
 * look for files.
 */
#ifndef TESTS_UNIT_SYMFILE_COMPARE_H
#define TESTS_UNIT_SYMFILE_COMPARE_H

#include "sym/symfile.h"

#include <ftw.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

static inline bool same_field(const struct nd_field *a, const struct nd_field *b)
{
	return strcmp(a->name, b->name) == 0 && a->offset == b->offset && a->bytes == b->bytes &&
	       a->array_count == b->array_count && a->bit_position == b->bit_position &&
	       a->bit_length == b->bit_length && a->type_kind == b->type_kind &&
	       strcmp(a->type_name, b->type_name) == 0;
}

/* The same structure in both files: size, members, their order. */
static inline bool same_type(const struct nd_symfile *a, const struct nd_symfile *b,
			     const char *name)
{
	const struct nd_type *x = nd_symfile_type(a, name), *y = nd_symfile_type(b, name);

	if (x == NULL || y == NULL || x->bytes != y->bytes || x->field_count != y->field_count)
		return false;
	for (uint32_t i = 0; i < x->field_count; i++) {
		if (!same_field(&a->fields[x->first_field + i], &b->fields[y->first_field + i]))
			return false;
	}
	return true;
}

/* mkdir -p and write; false when that fails. */
static inline bool put_file(const char *path, const void *bytes, size_t len)
{
	char folder[4096];
	FILE *file;
	bool fine;

	snprintf(folder, sizeof(folder), "%s", path);
	for (char *slash = strchr(folder + 1, '/'); slash != NULL; slash = strchr(slash + 1, '/')) {
		*slash = '\0';
		mkdir(folder, 0700);
		*slash = '/';
	}
	file = fopen(path, "wb");
	if (file == NULL)
		return false;
	fine = fwrite(bytes, 1, len, file) == len;
	return fclose(file) == 0 && fine;
}

/* All of a file, malloc'ed, with a NUL behind it; NULL when it cannot be read. */
static inline char *get_file(const char *path, size_t *ret_len)
{
	FILE *file = fopen(path, "rb");
	char *bytes = calloc(1, 16 << 20);
	size_t len = 0;

	if (file != NULL && bytes != NULL)
		len = fread(bytes, 1, (16 << 20) - 1, file);
	if (file != NULL)
		fclose(file);
	if (len == 0) {
		free(bytes);
		return NULL;
	}
	*ret_len = len;
	return bytes;
}

static inline int remove_one(const char *path, const struct stat *st, int kind, struct FTW *at)
{
	(void)st;
	(void)kind;
	(void)at;
	return remove(path);
}

static inline void remove_folder(const char *path)
{
	nftw(path, remove_one, 16, FTW_DEPTH | FTW_PHYS);
}

/* No standard place may be looked at: neither this user's nor this machine's files. */
static inline bool begin_folder(char folder[64])
{
	strcpy(folder, "/tmp/ntdumpfs-test.XXXXXX");
	unsetenv("NTDUMPFS_SYMBOLS");
	unsetenv("_NT_SYMBOL_PATH");
	if (mkdtemp(folder) == NULL)
		return false;
	return setenv("XDG_CACHE_HOME", folder, 1) == 0;
}

#endif
