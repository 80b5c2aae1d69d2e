/*
 * engine/sym/layout.h - where each structure member lies in this dump's kernel: one plain table,
 * resolved once at opening from the best source at hand.
 */
#ifndef ND_SYM_LAYOUT_H
#define ND_SYM_LAYOUT_H

#include "base.h"
#include "sym/members.h"
#include "sym/symfile.h"

#define ND_OFFSET_ABSENT UINT32_MAX
#define ND_RVA_ABSENT UINT32_MAX

struct nd_member_place {
	uint32_t offset; /* ND_OFFSET_ABSENT: this build has no such member */
	uint8_t bit_position;
	uint8_t bit_length; /* 0: not a bit-field */
};

enum nd_layout_source {
	ND_LAYOUT_NONE,		   /* nothing known: every member absent */
	ND_LAYOUT_PDB,		   /* exact PDB */
	ND_LAYOUT_ISF,		   /* exact ISF */
	ND_LAYOUT_PROFILE_EXACT,   /* built-in profile of this very kernel (GUID + age) */
	ND_LAYOUT_PROFILE_NEAREST, /* built-in profile of another servicing level of the build */
};

struct nd_layout {
	enum nd_layout_source source;
	char version[24]; /* kernel version of the profile: "10.0.19041.329"; "" when unknown */
	struct nd_member_place member[ND_MEMBER_COUNT];
	uint32_t struct_bytes[ND_STRUCT_COUNT]; /* 0: unknown */
	uint32_t symbol_rva[ND_SYMBOL_COUNT];	/* ND_RVA_ABSENT: unknown */
};

/* Bytes of each member as listed in members.h. */
extern const uint16_t nd_member_bytes[ND_MEMBER_COUNT];
/* Names as the kernel spells them: "_EPROCESS", "UniqueProcessId", "PsActiveProcessHead". */
extern const char *const nd_member_struct_name[ND_MEMBER_COUNT];
extern const char *const nd_member_name[ND_MEMBER_COUNT];
extern const char *const nd_struct_name[ND_STRUCT_COUNT];
extern const char *const nd_symbol_name[ND_SYMBOL_COUNT];

/* Everything absent, source ND_LAYOUT_NONE. */
void nd_layout_clear(struct nd_layout *layout);
/* Fill from a symbol file (members, sizes, symbol RVAs); source by the file's kind. */
void nd_layout_from_symfile(const struct nd_symfile *file, struct nd_layout *ret);

/* The built-in profile of exactly this kernel. ND_NO_SYMBOLS when it is not among the known. */
enum nd_status nd_profile_exact(const struct nd_guid_age *id, struct nd_layout *ret);
/*
 * Built-in profiles of a build, nearest servicing level first: the i-th candidate (0 = nearest to
 * `revision`, the older of two equally near; distinct layouts only). Absent are symbol RVAs and
 * what is known of single kernels only (MI_SYSTEM_INFORMATION.Hardware): they belong to one image.
 * ND_ENOENT past the last. 19042..19045 use the 19041 kernel, 18363 the 18362 one.
 */
enum nd_status nd_profile_candidate(uint32_t build, uint32_t revision, uint32_t i,
				    struct nd_layout *ret);
/* How many kernels are known exactly (for /README and tests). */
uint32_t nd_profile_count(void);
/* The i-th known kernel: version text and identity. */
bool nd_profile_kernel(uint32_t i, const char **version, struct nd_guid_age *id);

#endif
