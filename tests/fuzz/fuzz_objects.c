/*
 * tests/fuzz/fuzz_objects.c - any words as kernel memory: handle tables, object headers, types, the
 * namespace, and the names of every object that is met.
 *
 * The input is copied to the pages of a tiny machine. Words whose top byte is 0xaa become pointers
 * into these pages, so that chance finds structures; the first words are the kernel's variables.
 */
#include "../unit/tiny_machine.h"
#include "nt/directory.h"
#include "nt/handle.h"
#include "nt/namespace.h"
#include "nt/object_name.h"

#define HANDLES_MAX 2000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static struct tiny machine;

static void fill(const uint8_t *data, size_t size)
{
	uint8_t *to = tiny_page(&machine, TINY_DATA);

	memset(&machine, 0, sizeof(machine));
	tiny_map(&machine);
	if (size > TINY_BYTES)
		size = TINY_BYTES;
	memcpy(to, data, size);
	for (size_t i = 0; i + 8 <= size; i += 8)
		if (to[i + 7] == 0xaa)
			tiny_put(to + i, TINY_BASE + nd_le64(to + i) % TINY_BYTES, 8);
}

static void read_object(const struct nd_dump *dump, nd_va at)
{
	struct nd_object object;
	struct nd_ustr name;

	if (nd_object_read(dump, at, &object) != ND_OK)
		return;
	name = nd_object_display_name(dump, &object);
	nd_ustr_free(&name);
	name = nd_key_path(dump, at);
	nd_ustr_free(&name);
	name = nd_file_object_path(dump, at);
	nd_ustr_free(&name);
	nd_section_read(dump, at);
	nd_port_ends_read(dump, at);
	nd_object_creator_pid(dump, &object);
	nd_object_paged_charge(dump, &object);
}

static void read_handles(const struct nd_dump *dump, nd_va eprocess)
{
	static struct nd_handle_iter iter;
	struct nd_handle_table table;
	struct nd_handle handle, found;
	uint32_t before = 0, count = 0;

	if (nd_handle_table_build(dump, eprocess, &table) != ND_OK)
		return;
	iter = (struct nd_handle_iter){ .dump = dump, .table = &table };
	while (nd_handle_iter_next(&iter, &handle) == ND_OK && count++ < HANDLES_MAX) {
		if (count > 1 && handle.value <= before)
			abort();
		if (nd_handle_find(dump, &table, handle.value, &found) != ND_OK ||
		    found.object != handle.object)
			abort();
		before = handle.value;
		read_object(dump, handle.object);
	}
	if (count < HANDLES_MAX && count != table.handles)
		abort();
	nd_handle_table_free(&table);
}

static void read_namespace(const struct nd_dump *dump)
{
	const struct nd_namespace *space;

	if (nd_namespace(dump, &space) != ND_OK)
		return;
	for (uint32_t i = 0; i < space->count; i++) {
		const struct nd_name_node *node = &space->node[i];

		if (node->parent >= space->count || node->count > space->count ||
		    node->first > space->count - node->count || (i > 0 && node->parent >= i))
			abort();
		read_object(dump, node->object);
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const uint32_t builds[] = { 7601, 9600, 10240, 19041, 22000 };
	struct nd_dump *dump;

	if (size < 8)
		return 0;
	fill(data, size);
	dump = tiny_open(&machine, builds[data[0] % (sizeof(builds) / sizeof(*builds))]);
	dump->symbol[ND_SYM_ObpRootDirectoryObject] = TINY_BASE + 8;
	dump->symbol[ND_SYM_ObpTypeObjectType] = TINY_BASE + 16;
	if (data[1] & 1)
		dump->symbol[ND_SYM_ObTypeIndexTable] = TINY_BASE + 0x20;
	if (data[1] & 2)
		dump->symbol[ND_SYM_ObpInfoMaskToOffset] = TINY_BASE + 0x800;
	read_namespace(dump);
	for (size_t at = 0x1000; at + 0x1000 < size && at < TINY_BYTES; at += 0x1000)
		read_handles(dump, TINY_BASE + at);
	nd_dump_close(dump);
	return 0;
}
