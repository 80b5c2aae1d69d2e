/*
 * tests/fuzz/symfile_walk.h - visits everything that a symbol file's tables promise: indices in
 * range, names that end, sorted tables that find each of their rows.
 */
#ifndef TESTS_FUZZ_SYMFILE_WALK_H
#define TESTS_FUZZ_SYMFILE_WALK_H

#include "sym/layout.h"
#include "sym/undecorate.h"

#include <stdlib.h>
#include <string.h>

static void must(bool holds)
{
	if (!holds)
		abort();
}

static void walk_types(const struct nd_symfile *file)
{
	for (uint32_t i = 0; i < file->type_count; i++) {
		const struct nd_type *type = &file->types[i];

		must(nd_symfile_type(file, type->name) == type);
		must(type->first_field <= file->field_count &&
		     type->field_count <= file->field_count - type->first_field);
		for (uint32_t k = 0; k < type->field_count; k++) {
			const struct nd_field *field = &file->fields[type->first_field + k];

			must(k == 0 || field[-1].offset <= field->offset);
			must(strlen(field->name) + strlen(field->type_name) < SIZE_MAX);
			must(field->bit_position < 64 &&
			     field->bit_length <= 64 - field->bit_position);
		}
	}
}

static void walk_enums(const struct nd_symfile *file)
{
	for (uint32_t i = 0; i < file->enum_count; i++) {
		const struct nd_enum *row = &file->enums[i];

		must(nd_symfile_enum(file, row->name) == row);
		must(row->first_constant <= file->constant_count &&
		     row->constant_count <= file->constant_count - row->first_constant);
		for (uint32_t k = 0; k < row->constant_count; k++)
			must(strlen(file->constants[row->first_constant + k].name) < SIZE_MAX);
	}
}

static void walk_symfile(const struct nd_symfile *file)
{
	struct nd_layout layout;
	char plain[48];

	for (uint32_t i = 0; i < file->public_count; i++) {
		const struct nd_public *row = &file->publics[i];
		const struct nd_public *found = nd_symfile_public(file, row->name);
		uint32_t nearest = nd_symfile_nearest(file, row->rva);

		must(found != NULL && strcmp(found->name, row->name) == 0);
		must(nearest <= i && file->publics[nearest].rva == row->rva);
		must(file->by_name[i] < file->public_count);
		must(!nd_undecorate(row->name, plain, sizeof(plain)) ||
		     strlen(plain) < sizeof(plain));
	}
	walk_types(file);
	walk_enums(file);
	nd_layout_from_symfile(file, &layout);
}

#endif
