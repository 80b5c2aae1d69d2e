/*
 * engine/code/insn.c - see insn.h: capstone decodes, the words are ours. Where the two spellings
 * differ:
 *
 *	capstone (Intel syntax)          Windows' debuggers
 *	movabs rax, 0x1f                 mov rax,1Fh
 *	rep stosq qword ptr [rdi], rax   rep stos qword ptr [rdi]
 *	xchg qword ptr [r8], rdx         xchg rdx,qword ptr [r8]
 *	mul rcx; div ecx                 mul rax,rcx; div eax,ecx
 *	int3                             int 3
 *	nop (66 90); ret (f3 c3)         xchg ax,ax; rep ret
 *	retfq                            retf
 *	add rsi, -0x80                   add rsi,0FFFFFFFFFFFFFF80h
 *	[rsp + 8]; [rax - 0x80]          [rsp+8]; [rax-80h]
 *	[rip + 1]                        [module!symbol (hi`lo)], else [hi`lo]
 *	[0xfffff78000000014] (mov a1)    [FFFFF78000000014h]
 *	xmmword ptr (cmpxchg16b)         oword ptr
 *	qword ptr (SSE)                  mmword ptr
 *	xword ptr; [rcx] (sidt)          tbyte ptr; fword ptr [rcx]
 *	byte ptr [rcx] (prefetchw)       [rcx]
 *	st(0)                            st
 *	xmmword ptr (comiss)             dword ptr
 */
#include <capstone/capstone.h>
#include <stdio.h>
#include <string.h>

#include "code/insn.h"
#include "code/operand.h"

enum nd_status nd_decoder_init(struct nd_decoder *ret)
{
	csh handle;
	cs_insn *insn;

	if (cs_open(CS_ARCH_X86, CS_MODE_64, &handle) != CS_ERR_OK)
		return ND_ENOMEM;
	insn = cs_option(handle, CS_OPT_DETAIL, CS_OPT_ON) == CS_ERR_OK ? cs_malloc(handle) : NULL;
	if (!insn) {
		cs_close(&handle);
		return ND_ENOMEM;
	}
	*ret = (struct nd_decoder){ .handle = handle, .insn = insn };
	return ND_OK;
}

void nd_decoder_deinit(struct nd_decoder *decoder)
{
	csh handle = decoder->handle;

	if (!decoder->insn)
		return;
	cs_free(decoder->insn, 1);
	cs_close(&handle);
	*decoder = (struct nd_decoder){ 0 };
}

static const cs_insn *decode(struct nd_decoder *decoder, nd_va va, const uint8_t *bytes, size_t len)
{
	cs_insn *insn = decoder->insn;
	uint64_t address = va;

	if (len > ND_INSN_BYTES_MAX)
		len = ND_INSN_BYTES_MAX;
	if (len == 0 || !cs_disasm_iter(decoder->handle, &bytes, &len, &address, insn))
		return NULL;
	return insn->size > 0 && insn->size <= ND_INSN_BYTES_MAX ? insn : NULL;
}

uint8_t nd_insn_length(struct nd_decoder *decoder, nd_va va, const uint8_t *bytes, size_t len)
{
	const cs_insn *insn = decode(decoder, va, bytes, len);

	return insn ? (uint8_t)insn->size : 0;
}

/* --- what comes after it ---------------------------------------------------------------------- */

static bool in_group(const struct nd_decoder *decoder, const cs_insn *insn, unsigned group)
{
	return cs_insn_group(decoder->handle, insn, group);
}

static bool is_loop(unsigned id)
{
	return id == X86_INS_LOOP || id == X86_INS_LOOPE || id == X86_INS_LOOPNE ||
	       id == X86_INS_JRCXZ || id == X86_INS_JECXZ || id == X86_INS_JCXZ;
}

static bool is_end(const struct nd_decoder *decoder, const cs_insn *insn)
{
	const cs_x86 *x = &insn->detail->x86;

	switch (insn->id) {
	case X86_INS_SYSRET:
	case X86_INS_SYSEXIT:
	case X86_INS_UD2:
	case X86_INS_UD2B:
		return true;
	case X86_INS_INT:
		return x->op_count == 1 && (x->operands[0].imm & 0xff) == 0x29; /* __fastfail */
	default:
		return in_group(decoder, insn, CS_GRP_RET) || in_group(decoder, insn, CS_GRP_IRET);
	}
}

static void set_flow(const struct nd_decoder *decoder, const cs_insn *insn, struct nd_insn *ret)
{
	const cs_x86 *x = &insn->detail->x86;

	if (is_end(decoder, insn))
		ret->flow = ND_FLOW_END;
	else if (insn->id == X86_INS_JMP || insn->id == X86_INS_LJMP)
		ret->flow = ND_FLOW_JUMP;
	else if (is_loop(insn->id) || in_group(decoder, insn, CS_GRP_JUMP))
		ret->flow = ND_FLOW_BRANCH;
	else if (in_group(decoder, insn, CS_GRP_CALL))
		ret->flow = ND_FLOW_CALL;
	if (ret->flow == ND_FLOW_NEXT || ret->flow == ND_FLOW_END)
		return;
	ret->has_target = x->op_count == 1 && x->operands[0].type == X86_OP_IMM;
	if (ret->has_target)
		ret->target = (nd_va)x->operands[0].imm;
}

/* --- mnemonic --------------------------------------------------------------------------------- */

/* movs, cmps, stos, lods, scas, ins, outs: one-byte opcodes, unlike SSE's movsd and cmpsd. */
static bool is_string(const cs_x86 *x)
{
	uint8_t op = x->opcode[0];

	return (op >= 0xa4 && op <= 0xaf && op != 0xa8 && op != 0xa9) || (op >= 0x6c && op <= 0x6f);
}

static const struct {
	const char *capstone, *windows;
} other_name[] = {
	{ "movabs", "mov" }, { "int3", "int" }, { "int1", "int" }, { "retfq", "retf" },
	{ "lcall", "call" }, { "ljmp", "jmp" }, { "sal", "shl" },
};

/* The words of the mnemonic; the last is the instruction, those before are prefixes. */
static void set_mnemonic(const cs_insn *insn, struct nd_insn *ret)
{
	const cs_x86 *x = &insn->detail->x86;
	const char *last = strrchr(insn->mnemonic, ' ');
	const char *word = last ? last + 1 : insn->mnemonic;
	int prefix = (int)(word - insn->mnemonic);

	if (x->opcode[0] == 0x90 && x->prefix[2] == 0x66 && strcmp(word, "nop") == 0)
		word = "xchg";
	for (size_t i = 0; i < sizeof(other_name) / sizeof(*other_name); i++)
		if (strcmp(word, other_name[i].capstone) == 0)
			word = other_name[i].windows;
	snprintf(ret->mnemonic, sizeof(ret->mnemonic), "%.*s%s", prefix, insn->mnemonic, word);
	if (is_string(x)) /* the operand tells the width */
		ret->mnemonic[strlen(ret->mnemonic) - 1] = '\0';
	else if (insn->id == X86_INS_RET && insn->size > 1 && insn->bytes[insn->size - 2] == 0xf3)
		memcpy(ret->mnemonic, "rep ret", sizeof("rep ret"));
}

/* --- operands --------------------------------------------------------------------------------- */

static struct nd_operand *add(struct nd_insn *ret)
{
	return ret->operand_count < ND_INSN_OPERANDS_MAX ? &ret->operand[ret->operand_count++]
							 : NULL;
}

static void add_text(struct nd_insn *ret, const char *text)
{
	struct nd_operand *operand = add(ret);

	if (operand)
		snprintf(operand->text, sizeof(operand->text), "%s", text);
}

/* AVX-512: a mask stands with the operand before it, "ymm17{k5}{z}". */
static bool add_mask(const struct nd_decoder *decoder, const cs_insn *insn, unsigned i,
		     struct nd_insn *ret)
{
	const cs_x86_op *op = &insn->detail->x86.operands[i];
	struct nd_operand *masked;
	size_t len;

	if (insn->detail->x86.opcode[0] != 0x62 || i == 0 || ret->operand_count == 0 ||
	    op->type != X86_OP_REG || op->reg < X86_REG_K0 || op->reg > X86_REG_K7)
		return false;
	masked = &ret->operand[ret->operand_count - 1];
	len = strlen(masked->text);
	snprintf(masked->text + len, sizeof(masked->text) - len, "{%s}%s",
		 cs_reg_name(decoder->handle, op->reg), op->avx_zero_opmask ? "{z}" : "");
	return true;
}

static void add_operand(const struct nd_decoder *decoder, const cs_insn *insn, unsigned i,
			struct nd_insn *ret)
{
	struct nd_operand *operand = add_mask(decoder, insn, i, ret) ? NULL : add(ret);

	if (operand)
		nd_operand_spell(decoder->handle, insn, i, ret->has_target, operand);
}

/* Group 3 (f6, f7) with the accumulator: mul, div and idiv name it, imul does not. */
static void add_accumulator(const cs_insn *insn, struct nd_insn *ret)
{
	const cs_x86 *x = &insn->detail->x86;
	bool named = insn->id == X86_INS_MUL || insn->id == X86_INS_DIV || insn->id == X86_INS_IDIV;

	if (!named || (x->opcode[0] & 0xfe) != 0xf6 || x->op_count != 1)
		return;
	switch (x->operands[0].size) {
	case 1:
		add_text(ret, "al");
		break;
	case 2:
		add_text(ret, "ax");
		break;
	case 4:
		add_text(ret, "eax");
		break;
	default:
		add_text(ret, "rax");
		break;
	}
}

static void set_operands(const struct nd_decoder *decoder, const cs_insn *insn, struct nd_insn *ret)
{
	const cs_x86 *x = &insn->detail->x86;
	bool port = (x->opcode[0] & 0xfc) == 0x6c; /* ins, outs name dx */
	bool swap = insn->id == X86_INS_XCHG && (x->opcode[0] & 0xfe) == 0x86 && x->op_count == 2;

	if (insn->id == X86_INS_INT3 || insn->id == X86_INS_INT1)
		add_text(ret, insn->id == X86_INS_INT3 ? "3" : "1");
	if (strcmp(ret->mnemonic, "xchg") == 0 && x->op_count == 0) {
		add_text(ret, "ax");
		add_text(ret, "ax");
	}
	add_accumulator(insn, ret);
	for (unsigned i = 0; i < x->op_count; i++) {
		unsigned k = swap ? 1 - i : i;

		if (is_string(x) && !port && x->operands[k].type != X86_OP_MEM)
			continue; /* al, ax, eax, rax */
		add_operand(decoder, insn, k, ret);
	}
}

void nd_insn_decode(struct nd_decoder *decoder, nd_va va, const uint8_t *bytes, size_t len,
		    struct nd_insn *ret)
{
	const cs_insn *insn = decode(decoder, va, bytes, len);

	*ret = (struct nd_insn){ .va = va, .length = 1 };
	if (!insn) {
		ret->bytes[0] = bytes[0];
		memcpy(ret->mnemonic, "???", sizeof("???"));
		return;
	}
	ret->valid = true;
	ret->length = (uint8_t)insn->size;
	memcpy(ret->bytes, bytes, insn->size);
	set_flow(decoder, insn, ret);
	set_mnemonic(insn, ret);
	set_operands(decoder, insn, ret);
}
