/*
 * engine/nt/module.c - lists of modules: appending, sorting, finding by address, and the name that
 * symbols carry.
 */
#include <stdlib.h>
#include <string.h>

#include "nt/module.h"

void nd_module_free(struct nd_module *module)
{
	nd_ustr_free(&module->name);
	nd_ustr_free(&module->path);
}

/* The last component of the path serves as name where the entry has none. */
static enum nd_status name_from_path(struct nd_module *m)
{
	size_t from = 0;

	if (m->name.st == ND_OK && m->name.count > 0)
		return ND_OK;
	if (m->path.st != ND_OK || m->path.count == 0)
		return ND_OK;
	for (size_t i = 0; i < m->path.count; i++)
		if (m->path.units[i] == '\\' || m->path.units[i] == '/')
			from = i + 1;
	nd_ustr_free(&m->name);
	m->name = (struct nd_ustr){ .at = m->path.at, .count = m->path.count - from };
	m->name.units = malloc((m->name.count + 1) * sizeof(*m->name.units));
	if (!m->name.units) {
		m->name.count = 0;
		return ND_ENOMEM;
	}
	if (m->name.count)
		memcpy(m->name.units, m->path.units + from, m->name.count * sizeof(*m->name.units));
	return ND_OK;
}

/* The file name without its extension; what is not printable ASCII becomes '_'. */
static void make_symbol_name(struct nd_module *m)
{
	size_t count = m->name.st == ND_OK ? m->name.count : 0, out = 0;

	for (size_t i = count; i > 1; i--)
		if (m->name.units[i - 1] == '.') {
			count = i - 1;
			break;
		}
	for (size_t i = 0; i < count && out < sizeof(m->symbol_name) - 1; i++) {
		uint16_t u = m->name.units[i];

		m->symbol_name[out++] = (char)(u > 0x20 && u < 0x7f && u != '!' ? u : '_');
	}
	m->symbol_name[out] = '\0';
}

enum nd_status nd_module_append(struct nd_module_list *list, struct nd_module *module)
{
	enum nd_status st = ND_OK;

	if (nd_is_failure(module->name.st))
		st = module->name.st;
	else if (nd_is_failure(module->path.st))
		st = module->path.st;
	if (st == ND_OK)
		st = name_from_path(module);
	if (st == ND_OK && (list->count & (list->count - 1)) == 0) { /* full: 0, 1, 2, 4, ... */
		size_t cap = list->count ? 2 * (size_t)list->count : 1;
		struct nd_module *grown = realloc(list->module, cap * sizeof(*grown));

		if (grown)
			list->module = grown;
		else
			st = ND_ENOMEM;
	}
	if (st != ND_OK) {
		nd_module_free(module);
		return st;
	}
	if (module->symbol_name[0] == '\0')
		make_symbol_name(module);
	list->module[list->count++] = *module;
	return ND_OK;
}

static int compare_base(const void *a, const void *b, void *list)
{
	const struct nd_module *m = ((struct nd_module_list *)list)->module;
	uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;

	if (m[i].base != m[j].base)
		return m[i].base < m[j].base ? -1 : 1;
	return i < j ? -1 : i > j;
}

static int compare_names(const struct nd_module *a, const struct nd_module *b)
{
	size_t n = a->name.count < b->name.count ? a->name.count : b->name.count;
	int order = n ? memcmp(a->name.units, b->name.units, n * sizeof(*a->name.units)) : 0;

	if (order)
		return order;
	return a->name.count < b->name.count ? -1 : a->name.count > b->name.count;
}

static int compare_by_name(const void *a, const void *b, void *list)
{
	const struct nd_module *m = ((struct nd_module_list *)list)->module;
	uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
	int order = compare_names(&m[i], &m[j]);

	return order ? order : i < j ? -1 : i > j;
}

/* Number the modules that share a name, in list order; uses by_base as scratch. */
static void count_duplicates(struct nd_module_list *list)
{
	uint32_t *index = list->by_base;

	if (list->count > 1)
		qsort_r(index, list->count, sizeof(*index), compare_by_name, list);
	for (uint32_t i = 1; i < list->count; i++) {
		struct nd_module *m = &list->module[index[i]];
		const struct nd_module *before = &list->module[index[i - 1]];

		if (m->name.count > 0 && compare_names(m, before) == 0)
			m->duplicate = before->duplicate + 1;
	}
}

enum nd_status nd_module_list_sort(struct nd_module_list *list)
{
	list->by_base = malloc((list->count ? list->count : 1) * sizeof(*list->by_base));
	if (!list->by_base)
		return ND_ENOMEM;
	for (uint32_t i = 0; i < list->count; i++)
		list->by_base[i] = i;
	count_duplicates(list);
	if (list->count > 1)
		qsort_r(list->by_base, list->count, sizeof(*list->by_base), compare_base, list);
	return ND_OK;
}

const struct nd_module *nd_module_of(const struct nd_module_list *list, nd_va va)
{
	uint32_t low = 0, high = list->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (list->module[list->by_base[middle]].base <= va)
			low = middle + 1;
		else
			high = middle;
	}
	for (uint32_t i = low; i > 0; i--) {
		const struct nd_module *m = &list->module[list->by_base[i - 1]];

		if (m->size.st == ND_OK && va - m->base < m->size.value)
			return m;
	}
	return NULL;
}

void nd_module_list_free(struct nd_module_list *list)
{
	for (uint32_t i = 0; i < list->count; i++)
		nd_module_free(&list->module[i]);
	free(list->module);
	free(list->by_base);
	nd_problems_free(&list->problems);
	*list = (struct nd_module_list){ 0 };
}
