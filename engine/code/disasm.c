/*
 * engine/code/disasm.c - see disasm.h: reading code, and going forward in it.
 */
#include <stdlib.h>
#include <string.h>

#include "code/disasm.h"

enum nd_status nd_disasm_init(const struct nd_place *place, struct nd_disasm *ret)
{
	*ret = (struct nd_disasm){ .place = place };
	return nd_decoder_init(&ret->decoder);
}

void nd_disasm_deinit(struct nd_disasm *disasm)
{
	nd_decoder_deinit(&disasm->decoder);
}

/* Fill the buffer from va on. */
static enum nd_status fill(struct nd_disasm *d, nd_va va)
{
	size_t most = sizeof(d->buffer);
	bool kernel = nd_va_is_kernel(va);

	if (!d->space_known || d->space_kernel != kernel) {
		d->space = nd_place_space(d->place, va);
		d->space_kernel = kernel;
		d->space_known = true;
	}
	d->at = va;
	d->have = 0;
	if (most > UINT64_MAX - va) /* the last byte of all is none that code can be in */
		most = (size_t)(UINT64_MAX - va);
	d->rest = ND_UNMAPPED;
	if (most > 0)
		d->rest = nd_read_some(&d->space, va, d->buffer, most, &d->have);
	if (d->rest == ND_OK && most < sizeof(d->buffer))
		d->rest = ND_UNMAPPED;
	return nd_is_failure(d->rest) ? d->rest : ND_OK;
}

/* Bytes from va on that are in the buffer: enough for any instruction, or up to what is missing. */
static enum nd_status bytes_at(struct nd_disasm *d, nd_va va, const uint8_t **ret, size_t *ret_len)
{
	bool inside = d->space_known && va >= d->at && va - d->at < d->have;
	enum nd_status st = ND_OK;

	if (!inside || (d->have - (va - d->at) < ND_INSN_BYTES_MAX && d->rest == ND_OK))
		st = fill(d, va);
	if (st != ND_OK)
		return st;
	*ret = d->buffer + (va - d->at);
	*ret_len = d->have - (size_t)(va - d->at);
	return ND_OK;
}

enum nd_status nd_disasm_at(struct nd_disasm *disasm, nd_va va, struct nd_insn *ret,
			    nd_va *ret_missing)
{
	const uint8_t *bytes;
	struct nd_insn insn;
	size_t len;
	enum nd_status st = bytes_at(disasm, va, &bytes, &len);

	if (st != ND_OK)
		return st;
	if (len > 0)
		nd_insn_decode(&disasm->decoder, va, bytes, len, &insn);
	else
		insn = (struct nd_insn){ .valid = false };
	if (!insn.valid && len < ND_INSN_BYTES_MAX && disasm->rest != ND_OK) {
		*ret_missing = va + len; /* it may go on there */
		return disasm->rest;
	}
	if (len == 0)
		return ND_EIO;
	*ret = insn;
	return ND_OK;
}

enum nd_status nd_disasm_line(struct nd_disasm *disasm, nd_va va, struct nd_code_line *ret)
{
	struct nd_code_line line = { .va = va };
	struct nd_insn insn;

	line.st = nd_disasm_at(disasm, va, &insn, &line.missing);
	if (nd_is_failure(line.st))
		return line.st;
	if (line.st == ND_OK) {
		line.length = insn.length;
		line.invalid = !insn.valid;
		line.flow = insn.flow;
		line.target = insn.target;
		line.has_target = insn.has_target;
	}
	*ret = line;
	return ND_OK;
}

enum nd_status nd_disasm_insn(struct nd_disasm *disasm, const struct nd_code_line *line,
			      struct nd_insn *ret)
{
	const uint8_t *bytes;
	size_t len;
	enum nd_status st = bytes_at(disasm, line->va, &bytes, &len);

	if (st != ND_OK)
		return st;
	if (line->length == 0 || len < line->length)
		return line->length == 0 ? ND_EINVAL : disasm->rest;
	nd_insn_decode(&disasm->decoder, line->va, bytes, line->length, ret);
	return ND_OK;
}

void nd_code_list_free(struct nd_code_list *list)
{
	free(list->line);
	*list = (struct nd_code_list){ 0 };
}

enum nd_status nd_code_list_add(struct nd_code_list *list, const struct nd_code_line *line)
{
	if (list->count == list->room) {
		uint32_t room = list->room ? list->room * 2 : 32;
		struct nd_code_line *more;

		if (list->count > 2 * ND_FORWARD_INSNS_MAX)
			return ND_ENOMEM;
		more = realloc(list->line, room * sizeof(*more));
		if (!more)
			return ND_ENOMEM;
		list->line = more;
		list->room = room;
	}
	list->line[list->count++] = *line;
	return ND_OK;
}

enum nd_status nd_code_forward(struct nd_disasm *disasm, nd_va va, uint32_t count, nd_va last,
			       struct nd_code_list *ret)
{
	enum nd_status st = ND_OK;

	if (count > ND_FORWARD_INSNS_MAX)
		count = ND_FORWARD_INSNS_MAX;
	for (; st == ND_OK && count > 0 && va <= last; count--) {
		struct nd_code_line line;

		st = nd_disasm_line(disasm, va, &line);
		if (st == ND_OK)
			st = nd_code_list_add(ret, &line);
		if (st != ND_OK || line.st != ND_OK || va > UINT64_MAX - line.length)
			break;
		va += line.length;
	}
	return st;
}
