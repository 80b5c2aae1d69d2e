/*
 * fs/nodes/object.c - /object: the object manager's namespace as directories and files;
 * /object-at: any object by its address, looked up, not listed.
 */
#include <stdio.h>
#include <string.h>

#include "nodes/asked.h"
#include "nodes/objects.h"
#include "nt/directory.h"
#include "nt/namespace.h"
#include "nt/object_name.h"
#include "ntdump.h"

#define NAME_MAY_BE_CUT 190u /* bytes: longer file names may be cut, and then be alike */

#define COUNT_MAX 0x10000000000ull /* of references: millions of handles hold 32767 each */

/* --- names ------------------------------------------------------------------------------------ */

static void node_name(const struct nd_name_node *node, char name[NODE_NAME_MAX + 1])
{
	size_t len;

	if (node->name.st != ND_OK)
		len = (size_t)snprintf(name, NODE_NAME_MAX, "0x%016llx",
				       (unsigned long long)node->object);
	else
		len = text_file_name_utf16(node->name.units, node->name.count, name);
	if (len > NAME_MAY_BE_CUT)
		snprintf(name + len, NODE_NAME_MAX + 1 - len, "~%016llx",
			 (unsigned long long)node->object);
	else if (node->duplicate)
		snprintf(name + len, NODE_NAME_MAX + 1 - len, "~%u", node->duplicate + 1);
}

/* The directory that a row's children are in: /object itself has no key, which is the root's 0. */
static enum nd_status at_directory(const struct node_at *dir, const struct nd_namespace **ret,
				   const struct nd_name_node **ret_node)
{
	enum nd_status st = nd_namespace(dir->dump, ret);

	if (st != ND_OK)
		return st;
	if (dir->key[0] >= (*ret)->count)
		return ND_ENOENT;
	*ret_node = &(*ret)->node[dir->key[0]];
	return ND_OK;
}

static enum nd_status next_child(const struct node_at *dir, uint64_t *cursor, bool directory,
				 struct node_entry *ret)
{
	const struct nd_namespace *space;
	const struct nd_name_node *node;
	enum nd_status st = at_directory(dir, &space, &node);

	if (st != ND_OK)
		return st;
	while (*cursor < node->count) {
		uint32_t index = node->first + (uint32_t)(*cursor)++;

		if (space->node[index].directory != directory)
			continue;
		ret->key = index;
		node_name(&space->node[index], ret->name);
		return ND_OK;
	}
	return ND_ENOENT;
}

/* Whether it is worth while to spell out a node's name: its first character is kept as it is. */
static bool may_be_called(const struct nd_name_node *node, const char *name)
{
	uint16_t first = node->name.count ? node->name.units[0] : 0;

	if (node->name.st != ND_OK || first <= 0x20 || first >= 0x7f || strchr("./%", first))
		return true;
	return first == (uint8_t)name[0];
}

static enum nd_status find_child(const struct node_at *dir, const char *name, bool directory,
				 struct node_entry *ret)
{
	const struct nd_namespace *space;
	const struct nd_name_node *node;
	enum nd_status st = at_directory(dir, &space, &node);

	if (st != ND_OK)
		return st;
	for (uint32_t i = 0; i < node->count; i++) {
		const struct nd_name_node *child = &space->node[node->first + i];

		if (child->directory != directory || !may_be_called(child, name))
			continue;
		node_name(child, ret->name);
		if (strcmp(ret->name, name) != 0)
			continue;
		ret->key = node->first + i;
		return ND_OK;
	}
	return ND_ENOENT;
}

static enum nd_status next_directory(const struct node_at *dir, uint64_t *cursor,
				     struct node_entry *ret)
{
	return next_child(dir, cursor, true, ret);
}

static enum nd_status find_directory(const struct node_at *dir, const char *name,
				     struct node_entry *ret)
{
	return find_child(dir, name, true, ret);
}

static enum nd_status next_leaf(const struct node_at *dir, uint64_t *cursor, struct node_entry *ret)
{
	return next_child(dir, cursor, false, ret);
}

static enum nd_status find_leaf(const struct node_at *dir, const char *name, struct node_entry *ret)
{
	return find_child(dir, name, false, ret);
}

/* --- objects ---------------------------------------------------------------------------------- */

static enum nd_status render_object(struct text *out, const struct nd_dump *dump, nd_va at)
{
	struct nd_object object;
	enum nd_status st = nd_object_read(dump, at, &object);

	if (nd_is_failure(st))
		return st;
	text_fact_va(out, "Object", nd_u64_of(at));
	if (st != ND_OK) {
		text_key(out, "Type");
		return missing_or_fail(out, st, at);
	}
	text_key(out, "Type");
	text_object_type(out, &object);
	text_str(out, "\nName:\t");
	text_object_name(out, dump, &object);
	text_line(out);
	object_header_facts(out, &object, NULL);
	object_facts(out, dump, &object);
	return ND_OK;
}

static void about_object(const struct nd_dump *dump, nd_va at, struct node_about *ret)
{
	struct nd_object object;

	ret->address = at;
	ret->source = layout_source_name(dump);
	if (nd_object_read(dump, at, &object) == ND_OK && object.type &&
	    object.type->name_st == ND_OK)
		ret->type = object.type->name;
}

static enum nd_status render_leaf(struct text *out, const struct node_at *at)
{
	const struct nd_namespace *space;
	const struct nd_name_node *node;
	enum nd_status st = at_directory(at, &space, &node);

	return st == ND_OK ? render_object(out, at->dump, node->object) : st;
}

void about_object_root(const struct node_at *at, struct node_about *ret)
{
	struct nd_u64 root = nd_root_directory(at->dump);

	if (root.st == ND_OK)
		about_object(at->dump, root.value, ret);
}

static void about_node(const struct node_at *at, struct node_about *ret)
{
	const struct nd_namespace *space;
	const struct nd_name_node *node;

	if (at_directory(at, &space, &node) == ND_OK)
		about_object(at->dump, node->object, ret);
}

/* --- /object-at ------------------------------------------------------------------------------- */

/* A header with a type, and with counts that can be: nearly nothing else has all of them. */
static bool is_plausible(const struct nd_object *object)
{
	return object->type && object->pointer_count.st == ND_OK &&
	       object->pointer_count.value < COUNT_MAX && object->handle_count.st == ND_OK &&
	       object->handle_count.value < COUNT_MAX;
}

static enum nd_status find_at(const struct node_at *dir, const char *name, struct node_entry *ret)
{
	struct nd_object object;
	enum nd_status st;
	nd_va at;

	if (!parse_address(name, &at) || at < 0x10000)
		return ND_ENOENT;
	st = nd_object_read(dir->dump, at, &object);
	if (st != ND_OK || !is_plausible(&object))
		return nd_is_failure(st) ? st : ND_ENOENT;
	snprintf(ret->name, sizeof(ret->name), "0x%016llx", (unsigned long long)at);
	return asked_key(ret->name, &ret->key);
}

static enum nd_status at_address(const struct node_at *at, nd_va *ret)
{
	const char *name = asked_name(at->key[0]);

	return name && parse_address(name, ret) ? ND_OK : ND_ENOENT;
}

static enum nd_status render_at(struct text *out, const struct node_at *at)
{
	nd_va address;
	enum nd_status st = at_address(at, &address);

	return st == ND_OK ? render_object(out, at->dump, address) : st;
}

static void about_at(const struct node_at *at, struct node_about *ret)
{
	nd_va address;

	if (at_address(at, &address) == ND_OK)
		about_object(at->dump, address, ret);
}

// clang-format off
const struct node_row node_object_rows[] = {
	{ "<directory>", "each directory of the namespace",
	  .rows = node_object_rows, .next = next_directory, .find = find_directory, .about = about_node },
	{ "<object>",    "facts of each other object",
	  .render = render_leaf, .next = next_leaf, .find = find_leaf, .about = about_node },
	{ 0 }
};

const struct node_row node_object_at_rows[] = {
	{ "<address>", "facts of the object at an address (looked up, not listed)",
	  .render = render_at, .find = find_at, .about = about_at, .flags = NODE_UNLISTED },
	{ 0 }
};
// clang-format on
