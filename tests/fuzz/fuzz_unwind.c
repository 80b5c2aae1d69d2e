/*
 * tests/fuzz/fuzz_unwind.c - any unwind data, code and stack: decoded, stepped with from any place,
 * and walked as the stack of a thread that waits. Walks must end, go forward and stay on the stack.
 *
 * Input: number of functions, 4 bytes that say where to begin, 5 bytes for each function (begin,
 * bytes, place of its UNWIND_INFO), then a third each of .xdata, .text and the stack. Words of the
 * stack whose top byte is AAh or ABh become addresses on the stack or in the code.
 */
#include "nt/stack.h"

#include "../unit/tiny_image.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

#define HEAD 5u
#define FUNCTION 5u
#define STEPS 32u

static struct tiny machine;

static void put_functions(const uint8_t *p, unsigned count)
{
	for (unsigned i = 0; i < count; i++, p += FUNCTION) {
		uint32_t begin = TEXT + nd_le16(p) % 0x800;

		image_function(&machine, i, begin, begin + p[2], XDATA + nd_le16(p + 3) % 0x1000);
	}
}

static void put_stack(const uint8_t *p, size_t len)
{
	for (size_t i = 0; len - i >= 8 && i < STACK_BYTES; i += 8) {
		uint64_t v = nd_le64(p + i);

		if (v >> 56 == 0xaa)
			v = STACK_VA + (v & (STACK_BYTES - 1));
		else if (v >> 56 == 0xab)
			v = IMAGE_BASE + TEXT + (v & 0xfff);
		tiny_write(&machine, STACK_VA + i, v, 8);
	}
}

static void check_info(const struct nd_pe *pe)
{
	struct nd_unwind_info info;

	for (uint32_t at = 0; at < 0x100; at += 4)
		if (nd_unwind_info_read(pe, XDATA + at, &info) == ND_OK &&
		    (info.count > ND_UNWIND_CODES_MAX || info.version < 1 || info.version > 2))
			abort();
}

static void check_steps(const struct nd_dump *dump, const struct nd_pe *pe, uint32_t at)
{
	for (unsigned i = 0; i < STEPS; i++) {
		struct nd_registers r = { .rip = IMAGE_BASE + TEXT + (at + i) % 0x1000,
					  .known = 0xffff };
		struct nd_runtime_function f;
		struct nd_unwound found;
		uint32_t rva = (uint32_t)(r.rip - IMAGE_BASE);

		if (nd_pe_runtime_function(pe, rva, &f) == ND_OK && (rva < f.begin || rva >= f.end))
			abort();
		for (unsigned k = 0; k < ND_GPRS; k++)
			r.gpr[k] = STACK_VA + 0x80 + 8 * k;
		if (nd_unwind(pe, &dump->kernel, (enum nd_stopped)(i % 3), &r, &found) == ND_OK &&
		    ((r.known & ~ND_NONVOLATILE) != 0 || !(r.known >> ND_RSP & 1)))
			abort();
	}
}

static void check_walk(const struct nd_dump *dump, uint32_t sp)
{
	struct nd_thread thread = {
		.state = nd_u64_of(5),
		.kernel_stack = nd_u64_of(STACK_VA + sp),
		.stack_limit = nd_u64_of(STACK_VA),
		.stack_base = nd_u64_of(STACK_VA + STACK_BYTES),
		.initial_stack = nd_u64_of(STACK_VA + STACK_BYTES / 2),
	};
	struct nd_stack stack;

	if (nd_stack_read(dump, UINT32_MAX, &thread, &stack) != ND_OK)
		abort();
	for (uint32_t i = 0; i < stack.count; i++) {
		const struct nd_frame *f = &stack.frame[i];

		if (f->rip.st != ND_OK || f->rsp.st != ND_OK ||
		    (i + 1 < stack.count && f->how != ND_FRAME_TRAP && f->ret.st == ND_OK &&
		     f->ret.value != f[1].rip.value))
			abort();
		if (nd_va_is_kernel(f->rip.value) &&
		    (f->rsp.value < STACK_VA || f->rsp.value > STACK_VA + TINY_BYTES))
			abort();
	}
	nd_stack_free(&stack);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	unsigned functions = size ? data[0] % 32 : 0;
	size_t head = HEAD + (size_t)functions * FUNCTION, third;
	struct nd_dump *dump;
	struct nd_pe pe;

	if (size < head + 24 || size > 0x4000)
		return 0;
	third = (size - head) / 3;
	memset(&machine, 0, sizeof(machine));
	tiny_map(&machine);
	put_functions(data + HEAD, functions);
	memcpy(tiny_page(&machine, IMAGE_PAGE) + XDATA, data + head, third);
	memcpy(tiny_page(&machine, IMAGE_PAGE) + TEXT, data + head + third, third);
	put_stack(data + head + 2 * third, third);
	image_headers(&machine, functions);
	image_module(&machine);
	dump = image_open(&machine);
	if (nd_pe_read(&dump->kernel, IMAGE_BASE, &pe) != ND_OK)
		abort();
	check_info(&pe);
	check_steps(dump, &pe, nd_le16(data + 1));
	check_walk(dump, nd_le16(data + 3) % STACK_BYTES & ~7u);
	nd_dump_close(dump);
	return 0;
}
