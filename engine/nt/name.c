/*
 * engine/nt/name.c - which symbol an address belongs to, and which address a symbol has.
 *
 * A symbol counts only inside its function: never the nearest lower export with an absurd offset.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "nt/name.h"

#define LEAF_MAX 0x1000u  /* a leaf function without .pdata is not longer than this */
#define ALIASES_MAX 256u

/*
 * Bounds of the function that holds rva: [*low, *high), where .pdata tells or a leaf may lie.
 * ND_OK also when .pdata is unreadable: then the bounds are those of a leaf.
 */
struct bounds {
	uint32_t low, high;
	bool exact; /* from a .pdata entry */
};

static enum nd_status bounds_of(const struct nd_pe *pe, uint32_t rva, struct bounds *ret)
{
	struct nd_function f;
	enum nd_status st = nd_pe_function(pe, rva, &f);
	uint32_t leaf = rva >= LEAF_MAX ? rva - LEAF_MAX + 1 : 0;

	if (nd_is_failure(st))
		return st;
	if (st == ND_OK) {
		*ret = (struct bounds){ f.primary <= f.begin ? f.primary : f.begin, f.end, true };
		return ND_OK;
	}
	*ret = (struct bounds){ leaf, UINT32_MAX, false };
	if (st == ND_NONE) {
		ret->low = f.begin > leaf ? f.begin : leaf;
		ret->high = f.end;
	}
	return ND_OK;
}

/* Whether a symbol at `at` can be what holds `rva`. An exact hit always is. */
static bool within(const struct nd_pe *pe, uint32_t at, uint32_t rva, const struct bounds *b)
{
	if (at == rva)
		return true;
	return at >= b->low && at < b->high &&
	       nd_pe_section_of(pe, at) == nd_pe_section_of(pe, rva);
}

/* Lower is better: how willingly a name is shown among aliases of one address. */
static unsigned rank(const char *name)
{
	if (name[0] == '?' || strncmp(name, "__imp_", 6) == 0 || strstr(name, "$$"))
		return 4;
	if (strncmp(name, "xHal", 4) == 0 || strncmp(name, "xKd", 3) == 0 ||
	    strncmp(name, "ext_ms_", 7) == 0)
		return 3;
	if (name[0] == 'N' && name[1] == 't' && name[2] >= 'A' && name[2] <= 'Z')
		return 0;
	return name[0] == 'Z' && name[1] == 'w' ? 2 : 1;
}

static bool better(const char *a, unsigned a_flags, const char *b, unsigned b_flags)
{
	size_t a_len, b_len;

	if ((a_flags & ND_PUBLIC_FUNCTION) != (b_flags & ND_PUBLIC_FUNCTION))
		return a_flags & ND_PUBLIC_FUNCTION;
	if (rank(a) != rank(b))
		return rank(a) < rank(b);
	a_len = strlen(a);
	b_len = strlen(b);
	return a_len != b_len ? a_len < b_len : strcmp(a, b) < 0;
}

/* Symbols that never name code: import slots and string literals. */
static bool names_code(const char *name)
{
	return strncmp(name, "__imp_", 6) != 0 && strncmp(name, "_imp_", 5) != 0 &&
	       strncmp(name, "??_C@", 5) != 0;
}

static void name_from_symbols(const struct nd_image *image, uint32_t rva, const struct bounds *b,
			      struct nd_code *ret)
{
	const struct nd_symfile *file = image->symbols;
	const struct nd_public *best = NULL;
	uint32_t i = nd_symfile_nearest(file, rva);
	uint32_t at;

	/* step over addresses that have only names of data */
	while (i < file->public_count && !best) {
		at = file->publics[i].rva;
		for (uint32_t k = i; k < file->public_count && file->publics[k].rva == at; k++)
			if (names_code(file->publics[k].name) &&
			    (!best || better(file->publics[k].name, file->publics[k].flags,
					     best->name, best->flags)))
				best = &file->publics[k];
		if (best || at == 0)
			break;
		i = nd_symfile_nearest(file, at - 1);
		if (i < file->public_count && rva - file->publics[i].rva > LEAF_MAX && !b->exact)
			break;
	}
	if (!best || strlen(best->name) >= sizeof(ret->symbol))
		return;
	/* with full symbols the next symbol bounds a leaf: its own length does not matter */
	if (best->rva != rva && (b->exact ? best->rva < b->low : best->rva < b->low &&
				 rva - best->rva >= LEAF_MAX))
		return;
	if (nd_pe_section_of(&image->pe, best->rva) != nd_pe_section_of(&image->pe, rva))
		return;
	strcpy(ret->symbol, best->name);
	ret->symbol_offset = rva - best->rva;
	ret->source = file->kind == ND_SYMFILE_PDB ? ND_NAME_PDB : ND_NAME_ISF;
}

/* Index of the last export that is code and not above rva; count when there is none. */
static uint32_t nearest_export(const struct nd_exports *e, uint32_t rva)
{
	uint32_t low = 0, high = e->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (e->item[middle].rva <= rva)
			low = middle + 1;
		else
			high = middle;
	}
	while (low > 0 && e->item[low - 1].forwarder)
		low--;
	return low > 0 ? low - 1 : e->count;
}

static enum nd_status export_name(const struct nd_pe *pe, const struct nd_export *e,
				  char ret[ND_PE_NAME_MAX])
{
	static const char digit[] = "0123456789";
	char number[6];
	size_t n = 0, out = 7;

	if (e->name_rva != 0)
		return nd_pe_name(pe, e->name_rva, ret);
	memcpy(ret, "Ordinal", 7);
	for (unsigned v = e->ordinal; v > 0 || n == 0; v /= 10)
		number[n++] = digit[v % 10];
	while (n > 0)
		ret[out++] = number[--n];
	ret[out] = '\0';
	return ND_OK;
}

static enum nd_status name_from_exports(const struct nd_image *image, const struct nd_pe *pe,
					uint32_t rva, const struct bounds *b, struct nd_code *ret)
{
	const struct nd_exports *e = &image->exports;
	uint32_t i = nearest_export(e, rva), at;
	char name[ND_PE_NAME_MAX];

	if (i == e->count)
		return ND_OK;
	at = e->item[i].rva;
	if (!within(pe, at, rva, b))
		return ND_OK;
	for (uint32_t k = 0; k <= i && k < ALIASES_MAX && e->item[i - k].rva == at; k++) {
		enum nd_status st = export_name(pe, &e->item[i - k], name);

		if (nd_is_failure(st))
			return st;
		if (st == ND_OK && (ret->symbol[0] == '\0' || better(name, 0, ret->symbol, 0)))
			strcpy(ret->symbol, name);
	}
	if (ret->symbol[0] != '\0') {
		ret->symbol_offset = rva - at;
		ret->source = ND_NAME_EXPORT;
	}
	return ND_OK;
}

enum nd_status nd_code_name(const struct nd_space *space, const struct nd_module_list *modules,
			    nd_va va, struct nd_code *ret)
{
	const struct nd_image *image;
	struct nd_code code = { .module = nd_module_of(modules, va) };
	struct nd_pe pe;
	struct bounds b;
	uint32_t rva;
	enum nd_status st;

	*ret = code;
	if (!code.module)
		return ND_OK;
	code.module_offset = va - code.module->base;
	*ret = code;
	st = nd_image_get(space, code.module->base, &image);
	if (st != ND_OK || code.module_offset > UINT32_MAX)
		return nd_is_failure(st) ? st : ND_OK;
	rva = (uint32_t)code.module_offset;
	pe = image->pe;
	pe.space = *space; /* what this process can read, not what the first one could */
	st = bounds_of(&pe, rva, &b);
	if (st == ND_OK && image->symbols)
		name_from_symbols(image, rva, &b, &code);
	if (st == ND_OK && code.symbol[0] == '\0')
		st = name_from_exports(image, &pe, rva, &b, &code);
	nd_image_put(space->dump, image);
	if (st == ND_OK)
		*ret = code;
	return st;
}

static bool is_called(const struct nd_module *m, const char *name)
{
	size_t i;

	if (strcasecmp(m->symbol_name, name) == 0)
		return true;
	if (m->name.st != ND_OK || m->name.count != strlen(name))
		return false;
	for (i = 0; i < m->name.count; i++) {
		uint16_t u = m->name.units[i];
		char c[2] = { u < 0x80 ? (char)u : '\x01', '\0' }, d[2] = { name[i], '\0' };

		if (strcasecmp(c, d) != 0)
			return false;
	}
	return true;
}

static enum nd_status find_export(const struct nd_pe *pe, const struct nd_exports *e,
				  const char *symbol, uint32_t *ret)
{
	char name[ND_PE_NAME_MAX];

	for (uint32_t i = 0; i < e->count; i++) {
		enum nd_status st = e->item[i].forwarder ? ND_NONE :
							   export_name(pe, &e->item[i], name);

		if (nd_is_failure(st))
			return st;
		if (st == ND_OK && strcmp(name, symbol) == 0) {
			*ret = e->item[i].rva;
			return ND_OK;
		}
	}
	return ND_ENOENT;
}

static enum nd_status address_in(const struct nd_space *given, const struct nd_module *m,
				 const char *symbol, nd_va *ret)
{
	struct nd_space found = nd_va_is_kernel(m->base) ?
					nd_kernel_space_of(given->dump, m->base) :
					*given;
	const struct nd_space *space = &found;
	const struct nd_image *image;
	const struct nd_public *public = NULL;
	struct nd_pe pe;
	uint32_t rva = 0;
	enum nd_status st = nd_image_get(space, m->base, &image);

	if (st != ND_OK)
		return nd_is_failure(st) ? st : ND_ENOENT;
	pe = image->pe;
	pe.space = *space;
	if (image->symbols)
		public = nd_symfile_public(image->symbols, symbol);
	if (public)
		rva = public->rva;
	else
		st = find_export(&pe, &image->exports, symbol, &rva);
	nd_image_put(space->dump, image);
	if (st == ND_OK)
		*ret = m->base + rva;
	return st;
}

enum nd_status nd_name_address(const struct nd_space *space, const struct nd_module_list *modules,
			       const char *module, const char *symbol, nd_va *ret)
{
	for (uint32_t i = 0; i < modules->count; i++) {
		const struct nd_module *m = &modules->module[i];
		enum nd_status st;

		if (m->base_st != ND_OK || !is_called(m, module))
			continue;
		st = address_in(space, m, symbol, ret);
		if (st != ND_ENOENT)
			return st;
	}
	return ND_ENOENT;
}
