/*
 * engine/sym/pe.c - reads PE headers, the debug directory, exports and .pdata from mapped images.
 */
#include <stdlib.h>
#include <string.h>

#include "sym/pe.h"

#define DOS_HEADER_BYTES 64u
#define DOS_MAGIC 0x5a4d
#define OPTIONAL32_MIN 96u /* up to the data directories */
#define OPTIONAL64_MIN 112u
#define HEADERS_MAX 4096u
#define DEBUG_ENTRIES_MAX 64u
#define DEBUG_TYPE_CODEVIEW 2u
#define CHAIN_MAX 32u /* UNW_FLAG_CHAININFO hops; compilers make one or two */
#define UNW_FLAG_CHAININFO 4u
#define FUNCTION_BYTES 12u /* of an entry of .pdata */
#define PROBES_MAX 256u	   /* pages of .pdata that are looked at on each side of an absent one */

static enum nd_status read_rva(const struct nd_pe *pe, uint64_t rva, void *buf, size_t bytes)
{
	if (rva > pe->size_bytes || bytes > pe->size_bytes - rva)
		return ND_INVALID;
	return nd_read(&pe->space, pe->base + rva, buf, bytes);
}

enum nd_status nd_pe_bytes(const struct nd_pe *pe, uint64_t rva, void *buf, size_t bytes)
{
	return read_rva(pe, rva, buf, bytes);
}

static void parse_sections(struct nd_pe *pe, const uint8_t *p, size_t len, uint32_t count)
{
	count = count < ND_PE_SECTIONS_MAX ? count : ND_PE_SECTIONS_MAX;
	for (uint32_t i = 0; i < count && len - (size_t)i * 40 >= 40; i++) {
		const uint8_t *s = p + (size_t)i * 40;
		struct nd_pe_section *section = &pe->section[pe->section_count++];

		memcpy(section->name, s, 8);
		section->bytes = nd_le32(s + 8);
		section->rva = nd_le32(s + 12);
		section->characteristics = nd_le32(s + 36);
	}
}

static enum nd_status parse_headers(struct nd_pe *pe, const uint8_t *page, size_t len)
{
	uint32_t nt, optional_bytes, directories_at, directories;
	const uint8_t *o;

	if (len < DOS_HEADER_BYTES || nd_le16(page) != DOS_MAGIC)
		return ND_INVALID;
	nt = nd_le32(page + 0x3c);
	if (nt > len || len - nt < 24 + OPTIONAL64_MIN || nd_le32(page + nt) != 0x4550)
		return ND_INVALID;
	pe->machine = nd_le16(page + nt + 4);
	pe->timestamp = nd_le32(page + nt + 8);
	optional_bytes = nd_le16(page + nt + 20);
	pe->characteristics = nd_le16(page + nt + 22);
	o = page + nt + 24;
	pe->pe32_plus = nd_le16(o) == 0x20b;
	if (!pe->pe32_plus && nd_le16(o) != 0x10b)
		return ND_INVALID;
	pe->entry_rva = nd_le32(o + 16);
	pe->size_bytes = nd_le32(o + 56);
	pe->checksum = nd_le32(o + 64);
	directories_at = pe->pe32_plus ? OPTIONAL64_MIN : OPTIONAL32_MIN;
	directories = nd_le32(o + directories_at - 4);
	for (uint32_t i = 0; i < ND_PE_DIRECTORIES && i < directories; i++) {
		size_t at = (size_t)nt + 24 + directories_at + (size_t)i * 8;

		if (at > len || len - at < 8)
			break;
		pe->directory[i].rva = nd_le32(page + at);
		pe->directory[i].bytes = nd_le32(page + at + 4);
	}
	if (nt + 24 + optional_bytes <= len)
		parse_sections(pe, o + optional_bytes, len - nt - 24 - optional_bytes,
			       nd_le16(page + nt + 6));
	return ND_OK;
}

enum nd_status nd_pe_read(const struct nd_space *space, nd_va base, struct nd_pe *ret)
{
	uint8_t page[HEADERS_MAX] = { 0 };
	struct nd_pe pe = { .space = *space, .base = base };
	size_t got;
	enum nd_status missing, st = nd_read_some(space, base, page, sizeof(page), &got);

	if (nd_is_failure(st) || got < DOS_HEADER_BYTES)
		return st == ND_OK ? ND_INVALID : st;
	missing = st;
	st = parse_headers(&pe, page, got);
	if (st == ND_INVALID && got < sizeof(page) && nd_le16(page) == DOS_MAGIC)
		st = missing; /* they go on where the dump does not */
	if (st == ND_OK)
		*ret = pe;
	return st;
}

const struct nd_pe_section *nd_pe_section_of(const struct nd_pe *pe, uint32_t rva)
{
	for (uint32_t i = 0; i < pe->section_count; i++) {
		const struct nd_pe_section *s = &pe->section[i];

		if (rva >= s->rva && rva - s->rva < s->bytes)
			return s;
	}
	return NULL;
}

/* The last component of a path, if it is plain: what a symbol store can be asked for. */
static bool pdb_base_name(const uint8_t *path, size_t len, char ret[64])
{
	size_t from = 0, count;

	for (size_t i = 0; i < len; i++)
		if (path[i] == '\\' || path[i] == '/')
			from = i + 1;
	count = len - from;
	if (count == 0 || count > 63)
		return false;
	for (size_t i = 0; i < count; i++)
		if (path[from + i] < 0x21 || path[from + i] > 0x7e)
			return false;
	memcpy(ret, path + from, count);
	ret[count] = '\0';
	return true;
}

static enum nd_status read_codeview(const struct nd_pe *pe, uint32_t rva, uint32_t bytes,
				    struct nd_guid_age *ret_id, char ret_name[64])
{
	uint8_t record[24 + 260] = { 0 };
	size_t len = bytes < sizeof(record) ? bytes : sizeof(record), path_len = 0;
	enum nd_status st = len < 25 ? ND_INVALID : read_rva(pe, rva, record, len);

	if (st != ND_OK)
		return st;
	if (memcmp(record, "RSDS", 4) != 0)
		return ND_INVALID;
	while (24 + path_len < len && record[24 + path_len] != 0)
		path_len++;
	if (!pdb_base_name(record + 24, path_len, ret_name))
		return ND_INVALID;
	memcpy(ret_id->guid, record + 4, 16);
	ret_id->age = nd_le32(record + 20);
	return ND_OK;
}

enum nd_status nd_pe_rsds(const struct nd_pe *pe, struct nd_guid_age *ret_id, char ret_name[64])
{
	const struct nd_pe_directory *d = &pe->directory[ND_PE_DEBUG];
	uint32_t entries = d->bytes / 28;

	if (d->rva == 0 || entries == 0)
		return ND_NONE;
	entries = entries < DEBUG_ENTRIES_MAX ? entries : DEBUG_ENTRIES_MAX;
	for (uint32_t i = 0; i < entries; i++) {
		uint8_t entry[28];
		enum nd_status st = read_rva(pe, (uint64_t)d->rva + i * 28u, entry, sizeof(entry));

		if (st != ND_OK)
			return st;
		if (nd_le32(entry + 12) == DEBUG_TYPE_CODEVIEW)
			return read_codeview(pe, nd_le32(entry + 20), nd_le32(entry + 16), ret_id,
					     ret_name);
	}
	return ND_NONE;
}

static int by_rva(const void *a, const void *b)
{
	const struct nd_export *x = a, *y = b;

	if (x->rva != y->rva)
		return x->rva < y->rva ? -1 : 1;
	return x->name_rva < y->name_rva ? -1 : x->name_rva > y->name_rva;
}

/* The three arrays of an export directory, copied. */
struct export_arrays {
	uint8_t *functions, *names, *ordinals;
	uint32_t function_count, name_count, ordinal_base;
};

static enum nd_status copy_array(const struct nd_pe *pe, uint32_t rva, uint32_t count,
				 uint32_t each, uint8_t **ret)
{
	*ret = calloc((size_t)count + 1, each); /* count <= ND_PE_EXPORTS_MAX */
	if (!*ret)
		return ND_ENOMEM;
	return count ? read_rva(pe, rva, *ret, (size_t)count * each) : ND_OK;
}

static enum nd_status read_arrays(const struct nd_pe *pe, struct export_arrays *a)
{
	const struct nd_pe_directory *d = &pe->directory[ND_PE_EXPORT];
	uint8_t dir[40];
	enum nd_status st;

	if (d->rva == 0 || d->bytes == 0)
		return ND_NONE;
	st = read_rva(pe, d->rva, dir, sizeof(dir));
	if (st != ND_OK)
		return st;
	a->ordinal_base = nd_le32(dir + 16);
	a->function_count = nd_le32(dir + 20);
	a->name_count = nd_le32(dir + 24);
	if (a->function_count > ND_PE_EXPORTS_MAX || a->name_count > ND_PE_EXPORTS_MAX)
		return ND_INVALID;
	st = copy_array(pe, nd_le32(dir + 28), a->function_count, 4, &a->functions);
	if (st == ND_OK)
		st = copy_array(pe, nd_le32(dir + 32), a->name_count, 4, &a->names);
	if (st == ND_OK)
		st = copy_array(pe, nd_le32(dir + 36), a->name_count, 2, &a->ordinals);
	return st;
}

static void add_export(const struct nd_pe *pe, const struct export_arrays *a, uint32_t index,
		       uint32_t name_rva, struct nd_exports *list)
{
	const struct nd_pe_directory *d = &pe->directory[ND_PE_EXPORT];
	uint32_t rva = nd_le32(a->functions + (size_t)index * 4);

	if (rva == 0 || rva >= pe->size_bytes)
		return;
	list->item[list->count++] = (struct nd_export){
		.rva = rva,
		.name_rva = name_rva,
		.ordinal = (uint16_t)(a->ordinal_base + index),
		.forwarder = rva >= d->rva && rva - d->rva < d->bytes,
	};
}

static enum nd_status fill_exports(const struct nd_pe *pe, const struct export_arrays *a,
				   struct nd_exports *list)
{
	size_t most = (size_t)a->function_count + a->name_count;
	uint8_t *named = calloc(a->function_count ? a->function_count : 1, 1);

	list->item = malloc((most ? most : 1) * sizeof(*list->item));
	if (!named || !list->item) {
		free(named);
		return ND_ENOMEM;
	}
	for (uint32_t i = 0; i < a->name_count; i++) {
		uint32_t index = nd_le16(a->ordinals + (size_t)i * 2);

		if (index >= a->function_count)
			continue;
		named[index] = 1;
		add_export(pe, a, index, nd_le32(a->names + (size_t)i * 4), list);
	}
	for (uint32_t i = 0; i < a->function_count; i++)
		if (!named[i])
			add_export(pe, a, i, 0, list);
	free(named);
	if (list->count > 1)
		qsort(list->item, list->count, sizeof(*list->item), by_rva);
	return ND_OK;
}

enum nd_status nd_pe_exports_read(const struct nd_pe *pe, struct nd_exports *ret)
{
	struct export_arrays a = { 0 };
	struct nd_exports list = { 0 };
	enum nd_status st = read_arrays(pe, &a);

	if (st == ND_OK)
		st = fill_exports(pe, &a, &list);
	free(a.functions);
	free(a.names);
	free(a.ordinals);
	if (nd_is_failure(st)) {
		free(list.item);
		return st;
	}
	list.st = st;
	*ret = list;
	return ND_OK;
}

void nd_exports_free(struct nd_exports *exports)
{
	free(exports->item);
	*exports = (struct nd_exports){ 0 };
}

enum nd_status nd_pe_name(const struct nd_pe *pe, uint32_t name_rva, char ret[ND_PE_NAME_MAX])
{
	size_t got, most = ND_PE_NAME_MAX;
	enum nd_status st;

	if (name_rva >= pe->size_bytes)
		return ND_INVALID;
	most = pe->size_bytes - name_rva < most ? pe->size_bytes - name_rva : most;
	st = nd_read_some(&pe->space, pe->base + name_rva, ret, most, &got);
	if (nd_is_failure(st))
		return st;
	if (got > 0 && memchr(ret, '\0', got))
		return ret[0] != '\0' ? ND_OK : ND_INVALID;
	return st != ND_OK ? st : ND_INVALID;
}

static enum nd_status read_function(const struct nd_pe *pe, uint64_t rva,
				    struct nd_runtime_function *ret)
{
	uint8_t raw[FUNCTION_BYTES];
	enum nd_status st = read_rva(pe, rva, raw, sizeof(raw));

	if (st == ND_OK)
		*ret = (struct nd_runtime_function){ nd_le32(raw), nd_le32(raw + 4),
						     nd_le32(raw + 8) };
	return st;
}

static enum nd_status read_entry(const struct nd_pe *pe, uint32_t index,
				 struct nd_runtime_function *ret)
{
	return read_function(
		pe, (uint64_t)pe->directory[ND_PE_EXCEPTION].rva + (uint64_t)index * FUNCTION_BYTES,
		ret);
}

/*
 * The entry to compare with: the middle one of [low, high), or where its page is absent the nearest
 * one on another page. Else the reason why the middle one is missing.
 */
static enum nd_status probe(const struct nd_pe *pe, uint32_t low, uint32_t high, uint32_t *ret,
			    struct nd_runtime_function *ret_entry)
{
	uint64_t table = pe->base + pe->directory[ND_PE_EXCEPTION].rva;
	uint32_t middle = low + (high - low) / 2;
	uint64_t page =
		(table + (uint64_t)middle * FUNCTION_BYTES) & ~(uint64_t)(ND_PAGE_BYTES - 1);
	enum nd_status first = read_entry(pe, middle, ret_entry), st = first;

	*ret = middle;
	for (uint64_t away = 0; nd_is_missing(st) && away < PROBES_MAX * ND_PAGE_BYTES;
	     away += ND_PAGE_BYTES) {
		uint64_t up =
			(page + ND_PAGE_BYTES + away - table + FUNCTION_BYTES - 1) / FUNCTION_BYTES;
		bool is_down = page >= table + away + FUNCTION_BYTES;
		uint64_t down = is_down ? (page - away - table) / FUNCTION_BYTES - 1 : 0;

		is_down = is_down && down >= low && down < middle;
		if (up >= high && !is_down)
			break;
		if (up > middle && up < high) {
			*ret = (uint32_t)up;
			st = read_entry(pe, *ret, ret_entry);
		}
		if (nd_is_missing(st) && is_down) {
			*ret = (uint32_t)down;
			st = read_entry(pe, *ret, ret_entry);
		}
	}
	return nd_is_missing(st) ? first : st;
}

enum nd_status nd_pe_runtime_function(const struct nd_pe *pe, uint32_t rva,
				      struct nd_runtime_function *ret)
{
	const struct nd_pe_directory *d = &pe->directory[ND_PE_EXCEPTION];
	uint32_t low = 0, high = d->bytes / FUNCTION_BYTES, at = 0;
	struct nd_runtime_function below = { 0 }, above = { .begin = UINT32_MAX }, f;
	enum nd_status st = ND_OK;

	if (d->rva == 0 || high == 0 || pe->machine != 0x8664)
		return ND_NO_SYMBOLS;
	/* Entries before `low` begin at or below rva, those from `high` on above it. */
	while (low < high && st == ND_OK) {
		st = probe(pe, low, high, &at, &f);
		if (st == ND_OK && f.begin > rva) {
			above = f;
			high = at;
		} else if (st == ND_OK) {
			below = f;
			low = at + 1;
		}
	}
	if (nd_is_failure(st))
		return st;
	if (rva >= below.begin && rva < below.end) { /* entries do not overlap */
		*ret = below;
		return ND_OK;
	}
	if (st != ND_OK)
		return st; /* what could hold it is not there */
	*ret = (struct nd_runtime_function){ .begin = below.end, .end = above.begin };
	return ND_NONE;
}

/* Where the function begins that a fragment belongs to: follow UNW_FLAG_CHAININFO. */
static uint32_t primary_begin(const struct nd_pe *pe, struct nd_runtime_function f)
{
	for (unsigned hop = 0; hop < CHAIN_MAX; hop++) {
		uint8_t info[4];
		uint64_t next;

		if (f.unwind & 1) { /* the field points at another entry */
			next = f.unwind & ~1u;
		} else {
			if (read_rva(pe, f.unwind, info, sizeof(info)) != ND_OK ||
			    !(info[0] >> 3 & UNW_FLAG_CHAININFO))
				return f.begin;
			next = (uint64_t)f.unwind + 4 + 2u * ((info[2] + 1u) & ~1u);
		}
		if (read_function(pe, next, &f) != ND_OK)
			return f.begin;
	}
	return f.begin;
}

enum nd_status nd_pe_function(const struct nd_pe *pe, uint32_t rva, struct nd_function *ret)
{
	struct nd_runtime_function f;
	enum nd_status st = nd_pe_runtime_function(pe, rva, &f);

	if (st == ND_OK)
		*ret = (struct nd_function){ f.begin, f.end, primary_begin(pe, f) };
	else if (st == ND_NONE)
		*ret = (struct nd_function){ .begin = f.begin, .end = f.end };
	return st;
}
