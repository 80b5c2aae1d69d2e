/*
 * engine/sym/msf.c - reads the streams of an MSF 7.00 file.
 */
#include "sym/msf.h"

#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define SUPERBLOCK_BYTES 56u
#define ABSENT_STREAM UINT32_MAX

static const uint8_t magic[32] = "Microsoft C/C++ MSF 7.00\r\n\x1a"
				 "DS\0\0";

static enum nd_status read_at(const struct nd_msf *msf, uint64_t at, void *to, size_t len)
{
	size_t done = 0;

	if (at > msf->file_bytes || len > msf->file_bytes - at) {
		nd_error_set(msf->err, "the PDB is cut short");
		return ND_EFORMAT;
	}
	if (msf->fd < 0) {
		memcpy(to, msf->memory + at, len);
		return ND_OK;
	}
	while (done < len) {
		ssize_t n = pread(msf->fd, (uint8_t *)to + done, len - done, (off_t)(at + done));

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			nd_error_set(msf->err, "read: %s", n < 0 ? strerror(errno) : "cut short");
			return ND_EIO;
		}
		done += (size_t)n;
	}
	return ND_OK;
}

/* Number of blocks that `bytes` take. */
static uint32_t blocks_of(const struct nd_msf *msf, uint32_t bytes)
{
	return bytes / msf->block_bytes + (bytes % msf->block_bytes != 0);
}

/* The contents of blocks `list` (little-endian u32 numbers); neighbours are read at once. */
static enum nd_status read_blocks(const struct nd_msf *msf, const uint8_t *list, uint32_t bytes,
				  uint8_t *to)
{
	uint32_t count = blocks_of(msf, bytes);

	for (uint32_t i = 0; i < count;) {
		uint64_t first = nd_le32(list + 4 * (size_t)i);
		uint64_t len;
		uint32_t run = 1;
		enum nd_status st;

		while (run < count - i && nd_le32(list + 4 * (size_t)(i + run)) == first + run)
			run++;
		len = (uint64_t)run * msf->block_bytes;
		if (len > bytes)
			len = bytes;
		st = read_at(msf, first * msf->block_bytes, to, (size_t)len);
		if (st != ND_OK)
			return st;
		to += len;
		bytes -= (uint32_t)len;
		i += run;
	}
	return ND_OK;
}

static enum nd_status refuse_magic(const struct nd_msf *msf, const uint8_t *head)
{
	const char *what = "not a PDB";

	if (memcmp(head, "Microsoft C/C++ program database 2.00", 32) == 0)
		what = "a PDB of the old 2.00 format, which is not supported";
	else if (memcmp(head, "BSJB", 4) == 0)
		what = "a portable PDB of managed code, which is not supported";
	else if (memcmp(head, "MSCF", 4) == 0)
		what = "a cabinet (packed): unpack it with cabextract";
	nd_error_set(msf->err, "%s", what);
	return ND_EFORMAT;
}

static enum nd_status read_size(struct nd_msf *msf, size_t memory_len)
{
	struct stat st;

	msf->file_bytes = memory_len;
	if (msf->fd >= 0) {
		if (fstat(msf->fd, &st) != 0 || st.st_size < 0) {
			nd_error_set(msf->err, "stat: %s", strerror(errno));
			return ND_EIO;
		}
		msf->file_bytes = (uint64_t)st.st_size;
	}
	if (msf->file_bytes > ND_MSF_MAX_FILE_BYTES) {
		nd_error_set(msf->err, "larger than a PDB may be here (1 GiB)");
		return ND_EFORMAT;
	}
	return ND_OK;
}

/* The directory itself lies in blocks, whose numbers lie in the blocks from `map_block` on. */
static enum nd_status read_directory(struct nd_msf *msf, uint32_t map_block)
{
	uint32_t map_bytes = 4 * blocks_of(msf, msf->directory_bytes);
	uint8_t *map = malloc(map_bytes);
	enum nd_status st = ND_ENOMEM;

	msf->directory = malloc(msf->directory_bytes);
	if (map != NULL && msf->directory != NULL)
		st = read_at(msf, (uint64_t)map_block * msf->block_bytes, map, map_bytes);
	if (st == ND_OK)
		st = read_blocks(msf, map, msf->directory_bytes, msf->directory);
	free(map);
	return st;
}

/* Where the block numbers of each stream begin, all within the directory. */
static enum nd_status index_streams(struct nd_msf *msf)
{
	uint32_t words = msf->directory_bytes / 4;
	uint32_t at;

	msf->stream_count = nd_le32(msf->directory);
	if (msf->stream_count > words - 1) {
		nd_error_set(msf->err, "the PDB's stream directory is damaged");
		return ND_EFORMAT;
	}
	msf->first_word = calloc((size_t)msf->stream_count + 1, sizeof(*msf->first_word));
	if (msf->first_word == NULL)
		return ND_ENOMEM;
	at = 1 + msf->stream_count;
	for (uint32_t i = 0; i < msf->stream_count; i++) {
		uint32_t bytes = nd_le32(msf->directory + 4 * (size_t)(1 + i));
		uint32_t blocks = bytes == ABSENT_STREAM ? 0 : blocks_of(msf, bytes);

		msf->first_word[i] = at;
		if (blocks > words - at) {
			nd_error_set(msf->err, "the PDB's stream directory is damaged");
			return ND_EFORMAT;
		}
		at += blocks;
	}
	return ND_OK;
}

static enum nd_status open_msf(struct nd_msf *msf, size_t memory_len)
{
	uint8_t head[SUPERBLOCK_BYTES] = { 0 };
	enum nd_status st = read_size(msf, memory_len);

	if (st == ND_OK)
		st = read_at(msf, 0, head,
			     msf->file_bytes < sizeof(head) ? msf->file_bytes : sizeof(head));
	if (st != ND_OK)
		return st;
	if (memcmp(head, magic, sizeof(magic)) != 0)
		return refuse_magic(msf, head);
	msf->block_bytes = nd_le32(head + 32);
	msf->directory_bytes = nd_le32(head + 44);
	if (msf->block_bytes < 512 || msf->block_bytes > 32768 ||
	    (msf->block_bytes & (msf->block_bytes - 1)) != 0 || msf->directory_bytes < 4 ||
	    msf->directory_bytes % 4 != 0 || msf->directory_bytes > msf->file_bytes) {
		nd_error_set(msf->err, "the PDB's first block is damaged");
		return ND_EFORMAT;
	}
	st = read_directory(msf, nd_le32(head + 52));
	return st == ND_OK ? index_streams(msf) : st;
}

enum nd_status nd_msf_open(struct nd_msf *msf, int fd, const void *memory, size_t memory_len,
			   struct nd_error *err)
{
	enum nd_status st;

	*msf = (struct nd_msf){ .fd = fd, .memory = memory, .err = err };
	st = open_msf(msf, memory_len);
	if (st != ND_OK)
		nd_msf_close(msf);
	return st;
}

enum nd_status nd_msf_stream(const struct nd_msf *msf, uint32_t stream, uint8_t **ret, size_t *len)
{
	uint32_t bytes = ABSENT_STREAM;
	enum nd_status st;
	uint8_t *contents;

	if (stream < msf->stream_count)
		bytes = nd_le32(msf->directory + 4 * (size_t)(1 + stream));
	if (bytes == ABSENT_STREAM)
		bytes = 0;
	if (bytes > msf->file_bytes || bytes > ND_MSF_MAX_STREAM_BYTES) {
		nd_error_set(msf->err, "stream %u of the PDB is too large", stream);
		return ND_EFORMAT;
	}
	contents = malloc((size_t)bytes + 1);
	if (contents == NULL)
		return ND_ENOMEM;
	if (bytes > 0) {
		st = read_blocks(msf, msf->directory + 4 * (size_t)msf->first_word[stream], bytes,
				 contents);
		if (st != ND_OK) {
			free(contents);
			return st;
		}
	}
	*ret = contents;
	*len = bytes;
	return ND_OK;
}

void nd_msf_close(struct nd_msf *msf)
{
	free(msf->directory);
	free(msf->first_word);
	msf->directory = NULL;
	msf->first_word = NULL;
	msf->stream_count = 0;
}
