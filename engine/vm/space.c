/*
 * engine/vm/space.c - the page-table walker: 4 and 5 levels, large pages, and the entries that
 * the processor ignores but Windows understands (transition, prototype, page file, demand zero).
 */
#include <string.h>

#include "ntdump.h"
#include "vm/space.h"
#include "vm/vad.h"

#define PTE_VALID (1ull << 0)
#define PTE_SWIZZLE (1ull << 4) /* _MMPTE_SOFTWARE.SwizzleBit: the entry is stored as it is */
#define PTE_LARGE (1ull << 7)
#define PTE_PROTOTYPE (1ull << 10)
#define PTE_TRANSITION (1ull << 11)
#define PTE_PFN_MASK 0x000ffffffffff000ull
#define PTE_PROTECTION_MASK 0x3e0ull  /* bits 5-9 of _MMPTE_SOFTWARE */
#define PTE_LOOKUP_NEEDED 0xffffffffu /* high half: the prototype is found through the VAD */

#define WALK_DEPTH_MAX 4 /* prototype PTEs of prototype PTEs: only a hostile dump has them */

/* A small per-thread translation cache. Dumps are immutable, so entries never go stale. */
#define TLB_ENTRIES 512u

struct tlb_entry {
	uint64_t serial; /* 0: empty */
	nd_pa root;
	nd_va process;
	uint64_t vpn;
	uint8_t levels;
	struct nd_page page;
	enum nd_status st;
};

static _Thread_local struct tlb_entry tlb[TLB_ENTRIES];

static enum nd_status translate(const struct nd_space *space, nd_va va, struct nd_page *ret,
				unsigned depth);

static bool va_is_canonical(const struct nd_space *space, nd_va va)
{
	uint64_t top;

	if (space->levels == 5) {
		top = va >> 56;
		return top == 0 || top == 0xff;
	}
	return nd_va_is_canonical(va);
}

/* One past the highest page that the machine can have had, as far as the dump tells. */
static nd_pfn pfn_limit(const struct nd_dump *dump)
{
	nd_pfn end = nd_source_counts(dump->src).end_pfn;

	for (uint32_t i = 0; dump->header && i < dump->header->run_count; i++) {
		const struct nd_header_run *run = &dump->header->run[i];

		if (run->first + run->pages > end && run->first + run->pages > run->first)
			end = run->first + run->pages;
	}
	return end;
}

/*
 * Undo the L1TF swizzling of a not-valid entry (_MI_HARDWARE_STATE.InvalidPteMask; kernels that
 * have _MMPTE_SOFTWARE.SwizzleBit).
 */
static uint64_t unswizzle(const struct nd_dump *dump, uint64_t pte)
{
	bool swizzles =
		dump->layout.member[ND_M_MMPTE_SOFTWARE_SwizzleBit].offset != ND_OFFSET_ABSENT;

	if (!swizzles || (pte & PTE_SWIZZLE))
		return pte;
	return pte & ~dump->invalid_pte_mask;
}

/*
 * The page frame of a transition entry. Where the mask is not known, a frame beyond all memory
 * loses its high bits until it fits: the mask is always one bit above physical memory.
 */
static nd_pfn transition_pfn(const struct nd_dump *dump, uint64_t pte)
{
	nd_pfn pfn = (pte & PTE_PFN_MASK) >> ND_PAGE_SHIFT;
	nd_pfn limit;

	if (dump->invalid_pte_mask_known || (pte & PTE_SWIZZLE))
		return pfn;
	limit = pfn_limit(dump);
	for (unsigned bit = 39; bit > 0 && pfn >= limit; bit--)
		pfn &= ~(1ull << bit);
	return pfn;
}

/* A software PTE that is neither transition nor prototype: page file or demand zero. */
static enum nd_status software_page(uint64_t pte, struct nd_page *ret)
{
	if (pte >> 32 != 0)
		return ND_PAGED_OUT;
	if (pte & PTE_PROTECTION_MASK) {
		ret->state = ND_PAGE_DEMAND_ZERO;
		return ND_OK;
	}
	return ND_UNMAPPED;
}

/* The prototype PTE at kernel address `address`. */
static enum nd_status prototype_page(const struct nd_dump *dump, nd_va address, struct nd_page *ret,
				     unsigned depth)
{
	struct nd_page table_page;
	enum nd_status st;
	uint64_t pte;

	if (!nd_va_is_kernel(address) || address & 7)
		return ND_INVALID;
	st = translate(&dump->kernel, address, &table_page, depth + 1);
	if (st != ND_OK)
		return st;
	if (table_page.state == ND_PAGE_DEMAND_ZERO)
		return ND_UNMAPPED;
	st = nd_source_read_u64(dump->src,
				(table_page.pfn << ND_PAGE_SHIFT) + (address & (ND_PAGE_BYTES - 1)),
				&pte);
	if (st != ND_OK)
		return st;
	ret->pte = pte;
	if (pte & PTE_VALID) {
		ret->state = ND_PAGE_PROTOTYPE;
		ret->pfn = (pte & PTE_PFN_MASK) >> ND_PAGE_SHIFT;
		return ND_OK;
	}
	pte = unswizzle(dump, pte);
	if (pte & PTE_PROTOTYPE) /* a subsection PTE: the data is in the file, not in memory */
		return ND_PAGED_OUT;
	if (pte & PTE_TRANSITION) {
		ret->state = ND_PAGE_PROTOTYPE;
		ret->pfn = transition_pfn(dump, pte);
		return ND_OK;
	}
	return software_page(pte, ret);
}

/* What the VAD tree says of an address that has no PTE of its own, or one that points there. */
static enum nd_status vad_page(const struct nd_space *space, nd_va va, struct nd_page *ret,
			       unsigned depth)
{
	nd_va prototype;
	enum nd_status st;

	if (space->process == 0 || nd_va_is_kernel(va) || depth > 0)
		return ND_UNMAPPED;
	st = nd_vad_prototype(space->dump, space->process, va, &prototype);
	if (st == ND_NONE) { /* private and committed */
		ret->state = ND_PAGE_DEMAND_ZERO;
		return ND_OK;
	}
	if (st != ND_OK)
		return st;
	return prototype_page(space->dump, prototype, ret, depth);
}

/* A leaf entry whose Valid bit is clear. */
static enum nd_status invalid_leaf(const struct nd_space *space, nd_va va, uint64_t raw,
				   struct nd_page *ret, unsigned depth)
{
	uint64_t pte = unswizzle(space->dump, raw);

	if (raw == 0)
		return vad_page(space, va, ret, depth);
	if ((pte & PTE_TRANSITION) && !(pte & PTE_PROTOTYPE)) {
		ret->state = ND_PAGE_TRANSITION;
		ret->pfn = transition_pfn(space->dump, pte);
		return ND_OK;
	}
	if (pte & PTE_PROTOTYPE) {
		if (raw >> 32 == PTE_LOOKUP_NEEDED || pte >> 32 == PTE_LOOKUP_NEEDED)
			return vad_page(space, va, ret, depth);
		return prototype_page(space->dump, (nd_va)((int64_t)pte >> 16), ret, depth);
	}
	return software_page(pte, ret);
}

/* An entry above the leaf whose Valid bit is clear: *table is set when its table is still there. */
static enum nd_status invalid_table(const struct nd_space *space, nd_va va, uint64_t raw,
				    struct nd_page *ret, unsigned depth, nd_pa *table)
{
	uint64_t pte = unswizzle(space->dump, raw);

	if (raw == 0)
		return vad_page(space, va, ret, depth);
	if ((pte & PTE_TRANSITION) && !(pte & PTE_PROTOTYPE)) {
		*table = transition_pfn(space->dump, pte) << ND_PAGE_SHIFT;
		return ND_OK;
	}
	return pte >> 32 != 0 ? ND_PAGED_OUT : vad_page(space, va, ret, depth);
}

static enum nd_status walk(const struct nd_space *space, nd_va va, struct nd_page *ret,
			   unsigned depth)
{
	nd_pa table = space->root;

	for (unsigned level = space->levels; level >= 1; level--) {
		unsigned shift = ND_PAGE_SHIFT + 9 * (level - 1);
		nd_pa entry_pa = table + ((va >> shift) & 0x1ff) * 8;
		enum nd_status st = nd_source_read_u64(space->dump->src, entry_pa, &ret->pte);

		ret->level = (uint8_t)level;
		if (st != ND_OK)
			return st;
		if (!(ret->pte & PTE_VALID)) {
			if (level == 1)
				return invalid_leaf(space, va, ret->pte, ret, depth);
			st = invalid_table(space, va, ret->pte, ret, depth, &table);
			if (st != ND_OK || ret->state != ND_PAGE_NONE)
				return st;
			continue;
		}
		table = ret->pte & PTE_PFN_MASK;
		if (level == 1) {
			ret->state = ND_PAGE_VALID;
			ret->pfn = table >> ND_PAGE_SHIFT;
		} else if (level <= 3 && (ret->pte & PTE_LARGE)) {
			uint64_t in_page = va & ((1ull << shift) - 1);

			ret->state = ND_PAGE_LARGE;
			ret->pfn = ((table & ~((1ull << shift) - 1)) + in_page) >> ND_PAGE_SHIFT;
			return ND_OK;
		}
	}
	return ND_OK;
}

static enum nd_status translate(const struct nd_space *space, nd_va va, struct nd_page *ret,
				unsigned depth)
{
	uint64_t serial = nd_source_serial(space->dump->src);
	uint64_t vpn = va >> ND_PAGE_SHIFT;
	size_t slot =
		(size_t)((vpn ^ vpn >> 9 ^ space->root >> 12 ^ space->process >> 5) % TLB_ENTRIES);
	struct tlb_entry *hit = &tlb[slot];

	if (hit->serial == serial && hit->vpn == vpn && hit->root == space->root &&
	    hit->process == space->process && hit->levels == space->levels && depth == 0) {
		*ret = hit->page;
		return hit->st;
	}
	*ret = (struct nd_page){ .state = ND_PAGE_NONE };
	if (!va_is_canonical(space, va) || depth > WALK_DEPTH_MAX)
		return ND_INVALID;
	enum nd_status st = walk(space, va, ret, depth);

	if (st != ND_OK)
		ret->state = ND_PAGE_NONE;
	if (depth == 0 && !nd_is_failure(st))
		tlb[slot] = (struct tlb_entry){ .serial = serial,
						.root = space->root,
						.vpn = vpn,
						.process = space->process,
						.levels = space->levels,
						.page = *ret,
						.st = st };
	return st;
}

enum nd_status nd_translate(const struct nd_space *space, nd_va va, struct nd_page *ret)
{
	if (space->levels == 0) {
		*ret = (struct nd_page){ .state = ND_PAGE_NONE };
		return ND_NOT_IN_DUMP;
	}
	return translate(space, va, ret, 0);
}

bool nd_page_present(const struct nd_space *space, const struct nd_page *page)
{
	if (page->state == ND_PAGE_DEMAND_ZERO)
		return true;
	return page->state != ND_PAGE_NONE && nd_source_has(space->dump->src, page->pfn);
}

/* Triage dumps: blocks of the container, then the structures whose address was worked out. */
static enum nd_status read_virtual(const struct nd_dump *dump, nd_va va, void *buf, size_t len,
				   size_t *got)
{
	enum nd_status st = nd_source_read_virtual(dump->src, va, buf, len, got);

	if (st != ND_NOT_IN_DUMP || *got != 0)
		return st;
	for (uint32_t i = 0; i < dump->overlay_count; i++) {
		const struct nd_overlay *o = &dump->overlay[i];

		if (va < o->va || va - o->va >= o->bytes)
			continue;
		uint64_t rest = o->bytes - (va - o->va);

		*got = rest < len ? (size_t)rest : len;
		st = nd_source_read_file(dump->src, o->file_offset + (va - o->va), buf, *got);
		if (st != ND_OK)
			*got = 0;
		return st;
	}
	return ND_NOT_IN_DUMP;
}

static enum nd_status read_in_page(const struct nd_space *space, nd_va va, void *buf, size_t len)
{
	struct nd_page page;
	enum nd_status st = translate(space, va, &page, 0);

	if (st != ND_OK)
		return st;
	if (page.state == ND_PAGE_DEMAND_ZERO) {
		memset(buf, 0, len);
		return ND_OK;
	}
	return nd_source_read(space->dump->src, page.pfn, (uint32_t)(va & (ND_PAGE_BYTES - 1)), buf,
			      len);
}

enum nd_status nd_read_some(const struct nd_space *space, nd_va va, void *buf, size_t len,
			    size_t *got)
{
	uint8_t *to = buf;
	size_t done = 0;
	enum nd_status st = ND_OK;

	while (done < len && st == ND_OK) {
		nd_va at = va + done; /* may wrap: then it is not canonical */
		size_t in_page = ND_PAGE_BYTES - (size_t)(at & (ND_PAGE_BYTES - 1));
		size_t want = len - done < in_page ? len - done : in_page;

		if (space->levels == 0) {
			size_t part = 0;

			st = read_virtual(space->dump, at, to + done, len - done, &part);
			done += part;
			if (st == ND_OK && part == 0)
				st = ND_NOT_IN_DUMP;
		} else {
			st = read_in_page(space, at, to + done, want);
			if (st == ND_OK)
				done += want;
		}
	}
	*got = done;
	return st;
}

enum nd_status nd_read(const struct nd_space *space, nd_va va, void *buf, size_t len)
{
	size_t got;
	enum nd_status st = nd_read_some(space, va, buf, len, &got);

	if (st == ND_OK || got < len)
		return st;
	return ND_OK;
}

struct nd_u64 nd_read_num(const struct nd_space *space, nd_va va, unsigned bytes)
{
	uint8_t raw[8] = { 0 };
	struct nd_u64 ret = { .at = va, .st = ND_INVALID };

	if (bytes == 0 || bytes > sizeof(raw))
		return ret;
	ret.st = nd_read(space, va, raw, bytes);
	if (ret.st == ND_OK)
		ret.value = nd_le64(raw);
	return ret;
}
