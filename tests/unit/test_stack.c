/*
 * tests/unit/test_stack.c - call stacks in a machine of a few pages: where they begin, where they
 * change to another stack or to user mode, where they end, and those that would never end.
 */
#include "nt/stack.h"
#include "tap.h"
#include "tiny_image.h"

enum { WAITING = 5, TERMINATED = 4 };

static struct tiny machine;
static struct nd_dump *dump;
static struct nd_thread thread;
static struct nd_stack stack;

/* --- the machine ------------------------------------------------------------------------------ */

static void put_bytes(uint32_t rva, const uint8_t *bytes, size_t len)
{
	memcpy(tiny_page(&machine, IMAGE_PAGE) + rva, bytes, len);
}

#define INFO(at, ...) \
	do { \
		static const uint8_t bytes[] = { __VA_ARGS__ }; \
		put_bytes(XDATA + (at), bytes, sizeof(bytes)); \
	} while (0)

/* Functions of 100h bytes: what an address in one of them does to the stack. */
enum {
	FRAME_28 = 0x10,   /* sub rsp,28h */
	FRAME_0 = 0x110,   /* nothing but the return address */
	BY_RBP = 0x210,	   /* rsp is rbp, which was pushed */
	TRAP = 0x310,	   /* a machine frame is on top */
	NOWHERE = 0x410,   /* no unwind data */
	KEEPS_RBP = 0x510, /* push rbp */
	FUNCTIONS = 6
};

static nd_va code(uint32_t at)
{
	return IMAGE_BASE + TEXT + at;
}

static void word(uint32_t at, uint64_t value)
{
	tiny_write(&machine, STACK_VA + at, value, 8);
}

/* A thread that waits: switched away at STACK_VA with Rbp and the next instruction. */
static void fresh(nd_va rip, uint64_t rbp)
{
	memset(&machine, 0, sizeof(machine));
	tiny_map(&machine);
	for (uint32_t i = 0, n = 0; i < FUNCTIONS; i++)
		if (i != NOWHERE / 0x100)
			image_function(&machine, n++, TEXT + i * 0x100, TEXT + i * 0x100 + 0xff,
				       XDATA + i * 0x100);
	INFO(0x000, 1, 4, 1, 0, 4, 0x42);
	INFO(0x100, 1, 0, 0, 0);
	INFO(0x200, 1, 4, 2, 5, 4, 0x03, 1, 0x50);
	INFO(0x300, 1, 0, 1, 0, 0, 0x0a);
	INFO(0x500, 1, 1, 1, 0, 1, 0x50);
	image_headers(&machine, FUNCTIONS - 1);
	image_module(&machine);
	word(0x30, rbp);
	word(0x38, rip);
	thread = (struct nd_thread){
		.state = nd_u64_of(WAITING),
		.kernel_stack = nd_u64_of(STACK_VA),
		.stack_limit = nd_u64_of(STACK_VA),
		.stack_base = nd_u64_of(STACK_VA + 0x1000),
		.initial_stack = nd_u64_of(STACK_VA + 0xf00),
	};
}

static void walk(void)
{
	dump = image_open(&machine);
	if (nd_stack_read(dump, UINT32_MAX, &thread, &stack) != ND_OK)
		abort();
}

static void done(void)
{
	nd_stack_free(&stack);
	nd_dump_close(dump);
}

static void frame_is(uint32_t i, nd_va rip, uint32_t rsp, enum nd_frame_how how, const char *what)
{
	if (!ok(i < stack.count, "%s: there is a frame %u", what, i))
		return;
	is(stack.frame[i].rip.value, rip, "%s: rip of frame %u", what, i);
	is(stack.frame[i].rsp.value, STACK_VA + rsp, "%s: rsp of frame %u", what, i);
	is(stack.frame[i].how, how, "%s: how frame %u is known", what, i);
}

/* The stack has `count` frames, and the last one's return address is missing for this reason. */
static void ends(uint32_t count, enum nd_status st, const char *what)
{
	if (is(stack.count, count, "%s: frames", what) && count > 0)
		is(stack.frame[count - 1].ret.st, st, "%s: why it ends", what);
}

/* --- stacks that are well --------------------------------------------------------------------- */

static void test_waits(void)
{
	fresh(code(FRAME_28), 0);
	word(0x40 + 0x28, code(FRAME_0));
	word(0x40 + 0x30, code(FRAME_28));
	walk();
	frame_is(0, code(FRAME_28), 0x40, ND_FRAME_SAVED, "a thread that waits");
	frame_is(1, code(FRAME_0), 0x70, ND_FRAME_UNWIND, "a thread that waits");
	frame_is(2, code(FRAME_28), 0x78, ND_FRAME_UNWIND, "a thread that waits");
	ends(3, ND_OK, "a return address of 0");
	is(stack.frame[2].ret.value, 0, "which is shown");
	is(stack.frame[0].ret.at, STACK_VA + 0x68, "where a return address was read");
	done();
}

static void test_first_frame(void)
{
	fresh(code(FRAME_28), 0);
	thread.initial_stack.value = STACK_VA + 0x68;
	word(0x68, code(FRAME_28));
	walk();
	ends(1, ND_NONE, "a frame that ends at InitialStack");
	done();
}

static void test_has_ended(void)
{
	fresh(code(FRAME_28), 0);
	thread.state = nd_u64_of(TERMINATED);
	walk();
	is(stack.count, 0, "a thread that has ended");
	is(stack.st, ND_NONE, "has no stack");
	done();
}

static void test_trap_in_kernel(void)
{
	fresh(code(TRAP), 0);
	word(0x40, code(NOWHERE));
	word(0x48, 0x10);
	word(0x58, STACK_VA + 0x200);
	word(0x200, code(FRAME_0));
	walk();
	frame_is(1, code(NOWHERE), 0x200, ND_FRAME_TRAP, "an interrupted leaf function");
	frame_is(2, code(FRAME_0), 0x208, ND_FRAME_LEAF, "its caller");
	ends(3, ND_OK, "an interrupt");
	done();
}

static void test_trap_from_user(void)
{
	fresh(code(TRAP), 0);
	word(0x40, 0x7ff600001000);
	word(0x48, 0x33);
	word(0x58, 0x8000);
	walk();
	is(stack.count, 2, "a call from user mode");
	is(stack.frame[1].rip.value, 0x7ff600001000, "has its frame");
	is(stack.frame[1].rsp.value, 0x8000, "and its stack pointer");
	is(stack.frame[1].ret.st, ND_NO_SYMBOLS, "code in no module");
	done();
	fresh(code(TRAP), 0);
	word(0x40, 0x401000);
	word(0x48, 0x23);
	word(0x58, 0x8000);
	walk();
	is(stack.count, 2, "a call from 32-bit code");
	is(stack.frame[1].how, ND_FRAME_WOW64, "is told");
	is(stack.frame[1].ret.st, ND_NONE, "and not followed");
	done();
}

/* KSTACK_CONTROL of an expanded stack names the one that it was called from. */
static void outer_segment(uint32_t control, uint32_t limit, uint32_t base, uint32_t initial)
{
	word(control + 0x10, STACK_VA + base);
	word(control + 0x18, STACK_VA + limit);
	word(control + 0x28, STACK_VA + initial);
}

static void test_expanded(void)
{
	fresh(code(BY_RBP), STACK_VA + 0x2000);
	outer_segment(0xf00, 0x2000, 0x3000, 0x2f00);
	word(0x2000, STACK_VA + 0x500); /* rbp of the caller: on the inner stack again */
	word(0x2008, code(BY_RBP));
	walk();
	frame_is(1, code(BY_RBP), 0x2010, ND_FRAME_UNWIND,
		 "from an expanded stack to the thread's");
	ends(2, ND_INVALID, "and never back");
	done();
	fresh(code(BY_RBP), STACK_VA + 0x2000);
	word(0x2008, code(BY_RBP));
	walk();
	ends(1, ND_INVALID, "to a stack that is not the thread's");
	done();
}

/* --- stacks that lie -------------------------------------------------------------------------- */

static void test_loops(void)
{
	fresh(code(BY_RBP), STACK_VA + 0x100);
	word(0x100, STACK_VA + 0x100); /* rbp of the caller is this frame's */
	word(0x108, code(BY_RBP));
	walk();
	ends(2, ND_INVALID, "a frame that is its own caller");
	done();
	fresh(code(FRAME_0), 0);
	for (uint32_t at = 0x40; at < 0x1000; at += 8)
		word(at, code(FRAME_0));
	walk();
	ends((0xf00 - 0x40) / 8 + 1, ND_NONE, "frames of 8 bytes up to the end of the stack");
	done();
	fresh(code(FRAME_0), 0);
	thread.initial_stack.value = STACK_VA + 0xf00;
	outer_segment(0xf00, 0, 0x1000, 0xf00); /* a segment that is its own outer one */
	walk();
	ends(1, ND_OK, "a ring of segments");
	done();
}

static void test_refused(void)
{
	static const struct {
		nd_va sp;
		enum nd_status st;
		const char *what;
	} rows[] = {
		{ 0x1000, ND_INVALID, "KernelStack is a user address" },
		{ STACK_VA + 0x1800, ND_INVALID, "KernelStack is outside of the stack" },
		{ STACK_VA + 4, ND_INVALID, "KernelStack is misaligned" },
		{ STACK_VA + 0xef8, ND_INVALID, "KernelStack is at the stack's end" },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		fresh(code(FRAME_0), 0);
		thread.kernel_stack.value = rows[i].sp;
		walk();
		is(stack.count, 0, "%s: no frame", rows[i].what);
		is(stack.st, rows[i].st, "%s: why", rows[i].what);
		done();
	}
	fresh(0x7ff600001000, 0);
	walk();
	is(stack.st, ND_INVALID, "a thread that was switched away in user mode");
	done();
	fresh(code(FRAME_0), 0);
	word(0x40, 0x7ff600001000);
	walk();
	ends(1, ND_INVALID, "a kernel frame that returns to user mode");
	done();
	fresh(code(NOWHERE), 0);
	word(0x40, code(FRAME_0));
	walk();
	ends(1, ND_INVALID, "a thread that waits in a leaf function");
	done();
	fresh(IMAGE_BASE + IMAGE_BYTES + 0x10, 0);
	walk();
	ends(1, ND_NO_SYMBOLS, "code in no module");
	done();
	fresh(code(FRAME_28), 0);
	thread.stack_base.value = STACK_VA + 0x100000;
	thread.initial_stack.value = STACK_VA + 0x50000;
	thread.kernel_stack.value = STACK_VA + 0x60000;
	walk();
	is(stack.count, 0, "KernelStack above InitialStack");
	done();
	fresh(code(BY_RBP), STACK_VA + 0x104);
	word(0x10c, code(BY_RBP));
	walk();
	ends(1, ND_INVALID, "a stack pointer that is misaligned");
	done();
}

int main(void)
{
	test_waits();
	test_first_frame();
	test_has_ended();
	test_trap_in_kernel();
	test_trap_from_user();
	test_expanded();
	test_loops();
	test_refused();
	return done_testing();
}
