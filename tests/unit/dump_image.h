/*
 * tests/unit/dump_image.h - building small dump files byte by byte, from what the formats say and
 * with none of the engine's code; and opening them from memory.
 */
#ifndef DUMP_IMAGE_H
#define DUMP_IMAGE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "dump/source.h"
#include "tap.h"

#define MAYBE_UNUSED __attribute__((unused))

struct image {
	uint8_t *bytes;
	size_t len, room;
};

/* Make the file at least `end` bytes long; new bytes are zero. */
static uint8_t *image_room(struct image *f, size_t at, size_t len)
{
	if (at + len > f->len || f->bytes == NULL) {
		if (at + len + 1 > f->room) { /* grow by halves: many tests append a little */
			f->room = at + len + 1 + f->room / 2;
			f->bytes = realloc(f->bytes, f->room);
		}
		if (f->bytes == NULL)
			abort();
		memset(f->bytes + f->len, 0, at + len - f->len);
		f->len = at + len;
	}
	return f->bytes + at;
}

static void put(struct image *f, size_t at, uint64_t value, size_t bytes)
{
	uint8_t *to = image_room(f, at, bytes);

	for (size_t i = 0; i < bytes; i++)
		to[i] = (uint8_t)(value >> 8 * i);
}

MAYBE_UNUSED static void put16(struct image *f, size_t at, uint16_t v)
{
	put(f, at, v, 2);
}

MAYBE_UNUSED static void put32(struct image *f, size_t at, uint32_t v)
{
	put(f, at, v, 4);
}

MAYBE_UNUSED static void put64(struct image *f, size_t at, uint64_t v)
{
	put(f, at, v, 8);
}

MAYBE_UNUSED static void put_text(struct image *f, size_t at, const char *text)
{
	memcpy(image_room(f, at, strlen(text)), text, strlen(text));
}

/* The bytes of the page with this number: every eight of them differ from all others. */
static void page_bytes(uint64_t tag, uint8_t ret[4096])
{
	for (uint64_t i = 0; i < 512; i++) {
		uint64_t v = (tag * 512 + i) * 0x9e3779b97f4a7c15ull;

		for (unsigned b = 0; b < 8; b++)
			ret[8 * i + b] = (uint8_t)(v >> 8 * b);
	}
}

MAYBE_UNUSED static void put_page(struct image *f, size_t at, uint64_t tag)
{
	page_bytes(tag, image_room(f, at, 4096));
}

/* A new file: DUMP_HEADER64 of an x64 machine with nothing else set. */
static void image_start(struct image *f, uint32_t dump_type)
{
	free(f->bytes);
	*f = (struct image){ 0 };
	for (size_t i = 0; i < 0x2000; i += 4)
		put_text(f, i, "PAGE");
	put_text(f, 0, "PAGEDU64");
	put32(f, 0x08, 15);
	put32(f, 0x0c, 19041);
	put32(f, 0x30, 0x8664);
	put32(f, 0xf98, dump_type);
}

MAYBE_UNUSED static void image_end(struct image *f)
{
	free(f->bytes);
	*f = (struct image){ 0 };
}

static int image_fd(const struct image *f)
{
	int fd = memfd_create("dump", MFD_CLOEXEC);

	if (fd < 0 || write(fd, f->bytes, f->len) != (ssize_t)f->len)
		abort();
	return fd;
}

/* Open the image; NULL with a failed test when it was refused. */
MAYBE_UNUSED static struct nd_source *image_open(const struct image *f, const char *what)
{
	struct nd_source *src = NULL;
	struct nd_error err = { "" };
	enum nd_status st = nd_source_open_fd(image_fd(f), &src, &err);

	if (!ok(st == ND_OK && src != NULL, "%s: opens", what))
		diag("status %d: %s", (int)st, err.text);
	return src;
}

/* The image is refused with one line that has `word` in it. */
MAYBE_UNUSED static void image_refused(const struct image *f, const char *word, const char *what)
{
	struct nd_source *src = NULL;
	struct nd_error err = { "" };
	enum nd_status st = nd_source_open_fd(image_fd(f), &src, &err);

	if (!ok(st == ND_EFORMAT && src == NULL && strstr(err.text, word) != NULL,
		"%s: refused with \"%s\"", what, word))
		diag("status %d: %s", (int)st, err.text);
	nd_source_close(src);
}

/* The page is there with the bytes of `tag`, by every way of reading it. */
MAYBE_UNUSED static bool has_page(const struct nd_source *src, nd_pfn pfn, uint64_t tag)
{
	uint8_t want[4096], got[4096];
	uint64_t word = 0;

	page_bytes(tag, want);
	if (!nd_source_has(src, pfn) || nd_source_read(src, pfn, 0, got, 4096) != ND_OK ||
	    memcmp(got, want, 4096) != 0)
		return false;
	memset(got, 0, sizeof(got));
	return nd_source_read(src, pfn, 1001, got, 99) == ND_OK &&
	       memcmp(got, want + 1001, 99) == 0 &&
	       nd_source_read_u64(src, (pfn << 12) + 4088, &word) == ND_OK &&
	       word == nd_le64(want + 4088);
}

MAYBE_UNUSED static bool lacks_page(const struct nd_source *src, nd_pfn pfn)
{
	uint8_t byte = 0x5a;

	return !nd_source_has(src, pfn) &&
	       nd_source_read(src, pfn, 7, &byte, 1) == ND_NOT_IN_DUMP && byte == 0x5a;
}

/* "first+pages first+pages ...": all runs of the source. */
MAYBE_UNUSED static void is_runs(const struct nd_source *src, const char *want)
{
	char got[512] = "";
	nd_pfn first, from = 0;
	uint64_t pages, total = 0;

	while (nd_source_next_run(src, from, &first, &pages) == ND_OK && strlen(got) < 400) {
		sprintf(got + strlen(got), "%s%llx+%llx", *got ? " " : "",
			(unsigned long long)first, (unsigned long long)pages);
		total += pages;
		from = first + pages;
	}
	is_str(got, want, "its runs");
	is(nd_source_counts(src).present_pages, total, "present_pages is their sum");
}

MAYBE_UNUSED static void put_run(struct image *f, unsigned i, uint64_t first, uint64_t pages)
{
	put32(f, 0x88, i + 1);
	put64(f, 0x98 + 16 * i, first);
	put64(f, 0xa0 + 16 * i, pages);
}

/* `count` pages from file offset `at`, tagged 0, 1, 2... in the order of the file. */
MAYBE_UNUSED static void put_pages(struct image *f, size_t at, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		put_page(f, at + 4096 * (size_t)i, i);
}

#endif
