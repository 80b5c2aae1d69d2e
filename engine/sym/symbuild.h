/*
 * engine/sym/symbuild.h - how a reader fills a struct nd_symfile: names are copied and shared,
 * tables grow within limits, and finishing sorts them. Private to engine/sym.
 *
 * Errors are sticky: a reader adds and adds, and looks at `st` when it likes; finishing gives it.
 */
#ifndef ND_SYM_SYMBUILD_H
#define ND_SYM_SYMBUILD_H

#include "sym/symfile.h"

/* More of one kind than any real file has: ND_ENOMEM. */
#define ND_SYMFILE_MAX_ROWS (1u << 20)
#define ND_SYMFILE_MAX_NAME_BYTES (64u << 20)

struct nd_symbuild {
	struct nd_symfile *file; /* NULL after a failure to begin */
	enum nd_status st;	 /* ND_OK, ND_EFORMAT or ND_ENOMEM */
	const char **interned;	 /* open hash table of names */
	uint32_t interned_count, interned_slots;
	uint32_t public_room, type_room, field_room, enum_room, constant_room;
	size_t name_bytes;
};

/* Begin; `path` is copied. Ends with nd_symbuild_finish() or nd_symbuild_abandon(). */
void nd_symbuild_begin(struct nd_symbuild *build, enum nd_symfile_kind kind, const char *path);
/* Remember the first failure. */
void nd_symbuild_fail(struct nd_symbuild *build, enum nd_status st);
/* A lasting copy of a name; never NULL. A name with a NUL in it is ND_EFORMAT. */
const char *nd_symbuild_name(struct nd_symbuild *build, const void *bytes, size_t len);
void nd_symbuild_public(struct nd_symbuild *build, uint32_t rva, uint32_t flags, const char *name);
/*
 * A structure takes the fields added since the last structure; an enum the constants likewise.
 * Of several with one name the last one stays; one with an empty name is dropped.
 */
void nd_symbuild_field(struct nd_symbuild *build, const struct nd_field *field);
void nd_symbuild_type(struct nd_symbuild *build, const char *name, uint32_t bytes);
void nd_symbuild_constant(struct nd_symbuild *build, const char *name, int64_t value);
void nd_symbuild_enum(struct nd_symbuild *build, const char *name);
/* Sort all but the fields and hand over; on failure everything is freed. */
enum nd_status nd_symbuild_finish(struct nd_symbuild *build, struct nd_symfile **ret);
/* Sort each structure's fields, when their sizes are known. */
void nd_symbuild_sort_fields(struct nd_symfile *file);
void nd_symbuild_abandon(struct nd_symbuild *build);

/* What nd_symfile.arena is. */
struct nd_symarena {
	struct nd_symarena *next;
	size_t used, room;
	char bytes[];
};

#endif
