/*
 * fs/nodes/common.c - what renderers share: the objects of a path, code addresses, names.
 */
#include <stdlib.h>
#include <string.h>

#include "nodes/nodes.h"
#include "ntdump.h"

enum nd_status at_process_ref(const struct node_at *at, const struct nd_process_ref **ret)
{
	const struct nd_process_list *list;
	enum nd_status st = nd_processes(at->dump, &list);

	if (st != ND_OK)
		return st;
	if (at->key[0] >= list->count)
		return ND_ENOENT;
	*ret = &list->ref[at->key[0]];
	return ND_OK;
}

enum nd_status at_process(const struct node_at *at, struct nd_process *ret)
{
	const struct nd_process_ref *ref;
	enum nd_status st = at_process_ref(at, &ref);

	return st == ND_OK ? nd_process_read(at->dump, ref->eprocess, ret) : st;
}

enum nd_status at_thread(const struct node_at *at, struct nd_thread *ret)
{
	const struct nd_thread_list *list;
	enum nd_status st = nd_threads(at->dump, at->key[0], &list);

	if (st != ND_OK)
		return st;
	if (at->key[1] >= list->count)
		return ND_ENOENT;
	return nd_thread_read(at->dump, list->ref[at->key[1]].ethread, ret);
}

enum nd_status missing_or_fail(struct text *out, enum nd_status st, nd_va address)
{
	if (!nd_is_missing(st))
		return st;
	text_missing(out, st, address);
	text_line(out);
	return ND_OK;
}

void text_tab(struct text *out)
{
	text_char(out, '\t');
}

void text_line(struct text *out)
{
	text_char(out, '\n');
}

static void code_address(struct text *out, nd_va va, enum code_style style)
{
	if (style == CODE_LISTING)
		text_windbg_va(out, va);
	else
		text_va(out, nd_u64_of(va));
}

static void code_name(struct text *out, const struct nd_code *code)
{
	text_str(out, code->module->symbol_name);
	if (code->symbol[0] != '\0') {
		text_char(out, '!');
		text_utf8(out, code->symbol, strlen(code->symbol));
		if (code->symbol_offset != 0)
			text_printf(out, "+0x%llx", (unsigned long long)code->symbol_offset);
	} else {
		text_printf(out, "+0x%llx", (unsigned long long)code->module_offset);
	}
}

/* The modules and the address space that an address belongs to. */
static enum nd_status modules_for(const struct nd_dump *dump, uint32_t process, nd_va va,
				  struct nd_space *space, const struct nd_module_list **modules)
{
	const struct nd_process_list *list;
	struct nd_process p;
	enum nd_status st;

	*space = dump->kernel;
	if (nd_va_is_kernel(va) || process == UINT32_MAX) {
		*space = nd_kernel_space_of(dump, va);
		return nd_kernel_modules(dump, modules);
	}
	st = nd_processes(dump, &list);
	if (st == ND_OK && process >= list->count)
		st = ND_ENOENT;
	if (st == ND_OK)
		st = nd_process_read(dump, list->ref[process].eprocess, &p);
	if (st != ND_OK)
		return st;
	*space = nd_process_space(dump, &p);
	return nd_process_modules(dump, process, modules);
}

void text_code(struct text *out, const struct nd_dump *dump, uint32_t process, struct nd_u64 v,
	       enum code_style style)
{
	const struct nd_module_list *modules;
	struct nd_space space;
	struct nd_code code = { 0 };
	enum nd_status st = v.st;

	if (st != ND_OK) {
		text_missing(out, st, v.at);
		return;
	}
	st = modules_for(dump, process, v.value, &space, &modules);
	if (st == ND_OK)
		st = nd_code_name(&space, modules, v.value, &code);
	if (nd_is_failure(st)) {
		text_fail(out, st);
		return;
	}
	if (!code.module) {
		code_address(out, v.value, style);
		return;
	}
	code_name(out, &code);
	if (style == CODE_SHORT)
		return;
	text_str(out, " (");
	code_address(out, v.value, style);
	text_char(out, ')');
}

void text_fact_ticks(struct text *out, const struct nd_dump *dump, const char *key,
		     struct nd_u64 ticks)
{
	nd_va at = dump->symbol[ND_SYM_KeTimeIncrement];
	struct nd_u64 increment =
		at ? nd_read_num(&dump->kernel, at, 4) : nd_u64_missing(ND_NO_SYMBOLS, 0);

	text_key(out, key);
	if (ticks.st == ND_OK && increment.st == ND_OK) {
		ticks.value *= increment.value;
		text_duration(out, ticks);
	} else {
		text_dec(out, ticks);
		if (ticks.st == ND_OK)
			text_str(out, " ticks");
	}
	text_line(out);
}

void text_ustr(struct text *out, const struct nd_ustr *s)
{
	if (s->st != ND_OK)
		text_missing(out, s->st, s->at);
	else
		text_utf16(out, s->units, s->count);
}

void text_image_name(struct text *out, const struct nd_process *process)
{
	if (process->image_name_st != ND_OK)
		text_missing(out, process->image_name_st, process->eprocess);
	else
		text_utf8(out, process->image_name, strlen(process->image_name));
}

static void named(struct text *out, struct nd_u64 v, const char *(*name)(uint64_t))
{
	const char *s = v.st == ND_OK ? name(v.value) : NULL;

	if (s)
		text_str(out, s);
	else
		text_dec(out, v);
}

void text_state(struct text *out, const struct nd_thread *thread)
{
	named(out, thread->state, nd_thread_state_name);
}

void text_wait_reason(struct text *out, const struct nd_thread *thread)
{
	named(out, thread->wait_reason, nd_wait_reason_name);
}

void text_protection(struct text *out, struct nd_u64 protection)
{
	/* _PS_PROTECTED_SIGNER; PS_PROTECTION: Type bits 0-2, Audit 3, Signer 4-7. */
	static const char *const signer[] = { "None",	     "Authenticode", "CodeGen",
					      "Antimalware", "Lsa",	     "Windows",
					      "WinTcb",	     "WinSystem",    "App" };
	unsigned type = protection.value & 7, by = protection.value >> 4 & 15;

	if (protection.st != ND_OK && protection.st != ND_NOT_IN_BUILD) {
		text_missing(out, protection.st, protection.at);
	} else if (protection.st == ND_NOT_IN_BUILD || protection.value == 0) {
		text_char(out, '-');
	} else if (type == 0 || type > 2 || by >= sizeof(signer) / sizeof(*signer)) {
		text_hex(out, protection);
	} else {
		text_printf(out, "PsProtectedSigner%s%s", signer[by], type == 1 ? "-Light" : "");
	}
}

void text_integrity(struct text *out, struct nd_u64 level)
{
	static const struct {
		uint32_t rid;
		const char *name;
	} names[] = {
		{ 0x0000, "Untrusted" },  { 0x1000, "Low" },  { 0x2000, "Medium" },
		{ 0x2100, "MediumPlus" }, { 0x3000, "High" }, { 0x4000, "System" },
		{ 0x5000, "Protected" },
	};

	if (level.st == ND_OK)
		for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
			if (names[i].rid == level.value) {
				text_str(out, names[i].name);
				return;
			}
	text_hex(out, level);
}

void text_fact_named(struct text *out, const char *key, struct nd_u64 v,
		     const char *(*name)(uint64_t))
{
	text_key(out, key);
	text_dec(out, v);
	if (v.st == ND_OK && name(v.value))
		text_printf(out, " %s", name(v.value));
	text_line(out);
}

void text_fact_bits(struct text *out, const char *key, struct nd_u64 v,
		    const char *(*name)(unsigned bit))
{
	const char *separator = " ";

	text_key(out, key);
	text_hex_pad(out, v, 8);
	for (unsigned bit = 0; v.st == ND_OK && bit < 32; bit++) {
		if (!(v.value >> bit & 1))
			continue;
		if (name(bit))
			text_printf(out, "%s%s", separator, name(bit));
		else
			text_printf(out, "%s0x%x", separator, 1u << bit);
		separator = "|";
	}
	text_line(out);
}

void guid_name(const uint8_t guid[16], char ret[GUID_NAME_BYTES])
{
	char digits[33];
	size_t n = 0;

	nd_guid_text(guid, digits);
	for (int i = 0; i < 32; i++) {
		if (i == 8 || i == 12 || i == 16 || i == 20)
			ret[n++] = '-';
		ret[n++] = digits[i] >= 'A' ? (char)(digits[i] - 'A' + 'a') : digits[i];
	}
	ret[n] = '\0';
}

void text_pdb_key(struct text *out, const char *pdb, const struct nd_guid_age *id)
{
	char guid[33];

	nd_guid_text(id->guid, guid);
	text_utf8(out, pdb, strlen(pdb));
	text_printf(out, "/%s%X", guid, id->age);
}

bool parse_number(const char *s, uint64_t *ret)
{
	int base = 10;
	char *end;

	if (s[0] == '0' && (s[1] == 'x' || s[1] == 'X' || s[1] == 'n')) {
		base = s[1] == 'n' ? 10 : 16;
		s += 2;
	} else if (s[0] == '0' && s[1] != '\0') {
		return false;
	}
	if (strspn(s, base == 16 ? "0123456789abcdefABCDEF" : "0123456789") != strlen(s) ||
	    s[0] == '\0' || strlen(s) > 20)
		return false;
	*ret = strtoull(s, &end, base);
	return *end == '\0';
}
