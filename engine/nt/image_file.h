/*
 * engine/nt/image_file.h - a mapped PE image as a file that tools for PE files read.
 *
 * In memory a section lies at its RVA, while its header says where it was in the file on disk. So the
 * header is shown as if the file had been laid out like memory; all other bytes are memory's own.
 */
#ifndef ND_NT_IMAGE_FILE_H
#define ND_NT_IMAGE_FILE_H

#include "nt/module.h"
#include "vm/space.h"

#define ND_IMAGE_FILE_BYTES_MAX (1ull << 31) /* larger ones cannot be mapped by Windows */

struct nd_image_file {
	struct nd_space space;
	nd_va base;
	uint64_t bytes;
	uint8_t head[ND_PAGE_BYTES]; /* the first page, changed */
	uint32_t head_bytes;	     /* 0: it cannot be read, or is no PE header */
};

/*
 * The image of a module. `space` maps it. Its size is what the loader mapped, or, where that cannot
 * be read, SizeOfImage of the header. ND_NONE without a base or a size that can be; ND_EIO.
 *
 * Changed in the header: PointerToRawData, SizeOfRawData and FileAlignment (to RVAs), ImageBase (to
 * where it is), and what only a file on disk has: symbol table, certificates, line numbers and
 * relocations of sections (to 0).
 */
enum nd_status nd_image_file_open(const struct nd_space *space, const struct nd_module *m,
				  struct nd_image_file *ret);

/* `len` bytes at `offset`, inside of the size; zeros for what is not there. ND_OK or a failure. */
enum nd_status nd_image_file_read(const struct nd_image_file *f, uint64_t offset, uint8_t *buf,
				  size_t len);

/*
 * The next page with data (or without) at or after `offset`, which is inside the size; the end counts
 * as a hole. ND_ENOENT: no more data.
 */
enum nd_status nd_image_file_seek(const struct nd_image_file *f, uint64_t offset, bool hole,
				  uint64_t *ret);

#endif
