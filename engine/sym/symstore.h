/*
 * engine/sym/symstore.h - the symbol files of an open dump: each is looked for and read once, when it
 * is first needed, and kept. For several threads at once.
 */
#ifndef ND_SYM_SYMSTORE_H
#define ND_SYM_SYMSTORE_H

#include "sym/symfile.h"

struct nd_symstore;

/* `search` as for nd_symfile_find(); it is copied. ND_ENOMEM. */
enum nd_status nd_symstore_new(const char *search, bool use_cache, struct nd_symstore **ret);
/* NULL is allowed. */
void nd_symstore_free(struct nd_symstore *store);

/*
 * The symbol file of the image with that PDB name, GUID and age; it lives as long as the store.
 * ND_NO_SYMBOLS when there is none; ND_ENOMEM. *tried (may be NULL) as of nd_symfile_find(), for the
 * one who asks first; NULL for the others.
 */
enum nd_status nd_symstore_get(struct nd_symstore *store, const char *pdb_name,
			       const struct nd_guid_age *id, const struct nd_symfile **ret,
			       char **tried);

/*
 * Be told, from then on, of each file that has the name of what was looked for but is of another
 * build: one line, without a newline, for the first search of each image. For those who give
 * nd_symstore_get() no `tried`. Set it before other threads use the store.
 */
typedef void nd_symtell_fn(void *ctx, const char *line, size_t len);
void nd_symstore_tell(struct nd_symstore *store, nd_symtell_fn *tell, void *ctx);

/*
 * Tell `visit` each existing folder or file that a later search may read, and, as `written`, the
 * folder of the compiled cache, which is made when there is a place to read. A path lives as long as
 * the call.
 */
typedef void nd_symplace_fn(void *ctx, const char *path, bool written);
void nd_symstore_places(struct nd_symstore *store, nd_symplace_fn *visit, void *ctx);

#endif
