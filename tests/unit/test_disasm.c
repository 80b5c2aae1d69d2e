/*
 * tests/unit/test_disasm.c - instructions in the words of Windows' debuggers, written here by hand
 * from what those print; lengths against objdump's where it is at hand; code in a small machine:
 * forward, backward, by its branches, with pages and bytes that are no code.
 */
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "code/disasm.h"
#include "tap.h"
#include "tiny_machine.h"

/* --- spelling --------------------------------------------------------------------------------- */

struct spelling {
	uint64_t va;
	const char *bytes, *text;
};

// clang-format off
static const struct spelling spellings[] = {
	/* numbers: digits alone below ten, else hex with h, a zero before a letter */
	{ 0, "b807000000", "mov eax,7" },
	{ 0, "b90a000000", "mov ecx,0Ah" },
	{ 0, "4883ec30", "sub rsp,30h" },
	{ 0, "4881eca0000000", "sub rsp,0A0h" },
	{ 0, "05ff0f0000", "add eax,0FFFh" },
	{ 0, "4883c680", "add rsi,0FFFFFFFFFFFFFF80h" },
	{ 0, "83c9ff", "or ecx,0FFFFFFFFh" },
	{ 0, "6683c8ff", "or ax,0FFFFh" },
	{ 0, "80c9ff", "or cl,0FFh" },
	{ 0, "4883e2fc", "and rdx,0FFFFFFFFFFFFFFFCh" },
	{ 0, "6aff", "push 0FFFFFFFFFFFFFFFFh" },
	{ 0, "6a00", "push 0" },
	{ 0, "0fbae009", "bt eax,9" },
	{ 0, "c0e8ff", "shr al,0FFh" },
	{ 0, "48c1e104", "shl rcx,4" },
	{ 0, "48d1e9", "shr rcx,1" },
	{ 0, "e680", "out 80h,al" },
	{ 0, "cdff", "int 0FFh" },
	{ 0, "c20800", "ret 8" },
	{ 0, "660f70c0e4", "pshufd xmm0,xmm0,0E4h" },
	{ 0, "48b81400000080f7ffff", "mov rax,0FFFFF78000000014h" },
	{ 0, "66c745d71b0a", "mov word ptr [rbp-29h],0A1Bh" },
	{ 0, "41c74490fceefeeefe", "mov dword ptr [r8+rdx*4-4],0FEEEFEEEh" },
	{ 0, "f7051bd7250000000200", "test dword ptr [00000000`0025d725],20000h" },
	{ 0, "69c80a000000", "imul ecx,eax,0Ah" },
	{ 0, "6bc8f6", "imul ecx,eax,0FFFFFFF6h" },
	/* memory */
	{ 0, "48894c2408", "mov qword ptr [rsp+8],rcx" },
	{ 0, "4889542410", "mov qword ptr [rsp+10h],rdx" },
	{ 0, "48894500", "mov qword ptr [rbp],rax" },
	{ 0, "488d6c24d9", "lea rbp,[rsp-27h]" },
	{ 0, "488da828ffffff", "lea rbp,[rax-0D8h]" },
	{ 0, "49030c24", "add rcx,qword ptr [r12]" },
	{ 0, "498b44c0ff", "mov rax,qword ptr [r8+rax*8-1]" },
	{ 0, "488d0490", "lea rax,[rax+rdx*4]" },
	{ 0, "488b40c0", "mov rax,qword ptr [rax-40h]" },
	{ 0, "4dc0894568e88ce3", "ror byte ptr [r9-731797BBh],0E3h" },
	{ 0, "0fb74602", "movzx eax,word ptr [rsi+2]" },
	{ 0, "4863c1", "movsxd rax,ecx" },
	{ 0, "8b048d10000000", "mov eax,dword ptr [rcx*4+10h]" },
	{ 0, "678b01", "mov eax,dword ptr [ecx]" },
	{ 0, "65488b042588010000", "mov rax,qword ptr gs:[188h]" },
	{ 0, "6544012c2528550000", "add dword ptr gs:[5528h],r13d" },
	{ 0, "65488b04c500000000", "mov rax,qword ptr gs:[rax*8]" },
	{ 0, "f604250803fe7f01", "test byte ptr [7FFE0308h],1" },
	{ 0, "8b0425f0ffffff", "mov eax,dword ptr [0FFFFFFFFFFFFFFF0h]" },
	{ 0, "48a11400000080f7ffff", "mov rax,qword ptr [FFFFF78000000014h]" },
	{ 0xfffff80315842a17, "488d05f0ffffff", "lea rax,[fffff803`15842a0e]" },
	{ 0x140001000, "ff1502000000", "call qword ptr [00000001`40001008]" },
	/* what branches and calls lead to */
	{ 0x7ffe61304f30, "7503", "jne 00007ffe`61304f35" },
	{ 0xfffff80315842a00, "e8fbffffff", "call fffff803`15842a00" },
	{ 0x1000, "0f82f0ffffff", "jb 00000000`00000ff6" },
	{ 0x1000, "ebfe", "jmp 00000000`00001000" },
	{ 0x1000, "e3fe", "jrcxz 00000000`00001000" },
	{ 0, "ffe0", "jmp rax" },
	{ 0, "ff10", "call qword ptr [rax]" },
	{ 0, "c3", "ret" },
	{ 0, "f3c3", "rep ret" },
	{ 0, "48cf", "iretq" },
	{ 0, "0f05", "syscall" },
	/* words of their own */
	{ 0, "cc", "int 3" },
	{ 0, "cd29", "int 29h" },
	{ 0, "cd2e", "int 2Eh" },
	{ 0, "90", "nop" },
	{ 0, "6690", "xchg ax,ax" },
	{ 0, "f390", "pause" },
	{ 0, "0f1f4000", "nop dword ptr [rax]" },
	{ 0, "0f1f440000", "nop dword ptr [rax+rax]" },
	{ 0, "0f1f840000000000", "nop dword ptr [rax+rax]" },
	{ 0, "6666660f1f840000000000", "nop word ptr [rax+rax]" },
	{ 0, "498710", "xchg rdx,qword ptr [r8]" },
	{ 0, "48f7e1", "mul rax,rcx" },
	{ 0, "f725c9e01e00", "mul eax,dword ptr [00000000`001ee0cf]" },
	{ 0, "f77c2428", "idiv eax,dword ptr [rsp+28h]" },
	{ 0, "41f7f8", "idiv eax,r8d" },
	{ 0, "f6f1", "div al,cl" },
	{ 0, "48f7e9", "imul rcx" },
	{ 0, "410fafc5", "imul eax,r13d" },
	{ 0, "f348ab", "rep stos qword ptr [rdi]" },
	{ 0, "f3aa", "rep stos byte ptr [rdi]" },
	{ 0, "f3a4", "rep movs byte ptr [rdi],byte ptr [rsi]" },
	{ 0, "f2ae", "repne scas byte ptr [rdi]" },
	{ 0, "48ad", "lods qword ptr [rsi]" },
	{ 0, "f348a7", "repe cmps qword ptr [rsi],qword ptr [rdi]" },
	{ 0, "6e", "outs dx,byte ptr [rsi]" },
	{ 0, "6c", "ins byte ptr [rdi],dx" },
	{ 0, "f04c0fb101", "lock cmpxchg qword ptr [rcx],r8" },
	{ 0, "f00fc14810", "lock xadd dword ptr [rax+10h],ecx" },
	{ 0, "f0480fc70f", "lock cmpxchg16b oword ptr [rdi]" },
	{ 0, "0f0d09", "prefetchw [rcx]" },
	{ 0, "0f20d8", "mov rax,cr3" },
	{ 0, "440f22c0", "mov cr8,rax" },
	{ 0, "0f01f8", "swapgs" },
	{ 0, "0f010c24", "sidt fword ptr [rsp]" },
	{ 0, "0fae5dac", "stmxcsr dword ptr [rbp-54h]" },
	{ 0, "650fae142580010000", "ldmxcsr dword ptr gs:[180h]" },
	{ 0, "0f0b", "ud2" },
	{ 0, "c8646490", "enter 6464h,90h" },
	{ 0, "ff2a", "jmp fword ptr [rdx]" },
	/* vectors */
	{ 0, "0f1145a8", "movups xmmword ptr [rbp-58h],xmm0" },
	{ 0, "f20f104750", "movsd xmm0,mmword ptr [rdi+50h]" },
	{ 0, "f3410f1000", "movss xmm0,dword ptr [r8]" },
	{ 0, "f2480f2a01", "cvtsi2sd xmm0,qword ptr [rcx]" },
	{ 0, "f30f7f45e3", "movdqu xmmword ptr [rbp-1Dh],xmm0" },
	{ 0, "660f6ec1", "movd xmm0,ecx" },
	{ 0, "66480f7ec0", "movq rax,xmm0" },
	{ 0, "0f2f442408", "comiss xmm0,dword ptr [rsp+8]" },
	{ 0, "62a17dc96fca", "vmovdqa32 zmm17{k1}{z},zmm18" },
	{ 0, "c5fc1102", "vmovups ymmword ptr [rdx],ymm0" },
	/* floating point */
	{ 0, "dc50e9", "fcom qword ptr [rax-17h]" },
	{ 0, "de1a", "ficomp word ptr [rdx]" },
	{ 0, "db29", "fld tbyte ptr [rcx]" },
	{ 0, "d96c2408", "fldcw word ptr [rsp+8]" },
	/* no instructions */
	{ 0, "06", "???" },
	{ 0, "9a0300", "???" },
	{ 0, "fff0ff", "push rax" },
	{ 0, "fff8f8", "???" },
	{ 0, "c4", "???" },
};
// clang-format on

static size_t from_hex(const char *hex, uint8_t *ret)
{
	size_t n = 0;

	for (; hex[0] && hex[1]; hex += 2) {
		char digits[3] = { hex[0], hex[1], '\0' };

		ret[n++] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return n;
}

static void spell(const struct nd_insn *insn, char *ret, size_t bytes)
{
	int n = snprintf(ret, bytes, "%s", insn->mnemonic);

	for (uint32_t i = 0; i < insn->operand_count; i++)
		n += snprintf(ret + n, bytes - (size_t)n, "%s%s", i ? "," : " ",
			      insn->operand[i].text);
}

static void test_spelling(struct nd_decoder *decoder)
{
	for (size_t i = 0; i < sizeof(spellings) / sizeof(*spellings); i++) {
		const struct spelling *s = &spellings[i];
		struct nd_insn insn;
		uint8_t bytes[32];
		char text[600];
		size_t len = from_hex(s->bytes, bytes);

		nd_insn_decode(decoder, s->va, bytes, len, &insn);
		spell(&insn, text, sizeof(text));
		is_str(text, s->text, "%s", s->bytes);
		if (insn.valid && strcmp(s->bytes, "fff0ff") != 0)
			is(insn.length, len, "%s: all of its bytes", s->bytes);
	}
}

static void test_flow(struct nd_decoder *decoder)
{
	static const struct {
		const char *bytes;
		enum nd_flow flow;
		nd_va target;
	} flows[] = {
		{ "90", ND_FLOW_NEXT, 0 },
		{ "cc", ND_FLOW_NEXT, 0 },
		{ "cd2e", ND_FLOW_NEXT, 0 },
		{ "0f05", ND_FLOW_NEXT, 0 },
		{ "cd29", ND_FLOW_END, 0 },
		{ "c3", ND_FLOW_END, 0 },
		{ "c20800", ND_FLOW_END, 0 },
		{ "48cf", ND_FLOW_END, 0 },
		{ "0f0b", ND_FLOW_END, 0 },
		{ "480f07", ND_FLOW_END, 0 },
		{ "eb10", ND_FLOW_JUMP, 0x1012 },
		{ "e900010000", ND_FLOW_JUMP, 0x1105 },
		{ "ffe0", ND_FLOW_JUMP, 0 },
		{ "ff2500000000", ND_FLOW_JUMP, 0 },
		{ "7410", ND_FLOW_BRANCH, 0x1012 },
		{ "0f8400010000", ND_FLOW_BRANCH, 0x1106 },
		{ "e310", ND_FLOW_BRANCH, 0x1012 },
		{ "e2fe", ND_FLOW_BRANCH, 0x1000 },
		{ "e800010000", ND_FLOW_CALL, 0x1105 },
		{ "ffd0", ND_FLOW_CALL, 0 },
	};

	for (size_t i = 0; i < sizeof(flows) / sizeof(*flows); i++) {
		uint8_t bytes[32];
		struct nd_insn insn;

		nd_insn_decode(decoder, 0x1000, bytes, from_hex(flows[i].bytes, bytes), &insn);
		is(insn.flow, flows[i].flow, "what follows %s", flows[i].bytes);
		is(insn.has_target ? insn.target : 0, flows[i].target, "and where");
	}
}

/* --- a second opinion on lengths -------------------------------------------------------------- */

/* One line of objdump --insn-width=15: "  401000:\t48 89 5c 24 08 \tmov ...". */
static bool parse_line(const char *line, nd_va *va, uint8_t *bytes, size_t *len)
{
	char *end;

	*va = strtoull(line, &end, 16);
	if (end == line || *end++ != ':' || *end++ != '\t')
		return false;
	for (*len = 0; *len < 15; end += 3) {
		char digits[3] = { end[0], end[0] ? end[1] : '\0', '\0' };

		if (strspn(digits, "0123456789abcdef") != 2)
			break;
		bytes[(*len)++] = (uint8_t)strtoul(digits, NULL, 16);
	}
	return *len > 0 && !strstr(end, "(bad)") && !strstr(end, "rex");
}

static void test_lengths(struct nd_decoder *decoder)
{
	FILE *objdump =
		popen("objdump -d -M intel --insn-width=15 -j .text /bin/bash 2>/dev/null", "r");
	char line[512];
	unsigned seen = 0, other = 0;

	while (objdump && seen < 100000 && fgets(line, sizeof(line), objdump)) {
		uint8_t bytes[16];
		size_t len;
		nd_va va;

		if (!parse_line(line, &va, bytes, &len))
			continue;
		seen++;
		if (nd_insn_length(decoder, va, bytes, len) != len && other++ < 5)
			diag("not as long: %s", line);
	}
	while (objdump && fgets(line, sizeof(line), objdump))
		;
	if (objdump)
		pclose(objdump);
	if (seen < 1000)
		skip("needs objdump and a /bin/bash for x86-64");
	else
		is(other, 0, "%u instructions are as long as objdump says", seen);
}

/* --- a machine -------------------------------------------------------------------------------- */

static void code_at(struct tiny *t, nd_va va, const char *hex)
{
	from_hex(hex, tiny_page(t, TINY_DATA) + (va - TINY_BASE));
}

/* The spelled lines, with a ';' behind each, a '|' before each block and '>' at each branch. */
static void spell_list(struct nd_disasm *d, const struct nd_code_list *list, char *ret, size_t size)
{
	size_t n = 0;

	ret[0] = '\0';
	for (uint32_t i = 0; i < list->count && n + 200 < size; i++) {
		const struct nd_code_line *line = &list->line[i];
		struct nd_insn insn;
		char text[128] = "-";

		if (line->st == ND_OK && nd_disasm_insn(d, line, &insn) == ND_OK)
			spell(&insn, text, sizeof(text));
		n += (size_t)snprintf(ret + n, size - n, "%s%s%s;", line->block ? "|" : "", text,
				      line->branch ? ">" : "");
	}
}

/* Which of the three listings; 'u', 'b' or 'f'. */
static void is_listing(struct nd_disasm *d, char which, nd_va va, uint32_t count, const char *want,
		       const char *what)
{
	struct nd_code_list list = { 0 };
	char text[4096];
	enum nd_status st = which == 'u'   ? nd_code_forward(d, va, count, UINT64_MAX, &list)
			    : which == 'b' ? nd_code_backward(d, va, count, &list)
					   : nd_code_function(d, va, &list);

	is(st, ND_OK, "%s", what);
	spell_list(d, &list, text, sizeof(text));
	is_str(text, want, "its lines");
	nd_code_list_free(&list);
}

#define LAST_VA (TINY_BASE + TINY_BYTES) /* what is behind is unmapped */

static void test_forward(struct nd_disasm *d)
{
	struct nd_code_list list = { 0 };
	struct nd_insn insn;
	nd_va missing = 0;

	is_listing(d, 'u', TINY_BASE, 3, "mov eax,7;jne ffff8000`0000000c;ret;", "forward");
	is_listing(d, 'u', TINY_BASE + 0x100, 3, "???;???;ret;", "bytes that are no instructions");
	is_listing(d, 'u', LAST_VA - 4, 5, "ret;nop;-;", "up to memory that is absent");
	is(nd_disasm_at(d, LAST_VA - 2, &insn, &missing), ND_UNMAPPED, "an instruction cut by it");
	is(missing, LAST_VA, "what is missing is behind the cut");
	is(nd_disasm_at(d, 0x1000, &insn, &missing), ND_UNMAPPED, "nothing there at all");
	is(missing, 0x1000, "from the first byte on");
	is(nd_code_forward(d, UINT64_MAX - 3, 9, UINT64_MAX, &list), ND_OK,
	   "the end of all addresses");
	is(list.count, 1, "one line");
	ok(list.line && list.line[0].st == ND_UNMAPPED, "that says so");
	nd_code_list_free(&list);
	is(nd_code_forward(d, TINY_BASE, 100, TINY_BASE + 7, &list), ND_OK, "a range");
	is(list.count, 3, "has what begins in it, its last address included");
	nd_code_list_free(&list);
}

static void test_backward(struct nd_disasm *d)
{
	is_listing(d, 'b', TINY_BASE + 0x215, 4, "mov r10,rcx;mov eax,7;syscall;ret;",
		   "backward to a known beginning");
	is_listing(d, 'b', TINY_BASE, 4, "-;", "backward into absent memory");
	is_listing(d, 'b', TINY_BASE + 2, 4, "-;???;???;",
		   "backward into the middle of an instruction");
	is_listing(d, 'b', TINY_BASE + 0x102, 1, "???;", "backward over what is no instruction");
	is_listing(d, 'b', TINY_BASE + 0x102, 0, "", "backward by nothing");
	is_listing(d, 'b', 0, 8, "", "backward from address 0");
}

static void test_function(struct nd_disasm *d)
{
	struct nd_code_list list = { 0 };

	is_listing(d, 'f', TINY_BASE, 0,
		   "|mov eax,7;jne ffff8000`0000000c>;|ret;|nop;jmp ffff8000`00000007>;",
		   "a function: its blocks in order, each branch marked");
	is_listing(d, 'f', TINY_BASE + 0x300, 0, "|jmp ffff8000`00000300>;", "a jump to itself");
	is_listing(d, 'f', TINY_BASE + 0x310, 0, "|jmp ffff8000`00000311>;|inc eax;ret;",
		   "a jump into itself");
	is_listing(d, 'f', TINY_BASE + 0x320, 0, "|jmp ffff8000`00000000;", "a jump out of it");
	is_listing(d, 'f', LAST_VA - 3, 0, "|nop;-;", "it runs into absent memory");
	is(nd_code_function(d, TINY_BASE + 0x1000, &list), ND_OK, "a function without an end");
	is(list.count, ND_FUNCTION_INSNS_MAX, "is cut");
	ok(list.incomplete, "and said to be incomplete");
	nd_code_list_free(&list);
}

static void fill_machine(struct tiny *t)
{
	memset(t, 0, sizeof(*t));
	tiny_map(t);
	/* mov eax,7; jne +5; ret; (4 bytes nobody reaches); nop; jmp back to the ret */
	code_at(t, TINY_BASE, "b8070000007505c3cccccccc90ebf8");
	code_at(t, TINY_BASE + 0x100, "0606c3");
	memset(tiny_page(t, TINY_DATA) + 0x200, 0x90, 0x20);
	code_at(t, TINY_BASE + 0x20a, "4c8bd1b8070000000f05c3");
	code_at(t, TINY_BASE + 0x300, "ebfe");
	code_at(t, TINY_BASE + 0x310, "ebffc0c3"); /* jmp into its second byte: ff c0 */
	code_at(t, TINY_BASE + 0x320, "e9dbfcffff");
	memset(tiny_page(t, TINY_DATA) + 0x1000, 0x90, 0x20000);
	code_at(t, LAST_VA - 4, "c39048b8");
}

static void test_machine(void)
{
	static struct tiny machine;
	struct nd_module_list none = { 0 };
	struct nd_place place = { .kernel = &none };
	struct nd_disasm disasm;
	struct nd_dump *dump;

	fill_machine(&machine);
	dump = tiny_open(&machine, 19041);
	place.dump = dump;
	place.space = dump->kernel;
	if (nd_disasm_init(&place, &disasm) != ND_OK)
		abort();
	test_forward(&disasm);
	test_backward(&disasm);
	test_function(&disasm);
	nd_disasm_deinit(&disasm);
	nd_dump_close(dump);
}

int main(void)
{
	struct nd_decoder decoder;

	if (nd_decoder_init(&decoder) != ND_OK)
		return 1;
	test_spelling(&decoder);
	test_flow(&decoder);
	test_lengths(&decoder);
	nd_decoder_deinit(&decoder);
	test_machine();
	return done_testing();
}
