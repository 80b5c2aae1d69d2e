/*
 * engine/dump/triage.c - type 4, the small memory dump: no physical pages, but pieces of virtual
 * memory, one stack, and lists of drivers. Windows writes it in two ways (at the crash, or later
 * from a larger dump); both are read by what their offsets say.
 */
#include <stdlib.h>
#include <string.h>

#include "dump/container.h"
#include "dump/ranges.h"

#define TRIAGE_AT ND_HEADER_BYTES
#define TRIAGE_BYTES 0x80
#define VALID_MARK 0x44475254 /* "TRGD" where ValidOffset points: the dump was finished */
#define FILL_32 0x45474150

#define BLOCK_BYTES 16
#define BLOCKS_CHUNK 4096

/* A driver entry: u32 file offset of the name, then from +8 a KLDR_DATA_TABLE_ENTRY. */
#define DRIVER_BYTES_MIN 0x8c
#define DRIVER_BYTES_MAX 0x140
#define DRIVER_BYTES_USUAL 0x90
#define DRIVER_DLL_BASE 0x38
#define DRIVER_SIZE_OF_IMAGE 0x48
#define DRIVER_CHECKSUM 0x80
#define DRIVER_TIMESTAMP 0x88

#define UNLOADED_HEAD_BYTES 8
#define UNLOADED_BYTES 0x38
#define UNLOADED_NAME 0x10
#define UNLOADED_START 0x28
#define UNLOADED_END 0x30
#define UNLOADED_MAX 1024 /* the kernel itself keeps 50 */

struct triage {
	struct nd_triage facts;
	struct nd_ranges blocks; /* virtual addresses, one step is a byte */
	uint64_t drivers_at, unloaded_at;
	uint32_t driver_stride;
};

/* The offsets and counts of TRIAGE_DUMP64; a field that was never written is 0. */
struct triage_header {
	uint32_t service_pack_build, valid, unloaded, prcb, process, thread;
	uint32_t call_stack, call_stack_bytes;
	uint32_t drivers, driver_count, string_pool, options;
	uint64_t top_of_stack, data_page_va;
	uint32_t data_page, data_page_bytes;
	uint32_t kdbg, kdbg_bytes, blocks, block_count;
};

static bool probe(const struct nd_header *header)
{
	return header->dump_type.value == ND_DUMP_TRIAGE;
}

static uint32_t u32_at(const uint8_t *raw, size_t offset)
{
	uint32_t v = nd_le32(raw + offset);

	return v == FILL_32 ? 0 : v;
}

static enum nd_status read_header(const struct nd_source *src, struct triage_header *ret,
				  struct nd_error *err)
{
	uint8_t raw[TRIAGE_BYTES];
	enum nd_status st = nd_source_read_part(src, TRIAGE_AT, raw, sizeof(raw),
						"the triage header at 0x2000", err);

	if (st != ND_OK)
		return st;
	*ret = (struct triage_header){
		.service_pack_build = u32_at(raw, 0x00),
		.valid = u32_at(raw, 0x08),
		.unloaded = u32_at(raw, 0x18),
		.prcb = u32_at(raw, 0x1c),
		.process = u32_at(raw, 0x20),
		.thread = u32_at(raw, 0x24),
		.call_stack = u32_at(raw, 0x28),
		.call_stack_bytes = u32_at(raw, 0x2c),
		.drivers = u32_at(raw, 0x30),
		.driver_count = u32_at(raw, 0x34),
		.string_pool = u32_at(raw, 0x38),
		.options = nd_le32(raw + 0x44),
		.top_of_stack = nd_le64(raw + 0x48),
		.data_page_va = nd_le64(raw + 0x60),
		.data_page = u32_at(raw, 0x68),
		.data_page_bytes = u32_at(raw, 0x6c),
		.kdbg = u32_at(raw, 0x70),
		.kdbg_bytes = u32_at(raw, 0x74),
		.blocks = u32_at(raw, 0x78),
		.block_count = u32_at(raw, 0x7c),
	};
	return ND_OK;
}

/*
 * A dump whose mark is missing was not written to its end: what its tables name may never have
 * been written. Where the mark lies behind the end of the file, the file was cut later.
 */
static enum nd_status check_mark(const struct nd_source *src, const struct triage_header *h,
				 struct nd_error *err)
{
	uint8_t mark[4];
	enum nd_status st;

	if (h->valid == 0)
		return ND_OK;
	st = nd_source_read_file(src, h->valid, mark, sizeof(mark));
	if (st == ND_NOT_IN_DUMP)
		return ND_OK;
	if (st != ND_OK) {
		nd_error_set(err, "cannot read the end of the triage dump");
		return st;
	}
	if (nd_le32(mark) != VALID_MARK) {
		nd_error_set(err, "unfinished triage dump: no TRGD mark at 0x%x",
			     (unsigned)h->valid);
		return ND_EFORMAT;
	}
	return ND_OK;
}

/* --- memory by virtual address ------------------------------------------------------------ */

/* Add `bytes` at file offset `at` as what lies at `va`: as much of it as the file holds. */
static enum nd_status add_block(struct nd_source *src, nd_va va, uint32_t at, uint32_t bytes)
{
	struct triage *t = src->state;
	uint64_t left = at < src->file_bytes ? src->file_bytes - at : 0;
	uint32_t present = left < bytes ? (uint32_t)left : bytes;

	if (va == 0 || at < TRIAGE_AT || bytes > UINT64_MAX - va)
		return ND_OK;
	src->counts.cut_pages += (bytes - present + (uint64_t)ND_PAGE_BYTES - 1) / ND_PAGE_BYTES;
	if (present == 0)
		return ND_OK;
	return nd_ranges_add(&t->blocks, &(struct nd_range){ va, va + present, at });
}

static enum nd_status add_data_blocks(struct nd_source *src, const struct triage_header *h,
				      struct nd_error *err)
{
	struct triage *t = src->state;
	uint8_t *raw = malloc((size_t)BLOCKS_CHUNK * BLOCK_BYTES);
	uint64_t room =
		h->blocks < src->file_bytes ? (src->file_bytes - h->blocks) / BLOCK_BYTES : 0;
	uint32_t count = room < h->block_count ? (uint32_t)room : h->block_count;
	enum nd_status st = raw != NULL ? ND_OK : ND_ENOMEM;

	for (uint32_t i = 0; st == ND_OK && i < count; i += BLOCKS_CHUNK) {
		uint32_t now = count - i < BLOCKS_CHUNK ? count - i : BLOCKS_CHUNK;

		st = nd_source_read_part(src, h->blocks + (uint64_t)i * BLOCK_BYTES, raw,
					 (size_t)now * BLOCK_BYTES, "the list of data blocks", err);
		for (uint32_t j = 0; st == ND_OK && j < now; j++) {
			const uint8_t *entry = raw + (size_t)j * BLOCK_BYTES;

			st = add_block(src, nd_le64(entry), nd_le32(entry + 8),
				       nd_le32(entry + 12));
		}
	}
	free(raw);
	t->facts.block_count = count;
	return st;
}

/* The stack and the KDBG copy first: KDBG may be encoded where it lies in memory, not in its copy. */
static enum nd_status add_memory(struct nd_source *src, const struct triage_header *h,
				 struct nd_error *err)
{
	struct triage *t = src->state;
	struct nd_u64 kdbg = src->header.kd_debugger_data_block;
	enum nd_status st = add_block(src, h->top_of_stack, h->call_stack, h->call_stack_bytes);

	if (st == ND_OK && kdbg.st == ND_OK)
		st = add_block(src, kdbg.value, h->kdbg, h->kdbg_bytes);
	if (st == ND_OK && h->data_page != 0)
		st = add_block(src, h->data_page_va, h->data_page, h->data_page_bytes);
	if (st == ND_OK && h->blocks != 0)
		st = add_data_blocks(src, h, err);
	if (st == ND_OK)
		st = nd_ranges_finish(&t->blocks);
	return st;
}

static bool find_virtual(const void *state, nd_va va, uint64_t *ret_offset, uint64_t *ret_bytes)
{
	const struct triage *t = state;
	const struct nd_range *range = nd_ranges_find(&t->blocks, va);

	if (range == NULL)
		return false;
	*ret_offset = nd_range_offset(&t->blocks, range, va);
	*ret_bytes = range->end - va;
	return true;
}

static enum nd_status next_block(const void *state, nd_va va, nd_va *first, uint64_t *bytes)
{
	const struct triage *t = state;

	return nd_ranges_next_run(&t->blocks, va, first, bytes);
}

/* --- the lists of drivers ----------------------------------------------------------------- */

/* The stride of the entries differs between builds; the string pool follows the last one. */
static void find_drivers(struct nd_source *src, const struct triage_header *h)
{
	struct triage *t = src->state;
	uint32_t stride = 0;
	uint64_t room;

	if (h->drivers < TRIAGE_AT || h->drivers >= src->file_bytes || h->driver_count == 0)
		return;
	if (h->string_pool > h->drivers)
		stride = (h->string_pool - h->drivers) / h->driver_count;
	if (stride < DRIVER_BYTES_MIN || stride > DRIVER_BYTES_MAX)
		stride = DRIVER_BYTES_USUAL;
	room = (src->file_bytes - h->drivers) / stride;
	t->drivers_at = h->drivers;
	t->driver_stride = stride;
	t->facts.driver_count = room < h->driver_count ? (uint32_t)room : h->driver_count;
}

/* One writer puts the list before the PRCB, the other behind KDBG; its offset is in the header. */
static enum nd_status find_unloaded(struct nd_source *src, const struct triage_header *h,
				    struct nd_error *err)
{
	struct triage *t = src->state;
	uint64_t at = h->unloaded, count, room;
	uint8_t raw[UNLOADED_HEAD_BYTES];
	enum nd_status st;

	if (at < TRIAGE_AT || !nd_source_holds(src, at, sizeof(raw), 1))
		return ND_OK;
	st = nd_source_read_part(src, at, raw, sizeof(raw), "the list of unloaded drivers", err);
	if (st != ND_OK)
		return st;
	at += UNLOADED_HEAD_BYTES;
	count = nd_le32(raw); /* the upper half may be padding */
	room = (src->file_bytes - at) / UNLOADED_BYTES;
	if (count > UNLOADED_MAX)
		return ND_OK;
	t->unloaded_at = at;
	t->facts.unloaded_count = (uint32_t)(room < count ? room : count);
	return ND_OK;
}

static uint32_t copy_units(const uint8_t *raw, uint32_t units, uint16_t *ret)
{
	for (uint32_t i = 0; i < units; i++)
		ret[i] = nd_le16(raw + 2 * (size_t)i);
	while (units > 0 && ret[units - 1] == 0)
		units--;
	return units;
}

/* A name in the string pool: u32 count of units, the units. Nothing where it is not in the file. */
static enum nd_status read_name(const struct nd_source *src, uint64_t at,
				struct nd_triage_driver *ret)
{
	uint8_t raw[sizeof(ret->name)];
	uint32_t units;
	enum nd_status st;

	if (at < TRIAGE_AT)
		return ND_OK;
	st = nd_source_read_file(src, at, raw, 4);
	if (st != ND_OK)
		return nd_is_failure(st) ? st : ND_OK;
	units = nd_le32(raw);
	if (units > sizeof(ret->name) / sizeof(*ret->name))
		units = sizeof(ret->name) / sizeof(*ret->name);
	st = nd_source_read_file(src, at + 4, raw, 2 * (size_t)units);
	if (st == ND_OK)
		ret->name_units = copy_units(raw, units, ret->name);
	return nd_is_failure(st) ? st : ND_OK;
}

enum nd_status nd_source_triage_driver(const struct nd_source *src, uint32_t index,
				       struct nd_triage_driver *ret)
{
	const struct triage *t = src->state;
	struct nd_triage_driver d = { 0 };
	uint8_t raw[DRIVER_BYTES_MIN];
	enum nd_status st;

	if (nd_source_triage(src) == NULL || index >= t->facts.driver_count)
		return ND_ENOENT;
	st = nd_source_read_file(src, t->drivers_at + (uint64_t)index * t->driver_stride, raw,
				 sizeof(raw));
	if (st != ND_OK)
		return st;
	d.base = nd_le64(raw + DRIVER_DLL_BASE);
	d.size_bytes = nd_le32(raw + DRIVER_SIZE_OF_IMAGE);
	d.checksum = nd_le32(raw + DRIVER_CHECKSUM);
	d.timestamp = nd_le32(raw + DRIVER_TIMESTAMP);
	if (!nd_va_is_kernel(d.base) || d.base % ND_PAGE_BYTES != 0)
		return ND_INVALID;
	st = read_name(src, nd_le32(raw), &d);
	if (st == ND_OK)
		*ret = d;
	return st;
}

enum nd_status nd_source_triage_unloaded(const struct nd_source *src, uint32_t index,
					 struct nd_triage_unloaded *ret)
{
	const struct triage *t = src->state;
	struct nd_triage_unloaded u = { 0 };
	uint8_t raw[UNLOADED_BYTES];
	uint32_t units;
	enum nd_status st;

	if (nd_source_triage(src) == NULL || index >= t->facts.unloaded_count)
		return ND_ENOENT;
	st = nd_source_read_file(src, t->unloaded_at + (uint64_t)index * UNLOADED_BYTES, raw,
				 sizeof(raw));
	if (st != ND_OK)
		return st;
	u.start = nd_le64(raw + UNLOADED_START);
	u.end = nd_le64(raw + UNLOADED_END);
	if (!nd_va_is_kernel(u.start) || u.end <= u.start)
		return ND_INVALID;
	units = nd_le16(raw) / 2u; /* Length may be that of the whole name; 12 units are kept */
	if (units > sizeof(u.name) / sizeof(*u.name))
		units = sizeof(u.name) / sizeof(*u.name);
	u.name_units = copy_units(raw + UNLOADED_NAME, units, u.name);
	*ret = u;
	return ND_OK;
}

/* --- opening ------------------------------------------------------------------------------ */

/* An offset into the file, or 0 when it does not point behind the headers. */
static uint64_t checked(const struct nd_source *src, uint32_t offset)
{
	return offset >= TRIAGE_AT && offset < src->file_bytes ? offset : 0;
}

static void fill_facts(const struct nd_source *src, const struct triage_header *h,
		       struct nd_triage *facts)
{
	facts->service_pack_build = h->service_pack_build;
	facts->triage_options = h->options;
	facts->prcb_offset = checked(src, h->prcb);
	facts->process_offset = checked(src, h->process);
	facts->thread_offset = checked(src, h->thread);
	facts->kdbg_offset = checked(src, h->kdbg);
	if (facts->kdbg_offset != 0 && nd_source_holds(src, h->kdbg, h->kdbg_bytes, 1))
		facts->kdbg_bytes = h->kdbg_bytes;
	facts->call_stack_offset = checked(src, h->call_stack);
	if (facts->call_stack_offset != 0 && h->top_of_stack <= UINT64_MAX - h->call_stack_bytes) {
		facts->top_of_stack = h->top_of_stack;
		facts->stack_bytes = h->call_stack_bytes;
	}
	if (facts->stack_bytes > src->file_bytes - facts->call_stack_offset)
		facts->stack_bytes = (uint32_t)(src->file_bytes - facts->call_stack_offset);
}

static enum nd_status triage_open(struct nd_source *src, struct nd_error *err)
{
	struct triage *t = calloc(1, sizeof(*t));
	struct triage_header h;
	enum nd_status st = ND_ENOMEM;

	src->state = t;
	if (t != NULL)
		st = read_header(src, &h, err);
	if (st == ND_OK)
		st = check_mark(src, &h, err);
	if (st == ND_OK) {
		fill_facts(src, &h, &t->facts);
		find_drivers(src, &h);
		st = find_unloaded(src, &h, err);
	}
	if (st == ND_OK)
		st = add_memory(src, &h, err);
	if (st == ND_ENOMEM)
		nd_error_set(err, "out of memory for the list of data blocks");
	return st;
}

static void triage_close(void *state)
{
	struct triage *t = state;

	if (t == NULL)
		return;
	nd_ranges_deinit(&t->blocks);
	free(t);
}

const struct nd_triage *nd_source_triage(const struct nd_source *src)
{
	const struct triage *t = src->state;

	return src->container == &nd_container_triage ? &t->facts : NULL;
}

const struct nd_container nd_container_triage = {
	.name = "triage",
	.probe = probe,
	.open = triage_open,
	.close = triage_close,
	.find_virtual = find_virtual,
	.next_block = next_block,
};
