/*
 * engine/code/operand.c - registers, numbers and memory operands in the spelling of Windows'
 * debuggers (the table is in insn.c).
 */
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <string.h>

#include "code/operand.h"

static void append(struct nd_operand *o, const char *format, ...)
	__attribute__((format(printf, 2, 3)));

/* What does not fit is cut; nothing that capstone can decode is that long. */
static void append(struct nd_operand *o, const char *format, ...)
{
	size_t len = strlen(o->text);
	va_list ap;

	va_start(ap, format);
	vsnprintf(o->text + len, sizeof(o->text) - len, format, ap);
	va_end(ap);
}

/* 9; 0Ah; 1Fh: decimal digits stand alone, a first letter gets a zero. */
static void number(struct nd_operand *o, uint64_t value)
{
	char digits[17];

	if (value < 10) {
		append(o, "%u", (unsigned)value);
		return;
	}
	snprintf(digits, sizeof(digits), "%" PRIX64, value);
	append(o, "%s%sh", digits[0] >= 'A' ? "0" : "", digits);
}

static void windbg_va(struct nd_operand *o, nd_va va)
{
	append(o, "%08x`%08x", (unsigned)(va >> 32), (unsigned)va);
}

static void reg(struct nd_operand *o, csh handle, x86_reg r)
{
	const char *name = r == X86_REG_ST0 ? "st" : cs_reg_name(handle, r);

	append(o, "%s", name ? name : "?");
}

/* --- immediates ------------------------------------------------------------------------------- */

/* Whether a byte in the instruction stands for a number of the operation's width. */
static bool extends_sign(unsigned id)
{
	switch (id) {
	case X86_INS_ADD:
	case X86_INS_OR:
	case X86_INS_ADC:
	case X86_INS_SBB:
	case X86_INS_AND:
	case X86_INS_SUB:
	case X86_INS_XOR:
	case X86_INS_CMP:
	case X86_INS_IMUL:
	case X86_INS_PUSH:
		return true;
	default:
		return false;
	}
}

static uint64_t cut(uint64_t value, unsigned bytes)
{
	return bytes == 0 || bytes >= 8 ? value : value & ((UINT64_C(1) << bytes * 8) - 1);
}

static void immediate(const cs_insn *insn, const cs_x86_op *op, struct nd_operand *ret)
{
	unsigned encoded = insn->detail->x86.encoding.imm_size;
	uint64_t value = cut((uint64_t)op->imm, op->size);

	if (insn->id == X86_INS_ENTER) /* bytes of the frame, level */
		value = cut(value, op == &insn->detail->x86.operands[0] ? 2 : 1);
	else if (insn->id == X86_INS_RET || insn->id == X86_INS_RETF)
		value = cut(value, 2);
	else if (encoded == 1 && !extends_sign(insn->id))
		value = cut(value, 1);
	ret->kind = ND_OPERAND_NUMBER;
	ret->va = value;
	number(ret, value);
}

/* --- memory ----------------------------------------------------------------------------------- */

/* Instructions whose operand is an address, or a structure without a name for its size. */
static bool is_unsized(unsigned id)
{
	switch (id) {
	case X86_INS_LEA:
	case X86_INS_PREFETCH:
	case X86_INS_PREFETCHW:
	case X86_INS_PREFETCHNTA:
	case X86_INS_PREFETCHT0:
	case X86_INS_PREFETCHT1:
	case X86_INS_PREFETCHT2:
	case X86_INS_FXSAVE:
	case X86_INS_FXSAVE64:
	case X86_INS_FXRSTOR:
	case X86_INS_FXRSTOR64:
	case X86_INS_XSAVE:
	case X86_INS_XSAVE64:
	case X86_INS_XSAVEC:
	case X86_INS_XSAVEC64:
	case X86_INS_XSAVEOPT:
	case X86_INS_XSAVEOPT64:
	case X86_INS_XSAVES:
	case X86_INS_XSAVES64:
	case X86_INS_XRSTOR:
	case X86_INS_XRSTOR64:
	case X86_INS_XRSTORS:
	case X86_INS_XRSTORS64:
		return true;
	default:
		return false;
	}
}

static bool is_vector(const cs_x86_op *op)
{
	x86_reg r = op->reg;

	return op->type == X86_OP_REG && ((r >= X86_REG_XMM0 && r <= X86_REG_XMM31) ||
					  (r >= X86_REG_YMM0 && r <= X86_REG_YMM31) ||
					  (r >= X86_REG_ZMM0 && r <= X86_REG_ZMM31) ||
					  (r >= X86_REG_MM0 && r <= X86_REG_MM7));
}

/* Whether 8 bytes in memory are part of a vector, rather than an integer on its way to one. */
static bool is_mmword(const cs_insn *insn)
{
	const cs_x86 *x = &insn->detail->x86;

	switch (insn->id) {
	case X86_INS_CVTSI2SD:
	case X86_INS_CVTSI2SS:
	case X86_INS_VCVTSI2SD:
	case X86_INS_VCVTSI2SS:
	case X86_INS_PINSRQ:
	case X86_INS_PEXTRQ:
	case X86_INS_VPINSRQ:
	case X86_INS_VPEXTRQ:
	case X86_INS_VMOVSD:
		return false;
	default:
		break;
	}
	for (unsigned i = 0; i < x->op_count; i++)
		if (is_vector(&x->operands[i]))
			return true;
	return false;
}

/* capstone 4 takes the operand of these for a whole register's. */
static unsigned operand_bytes(const cs_insn *insn, const cs_x86_op *op)
{
	switch (insn->id) {
	case X86_INS_COMISS:
	case X86_INS_VCOMISS:
		return 4;
	case X86_INS_COMISD:
	case X86_INS_VCOMISD:
		return 8;
	default:
		return op->size;
	}
}

static const char *size_word(const cs_insn *insn, const cs_x86_op *op)
{
	uint8_t opcode = insn->detail->x86.opcode[0];

	if (is_unsized(insn->id))
		return "";
	switch (operand_bytes(insn, op)) {
	case 1:
		return "byte ptr ";
	case 2:
		return "word ptr ";
	case 4:
		return "dword ptr ";
	case 6:
		return "fword ptr ";
	case 8:
		return is_mmword(insn) ? "mmword ptr " : "qword ptr ";
	case 10:
		return opcode == 0x0f || opcode == 0xff ? "fword ptr " : "tbyte ptr ";
	case 16:
		return insn->id == X86_INS_CMPXCHG16B ? "oword ptr " : "xmmword ptr ";
	case 32:
		return "ymmword ptr ";
	case 64:
		return "zmmword ptr ";
	default:
		return "";
	}
}

/* "[base+index*scale+displacement]" */
static void brackets(struct nd_operand *o, csh handle, const x86_op_mem *mem)
{
	const char *plus = "";
	uint64_t displacement = (uint64_t)mem->disp;

	append(o, "[");
	if (mem->base != X86_REG_INVALID) {
		reg(o, handle, mem->base);
		plus = "+";
	}
	if (mem->index != X86_REG_INVALID) {
		append(o, "%s", plus);
		reg(o, handle, mem->index);
		if (mem->scale > 1)
			append(o, "*%d", mem->scale);
		plus = "+";
	}
	if (mem->disp != 0 || plus[0] == '\0') {
		if (mem->disp < 0 && plus[0] != '\0') {
			displacement = 0 - displacement;
			plus = "-";
		}
		append(o, "%s", plus);
		number(o, displacement);
	}
	append(o, "]");
}

/* mov between the accumulator and a 64-bit address in the instruction (a0 to a3). */
static bool has_full_address(const cs_x86 *x)
{
	return (x->opcode[0] & 0xfc) == 0xa0 && x->opcode[1] == 0;
}

static void data_at(struct nd_operand *o, nd_va va)
{
	o->kind = ND_OPERAND_DATA;
	o->va = va;
	o->name_at = (uint8_t)strlen(o->text);
}

static void memory(csh handle, const cs_insn *insn, const cs_x86_op *op, struct nd_operand *ret)
{
	const x86_op_mem *mem = &op->mem;
	bool based = mem->base != X86_REG_INVALID || mem->index != X86_REG_INVALID;
	nd_va relative = insn->address + insn->size + (uint64_t)mem->disp;

	append(ret, "%s", size_word(insn, op));
	if (mem->segment != X86_REG_INVALID) {
		reg(ret, handle, mem->segment);
		append(ret, ":");
	}
	if (mem->base == X86_REG_RIP && mem->segment == X86_REG_INVALID) {
		data_at(ret, relative);
		append(ret, "[");
		windbg_va(ret, relative);
		append(ret, "]");
		return;
	}
	if (!based && mem->segment == X86_REG_INVALID)
		data_at(ret, (nd_va)mem->disp);
	if (!based && has_full_address(&insn->detail->x86))
		append(ret, "[%" PRIX64 "h]", (uint64_t)mem->disp);
	else
		brackets(ret, handle, mem);
}

void nd_operand_spell(csh handle, const cs_insn *insn, unsigned i, bool target,
		      struct nd_operand *ret)
{
	const cs_x86_op *op = &insn->detail->x86.operands[i];

	*ret = (struct nd_operand){ .kind = ND_OPERAND_TEXT };
	if (op->type == X86_OP_REG) {
		reg(ret, handle, op->reg);
	} else if (op->type == X86_OP_MEM) {
		memory(handle, insn, op, ret);
	} else if (op->type == X86_OP_IMM && target) {
		ret->kind = ND_OPERAND_CODE;
		ret->va = (nd_va)op->imm;
		windbg_va(ret, ret->va);
	} else if (op->type == X86_OP_IMM) {
		immediate(insn, op, ret);
	}
}
