/*
 * engine/sym/symbuild.c - the growing tables of a symbol file while it is read, and their sorting.
 */
#include "sym/symbuild.h"

#include <stdlib.h>
#include <string.h>

#define ARENA_BYTES 65536u
#define MAX_PROBES 128u /* a file made to collide costs memory, not time */

void nd_symbuild_fail(struct nd_symbuild *build, enum nd_status st)
{
	if (build->st == ND_OK)
		build->st = st;
}

void nd_symbuild_begin(struct nd_symbuild *build, enum nd_symfile_kind kind, const char *path)
{
	*build = (struct nd_symbuild){ .st = ND_OK };
	build->file = calloc(1, sizeof(*build->file));
	if (build->file != NULL) {
		build->file->kind = kind;
		build->file->path = strdup(path);
	}
	if (build->file == NULL || build->file->path == NULL)
		nd_symbuild_fail(build, ND_ENOMEM);
}

void nd_symbuild_abandon(struct nd_symbuild *build)
{
	free(build->interned);
	nd_symfile_free(build->file);
	build->interned = NULL;
	build->file = NULL;
}

static char *arena_copy(struct nd_symbuild *build, const void *bytes, size_t len)
{
	struct nd_symarena *arena = build->file->arena;
	char *to;

	if (len >= ND_SYMFILE_MAX_NAME_BYTES ||
	    build->name_bytes > ND_SYMFILE_MAX_NAME_BYTES - len - 1)
		return NULL;
	if (arena == NULL || arena->room - arena->used < len + 1) {
		size_t room = len + 1 > ARENA_BYTES ? len + 1 : ARENA_BYTES;

		arena = malloc(sizeof(*arena) + room);
		if (arena == NULL)
			return NULL;
		arena->next = build->file->arena;
		arena->used = 0;
		arena->room = room;
		build->file->arena = arena;
	}
	to = arena->bytes + arena->used;
	memcpy(to, bytes, len);
	to[len] = '\0';
	arena->used += len + 1;
	build->name_bytes += len + 1;
	return to;
}

static uint32_t hash_name(const char *name, size_t len)
{
	uint64_t h = 0xcbf29ce484222325u;

	for (size_t i = 0; i < len; i++)
		h = (h ^ (uint8_t)name[i]) * 0x100000001b3u;
	return (uint32_t)(h ^ h >> 32);
}

/* The slot of the name, or the free one where it belongs; NULL when there is none near. */
static const char **find_slot(const struct nd_symbuild *build, const char *name, size_t len)
{
	uint32_t mask = build->interned_slots - 1;
	uint32_t at = hash_name(name, len);

	for (uint32_t i = 0; i < MAX_PROBES; i++) {
		const char **slot = &build->interned[(at + i) & mask];

		if (*slot == NULL || (strncmp(*slot, name, len) == 0 && (*slot)[len] == '\0'))
			return slot;
	}
	return NULL;
}

static bool grow_interned(struct nd_symbuild *build)
{
	uint32_t old_slots = build->interned_slots;
	uint32_t slots = old_slots == 0 ? 4096 : old_slots * 2;
	const char **old = build->interned;
	const char **table = calloc(slots, sizeof(*table));

	if (table == NULL)
		return false;
	build->interned = table;
	build->interned_slots = slots;
	for (uint32_t i = 0; i < old_slots; i++) {
		const char **slot =
			old[i] == NULL ? NULL : find_slot(build, old[i], strlen(old[i]));

		if (slot != NULL)
			*slot = old[i];
	}
	free(old);
	return true;
}

const char *nd_symbuild_name(struct nd_symbuild *build, const void *bytes, size_t len)
{
	const char **slot;
	char *copy;

	if (build->st != ND_OK || len == 0)
		return "";
	if (memchr(bytes, '\0', len) != NULL) {
		nd_symbuild_fail(build, ND_EFORMAT);
		return "";
	}
	if (build->interned_count >= build->interned_slots / 2 && !grow_interned(build)) {
		nd_symbuild_fail(build, ND_ENOMEM);
		return "";
	}
	slot = find_slot(build, bytes, len);
	if (slot != NULL && *slot != NULL)
		return *slot;
	copy = arena_copy(build, bytes, len);
	if (copy == NULL) {
		nd_symbuild_fail(build, ND_ENOMEM);
		return "";
	}
	if (slot != NULL) {
		*slot = copy;
		build->interned_count++;
	}
	return copy;
}

/* Room for one more row; false (and the failure is noted) when there can be none. */
static bool make_room(struct nd_symbuild *build, void *table, uint32_t count, uint32_t *room,
		      size_t row_bytes)
{
	uint32_t more = *room == 0 ? 256 : *room * 2;
	void *rows;

	if (build->st != ND_OK)
		return false;
	if (count < *room)
		return true;
	memcpy(&rows, table, sizeof(rows));
	rows = count >= ND_SYMFILE_MAX_ROWS ? NULL : reallocarray(rows, more, row_bytes);
	if (rows == NULL) {
		nd_symbuild_fail(build, ND_ENOMEM);
		return false;
	}
	memcpy(table, &rows, sizeof(rows));
	*room = more;
	return true;
}

void nd_symbuild_public(struct nd_symbuild *build, uint32_t rva, uint32_t flags, const char *name)
{
	struct nd_symfile *file = build->file;

	if (build->st == ND_OK && make_room(build, &file->publics, file->public_count,
					    &build->public_room, sizeof(*file->publics)))
		file->publics[file->public_count++] = (struct nd_public){ rva, flags, name };
}

void nd_symbuild_field(struct nd_symbuild *build, const struct nd_field *field)
{
	struct nd_symfile *file = build->file;

	if (build->st == ND_OK && make_room(build, &file->fields, file->field_count,
					    &build->field_room, sizeof(*file->fields)))
		file->fields[file->field_count++] = *field;
}

void nd_symbuild_type(struct nd_symbuild *build, const char *name, uint32_t bytes)
{
	struct nd_symfile *file = build->file;
	uint32_t first = 0;

	if (build->st != ND_OK || !make_room(build, &file->types, file->type_count,
					     &build->type_room, sizeof(*file->types)))
		return;
	if (file->type_count > 0) {
		const struct nd_type *last = &file->types[file->type_count - 1];

		first = last->first_field + last->field_count;
	}
	if (name[0] == '\0') {
		file->field_count = first;
		return;
	}
	file->types[file->type_count++] =
		(struct nd_type){ name, bytes, first, file->field_count - first };
}

void nd_symbuild_constant(struct nd_symbuild *build, const char *name, int64_t value)
{
	struct nd_symfile *file = build->file;

	if (build->st == ND_OK && make_room(build, &file->constants, file->constant_count,
					    &build->constant_room, sizeof(*file->constants)))
		file->constants[file->constant_count++] = (struct nd_constant){ name, value };
}

void nd_symbuild_enum(struct nd_symbuild *build, const char *name)
{
	struct nd_symfile *file = build->file;
	uint32_t first = 0;

	if (build->st != ND_OK || !make_room(build, &file->enums, file->enum_count,
					     &build->enum_room, sizeof(*file->enums)))
		return;
	if (file->enum_count > 0) {
		const struct nd_enum *last = &file->enums[file->enum_count - 1];

		first = last->first_constant + last->constant_count;
	}
	if (name[0] == '\0') {
		file->constant_count = first;
		return;
	}
	file->enums[file->enum_count++] =
		(struct nd_enum){ name, first, file->constant_count - first };
}

static int compare_u32(uint32_t a, uint32_t b)
{
	return (a > b) - (a < b);
}

static int compare_publics(const void *a, const void *b)
{
	const struct nd_public *x = a, *y = b;
	int order = compare_u32(x->rva, y->rva);

	return order != 0 ? order : strcmp(x->name, y->name);
}

static int compare_by_name(const void *a, const void *b, void *publics)
{
	const struct nd_public *x = (const struct nd_public *)publics + *(const uint32_t *)a;
	const struct nd_public *y = (const struct nd_public *)publics + *(const uint32_t *)b;
	int order = strcmp(x->name, y->name);

	if (order == 0)
		order = compare_u32(x->rva, y->rva);
	return order != 0 ? order : compare_u32(*(const uint32_t *)a, *(const uint32_t *)b);
}

/* Whole members before the bit-fields at their offset, the longer of two first. */
static int compare_fields(const void *a, const void *b)
{
	const struct nd_field *x = a, *y = b;
	int order = compare_u32(x->offset, y->offset);

	if (order == 0)
		order = compare_u32(x->bit_length != 0, y->bit_length != 0);
	if (order == 0)
		order = compare_u32(x->bit_position, y->bit_position);
	if (order == 0)
		order = compare_u32(y->bytes, x->bytes);
	if (order == 0)
		order = compare_u32(x->bit_length, y->bit_length);
	return order != 0 ? order : strcmp(x->name, y->name);
}

/* Equal names by the place of their contents: the later is the one to keep. */
static int compare_types(const void *a, const void *b)
{
	const struct nd_type *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	if (order == 0)
		order = compare_u32(x->first_field, y->first_field);
	if (order == 0)
		order = compare_u32(x->field_count, y->field_count);
	return order != 0 ? order : compare_u32(x->bytes, y->bytes);
}

static int compare_enums(const void *a, const void *b)
{
	const struct nd_enum *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	if (order == 0)
		order = compare_u32(x->first_constant, y->first_constant);
	return order != 0 ? order : compare_u32(x->constant_count, y->constant_count);
}

static bool sort_publics(struct nd_symfile *file)
{
	file->by_name = malloc((size_t)file->public_count * sizeof(*file->by_name) + 1);
	if (file->by_name == NULL)
		return false;
	if (file->public_count == 0)
		return true;
	qsort(file->publics, file->public_count, sizeof(*file->publics), compare_publics);
	for (uint32_t i = 0; i < file->public_count; i++)
		file->by_name[i] = i;
	qsort_r(file->by_name, file->public_count, sizeof(*file->by_name), compare_by_name,
		file->publics);
	return true;
}

static void sort_types(struct nd_symfile *file)
{
	uint32_t kept = 0;

	if (file->type_count == 0)
		return;
	qsort(file->types, file->type_count, sizeof(*file->types), compare_types);
	for (uint32_t i = 0; i < file->type_count; i++) {
		if (i + 1 < file->type_count &&
		    strcmp(file->types[i].name, file->types[i + 1].name) == 0)
			continue;
		file->types[kept++] = file->types[i];
	}
	file->type_count = kept;
}

void nd_symbuild_sort_fields(struct nd_symfile *file)
{
	for (uint32_t i = 0; i < file->type_count; i++) {
		const struct nd_type *type = &file->types[i];

		if (type->field_count > 0)
			qsort(file->fields + type->first_field, type->field_count,
			      sizeof(*file->fields), compare_fields);
	}
}

static void sort_enums(struct nd_symfile *file)
{
	uint32_t kept = 0;

	if (file->enum_count == 0)
		return;
	qsort(file->enums, file->enum_count, sizeof(*file->enums), compare_enums);
	for (uint32_t i = 0; i < file->enum_count; i++) {
		if (i + 1 < file->enum_count &&
		    strcmp(file->enums[i].name, file->enums[i + 1].name) == 0)
			continue;
		file->enums[kept++] = file->enums[i];
	}
	file->enum_count = kept;
}

/* Give back the room that was not used. */
static void trim(void *table, uint32_t count, size_t row_bytes)
{
	void *rows, *smaller;

	memcpy(&rows, table, sizeof(rows));
	smaller = count == 0 ? NULL : reallocarray(rows, count, row_bytes);
	if (smaller != NULL)
		memcpy(table, &smaller, sizeof(smaller));
}

enum nd_status nd_symbuild_finish(struct nd_symbuild *build, struct nd_symfile **ret)
{
	struct nd_symfile *file = build->file;

	if (build->st == ND_OK && !sort_publics(file))
		nd_symbuild_fail(build, ND_ENOMEM);
	if (build->st != ND_OK) {
		nd_symbuild_abandon(build);
		return build->st;
	}
	sort_types(file);
	sort_enums(file);
	trim(&file->publics, file->public_count, sizeof(*file->publics));
	trim(&file->types, file->type_count, sizeof(*file->types));
	trim(&file->fields, file->field_count, sizeof(*file->fields));
	trim(&file->enums, file->enum_count, sizeof(*file->enums));
	trim(&file->constants, file->constant_count, sizeof(*file->constants));
	free(build->interned);
	build->interned = NULL;
	build->file = NULL;
	*ret = file;
	return ND_OK;
}
