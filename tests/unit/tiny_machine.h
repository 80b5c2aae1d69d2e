/*
 * tests/unit/tiny_machine.h - a machine of a few pages, in memory: data pages mapped from TINY_BASE
 * on, opened as a complete dump with the structure layout of any build. For what is easier to
 * write word by word than to find in a sample.
 */
#ifndef TINY_MACHINE_H
#define TINY_MACHINE_H

#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "ntdump.h"
#include "sym/rec.h"

#define TINY_PAGES 64u
#define TINY_DATA 8u /* the first data page; 1 to 4 are page tables, 5 to 7 free for more */
#define TINY_BASE 0xffff800000000000ull
#define TINY_VA(page) (TINY_BASE + ((page)-TINY_DATA) * 4096ull)
#define TINY_BYTES ((TINY_PAGES - TINY_DATA) * 4096u)

struct tiny {
	uint8_t byte[TINY_PAGES * 4096u];
};

static uint8_t *tiny_page(struct tiny *t, unsigned page)
{
	return t->byte + page * (size_t)4096;
}

static void tiny_put(void *p, uint64_t v, unsigned bytes)
{
	for (unsigned i = 0; i < bytes; i++)
		((uint8_t *)p)[i] = (uint8_t)(v >> 8 * i);
}

/* `bytes` of v at a kernel address of the machine. */
__attribute__((unused)) static void tiny_write(struct tiny *t, nd_va va, uint64_t v, unsigned bytes)
{
	if (va < TINY_BASE || va - TINY_BASE > TINY_BYTES - bytes)
		abort();
	tiny_put(tiny_page(t, TINY_DATA) + (va - TINY_BASE), v, bytes);
}

/* The page tables: PML4 1, PDPT 2, PD 3, PT 4. */
static void tiny_map(struct tiny *t)
{
	tiny_put(tiny_page(t, 1) + 256 * 8, 0x2000 | 3, 8);
	tiny_put(tiny_page(t, 2), 0x3000 | 3, 8);
	tiny_put(tiny_page(t, 3), 0x4000 | 3, 8);
	for (unsigned i = TINY_DATA; i < TINY_PAGES; i++)
		tiny_put(tiny_page(t, 4) + (i - TINY_DATA) * 8, (uint64_t)i << 12 | 3, 8);
}

/* The machine as a dump of this build: the layout of its nearest built-in profile, no symbols. */
static struct nd_dump *tiny_open(const struct tiny *t, uint32_t build)
{
	uint8_t header[0x2000];
	int fd = memfd_create("tiny", MFD_CLOEXEC);
	char path[64];
	struct nd_dump *dump;
	struct nd_error err = { "" };

	for (size_t i = 0; i < sizeof(header); i += 4)
		memcpy(header + i, "PAGE", 4);
	memcpy(header + 4, "DU64", 4);
	tiny_put(header + 0x08, 15, 4);
	tiny_put(header + 0x0c, build, 4);
	tiny_put(header + 0x10, 0x1000, 8);
	tiny_put(header + 0x30, 0x8664, 4);
	tiny_put(header + 0x34, 1, 4);
	tiny_put(header + 0x88, 1, 4);
	tiny_put(header + 0x90, TINY_PAGES, 8);
	tiny_put(header + 0x98, 0, 8);
	tiny_put(header + 0xa0, TINY_PAGES, 8);
	tiny_put(header + 0xf98, 1, 4);
	if (fd < 0 || write(fd, header, sizeof(header)) != (ssize_t)sizeof(header) ||
	    write(fd, t->byte, sizeof(t->byte)) != (ssize_t)sizeof(t->byte))
		abort();
	snprintf(path, sizeof(path), "/proc/self/fd/%d", fd);
	if (nd_dump_open(path, NULL, &dump, &err) != ND_OK) {
		fprintf(stderr, "%s\n", err.text);
		abort();
	}
	close(fd);
	dump->kernel = (struct nd_space){ .dump = dump, .root = 0x1000, .levels = 4 };
	dump->build = build;
	memset(dump->symbol, 0, sizeof(dump->symbol));
	if (nd_profile_candidate(build, 0, 0, &dump->layout) != ND_OK)
		abort();
	return dump;
}

#endif
