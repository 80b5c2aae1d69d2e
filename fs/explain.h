/*
 * fs/explain.h - the tree told without a dump: what a path is, and all paths, from the rows that make
 * the tree.
 */
#ifndef FS_EXPLAIN_H
#define FS_EXPLAIN_H

#include "base.h"
#include "text.h"

/*
 * What the file or directory is: its pattern, its help, its kind, and, when `path` is in a mount of
 * ntdumpfs, what the mount says of it (address, type, source). A path that is in no mount counts from the
 * tree's root. ND_ENOENT: the tree has no such path.
 */
enum nd_status explain_path(struct text *out, const char *path);
/* A line for each row of the tree, depth first: path, kind, help, with TAB between. */
void explain_tree(struct text *out);

#endif
