/*
 * engine/sym/symio.h - the bytes of a symbol file in pieces: a plain or an xz-compressed file, or
 * memory. Private to engine/sym.
 */
#ifndef ND_SYM_SYMIO_H
#define ND_SYM_SYMIO_H

#include "base.h"

#include <lzma.h>

/* More than any real file has, packed or unpacked: ND_EFORMAT. */
#define ND_SYMIO_MAX_BYTES (64u << 20)

struct nd_symio {
	int fd;		       /* -1: memory */
	const uint8_t *memory; /* what is left of it */
	size_t memory_len;
	bool is_xz, at_end;
	uint64_t read_bytes, given_bytes;
	lzma_stream xz;
	uint8_t in[65536], out[65536];
};

/* A regular file, opened for reading; -1 with *err when it cannot be. */
int nd_symio_open_file(const char *path, struct nd_error *err);
/* `fd` stays the caller's; `path` is for messages. `fd` -1: from memory. */
enum nd_status nd_symio_begin(struct nd_symio *io, int fd, const void *memory, size_t memory_len,
			      const char *path, struct nd_error *err);
/* The next piece, valid until the next call; *len 0 at the end. ND_EIO, ND_EFORMAT, ND_ENOMEM. */
enum nd_status nd_symio_next(struct nd_symio *io, const uint8_t **ret, size_t *len,
			     struct nd_error *err);
void nd_symio_end(struct nd_symio *io);

#endif
