/*
 * engine/nt/cpu.c - reads KPCR, KPRCB, the processor state and the IDT.
 */
#include <string.h>

#include "nt/bugcheck.h"
#include "nt/cpu.h"
#include "nt/system.h"
#include "sym/rec.h"

#define IDT_ENTRY_BYTES 16u
#define VENDOR_BYTES 13u

uint32_t nd_cpu_count(const struct nd_dump *dump)
{
	uint32_t n = 0;

	while (n < ND_CPUS_MAX && nd_prcb(dump, n).st == ND_OK)
		n++;
	return n;
}

static struct nd_u64 of_prcb(const struct nd_dump *dump, const struct nd_cpu *cpu,
			     enum nd_member_id member)
{
	return nd_member_read(&dump->kernel, cpu->prcb.value, member);
}

static struct nd_u64 of_pcr(const struct nd_dump *dump, const struct nd_cpu *cpu,
			    enum nd_member_id member)
{
	if (cpu->pcr.st != ND_OK)
		return cpu->pcr;
	return nd_member_read(&dump->kernel, cpu->pcr.value, member);
}

static void read_prcb(const struct nd_dump *dump, struct nd_cpu *cpu)
{
	cpu->current_thread = of_prcb(dump, cpu, ND_M_KPRCB_CurrentThread);
	cpu->next_thread = of_prcb(dump, cpu, ND_M_KPRCB_NextThread);
	cpu->idle_thread = of_prcb(dump, cpu, ND_M_KPRCB_IdleThread);
	cpu->mhz = of_prcb(dump, cpu, ND_M_KPRCB_MHz);
	cpu->cpu_type = of_prcb(dump, cpu, ND_M_KPRCB_CpuType);
	cpu->cpu_id = of_prcb(dump, cpu, ND_M_KPRCB_CpuID);
	cpu->cpu_step = of_prcb(dump, cpu, ND_M_KPRCB_CpuStep);
	cpu->group = of_prcb(dump, cpu, ND_M_KPRCB_Group);
	cpu->group_index = of_prcb(dump, cpu, ND_M_KPRCB_GroupIndex);
	cpu->update_signature = of_prcb(dump, cpu, ND_M_KPRCB_UpdateSignature);
	cpu->kernel_dtb = of_prcb(dump, cpu, ND_M_KPRCB_KernelDirectoryTableBase);
	cpu->shadow_flags = of_prcb(dump, cpu, ND_M_KPRCB_ShadowFlags);
}

static void read_vendor(const struct nd_dump *dump, struct nd_cpu *cpu)
{
	uint32_t offset = nd_offset(dump, ND_M_KPRCB_VendorString);

	cpu->vendor_st = offset == ND_OFFSET_ABSENT
				 ? ND_NOT_IN_BUILD
				 : nd_read(&dump->kernel, cpu->prcb.value + offset, cpu->vendor,
					   VENDOR_BYTES);
	cpu->vendor[cpu->vendor_st == ND_OK ? VENDOR_BYTES : 0] = '\0';
}

enum nd_status nd_cpu_read(const struct nd_dump *dump, uint32_t number, struct nd_cpu *ret)
{
	struct nd_cpu cpu = { .number = number, .prcb = nd_prcb(dump, number) };
	uint32_t prcb_in_pcr = nd_offset(dump, ND_M_KPCR_Prcb);

	if (cpu.prcb.st == ND_NONE)
		return ND_ENOENT;
	if (cpu.prcb.st != ND_OK)
		return cpu.prcb.st;
	cpu.pcr = prcb_in_pcr == ND_OFFSET_ABSENT ? nd_u64_missing(ND_NOT_IN_BUILD, cpu.prcb.value)
						  : nd_u64_of(cpu.prcb.value - prcb_in_pcr);
	read_prcb(dump, &cpu);
	read_vendor(dump, &cpu);
	cpu.idt_base = of_pcr(dump, &cpu, ND_M_KPCR_IdtBase);
	cpu.gdt_base = of_pcr(dump, &cpu, ND_M_KPCR_GdtBase);
	cpu.tss_base = of_pcr(dump, &cpu, ND_M_KPCR_TssBase);
	cpu.user_rsp = of_pcr(dump, &cpu, ND_M_KPCR_UserRsp);
	cpu.irql = of_pcr(dump, &cpu, ND_M_KPCR_Irql);
	*ret = cpu;
	return ND_OK;
}

uint32_t nd_cpu_special_registers(const struct nd_dump *dump, const struct nd_cpu *cpu,
				  struct nd_cpu_register ret[ND_SPECIAL_REGISTERS])
{
#define R(m) \
	{ \
#m, ND_M_KSPECIAL_REGISTERS_##m \
	}
	static const struct {
		const char *name;
		enum nd_member_id member;
	} rows[] = {
		R(Cr0),	      R(Cr2),	       R(Cr3),
		R(Cr4),	      R(Cr8),	       R(KernelDr0),
		R(KernelDr1), R(KernelDr2),    R(KernelDr3),
		R(KernelDr6), R(KernelDr7),    R(Tr),
		R(Ldtr),      R(DebugControl), R(MsrGsBase),
		R(MsrGsSwap), R(MsrFsBase),    R(MsrStar),
		R(MsrLStar),  R(MsrCStar),     R(MsrSyscallMask),
		R(Xcr0),
	};
#undef R
	uint32_t state = nd_offset(dump, ND_M_KPRCB_ProcessorState);
	uint32_t special = nd_offset(dump, ND_M_KPROCESSOR_STATE_SpecialRegisters);
	uint32_t n = 0;

	_Static_assert(sizeof(rows) / sizeof(*rows) <= ND_SPECIAL_REGISTERS, "rows fit");
	for (; n < sizeof(rows) / sizeof(*rows); n++) {
		ret[n].name = rows[n].name;
		ret[n].bytes = nd_member_bytes[rows[n].member];
		if (state == ND_OFFSET_ABSENT || special == ND_OFFSET_ABSENT)
			ret[n].value = nd_u64_missing(ND_NOT_IN_BUILD, cpu->prcb.value);
		else
			ret[n].value = nd_member_read(
				&dump->kernel, cpu->prcb.value + state + special, rows[n].member);
	}
	return n;
}

enum nd_status nd_cpu_context(const struct nd_dump *dump, const struct nd_cpu *cpu,
			      uint8_t ret[ND_CONTEXT_BYTES])
{
	uint32_t state = nd_offset(dump, ND_M_KPRCB_ProcessorState);
	uint32_t frame = nd_offset(dump, ND_M_KPROCESSOR_STATE_ContextFrame);
	struct nd_crash crash;

	nd_crash_read(dump, &crash);
	if (crash.processor.st == ND_OK && crash.processor.value == cpu->number && dump->header &&
	    dump->header->context_set) {
		memcpy(ret, dump->header->context, ND_CONTEXT_BYTES);
		return ND_OK;
	}
	if (state == ND_OFFSET_ABSENT || frame == ND_OFFSET_ABSENT)
		return ND_NOT_IN_BUILD;
	return nd_read(&dump->kernel, cpu->prcb.value + state + frame, ret, ND_CONTEXT_BYTES);
}

/* The KINTERRUPT that KPRCB.InterruptObject names for a vector. */
static void read_interrupt(const struct nd_dump *dump, const struct nd_cpu *cpu, unsigned vector,
			   struct nd_idt_entry *e)
{
	uint32_t objects = nd_offset(dump, ND_M_KPRCB_InterruptObject);
	struct nd_u64 v = nd_u64_missing(ND_NOT_IN_BUILD, cpu->prcb.value);

	if (objects != ND_OFFSET_ABSENT)
		v = nd_read_num(&dump->kernel, cpu->prcb.value + objects + 8ull * vector, 8);
	if (v.st == ND_OK && v.value == 0)
		v = nd_u64_missing(ND_NONE, v.at);
	else if (v.st == ND_OK && !nd_va_is_kernel(v.value))
		v = nd_u64_missing(ND_INVALID, v.at);
	e->interrupt = e->routine = e->context = v;
	if (v.st != ND_OK)
		return;
	e->routine = nd_member_read(&dump->kernel, v.value, ND_M_KINTERRUPT_MessageServiceRoutine);
	if (e->routine.st == ND_OK && e->routine.value == 0)
		e->routine = nd_member_read(&dump->kernel, v.value, ND_M_KINTERRUPT_ServiceRoutine);
	e->context = nd_member_read(&dump->kernel, v.value, ND_M_KINTERRUPT_ServiceContext);
}

enum nd_status nd_idt_read(const struct nd_dump *dump, const struct nd_cpu *cpu, unsigned vector,
			   struct nd_idt_entry *ret)
{
	struct nd_idt_entry e = { 0 };
	struct nd_rec rec;
	enum nd_status st = cpu->idt_base.st;

	if (st != ND_OK)
		return st;
	if (!nd_va_is_kernel(cpu->idt_base.value))
		return ND_INVALID;
	st = nd_rec_read_bytes(&dump->kernel,
			       cpu->idt_base.value + (uint64_t)vector * IDT_ENTRY_BYTES,
			       IDT_ENTRY_BYTES, &rec);
	if (st != ND_OK)
		return st;
	e.present = nd_rec_get(&rec, ND_M_KIDTENTRY64_Present).value != 0;
	e.handler = nd_rec_get(&rec, ND_M_KIDTENTRY64_OffsetLow).value |
		    nd_rec_get(&rec, ND_M_KIDTENTRY64_OffsetMiddle).value << 16 |
		    nd_rec_get(&rec, ND_M_KIDTENTRY64_OffsetHigh).value << 32;
	e.selector = (uint16_t)nd_rec_get(&rec, ND_M_KIDTENTRY64_Selector).value;
	e.ist = (uint8_t)nd_rec_get(&rec, ND_M_KIDTENTRY64_IstIndex).value;
	e.type = (uint8_t)nd_rec_get(&rec, ND_M_KIDTENTRY64_Type).value;
	e.dpl = (uint8_t)nd_rec_get(&rec, ND_M_KIDTENTRY64_Dpl).value;
	read_interrupt(dump, cpu, vector, &e);
	*ret = e;
	return ND_OK;
}
