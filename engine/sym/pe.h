/*
 * engine/sym/pe.h - a PE image as it lies mapped in the dump: headers, sections, the RSDS record,
 * exports and .pdata function bounds. Any page of it may be absent; every field may lie.
 */
#ifndef ND_SYM_PE_H
#define ND_SYM_PE_H

#include "ntdump.h"

#define ND_PE_SECTIONS_MAX 96u
#define ND_PE_EXPORTS_MAX 65536u
#define ND_PE_NAME_MAX 512u /* bytes of an export's name that are read */

struct nd_pe_section {
	char name[9]; /* raw bytes, NUL-terminated */
	uint32_t rva, bytes, characteristics;
};

#define ND_PE_CODE 0x00000020u
#define ND_PE_EXECUTE 0x20000000u

struct nd_pe_directory {
	uint32_t rva, bytes;
};

enum { ND_PE_EXPORT = 0, ND_PE_EXCEPTION = 3, ND_PE_DEBUG = 6, ND_PE_DIRECTORIES = 16 };

struct nd_pe {
	struct nd_space space;
	nd_va base;
	uint16_t machine; /* 0x8664, 0x14c, ... */
	bool pe32_plus;
	uint32_t timestamp, checksum, size_bytes, entry_rva, characteristics;
	uint32_t section_count;
	struct nd_pe_section section[ND_PE_SECTIONS_MAX];
	struct nd_pe_directory directory[ND_PE_DIRECTORIES];
};

/* Read the headers at `base`. ND_INVALID when it is not a PE image; else why it cannot be read. */
enum nd_status nd_pe_read(const struct nd_space *space, nd_va base, struct nd_pe *ret);

/* The section that holds an RVA; NULL when none (headers) or none matches. */
const struct nd_pe_section *nd_pe_section_of(const struct nd_pe *pe, uint32_t rva);

/*
 * The CodeView record: identity and the last component of the PDB's path (printable ASCII only,
 * at most 63 bytes). ND_NONE when the image has none.
 */
enum nd_status nd_pe_rsds(const struct nd_pe *pe, struct nd_guid_age *ret_id, char ret_name[64]);

struct nd_export {
	uint32_t rva;
	uint32_t name_rva; /* 0: by ordinal only */
	uint16_t ordinal;  /* biased, as the image says */
	bool forwarder;	   /* rva is that of the text "DLL.Name" */
};

/* Sorted by rva, then name_rva. */
struct nd_exports {
	struct nd_export *item;
	uint32_t count;
	enum nd_status st; /* ND_OK, or why there are none */
};

/* ND_OK also when the table is missing (ret->st tells); ND_ENOMEM, ND_EIO. Free the list. */
enum nd_status nd_pe_exports_read(const struct nd_pe *pe, struct nd_exports *ret);
void nd_exports_free(struct nd_exports *exports);

/* The name at name_rva: NUL-terminated raw bytes. ND_INVALID when empty or not terminated. */
enum nd_status nd_pe_name(const struct nd_pe *pe, uint32_t name_rva, char ret[ND_PE_NAME_MAX]);

/* An entry of .pdata. */
struct nd_runtime_function {
	uint32_t begin, end; /* RVAs: [begin, end) */
	uint32_t unwind;     /* RVA of its UNWIND_INFO; bit 0 set: of another entry */
};

/*
 * The entry that covers `rva`. ND_NONE: there is none, as the entries on both sides say (*ret is
 * then the gap between them: its end is UINT32_MAX after the last). ND_NO_SYMBOLS: the image has no
 * .pdata. Else why it cannot be told: pages that are absent are stepped over where their neighbours
 * are enough to know.
 */
enum nd_status nd_pe_runtime_function(const struct nd_pe *pe, uint32_t rva,
				      struct nd_runtime_function *ret);

/* `bytes` at an RVA inside of the image; ND_INVALID outside of it. */
enum nd_status nd_pe_bytes(const struct nd_pe *pe, uint64_t rva, void *buf, size_t bytes);

struct nd_function {
	uint32_t begin, end; /* RVAs of the fragment that holds the address: [begin, end) */
	uint32_t primary;    /* begin of the function that the fragment belongs to */
};

/*
 * The .pdata entry that covers `rva`. ND_NONE: .pdata is readable and has none (a leaf function;
 * ret->begin and ->end are then the end of the entry before and the begin of the one after, 0 and
 * UINT32_MAX where there is none). Else why .pdata cannot tell.
 */
enum nd_status nd_pe_function(const struct nd_pe *pe, uint32_t rva, struct nd_function *ret);

#endif
