/*
 * engine/nt/user_module.c - a process's modules: the loader's lists in user memory (both widths
 * under WoW64), then image VADs that no list names. In a kernel dump only the VADs are there.
 */
#include <stdlib.h>
#include <string.h>

#include "nt/list.h"
#include "nt/module.h"
#include "nt/object_name.h"
#include "vm/vad.h"

#define USER_MODULES_MAX 4096u

/* 32-bit loader structures (PEB32, PEB_LDR_DATA32, LDR_DATA_TABLE_ENTRY32), all builds. */
enum {
	PEB32_LDR = 0x0c,
	LDR32_IN_LOAD_ORDER = 0x0c,
	ENTRY32_DLL_BASE = 0x18,
	ENTRY32_ENTRY_POINT = 0x1c,
	ENTRY32_SIZE_OF_IMAGE = 0x20,
	ENTRY32_FULL_DLL_NAME = 0x24,
	ENTRY32_BASE_DLL_NAME = 0x2c,
	ENTRY32_TIME_DATE_STAMP = 0x44,
};

static bool has_base(const struct nd_module_list *list, nd_va base)
{
	for (uint32_t i = 0; i < list->count; i++)
		if (list->module[i].base == base)
			return true;
	return false;
}

/* LDR_DATA_TABLE_ENTRY; the kernel's and the loader's entry agree up to BaseDllName. */
static void read_entry(const struct nd_space *space, nd_va entry, struct nd_module *m)
{
	struct nd_rec rec;

	*m = (struct nd_module){ .source = ND_MODULE_LDR, .entry = entry };
	nd_rec_read_bytes(space, entry, 0x120, &rec);
	m->base = nd_rec_get(&rec, ND_M_LDR_DATA_TABLE_ENTRY_DllBase).value;
	m->size = nd_rec_get(&rec, ND_M_LDR_DATA_TABLE_ENTRY_SizeOfImage);
	m->entry_point = nd_rec_get(&rec, ND_M_LDR_DATA_TABLE_ENTRY_EntryPoint);
	m->timestamp = nd_rec_get(&rec, ND_M_LDR_DATA_TABLE_ENTRY_TimeDateStamp);
	m->checksum = m->flags = nd_u64_missing(ND_NONE, entry);
	m->name = nd_rec_ustr(&rec, space, ND_M_LDR_DATA_TABLE_ENTRY_BaseDllName);
	m->path = nd_rec_ustr(&rec, space, ND_M_LDR_DATA_TABLE_ENTRY_FullDllName);
}

static struct nd_ustr ustr32(const struct nd_space *space, nd_va at)
{
	uint8_t header[8];
	enum nd_status st = nd_read(space, at, header, sizeof(header));

	if (st == ND_OK && nd_le16(header) > nd_le16(header + 2))
		st = ND_INVALID;
	if (st != ND_OK)
		return (struct nd_ustr){ .st = st, .at = at };
	return nd_ustr_read_at(space, nd_le32(header + 4), nd_le16(header));
}

static void read_entry32(const struct nd_space *space, nd_va entry, struct nd_module *m)
{
	*m = (struct nd_module){ .source = ND_MODULE_LDR32, .entry = entry };
	m->base = nd_read_num(space, entry + ENTRY32_DLL_BASE, 4).value;
	m->size = nd_read_num(space, entry + ENTRY32_SIZE_OF_IMAGE, 4);
	m->entry_point = nd_read_num(space, entry + ENTRY32_ENTRY_POINT, 4);
	m->timestamp = nd_read_num(space, entry + ENTRY32_TIME_DATE_STAMP, 4);
	m->checksum = m->flags = nd_u64_missing(ND_NONE, entry);
	m->name = ustr32(space, entry + ENTRY32_BASE_DLL_NAME);
	m->path = ustr32(space, entry + ENTRY32_FULL_DLL_NAME);
}

typedef void read_entry_fn(const struct nd_space *space, nd_va entry, struct nd_module *m);

/* The loader keeps an image that it could not finish; one base is listed once. */
static enum nd_status add_ring(const struct nd_space *space, const struct nd_list *ring,
			       read_entry_fn *read, const char *where, nd_va eprocess,
			       struct nd_module_list *list)
{
	nd_problem_add_list(&list->problems, where, eprocess, ring);
	for (size_t i = 0; i < ring->count && list->count < ND_MODULES_MAX; i++) {
		struct nd_module m;
		enum nd_status st;

		read(space, ring->link[i], &m); /* InLoadOrderLinks is the first member */
		if (m.base == 0 || nd_va_is_kernel(m.base) || has_base(list, m.base)) {
			nd_module_free(&m);
			continue;
		}
		st = nd_module_append(list, &m);
		if (st != ND_OK)
			return st;
	}
	return ND_OK;
}

static enum nd_status add_loader_list(const struct nd_space *space, const struct nd_process *p,
				      struct nd_module_list *list)
{
	uint32_t head = nd_offset(space->dump, ND_M_PEB_LDR_DATA_InLoadOrderModuleList);
	struct nd_u64 ldr;
	struct nd_list ring;
	enum nd_status st;

	if (p->peb.st != ND_OK || p->peb.value == 0 || nd_va_is_kernel(p->peb.value))
		return ND_OK;
	ldr = nd_member_read(space, p->peb.value, ND_M_PEB_Ldr);
	if (ldr.st == ND_OK && (ldr.value == 0 || nd_va_is_kernel(ldr.value)))
		ldr.st = ND_INVALID;
	if (ldr.st == ND_OK && head == ND_OFFSET_ABSENT)
		ldr.st = ND_NOT_IN_BUILD;
	if (ldr.st != ND_OK) {
		list->at = ldr.at;
		list->st = nd_is_missing(ldr.st) ? ldr.st : ND_OK;
		return nd_is_failure(ldr.st) ? ldr.st : ND_OK;
	}
	st = nd_list_collect(space, ldr.value + head, USER_MODULES_MAX, &ring);
	if (st != ND_OK) {
		list->st = nd_is_missing(st) ? st : ND_OK;
		list->at = ldr.value + head;
		return nd_is_failure(st) ? st : ND_OK;
	}
	st = add_ring(space, &ring, read_entry, "PEB_LDR_DATA.InLoadOrderModuleList", p->eprocess,
		      list);
	nd_list_free(&ring);
	return st;
}

/*
 * The 32-bit PEB: EWOW64PROCESS.Peb from 10586 on; before, the pointer in EPROCESS leads straight
 * to a structure whose first pointer it is.
 */
static nd_va peb32(const struct nd_dump *dump, const struct nd_process *p)
{
	uint32_t at = nd_offset(dump, ND_M_EWOW64PROCESS_Peb);
	struct nd_u64 v;

	if (p->wow64_process.st != ND_OK || !nd_va_is_kernel(p->wow64_process.value))
		return 0;
	v = nd_read_num(&dump->kernel, p->wow64_process.value + (at == ND_OFFSET_ABSENT ? 0 : at),
			8);
	return v.st == ND_OK && v.value <= UINT32_MAX ? v.value : 0;
}

static enum nd_status add_loader_list32(const struct nd_space *space, const struct nd_process *p,
					struct nd_module_list *list)
{
	nd_va peb = peb32(space->dump, p);
	struct nd_list ring;
	struct nd_u64 ldr;
	enum nd_status st;

	if (peb == 0)
		return ND_OK;
	ldr = nd_read_num(space, peb + PEB32_LDR, 4);
	if (ldr.st != ND_OK || ldr.value == 0)
		return nd_is_failure(ldr.st) ? ldr.st : ND_OK;
	st = nd_list32_collect(space, ldr.value + LDR32_IN_LOAD_ORDER, USER_MODULES_MAX, &ring);
	if (st != ND_OK)
		return nd_is_failure(st) ? st : ND_OK;
	st = add_ring(space, &ring, read_entry32, "PEB_LDR_DATA32.InLoadOrderModuleList",
		      p->eprocess, list);
	nd_list_free(&ring);
	return st;
}

/* TimeDateStamp of the image's own header, where that page is there. */
static struct nd_u64 header_timestamp(const struct nd_space *space, nd_va base)
{
	struct nd_u64 nt = nd_read_num(space, base + 0x3c, 4);

	if (nt.st != ND_OK)
		return nt;
	if (nt.value > 0x1000)
		return nd_u64_missing(ND_INVALID, base);
	return nd_read_num(space, base + nt.value + 8, 4);
}

static enum nd_status add_vads(const struct nd_space *space, const struct nd_process *p,
			       struct nd_module_list *list)
{
	const struct nd_dump *dump = space->dump;
	struct nd_vad_list vads;
	enum nd_status st = nd_vad_list_read(dump, p->eprocess, &vads);

	if (st != ND_OK)
		return st;
	if (vads.st != ND_OK && vads.st != ND_NOT_IN_BUILD)
		nd_problem_add(&list->problems, (struct nd_problem){ .kind = ND_PROBLEM_TREE,
								     .where = "EPROCESS.VadRoot",
								     .owner = p->eprocess,
								     .a = vads.trouble,
								     .st = vads.st });
	for (size_t i = 0; i < vads.count && st == ND_OK && list->count < ND_MODULES_MAX; i++) {
		const struct nd_vad *v = &vads.vad[i];
		struct nd_module m = { .source = ND_MODULE_VAD,
				       .entry = v->address,
				       .base = v->start };
		struct nd_u64 file;

		if (v->type.st != ND_OK || v->type.value != ND_VAD_IMAGE_MAP ||
		    has_base(list, v->start))
			continue;
		file = nd_vad_file_object(dump, v);
		if (file.st != ND_OK)
			continue;
		m.size = nd_u64_of(v->end - v->start + 1);
		m.path = nd_file_object_path(dump, file.value);
		m.timestamp = header_timestamp(space, v->start);
		m.entry_point = m.checksum = m.flags = nd_u64_missing(ND_NONE, v->address);
		st = nd_module_append(list, &m);
	}
	nd_vad_list_free(&vads);
	return st;
}

enum nd_status nd_process_modules_build(const struct nd_dump *dump, nd_va eprocess,
					struct nd_module_list *ret)
{
	struct nd_module_list list = { 0 };
	struct nd_process p;
	struct nd_space space;
	enum nd_status st = nd_process_read(dump, eprocess, &p);

	if (nd_is_missing(st)) {
		list.st = st;
		list.at = eprocess;
		st = nd_module_list_sort(&list);
	} else if (st == ND_OK) {
		space = nd_process_space(dump, &p);
		st = add_loader_list(&space, &p, &list);
		if (st == ND_OK)
			st = add_loader_list32(&space, &p, &list);
		if (st == ND_OK)
			st = add_vads(&space, &p, &list);
		if (st == ND_OK)
			st = nd_module_list_sort(&list);
	}
	if (st != ND_OK) {
		nd_module_list_free(&list);
		return st;
	}
	*ret = list;
	return ND_OK;
}
