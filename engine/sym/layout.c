/*
 * engine/sym/layout.c - the names behind members.h, and a layout filled from a symbol file.
 */
#include "sym/layout.h"

#include <string.h>

#define ND_X_BYTES(s, m, bytes) (bytes),
#define ND_X_STRUCT_NAME(s, m, bytes) "_" #s,
#define ND_X_MEMBER_NAME(s, m, bytes) #m,
#define ND_X_STRUCT_TEXT(s) "_" #s,
#define ND_X_SYMBOL_TEXT(s) #s,

const uint16_t nd_member_bytes[ND_MEMBER_COUNT] = { ND_MEMBERS(ND_X_BYTES) };
const char *const nd_member_struct_name[ND_MEMBER_COUNT] = { ND_MEMBERS(ND_X_STRUCT_NAME) };
const char *const nd_member_name[ND_MEMBER_COUNT] = { ND_MEMBERS(ND_X_MEMBER_NAME) };
const char *const nd_struct_name[ND_STRUCT_COUNT] = { ND_STRUCTS(ND_X_STRUCT_TEXT) };
const char *const nd_symbol_name[ND_SYMBOL_COUNT] = { ND_SYMBOLS(ND_X_SYMBOL_TEXT) };

struct member_alias {
	enum nd_member_id member;
	const char *name;
};

struct struct_alias {
	const char *name, *stand_in;
	uint32_t below; /* only members that lie below this offset */
};

#define ND_X_MEMBER_ALIAS(s, m, other) { ND_M_##s##_##m, #other },
#define ND_X_STRUCT_ALIAS(s, other, below) { "_" #s, "_" #other, (below) },

static const struct member_alias member_aliases[] = { ND_MEMBER_ALIASES(ND_X_MEMBER_ALIAS) };
static const struct struct_alias struct_aliases[] = { ND_STRUCT_ALIASES(ND_X_STRUCT_ALIAS) };

void nd_layout_clear(struct nd_layout *layout)
{
	memset(layout, 0, sizeof(*layout));
	layout->source = ND_LAYOUT_NONE;
	for (uint32_t i = 0; i < ND_MEMBER_COUNT; i++)
		layout->member[i].offset = ND_OFFSET_ABSENT;
	for (uint32_t i = 0; i < ND_SYMBOL_COUNT; i++)
		layout->symbol_rva[i] = ND_RVA_ABSENT;
}

static const struct nd_field *find_member(const struct nd_symfile *file, uint32_t member)
{
	const struct nd_type *type = nd_symfile_type(file, nd_member_struct_name[member]);
	const struct nd_field *field = NULL;

	if (type == NULL)
		return NULL;
	field = nd_symfile_field(file, type, nd_member_name[member]);
	for (size_t i = 0; field == NULL && i < sizeof(member_aliases) / sizeof(*member_aliases);
	     i++) {
		if (member_aliases[i].member == (enum nd_member_id)member)
			field = nd_symfile_field(file, type, member_aliases[i].name);
	}
	return field;
}

/* The member in the structure that stands in for one that the file does not have. */
static const struct nd_field *find_stand_in(const struct nd_symfile *file, uint32_t member)
{
	for (size_t i = 0; i < sizeof(struct_aliases) / sizeof(*struct_aliases); i++) {
		const struct struct_alias *alias = &struct_aliases[i];
		const struct nd_type *type;
		const struct nd_field *field;

		if (strcmp(alias->name, nd_member_struct_name[member]) != 0 ||
		    nd_symfile_type(file, alias->name) != NULL)
			continue;
		type = nd_symfile_type(file, alias->stand_in);
		if (type == NULL)
			continue;
		field = nd_symfile_field(file, type, nd_member_name[member]);
		if (field != NULL && field->offset < alias->below)
			return field;
	}
	return NULL;
}

void nd_layout_from_symfile(const struct nd_symfile *file, struct nd_layout *ret)
{
	nd_layout_clear(ret);
	ret->source = file->kind == ND_SYMFILE_PDB ? ND_LAYOUT_PDB : ND_LAYOUT_ISF;
	for (uint32_t i = 0; i < ND_MEMBER_COUNT; i++) {
		const struct nd_field *field = find_member(file, i);

		if (field == NULL)
			field = find_stand_in(file, i);
		if (field == NULL)
			continue;
		ret->member[i].offset = field->offset;
		ret->member[i].bit_position = field->bit_position;
		ret->member[i].bit_length = field->bit_length;
	}
	for (uint32_t i = 0; i < ND_STRUCT_COUNT; i++) {
		const struct nd_type *type = nd_symfile_type(file, nd_struct_name[i]);

		ret->struct_bytes[i] = type == NULL ? 0 : type->bytes;
	}
	for (uint32_t i = 0; i < ND_SYMBOL_COUNT; i++) {
		const struct nd_public *public = nd_symfile_public(file, nd_symbol_name[i]);

		ret->symbol_rva[i] = public == NULL ? ND_RVA_ABSENT : public->rva;
	}
}
