/*
 * engine/dump/header.h - DUMP_HEADER64, the 8 KiB at the start of every crash dump that Windows
 * writes for a 64-bit kernel. A field that holds the fill pattern "PAGE" was never set.
 */
#ifndef ND_DUMP_HEADER_H
#define ND_DUMP_HEADER_H

#include "base.h"

#define ND_HEADER_BYTES 0x2000u
#define ND_HEADER_SIGNATURE 0x45474150u /* "PAGE" */
#define ND_HEADER_RUNS_MAX 43u
#define ND_CONTEXT_BYTES 0x4d0u

/* DUMP_HEADER64.DumpType */
enum nd_dump_type {
	ND_DUMP_FULL = 1,
	ND_DUMP_SUMMARY = 2,
	ND_DUMP_HEADER_ONLY = 3,
	ND_DUMP_TRIAGE = 4,
	ND_DUMP_BITMAP_FULL = 5,
	ND_DUMP_BITMAP_KERNEL = 6,
	ND_DUMP_RDMP_KERNEL = 8,
	ND_DUMP_RDMP_KERNEL_USER = 9,
	ND_DUMP_RDMP_FULL = 0xa,
};

struct nd_header_run {
	nd_pfn first;
	uint64_t pages;
};

/* Each member with st: ND_OK, or ND_NONE where the file holds the fill pattern. */
struct nd_header {
	struct nd_u64 major_version;	    /* 0xf free build, 0xc checked build */
	struct nd_u64 minor_version;	    /* build number */
	struct nd_u64 directory_table_base; /* as stored: low 12 bits may be set */
	struct nd_u64 pfn_database;
	struct nd_u64 ps_loaded_module_list;
	struct nd_u64 ps_active_process_head;
	struct nd_u64 machine_image_type;
	struct nd_u64 number_processors;
	struct nd_u64 bugcheck_code;
	struct nd_u64 bugcheck_parameter[4];
	struct nd_u64 kd_debugger_data_block;
	struct nd_u64 dump_type;
	struct nd_u64 required_dump_space; /* bytes */
	struct nd_u64 system_time;	   /* FILETIME, UTC */
	struct nd_u64 system_up_time;	   /* 100 ns */
	struct nd_u64 mini_dump_fields;
	struct nd_u64 secondary_data_state;
	struct nd_u64 product_type; /* 1 WinNt, 2 LanManNt, 3 ServerNt */
	struct nd_u64 suite_mask;
	struct nd_u64 writer_status;
	struct nd_u64 kd_secondary_version;
	struct nd_u64 attributes;
	struct nd_u64 boot_id;
	struct nd_u64 number_of_runs;
	struct nd_u64 number_of_pages;
	uint32_t run_count; /* runs that fit the header and are not fill */
	struct nd_header_run run[ND_HEADER_RUNS_MAX];
	char version_user[33]; /* NUL-terminated raw bytes; "" when fill */
	char comment[129];     /* NUL-terminated raw bytes; "" when fill */

	uint8_t context[ND_CONTEXT_BYTES]; /* CONTEXT of the crashing processor, raw */
	bool context_set;		   /* false: all zero or fill */

	/* EXCEPTION_RECORD64 */
	struct nd_u64 exception_code, exception_flags, exception_record, exception_address;
	uint32_t exception_parameter_count; /* 0..15 */
	uint64_t exception_parameter[15];
};

/*
 * Parse the first ND_HEADER_BYTES of a file. ND_EFORMAT with a line in *err when it is not the
 * header of an x64 kernel dump: names what was found instead (PAGEDUMP, MDMP, hibernation, ARM64).
 */
enum nd_status nd_header_parse(const uint8_t bytes[ND_HEADER_BYTES], struct nd_header *ret,
			       struct nd_error *err);

#endif
