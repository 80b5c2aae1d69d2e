/*
 * engine/nt/unwind.c - undoes a function's prologue, or the rest of its epilogue.
 */
#include "nt/unwind.h"

#define CHAIN_MAX 32u	   /* fragments of one function; compilers make one or two */
#define EPILOGUE_BYTES 48u /* the longest: lea, eight pops, a jump through memory */
#define EPILOGUE_POPS 16u
#define MACHINE_FRAME_RSP 24u /* Rip, Cs, EFlags, Rsp, Ss */

/* The UNWIND_INFO of an entry, whose field may refer to another entry. */
static enum nd_status info_of(const struct nd_pe *pe, const struct nd_runtime_function *f,
			      struct nd_unwind_info *ret)
{
	uint32_t unwind = f->unwind;

	for (unsigned hop = 0; unwind & 1; hop++) {
		uint8_t raw[12];
		enum nd_status st = nd_pe_bytes(pe, unwind & ~1u, raw, sizeof(raw));

		if (st != ND_OK || hop == CHAIN_MAX)
			return st != ND_OK ? st : ND_INVALID;
		unwind = nd_le32(raw + 8);
	}
	return nd_unwind_info_read(pe, unwind, ret);
}

/* --- one step --------------------------------------------------------------------------------- */

struct step {
	const struct nd_pe *pe;
	const struct nd_space *stack;
	struct nd_registers r;
	struct nd_unwound *found;
	bool done; /* the machine frame has been undone: Rip is the caller's */
};

static enum nd_status load(struct step *s, nd_va va, uint64_t *ret)
{
	struct nd_u64 v = nd_read_num(s->stack, va, 8);

	s->found->slot = va;
	if (v.st == ND_OK)
		*ret = v.value;
	return v.st;
}

/* A register that was saved at va: not known any more where the stack is absent. */
static enum nd_status restore(struct step *s, unsigned reg, nd_va va)
{
	uint64_t value;
	enum nd_status st = load(s, va, &value);

	s->r.known &= (uint16_t) ~(1u << reg);
	if (st == ND_OK) {
		s->r.gpr[reg] = value;
		s->r.known |= (uint16_t)(1u << reg);
	}
	return nd_is_failure(st) ? st : ND_OK;
}

static enum nd_status pop_return(struct step *s)
{
	uint64_t rip;
	enum nd_status st = load(s, s->r.gpr[ND_RSP], &rip);

	if (st != ND_OK)
		return st;
	s->r.rip = rip;
	s->r.gpr[ND_RSP] += 8;
	s->done = true;
	return ND_OK;
}

static enum nd_status pop_machine_frame(struct step *s, bool error_code)
{
	nd_va at = s->r.gpr[ND_RSP] + (error_code ? 8 : 0);
	uint64_t rip, cs, rsp;
	enum nd_status st = load(s, at + MACHINE_FRAME_RSP, &rsp);

	if (st == ND_OK)
		st = load(s, at + 8, &cs);
	if (st == ND_OK)
		st = load(s, at, &rip);
	if (st != ND_OK)
		return st;
	s->r.rip = rip;
	s->r.gpr[ND_RSP] = rsp;
	s->found->how = ND_UNWOUND_MACHINE;
	s->found->cs = (uint16_t)cs;
	s->done = true;
	return ND_OK;
}

static bool is_known(const struct step *s, unsigned reg)
{
	return s->r.known >> reg & 1;
}

static enum nd_status undo(struct step *s, const struct nd_unwind_info *info,
			   const struct nd_unwind_code *c, nd_va frame)
{
	switch (c->op) {
	case ND_UWOP_PUSH_NONVOL: {
		enum nd_status st;

		if (c->info == ND_RSP)
			return ND_INVALID;
		st = restore(s, c->info, s->r.gpr[ND_RSP]);
		s->r.gpr[ND_RSP] += 8;
		return st;
	}
	case ND_UWOP_ALLOC_LARGE:
	case ND_UWOP_ALLOC_SMALL:
		s->r.gpr[ND_RSP] += c->bytes;
		return ND_OK;
	case ND_UWOP_SET_FPREG:
		if (info->frame_register == 0 || !is_known(s, info->frame_register))
			return ND_INVALID;
		s->r.gpr[ND_RSP] = s->r.gpr[info->frame_register] - info->frame_offset;
		return ND_OK;
	case ND_UWOP_SAVE_NONVOL:
	case ND_UWOP_SAVE_NONVOL_FAR:
		return c->info == ND_RSP ? ND_INVALID : restore(s, c->info, frame + c->bytes);
	case ND_UWOP_PUSH_MACHFRAME:
		return pop_machine_frame(s, c->info == 1);
	}
	return ND_OK; /* vector registers are not followed; epilogues were looked at before */
}

/* Where saved registers are counted from: the frame register if the prologue has set it. */
static enum nd_status frame_base(const struct step *s, const struct nd_unwind_info *info,
				 uint32_t offset, nd_va *ret)
{
	bool set = info->frame_register != 0 && offset >= info->prolog_bytes;

	*ret = s->r.gpr[ND_RSP];
	for (uint32_t i = 0; !set && info->frame_register != 0 && i < info->count; i++)
		set = info->code[i].op == ND_UWOP_SET_FPREG && info->code[i].at <= offset;
	if (!set)
		return ND_OK;
	if (!is_known(s, info->frame_register))
		return ND_INVALID;
	*ret = s->r.gpr[info->frame_register] - info->frame_offset;
	return ND_OK;
}

/* Undo what the first `offset` bytes of a fragment have done. */
static enum nd_status undo_fragment(struct step *s, const struct nd_unwind_info *info,
				    uint32_t offset)
{
	nd_va frame;
	enum nd_status st = frame_base(s, info, offset, &frame);

	for (uint32_t i = 0; st == ND_OK && i < info->count && !s->done; i++)
		if (info->code[i].at <= offset)
			st = undo(s, info, &info->code[i], frame);
	return st;
}

/* Undo the prologue of the fragment, and of those that it is chained to. */
static enum nd_status undo_function(struct step *s, const struct nd_runtime_function *f,
				    struct nd_unwind_info *info)
{
	uint32_t offset = (uint32_t)(s->r.rip - s->pe->base) - f->begin;
	enum nd_status st = undo_fragment(s, info, offset);

	for (unsigned hop = 0; st == ND_OK && !s->done && info->flags & ND_UNW_CHAININFO; hop++) {
		struct nd_runtime_function chain = info->chain;

		if (hop == CHAIN_MAX)
			return ND_INVALID;
		st = info_of(s->pe, &chain, info);
		if (st == ND_OK)
			st = undo_fragment(s, info, UINT32_MAX);
	}
	return st == ND_OK && !s->done ? pop_return(s) : st;
}

/* --- epilogues -------------------------------------------------------------------------------- */

/* What is left of an epilogue: the stack pointer is moved, registers are popped, it returns. */
struct epilogue {
	int base;      /* register that Rsp is computed from; ND_RSP where it is added to */
	int64_t bytes; /* added to it */
	unsigned pops;
	uint8_t pop[EPILOGUE_POPS];
};

/* One signed byte. */
static int64_t signed8(uint8_t byte)
{
	return (int64_t)(byte ^ 0x80) - 0x80;
}

/* Length of the instruction that moves the stack pointer back: add rsp, lea rsp. 0: there is none. */
static size_t parse_release(const uint8_t *p, size_t len, const struct nd_unwind_info *info,
			    struct epilogue *e)
{
	e->base = ND_RSP;
	if (len >= 4 && p[0] == 0x48 && p[1] == 0x83 && p[2] == 0xc4) {
		e->bytes = signed8(p[3]);
		return 4;
	}
	if (len >= 7 && p[0] == 0x48 && p[1] == 0x81 && p[2] == 0xc4) {
		e->bytes = (int32_t)nd_le32(p + 3);
		return 7;
	}
	if (len < 4 || (p[0] & 0xfe) != 0x48 || p[1] != 0x8d || (p[2] & 0x38) != 0x20 ||
	    info->frame_register == 0 || ((p[2] & 7) | (p[0] & 1) << 3) != info->frame_register ||
	    (p[2] & 7) == 4)
		return 0;
	e->base = info->frame_register;
	if (p[2] >> 6 == 1) {
		e->bytes = signed8(p[3]);
		return 4;
	}
	if (p[2] >> 6 == 2 && len >= 7) {
		e->bytes = (int32_t)nd_le32(p + 3);
		return 7;
	}
	return 0;
}

/* Whether a jump from the fragment `f` goes to another function: only that ends an epilogue. */
static bool leaves(const struct nd_pe *pe, const struct nd_runtime_function *f, int64_t target)
{
	struct nd_function from, to;

	if (target < 0 || target >= pe->size_bytes)
		return false;
	if (target >= f->begin && target < f->end && target != f->begin)
		return false;
	if (nd_pe_function(pe, f->begin, &from) != ND_OK ||
	    nd_pe_function(pe, (uint32_t)target, &to) != ND_OK)
		return true;
	return from.primary != to.primary || target == from.primary;
}

/* The end of an epilogue: ret, or a jump to another function. `rva` is where p lies. */
static bool is_end(const struct nd_pe *pe, const struct nd_runtime_function *f, const uint8_t *p,
		   size_t len, uint32_t rva)
{
	if (len >= 1 && (p[0] == 0xc3 || p[0] == 0xc2))
		return true;
	if (len >= 2 && p[0] == 0xf3 && p[1] == 0xc3)
		return true;
	if (len >= 2 && p[0] == 0xeb)
		return leaves(pe, f, (int64_t)rva + 2 + signed8(p[1]));
	if (len >= 5 && p[0] == 0xe9)
		return leaves(pe, f, (int64_t)rva + 5 + (int32_t)nd_le32(p + 1));
	if (len >= 3 && (p[0] & 0xf8) == 0x48) /* REX.W marks a tail call through a register */
		return p[1] == 0xff && (p[2] & 0x38) == 0x20;
	return len >= 2 && p[0] == 0xff && p[1] == 0x25;
}

/* Whether the code at Rip is the rest of an epilogue; what is left of it to *e. */
static bool in_epilogue(const struct step *s, const struct nd_runtime_function *f,
			const struct nd_unwind_info *info, struct epilogue *e)
{
	uint32_t rva = (uint32_t)(s->r.rip - s->pe->base);
	uint8_t code[EPILOGUE_BYTES] = { 0 };
	size_t at, len = f->end - rva < sizeof(code) ? f->end - rva : sizeof(code);

	*e = (struct epilogue){ .base = ND_RSP };
	if (nd_read_some(&s->pe->space, s->r.rip, code, len, &len) != ND_OK && len == 0)
		return false;
	at = parse_release(code, len, info, e);
	while (at < len && e->pops < EPILOGUE_POPS) {
		unsigned high = len - at >= 2 && code[at] == 0x41 ? 8 : 0;
		uint8_t op = code[at + (high ? 1 : 0)];

		if ((op & 0xf8) != 0x58 || (!high && op == 0x58 + ND_RSP))
			break;
		e->pop[e->pops++] = (uint8_t)((op & 7) | high);
		at += high ? 2 : 1;
	}
	return is_end(s->pe, f, code + at, len - at, rva + (uint32_t)at);
}

static enum nd_status finish_epilogue(struct step *s, const struct epilogue *e)
{
	if (!is_known(s, (unsigned)e->base))
		return ND_INVALID;
	s->r.gpr[ND_RSP] = s->r.gpr[e->base] + (uint64_t)e->bytes;
	for (unsigned i = 0; i < e->pops; i++) {
		enum nd_status st = restore(s, e->pop[i], s->r.gpr[ND_RSP]);

		if (st != ND_OK)
			return st;
		s->r.gpr[ND_RSP] += 8;
	}
	return pop_return(s);
}

/*
 * Version 2 lists the epilogues: each begins where the pops begin, and pops what the prologue
 * pushed, in the order of the codes. Whether `rva` is in one; its pops that are left to *e.
 */
static bool in_listed_epilogue(const struct nd_runtime_function *f,
			       const struct nd_unwind_info *info, uint32_t rva, struct epilogue *e)
{
	uint32_t bytes = 0, begin = 0, at;
	bool inside = false;

	*e = (struct epilogue){ .base = ND_RSP };
	for (uint32_t i = 0; i < info->count && !inside; i++) {
		const struct nd_unwind_code *c = &info->code[i];
		uint32_t back = c->at | (uint32_t)c->info << 8;

		if (c->op != ND_UWOP_EPILOG)
			break;
		if (i == 0) {
			bytes = c->at;
			back = c->info & 1 ? bytes : 0;
		}
		if (back == 0 || back > f->end - f->begin)
			continue;
		begin = f->end - back;
		inside = rva >= begin && rva - begin < bytes;
	}
	at = begin;
	for (uint32_t i = 0; inside && i < info->count && e->pops < EPILOGUE_POPS; i++) {
		if (info->code[i].op != ND_UWOP_PUSH_NONVOL)
			continue;
		if (at >= rva)
			e->pop[e->pops++] = info->code[i].info;
		at += info->code[i].info >= ND_R8 ? 2 : 1;
	}
	return inside;
}

/* --- the front door --------------------------------------------------------------------------- */

/* Whether a call instruction ends right before rva; false also where it cannot be read. */
static bool follows_call(const struct nd_pe *pe, uint32_t rva)
{
	uint8_t code[7];

	if (rva < sizeof(code) || nd_pe_bytes(pe, rva - sizeof(code), code, sizeof(code)) != ND_OK)
		return false;
	if (code[2] == 0xe8 || (code[5] == 0xff && (code[6] & 0x38) == 0x10))
		return true;
	return (code[1] == 0xff && code[2] == 0x15) ||
	       (code[4] == 0xff && (code[5] & 0x38) == 0x10);
}

/* The entry of the code at rva. A call may be a function's last instruction. */
static enum nd_status function_at(const struct nd_pe *pe, uint32_t rva, enum nd_stopped stopped,
				  struct nd_runtime_function *ret)
{
	struct nd_runtime_function before;
	enum nd_status st = nd_pe_runtime_function(pe, rva, ret);

	if (stopped != ND_STOPPED_CALL || rva == 0 || (st == ND_OK && ret->begin != rva) ||
	    (st != ND_OK && st != ND_NONE))
		return st;
	if (!follows_call(pe, rva) || nd_pe_runtime_function(pe, rva - 1, &before) != ND_OK)
		return st;
	*ret = before;
	return ND_OK;
}

static bool is_code(const struct nd_pe *pe, uint32_t rva)
{
	const struct nd_pe_section *section = nd_pe_section_of(pe, rva);

	return section && section->characteristics & (ND_PE_CODE | ND_PE_EXECUTE);
}

/* Whether the next instruction is a return: the caller's address is then on top, come what may. */
static bool returns_next(const struct nd_pe *pe, nd_va rip)
{
	uint8_t code[2] = { 0 };
	size_t got;

	if (nd_read_some(&pe->space, rip, code, sizeof(code), &got) != ND_OK && got == 0)
		return false;
	return code[0] == 0xc3 || code[0] == 0xc2 || (code[0] == 0xf3 && code[1] == 0xc3);
}

static enum nd_status step_leaf(struct step *s, enum nd_stopped stopped)
{
	if (stopped != ND_STOPPED_ANYWHERE || !is_code(s->pe, (uint32_t)(s->r.rip - s->pe->base)))
		return ND_INVALID;
	s->found->how = ND_UNWOUND_LEAF;
	return pop_return(s);
}

static enum nd_status step_function(struct step *s, const struct nd_runtime_function *f,
				    enum nd_stopped stopped)
{
	uint32_t rva = (uint32_t)(s->r.rip - s->pe->base);
	struct nd_unwind_info info;
	struct epilogue e;
	enum nd_status st = info_of(s->pe, f, &info);

	if (st != ND_OK)
		return st;
	if (stopped == ND_STOPPED_ANYWHERE) {
		if (info.version == 2
			    ? in_listed_epilogue(f, &info, rva, &e)
			    : rva - f->begin >= info.prolog_bytes && in_epilogue(s, f, &info, &e))
			return finish_epilogue(s, &e);
	}
	return undo_function(s, f, &info);
}

enum nd_status nd_unwind(const struct nd_pe *pe, const struct nd_space *stack,
			 enum nd_stopped stopped, struct nd_registers *regs, struct nd_unwound *ret)
{
	struct step s = { .pe = pe, .stack = stack, .r = *regs, .found = ret };
	struct nd_runtime_function f;
	enum nd_status st;

	*ret = (struct nd_unwound){ .how = ND_UNWOUND_BY_DATA };
	if (regs->rip < pe->base || regs->rip - pe->base >= pe->size_bytes)
		return ND_INVALID;
	s.r.known |= 1u << ND_RSP;
	st = function_at(pe, (uint32_t)(regs->rip - pe->base), stopped, &f);
	if (st == ND_OK && f.end > pe->size_bytes)
		return ND_INVALID;
	if (st == ND_OK) {
		st = step_function(&s, &f, stopped);
	} else if (st == ND_NONE) {
		st = step_leaf(&s, stopped);
	} else if (nd_is_missing(st) && stopped == ND_STOPPED_ANYWHERE &&
		   returns_next(pe, regs->rip)) {
		ret->how = ND_UNWOUND_LEAF;
		st = pop_return(&s);
	}
	if (st != ND_OK)
		return st;
	s.r.known &= ND_NONVOLATILE;
	*regs = s.r;
	return ND_OK;
}
