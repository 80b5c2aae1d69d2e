/*
 * engine/sym/pdb.c - reads a PDB file: its identity, the sections of its image and its public
 * symbols here; its types in pdb_types.c.
 */
#include "sym/msf.h"
#include "sym/pdb.h"
#include "sym/symio.h"

#include <stdlib.h>
#include <unistd.h>

enum { STREAM_INFO = 1, STREAM_TYPES = 2, STREAM_DEBUG = 3 };
enum { DEBUG_OMAP_FROM_SOURCE = 4, DEBUG_SECTIONS = 5, DEBUG_ORIGINAL_SECTIONS = 10 };
enum { S_PUB32_ST = 0x1009, S_PUB32 = 0x110e };

#define DBI_HEADER_BYTES 64u
#define SECTION_BYTES 40u
#define OMAP_BYTES 8u
#define NO_STREAM 0xffffu

struct bytes {
	uint8_t *at;
	size_t len;
};

struct pdb {
	struct nd_msf msf;
	struct nd_symbuild build;
	struct nd_error err;
	struct nd_guid_age id;
	uint16_t symbol_stream;
	struct bytes debug;    /* the DBI stream */
	struct bytes streams;  /* the optional debug header, within `debug`: u16 stream numbers */
	struct bytes sections; /* headers of the sections that symbols refer to */
	struct bytes omap; /* from those addresses to the image's; empty: they are the image's */
};

static enum nd_status refuse(struct pdb *pdb, const char *why)
{
	nd_error_set(&pdb->err, "%s", why);
	return ND_EFORMAT;
}

static enum nd_status load(struct pdb *pdb, uint32_t stream, struct bytes *ret)
{
	free(ret->at);
	*ret = (struct bytes){ 0 };
	return nd_msf_stream(&pdb->msf, stream, &ret->at, &ret->len);
}

static enum nd_status read_info(struct pdb *pdb)
{
	struct bytes info = { 0 };
	enum nd_status st = load(pdb, STREAM_INFO, &info);

	if (st == ND_OK && info.len < 28)
		st = refuse(pdb, "the PDB's information stream is too short");
	if (st == ND_OK) {
		pdb->id.age = nd_le32(info.at + 8);
		memcpy(pdb->id.guid, info.at + 12, sizeof(pdb->id.guid));
	}
	free(info.at);
	return st;
}

/* Where the optional debug header lies: behind the substreams, whose sizes the header has. */
static enum nd_status find_debug_header(struct pdb *pdb)
{
	static const uint8_t before[] = { 24, 28, 32, 36, 40, 52 };
	const uint8_t *dbi = pdb->debug.at;
	size_t at = DBI_HEADER_BYTES;
	uint32_t len = nd_le32(dbi + 48);

	for (size_t i = 0; i < sizeof(before); i++) {
		uint32_t part = nd_le32(dbi + before[i]);

		if (part > pdb->debug.len - at)
			return refuse(pdb, "the PDB's debug information stream is damaged");
		at += part;
	}
	if (len > pdb->debug.len - at)
		return refuse(pdb, "the PDB's debug information stream is damaged");
	pdb->streams = (struct bytes){ pdb->debug.at + at, len };
	return ND_OK;
}

/* The stream with that place in the optional debug header; empty when there is none. */
static enum nd_status load_debug(struct pdb *pdb, uint32_t place, struct bytes *ret)
{
	uint32_t stream = NO_STREAM;

	if (pdb->streams.len / 2 > place)
		stream = nd_le16(pdb->streams.at + 2 * (size_t)place);
	return load(pdb, stream == NO_STREAM ? UINT32_MAX : stream, ret);
}

/* Sections, and the map for an image whose parts were moved after linking. */
static enum nd_status read_sections(struct pdb *pdb)
{
	enum nd_status st = load_debug(pdb, DEBUG_OMAP_FROM_SOURCE, &pdb->omap);
	bool moved = st == ND_OK && pdb->omap.len >= OMAP_BYTES;

	if (st == ND_OK)
		st = load_debug(pdb, moved ? DEBUG_ORIGINAL_SECTIONS : DEBUG_SECTIONS,
				&pdb->sections);
	if (st != ND_OK || !moved)
		return st;
	for (size_t i = 1; i < pdb->omap.len / OMAP_BYTES; i++) {
		const uint8_t *row = pdb->omap.at + i * OMAP_BYTES;

		if (nd_le32(row) < nd_le32(row - OMAP_BYTES))
			return refuse(pdb, "the PDB's address map is not sorted");
	}
	return ND_OK;
}

static enum nd_status read_age(struct pdb *pdb)
{
	if (pdb->debug.len < DBI_HEADER_BYTES || nd_le32(pdb->debug.at) != UINT32_MAX)
		return refuse(pdb, "the PDB's debug information stream is damaged");
	pdb->id.age = nd_le32(pdb->debug.at + 8);
	return ND_OK;
}

static enum nd_status read_debug(struct pdb *pdb)
{
	enum nd_status st = load(pdb, STREAM_DEBUG, &pdb->debug);

	pdb->symbol_stream = NO_STREAM;
	if (st != ND_OK || pdb->debug.len == 0)
		return st; /* types only: the age of the information stream stands */
	st = read_age(pdb);
	if (st != ND_OK)
		return st;
	pdb->symbol_stream = nd_le16(pdb->debug.at + 20);
	st = find_debug_header(pdb);
	return st == ND_OK ? read_sections(pdb) : st;
}

/* The image's address of what the linker had at `rva`; false when it was removed. */
static bool map_moved(const struct pdb *pdb, uint32_t rva, uint32_t *ret)
{
	size_t low = 0, high = pdb->omap.len / OMAP_BYTES;
	uint32_t source, target;

	while (low < high) {
		size_t mid = low + (high - low) / 2;

		if (nd_le32(pdb->omap.at + mid * OMAP_BYTES) <= rva)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == 0)
		return false;
	source = nd_le32(pdb->omap.at + (low - 1) * OMAP_BYTES);
	target = nd_le32(pdb->omap.at + (low - 1) * OMAP_BYTES + 4);
	return target != 0 && !__builtin_add_overflow(target, rva - source, ret);
}

/* False for what has no address in the image: absolute symbols, removed code. */
static bool find_rva(const struct pdb *pdb, uint16_t segment, uint32_t offset, uint32_t *ret)
{
	uint32_t rva;

	if (segment == 0 || segment > pdb->sections.len / SECTION_BYTES)
		return false;
	rva = nd_le32(pdb->sections.at + (size_t)(segment - 1) * SECTION_BYTES + 12);
	if (__builtin_add_overflow(rva, offset, &rva))
		return false;
	if (pdb->omap.len >= OMAP_BYTES)
		return map_moved(pdb, rva, ret);
	*ret = rva;
	return true;
}

static void read_public(struct pdb *pdb, uint16_t kind, struct nd_cursor c)
{
	uint32_t flags = nd_cursor_u32(&c);
	uint32_t offset = nd_cursor_u32(&c);
	uint16_t segment = nd_cursor_u16(&c);
	const char *name;
	size_t len;
	uint32_t rva;

	if (kind == S_PUB32) {
		name = nd_cursor_name(&c);
		len = c.bad ? 0 : strlen(name);
	} else {
		len = nd_cursor_u8(&c);
		name = (const char *)nd_cursor_take(&c, len);
		if (c.bad || memchr(name, '\0', len) != NULL)
			len = 0;
	}
	if (len > 0 && find_rva(pdb, segment, offset, &rva))
		nd_symbuild_public(&pdb->build, rva, flags & (ND_PUBLIC_CODE | ND_PUBLIC_FUNCTION),
				   nd_symbuild_name(&pdb->build, name, len));
}

static enum nd_status read_publics(struct pdb *pdb)
{
	struct bytes records = { 0 };
	size_t at = 0;
	enum nd_status st;

	if (pdb->symbol_stream == NO_STREAM)
		return ND_OK;
	st = load(pdb, pdb->symbol_stream, &records);
	while (st == ND_OK && records.len - at >= 4) {
		uint16_t len = nd_le16(records.at + at);
		uint16_t kind = nd_le16(records.at + at + 2);

		if (len < 2 || len > records.len - at - 2)
			break; /* what was read until here stands */
		if (kind == S_PUB32 || kind == S_PUB32_ST)
			read_public(pdb, kind,
				    (struct nd_cursor){ .at = records.at + at + 4,
							.end = records.at + at + 2 + len });
		at += (size_t)len + 2;
		st = pdb->build.st;
	}
	free(records.at);
	return st;
}

static enum nd_status read_types(struct pdb *pdb)
{
	struct bytes types = { 0 };
	enum nd_status st = load(pdb, STREAM_TYPES, &types);

	if (st == ND_OK && types.len > 0)
		st = nd_pdb_read_types(&pdb->build, types.at, types.len, &pdb->err);
	free(types.at);
	return st;
}

static enum nd_status read_parts(struct pdb *pdb, int fd, const void *memory, size_t len)
{
	enum nd_status st = nd_msf_open(&pdb->msf, fd, memory, len, &pdb->err);

	if (st == ND_OK)
		st = read_info(pdb);
	if (st == ND_OK)
		st = read_debug(pdb);
	if (st == ND_OK)
		st = read_publics(pdb);
	if (st == ND_OK)
		st = read_types(pdb);
	nd_msf_close(&pdb->msf);
	free(pdb->debug.at);
	free(pdb->sections.at);
	free(pdb->omap.at);
	return st;
}

static enum nd_status read_pdb(const char *path, int fd, const void *memory, size_t len,
			       struct nd_symfile **ret, struct nd_error *err)
{
	struct pdb pdb = { 0 };
	struct nd_symfile *file = NULL;
	enum nd_status st;

	nd_symbuild_begin(&pdb.build, ND_SYMFILE_PDB, path);
	st = pdb.build.st == ND_OK ? read_parts(&pdb, fd, memory, len) : ND_ENOMEM;
	nd_symbuild_fail(&pdb.build, st);
	st = nd_symbuild_finish(&pdb.build, &file);
	if (st != ND_OK) {
		if (pdb.err.text[0] == '\0')
			nd_error_set(&pdb.err,
				     "out of memory, or larger than a symbol file can be");
		nd_error_set(err, "%s: %s", path, pdb.err.text);
		return st;
	}
	nd_symbuild_sort_fields(file);
	file->id = pdb.id;
	file->id_known = true;
	*ret = file;
	return ND_OK;
}

enum nd_status nd_pdb_read_memory(const char *path, const void *bytes, size_t len,
				  struct nd_symfile **ret, struct nd_error *err)
{
	return read_pdb(path, -1, bytes, len, ret, err);
}

enum nd_status nd_pdb_read(const char *path, struct nd_symfile **ret, struct nd_error *err)
{
	int fd = nd_symio_open_file(path, err);
	enum nd_status st;

	if (fd < 0)
		return ND_EIO;
	st = read_pdb(path, fd, NULL, 0, ret, err);
	close(fd);
	return st;
}

enum nd_status nd_pdb_read_id(const char *path, struct nd_guid_age *ret, struct nd_error *err)
{
	int fd = nd_symio_open_file(path, err);
	struct pdb pdb = { 0 };
	enum nd_status st;

	if (fd < 0)
		return ND_EIO;
	st = nd_msf_open(&pdb.msf, fd, NULL, 0, &pdb.err);
	if (st == ND_OK)
		st = read_info(&pdb);
	if (st == ND_OK)
		st = load(&pdb, STREAM_DEBUG, &pdb.debug);
	if (st == ND_OK && pdb.debug.len > 0)
		st = read_age(&pdb);
	nd_msf_close(&pdb.msf);
	free(pdb.debug.at);
	close(fd);
	if (st == ND_OK)
		*ret = pdb.id;
	else
		nd_error_set(err, "%s: %s", path, pdb.err.text[0] ? pdb.err.text : "out of memory");
	return st;
}
