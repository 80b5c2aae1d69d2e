/*
 * tests/fuzz/fuzz_options.c - any command line, its words separated by NUL: it is understood within the
 * bounds that options.h states, or refused with one line.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "options.h"

#define WORDS_MAX 64

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void check(const struct options *o, enum nd_status st, const struct nd_error *err)
{
	if (st == ND_EINVAL) {
		if (err->text[0] == '\0')
			abort();
		for (const char *p = err->text; *p; p++)
			if ((unsigned char)*p < ' ' || *p == 0x7f)
				abort();
	} else if (st == ND_OK &&
		   (o->threads < 1 || o->threads > 64 || o->umask > 07777 || o->raw > RAW_OFF)) {
		abort();
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	char *copy = malloc(size + 1), *argv[WORDS_MAX + 2];
	static char *const program[] = { "ntdumpfs", "mount.ntdumpfs" };
	struct nd_error err = { "" };
	struct options options;
	int argc = 1;

	if (!copy || size == 0) {
		free(copy);
		return 0;
	}
	memcpy(copy, data, size);
	copy[size] = '\0';
	argv[0] = program[data[0] & 1];
	for (size_t at = 1; at < size && argc <= WORDS_MAX; at += strlen(copy + at) + 1)
		argv[argc++] = copy + at;
	argv[argc] = NULL;
	memset(&options, 0, sizeof(options));
	check(&options, options_parse(&options, argc, argv, &err), &err);
	options_deinit(&options);
	free(copy);
	return 0;
}
