/*
 * fs/tree_private.h - what tree.c (where nodes are) and tree_content.c (what is in them) share.
 *
 * The tables are unfolded once into places: a place is a row at one position of the tree, so that
 * the table of a thread's files below <pid>/threads/<tid> has other places than the same table
 * elsewhere. A node is a place and the keys of the dynamic directories on its path, and these fit
 * the 64 bits of its inode number: place (16), first key (24), second key (24).
 */
#ifndef FS_TREE_PRIVATE_H
#define FS_TREE_PRIVATE_H

#include <stdatomic.h>

#include "content_cache.h"
#include "tree.h"

#define PLACE_ROOT 0u
#define PLACES_MAX 0xffffu

struct place {
	const struct node_row *row;
	uint16_t parent; /* place of the directory whose keys begin this one's keys */
	uint8_t keys;	 /* how many keys a node here has */
	uint8_t level;	 /* names on the path; the root has 0 */
	bool dynamic;
	bool holds_itself; /* dynamic, and its rows are the table that holds its row */
	uint16_t *child;   /* places, in the order of the rows; owned */
	uint16_t children;
};

struct tree {
	const struct nd_dump *dump;
	struct node_row root_row;
	struct place *place;
	uint32_t places, places_cap;
	struct content_cache *cache;
	enum tree_raw raw;
	int64_t mtime_seconds; /* of everything that does not tell its own */
	uint32_t mtime_nanoseconds;
	atomic_uint_fast64_t renders;
};

/* The node of a place and keys (those beyond the place's count are ignored). */
struct node_at node_at_place(struct tree *tree, uint16_t place, const uint32_t key[NODE_KEYS]);
uint64_t node_ino(const struct node_at *at);
/* False where the row's `exists` says that this node does not. */
bool node_exists(const struct node_at *at);
/*
 * The next listed child of `dir` after *cursor, and the flags of its row. ND_ENOENT at the end.
 * `name` has room for NODE_NAME_MAX + 1 bytes.
 */
enum nd_status node_next(const struct node_at *dir, uint64_t *cursor, char *name,
			 struct node_at *ret);
/* A FILETIME as Unix time; false, and nothing written, when it is 0 or absurd. */
bool unix_time(uint64_t filetime, int64_t *ret_seconds, uint32_t *ret_nanoseconds);
/* Run the renderer of a file or link; `out` is initialised and released by the caller. */
enum nd_status node_render(const struct node_at *at, struct text *out);

#endif
