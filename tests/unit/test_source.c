/*
 * tests/unit/test_source.c - dumps made of runs of pages: which pages are there and what is in them,
 * damaged lists, cut files, files that shrink; and the corpus against its truth where
 * NTDUMPFS_CORPUS names its folder.
 */
#include <glob.h>
#include <pthread.h>

#include "dump_image.h"

static struct image f;

/* --- type 1 ------------------------------------------------------------------------------- */

static void test_full(void)
{
	struct nd_source *src;

	image_start(&f, 1);
	put_run(&f, 0, 2, 3);
	put_run(&f, 1, 0x100, 1);
	put_run(&f, 2, 0x123456, 2);
	put_pages(&f, 0x2000, 6);
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
	put_run(&f, 0, 0x10, 2);
	put_run(&f, 1, 0x11, 3); /* 0x11 again */
	put_run(&f, 2, 0x8, 9);	 /* 0x10 again */
	put_pages(&f, 0x2000, 14);
	src = image_open(&f, "overlapping runs");
	is_runs(src, "8+c");
	ok(has_page(src, 0x10, 0) && has_page(src, 0x11, 1), "the first copy wins");
	ok(has_page(src, 0x12, 3) && has_page(src, 0x13, 4), "offsets go on behind the copies");
	ok(has_page(src, 0x8, 5) && has_page(src, 0xf, 12), "... in every run");
	nd_source_close(src);

	put_run(&f, 1, UINT64_MAX - 1, 3);
	put_run(&f, 2, 0x8, 9);
	src = image_open(&f, "a run that wraps");
	is_runs(src, "8+a");
	ok(has_page(src, 0x8, 5), "its pages are passed over");
	nd_source_close(src);
	put_run(&f, 1, (1ull << 40) - 1, 2);
	put_run(&f, 2, 0x8, 9);
	src = image_open(&f, "a run past the last address");
	ok(lacks_page(src, (1ull << 40) - 1) && lacks_page(src, 1ull << 40), "is left out");
	nd_source_close(src);
	put_run(&f, 1, 0x100, UINT64_MAX);
	put_run(&f, 2, 0x8, 9);
	src = image_open(&f, "a run of 2^64 pages");
	is_runs(src, "10+2");
	nd_source_close(src);
	put_run(&f, 1, 0x100, 0);
	put_run(&f, 2, 0x8, 1ull << 38);
	src = image_open(&f, "an empty run, and one longer than the file");
	is_runs(src, "8+c");
	is(nd_source_counts(src).end_pfn, 8 + (1ull << 38), "end_pfn");
	nd_source_close(src);

	image_start(&f, 1);
	for (unsigned i = 0; i < 43; i++)
		put_run(&f, i, 2 * i, 1);
	put_pages(&f, 0x2000, 43);
	src = image_open(&f, "43 runs");
	ok(has_page(src, 84, 42) && has_page(src, 0, 0), "the last of them");
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
	static const uint32_t types[] = { 8, 9, 0xa };
	struct nd_source *src;

	for (unsigned t = 0; t < 3; t++) {
		put_rdmp(types[t], 0x60, types[t] == 0xa ? 6 : 0);
		put_rdmp_range(0, 0x200000, 2);
		put_rdmp_range(1, 0x10, 1);
		put_rdmp_range(2, 0x300, 3);
		/* What comes behind the last one: nothing, or (0xa) bytes of no meaning. */
		put_rdmp_range(3, types[t] == 0xa ? 0x7777 : 0, types[t] == 0xa ? 7 : 0);
		put_rdmp_range(4, 0x8888, 8);
		put_pages(&f, 0x2080, 30);
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
	put_pages(&f, 0x3000, 1);
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
	put_run(&f, 0, 2, 2);
	put_pages(&f, 0x2000, 2);
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
	put_run(&f, 0, 2, 2);
	put_pages(&f, 0x2000, 2);
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
		put_run(&f, 0, 0, 300);
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
	struct nd_error err = { "" };

	snprintf(path, sizeof(path), "%.*s.dmp", (int)stem, truth);
	if (nd_source_open(path, &src, &err) != ND_OK) {
		ok(strstr(err.text, "makedumpfile -R") != NULL, "%s: %s", path, err.text);
		return;
	}
	/* a flat image does not tell which of its pages are holes of the machine */
	if (!nd_source_is_virtual(src) && truth_pages(truth) != UINT64_MAX)
		is(nd_source_counts(src).present_pages, truth_pages(truth), "the pages of %s",
		   path);
	is(nd_source_counts(src).cut_pages, 0, "nothing is cut");
	nd_source_close(src);
}

static void test_corpus(void)
{
	const char *corpus = getenv("NTDUMPFS_CORPUS");
	char pattern[4096];
	glob_t found = { 0 };

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
	test_rdmp();
	test_rdmp_damage();
	test_arguments();
	test_shrink();
	test_threads();
	test_corpus();
	image_end(&f);
	return done_testing();
}
