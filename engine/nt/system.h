/*
 * engine/nt/system.h - facts of the whole machine: version, product, times, processors.
 */
#ifndef ND_NT_SYSTEM_H
#define ND_NT_SYSTEM_H

#include "ntdump.h"
#include "sym/rec.h"

#define ND_LAB_BYTES 128u
/* KUSER_SHARED_DATA is mapped here in every process of every x64 Windows. */
#define ND_KUSER_SHARED_DATA 0xfffff78000000000ull
#define ND_USER_SHARED_DATA 0x7ffe0000ull

/* ASCII text from the dump, at most ND_LAB_BYTES; raw bytes, to be escaped. */
struct nd_astr {
	char text[ND_LAB_BYTES + 1];
	enum nd_status st;
	nd_va at;
};

struct nd_system {
	struct nd_astr build_lab, build_lab_ex;
	struct nd_u64 major_version, minor_version; /* 10, 0 */
	struct nd_u64 build;
	struct nd_u64 product_type; /* 1 WinNt, 2 LanManNt, 3 ServerNt */
	struct nd_u64 suite_mask;
	struct nd_u64 checked_build; /* 0 free, 1 checked */
	struct nd_u64 processors;
	struct nd_u64 crash_time;     /* FILETIME, UTC */
	struct nd_u64 uptime;	      /* 100 ns */
	struct nd_u64 time_zone_bias; /* signed 100 ns: UTC - local */
	struct nd_u64 system_call;    /* KUSER_SHARED_DATA.SystemCall: 0 syscall, 1 int 2e */
	struct nd_u64 time_increment; /* 100 ns a clock tick */
	struct nd_ustr system_root;   /* owned */
};

/* When the machine stopped, FILETIME: the header's time, else that of the kernel's clock. */
struct nd_u64 nd_crash_time(const struct nd_dump *dump);

/* Never fails as a whole; each member has its reason. Free with nd_system_free(). */
void nd_system_read(const struct nd_dump *dump, struct nd_system *ret);
void nd_system_free(struct nd_system *system);

/*
 * The computer's name: COMPUTERNAME in the environment of the first process that has it (user
 * memory). ND_NONE when none has. Free with nd_ustr_free().
 */
struct nd_ustr nd_machine_name(const struct nd_dump *dump);

/* The names of one bit of SuiteMask; NULL for a bit without a name. */
const char *nd_suite_name(unsigned bit);
/* "WinNt", "LanManNt", "ServerNt"; NULL otherwise. */
const char *nd_product_name(uint64_t product_type);

/* KPRCB of processor `number` (KiProcessorBlock). ND_NONE past the last. */
struct nd_u64 nd_prcb(const struct nd_dump *dump, uint32_t number);

/* What is inside, judged by what the dump holds. */
enum nd_contents {
	ND_CONTENTS_FULL,   /* every page of the machine's memory */
	ND_CONTENTS_ACTIVE, /* kernel pages and user pages in use */
	ND_CONTENTS_KERNEL, /* kernel pages only */
	ND_CONTENTS_LIVE,   /* taken from a running system */
	ND_CONTENTS_TRIAGE,
	ND_CONTENTS_ELF, /* physical memory as the container has it */
	ND_CONTENTS_KDUMP,
	ND_CONTENTS_RAW,
};

/* *ret_user: whether user pages are there (ND_OK with 0/1, or why it cannot be told). */
enum nd_contents nd_contents_of(const struct nd_dump *dump, struct nd_u64 *ret_user);

#endif
