/*
 * fs/nodes/asked.h - names that were asked for and are not listed (symbols, addresses): each gets
 * a key, so that its inode number finds the name again.
 */
#ifndef FS_ASKED_H
#define FS_ASKED_H

#include "base.h"

#define ASKED_NAME_MAX 255u

/* The key of `name`, the same one each time. ND_ENOENT: too long; ND_ENOMEM: too many names. */
enum nd_status asked_key(const char *name, uint32_t *ret);
/* The name of a key; NULL when there is none. Lives as long as the process. */
const char *asked_name(uint32_t key);

#endif
