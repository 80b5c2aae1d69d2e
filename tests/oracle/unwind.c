/*
 * tests/oracle/unwind.c - unwind data of an image that a compiler made.
 *
 *	unwind decode IMAGE   prints all of .pdata in the words of llvm-readobj --unwind
 *	unwind steps IMAGE    runs its export `run` here, one instruction at a time, and unwinds from
 *	                      each: the caller must be found, with the registers that it had
 *
 * The image is a small DLL without imports and relocations.
 */
#include <signal.h>
#include <ucontext.h>

#include "../unit/tiny_image.h"

#define RUN_ARGUMENT 5
#define STACK_BELOW 0x3000u /* bytes of the stack below run's caller that are looked at */

static struct tiny machine;
static uint8_t *image; /* as it runs here; IMAGE_BYTES */

/* --- loading ---------------------------------------------------------------------------------- */

static uint8_t *read_file(const char *path, size_t *ret)
{
	uint8_t *bytes = calloc(1, IMAGE_BYTES);
	FILE *file = fopen(path, "rb");

	if (!bytes || !file) {
		perror(path);
		exit(2);
	}
	*ret = fread(bytes, 1, IMAGE_BYTES, file);
	fclose(file);
	return bytes;
}

static void load(const char *path)
{
	size_t len;
	uint8_t *file = read_file(path, &len), *nt = file + nd_le32(file + 0x3c);
	uint8_t *section = nt + 24 + nd_le16(nt + 20);

	image = mmap(NULL, IMAGE_BYTES, PROT_READ | PROT_WRITE | PROT_EXEC,
		     MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
	if (image == MAP_FAILED)
		exit(2);
	memcpy(image, file, 0x400);
	for (unsigned i = 0; i < nd_le16(nt + 6); i++, section += 40) {
		uint32_t rva = nd_le32(section + 12), from = nd_le32(section + 20);
		uint32_t bytes = nd_le32(section + 16);

		if (from + bytes > len || rva + bytes > IMAGE_BYTES)
			exit(2);
		memcpy(image + rva, file + from, bytes);
	}
	free(file);
}

static void open_image(struct nd_dump **ret, struct nd_pe *pe)
{
	tiny_map(&machine);
	memcpy(tiny_page(&machine, IMAGE_PAGE), image, IMAGE_BYTES);
	*ret = tiny_open(&machine, 19041);
	if (nd_pe_read(&(*ret)->kernel, IMAGE_BASE, pe) != ND_OK)
		exit(2);
}

/* --- decode ----------------------------------------------------------------------------------- */

static const char *const reg[] = { "RAX", "RCX", "RDX", "RBX", "RSP", "RBP", "RSI", "RDI",
				   "R8",  "R9",	 "R10", "R11", "R12", "R13", "R14", "R15" };

static void print_code(const struct nd_unwind_info *info, const struct nd_unwind_code *c)
{
	printf("0x%02X: ", c->at);
	switch (c->op) {
	case ND_UWOP_PUSH_NONVOL:
		printf("PUSH_NONVOL reg=%s\n", reg[c->info]);
		break;
	case ND_UWOP_ALLOC_LARGE:
	case ND_UWOP_ALLOC_SMALL:
		printf("ALLOC_%s size=%u\n", c->op == ND_UWOP_ALLOC_LARGE ? "LARGE" : "SMALL",
		       c->bytes);
		break;
	case ND_UWOP_SET_FPREG:
		printf("SET_FPREG reg=%s, offset=0x%X\n", reg[info->frame_register],
		       info->frame_offset);
		break;
	case ND_UWOP_SAVE_NONVOL:
		printf("SAVE_NONVOL reg=%s, offset=0x%X\n", reg[c->info], c->bytes);
		break;
	case ND_UWOP_SAVE_NONVOL_FAR:
		printf("SAVE_NONVOL_FAR reg=%s, offset=0x%X\n", reg[c->info], c->bytes);
		break;
	case ND_UWOP_SAVE_XMM128:
	case ND_UWOP_SAVE_XMM128_FAR:
		printf("SAVE_XMM128%s reg=XMM%u, offset=0x%X\n",
		       c->op == ND_UWOP_SAVE_XMM128 ? "" : "_FAR", c->info, c->bytes);
		break;
	case ND_UWOP_PUSH_MACHFRAME:
		printf("PUSH_MACHFRAME errcode=%s\n", c->info ? "yes" : "no");
		break;
	default:
		printf("? %u\n", c->op);
	}
}

static int decode(uint64_t preferred_base)
{
	struct nd_dump *dump;
	struct nd_pe pe;
	const struct nd_pe_directory *d = &pe.directory[ND_PE_EXCEPTION];

	open_image(&dump, &pe);
	for (uint32_t i = 0; i < d->bytes / 12; i++) {
		const uint8_t *p = image + d->rva + (size_t)i * 12;
		struct nd_runtime_function f;
		struct nd_unwind_info info;

		if (nd_pe_runtime_function(&pe, nd_le32(p), &f) != ND_OK ||
		    nd_unwind_info_read(&pe, f.unwind, &info) != ND_OK)
			exit(1);
		printf("0x%llX 0x%llX\n", (unsigned long long)(preferred_base + f.begin),
		       (unsigned long long)(preferred_base + f.end));
		printf("Version: %u\nPrologSize: %u\n", info.version, info.prolog_bytes);
		for (uint32_t k = 0; k < info.count; k++)
			print_code(&info, &info.code[k]);
		if (info.flags & ND_UNW_CHAININFO)
			printf("0x%llX 0x%llX\n",
			       (unsigned long long)(preferred_base + info.chain.begin),
			       (unsigned long long)(preferred_base + info.chain.end));
	}
	nd_dump_close(dump);
	return 0;
}

#ifdef __x86_64__
/* --- steps ------------------------------------------------------------------------------------ */

static const int context_index[ND_GPRS] = { REG_RAX, REG_RCX, REG_RDX, REG_RBX, REG_RSP, REG_RBP,
					    REG_RSI, REG_RDI, REG_R8,  REG_R9,	REG_R10, REG_R11,
					    REG_R12, REG_R13, REG_R14, REG_R15 };

static struct nd_registers caller; /* of run */
static uint8_t *stack_low;	   /* STACK_VA, here */
static unsigned steps, wrong, depths[16], hows[3];

/* An address here as the machine has it: of the image or the stack; others are themselves. */
static uint64_t guest(uint64_t v)
{
	if (v - (uintptr_t)image < IMAGE_BYTES)
		return v - (uintptr_t)image + IMAGE_BASE;
	if (v - (uintptr_t)stack_low < STACK_BYTES)
		return v - (uintptr_t)stack_low + STACK_VA;
	return v;
}

static struct nd_registers registers(const greg_t *g)
{
	struct nd_registers r = { .rip = guest((uint64_t)g[REG_RIP]), .known = 0xffff };

	for (unsigned i = 0; i < ND_GPRS; i++)
		r.gpr[i] = guest((uint64_t)g[context_index[i]]);
	return r;
}

/* At run's first instruction: what its caller will find when it returns. */
static void entered(const greg_t *g)
{
	uint64_t rsp = (uint64_t)g[REG_RSP], rip;

	stack_low = (uint8_t *)((rsp + 8 - STACK_BELOW) & ~(uint64_t)15);
	memcpy(&rip, (void *)rsp, 8);
	caller = registers(g);
	caller.rip = rip;
	caller.gpr[ND_RSP] += 8;
}

static bool found_caller(const struct nd_registers *r)
{
	for (unsigned i = 0; i < ND_GPRS; i++)
		if (ND_NONVOLATILE >> i & 1 && (!(r->known >> i & 1) || r->gpr[i] != caller.gpr[i]))
			return false;
	return r->rip == caller.rip;
}

static void copy_stack(uint64_t rsp)
{
	uint64_t from = (rsp - (uintptr_t)stack_low) & ~7ull;

	for (uint64_t at = from; at < STACK_BELOW + 0x40; at += 8)
		tiny_write(&machine, STACK_VA + at, guest(nd_le64(stack_low + at)), 8);
}

static void unwind_all(const greg_t *g)
{
	struct nd_registers r = registers(g);
	struct nd_dump *dump;
	struct nd_pe pe;
	unsigned depth = 0;

	copy_stack((uint64_t)g[REG_RSP]);
	open_image(&dump, &pe);
	while (r.rip - IMAGE_BASE < IMAGE_BYTES && depth < 15) {
		struct nd_unwound how;
		enum nd_stopped stopped = depth ? ND_STOPPED_CALL : ND_STOPPED_ANYWHERE;

		if (nd_unwind(&pe, &dump->kernel, stopped, &r, &how) != ND_OK)
			break;
		hows[how.how]++;
		depth++;
	}
	depths[depth]++;
	steps++;
	if (!found_caller(&r)) {
		wrong++;
		printf("wrong from rva 0x%llx: %u frames\n",
		       (unsigned long long)((uint64_t)g[REG_RIP] - (uintptr_t)image), depth);
	}
	nd_dump_close(dump);
}

static void trapped(int signal_number, siginfo_t *si, void *context)
{
	const greg_t *g = ((ucontext_t *)context)->uc_mcontext.gregs;

	(void)signal_number;
	(void)si;
	if ((uint64_t)g[REG_RIP] - (uintptr_t)image >= IMAGE_BYTES)
		return;
	if (!stack_low)
		entered(g);
	unwind_all(g);
}

static int run_steps(uint32_t rva)
{
	struct sigaction action = { .sa_sigaction = trapped, .sa_flags = SA_SIGINFO };
	uint64_t __attribute__((ms_abi)) (*run)(uint64_t);
	uint8_t *entry = image + rva;

	memcpy(&run, &entry, sizeof(run));
	sigaction(SIGTRAP, &action, NULL);
	__asm__ volatile("lea -128(%%rsp), %%rsp; pushfq; orq $0x100, (%%rsp); popfq;"
			 "lea 128(%%rsp), %%rsp" ::
				 : "memory", "cc");
	run(RUN_ARGUMENT);
	__asm__ volatile("lea -128(%%rsp), %%rsp; pushfq; andq $~0x100, (%%rsp); popfq;"
			 "lea 128(%%rsp), %%rsp" ::
				 : "memory", "cc");
	printf("%u instructions, %u wrong; %u steps by data, %u leaf; depths", steps, wrong,
	       hows[ND_UNWOUND_BY_DATA], hows[ND_UNWOUND_LEAF]);
	for (unsigned i = 0; i < 16; i++)
		printf(" %u", depths[i]);
	putchar('\n');
	return wrong || !steps;
}

/* The only export that has a name. */
static uint32_t named_export(void)
{
	const uint8_t *directory = image + nd_le32(image + nd_le32(image + 0x3c) + 24 + 112);

	uint16_t index = nd_le16(image + nd_le32(directory + 36));

	return nd_le32(image + nd_le32(directory + 28) + 4u * index);
}

#else
static int run_steps(uint32_t rva)
{
	printf("code at 0x%x cannot be run on this processor\n", rva);
	return 2;
}

static uint32_t named_export(void)
{
	return 0;
}
#endif

int main(int argc, char **argv)
{
	if (argc != 3)
		return 2;
	load(argv[2]);
	if (strcmp(argv[1], "decode") == 0)
		return decode(nd_le64(image + nd_le32(image + 0x3c) + 24 + 24));
	return run_steps(named_export());
}
