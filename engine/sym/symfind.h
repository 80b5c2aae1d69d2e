/*
 * engine/sym/symfind.h - one search for the symbol file of a module: what it knows, and what its three
 * parts share. Private to engine/sym.
 */
#ifndef ND_SYM_SYMFIND_H
#define ND_SYM_SYMFIND_H

#include "sym/symcache.h"
#include "sym/symfile.h"

#include <time.h>

#define ND_SYMFIND_MAX_FOLDERS 64
#define ND_SYMFIND_MAX_TRIED_BYTES 65536u      /* of text */
#define ND_SYMFIND_OTHER "is of another image" /* in notes */
#define ND_SYMFIND_NAME_BYTES 64	       /* of a PDB's name, without the NUL */

/* What a file said that it is, so that it is asked once for all modules of a dump. */
struct nd_symknown {
	char *path;
	uint64_t bytes;
	struct timespec time;
	enum nd_status st; /* ND_OK; ND_NO_SYMBOLS: it does not say; else it is no symbol file */
	struct nd_guid_age id;
	struct nd_error err;
};

struct nd_symmemo {
	struct nd_symknown *known;
	uint32_t count, room;
};

void nd_symmemo_deinit(struct nd_symmemo *memo);

struct nd_symfind {
	/* What is asked for. */
	const char *pdb_name;
	const struct nd_guid_age *id;
	const struct nd_symcache *cache; /* NULL: none is used */
	struct nd_symmemo *memo;	 /* NULL: nothing is remembered */
	const char *cwd;		 /* where relative folders begin; NULL: here */
	bool want_tried;
	/* The answer. */
	struct nd_symfile *found;
	char *tried; /* owned by the caller when want_tried */
	/* The search's own. */
	char store_key[48];   /* <GUID><age in hex> */
	char isf_name[2][56]; /* <GUID>-<age>.json.xz and .json */
	char *folder[ND_SYMFIND_MAX_FOLDERS];
	uint32_t folder_count;
	size_t tried_len;
};

/* Look for it; f->found is NULL when there is none. */
void nd_symfind(struct nd_symfind *f, const char *search);

/* symplaces.c: the folders and files that are named by `search`, the environment and custom. */
void nd_symfind_places(struct nd_symfind *f, const char *search);
/* symtry.c: a line of the text for the user; control characters become '?'. */
void nd_symfind_note(struct nd_symfind *f, const char *format, ...)
	__attribute__((format(printf, 2, 3)));
/*
 * symtry.c: take the file when it is a symbol file of the right image; else say why not. `named`: its
 * name states the identity. False, without a word, when there is no such file.
 */
bool nd_symfind_try(struct nd_symfind *f, const char *path, enum nd_symfile_kind kind, bool named);

#endif
