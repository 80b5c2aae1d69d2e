/*
 * tests/fuzz/fuzz_names.c - any bytes as a name of the dump: as a file name it is one, as a text it
 * moves no cursor and stays on its line.
 */
#include <stdlib.h>
#include <string.h>

#include "text.h"

#define UNITS_MAX 4096u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

/* Bytes of the UTF-8 sequence at `p`, which ends with NUL; 0 when it is none. */
static size_t sequence(const uint8_t *p)
{
	size_t len = *p < 0x80 ? 1 : *p < 0xc2 ? 0 : *p < 0xe0 ? 2 : *p < 0xf0 ? 3 : 4;

	if (*p > 0xf4)
		return 0;
	for (size_t i = 1; i < len; i++)
		if ((p[i] & 0xc0) != 0x80)
			return 0;
	return len;
}

static void check_utf8(const uint8_t *p)
{
	while (*p) {
		size_t len = sequence(p);

		if (len == 0 || *p < 0x20 || *p == 0x7f || (p[0] == 0xc2 && p[1] < 0xa0))
			abort();
		p += len;
	}
}

static void check_name(const char *name, size_t len)
{
	if (len == 0 || len > 200 || strlen(name) != len || strchr(name, '/') ||
	    strcmp(name, ".") == 0 || strcmp(name, "..") == 0)
		abort();
	check_utf8((const uint8_t *)name);
}

static void check_text(struct text *t)
{
	text_char(t, '\0');
	if (t->failed == ND_OK) {
		if (strlen(t->p) + 1 != t->len)
			abort();
		check_utf8((const uint8_t *)t->p);
	}
	text_deinit(t);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static uint16_t unit[UNITS_MAX];
	size_t units = size / 2 < UNITS_MAX ? size / 2 : UNITS_MAX;
	char name[256];
	struct text t;

	memcpy(unit, data, units * 2);
	check_name(name, text_file_name_utf8(data, size, name));
	check_name(name, text_file_name_utf16(unit, units, name));
	text_init(&t);
	text_utf8(&t, data, size);
	check_text(&t);
	text_init(&t);
	text_utf16(&t, unit, units);
	check_text(&t);
	return 0;
}
