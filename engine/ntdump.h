/*
 * engine/ntdump.h - the library's front door: open a dump, and the one struct that every reader
 * takes. Include this and the header of the kernel thing you want (nt/process.h, nt/thread.h, ...).
 */
#ifndef ND_NTDUMP_H
#define ND_NTDUMP_H

#include "base.h"
#include "dump/header.h"
#include "dump/source.h"
#include "sym/layout.h"
#include "sym/symstore.h"
#include "vm/space.h"

struct nd_open_options {
	const char *symbols; /* colon-separated folders, or NULL */
	bool no_cache;	     /* neither read nor write the compiled symbol cache */
};

struct nd_tables; /* lazily built lists (processes, modules); private to the engine */

/* A piece of a triage dump's file whose virtual address was worked out after opening. */
struct nd_overlay {
	nd_va va;
	uint64_t file_offset;
	uint64_t bytes;
};

/* An open dump: immutable after opening, shared between threads without locks. */
struct nd_dump {
	struct nd_source *src;
	const struct nd_header *header; /* NULL where the container has none */
	struct nd_layout layout;
	struct nd_symstore *symbols;		 /* every symbol file that is used, kept */
	const struct nd_symfile *kernel_symbols; /* exact ISF or PDB of the kernel; NULL without */
	char *symbols_tried;			 /* what was looked at, for /target; may be NULL */
	struct nd_space kernel;			 /* kernel address space */
	nd_va kernel_base;			 /* 0 when unknown */
	uint32_t kernel_bytes;			 /* SizeOfImage; 0 when unknown */
	struct nd_guid_age kernel_id;		 /* from the kernel's RSDS record */
	bool kernel_id_known;
	char kernel_pdb[64]; /* "ntkrnlmp.pdb"; "" when unknown */
	nd_va kdbg;	     /* KDDEBUGGER_DATA64; 0 when not readable */
	uint32_t kdbg_bytes; /* its Size member */
	bool kdbg_decoded;   /* the kernel keeps it encoded: kdbg_copy is plain */
	uint8_t kdbg_copy[0x400];
	nd_va symbol[ND_SYMBOL_COUNT]; /* addresses of kernel variables; 0 when unknown */
	uint32_t build;		       /* 10240, 19041, ...; 0 when unknown */
	uint32_t revision;	       /* 16393; 0 when unknown */
	const char *kernel_found;      /* how the kernel was found, static text for /target */
	uint64_t invalid_pte_mask;     /* _MI_HARDWARE_STATE.InvalidPteMask; 0 when unknown */
	bool invalid_pte_mask_known;
	struct nd_overlay overlay[4]; /* triage dumps: structures found by their address */
	uint32_t overlay_count;
	nd_va triage_process, triage_thread; /* triage dumps: the crashing EPROCESS and ETHREAD */
	struct nd_tables *tables;
};

/*
 * Open the dump at `path`: container, kernel, layout. Nothing is listed yet: cost does not depend
 * on how many processes or gigabytes the dump holds. *ret on ND_OK, else one line in *err.
 * A dump whose kernel cannot be understood still opens (layout source ND_LAYOUT_NONE).
 * `options` NULL: the usual places for symbols, no compiled cache.
 */
enum nd_status nd_dump_open(const char *path, const struct nd_open_options *options,
			    struct nd_dump **ret, struct nd_error *err);
void nd_dump_close(struct nd_dump *dump);

#endif
