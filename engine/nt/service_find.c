/*
 * engine/nt/service_find.c - where the system service tables lie: by symbols, else by the code of
 * the system call entry that loads their descriptors.
 */
#include <string.h>

#include "nt/kdbg.h"
#include "nt/service_table.h"
#include "nt/system.h"
#include "sym/pe.h"
#include "sym/rec.h"

/* KSERVICE_TABLE_DESCRIPTOR: Base, Count, Limit u32, Number (argument bytes); entry 1 is win32k. */
enum { DESCRIPTOR_BYTES = 0x20, DESCRIPTOR_LIMIT = 0x10, DESCRIPTOR_NUMBER = 0x18 };

#define SECTION_BYTES_MAX (8u << 20) /* data sections of nt are below 2 MiB */
#define ENTRY_CODE_BYTES 0x2000u     /* KiSystemCall64 and what follows it */

/* A descriptor whose members can be what they must be. */
static bool read_descriptor(const struct nd_dump *dump, nd_va at, struct nd_service_place *ret)
{
	struct nd_u64 base = nd_read_num(&dump->kernel, at, 8);
	struct nd_u64 limit = nd_read_num(&dump->kernel, at + DESCRIPTOR_LIMIT, 4);
	struct nd_u64 number = nd_read_num(&dump->kernel, at + DESCRIPTOR_NUMBER, 8);

	if (base.st != ND_OK || limit.st != ND_OK || number.st != ND_OK ||
	    !nd_va_is_kernel(base.value) || (base.value & 3) || !nd_va_is_kernel(number.value) ||
	    limit.value == 0 || limit.value > ND_SERVICES_MAX)
		return false;
	*ret = (struct nd_service_place){ base.value, number.value, (uint32_t)limit.value };
	return true;
}

/* KiServiceTable with KiServiceLimit right behind it (all builds that are known). */
static bool from_table_symbols(const struct nd_dump *dump, struct nd_service_place *ret)
{
	nd_va table = dump->symbol[ND_SYM_KiServiceTable];
	nd_va limit_at = dump->symbol[ND_SYM_KiServiceLimit];
	struct nd_u64 limit;

	if (table == 0 || limit_at == 0)
		return false;
	limit = nd_read_num(&dump->kernel, limit_at, 4);
	if (limit.st != ND_OK || limit.value == 0 || limit.value > ND_SERVICES_MAX)
		return false;
	*ret = (struct nd_service_place){ table, dump->symbol[ND_SYM_KiArgumentTable],
					  (uint32_t)limit.value };
	return true;
}

/* The system call entry that the processors' LSTAR names. */
static nd_va system_call_entry(const struct nd_dump *dump)
{
	uint32_t state = nd_offset(dump, ND_M_KPRCB_ProcessorState);
	uint32_t special = nd_offset(dump, ND_M_KPROCESSOR_STATE_SpecialRegisters);
	uint32_t lstar = nd_offset(dump, ND_M_KSPECIAL_REGISTERS_MsrLStar);
	struct nd_u64 prcb = nd_prcb(dump, 0), v;

	if (dump->symbol[ND_SYM_KiSystemCall64] != 0)
		return dump->symbol[ND_SYM_KiSystemCall64];
	if (prcb.st != ND_OK || state == ND_OFFSET_ABSENT || special == ND_OFFSET_ABSENT ||
	    lstar == ND_OFFSET_ABSENT)
		return 0;
	v = nd_read_num(&dump->kernel, prcb.value + state + special + lstar, 8);
	return v.st == ND_OK && nd_va_is_kernel(v.value) ? v.value : 0;
}

/*
 * lea r10,[KeServiceDescriptorTable]; lea r11,[KeServiceDescriptorTableShadow]: the pair that the
 * entry code loads before it picks one by the thread's GuiThread flag.
 */
static bool from_entry_code(const struct nd_dump *dump, nd_va *plain, nd_va *shadow)
{
	uint8_t code[ENTRY_CODE_BYTES];
	nd_va entry = system_call_entry(dump);
	size_t got = 0;

	if (entry == 0)
		return false;
	nd_read_some(&dump->kernel, entry, code, sizeof(code), &got);
	for (size_t i = 0; i + 14 <= got; i++) {
		if (memcmp(code + i, "\x4c\x8d\x15", 3) != 0 ||
		    memcmp(code + i + 7, "\x4c\x8d\x1d", 3) != 0)
			continue;
		*plain = entry + i + 7 + (uint64_t)(int64_t)(int32_t)nd_le32(code + i + 3);
		*shadow = entry + i + 14 + (uint64_t)(int64_t)(int32_t)nd_le32(code + i + 10);
		return true;
	}
	return false;
}

/*
 * The shadow table told by its own contents: a copy of the kernel's descriptor in the kernel's
 * data, followed by a descriptor of a table that lies in another module.
 */
static bool is_shadow(const struct nd_dump *dump, nd_va at, const struct nd_service_place *nt)
{
	struct nd_service_place first, second;
	nd_va begin = dump->kernel_base, end = begin + dump->kernel_bytes;

	return read_descriptor(dump, at, &first) && first.base == nt->base &&
	       first.count == nt->count && read_descriptor(dump, at + DESCRIPTOR_BYTES, &second) &&
	       !(second.base >= begin && second.base < end);
}

static nd_va shadow_in_section(const struct nd_dump *dump, nd_va from, uint32_t bytes,
			       const struct nd_service_place *nt)
{
	for (uint32_t at = 0; at < bytes; at += ND_PAGE_BYTES) {
		uint8_t page[ND_PAGE_BYTES];
		size_t got = 0;

		nd_read_some(&dump->kernel, from + at, page, sizeof(page), &got);
		for (size_t i = 0; i + 8 <= got && at + i < bytes; i += 8)
			if (nd_le64(page + i) == nt->base && is_shadow(dump, from + at + i, nt))
				return from + at + i;
	}
	return 0;
}

static nd_va scan_for_shadow(const struct nd_dump *dump, const struct nd_service_place *nt)
{
	struct nd_pe pe;
	nd_va found = 0;

	if (dump->kernel_base == 0 || nd_pe_read(&dump->kernel, dump->kernel_base, &pe) != ND_OK)
		return 0;
	for (uint32_t i = 0; i < pe.section_count && found == 0; i++) {
		const struct nd_pe_section *s = &pe.section[i];

		if ((s->characteristics & ND_PE_EXECUTE) || s->rva % ND_PAGE_BYTES != 0 ||
		    s->rva > pe.size_bytes || s->bytes > pe.size_bytes - s->rva ||
		    s->bytes > SECTION_BYTES_MAX)
			continue;
		found = shadow_in_section(dump, pe.base + s->rva, s->bytes, nt);
	}
	return found;
}

static bool find_nt(const struct nd_dump *dump, nd_va plain, nd_va shadow,
		    struct nd_service_place *ret)
{
	return from_table_symbols(dump, ret) || (plain && read_descriptor(dump, plain, ret)) ||
	       (shadow && read_descriptor(dump, shadow, ret));
}

enum nd_status nd_service_place_find(const struct nd_dump *dump, enum nd_service_table_id id,
				     struct nd_service_place *ret)
{
	nd_va plain = dump->symbol[ND_SYM_KeServiceDescriptorTable];
	nd_va shadow = dump->symbol[ND_SYM_KeServiceDescriptorTableShadow];

	if (plain == 0 || shadow == 0)
		from_entry_code(dump, &plain, &shadow);
	if (!find_nt(dump, plain, shadow, ret))
		return ND_NO_SYMBOLS;
	if (id == ND_TABLE_NT)
		return ND_OK;
	if (shadow == 0)
		shadow = scan_for_shadow(dump, ret);
	return shadow && read_descriptor(dump, shadow + DESCRIPTOR_BYTES, ret) ? ND_OK
									       : ND_NO_SYMBOLS;
}
