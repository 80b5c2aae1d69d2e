/*
 * fs/nodes/code.c - /code and proc/<pid>/code: disassembly as Windows' debuggers print it. Nothing
 * is listed; a directory is asked for by what it shows: code/nt!NtClose, code/nt!NtClose+0x10,
 * code/0xfffff80315835f90, and with an end (inclusive) or a number of instructions for u and ub:
 * code/ntdll!NtClose,ntdll!NtClose+0xa and code/ntdll!NtClose,l20.
 */
#include <stdlib.h>
#include <string.h>

#include "code/disasm.h"
#include "nodes/asked.h"
#include "nodes/nodes.h"
#include "ntdump.h"

#define U_INSNS 8u	    /* where no number is asked for */
#define BYTES 64u	    /* the same, outside of functions */
#define RANGE_MAX 0x10000u  /* bytes of a range or a function */
#define COUNT_MAX 20000u    /* instructions of ",l<count>" */
#define NUMBER_MIN 0x10000u /* below, a number is never shown as an address */
#define ADDRESS_COLUMNS 17
#define MNEMONIC_COLUMN 34
#define OPERANDS_COLUMN 42

/* --- what is asked for ------------------------------------------------------------------------ */

struct asked_code {
	struct nd_place place;
	nd_va from;
	enum { PLAIN, TO, COUNT } kind;
	nd_va to;	/* TO: the last byte */
	uint32_t count; /* COUNT */
};

/* "module!symbol" or "module", both with "+0x10" or without; cuts `name` up. */
static enum nd_status resolve_name(const struct nd_place *place, char *name, nd_va *ret)
{
	char *bang = strchr(name, '!'), *plus = strrchr(name, '+');
	uint64_t offset = 0;
	nd_va va;
	enum nd_status st;

	if (plus && plus > bang && parse_number(plus + 1, &offset))
		*plus = '\0';
	else if (!bang)
		return ND_ENOENT;
	if (bang)
		*bang++ = '\0';
	st = bang ? nd_place_find(place, name, bang, &va) : nd_place_module(place, name, &va);
	if (st == ND_OK && offset > UINT64_MAX - va)
		st = ND_ENOENT;
	if (st == ND_OK)
		*ret = va + offset;
	return st;
}

static enum nd_status resolve(const struct nd_place *place, const char *asked, size_t len,
			      nd_va *ret)
{
	char name[ASKED_NAME_MAX + 1];

	if (len > ASKED_NAME_MAX)
		return ND_ENOENT;
	memcpy(name, asked, len);
	name[len] = '\0';
	return parse_address(name, ret) ? ND_OK : resolve_name(place, name, ret);
}

/* What is behind the last comma. */
static enum nd_status parse_extent(const char *extent, struct asked_code *code)
{
	uint64_t count;
	enum nd_status st;

	if ((extent[0] == 'l' || extent[0] == 'L') && parse_number(extent + 1, &count)) {
		code->kind = COUNT;
		code->count = (uint32_t)count;
		return count > 0 && count <= COUNT_MAX ? ND_OK : ND_ENOENT;
	}
	code->kind = TO;
	st = resolve(&code->place, extent, strlen(extent), &code->to);
	if (st == ND_OK && (code->to < code->from || code->to - code->from >= RANGE_MAX))
		st = ND_ENOENT;
	return st;
}

/* A symbol may have commas in its name: first all of it, then without the extent. */
static enum nd_status parse_code(const struct nd_dump *dump, uint32_t process, const char *asked,
				 struct asked_code *ret)
{
	struct asked_code code = { .kind = PLAIN };
	const char *comma = strrchr(asked, ',');
	enum nd_status st = nd_place_of(dump, process, &code.place);

	if (nd_is_missing(st))
		return ND_ENOENT;
	if (st == ND_OK)
		st = resolve(&code.place, asked, strlen(asked), &code.from);
	if (st == ND_ENOENT && comma) {
		st = resolve(&code.place, asked, (size_t)(comma - asked), &code.from);
		if (st == ND_OK)
			st = parse_extent(comma + 1, &code);
	}
	if (st == ND_OK)
		*ret = code;
	return st;
}

static enum nd_status at_code(const struct node_at *at, bool process, struct asked_code *ret)
{
	const char *name = asked_name(at->key[process ? 1 : 0]);

	return name ? parse_code(at->dump, process ? at->key[0] : ND_PLACE_KERNEL, name, ret)
		    : ND_ENOENT;
}

static enum nd_status find_code(const struct node_at *dir, bool process, const char *name,
				struct node_entry *ret)
{
	struct asked_code code;
	enum nd_status st = strlen(name) > ASKED_NAME_MAX ? ND_ENOENT : ND_OK;

	if (st == ND_OK)
		st = parse_code(dir->dump, process ? dir->key[0] : ND_PLACE_KERNEL, name, &code);
	if (st == ND_OK)
		st = asked_key(name, &ret->key);
	if (st == ND_OK)
		memcpy(ret->name, name, strlen(name) + 1);
	return st;
}

static const char *source_of(const struct nd_place *place, nd_va va)
{
	static const char *const words[] = { [ND_NAME_NONE] = NULL,
					     [ND_NAME_EXPORT] = "export",
					     [ND_NAME_ISF] = "isf",
					     [ND_NAME_PDB] = "pdb" };
	struct nd_code code;

	return nd_place_name(place, va, &code) == ND_OK ? words[code.source] : NULL;
}

const char *code_source_name(const struct nd_dump *dump, uint32_t process, nd_va va)
{
	struct nd_place place;

	return nd_place_of(dump, process, &place) == ND_OK ? source_of(&place, va) : NULL;
}

static void about_code(const struct node_at *at, bool process, struct node_about *ret)
{
	struct asked_code asked;

	if (at_code(at, process, &asked) != ND_OK)
		return;
	ret->address = asked.from;
	ret->source = source_of(&asked.place, asked.from);
}

static const char *code_source(const struct node_at *at, bool process)
{
	struct asked_code asked;

	return at_code(at, process, &asked) == ND_OK ? source_of(&asked.place, asked.from) : NULL;
}

/*
 * How addresses are written: as the debuggers do, or without those that depend on the boot, so that
 * listings of two boots can be compared.
 */
enum style { ABSOLUTE, RELATIVE };

/* --- names ------------------------------------------------------------------------------------ */

/* "module!symbol+0x1a" or "module+0x1a"; false, and nothing, when the address has no name. */
static bool text_name(struct text *out, const struct nd_place *place, nd_va va)
{
	struct nd_code code;
	const char *symbol = code.symbol;
	enum nd_status st = nd_place_name(place, va, &code);
	uint64_t offset;

	if (st != ND_OK) {
		text_fail(out, st);
		return false;
	}
	if (!code.module && code.symbol[0] == '\0')
		return false;
	if (strncmp(symbol, "__", 2) == 0)
		symbol++; /* as the debuggers do: _security_cookie, _imp_IofCallDriver */
	if (code.module)
		text_str(out, code.module->symbol_name);
	if (code.module && symbol[0] != '\0')
		text_char(out, '!');
	text_utf8(out, symbol, strlen(symbol));
	offset = symbol[0] != '\0' ? code.symbol_offset : code.module_offset;
	if (offset != 0 || symbol[0] == '\0')
		text_printf(out, "+0x%llx", (unsigned long long)offset);
	return true;
}

static bool is_symbol(struct text *out, const struct nd_place *place, nd_va va)
{
	struct nd_code code;
	enum nd_status st = nd_place_name(place, va, &code);

	if (st != ND_OK)
		text_fail(out, st);
	return st == ND_OK && code.symbol[0] != '\0' && code.symbol_offset == 0;
}

static void text_label(struct text *out, const struct nd_place *place, nd_va va)
{
	if (text_name(out, place, va))
		text_str(out, ":\n");
}

/* --- one line --------------------------------------------------------------------------------- */

static void text_operand(struct text *out, const struct nd_place *place, enum style style,
			 const struct nd_operand *o)
{
	size_t before = out->len;
	struct nd_code code;

	if (o->kind == ND_OPERAND_TEXT ||
	    (o->kind == ND_OPERAND_NUMBER &&
	     (o->va < NUMBER_MIN || nd_place_name(place, o->va, &code) != ND_OK ||
	      (!code.module && code.symbol[0] == '\0')))) {
		text_str(out, o->text);
		return;
	}
	if (o->kind == ND_OPERAND_NUMBER)
		text_str(out, "offset ");
	text_bytes(out, o->text, o->kind == ND_OPERAND_DATA ? o->name_at : 0);
	if (o->kind == ND_OPERAND_DATA)
		text_char(out, '[');
	if (!text_name(out, place, o->va)) {
		if (out->failed == ND_OK)
			out->len = before;
		text_str(out, o->text);
		return;
	}
	if (style == ABSOLUTE) {
		text_str(out, " (");
		text_windbg_va(out, o->va);
		text_char(out, ')');
	}
	if (o->kind == ND_OPERAND_DATA)
		text_char(out, ']');
}

/* Blanks up to a column, at least one. */
static void pad(struct text *out, size_t line, size_t column)
{
	do
		text_char(out, ' ');
	while (out->failed == ND_OK && out->len - line < column);
}

/* The column of addresses: "fffff803`15842a00" or, where the module is known, "nt+0x42da00". */
static void text_where(struct text *out, const struct nd_place *place, enum style style, nd_va va)
{
	size_t line = out->len;
	struct nd_code code;
	enum nd_status st = style == RELATIVE ? nd_place_name(place, va, &code) : ND_OK;

	if (st != ND_OK)
		text_fail(out, st);
	if (style == RELATIVE && st == ND_OK && code.module) {
		text_str(out, code.module->symbol_name);
		text_printf(out, "+0x%llx", (unsigned long long)code.module_offset);
		pad(out, line, ADDRESS_COLUMNS);
	} else {
		text_windbg_va(out, va);
	}
	text_char(out, ' ');
}

static void text_insn(struct text *out, const struct nd_place *place, enum style style,
		      const struct nd_insn *insn)
{
	size_t line = out->len, operands = OPERANDS_COLUMN;

	text_where(out, place, style, insn->va);
	for (unsigned i = 0; i < insn->length; i++)
		text_printf(out, "%02x", insn->bytes[i]);
	if (out->len - line >= MNEMONIC_COLUMN)
		operands++; /* 8 bytes and more push them, but never further than this */
	pad(out, line, MNEMONIC_COLUMN);
	text_str(out, insn->mnemonic);
	for (uint32_t i = 0; i < insn->operand_count; i++) {
		if (i == 0)
			pad(out, line, operands);
		else
			text_char(out, ',');
		text_operand(out, place, style, &insn->operand[i]);
	}
}

/* Where code should be and is not: the debuggers' "??", and why. */
static void text_absent(struct text *out, const struct nd_place *place, enum style style,
			const struct nd_code_line *line)
{
	size_t begin = out->len;

	text_where(out, place, style, line->va);
	text_str(out, "??");
	pad(out, begin, MNEMONIC_COLUMN);
	text_missing(out, line->st, line->missing);
}

static enum nd_status text_code_line(struct text *out, struct nd_disasm *disasm, enum style style,
				     const struct nd_code_line *line)
{
	struct nd_insn insn;
	enum nd_status st;

	if (line->st != ND_OK) {
		text_absent(out, disasm->place, style, line);
	} else {
		st = nd_disasm_insn(disasm, line, &insn);
		if (st != ND_OK)
			return nd_is_failure(st) ? st : ND_EIO;
		text_insn(out, disasm->place, style, &insn);
	}
	if (line->branch)
		text_str(out, "  Branch");
	text_line(out);
	return ND_OK;
}

/* --- listings --------------------------------------------------------------------------------- */

/* A label where a symbol is, and at the beginning. */
static enum nd_status text_run(struct text *out, struct nd_disasm *disasm, enum style style,
			       const struct nd_code_list *list)
{
	enum nd_status st = ND_OK;

	for (uint32_t i = 0; i < list->count && st == ND_OK && out->failed == ND_OK; i++) {
		const struct nd_code_line *line = &list->line[i];
		bool first = i == 0 || list->line[i - 1].st != ND_OK;

		if (line->st == ND_OK && (first || is_symbol(out, disasm->place, line->va)))
			text_label(out, disasm->place, line->va);
		st = text_code_line(out, disasm, style, line);
	}
	return st;
}

/* Blocks: a label each, and an empty line between them. */
static enum nd_status text_blocks(struct text *out, struct nd_disasm *disasm,
				  const struct nd_code_list *list)
{
	enum nd_status st = ND_OK;

	if (list->incomplete)
		text_str(out, "Flow analysis was incomplete, some code may be missing\n");
	for (uint32_t i = 0; i < list->count && st == ND_OK && out->failed == ND_OK; i++) {
		const struct nd_code_line *line = &list->line[i];

		if (line->block && i > 0)
			text_line(out);
		if (line->block)
			text_label(out, disasm->place, line->va);
		st = text_code_line(out, disasm, ABSOLUTE, line);
	}
	return st;
}

static enum nd_status collect(struct nd_disasm *disasm, const struct asked_code *asked, char file,
			      struct nd_code_list *list)
{
	uint32_t count = asked->kind == COUNT ? asked->count : U_INSNS;

	if (file == 'f')
		return nd_code_function(disasm, asked->from, list);
	if (file == 'b')
		return nd_code_backward(disasm, asked->from, count, list);
	if (asked->kind == TO)
		return nd_code_forward(disasm, asked->from, RANGE_MAX, asked->to, list);
	return nd_code_forward(disasm, asked->from, count, UINT64_MAX, list);
}

/* file: 'u', 'b' for ub, 'f' for uf. */
static enum nd_status render_listing(struct text *out, const struct node_at *at, bool process,
				     char file)
{
	struct nd_code_list list = { 0 };
	struct nd_disasm disasm;
	struct asked_code asked;
	enum nd_status st = at_code(at, process, &asked);

	if (st != ND_OK)
		return st;
	st = nd_disasm_init(&asked.place, &disasm);
	if (st != ND_OK)
		return st;
	st = collect(&disasm, &asked, file, &list);
	if (st == ND_OK && list.count == 0) /* before the first address, or behind the last */
		st = missing_or_fail(out, ND_UNMAPPED, asked.from);
	else if (st == ND_OK && list.count == 1 && list.line[0].st != ND_OK)
		st = missing_or_fail(out, list.line[0].st, list.line[0].missing);
	else if (st == ND_OK)
		st = file == 'f' ? text_blocks(out, &disasm, &list)
				 : text_run(out, &disasm, ABSOLUTE, &list);
	nd_code_list_free(&list);
	nd_disasm_deinit(&disasm);
	return st;
}

enum nd_status text_first_insns(struct text *out, const struct nd_dump *dump, nd_va va)
{
	struct nd_code_list list = { 0 };
	struct nd_disasm disasm;
	struct nd_place place;
	enum nd_status st = nd_place_of(dump, ND_PLACE_KERNEL, &place);

	if (st == ND_OK)
		st = nd_disasm_init(&place, &disasm);
	if (st != ND_OK)
		return missing_or_fail(out, st, va);
	st = nd_code_forward(&disasm, va, U_INSNS, UINT64_MAX, &list);
	if (st == ND_OK && list.count == 1 && list.line[0].st != ND_OK)
		st = missing_or_fail(out, list.line[0].st, list.line[0].missing);
	else if (st == ND_OK)
		st = text_run(out, &disasm, RELATIVE, &list);
	nd_code_list_free(&list);
	nd_disasm_deinit(&disasm);
	return st;
}

/* --- bytes ------------------------------------------------------------------------------------ */

static void text_row(struct text *out, nd_va va, const uint8_t *bytes, size_t n)
{
	text_windbg_va(out, va);
	text_char(out, ' ');
	for (size_t i = 0; i < 16; i++) {
		text_char(out, i == 8 && n > 8 ? '-' : ' ');
		if (i < n)
			text_printf(out, "%02x", bytes[i]);
		else
			text_str(out, "  ");
	}
	text_str(out, "  ");
	for (size_t i = 0; i < n; i++)
		text_char(out, bytes[i] >= 0x20 && bytes[i] < 0x7f ? (char)bytes[i] : '.');
	text_line(out);
}

/* How many bytes are asked for. */
static enum nd_status extent_of(const struct asked_code *asked, uint64_t *ret)
{
	struct nd_fragment fragment;
	enum nd_status st;

	*ret = asked->kind == TO      ? asked->to - asked->from + 1
	       : asked->kind == COUNT ? asked->count
				      : BYTES;
	if (asked->kind != PLAIN)
		return ND_OK;
	st = nd_place_fragment(&asked->place, asked->from, &fragment);
	if (st == ND_OK)
		*ret = fragment.end - asked->from;
	if (*ret > RANGE_MAX)
		*ret = RANGE_MAX;
	return nd_is_failure(st) ? st : ND_OK;
}

static enum nd_status render_code_bytes(struct text *out, const struct node_at *at, bool process)
{
	struct asked_code asked;
	struct nd_space space;
	uint64_t len = 0, done = 0;
	enum nd_status st = at_code(at, process, &asked);

	if (st == ND_OK)
		st = extent_of(&asked, &len);
	if (st != ND_OK)
		return st;
	if (len > UINT64_MAX - asked.from)
		len = UINT64_MAX - asked.from;
	space = nd_place_space(&asked.place, asked.from);
	while (done < len && st == ND_OK) {
		uint8_t row[16];
		size_t n = len - done < sizeof(row) ? (size_t)(len - done) : sizeof(row), got = 0;

		st = nd_read_some(&space, asked.from + done, row, n, &got);
		if (nd_is_failure(st))
			return st;
		if (got > 0)
			text_row(out, asked.from + done, row, got);
		done += got;
	}
	if (st == ND_OK && done > 0)
		return ND_OK;
	if (st == ND_OK)
		st = ND_UNMAPPED;
	if (done > 0) {
		text_windbg_va(out, asked.from + done);
		text_str(out, "  ");
	}
	return missing_or_fail(out, st, asked.from + done);
}

/* --- rows: the same files twice, since only the row tells a renderer where it is --------------- */

static bool exists_ub(const struct node_at *at, bool process)
{
	struct asked_code asked;

	return at_code(at, process, &asked) == ND_OK &&
	       (asked.kind == PLAIN ||
		(asked.kind == COUNT && asked.count <= ND_BACKWARD_INSNS_MAX));
}

static bool exists_uf(const struct node_at *at, bool process)
{
	struct asked_code asked;

	return at_code(at, process, &asked) == ND_OK && asked.kind == PLAIN;
}

// clang-format off
#define CODE_FUNCTIONS(where, process)                                                              \
	static enum nd_status render_##where##_u(struct text *out, const struct node_at *at)        \
	{ return render_listing(out, at, process, 'u'); }                                           \
	static enum nd_status render_##where##_ub(struct text *out, const struct node_at *at)       \
	{ return render_listing(out, at, process, 'b'); }                                           \
	static enum nd_status render_##where##_uf(struct text *out, const struct node_at *at)       \
	{ return render_listing(out, at, process, 'f'); }                                           \
	static enum nd_status render_##where##_bytes(struct text *out, const struct node_at *at)    \
	{ return render_code_bytes(out, at, process); }                                             \
	static bool exists_##where##_ub(const struct node_at *at)                                   \
	{ return exists_ub(at, process); }                                                          \
	static bool exists_##where##_uf(const struct node_at *at)                                   \
	{ return exists_uf(at, process); }                                                          \
	static void about_##where##_code(const struct node_at *at, struct node_about *ret)                 \
	{ about_code(at, process, ret); }                                                           \
	static const char *source_##where##_code(const struct node_at *at)                          \
	{ return code_source(at, process); }                                                        \
	static enum nd_status find_##where##_code(const struct node_at *dir, const char *name,             \
					   struct node_entry *ret)                                  \
	{ return find_code(dir, process, name, ret); }

CODE_FUNCTIONS(kernel, false)
CODE_FUNCTIONS(process, true)

#define CODE_ROWS(where) \
	{ "u",     "8 instructions from there on, or those of the range or number asked for",   .render = render_##where##_u, .source = source_##where##_code }, \
	{ "ub",    "8 instructions before it, or the number asked for",                         .render = render_##where##_ub, .source = source_##where##_code, .exists = exists_##where##_ub }, \
	{ "uf",    "the function that holds it, block by block",                                .render = render_##where##_uf, .source = source_##where##_code, .exists = exists_##where##_uf }, \
	{ "bytes", "hex dump up to the function's end, of 64 bytes, or of what is asked for",   .render = render_##where##_bytes }, \
	{ 0 }

static const struct node_row kernel_code_rows[] = { CODE_ROWS(kernel) };
static const struct node_row process_code_rows[] = { CODE_ROWS(process) };

const struct node_row node_code_rows[] = {
	{ "<symbol-or-address>", "kernel code in WinDbg's layout: nt!NtClose, nt!NtClose+0x10, 0xADDRESS; NAME,END and NAME,lCOUNT for a range (looked up, not listed)",
	  .rows = kernel_code_rows, .find = find_kernel_code, .about = about_kernel_code, .flags = NODE_UNLISTED },
	{ 0 }
};
const struct node_row node_process_code_rows[] = {
	{ "<symbol-or-address>", "code in this process's address space, in WinDbg's layout; names as in /code (looked up, not listed)",
	  .rows = process_code_rows, .find = find_process_code, .about = about_process_code, .flags = NODE_UNLISTED },
	{ 0 }
};
// clang-format on
