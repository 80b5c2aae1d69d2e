/*
 * engine/code/place.c - see place.h.
 */
#include <string.h>
#include <strings.h>

#include "code/place.h"

#define SHARED_USER_DATA \
	0x7ffe0000u /* MM_SHARED_USER_DATA_VA: one page, the same in every process */

enum nd_status nd_place_of(const struct nd_dump *dump, uint32_t process, struct nd_place *ret)
{
	struct nd_place place = { .dump = dump, .space = dump->kernel };
	const struct nd_process_list *list;
	struct nd_process p;
	enum nd_status st = nd_kernel_modules(dump, &place.kernel);

	if (st == ND_OK && process != ND_PLACE_KERNEL) {
		st = nd_processes(dump, &list);
		if (st == ND_OK && process >= list->count)
			st = ND_ENOENT;
		if (st == ND_OK)
			st = nd_process_read(dump, list->ref[process].eprocess, &p);
		if (st == ND_OK)
			st = nd_process_modules(dump, process, &place.user);
		if (st == ND_OK)
			place.space = nd_process_space(dump, &p);
	}
	if (st == ND_OK)
		*ret = place;
	return st;
}

struct nd_space nd_place_space(const struct nd_place *place, nd_va va)
{
	return nd_va_is_kernel(va) ? nd_kernel_space_of(place->dump, va) : place->space;
}

const struct nd_module_list *nd_place_modules(const struct nd_place *place, nd_va va)
{
	return nd_va_is_kernel(va) || !place->user ? place->kernel : place->user;
}

/* --- names to addresses ----------------------------------------------------------------------- */

static enum nd_status find_in(const struct nd_place *place, const struct nd_module_list *modules,
			      const char *module, const char *symbol, nd_va *ret)
{
	const struct nd_space *space =
		modules == place->user ? &place->space : &place->dump->kernel;
	char longer[ND_PE_NAME_MAX + 1];
	enum nd_status st = nd_name_address(space, modules, module, symbol, ret);

	if (st != ND_ENOENT || symbol[0] != '_' || strlen(symbol) >= ND_PE_NAME_MAX)
		return st;
	longer[0] = '_';
	memcpy(longer + 1, symbol, strlen(symbol) + 1);
	return nd_name_address(space, modules, module, longer, ret);
}

enum nd_status nd_place_find(const struct nd_place *place, const char *module, const char *symbol,
			     nd_va *ret)
{
	enum nd_status st = ND_ENOENT;

	if (place->user)
		st = find_in(place, place->user, module, symbol, ret);
	if (st == ND_ENOENT)
		st = find_in(place, place->kernel, module, symbol, ret);
	return st;
}

static enum nd_status base_in(const struct nd_module_list *modules, const char *module, nd_va *ret)
{
	for (uint32_t i = 0; i < modules->count; i++) {
		const struct nd_module *m = &modules->module[i];

		if (m->base_st == ND_OK && strcasecmp(m->symbol_name, module) == 0) {
			*ret = m->base;
			return ND_OK;
		}
	}
	return ND_ENOENT;
}

enum nd_status nd_place_module(const struct nd_place *place, const char *module, nd_va *ret)
{
	enum nd_status st = place->user ? base_in(place->user, module, ret) : ND_ENOENT;

	return st == ND_ENOENT ? base_in(place->kernel, module, ret) : st;
}

/* --- addresses to names ----------------------------------------------------------------------- */

/* The image of the module that holds va, read in this place. ND_NONE: none; it cannot be read. */
static enum nd_status image_at(const struct nd_place *place, nd_va va, const struct nd_module **ret,
			       const struct nd_image **ret_image, struct nd_pe *ret_pe)
{
	const struct nd_module *module = nd_module_of(nd_place_modules(place, va), va);
	struct nd_space space;
	enum nd_status st;

	if (!module || va - module->base > UINT32_MAX)
		return ND_NONE;
	space = nd_place_space(place, va);
	st = nd_image_get(&space, module->base, ret_image);
	if (st != ND_OK)
		return nd_is_failure(st) ? st : ND_NONE;
	*ret = module;
	*ret_pe = (*ret_image)->pe;
	ret_pe->space = space;
	return ND_OK;
}

/* Import slots have names of their own, which are none for code. */
static enum nd_status name_import(const struct nd_place *place, nd_va va, struct nd_code *ret)
{
	const struct nd_module *module;
	const struct nd_image *image;
	const struct nd_symfile *file;
	struct nd_pe pe;
	enum nd_status st = image_at(place, va, &module, &image, &pe);
	uint32_t rva;

	if (st != ND_OK)
		return st == ND_NONE ? ND_OK : st;
	file = nd_image_symbols(place->dump, image);
	rva = (uint32_t)(va - module->base);
	for (uint32_t i = file ? nd_symfile_nearest(file, rva) : 0;
	     file && i < file->public_count && file->publics[i].rva == rva; i--) {
		const char *name = file->publics[i].name;

		if (strncmp(name, "__imp_", 6) == 0 && strlen(name) < sizeof(ret->symbol)) {
			memcpy(ret->symbol, name, strlen(name) + 1);
			ret->symbol_offset = 0;
			ret->source = file->kind == ND_SYMFILE_PDB ? ND_NAME_PDB : ND_NAME_ISF;
			break;
		}
		if (i == 0)
			break;
	}
	nd_image_put(place->dump, image);
	return ND_OK;
}

enum nd_status nd_place_name(const struct nd_place *place, nd_va va, struct nd_code *ret)
{
	struct nd_space space;
	enum nd_status st;

	if (va >= SHARED_USER_DATA && va - SHARED_USER_DATA < ND_PAGE_BYTES) {
		*ret = (struct nd_code){ .symbol = "SharedUserData",
					 .symbol_offset = va - SHARED_USER_DATA };
		return ND_OK;
	}
	space = nd_place_space(place, va);
	st = nd_code_name(&space, nd_place_modules(place, va), va, ret);
	if (st == ND_OK && ret->module && (ret->symbol[0] == '\0' || ret->symbol_offset != 0))
		st = name_import(place, va, ret);
	return st;
}

/* --- functions -------------------------------------------------------------------------------- */

enum nd_status nd_place_fragment(const struct nd_place *place, nd_va va, struct nd_fragment *ret)
{
	const struct nd_module *module;
	const struct nd_image *image;
	struct nd_function f;
	struct nd_pe pe;
	enum nd_status st = image_at(place, va, &module, &image, &pe);
	uint64_t end;

	if (st != ND_OK)
		return st == ND_NONE ? ND_NO_SYMBOLS : st;
	st = nd_pe_function(&pe, (uint32_t)(va - module->base), &f);
	if (st == ND_OK || st == ND_NONE) {
		end = st == ND_NONE && f.end > pe.size_bytes ? pe.size_bytes : f.end;
		*ret = (struct nd_fragment){ .begin = module->base + f.begin,
					     .end = module->base + end,
					     .primary = module->base + f.primary };
		if (st == ND_NONE)
			ret->primary = ret->begin;
	}
	nd_image_put(place->dump, image);
	return st;
}

enum nd_status nd_place_boundary(const struct nd_place *place, nd_va va, nd_va *ret)
{
	struct nd_fragment fragment;
	struct nd_code code;
	struct nd_space space = nd_place_space(place, va);
	nd_va best = 0;
	bool known = false;
	enum nd_status st = nd_code_name(&space, nd_place_modules(place, va), va, &code);

	if (st != ND_OK)
		return st;
	if (code.symbol[0] != '\0' && code.symbol_offset <= va) {
		best = va - code.symbol_offset;
		known = true;
	}
	st = nd_place_fragment(place, va, &fragment);
	if (nd_is_failure(st))
		return st;
	if ((st == ND_OK || st == ND_NONE) && fragment.begin <= va &&
	    (!known || fragment.begin > best)) {
		best = fragment.begin;
		known = true;
	}
	if (known)
		*ret = best;
	return known ? ND_OK : ND_NONE;
}
