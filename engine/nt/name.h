/*
 * engine/nt/name.h - code addresses as names and names as addresses, from what a module offers:
 * an exact symbol file, else its export table, bounded by .pdata.
 */
#ifndef ND_NT_NAME_H
#define ND_NT_NAME_H

#include <stdatomic.h>

#include "ntdump.h"
#include "nt/module.h"
#include "sym/pe.h"

enum nd_name_source { ND_NAME_NONE, ND_NAME_EXPORT, ND_NAME_ISF, ND_NAME_PDB };

/* What is known of a code address. */
struct nd_code {
	const struct nd_module *module; /* NULL: in no module; lives as long as its list */
	uint64_t module_offset;		/* bytes from the module's base */
	char symbol[ND_PE_NAME_MAX];	/* raw bytes, C++ names as scope::name; "" when no symbol
					   is close enough to be honest */
	uint64_t symbol_offset;		/* bytes from the symbol */
	enum nd_name_source source;
};

/*
 * Name the code at `va`. `modules`: the list that covers it (the kernel's or the process's);
 * `space` is where the images are mapped. ND_OK always says what is known (maybe nothing);
 * ND_ENOMEM, ND_EIO.
 */
enum nd_status nd_code_name(const struct nd_space *space, const struct nd_module_list *modules,
			    nd_va va, struct nd_code *ret);

/*
 * The address of `symbol` in the module called `module` (as its symbol_name or file name, without
 * regard to ASCII case), and where it is known from. A symbol is spelled as the linker has it, as
 * nd_code_name() gives it, or like _imp_X for an import slot. ND_ENOENT: no such module or symbol.
 */
enum nd_status nd_name_find(const struct nd_space *space, const struct nd_module_list *modules,
			    const char *module, const char *symbol, nd_va *ret,
			    enum nd_name_source *ret_source);
/* The address alone. */
enum nd_status nd_name_address(const struct nd_space *space, const struct nd_module_list *modules,
			       const char *module, const char *symbol, nd_va *ret);

/* What a module's image offers; for /modules. Borrowed until nd_image_put(). */
struct nd_image {
	struct nd_pe pe;
	enum nd_status st;     /* ND_OK, or why the headers cannot be read */
	struct nd_guid_age id; /* RSDS */
	char pdb[64];
	enum nd_status id_st;
	struct nd_exports exports;
	/* private */
	_Atomic(const struct nd_symfile *) symbols;
	atomic_bool symbols_known;
	uint64_t key[3];
	struct nd_image *next;
	unsigned borrowed;
	bool cached;
};

enum nd_status nd_image_get(const struct nd_space *space, nd_va base, const struct nd_image **ret);
void nd_image_put(const struct nd_dump *dump, const struct nd_image *image);
/* The exact symbol file of an image, found on first use; the dump's. NULL when there is none. */
const struct nd_symfile *nd_image_symbols(const struct nd_dump *dump, const struct nd_image *image);

/* For nt/tables.c. */
struct nd_image_cache *nd_image_cache_new(void);
void nd_image_cache_free(struct nd_image_cache *cache);

#endif
