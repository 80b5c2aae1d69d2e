/*
 * engine/nt/kdbg.h - KDDEBUGGER_DATA64, the kernel's own table of addresses and offsets for
 * debuggers. Not in any PDB; offsets are those of the public header, equal in all builds.
 */
#ifndef ND_NT_KDBG_H
#define ND_NT_KDBG_H

#include "ntdump.h"

#define ND_KDBG_TAG 0x4742444bu /* "KDBG" */

/* Offsets of the members that are used. Addresses are 8 bytes, the rest 2 unless said. */
enum nd_kdbg_member {
	ND_KDBG_OwnerTag = 0x10, /* "KDBG", 4 bytes */
	ND_KDBG_Size = 0x14,	 /* 4 bytes */
	ND_KDBG_KernBase = 0x18,
	ND_KDBG_PsLoadedModuleList = 0x48,
	ND_KDBG_PsActiveProcessHead = 0x50,
	ND_KDBG_PspCidTable = 0x58,
	ND_KDBG_KeTimeIncrement = 0x78,
	ND_KDBG_KiBugcheckData = 0x88,
	ND_KDBG_ObpRootDirectoryObject = 0x98,
	ND_KDBG_ObpTypeObjectType = 0xa0,
	ND_KDBG_MmPfnDatabase = 0xc0,
	ND_KDBG_NtBuildLab = 0x208,
	ND_KDBG_KiProcessorBlock = 0x218,
	ND_KDBG_MmUnloadedDrivers = 0x220,
	ND_KDBG_MmLastUnloadedDriver = 0x228,
	ND_KDBG_OffsetKThreadTeb = 0x29a,
	ND_KDBG_OffsetKThreadKernelStack = 0x29c,
	ND_KDBG_OffsetKThreadInitialStack = 0x29e,
	ND_KDBG_OffsetKThreadState = 0x2a2,
	ND_KDBG_SizeEProcess = 0x2a8,
	ND_KDBG_OffsetEprocessPeb = 0x2aa,
	ND_KDBG_OffsetEprocessParentCID = 0x2ac,
	ND_KDBG_OffsetEprocessDirectoryTableBase = 0x2ae,
	ND_KDBG_SizePrcb = 0x2b0,
	ND_KDBG_OffsetPrcbCurrentThread = 0x2b4,
	ND_KDBG_SizeEThread = 0x2c0,
	ND_KDBG_OffsetPrcbContext = 0x338,
};

/* A member of dump->kdbg, `bytes` wide. ND_NO_SYMBOLS without KDBG; ND_NOT_IN_BUILD past its size. */
struct nd_u64 nd_kdbg_get(const struct nd_dump *dump, enum nd_kdbg_member member, unsigned bytes);

/* Whether the block at `va` reads as a plain (not encoded) KDBG; *ret_bytes is its size. */
bool nd_kdbg_check(const struct nd_space *space, nd_va va, uint32_t *ret_bytes);
/* The same of `len` bytes that were copied and decoded; the size is at most len. */
bool nd_kdbg_check_bytes(const uint8_t *bytes, size_t len, uint32_t *ret_bytes);

/* One comparison of a layout with what KDBG says. */
struct nd_kdbg_check_row {
	const char *name; /* KDBG's member */
	uint64_t kdbg, layout;
};

/*
 * Compare the layout with KDBG: the i-th disagreement into *ret (ND_OK), ND_ENOENT when there are
 * no more. Values that KDBG or the layout lacks do not disagree.
 */
enum nd_status nd_kdbg_mismatch(const struct nd_dump *dump, const struct nd_layout *layout,
				uint32_t i, struct nd_kdbg_check_row *ret);

#endif
