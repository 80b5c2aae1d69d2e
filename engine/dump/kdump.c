/*
 * engine/dump/kdump.c - ELF cores (QEMU, VirtualBox) and kdump-compressed dumps, read by
 * libkdumpfile. Which pages there are is decided here: the library gives zeros for pages of an ELF
 * core that are cut off or lie right before a segment.
 */
#include <errno.h>
#include <libkdumpfile/kdumpfile.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "dump/container.h"
#include "dump/notes.h"
#include "dump/ranges.h"

#define EHDR_BYTES 64u
#define PHDR_BYTES 56u
#define SHDR_BYTES 64u
#define PHDRS_MAX (1u << 20)
#define PHNUM_IN_SECTION 0xffff
#define ET_CORE 4
#define EM_X86_64 62
#define PT_LOAD 1
#define PT_NOTE 4

#define KDUMP_BYTES_MIN 0x2000u
#define KDUMP_BLOCKS_AT 428u
#define DESCRIPTOR_BYTES 24u
#define KDUMP_NOTES_AT 0x1030u /* in the sub-header: u64 offset, u64 size */
#define RUNS_MAX (1u << 20)
#define IDLE_MAX 64 /* contexts kept: as many threads as the daemon can have */
#define TRY_SECONDS 30u
#define CACHE_PAGES 62u /* of the library's cache, which is behind ours */

struct kdump {
	struct nd_ranges
		map; /* pages that can be read; of kdump files "offsets" count them in pages */
	uint64_t descriptors; /* of kdump files: where their page descriptors lie; 0: an ELF core */
	kdump_ctx_t *ctx;     /* only cloned, once it is open */
	pthread_mutex_t lock; /* of what follows */
	kdump_ctx_t *idle[IDLE_MAX];
	unsigned idle_count;
	bool odd; /* the size of the library's cache is CACHE_PAGES + 1 */
};

/* --- reading -------------------------------------------------------------------------------- */

/* A context belongs to one thread at a time: clones are lent and handed back. */
static kdump_ctx_t *lend(struct kdump *k)
{
	kdump_ctx_t *ctx = NULL;

	pthread_mutex_lock(&k->lock);
	if (k->idle_count > 0)
		ctx = k->idle[--k->idle_count];
	else
		ctx = kdump_clone(k->ctx, 0);
	pthread_mutex_unlock(&k->lock);
	return ctx;
}

static void hand_back(struct kdump *k, kdump_ctx_t *ctx)
{
	pthread_mutex_lock(&k->lock);
	if (k->idle_count < IDLE_MAX) {
		k->idle[k->idle_count++] = ctx;
		ctx = NULL;
	}
	if (ctx != NULL)
		kdump_free(ctx);
	pthread_mutex_unlock(&k->lock);
}

/*
 * libkdumpfile 0.5.1 loses track of its cache's memory when it cannot make the page that it has taken
 * an entry for, and later writes through a null pointer. A cache of another size is a new one.
 */
static kdump_status renew_cache(struct kdump *k, kdump_ctx_t *ctx)
{
	kdump_status status;

	pthread_mutex_lock(&k->lock);
	k->odd = !k->odd;
	status = kdump_set_number_attr(ctx, "cache.size", CACHE_PAGES + k->odd);
	pthread_mutex_unlock(&k->lock);
	return status;
}

/* A file that has become shorter reads as zeros in an ELF core. */
static bool has_shrunk(const struct nd_source *src)
{
	struct stat st;

	return fstat(src->fd, &st) != 0 ||
	       (S_ISREG(st.st_mode) && (uint64_t)st.st_size < src->file_bytes);
}

/*
 * Whether the descriptor of a page of a kdump file names a piece of the file that is no longer than a
 * page: libkdumpfile 0.5.1 reads a longer one into a buffer of a page.
 */
static enum nd_status check_descriptor(const struct nd_source *src, nd_pfn pfn)
{
	const struct kdump *k = src->state;
	uint8_t raw[DESCRIPTOR_BYTES]; /* u64 offset, u32 size, u32 flags, u64 page flags */
	uint64_t index, at;
	ssize_t got;

	if (k->descriptors == 0)
		return ND_OK;
	if (!nd_ranges_find_page(&k->map, pfn, &index))
		return ND_NOT_IN_DUMP;
	index >>= ND_PAGE_SHIFT;
	if (index > src->file_bytes / DESCRIPTOR_BYTES)
		return ND_NOT_IN_DUMP;
	at = k->descriptors + index * DESCRIPTOR_BYTES;
	if (!nd_source_holds(src, at, 1, DESCRIPTOR_BYTES))
		return ND_NOT_IN_DUMP;
	do
		got = pread(src->fd, raw, sizeof(raw), (off_t)at);
	while (got < 0 && errno == EINTR);
	if (got != (ssize_t)sizeof(raw))
		return ND_EIO;
	if (nd_le32(raw + 8) == 0 || nd_le32(raw + 8) > ND_PAGE_BYTES ||
	    !nd_source_holds(src, nd_le64(raw), 1, nd_le32(raw + 8)))
		return ND_NOT_IN_DUMP;
	return ND_OK;
}

/* What the library cannot unpack is damaged in the file: the dump does not hold it. */
static enum nd_status read_page(const struct nd_source *src, nd_pfn pfn, uint8_t *ret)
{
	struct kdump *k = src->state;
	size_t got = ND_PAGE_BYTES;
	kdump_status status;
	kdump_ctx_t *ctx;
	enum nd_status st;

	if (has_shrunk(src))
		return ND_EIO;
	st = check_descriptor(src, pfn);
	if (st != ND_OK)
		return st;
	ctx = lend(k);
	if (ctx == NULL)
		return ND_ENOMEM;
	errno = 0;
	status = kdump_read(ctx, KDUMP_MACHPHYSADDR, pfn << ND_PAGE_SHIFT, ret, &got);
	/* Where a page's descriptor says that it lies, no file can have anything. */
	if (status == KDUMP_ERR_SYSTEM && (errno == EINVAL || errno == EOVERFLOW))
		status = KDUMP_ERR_CORRUPT;
	if (status != KDUMP_OK && renew_cache(k, ctx) != KDUMP_OK)
		status = KDUMP_ERR_SYSTEM;
	hand_back(k, ctx);
	if (status == KDUMP_OK && got == ND_PAGE_BYTES)
		return ND_OK;
	return status == KDUMP_ERR_SYSTEM || status == KDUMP_ERR_BUSY ? ND_EIO : ND_NOT_IN_DUMP;
}

static bool find(const void *state, nd_pfn pfn, uint64_t *ret_offset)
{
	const struct kdump *k = state;

	return nd_ranges_find_page(&k->map, pfn, ret_offset);
}

static enum nd_status next_run(const void *state, nd_pfn from, nd_pfn *first, uint64_t *pages)
{
	const struct kdump *k = state;

	return nd_ranges_next_run(&k->map, from, first, pages);
}

/* Keeps the last abandoned context reachable, for leak checkers. */
static kdump_ctx_t *abandoned;

/* The library's message, without the name of the attribute that opening sets inside it. */
static void set_library_error(const struct kdump *k, struct nd_error *err)
{
	static const char inside[] = "Cannot set file.set.0.fd: ";
	const char *text = kdump_get_err(k->ctx);

	if (text == NULL)
		text = "unknown error";
	if (strncmp(text, inside, sizeof(inside) - 1) == 0)
		text += sizeof(inside) - 1;
	nd_error_set(err, "libkdumpfile: %s", text);
}

/* --- opening -------------------------------------------------------------------------------- */

static kdump_status open_context(kdump_ctx_t *ctx, int fd)
{
	/* Never mmap(2): a file that shrinks would kill the process. */
	kdump_status status =
		kdump_set_number_attr(ctx, KDUMP_ATTR_FILE_MMAP_POLICY, KDUMP_MMAP_NEVER);

	if (status == KDUMP_OK) /* QEMU leaves it out of kdump files */
		status = kdump_set_string_attr(ctx, KDUMP_ATTR_ARCH_NAME, "x86_64");
	if (status == KDUMP_OK)
		status = kdump_set_number_attr(ctx, "cache.size", CACHE_PAGES);
	if (status == KDUMP_OK)
		status = kdump_open_fd(ctx, fd);
	return status;
}

/*
 * Whether the library lives through opening the file: on some damaged headers 0.5.1 does not. Tried in
 * a process of its own, which may also not take for ever.
 */
static bool can_be_opened(int fd)
{
	int status = 0;
	pid_t pid = fork();

	if (pid == 0) {
		kdump_ctx_t *ctx;

		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
		signal(SIGSEGV, SIG_DFL);
		signal(SIGBUS, SIG_DFL);
		signal(SIGFPE, SIG_DFL);
		signal(SIGABRT, SIG_DFL);
		alarm(TRY_SECONDS);
		ctx = kdump_new();
		if (ctx != NULL)
			(void)open_context(ctx, fd);
		_exit(0);
	}
	while (pid > 0 && waitpid(pid, &status, 0) < 0 && errno == EINTR)
		;
	return pid < 0 || WIFEXITED(status);
}

static enum nd_status open_library(struct nd_source *src, struct nd_error *err)
{
	struct kdump *k = src->state;
	kdump_status status;

	if (!can_be_opened(src->fd)) {
		nd_error_set(err, "libkdumpfile cannot live with its damaged header");
		return ND_EFORMAT;
	}
	k->ctx = kdump_new();
	if (k->ctx == NULL) {
		nd_error_set(err, "out of memory");
		return ND_ENOMEM;
	}
	status = open_context(k->ctx, src->fd);
	if (status == KDUMP_OK)
		return ND_OK;
	set_library_error(k, err);
	/*
	 * libkdumpfile 0.5.1 crashes when it frees a context whose open failed on a damaged header.
	 * So it is abandoned: the caller is about to refuse the file and to end.
	 */
	abandoned = k->ctx;
	k->ctx = NULL;
	return status == KDUMP_ERR_SYSTEM ? ND_EIO : ND_EFORMAT;
}

static enum nd_status make_state(struct nd_source *src, struct nd_error *err)
{
	struct kdump *k = calloc(1, sizeof(*k));

	if (k == NULL) {
		nd_error_set(err, "out of memory");
		return ND_ENOMEM;
	}
	k->map.unit_shift = ND_PAGE_SHIFT;
	pthread_mutex_init(&k->lock, NULL);
	src->state = k;
	return ND_OK;
}

static enum nd_status finish(struct nd_source *src, struct nd_error *err)
{
	struct kdump *k = src->state;

	if (nd_ranges_finish_runs(src, &k->map) == ND_OK)
		return ND_OK;
	nd_error_set(err, "out of memory");
	return ND_ENOMEM;
}

static void kdump_close(void *state)
{
	struct kdump *k = state;

	if (k == NULL)
		return;
	while (k->idle_count > 0)
		kdump_free(k->idle[--k->idle_count]);
	if (k->ctx != NULL)
		kdump_free(k->ctx);
	pthread_mutex_destroy(&k->lock);
	nd_ranges_deinit(&k->map);
	free(k);
}

/* --- ELF ------------------------------------------------------------------------------------ */

static bool probe_elf(const struct nd_source *src, const uint8_t *bytes, size_t len)
{
	(void)src;
	return len >= EHDR_BYTES && memcmp(bytes, "\177ELF\2\1", 6) == 0 &&
	       nd_le16(bytes + 16) == ET_CORE && nd_le16(bytes + 18) == EM_X86_64;
}

/* How many program headers there are; 0xffff and more are counted in the first section header. */
static enum nd_status count_segments(const struct nd_source *src, const uint8_t *ehdr,
				     uint32_t *ret, struct nd_error *err)
{
	uint8_t section[SHDR_BYTES];
	enum nd_status st = ND_OK;

	*ret = nd_le16(ehdr + 56);
	if (*ret == PHNUM_IN_SECTION) {
		st = nd_source_read_part(src, nd_le64(ehdr + 40), section, sizeof(section),
					 "the section header", err);
		if (st == ND_OK)
			*ret = nd_le32(section + 44);
	}
	if (st == ND_OK && (nd_le16(ehdr + 54) != PHDR_BYTES || *ret == 0 || *ret > PHDRS_MAX)) {
		nd_error_set(err, "damaged ELF core: bad program headers");
		st = ND_EFORMAT;
	}
	return st;
}

/* Only whole pages, and only what the file holds of them. */
static enum nd_status add_segment(struct nd_source *src, const uint8_t *phdr)
{
	struct kdump *k = src->state;
	uint64_t offset = nd_le64(phdr + 8), pa = nd_le64(phdr + 24), bytes = nd_le64(phdr + 32);
	uint64_t skip = -pa % ND_PAGE_BYTES;

	if (bytes <= skip || offset > UINT64_MAX - skip || pa > UINT64_MAX - skip)
		return ND_OK;
	offset += skip;
	return nd_ranges_add_run(src, &k->map, (pa + skip) / ND_PAGE_BYTES,
				 (bytes - skip) / ND_PAGE_BYTES, &offset);
}

static enum nd_status read_segments(struct nd_source *src, struct nd_error *err)
{
	uint8_t ehdr[EHDR_BYTES], phdr[PHDR_BYTES];
	uint32_t count = 0;
	enum nd_status st = nd_source_read_part(src, 0, ehdr, sizeof(ehdr), "the ELF header", err);

	if (st == ND_OK)
		st = count_segments(src, ehdr, &count, err);
	if (st == ND_OK && !nd_source_holds(src, nd_le64(ehdr + 32), count, PHDR_BYTES)) {
		nd_error_set(err, "truncated: the file ends before the program headers do");
		st = ND_EFORMAT;
	}
	for (uint32_t i = 0; st == ND_OK && i < count; i++) {
		st = nd_source_read_part(src, nd_le64(ehdr + 32) + (uint64_t)i * PHDR_BYTES, phdr,
					 sizeof(phdr), "the program headers", err);
		if (st == ND_OK && nd_le32(phdr) == PT_NOTE)
			st = nd_notes_read(src, nd_le64(phdr + 8), nd_le64(phdr + 32), err);
		else if (st == ND_OK && nd_le32(phdr) == PT_LOAD)
			st = add_segment(src, phdr);
	}
	if (st == ND_ENOMEM)
		nd_error_set(err, "out of memory");
	return st;
}

static enum nd_status elf_open(struct nd_source *src, struct nd_error *err)
{
	enum nd_status st = make_state(src, err);

	if (st == ND_OK)
		st = read_segments(src, err);
	if (st == ND_OK)
		st = open_library(src, err);
	return st == ND_OK ? finish(src, err) : st;
}

const struct nd_container nd_container_elf = {
	.name = "elf",
	.probe_file = probe_elf,
	.open = elf_open,
	.close = kdump_close,
	.find = find,
	.next_run = next_run,
	.read_page = read_page,
};

/* --- kdump-compressed ----------------------------------------------------------------------- */

static bool probe_kdump(const struct nd_source *src, const uint8_t *bytes, size_t len)
{
	(void)src;
	return len >= KDUMP_BYTES_MIN && memcmp(bytes, "KDUMP   ", 8) == 0;
}

static enum nd_status add_bitmap(struct nd_source *src, kdump_bmp_t *bitmap, struct nd_error *err)
{
	struct kdump *k = src->state;
	kdump_addr_t first = 0, end;
	uint64_t pages = 0;
	enum nd_status st = ND_OK;

	while (st == ND_OK && kdump_bmp_find_set(bitmap, &first) == KDUMP_OK) {
		end = first;
		if (kdump_bmp_find_clear(bitmap, &end) != KDUMP_OK || end <= first ||
		    end > ND_PFN_END || k->map.count == RUNS_MAX) {
			nd_error_set(err, "damaged kdump-compressed dump: bad bitmap of pages");
			return ND_EFORMAT;
		}
		st = nd_ranges_add(&k->map,
				   &(struct nd_range){ first, end, pages << ND_PAGE_SHIFT });
		pages += end - first;
		src->counts.end_pfn = end;
		first = end;
	}
	if (st != ND_OK)
		nd_error_set(err, "out of memory");
	return st;
}

static enum nd_status read_bitmap(struct nd_source *src, struct nd_error *err)
{
	struct kdump *k = src->state;
	kdump_attr_t attr = { .type = KDUMP_BITMAP };
	enum nd_status st;

	if (kdump_get_typed_attr(k->ctx, KDUMP_ATTR_FILE_PAGEMAP, &attr) != KDUMP_OK) {
		set_library_error(k, err);
		return ND_EFORMAT;
	}
	kdump_bmp_incref(attr.val.bitmap);
	st = add_bitmap(src, attr.val.bitmap, err);
	kdump_bmp_decref(attr.val.bitmap);
	return st;
}

/* struct disk_dump_header of 64-bit machines: block_size, sub_hdr_size, bitmap_blocks. */
static enum nd_status find_descriptors(struct nd_source *src, struct nd_error *err)
{
	struct kdump *k = src->state;
	uint8_t raw[12];
	enum nd_status st = nd_source_read_part(src, KDUMP_BLOCKS_AT, raw, sizeof(raw),
						"the kdump header", err);

	if (st != ND_OK)
		return st;
	if (nd_le32(raw) != ND_PAGE_BYTES) {
		nd_error_set(err, "kdump-compressed dump with blocks of %u bytes, not of a page",
			     (unsigned)nd_le32(raw));
		return ND_EFORMAT;
	}
	k->descriptors = (1 + (uint64_t)nd_le32(raw + 4) + nd_le32(raw + 8)) * ND_PAGE_BYTES;
	return ND_OK;
}

static enum nd_status kdump_open(struct nd_source *src, struct nd_error *err)
{
	uint8_t raw[16];
	enum nd_status st =
		nd_source_read_part(src, KDUMP_NOTES_AT, raw, sizeof(raw), "the kdump header", err);

	if (st == ND_OK)
		st = nd_notes_read(src, nd_le64(raw), nd_le64(raw + 8), err);
	if (st == ND_OK)
		st = make_state(src, err);
	if (st == ND_OK)
		st = find_descriptors(src, err);
	if (st == ND_OK)
		st = open_library(src, err);
	if (st == ND_OK)
		st = read_bitmap(src, err);
	return st == ND_OK ? finish(src, err) : st;
}

const struct nd_container nd_container_kdump = {
	.name = "kdump",
	.probe_file = probe_kdump,
	.open = kdump_open,
	.close = kdump_close,
	.find = find,
	.next_run = next_run,
	.read_page = read_page,
};
