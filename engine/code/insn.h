/*
 * engine/code/insn.h - one x64 instruction as a plain struct, its words spelled as Windows'
 * debuggers spell them. Symbols are put in by whoever shows it: an operand that refers to an
 * address tells which, and where in its text the address stands.
 */
#ifndef ND_CODE_INSN_H
#define ND_CODE_INSN_H

#include "base.h"

#define ND_INSN_BYTES_MAX 15u
#define ND_INSN_OPERANDS_MAX 6u

/* What comes after an instruction. */
enum nd_flow {
	ND_FLOW_NEXT,	/* the instruction behind it */
	ND_FLOW_CALL,	/* that too, later */
	ND_FLOW_BRANCH, /* that, or its target */
	ND_FLOW_JUMP,	/* its target only, which may be unknown */
	ND_FLOW_END,	/* nothing: a return, a fast fail, ud2 */
};

enum nd_operand_kind {
	ND_OPERAND_TEXT,   /* no address in it */
	ND_OPERAND_CODE,   /* the whole text is the target of a branch or call */
	ND_OPERAND_DATA,   /* "qword ptr [address]": name_at is where '[' stands */
	ND_OPERAND_NUMBER, /* an immediate, which may be an address */
};

struct nd_operand {
	enum nd_operand_kind kind;
	nd_va va;	 /* what it refers to; unless TEXT */
	uint8_t name_at; /* bytes of `text` that stay when the address is shown by name */
	char text[71];	 /* the operand where the address has no name */
};

struct nd_insn {
	nd_va va;
	uint8_t length; /* 1 to 15; 1 where the byte is no instruction */
	uint8_t bytes[ND_INSN_BYTES_MAX];
	bool valid; /* false: mnemonic is "???" */
	enum nd_flow flow;
	bool has_target; /* of a branch, jump or call that names it */
	nd_va target;
	char mnemonic[40]; /* with its prefixes: "rep stos", "lock xadd" */
	uint32_t operand_count;
	struct nd_operand operand[ND_INSN_OPERANDS_MAX];
};

/* A decoder: not for several threads at once. Cheap to make. */
struct nd_decoder {
	size_t handle;
	void *insn;
};

/* ND_ENOMEM. */
enum nd_status nd_decoder_init(struct nd_decoder *ret);
/* Accepts a zeroed one. */
void nd_decoder_deinit(struct nd_decoder *decoder);

/*
 * The length of the instruction at the start of `bytes`, for an address of `va`; 0 when they are
 * none, or not all of one.
 */
uint8_t nd_insn_length(struct nd_decoder *decoder, nd_va va, const uint8_t *bytes, size_t len);

/*
 * Decode what is at the start of `bytes` (len at least 1; more than 15 are not looked at). What is
 * no instruction, or not all of one, gives one invalid byte. *ret is always written.
 */
void nd_insn_decode(struct nd_decoder *decoder, nd_va va, const uint8_t *bytes, size_t len,
		    struct nd_insn *ret);

#endif
