/*
 * engine/sym/symfile.h - the contents of one symbol file (ISF or PDB) as plain sorted tables:
 * public symbols, structures with their members, enums. Both readers fill the same tables.
 *
 * A symbol file is written by an attacker like the dump itself: readers check every count, offset
 * and index, bound the total, and give ND_EFORMAT with one line; what they produce is consistent
 * (every index in range, every name NUL-terminated), so that users of the tables need no checks.
 */
#ifndef ND_SYM_SYMFILE_H
#define ND_SYM_SYMFILE_H

#include "base.h"

struct nd_guid_age {
	uint8_t guid[16]; /* in file order, as in the RSDS record */
	uint32_t age;
};

/* 32 upper-case hex digits of the GUID in its text order (Data1, Data2, Data3, then bytes). */
void nd_guid_text(const uint8_t guid[16], char ret[33]);
/* Parses that form (either case); false when it is not 32 hex digits. */
bool nd_guid_parse(const char *text, uint8_t ret[16]);

enum nd_symfile_kind { ND_SYMFILE_ISF, ND_SYMFILE_PDB };

enum {
	ND_PUBLIC_CODE = 1u << 0,     /* the file says that it is code (PDB only) */
	ND_PUBLIC_FUNCTION = 1u << 1, /* the file says that it is a function (PDB only) */
};

struct nd_public {
	uint32_t rva;
	uint32_t flags;	  /* ND_PUBLIC_* */
	const char *name; /* owned by the symbol file; raw bytes of the file, to be escaped */
};

enum nd_type_kind { ND_TYPE_OTHER, ND_TYPE_BASE, ND_TYPE_STRUCT, ND_TYPE_ENUM, ND_TYPE_POINTER };

struct nd_field {
	const char *name;
	uint32_t offset;      /* bytes from the structure's start; of the storage unit for bits */
	uint32_t bytes;	      /* size of the member (an array's whole size); 0 when unknown */
	uint32_t array_count; /* elements of all dimensions when it is an array, else 0 */
	uint8_t bit_position;
	uint8_t bit_length;    /* 0: not a bit-field */
	uint8_t type_kind;     /* enum nd_type_kind of the member, of an array's element */
	const char *type_name; /* "" or the base, structure or enum name; of a pointer's target */
};

struct nd_type {
	const char *name;
	uint32_t bytes;
	uint32_t first_field,
		field_count; /* into nd_symfile.fields, by offset, whole before bits */
};

struct nd_constant {
	const char *name;
	int64_t value;
};

struct nd_enum {
	const char *name;
	uint32_t first_constant, constant_count;
};

struct nd_symfile {
	enum nd_symfile_kind kind;
	struct nd_guid_age id;
	bool id_known;
	bool compiled;		   /* it came from the compiled cache */
	char *path;		   /* where it was read from */
	struct nd_public *publics; /* sorted by rva, then name */
	uint32_t public_count;
	uint32_t *by_name;     /* indices into publics, sorted by name (strcmp) */
	struct nd_type *types; /* sorted by name; unnamed types are not listed */
	uint32_t type_count;
	struct nd_field *fields;
	uint32_t field_count;
	struct nd_enum *enums; /* sorted by name */
	uint32_t enum_count;
	struct nd_constant *constants;
	uint32_t constant_count;
	void *arena; /* what the strings live in; private to symfile.c */
};

/*
 * Read an ISF file (.json or .json.xz, by content). `path` is for messages. Owns nothing of the
 * caller; *ret is freed with nd_symfile_free(). ND_EFORMAT, ND_EIO, ND_ENOMEM with *err.
 */
enum nd_status nd_isf_read(const char *path, struct nd_symfile **ret, struct nd_error *err);
/* The same from memory; `path` only names it. */
enum nd_status nd_isf_read_memory(const char *path, const void *bytes, size_t len,
				  struct nd_symfile **ret, struct nd_error *err);
/*
 * Only the identity that an ISF file states: reads no further than to there. ND_NO_SYMBOLS when
 * it states none; else as nd_isf_read().
 */
enum nd_status nd_isf_read_id(const char *path, struct nd_guid_age *ret, struct nd_error *err);
/*
 * Read a PDB (MSF 7.00) file: public symbols, structures, enums. The age is that of its debug
 * information stream, which is what an image's debug record states. As nd_isf_read().
 */
enum nd_status nd_pdb_read(const char *path, struct nd_symfile **ret, struct nd_error *err);
enum nd_status nd_pdb_read_memory(const char *path, const void *bytes, size_t len,
				  struct nd_symfile **ret, struct nd_error *err);
/* Only the identity of a PDB. As nd_pdb_read(). */
enum nd_status nd_pdb_read_id(const char *path, struct nd_guid_age *ret, struct nd_error *err);

/* Whether it can be part of a path: [A-Za-z0-9_.-]{1,64} without a dot in front. */
bool nd_pdb_name_is_safe(const char *name);

/* What a symbol file of either kind says of itself. */
struct nd_symfile_id {
	enum nd_symfile_kind kind;
	struct nd_guid_age id;
	char pdb_name[65]; /* safe; "" when it does not say (a PDB: when it is not called so) */
};

/* ND_NO_SYMBOLS: an ISF file without identity; else as nd_isf_read(). */
enum nd_status nd_symfile_identify(const char *path, struct nd_symfile_id *ret,
				   struct nd_error *err);
/* NULL is allowed. */
void nd_symfile_free(struct nd_symfile *file);

/* NULL when there is none. */
const struct nd_type *nd_symfile_type(const struct nd_symfile *file, const char *name);
const struct nd_field *nd_symfile_field(const struct nd_symfile *file, const struct nd_type *type,
					const char *name);
const struct nd_enum *nd_symfile_enum(const struct nd_symfile *file, const char *name);
const struct nd_public *nd_symfile_public(const struct nd_symfile *file, const char *name);
/*
 * The index in publics of the first of the symbols with the greatest rva <= `rva`; public_count
 * when there is none.
 */
uint32_t nd_symfile_nearest(const struct nd_symfile *file, uint32_t rva);

/*
 * Find and read the symbol file of a module. Places, in order: those of `search` (NULL for none),
 * of $NTDUMPFS_SYMBOLS, of $_NT_SYMBOL_PATH, then $XDG_CACHE_HOME/ntdumpfs or ~/.cache/ntdumpfs,
 * and /usr/share/ntdumpfs. A PDB anywhere goes before an ISF file anywhere.
 *
 * A list is colon-separated; or, when it has a `;` or a `*` (and for _NT_SYMBOL_PATH always), as
 * Windows' debuggers write it: `srv*CACHE*URL;cache*DIR;DIR`, of which only local folders count.
 * An element is a folder or a symbol file. In a folder:
 *   <pdb>/<GUID><age in hex>/<pdb>, with index2.txt <2 letters>/<pdb>/...    (a symbol store)
 *   <pdb>, pdb/<pdb>, symbols/pdb/<pdb>
 *   <pdb>/<GUID>-<age>.json[.xz], also below symbols/windows/ and windows/  (Volatility's layout)
 *   <GUID>-<age>.json[.xz], and any other .json[.xz] by the identity that it states
 * Upper and lower case do not matter in these names. Only an exact GUID and age is accepted.
 *
 * `pdb_name` is as the dump has it: anything but [A-Za-z0-9_.-]{1,64} without a dot in front finds
 * nothing. ND_NO_SYMBOLS when there is none. *tried (may be NULL) gets a malloc'ed text, one line
 * per file or folder that was looked at and why it was not used; NULL when memory is short.
 * The symbol files of a dump come from sym/symstore.h, which keeps them.
 */
enum nd_status nd_symfile_find(const char *search, const char *pdb_name,
			       const struct nd_guid_age *id, struct nd_symfile **ret, char **tried);

#endif
