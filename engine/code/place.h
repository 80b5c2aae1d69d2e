/*
 * engine/code/place.h - where code is looked at: the kernel, or one process. Finds the address
 * space, the module and the name of any address there, and where functions begin and end.
 */
#ifndef ND_CODE_PLACE_H
#define ND_CODE_PLACE_H

#include "nt/module.h"
#include "nt/name.h"
#include "ntdump.h"

#define ND_PLACE_KERNEL UINT32_MAX

/* A plain value; lives no longer than its dump. */
struct nd_place {
	const struct nd_dump *dump;
	const struct nd_module_list *kernel; /* modules */
	const struct nd_module_list *user;   /* NULL: no process */
	struct nd_space space;		     /* of the process, or the kernel's */
};

/*
 * The place of the process with that index in nd_processes(), or ND_PLACE_KERNEL. ND_ENOENT: no such
 * process; ND_ENOMEM, ND_EIO; missing: the process cannot be read.
 */
enum nd_status nd_place_of(const struct nd_dump *dump, uint32_t process, struct nd_place *ret);

/* The address space and the modules that `va` belongs to. */
struct nd_space nd_place_space(const struct nd_place *place, nd_va va);
const struct nd_module_list *nd_place_modules(const struct nd_place *place, nd_va va);

/*
 * The address of a name, in the process's modules first. With and without the first of two leading
 * underscores, which Windows' debuggers leave out. ND_ENOENT.
 */
enum nd_status nd_place_find(const struct nd_place *place, const char *module, const char *symbol,
			     nd_va *ret);
/* The base of the module of that name. ND_ENOENT. */
enum nd_status nd_place_module(const struct nd_place *place, const char *module, nd_va *ret);

/*
 * As nd_code_name(), and for data too: import slots (with a symbol file), and the page that the
 * kernel shares with user mode (then module is NULL, the symbol "SharedUserData").
 */
enum nd_status nd_place_name(const struct nd_place *place, nd_va va, struct nd_code *ret);

/*
 * The nearest address <= va where a function, or the padding behind one, is known to begin: a
 * symbol, or an edge of .pdata. ND_NONE when nothing is known; ND_ENOMEM, ND_EIO.
 */
enum nd_status nd_place_boundary(const struct nd_place *place, nd_va va, nd_va *ret);

/* The fragment of .pdata that holds an address. */
struct nd_fragment {
	nd_va begin, end; /* [begin, end); of the gap where there is none */
	nd_va primary;	  /* begin of the function that the fragment belongs to */
};

/*
 * ND_NONE: .pdata has none there (ret->begin and ->end bound the gap, within the module); missing:
 * .pdata cannot tell, or the address is in no module; ND_ENOMEM, ND_EIO.
 */
enum nd_status nd_place_fragment(const struct nd_place *place, nd_va va, struct nd_fragment *ret);

#endif
