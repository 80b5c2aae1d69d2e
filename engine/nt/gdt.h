/*
 * engine/nt/gdt.h - a processor's global descriptor table and task state segment, as the processor
 * defines them.
 */
#ifndef ND_NT_GDT_H
#define ND_NT_GDT_H

#include "ntdump.h"
#include "nt/cpu.h"

#define ND_GDT_ENTRIES_MAX 8192u

struct nd_gdt_entry {
	uint16_t selector; /* with a privilege level of 0 */
	nd_va base;
	uint64_t limit; /* the last byte that it covers, counted from base */
	uint8_t type;	/* 4 bits: of code or data, or of a system segment */
	bool system;	/* no code or data, but a TSS, an LDT, a gate */
	bool present;
	bool long_mode; /* 64-bit code */
	bool wide;	/* takes 16 bytes: two places of the table */
	uint8_t dpl;
};

struct nd_gdt {
	nd_va at;
	uint32_t bytes; /* that the processor says it has; Windows' own 58h where it cannot be
			     read */
	uint32_t count; /* descriptors that are not all zero */
	struct nd_gdt_entry *entry; /* owned */
	enum nd_status st;	    /* ND_OK; or why the table ends before its end */
	nd_va st_at;
};

/* KPCR.GdtBase. ND_OK also when nothing of it is there: ret->st. ND_ENOMEM, ND_EIO. */
enum nd_status nd_gdt_read(const struct nd_dump *dump, const struct nd_cpu *cpu,
			   struct nd_gdt *ret);
void nd_gdt_free(struct nd_gdt *gdt);

/* KTSS64 at KPCR.TssBase. Members speak for themselves. */
struct nd_tss {
	struct nd_u64 at;
	struct nd_u64 rsp[3]; /* stacks of the privilege levels */
	struct nd_u64 ist[8]; /* interrupt stacks; [0] is reserved */
	struct nd_u64 io_map; /* offset of the I/O permission bitmap */
};

struct nd_tss nd_tss_read(const struct nd_dump *dump, const struct nd_cpu *cpu);

#endif
