/*
 * engine/dump/source.h - where bytes come from: the one interface behind every dump container.
 *
 * To add a container: write engine/dump/<name>.c with a probe+open function, list it in the table
 * in source.c, and nothing else changes. A container says which pages it holds and where in the
 * file they lie; reading, caching and I/O errors are handled once, in source.c.
 *
 * The file is read with pread(2) through a small per-thread page cache, never through mmap(2): a
 * dump that shrinks under the mount must give EIO, not SIGBUS, and resident memory must not grow
 * with the dump. A source is immutable after opening and may be used by many threads at once.
 */
#ifndef ND_DUMP_SOURCE_H
#define ND_DUMP_SOURCE_H

#include "base.h"
#include "dump/header.h"

struct nd_source;

/* Page counts of a source. */
struct nd_source_counts {
	uint64_t present_pages; /* pages whose 4096 bytes can be read from the file */
	uint64_t cut_pages;	/* pages that the container lists but the file is too short for */
	nd_pfn end_pfn;		/* one past the highest page listed */
};

/*
 * Open the dump at `path`. Exactly one of *ret (on ND_OK) and *err (otherwise) is filled.
 * ND_EFORMAT: not a dump that we read; err says what was found. ND_EIO, ND_ENOMEM: as they say.
 * The caller owns the source: nd_source_close().
 */
enum nd_status nd_source_open(const char *path, struct nd_source **ret, struct nd_error *err);
/* The same for an open, seekable descriptor, which the source owns from here on (also on failure). */
enum nd_status nd_source_open_fd(int fd, struct nd_source **ret, struct nd_error *err);
/* NULL is accepted. No other thread may use the source any more. */
void nd_source_close(struct nd_source *src);

/* "full", "bitmap", "summary", "rdmp", "triage", "elf", "kdump", "lime", "raw": the container's
 * name, static storage. */
const char *nd_source_container(const struct nd_source *src);
/* The parsed DUMP_HEADER64; NULL where the container has none. Lives as long as the source. */
const struct nd_header *nd_source_header(const struct nd_source *src);
struct nd_source_counts nd_source_counts(const struct nd_source *src);
/* Number that no other source of this process has or had: key for caches. Never 0. */
uint64_t nd_source_serial(const struct nd_source *src);
/* Size of the dump file in bytes when it was opened. */
uint64_t nd_source_file_bytes(const struct nd_source *src);

/*
 * Copy `len` bytes at `offset` inside physical page `pfn` (offset + len <= 4096) into buf.
 * ND_NOT_IN_DUMP: the container does not hold the page. ND_EIO: it does, but reading failed.
 */
enum nd_status nd_source_read(const struct nd_source *src, nd_pfn pfn, uint32_t offset, void *buf,
			      size_t len);
/*
 * Copy up to `max` whole pages from page `pfn` on (max >= 1), as many as lie in one piece in the
 * file: *got tells how many (>= 1 on ND_OK). Else as nd_source_read() for the first page.
 */
enum nd_status nd_source_read_pages(const struct nd_source *src, nd_pfn pfn, size_t max, void *buf,
				    size_t *got);
/* As nd_source_read() for the aligned u64 at a physical address: the page-table walker's read. */
enum nd_status nd_source_read_u64(const struct nd_source *src, nd_pa pa, uint64_t *ret);
/* True when the container holds the page (no I/O). */
bool nd_source_has(const struct nd_source *src, nd_pfn pfn);

/*
 * The first run of present pages at or after `from`: ND_OK and *first, *pages (>= 1), or ND_ENOENT
 * when there is none. Runs come in ascending order and are maximal.
 */
enum nd_status nd_source_next_run(const struct nd_source *src, nd_pfn from, nd_pfn *first,
				  uint64_t *pages);

/*
 * As nd_source_next_run(), but without the pages that are holes of a sparse file (they hold zeros):
 * for those who look at all of memory. Runs need not be maximal. Asks the file system.
 */
enum nd_status nd_source_next_stored(const struct nd_source *src, nd_pfn from, nd_pfn *first,
				     uint64_t *pages);

/* What QEMU's note of a processor tells; everything as the processor had it. */
struct nd_source_cpu {
	uint64_t cr3, idt_base, gs_base;
	uint64_t kernel_gs_base; /* 0 when the note is too old to have it */
};

/* Processors that have a note: 0 unless the container is an ELF core or kdump of QEMU. */
uint32_t nd_source_cpu_count(const struct nd_source *src);
/* index < nd_source_cpu_count(). Lives as long as the source. */
const struct nd_source_cpu *nd_source_cpu(const struct nd_source *src, uint32_t index);

/* True for a triage dump: there are no physical pages, only (virtual address, bytes) blocks. */
bool nd_source_is_virtual(const struct nd_source *src);
/*
 * Virtual sources only: copy up to `len` bytes at `va`; *got says how many (a read may end at the
 * end of a block, neighbouring blocks are joined). ND_NOT_IN_DUMP with *got == 0 when no block
 * covers va.
 */
enum nd_status nd_source_read_virtual(const struct nd_source *src, nd_va va, void *buf, size_t len,
				      size_t *got);

/* The first block at or after `va`, joined with its neighbours; as nd_source_next_run(). */
enum nd_status nd_source_next_block(const struct nd_source *src, nd_va va, nd_va *first,
				    uint64_t *bytes);

/* The triage header's own facts (offsets into the file are already checked). */
struct nd_triage {
	nd_va top_of_stack; /* address of the first saved stack byte */
	uint32_t stack_bytes;
	uint32_t service_pack_build;
	uint32_t triage_options;
	uint32_t driver_count; /* entries that nd_source_triage_driver() can give */
	uint32_t unloaded_count;
	uint32_t block_count; /* data blocks listed */
	/* Where in the file these lie; 0 when absent. Read with nd_source_read_file(). */
	uint64_t prcb_offset, process_offset, thread_offset, kdbg_offset, call_stack_offset;
	uint32_t kdbg_bytes;
};

struct nd_triage_driver {
	nd_va base;
	uint64_t size_bytes;
	uint32_t timestamp;
	uint32_t checksum;
	uint16_t name[260]; /* UTF-16LE code units as stored (host order), not terminated */
	uint32_t name_units;
};

struct nd_triage_unloaded {
	nd_va start, end;
	uint16_t name[12];
	uint32_t name_units;
};

/* NULL unless the source is a triage dump. */
const struct nd_triage *nd_source_triage(const struct nd_source *src);
enum nd_status nd_source_triage_driver(const struct nd_source *src, uint32_t index,
				       struct nd_triage_driver *ret);
enum nd_status nd_source_triage_unloaded(const struct nd_source *src, uint32_t index,
					 struct nd_triage_unloaded *ret);
/* Raw bytes of the file, bounds-checked against its size: ND_NOT_IN_DUMP past the end, ND_EIO. */
enum nd_status nd_source_read_file(const struct nd_source *src, uint64_t offset, void *buf,
				   size_t len);

/*
 * How many reads of dump files have failed (ND_EIO) in this thread, and how often memory ran out where
 * callers may not notice. Whoever keeps what he made of a dump compares before and after: a failure that
 * somebody took for a missing value must not be kept.
 */
uint64_t nd_source_failures(void);
/* Count one: a list could not be made for want of memory, or a line is left out. */
void nd_source_note_failure(void);

#endif
