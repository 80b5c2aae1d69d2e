/*
 * engine/base.c - nd_error_set(): the one line that says why a file was refused.
 */
#include <stdlib.h>
#include <stdarg.h>
#include <stdio.h>

#include "base.h"

/* Control characters of ASCII, and those of ISO 6429 in UTF-8 (0xc2 0x80 to 0xc2 0x9f). */
static void hide_controls(char *text)
{
	for (unsigned char *p = (unsigned char *)text; *p; p++) {
		if (*p < 0x20 || *p == 0x7f)
			*p = '?';
		else if (*p == 0xc2 && p[1] >= 0x80 && p[1] < 0xa0)
			p[0] = p[1] = '?';
	}
}

void nd_error_set(struct nd_error *err, const char *format, ...)
{
	va_list ap;

	if (err == NULL)
		return;
	va_start(ap, format);
	if (vsnprintf(err->text, sizeof(err->text), format, ap) < 0)
		err->text[0] = '\0';
	va_end(ap);
	hide_controls(err->text);
}

enum nd_status nd_grow(void **array, size_t *cap, size_t count, size_t bytes)
{
	size_t wanted = *cap ? 2 * *cap : 64;
	void *grown;

	if (count < *cap)
		return ND_OK;
	grown = reallocarray(*array, wanted, bytes);
	if (!grown)
		return ND_ENOMEM;
	*array = grown;
	*cap = wanted;
	return ND_OK;
}
