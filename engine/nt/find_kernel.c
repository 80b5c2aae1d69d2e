/*
 * engine/nt/find_kernel.c - candidates for the kernel's page tables, and the image they lead to.
 *
 * A scan of all memory touches each page once and keeps nothing, and what one candidate may cost is
 * bounded: memory full of look-alikes is refused, slowly but surely.
 */
#include <string.h>
#include <strings.h>

#include "nt/find_kernel.h"
#include "nt/kdbg.h"
#include "nt/system.h"
#include "sym/pe.h"

#define CR3_MASK 0x000ffffffffff000ull
#define ENTRY_VALID 1ull
#define ENTRY_LARGE (1ull << 7)
#define ENTRIES 512u

#define MACHINE_AMD64 0x8664
#define KERNEL_BYTES_MIN (1u << 20)
#define KERNEL_BYTES_MAX (256u << 20)
#define KERNEL_AREA 0xfffff80000000000ull /* the loader puts the image into these 512 GiB */

/* PROCESSOR_START_BLOCK: a near jump, the kernel's entry point, the page tables. */
#define STUB_FIRST 1u
#define STUB_END 0x100u
#define STUB_JUMP_MASK 0xffffffffffff00ffull
#define STUB_JUMP 0x00000001000600e9ull
#define STUB_ENTRY 0x70u
#define STUB_ENTRY_MASK 0xfffff80000000003ull
#define STUB_ENTRY_VALUE 0xfffff80000000000ull
#define STUB_ROOT 0xa0u
#define STUB_ROOT_MASK 0xffffff0000000fffull

#define PCR_KERNEL_ROOT 0x7000u /* the full page tables, beside the shadow PCR */
#define IDT_PAGE_FAULT 14u
#define CPUS_TRIED 64u

/* --- is it a kernel? ------------------------------------------------------------------------ */

static bool is_kernel_pdb(const char *name)
{
	static const char *const names[] = { "ntkrnlmp.pdb", "ntoskrnl.pdb", "ntkrpamp.pdb" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (strcasecmp(name, names[i]) == 0)
			return true;
	return false;
}

static bool is_kernel_image(const struct nd_space *space, nd_va base)
{
	struct nd_guid_age id;
	struct nd_pe pe;
	char name[64];

	return nd_pe_read(space, base, &pe) == ND_OK && pe.machine == MACHINE_AMD64 &&
	       pe.size_bytes >= KERNEL_BYTES_MIN && pe.size_bytes <= KERNEL_BYTES_MAX &&
	       nd_pe_rsds(&pe, &id, name) == ND_OK && is_kernel_pdb(name);
}

/* The space must also map the page that every process has. */
static bool accept(struct nd_dump *dump, const struct nd_space *space, nd_va base, const char *how)
{
	struct nd_page page;

	if (nd_translate(space, ND_KUSER_SHARED_DATA, &page) != ND_OK ||
	    !is_kernel_image(space, base))
		return false;
	dump->kernel = *space;
	dump->kernel_base = base;
	dump->kernel_found = how;
	return true;
}

static bool starts_image(const struct nd_space *space, nd_va va)
{
	struct nd_u64 v = nd_read_num(space, va, 2);

	return v.st == ND_OK && v.value == 0x5a4d;
}

/* The image that holds a code address: its header is some pages below. */
static bool accept_below(struct nd_dump *dump, const struct nd_space *space, nd_va inside,
			 const char *how)
{
	nd_va va = inside & ~(nd_va)(ND_PAGE_BYTES - 1);

	if (!nd_va_is_kernel(inside))
		return false;
	for (uint32_t i = 0; i < KERNEL_BYTES_MAX / ND_PAGE_BYTES; i++, va -= ND_PAGE_BYTES)
		if (starts_image(space, va) && accept(dump, space, va, how))
			return true;
	return false;
}

/* Page tables as candidate: the prototype PTEs of the walk are read through dump->kernel. */
static struct nd_space use_root(struct nd_dump *dump, nd_pa root, uint8_t levels)
{
	dump->kernel = (struct nd_space){ .dump = dump, .root = root, .levels = levels };
	return dump->kernel;
}

/* Whether tables of this depth map the page of shared data. */
static bool maps_shared_data(const struct nd_space *space)
{
	struct nd_page page;

	return nd_translate(space, ND_KUSER_SHARED_DATA, &page) == ND_OK &&
	       nd_page_present(space, &page);
}

/* --- QEMU's notes --------------------------------------------------------------------------- */

/* The address in gate `n` of an interrupt descriptor table. */
static nd_va gate_target(const struct nd_space *space, nd_va idt, unsigned n)
{
	uint8_t gate[16];

	if (nd_read(space, idt + 16u * n, gate, sizeof(gate)) != ND_OK)
		return 0;
	return nd_le16(gate) | (nd_va)nd_le16(gate + 6) << 16 | (nd_va)nd_le32(gate + 8) << 32;
}

static bool try_cpu_root(struct nd_dump *dump, const struct nd_source_cpu *cpu, nd_pa root,
			 const char *how)
{
	for (uint8_t levels = 5; levels >= 4; levels--) {
		struct nd_space space = use_root(dump, root & CR3_MASK, levels);
		nd_va handler;

		if (!maps_shared_data(&space))
			continue;
		handler = gate_target(&space, cpu->idt_base, IDT_PAGE_FAULT);
		if (handler == 0)
			handler = gate_target(&space, cpu->idt_base, 0);
		if (accept_below(dump, &space, handler, how))
			return true;
	}
	return false;
}

/* A processor in user mode may have had the shadow tables, which lack most of the kernel. */
static bool try_shadow(struct nd_dump *dump, const struct nd_source_cpu *cpu)
{
	nd_va pcr = nd_va_is_kernel(cpu->gs_base) ? cpu->gs_base : cpu->kernel_gs_base;
	struct nd_space space;
	struct nd_u64 root;

	if (!nd_va_is_kernel(pcr))
		return false;
	for (uint8_t levels = 5; levels >= 4; levels--) {
		space = use_root(dump, cpu->cr3 & CR3_MASK, levels);
		root = nd_read_num(&space, pcr + PCR_KERNEL_ROOT, 8);
		if (root.st == ND_OK && root.value != 0 &&
		    try_cpu_root(dump, cpu, root.value, "QEMU's note: kernel tables of the PCR"))
			return true;
	}
	return false;
}

static bool from_notes(struct nd_dump *dump)
{
	uint32_t count = nd_source_cpu_count(dump->src);

	count = count < CPUS_TRIED ? count : CPUS_TRIED;

	for (uint32_t i = 0; i < count; i++) {
		const struct nd_source_cpu *cpu = nd_source_cpu(dump->src, i);

		if (try_cpu_root(dump, cpu, cpu->cr3, "QEMU's note: CR3 and IDT"))
			return true;
	}
	for (uint32_t i = 0; i < count; i++)
		if (try_shadow(dump, nd_source_cpu(dump->src, i)))
			return true;
	return false;
}

/* --- the start-up code ---------------------------------------------------------------------- */

static bool from_start_block(struct nd_dump *dump)
{
	uint8_t raw[STUB_ROOT + 8];

	for (nd_pfn pfn = STUB_FIRST; pfn < STUB_END; pfn++) {
		uint64_t entry, root;

		if (nd_source_read(dump->src, pfn, 0, raw, sizeof(raw)) != ND_OK ||
		    (nd_le64(raw) & STUB_JUMP_MASK) != STUB_JUMP)
			continue;
		entry = nd_le64(raw + STUB_ENTRY);
		root = nd_le64(raw + STUB_ROOT);
		if ((entry & STUB_ENTRY_MASK) != STUB_ENTRY_VALUE || (root & STUB_ROOT_MASK) != 0)
			continue;
		for (uint8_t levels = 5; levels >= 4; levels--) {
			struct nd_space space = use_root(dump, root, levels);

			if (maps_shared_data(&space) &&
			    accept_below(dump, &space, entry, "start-up code below 1 MiB"))
				return true;
		}
	}
	return false;
}

/* --- page tables that map themselves -------------------------------------------------------- */

/* Exactly one entry of the upper half leads to the page itself; others (one with LA57) elsewhere. */
static bool maps_itself(const uint8_t *page, nd_pfn pfn)
{
	unsigned self = 0, valid = 0;

	for (unsigned i = ENTRIES / 2; i < ENTRIES; i++) {
		uint64_t entry = nd_le64(page + (size_t)i * 8);

		if (!(entry & ENTRY_VALID))
			continue;
		valid++;
		if ((entry & CR3_MASK) >> ND_PAGE_SHIFT == pfn && !(entry & ENTRY_LARGE))
			self++;
	}
	return self == 1 && valid >= 2 && valid < ENTRIES / 2;
}

/* Entries for the shared data and the kernel's area, or the one that holds both with LA57. */
static bool may_be_root(const uint8_t *page)
{
	size_t shared = (ND_KUSER_SHARED_DATA >> 39) % ENTRIES;
	size_t kernel = (KERNEL_AREA >> 39) % ENTRIES;

	return ((page[shared * 8] & ENTRY_VALID) && (page[kernel * 8] & ENTRY_VALID)) ||
	       (page[(ENTRIES - 1) * 8] & ENTRY_VALID);
}

/* What is left to look at, for one opening: full tables of nonsense must end, too. */
struct budget {
	uint32_t tables, images;
	const char *how;
};

/* The entries of a table; false when it is not there, or enough was read. */
static bool read_table(const struct nd_dump *dump, nd_pa table, struct budget *left,
		       uint8_t ret[ND_PAGE_BYTES])
{
	if (left->tables == 0)
		return false;
	left->tables--;
	return nd_source_read(dump->src, table >> ND_PAGE_SHIFT, 0, ret, ND_PAGE_BYTES) == ND_OK;
}

/* Try the `pages` pages from `pfn` on, mapped at `va`: those that start an image. */
static bool try_pages(struct nd_dump *dump, const struct nd_space *space, nd_pfn pfn,
		      uint64_t pages, nd_va va, struct budget *left)
{
	for (uint64_t i = 0; i < pages && left->images > 0; i++) {
		uint8_t raw[2];

		if (nd_source_read(dump->src, pfn + i, 0, raw, sizeof(raw)) != ND_OK ||
		    nd_le16(raw) != 0x5a4d)
			continue;
		left->images--;
		if (accept(dump, space, va + i * ND_PAGE_BYTES, left->how))
			return true;
	}
	return false;
}

/*
 * Try every page that the tables below `table` map and that starts an image. `va` is where the
 * table's part of the address space begins. Levels go down: at most three calls deep.
 */
static bool search_table(struct nd_dump *dump, const struct nd_space *space, nd_pa table,
			 unsigned level, nd_va va, struct budget *left)
{
	uint8_t page[ND_PAGE_BYTES];
	unsigned shift = ND_PAGE_SHIFT + 9 * (level - 1);

	if (!read_table(dump, table, left, page))
		return false;
	for (unsigned i = 0; i < ENTRIES && left->images > 0; i++) {
		uint64_t entry = nd_le64(page + (size_t)i * 8);
		nd_va at = va + ((nd_va)i << shift);

		if (!(entry & ENTRY_VALID))
			continue;
		if (level == 1 || (level == 2 && (entry & ENTRY_LARGE))) {
			uint64_t pages = level == 1 ? 1 : ENTRIES;
			nd_pfn pfn = (entry & CR3_MASK) >> ND_PAGE_SHIFT;

			if (try_pages(dump, space, pfn & ~(pages - 1), pages, at, left))
				return true;
		} else if (!(entry & ENTRY_LARGE) &&
			   search_table(dump, space, entry & CR3_MASK, level - 1, at, left)) {
			return true;
		}
	}
	return false;
}

static bool try_root(struct nd_dump *dump, nd_pfn pfn, struct budget *left)
{
	for (uint8_t levels = 5; levels >= 4; levels--) {
		struct nd_space space = use_root(dump, pfn << ND_PAGE_SHIFT, levels);
		nd_pa table = space.root;
		uint64_t entry = 0;

		if (!maps_shared_data(&space))
			continue;
		for (unsigned level = levels; level >= 4; level--) {
			unsigned shift = ND_PAGE_SHIFT + 9 * (level - 1);
			nd_pa at = table + ((KERNEL_AREA >> shift) & (ENTRIES - 1)) * 8;

			if (nd_source_read_u64(dump->src, at, &entry) != ND_OK ||
			    !(entry & ENTRY_VALID)) {
				entry = 0;
				break;
			}
			table = entry & CR3_MASK;
		}
		if (entry != 0 && search_table(dump, &space, table, 3, KERNEL_AREA, left))
			return true;
	}
	return false;
}

/* Page tables that do not map themselves, but the shared data: tried when all else has failed. */
struct second_choice {
	nd_pfn pfn[16];
	unsigned count;
};

static void note_second_choice(struct nd_dump *dump, nd_pfn pfn, struct second_choice *second)
{
	bool maps = false;

	if (second->count == sizeof(second->pfn) / sizeof(*second->pfn))
		return;
	for (uint8_t levels = 5; levels >= 4 && !maps; levels--) {
		struct nd_space space = use_root(dump, pfn << ND_PAGE_SHIFT, levels);

		maps = maps_shared_data(&space);
	}
	if (maps)
		second->pfn[second->count++] = pfn;
}

/* True when this page was the root of the kernel's tables. */
static bool look_at_page(struct nd_dump *dump, nd_pfn pfn, const uint8_t *page, struct budget *left,
			 struct second_choice *second)
{
	if (maps_itself(page, pfn))
		return try_root(dump, pfn, left);
	if (may_be_root(page))
		note_second_choice(dump, pfn, second);
	return false;
}

static enum nd_status from_scan(struct nd_dump *dump)
{
	struct budget left = { 1u << 16, 1u << 16, "page tables that map themselves" };
	struct second_choice second = { .count = 0 };
	uint8_t page[ND_PAGE_BYTES];
	nd_pfn from = 0, first;
	uint64_t pages;

	while (nd_source_next_stored(dump->src, from, &first, &pages) == ND_OK) {
		from = first + pages;
		for (nd_pfn pfn = first; pfn < from && left.tables > 0; pfn++) {
			enum nd_status st = nd_source_read(dump->src, pfn, 0, page, sizeof(page));

			if (st == ND_EIO)
				return st;
			if (st == ND_OK && look_at_page(dump, pfn, page, &left, &second))
				return ND_OK;
		}
	}
	left = (struct budget){ 1u << 16, 1u << 16, "page tables that map the shared data" };
	for (unsigned i = 0; i < second.count; i++)
		if (try_root(dump, second.pfn[i], &left))
			return ND_OK;
	return ND_ENOENT;
}

enum nd_status nd_find_kernel(struct nd_dump *dump)
{
	enum nd_status st = ND_OK;

	if (!from_notes(dump) && !from_start_block(dump))
		st = from_scan(dump);
	if (st != ND_OK)
		dump->kernel = (struct nd_space){ .dump = dump };
	return st;
}

/* --- KDBG ----------------------------------------------------------------------------------- */

/* Undo what KdCopyDataBlock undoes for a crash dump: qword by qword. */
static void decode(uint8_t *p, size_t bytes, uint64_t never, uint64_t always, nd_va flag)
{
	unsigned turn = never & 63;

	for (size_t i = 0; i + 8 <= bytes; i += 8) {
		uint64_t x = nd_le64(p + i) ^ never;

		x = turn ? x << turn | x >> (64 - turn) : x;
		x = __builtin_bswap64(x ^ flag) ^ always;
		for (unsigned b = 0; b < 8; b++)
			p[i + b] = (uint8_t)(x >> 8 * b);
	}
}

/* The block at `va` is encoded, as that of every running machine without a debugger. */
static void take_encoded(struct nd_dump *dump, nd_va va)
{
	nd_va flag = dump->symbol[ND_SYM_KdpDataBlockEncoded];
	struct nd_u64 never = nd_read_num(&dump->kernel, dump->symbol[ND_SYM_KiWaitNever], 8);
	struct nd_u64 always = nd_read_num(&dump->kernel, dump->symbol[ND_SYM_KiWaitAlways], 8);
	size_t got = 0;

	if (flag == 0 || never.st != ND_OK || always.st != ND_OK)
		return;
	nd_read_some(&dump->kernel, va, dump->kdbg_copy, sizeof(dump->kdbg_copy), &got);
	decode(dump->kdbg_copy, got, never.value, always.value, flag);
	if (!nd_kdbg_check_bytes(dump->kdbg_copy, got, &dump->kdbg_bytes))
		return;
	dump->kdbg = va;
	dump->kdbg_decoded = true;
}

/* A plain block in the image's data that names this very image. */
static nd_va search_plain(const struct nd_dump *dump)
{
	nd_va end = dump->kernel_base + dump->kernel_bytes;
	uint8_t page[ND_PAGE_BYTES];
	uint32_t bytes;

	for (nd_va va = dump->kernel_base; va < end; va += ND_PAGE_BYTES) {
		if (nd_read(&dump->kernel, va, page, sizeof(page)) != ND_OK)
			continue;
		for (size_t i = 0; i + 32 <= sizeof(page); i += 8)
			if (nd_le32(page + i + ND_KDBG_OwnerTag) == ND_KDBG_TAG &&
			    nd_le64(page + i + ND_KDBG_KernBase) == dump->kernel_base &&
			    nd_kdbg_check(&dump->kernel, va + i, &bytes))
				return va + i;
	}
	return 0;
}

void nd_find_kdbg(struct nd_dump *dump)
{
	nd_va va = dump->symbol[ND_SYM_KdDebuggerDataBlock];

	if (va == 0)
		va = search_plain(dump);
	if (va == 0)
		return;
	if (nd_kdbg_check(&dump->kernel, va, &dump->kdbg_bytes))
		dump->kdbg = va;
	else
		take_encoded(dump, va);
}
