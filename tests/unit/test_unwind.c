/*
 * tests/unit/test_unwind.c - unwind data of every kind, written by hand: what it decodes to, and
 * what one step with it makes of the registers; then what must be refused.
 */
#include "tap.h"
#include "tiny_image.h"

static struct tiny machine;
static struct nd_dump *dump;
static struct nd_pe pe;
static unsigned functions;

/* --- building --------------------------------------------------------------------------------- */

static void fresh(void)
{
	memset(&machine, 0, sizeof(machine));
	tiny_map(&machine);
	functions = 0;
}

static void add_bytes(const char *hex, uint32_t rva)
{
	for (; hex[0] && hex[1]; hex += *hex == ' ' ? 1 : 2) {
		unsigned byte;

		if (*hex == ' ' || sscanf(hex, "%2x", &byte) != 1)
			continue;
		tiny_page(&machine, IMAGE_PAGE)[rva++] = (uint8_t)byte;
	}
}

/* A function with its code and UNWIND_INFO, each at the same distance in its section. */
static void add(uint32_t at, uint32_t bytes, const char *code, const char *info)
{
	add_bytes(code, TEXT + at);
	add_bytes(info, XDATA + at);
	image_function(&machine, functions++, TEXT + at, TEXT + at + bytes, XDATA + at);
}

static void stack(uint32_t at, uint64_t value)
{
	tiny_write(&machine, STACK_VA + at, value, 8);
}

static void finish(void)
{
	image_headers(&machine, functions);
	dump = tiny_open(&machine, 19041);
	if (nd_pe_read(&dump->kernel, IMAGE_BASE, &pe) != ND_OK)
		abort();
}

/* --- stepping --------------------------------------------------------------------------------- */

static struct nd_registers r;
static struct nd_unwound found;

static enum nd_status step(uint32_t at, uint32_t rsp, enum nd_stopped stopped)
{
	r = (struct nd_registers){ .rip = IMAGE_BASE + TEXT + at, .known = 0xffff };
	for (unsigned i = 0; i < ND_GPRS; i++)
		r.gpr[i] = 0x1000 + i;
	r.gpr[ND_RSP] = STACK_VA + rsp;
	return nd_unwind(&pe, &dump->kernel, stopped, &r, &found);
}

/* One step that succeeds: where the caller goes on, and with which stack pointer. */
static void goes(uint32_t at, uint32_t rsp, enum nd_stopped stopped, uint64_t rip,
		 uint32_t caller_rsp, const char *what)
{
	is(step(at, rsp, stopped), ND_OK, "%s", what);
	is(r.rip, rip, "%s: return address", what);
	is(r.gpr[ND_RSP], STACK_VA + caller_rsp, "%s: stack pointer", what);
}

#define CALL ND_STOPPED_CALL
#define ANYWHERE ND_STOPPED_ANYWHERE

/* --- decoding --------------------------------------------------------------------------------- */

static void test_decode(void)
{
	struct nd_unwind_info info;

	fresh();
	/* pushed last, listed first: xmm far, xmm, nonvol far, nonvol, frame, allocs, push, frame */
	add(0, 0x80, "",
	    "01 40 13 a5 40 f9 78 56 34 12 38 68 02 00 30 b5 00 00 01 00 28 34 03 00 20 03 1c 11 "
	    "00 "
	    "00 01 00 18 01 40 00 10 f2 08 60 00 1a");
	finish();
	is(nd_unwind_info_read(&pe, XDATA, &info), ND_OK, "every operation of version 1");
	is(info.version, 1, "version");
	is(info.prolog_bytes, 0x40, "prologue");
	is(info.frame_register, ND_RBP, "frame register");
	is(info.frame_offset, 0xa0, "frame offset");
	is(info.count, 10, "operations");
	is(info.code[0].op, ND_UWOP_SAVE_XMM128_FAR, "SAVE_XMM128_FAR");
	is(info.code[0].info, 15, "xmm15");
	is(info.code[0].bytes, 0x12345678, "its place");
	is(info.code[1].bytes, 0x20, "SAVE_XMM128 counts sixteens");
	is(info.code[2].bytes, 0x10000, "SAVE_NONVOL_FAR counts bytes");
	is(info.code[3].bytes, 0x18, "SAVE_NONVOL counts eights");
	is(info.code[4].op, ND_UWOP_SET_FPREG, "SET_FPREG");
	is(info.code[5].bytes, 0x10000, "ALLOC_LARGE of 32 bits");
	is(info.code[6].bytes, 0x200, "ALLOC_LARGE of 16 bits");
	is(info.code[7].bytes, 0x80, "ALLOC_SMALL");
	is(info.code[8].info, ND_RSI, "PUSH_NONVOL");
	is(info.code[9].info, 1, "PUSH_MACHFRAME with an error code");
	nd_dump_close(dump);
}

static void test_decode_refused(void)
{
	static const struct {
		const char *hex, *what;
	} rows[] = {
		{ "00 00 00 00", "version 0" },
		{ "03 00 00 00", "version 3" },
		{ "01 00 01 00 00 0b", "operation 11" },
		{ "01 00 01 00 00 01", "ALLOC_LARGE without its size" },
		{ "01 00 02 00 00 11 00 00", "ALLOC_LARGE with half of its size" },
		{ "01 00 02 00 00 21 00 00", "ALLOC_LARGE of a third kind" },
		{ "01 00 01 00 00 2a", "PUSH_MACHFRAME of a third kind" },
		{ "01 00 02 00 00 05 00 00", "SAVE_NONVOL_FAR with half of its place" },
	};
	struct nd_unwind_info info;

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++) {
		fresh();
		add(0, 0x40, "", rows[i].hex);
		finish();
		is(nd_unwind_info_read(&pe, XDATA, &info), ND_INVALID, "%s", rows[i].what);
		is(step(0x10, 0, CALL), ND_INVALID, "%s: no step", rows[i].what);
		nd_dump_close(dump);
	}
	fresh();
	finish();
	is(nd_unwind_info_read(&pe, IMAGE_BYTES - 2, &info), ND_INVALID, "outside of the image");
	nd_dump_close(dump);
}

/* --- bodies and prologues --------------------------------------------------------------------- */

/* push rbx; push rsi; sub rsp,28h; ...; add rsp,28h; pop rsi; pop rbx; ret */
#define PLAIN_CODE "53 56 48 83 ec 28 90 e8 00000000 90 48 83 c4 28 5e 5b c3"
#define PLAIN_INFO "01 06 03 00 06 42 02 60 01 30"

static void test_plain(void)
{
	fresh();
	add(0, 0x14, PLAIN_CODE, PLAIN_INFO);
	stack(0x28, 0x51);
	stack(0x30, 0xb8);
	stack(0x38, 0xaaaa);
	finish();
	goes(0x0c, 0, CALL, 0xaaaa, 0x40, "pushes and an allocation");
	is(r.gpr[ND_RSI], 0x51, "rsi is restored");
	is(r.gpr[ND_RBX], 0xb8, "rbx is restored");
	is(r.gpr[ND_RDI], 0x1000 + ND_RDI, "rdi is kept");
	is(r.known, ND_NONVOLATILE, "the others are not known any more");
	is(found.how, ND_UNWOUND_BY_DATA, "by unwind data");
	is(found.slot, STACK_VA + 0x38, "where the return address was");
	goes(0, 0x38, ANYWHERE, 0xaaaa, 0x40, "before the prologue");
	goes(1, 0x30, ANYWHERE, 0xaaaa, 0x40, "after the first push");
	is(r.gpr[ND_RBX], 0xb8, "which is undone");
	is(r.gpr[ND_RSI], 0x1000 + ND_RSI, "the second has not been done");
	goes(2, 0x28, ANYWHERE, 0xaaaa, 0x40, "after the second push");
	goes(6, 0, ANYWHERE, 0xaaaa, 0x40, "after the allocation");
	goes(0x0d, 0, ANYWHERE, 0xaaaa, 0x40, "at the epilogue");
	goes(0x11, 0x28, ANYWHERE, 0xaaaa, 0x40, "before its first pop");
	is(r.gpr[ND_RSI], 0x51, "which is done");
	goes(0x12, 0x30, ANYWHERE, 0xaaaa, 0x40, "before its second pop");
	is(r.gpr[ND_RSI], 0x1000 + ND_RSI, "the first has been done");
	goes(0x13, 0x38, ANYWHERE, 0xaaaa, 0x40, "before ret");
	nd_dump_close(dump);
}

static void test_frame_pointer(void)
{
	fresh();
	/* push rbp; sub rsp,40h; lea rbp,[rsp+20h]; ...; lea rsp,[rbp+20h]; pop rbp; ret */
	add(0, 0x20, "55 48 83 ec 40 48 8d 6c 24 20 90 90 48 8d 65 20 5d c3",
	    "01 0a 05 25 0a 34 05 00 0a 03 05 72 01 50");
	stack(0x128, 0xbbb); /* rbx, at the frame's place + 28h */
	stack(0x140, 0xbbbb);
	stack(0x148, 0xcccc);
	finish();
	for (unsigned i = 0; i < 2; i++) {
		r = (struct nd_registers){ .rip = IMAGE_BASE + TEXT + (i ? 0x0c : 0x0b),
					   .known = 1u << ND_RBP };
		r.gpr[ND_RSP] = STACK_VA + 0x10; /* after an alloca */
		r.gpr[ND_RBP] = STACK_VA + 0x120;
		is(nd_unwind(&pe, &dump->kernel, ANYWHERE, &r, &found), ND_OK, "frame pointer");
		is(r.rip, 0xcccc, "return address by the frame pointer");
		is(r.gpr[ND_RSP], STACK_VA + 0x150, "stack pointer by the frame pointer");
		is(r.gpr[ND_RBP], 0xbbbb, "rbp is restored");
	}
	goes(5, 0x100, ANYWHERE, 0xcccc, 0x150, "before the frame pointer is set");
	r.known = 0;
	r.rip = IMAGE_BASE + TEXT + 0x0b;
	is(nd_unwind(&pe, &dump->kernel, CALL, &r, &found), ND_INVALID,
	   "not with a frame pointer that is not known");
	nd_dump_close(dump);
}

static void test_saves(void)
{
	fresh();
	/* mov [rsp+..],rdi far; movaps xmm6; mov rbx; sub rsp,10080h: all places are seen after it */
	add(0, 0x40, "", "01 20 0a 00 20 75 00 20 00 00 18 68 02 00 10 34 05 00 08 11 80 20 00 00");
	stack(0x2000, 0xd1d1);
	stack(0x28, 0xb1b1);
	stack(0x2080, 0xeeee);
	finish();
	goes(0x30, 0, CALL, 0xeeee, 0x2088, "saved by mov");
	is(r.gpr[ND_RBX], 0xb1b1, "SAVE_NONVOL");
	is(r.gpr[ND_RDI], 0xd1d1, "SAVE_NONVOL_FAR");
	goes(0x10, 0, ANYWHERE, 0xeeee, 0x2088, "half of the saves");
	is(r.gpr[ND_RDI], 0x1000 + ND_RDI, "rdi has not been saved yet");
	nd_dump_close(dump);
}

static void test_chained(void)
{
	fresh();
	add(0, 0x40, "", "01 05 02 00 05 42 01 60"); /* push rsi; sub rsp,28h */
	/* a fragment that has saved rbx, and one that has done nothing by itself */
	add(0x100, 0x20, "", "21 04 02 00 04 34 06 00 00100000 40100000 00000100");
	add(0x200, 0x20, "", "21 00 00 00 00110000 20110000 00010100");
	stack(0x28, 0x51);
	stack(0x30, 0xb2);
	stack(0x30, 0xdddd);
	finish();
	goes(0x110, 0, CALL, 0xdddd, 0x38, "a chained fragment");
	is(r.gpr[ND_RSI], 0x51, "the primary's push is undone");
	is(r.gpr[ND_RBX], 0xdddd, "and its own save");
	goes(0x210, 0, CALL, 0xdddd, 0x38, "a fragment of a fragment");
	goes(0x102, 0, ANYWHERE, 0xdddd, 0x38, "before its save");
	is(r.gpr[ND_RBX], 0x1000 + ND_RBX, "rbx is kept");
	nd_dump_close(dump);
}

static void test_indirect(void)
{
	fresh();
	add(0, 0x40, "", "01 04 01 00 04 42");
	image_function(&machine, functions++, TEXT + 0x100, TEXT + 0x120, PDATA | 1);
	stack(0x28, 0xdddd);
	finish();
	goes(0x110, 0, CALL, 0xdddd, 0x30, "an entry that refers to another entry");
	nd_dump_close(dump);
}

static void test_machine_frame(void)
{
	fresh();
	add(0, 0x40, "", "01 04 02 00 04 42 00 1a");	 /* sub rsp,28h on an error code */
	add(0x100, 0x40, "", "01 04 02 00 04 42 00 0a"); /* without */
	for (unsigned i = 0; i < 2; i++) {
		stack(0x28 + 0x100 * i + (i ? 0 : 8), 0x7ff612345678);
		stack(0x30 + 0x100 * i + (i ? 0 : 8), 0x33);
		stack(0x40 + 0x100 * i + (i ? 0 : 8), 0x7777);
	}
	finish();
	for (unsigned i = 0; i < 2; i++) {
		is(step(0x10 + 0x100 * i, 0x100 * i, CALL), ND_OK, "a machine frame");
		is(found.how, ND_UNWOUND_MACHINE, "is told");
		is(found.cs, 0x33, "with its code segment");
		is(r.rip, 0x7ff612345678, "and the interrupted instruction");
		is(r.gpr[ND_RSP], 0x7777, "and its stack");
	}
	nd_dump_close(dump);
}

static void test_leaf(void)
{
	fresh();
	add(0x100, 0x40, "", "01 04 01 00 04 42");
	stack(0, 0x1234);
	finish();
	goes(0x20, 0, ANYWHERE, 0x1234, 8, "a leaf function before the first");
	goes(0x200, 0, ANYWHERE, 0x1234, 8, "a leaf function after the last");
	is(found.how, ND_UNWOUND_LEAF, "is told");
	is(step(0x20, 0, CALL), ND_INVALID, "a leaf function calls nobody");
	is(step(0x20, 0, ND_STOPPED_SWITCHED), ND_INVALID, "nor waits");
	is(step(XDATA - TEXT, 0, ANYWHERE), ND_INVALID, "data is no leaf function");
	is(step(IMAGE_BYTES, 0, ANYWHERE), ND_INVALID, "an address outside of the image");
	nd_dump_close(dump);
}

static void test_no_data(void)
{
	fresh();
	add_bytes("0f 05 c3 90", TEXT);
	stack(0, 0x1234);
	finish();
	is(step(0, 0, ANYWHERE), ND_NO_SYMBOLS, "an image without .pdata");
	goes(2, 0, ANYWHERE, 0x1234, 8, "but at its ret");
	is(found.how, ND_UNWOUND_LEAF, "as in a leaf function");
	is(step(2, 0, CALL), ND_NO_SYMBOLS, "which is nothing that calls");
	nd_dump_close(dump);
}

static void test_call_at_end(void)
{
	fresh();
	add(0, 0x10, "48 83 ec 28 90 90 90 90 90 90 90 e8 00000000", "01 04 01 00 04 42");
	add(0x10, 0x10, "", "01 04 01 00 04 72");
	add(0x40, 0x10, "90 90 90 90 90 90 90 90 90 90 90 90 90 90 90 90", "01 04 01 00 04 42");
	add(0x50, 0x10, "", "01 04 01 00 04 72");
	stack(0x28, 0x1111);
	stack(0x40, 0x2222);
	finish();
	goes(0x10, 0, CALL, 0x1111, 0x30, "a call that ends its function");
	goes(0x10, 0x40, ANYWHERE, 0x2222, 0x48, "an interrupt at the begin of the next");
	goes(0x50, 0x40, CALL, 0x2222, 0x48, "a thread's first function, that nobody has called");
	nd_dump_close(dump);
}

/* --- epilogues -------------------------------------------------------------------------------- */

static void test_jumps(void)
{
	fresh();
	/* sub rsp,28h; nop; jmp +0 (inside); nop; add rsp,28h; jmp other; then jmp through memory */
	add(0, 0x30,
	    "48 83 ec 28 90 eb 01 90 90 48 83 c4 28 e9 ee 00 00 00 48 83 c4 28 48 ff 25 00000000",
	    "01 04 01 00 04 42");
	add(0x100, 0x20, "c3", "01 00 00 00");
	stack(0x28, 0x1111);
	stack(0, 0x2222);
	finish();
	goes(5, 0, ANYWHERE, 0x1111, 0x30, "a jump inside of the function is no epilogue");
	goes(9, 0, ANYWHERE, 0x1111, 0x30, "a tail call: before the stack is freed");
	goes(0x0d, 0, ANYWHERE, 0x2222, 8, "a tail call: after it");
	goes(0x12, 0, ANYWHERE, 0x1111, 0x30, "a tail call through memory: before");
	goes(0x16, 0, ANYWHERE, 0x2222, 8, "a tail call through memory: after");
	nd_dump_close(dump);
}

static void test_jump_to_fragment(void)
{
	fresh();
	add(0, 0x20, "48 83 ec 28 e9 f7 00 00 00", "01 04 01 00 04 42");
	add(0x100, 0x20, "90", "21 00 00 00 00100000 20100000 00000100");
	stack(0x28, 0x1111);
	finish();
	goes(4, 0, ANYWHERE, 0x1111, 0x30, "a jump to a fragment of the function is no epilogue");
	nd_dump_close(dump);
}

/* PspSystemThreadStartup of a real kernel: version 2, an epilogue of two bytes, three from the end. */
static void test_version_2(void)
{
	struct nd_unwind_info info;

	fresh();
	add(0, 0x80, "48895c2408 4889742410 57 4883ec40",
	    "0a0f0800 0206 0306 0f640b00 0f340a00 0f72 0b70 b0bf3c00");
	stack(0x58, 0x51);
	stack(0x50, 0xb1);
	stack(0x40, 0xd1);
	stack(0x48, 0x1111);
	finish();
	is(nd_unwind_info_read(&pe, XDATA, &info), ND_OK, "version 2");
	is(info.count, 6, "its operations");
	is(info.code[1].op, ND_UWOP_EPILOG, "EPILOG");
	goes(0x55, 0, CALL, 0x1111, 0x50, "a body of version 2");
	is(r.gpr[ND_RDI], 0xd1, "rdi was pushed");
	is(r.gpr[ND_RSI], 0x51, "rsi was saved");
	goes(0x7c, 0, ANYWHERE, 0x1111, 0x50, "before the epilogue");
	goes(0x7d, 0x40, ANYWHERE, 0x1111, 0x50, "at its pop");
	is(r.gpr[ND_RDI], 0xd1, "which is done");
	goes(0x7e, 0x48, ANYWHERE, 0x1111, 0x50, "at its ret");
	nd_dump_close(dump);
}

/* Version 2, an epilogue at the end, and one 18h bytes before it; two pops of one and two bytes. */
static void test_version_2_at_end(void)
{
	fresh();
	add(0, 0x40, "", "02 06 06 00 04 16 18 06 00 06 06 42 03 c0 01 30");
	stack(0x28, 0xc1);
	stack(0x30, 0xb1);
	stack(0x38, 0x1111);
	finish();
	goes(0x20, 0, ANYWHERE, 0x1111, 0x40, "a body");
	goes(0x3c, 0x28, ANYWHERE, 0x1111, 0x40, "the epilogue at the end: pop r12");
	is(r.gpr[ND_R12], 0xc1, "which is done");
	goes(0x3e, 0x30, ANYWHERE, 0x1111, 0x40, "the epilogue at the end: pop rbx");
	is(r.gpr[ND_RBX], 0xb1, "which is done");
	is(r.gpr[ND_R12], 0x1000 + ND_R12, "r12 has been done");
	goes(0x3f, 0x38, ANYWHERE, 0x1111, 0x40, "the epilogue at the end: ret");
	goes(0x28, 0x28, ANYWHERE, 0x1111, 0x40, "the one before: pop r12");
	goes(0x2b, 0x38, ANYWHERE, 0x1111, 0x40, "the one before: ret");
	goes(0x2c, 0, ANYWHERE, 0x1111, 0x40, "and behind it");
	nd_dump_close(dump);
}

/* --- lies and holes --------------------------------------------------------------------------- */

static void test_loops(void)
{
	fresh();
	add(0, 0x20, "", "21 00 00 00 00100000 20100000 00000100"); /* chained to itself */
	image_function(&machine, functions, TEXT + 0x40, TEXT + 0x60, (PDATA + 12) | 1);
	functions++;				  /* refers to itself */
	add(0x80, 0x20, "", "01 01 01 00 01 40"); /* push rsp */
	add(0xc0, 0x20, "", "01 01 01 00 01 03"); /* a frame pointer without a register */
	finish();
	is(step(0x10, 0, CALL), ND_INVALID, "chained to itself");
	is(step(0x50, 0, CALL), ND_INVALID, "an entry that refers to itself");
	is(step(0x90, 0, CALL), ND_INVALID, "push rsp");
	is(step(0xd0, 0, CALL), ND_INVALID, "SET_FPREG without a frame register");
	nd_dump_close(dump);
}

static void test_absent_stack(void)
{
	fresh();
	add(0, 0x20, "", "01 04 01 00 04 42");
	finish();
	is(step(0x10, STACK_BYTES * 16, CALL), ND_UNMAPPED, "a stack that is not there");
	is(found.slot, STACK_VA + STACK_BYTES * 16 + 0x28, "and where it is not");
	nd_dump_close(dump);
}

/* 2000 functions in 24 KiB of .pdata, of which the middle page is absent. */
static void test_absent_pdata(void)
{
	struct nd_runtime_function f;
	unsigned found_entries = 0, missing = 0, wrong = 0;

	fresh();
	for (unsigned i = 0; i < 2000; i++)
		image_function(&machine, functions++, TEXT + i * 8, TEXT + i * 8 + 6, XDATA);
	tiny_put(tiny_page(&machine, 4) + (PDATA / 4096 + 2) * 8, 0, 8);
	finish();
	for (unsigned i = 0; i < 2000; i++) {
		enum nd_status st = nd_pe_runtime_function(&pe, TEXT + i * 8 + 5, &f);
		bool absent = (i + 1) * 12 > 0x2000 && i * 12 < 0x3000;

		if (st == ND_OK && f.begin == TEXT + i * 8 && !absent)
			found_entries++;
		else if (st == ND_UNMAPPED && absent)
			missing++;
		else
			wrong++;
	}
	is(wrong, 0, "no wrong answer around an absent page of .pdata");
	is(missing, 342, "entries on the absent page are missing");
	is(found_entries, 1658, "all others are found");
	is(nd_pe_runtime_function(&pe, TEXT + 8 * 8 + 6, &f), ND_NONE, "a gap between two entries");
	is(f.begin, TEXT + 8 * 8 + 6, "its begin");
	is(f.end, TEXT + 9 * 8, "its end");
	nd_dump_close(dump);
}

int main(void)
{
	test_decode();
	test_decode_refused();
	test_plain();
	test_frame_pointer();
	test_saves();
	test_chained();
	test_indirect();
	test_machine_frame();
	test_leaf();
	test_no_data();
	test_call_at_end();
	test_jumps();
	test_jump_to_fragment();
	test_version_2();
	test_version_2_at_end();
	test_loops();
	test_absent_stack();
	test_absent_pdata();
	return done_testing();
}
