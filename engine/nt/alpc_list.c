/*
 * engine/nt/alpc_list.c - all ports: AlpcpPortList, handles, the namespace and the connections of
 * every port found so, reconciled; each of them may be broken.
 */
#include <stdlib.h>
#include <string.h>

#include "nt/alpc.h"
#include "nt/handle.h"
#include "nt/list.h"
#include "nt/namespace.h"
#include "nt/object.h"
#include "nt/object_name.h"
#include "nt/process.h"
#include "seen.h"

/*
 * Specific rights that no port has: PORT_CONNECT is its only one, and the kernel grants none that
 * the type has not. Most handles are ruled out by them, without a look at their objects.
 */
#define NO_PORT_ACCESS 0xfffeu

enum { BY_LIST, BY_HANDLE, BY_NAME, BY_CONNECTION, SOURCES }; /* bit numbers of nd_port_source */

/* A port that some source names. */
struct claim {
	nd_va port;
	unsigned source; /* bit number */
};

struct find {
	const struct nd_dump *dump;
	struct nd_alpc *alpc;
	struct nd_seen known[SOURCES]; /* what a source has named already */
	struct nd_seen connections;    /* ALPC_COMMUNICATION_INFOs that were read */
	struct claim *claim;	       /* in the order of finding */
	size_t claims, cap;
	uint32_t clients; /* of all connection ports, so far */
	bool list_sound;  /* AlpcpPortList was read to its end */
};

static void tell(struct find *f, enum nd_problem_kind kind, const char *where, nd_va owner,
		 uint64_t a)
{
	nd_problem_add(&f->alpc->problems,
		       (struct nd_problem){ .kind = kind, .where = where, .owner = owner, .a = a });
}

static bool is_known(const struct find *f, nd_va port)
{
	for (int i = 0; i < SOURCES; i++)
		if (nd_seen_has(&f->known[i], port))
			return true;
	return false;
}

static enum nd_status add(struct find *f, nd_va port, unsigned source)
{
	enum nd_status st;

	if (nd_seen_has(&f->known[source], port) || f->claims >= SOURCES * ND_PORTS_MAX)
		return ND_OK;
	if (f->claims == f->cap) {
		size_t cap = f->cap ? 2 * f->cap : 256;
		struct claim *grown = realloc(f->claim, cap * sizeof(*grown));

		if (!grown)
			return ND_ENOMEM;
		f->claim = grown;
		f->cap = cap;
	}
	st = nd_seen_add(&f->known[source], port);
	if (st == ND_OK)
		f->claim[f->claims++] = (struct claim){ port, source };
	return st;
}

/* ND_OK and *ret: whether it is a port; or why its header cannot tell. */
static enum nd_status is_port(struct find *f, nd_va at, bool *ret)
{
	struct nd_object object;
	enum nd_status st = nd_object_read(f->dump, at, &object);

	if (st != ND_OK)
		return st;
	if (!object.type)
		return object.type_st;
	*ret = object.type->kind == ND_OBJECT_ALPC_PORT;
	return ND_OK;
}

/*
 * What a link or a pointer says is a port. One whose header is not in the dump is one all the
 * same; anything else than a port is told.
 */
static enum nd_status add_named(struct find *f, nd_va port, unsigned source, const char *where,
				nd_va owner)
{
	bool yes = false;
	enum nd_status st = ND_INVALID;

	if (nd_seen_has(&f->known[source], port))
		return ND_OK;
	if (is_known(f, port))
		return add(f, port, source);
	if (nd_va_is_kernel(port) && !(port & 7))
		st = is_port(f, port, &yes);
	if (nd_is_failure(st))
		return st;
	if (yes || (st != ND_OK && st != ND_INVALID && st != ND_UNMAPPED))
		return add(f, port, source);
	tell(f, ND_PROBLEM_POINTER, where, owner, port);
	return ND_OK;
}

/* --- handles and names ------------------------------------------------------------------------ */

static enum nd_status from_object(struct find *f, nd_va object, unsigned source)
{
	bool yes = false;
	enum nd_status st = ND_OK;

	if (!nd_va_is_kernel(object) || object & 7 || nd_seen_has(&f->known[source], object))
		return ND_OK;
	st = is_port(f, object, &yes);
	if (st == ND_OK && yes)
		return add(f, object, source);
	return nd_is_failure(st) ? st : ND_OK;
}

struct objects {
	nd_va *at;
	size_t count, cap;
};

static enum nd_status add_handles(const struct nd_dump *dump, uint32_t process,
				  struct objects *objects)
{
	const struct nd_handle_table *table;
	struct nd_handle_iter iter = { .dump = dump };
	struct nd_handle handle;
	enum nd_status st = nd_handle_table(dump, process, &table);

	if (st != ND_OK || table->st != ND_OK)
		return st;
	iter.table = table;
	while ((st = nd_handle_iter_next(&iter, &handle)) == ND_OK) {
		if (handle.access & NO_PORT_ACCESS)
			continue;
		if (objects->count == objects->cap) {
			size_t cap = objects->cap ? 2 * objects->cap : 4096;
			nd_va *grown = realloc(objects->at, cap * sizeof(*grown));

			if (!grown)
				return ND_ENOMEM;
			objects->at = grown;
			objects->cap = cap;
		}
		objects->at[objects->count++] = handle.object;
	}
	return st == ND_ENOENT ? ND_OK : st;
}

static int by_address(const void *a, const void *b)
{
	nd_va x = *(const nd_va *)a, y = *(const nd_va *)b;

	return x < y ? -1 : x > y;
}

/* In the order of their addresses: each page of the dump is read once. */
static enum nd_status from_handles(struct find *f)
{
	const struct nd_process_list *processes;
	struct objects objects = { 0 };
	enum nd_status st = nd_processes(f->dump, &processes);

	for (uint32_t i = 0; st == ND_OK && i < processes->count; i++)
		st = add_handles(f->dump, i, &objects);
	if (objects.count > 1)
		qsort(objects.at, objects.count, sizeof(*objects.at), by_address);
	for (size_t i = 0; st == ND_OK && i < objects.count; i++)
		if (i == 0 || objects.at[i] != objects.at[i - 1])
			st = from_object(f, objects.at[i], BY_HANDLE);
	free(objects.at);
	return st;
}

static enum nd_status from_namespace(struct find *f)
{
	const struct nd_namespace *space;
	enum nd_status st = nd_namespace(f->dump, &space);

	for (uint32_t i = 0; st == ND_OK && i < space->count; i++)
		if (!space->node[i].directory)
			st = from_object(f, space->node[i].object, BY_NAME);
	return st;
}

/* --- AlpcpPortList ---------------------------------------------------------------------------- */

static bool in_kernel_image(const struct nd_dump *dump, nd_va va)
{
	return dump->kernel_base != 0 && va >= dump->kernel_base &&
	       va - dump->kernel_base < dump->kernel_bytes;
}

/* From AlpcpPortList; without its address, from the first port that is known otherwise. */
static enum nd_status from_list(struct find *f)
{
	nd_va head = f->dump->symbol[ND_SYM_AlpcpPortList];
	uint32_t link = nd_offset(f->dump, ND_M_ALPC_PORT_PortListEntry);
	nd_va known = head == 0 && f->claims > 0 ? f->claim[0].port : 0;
	struct nd_list ring;
	enum nd_status st;

	if (link == ND_OFFSET_ABSENT || (head == 0 && (known == 0 || f->dump->kernel_bytes == 0)))
		return ND_OK;
	st = nd_list_collect(&f->dump->kernel, head ? head : known + link, ND_PORTS_MAX, &ring);
	if (nd_is_missing(st)) {
		nd_problem_add(&f->alpc->problems,
			       (struct nd_problem){ .kind = ND_PROBLEM_LIST_ABSENT,
						    .where = "AlpcpPortList",
						    .a = head ? head : known + link,
						    .st = st });
		return ND_OK;
	}
	if (st != ND_OK)
		return st;
	f->list_sound = ring.trouble == ND_LIST_SOUND;
	nd_problem_add_list(&f->alpc->problems, "ALPC_PORT.PortListEntry", 0, &ring);
	if (known != 0)
		st = add(f, known, BY_LIST);
	for (size_t i = 0; st == ND_OK && i < ring.count; i++)
		if (head != 0 || !in_kernel_image(f->dump, ring.link[i]))
			st = add_named(f, ring.link[i] - link, BY_LIST, "ALPC_PORT.PortListEntry",
				       0);
	nd_list_free(&ring);
	return st;
}

/* --- connections ------------------------------------------------------------------------------ */

/* An end of a connection: it must be a port, and belong to this connection. */
static enum nd_status add_end(struct find *f, nd_va info, struct nd_u64 end, const char *where)
{
	struct nd_u64 its;
	enum nd_status st;

	if (end.st != ND_OK || end.value == 0)
		return nd_is_failure(end.st) ? end.st : ND_OK;
	st = add_named(f, end.value, BY_CONNECTION, where, info);
	if (st != ND_OK || !is_known(f, end.value))
		return st;
	its = nd_member_read(&f->dump->kernel, end.value, ND_M_ALPC_PORT_CommunicationInfo);
	if (its.st == ND_OK && its.value != info)
		tell(f, ND_PROBLEM_NOT_BACK, where, info, end.value);
	return nd_is_failure(its.st) ? its.st : ND_OK;
}

/* Clients have connections of their own, but the same connection port. */
static enum nd_status add_connection_port(struct find *f, nd_va info, struct nd_u64 port)
{
	static const char where[] = "ALPC_COMMUNICATION_INFO.ConnectionPort";
	struct nd_port_ends ends;
	enum nd_status st;

	if (port.st != ND_OK || port.value == 0)
		return nd_is_failure(port.st) ? port.st : ND_OK;
	st = add_named(f, port.value, BY_CONNECTION, where, info);
	if (st != ND_OK || !is_known(f, port.value))
		return st;
	ends = nd_port_ends_read(f->dump, port.value);
	if (ends.connection.st == ND_OK && ends.connection.value != port.value)
		tell(f, ND_PROBLEM_NOT_BACK, where, info, port.value);
	return nd_is_failure(ends.connection.st) ? ends.connection.st : ND_OK;
}

static enum nd_status add_ends(struct find *f, nd_va info)
{
	const struct nd_space *space = &f->dump->kernel;
	enum nd_status st;

	if (!nd_va_is_kernel(info) || info & 7 || nd_seen_has(&f->connections, info) ||
	    f->connections.count >= ND_PORTS_MAX)
		return ND_OK;
	st = nd_seen_add(&f->connections, info);
	if (st == ND_OK)
		st = add_connection_port(
			f, info,
			nd_member_read(space, info, ND_M_ALPC_COMMUNICATION_INFO_ConnectionPort));
	if (st == ND_OK)
		st = add_end(f, info,
			     nd_member_read(space, info,
					    ND_M_ALPC_COMMUNICATION_INFO_ServerCommunicationPort),
			     "ALPC_COMMUNICATION_INFO.ServerCommunicationPort");
	if (st == ND_OK)
		st = add_end(f, info,
			     nd_member_read(space, info,
					    ND_M_ALPC_COMMUNICATION_INFO_ClientCommunicationPort),
			     "ALPC_COMMUNICATION_INFO.ClientCommunicationPort");
	return st;
}

/* What a port's own pointers have to do with what is there. */
static void tell_of_port(struct find *f, const struct nd_port *port)
{
	const struct nd_space *space = &f->dump->kernel;
	static const char info[] = "ALPC_PORT.CommunicationInfo";
	struct nd_u64 first = { .st = port->info.st };

	if (port->info.st == ND_OK)
		first = nd_read_num(space, port->info.value, 8);
	if (first.st == ND_INVALID || first.st == ND_UNMAPPED)
		tell(f, ND_PROBLEM_POINTER, info, port->at,
		     nd_member_read(space, port->at, ND_M_ALPC_PORT_CommunicationInfo).value);
	else if (port->kind.st == ND_INVALID)
		tell(f, ND_PROBLEM_NOT_BACK, info, port->at, port->info.value);
	if (port->owner.st == ND_INVALID)
		tell(f, ND_PROBLEM_POINTER, "ALPC_PORT.OwnerProcess", port->at,
		     nd_member_read(space, port->at, ND_M_ALPC_PORT_OwnerProcess).value);
}

static enum nd_status from_connection(struct find *f, nd_va at)
{
	struct nd_port_clients clients;
	struct nd_port port;
	enum nd_status st = nd_port_read(f->dump, at, &port);

	if (st != ND_OK)
		return nd_is_failure(st) ? st : ND_OK;
	tell_of_port(f, &port);
	if (port.info.st != ND_OK)
		return nd_is_failure(port.info.st) ? port.info.st : ND_OK;
	st = add_ends(f, port.info.value);
	if (st != ND_OK || f->clients >= ND_PORTS_MAX)
		return st;
	st = nd_port_clients_read(f->dump, &port, &f->alpc->problems, &clients);
	if (st != ND_OK)
		return st;
	f->clients += clients.count;
	for (uint32_t i = 0; st == ND_OK && i < clients.count; i++)
		st = add_ends(f, clients.client[i].info);
	nd_port_clients_free(&clients);
	return st;
}

/* Of every port, of those too that are found so. */
static enum nd_status from_connections(struct find *f)
{
	struct nd_seen done = { 0 };
	enum nd_status st = ND_OK;

	for (size_t i = 0; st == ND_OK && i < f->claims; i++) {
		nd_va port = f->claim[i].port;

		if (nd_seen_has(&done, port))
			continue;
		st = nd_seen_add(&done, port);
		if (st == ND_OK)
			st = from_connection(f, port);
	}
	nd_seen_deinit(&done);
	return st;
}

/* --- the list --------------------------------------------------------------------------------- */

static int by_port(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;

	return x->port < y->port ? -1 : x->port > y->port;
}

static enum nd_status take_claims(struct find *f)
{
	struct nd_alpc *alpc = f->alpc;

	if (f->claims == 0)
		return ND_OK;
	qsort(f->claim, f->claims, sizeof(*f->claim), by_port);
	alpc->ref = calloc(f->claims, sizeof(*alpc->ref));
	if (!alpc->ref)
		return ND_ENOMEM;
	for (size_t i = 0; i < f->claims; i++) {
		if (alpc->count == 0 || alpc->ref[alpc->count - 1].port != f->claim[i].port)
			alpc->ref[alpc->count++].port = f->claim[i].port;
		alpc->ref[alpc->count - 1].sources |= 1u << f->claim[i].source;
	}
	for (uint32_t i = 0; i < alpc->count; i++) {
		struct nd_u64 owner = nd_port_owner(f->dump, alpc->ref[i].port);

		if (nd_is_failure(owner.st))
			return owner.st;
		alpc->ref[i].owner = owner.st == ND_OK ? owner.value : 0;
		if (f->list_sound && !(alpc->ref[i].sources & ND_PORT_LISTED))
			tell(f, ND_PROBLEM_UNLISTED, "AlpcpPortList", 0, alpc->ref[i].port);
	}
	return ND_OK;
}

enum nd_status nd_alpc_build(const struct nd_dump *dump, struct nd_alpc *ret)
{
	struct nd_alpc alpc = { 0 };
	struct find f = { .dump = dump, .alpc = &alpc };
	enum nd_status st = from_handles(&f);

	if (st == ND_OK)
		st = from_namespace(&f);
	if (st == ND_OK)
		st = from_list(&f);
	if (st == ND_OK)
		st = from_connections(&f);
	if (st == ND_OK)
		st = take_claims(&f);
	for (int i = 0; i < SOURCES; i++)
		nd_seen_deinit(&f.known[i]);
	nd_seen_deinit(&f.connections);
	free(f.claim);
	if (st == ND_OK)
		st = nd_alpc_add_queues(dump, &alpc);
	if (st != ND_OK)
		nd_alpc_free(&alpc);
	else
		*ret = alpc;
	return st;
}

void nd_alpc_free(struct nd_alpc *alpc)
{
	free(alpc->ref);
	free(alpc->message);
	free(alpc->by_server);
	free(alpc->receiver);
	free(alpc->by_receiver);
	free(alpc->wait);
	nd_problems_free(&alpc->problems);
	*alpc = (struct nd_alpc){ 0 };
}

uint32_t nd_port_index(const struct nd_alpc *alpc, nd_va port)
{
	uint32_t low = 0, high = alpc->count;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (alpc->ref[middle].port == port)
			return middle;
		if (alpc->ref[middle].port < port)
			low = middle + 1;
		else
			high = middle;
	}
	return UINT32_MAX;
}
