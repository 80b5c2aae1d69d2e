/*
 * engine/nt/cpu.h - processors: KPCR and KPRCB, saved registers, and the interrupt descriptor
 * table.
 */
#ifndef ND_NT_CPU_H
#define ND_NT_CPU_H

#include "ntdump.h"

#define ND_CPUS_MAX 2048u /* the kernel's own limit of processors */
#define ND_IDT_ENTRIES 256u

struct nd_cpu {
	uint32_t number;
	struct nd_u64 prcb, pcr;
	struct nd_u64 current_thread, next_thread, idle_thread; /* ETHREAD; next is often 0 */
	struct nd_u64 mhz, cpu_type, cpu_id, cpu_step, group, group_index;
	struct nd_u64 update_signature; /* microcode revision in the high half */
	struct nd_u64 idt_base, gdt_base, tss_base, user_rsp, irql;
	struct nd_u64 kernel_dtb, shadow_flags; /* KVA shadow; not in older builds */
	char vendor[14];
	enum nd_status vendor_st;
};

/* Number of processors in KiProcessorBlock. */
uint32_t nd_cpu_count(const struct nd_dump *dump);
/* ND_ENOENT past the last; else members speak for themselves. */
enum nd_status nd_cpu_read(const struct nd_dump *dump, uint32_t number, struct nd_cpu *ret);

/* One special register: name, value, width in bytes. */
struct nd_cpu_register {
	const char *name;
	struct nd_u64 value;
	unsigned bytes;
};

#define ND_SPECIAL_REGISTERS 32u

/* KPRCB.ProcessorState.SpecialRegisters; returns how many were filled. */
uint32_t nd_cpu_special_registers(const struct nd_dump *dump, const struct nd_cpu *cpu,
				  struct nd_cpu_register ret[ND_SPECIAL_REGISTERS]);

/*
 * The CONTEXT that a processor was stopped with: the header's for the one that crashed, else
 * KPRCB.ProcessorState.ContextFrame. ND_CONTEXT_BYTES bytes.
 */
enum nd_status nd_cpu_context(const struct nd_dump *dump, const struct nd_cpu *cpu,
			      uint8_t ret[ND_CONTEXT_BYTES]);

struct nd_idt_entry {
	bool present;
	nd_va handler;
	uint16_t selector;
	uint8_t ist, type, dpl;
	struct nd_u64 interrupt; /* KINTERRUPT of the vector; ND_NONE when there is none */
	struct nd_u64 routine; /* its ServiceRoutine, or MessageServiceRoutine where that is set */
	struct nd_u64 context; /* its ServiceContext */
};

/* One gate of a processor's IDT. */
enum nd_status nd_idt_read(const struct nd_dump *dump, const struct nd_cpu *cpu, unsigned vector,
			   struct nd_idt_entry *ret);

#endif
