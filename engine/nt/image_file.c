/*
 * engine/nt/image_file.c - shows a mapped PE image as a file: its header says that sections lie at
 * their RVAs.
 */
#include <string.h>

#include "nt/image_file.h"

/* Offsets in the headers: PE/COFF specification. */
enum {
	DOS_LFANEW = 0x3c,
	DOS_BYTES = 0x40,
	NT_SECTIONS = 6,
	NT_SYMBOLS = 12, /* PointerToSymbolTable, NumberOfSymbols */
	NT_OPTIONAL_BYTES = 20,
	NT_OPTIONAL = 24,
	OPTIONAL_IMAGE_BASE64 = 24,
	OPTIONAL_IMAGE_BASE32 = 28,
	OPTIONAL_SECTION_ALIGNMENT = 32,
	OPTIONAL_FILE_ALIGNMENT = 36,
	OPTIONAL_IMAGE_BYTES = 56,
	OPTIONAL_BYTES_MIN = 96,
	OPTIONAL_DIRECTORIES64 = 112,
	OPTIONAL_DIRECTORIES32 = 96,
	DIRECTORY_CERTIFICATES = 4,
	SECTION_BYTES = 40,
	SECTION_VIRTUAL_SIZE = 8,
	SECTION_RVA = 12,
	SECTION_RAW_SIZE = 16,
	SECTION_RAW_AT = 20,
	SECTION_REST = 24, /* relocations, line numbers, their counts: 12 bytes */
};

#define MAGIC_DOS 0x5a4du
#define MAGIC_NT 0x4550u
#define MAGIC_PE32 0x10bu
#define MAGIC_PE32_PLUS 0x20bu

static void put32(uint8_t *p, uint64_t v)
{
	for (unsigned i = 0; i < 4; i++)
		p[i] = (uint8_t)(v >> 8 * i);
}

static void put64(uint8_t *p, uint64_t v)
{
	put32(p, v);
	put32(p + 4, v >> 32);
}

/* A section is where memory has it, and no longer than up to the end of the image. */
static void change_section(uint8_t *s, uint32_t alignment, uint64_t image_bytes)
{
	uint32_t rva = nd_le32(s + SECTION_RVA);
	uint64_t bytes = nd_le32(s + SECTION_VIRTUAL_SIZE);

	if (bytes == 0)
		bytes = nd_le32(s + SECTION_RAW_SIZE);
	if (alignment != 0 && (alignment & (alignment - 1)) == 0)
		bytes = (bytes + alignment - 1) & ~(uint64_t)(alignment - 1);
	if (rva >= image_bytes)
		bytes = 0;
	else if (bytes > image_bytes - rva)
		bytes = image_bytes - rva;
	put32(s + SECTION_RAW_AT, bytes != 0 ? rva : 0);
	put32(s + SECTION_RAW_SIZE, bytes);
	memset(s + SECTION_REST, 0, 12);
}

/* The headers of the page at f->head, of which `len` bytes are there. False: no PE image. */
static bool change_headers(struct nd_image_file *f, size_t len, uint64_t *ret_bytes)
{
	uint32_t nt, optional_bytes, alignment, sections;
	uint8_t *o;
	bool plus;

	if (len < DOS_BYTES || nd_le16(f->head) != MAGIC_DOS)
		return false;
	nt = nd_le32(f->head + DOS_LFANEW);
	if (nt > len || len - nt < NT_OPTIONAL + OPTIONAL_BYTES_MIN ||
	    nd_le32(f->head + nt) != MAGIC_NT)
		return false;
	o = f->head + nt + NT_OPTIONAL;
	plus = nd_le16(o) == MAGIC_PE32_PLUS;
	if (!plus && nd_le16(o) != MAGIC_PE32)
		return false;
	if (*ret_bytes == 0)
		*ret_bytes = nd_le32(o + OPTIONAL_IMAGE_BYTES);
	alignment = nd_le32(o + OPTIONAL_SECTION_ALIGNMENT);
	put32(o + OPTIONAL_FILE_ALIGNMENT, alignment);
	put32(f->head + nt + NT_SYMBOLS, 0);
	put32(f->head + nt + NT_SYMBOLS + 4, 0);
	if (plus)
		put64(o + OPTIONAL_IMAGE_BASE64, f->base);
	else
		put32(o + OPTIONAL_IMAGE_BASE32, f->base);
	optional_bytes = nd_le16(f->head + nt + NT_OPTIONAL_BYTES);
	size_t certificates = (plus ? OPTIONAL_DIRECTORIES64 : OPTIONAL_DIRECTORIES32) +
			      8u * DIRECTORY_CERTIFICATES;
	if (optional_bytes >= certificates + 8 && len - nt - NT_OPTIONAL >= certificates + 8)
		put64(o + certificates, 0);
	sections = nd_le16(f->head + nt + NT_SECTIONS);
	for (uint64_t i = 0, at = (uint64_t)nt + NT_OPTIONAL + optional_bytes;
	     i < sections && at <= len && len - at >= SECTION_BYTES; i++, at += SECTION_BYTES)
		change_section(f->head + at, alignment, *ret_bytes);
	return true;
}

enum nd_status nd_image_file_open(const struct nd_space *space, const struct nd_module *m,
				  struct nd_image_file *ret)
{
	struct nd_image_file f = { .space = *space, .base = m->base };
	size_t got = 0;
	enum nd_status st;

	if (m->base_st != ND_OK)
		return ND_NONE;
	if (m->size.st == ND_OK && m->size.value <= ND_IMAGE_FILE_BYTES_MAX)
		f.bytes = m->size.value;
	st = nd_read_some(space, m->base, f.head, sizeof(f.head), &got);
	if (nd_is_failure(st))
		return st;
	if (change_headers(&f, got, &f.bytes))
		f.head_bytes = (uint32_t)got;
	if (f.bytes == 0 || f.bytes > ND_IMAGE_FILE_BYTES_MAX || f.bytes - 1 > UINT64_MAX - f.base)
		return ND_NONE;
	*ret = f;
	return ND_OK;
}

/* What the changed header holds of [offset, offset + len): that many bytes. */
static size_t read_head(const struct nd_image_file *f, uint64_t offset, uint8_t *buf, size_t len)
{
	size_t now;

	if (offset >= f->head_bytes)
		return 0;
	now = f->head_bytes - (size_t)offset;
	now = now < len ? now : len;
	memcpy(buf, f->head + offset, now);
	return now;
}

enum nd_status nd_image_file_read(const struct nd_image_file *f, uint64_t offset, uint8_t *buf,
				  size_t len)
{
	size_t done = read_head(f, offset, buf, len);

	memset(buf + done, 0, len - done);
	while (done < len) {
		nd_va va = f->base + offset + done;
		size_t page = ND_PAGE_BYTES - (size_t)(va % ND_PAGE_BYTES), got;
		size_t now = page < len - done ? page : len - done;
		enum nd_status st = nd_read_some(&f->space, va, buf + done, now, &got);

		if (nd_is_failure(st))
			return st;
		done += now;
	}
	return ND_OK;
}

/* Whether the byte at va can be read. */
static enum nd_status is_there(const struct nd_image_file *f, nd_va va, bool *ret)
{
	uint8_t byte;
	size_t got = 0;
	enum nd_status st = nd_read_some(&f->space, va, &byte, 1, &got);

	if (nd_is_failure(st))
		return st;
	*ret = got == 1;
	return ND_OK;
}

enum nd_status nd_image_file_seek(const struct nd_image_file *f, uint64_t offset, bool hole,
				  uint64_t *ret)
{
	while (offset < f->bytes) {
		nd_va va = f->base + offset;
		bool there = offset < f->head_bytes;
		enum nd_status st = there ? ND_OK : is_there(f, va, &there);

		if (st != ND_OK)
			return st;
		if (there != hole) {
			*ret = offset;
			return ND_OK;
		}
		offset += ND_PAGE_BYTES - va % ND_PAGE_BYTES;
	}
	if (!hole)
		return ND_ENOENT;
	*ret = f->bytes;
	return ND_OK;
}
