/*
 * tests/fuzz/fuzz_disasm.c - any bytes as code, in a machine of a few pages: forward, backward and
 * as a function. What comes out must fit the bytes that went in.
 *
 * The first two bytes say where the code lies (so that it may end at absent memory) and where to
 * look at it.
 */
#include "code/disasm.h"

#include "../unit/tiny_machine.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct tiny machine;
static struct nd_dump *dump;

/* A listing's lines must lie in what is mapped, and their words must be there. */
static void check(struct nd_disasm *d, const struct nd_code_list *list)
{
	for (uint32_t i = 0; i < list->count; i++) {
		const struct nd_code_line *line = &list->line[i];
		struct nd_insn insn;

		if (line->st != ND_OK)
			continue;
		if (line->va < TINY_BASE || line->va - TINY_BASE + line->length > TINY_BYTES ||
		    line->length == 0 || line->length > ND_INSN_BYTES_MAX)
			abort();
		if (nd_disasm_insn(d, line, &insn) != ND_OK || insn.length > line->length ||
		    insn.operand_count > ND_INSN_OPERANDS_MAX)
			abort();
		for (uint32_t k = 0; k < insn.operand_count; k++)
			if (insn.operand[k].text[0] == '\0' ||
			    insn.operand[k].name_at > strlen(insn.operand[k].text))
				abort();
	}
}

static void look(struct nd_disasm *d, nd_va va)
{
	struct nd_code_list list = { 0 };
	nd_va end = va;

	if (nd_code_forward(d, va, 300, UINT64_MAX, &list) != ND_OK)
		abort();
	check(d, &list);
	nd_code_list_free(&list);
	if (nd_code_function(d, va, &list) != ND_OK)
		abort();
	check(d, &list);
	nd_code_list_free(&list);
	if (nd_code_backward(d, va, 30, &list) != ND_OK)
		abort();
	check(d, &list);
	for (uint32_t i = list.count; i-- > 0 && list.line[i].st == ND_OK;) {
		if (list.line[i].va + list.line[i].length != end)
			abort(); /* they end exactly where the next begins */
		end = list.line[i].va;
	}
	nd_code_list_free(&list);
}

static void open_machine(const uint8_t *code, size_t size, size_t at)
{
	memset(&machine, 0, sizeof(machine));
	tiny_map(&machine);
	memset(tiny_page(&machine, TINY_DATA), 0xc3,
	       TINY_BYTES); /* ret: nothing runs on for ever */
	memcpy(tiny_page(&machine, TINY_DATA) + at, code, size);
	dump = tiny_open(&machine, 19041);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nd_module_list none = { 0 };
	struct nd_place place = { .kernel = &none };
	struct nd_disasm disasm;
	size_t at;

	if (size < 3 || size > 4096)
		return 0;
	at = data[0] & 1 ? TINY_BYTES - (size - 2) : data[0];
	open_machine(data + 2, size - 2, at);
	place.dump = dump;
	place.space = dump->kernel;
	if (nd_disasm_init(&place, &disasm) != ND_OK)
		abort();
	look(&disasm, TINY_BASE + at + data[1] % (size - 2));
	nd_disasm_deinit(&disasm);
	nd_dump_close(dump);
	return 0;
}
