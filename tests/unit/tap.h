/*
 * tests/unit/tap.h - the Test Anything Protocol for unit tests: one program, one file, one main().
 *
 *	int main(void)
 *	{
 *		ok(answer() > 0, "the answer is positive");
 *		is(answer(), 42, "the answer of %s", name);
 *		is_str(word(), "yes", "the word");
 *		return done_testing();
 *	}
 *
 * Each check prints one line and is true when it passed. plan(n) first is optional: it also notices
 * a test that returns too early. Not for several threads at once.
 */
#ifndef TAP_H
#define TAP_H

#include <stdarg.h>
#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

static int tap_planned = -1;
static int tap_run;
static int tap_failed;

#define plan(n) (tap_planned = (n), printf("1..%d\n", tap_planned), fflush(stdout))
/* True condition? The rest is printf's: what is tested. */
#define ok(cond, ...) tap_ok((cond), __FILE__, __LINE__, #cond, __VA_ARGS__)
/* Two whole numbers (or enum values, or booleans) are equal. */
#define is(got, want, ...) \
	tap_is((uint64_t)(got), (uint64_t)(want), __FILE__, __LINE__, __VA_ARGS__)
/* Two strings are equal; NULL equals only NULL. */
#define is_str(got, want, ...) tap_is_str((got), (want), __FILE__, __LINE__, __VA_ARGS__)
/* `len` bytes are equal. */
#define is_bytes(got, want, len, ...) \
	tap_is_bytes((got), (want), (len), __FILE__, __LINE__, __VA_ARGS__)
/* A test that cannot run here; the text says what is missing. */
#define skip(...) tap_skip(__VA_ARGS__)
/* A remark for the reader of the log. */
#define diag(...) tap_diag(__VA_ARGS__)

#define TAP_PRINTF(f) __attribute__((format(printf, f, (f) + 1), unused))

TAP_PRINTF(1) static void tap_diag(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	fputs("# ", stdout);
	vprintf(format, ap);
	putchar('\n');
	va_end(ap);
	fflush(stdout);
}

__attribute__((format(printf, 2, 0), unused)) static bool tap_line(bool pass, const char *format,
								   va_list ap)
{
	tap_run++;
	tap_failed += !pass;
	printf("%s %d - ", pass ? "ok" : "not ok", tap_run);
	vprintf(format, ap);
	putchar('\n');
	fflush(stdout);
	return pass;
}

TAP_PRINTF(5)
static bool tap_ok(bool pass, const char *file, int line, const char *cond, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	tap_line(pass, format, ap);
	va_end(ap);
	if (!pass)
		tap_diag("%s:%d: false: %s", file, line, cond);
	return pass;
}

TAP_PRINTF(5)
static bool tap_is(uint64_t got, uint64_t want, const char *file, int line, const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	tap_line(got == want, format, ap);
	va_end(ap);
	if (got != want)
		tap_diag("%s:%d: got %llu (0x%llx), want %llu (0x%llx)", file, line,
			 (unsigned long long)got, (unsigned long long)got, (unsigned long long)want,
			 (unsigned long long)want);
	return got == want;
}

TAP_PRINTF(5)
static bool tap_is_str(const char *got, const char *want, const char *file, int line,
		       const char *format, ...)
{
	bool pass = got == want || (got != NULL && want != NULL && strcmp(got, want) == 0);
	va_list ap;

	va_start(ap, format);
	tap_line(pass, format, ap);
	va_end(ap);
	if (!pass)
		tap_diag("%s:%d: got \"%s\", want \"%s\"", file, line, got ? got : "(null)",
			 want ? want : "(null)");
	return pass;
}

TAP_PRINTF(6)
static bool tap_is_bytes(const void *got, const void *want, size_t len, const char *file, int line,
			 const char *format, ...)
{
	const uint8_t *g = got, *w = want;
	size_t same = 0;
	va_list ap;

	while (same < len && g[same] == w[same])
		same++;
	va_start(ap, format);
	tap_line(same == len, format, ap);
	va_end(ap);
	if (same < len)
		tap_diag("%s:%d: byte %zu of %zu: got 0x%02x, want 0x%02x", file, line, same, len,
			 g[same], w[same]);
	return same == len;
}

TAP_PRINTF(1) static void tap_skip(const char *format, ...)
{
	va_list ap;

	va_start(ap, format);
	tap_run++;
	printf("ok %d # skip ", tap_run);
	vprintf(format, ap);
	putchar('\n');
	va_end(ap);
	fflush(stdout);
}

/* The last thing main() does: `return done_testing();` */
__attribute__((unused)) static int done_testing(void)
{
	if (tap_planned < 0)
		printf("1..%d\n", tap_run);
	else if (tap_planned != tap_run)
		tap_diag("planned %d tests, ran %d", tap_planned, tap_run);
	if (tap_failed > 0)
		tap_diag("%d of %d failed", tap_failed, tap_run);
	fflush(stdout);
	return tap_failed > 0 || tap_run == 0 || (tap_planned >= 0 && tap_planned != tap_run);
}

#endif
