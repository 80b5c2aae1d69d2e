/*
 * tests/unit/test_space.c - address translation: every kind of PTE in a small machine that is
 * written here entry by entry, and every PTE sample of the truth files where they are at hand.
 */
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "nt/process.h"
#include "ntdump.h"
#include "tap.h"
#include "vm/space.h"

#define PAGES 64u

static uint8_t memory[PAGES][ND_PAGE_BYTES];

static void put64(void *p, uint64_t v)
{
	for (int i = 0; i < 8; i++)
		((uint8_t *)p)[i] = (uint8_t)(v >> 8 * i);
}

static void put32(void *p, uint32_t v)
{
	for (int i = 0; i < 4; i++)
		((uint8_t *)p)[i] = (uint8_t)(v >> 8 * i);
}

/* Entry `index` of the table in page `pfn`. */
static void entry(unsigned pfn, unsigned index, uint64_t value)
{
	put64(memory[pfn] + index * 8, value);
}

/* PML4 in page 1, PDPT 2, PD 3, PT 4 for low addresses; PDPT 5, PD 6, PT 7 for kernel ones. */
static void build_tables(void)
{
	entry(1, 0, 0x2000 | 7);
	entry(2, 0, 0x3000 | 7);
	entry(2, 1, 0x40000000 | 0x87); /* 1 GiB page */
	entry(2, 2, 0x4000 << 8);	/* not valid, not zero: page-file bits? no */
	entry(3, 0, 0x4000 | 7);
	entry(3, 1, 0x200000 | 0x87);		/* 2 MiB page */
	entry(3, 2, (uint64_t)77 << 32 | 0x80); /* page table itself in the page file */
	entry(3, 3, 0x8000 | 1u << 11);		/* page table in transition, page 8 */
	entry(8, 0, 0xb000 | 7);
	entry(4, 0, 0xa000 | 7);	       /* valid, page 10 */
	entry(4, 1, 0xb000 | 0x880);	       /* transition, page 11 */
	entry(4, 2, (uint64_t)5 << 32 | 0x80); /* page file */
	entry(4, 3, 0x80);		       /* demand zero */
	entry(4, 4, 0);			       /* nothing */
	entry(4, 5,
	      (uint64_t)0xffff800000000000 << 16 | 0x400); /* prototype at ffff8000`00000000 */
	entry(4, 6, (uint64_t)0xffff800000000008 << 16 | 0x400);
	entry(4, 7, (uint64_t)0xffff800000000010 << 16 | 0x400);
	entry(4, 8, (uint64_t)0xffff800000000018 << 16 | 0x400);
	entry(4, 9, (uint64_t)0xffff800000000020 << 16 | 0x400);
	entry(4, 10, 0xfffff000 | 7);				  /* valid, beyond the dump */
	entry(4, 11, 0xffffffff00000400);			  /* prototype through the VAD */
	entry(4, 12, (uint64_t)0xffff800000001000 << 16 | 0x400); /* prototype that is not mapped */
	entry(1, 256, 0x5000 | 3);
	entry(5, 0, 0x6000 | 3);
	entry(6, 0, 0x7000 | 3);
	entry(7, 0, 0xc000 | 3);
	entry(12, 0, 0xd000 | 3);     /* prototype PTEs: valid, page 13 */
	entry(12, 1, 0xe000 | 0x880); /* transition, page 14 */
	entry(12, 2, (uint64_t)0xffff800012345678 << 16 | 0x400); /* subsection */
	entry(12, 3, (uint64_t)9 << 32 | 0x80);			  /* page file */
	entry(12, 4, 0x80);					  /* demand zero */
	for (unsigned i = 10; i < 16; i++)
		memset(memory[i] + (i == 12 ? 64 : 0), (int)i, i == 12 ? 64 : ND_PAGE_BYTES);
}

static char *write_dump(void)
{
	static char path[] = "/tmp/ntdumpfs-space-XXXXXX";
	uint8_t header[0x2000];
	int fd = mkstemp(path);

	for (size_t i = 0; i < sizeof(header); i += 4)
		memcpy(header + i, "PAGE", 4);
	memcpy(header + 4, "DU64", 4);
	put32(header + 8, 15);
	put32(header + 0xc, 10240);
	put64(header + 0x10, 0x1002); /* the low bits of a CR3 may be set */
	put32(header + 0x30, 0x8664);
	put32(header + 0x34, 1);
	put32(header + 0x88, 1);
	put64(header + 0x90, PAGES);
	put64(header + 0x98, 0);
	put64(header + 0xa0, PAGES);
	put32(header + 0xf98, 1);
	if (fd < 0 || write(fd, header, sizeof(header)) != sizeof(header) ||
	    write(fd, memory, sizeof(memory)) != sizeof(memory))
		exit(99);
	close(fd);
	return path;
}

static void check(const struct nd_dump *dump, nd_va va, enum nd_status st, enum nd_page_state state,
		  nd_pfn pfn, const char *what)
{
	struct nd_page page;
	enum nd_status got = nd_translate(&dump->kernel, va, &page);

	ok(got == st && (st != ND_OK || (page.state == state &&
					 (state == ND_PAGE_DEMAND_ZERO || page.pfn == pfn))),
	   "%s", what);
	got = nd_translate(&dump->kernel, va, &page); /* the same from the cache */
	ok(got == st && (st != ND_OK || page.state == state), "%s, again", what);
}

static void check_states(const struct nd_dump *dump)
{
	uint8_t byte[8];
	size_t got;

	check(dump, 0x0000, ND_OK, ND_PAGE_VALID, 10, "valid");
	check(dump, 0x1000, ND_OK, ND_PAGE_TRANSITION, 11, "transition");
	check(dump, 0x2000, ND_PAGED_OUT, ND_PAGE_NONE, 0, "page file");
	check(dump, 0x3000, ND_OK, ND_PAGE_DEMAND_ZERO, 0, "demand zero");
	check(dump, 0x4000, ND_UNMAPPED, ND_PAGE_NONE, 0, "zero PTE");
	check(dump, 0x5000, ND_OK, ND_PAGE_PROTOTYPE, 13, "prototype, valid");
	check(dump, 0x6000, ND_OK, ND_PAGE_PROTOTYPE, 14, "prototype, transition");
	check(dump, 0x7000, ND_PAGED_OUT, ND_PAGE_NONE, 0, "prototype, subsection");
	check(dump, 0x8000, ND_PAGED_OUT, ND_PAGE_NONE, 0, "prototype, page file");
	check(dump, 0x9000, ND_OK, ND_PAGE_DEMAND_ZERO, 0, "prototype, demand zero");
	check(dump, 0xa000, ND_OK, ND_PAGE_VALID, 0xfffff, "valid but not in the dump");
	check(dump, 0xb000, ND_UNMAPPED, ND_PAGE_NONE, 0, "VAD prototype without a process");
	check(dump, 0xc000, ND_UNMAPPED, ND_PAGE_NONE, 0, "prototype PTE that is not mapped");
	check(dump, 0x200000 + 0x5000, ND_OK, ND_PAGE_LARGE, 0x205, "2 MiB page");
	check(dump, 0x400000, ND_PAGED_OUT, ND_PAGE_NONE, 0, "page table in the page file");
	check(dump, 0x600000, ND_OK, ND_PAGE_VALID, 11, "page table in transition");
	check(dump, 0x40000000 + 0x123000, ND_OK, ND_PAGE_LARGE, 0x40123, "1 GiB page");
	check(dump, 0xffff800000000000, ND_OK, ND_PAGE_VALID, 12, "kernel half");
	check(dump, 0x0000800000000000, ND_INVALID, ND_PAGE_NONE, 0, "not canonical");
	ok(nd_read(&dump->kernel, 0xffc, byte, 8) == ND_OK && byte[3] == 10 && byte[4] == 11,
	   "a read across two pages");
	ok(nd_read_some(&dump->kernel, 0x1ffc, byte, 8, &got) == ND_PAGED_OUT && got == 4,
	   "a read into a page that is paged out ends before it");
	ok(nd_read(&dump->kernel, 0xa000, byte, 8) == ND_NOT_IN_DUMP, "a page that the dump lacks");
	ok(nd_read(&dump->kernel, 0xfffffffffffffffc, byte, 8) != ND_OK, "an address that wraps");
	ok(nd_read(&dump->kernel, 0x3000, byte, 8) == ND_OK && byte[0] == 0, "demand zero reads 0");
}

/* One sample: "eprocess va state hex16" as printed by the python line below. */
static bool sample_is_right(const struct nd_dump *dump, const char *line)
{
	unsigned long long eprocess, va;
	char state[64], hex[64];
	struct nd_process p;
	struct nd_space space;
	struct nd_page page;
	uint8_t bytes[16];
	char got[33];
	enum nd_status st;

	if (sscanf(line, "%llu %llu %63s %63s", &eprocess, &va, state, hex) != 4 ||
	    nd_process_read(dump, eprocess, &p) != ND_OK)
		return false;
	space = nd_process_space(dump, &p);
	st = nd_translate(&space, va, &page);
	if (strcmp(state, "pagefile") == 0)
		return st == ND_PAGED_OUT;
	if (strcmp(state, "demand-zero") == 0)
		return st == ND_OK && page.state == ND_PAGE_DEMAND_ZERO;
	if (st != ND_OK)
		return false;
	if (strncmp(state, "transition", 10) == 0 && page.state != ND_PAGE_TRANSITION)
		return false;
	if (strstr(state, ":") && page.state != ND_PAGE_PROTOTYPE)
		return false;
	st = nd_read(&space, va, bytes, sizeof(bytes));
	if (st == ND_NOT_IN_DUMP) /* user pages of a kernel dump */
		return !nd_page_present(&space, &page);
	for (int i = 0; i < 16; i++)
		snprintf(got + 2 * i, 3, "%02x", bytes[i]);
	return st == ND_OK && strcmp(got, hex) == 0;
}

static void check_truth(const char *corpus, const char *name)
{
	char dump_path[512], command[1024], line[256], what[128];
	struct nd_dump *dump;
	struct nd_error err;
	unsigned right = 0, wrong = 0;
	FILE *f;

	snprintf(dump_path, sizeof(dump_path), "%s/%s.dmp", corpus, name);
	snprintf(command, sizeof(command),
		 "python3 -c \"import json\nfor p in "
		 "json.load(open('%s/%s.truth.json'))['processes']:\n"
		 "  for s in p.get('pte_samples', []):\n"
		 "    print(p['eprocess'], s['va'], s['state'], s['first16'] or '-')\"",
		 corpus, name);
	if (access(dump_path, R_OK) != 0 || nd_dump_open(dump_path, NULL, &dump, &err) != ND_OK) {
		ok(false, "%s opens", name);
		return;
	}
	f = popen(command, "r");
	while (f && fgets(line, sizeof(line), f)) {
		if (sample_is_right(dump, line))
			right++;
		else if (wrong++ < 5)
			printf("# %s: %s", name, line);
	}
	if (f)
		pclose(f);
	nd_dump_close(dump);
	snprintf(what, sizeof(what), "%s: %u PTE samples right, %u wrong", name, right, wrong);
	ok(right > 100 && wrong == 0, "%s", what);
}

int main(void)
{
	static const char *const dumps[] = { "small-14393.active", "small-14393.kernel",
					     "small-19041.full", "small-22000.active",
					     "article-notmyfault.active" };
	const char *corpus = getenv("NTDUMPFS_CORPUS");
	struct nd_dump *dump;
	struct nd_error err;
	char *path;

	build_tables();
	path = write_dump();
	if (nd_dump_open(path, NULL, &dump, &err) != ND_OK) {
		printf("Bail out! %s\n", err.text);
		return 1;
	}
	unlink(path);
	check_states(dump);
	nd_dump_close(dump);
	for (size_t i = 0; corpus && i < sizeof(dumps) / sizeof(*dumps); i++)
		check_truth(corpus, dumps[i]);
	return done_testing();
}
