/*
 * engine/code/function.c - see disasm.h: a whole function, by following its branches.
 */
#include <stdlib.h>

#include "code/disasm.h"

#define UNBOUNDED_BYTES 0x10000u /* of a function whose end nothing tells */
#define SEEN_SLOTS 65536u	 /* power of two, more than twice ND_FUNCTION_INSNS_MAX */

/* Which addresses belong to the function. */
struct scope {
	const struct nd_place *place;
	nd_va start;
	bool listed;		 /* .pdata has it: `function` is a fragment of it */
	struct nd_fragment part; /* the last one that was looked at */
	bool named;		 /* else: by the symbol at `start` */
	nd_va low, high;	 /* and these bounds: [low, high) */
};

static nd_va later(nd_va va, uint64_t bytes)
{
	return va > UINT64_MAX - bytes ? UINT64_MAX : va + bytes;
}

/* Where the symbol begins that va is named by. */
static enum nd_status symbol_start(const struct nd_place *place, nd_va va, bool *ret_known,
				   nd_va *ret)
{
	struct nd_space space = nd_place_space(place, va);
	struct nd_code code;
	enum nd_status st = nd_code_name(&space, nd_place_modules(place, va), va, &code);

	*ret_known = st == ND_OK && code.symbol[0] != '\0' && code.symbol_offset <= va;
	if (*ret_known)
		*ret = va - code.symbol_offset;
	return st;
}

static enum nd_status in_fragments(struct scope *s, nd_va va, bool *ret)
{
	struct nd_fragment f;
	enum nd_status st;

	*ret = va >= s->part.begin && va < s->part.end;
	if (*ret)
		return ND_OK;
	st = nd_place_fragment(s->place, va, &f);
	if (st == ND_OK && f.primary == s->part.primary) {
		s->part = f;
		*ret = true;
	}
	return nd_is_failure(st) ? st : ND_OK;
}

static enum nd_status in_scope(struct scope *s, nd_va va, bool *ret)
{
	bool known;
	nd_va start;
	enum nd_status st;

	if (s->listed)
		return in_fragments(s, va, ret);
	*ret = va >= s->low && va < s->high;
	if (!*ret || !s->named)
		return ND_OK;
	st = symbol_start(s->place, va, &known, &start);
	*ret = known && start == s->start;
	return st;
}

/* The function that holds va. */
static enum nd_status find_scope(const struct nd_place *place, nd_va va, struct scope *ret)
{
	struct scope s = { .place = place, .start = va };
	nd_va start = va;
	bool inside;
	enum nd_status st = symbol_start(place, va, &s.named, &start), fragment;

	if (st != ND_OK)
		return st;
	fragment = nd_place_fragment(place, va, &s.part);
	if (nd_is_failure(fragment))
		return fragment;
	if (fragment == ND_OK) {
		s.listed = true;
		st = in_fragments(&s, start, &inside);
		if (st == ND_OK)
			s.start = inside && s.named ? start : s.part.primary;
		*ret = s;
		return st;
	}
	s.start = s.low = start;
	s.high = later(start, UNBOUNDED_BYTES);
	if (fragment == ND_NONE && s.part.end > va && s.part.end < s.high)
		s.high = s.part.end;
	*ret = s;
	return ND_OK;
}

/* --- walking ---------------------------------------------------------------------------------- */

struct walk {
	struct nd_disasm *disasm;
	struct scope scope;
	struct nd_code_list *list;
	uint64_t *seen; /* hash table of addresses + 1 */
	nd_va *pending; /* begins of blocks, at most one for each instruction and the first */
	uint32_t pending_count, insns;
};

/* True when va was not seen before. There is always a free slot. */
static bool see(struct walk *w, nd_va va)
{
	uint64_t h = va * UINT64_C(0x9e3779b97f4a7c15);
	uint32_t slot = (uint32_t)(h >> 48) & (SEEN_SLOTS - 1);

	while (w->seen[slot] != 0) {
		if (w->seen[slot] == va + 1)
			return false;
		slot = (slot + 1) & (SEEN_SLOTS - 1);
	}
	w->seen[slot] = va + 1;
	return true;
}

/* One block: until it ends, leaves the function, or meets what is known. */
static enum nd_status walk_block(struct walk *w, nd_va va)
{
	for (;;) {
		struct nd_code_line line;
		bool inside;
		enum nd_status st = in_scope(&w->scope, va, &inside);

		if (st != ND_OK || !inside || va == UINT64_MAX)
			return st;
		if (w->insns == ND_FUNCTION_INSNS_MAX) {
			w->list->incomplete = true;
			return ND_OK;
		}
		if (!see(w, va))
			return ND_OK;
		st = nd_disasm_line(w->disasm, va, &line);
		if (st == ND_OK)
			st = nd_code_list_add(w->list, &line);
		if (st != ND_OK)
			return st;
		w->insns++;
		if (line.st != ND_OK || line.invalid)
			w->list->incomplete = true;
		if (line.has_target && (line.flow == ND_FLOW_BRANCH || line.flow == ND_FLOW_JUMP))
			w->pending[w->pending_count++] = line.target;
		if (line.st != ND_OK || line.invalid || line.flow == ND_FLOW_JUMP ||
		    line.flow == ND_FLOW_END)
			return ND_OK;
		va = later(va, line.length);
	}
}

static enum nd_status walk_all(struct walk *w)
{
	enum nd_status st = ND_OK;

	w->pending[w->pending_count++] = w->scope.start;
	while (w->pending_count > 0 && st == ND_OK)
		st = walk_block(w, w->pending[--w->pending_count]);
	return st;
}

/* --- order ------------------------------------------------------------------------------------ */

/* From the function's begin upward, then what lies below it. */
static int by_place(const void *a, const void *b, void *start)
{
	const struct nd_code_line *l = a, *r = b;
	uint64_t from = *(const nd_va *)start, x = l->va - from, y = r->va - from;

	return x < y ? -1 : x > y;
}

static struct nd_code_line *line_at(const struct nd_code_list *list, uint32_t first, nd_va start,
				    nd_va va)
{
	uint32_t low = first, high = list->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (list->line[middle].va - start < va - start)
			low = middle + 1;
		else
			high = middle;
	}
	return low < list->count && list->line[low].va == va ? &list->line[low] : NULL;
}

static void mark_blocks(struct nd_code_list *list, uint32_t first, nd_va start)
{
	for (uint32_t i = first; i < list->count; i++) {
		struct nd_code_line *line = &list->line[i], *target = NULL;
		const struct nd_code_line *before = i > first ? line - 1 : NULL;

		if (!before || before->va + before->length != line->va ||
		    before->flow == ND_FLOW_BRANCH || before->flow == ND_FLOW_JUMP ||
		    before->flow == ND_FLOW_END)
			line->block = true;
		if (line->has_target && line->flow != ND_FLOW_CALL)
			target = line_at(list, first, start, line->target);
		if (target) {
			line->branch = true;
			target->block = true;
		}
	}
}

enum nd_status nd_code_function(struct nd_disasm *disasm, nd_va va, struct nd_code_list *ret)
{
	struct walk w = { .disasm = disasm, .list = ret };
	uint32_t first = ret->count;
	enum nd_status st = find_scope(disasm->place, va, &w.scope);

	if (st != ND_OK)
		return st;
	w.seen = calloc(SEEN_SLOTS, sizeof(*w.seen));
	w.pending = calloc(ND_FUNCTION_INSNS_MAX + 1, sizeof(*w.pending));
	st = w.seen && w.pending ? walk_all(&w) : ND_ENOMEM;
	free(w.seen);
	free(w.pending);
	if (st != ND_OK)
		return st;
	if (ret->count > first)
		qsort_r(ret->line + first, ret->count - first, sizeof(*ret->line), by_place,
			&w.scope.start);
	mark_blocks(ret, first, w.scope.start);
	return ND_OK;
}
