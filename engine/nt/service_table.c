/*
 * engine/nt/service_table.c - decodes the service tables, names their entries and judges where
 * they lead.
 */
#include <stdlib.h>
#include <string.h>

#include "nt/name.h"
#include "nt/process.h"
#include "nt/service_data.h"
#include "nt/service_table.h"
#include "nt/stub.h"

#define NO_NAME 0xffffu
#define ARGUMENT_BYTES 4u /* KiArgumentTable counts 4 bytes for each argument on the stack */

/* How the entries are stored. */
enum encoding {
	ENCODING_COMPACT, /* i32: (target - table) << 4 | stack arguments; memory since phase 0 */
	ENCODING_RVA,	  /* u32 image-relative; the file's form from 14393 on */
	ENCODING_POINTER, /* u64; the file's form before */
	ENCODINGS
};

/* What the entries are decoded against. */
struct table {
	const struct nd_dump *dump;
	struct nd_space space;
	struct nd_service_place place;
	const struct nd_module *home; /* the module that the routines belong to; may be NULL */
	const struct nd_module_list *modules;
	enum encoding encoding;
	uint32_t first;
};

static uint32_t entry_bytes(enum encoding encoding)
{
	return encoding == ENCODING_POINTER ? 8 : 4;
}

static struct nd_u64 raw_entry(const struct table *t, enum encoding encoding, uint32_t i)
{
	return nd_read_num(&t->space, t->place.base + (uint64_t)i * entry_bytes(encoding),
			   entry_bytes(encoding));
}

static struct nd_u64 decode(const struct table *t, enum encoding encoding, uint32_t i)
{
	struct nd_u64 v = raw_entry(t, encoding, i);

	if (v.st != ND_OK)
		return v;
	if (encoding == ENCODING_COMPACT)
		v.value = t->place.base + (uint64_t)((int64_t)(int32_t)v.value >> 4);
	else if (encoding == ENCODING_RVA)
		v.value += t->home ? t->home->base : t->dump->kernel_base;
	return v;
}

static bool in_home(const struct table *t, nd_va va)
{
	return t->home && t->home->size.st == ND_OK && va - t->home->base < t->home->size.value;
}

/* The encoding that leads most entries into the table's own module. */
static enum encoding choose_encoding(const struct table *t)
{
	uint32_t best = 0;
	enum encoding ret = ENCODING_COMPACT;

	for (int e = 0; e < ENCODINGS; e++) {
		uint32_t hits = 0;

		for (uint32_t i = 0; i < t->place.count; i++) {
			struct nd_u64 v = decode(t, (enum encoding)e, i);

			hits += v.st == ND_OK && in_home(t, v.value);
		}
		if (hits > best) {
			best = hits;
			ret = (enum encoding)e;
		}
	}
	return ret;
}

static struct nd_u64 stack_arguments(const struct table *t, uint32_t i)
{
	struct nd_u64 v;

	if (t->encoding == ENCODING_COMPACT) {
		v = raw_entry(t, t->encoding, i);
		v.value &= 0xf;
		return v;
	}
	if (t->place.arguments == 0)
		return nd_u64_missing(ND_NO_SYMBOLS, 0);
	v = nd_read_num(&t->space, t->place.arguments + i, 1);
	v.value /= ARGUMENT_BYTES;
	return v;
}

static void set_name(struct nd_service *s, const char *name, enum nd_service_source source)
{
	size_t len = strlen(name);

	if (len >= sizeof(s->name))
		return;
	memcpy(s->name, name, len + 1);
	s->source = source;
}

/* Whether `name` is one of the symbols or exports at the address (identical code is folded). */
static bool is_alias(const struct table *t, nd_va target, const char *name)
{
	const struct nd_image *image;
	const struct nd_symfile *file;
	const struct nd_public *row;
	bool same = false;

	if (!t->home || nd_image_get(&t->space, t->home->base, &image) != ND_OK)
		return false;
	file = nd_image_symbols(t->dump, image);
	row = file ? nd_symfile_public(file, name) : NULL;
	if (row)
		same = t->home->base + row->rva == target;
	nd_image_put(t->dump, image);
	return same;
}

/* Exact name of the routine itself, from the module's symbol file or exports. */
static enum nd_name_source name_of_target(const struct table *t, nd_va target,
					  char ret[ND_SERVICE_NAME_MAX])
{
	struct nd_code code;

	if (!in_home(t, target) || nd_code_name(&t->space, t->modules, target, &code) != ND_OK ||
	    code.symbol[0] == '\0' || code.symbol_offset != 0 ||
	    strlen(code.symbol) >= ND_SERVICE_NAME_MAX)
		return ND_NAME_NONE;
	memcpy(ret, code.symbol, strlen(code.symbol) + 1);
	return code.source;
}

static const char *profile_name(const struct nd_dump *dump, uint32_t number)
{
	uint32_t build = dump->build;

	if (build > 19041 && build <= 19045)
		build = 19041; /* the same kernel */
	if (build == 18363)
		build = 18362;
	for (const struct nd_service_names *n = nd_service_names; n->build != 0; n++)
		if (n->build == build && number >= n->first && number - n->first < n->count &&
		    n->name[number - n->first] != NO_NAME)
			return nd_service_name_text[n->name[number - n->first]];
	return NULL;
}

/*
 * The name that the number has: the stub in user memory says it for this very machine; the
 * built-in list for its build.
 */
static enum nd_service_source name_of_number(const struct table *t, uint32_t number,
					     const struct nd_stub_list *stubs, const char **ret)
{
	const struct nd_stub *stub = stubs ? nd_stub_of(stubs, number) : NULL;

	if (stub && stub->entry != ND_STUB_OTHER) {
		*ret = stub->name;
		return ND_SERVICE_STUB;
	}
	*ret = profile_name(t->dump, number);
	return *ret ? ND_SERVICE_PROFILE : ND_SERVICE_UNNAMED;
}

static enum nd_service_source service_source(enum nd_name_source source)
{
	return source == ND_NAME_PDB   ? ND_SERVICE_PDB
	       : source == ND_NAME_ISF ? ND_SERVICE_ISF
				       : ND_SERVICE_EXPORT;
}

/*
 * The name comes from the number where the number is known and from the routine otherwise. When
 * both are known and disagree, the routine is another one than it should be.
 */
static void judge(const struct table *t, const struct nd_stub_list *stubs, struct nd_service *s)
{
	char of_target[ND_SERVICE_NAME_MAX];
	const char *of_number;
	enum nd_name_source by_target = name_of_target(t, s->target.value, of_target);
	enum nd_service_source by_number = name_of_number(t, s->number, stubs, &of_number);
	bool symbols = by_target == ND_NAME_PDB || by_target == ND_NAME_ISF;
	bool agree = by_number != ND_SERVICE_UNNAMED && by_target != ND_NAME_NONE &&
		     (strcmp(of_number, of_target) == 0 || is_alias(t, s->target.value, of_number));

	s->verdict = ND_SERVICE_MATCH;
	if (!in_home(t, s->target.value))
		s->verdict = ND_SERVICE_FOREIGN;
	if (agree) {
		set_name(s, of_number, service_source(by_target));
	} else if (by_number != ND_SERVICE_UNNAMED) {
		set_name(s, of_number, by_number);
		/* only symbols name every routine; a built-in list may be of another servicing level */
		if (symbols && by_number == ND_SERVICE_STUB)
			s->verdict = ND_SERVICE_FOREIGN;
		else if (symbols && s->verdict == ND_SERVICE_MATCH)
			set_name(s, of_target, service_source(by_target));
	} else if (by_target != ND_NAME_NONE) {
		set_name(s, of_target, service_source(by_target));
	} else if (s->verdict == ND_SERVICE_MATCH) {
		s->verdict = ND_SERVICE_UNKNOWN;
	}
}

static enum nd_status read_services(const struct table *t, const struct nd_stub_list *stubs,
				    struct nd_service_table *table)
{
	table->service = calloc(t->place.count, sizeof(*table->service));
	if (!table->service)
		return ND_ENOMEM;
	for (uint32_t i = 0; i < t->place.count; i++) {
		struct nd_service *s = &table->service[table->count++];

		s->number = t->first + i;
		s->target = decode(t, t->encoding, i);
		if (nd_is_failure(s->target.st))
			return s->target.st;
		s->stack_args = stack_arguments(t, i);
		if (s->target.st == ND_OK) {
			s->module = nd_module_of(t->modules, s->target.value);
			judge(t, stubs, s);
		} else {
			const char *name;
			enum nd_service_source source = name_of_number(t, s->number, stubs, &name);

			s->verdict = ND_SERVICE_UNKNOWN;
			if (source != ND_SERVICE_UNNAMED)
				set_name(s, name, source);
		}
	}
	return ND_OK;
}

static const struct nd_module *home_of(const struct table *t, enum nd_service_table_id id)
{
	if (id == ND_TABLE_NT)
		return nd_module_of(t->modules, t->dump->kernel_base);
	return nd_module_of(t->modules, t->place.base);
}

enum nd_status nd_service_table_build(const struct nd_dump *dump, enum nd_service_table_id id,
				      struct nd_service_table *ret)
{
	struct nd_service_table table = { .module = id == ND_TABLE_NT ? "nt" : "win32k" };
	const struct nd_stub_list *stubs;
	struct table t = { .dump = dump };
	enum nd_status st;

	table.st = nd_source_is_virtual(dump->src) ? ND_NOT_IN_DUMP
						   : nd_service_place_find(dump, id, &t.place);
	if (table.st != ND_OK) {
		*ret = table;
		return ND_OK;
	}
	st = nd_kernel_modules(dump, &t.modules);
	if (st == ND_OK)
		st = nd_stubs(dump, id == ND_TABLE_NT ? ND_STUBS_NTDLL : ND_STUBS_WIN32U, &stubs);
	if (st != ND_OK)
		return st;
	t.space = nd_kernel_space_of(dump, t.place.base);
	t.home = home_of(&t, id);
	t.first = id == ND_TABLE_NT ? 0 : ND_WIN32K_FIRST;
	t.encoding = choose_encoding(&t);
	table.base = t.place.base;
	st = read_services(&t, stubs->st == ND_OK ? stubs : NULL, &table);
	if (st != ND_OK) {
		nd_service_table_free(&table);
		return st;
	}
	*ret = table;
	return ND_OK;
}

void nd_service_table_free(struct nd_service_table *table)
{
	free(table->service);
	table->service = NULL;
	table->count = 0;
}

const struct nd_service *nd_service_of(const struct nd_dump *dump, uint64_t number)
{
	const struct nd_service_table *table;
	enum nd_service_table_id id = number < ND_WIN32K_FIRST ? ND_TABLE_NT : ND_TABLE_WIN32K;
	uint64_t index = id == ND_TABLE_NT ? number : number - ND_WIN32K_FIRST;

	if (nd_service_table(dump, id, &table) != ND_OK || index >= table->count)
		return NULL;
	return &table->service[index];
}
