/*
 * tests/unit/test_text.c - formats of values, escaping of what comes from the dump, file names.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tap.h"
#include "text.h"

static struct nd_u64 value(uint64_t v)
{
	return (struct nd_u64){ .value = v };
}

/* Does `text` hold exactly `expected`? Releases it. */
static bool holds(struct text *text, const char *expected)
{
	bool same = text->failed == ND_OK && text->len == strlen(expected) &&
		    memcmp(text->p, expected, text->len) == 0;

	if (!same)
		printf("# expected '%s', got '%.*s' (status %d)\n", expected, (int)text->len,
		       text->p ? text->p : "", text->failed);
	text_deinit(text);
	return same;
}

#define WRITES(call, expected) \
	do { \
		struct text t; \
		text_init(&t); \
		call; \
		ok(holds(&t, expected), "%s", #call); \
	} while (0)

static void test_numbers(void)
{
	WRITES(text_va(&t, value(0xffffe0019a4c1080)), "0xffffe0019a4c1080");
	WRITES(text_va(&t, value(0)), "0x0000000000000000");
	WRITES(text_dec(&t, value(UINT64_MAX)), "18446744073709551615");
	WRITES(text_sdec(&t, value(0xff), 1), "-1");
	WRITES(text_sdec(&t, value(0x7f), 1), "127");
	WRITES(text_sdec(&t, value(0xfffffffe), 4), "-2");
	WRITES(text_sdec(&t, value(UINT64_MAX), 8), "-1");
	WRITES(text_hex(&t, value(0x1c0)), "0x1c0");
	WRITES(text_hex(&t, value(0)), "0x0");
	WRITES(text_hex_pad(&t, value(0xd1), 8), "0x000000d1");
	WRITES(text_windbg_va(&t, 0xfffff80315842a00), "fffff803`15842a00");
	WRITES(text_windbg_va(&t, 0x7), "00000000`00000007");
}

/* Civil dates checked against `date -u -d @SECONDS` and known FILETIMEs. */
static void test_times(void)
{
	WRITES(text_time(&t, value(130831284826581234)), "2015-08-04T02:21:22.6581234Z");
	WRITES(text_time(&t, value(0)), "-");
	WRITES(text_time(&t, value(1)), "1601-01-01T00:00:00.0000001Z");
	WRITES(text_time(&t, value(116444736000000000)), "1970-01-01T00:00:00.0000000Z");
	WRITES(text_time(&t, value(125963423990000000)), "2000-02-29T23:59:59.0000000Z");
	WRITES(text_time(&t, value(125963424000000000)), "2000-03-01T00:00:00.0000000Z");
	WRITES(text_time(&t, value(94354848000000000)), "1900-01-01T00:00:00.0000000Z");
	WRITES(text_time(&t, value(94405823999999999)), "1900-02-28T23:59:59.9999999Z");
	WRITES(text_time(&t, value(94405824000000000)), "1900-03-01T00:00:00.0000000Z");
	WRITES(text_time(&t, value(INT64_MAX)), "30828-09-14T02:48:05.4775807Z");
	WRITES(text_time(&t, value((uint64_t)INT64_MAX + 1)), "<invalid>");
	WRITES(text_time(&t, value(UINT64_MAX)), "<invalid>");
	WRITES(text_duration(&t, value(650562570000)), "0 days 18:04:16.257");
	WRITES(text_duration(&t, value(0)), "0 days 00:00:00.000");
	WRITES(text_duration(&t, value(UINT64_MAX)), "<invalid>");
}

static void test_facts(void)
{
	WRITES(text_fact_va(&t, "Peb", value(0x7ff)), "Peb:\t0x00000000000007ff\n");
	WRITES(text_fact_dec(&t, "Pid", value(5148)), "Pid:\t5148\n");
	WRITES(text_fact_hex(&t, "Cid", value(5148)), "Cid:\t0x141c\n");
	WRITES(text_fact_time(&t, "CreateTime", value(0)), "CreateTime:\t-\n");
	WRITES(text_fact_str(&t, "Name", "csrss.exe"), "Name:\tcsrss.exe\n");
}

struct told {
	int count;
	nd_va address;
	enum nd_status reason;
};

static void tell(void *ctx, nd_va address, enum nd_status reason)
{
	*(struct told *)ctx = (struct told){ ((struct told *)ctx)->count + 1, address, reason };
}

static void test_missing(void)
{
	struct nd_u64 absent = { .st = ND_NOT_IN_DUMP, .at = 0x1000 };
	struct nd_u64 none = { .st = ND_NONE };
	struct told told = { 0 };
	struct text text;

	WRITES(text_missing(&t, ND_PAGED_OUT, 0), "<paged-out>");
	WRITES(text_missing(&t, ND_UNMAPPED, 0), "<unmapped>");
	WRITES(text_missing(&t, ND_INVALID, 0), "<invalid>");
	WRITES(text_missing(&t, ND_NO_SYMBOLS, 0), "<no-symbols>");
	WRITES(text_missing(&t, ND_NOT_IN_BUILD, 0), "<not-in-this-build>");
	WRITES(text_va(&t, none), "-");
	WRITES(text_fact_dec(&t, "Pid", absent), "Pid:\t<not-in-dump>\n");

	text_init(&text);
	text.missing = tell;
	text.missing_ctx = &told;
	text_dec(&text, absent);
	text_dec(&text, none);
	text.copied = true;
	text_dec(&text, absent);
	ok(told.count == 1 && told.address == 0x1000 && told.reason == ND_NOT_IN_DUMP,
	   "a missing value is told once, '-' and copies are not");
	ok(holds(&text, "<not-in-dump>-<not-in-dump>"), "and all three are written");
}

static void test_growth(void)
{
	struct text text;
	char *s = malloc(10000);

	if (!s)
		return;
	memset(s, 'x', 9999);
	s[9999] = '\0';
	text_init(&text);
	text_printf(&text, "%s|%d", s, 7);
	ok(text.len == 10001 && text.p[10000] == '7', "a long printf grows the text");
	text.max = 10002;
	text_str(&text, "ab");
	ok(text.failed == ND_OK && text.len == 10003, "room that is there is used");
	text_bytes(&text, s, 9999);
	ok(text.failed == ND_ENOMEM && text.len == 10003, "the maximum is a failure");
	text_str(&text, "c");
	text_fail(&text, ND_EIO);
	ok(text.failed == ND_ENOMEM && text.len == 10003, "the first failure sticks");
	text_deinit(&text);
	text_init(&text);
	text_dec(&text, (struct nd_u64){ .st = ND_EIO });
	ok(text.failed == ND_EIO, "a value that failed makes the text fail");
	text_deinit(&text);
	free(s);
}

#define BYTES(s) s, sizeof(s) - 1
#define UNITS(...) \
	(const uint16_t[]){ __VA_ARGS__ }, sizeof((uint16_t[]){ __VA_ARGS__ }) / sizeof(uint16_t)

static void test_escapes(void)
{
	WRITES(text_utf8(&t, BYTES("a\\b \303\244\342\202\254\360\237\230\200")),
	       "a\\b \303\244\342\202\254\360\237\230\200");
	WRITES(text_utf8(&t, BYTES("\033[2J\t\n\r\177\0x")), "\\x1b[2J\\x09\\x0a\\x0d\\x7f\\x00x");
	WRITES(text_utf8(&t, BYTES("\377\300\200\342\202")), "\\xff\\xc0\\x80\\xe2\\x82");
	WRITES(text_utf8(&t, BYTES("\355\240\200")), "\\xed\\xa0\\x80");
	WRITES(text_utf8(&t, BYTES("\364\220\200\200")), "\\xf4\\x90\\x80\\x80");
	WRITES(text_utf8(&t, BYTES("\302\233\342\200\256")), "\\x9b\\u202e");
	WRITES(text_utf16(&t, UNITS('a', 0xe4, 0x20ac, 0xd83d, 0xde00)),
	       "a\303\244\342\202\254\360\237\230\200");
	WRITES(text_utf16(&t, UNITS(0xd800, 'x', 0xdc00)), "\\ud800x\\udc00");
	WRITES(text_utf16(&t, UNITS('x', 0xd83d)), "x\\ud83d");
	WRITES(text_utf16(&t, UNITS(7, 0x85, 0x2028)), "\\x07\\x85\\u2028");
}

static void is_name(size_t len, const char name[256], const char *expected)
{
	ok(len == strlen(expected) && strcmp(name, expected) == 0, "file name '%s'", expected);
}

static void test_file_names(void)
{
	char name[256], longest[600];

	is_name(text_file_name_utf8(BYTES("a b\\c\303\244"), name), name, "a b\\c\303\244");
	is_name(text_file_name_utf8(BYTES("a/b%c\n\377"), name), name, "a%2Fb%25c%0A%FF");
	is_name(text_file_name_utf8(BYTES(""), name), name, "%00");
	is_name(text_file_name_utf8(BYTES("."), name), name, "%2E");
	is_name(text_file_name_utf8(BYTES(".."), name), name, "%2E%2E");
	is_name(text_file_name_utf8(BYTES("..."), name), name, "...");
	is_name(text_file_name_utf8(BYTES("\302\233"), name), name, "%C2%9B");
	is_name(text_file_name_utf16(UNITS('A', '/', 0xd800, 0xe4), name), name,
		"A%2F%ED%A0%80\303\244");
	is_name(text_file_name_utf16(NULL, 0, name), name, "%00");
	memset(longest, 'n', sizeof(longest));
	ok(text_file_name_utf8(longest, sizeof(longest), name) == 200, "cut to 200 bytes");
	memset(longest, '/', sizeof(longest));
	ok(text_file_name_utf8(longest, sizeof(longest), name) == 198, "no cut inside of %%2F");
}

int main(void)
{
	test_numbers();
	test_times();
	test_facts();
	test_missing();
	test_growth();
	test_escapes();
	test_file_names();
	return done_testing();
}
