/*
 * fs/nodes/image.c - modules/<name>/image and proc/<pid>/modules-image/<name>: mapped images as PE
 * files. Not rendered but read where it is asked for, like /mem.
 */
#include <stdio.h>
#include <string.h>

#include "nodes/nodes.h"
#include "nt/image_file.h"

/* --- names: the module's file name; its base address where it has none; ~2 for the second ----- */

/* Names so long that they were cut get their place in the list: they need not differ. */
#define CUT_NAME_BYTES 190u

static void module_file_name(const struct nd_module_list *list, uint32_t index,
			     char name[NODE_NAME_MAX + 1])
{
	const struct nd_module *m = &list->module[index];
	char plain[256];
	size_t len = 0;

	if (m->name.st == ND_OK && m->name.count > 0)
		len = text_file_name_utf16(m->name.units, m->name.count, plain);
	if (len == 0)
		snprintf(name, NODE_NAME_MAX + 1, "0x%016llx~%u", (unsigned long long)m->base,
			 index + 1);
	else if (len >= CUT_NAME_BYTES)
		snprintf(name, NODE_NAME_MAX + 1, "%.200s~%u", plain, index + 1);
	else if (m->duplicate)
		snprintf(name, NODE_NAME_MAX + 1, "%.200s~%u", plain, m->duplicate + 1);
	else
		snprintf(name, NODE_NAME_MAX + 1, "%s", plain);
}

enum nd_status next_module_file(const struct nd_module_list *list, uint64_t *cursor,
				struct node_entry *ret)
{
	if (*cursor >= list->count || *cursor > NODE_KEY_MAX)
		return ND_ENOENT;
	ret->key = (uint32_t)(*cursor)++;
	module_file_name(list, ret->key, ret->name);
	return ND_OK;
}

enum nd_status find_module_file(const struct nd_module_list *list, const char *name,
				struct node_entry *ret)
{
	uint32_t alias = UINT32_MAX;

	for (uint32_t i = 0; i < list->count && i <= NODE_KEY_MAX; i++) {
		module_file_name(list, i, ret->name);
		ret->key = i;
		if (strcmp(ret->name, name) == 0)
			return ND_OK;
		if (alias == UINT32_MAX && strcmp(list->module[i].symbol_name, name) == 0)
			alias = i;
	}
	if (alias == UINT32_MAX)
		return ND_ENOENT;
	ret->key = alias;
	module_file_name(list, alias, ret->name);
	return ND_OK;
}

/* --- which image ------------------------------------------------------------------------------ */

static enum nd_status open_kernel(const struct node_at *at, struct nd_image_file *ret)
{
	const struct nd_module_list *list;
	struct nd_space space;
	enum nd_status st = nd_kernel_modules(at->dump, &list);

	if (st != ND_OK)
		return st;
	if (at->key[0] >= list->count)
		return ND_ENOENT;
	space = nd_kernel_space_of(at->dump, list->module[at->key[0]].base);
	return nd_image_file_open(&space, &list->module[at->key[0]], ret);
}

/* Also what only the VAD tree tells: most pages of an image are shared, and not all mapped. */
static enum nd_status open_process(const struct node_at *at, struct nd_image_file *ret)
{
	const struct nd_module_list *list;
	struct nd_process p;
	struct nd_space space;
	enum nd_status st = at_process(at, &p);

	if (st == ND_OK)
		st = nd_process_modules(at->dump, at->key[0], &list);
	if (st != ND_OK)
		return st;
	if (at->key[1] >= list->count)
		return ND_ENOENT;
	space = nd_process_space(at->dump, &p);
	return nd_image_file_open(&space, &list->module[at->key[1]], ret);
}

typedef enum nd_status open_fn(const struct node_at *at, struct nd_image_file *ret);

/* --- as a file -------------------------------------------------------------------------------- */

static enum nd_status size_of(open_fn *open, const struct node_at *at, uint64_t *ret)
{
	struct nd_image_file f;
	enum nd_status st = open(at, &f);

	if (nd_is_failure(st))
		return st;
	*ret = st == ND_OK ? f.bytes : 0;
	return ND_OK;
}

static enum nd_status read_of(open_fn *open, const struct node_at *at, uint64_t offset,
			      uint8_t *buf, size_t len)
{
	struct nd_image_file f;
	enum nd_status st = open(at, &f);

	memset(buf, 0, len);
	if (st != ND_OK)
		return nd_is_missing(st) ? ND_OK : st;
	return nd_image_file_read(&f, offset, buf, len);
}

static enum nd_status seek_of(open_fn *open, const struct node_at *at, uint64_t offset, bool hole,
			      uint64_t *ret)
{
	struct nd_image_file f;
	enum nd_status st = open(at, &f);

	return st == ND_OK ? nd_image_file_seek(&f, offset, hole, ret) : st;
}

#define IMAGE_FUNCTIONS(where) \
	static enum nd_status where##_size(const struct node_at *at, uint64_t *ret) \
	{ \
		return size_of(open_##where, at, ret); \
	} \
	static enum nd_status where##_read(const struct node_at *at, uint64_t offset, \
					   uint8_t *buf, size_t len) \
	{ \
		return read_of(open_##where, at, offset, buf, len); \
	} \
	static enum nd_status where##_seek(const struct node_at *at, uint64_t offset, bool hole, \
					   uint64_t *ret) \
	{ \
		return seek_of(open_##where, at, offset, hole, ret); \
	} \
	const struct node_raw node_##where##_image = { where##_size, where##_read, where##_seek };

IMAGE_FUNCTIONS(kernel)
IMAGE_FUNCTIONS(process)

/* A module without a size that can be has no file. */
bool exists_image(const struct node_at *at)
{
	struct nd_image_file f;

	return open_kernel(at, &f) == ND_OK;
}

/* --- proc/<pid>/modules-image ----------------------------------------------------------------- */

static enum nd_status next_image(const struct node_at *dir, uint64_t *cursor,
				 struct node_entry *ret)
{
	const struct nd_module_list *list;
	enum nd_status st = nd_process_modules(dir->dump, dir->key[0], &list);

	if (st != ND_OK)
		return nd_is_missing(st) ? ND_ENOENT : st;
	return next_module_file(list, cursor, ret);
}

static enum nd_status find_image(const struct node_at *dir, const char *name,
				 struct node_entry *ret)
{
	const struct nd_module_list *list;
	enum nd_status st = nd_process_modules(dir->dump, dir->key[0], &list);

	if (st != ND_OK)
		return nd_is_missing(st) ? ND_ENOENT : st;
	return find_module_file(list, name, ret);
}

static void about_image(const struct node_at *at, struct node_about *ret)
{
	const struct nd_module_list *list;

	if (nd_process_modules(at->dump, at->key[0], &list) != ND_OK || at->key[1] >= list->count)
		return;
	ret->address = list->module[at->key[1]].base;
	ret->type = "Image";
}

// clang-format off
const struct node_row node_process_image_rows[] = {
	{ "<module>", "each module as a PE file, laid out as in memory; its header says so. What the dump lacks is a hole",
	  .raw = &node_process_image, .next = next_image, .find = find_image, .about = about_image },
	{ 0 }
};
// clang-format on
