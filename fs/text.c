/*
 * fs/text.c - see text.h: a growing text with a sticky failure, and the formats of numbers,
 * addresses, times and reasons. What comes from the dump as text is made safe in escape.c.
 */
#include "text.h"

#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_CAP 512u
/* FILETIME counts 100 ns since 1601-01-01; Windows itself takes the top bit as an error. */
#define FILETIME_PER_SECOND 10000000u
#define SECONDS_PER_DAY 86400u
#define FILETIME_MAX INT64_MAX	  /* in the year 30828 */
#define DAYS_0000_TO_1601 584694u /* from 0000-03-01 to 1601-01-01, proleptic Gregorian */

void text_init(struct text *t)
{
	*t = (struct text){ .max = TEXT_MAX_BYTES };
}

void text_deinit(struct text *t)
{
	free(t->p);
	t->p = NULL;
	t->len = 0;
	t->cap = 0;
}

void text_fail(struct text *t, enum nd_status st)
{
	if (t->failed == ND_OK)
		t->failed = st;
}

/* Room for `more` bytes behind len; false after recording why there is none. */
static bool reserve(struct text *t, size_t more)
{
	size_t cap = t->cap < FIRST_CAP ? FIRST_CAP : t->cap;
	char *p;

	if (t->failed != ND_OK)
		return false;
	if (more <= t->cap - t->len)
		return true;
	if (t->len > t->max || more > t->max - t->len) {
		text_fail(t, ND_ENOMEM);
		return false;
	}
	while (more > cap - t->len)
		cap *= 2; /* at most 2 * max: no overflow */
	p = realloc(t->p, cap);
	if (!p) {
		text_fail(t, ND_ENOMEM);
		return false;
	}
	t->p = p;
	t->cap = cap;
	return true;
}

void text_bytes(struct text *t, const void *p, size_t len)
{
	if (len == 0 || !reserve(t, len))
		return;
	memcpy(t->p + t->len, p, len);
	t->len += len;
}

void text_str(struct text *t, const char *s)
{
	text_bytes(t, s, strlen(s));
}

void text_char(struct text *t, char c)
{
	text_bytes(t, &c, 1);
}

void text_printf(struct text *t, const char *format, ...)
{
	size_t room;
	va_list args;
	int n;

	if (!reserve(t, 128))
		return;
	room = t->cap - t->len;
	va_start(args, format);
	// clang-tidy 14 does not see what va_start does.
	// NOLINTNEXTLINE(clang-analyzer-valist.Uninitialized)
	n = vsnprintf(t->p + t->len, room, format, args);
	va_end(args);
	if (n < 0) {
		text_fail(t, ND_EINVAL);
		return;
	}
	if ((size_t)n >= room) { /* vsnprintf also wants room for its NUL */
		if (!reserve(t, (size_t)n + 1))
			return;
		va_start(args, format);
		(void)vsnprintf(t->p + t->len, (size_t)n + 1, format, args);
		va_end(args);
	}
	t->len += (size_t)n;
}

const char *text_reason(enum nd_status st)
{
	switch (st) {
	case ND_NOT_IN_DUMP:
		return "not-in-dump";
	case ND_PAGED_OUT:
		return "paged-out";
	case ND_UNMAPPED:
		return "unmapped";
	case ND_INVALID:
		return "invalid";
	case ND_NO_SYMBOLS:
		return "no-symbols";
	case ND_NOT_IN_BUILD:
		return "not-in-this-build";
	case ND_NONE:
		return "-";
	default:
		return "error";
	}
}

void text_missing(struct text *t, enum nd_status st, nd_va address)
{
	if (!nd_is_missing(st)) {
		text_fail(t, st == ND_OK ? ND_EINVAL : st);
		return;
	}
	if (st == ND_NONE) {
		text_char(t, '-');
		return;
	}
	text_char(t, '<');
	text_str(t, text_reason(st));
	text_char(t, '>');
	if (t->missing && !t->copied)
		t->missing(t->missing_ctx, address, st);
}

/* True when there is a value to print; otherwise its reason has been printed. */
static bool has_value(struct text *t, struct nd_u64 v)
{
	if (v.st == ND_OK)
		return true;
	text_missing(t, v.st, v.at);
	return false;
}

/* The last `count` digits of v in `base`, to p. */
static void put_digits(char *p, uint64_t v, unsigned base, int count)
{
	while (count-- > 0) {
		p[count] = "0123456789abcdef"[v % base];
		v /= base;
	}
}

void text_va(struct text *t, struct nd_u64 v)
{
	char digits[18] = "0x";

	if (!has_value(t, v))
		return;
	put_digits(digits + 2, v.value, 16, 16);
	text_bytes(t, digits, sizeof(digits));
}

void text_dec(struct text *t, struct nd_u64 v)
{
	if (has_value(t, v))
		text_printf(t, "%llu", (unsigned long long)v.value);
}

void text_sdec(struct text *t, struct nd_u64 v, unsigned bytes)
{
	unsigned shift = bytes >= 1 && bytes < 8 ? 64 - 8 * bytes : 0;

	if (has_value(t, v)) /* shift the sign bit up and, arithmetically, down again */
		text_printf(t, "%lld", (long long)((int64_t)(v.value << shift) >> shift));
}

void text_hex(struct text *t, struct nd_u64 v)
{
	if (has_value(t, v))
		text_printf(t, "0x%llx", (unsigned long long)v.value);
}

void text_hex_pad(struct text *t, struct nd_u64 v, int digits)
{
	if (has_value(t, v))
		text_printf(t, "0x%0*llx", digits, (unsigned long long)v.value);
}

/* Year, month 1..12 and day 1..31 of the day that is `days` after 1601-01-01. */
static void civil_from_days(uint64_t days, uint64_t *year, unsigned *month, unsigned *day)
{
	/* Count from a 1 March, so that the leap day comes last; 400 years repeat exactly. */
	uint64_t since = days + DAYS_0000_TO_1601;
	uint64_t era = since / 146097;
	unsigned in_era = (unsigned)(since % 146097);
	unsigned y = (in_era - in_era / 1460 + in_era / 36524 - in_era / 146096) / 365;
	unsigned in_year = in_era - (365 * y + y / 4 - y / 100);
	unsigned from_march = (5 * in_year + 2) / 153;

	*day = in_year - (153 * from_march + 2) / 5 + 1;
	*month = from_march < 10 ? from_march + 3 : from_march - 9;
	*year = era * 400 + y + (*month <= 2);
}

void text_time(struct text *t, struct nd_u64 v)
{
	uint64_t seconds = v.value / FILETIME_PER_SECOND;
	unsigned in_day = (unsigned)(seconds % SECONDS_PER_DAY);
	unsigned month, day;
	uint64_t year;

	if (!has_value(t, v))
		return;
	if (v.value == 0) {
		text_char(t, '-');
		return;
	}
	if (v.value > FILETIME_MAX) {
		text_missing(t, ND_INVALID, v.at);
		return;
	}
	civil_from_days(seconds / SECONDS_PER_DAY, &year, &month, &day);
	text_printf(t, "%04llu-%02u-%02uT%02u:%02u:%02u.%07uZ", (unsigned long long)year, month,
		    day, in_day / 3600, in_day / 60 % 60, in_day % 60,
		    (unsigned)(v.value % FILETIME_PER_SECOND));
}

void text_duration(struct text *t, struct nd_u64 v)
{
	uint64_t milliseconds = v.value / 10000;
	uint64_t seconds = milliseconds / 1000;
	unsigned in_day = (unsigned)(seconds % SECONDS_PER_DAY);

	if (!has_value(t, v))
		return;
	if (v.value > FILETIME_MAX) {
		text_missing(t, ND_INVALID, v.at);
		return;
	}
	text_printf(t, "%llu days %02u:%02u:%02u.%03u",
		    (unsigned long long)(seconds / SECONDS_PER_DAY), in_day / 3600,
		    in_day / 60 % 60, in_day % 60, (unsigned)(milliseconds % 1000));
}

void text_windbg_va(struct text *t, nd_va va)
{
	char digits[17];

	put_digits(digits, va >> 32, 16, 8);
	digits[8] = '`';
	put_digits(digits + 9, va, 16, 8);
	text_bytes(t, digits, sizeof(digits));
}

void text_key(struct text *t, const char *key)
{
	text_str(t, key);
	text_bytes(t, ":\t", 2);
}

void text_fact_va(struct text *t, const char *key, struct nd_u64 v)
{
	text_key(t, key);
	text_va(t, v);
	text_char(t, '\n');
}

void text_fact_dec(struct text *t, const char *key, struct nd_u64 v)
{
	text_key(t, key);
	text_dec(t, v);
	text_char(t, '\n');
}

void text_fact_hex(struct text *t, const char *key, struct nd_u64 v)
{
	text_key(t, key);
	text_hex(t, v);
	text_char(t, '\n');
}

void text_fact_time(struct text *t, const char *key, struct nd_u64 v)
{
	text_key(t, key);
	text_time(t, v);
	text_char(t, '\n');
}

void text_fact_str(struct text *t, const char *key, const char *s)
{
	text_key(t, key);
	text_str(t, s);
	text_char(t, '\n');
}
