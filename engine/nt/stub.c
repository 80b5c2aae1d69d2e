/*
 * engine/nt/stub.c - finds ntdll and win32u in the processes and decodes their stubs.
 */
#include <stdlib.h>
#include <string.h>

#include "nt/module.h"
#include "nt/name.h"
#include "nt/process.h"
#include "nt/stub.h"

#define PROCESSES_TRIED_MAX 64u /* processes whose copy is looked at before the best is taken */
#define JMP_REL32 0xe9u
#define STUBS_ENOUGH 64u /* this many readable stubs: no need to look further */

static const char *const module_name[ND_STUB_MODULES] = { "ntdll", "win32u" };

/* mov r10,rcx; mov eax,imm32 */
static bool loads_number(const uint8_t *p)
{
	return p[0] == 0x4c && p[1] == 0x8b && p[2] == 0xd1 && p[3] == 0xb8;
}

static enum nd_stub_entry entry_of(const uint8_t *p)
{
	/* test byte ptr [7ffe0308h],1; jne +3; syscall; ret; int 2Eh; ret (14393 and later) */
	static const uint8_t both[] = { 0xf6, 0x04, 0x25, 0x08, 0x03, 0xfe, 0x7f, 0x01,
					0x75, 0x03, 0x0f, 0x05, 0xc3, 0xcd, 0x2e, 0xc3 };
	static const uint8_t plain[] = { 0x0f, 0x05, 0xc3 };

	if (!loads_number(p))
		return ND_STUB_PATCHED;
	if (memcmp(p + 8, both, sizeof(both)) == 0)
		return ND_STUB_SYSCALL_INT2E;
	return memcmp(p + 8, plain, sizeof(plain)) == 0 ? ND_STUB_SYSCALL : ND_STUB_OTHER;
}

/*
 * Exports that are stubs are named Nt or Zw + capital; NtdllDefWindowProc and the like are not. The
 * two are one address, but for a few whose Nt export is an ordinary function (NtQuerySystemTime):
 * then the Zw one is the stub.
 */
static bool is_service_name(const char *name)
{
	return ((name[0] == 'N' && name[1] == 't') || (name[0] == 'Z' && name[1] == 'w')) &&
	       name[2] >= 'A' && name[2] <= 'Z';
}

static int by_number(const void *a, const void *b)
{
	const struct nd_stub *x = a, *y = b;

	if (x->number != y->number)
		return x->number < y->number ? -1 : 1;
	return strcmp(x->name, y->name);
}

/* By name, what has a number before what has none. */
static int by_name(const void *a, const void *b)
{
	const struct nd_stub *x = a, *y = b;
	int order = strcmp(x->name, y->name);

	return order ? order : x->number < y->number ? -1 : x->number > y->number;
}

/* Each name once. */
static void drop_doubles(struct nd_stub_list *list)
{
	uint32_t kept = 0;

	if (list->count > 1)
		qsort(list->stub, list->count, sizeof(*list->stub), by_name);
	for (uint32_t i = 0; i < list->count; i++)
		if (kept == 0 || strcmp(list->stub[kept - 1].name, list->stub[i].name) != 0)
			list->stub[kept++] = list->stub[i];
	list->count = kept;
}

static enum nd_status read_stub(const struct nd_pe *pe, const struct nd_export *e,
				struct nd_stub *stub)
{
	char name[ND_PE_NAME_MAX];
	enum nd_status st = nd_pe_name(pe, e->name_rva, name);

	if (st != ND_OK)
		return st;
	if (!is_service_name(name) || strlen(name) >= sizeof(stub->name))
		return ND_NONE;
	*stub = (struct nd_stub){ .rva = e->rva, .number = UINT32_MAX };
	memcpy(stub->name, name, strlen(name) + 1);
	memcpy(stub->name, "Nt", 2);
	stub->st = nd_read(&pe->space, pe->base + e->rva, stub->bytes, ND_STUB_BYTES);
	if (nd_is_failure(stub->st))
		return stub->st;
	stub->entry = stub->st == ND_OK ? entry_of(stub->bytes) : ND_STUB_ABSENT;
	if (stub->entry == ND_STUB_PATCHED && stub->bytes[0] == JMP_REL32) {
		stub->jump_rva = e->rva + 5 + nd_le32(stub->bytes + 1);
		if (stub->jump_rva < pe->size_bytes)
			stub->entry = ND_STUB_JUMP;
	}
	if (stub->entry == ND_STUB_SYSCALL || stub->entry == ND_STUB_SYSCALL_INT2E ||
	    stub->entry == ND_STUB_OTHER)
		stub->number = nd_le32(stub->bytes + 4);
	return ND_OK;
}

/*
 * Nt exports that are ordinary functions (NtCurrentTeb has no export, but NtGetTickCount has) are
 * not patched stubs: a stub lies between stubs, so what is outside of their range is left out.
 */
static void drop_ordinary(struct nd_stub_list *list)
{
	uint32_t low = UINT32_MAX, high = 0, kept = 0;

	for (uint32_t i = 0; i < list->count; i++) {
		const struct nd_stub *s = &list->stub[i];

		if (s->entry != ND_STUB_SYSCALL && s->entry != ND_STUB_SYSCALL_INT2E)
			continue;
		low = s->rva < low ? s->rva : low;
		high = s->rva > high ? s->rva : high;
	}
	for (uint32_t i = 0; i < list->count; i++) {
		const struct nd_stub *s = &list->stub[i];

		if (s->number != UINT32_MAX || (s->rva >= low && s->rva <= high))
			list->stub[kept++] = *s;
	}
	list->count = kept;
}

static enum nd_status read_image_stubs(const struct nd_pe *pe, const struct nd_exports *exports,
				       struct nd_stub_list *list)
{
	uint32_t most = exports->count < ND_STUBS_MAX ? exports->count : ND_STUBS_MAX;
	enum nd_status st = ND_OK;

	list->stub = calloc(most ? most : 1, sizeof(*list->stub));
	if (!list->stub)
		return ND_ENOMEM;
	for (uint32_t i = 0; i < exports->count && list->count < most; i++) {
		const struct nd_export *e = &exports->item[i];

		if (e->forwarder || e->name_rva == 0)
			continue;
		st = read_stub(pe, e, &list->stub[list->count]);
		if (nd_is_failure(st))
			return st;
		list->count += st == ND_OK;
	}
	drop_doubles(list);
	drop_ordinary(list);
	if (list->count > 1)
		qsort(list->stub, list->count, sizeof(*list->stub), by_number);
	return ND_OK;
}

static uint32_t readable(const struct nd_stub_list *list)
{
	uint32_t n = 0;

	for (uint32_t i = 0; i < list->count; i++)
		n += list->stub[i].number != UINT32_MAX;
	return n;
}

static enum nd_status from_process(const struct nd_dump *dump, uint32_t index, const char *name,
				   struct nd_stub_list *ret)
{
	const struct nd_process_list *processes;
	const struct nd_module_list *modules;
	const struct nd_image *image;
	struct nd_process p;
	struct nd_space space;
	enum nd_status st = nd_processes(dump, &processes);

	if (st == ND_OK)
		st = nd_process_read(dump, processes->ref[index].eprocess, &p);
	if (st == ND_OK)
		st = nd_process_modules(dump, index, &modules);
	if (st != ND_OK)
		return st;
	space = nd_process_space(dump, &p);
	for (uint32_t i = 0; i < modules->count; i++) {
		const struct nd_module *m = &modules->module[i];
		struct nd_pe pe;

		if (m->source == ND_MODULE_LDR32 || strcmp(m->symbol_name, name) != 0)
			continue;
		st = nd_image_get(&space, m->base, &image);
		if (st != ND_OK)
			return st;
		pe = image->pe;
		pe.space = space;
		if (pe.machine == 0x8664)
			st = read_image_stubs(&pe, &image->exports, ret);
		ret->base = m->base;
		ret->process = index;
		nd_image_put(dump, image);
		return st;
	}
	return ND_NONE;
}

enum nd_status nd_stub_list_build(const struct nd_dump *dump, enum nd_stub_module module,
				  struct nd_stub_list *ret)
{
	struct nd_stub_list best = { .st = ND_NOT_IN_DUMP };
	const struct nd_process_list *processes;
	enum nd_status st = nd_processes(dump, &processes);

	if (st != ND_OK)
		return st;
	for (uint32_t i = 0, tried = 0; i < processes->count && tried < PROCESSES_TRIED_MAX; i++) {
		struct nd_stub_list list = { 0 };

		st = from_process(dump, processes->by_pid[i], module_name[module], &list);
		if (nd_is_failure(st)) {
			nd_stub_list_free(&list);
			nd_stub_list_free(&best);
			return st;
		}
		tried++;
		if (st == ND_OK && readable(&list) > readable(&best)) {
			nd_stub_list_free(&best);
			best = list;
		} else {
			nd_stub_list_free(&list);
		}
		if (readable(&best) >= STUBS_ENOUGH)
			break;
	}
	*ret = best;
	return ND_OK;
}

void nd_stub_list_free(struct nd_stub_list *list)
{
	free(list->stub);
	list->stub = NULL;
	list->count = 0;
}

const struct nd_stub *nd_stub_of(const struct nd_stub_list *list, uint32_t number)
{
	uint32_t low = 0, high = list->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (list->stub[middle].number < number)
			low = middle + 1;
		else
			high = middle;
	}
	return low < list->count && list->stub[low].number == number ? &list->stub[low] : NULL;
}
