/*
 * fs/nodes/symbol.c - /symbol and proc/<pid>/symbol: names and addresses, each looked up by the other.
 * Nothing is listed: /symbol/nt!NtClose, /symbol/nt!NtClose+0x10, /symbol/0xfffff80315835f90.
 */
#include <stdlib.h>
#include <string.h>

#include "code/place.h"
#include "nodes/asked.h"
#include "nodes/nodes.h"
#include "ntdump.h"

/* "module!symbol" or "module!symbol+0x10" to an address. */
static enum nd_status resolve_name(const struct nd_place *place, const char *asked, nd_va *ret)
{
	char name[ASKED_NAME_MAX + 1];
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
	st = nd_place_find(place, name, bang, ret);
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

/* The process of /proc/<pid>/symbol; the kernel's of /symbol. */
static enum nd_status resolve(const struct nd_dump *dump, uint32_t process, const char *asked,
			      nd_va *ret)
{
	struct nd_place place;
	enum nd_status st;

	if (parse_address(asked, ret))
		return ND_OK;
	st = nd_place_of(dump, process, &place);
	if (st == ND_OK)
		st = resolve_name(&place, asked, ret);
	return nd_is_missing(st) ? ND_ENOENT : st;
}

static enum nd_status find_symbol(const struct node_at *dir, uint32_t process, const char *name,
				  struct node_entry *ret)
{
	nd_va va;
	enum nd_status st = resolve(dir->dump, process, name, &va);

	if (st == ND_OK)
		st = asked_key(name, &ret->key);
	if (st == ND_OK)
		memcpy(ret->name, name, strlen(name) + 1);
	return st;
}

static enum nd_status render_symbol(struct text *out, const struct node_at *at, uint32_t process,
				    const char *name)
{
	nd_va va;
	enum nd_status st = name ? resolve(at->dump, process, name, &va) : ND_ENOENT;

	if (st != ND_OK)
		return st;
	if (parse_address(name, &va))
		text_code(out, at->dump, process, nd_u64_of(va), CODE_FULL);
	else
		text_va(out, nd_u64_of(va));
	text_line(out);
	return ND_OK;
}

/* Where the name was known from, whichever of the two was asked for. */
static void about_symbol(const struct node_at *at, uint32_t process, const char *name,
			 struct node_about *ret)
{
	if (name && resolve(at->dump, process, name, &ret->address) == ND_OK)
		ret->source = code_source_name(at->dump, process, ret->address);
}

/* The same twice, since only the row tells where it is. */
static enum nd_status find_kernel_symbol(const struct node_at *dir, const char *name,
					 struct node_entry *ret)
{
	return find_symbol(dir, ND_PLACE_KERNEL, name, ret);
}

static enum nd_status render_kernel_symbol(struct text *out, const struct node_at *at)
{
	return render_symbol(out, at, ND_PLACE_KERNEL, asked_name(at->key[0]));
}

static void about_kernel_symbol(const struct node_at *at, struct node_about *ret)
{
	about_symbol(at, ND_PLACE_KERNEL, asked_name(at->key[0]), ret);
}

static enum nd_status find_process_symbol(const struct node_at *dir, const char *name,
					  struct node_entry *ret)
{
	return find_symbol(dir, dir->key[0], name, ret);
}

static enum nd_status render_process_symbol(struct text *out, const struct node_at *at)
{
	return render_symbol(out, at, at->key[0], asked_name(at->key[1]));
}

static void about_process_symbol(const struct node_at *at, struct node_about *ret)
{
	about_symbol(at, at->key[0], asked_name(at->key[1]), ret);
}

// clang-format off
const struct node_row node_symbol_rows[] = {
	{ "<name>", "module!name gives its address, an address gives its name (looked up, not listed)",
	  .render = render_kernel_symbol, .find = find_kernel_symbol, .about = about_kernel_symbol, .flags = NODE_UNLISTED },
	{ 0 }
};
const struct node_row node_process_symbol_rows[] = {
	{ "<name>", "as /symbol, for the process's modules and the kernel's (looked up, not listed)",
	  .render = render_process_symbol, .find = find_process_symbol, .about = about_process_symbol, .flags = NODE_UNLISTED },
	{ 0 }
};
// clang-format on
