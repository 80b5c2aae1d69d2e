/*
 * engine/nt/namespace.c - walks all OBJECT_DIRECTORYs from the root on, breadth first. A directory
 * is entered once, so that a namespace that holds itself ends.
 */
#include <stdlib.h>
#include <string.h>

#include "nt/directory.h"
#include "nt/namespace.h"
#include "nt/object.h"
#include "nt/object_name.h"
#include "seen.h"

struct walk {
	const struct nd_dump *dump;
	struct nd_namespace *space;
	struct nd_seen seen; /* directories entered */
	uint32_t cap;
};

static int by_name(const void *a, const void *b)
{
	const struct nd_name_node *x = a, *y = b;
	size_t n = x->name.count < y->name.count ? x->name.count : y->name.count;

	for (size_t i = 0; i < n; i++)
		if (x->name.units[i] != y->name.units[i])
			return x->name.units[i] < y->name.units[i] ? -1 : 1;
	if (x->name.count != y->name.count)
		return x->name.count < y->name.count ? -1 : 1;
	if ((x->name.st == ND_OK) != (y->name.st == ND_OK))
		return x->name.st == ND_OK ? -1 : 1;
	return x->object < y->object ? -1 : x->object > y->object;
}

/* What has no readable name is called by its address. */
static bool same_name(const struct nd_name_node *x, const struct nd_name_node *y)
{
	const struct nd_ustr *a = &x->name, *b = &y->name;

	if (a->st != ND_OK || b->st != ND_OK)
		return a->st != ND_OK && b->st != ND_OK && x->object == y->object;
	return a->count == b->count &&
	       (a->count == 0 || memcmp(a->units, b->units, a->count * sizeof(*a->units)) == 0);
}

static enum nd_status append(struct walk *w, const struct nd_name_node *node)
{
	struct nd_namespace *s = w->space;

	if (s->count == w->cap) {
		uint32_t cap = w->cap ? 2 * w->cap : 256;
		struct nd_name_node *grown = realloc(s->node, cap * sizeof(*grown));

		if (!grown)
			return ND_ENOMEM;
		s->node = grown;
		w->cap = cap;
	}
	s->node[s->count++] = *node;
	return ND_OK;
}

static void tell(struct walk *w, enum nd_problem_kind kind, nd_va directory, nd_va at)
{
	nd_problem_add(&w->space->problems, (struct nd_problem){ .kind = kind,
								 .where = "OBJECT_DIRECTORY",
								 .owner = directory,
								 .a = at });
}

/* Whether the object is a directory that can be entered; marks it as entered. */
static enum nd_status enter(struct walk *w, nd_va above, struct nd_name_node *node)
{
	struct nd_object object;
	enum nd_status st = nd_object_read(w->dump, node->object, &object);

	if (st != ND_OK)
		return nd_is_failure(st) ? st : ND_OK;
	if (!object.type || object.type->kind != ND_OBJECT_DIRECTORY)
		return ND_OK;
	if (nd_seen_has(&w->seen, node->object) || node->depth >= ND_NAMESPACE_DEPTH_MAX) {
		tell(w, ND_PROBLEM_NESTING, above, node->object);
		return ND_OK;
	}
	node->directory = true;
	return nd_seen_add(&w->seen, node->object);
}

/* above + "\" + name. */
static struct nd_ustr path_below(const struct nd_ustr *above, const struct nd_ustr *name)
{
	struct nd_ustr ret = { .st = name->st, .at = name->at };
	size_t count = above->count + 1 + name->count;

	if (above->st != ND_OK)
		ret = (struct nd_ustr){ .st = above->st, .at = above->at };
	if (ret.st != ND_OK)
		return ret;
	if (count > ND_USTR_UNITS_MAX) {
		ret.st = ND_INVALID;
		return ret;
	}
	ret.units = malloc(count * sizeof(*ret.units));
	if (!ret.units) {
		ret.st = ND_ENOMEM;
		return ret;
	}
	if (above->count)
		memcpy(ret.units, above->units, above->count * sizeof(*ret.units));
	ret.units[above->count] = '\\';
	if (name->count)
		memcpy(ret.units + above->count + 1, name->units, name->count * sizeof(*ret.units));
	ret.count = count;
	return ret;
}

/* One child: appended also when nothing of it can be read. */
static enum nd_status add_child(struct walk *w, uint32_t parent, nd_va object)
{
	const struct nd_name_node *up = &w->space->node[parent];
	struct nd_name_node node = { .object = object,
				     .parent = parent,
				     .depth = (uint8_t)(up->depth + 1) };
	enum nd_status st = enter(w, up->object, &node);

	if (st == ND_OK) {
		node.name = nd_object_name(w->dump, object, NULL);
		st = nd_is_failure(node.name.st) ? node.name.st : ND_OK;
	}
	if (st == ND_OK && node.directory) {
		node.path = path_below(&up->path, &node.name);
		st = nd_is_failure(node.path.st) ? node.path.st : ND_OK;
	}
	if (st == ND_OK)
		st = append(w, &node);
	if (st != ND_OK) {
		nd_ustr_free(&node.name);
		nd_ustr_free(&node.path);
	}
	return st;
}

static void sort_children(struct nd_name_node *first, uint32_t count)
{
	if (count > 1)
		qsort(first, count, sizeof(*first), by_name);
	for (uint32_t i = 1; i < count; i++)
		if (same_name(&first[i], &first[i - 1]))
			first[i].duplicate = first[i - 1].duplicate + 1;
}

static enum nd_status read_children(struct walk *w, uint32_t parent)
{
	struct nd_namespace *s = w->space;
	nd_va at = s->node[parent].object;
	uint32_t first = s->count;
	struct nd_directory d;
	enum nd_status st = nd_directory_read(w->dump, at, &s->problems, &d);

	if (st != ND_OK)
		return st;
	if (d.st != ND_OK)
		nd_problem_add(&s->problems, (struct nd_problem){ .kind = ND_PROBLEM_TREE,
								  .where = "OBJECT_DIRECTORY",
								  .owner = at,
								  .a = d.at,
								  .st = d.st });
	for (uint32_t i = 0; st == ND_OK && i < d.count; i++) {
		if (s->count >= ND_NAMESPACE_MAX) {
			tell(w, ND_PROBLEM_LIST_TOO_LONG, at, d.object[i]);
			break;
		}
		st = add_child(w, parent, d.object[i]);
	}
	nd_directory_free(&d);
	sort_children(s->node + first, s->count - first);
	s->node[parent].first = first;
	s->node[parent].count = s->count - first;
	return st;
}

static int by_object(const void *a, const void *b, void *ctx)
{
	const struct nd_namespace *s = ctx;
	uint32_t i = *(const uint32_t *)a, j = *(const uint32_t *)b;
	nd_va x = s->node[i].object, y = s->node[j].object;

	return x != y ? (x < y ? -1 : 1) : i < j ? -1 : i > j;
}

static enum nd_status index_objects(struct nd_namespace *s)
{
	s->by_object = calloc(s->count ? s->count : 1, sizeof(*s->by_object));
	if (!s->by_object)
		return ND_ENOMEM;
	for (uint32_t i = 0; i < s->count; i++)
		s->by_object[i] = i;
	qsort_r(s->by_object, s->count, sizeof(*s->by_object), by_object, s);
	return ND_OK;
}

enum nd_status nd_namespace_build(const struct nd_dump *dump, struct nd_namespace *ret)
{
	struct nd_namespace space = { 0 };
	struct walk w = { .dump = dump, .space = &space };
	struct nd_u64 at = nd_root_directory(dump);
	struct nd_name_node root = { .object = at.value, .directory = true };
	enum nd_status st = at.st;

	space.st = st;
	space.at = at.value ? at.value : at.at;
	if (st == ND_OK)
		st = nd_seen_add(&w.seen, at.value);
	if (st == ND_OK)
		st = append(&w, &root);
	for (uint32_t i = 0; st == ND_OK && i < space.count; i++)
		if (space.node[i].directory)
			st = read_children(&w, i);
	if (!nd_is_failure(st))
		st = index_objects(&space);
	nd_seen_deinit(&w.seen);
	if (nd_is_failure(st))
		nd_namespace_free(&space);
	else
		*ret = space;
	return nd_is_failure(st) ? st : ND_OK;
}

void nd_namespace_free(struct nd_namespace *space)
{
	for (uint32_t i = 0; i < space->count; i++) {
		nd_ustr_free(&space->node[i].name);
		nd_ustr_free(&space->node[i].path);
	}
	free(space->node);
	free(space->by_object);
	nd_problems_free(&space->problems);
	*space = (struct nd_namespace){ 0 };
}

const struct nd_name_node *nd_namespace_find(const struct nd_namespace *space, nd_va object)
{
	uint32_t low = 0, high = space->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (space->node[space->by_object[middle]].object < object)
			low = middle + 1;
		else
			high = middle;
	}
	if (low >= space->count || space->node[space->by_object[low]].object != object)
		return NULL;
	return &space->node[space->by_object[low]];
}
