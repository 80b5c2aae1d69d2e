/*
 * engine/sym/symfile.c - looking things up in the tables of a symbol file, and the text form of
 * its identity.
 */
#include "sym/symbuild.h"

#include <stdlib.h>
#include <string.h>

/* Where each byte of the text form lies in the file's order. */
static const uint8_t guid_order[16] = { 3, 2, 1, 0, 5, 4, 7, 6, 8, 9, 10, 11, 12, 13, 14, 15 };

void nd_guid_text(const uint8_t guid[16], char ret[33])
{
	static const char digits[] = "0123456789ABCDEF";

	for (size_t i = 0; i < 16; i++) {
		ret[2 * i] = digits[guid[guid_order[i]] >> 4];
		ret[2 * i + 1] = digits[guid[guid_order[i]] & 15];
	}
	ret[32] = '\0';
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if (c >= 'A' && c <= 'F')
		return c - 'A' + 10;
	return c >= 'a' && c <= 'f' ? c - 'a' + 10 : -1;
}

bool nd_guid_parse(const char *text, uint8_t ret[16])
{
	uint8_t guid[16];

	for (size_t i = 0; i < 16; i++) {
		int high = hex_digit(text[2 * i]);
		int low = high < 0 ? -1 : hex_digit(text[2 * i + 1]);

		if (low < 0)
			return false;
		guid[guid_order[i]] = (uint8_t)(high << 4 | low);
	}
	if (text[32] != '\0')
		return false;
	memcpy(ret, guid, sizeof(guid));
	return true;
}

void nd_symfile_free(struct nd_symfile *file)
{
	struct nd_symarena *arena, *next;

	if (file == NULL)
		return;
	for (arena = file->arena; arena != NULL; arena = next) {
		next = arena->next;
		free(arena);
	}
	free(file->path);
	free(file->publics);
	free(file->by_name);
	free(file->types);
	free(file->fields);
	free(file->enums);
	free(file->constants);
	free(file);
}

const struct nd_type *nd_symfile_type(const struct nd_symfile *file, const char *name)
{
	uint32_t low = 0, high = file->type_count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		int order = strcmp(name, file->types[mid].name);

		if (order == 0)
			return &file->types[mid];
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

const struct nd_field *nd_symfile_field(const struct nd_symfile *file, const struct nd_type *type,
					const char *name)
{
	for (uint32_t i = 0; i < type->field_count; i++) {
		const struct nd_field *field = &file->fields[type->first_field + i];

		if (strcmp(field->name, name) == 0)
			return field;
	}
	return NULL;
}

const struct nd_enum *nd_symfile_enum(const struct nd_symfile *file, const char *name)
{
	uint32_t low = 0, high = file->enum_count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;
		int order = strcmp(name, file->enums[mid].name);

		if (order == 0)
			return &file->enums[mid];
		if (order < 0)
			high = mid;
		else
			low = mid + 1;
	}
	return NULL;
}

const struct nd_public *nd_symfile_public(const struct nd_symfile *file, const char *name)
{
	uint32_t low = 0, high = file->public_count;

	while (low < high) { /* the first of that name: the one with the lowest rva */
		uint32_t mid = low + (high - low) / 2;

		if (strcmp(file->publics[file->by_name[mid]].name, name) < 0)
			low = mid + 1;
		else
			high = mid;
	}
	if (low == file->public_count || strcmp(file->publics[file->by_name[low]].name, name) != 0)
		return NULL;
	return &file->publics[file->by_name[low]];
}

/* The number of publics below `rva`. */
static uint32_t count_below(const struct nd_symfile *file, uint32_t rva)
{
	uint32_t low = 0, high = file->public_count;

	while (low < high) {
		uint32_t mid = low + (high - low) / 2;

		if (file->publics[mid].rva < rva)
			low = mid + 1;
		else
			high = mid;
	}
	return low;
}

uint32_t nd_symfile_nearest(const struct nd_symfile *file, uint32_t rva)
{
	uint32_t at = count_below(file, rva);

	if (at < file->public_count && file->publics[at].rva == rva)
		return at;
	return at == 0 ? file->public_count : count_below(file, file->publics[at - 1].rva);
}
