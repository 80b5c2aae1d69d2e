/*
 * engine/nt/kdbg.c - reads KDDEBUGGER_DATA64 and holds layouts against it.
 */
#include <string.h>

#include "nt/kdbg.h"
#include "sym/rec.h"

#define KDBG_MIN_BYTES 0x298u /* up to the block of offsets; Windows 7 has 0x340 */
#define KDBG_MAX_BYTES 0x1000u

bool nd_kdbg_check(const struct nd_space *space, nd_va va, uint32_t *ret_bytes)
{
	struct nd_u64 tag, size;

	if (!nd_va_is_kernel(va))
		return false;
	tag = nd_read_num(space, va + ND_KDBG_OwnerTag, 4);
	size = nd_read_num(space, va + ND_KDBG_Size, 4);
	if (tag.st != ND_OK || tag.value != ND_KDBG_TAG || size.st != ND_OK ||
	    size.value < KDBG_MIN_BYTES || size.value > KDBG_MAX_BYTES)
		return false;
	*ret_bytes = (uint32_t)size.value;
	return true;
}

bool nd_kdbg_check_bytes(const uint8_t *bytes, size_t len, uint32_t *ret_bytes)
{
	uint32_t size;

	if (len < KDBG_MIN_BYTES || nd_le32(bytes + ND_KDBG_OwnerTag) != ND_KDBG_TAG)
		return false;
	size = nd_le32(bytes + ND_KDBG_Size);
	if (size < KDBG_MIN_BYTES || size > KDBG_MAX_BYTES)
		return false;
	*ret_bytes = size < len ? size : (uint32_t)len;
	return true;
}

/* From the copy of a block that the kernel keeps encoded. */
static struct nd_u64 get_decoded(const struct nd_dump *dump, enum nd_kdbg_member member,
				 unsigned bytes)
{
	uint8_t raw[8] = { 0 };

	if (bytes > sizeof(raw))
		return nd_u64_missing(ND_INVALID, dump->kdbg + member);
	memcpy(raw, dump->kdbg_copy + member, bytes);
	return (struct nd_u64){ nd_le64(raw), ND_OK, dump->kdbg + member };
}

struct nd_u64 nd_kdbg_get(const struct nd_dump *dump, enum nd_kdbg_member member, unsigned bytes)
{
	if (dump->kdbg == 0)
		return nd_u64_missing(ND_NO_SYMBOLS, 0);
	if (member + bytes > dump->kdbg_bytes)
		return nd_u64_missing(ND_NOT_IN_BUILD, dump->kdbg + member);
	if (dump->kdbg_decoded)
		return get_decoded(dump, member, bytes);
	return nd_read_num(&dump->kernel, dump->kdbg + member, bytes);
}

/* What each KDBG member must equal: a member's offset, or (is_size) a structure's size. */
static const struct {
	const char *name;
	enum nd_kdbg_member kdbg;
	bool is_size;
	int layout;
} checks[] = {
	{ "SizeEProcess", ND_KDBG_SizeEProcess, true, ND_S_EPROCESS },
	{ "SizeEThread", ND_KDBG_SizeEThread, true, ND_S_ETHREAD },
	{ "SizePrcb", ND_KDBG_SizePrcb, true, ND_S_KPRCB },
	{ "OffsetEprocessPeb", ND_KDBG_OffsetEprocessPeb, false, ND_M_EPROCESS_Peb },
	{ "OffsetEprocessParentCID", ND_KDBG_OffsetEprocessParentCID, false,
	  ND_M_EPROCESS_InheritedFromUniqueProcessId },
	{ "OffsetEprocessDirectoryTableBase", ND_KDBG_OffsetEprocessDirectoryTableBase, false,
	  ND_M_KPROCESS_DirectoryTableBase },
	{ "OffsetKThreadTeb", ND_KDBG_OffsetKThreadTeb, false, ND_M_KTHREAD_Teb },
	{ "OffsetKThreadKernelStack", ND_KDBG_OffsetKThreadKernelStack, false,
	  ND_M_KTHREAD_KernelStack },
	{ "OffsetKThreadInitialStack", ND_KDBG_OffsetKThreadInitialStack, false,
	  ND_M_KTHREAD_InitialStack },
	{ "OffsetKThreadState", ND_KDBG_OffsetKThreadState, false, ND_M_KTHREAD_State },
	{ "OffsetPrcbCurrentThread", ND_KDBG_OffsetPrcbCurrentThread, false,
	  ND_M_KPRCB_CurrentThread },
};

enum nd_status nd_kdbg_mismatch(const struct nd_dump *dump, const struct nd_layout *layout,
				uint32_t i, struct nd_kdbg_check_row *ret)
{
	uint32_t found = 0;

	for (size_t k = 0; k < sizeof(checks) / sizeof(*checks); k++) {
		struct nd_u64 v = nd_kdbg_get(dump, checks[k].kdbg, 2);
		uint32_t have = checks[k].is_size ? layout->struct_bytes[checks[k].layout]
						  : layout->member[checks[k].layout].offset;

		if (v.st != ND_OK || v.value == 0 ||
		    have == (checks[k].is_size ? 0 : ND_OFFSET_ABSENT))
			continue;
		if (v.value == have || found++ != i)
			continue;
		*ret = (struct nd_kdbg_check_row){ checks[k].name, v.value, have };
		return ND_OK;
	}
	return ND_ENOENT;
}
