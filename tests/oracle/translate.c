/*
 * tests/oracle/translate.c - `translate COUNT DUMP...`: translates COUNT random addresses of each
 * dump, in the kernel's and every process's address space, and compares with libaddrxlat.
 */
#include <inttypes.h>
#include <libkdumpfile/addrxlat.h>
#include <stdio.h>
#include <stdlib.h>

#include "nt/process.h"
#include "ntdump.h"

#define VALID 1ull
#define LARGE (1ull << 7)
#define PROTOTYPE (1ull << 10)
#define TRANSITION (1ull << 11)
#define FRAME 0x000ffffffffff000ull

/* What libaddrxlat said of the addresses, to see that all cases were met. */
struct tally {
	uint64_t small, large, absent, no_table, odd, wrong, tables;
};

static uint64_t seed = 0x9e3779b97f4a7c15ull;

static uint64_t random64(void)
{
	seed ^= seed << 13;
	seed ^= seed >> 7;
	seed ^= seed << 17;
	return seed * 0x2545f4914f6cdd1dull;
}

/* --- the other side ------------------------------------------------------------------------- */

/* The library keeps the pages that it asked for, so each has memory of its own. */
static void put_page(const addrxlat_buffer_t *buf)
{
	free(buf->priv);
}

static addrxlat_status get_page(const addrxlat_cb_t *cb, addrxlat_buffer_t *buf)
{
	uint8_t *page = malloc(ND_PAGE_BYTES);
	nd_pfn pfn = buf->addr.addr >> ND_PAGE_SHIFT;

	if (page == NULL)
		return ADDRXLAT_ERR_NOMEM;
	if (nd_source_read(cb->priv, pfn, 0, page, ND_PAGE_BYTES) != ND_OK) {
		free(page);
		return ADDRXLAT_ERR_NODATA;
	}
	buf->addr.addr = pfn << ND_PAGE_SHIFT;
	buf->ptr = page;
	buf->size = ND_PAGE_BYTES;
	buf->byte_order = ADDRXLAT_LITTLE_ENDIAN;
	buf->put_page = put_page;
	buf->priv = page;
	return ADDRXLAT_OK;
}

static unsigned long read_caps(const addrxlat_cb_t *cb)
{
	(void)cb;
	return ADDRXLAT_CAPS(ADDRXLAT_MACHPHYSADDR);
}

static addrxlat_ctx_t *new_context(struct nd_source *src)
{
	addrxlat_ctx_t *ctx = addrxlat_ctx_new();
	addrxlat_cb_t *cb = ctx ? addrxlat_ctx_add_cb(ctx) : NULL;

	if (cb == NULL) {
		fputs("out of memory\n", stderr);
		exit(2);
	}
	cb->priv = src;
	cb->get_page = get_page;
	cb->read_caps = read_caps;
	return ctx;
}

static addrxlat_meth_t method_of(const struct nd_space *space)
{
	addrxlat_meth_t ret = { .kind = ADDRXLAT_PGT, .target_as = ADDRXLAT_MACHPHYSADDR };

	ret.param.pgt.root = (addrxlat_fulladdr_t){ space->root, ADDRXLAT_MACHPHYSADDR };
	ret.param.pgt.pf.pte_format = ADDRXLAT_PTE_X86_64;
	ret.param.pgt.pf.nfields = (unsigned short)(space->levels + 1);
	ret.param.pgt.pf.fieldsz[0] = ND_PAGE_SHIFT;
	for (unsigned i = 1; i <= space->levels; i++)
		ret.param.pgt.pf.fieldsz[i] = 9;
	return ret;
}

/* --- addresses ------------------------------------------------------------------------------ */

/* An entry of the table: one that is present, mostly. */
static unsigned pick_entry(const uint8_t *table)
{
	unsigned index = (unsigned)(random64() & 511);

	if (random64() % 16 == 0)
		return index;
	for (unsigned i = 0; i < 512; i++, index = (index + 1) & 511)
		if (nd_le64(table + 8 * index) & VALID)
			return index;
	return index;
}

static nd_va sign_extended(const struct nd_space *space, uint64_t va)
{
	unsigned shift = 64 - (ND_PAGE_SHIFT + 9u * space->levels);

	return (nd_va)((int64_t)(va << shift) >> shift);
}

/* An address below random entries of the tables. */
static nd_va pick_mapped(const struct nd_space *space)
{
	uint8_t table[ND_PAGE_BYTES];
	nd_pa at = space->root;
	uint64_t va = 0;

	for (unsigned level = space->levels; level >= 1; level--) {
		unsigned shift = ND_PAGE_SHIFT + 9 * (level - 1), index;
		uint64_t entry;

		if (nd_source_read(space->dump->src, at >> ND_PAGE_SHIFT, 0, table,
				   sizeof(table)) != ND_OK)
			return sign_extended(space, va | (random64() & ((512ull << shift) - 1)));
		index = pick_entry(table);
		entry = nd_le64(table + 8 * index);
		va |= (uint64_t)index << shift;
		if (!(entry & VALID) || level == 1 || (level <= 3 && (entry & LARGE)))
			return sign_extended(space, va | (random64() & ((1ull << shift) - 1)));
		at = entry & FRAME;
	}
	return va;
}

static nd_va pick_address(const struct nd_space *space)
{
	switch (random64() % 16) {
	case 0:
		return random64(); /* hardly ever canonical */
	case 1:
		return sign_extended(space, random64());
	default:
		return pick_mapped(space);
	}
}

/* --- comparing ------------------------------------------------------------------------------ */

static bool is_hardware(const struct nd_page *got, enum nd_status st)
{
	return st == ND_OK && (got->state == ND_PAGE_VALID || got->state == ND_PAGE_LARGE);
}

/* Windows keeps tables in transition: only there may we know more than the processor. */
static bool not_present_agrees(const struct nd_page *got, enum nd_status st, uint64_t raw,
			       unsigned remain, struct tally *tally)
{
	bool table_in_transition =
		remain >= 1 && (raw & (VALID | PROTOTYPE | TRANSITION)) == TRANSITION;

	tally->absent++;
	if (table_in_transition)
		tally->tables++;
	return st != ND_INVALID && (table_in_transition || !is_hardware(got, st));
}

static bool agrees(addrxlat_status status, const addrxlat_step_t *step, const struct nd_page *got,
		   enum nd_status st, struct tally *tally)
{
	switch (status) {
	case ADDRXLAT_OK:
		if (got->state == ND_PAGE_LARGE)
			tally->large++;
		else
			tally->small++;
		return is_hardware(got, st) && got->pfn == step->base.addr >> ND_PAGE_SHIFT;
	case ADDRXLAT_ERR_NOTPRESENT:
		return not_present_agrees(got, st, step->raw.pte, step->remain, tally);
	case ADDRXLAT_ERR_NODATA:
		tally->no_table++;
		return st == ND_NOT_IN_DUMP;
	case ADDRXLAT_ERR_INVALID:
		tally->odd++;
		return st == ND_INVALID;
	default:
		return false;
	}
}

static void compare(addrxlat_ctx_t *ctx, const struct nd_space *space, uint64_t count,
		    struct tally *tally)
{
	addrxlat_meth_t meth = method_of(space);

	for (uint64_t i = 0; i < count; i++) {
		nd_va va = pick_address(space);
		addrxlat_step_t step = { .ctx = ctx, .meth = &meth };
		struct nd_page got;
		enum nd_status st = nd_translate(space, va, &got);
		addrxlat_status status;

		step.base.addr = va; /* it begins there, and ends with the result */
		status = addrxlat_walk(&step);
		addrxlat_ctx_clear_err(ctx);
		if (agrees(status, &step, &got, st, tally))
			continue;
		if (tally->wrong++ < 10)
			printf("# %016" PRIx64 " root %" PRIx64 ": libaddrxlat %d %" PRIx64
			       " (remain %u, raw %" PRIx64 "), here %d state %d page %" PRIx64 "\n",
			       va, space->root, (int)status, (uint64_t)step.base.addr, step.remain,
			       (uint64_t)step.raw.pte, (int)st, (int)got.state, got.pfn);
	}
}

/* Up to 64 processes, evenly chosen, share the addresses. */
static void compare_processes(const struct nd_dump *dump, addrxlat_ctx_t *ctx, uint64_t count,
			      struct tally *tally)
{
	const struct nd_process_list *list;
	uint32_t spaces;

	if (nd_processes(dump, &list) != ND_OK || list->count == 0)
		return;
	spaces = list->count < 64 ? list->count : 64;
	for (uint32_t i = 0; i < spaces; i++) {
		struct nd_space space;
		struct nd_process process;
		size_t which = (size_t)i * list->count / spaces;

		if (nd_process_read(dump, list->ref[which].eprocess, &process) != ND_OK)
			continue;
		space = nd_process_space(dump, &process);
		if (space.levels != 0)
			compare(ctx, &space, count / spaces + 1, tally);
	}
}

static uint64_t compare_dump(const char *path, uint64_t count)
{
	struct nd_error err = { 0 };
	struct tally tally = { 0 };
	struct nd_dump *dump;
	addrxlat_ctx_t *ctx;

	if (nd_dump_open(path, NULL, &dump, &err) != ND_OK) {
		printf("# %s does not open\n", path);
		return 1;
	}
	ctx = new_context(dump->src);
	compare(ctx, &dump->kernel, count / 2, &tally);
	compare_processes(dump, ctx, count / 2, &tally);
	printf("%" PRIu64 " 4K, %" PRIu64 " large, %" PRIu64 " not present (%" PRIu64
	       " tables in transition), %" PRIu64 " tables not in the dump, %" PRIu64
	       " invalid, %" PRIu64 " wrong\n",
	       tally.small, tally.large, tally.absent, tally.tables, tally.no_table, tally.odd,
	       tally.wrong);
	addrxlat_ctx_decref(ctx);
	nd_dump_close(dump);
	return tally.wrong + (tally.small == 0) + (tally.absent == 0);
}

int main(int argc, char **argv)
{
	uint64_t wrong = 0;

	if (argc < 3) {
		fputs("usage: translate COUNT DUMP...\n", stderr);
		return 2;
	}
	for (int i = 2; i < argc; i++)
		wrong += compare_dump(argv[i], strtoull(argv[1], NULL, 10));
	return wrong != 0;
}
