/*
 * engine/code/disasm.h - the instructions at an address: forward from it, backward to it, and of
 * the whole function that holds it. Any page may be absent, any byte may be no instruction; what
 * cannot be read is a line of its own and ends what depends on it.
 */
#ifndef ND_CODE_DISASM_H
#define ND_CODE_DISASM_H

#include "code/insn.h"
#include "code/place.h"

#define ND_FUNCTION_INSNS_MAX 20000u
#define ND_FORWARD_INSNS_MAX 65536u
#define ND_BACKWARD_INSNS_MAX 1000u

/* Reads and decodes; not for several threads at once. */
struct nd_disasm {
	const struct nd_place *place; /* must outlive it */
	struct nd_decoder decoder;
	struct nd_space space; /* of the bytes in the buffer */
	bool space_known, space_kernel;
	nd_va at; /* of buffer[0] */
	size_t have;
	enum nd_status rest; /* why there are no more */
	uint8_t buffer[256];
};

/* ND_ENOMEM. */
enum nd_status nd_disasm_init(const struct nd_place *place, struct nd_disasm *ret);
/* Accepts a zeroed one. */
void nd_disasm_deinit(struct nd_disasm *disasm);

/*
 * The instruction at va. Missing: why it cannot be read; *ret_missing is then the first address
 * that is missing, in or at va. ND_EIO.
 */
enum nd_status nd_disasm_at(struct nd_disasm *disasm, nd_va va, struct nd_insn *ret,
			    nd_va *ret_missing);

/* An instruction of a listing, or where it stops. To be decoded again for its words. */
struct nd_code_line {
	nd_va va;
	nd_va missing;	   /* the address that cannot be read; unless st is ND_OK */
	enum nd_status st; /* ND_OK, or why there is no instruction */
	uint8_t length;	   /* bytes; 0 unless st is ND_OK */
	bool invalid;	   /* a byte that is no instruction */
	bool block;	   /* functions: a block begins here */
	bool branch;	   /* functions: it leads to another line of the listing */
	enum nd_flow flow;
	nd_va target; /* where flow is BRANCH or JUMP and has_target */
	bool has_target;
};

/* The instruction of a line that is ND_OK. Missing: it could be read before, but not now; ND_EIO. */
enum nd_status nd_disasm_insn(struct nd_disasm *disasm, const struct nd_code_line *line,
			      struct nd_insn *ret);

struct nd_code_list {
	struct nd_code_line *line;
	uint32_t count, room;
	bool incomplete; /* functions: code is missing, because a page or the limit is */
};

void nd_code_list_free(struct nd_code_list *list);

/*
 * Append up to `count` instructions (at most ND_FORWARD_INSNS_MAX) from va on that begin at `last`
 * or before. ND_ENOMEM, ND_EIO.
 */
enum nd_status nd_code_forward(struct nd_disasm *disasm, nd_va va, uint32_t count, nd_va last,
			       struct nd_code_list *ret);

/*
 * Append the `count` instructions (at most ND_BACKWARD_INSNS_MAX) that end exactly at va, in
 * order. Decoding starts where functions are known to begin; between them, where most possible
 * starts agree. The first line may say why there are fewer. ND_ENOMEM, ND_EIO.
 */
enum nd_status nd_code_backward(struct nd_disasm *disasm, nd_va va, uint32_t count,
				struct nd_code_list *ret);

/*
 * Append the instructions of the function that holds va, as its branches reach them from its
 * begin: in address order, from its begin upward, then those that lie below. Jump tables are not
 * followed, nor jumps to other functions. ND_ENOMEM, ND_EIO.
 */
enum nd_status nd_code_function(struct nd_disasm *disasm, nd_va va, struct nd_code_list *ret);

/* For the files of this module. */
enum nd_status nd_code_list_add(struct nd_code_list *list, const struct nd_code_line *line);
/* Decode the line at va (a missing one is a line, too). ND_EIO. */
enum nd_status nd_disasm_line(struct nd_disasm *disasm, nd_va va, struct nd_code_line *ret);

#endif
