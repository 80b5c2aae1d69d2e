/*
 * tests/fuzz/fuzz_pages.c - any words as page tables and VADs: translation, reads across pages, where
 * an address space has bytes, and a process's ranges.
 *
 * The input is copied to the pages of a tiny machine from its page tables on. Words whose top byte is
 * 0xaa become entries that lead to one of these pages, those with 0xab pointers into the data.
 */
#include "../unit/tiny_machine.h"
#include "vm/extent.h"
#include "vm/vad.h"

#define STEPS_MAX 64u
#define ADDRESSES 16u
#define EXTENT_BYTES (1u << 30)

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct tiny machine;

static void fill(const uint8_t *data, size_t size)
{
	uint8_t *to = tiny_page(&machine, 1);
	size_t room = sizeof(machine.byte) - 4096;

	memset(&machine, 0, sizeof(machine));
	tiny_map(&machine);
	if (size > room)
		size = room;
	for (size_t i = 0; i + 8 <= size; i += 8) {
		uint64_t v = nd_le64(data + i);

		if (v == 0) /* what tiny_map() made stays */
			continue;
		if (v >> 56 == 0xaa)
			v = ((v >> 12) % TINY_PAGES) << 12 | (v & 0xfff);
		else if (v >> 56 == 0xab)
			v = TINY_BASE + v % TINY_BYTES;
		tiny_put(to + i, v, 8);
	}
}

/* What a read of many bytes gives is what reads of each page give. */
static void read_across(const struct nd_space *space, nd_va va)
{
	static uint8_t whole[3 * 4096], part[4096];
	size_t got = 0, one = 0;
	enum nd_status st = nd_read_some(space, va, whole, sizeof(whole), &got);

	if (got > sizeof(whole) || (st == ND_OK) != (got == sizeof(whole)))
		abort();
	for (size_t at = 0; at < sizeof(whole); at += sizeof(part)) {
		st = nd_read_some(space, va + at, part, sizeof(part), &one);
		if (at + one > got || memcmp(whole + at, part, one) != 0)
			abort();
		if (st != ND_OK)
			break;
	}
}

static void look_at(const struct nd_space *space, nd_va va)
{
	struct nd_page page;
	struct nd_u64 v = nd_read_num(space, va & ~(nd_va)7, 8);

	if (nd_translate(space, va, &page) != ND_OK) {
		if (v.st == ND_OK)
			abort();
		return;
	}
	if (page.state == ND_PAGE_DEMAND_ZERO && v.st == ND_OK && v.value != 0)
		abort();
	read_across(space, va & 0xffffffffffffff00u);
}

static void walk_extents(const struct nd_space *space, nd_va from, nd_va end)
{
	for (unsigned i = 0; i < STEPS_MAX; i++) {
		nd_va data, hole;

		if (nd_space_next_data(space, from, end, &data) != ND_OK)
			return;
		if (data < from || data >= end)
			abort();
		if (nd_space_next_hole(space, data, end, &hole) != ND_OK)
			return;
		if (hole <= data || hole >= end)
			abort();
		from = hole;
	}
}

static void read_ranges(const struct nd_dump *dump, nd_va eprocess)
{
	struct nd_vad_list list;
	struct nd_vad vad;

	if (nd_vad_list_read(dump, eprocess, &list) != ND_OK)
		return;
	for (size_t i = 0; i < list.count; i++) {
		if (list.vad[i].start > list.vad[i].end ||
		    (i > 0 && list.vad[i].start < list.vad[i - 1].start))
			abort();
		if (i < STEPS_MAX &&
		    nd_vad_find(dump, eprocess, list.vad[i].start, &vad) == ND_OK &&
		    (vad.start > list.vad[i].start || vad.end < list.vad[i].start))
			abort();
	}
	nd_vad_list_free(&list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t builds[] = { 7601, 9600, 10240, 14393, 17763, 19041, 22000 };
	struct nd_space user;
	struct nd_dump *dump;

	if (size < 16)
		return 0;
	fill(data + 8, size - 8);
	dump = tiny_open(&machine, builds[data[0] % (sizeof(builds) / sizeof(*builds))]);
	dump->kernel.levels = data[1] & 1 ? 5 : 4;
	dump->invalid_pte_mask_known = data[1] & 2;
	dump->invalid_pte_mask = (uint64_t)data[2] << 36;
	user = dump->kernel;
	user.process = TINY_BASE + (uint64_t)data[3] % (TINY_PAGES - TINY_DATA) * 4096;
	for (unsigned i = 0; i < ADDRESSES; i++) {
		look_at(&dump->kernel, TINY_BASE + (uint64_t)i * 0x1800);
		look_at(&user, (uint64_t)i * (nd_le64(data + 8) >> 17));
	}
	walk_extents(&dump->kernel, TINY_BASE, TINY_BASE + EXTENT_BYTES);
	walk_extents(&user, 0, EXTENT_BYTES);
	read_ranges(dump, user.process);
	nd_dump_close(dump);
	return 0;
}
