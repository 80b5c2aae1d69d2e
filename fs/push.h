/*
 * fs/push.h - a thread that hands a directory's files to the kernel before they are asked for,
 * while somebody reads file after file (grep -r, tar, diff -r).
 *
 * It must be a thread of its own: storing a page waits for a reader that holds it locked, and that
 * reader waits for a thread that answers requests.
 */
#ifndef FS_PUSH_H
#define FS_PUSH_H

#include <stddef.h>
#include <stdint.h>

#include "base.h"

struct push;
struct tree;

/* Gives the kernel the whole contents of a file. Called by the push thread only. */
typedef void push_store_fn(void *ctx, uint64_t ino, const char *p, size_t len);

/* Start the thread. ND_ENOMEM when there can be none: the mount works without. */
enum nd_status push_new(struct tree *tree, push_store_fn *store, void *ctx, struct push **ret);
/* A file was read from its beginning. Cheap; NULL is accepted. */
void push_note_read(struct push *push, uint64_t ino);
/* A directory was listed to its end: whoever reads files in a row will want its files next. */
void push_note_listed(struct push *push, uint64_t dir);
/* End the thread; what is queued is dropped. NULL is accepted. */
void push_free(struct push *push);

#endif
