/*
 * engine/dump/container.h - what a dump container tells source.c; private to engine/dump.
 *
 * To add a container: write <name>.c with a struct nd_container, name it in the table in source.c.
 */
#ifndef ND_DUMP_CONTAINER_H
#define ND_DUMP_CONTAINER_H

#include "dump/source.h"

/* From here on, a page frame is past the 52 bits of a physical address of x64. */
#define ND_PFN_END (1ull << 40)

struct nd_container {
	const char *name; /* nd_source_container() */
	/* True when a dump with this header is of this kind; NULL for files without a header. */
	bool (*probe)(const struct nd_header *header);
	/* Files without DUMP_HEADER64: true when one that begins with these bytes is of this kind. */
	bool (*probe_file)(const struct nd_source *src, const uint8_t *bytes, size_t len);
	/*
	 * Build src->state and src->counts from src->fd and src->header. On failure *err has a line;
	 * close() is called in any case when src->state was set.
	 */
	enum nd_status (*open)(struct nd_source *src, struct nd_error *err);
	void (*close)(void *state);

	/* Containers of physical pages; NULL for virtual ones. No I/O in either. */
	/* True, with where in the file it lies, when the whole page is there. */
	bool (*find)(const void *state, nd_pfn pfn, uint64_t *ret_offset);
	/* nd_source_next_run() */
	enum nd_status (*next_run)(const void *state, nd_pfn from, nd_pfn *first, uint64_t *pages);
	/*
	 * Copy a whole page that find() knows; its file offset then means nothing. ND_NOT_IN_DUMP
	 * when it is damaged, ND_EIO. Safe in many threads. NULL where pages lie in the file as
	 * they are.
	 */
	enum nd_status (*read_page)(const struct nd_source *src, nd_pfn pfn, uint8_t *ret);

	/* Containers of virtual memory; NULL for physical ones. */
	/* True, with the file offset and how many bytes follow there, when a block covers va. */
	bool (*find_virtual)(const void *state, nd_va va, uint64_t *ret_offset,
			     uint64_t *ret_bytes);
	/* nd_source_next_block() */
	enum nd_status (*next_block)(const void *state, nd_va va, nd_va *first, uint64_t *bytes);
};

struct nd_source {
	int fd;
	uint64_t file_bytes; /* at opening */
	uint64_t serial;
	struct nd_header header;
	bool has_header;
	const struct nd_container *container;
	void *state; /* the container's own */
	struct nd_source_counts counts;
	struct nd_source_cpu *cpu; /* what QEMU's notes tell of the processors */
	uint32_t cpu_count;
};

extern const struct nd_container nd_container_full;
extern const struct nd_container nd_container_bitmap;
extern const struct nd_container nd_container_summary;
extern const struct nd_container nd_container_rdmp;
extern const struct nd_container nd_container_triage;
extern const struct nd_container nd_container_elf;
extern const struct nd_container nd_container_kdump;
extern const struct nd_container nd_container_lime;
extern const struct nd_container nd_container_raw;

/*
 * Refuse a file by its first `len` bytes: one line in *err says what kind of file it is. Any len;
 * ND_OK for the start of a 64-bit Windows crash dump.
 */
enum nd_status nd_header_sniff(const uint8_t *bytes, size_t len, struct nd_error *err);
/* True when nothing tells what kind of file begins with these bytes: it may be raw memory. */
bool nd_header_is_unknown(const uint8_t *bytes, size_t len);

/* nd_source_read_file(), with a line in *err on failure: `what` names the piece of the file. */
enum nd_status nd_source_read_part(const struct nd_source *src, uint64_t offset, void *buf,
				   size_t len, const char *what, struct nd_error *err);

/* True when `count` items of `item_bytes` (not 0) at `offset` lie inside the file. */
static inline bool nd_source_holds(const struct nd_source *src, uint64_t offset, uint64_t count,
				   uint64_t item_bytes)
{
	return offset <= src->file_bytes && count <= (src->file_bytes - offset) / item_bytes;
}

#endif
