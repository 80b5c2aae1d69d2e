/*
 * fs/xattr.h - what a node tells beside its contents, as extended attributes:
 * user.ntdump.address, user.ntdump.type, user.ntdump.source.
 */
#ifndef FS_XATTR_H
#define FS_XATTR_H

#include "base.h"

struct tree;

#define XATTR_BYTES_MAX 256u

/*
 * The value of one attribute, *len bytes without a NUL. ND_NONE: the node has no such attribute;
 * ND_ENOENT: there is no such node.
 */
enum nd_status xattr_get(struct tree *tree, uint64_t ino, const char *name,
			 char ret[XATTR_BYTES_MAX], size_t *ret_len);
/* The names that the node has, each ended by a NUL; *len counts those. */
enum nd_status xattr_list(struct tree *tree, uint64_t ino, char ret[XATTR_BYTES_MAX],
			  size_t *ret_len);

#endif
