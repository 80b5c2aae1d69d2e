/*
 * fs/content_cache.h - finished texts by inode number: a byte-bounded store of what was rendered
 * for st_size until READ asks for it. Least recently used texts go first; a text that somebody
 * borrows stays. May be used by many threads at once.
 */
#ifndef FS_CONTENT_CACHE_H
#define FS_CONTENT_CACHE_H

#include "base.h"
#include "text.h"

struct content_cache;
struct content; /* one text; borrowed between get and put */

/*
 * Makes the text of `ino`: writes to `out` (initialised; released by the cache). May call
 * content_cache_get() again, for other texts.
 */
typedef enum nd_status content_make_fn(void *ctx, uint64_t ino, struct text *out);

/*
 * `max_bytes` bounds what is kept, including about 80 bytes of bookkeeping for each text. One text
 * beyond the bound is kept while it is in use and for some thousand requests after that.
 */
enum nd_status content_cache_new(size_t max_bytes, content_make_fn *make, void *ctx,
				 struct content_cache **ret);
/* NULL is accepted. Nothing may be borrowed any more. */
void content_cache_free(struct content_cache *cache);

/*
 * The text of `ino`, made when it is not there. When two threads ask for the same one, it is made
 * once and both get it. Failures are not kept. Give it back with content_cache_put().
 */
enum nd_status content_cache_get(struct content_cache *cache, uint64_t ino, struct content **ret);
void content_cache_put(struct content_cache *cache, struct content *content);

const char *content_bytes(const struct content *content, size_t *ret_len);

/*
 * While a thread makes texts outside of the cache: between enter and leave a text that is just
 * being made by another thread is made again instead of waited for, so that nobody waits in a
 * circle. ND_EIO when texts are nested too deeply (rows that need each other).
 */
enum nd_status content_making_enter(void);
void content_making_leave(void);

struct content_counts {
	uint64_t hits, misses, evictions, entries, bytes;
};
/* Safe in a signal handler. */
struct content_counts content_cache_counts(const struct content_cache *cache);

#endif
