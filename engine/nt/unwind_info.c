/*
 * engine/nt/unwind_info.c - decodes UNWIND_INFO, versions 1 and 2.
 */
#include "nt/unwind.h"

#define HEAD_BYTES 4u

/* Slots of two bytes that an operation takes; 0 when there is no such operation. */
static unsigned slots_of(unsigned version, unsigned op, unsigned info)
{
	switch (op) {
	case ND_UWOP_ALLOC_LARGE:
		return info == 0 ? 2 : info == 1 ? 3 : 0;
	case ND_UWOP_EPILOG:
		return version == 1 ? 2 : 1;
	case ND_UWOP_SAVE_NONVOL:
	case ND_UWOP_SAVE_XMM128:
		return 2;
	case ND_UWOP_SPARE:
	case ND_UWOP_SAVE_NONVOL_FAR:
	case ND_UWOP_SAVE_XMM128_FAR:
		return 3;
	case ND_UWOP_PUSH_MACHFRAME:
		return info <= 1 ? 1 : 0;
	case ND_UWOP_PUSH_NONVOL:
	case ND_UWOP_ALLOC_SMALL:
	case ND_UWOP_SET_FPREG:
		return 1;
	}
	return 0;
}

static uint32_t bytes_of(const struct nd_unwind_code *c, const uint8_t *slot)
{
	switch (c->op) {
	case ND_UWOP_ALLOC_SMALL:
		return c->info * 8u + 8;
	case ND_UWOP_ALLOC_LARGE:
		return c->info == 0 ? nd_le16(slot + 2) * 8u : nd_le32(slot + 2);
	case ND_UWOP_SAVE_NONVOL:
		return nd_le16(slot + 2) * 8u;
	case ND_UWOP_SAVE_XMM128:
		return nd_le16(slot + 2) * 16u;
	case ND_UWOP_SAVE_NONVOL_FAR:
	case ND_UWOP_SAVE_XMM128_FAR:
		return nd_le32(slot + 2);
	}
	return 0;
}

static enum nd_status parse_codes(const uint8_t *raw, unsigned slots, struct nd_unwind_info *info)
{
	for (unsigned i = 0; i < slots;) {
		const uint8_t *slot = raw + (size_t)i * 2;
		struct nd_unwind_code c = { .at = slot[0],
					    .op = slot[1] & 15,
					    .info = slot[1] >> 4 };
		unsigned n = slots_of(info->version, c.op, c.info);

		if (n == 0 || n > slots - i)
			return ND_INVALID;
		c.bytes = bytes_of(&c, slot);
		info->code[info->count++] = c;
		i += n;
	}
	return ND_OK;
}

enum nd_status nd_unwind_info_read(const struct nd_pe *pe, uint32_t rva, struct nd_unwind_info *ret)
{
	uint8_t raw[HEAD_BYTES + ND_UNWIND_CODES_MAX * 2 + 2 + 12] = { 0 }, *end;
	struct nd_unwind_info info = { 0 };
	enum nd_status st = nd_pe_bytes(pe, rva, raw, HEAD_BYTES);
	unsigned slots;
	size_t bytes;

	if (st != ND_OK)
		return st;
	info.version = raw[0] & 7;
	info.flags = raw[0] >> 3;
	info.prolog_bytes = raw[1];
	slots = raw[2];
	info.frame_register = raw[3] & 15;
	info.frame_offset = (uint8_t)((raw[3] >> 4) * 16);
	if (info.version != 1 && info.version != 2)
		return ND_INVALID;
	bytes = ((size_t)slots + 1) / 2 * 4; /* an even number of slots is kept */
	end = raw + HEAD_BYTES + bytes;
	if (info.flags & ND_UNW_CHAININFO)
		bytes += 12;
	st = nd_pe_bytes(pe, (uint64_t)rva + HEAD_BYTES, raw + HEAD_BYTES, bytes);
	if (st == ND_OK)
		st = parse_codes(raw + HEAD_BYTES, slots, &info);
	if (st != ND_OK)
		return st;
	if (info.flags & ND_UNW_CHAININFO)
		info.chain = (struct nd_runtime_function){ nd_le32(end), nd_le32(end + 4),
							   nd_le32(end + 8) };
	*ret = info;
	return ND_OK;
}
