/*
 * engine/nt/kernel_module.c - kernel modules from PsLoadedModuleList or a triage dump's driver
 * list, and the drivers that were unloaded.
 */
#include <stdlib.h>
#include <string.h>

#include "nt/list.h"
#include "nt/module.h"

/* MI_UNLOADED_DRIVERS entry: Name UNICODE_STRING 0, StartAddress, EndAddress, CurrentTime. */
enum { UNLOADED_BYTES = 0x28, UNLOADED_START = 0x10, UNLOADED_END = 0x18, UNLOADED_TIME = 0x20 };

static void read_entry(const struct nd_dump *dump, nd_va entry, struct nd_module *m)
{
	struct nd_rec rec;
	struct nd_u64 base;

	*m = (struct nd_module){ .source = ND_MODULE_KERNEL, .entry = entry };
	nd_rec_read(&dump->kernel, entry, ND_S_KLDR_DATA_TABLE_ENTRY, &rec);
	m->size = nd_rec_get(&rec, ND_M_KLDR_DATA_TABLE_ENTRY_SizeOfImage);
	m->entry_point = nd_rec_get(&rec, ND_M_KLDR_DATA_TABLE_ENTRY_EntryPoint);
	m->timestamp = nd_rec_get(&rec, ND_M_KLDR_DATA_TABLE_ENTRY_TimeDateStamp);
	m->checksum = nd_rec_get(&rec, ND_M_KLDR_DATA_TABLE_ENTRY_CheckSum);
	m->flags = nd_rec_get(&rec, ND_M_KLDR_DATA_TABLE_ENTRY_Flags);
	base = nd_rec_get(&rec, ND_M_KLDR_DATA_TABLE_ENTRY_DllBase);
	m->base = base.value;
	m->base_st = base.st;
	m->name = nd_rec_ustr(&rec, &dump->kernel, ND_M_KLDR_DATA_TABLE_ENTRY_BaseDllName);
	m->path = nd_rec_ustr(&rec, &dump->kernel, ND_M_KLDR_DATA_TABLE_ENTRY_FullDllName);
}

static void name_kernel(const struct nd_dump *dump, struct nd_module *m)
{
	if (dump->kernel_base != 0 && m->base == dump->kernel_base)
		memcpy(m->symbol_name, "nt", 3);
}

static void note_names(struct nd_module_list *list, const struct nd_module *m)
{
	struct nd_problem p = { .kind = ND_PROBLEM_NAME, .owner = m->entry };

	if (nd_is_missing(m->name.st)) {
		p.where = "KLDR_DATA_TABLE_ENTRY.BaseDllName";
		p.st = m->name.st;
		p.a = m->name.at;
		nd_problem_add(&list->problems, p);
	}
	if (nd_is_missing(m->path.st)) {
		p.where = "KLDR_DATA_TABLE_ENTRY.FullDllName";
		p.st = m->path.st;
		p.a = m->path.at;
		nd_problem_add(&list->problems, p);
	}
}

static enum nd_status from_list(const struct nd_dump *dump, struct nd_module_list *list)
{
	nd_va head = dump->symbol[ND_SYM_PsLoadedModuleList];
	struct nd_list ring;
	enum nd_status st;

	if (head == 0 || nd_offset(dump, ND_M_KLDR_DATA_TABLE_ENTRY_DllBase) == ND_OFFSET_ABSENT) {
		list->st = ND_NO_SYMBOLS;
		return ND_OK;
	}
	st = nd_list_collect(&dump->kernel, head, ND_MODULES_MAX, &ring);
	if (nd_is_missing(st)) {
		list->st = st;
		list->at = head;
		return ND_OK;
	}
	if (st != ND_OK)
		return st;
	nd_problem_add_list(&list->problems, "PsLoadedModuleList", 0, &ring);
	for (size_t i = 0; i < ring.count && st == ND_OK; i++) {
		struct nd_module m;

		read_entry(dump, ring.link[i], &m); /* InLoadOrderLinks is its first member */
		note_names(list, &m);
		name_kernel(dump, &m);
		st = nd_module_append(list, &m);
	}
	nd_list_free(&ring);
	return st;
}

static enum nd_status copy_units(const uint16_t *units, size_t count, struct nd_ustr *ret)
{
	*ret = (struct nd_ustr){ .count = count };
	ret->units = malloc((count + 1) * sizeof(*units));
	if (!ret->units) {
		*ret = (struct nd_ustr){ .st = ND_ENOMEM };
		return ND_ENOMEM;
	}
	memcpy(ret->units, units, count * sizeof(*units));
	return ND_OK;
}

static enum nd_status from_triage(const struct nd_dump *dump, struct nd_module_list *list)
{
	const struct nd_triage *triage = nd_source_triage(dump->src);

	for (uint32_t i = 0; i < triage->driver_count && i < ND_MODULES_MAX; i++) {
		struct nd_triage_driver d;
		struct nd_module m = { .source = ND_MODULE_TRIAGE };
		enum nd_status st = nd_source_triage_driver(dump->src, i, &d);

		if (nd_is_failure(st))
			return st;
		if (st != ND_OK)
			continue;
		m.base = d.base;
		m.size = nd_u64_of(d.size_bytes);
		m.timestamp = nd_u64_of(d.timestamp);
		m.checksum = nd_u64_of(d.checksum);
		m.entry_point = m.flags = nd_u64_missing(ND_NOT_IN_DUMP, 0);
		copy_units(d.name, d.name_units, &m.path); /* its status is checked on appending */
		name_kernel(dump, &m);
		st = nd_module_append(list, &m);
		if (st != ND_OK)
			return st;
	}
	return ND_OK;
}

enum nd_status nd_kernel_modules_build(const struct nd_dump *dump, struct nd_module_list *ret)
{
	struct nd_module_list list = { 0 };
	enum nd_status st =
		nd_source_triage(dump->src) ? from_triage(dump, &list) : from_list(dump, &list);

	if (st == ND_OK)
		st = nd_module_list_sort(&list);
	if (st != ND_OK) {
		nd_module_list_free(&list);
		return st;
	}
	*ret = list;
	return ND_OK;
}

static enum nd_status unloaded_from_triage(const struct nd_dump *dump,
					   struct nd_unloaded_list *list)
{
	const struct nd_triage *triage = nd_source_triage(dump->src);

	for (uint32_t i = 0; i < triage->unloaded_count && list->count < ND_UNLOADED_MAX; i++) {
		struct nd_unloaded *u = &list->item[list->count];
		struct nd_triage_unloaded t;
		enum nd_status st = nd_source_triage_unloaded(dump->src, i, &t);

		if (st == ND_OK)
			st = copy_units(t.name, t.name_units, &u->name);
		if (nd_is_failure(st))
			return st;
		if (st != ND_OK)
			continue;
		u->start = nd_u64_of(t.start);
		u->end = nd_u64_of(t.end);
		u->time = nd_u64_missing(ND_NOT_IN_DUMP, 0);
		list->count++;
	}
	return ND_OK;
}

static enum nd_status read_unloaded(const struct nd_dump *dump, nd_va array, uint64_t newest,
				    struct nd_unloaded_list *list)
{
	for (uint32_t i = 0; i < ND_UNLOADED_MAX; i++) {
		uint64_t slot = (newest + ND_UNLOADED_MAX - i) % ND_UNLOADED_MAX;
		nd_va at = array + slot * UNLOADED_BYTES;
		struct nd_unloaded *u = &list->item[list->count];

		u->start = nd_read_num(&dump->kernel, at + UNLOADED_START, 8);
		u->end = nd_read_num(&dump->kernel, at + UNLOADED_END, 8);
		u->time = nd_read_num(&dump->kernel, at + UNLOADED_TIME, 8);
		if (nd_is_failure(u->start.st))
			return u->start.st;
		if (u->start.st == ND_OK && u->start.value == 0)
			continue; /* never used */
		u->name = nd_ustr_read(&dump->kernel, at);
		if (nd_is_failure(u->name.st))
			return u->name.st;
		list->count++;
	}
	return ND_OK;
}

enum nd_status nd_unloaded_read(const struct nd_dump *dump, struct nd_unloaded_list *ret)
{
	nd_va array_p = dump->symbol[ND_SYM_MmUnloadedDrivers];
	nd_va last_p = dump->symbol[ND_SYM_MmLastUnloadedDriver];
	struct nd_u64 array, last;
	enum nd_status st = ND_OK;

	*ret = (struct nd_unloaded_list){ 0 };
	if (nd_source_triage(dump->src)) {
		st = unloaded_from_triage(dump, ret);
	} else if (array_p == 0 || last_p == 0) {
		ret->st = ND_NO_SYMBOLS;
	} else {
		array = nd_read_num(&dump->kernel, array_p, 8);
		last = nd_read_num(&dump->kernel, last_p, 4);
		ret->st = array.st != ND_OK ? array.st : last.st;
		ret->at = array.st != ND_OK ? array.at : last.at;
		if (ret->st == ND_OK && array.value != 0)
			st = read_unloaded(dump, array.value, last.value + ND_UNLOADED_MAX - 1,
					   ret);
	}
	if (nd_is_failure(st))
		nd_unloaded_free(ret);
	return st;
}

void nd_unloaded_free(struct nd_unloaded_list *list)
{
	for (uint32_t i = 0; i < list->count; i++)
		nd_ustr_free(&list->item[i].name);
	list->count = 0;
}
