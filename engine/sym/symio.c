/*
 * engine/sym/symio.c - reads a symbol file piece by piece, through liblzma when it is xz.
 */
#include "sym/symio.h"

#include <errno.h>
#include <fcntl.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#define XZ_MEMORY_BYTES (160u << 20) /* xz -9 asks for 65 MiB */

static const uint8_t xz_magic[6] = { 0xfd, '7', 'z', 'X', 'Z', 0 };

int nd_symio_open_file(const char *path, struct nd_error *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NOCTTY | O_NONBLOCK);
	struct stat st;

	if (fd < 0) {
		nd_error_set(err, "%s: %s", path, strerror(errno));
		return -1;
	}
	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode)) {
		nd_error_set(err, "%s: not a regular file", path);
		close(fd);
		return -1;
	}
	return fd;
}

/* Fill `in` from the file or the memory; *len 0 at the end. */
static enum nd_status fill(struct nd_symio *io, size_t *len, struct nd_error *err)
{
	ssize_t n;

	if (io->fd < 0) {
		*len = io->memory_len < sizeof(io->in) ? io->memory_len : sizeof(io->in);
		if (*len > 0) {
			memcpy(io->in, io->memory, *len);
			io->memory += *len;
		}
		io->memory_len -= *len;
		return ND_OK;
	}
	do {
		n = read(io->fd, io->in, sizeof(io->in));
	} while (n < 0 && errno == EINTR);
	if (n < 0) {
		nd_error_set(err, "read: %s", strerror(errno));
		return ND_EIO;
	}
	*len = (size_t)n;
	io->read_bytes += *len;
	if (io->read_bytes > ND_SYMIO_MAX_BYTES) {
		nd_error_set(err, "larger than a symbol file can be");
		return ND_EFORMAT;
	}
	return ND_OK;
}

static enum nd_status fill_xz(struct nd_symio *io, struct nd_error *err)
{
	size_t len;
	enum nd_status st = fill(io, &len, err);

	if (st != ND_OK)
		return st;
	io->xz.next_in = io->in;
	io->xz.avail_in = len;
	return ND_OK;
}

enum nd_status nd_symio_begin(struct nd_symio *io, int fd, const void *memory, size_t memory_len,
			      const char *path, struct nd_error *err)
{
	enum nd_status st;
	size_t len;

	io->fd = fd;
	io->memory = memory;
	io->memory_len = memory_len;
	io->is_xz = false;
	io->at_end = false;
	io->read_bytes = io->given_bytes = 0;
	io->xz = (lzma_stream)LZMA_STREAM_INIT;
	st = fill(io, &len, err);
	if (st != ND_OK)
		return st;
	io->xz.next_in = io->in; /* the first piece waits here, for a plain file as well */
	io->xz.avail_in = len;
	if (len < sizeof(xz_magic) || memcmp(io->in, xz_magic, sizeof(xz_magic)) != 0)
		return ND_OK;
	if (lzma_stream_decoder(&io->xz, XZ_MEMORY_BYTES, 0) != LZMA_OK) {
		nd_error_set(err, "%s: no memory for xz", path);
		return ND_ENOMEM;
	}
	io->is_xz = true;
	return ND_OK;
}

static enum nd_status next_plain(struct nd_symio *io, const uint8_t **ret, size_t *len,
				 struct nd_error *err)
{
	enum nd_status st = ND_OK;

	if (io->xz.avail_in == 0)
		st = fill_xz(io, err);
	if (st != ND_OK)
		return st;
	*ret = io->in;
	*len = io->xz.avail_in;
	io->xz.avail_in = 0;
	return ND_OK;
}

static enum nd_status next_xz(struct nd_symio *io, const uint8_t **ret, size_t *len,
			      struct nd_error *err)
{
	lzma_ret code = LZMA_OK;

	io->xz.next_out = io->out;
	io->xz.avail_out = sizeof(io->out);
	while (io->xz.avail_out > 0 && !io->at_end) {
		if (io->xz.avail_in == 0) {
			enum nd_status st = fill_xz(io, err);

			if (st != ND_OK)
				return st;
		}
		code = lzma_code(&io->xz, io->xz.avail_in == 0 ? LZMA_FINISH : LZMA_RUN);
		if (code == LZMA_STREAM_END)
			io->at_end = true;
		else if (code != LZMA_OK)
			break;
	}
	if (code != LZMA_OK && code != LZMA_STREAM_END) {
		nd_error_set(err, code == LZMA_MEM_ERROR || code == LZMA_MEMLIMIT_ERROR
					  ? "its xz compression needs too much memory"
					  : "the xz compressed data is damaged or cut short");
		return code == LZMA_MEM_ERROR ? ND_ENOMEM : ND_EFORMAT;
	}
	*ret = io->out;
	*len = sizeof(io->out) - io->xz.avail_out;
	return ND_OK;
}

enum nd_status nd_symio_next(struct nd_symio *io, const uint8_t **ret, size_t *len,
			     struct nd_error *err)
{
	const uint8_t *piece;
	size_t piece_len;
	enum nd_status st = io->is_xz ? next_xz(io, &piece, &piece_len, err)
				      : next_plain(io, &piece, &piece_len, err);

	if (st != ND_OK)
		return st;
	io->given_bytes += piece_len;
	if (io->given_bytes > ND_SYMIO_MAX_BYTES) {
		nd_error_set(err, "larger than a symbol file can be when unpacked");
		return ND_EFORMAT;
	}
	*ret = piece;
	*len = piece_len;
	return ND_OK;
}

void nd_symio_end(struct nd_symio *io)
{
	lzma_end(&io->xz);
}
