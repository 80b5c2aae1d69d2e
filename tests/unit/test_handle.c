/*
 * tests/unit/test_handle.c - handle tables of all levels and of both entry formats, written word by
 * word; tables that claim millions of handles, refer to themselves or to one page many times.
 */
#include <time.h>

#include "nt/handle.h"
#include "nt/namespace.h"
#include "nt/object.h"
#include "tap.h"
#include "tiny_machine.h"

#define EPROCESS TINY_VA(8) /* two pages */
#define TABLE TINY_VA(10)
#define OBJECT(i) (TINY_VA(11) + 0x30 + (i)*0x100ull)
#define LEAF TINY_VA(12) /* and the pages behind it */
#define MIDDLE TINY_VA(20)
#define TOP TINY_VA(21)
#define ALIASES (TINY_BASE + 0x200000) /* 512 addresses of one page */

static struct tiny machine;
static struct nd_dump *dump;

static void member(nd_va at, enum nd_member_id m, uint64_t v, unsigned bytes)
{
	tiny_write(&machine, at + dump->layout.member[m].offset, v, bytes);
}

/* An entry of the format that the build has. */
static void entry(nd_va at, uint64_t object, uint32_t access, unsigned attributes)
{
	uint64_t header = object - 0x30;

	if (dump->build < 9600) {
		tiny_write(&machine, at, header | 1 | (attributes & 6), 8);
		tiny_write(&machine, at + 8, access | (attributes & 1 ? 0x02000000u : 0), 8);
		return;
	}
	tiny_write(&machine, at, (header >> 4) << 20 | (uint64_t)attributes << 17 | 5 << 1 | 1, 8);
	tiny_write(&machine, at + 8, access, 8);
}

/* A machine of this build with an empty table of this level; its offsets are known from here on. */
static void begin(uint32_t build, uint64_t code, uint32_t limit)
{
	memset(&machine, 0, sizeof(machine));
	tiny_map(&machine);
	tiny_put(tiny_page(&machine, 3) + 8, 0x5000 | 3, 8);
	for (unsigned i = 0; i < 512; i++)
		tiny_put(tiny_page(&machine, 5) + i * 8, 12ull << 12 | 3, 8); /* the page of LEAF */
	dump = tiny_open(&machine, build);
	member(EPROCESS, ND_M_EPROCESS_ObjectTable, TABLE, 8);
	member(TABLE, ND_M_HANDLE_TABLE_TableCode, code, 8);
	member(TABLE, ND_M_HANDLE_TABLE_NextHandleNeedingPool, limit, 4);
}

/* The kernel's own count of open handles. */
static void count(uint32_t handles)
{
	uint32_t list = dump->layout.member[ND_M_HANDLE_TABLE_FreeLists].offset;

	tiny_write(&machine,
		   TABLE + list +
			   dump->layout.member[ND_M_HANDLE_TABLE_FREE_LIST_HandleCount].offset,
		   handles, 4);
}

/* Reads the table of what was written. */
static struct nd_handle_table finish(void)
{
	uint32_t build = dump->build;
	struct nd_handle_table table = { 0 };

	nd_dump_close(dump);
	dump = tiny_open(&machine, build);
	is(nd_handle_table_build(dump, EPROCESS, &table), ND_OK, "the table is read");
	return table;
}

static void end(struct nd_handle_table *table)
{
	nd_handle_table_free(table);
	nd_dump_close(dump);
}

/* "4 8 c ...": every handle of the table, by the iterator and by nd_handle_next(). */
static void is_handles(const struct nd_handle_table *table, const char *want, const char *what)
{
	static struct nd_handle_iter iter;
	struct nd_handle handle;
	char got[256] = "", next[256] = "";
	uint32_t from = 0;

	iter = (struct nd_handle_iter){ .dump = dump, .table = table };
	while (nd_handle_iter_next(&iter, &handle) == ND_OK && strlen(got) < 200)
		sprintf(got + strlen(got), "%s%x", *got ? " " : "", handle.value);
	while (nd_handle_next(dump, table, from, &handle) == ND_OK && strlen(next) < 200) {
		sprintf(next + strlen(next), "%s%x", *next ? " " : "", handle.value);
		from = handle.value + 1;
	}
	is_str(got, want, "%s", what);
	is_str(next, want, "asked one by one, too");
}

static void check_formats(uint32_t build)
{
	struct nd_handle_table table;
	struct nd_handle handle = { 0 };
	char what[64];

	begin(build, LEAF, 0x400);
	entry(LEAF, OBJECT(0), 1, 0); /* the first entry is never a handle */
	entry(LEAF + 16, OBJECT(1), 0x0012019f, 7);
	entry(LEAF + 0x70 * 16, OBJECT(2), 0x1f0003, 2);
	tiny_write(&machine, LEAF + 32 + 8, LEAF + 48,
		   8); /* a free entry and the next one's address */
	table = finish();
	snprintf(what, sizeof(what), "build %u: its handles", build);
	is_handles(&table, "4 1c0", what);
	is(table.handles, 2, "and their count");
	is(nd_handle_find(dump, &table, 4, &handle), ND_OK, "a handle is found");
	is(handle.object, OBJECT(1), "its object");
	is(handle.access, 0x0012019f, "its access");
	is(handle.attributes, 7, "its attributes");
	is(handle.entry, LEAF + 16, "its entry");
	ok(!handle.locked, "it is not locked");
	is(handle.held_references, build < 9600 ? 0 : 5, "references held in advance");
	is(nd_handle_find(dump, &table, 0x1c3, &handle), ND_OK, "the low bits do not matter");
	is(handle.attributes, 2, "inherited");
	is(nd_handle_find(dump, &table, 8, &handle), ND_ENOENT, "a free entry is none");
	is(nd_handle_find(dump, &table, 0, &handle), ND_ENOENT, "0 is none");
	is(nd_handle_find(dump, &table, 0x404, &handle), ND_ENOENT, "beyond the table");
	end(&table);
}

static void check_levels(void)
{
	struct nd_handle_table table;
	struct nd_handle handle;

	begin(19041, MIDDLE | 1, 0xc00);
	tiny_write(&machine, MIDDLE, LEAF, 8);
	tiny_write(&machine, MIDDLE + 16, LEAF + 0x1000, 8);
	tiny_write(&machine, MIDDLE + 24, LEAF + 0x2000, 8); /* beyond NextHandleNeedingPool */
	entry(LEAF + 4080, OBJECT(1), 1, 0);
	entry(LEAF + 0x1000 + 32, OBJECT(2), 1, 0);
	entry(LEAF + 0x2000 + 16, OBJECT(3), 1, 0);
	count(2);
	table = finish();
	is(table.level, 1, "one level of pointers");
	is_handles(&table, "3fc 808", "the handles of two pages, none of a third");
	ok(table.whole && table.problems.count == 0, "nothing wrong with it");
	end(&table);

	begin(19041, TOP | 2, 0x80800);
	tiny_write(&machine, TOP, MIDDLE, 8);
	tiny_write(&machine, TOP + 8, TINY_VA(22), 8);
	tiny_write(&machine, MIDDLE + 8, LEAF, 8);
	tiny_write(&machine, TINY_VA(22), LEAF + 0x1000, 8);
	tiny_write(&machine, TINY_VA(22) + 8, LEAF + 0x2000, 8);
	entry(LEAF + 16, OBJECT(1), 1, 0);
	entry(LEAF + 0x1000 + 16, OBJECT(2), 1, 0);
	entry(LEAF + 0x2000 + 4080, OBJECT(3), 1, 0);
	count(4);
	table = finish();
	ok(table.whole && table.problems.count == 1, "a count that disagrees is a problem");
	is(table.level, 2, "two levels of pointers");
	is_handles(&table, "404 80004 807fc", "handles of three pages");
	is(nd_handle_find(dump, &table, 0x80004, &handle), ND_OK, "a high handle is found");
	is(handle.object, OBJECT(2), "its object");
	end(&table);
}

static double seconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec + (double)now.tv_nsec * 1e-9;
}

/* What is wrong with a table ends its walk; what is right with it stays. */
static void check_hostile(void)
{
	struct nd_handle_table table;
	double start;

	begin(19041, MIDDLE | 1, 0x4000000);
	for (unsigned i = 0; i < 512; i++)
		tiny_write(&machine, MIDDLE + i * 8, i == 7 ? LEAF : MIDDLE, 8);
	entry(LEAF + 16, OBJECT(1), 1, 0);
	table = finish();
	is_handles(&table, "1c04", "a page of pointers that points at itself: its one leaf");
	ok(!table.whole && table.problems.count > 0, "and a problem");
	end(&table);

	begin(19041, TOP | 2, 0x4000000); /* 16 million handles, all in one page */
	for (unsigned i = 0; i < 512; i++) {
		tiny_write(&machine, TOP + i * 8, TINY_VA(22 + i % 20), 8);
		for (unsigned p = 22; i < 512 && p < 42; p++)
			tiny_write(&machine, TINY_VA(p) + i * 8, ALIASES + i * 4096, 8);
	}
	for (unsigned i = 1; i < 256; i++)
		entry(LEAF + i * 16, OBJECT(1), 1, 0);
	start = seconds();
	table = finish();
	is(table.handles, 255, "one page at many addresses is one page of handles");
	ok(table.problems.count <= 100, "problems are bounded");
	ok(seconds() - start < 0.5, "and it is quick");
	end(&table);

	begin(19041, TOP | 2, 0xffffffff); /* pointers to pages that are not there */
	for (unsigned i = 0; i < 512; i++) {
		tiny_write(&machine, TOP + i * 8, MIDDLE, 8);
		tiny_write(&machine, MIDDLE + i * 8, 0xffff900000000000 + i * 4096, 8);
	}
	start = seconds();
	table = finish();
	is(table.st, ND_UNMAPPED, "a table of which nothing is there says so");
	ok(seconds() - start < 0.5, "quickly");
	end(&table);
}

static void check_codes(void)
{
	static const uint64_t codes[] = { 0,
					  LEAF | 3,
					  LEAF | 8,
					  0x7ff712340000,
					  0xdeadbeefdeadb000,
					  0xffff900000000000,
					  TINY_VA(64) };
	struct nd_handle_table table;

	for (size_t i = 0; i < sizeof(codes) / sizeof(*codes); i++) {
		begin(19041, codes[i], 0x400);
		table = finish();
		ok(nd_is_missing(table.st) && table.handles == 0 && table.problems.count > 0,
		   "TableCode %llx: no table, a problem", (unsigned long long)codes[i]);
		end(&table);
	}
	begin(19041, LEAF, 0x400);
	member(EPROCESS, ND_M_EPROCESS_ObjectTable, 0, 8);
	table = finish();
	ok(table.st == ND_NONE && table.problems.count == 0, "a process without a table is sound");
	end(&table);
}

int main(void)
{
	check_formats(7601);
	check_formats(9600);
	check_formats(10240);
	check_formats(19041);
	check_formats(22000);
	check_levels();
	check_hostile();
	check_codes();
	return done_testing();
}
