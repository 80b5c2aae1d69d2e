/*
 * fs/text.h - how a value becomes text: the one place that decides formats (tree.md rules 1-5).
 *
 * A renderer just writes; the caller checks once. A text never grows beyond its maximum, and the
 * first failure (no memory, too long, I/O) sticks: everything written after it is ignored.
 */
#ifndef FS_TEXT_H
#define FS_TEXT_H

#include "base.h"

struct text;

/* Told of every missing value that is written, while /dump/missing is made. */
typedef void text_missing_fn(void *ctx, nd_va address, enum nd_status reason);

struct text {
	char *p; /* owned; not NUL-terminated */
	size_t len, cap, max;
	enum nd_status failed; /* ND_OK, or the first failure */
	bool copied;	       /* tables that repeat other files' values set it: missing not told */
	text_missing_fn *missing;
	void *missing_ctx;
};

#define TEXT_MAX_BYTES (256u << 20)

void text_init(struct text *t);
void text_deinit(struct text *t);

void text_bytes(struct text *t, const void *p, size_t len);
void text_str(struct text *t, const char *s);
void text_char(struct text *t, char c);
void text_printf(struct text *t, const char *format, ...) __attribute__((format(printf, 2, 3)));
/* Record a failure (nd_is_failure) so that the request ends with an errno. */
void text_fail(struct text *t, enum nd_status st);

/*
 * The word for a missing value ("<not-in-dump>", "-" for ND_NONE), told to t->missing with the
 * address unless ND_NONE; a failure status sticks as the text's failure.
 */
void text_missing(struct text *t, enum nd_status st, nd_va address);
/* The word alone: "not-in-dump", "paged-out", ...; for /dump/missing. */
const char *text_reason(enum nd_status st);

/* Each of these prints the value in its format, or the reason why it is missing. */
void text_va(struct text *t, struct nd_u64 v);			 /* 0x%016x */
void text_dec(struct text *t, struct nd_u64 v);			 /* decimal, unsigned */
void text_sdec(struct text *t, struct nd_u64 v, unsigned bytes); /* decimal, signed of that width */
void text_hex(struct text *t, struct nd_u64 v);			 /* 0x%x */
void text_hex_pad(struct text *t, struct nd_u64 v, int digits);	 /* 0x%0*x */
void text_time(struct text *t,
	       struct nd_u64 v); /* FILETIME -> 2015-08-04T02:21:22.6581234Z; 0 -> "-" */
void text_duration(struct text *t, struct nd_u64 v); /* 100 ns units -> "0 days 18:04:16.257" */

/* 8 + 8 hex digits with a backtick: fffff803`15842a00 */
void text_windbg_va(struct text *t, nd_va va);

/*
 * Text from the dump, escaped for contents: control characters (C1 too) and invalid UTF-8 bytes
 * as \xNN; lone surrogates, line separators and marks of writing direction as \uNNNN;
 * backslash-escapes only for those.
 */
void text_utf8(struct text *t, const void *bytes, size_t len);
void text_utf16(struct text *t, const uint16_t *units, size_t count);

/* A fact line: "Key:<TAB>"; end it with text_char(t, '\n'). */
void text_key(struct text *t, const char *key);
/* Facts in one call. */
void text_fact_va(struct text *t, const char *key, struct nd_u64 v);
void text_fact_dec(struct text *t, const char *key, struct nd_u64 v);
void text_fact_hex(struct text *t, const char *key, struct nd_u64 v);
void text_fact_time(struct text *t, const char *key, struct nd_u64 v);
void text_fact_str(struct text *t, const char *key, const char *s);

/*
 * Names from the dump as file names (tree.md rule 5): bytes below 0x20, 0x7f, '/', '%' and what is
 * invalid become %XX; "." and ".." too; "" becomes "%00". Cut to fit 200 bytes. ret is
 * NUL-terminated. Returns its length.
 */
size_t text_file_name_utf8(const void *bytes, size_t len, char ret[256]);
size_t text_file_name_utf16(const uint16_t *units, size_t count, char ret[256]);

#endif
