/*
 * engine/sym/profile_data.h - the shape of the generated tables in profile_data.c. Private to
 * profile.c and the generator.
 */
#ifndef ND_SYM_PROFILE_DATA_H
#define ND_SYM_PROFILE_DATA_H

#include "sym/layout.h"

/*
 * A member's place in one word: bits 0-19 offset, 20-25 bit position, 26-31 bit length;
 * UINT32_MAX: absent.
 */

struct nd_profile_row {
	const char *version; /* "10.0.19041.329" */
	uint32_t build, revision;
	struct nd_guid_age id; /* all zero past the exact kernels */
	uint16_t layout;       /* row of member and struct_bytes */
	uint16_t symbols;      /* row of symbol; exact kernels only */
};

/* A place that holds for one kernel only. */
struct nd_profile_extra {
	uint16_t kernel;
	uint16_t member;
	uint32_t place;
};

struct nd_profile_data {
	uint32_t members, structs, symbols; /* columns of the tables */
	uint32_t kernels;		    /* rows of kernel */
	uint32_t exact_kernels;		    /* of which the first ones have an identity */
	uint32_t extras;
	/* Which member, structure, symbol a column is; rows added to members.h since are absent. */
	const uint16_t *member_column, *struct_column, *symbol_column;
	const uint32_t *member, *struct_bytes, *symbol;
	const struct nd_profile_row *kernel;
	const struct nd_profile_extra *extra; /* in order of kernel */
};

extern const struct nd_profile_data nd_profile_data;

#endif
