/*
 * engine/nt/gdt.c - reads segment descriptors and the 64-bit TSS. Their places are the processor's,
 * the same in every build.
 */
#include <stdlib.h>

#include "nt/gdt.h"
#include "sym/rec.h"

#define GDT_BYTES_WINDOWS 0x58u /* up to the descriptor of selector 50h */
#define TSS_BYTES 0x68u

/* GDTR as it was saved: what the processor says, if it speaks of this table. */
static struct nd_u64 saved_limit(const struct nd_dump *dump, const struct nd_cpu *cpu)
{
	uint32_t state = nd_offset(dump, ND_M_KPRCB_ProcessorState);
	uint32_t special = nd_offset(dump, ND_M_KPROCESSOR_STATE_SpecialRegisters);
	uint32_t gdtr = nd_offset(dump, ND_M_KSPECIAL_REGISTERS_Gdtr);
	struct nd_u64 base, limit;
	nd_va at;

	if (state == ND_OFFSET_ABSENT || special == ND_OFFSET_ABSENT || gdtr == ND_OFFSET_ABSENT)
		return nd_u64_missing(ND_NOT_IN_BUILD, cpu->prcb.value);
	at = cpu->prcb.value + state + special + gdtr; /* KDESCRIPTOR */
	limit = nd_read_num(&dump->kernel, at + 6, 2);
	base = nd_read_num(&dump->kernel, at + 8, 8);
	if (base.st != ND_OK)
		return base;
	if (base.value != cpu->gdt_base.value || (limit.st == ND_OK && limit.value < 7))
		return nd_u64_missing(ND_INVALID, at);
	return limit;
}

static struct nd_gdt_entry decode(uint16_t selector, uint64_t low, uint64_t high)
{
	struct nd_gdt_entry e = { .selector = selector };

	e.base = (low >> 16 & 0xffffff) | (low >> 56) << 24;
	e.limit = (low & 0xffff) | (low >> 48 & 0xf) << 16;
	if (low >> 55 & 1) /* counted in pages */
		e.limit = e.limit << 12 | 0xfff;
	e.type = (uint8_t)(low >> 40 & 0xf);
	e.system = !(low >> 44 & 1);
	e.dpl = (uint8_t)(low >> 45 & 3);
	e.present = low >> 47 & 1;
	e.long_mode = !e.system && (e.type & 8) && (low >> 53 & 1);
	e.wide = e.system && e.present;
	if (e.wide)
		e.base |= (high & 0xffffffff) << 32;
	return e;
}

static enum nd_status read_entries(const struct nd_dump *dump, struct nd_gdt *gdt)
{
	for (uint32_t at = 0; at + 8 <= gdt->bytes; at += 8) {
		uint8_t raw[16] = { 0 };
		bool last = gdt->bytes - at < sizeof(raw);
		struct nd_gdt_entry e;

		gdt->st = nd_read(&dump->kernel, gdt->at + at, raw, last ? 8 : sizeof(raw));
		if (gdt->st != ND_OK && !last) /* the last eight bytes before a page that is gone */
			gdt->st = nd_read(&dump->kernel, gdt->at + at, raw, 8);
		if (gdt->st != ND_OK) {
			gdt->st_at = gdt->at + at;
			return nd_is_failure(gdt->st) ? gdt->st : ND_OK;
		}
		if (nd_le64(raw) == 0)
			continue;
		e = decode((uint16_t)at, nd_le64(raw), nd_le64(raw + 8));
		gdt->entry[gdt->count++] = e;
		if (e.wide)
			at += 8;
	}
	return ND_OK;
}

enum nd_status nd_gdt_read(const struct nd_dump *dump, const struct nd_cpu *cpu, struct nd_gdt *ret)
{
	struct nd_gdt gdt = { .at = cpu->gdt_base.value,
			      .bytes = GDT_BYTES_WINDOWS,
			      .st = cpu->gdt_base.st,
			      .st_at = cpu->gdt_base.at };
	struct nd_u64 limit;
	enum nd_status st = ND_OK;

	if (gdt.st == ND_OK && !nd_va_is_kernel(gdt.at))
		gdt.st = ND_INVALID;
	if (nd_is_failure(gdt.st))
		return gdt.st;
	if (gdt.st == ND_OK) {
		limit = saved_limit(dump, cpu);
		if (nd_is_failure(limit.st))
			return limit.st;
		if (limit.st == ND_OK)
			gdt.bytes = (uint32_t)limit.value + 1;
		gdt.entry = calloc(ND_GDT_ENTRIES_MAX, sizeof(*gdt.entry));
		st = gdt.entry ? read_entries(dump, &gdt) : ND_ENOMEM;
	}
	if (st != ND_OK)
		nd_gdt_free(&gdt);
	else
		*ret = gdt;
	return st;
}

void nd_gdt_free(struct nd_gdt *gdt)
{
	free(gdt->entry);
	*gdt = (struct nd_gdt){ 0 };
}

struct nd_tss nd_tss_read(const struct nd_dump *dump, const struct nd_cpu *cpu)
{
	struct nd_tss tss = { .at = cpu->tss_base };
	struct nd_rec rec;
	enum nd_status st = tss.at.st;

	if (st == ND_OK)
		st = nd_va_is_kernel(tss.at.value)
			     ? nd_rec_read_bytes(&dump->kernel, tss.at.value, TSS_BYTES, &rec)
			     : ND_INVALID;
	for (uint32_t i = 0; i < 3; i++)
		tss.rsp[i] = st == ND_OK ? nd_rec_num(&rec, 4 + 8 * i, 8)
					 : nd_u64_missing(st, tss.at.value);
	for (uint32_t i = 0; i < 8; i++)
		tss.ist[i] = st == ND_OK ? nd_rec_num(&rec, 0x1c + 8 * i, 8)
					 : nd_u64_missing(st, tss.at.value);
	tss.io_map = st == ND_OK ? nd_rec_num(&rec, 0x66, 2) : nd_u64_missing(st, tss.at.value);
	return tss;
}
