/*
 * engine/nt/object_type.c - finds the OBJECT_TYPEs (ObTypeIndexTable where its address is known,
 * else the directory \ObjectTypes, else a search for the table) and the cookie: every OBJECT_TYPE
 * is itself an object of the type "Type", so that their headers tell how a TypeIndex is stored.
 */
#include <string.h>

#include "nt/directory.h"
#include "nt/object_name.h"
#include "nt/object_type.h"

#define FIRST_INDEX 2u /* ObTypeIndexTable: slots 0 and 1 are no types; the first one is "Type" */
#define ROOT_ENTRIES_MAX 4096u
#define IMAGE_BYTES_MAX (64u << 20) /* of the kernel that are searched */

static const struct {
	const char *name;
	enum nd_object_kind kind;
} kinds[] = {
	{ "Type", ND_OBJECT_TYPE },
	{ "Directory", ND_OBJECT_DIRECTORY },
	{ "SymbolicLink", ND_OBJECT_SYMBOLIC_LINK },
	{ "Token", ND_OBJECT_TOKEN },
	{ "Job", ND_OBJECT_JOB },
	{ "Process", ND_OBJECT_PROCESS },
	{ "Thread", ND_OBJECT_THREAD },
	{ "Event", ND_OBJECT_EVENT },
	{ "Mutant", ND_OBJECT_MUTANT },
	{ "Semaphore", ND_OBJECT_SEMAPHORE },
	{ "Timer", ND_OBJECT_TIMER },
	{ "Section", ND_OBJECT_SECTION },
	{ "Key", ND_OBJECT_KEY },
	{ "File", ND_OBJECT_FILE },
	{ "Device", ND_OBJECT_DEVICE },
	{ "Driver", ND_OBJECT_DRIVER },
	{ "ALPC Port", ND_OBJECT_ALPC_PORT },
	{ "IoCompletion", ND_OBJECT_IO_COMPLETION },
	{ "EtwRegistration", ND_OBJECT_ETW_REGISTRATION },
	{ "TpWorkerFactory", ND_OBJECT_TP_WORKER_FACTORY },
	{ "WindowStation", ND_OBJECT_WINDOW_STATION },
	{ "Desktop", ND_OBJECT_DESKTOP },
	{ "Session", ND_OBJECT_SESSION },
	{ "DebugObject", ND_OBJECT_DEBUG_OBJECT },
	{ "KeyedEvent", ND_OBJECT_KEYED_EVENT },
	{ "Partition", ND_OBJECT_PARTITION },
};

static enum nd_object_kind kind_of(const char *name)
{
	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++)
		if (strcmp(kinds[i].name, name) == 0)
			return kinds[i].kind;
	return ND_OBJECT_OTHER;
}

static bool equals(const struct nd_ustr *s, const char *ascii)
{
	size_t len = strlen(ascii);

	if (s->st != ND_OK || s->count != len)
		return false;
	for (size_t i = 0; i < len; i++)
		if (s->units[i] != (uint8_t)ascii[i])
			return false;
	return true;
}

/* OBJECT_TYPE.Name: the kernel's types have short names of printable ASCII. */
static enum nd_status read_name(const struct nd_dump *dump, struct nd_object_type *type)
{
	uint32_t at = nd_offset(dump, ND_M_OBJECT_TYPE_Name);
	struct nd_ustr name;
	enum nd_status st;

	if (at == ND_OFFSET_ABSENT)
		return ND_NOT_IN_BUILD;
	name = nd_ustr_read(&dump->kernel, type->at + at);
	st = name.st;
	if (st == ND_OK && (name.count == 0 || name.count >= sizeof(type->name)))
		st = ND_INVALID;
	for (size_t i = 0; st == ND_OK && i < name.count; i++) {
		if (name.units[i] < 0x20 || name.units[i] > 0x7e)
			st = ND_INVALID;
		type->name[i] = (char)name.units[i];
	}
	type->name[st == ND_OK ? name.count : 0] = '\0';
	nd_ustr_free(&name);
	return st;
}

/* Whether there can be an OBJECT_TYPE at `at`; its own Index agrees with the table's. */
static enum nd_status add_type(const struct nd_dump *dump, nd_va at, uint32_t expected,
			       struct nd_object_types *types)
{
	struct nd_object_type type = { .at = at };
	uint32_t info = nd_offset(dump, ND_M_OBJECT_TYPE_TypeInfo);
	uint32_t mask = nd_offset(dump, ND_M_OBJECT_TYPE_INITIALIZER_ValidAccessMask);
	struct nd_u64 index, valid = { .st = ND_NOT_IN_BUILD };

	if (!nd_va_is_kernel(at) || at & 7)
		return ND_INVALID;
	index = nd_member_read(&dump->kernel, at, ND_M_OBJECT_TYPE_Index);
	if (index.st == ND_NOT_IN_BUILD && expected != 0)
		index = nd_u64_of(expected);
	if (index.st != ND_OK)
		return index.st;
	index.value &= ND_OBJECT_TYPES - 1;
	if ((expected != 0 && index.value != expected) || index.value < FIRST_INDEX ||
	    types->type[index.value].at != 0)
		return ND_INVALID;
	type.name_st = read_name(dump, &type);
	if (nd_is_failure(type.name_st))
		return type.name_st;
	type.kind = kind_of(type.name);
	if (info != ND_OFFSET_ABSENT && mask != ND_OFFSET_ABSENT)
		valid = nd_read_num(&dump->kernel, at + info + mask, 4);
	type.valid_access = valid.st == ND_OK ? (uint32_t)valid.value : 0;
	types->type[index.value] = type;
	types->count++;
	return ND_OK;
}

/* ND_OK also where some slots are broken: their types stay unknown. */
static enum nd_status from_table(const struct nd_dump *dump, nd_va table,
				 struct nd_object_types *types)
{
	if (table == 0)
		return ND_NO_SYMBOLS;
	types->at = table;
	for (uint32_t i = FIRST_INDEX; i < ND_OBJECT_TYPES; i++) {
		struct nd_u64 at = nd_read_num(&dump->kernel, table + 8ull * i, 8);
		enum nd_status st = at.st;

		if (st == ND_OK && at.value == 0)
			break;
		if (st == ND_OK)
			st = add_type(dump, at.value, i, types);
		if (nd_is_failure(st))
			return st;
	}
	return ND_OK;
}

/* The body of \ObjectTypes. */
static enum nd_status find_directory(const struct nd_dump *dump, nd_va *ret)
{
	struct nd_u64 at = nd_root_directory(dump);
	struct nd_directory root = { 0 };
	enum nd_status st = at.st;
	bool found = false;

	if (st == ND_OK)
		st = nd_directory_read(dump, at.value, NULL, &root);
	if (st == ND_OK)
		st = root.st;
	for (uint32_t i = 0; st == ND_OK && !found && i < root.count && i < ROOT_ENTRIES_MAX; i++) {
		struct nd_ustr name = nd_object_name(dump, root.object[i], NULL);

		found = equals(&name, "ObjectTypes");
		if (found)
			*ret = root.object[i];
		if (nd_is_failure(name.st))
			st = name.st;
		nd_ustr_free(&name);
	}
	nd_directory_free(&root);
	return st == ND_OK && !found ? ND_NO_SYMBOLS : st;
}

static enum nd_status from_directory(const struct nd_dump *dump, struct nd_object_types *types)
{
	struct nd_directory directory = { 0 };
	nd_va at;
	enum nd_status st = find_directory(dump, &at);

	if (st == ND_OK)
		st = nd_directory_read(dump, at, NULL, &directory);
	if (st == ND_OK)
		st = directory.st;
	for (uint32_t i = 0; st == ND_OK && i < directory.count && i < 2 * ND_OBJECT_TYPES; i++) {
		enum nd_status added = add_type(dump, directory.object[i], 0, types);

		if (nd_is_failure(added))
			st = added;
	}
	nd_directory_free(&directory);
	return st;
}

/*
 * ObTypeIndexTable by its contents: where the kernel's image points at the type "Type" (KDBG tells
 * of it), with the next type behind it and no type two slots before.
 */
static bool is_table(const struct nd_dump *dump, nd_va third, uint64_t next)
{
	struct nd_u64 first = nd_read_num(&dump->kernel, third - 8ull * FIRST_INDEX, 8), index;

	if (first.st != ND_OK || first.value != 0 || !nd_va_is_kernel(next) || next & 7)
		return false;
	index = nd_member_read(&dump->kernel, next, ND_M_OBJECT_TYPE_Index);
	return index.st == ND_OK && index.value == FIRST_INDEX + 1;
}

static enum nd_status find_table(const struct nd_dump *dump, nd_va *ret)
{
	nd_va symbol = dump->symbol[ND_SYM_ObpTypeObjectType];
	struct nd_u64 type;
	uint8_t page[ND_PAGE_BYTES];

	if (symbol == 0 || dump->kernel_base == 0)
		return ND_NO_SYMBOLS;
	type = nd_read_num(&dump->kernel, symbol, 8);
	if (type.st != ND_OK)
		return type.st;
	for (uint32_t at = 0; at < dump->kernel_bytes && at < IMAGE_BYTES_MAX;
	     at += ND_PAGE_BYTES) {
		enum nd_status st =
			nd_read(&dump->kernel, dump->kernel_base + at, page, sizeof(page));

		if (nd_is_failure(st))
			return st;
		for (uint32_t i = 0; st == ND_OK && i + 16 <= sizeof(page); i += 8) {
			nd_va third = dump->kernel_base + at + i;

			if (nd_le64(page + i) != type.value ||
			    !is_table(dump, third, nd_le64(page + i + 8)))
				continue;
			*ret = third - 8ull * FIRST_INDEX;
			return ND_OK;
		}
	}
	return ND_NO_SYMBOLS;
}

static uint8_t address_byte(nd_va header)
{
	return (uint8_t)(header >> 8);
}

/* What the headers of the types store for the type "Type": plain, or with which cookie. */
static enum nd_status find_cookie(const struct nd_dump *dump, struct nd_object_types *types)
{
	uint32_t body = nd_offset(dump, ND_M_OBJECT_HEADER_Body);
	uint32_t votes[256] = { 0 }, plain = 0, best = 0;
	uint64_t own = 0; /* the index of "Type" */

	for (uint32_t i = FIRST_INDEX; own == 0 && i < ND_OBJECT_TYPES; i++)
		if (types->type[i].kind == ND_OBJECT_TYPE)
			own = i;
	if (body == ND_OFFSET_ABSENT || own == 0)
		return ND_NOT_IN_BUILD;
	for (uint32_t i = FIRST_INDEX; i < ND_OBJECT_TYPES; i++) {
		nd_va header = types->type[i].at - body;
		struct nd_u64 stored;

		if (types->type[i].at == 0)
			continue;
		stored = nd_member_read(&dump->kernel, header, ND_M_OBJECT_HEADER_TypeIndex);
		if (nd_is_failure(stored.st))
			return stored.st;
		if (stored.st != ND_OK)
			continue;
		plain += (stored.value & 0xff) == own;
		votes[(stored.value ^ address_byte(header) ^ own) & 0xff]++;
	}
	for (uint32_t c = 0; c < 256; c++)
		if (votes[c] > votes[best])
			best = c;
	if (plain == 0 && votes[best] == 0)
		return ND_NOT_IN_DUMP;
	types->encoded = votes[best] > plain || (votes[best] == plain && dump->build >= 10240);
	types->cookie = (uint8_t)best;
	return ND_OK;
}

enum nd_status nd_object_types_build(const struct nd_dump *dump, struct nd_object_types *ret)
{
	nd_va symbol = dump->symbol[ND_SYM_ObHeaderCookie];
	struct nd_u64 cookie;
	nd_va table = 0;
	enum nd_status st;

	*ret = (struct nd_object_types){ 0 };
	st = from_table(dump, dump->symbol[ND_SYM_ObTypeIndexTable], ret);
	if (!nd_is_failure(st) && ret->count == 0) /* no such symbol, or the page is not there */
		st = from_directory(dump, ret);
	if (!nd_is_failure(st) && ret->count == 0) {
		st = find_table(dump, &table);
		if (st == ND_OK)
			st = from_table(dump, table, ret);
	}
	if (nd_is_failure(st))
		return st;
	ret->st = ret->count ? ND_OK : st != ND_OK ? st : ND_NOT_IN_DUMP;
	if (ret->st != ND_OK)
		return ND_OK;
	st = find_cookie(dump, ret);
	if (nd_is_missing(st) && symbol != 0) {
		cookie = nd_read_num(&dump->kernel, symbol, 1);
		ret->encoded = true;
		ret->cookie = (uint8_t)cookie.value;
		st = cookie.st;
	}
	if (nd_is_failure(st))
		return st;
	ret->st = st;
	return ND_OK;
}

const struct nd_object_type *nd_object_type_of(const struct nd_object_types *types, nd_va header,
					       uint8_t type_index, enum nd_status *ret_st)
{
	uint8_t index = type_index;

	*ret_st = types->st;
	if (types->st != ND_OK)
		return NULL;
	if (types->encoded)
		index = (uint8_t)(type_index ^ address_byte(header) ^ types->cookie);
	*ret_st = types->type[index].at ? ND_OK : ND_INVALID;
	return types->type[index].at ? &types->type[index] : NULL;
}
