/*
 * engine/sym/symcache.h - the compiled cache: symbol files that were read once, as flat files that
 * are read again in milliseconds. One folder a user; nobody else's files are trusted.
 *
 * A cache is never needed: whatever is wrong with it, the symbol file itself is read instead.
 */
#ifndef ND_SYM_SYMCACHE_H
#define ND_SYM_SYMCACHE_H

#include "sym/sympack.h"

#include <limits.h>

/* All files of the folder together; beyond it the oldest are removed. */
#define ND_SYMCACHE_MAX_BYTES (512u << 20)

struct nd_symcache {
	char folder[PATH_MAX]; /* "": there is none */
	uint64_t max_bytes;
};

/* $XDG_CACHE_HOME/ntdumpfs or ~/.cache/ntdumpfs, which holds symbol files, too; false without. */
bool nd_symcache_home(char ret[PATH_MAX]);
/* Set up for the folder `compiled` below it. Looks at nothing yet. */
void nd_symcache_init(struct nd_symcache *cache);
/* Make the folder now, as storing would; false when it is not there afterwards. */
bool nd_symcache_prepare(const struct nd_symcache *cache);

/*
 * What was stored under this key. ND_ENOENT when it is not there, damaged, or not to be trusted:
 * the folder or the file belongs to somebody else or can be written by others, which is *why, a
 * static text; NULL otherwise. ND_ENOMEM.
 */
enum nd_status nd_symcache_load(const struct nd_symcache *cache, const struct nd_symkey *key,
				struct nd_symfile **ret, const char **why);
/* Keep the tables under this key, if that is possible; says nothing when it is not. */
void nd_symcache_store(const struct nd_symcache *cache, const struct nd_symkey *key,
		       const struct nd_symfile *file);

#endif
