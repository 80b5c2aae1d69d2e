/*
 * tests/unit/tiny_image.h - an image with code and unwind data in the machine of tiny_machine.h,
 * and a stack beside it: what tests of unwinding write their bytes into.
 */
#ifndef TINY_IMAGE_H
#define TINY_IMAGE_H

#include "nt/unwind.h"
#include "tiny_machine.h"

#define UNUSED __attribute__((unused))

#define IMAGE_PAGE TINY_DATA
#define IMAGE_BASE TINY_VA(IMAGE_PAGE)
#define IMAGE_BYTES 0x20000u
#define TEXT 0x1000u /* RVAs of .text, .pdata and .xdata */
#define PDATA 0x8000u
#define XDATA 0x10000u
#define STACK_VA TINY_VA(IMAGE_PAGE + 0x20)
#define STACK_BYTES 0x4000u

UNUSED static void image_section(struct tiny *t, unsigned index, const char *name, uint32_t rva,
				 uint32_t bytes, uint32_t characteristics)
{
	uint8_t *p = tiny_page(t, IMAGE_PAGE) + 0x80 + 24 + 0xf0 + (size_t)index * 40;

	memcpy(p, name, strlen(name));
	tiny_put(p + 8, bytes, 4);
	tiny_put(p + 12, rva, 4);
	tiny_put(p + 36, characteristics, 4);
}

/* Headers; `functions` entries in .pdata. */
UNUSED static void image_headers(struct tiny *t, uint32_t functions)
{
	uint8_t *p = tiny_page(t, IMAGE_PAGE), *o = p + 0x80 + 24;

	memcpy(p, "MZ", 2);
	tiny_put(p + 0x3c, 0x80, 4);
	memcpy(p + 0x80, "PE", 2);
	tiny_put(p + 0x84, 0x8664, 2);
	tiny_put(p + 0x86, 3, 2);
	tiny_put(p + 0x94, 0xf0, 2);
	tiny_put(o, 0x20b, 2);
	tiny_put(o + 56, IMAGE_BYTES, 4);
	tiny_put(o + 108, 16, 4);
	tiny_put(o + 112 + 3 * 8, PDATA, 4);
	tiny_put(o + 112 + 3 * 8 + 4, functions * 12, 4);
	image_section(t, 0, ".text", TEXT, PDATA - TEXT, 0x60000020);
	image_section(t, 1, ".pdata", PDATA, XDATA - PDATA, 0x40000040);
	image_section(t, 2, ".xdata", XDATA, IMAGE_BYTES - XDATA, 0x40000040);
}

UNUSED static void image_function(struct tiny *t, unsigned index, uint32_t begin, uint32_t end,
				  uint32_t unwind)
{
	uint8_t *p = tiny_page(t, IMAGE_PAGE) + PDATA + (size_t)index * 12;

	tiny_put(p, begin, 4);
	tiny_put(p + 4, end, 4);
	tiny_put(p + 8, unwind, 4);
}

/* --- the image as the machine's one kernel module --------------------------------------------- */

#define MODULES_VA (STACK_VA + STACK_BYTES) /* PsLoadedModuleList, then its entry */

UNUSED static void image_module(struct tiny *t)
{
	const nd_va entry = MODULES_VA + 0x100;

	tiny_write(t, MODULES_VA, entry, 8);
	tiny_write(t, MODULES_VA + 8, entry, 8);
	tiny_write(t, entry, MODULES_VA, 8);
	tiny_write(t, entry + 8, MODULES_VA, 8);
	tiny_write(t, entry + 0x30, IMAGE_BASE, 8);
	tiny_write(t, entry + 0x40, IMAGE_BYTES, 4);
}

/* Open the machine with it. */
UNUSED static struct nd_dump *image_open(const struct tiny *t)
{
	struct nd_dump *dump = tiny_open(t, 19041);

	dump->symbol[ND_SYM_PsLoadedModuleList] = MODULES_VA;
	return dump;
}

#endif
