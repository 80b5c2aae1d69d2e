/*
 * fs/nodes/table_json.c - a table with a header line as JSON, one object a line: counts and ids as
 * numbers, all else as the text that the table has, null for `-` and for what cannot be read.
 */
#include <ctype.h>
#include <string.h>

#include "nodes/table.h"

#define DIGITS_MAX 15 /* of a number that every reader of JSON holds exactly */

/* A column is a number in each row or in none, so that no name becomes one. */
static bool is_number_column(const struct table_field *name)
{
	static const char *const names[] = { "pid",    "ppid",	 "tid",	      "session", "active",
					     "listed", "number", "size",      "commit",	 "n",
					     "args",   "queued", "owner_pid", "pending" };

	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		if (table_field_is(name, names[i]))
			return true;
	return false;
}

static bool is_number(const struct table_field *value)
{
	if (value->len == 0 || value->len > DIGITS_MAX || (value->p[0] == '0' && value->len > 1))
		return false;
	for (size_t i = 0; i < value->len; i++)
		if (!isdigit((unsigned char)value->p[i]))
			return false;
	return true;
}

/* What a table holds is valid UTF-8 (text.h). */
static void write_string(struct text *out, const struct table_field *s)
{
	text_char(out, '"');
	for (size_t i = 0; i < s->len; i++) {
		unsigned char c = (unsigned char)s->p[i];

		if (c == '"' || c == '\\')
			text_char(out, '\\');
		if (c < 0x20 || c == 0x7f)
			text_printf(out, "\\u%04x", c);
		else
			text_char(out, (char)c);
	}
	text_char(out, '"');
}

static void write_value(struct text *out, const struct table_field *name,
			const struct table_field *value)
{
	if (table_field_missing(value) || table_field_is(value, "-"))
		text_str(out, "null");
	else if (is_number_column(name) && is_number(value))
		text_bytes(out, value->p, value->len);
	else
		write_string(out, value);
}

/* "_missing":{"column":"<paged-out>"}: which of the nulls are there but cannot be read. */
static void write_missing(struct text *out, const struct table_field *name,
			  const struct table_field *value, unsigned count)
{
	bool any = false;

	for (unsigned i = 0; i < count; i++) {
		if (!table_field_missing(&value[i]))
			continue;
		text_str(out, any ? "," : ",\"_missing\":{");
		write_string(out, &name[i]);
		text_char(out, ':');
		write_string(out, &value[i]);
		any = true;
	}
	if (any)
		text_char(out, '}');
}

void table_write_json(struct text *out, const char *tsv, size_t len)
{
	struct table_field name[TABLE_COLUMNS_MAX], value[TABLE_COLUMNS_MAX];
	unsigned names, values;

	if (!table_next_line(&tsv, &len, name, &names))
		return;
	while (out->failed == ND_OK && table_next_line(&tsv, &len, value, &values)) {
		unsigned count = values < names ? values : names;

		for (unsigned i = 0; i < count; i++) {
			text_char(out, i ? ',' : '{');
			write_string(out, &name[i]);
			text_char(out, ':');
			write_value(out, &name[i], &value[i]);
		}
		write_missing(out, name, value, count);
		text_str(out, "}\n");
	}
}
