/*
 * engine/vm/vad.c - walks and searches a process's VAD tree, and finds the prototype PTE or the
 * file behind an address. The tree comes from the dump: every node may be absent or lie.
 */
#include <stdlib.h>
#include <string.h>

#include "seen.h"
#include "vm/vad.h"

#define VAD_DEPTH_MAX 128u /* an AVL tree of a million nodes is 28 deep */
#define SUBSECTIONS_MAX 4096u
#define COMMIT_NOT_CHARGED 0x7fffffffu
#define FAST_REF_MASK 0xfull /* _EX_FAST_REF.RefCnt on x64 */

struct node {
	struct nd_vad vad;
	nd_va left, right;
};

static struct nd_u64 flag(const struct nd_rec *rec, enum nd_member_id unit, enum nd_member_id bits)
{
	const struct nd_dump *dump = rec->dump;
	struct nd_u64 word = nd_rec_get(rec, unit);
	const struct nd_member_place *place = &dump->layout.member[bits];

	if (word.st != ND_OK)
		return word;
	if (place->offset == ND_OFFSET_ABSENT)
		return nd_u64_missing(ND_NOT_IN_BUILD, rec->at);
	if (place->bit_length == 0 || place->bit_length >= 32)
		return nd_u64_missing(ND_INVALID, rec->at);
	word.value = word.value >> place->bit_position & ((1ull << place->bit_length) - 1);
	return word;
}

static void read_mapped(const struct nd_rec *rec, struct nd_vad *vad)
{
	vad->subsection = nd_rec_get(rec, ND_M_MMVAD_Subsection);
	vad->first_prototype_pte = nd_rec_get(rec, ND_M_MMVAD_FirstPrototypePte);
	vad->last_contiguous_pte = nd_rec_get(rec, ND_M_MMVAD_LastContiguousPte);
}

static enum nd_status read_node(const struct nd_dump *dump, nd_va at, struct node *ret)
{
	struct nd_rec rec;
	struct nd_u64 start, end, start_high, end_high, left, right;
	struct nd_vad *vad = &ret->vad;
	enum nd_status st;

	if (!nd_va_is_kernel(at) || at & 7)
		return ND_INVALID;
	st = nd_rec_read(&dump->kernel, at, ND_S_MMVAD, &rec);
	if (st != ND_OK)
		return st;
	start = nd_rec_get(&rec, ND_M_MMVAD_SHORT_StartingVpn);
	end = nd_rec_get(&rec, ND_M_MMVAD_SHORT_EndingVpn);
	start_high = nd_rec_get(&rec, ND_M_MMVAD_SHORT_StartingVpnHigh);
	end_high = nd_rec_get(&rec, ND_M_MMVAD_SHORT_EndingVpnHigh);
	left = nd_rec_get(&rec, ND_M_RTL_BALANCED_NODE_Left);
	right = nd_rec_get(&rec, ND_M_RTL_BALANCED_NODE_Right);
	if (start.st != ND_OK || end.st != ND_OK || start_high.st != ND_OK || end_high.st != ND_OK)
		return start.st != ND_OK	? start.st
		       : start_high.st != ND_OK ? start_high.st
						: end.st;
	*ret = (struct node){ .left = left.value, .right = right.value };
	vad->address = at;
	vad->start = (start_high.value << 32 | start.value) << ND_PAGE_SHIFT;
	vad->end = (end_high.value << 32 | end.value) << ND_PAGE_SHIFT | (ND_PAGE_BYTES - 1);
	if (vad->start > vad->end || nd_va_is_kernel(vad->end))
		return ND_INVALID;
	vad->type = flag(&rec, ND_M_MMVAD_SHORT_u, ND_M_MMVAD_FLAGS_VadType);
	vad->protection = flag(&rec, ND_M_MMVAD_SHORT_u, ND_M_MMVAD_FLAGS_Protection);
	vad->private_memory = flag(&rec, ND_M_MMVAD_SHORT_u, ND_M_MMVAD_FLAGS_PrivateMemory);
	vad->commit_pages = flag(&rec, ND_M_MMVAD_SHORT_u1, ND_M_MMVAD_FLAGS1_CommitCharge);
	vad->mem_commit = flag(&rec, ND_M_MMVAD_SHORT_u1, ND_M_MMVAD_FLAGS1_MemCommit);
	if (vad->commit_pages.st == ND_OK && vad->commit_pages.value == COMMIT_NOT_CHARGED)
		vad->commit_pages = nd_u64_missing(ND_NONE, at);
	vad->subsection = nd_u64_missing(ND_NONE, at);
	vad->first_prototype_pte = vad->last_contiguous_pte = vad->subsection;
	if (vad->private_memory.st == ND_OK && vad->private_memory.value == 0)
		read_mapped(&rec, vad);
	return ND_OK;
}

enum nd_status nd_vad_read(const struct nd_dump *dump, nd_va at, struct nd_vad *ret)
{
	struct node node = { 0 };
	enum nd_status st = read_node(dump, at, &node);

	if (st == ND_OK)
		*ret = node.vad;
	return st;
}

static int by_start(const void *a, const void *b)
{
	const struct nd_vad *x = a, *y = b;

	if (x->start != y->start)
		return x->start < y->start ? -1 : 1;
	return x->address < y->address ? -1 : x->address > y->address;
}

/* What the walk of a whole tree carries. */
struct walk {
	struct nd_seen seen;
	nd_va *stack;
	size_t depth, stack_cap, vad_cap;
};

static enum nd_status push(struct walk *w, struct nd_vad_list *list, nd_va node)
{
	if (node == 0)
		return ND_OK;
	if (nd_seen_has(&w->seen, node)) {
		list->st = ND_INVALID;
		list->trouble = node;
		return ND_OK;
	}
	if (w->depth == w->stack_cap) {
		size_t cap = w->stack_cap ? 2 * w->stack_cap : 64;
		nd_va *grown = realloc(w->stack, cap * sizeof(*grown));

		if (!grown)
			return ND_ENOMEM;
		w->stack = grown;
		w->stack_cap = cap;
	}
	w->stack[w->depth++] = node;
	return nd_seen_add(&w->seen, node);
}

static enum nd_status append(struct walk *w, struct nd_vad_list *list, const struct nd_vad *vad)
{
	if (!list->vad || list->count == w->vad_cap) {
		size_t cap = w->vad_cap ? 2 * w->vad_cap : 64;
		struct nd_vad *grown = realloc(list->vad, cap * sizeof(*grown));

		if (!grown)
			return ND_ENOMEM;
		list->vad = grown;
		w->vad_cap = cap;
	}
	list->vad[list->count++] = *vad;
	return ND_OK;
}

static enum nd_status walk_tree(const struct nd_dump *dump, struct walk *w,
				struct nd_vad_list *list)
{
	enum nd_status st = ND_OK;

	while (w->depth > 0 && st == ND_OK && list->count < ND_VAD_MAX) {
		nd_va at = w->stack[--w->depth];
		struct node node = { 0 };
		enum nd_status node_st = read_node(dump, at, &node);

		if (nd_is_failure(node_st))
			return node_st;
		if (node_st != ND_OK) {
			list->st = node_st;
			list->trouble = at;
			continue;
		}
		st = append(w, list, &node.vad);
		if (st == ND_OK)
			st = push(w, list, node.left);
		if (st == ND_OK)
			st = push(w, list, node.right);
	}
	return st;
}

enum nd_status nd_vad_list_read(const struct nd_dump *dump, nd_va eprocess, struct nd_vad_list *ret)
{
	struct nd_vad_list list = { .st = ND_OK };
	struct walk w = { 0 };
	struct nd_u64 root = nd_member_read(&dump->kernel, eprocess, ND_M_EPROCESS_VadRoot);
	enum nd_status st = root.st;

	if (nd_offset(dump, ND_M_MMVAD_SHORT_StartingVpnHigh) == ND_OFFSET_ABSENT)
		st = ND_NOT_IN_BUILD; /* Windows 7's nodes have another shape */
	if (st == ND_OK) {
		st = push(&w, &list, root.value);
		if (st == ND_OK)
			st = walk_tree(dump, &w, &list);
	} else if (nd_is_missing(st)) {
		list.st = st;
		list.trouble = root.at;
		st = ND_OK;
	}
	free(w.stack);
	nd_seen_deinit(&w.seen);
	if (st != ND_OK) {
		free(list.vad);
		return st;
	}
	if (list.count > 1)
		qsort(list.vad, list.count, sizeof(*list.vad), by_start);
	*ret = list;
	return ND_OK;
}

void nd_vad_list_free(struct nd_vad_list *list)
{
	free(list->vad);
	*list = (struct nd_vad_list){ 0 };
}

/* The last range found by this thread: neighbouring pages ask for the same one. */
static _Thread_local struct {
	uint64_t serial;
	nd_va eprocess;
	struct nd_vad vad;
} last_found;

enum nd_status nd_vad_find(const struct nd_dump *dump, nd_va eprocess, nd_va va, struct nd_vad *ret)
{
	uint64_t serial = nd_source_serial(dump->src);
	struct nd_u64 root;
	nd_va at;

	if (last_found.serial == serial && last_found.eprocess == eprocess &&
	    va >= last_found.vad.start && va <= last_found.vad.end) {
		*ret = last_found.vad;
		return ND_OK;
	}
	if (nd_offset(dump, ND_M_MMVAD_SHORT_StartingVpnHigh) == ND_OFFSET_ABSENT)
		return ND_NOT_IN_BUILD;
	root = nd_member_read(&dump->kernel, eprocess, ND_M_EPROCESS_VadRoot);
	if (root.st != ND_OK)
		return root.st;
	at = root.value;
	for (unsigned depth = 0; at != 0; depth++) {
		struct node node = { 0 };
		enum nd_status st = depth < VAD_DEPTH_MAX ? read_node(dump, at, &node) : ND_INVALID;

		if (st != ND_OK)
			return st;
		if (va >= node.vad.start && va <= node.vad.end) {
			*ret = node.vad;
			last_found.serial = serial;
			last_found.eprocess = eprocess;
			last_found.vad = node.vad;
			return ND_OK;
		}
		at = va < node.vad.start ? node.left : node.right;
	}
	return ND_UNMAPPED;
}

enum nd_status nd_vad_next(const struct nd_dump *dump, nd_va eprocess, nd_va va, struct nd_vad *ret)
{
	enum nd_status st = nd_vad_find(dump, eprocess, va, ret);
	struct nd_u64 root;
	bool found = false;
	nd_va at;

	if (st != ND_UNMAPPED)
		return st;
	root = nd_member_read(&dump->kernel, eprocess, ND_M_EPROCESS_VadRoot);
	if (root.st != ND_OK)
		return root.st;
	at = root.value;
	for (unsigned depth = 0; at != 0 && depth < VAD_DEPTH_MAX; depth++) {
		struct node node = { 0 };

		st = read_node(dump, at, &node);
		if (st != ND_OK)
			return st;
		if (node.vad.start > va) {
			*ret = node.vad;
			found = true;
		}
		at = node.vad.start > va ? node.left : node.right;
	}
	return found ? ND_OK : ND_UNMAPPED;
}

/* Follow the subsection chain to the one that holds page `index` of the section. */
static enum nd_status prototype_in_chain(const struct nd_dump *dump, nd_va subsection,
					 uint64_t first_pte, uint64_t index, nd_va *ret)
{
	for (unsigned i = 0; i < SUBSECTIONS_MAX && subsection != 0; i++) {
		struct nd_u64 base, ptes, next;
		uint64_t skip = 0;

		if (!nd_va_is_kernel(subsection))
			return ND_INVALID;
		base = nd_member_read(&dump->kernel, subsection, ND_M_SUBSECTION_SubsectionBase);
		ptes = nd_member_read(&dump->kernel, subsection, ND_M_SUBSECTION_PtesInSubsection);
		next = nd_member_read(&dump->kernel, subsection, ND_M_SUBSECTION_NextSubsection);
		if (base.st != ND_OK || ptes.st != ND_OK || next.st != ND_OK)
			return base.st != ND_OK ? base.st : ptes.st != ND_OK ? ptes.st : next.st;
		if (i == 0 && first_pte >= base.value) /* the view may begin inside */
			skip = (first_pte - base.value) / 8;
		if (skip > ptes.value)
			return ND_INVALID;
		if (index < ptes.value - skip) {
			*ret = base.value + (skip + index) * 8;
			return ND_OK;
		}
		index -= ptes.value - skip;
		subsection = next.value;
	}
	return ND_UNMAPPED;
}

enum nd_status nd_vad_prototype(const struct nd_dump *dump, nd_va eprocess, nd_va va, nd_va *ret)
{
	struct nd_vad vad;
	enum nd_status st = nd_vad_find(dump, eprocess, va, &vad);
	uint64_t index;

	if (st != ND_OK)
		return st;
	if (vad.private_memory.st != ND_OK)
		return vad.private_memory.st;
	if (vad.private_memory.value != 0) {
		if (vad.mem_commit.st != ND_OK)
			return vad.mem_commit.st;
		return vad.mem_commit.value != 0 ? ND_NONE : ND_UNMAPPED;
	}
	if (vad.first_prototype_pte.st != ND_OK)
		return vad.first_prototype_pte.st;
	if (vad.first_prototype_pte.value == 0)
		return ND_UNMAPPED;
	index = (va - vad.start) >> ND_PAGE_SHIFT;
	if (vad.last_contiguous_pte.st == ND_OK &&
	    vad.last_contiguous_pte.value >= vad.first_prototype_pte.value &&
	    index <= (vad.last_contiguous_pte.value - vad.first_prototype_pte.value) / 8) {
		*ret = vad.first_prototype_pte.value + index * 8;
		return ND_OK;
	}
	if (vad.subsection.st != ND_OK)
		return vad.subsection.st;
	return prototype_in_chain(dump, vad.subsection.value, vad.first_prototype_pte.value, index,
				  ret);
}

struct nd_u64 nd_vad_file_object(const struct nd_dump *dump, const struct nd_vad *vad)
{
	struct nd_u64 v = vad->subsection;

	if (v.st != ND_OK)
		return v;
	if (v.value == 0)
		return nd_u64_missing(ND_NONE, 0);
	if (!nd_va_is_kernel(v.value))
		return nd_u64_missing(ND_INVALID, vad->address);
	v = nd_member_read(&dump->kernel, v.value, ND_M_SUBSECTION_ControlArea);
	if (v.st != ND_OK)
		return v;
	if (!nd_va_is_kernel(v.value))
		return nd_u64_missing(ND_INVALID, v.at);
	v = nd_member_read(&dump->kernel, v.value, ND_M_CONTROL_AREA_FilePointer);
	if (v.st != ND_OK)
		return v;
	v.value &= ~FAST_REF_MASK;
	if (v.value == 0)
		return nd_u64_missing(ND_NONE, 0);
	if (!nd_va_is_kernel(v.value))
		return nd_u64_missing(ND_INVALID, v.at);
	return v;
}
