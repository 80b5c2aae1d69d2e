/*
 * fs/tree.h - the mounted tree as data. Each directory is one static array of rows; lookup,
 * readdir, sizes, /README's tree, the man page and the "every file reads" test come from the rows.
 *
 * To add a file to the tree: one row in fs/nodes/<top-level directory>.c and one render function.
 */
#ifndef FS_TREE_H
#define FS_TREE_H

#include "base.h"
#include "text.h"

struct nd_dump;
struct tree;
struct node_row;

#define NODE_KEYS 2	       /* dynamic levels a path can have, e.g. <pid> and <tid> */
#define NODE_KEY_MAX 0xffffffu /* keys have 24 bits */
#define NODE_NAME_MAX 255u

/* Where a node is: its row, and the keys of the dynamic directories on its path, outermost first. */
struct node_at {
	struct tree *tree;
	const struct nd_dump *dump;
	const struct node_row *row;
	uint16_t instance; /* tree.c's number of the row in its place */
	uint32_t key[NODE_KEYS];
};

/* One child of a dynamic directory. */
struct node_entry {
	char name[NODE_NAME_MAX + 1];
	uint32_t key;
};

/* Metadata beyond the row; fill only what is known. */
struct node_about {
	nd_va address;	    /* user.ntdump.address; 0 for none */
	const char *type;   /* user.ntdump.type: "Process", "Thread", ...; NULL for none */
	const char *source; /* user.ntdump.source: "pdb", "isf", "profile", "export"; NULL */
	uint64_t filetime;  /* modification time as FILETIME; 0: the time of the crash */
};

/*
 * A file that is not rendered but read in pieces, past the cache of contents. Holes read as zeros.
 * For missing memory nothing but zeros: these functions give ND_OK or a failure.
 */
struct node_raw {
	enum nd_status (*size)(const struct node_at *at, uint64_t *ret); /* below 2^63 */
	/* All `len` bytes at `offset`; both are inside the size. */
	enum nd_status (*read)(const struct node_at *at, uint64_t offset, uint8_t *buf, size_t len);
	/* The next data (or hole) at or after `offset`, which is inside the size; the end counts as
	 * a hole. ND_ENOENT: no more data. */
	enum nd_status (*seek)(const struct node_at *at, uint64_t offset, bool hole, uint64_t *ret);
};

enum {
	NODE_LINK = 1u << 0,	 /* symbolic link: render gives the target, without newline */
	NODE_COSTLY = 1u << 1,	 /* rendered only when looked up itself: left out of readdirplus */
	NODE_UNLISTED = 1u << 2, /* can be opened by name, is not in readdir: (L) in tree.md */
	NODE_RAW = 1u << 3, /* raw memory: listed, hidden or absent, as tree_options.raw says */
};

/*
 * A row of a directory. Exactly one of render, rows and raw is set (rows: a directory; render: a
 * file or a link; raw: a file). A name in angle brackets ("<pid>") makes the row dynamic: next lists, find looks up.
 * A table ends with a row whose name is NULL.
 */
struct node_row {
	const char *name;
	const char *help; /* one line for /README and the man page */
	enum nd_status (*render)(struct text *out, const struct node_at *at);
	const struct node_row *rows;
	const struct node_raw *raw;
	/*
	 * The child after *cursor (0 at first; the function moves it on): ND_OK and *ret, ND_ENOENT
	 * at the end. `dir` is the directory that holds the dynamic row. Names must be distinct,
	 * cursors below 2^44. NULL for a dynamic row that is only looked up (L).
	 */
	enum nd_status (*next)(const struct node_at *dir, uint64_t *cursor, struct node_entry *ret);
	/* The child of this name (ret->name may be the canonical name or the alias that was asked
	 * for; key as next gives). ND_ENOENT when there is none. NULL: searched through next. */
	enum nd_status (*find)(const struct node_at *dir, const char *name, struct node_entry *ret);
	/* Static rows only: false when this place has no such entry (a process without a job).
	 * NULL: always there. */
	bool (*exists)(const struct node_at *at);
	/* NULL: nothing known. Children inherit address and type from the nearest directory above
	 * that has an about. */
	void (*about)(const struct node_at *at, struct node_about *ret);
	/* user.ntdump.source of a file whose names come from symbols; NULL for none. Unlike `about`
	 * asked only for the attribute, so that it may look names up. */
	const char *(*source)(const struct node_at *at);
	unsigned flags;
};

/*
 * A dynamic directory may hold itself (the object namespace): let `rows` of the dynamic row be the
 * table that contains the row. Its key, and that of every other dynamic row of the table, then
 * replaces the parent's key instead of adding one. At most TREE_DEPTH_MAX levels are followed
 * where the whole tree is walked.
 */
#define TREE_DEPTH_MAX 64

/* The root directory's table: fs/nodes/root.c. */
extern const struct node_row node_root_rows[];

enum tree_raw { TREE_RAW_HIDE, TREE_RAW_LIST, TREE_RAW_OFF };

struct tree_options {
	enum tree_raw raw;	       /* what becomes of rows flagged NODE_RAW */
	size_t cache_bytes;	       /* bound of the rendered-text cache */
	int64_t default_mtime_seconds; /* Unix time, where the dump does not tell when it crashed */
	uint32_t default_mtime_nanoseconds;
};

/* The tree over an open dump, which must outlive it. */
enum nd_status tree_new(const struct nd_dump *dump, const struct node_row *root,
			const struct tree_options *options, struct tree **ret);
void tree_free(struct tree *tree);

#define TREE_ROOT_INO 1u /* = FUSE_ROOT_ID */

enum tree_kind { TREE_FILE, TREE_DIR, TREE_LINK };

/* 64-bit inode numbers carry (instance, keys): nothing is kept for an inode. */
enum nd_status tree_at(struct tree *tree, uint64_t ino, struct node_at *ret);
enum tree_kind tree_kind_of(const struct node_at *at);
enum nd_status tree_lookup(struct tree *tree, uint64_t dir, const char *name, uint64_t *ret_ino);
/*
 * ino of the directory above; the root's is the root. Inside a directory that holds itself: the
 * topmost of its kind.
 */
uint64_t tree_parent(struct tree *tree, uint64_t ino);

/* A listed child; COSTLY tells that its size should not be asked for while listing. */
struct tree_child {
	char name[NODE_NAME_MAX + 1];
	uint64_t ino;
	enum tree_kind kind;
	bool costly;
};
/* Walk the listed children: *cursor starts at 0. ND_ENOENT at the end. */
enum nd_status tree_next(struct tree *tree, uint64_t dir, uint64_t *cursor, struct tree_child *ret);

struct tree_attr {
	enum tree_kind kind;
	uint64_t size;	 /* bytes of the content; of the target for a link; 0 for a directory */
	uint64_t stored; /* bytes that are no hole, about; never more than size */
	uint32_t links;
	int64_t mtime_seconds; /* Unix time */
	uint32_t mtime_nanoseconds;
};
/* Renders a file to know its true size (the bytes stay in the cache). */
enum nd_status tree_attr(struct tree *tree, uint64_t ino, struct tree_attr *ret);

/* The finished bytes of a file or a link's target: borrowed until tree_content_put(). */
struct tree_content {
	const char *p;
	size_t len;
	void *hold;
};
enum nd_status tree_content_get(struct tree *tree, uint64_t ino, struct tree_content *ret);
/* The functions of a raw file, which has no content of the above kind; NULL for all others. */
const struct node_raw *tree_raw_of(struct tree *tree, uint64_t ino, struct node_at *ret);
void tree_content_put(struct tree *tree, struct tree_content *content);

enum nd_status tree_about(struct tree *tree, uint64_t ino, struct node_about *ret);
/* The path of a node from the root, without a leading slash ("proc/5148/status"). */
enum nd_status tree_path(struct tree *tree, uint64_t ino, char *ret, size_t bytes);

/* For the tests that count work. Safe in a signal handler. */
struct tree_counts {
	uint64_t renders; /* how often a render function ran */
	uint64_t cache_hits, cache_misses, cache_evictions;
	uint64_t cache_entries, cache_bytes; /* held */
};
struct tree_counts tree_counts(const struct tree *tree);

/*
 * Render every listed file once without caching, except those flagged NODE_COSTLY, and tell `fn`
 * of each value that is missing: what /dump/missing is made of.
 */
typedef void tree_missing_fn(void *ctx, const char *path, nd_va address, enum nd_status reason);
enum nd_status tree_collect_missing(struct tree *tree, tree_missing_fn *fn, void *ctx);

#endif
