/*
 * engine/dump/source.c - opening a dump file, the table of containers, and reading through a page
 * cache of each thread's own.
 */
#include <errno.h>
#include <fcntl.h>
#include <linux/magic.h>
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "dump/container.h"

#ifndef SMB2_SUPER_MAGIC
#define SMB2_SUPER_MAGIC 0xfe534d42
#endif
#ifndef CIFS_SUPER_MAGIC
#define CIFS_SUPER_MAGIC 0xff534d42
#endif

static const struct nd_container *const containers[] = {
	&nd_container_bitmap,  &nd_container_full,
	&nd_container_triage,  &nd_container_rdmp,
	&nd_container_summary, &nd_container_kdump,
	&nd_container_elf,     &nd_container_lime,
	&nd_container_raw,     NULL,
};

/* --- bytes of the file -------------------------------------------------------------------- */

static _Thread_local uint64_t failures;

uint64_t nd_source_failures(void)
{
	return failures;
}

void nd_source_note_failure(void)
{
	failures++;
}

/* All of them or ND_EIO: an error and a file that has become too short are the same to callers. */
static enum nd_status read_all(const struct nd_source *src, uint64_t offset, void *buf, size_t len)
{
	uint8_t *to = buf;

	while (len > 0) {
		ssize_t n = pread(src->fd, to, len, (off_t)offset);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			failures++;
			return ND_EIO;
		}
		to += n;
		offset += (uint64_t)n;
		len -= (size_t)n;
	}
	return ND_OK;
}

enum nd_status nd_source_read_file(const struct nd_source *src, uint64_t offset, void *buf,
				   size_t len)
{
	if (!nd_source_holds(src, offset, len, 1))
		return ND_NOT_IN_DUMP;
	return read_all(src, offset, buf, len);
}

enum nd_status nd_source_read_part(const struct nd_source *src, uint64_t offset, void *buf,
				   size_t len, const char *what, struct nd_error *err)
{
	enum nd_status st = nd_source_read_file(src, offset, buf, len);

	if (st == ND_NOT_IN_DUMP) {
		nd_error_set(err, "truncated: the file ends before %s does", what);
		return ND_EFORMAT;
	}
	if (st != ND_OK)
		nd_error_set(err, "cannot read %s", what);
	return st;
}

/* --- the page cache ----------------------------------------------------------------------- */

#define CACHE_SETS 128u
#define CACHE_WAYS 4u /* page tables must survive the objects that they lead to */

/*
 * Set-associative and private to a thread: no locks. A slot belongs to a page of one source (serials
 * are never used twice, so that closing a source needs no flushing); the one of its set that was not
 * used for longest is given up.
 */
struct page_cache {
	struct tag {
		uint64_t serial; /* 0: empty */
		nd_pfn pfn;
		uint64_t used;
	} tag[CACHE_SETS][CACHE_WAYS];
	uint64_t clock;
	uint8_t page[CACHE_SETS][CACHE_WAYS][ND_PAGE_BYTES];
};

static pthread_once_t cache_once = PTHREAD_ONCE_INIT;
static pthread_key_t cache_key; /* only for its destructor */
static bool cache_key_made;
static _Thread_local struct page_cache *thread_cache;

static void free_cache(void *cache)
{
	thread_cache = NULL;
	free(cache);
}

static void make_cache_key(void)
{
	cache_key_made = pthread_key_create(&cache_key, free_cache) == 0;
}

/* This thread's cache; NULL when there is no memory for one. */
static struct page_cache *get_cache(void)
{
	struct page_cache *cache = thread_cache;

	if (cache != NULL)
		return cache;
	pthread_once(&cache_once, make_cache_key);
	if (!cache_key_made)
		return NULL;
	cache = calloc(1, sizeof(*cache));
	if (cache != NULL && pthread_setspecific(cache_key, cache) != 0) {
		free(cache);
		cache = NULL;
	}
	thread_cache = cache;
	return cache;
}

static unsigned set_of(const struct nd_source *src, nd_pfn pfn)
{
	return (unsigned)((pfn ^ pfn >> 7 ^ src->serial) % CACHE_SETS);
}

/* The way that holds the page, or the one to give up for it. */
static unsigned way_of(const struct tag tags[CACHE_WAYS], const struct nd_source *src, nd_pfn pfn)
{
	unsigned oldest = 0;

	for (unsigned way = 0; way < CACHE_WAYS; way++) {
		if (tags[way].serial == src->serial && tags[way].pfn == pfn)
			return way;
		if (tags[way].used < tags[oldest].used)
			oldest = way;
	}
	return oldest;
}

static enum nd_status read_page(const struct nd_source *src, nd_pfn pfn, uint64_t at, uint8_t *ret)
{
	enum nd_status st;

	if (src->container->read_page == NULL)
		return read_all(src, at, ret, ND_PAGE_BYTES);
	st = src->container->read_page(src, pfn, ret);
	failures += st == ND_EIO;
	return st;
}

/* Bytes of a page through the cache. A page that could not be read whole is never kept. */
static enum nd_status read_cached(const struct nd_source *src, struct page_cache *cache, nd_pfn pfn,
				  uint32_t offset, void *buf, size_t len)
{
	unsigned set = set_of(src, pfn), way = way_of(cache->tag[set], src, pfn);
	struct tag *tag = &cache->tag[set][way];
	enum nd_status st;
	uint64_t at;

	if (tag->serial != src->serial || tag->pfn != pfn) {
		if (!src->container->find(src->state, pfn, &at))
			return ND_NOT_IN_DUMP;
		tag->serial = 0;
		tag->used = 0;
		st = read_page(src, pfn, at, cache->page[set][way]);
		if (st != ND_OK)
			return st;
		tag->serial = src->serial;
		tag->pfn = pfn;
	}
	tag->used = ++cache->clock;
	memcpy(buf, cache->page[set][way] + offset, len);
	return ND_OK;
}

static enum nd_status read_uncached(const struct nd_source *src, nd_pfn pfn, uint32_t offset,
				    void *buf, size_t len)
{
	uint8_t page[ND_PAGE_BYTES];
	enum nd_status st;
	uint64_t at;

	if (!src->container->find(src->state, pfn, &at))
		return ND_NOT_IN_DUMP;
	if (src->container->read_page == NULL)
		return read_all(src, at + offset, buf, len);
	st = read_page(src, pfn, at, page);
	if (st == ND_OK)
		memcpy(buf, page + offset, len);
	return st;
}

enum nd_status nd_source_read(const struct nd_source *src, nd_pfn pfn, uint32_t offset, void *buf,
			      size_t len)
{
	struct page_cache *cache;

	if (offset > ND_PAGE_BYTES || len > ND_PAGE_BYTES - offset)
		return ND_EINVAL;
	if (src->container->find == NULL)
		return ND_NOT_IN_DUMP;
	/* Whole pages are read once and by their thousands: they would only push others out. */
	cache = len < ND_PAGE_BYTES ? get_cache() : NULL;
	if (cache == NULL)
		return read_uncached(src, pfn, offset, buf, len);
	return read_cached(src, cache, pfn, offset, buf, len);
}

enum nd_status nd_source_read_pages(const struct nd_source *src, nd_pfn pfn, size_t max, void *buf,
				    size_t *got)
{
	size_t pages = 1;
	uint64_t at, next;

	if (max == 0)
		return ND_EINVAL;
	if (src->container->find == NULL || !src->container->find(src->state, pfn, &at))
		return ND_NOT_IN_DUMP;
	*got = 1;
	if (src->container->read_page != NULL)
		return read_page(src, pfn, at, buf);
	while (pages < max && src->container->find(src->state, pfn + pages, &next) &&
	       next - at == (uint64_t)pages << ND_PAGE_SHIFT)
		pages++;
	*got = pages;
	return read_all(src, at, buf, pages << ND_PAGE_SHIFT);
}

enum nd_status nd_source_read_u64(const struct nd_source *src, nd_pa pa, uint64_t *ret)
{
	uint8_t raw[8];
	enum nd_status st;

	if (pa % sizeof(raw) != 0)
		return ND_EINVAL;
	st = nd_source_read(src, pa >> ND_PAGE_SHIFT, (uint32_t)(pa % ND_PAGE_BYTES), raw,
			    sizeof(raw));
	if (st == ND_OK)
		*ret = nd_le64(raw);
	return st;
}

bool nd_source_has(const struct nd_source *src, nd_pfn pfn)
{
	uint64_t at;

	return src->container->find != NULL && src->container->find(src->state, pfn, &at);
}

enum nd_status nd_source_next_run(const struct nd_source *src, nd_pfn from, nd_pfn *first,
				  uint64_t *pages)
{
	if (src->container->next_run == NULL)
		return ND_ENOENT;
	return src->container->next_run(src->state, from, first, pages);
}

/* Pages from `pfn` on, at most `max`, that lie in one piece at `at` of the file: max or 1. */
static uint64_t pages_in_line(const struct nd_source *src, nd_pfn pfn, uint64_t at, uint64_t max)
{
	uint64_t last;

	if (max > 1 && src->container->find(src->state, pfn + max - 1, &last) && last > at &&
	    (last - at) >> ND_PAGE_SHIFT == max - 1)
		return max;
	return 1;
}

/*
 * Whether the page at `at` of the file is a hole, and how many of the `max` pages from there on
 * are the same; false, and all of them, where the file system does not tell.
 */
static bool is_hole(const struct nd_source *src, uint64_t at, uint64_t max, uint64_t *ret_same)
{
	off_t data = lseek(src->fd, (off_t)at, SEEK_DATA), hole;
	uint64_t same = max;
	bool ret = false;

	if (data < 0 && errno == ENXIO) {
		ret = true;
	} else if (data >= 0 && (uint64_t)data >= at + ND_PAGE_BYTES) {
		same = ((uint64_t)data - at) / ND_PAGE_BYTES;
		ret = true;
	} else if (data >= 0) {
		hole = lseek(src->fd, data, SEEK_HOLE);
		if (hole >= 0 && (uint64_t)hole > at)
			same = ((uint64_t)hole - at + ND_PAGE_BYTES - 1) / ND_PAGE_BYTES;
	}
	*ret_same = same < max ? same : max;
	return ret;
}

enum nd_status nd_source_next_stored(const struct nd_source *src, nd_pfn from, nd_pfn *first,
				     uint64_t *pages)
{
	nd_pfn at;
	uint64_t count, offset, same;
	enum nd_status st;

	while ((st = nd_source_next_run(src, from, &at, &count)) == ND_OK) {
		if (src->container->read_page != NULL ||
		    !src->container->find(src->state, at, &offset)) {
			same = count;
			break;
		}
		if (!is_hole(src, offset, count, &same)) {
			same = pages_in_line(src, at, offset, same);
			break;
		}
		from = at + pages_in_line(src, at, offset, same);
	}
	if (st == ND_OK) {
		*first = at;
		*pages = same;
	}
	return st;
}

/* --- virtual memory ----------------------------------------------------------------------- */

enum nd_status nd_source_read_virtual(const struct nd_source *src, nd_va va, void *buf, size_t len,
				      size_t *got)
{
	uint8_t *to = buf;
	uint64_t at, bytes;
	enum nd_status st = ND_NOT_IN_DUMP;

	*got = 0;
	if (src->container->find_virtual == NULL)
		return ND_NOT_IN_DUMP;
	while (*got < len && va <= UINT64_MAX - *got &&
	       src->container->find_virtual(src->state, va + *got, &at, &bytes)) {
		size_t now = bytes < len - *got ? (size_t)bytes : len - *got;

		st = nd_source_read_file(src, at, to + *got, now);
		if (st != ND_OK)
			break;
		*got += now;
	}
	/* What could be read counts; a failure behind it is for the next read to meet. */
	return *got > 0 || len == 0 ? ND_OK : st;
}

enum nd_status nd_source_next_block(const struct nd_source *src, nd_va va, nd_va *first,
				    uint64_t *bytes)
{
	if (src->container->next_block == NULL)
		return ND_ENOENT;
	return src->container->next_block(src->state, va, first, bytes);
}

/* --- facts -------------------------------------------------------------------------------- */

const char *nd_source_container(const struct nd_source *src)
{
	return src->container->name;
}

const struct nd_header *nd_source_header(const struct nd_source *src)
{
	return src->has_header ? &src->header : NULL;
}

struct nd_source_counts nd_source_counts(const struct nd_source *src)
{
	return src->counts;
}

uint64_t nd_source_serial(const struct nd_source *src)
{
	return src->serial;
}

uint64_t nd_source_file_bytes(const struct nd_source *src)
{
	return src->file_bytes;
}

uint32_t nd_source_cpu_count(const struct nd_source *src)
{
	return src->cpu_count;
}

const struct nd_source_cpu *nd_source_cpu(const struct nd_source *src, uint32_t index)
{
	return &src->cpu[index];
}

bool nd_source_is_virtual(const struct nd_source *src)
{
	return src->container->find_virtual != NULL;
}

/* --- opening and closing ------------------------------------------------------------------ */

static enum nd_status check_file(struct nd_source *src, struct nd_error *err)
{
	struct stat st;
	off_t end;

	if (fstat(src->fd, &st) != 0) {
		nd_error_set(err, "%m");
		return ND_EIO;
	}
	if (S_ISDIR(st.st_mode)) {
		nd_error_set(err, "this is a directory, not a dump file");
		return ND_EFORMAT;
	}
	if (!S_ISREG(st.st_mode) && !S_ISBLK(st.st_mode)) {
		nd_error_set(err, "neither a regular file nor a block device");
		return ND_EFORMAT;
	}
	end = S_ISREG(st.st_mode) ? st.st_size : lseek(src->fd, 0, SEEK_END);
	if (end < 0) {
		nd_error_set(err, "cannot find the size: %m");
		return ND_EIO;
	}
	src->file_bytes = (uint64_t)end;
	return ND_OK;
}

/*
 * Behind these file systems each byte may come over a network: no more than the pages that are
 * asked for. The kernel would read 128 KiB ahead for every page table.
 */
static void advise_remote(const struct nd_source *src)
{
	struct statfs fs;

	if (fstatfs(src->fd, &fs) != 0)
		return;
	switch ((uint32_t)fs.f_type) {
	case FUSE_SUPER_MAGIC:
	case NFS_SUPER_MAGIC:
	case SMB2_SUPER_MAGIC:
	case CIFS_SUPER_MAGIC:
	case V9FS_MAGIC:
		(void)posix_fadvise(src->fd, 0, 0, POSIX_FADV_RANDOM);
	}
}

/* The container of a file without DUMP_HEADER64, by its first bytes; NULL when there is none. */
static const struct nd_container *foreign_container(const struct nd_source *src,
						    const uint8_t *bytes, size_t len)
{
	for (const struct nd_container *const *c = containers; *c != NULL; c++)
		if ((*c)->probe_file != NULL && (*c)->probe_file(src, bytes, len))
			return *c;
	return NULL;
}

static enum nd_status read_header(struct nd_source *src, struct nd_error *err)
{
	uint8_t raw[ND_HEADER_BYTES];
	size_t len = src->file_bytes < sizeof(raw) ? (size_t)src->file_bytes : sizeof(raw);
	enum nd_status st = nd_source_read_part(src, 0, raw, len, "the dump header", err);

	if (st != ND_OK)
		return st;
	src->container = foreign_container(src, raw, len);
	if (src->container != NULL)
		return ND_OK;
	if (len == sizeof(raw)) {
		src->has_header = true;
		return nd_header_parse(raw, &src->header, err);
	}
	st = nd_header_sniff(raw, len, err);
	if (st != ND_OK)
		return st;
	nd_error_set(err, "truncated: the file has %zu bytes, the dump header alone has %u", len,
		     ND_HEADER_BYTES);
	return ND_EFORMAT;
}

static enum nd_status open_container(struct nd_source *src, struct nd_error *err)
{
	if (src->container != NULL)
		return src->container->open(src, err);
	for (const struct nd_container *const *c = containers; *c != NULL; c++) {
		if ((*c)->probe == NULL || !(*c)->probe(&src->header))
			continue;
		src->container = *c;
		return src->container->open(src, err);
	}
	nd_error_set(err, "dump type %u is not supported", (unsigned)src->header.dump_type.value);
	return ND_EFORMAT;
}

enum nd_status nd_source_open_fd(int fd, struct nd_source **ret, struct nd_error *err)
{
	static atomic_uint_fast64_t last_serial;
	struct nd_source *src = calloc(1, sizeof(*src));
	enum nd_status st;

	if (src == NULL) {
		nd_error_set(err, "out of memory");
		close(fd);
		return ND_ENOMEM;
	}
	src->fd = fd;
	src->serial = atomic_fetch_add(&last_serial, 1) + 1;
	st = check_file(src, err);
	if (st == ND_OK) {
		advise_remote(src);
		st = read_header(src, err);
	}
	if (st == ND_OK)
		st = open_container(src, err);
	if (st != ND_OK) {
		nd_source_close(src);
		return st;
	}
	*ret = src;
	return ND_OK;
}

enum nd_status nd_source_open(const char *path, struct nd_source **ret, struct nd_error *err)
{
	/* O_NONBLOCK: opening a FIFO must not wait for a writer before it is refused. */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);

	if (fd < 0) {
		enum nd_status st = errno == ENOMEM ? ND_ENOMEM : ND_EIO;

		nd_error_set(err, "%m");
		return st;
	}
	return nd_source_open_fd(fd, ret, err);
}

void nd_source_close(struct nd_source *src)
{
	if (src == NULL)
		return;
	if (src->container != NULL)
		src->container->close(src->state);
	close(src->fd);
	free(src->cpu);
	free(src);
}
