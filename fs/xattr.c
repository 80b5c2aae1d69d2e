/*
 * fs/xattr.c - see xattr.h.
 */
#include "xattr.h"

#include <stdio.h>
#include <string.h>

#include "tree.h"

#define PREFIX "user.ntdump."

struct xattr {
	const char *name;
	/* The value's length, like snprintf; 0: the node has none. */
	int (*print)(char *ret, size_t bytes, const struct node_about *about);
};

static int print_string(char *ret, size_t bytes, const char *s)
{
	return s ? snprintf(ret, bytes, "%s", s) : 0;
}

static int print_address(char *ret, size_t bytes, const struct node_about *about)
{
	if (about->address == 0)
		return 0;
	return snprintf(ret, bytes, "0x%016llx", (unsigned long long)about->address);
}

static int print_type(char *ret, size_t bytes, const struct node_about *about)
{
	return print_string(ret, bytes, about->type);
}

static int print_source(char *ret, size_t bytes, const struct node_about *about)
{
	return print_string(ret, bytes, about->source);
}

static const struct xattr xattrs[] = {
	{ PREFIX "address", print_address },
	{ PREFIX "type", print_type },
	{ PREFIX "source", print_source },
};
#define XATTRS (sizeof(xattrs) / sizeof(xattrs[0]))

enum nd_status xattr_get(struct tree *tree, uint64_t ino, const char *name,
			 char ret[XATTR_BYTES_MAX], size_t *ret_len)
{
	struct node_about about;
	enum nd_status st = tree_about(tree, ino, &about);

	if (st != ND_OK)
		return st;
	for (unsigned i = 0; i < XATTRS; i++) {
		int len;

		if (strcmp(name, xattrs[i].name) != 0)
			continue;
		len = xattrs[i].print(ret, XATTR_BYTES_MAX, &about);
		if (len <= 0)
			break;
		*ret_len = strlen(ret);
		return ND_OK;
	}
	return ND_NONE;
}

enum nd_status xattr_list(struct tree *tree, uint64_t ino, char ret[XATTR_BYTES_MAX],
			  size_t *ret_len)
{
	char value[XATTR_BYTES_MAX];
	struct node_about about;
	size_t len = 0;
	enum nd_status st = tree_about(tree, ino, &about);

	if (st != ND_OK)
		return st;
	for (unsigned i = 0; i < XATTRS; i++) {
		size_t bytes = strlen(xattrs[i].name) + 1;

		if (xattrs[i].print(value, sizeof(value), &about) <= 0)
			continue;
		memcpy(ret + len, xattrs[i].name, bytes); /* three names of 20: they fit */
		len += bytes;
	}
	*ret_len = len;
	return ND_OK;
}
