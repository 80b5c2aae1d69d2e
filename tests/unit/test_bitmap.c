/*
 * tests/unit/test_bitmap.c - dumps with a bitmap of their pages (types 5, 6 and 2): the last bits,
 * a large random map, damage, and what opening costs.
 */
#include <time.h>

#include "dump_image.h"

static struct image f;

static void put_bitmap(const char *signature, uint64_t first_page, uint64_t pages, uint64_t bits)
{
	put_text(&f, 0x2000, signature);
	put64(&f, 0x2020, first_page);
	put64(&f, 0x2028, pages);
	put64(&f, 0x2030, bits);
}

static void put_bit(size_t bits_at, uint64_t bit)
{
	*image_room(&f, bits_at + bit / 8, 1) |= (uint8_t)(1u << bit % 8);
}

static void check_bitmap(uint32_t type, const char *signature)
{
	struct nd_source *src;

	image_start(&f, type);
	put_bitmap(signature, 0x4000, 6, 0x2305);
	for (unsigned i = 0; i < 3; i++) {
		put_bit(0x2038, 5 + i);
		put_bit(0x2038, 0x2302 + i); /* the last bits of a map that ends inside a byte */
		put_bit(0x2038, 0x2305 + i); /* behind its end */
	}
	put_pages(&f, 0x4000, 9);
	src = image_open(&f, signature);
	is_str(nd_source_container(src), type == 2 ? "summary" : "bitmap", "the container's name");
	is_runs(src, "5+3 2302+3");
	is(nd_source_counts(src).end_pfn, 0x2305, "end_pfn");
	ok(has_page(src, 5, 0) && has_page(src, 7, 2), "the first pages");
	ok(has_page(src, 0x2302, 3) && has_page(src, 0x2304, 5), "the last pages");
	ok(lacks_page(src, 4) && lacks_page(src, 8) && lacks_page(src, 0x2305) &&
		   lacks_page(src, UINT64_MAX),
	   "no others");
	nd_source_close(src);
}

static void test_bitmap_narrow(void)
{
	struct nd_source *src;

	image_start(&f, 2);
	put_text(&f, 0x2000, "SDMPDUMP");
	put32(&f, 0x200c, 0x3000);
	put32(&f, 0x2010, 100);
	put32(&f, 0x2014, 2);
	put32(&f, 0x2018, 13);
	put64(&f, 0x2020, 0xfffff80012345678ull); /* a pointer of no use */
	put_bit(0x2028, 0);
	put_bit(0x2028, 99);
	put_pages(&f, 0x3000, 2);
	src = image_open(&f, "type 2 with fields of 32 bits");
	is_runs(src, "0+1 63+1");
	ok(has_page(src, 0, 0) && has_page(src, 99, 1), "its pages");
	nd_source_close(src);
}

/* Every page of a large random map against a count made bit by bit. */
static void test_bitmap_random(void)
{
	enum { BITS = 20011 };
	static uint8_t bit[BITS];
	uint64_t rank = 0, x = 88172645463325252ull, wrong = 0;
	struct nd_source *src;

	image_start(&f, 6);
	put_bitmap("SDMPDUMP", 0x3000, 0, BITS); /* the page count is wrong: the map decides */
	for (unsigned i = 0; i < BITS; i++) {
		x ^= x << 13, x ^= x >> 7, x ^= x << 17;
		bit[i] = i / 1000 % 3 == 0 ? 0 : i / 1000 % 3 == 1 ? 1 : x % 8 == 0;
		if (!bit[i])
			continue;
		put_bit(0x2038, i);
		put64(&f, 0x3000 + 4096 * rank++, i);
	}
	image_room(&f, 0x3000 + 4096 * (size_t)rank, 0);
	src = image_open(&f, "a random map");
	is(nd_source_counts(src).present_pages, rank, "the number of pages");
	for (unsigned i = 0; i < BITS; i++) {
		uint64_t word = UINT64_MAX;

		nd_source_read_u64(src, (uint64_t)i << 12, &word);
		wrong += word != (bit[i] ? i : UINT64_MAX) || nd_source_has(src, i) != bit[i];
	}
	is(wrong, 0, "every page is where it must be");
	nd_source_close(src);
	f.len = 0x3000 + 4096 * 7000 + 4095;
	src = image_open(&f, "the same, cut");
	is(nd_source_counts(src).present_pages, 7000, "the pages that are left");
	is(nd_source_counts(src).cut_pages, rank - 7000, "the pages that are cut");
	for (unsigned i = 0, n = 0; i < BITS; i++) {
		n += bit[i];
		wrong += nd_source_has(src, i) != (bit[i] && n <= 7000);
	}
	is(wrong, 0, "the first 7000 are left");
	nd_source_close(src);
}

static void refuse_bitmap(uint64_t first_page, uint64_t bits, const char *word)
{
	image_start(&f, 6);
	put_bitmap("SDMPDUMP", first_page, 1, bits);
	image_room(&f, 0x6000, 0);
	image_refused(&f, word, "a damaged bitmap");
}

static void test_bitmap_damage(void)
{
	struct nd_source *src;

	refuse_bitmap(0x4000, 1ull << 60, "bits");
	refuse_bitmap(0x4000, UINT64_MAX, "bits");
	refuse_bitmap(0x4000, 1ull << 33, "cut off");
	refuse_bitmap(0x4000, 0, "0 bits");
	refuse_bitmap(0x2038, 64, "inside");
	refuse_bitmap(0, 64, "inside");
	refuse_bitmap(0x6001, 64, "before its first page");
	refuse_bitmap(UINT64_MAX, 64, "before its first page");
	f.len = 0x2037;
	image_refused(&f, "truncated", "a file cut inside the bitmap's header");
	image_start(&f, 5);
	put_text(&f, 0x2000, "XDMPDUMP");
	image_room(&f, 0x3000, 0);
	image_refused(&f, "no SDMP or FDMP", "another signature");

	image_start(&f, 5);
	put_bitmap("FDMPDUMP", 0x3000, 1, 640);
	put_bit(0x2038, 600);
	image_room(&f, 0x3000, 0);
	src = image_open(&f, "a bitmap without any page behind it");
	is_runs(src, "");
	ok(lacks_page(src, 600), "the page is not there");
	is(nd_source_counts(src).cut_pages, 1, "it is cut");
	is(nd_source_counts(src).end_pfn, 601, "end_pfn");
	nd_source_close(src);
	f.bytes[0x2038 + 75] = 0;
	src = image_open(&f, "an empty bitmap");
	is_runs(src, "");
	nd_source_close(src);
}

/* 2 TiB of memory, all of it in a dump that is one hole behind its bitmap. */
static void test_bitmap_large(void)
{
	const uint64_t bits = 1ull << 29, first_page = 0x2038 + bits / 8 + 0xfc8;
	struct timespec t0, t1;
	struct nd_source *src = NULL;
	uint8_t chunk[4096];
	int fd;

	image_start(&f, 5);
	put_bitmap("FDMPDUMP", first_page, bits, bits);
	image_room(&f, 0x2038, 0);
	fd = image_fd(&f);
	memset(chunk, 0x55, sizeof(chunk));
	for (uint64_t i = 0; i < bits / 8; i += sizeof(chunk))
		if (write(fd, chunk, sizeof(chunk)) != (ssize_t)sizeof(chunk))
			abort();
	if (ftruncate(fd, (off_t)(first_page + (bits / 2 << 12))) != 0)
		abort();
	clock_gettime(CLOCK_MONOTONIC, &t0);
	is(nd_source_open_fd(fd, &src, NULL), ND_OK, "a bitmap for 2 TiB opens");
	clock_gettime(CLOCK_MONOTONIC, &t1);
	diag("in %lld ms",
	     (long long)((t1.tv_sec - t0.tv_sec) * 1000 + (t1.tv_nsec - t0.tv_nsec) / 1000000));
	if (src == NULL)
		return;
	is(nd_source_counts(src).present_pages, bits / 2, "half of it is there");
	ok(nd_source_has(src, bits - 2) && !nd_source_has(src, bits - 1), "the last page");
	nd_source_close(src);
}

int main(void)
{
	check_bitmap(5, "FDMPDUMP");
	check_bitmap(5, "SDMPDUMP");
	check_bitmap(6, "FDMPDUMP");
	check_bitmap(6, "SDMPDUMP");
	check_bitmap(2, "SDMPDUMP");
	test_bitmap_narrow();
	test_bitmap_random();
	test_bitmap_damage();
	test_bitmap_large();
	image_end(&f);
	return done_testing();
}
