/*
 * tests/fuzz/fuzz_source.c - any bytes as a dump file: every container, page, block and driver.
 */
#include <stdlib.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dump/source.h"

#define CHECK(cond) ((cond) ? (void)0 : abort())
#define RUNS_MAX 1000

/* libkdumpfile 0.5.1 does not free what it allocated for a file that it refuses. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libkdumpfile";
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void read_pages(const struct nd_source *src)
{
	struct nd_source_counts counts = nd_source_counts(src);
	uint8_t page[ND_PAGE_BYTES];
	nd_pfn first, from = 0;
	uint64_t pages, word, total = 0;
	unsigned runs = 0;

	while (runs++ < RUNS_MAX && nd_source_next_run(src, from, &first, &pages) == ND_OK) {
		CHECK(pages > 0 && first >= from && pages <= counts.present_pages - total);
		CHECK(first < counts.end_pfn && pages <= counts.end_pfn - first);
		CHECK(nd_source_has(src, first) && nd_source_has(src, first + pages - 1));
		CHECK(!nd_source_has(src, first + pages) &&
		      (first == from || !nd_source_has(src, first - 1)));
		CHECK(nd_source_read(src, first, 0, page, sizeof(page)) == ND_OK);
		CHECK(nd_source_read_u64(src, first << ND_PAGE_SHIFT, &word) == ND_OK);
		CHECK(word == nd_le64(page));
		CHECK(nd_source_read(src, first + pages - 1, 4095, page, 1) == ND_OK);
		total += pages;
		from = first + pages;
	}
	CHECK(runs > RUNS_MAX || total == counts.present_pages);
	CHECK(total <= nd_source_file_bytes(src) / ND_PAGE_BYTES);
}

static void read_at(const struct nd_source *src, nd_va va)
{
	uint8_t buf[300];
	size_t got = 0;
	enum nd_status st = nd_source_read_virtual(src, va, buf, sizeof(buf), &got);

	CHECK(st == ND_OK ? got > 0 && got <= sizeof(buf) : got == 0);
}

static void read_triage(const struct nd_source *src, const uint8_t *data, size_t size)
{
	const struct nd_triage *t = nd_source_triage(src);
	struct nd_triage_driver driver;
	struct nd_triage_unloaded unloaded;

	for (uint32_t i = 0; i < t->driver_count; i++)
		if (nd_source_triage_driver(src, i, &driver) == ND_OK)
			CHECK(driver.name_units <= 260);
	for (uint32_t i = 0; i < t->unloaded_count; i++)
		if (nd_source_triage_unloaded(src, i, &unloaded) == ND_OK)
			CHECK(unloaded.name_units <= 12);
	CHECK(t->stack_bytes <= size && t->kdbg_bytes <= size && t->block_count <= size / 16);
	read_at(src, t->top_of_stack);
	/* Any eight bytes of the file may be the address of a block. */
	for (size_t at = ND_HEADER_BYTES; at + 8 <= size && at < ND_HEADER_BYTES + 4096; at += 8)
		read_at(src, nd_le64(data + at));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	int fd = memfd_create("fuzz", MFD_CLOEXEC);
	struct nd_source *src = NULL;
	struct nd_error err = { "" };

	if (fd < 0 || write(fd, data, size) != (ssize_t)size)
		abort();
	if (nd_source_open_fd(fd, &src, &err) != ND_OK) {
		CHECK(src == NULL && err.text[0] != '\0');
		return 0;
	}
	if (nd_source_is_virtual(src))
		read_triage(src, data, size);
	else
		read_pages(src);
	nd_source_close(src);
	return 0;
}
