/*
 * engine/nt/name.c - which symbol an address belongs to, and which address a symbol has.
 *
 * A symbol counts only inside its function: never the nearest lower one with an absurd offset.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "nt/name.h"
#include "sym/undecorate.h"

#define EXPORT_MAX 0x1000u /* bytes from an export, where .pdata does not bound its function */
#define ALIASES_MAX 256u

/* What .pdata says of an address. */
struct bounds {
	enum { FUNCTION, GAP, UNKNOWN } kind; /* GAP: between functions, where leaf functions are */
	uint32_t begin;			      /* of the fragment, or of the gap */
	uint32_t primary;		      /* begin of the function that the fragment is of */
};

static enum nd_status bounds_of(const struct nd_pe *pe, uint32_t rva, struct bounds *ret)
{
	struct nd_function f;
	enum nd_status st = nd_pe_function(pe, rva, &f);

	if (nd_is_failure(st))
		return st;
	*ret = (struct bounds){ .kind = UNKNOWN };
	if (st == ND_OK)
		*ret = (struct bounds){ FUNCTION, f.begin, f.primary };
	else if (st == ND_NONE)
		*ret = (struct bounds){ GAP, f.begin, 0 };
	return ND_OK;
}

/*
 * Whether the nearest symbol below rva, at `at`, can be what holds it. `longest`: bytes that are
 * believed without a bound from .pdata.
 */
static bool holds(const struct nd_pe *pe, uint32_t at, uint32_t rva, const struct bounds *b,
		  uint32_t longest)
{
	if (at == rva)
		return true;
	if (at < b->begin || nd_pe_section_of(pe, at) != nd_pe_section_of(pe, rva))
		return false;
	return b->kind == FUNCTION || rva - at < longest;
}

/*
 * A fragment that lies apart from its function, and without a symbol of its own, is named by the
 * function's: then that is where to look.
 */
static bool is_apart(const struct bounds *b)
{
	return b->kind == FUNCTION && b->primary < b->begin;
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
	return strncmp(name, "__imp_", 6) != 0 && strncmp(name, "??_C@", 5) != 0;
}

/* The best name at the nearest address <= rva that has one for code; NULL when there is none. */
static const struct nd_public *nearest_public(const struct nd_symfile *file, uint32_t rva)
{
	const struct nd_public *best = NULL;
	uint32_t i = nd_symfile_nearest(file, rva);

	if (i == file->public_count)
		return NULL;
	while (i + 1 < file->public_count && file->publics[i + 1].rva == file->publics[i].rva)
		i++;
	for (i++; i-- > 0;) {
		const struct nd_public *p = &file->publics[i];

		if (best && p->rva != best->rva)
			break;
		if (names_code(p->name) &&
		    (!best || better(p->name, p->flags, best->name, best->flags)))
			best = p;
	}
	return best;
}

static void set_symbol(struct nd_code *code, const char *name, uint32_t offset,
		       enum nd_name_source source)
{
	if (!nd_undecorate(name, code->symbol, sizeof(code->symbol)))
		memcpy(code->symbol, name, strlen(name) + 1); /* the caller checked its length */
	code->symbol_offset = offset;
	code->source = source;
}

static enum nd_name_source source_of(const struct nd_symfile *file)
{
	return file->kind == ND_SYMFILE_PDB ? ND_NAME_PDB : ND_NAME_ISF;
}

static void name_from_symbols(const struct nd_pe *pe, const struct nd_symfile *file, uint32_t rva,
			      const struct bounds *b, struct nd_code *ret)
{
	const struct nd_public *p = nearest_public(file, rva);

	if (p && !holds(pe, p->rva, rva, b, UINT32_MAX)) {
		p = is_apart(b) ? nearest_public(file, b->primary) : NULL;
		if (p && p->rva != b->primary)
			p = NULL;
	}
	if (p && strlen(p->name) < sizeof(ret->symbol))
		set_symbol(ret, p->name, rva - p->rva, source_of(file));
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

/* The best of the names at the address of the i-th export, which is the last of them. */
static enum nd_status alias_of(const struct nd_pe *pe, const struct nd_exports *e, uint32_t i,
			       char ret[ND_PE_NAME_MAX])
{
	char name[ND_PE_NAME_MAX];

	ret[0] = '\0';
	for (uint32_t k = 0; k <= i && k < ALIASES_MAX; k++) {
		const struct nd_export *item = &e->item[i - k];
		enum nd_status st;

		if (item->rva != e->item[i].rva)
			break;
		st = item->forwarder ? ND_NONE : export_name(pe, item, name);
		if (nd_is_failure(st))
			return st;
		if (st == ND_OK && names_code(name) && (ret[0] == '\0' || better(name, 0, ret, 0)))
			memcpy(ret, name, strlen(name) + 1);
	}
	return ND_OK;
}

/* An export that is nearer than the symbol which was found is taken instead. */
static enum nd_status name_from_exports(const struct nd_image *image, const struct nd_pe *pe,
					uint32_t rva, const struct bounds *b, struct nd_code *ret)
{
	const struct nd_exports *e = &image->exports;
	uint32_t i = nearest_export(e, rva), at;
	char name[ND_PE_NAME_MAX];
	enum nd_status st;

	if (i < e->count && !holds(pe, e->item[i].rva, rva, b, EXPORT_MAX)) {
		i = is_apart(b) ? nearest_export(e, b->primary) : e->count;
		if (i < e->count && e->item[i].rva != b->primary)
			i = e->count;
	}
	if (i == e->count)
		return ND_OK;
	at = e->item[i].rva;
	if (ret->symbol[0] != '\0' && ret->symbol_offset <= rva - at)
		return ND_OK;
	st = alias_of(pe, e, i, name);
	if (st == ND_OK && name[0] != '\0')
		set_symbol(ret, name, rva - at, ND_NAME_EXPORT);
	return st;
}

enum nd_status nd_code_name(const struct nd_space *space, const struct nd_module_list *modules,
			    nd_va va, struct nd_code *ret)
{
	const struct nd_symfile *file;
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
	if (st != ND_OK)
		return nd_is_failure(st) ? st : ND_OK;
	if (code.module_offset > UINT32_MAX) {
		nd_image_put(space->dump, image);
		return ND_OK;
	}
	rva = (uint32_t)code.module_offset;
	file = nd_image_symbols(space->dump, image);
	pe = image->pe;
	pe.space = *space; /* what this process can read, not what the first one could */
	st = bounds_of(&pe, rva, &b);
	if (st == ND_OK && file)
		name_from_symbols(&pe, file, rva, &b, &code);
	if (st == ND_OK)
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

/* Whether `symbol` is that name as it is or in its plain form. */
static bool is_plain_form(const char *name, const char *symbol)
{
	char plain[ND_PE_NAME_MAX];

	return nd_undecorate(name, plain, sizeof(plain)) && strcmp(plain, symbol) == 0;
}

/* The export of that name; else of that plain form, the one with the lowest address. */
static enum nd_status find_export(const struct nd_pe *pe, const struct nd_exports *e,
				  const char *symbol, uint32_t *ret)
{
	char name[ND_PE_NAME_MAX];
	bool plain = false;

	for (uint32_t i = 0; i < e->count; i++) {
		enum nd_status st =
			e->item[i].forwarder ? ND_NONE : export_name(pe, &e->item[i], name);

		if (nd_is_failure(st))
			return st;
		if (st == ND_OK && strcmp(name, symbol) == 0) {
			*ret = e->item[i].rva;
			return ND_OK;
		}
		if (st == ND_OK && !plain && is_plain_form(name, symbol)) {
			*ret = e->item[i].rva;
			plain = true;
		}
	}
	return plain ? ND_OK : ND_ENOENT;
}

/* The first of by_name whose name is not below "?": decorated names come from there on. */
static uint32_t first_decorated(const struct nd_symfile *file)
{
	uint32_t low = 0, high = file->public_count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (strcmp(file->publics[file->by_name[middle]].name, "?") < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

/* The symbol with that plain form; of several the one with the lowest address. */
static const struct nd_public *find_plain_form(const struct nd_symfile *file, const char *symbol)
{
	const struct nd_public *best = NULL;

	for (uint32_t i = first_decorated(file); i < file->public_count; i++) {
		const struct nd_public *p = &file->publics[file->by_name[i]];

		if (p->name[0] != '?')
			break;
		if (is_plain_form(p->name, symbol) && (!best || p->rva < best->rva))
			best = p;
	}
	return best;
}

/*
 * A symbol as the file spells it; without the first '_', as ISF files list some and as Windows'
 * debuggers write import slots (_imp_X); or in its plain form.
 */
static const struct nd_public *find_public(const struct nd_symfile *file, const char *symbol)
{
	const struct nd_public *p = nd_symfile_public(file, symbol);
	char longer[ND_PE_NAME_MAX + 1];

	if (!p && strlen(symbol) < ND_PE_NAME_MAX &&
	    (file->kind == ND_SYMFILE_ISF || strncmp(symbol, "_imp_", 5) == 0)) {
		longer[0] = '_';
		memcpy(longer + 1, symbol, strlen(symbol) + 1);
		p = nd_symfile_public(file, longer);
	}
	return p ? p : find_plain_form(file, symbol);
}

static enum nd_status address_in(const struct nd_space *given, const struct nd_module *m,
				 const char *symbol, nd_va *ret, enum nd_name_source *ret_source)
{
	struct nd_space space = *given;
	const struct nd_image *image;
	const struct nd_symfile *file;
	const struct nd_public *row;
	struct nd_pe pe;
	uint32_t rva = 0;
	enum nd_status st;

	if (nd_va_is_kernel(m->base))
		space = nd_kernel_space_of(given->dump, m->base);
	st = nd_image_get(&space, m->base, &image);
	if (st != ND_OK)
		return nd_is_failure(st) ? st : ND_ENOENT;
	pe = image->pe;
	pe.space = space;
	file = nd_image_symbols(space.dump, image);
	row = file ? find_public(file, symbol) : NULL;
	if (row)
		rva = row->rva;
	else
		st = find_export(&pe, &image->exports, symbol, &rva);
	nd_image_put(space.dump, image);
	if (st == ND_OK) {
		*ret = m->base + rva;
		*ret_source = row ? source_of(file) : ND_NAME_EXPORT;
	}
	return st;
}

enum nd_status nd_name_find(const struct nd_space *space, const struct nd_module_list *modules,
			    const char *module, const char *symbol, nd_va *ret,
			    enum nd_name_source *ret_source)
{
	for (uint32_t i = 0; i < modules->count; i++) {
		const struct nd_module *m = &modules->module[i];
		enum nd_status st;

		if (m->base_st != ND_OK || !is_called(m, module))
			continue;
		st = address_in(space, m, symbol, ret, ret_source);
		if (st != ND_ENOENT)
			return st;
	}
	return ND_ENOENT;
}

enum nd_status nd_name_address(const struct nd_space *space, const struct nd_module_list *modules,
			       const char *module, const char *symbol, nd_va *ret)
{
	enum nd_name_source source;

	return nd_name_find(space, modules, module, symbol, ret, &source);
}
