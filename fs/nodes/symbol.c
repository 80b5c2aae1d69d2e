/*
 * fs/nodes/symbol.c - /symbol: kernel names and addresses, each looked up by the other. Nothing is
 * listed: /symbol/nt!NtClose, /symbol/nt!NtClose+0x10, /symbol/0xfffff80315835f90.
 */
#include <stdlib.h>
#include <string.h>

#include "nodes/asked.h"
#include "nodes/nodes.h"
#include "ntdump.h"

/* "module!symbol" or "module!symbol+0x10" to an address. */
static enum nd_status resolve_name(const struct nd_dump *dump, const char *asked, nd_va *ret,
				   enum nd_name_source *ret_source)
{
	char name[ASKED_NAME_MAX + 1];
	const struct nd_module_list *modules;
	uint64_t offset = 0;
	char *bang, *plus;
	enum nd_status st;

	if (strlen(asked) > ASKED_NAME_MAX)
		return ND_ENOENT;
	memcpy(name, asked, strlen(asked) + 1);
	bang = strchr(name, '!');
	if (!bang)
		return ND_ENOENT;
	*bang++ = '\0';
	plus = strrchr(bang, '+');
	if (plus && parse_number(plus + 1, &offset))
		*plus = '\0';
	st = nd_kernel_modules(dump, &modules);
	if (st == ND_OK)
		st = nd_name_find(&dump->kernel, modules, name, bang, ret, ret_source);
	if (st == ND_OK)
		*ret += offset;
	return st;
}

bool parse_address(const char *asked, nd_va *ret)
{
	char plain[32];
	size_t n = 0;

	if (strncmp(asked, "0x", 2) == 0)
		asked += 2;
	for (; *asked && n < sizeof(plain) - 1; asked++)
		if (*asked != '`')
			plain[n++] = *asked;
	plain[n] = '\0';
	if (*asked || n == 0 || n > 16 || strspn(plain, "0123456789abcdefABCDEF") != n)
		return false;
	*ret = strtoull(plain, NULL, 16);
	return true;
}

static enum nd_status find_symbol(const struct node_at *dir, const char *name,
				  struct node_entry *ret)
{
	enum nd_name_source source;
	nd_va va;
	enum nd_status st = ND_OK;

	if (!parse_address(name, &va))
		st = resolve_name(dir->dump, name, &va, &source);
	if (st == ND_OK)
		st = asked_key(name, &ret->key);
	if (st == ND_OK)
		memcpy(ret->name, name, strlen(name) + 1);
	return st;
}

static enum nd_status render_symbol(struct text *out, const struct node_at *at)
{
	const char *name = asked_name(at->key[0]);
	enum nd_name_source source;
	nd_va va;
	enum nd_status st = ND_OK;

	if (!name)
		return ND_ENOENT;
	if (parse_address(name, &va)) {
		text_code(out, at->dump, UINT32_MAX, nd_u64_of(va), CODE_FULL);
	} else {
		st = resolve_name(at->dump, name, &va, &source);
		if (st == ND_OK)
			text_va(out, nd_u64_of(va));
	}
	text_line(out);
	return st;
}

/* Where the name was known from, whichever of the two was asked for. */
static void about_symbol(const struct node_at *at, struct node_about *ret)
{
	static const char *const words[] = { [ND_NAME_NONE] = NULL,
					     [ND_NAME_EXPORT] = "export",
					     [ND_NAME_ISF] = "isf",
					     [ND_NAME_PDB] = "pdb" };
	const char *name = asked_name(at->key[0]);
	const struct nd_module_list *modules;
	struct nd_code code = { .source = ND_NAME_NONE };
	struct nd_space space;
	nd_va va;

	if (!name)
		return;
	if (!parse_address(name, &va)) {
		if (resolve_name(at->dump, name, &va, &code.source) != ND_OK)
			return;
	} else if (nd_kernel_modules(at->dump, &modules) == ND_OK) {
		space = nd_kernel_space_of(at->dump, va);
		if (nd_code_name(&space, modules, va, &code) != ND_OK)
			return;
	}
	ret->address = va;
	ret->source = words[code.source];
}

// clang-format off
const struct node_row node_symbol_rows[] = {
	{ "<name>", "module!name gives its address, an address gives its name (looked up, not listed)",
	  .render = render_symbol, .find = find_symbol, .about = about_symbol, .flags = NODE_UNLISTED },
	{ 0 }
};
// clang-format on
