/*
 * tests/unit/test_triage.c - small memory dumps: memory by address, drivers, damage; and the real
 * file of the corpus where NTDUMPFS_CORPUS names its folder.
 */
#include "dump_image.h"

#define STACK_VA 0xffff850429890ee8ull
#define KDBG_VA 0xfffff8047c600b20ull
#define POOL_VA 0xffffc50912345678ull
#define NT_BASE 0xfffff8047ba00000ull
#define MARK_AT 0x5000

static struct image f;

static void put_units(size_t at, const char *text)
{
	for (size_t i = 0; text[i] != '\0'; i++)
		put16(&f, at + 2 * i, (uint8_t)text[i]);
}

static void put_block(size_t at, uint64_t va, uint32_t offset, uint32_t bytes)
{
	put64(&f, at, va);
	put32(&f, at + 8, offset);
	put32(&f, at + 12, bytes);
}

static void put_drivers(size_t at, uint32_t stride)
{
	static const char *const names[] = { "\\SystemRoot\\system32\\ntoskrnl.exe", "hal.dll" };
	size_t pool = at + 2 * stride;

	put32(&f, 0x2030, (uint32_t)at);
	put32(&f, 0x2034, 2);
	put32(&f, 0x2038, (uint32_t)pool);
	for (unsigned i = 0; i < 2; i++) {
		size_t entry = at + i * stride, name = pool + 0x80 * i;

		put32(&f, entry, (uint32_t)name);
		put64(&f, entry + 0x38, NT_BASE + 0x2000000ull * i);
		put32(&f, entry + 0x48, 0x1046000 + i);
		put32(&f, entry + 0x80, 0xa5938c + i);
		put32(&f, entry + 0x88, 0x0d8333e6 + i);
		put32(&f, name, (uint32_t)strlen(names[i]));
		put_units(name + 4, names[i]);
	}
}

static void put_unloaded(size_t at)
{
	put32(&f, 0x2018, (uint32_t)at);
	put64(&f, at, 2);
	put16(&f, at + 8, 14);
	put_units(at + 0x18, "dam.sys");
	put64(&f, at + 0x30, 0xfffff80487de0000ull);
	put64(&f, at + 0x38, 0xfffff80487dfc000ull);
	put16(&f, at + 0x40, 40); /* the length of the whole name: only 12 units are kept */
	put_units(at + 0x50, "mcupdate_Gen");
	put64(&f, at + 0x68, 0xfffff804793e0000ull);
	put64(&f, at + 0x70, 0xfffff80479409000ull);
}

/* Stack at 0x2400, KDBG at 0x2900, drivers at 0x3000, blocks listed at 0x3800, their bytes later. */
static void start(uint32_t stride, size_t unloaded)
{
	image_start(&f, 4);
	put64(&f, 0x80, KDBG_VA);
	image_room(&f, 0x2000, 0x80);
	put32(&f, 0x2008, MARK_AT);
	put32(&f, 0x201c, 0x2c00);
	put32(&f, 0x2028, 0x2400);
	put32(&f, 0x202c, 0x40);
	put32(&f, 0x2044, 0x41);
	put64(&f, 0x2048, STACK_VA);
	put32(&f, 0x2070, 0x2900);
	put32(&f, 0x2074, 0x20);
	put32(&f, 0x2078, 0x3800);
	put32(&f, 0x207c, 5);
	put_text(&f, 0x2400, "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef");
	put_text(&f, 0x2900, "................KDBGcopy........");
	put_drivers(0x3000, stride);
	put_unloaded(unloaded);
	put_block(0x3800, POOL_VA + 4, 0x4004, 6); /* after the next one in memory */
	put_block(0x3810, POOL_VA, 0x4021, 4);
	put_block(0x3820, POOL_VA + 2, 0x4040, 16); /* overlaps both: they were listed first */
	put_block(0x3830, KDBG_VA, 0x4060, 0x20);   /* KDBG as it lies in memory */
	put_block(0x3840, STACK_VA + 0x3c, 0x4080, 8);
	put_text(&f, 0x4004, "EFGHIJ");
	put_text(&f, 0x4021, "ABCD");
	put_text(&f, 0x4040, "xxxxxxxxKLMNOPQR");
	put_text(&f, 0x4060, "encoded-encoded-encoded-encoded-");
	put_text(&f, 0x4080, "####WXYZ");
	put_text(&f, MARK_AT, "TRGD");
	put_text(&f, MARK_AT + 4, "DumpBlob");
}

static void is_memory(const struct nd_source *src, nd_va va, size_t len, const char *want)
{
	char got[128] = "";
	size_t bytes = 99;
	enum nd_status st = nd_source_read_virtual(src, va, got, len, &bytes);

	is(st, *want != '\0' ? ND_OK : ND_NOT_IN_DUMP, "read of %zu bytes", len);
	is(bytes, strlen(want), "... gives %zu", strlen(want));
	is_bytes(got, want, strlen(want), "... the right ones");
}

static void test_memory(const struct nd_source *src)
{
	nd_pfn first;
	uint64_t pages;
	char byte;

	ok(nd_source_is_virtual(src), "the source is virtual");
	is_memory(src, POOL_VA, 18, "ABCDEFGHIJKLMNOPQR");
	is_memory(src, POOL_VA, 100, "ABCDEFGHIJKLMNOPQR");
	is_memory(src, POOL_VA + 3, 2, "DE");
	is_memory(src, POOL_VA - 1, 8, "");
	is_memory(src, POOL_VA + 18, 8, "");
	is_memory(src, 0, 8, "");
	is_memory(src, UINT64_MAX, 8, "");
	is_memory(src, STACK_VA, 4, "0123");
	is_memory(src, STACK_VA + 0x3a, 20, "abcdefWXYZ");
	is_memory(src, KDBG_VA + 16, 8, "KDBGcopy");
	is(nd_source_read(src, 1, 0, &byte, 1), ND_NOT_IN_DUMP, "no physical page");
	ok(!nd_source_has(src, 1), "... at all");
	is(nd_source_next_run(src, 0, &first, &pages), ND_ENOENT, "no runs of pages");
}

static void is_name(const uint16_t *units, uint32_t count, const char *want)
{
	char got[300] = "";

	for (uint32_t i = 0; i < count && i < sizeof(got) - 1; i++)
		got[i] = (char)units[i];
	is_str(got, want, "the name %s", want);
}

static void test_lists(const struct nd_source *src)
{
	const struct nd_triage *t = nd_source_triage(src);
	struct nd_triage_driver d = { 0 };
	struct nd_triage_unloaded u = { 0 };

	is(t->driver_count, 2, "two drivers");
	is(nd_source_triage_driver(src, 0, &d), ND_OK, "driver 0");
	is(d.base, NT_BASE, "its base");
	is(d.size_bytes, 0x1046000, "its size");
	is(d.checksum, 0xa5938c, "its checksum");
	is(d.timestamp, 0x0d8333e6, "its timestamp");
	is_name(d.name, d.name_units, "\\SystemRoot\\system32\\ntoskrnl.exe");
	is(nd_source_triage_driver(src, 1, &d), ND_OK, "driver 1");
	is_name(d.name, d.name_units, "hal.dll");
	is(nd_source_triage_driver(src, 2, &d), ND_ENOENT, "no driver 2");
	is(t->unloaded_count, 2, "two unloaded drivers");
	is(nd_source_triage_unloaded(src, 0, &u), ND_OK, "unloaded 0");
	is(u.start, 0xfffff80487de0000ull, "its start");
	is(u.end, 0xfffff80487dfc000ull, "its end");
	is_name(u.name, u.name_units, "dam.sys");
	is(nd_source_triage_unloaded(src, 1, &u), ND_OK, "unloaded 1");
	is_name(u.name, u.name_units, "mcupdate_Gen");
	is(nd_source_triage_unloaded(src, 2, &u), ND_ENOENT, "no unloaded 2");
}

/* The strides that are known, and both places where the unloaded drivers are found. */
static void test_writers(void)
{
	static const struct {
		uint32_t stride;
		size_t unloaded;
		const char *name;
	} writers[] = {
		{ 0x90, 0x20d0, "a dump that was made from a larger one" },
		{ 0x90, 0x2920, "a dump that the kernel wrote" },
		{ 0x98, 0x20d0, "stride 0x98" },
		{ 0xa8, 0x20d0, "stride 0xa8" },
	};

	for (size_t i = 0; i < sizeof(writers) / sizeof(*writers); i++) {
		struct nd_source *src;

		start(writers[i].stride, writers[i].unloaded);
		src = image_open(&f, writers[i].name);
		if (src == NULL)
			continue;
		test_lists(src);
		if (i == 0)
			test_memory(src);
		nd_source_close(src);
	}
}

static void test_facts(void)
{
	struct nd_source *src;
	const struct nd_triage *t;

	start(0x90, 0x20d0);
	src = image_open(&f, "triage");
	if (src == NULL)
		return;
	t = nd_source_triage(src);
	is_str(nd_source_container(src), "triage", "the container's name");
	is(t->top_of_stack, STACK_VA, "TopOfStack");
	is(t->stack_bytes, 0x40, "SizeOfCallStack");
	is(t->call_stack_offset, 0x2400, "CallStackOffset");
	is(t->prcb_offset, 0x2c00, "PrcbOffset");
	is(t->process_offset, 0, "no ProcessOffset");
	is(t->kdbg_offset, 0x2900, "DebuggerDataOffset");
	is(t->kdbg_bytes, 0x20, "DebuggerDataSize");
	is(t->triage_options, 0x41, "TriageOptions");
	is(t->block_count, 5, "DataBlocksCount");
	nd_source_close(src);
}

/* --- damage ------------------------------------------------------------------------------- */

static struct nd_source *damaged(size_t at, uint32_t value, const char *what)
{
	start(0x90, 0x20d0);
	put32(&f, at, value);
	return image_open(&f, what);
}

static void test_damage(void)
{
	struct nd_source *src = damaged(0x2034, 0xffffffff, "four billion drivers");
	struct nd_triage_driver d = { .name_units = 77 };
	struct nd_triage_unloaded u;

	ok(nd_source_triage(src)->driver_count <= f.len / 0x90, "only what fits the file");
	nd_source_close(src);
	src = damaged(0x20d0, 0xffffffff, "four billion unloaded drivers");
	is(nd_source_triage(src)->unloaded_count, 0, "that is no list");
	nd_source_close(src);
	src = damaged(0x207c, 0xffffffff, "four billion blocks");
	ok(nd_source_triage(src)->block_count <= f.len / 16, "only what fits the file");
	nd_source_close(src);
	src = damaged(0x2028, 0xfffffff0, "a stack outside the file");
	is(nd_source_triage(src)->stack_bytes, 0, "no stack");
	nd_source_close(src);
	src = damaged(0x3000, 0xfffffff0, "a name outside the file");
	is(nd_source_triage_driver(src, 0, &d), ND_OK, "the driver is there");
	is(d.name_units, 0, "without its name");
	nd_source_close(src);
	src = damaged(0x3120, 0xffffffff, "a name of four billion units");
	is(nd_source_triage_driver(src, 0, &d), ND_OK, "the driver is there");
	ok(d.name_units <= 260, "with as much of it as there is room for");
	nd_source_close(src);
	src = damaged(0x303c, 0, "a base that is no kernel address");
	is(nd_source_triage_driver(src, 0, &d), ND_INVALID, "no driver there");
	nd_source_close(src);
	src = damaged(0x2104, 0, "an unloaded driver that begins at a user address");
	is(nd_source_triage_unloaded(src, 0, &u), ND_INVALID, "no driver there");
	nd_source_close(src);
	start(0x90, 0x20d0);
	put64(&f, 0x3810, UINT64_MAX - 2);
	src = image_open(&f, "a block that wraps");
	is_memory(src, UINT64_MAX - 2, 2, "");
	nd_source_close(src);
	start(0x90, 0x20d0);
	put_text(&f, MARK_AT, "????");
	image_refused(&f, "unfinished", "no TRGD mark");
	f.len = 0x2040;
	image_refused(&f, "truncated", "cut inside TRIAGE_DUMP64");
}

static void test_cut(void)
{
	struct nd_source *src;

	start(0x90, 0x20d0);
	f.len = 0x4042;
	src = image_open(&f, "cut inside a block");
	is_memory(src, POOL_VA, 18, "ABCDEFGHIJ");
	is(nd_source_counts(src).cut_pages, 3, "three pieces are cut");
	nd_source_close(src);
}

static void test_real(void)
{
	const char *corpus = getenv("NTDUMPFS_CORPUS");
	struct nd_source *src = NULL;
	struct nd_triage_driver d;
	char path[4096], kdbg[4] = "";
	size_t got;
	uint32_t good = 0;

	snprintf(path, sizeof(path), "%s/real-triage-19041.dmp", corpus ? corpus : "");
	if (corpus == NULL || nd_source_open(path, &src, NULL) != ND_OK) {
		skip("NTDUMPFS_CORPUS has no real-triage-19041.dmp");
		return;
	}
	is(nd_source_triage(src)->driver_count, 151, "the real file has 151 drivers");
	is(nd_source_triage(src)->block_count, 1831, "... 1831 data blocks");
	is(nd_source_triage(src)->unloaded_count, 4, "... 4 unloaded drivers");
	is(nd_source_counts(src).cut_pages, 0, "... nothing cut");
	for (uint32_t i = 151; i-- > 0;)
		good += nd_source_triage_driver(src, i, &d) == ND_OK && d.name_units > 0;
	is(good, 151, "... all of them readable");
	is_name(d.name, d.name_units, "\\SystemRoot\\system32\\ntoskrnl.exe");
	nd_source_read_virtual(src, nd_source_header(src)->kd_debugger_data_block.value + 0x10,
			       kdbg, 4, &got);
	is_bytes(kdbg, "KDBG", 4, "... and a KDBG block");
	nd_source_close(src);
}

int main(void)
{
	test_facts();
	test_writers();
	test_damage();
	test_cut();
	test_real();
	image_end(&f);
	return done_testing();
}
