/*
 * engine/nt/namespace.h - the object manager's namespace as a tree: all directories below "\" and
 * what they hold.
 */
#ifndef ND_NT_NAMESPACE_H
#define ND_NT_NAMESPACE_H

#include "ntdump.h"
#include "nt/problem.h"
#include "sym/rec.h"

#define ND_NAMESPACE_MAX 1000000u /* objects */
#define ND_NAMESPACE_DEPTH_MAX 64u

struct nd_name_node {
	nd_va object;
	uint32_t parent;       /* index; the root's is its own */
	uint32_t first, count; /* children of a directory: consecutive, by name */
	uint32_t duplicate;    /* how many siblings before it have the same name */
	bool directory;	       /* was entered: not where it is one that was met before */
	uint8_t depth;	       /* the root has 0 */
	struct nd_ustr name;   /* of its own header; st tells why there is none */
	struct nd_ustr path; /* directories only: all names from the root, "" for the root itself */
};

struct nd_namespace {
	struct nd_name_node *node; /* [0] is the root */
	uint32_t count;		   /* 0: see st */
	uint32_t *by_object;	   /* indices sorted by address */
	struct nd_problems problems;
	enum nd_status st;
	nd_va at;
};

/* Walked on first use, lives with the dump. ND_ENOMEM, ND_EIO. */
enum nd_status nd_namespace(const struct nd_dump *dump, const struct nd_namespace **ret);

/* The node of an object; NULL where the namespace does not hold it. */
const struct nd_name_node *nd_namespace_find(const struct nd_namespace *space, nd_va object);

/* For nt/tables.c. */
enum nd_status nd_namespace_build(const struct nd_dump *dump, struct nd_namespace *ret);
void nd_namespace_free(struct nd_namespace *space);

#endif
