/*
 * engine/sym/msf.h - the container of a PDB file: an MSF 7.00 file holds numbered streams, each
 * scattered over blocks. Private to engine/sym.
 */
#ifndef ND_SYM_MSF_H
#define ND_SYM_MSF_H

#include "base.h"

#define ND_MSF_MAX_FILE_BYTES (1u << 30)
#define ND_MSF_MAX_STREAM_BYTES (128u << 20)

struct nd_msf {
	int fd;		       /* -1: memory */
	const uint8_t *memory; /* the caller's */
	uint64_t file_bytes;
	uint32_t block_bytes;
	uint8_t *directory;
	uint32_t directory_bytes;
	uint32_t stream_count;
	uint32_t *first_word; /* per stream: where its block numbers begin in the directory */
	struct nd_error *err;
};

/* `fd` stays the caller's and open while the msf is; -1: from memory, which must live as long. */
enum nd_status nd_msf_open(struct nd_msf *msf, int fd, const void *memory, size_t memory_len,
			   struct nd_error *err);
/*
 * A whole stream in memory of its own (free()); *len 0 for one that is absent or empty, and then
 * *ret is still not NULL. ND_EFORMAT, ND_EIO, ND_ENOMEM.
 */
enum nd_status nd_msf_stream(const struct nd_msf *msf, uint32_t stream, uint8_t **ret, size_t *len);
/* Zeroed or failed ones are allowed. */
void nd_msf_close(struct nd_msf *msf);

#endif
