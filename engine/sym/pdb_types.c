/*
 * engine/sym/pdb_types.c - the structures and enums of a PDB's type stream become rows of the tables.
 */
#include "sym/tpi.h"

#include <stdio.h>
#include <stdlib.h>

#define MAX_HOPS 64u /* from record to record to learn what one member is */
#define MAX_CONTINUATIONS 1000u
#define MAX_ANONYMOUS 16u /* anonymous structures inside each other */

/* What a member's type comes to. */
struct shape {
	uint8_t kind; /* enum nd_type_kind */
	uint8_t bit_position, bit_length;
	bool is_array;
	uint64_t bytes, element_bytes;
	const char *name; /* lasting: of the tables, or a literal */
};

/* A lasting name for a tag: unnamed ones by their index, as Volatility calls them. */
static const char *tag_name(struct nd_tpi *t, uint32_t index, const struct nd_tpi_tag *tag)
{
	const char **name = &t->name[index - ND_TPI_FIRST];
	char unnamed[32];

	if (*name != NULL)
		return *name;
	if (!nd_tpi_is_unnamed(tag->name)) {
		*name = nd_symbuild_name(t->build, tag->name, strlen(tag->name));
		return *name;
	}
	(void)snprintf(unnamed, sizeof(unnamed), "__%s_%x",
		       strcmp(tag->name, "<anonymous-tag>") == 0 ? "anonymous" : "unnamed", index);
	*name = nd_symbuild_name(t->build, unnamed, strlen(unnamed));
	return *name;
}

struct simple_type {
	uint8_t index;
	uint8_t bytes;
	const char *name;
};

// clang-format off
static const struct simple_type simple_types[] = {
	{ 0x03, 0, "void" },           { 0x08, 4, "HRESULT" },
	{ 0x10, 1, "char" },           { 0x20, 1, "unsigned char" },
	{ 0x68, 1, "int8" },           { 0x69, 1, "uint8" },
	{ 0x70, 1, "char" },           { 0x71, 2, "wchar" },
	{ 0x7a, 2, "char16" },         { 0x7b, 4, "char32" },
	{ 0x11, 2, "short" },          { 0x21, 2, "unsigned short" },
	{ 0x72, 2, "short" },          { 0x73, 2, "unsigned short" },
	{ 0x12, 4, "long" },           { 0x22, 4, "unsigned long" },
	{ 0x74, 4, "int" },            { 0x75, 4, "unsigned int" },
	{ 0x13, 8, "long long" },      { 0x23, 8, "unsigned long long" },
	{ 0x76, 8, "long long" },      { 0x77, 8, "unsigned long long" },
	{ 0x14, 16, "int128" },        { 0x24, 16, "uint128" },
	{ 0x78, 16, "int128" },        { 0x79, 16, "uint128" },
	{ 0x30, 1, "bool" },           { 0x40, 4, "f32" },
	{ 0x41, 8, "double" },         { 0x42, 10, "f80" },
};
// clang-format on

static void set_simple(uint32_t index, struct shape *ret)
{
	for (size_t i = 0; i < sizeof(simple_types) / sizeof(*simple_types); i++) {
		if (simple_types[i].index != (index & 0xff))
			continue;
		ret->kind = ND_TYPE_BASE;
		ret->name = simple_types[i].name;
		ret->bytes = simple_types[i].bytes;
	}
	if ((index & 0xf00) != 0) {
		ret->kind = ND_TYPE_POINTER;
		ret->bytes = (index & 0xf00) == 0x600 ? 8 : 4;
	}
	ret->element_bytes = ret->bytes;
}

static void set_tag(struct nd_tpi *t, uint32_t index, struct shape *ret)
{
	uint32_t definition = t->definition[index - ND_TPI_FIRST];
	struct shape underlying = { .name = "" };
	struct nd_tpi_tag tag;

	if (!nd_tpi_tag(t, definition != 0 ? definition : index, &tag))
		return;
	ret->kind = tag.is_enum ? ND_TYPE_ENUM : ND_TYPE_STRUCT;
	ret->name = tag_name(t, definition != 0 ? definition : index, &tag);
	if (tag.is_enum && !tag.forward && tag.underlying < ND_TPI_FIRST) {
		set_simple(tag.underlying, &underlying);
		ret->bytes = underlying.bytes;
	} else if (!tag.is_enum && !tag.forward) {
		ret->bytes = tag.bytes;
	}
	ret->element_bytes = ret->bytes;
}

/* The type behind const, volatile and the like. */
static uint32_t skip_modifiers(const struct nd_tpi *t, uint32_t index)
{
	for (uint32_t hop = 0; hop < MAX_HOPS; hop++) {
		struct nd_cursor c;

		if (nd_tpi_record(t, index, &c) != LF_MODIFIER)
			break;
		index = nd_cursor_u32(&c);
	}
	return index;
}

/* A type that is not made of others in memory: simple, a tag, a pointer; else kind OTHER. */
static void set_plain(struct nd_tpi *t, uint32_t index, struct shape *ret)
{
	struct shape target = { .name = "" };
	struct nd_cursor c;
	uint16_t leaf;

	if (index < ND_TPI_FIRST) {
		set_simple(index, ret);
		return;
	}
	leaf = nd_tpi_record(t, index, &c);
	if (leaf != LF_POINTER) {
		if (leaf != 0)
			set_tag(t, index, ret);
		return;
	}
	index = skip_modifiers(t, nd_cursor_u32(&c));
	ret->kind = ND_TYPE_POINTER;
	ret->bytes = nd_cursor_u32(&c) >> 13 & 0x3f;
	ret->element_bytes = ret->bytes;
	if (index < ND_TPI_FIRST)
		set_simple(index, &target);
	else if (nd_tpi_record(t, index, &c) != LF_POINTER && nd_tpi_record(t, index, &c) != 0)
		set_tag(t, index, &target);
	if (target.kind != ND_TYPE_POINTER)
		ret->name = target.name;
}

/* What a member of type `index` is. */
static void resolve(struct nd_tpi *t, uint32_t index, struct shape *ret)
{
	uint64_t whole = 0;
	struct nd_cursor c;

	*ret = (struct shape){ .name = "" };
	for (uint32_t hop = 0; hop < MAX_HOPS; hop++) {
		uint16_t leaf;

		index = skip_modifiers(t, index);
		leaf = nd_tpi_record(t, index, &c);
		if (leaf == LF_ARRAY) {
			index = nd_cursor_u32(&c);
			nd_cursor_u32(&c);
			if (!ret->is_array)
				whole = nd_tpi_number(&c);
			ret->is_array = true;
		} else if (leaf == LF_BITFIELD) {
			index = nd_cursor_u32(&c);
			ret->bit_length = nd_cursor_u8(&c);
			ret->bit_position = nd_cursor_u8(&c);
		} else {
			break;
		}
	}
	set_plain(t, index, ret);
	if (ret->is_array)
		ret->bytes = whole;
}

/* Add a member at `offset` bytes. */
static void add_member(struct nd_tpi *t, const char *name, uint64_t offset,
		       const struct shape *shape)
{
	struct nd_field field = { .type_kind = shape->kind };
	uint64_t count = 0;

	if (offset > UINT32_MAX || shape->bytes > UINT32_MAX || shape->bit_position > 63 ||
	    shape->bit_length > 64 - shape->bit_position)
		return;
	if (shape->is_array && shape->element_bytes != 0)
		count = shape->bytes / shape->element_bytes;
	field.name = nd_symbuild_name(t->build, name, strlen(name));
	field.offset = (uint32_t)offset;
	field.bytes = (uint32_t)shape->bytes;
	field.array_count = (uint32_t)count;
	field.bit_position = shape->bit_position;
	field.bit_length = shape->bit_length;
	field.type_name = shape->name;
	nd_symbuild_field(t->build, &field);
}

static void add_fields(struct nd_tpi *t, uint32_t list, uint64_t base, uint32_t depth);

static void read_member(struct nd_tpi *t, struct nd_cursor *c, uint64_t base, uint32_t depth)
{
	uint16_t attributes = nd_cursor_u16(c);
	uint32_t index = nd_cursor_u32(c);
	uint64_t offset = nd_tpi_number(c);
	const char *name = nd_cursor_name(c);
	struct shape shape;
	struct nd_tpi_tag tag;

	(void)attributes;
	if (c->bad || offset > UINT32_MAX)
		return;
	offset += base;
	if (name[0] != '\0') {
		resolve(t, index, &shape);
		add_member(t, name, offset, &shape);
		return;
	}
	/* An anonymous structure's members are the parent's. */
	index = skip_modifiers(t, index);
	if (depth < MAX_ANONYMOUS && nd_tpi_tag(t, index, &tag) && !tag.is_enum && !tag.forward)
		add_fields(t, tag.fields, offset, depth + 1);
}

/* Skip an entry that has no place in the structure; false for an unknown one. */
static bool skip_entry(struct nd_cursor *c, uint16_t leaf)
{
	uint16_t attributes = nd_cursor_u16(c);
	uint32_t kind = attributes >> 2 & 7;

	switch (leaf) {
	case LF_BCLASS:
		nd_cursor_u32(c);
		nd_tpi_number(c);
		return true;
	case LF_VBCLASS:
	case LF_IVBCLASS:
		nd_cursor_u64(c);
		nd_tpi_number(c);
		nd_tpi_number(c);
		return true;
	case LF_VFUNCTAB:
		nd_cursor_u32(c);
		return true;
	case LF_STMEMBER:
	case LF_METHOD:
	case LF_NESTTYPE:
		nd_cursor_u32(c);
		nd_cursor_name(c);
		return true;
	case LF_ONEMETHOD:
		nd_cursor_u32(c);
		if (kind == 4 || kind == 6)
			nd_cursor_u32(c);
		nd_cursor_name(c);
		return true;
	default:
		return false;
	}
}

static void read_constant(struct nd_tpi *t, struct nd_cursor *c)
{
	uint64_t value;
	const char *name;

	nd_cursor_u16(c);
	value = nd_tpi_number(c);
	name = nd_cursor_name(c);
	if (!c->bad)
		nd_symbuild_constant(t->build, nd_symbuild_name(t->build, name, strlen(name)),
				     (int64_t)value);
}

/* Entries are padded with F3 F2 F1: the low half of the first is how many there are. */
static void skip_padding(struct nd_cursor *c)
{
	uint8_t first = c->bad || c->at == c->end ? 0 : c->at[0];

	if (first > 0xf0)
		nd_cursor_take(c, first & 15u);
}

/* One field list record; the index of its continuation, 0 when there is none. */
static uint32_t add_list(struct nd_tpi *t, struct nd_cursor c, bool of_enum, uint64_t base,
			 uint32_t depth)
{
	while (!c.bad && c.end - c.at >= 2 && t->build->st == ND_OK) {
		uint16_t leaf = nd_cursor_u16(&c);

		if (leaf == LF_INDEX) {
			nd_cursor_u16(&c);
			return nd_cursor_u32(&c);
		}
		if (leaf == LF_MEMBER && !of_enum)
			read_member(t, &c, base, depth);
		else if (leaf == LF_ENUMERATE && of_enum)
			read_constant(t, &c);
		else if (!skip_entry(&c, leaf))
			return 0;
		skip_padding(&c);
	}
	return 0;
}

static void add_lists(struct nd_tpi *t, uint32_t list, bool of_enum, uint64_t base, uint32_t depth)
{
	for (uint32_t i = 0; i < MAX_CONTINUATIONS && list != 0; i++) {
		struct nd_cursor c;

		if (nd_tpi_record(t, list, &c) != LF_FIELDLIST || c.end < c.at)
			return;
		if ((uint64_t)(c.end - c.at) + 16 > t->budget) {
			nd_symbuild_fail(t->build, ND_EFORMAT);
			return;
		}
		t->budget -= (uint64_t)(c.end - c.at) + 16;
		list = add_list(t, c, of_enum, base, depth);
	}
}

static void add_fields(struct nd_tpi *t, uint32_t list, uint64_t base, uint32_t depth)
{
	add_lists(t, list, false, base, depth);
}

/* Add every complete structure and enum. */
static void add_tags(struct nd_tpi *t)
{
	for (uint32_t i = 0; i < t->count && t->build->st == ND_OK; i++) {
		struct nd_tpi_tag tag;

		if (!nd_tpi_tag(t, ND_TPI_FIRST + i, &tag) || tag.forward || tag.bytes > UINT32_MAX)
			continue;
		if (tag.is_enum) {
			add_lists(t, tag.fields, true, 0, 0);
			nd_symbuild_enum(t->build, tag_name(t, ND_TPI_FIRST + i, &tag));
		} else {
			add_fields(t, tag.fields, 0, 0);
			nd_symbuild_type(t->build, tag_name(t, ND_TPI_FIRST + i, &tag),
					 (uint32_t)tag.bytes);
		}
	}
}

enum nd_status nd_pdb_read_types(struct nd_symbuild *build, const uint8_t *tpi, size_t len,
				 struct nd_error *err)
{
	struct nd_tpi t = { .build = build, .tpi = tpi, .len = len };
	enum nd_status st = nd_tpi_open(&t, err);

	/* Each list belongs to one structure; those of anonymous ones are read once more. */
	t.budget = 8 * (uint64_t)len + 65536;
	if (st == ND_OK) {
		t.definition = calloc((size_t)t.count + 1, sizeof(*t.definition));
		t.name = calloc((size_t)t.count + 1, sizeof(*t.name));
		st = t.definition == NULL || t.name == NULL ? ND_ENOMEM
							    : nd_tpi_find_definitions(&t);
	}
	if (st == ND_OK) {
		add_tags(&t);
		st = build->st;
		if (st == ND_EFORMAT)
			nd_error_set(err, "the PDB's types refer to each other in circles");
	}
	free(t.record);
	free(t.definition);
	free(t.name);
	return st;
}
