/*
 * tests/fuzz/fuzz_objects.c - any words as kernel memory: handle tables, object headers, types, the
 * namespace, the names of every object that is met, and all of ALPC.
 *
 * The input is copied to the pages of a tiny machine. Words whose top byte is 0xaa become pointers
 * into these pages, so that chance finds structures; the first words are the kernel's variables.
 */
#include "../unit/tiny_machine.h"
#include "nt/alpc.h"
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

static void read_port(const struct nd_dump *dump, nd_va at)
{
	struct nd_port_clients clients;
	struct nd_port port;
	struct nd_ustr name;

	if (nd_port_read(dump, at, &port) != ND_OK)
		return;
	name = nd_port_name(dump, &port);
	nd_ustr_free(&name);
	nd_port_peer(dump, &port);
	if (nd_port_clients_read(dump, &port, NULL, &clients) == ND_OK)
		nd_port_clients_free(&clients);
}

/* The parts of ALPC fit together, whatever is there. */
static void read_ports(const struct nd_dump *dump)
{
	const struct nd_alpc *alpc;
	uint32_t messages = 0, receivers = 0;

	if (nd_alpc(dump, &alpc) != ND_OK)
		return;
	for (uint32_t i = 0; i < alpc->count; i++) {
		const struct nd_port_ref *ref = &alpc->ref[i];

		if (nd_port_index(alpc, ref->port) != i || (i > 0 && ref[-1].port >= ref->port))
			abort();
		if ((ref->message_count && ref->first_message != messages) ||
		    (ref->receiver_count && ref->first_receiver != receivers))
			abort();
		messages += ref->message_count;
		receivers += ref->receiver_count;
		read_port(dump, ref->port);
	}
	if (messages != alpc->messages || receivers != alpc->receivers)
		abort();
	for (uint32_t i = 0; i < alpc->waits; i++)
		if (!nd_port_wait_of(alpc, alpc->wait[i].client))
			abort();
	for (uint32_t i = 0; i < alpc->served; i++)
		if (nd_port_served_by(alpc, alpc->message[alpc->by_server[i]].server_thread) > i)
			abort();
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
	if (data[1] & 4)
		dump->symbol[ND_SYM_AlpcpPortList] = TINY_BASE + 0x80;
	read_namespace(dump);
	read_ports(dump);
	for (size_t at = 0x1000; at + 0x1000 < size && at < TINY_BYTES; at += 0x1000)
		read_handles(dump, TINY_BASE + at);
	nd_dump_close(dump);
	return 0;
}
