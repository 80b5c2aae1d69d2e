/*
 * tests/unit/test_source.c - dumps of physical pages in every container: which pages are there and
 * what is in them, damaged lists, cut files, files that shrink; and the corpus against its truth
 * where NTDUMPFS_CORPUS names its folder.
 */
#include <glob.h>
#include <pthread.h>
#include <time.h>

#include "dump_image.h"

static struct image f;

/* The page is there with the bytes of `tag`, by every way of reading it. */
static bool has_page(const struct nd_source *src, nd_pfn pfn, uint64_t tag)
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

static bool lacks_page(const struct nd_source *src, nd_pfn pfn)
{
	uint8_t byte = 0x5a;

	return !nd_source_has(src, pfn) &&
	       nd_source_read(src, pfn, 7, &byte, 1) == ND_NOT_IN_DUMP && byte == 0x5a;
}

/* "first+pages first+pages ...": all runs of the source. */
static void is_runs(const struct nd_source *src, const char *want)
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

static void put_run(unsigned i, uint64_t first, uint64_t pages)
{
	put32(&f, 0x88, i + 1);
	put64(&f, 0x98 + 16 * i, first);
	put64(&f, 0xa0 + 16 * i, pages);
}

/* `count` pages from file offset `at`, tagged 0, 1, 2... in the order of the file. */
static void put_pages(size_t at, unsigned count)
{
	for (unsigned i = 0; i < count; i++)
		put_page(&f, at + 4096 * (size_t)i, i);
}

/* --- type 1 ------------------------------------------------------------------------------- */

static void test_full(void)
{
	struct nd_source *src;

	image_start(&f, 1);
	put_run(0, 2, 3);
	put_run(1, 0x100, 1);
	put_run(2, 0x123456, 2);
	put_pages(0x2000, 6);
	src = image_open(&f, "full");
	is_str(nd_source_container(src), "full", "the container's name");
	is_runs(src, "2+3 100+1 123456+2");
	is(nd_source_counts(src).end_pfn, 0x123458, "end_pfn");
	is(nd_source_counts(src).cut_pages, 0, "nothing is cut");
	ok(has_page(src, 2, 0) && has_page(src, 4, 2), "the first run");
	ok(has_page(src, 0x100, 3), "the second run");
	ok(has_page(src, 0x123456, 4) && has_page(src, 0x123457, 5), "pages above 4 GiB");
	ok(lacks_page(src, 0) && lacks_page(src, 1) && lacks_page(src, 5) &&
		   lacks_page(src, 0xff) && lacks_page(src, 0x123458) &&
		   lacks_page(src, UINT64_MAX),
	   "no others");
	ok(nd_source_triage(src) == NULL && !nd_source_is_virtual(src), "no triage dump");
	nd_source_close(src);
	f.len -= 4097;
	src = image_open(&f, "full, cut");
	is(nd_source_counts(src).cut_pages, 2, "a page cut in the middle is not there");
	is(nd_source_counts(src).end_pfn, 0x123458, "end_pfn is of what is listed");
	ok(has_page(src, 0x100, 3) && lacks_page(src, 0x123456), "the cut begins there");
	nd_source_close(src);
	image_room(&f, 0x20000, 100);
	src = image_open(&f, "full, with bytes behind the last page");
	is_runs(src, "2+3 100+1 123456+2");
	nd_source_close(src);
}

static void test_full_damage(void)
{
	struct nd_source *src;

	image_start(&f, 1);
	put_run(0, 0x10, 2);
	put_run(1, 0x11, 3); /* 0x11 again */
	put_run(2, 0x8, 9);  /* 0x10 again */
	put_pages(0x2000, 14);
	src = image_open(&f, "overlapping runs");
	is_runs(src, "8+c");
	ok(has_page(src, 0x10, 0) && has_page(src, 0x11, 1), "the first copy wins");
	ok(has_page(src, 0x12, 3) && has_page(src, 0x13, 4), "offsets go on behind the copies");
	ok(has_page(src, 0x8, 5) && has_page(src, 0xf, 12), "... in every run");
	nd_source_close(src);

	put_run(1, UINT64_MAX - 1, 3);
	put_run(2, 0x8, 9);
	src = image_open(&f, "a run that wraps");
	is_runs(src, "8+a");
	ok(has_page(src, 0x8, 5), "its pages are passed over");
	nd_source_close(src);
	put_run(1, (1ull << 52) - 1, 2);
	put_run(2, 0x8, 9);
	src = image_open(&f, "a run past the last address");
	ok(lacks_page(src, (1ull << 52) - 1) && lacks_page(src, 1ull << 52), "is left out");
	nd_source_close(src);
	put_run(1, 0x100, UINT64_MAX);
	put_run(2, 0x8, 9);
	src = image_open(&f, "a run of 2^64 pages");
	is_runs(src, "10+2");
	nd_source_close(src);
	put_run(1, 0x100, 0);
	put_run(2, 0x8, 1ull << 50);
	src = image_open(&f, "an empty run, and one longer than the file");
	is_runs(src, "8+c");
	is(nd_source_counts(src).end_pfn, 8 + (1ull << 50), "end_pfn");
	nd_source_close(src);

	image_start(&f, 1);
	for (unsigned i = 0; i < 43; i++)
		put_run(i, 2 * i, 1);
	put_pages(0x2000, 43);
	src = image_open(&f, "43 runs");
	ok(has_page(src, 84, 42) && has_page(src, 0, 0), "the last of them");
	nd_source_close(src);
}

/* --- types 5, 6 and 2 --------------------------------------------------------------------- */

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
	put_pages(0x4000, 9);
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
	put_pages(0x3000, 2);
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
	refuse_bitmap(0x4000, 1ull << 36, "cut off");
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

/* --- types 8, 9 and 0xa ------------------------------------------------------------------- */

static void put_rdmp(uint32_t type, uint64_t metadata, uint64_t total)
{
	image_start(&f, type);
	put32(&f, 0x2000, 0x40);
	put_text(&f, 0x2004, "RDMPDUMP");
	put64(&f, 0x2010, metadata);
	put64(&f, 0x2018, 0x2020 + metadata);
	put64(&f, 0x2020, 3);
	put64(&f, 0x2028, total);
}

static void put_rdmp_range(unsigned i, uint64_t first, uint64_t pages)
{
	put64(&f, 0x2030 + 16 * i, first);
	put64(&f, 0x2038 + 16 * i, pages);
}

static void test_rdmp(void)
{
	static const uint32_t types[] = {8, 9, 0xa};
	struct nd_source *src;

	for (unsigned t = 0; t < 3; t++) {
		put_rdmp(types[t], 0x60, types[t] == 0xa ? 6 : 0);
		put_rdmp_range(0, 0x200000, 2);
		put_rdmp_range(1, 0x10, 1);
		put_rdmp_range(2, 0x300, 3);
		/* What comes behind the last one: nothing, or (0xa) bytes of no meaning. */
		put_rdmp_range(3, types[t] == 0xa ? 0x7777 : 0, types[t] == 0xa ? 7 : 0);
		put_rdmp_range(4, 0x8888, 8);
		put_pages(0x2080, 30);
		src = image_open(&f, "RDMP");
		is_str(nd_source_container(src), "rdmp", "the container's name");
		is_runs(src, "10+1 300+3 200000+2");
		ok(has_page(src, 0x200000, 0) && has_page(src, 0x200001, 1), "listed first");
		ok(has_page(src, 0x10, 2), "listed second");
		ok(has_page(src, 0x300, 3) && has_page(src, 0x302, 5), "listed third");
		ok(lacks_page(src, 0) && lacks_page(src, 0x11) && lacks_page(src, 0x7777),
		   "no more");
		nd_source_close(src);
	}
	put_rdmp_range(1, 0x1fffff, 3);
	src = image_open(&f, "RDMP, overlapping ranges");
	is_runs(src, "300+3 1fffff+3");
	ok(has_page(src, 0x200000, 0) && has_page(src, 0x1fffff, 2), "the first copy wins");
	nd_source_close(src);
	f.len = 0x2080 + 4096 * 2 - 1;
	src = image_open(&f, "RDMP, cut");
	is_runs(src, "200000+1");
	nd_source_close(src);
}

static void test_rdmp_damage(void)
{
	put_rdmp(8, 0x20, 0);
	put_rdmp_range(0, 0, 5);
	put_pages(0x3000, 1);
	image_refused(&f, "empty list", "RDMP without ranges");
	put64(&f, 0x2010, UINT64_MAX);
	image_refused(&f, "damaged", "a list of 2^64 bytes");
	put64(&f, 0x2010, f.len);
	image_refused(&f, "damaged", "a list longer than the file");
	put64(&f, 0x2010, 0);
	image_refused(&f, "damaged", "a list of no bytes");
	put64(&f, 0x2010, 0x20);
	put64(&f, 0x2018, 0x2000);
	image_refused(&f, "damaged", "pages before the list");
	put_text(&f, 0x2004, "XXXX");
	image_refused(&f, "no RDMP", "another signature");
}

/* --- reading ------------------------------------------------------------------------------ */

static void test_arguments(void)
{
	struct nd_source *src;
	uint8_t buf[4096];
	uint64_t word;

	image_start(&f, 1);
	put_run(0, 2, 2);
	put_pages(0x2000, 2);
	src = image_open(&f, "full");
	is(nd_source_read(src, 2, 4095, buf, 1), ND_OK, "the last byte of a page");
	is(nd_source_read(src, 2, 4096, buf, 0), ND_OK, "no bytes at its end");
	is(nd_source_read(src, 2, 4095, buf, 2), ND_EINVAL, "past its end");
	is(nd_source_read(src, 2, 1, buf, SIZE_MAX), ND_EINVAL, "an absurd length");
	is(nd_source_read_u64(src, 0x2004, &word), ND_EINVAL, "a u64 that is not aligned");
	is(nd_source_read_u64(src, UINT64_MAX - 7, &word), ND_NOT_IN_DUMP, "the last u64 of all");
	is(nd_source_read_file(src, f.len - 1, buf, 1), ND_OK, "the last byte of the file");
	is(nd_source_read_file(src, f.len, buf, 1), ND_NOT_IN_DUMP, "behind it");
	is(nd_source_read_file(src, UINT64_MAX, buf, 2), ND_NOT_IN_DUMP, "far behind it");
	is(nd_source_file_bytes(src), f.len, "the size of the file");
	nd_source_close(src);
	nd_source_close(NULL);
}

/* The file gets shorter under an open dump, and whole again. */
static void test_shrink(void)
{
	struct nd_source *src = NULL;
	uint8_t page[4096];
	uint64_t word;
	int fd, mine;

	image_start(&f, 1);
	put_run(0, 2, 2);
	put_pages(0x2000, 2);
	fd = image_fd(&f);
	mine = dup(fd);
	is(nd_source_open_fd(fd, &src, NULL), ND_OK, "a dump that will shrink");
	ok(has_page(src, 2, 0), "its first page, read before");
	if (ftruncate(mine, 0x3800) != 0)
		abort();
	is(nd_source_read(src, 3, 0, page, 4096), ND_EIO, "a lost page is an I/O error");
	is(nd_source_read_u64(src, 0x3000, &word), ND_EIO, "... also for eight bytes");
	ok(nd_source_has(src, 3), "... and stays listed");
	is(nd_source_read_file(src, 0x3000, page, 4096), ND_EIO, "... and as bytes of the file");
	if (pwrite(mine, f.bytes, f.len, 0) != (ssize_t)f.len)
		abort();
	ok(has_page(src, 3, 1), "the failure was not kept");
	close(mine);
	nd_source_close(src);
}

#define THREADS 4

static void *read_many(void *arg)
{
	struct nd_source **src = arg;
	uint64_t wrong = 0;

	for (unsigned i = 0; i < 4000; i++) {
		unsigned s = i % 2, page = i * 7 % 300;
		uint64_t word = 0;
		uint8_t want[4096];

		if (i % 40 < 2) {
			page_bytes(s * 1000 + page, want);
			nd_source_read_u64(src[s], (uint64_t)page << 12, &word);
			wrong += word != nd_le64(want);
		} else {
			wrong += nd_source_read_u64(src[s], (uint64_t)page << 12, &word) != ND_OK;
		}
	}
	return (void *)(uintptr_t)wrong;
}

/* Two dumps with the same page numbers, four threads, more pages than a cache holds. */
static void test_threads(void)
{
	struct nd_source *src[2];
	pthread_t thread[THREADS];
	void *wrong;
	uint64_t sum = 0;

	for (unsigned s = 0; s < 2; s++) {
		image_start(&f, 1);
		put_run(0, 0, 300);
		for (unsigned i = 0; i < 300; i++)
			put_page(&f, 0x2000 + 4096 * (size_t)i, s * 1000 + i);
		src[s] = image_open(&f, "a dump to share");
	}
	ok(nd_source_serial(src[0]) != 0 && nd_source_serial(src[0]) != nd_source_serial(src[1]),
	   "each has its own serial number");
	for (unsigned i = 0; i < THREADS; i++)
		if (pthread_create(&thread[i], NULL, read_many, src) != 0)
			abort();
	for (unsigned i = 0; i < THREADS; i++) {
		pthread_join(thread[i], &wrong);
		sum += (uintptr_t)wrong;
	}
	is(sum, 0, "no thread read anything wrong");
	nd_source_close(src[0]);
	nd_source_close(src[1]);
}

/* --- the corpus --------------------------------------------------------------------------- */

/* container.pages of a truth file; UINT64_MAX when it does not say. */
static uint64_t truth_pages(const char *path)
{
	FILE *file = fopen(path, "rb");
	char *text = calloc(1, 64 << 20), *at;
	uint64_t pages = UINT64_MAX;

	if (file != NULL && text != NULL && fread(text, 1, (64 << 20) - 1, file) > 0 &&
	    (at = strstr(text, "\"container\"")) != NULL && (at = strstr(at, "\"pages\":")) != NULL)
		pages = strtoull(at + strlen("\"pages\":"), NULL, 10);
	free(text);
	if (file != NULL)
		fclose(file);
	return pages;
}

static void check_truth(const char *truth)
{
	size_t stem = strlen(truth) - strlen(".truth.json");
	char path[4096];
	struct nd_source *src = NULL;
	struct nd_error err = {""};

	snprintf(path, sizeof(path), "%.*s.dmp", (int)stem, truth);
	if (nd_source_open(path, &src, &err) != ND_OK) {
		ok(strstr(err.text, "not supported yet") != NULL, "%s: %s", path, err.text);
		return;
	}
	if (!nd_source_is_virtual(src))
		is(nd_source_counts(src).present_pages, truth_pages(truth), "the pages of %s",
		   path);
	is(nd_source_counts(src).cut_pages, 0, "nothing is cut");
	nd_source_close(src);
}

static void test_corpus(void)
{
	const char *corpus = getenv("NTDUMPFS_CORPUS");
	char pattern[4096];
	glob_t found = {0};

	snprintf(pattern, sizeof(pattern), "%s/*.truth.json", corpus ? corpus : "");
	if (corpus == NULL || glob(pattern, 0, NULL, &found) != 0) {
		skip("NTDUMPFS_CORPUS names no folder of dumps");
		return;
	}
	for (size_t i = 0; i < found.gl_pathc; i++)
		check_truth(found.gl_pathv[i]);
	globfree(&found);
}

int main(void)
{
	test_full();
	test_full_damage();
	check_bitmap(5, "FDMPDUMP");
	check_bitmap(5, "SDMPDUMP");
	check_bitmap(6, "FDMPDUMP");
	check_bitmap(6, "SDMPDUMP");
	check_bitmap(2, "SDMPDUMP");
	test_bitmap_narrow();
	test_bitmap_random();
	test_bitmap_damage();
	test_bitmap_large();
	test_rdmp();
	test_rdmp_damage();
	test_arguments();
	test_shrink();
	test_threads();
	test_corpus();
	image_end(&f);
	return done_testing();
}
