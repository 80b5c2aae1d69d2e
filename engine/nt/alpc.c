/*
 * engine/nt/alpc.c - reads ALPC_PORT, ALPC_COMMUNICATION_INFO and KALPC_MESSAGE, and names their
 * bits.
 */
#include <stdlib.h>

#include "nt/alpc.h"
#include "nt/list.h"
#include "nt/object.h"
#include "nt/object_name.h"

#define OWNER_TAGS 7ull /* low bits of OwnerProcess that are no address */
#define QOS_LEVEL 4u	/* SECURITY_QUALITY_OF_SERVICE.ImpersonationLevel */
#define TYPE_SHIFT 1u	/* ALPC_PORT.u1.s1.Type: two bits, the same in all builds */
#define TYPE_MASK 3u

/* A pointer that must lead to an object of the kernel; 0 is none. */
static struct nd_u64 pointer(struct nd_u64 v)
{
	if (v.st == ND_OK && v.value == 0)
		return nd_u64_missing(ND_NONE, v.at);
	if (v.st == ND_OK && (!nd_va_is_kernel(v.value) || v.value & 7))
		return nd_u64_missing(ND_INVALID, v.at);
	return v;
}

/* A pointer to an object of this kind; one whose header cannot be read is believed. */
static struct nd_u64 object_of(const struct nd_dump *dump, struct nd_u64 v,
			       enum nd_object_kind kind)
{
	struct nd_object object;
	enum nd_status st;

	if (v.st != ND_OK)
		return v;
	st = nd_object_read(dump, v.value, &object);
	if (st == ND_OK && !object.type)
		st = object.type_st;
	else if (st == ND_OK && object.type->kind != kind)
		st = ND_INVALID;
	if (st == ND_INVALID || st == ND_UNMAPPED || nd_is_failure(st))
		return nd_u64_missing(nd_is_failure(st) ? st : ND_INVALID, v.at);
	return v;
}

/* A member of a structure that is itself a member; `skip` bytes into it. */
static struct nd_u64 nested(const struct nd_rec *rec, enum nd_member_id outer,
			    enum nd_member_id inner, unsigned skip, unsigned bytes)
{
	uint32_t a = nd_offset(rec->dump, outer), b = nd_offset(rec->dump, inner);

	if (a == ND_OFFSET_ABSENT || b == ND_OFFSET_ABSENT)
		return nd_u64_missing(ND_NOT_IN_BUILD, rec->at);
	return nd_rec_num(rec, a + b + skip, bytes);
}

/* --- ports ------------------------------------------------------------------------------------ */

static struct nd_u64 owner_of(const struct nd_dump *dump, struct nd_u64 owner)
{
	owner.value &= ~OWNER_TAGS;
	return object_of(dump, pointer(owner), ND_OBJECT_PROCESS);
}

struct nd_u64 nd_port_owner(const struct nd_dump *dump, nd_va port)
{
	return owner_of(dump, nd_member_read(&dump->kernel, port, ND_M_ALPC_PORT_OwnerProcess));
}

/* Which of its connection's three ports it is; without them what it says itself. */
static struct nd_u64 kind_of(const struct nd_port *p, const struct nd_port_ends *ends)
{
	struct nd_u64 type = p->state;
	bool end = (ends->server.st == ND_OK && ends->server.value == p->at) ||
		   (ends->client.st == ND_OK && ends->client.value == p->at);

	if (end && ends->connection.st == ND_OK && ends->connection.value == p->at)
		return nd_u64_missing(ND_INVALID, p->info.at);
	if (ends->connection.st == ND_OK && ends->connection.value == p->at)
		return nd_u64_of(ND_PORT_CONNECTION);
	if (ends->server.st == ND_OK && ends->server.value == p->at)
		return nd_u64_of(ND_PORT_SERVER);
	if (ends->client.st == ND_OK && ends->client.value == p->at)
		return nd_u64_of(ND_PORT_CLIENT);
	if (ends->connection.st == ND_OK && ends->server.st == ND_OK && ends->client.st == ND_OK)
		return nd_u64_missing(ND_INVALID, p->info.at);
	if (type.st != ND_OK)
		return type;
	type.value = type.value >> TYPE_SHIFT & TYPE_MASK;
	return type.value ? type : nd_u64_missing(ends->connection.st, ends->connection.at);
}

static void read_connection(const struct nd_dump *dump, struct nd_port *p)
{
	struct nd_port_ends ends = nd_port_ends_read(dump, p->at);

	p->kind = kind_of(p, &ends);
	p->connection = pointer(ends.connection);
	p->server = pointer(ends.server);
	p->client = pointer(ends.client);
}

static void read_queues(const struct nd_rec *rec, struct nd_port *p)
{
	static const struct {
		enum nd_member_id head, length;
	} queue[ND_PORT_QUEUES] = {
		{ ND_M_ALPC_PORT_MainQueue, ND_M_ALPC_PORT_MainQueueLength },
		{ ND_M_ALPC_PORT_LargeMessageQueue, ND_M_ALPC_PORT_LargeMessageQueueLength },
		{ ND_M_ALPC_PORT_PendingQueue, ND_M_ALPC_PORT_PendingQueueLength },
		{ ND_M_ALPC_PORT_DirectQueue, ND_M_ALPC_PORT_DirectQueueLength },
		{ ND_M_ALPC_PORT_CanceledQueue, ND_M_ALPC_PORT_CanceledQueueLength },
		{ ND_M_ALPC_PORT_WaitQueue, ND_M_ALPC_PORT_WaitQueueLength },
	};

	for (int i = 0; i < ND_PORT_QUEUES; i++) {
		uint32_t at = nd_offset(rec->dump, queue[i].head);
		struct nd_u64 next, previous;

		p->length[i] = nd_rec_get(rec, queue[i].length);
		if (at == ND_OFFSET_ABSENT) {
			p->empty[i] = true;
			continue;
		}
		next = nd_rec_num(rec, at, 8);
		previous = nd_rec_num(rec, at + 8, 8);
		p->empty[i] = next.st == ND_OK && previous.st == ND_OK &&
			      next.value == p->at + at && previous.value == p->at + at;
	}
}

static void read_attributes(const struct nd_rec *rec, struct nd_port *p)
{
	const enum nd_member_id outer = ND_M_ALPC_PORT_PortAttributes;

	p->flags = nested(rec, outer, ND_M_ALPC_PORT_ATTRIBUTES_Flags, 0, 4);
	p->max_message = nested(rec, outer, ND_M_ALPC_PORT_ATTRIBUTES_MaxMessageLength, 0, 8);
	p->memory_bandwidth = nested(rec, outer, ND_M_ALPC_PORT_ATTRIBUTES_MemoryBandwidth, 0, 8);
	p->max_pool = nested(rec, outer, ND_M_ALPC_PORT_ATTRIBUTES_MaxPoolUsage, 0, 8);
	p->max_section = nested(rec, outer, ND_M_ALPC_PORT_ATTRIBUTES_MaxSectionSize, 0, 8);
	p->max_view = nested(rec, outer, ND_M_ALPC_PORT_ATTRIBUTES_MaxViewSize, 0, 8);
	p->max_total_section =
		nested(rec, outer, ND_M_ALPC_PORT_ATTRIBUTES_MaxTotalSectionSize, 0, 8);
	p->dup_object_types = nested(rec, outer, ND_M_ALPC_PORT_ATTRIBUTES_DupObjectTypes, 0, 4);
	p->impersonation_level =
		nested(rec, outer, ND_M_ALPC_PORT_ATTRIBUTES_SecurityQos, QOS_LEVEL, 4);
}

enum nd_status nd_port_read(const struct nd_dump *dump, nd_va port, struct nd_port *ret)
{
	struct nd_rec rec;
	enum nd_status st;

	if (!nd_va_is_kernel(port) || port & 7)
		return ND_INVALID;
	st = nd_rec_read(&dump->kernel, port, ND_S_ALPC_PORT, &rec);
	if (nd_is_failure(st) || (st != ND_OK && rec.st[1] != ND_OK))
		return st;
	*ret = (struct nd_port){ .at = port };
	ret->info = pointer(nd_rec_get(&rec, ND_M_ALPC_PORT_CommunicationInfo));
	ret->owner = owner_of(dump, nd_rec_get(&rec, ND_M_ALPC_PORT_OwnerProcess));
	ret->state = nd_rec_get(&rec, ND_M_ALPC_PORT_u1);
	ret->sequence = nd_rec_get(&rec, ND_M_ALPC_PORT_SequenceNo);
	ret->references = nd_rec_get(&rec, ND_M_ALPC_PORT_ReferenceNo);
	ret->completion_port = pointer(nd_rec_get(&rec, ND_M_ALPC_PORT_CompletionPort));
	ret->completion_key = nd_rec_get(&rec, ND_M_ALPC_PORT_CompletionKey);
	ret->completion_list = pointer(nd_rec_get(&rec, ND_M_ALPC_PORT_CompletionList));
	ret->context = nd_rec_get(&rec, ND_M_ALPC_PORT_PortContext);
	ret->target_queue = pointer(nd_rec_get(&rec, ND_M_ALPC_PORT_TargetQueuePort));
	ret->target_sequence = pointer(nd_rec_get(&rec, ND_M_ALPC_PORT_TargetSequencePort));
	ret->cached_message = pointer(nd_rec_get(&rec, ND_M_ALPC_PORT_CachedMessage));
	read_queues(&rec, ret);
	read_attributes(&rec, ret);
	read_connection(dump, ret);
	return ND_OK;
}

struct nd_ustr nd_port_name(const struct nd_dump *dump, const struct nd_port *port)
{
	struct nd_ustr name = nd_object_path(dump, port->at);

	if (name.st == ND_OK && name.count == 0) { /* room for a name, but none in it */
		nd_ustr_free(&name);
		name.st = ND_NONE;
	}
	if (name.st != ND_NONE ||
	    (port->connection.st == ND_OK && port->connection.value == port->at))
		return name;
	if (port->connection.st != ND_OK)
		return (struct nd_ustr){ .st = port->connection.st, .at = port->connection.at };
	return nd_object_path(dump, port->connection.value);
}

/* `port`, if it belongs to the connection `info`; a connection port has its own. */
static struct nd_u64 of_connection(const struct nd_dump *dump, struct nd_u64 port, nd_va info)
{
	struct nd_u64 its;

	if (port.st != ND_OK)
		return port;
	its = nd_member_read(&dump->kernel, port.value, ND_M_ALPC_PORT_CommunicationInfo);
	if (its.st != ND_OK)
		return its;
	return its.value == info ? port : nd_u64_missing(ND_INVALID, its.at);
}

static struct nd_u64 as_connection_port(const struct nd_dump *dump, struct nd_u64 port)
{
	struct nd_port_ends ends;

	if (port.st != ND_OK)
		return port;
	ends = nd_port_ends_read(dump, port.value);
	if (ends.connection.st != ND_OK)
		return ends.connection;
	return ends.connection.value == port.value ? port
						   : nd_u64_missing(ND_INVALID, ends.connection.at);
}

struct nd_u64 nd_port_peer(const struct nd_dump *dump, const struct nd_port *port)
{
	if (port->kind.st != ND_OK)
		return port->kind;
	if (port->kind.value == ND_PORT_CONNECTION)
		return nd_u64_missing(ND_NONE, port->at);
	if (port->info.st != ND_OK)
		return port->info;
	if (port->kind.value == ND_PORT_SERVER)
		return of_connection(dump, port->client, port->info.value);
	if (port->server.st != ND_NONE)
		return of_connection(dump, port->server, port->info.value);
	return as_connection_port(dump, port->connection);
}

/* ALPC_PORT.u1.s1, 9600 to 22000. */
const char *nd_port_state_name(unsigned bit)
{
	static const char *const name[] = {
		[0] = "Initialized",
		[3] = "ConnectionPending",
		[4] = "ConnectionRefused",
		[5] = "Disconnected",
		[6] = "Closed",
		[7] = "NoFlushOnClose",
		[8] = "ReturnExtendedInfo",
		[9] = "Waitable",
		[10] = "DynamicSecurity",
		[11] = "Wow64CompletionList",
		[12] = "Lpc",
		[13] = "LpcToLpc",
		[14] = "HasCompletionList",
		[15] = "HadCompletionList",
		[16] = "EnableCompletionList",
	};

	return bit < sizeof(name) / sizeof(*name) ? name[bit] : NULL;
}

/* ALPC_PORT_ATTRIBUTES.Flags */
const char *nd_port_flag_name(unsigned bit)
{
	switch (bit) {
	case 12:
		return "LPC_MODE";
	case 16:
		return "ALLOW_IMPERSONATION";
	case 17:
		return "ALLOW_LPC_REQUESTS";
	case 18:
		return "WAITABLE_PORT";
	case 19:
		return "ALLOW_DUP_OBJECT";
	case 20:
		return "SYSTEM_PROCESS";
	default:
		return NULL;
	}
}

const char *nd_port_queue_name(enum nd_port_queue queue)
{
	static const char *const name[ND_PORT_QUEUES] = {
		"MainQueue",   "LargeMessageQueue", "PendingQueue",
		"DirectQueue", "CanceledQueue",	    "WaitQueue",
	};

	return name[queue];
}

/* --- clients ---------------------------------------------------------------------------------- */

static void read_client(const struct nd_dump *dump, nd_va info, struct nd_port_client *ret)
{
	ret->info = info;
	ret->server = nd_member_read(&dump->kernel, info,
				     ND_M_ALPC_COMMUNICATION_INFO_ServerCommunicationPort);
	ret->client = nd_member_read(&dump->kernel, info,
				     ND_M_ALPC_COMMUNICATION_INFO_ClientCommunicationPort);
}

enum nd_status nd_port_clients_read(const struct nd_dump *dump, const struct nd_port *port,
				    struct nd_problems *problems, struct nd_port_clients *ret)
{
	uint32_t link = nd_offset(dump, ND_M_ALPC_COMMUNICATION_INFO_CommunicationList);
	struct nd_port_clients clients = { .st = port->info.st, .at = port->info.at };
	struct nd_list ring = { 0 };
	enum nd_status st = ND_OK;

	if (port->kind.st != ND_OK || port->kind.value != ND_PORT_CONNECTION) {
		clients.st = ND_OK;
	} else if (clients.st == ND_OK) {
		clients.st = ND_NOT_IN_BUILD;
		if (link != ND_OFFSET_ABSENT)
			clients.st = nd_list_collect(&dump->kernel, port->info.value + link,
						     ND_PORT_CLIENTS_MAX, &ring);
	}
	if (nd_is_failure(clients.st))
		return clients.st;
	if (ring.count > 0) {
		clients.client = calloc(ring.count, sizeof(*clients.client));
		st = clients.client ? ND_OK : ND_ENOMEM;
	}
	nd_problem_add_list(problems, "ALPC_COMMUNICATION_INFO.CommunicationList", port->at, &ring);
	for (size_t i = 0; st == ND_OK && i < ring.count; i++) {
		struct nd_port_client *c = &clients.client[clients.count++];

		read_client(dump, ring.link[i] - link, c);
		st = nd_is_failure(c->server.st)   ? c->server.st
		     : nd_is_failure(c->client.st) ? c->client.st
						   : ND_OK;
	}
	nd_list_free(&ring);
	if (st != ND_OK)
		nd_port_clients_free(&clients);
	else
		*ret = clients;
	return st;
}

void nd_port_clients_free(struct nd_port_clients *clients)
{
	free(clients->client);
	clients->client = NULL;
	clients->count = 0;
}

/* --- messages --------------------------------------------------------------------------------- */

static struct nd_u64 port_of(const struct nd_dump *dump, struct nd_u64 port)
{
	return object_of(dump, pointer(port), ND_OBJECT_ALPC_PORT);
}

struct nd_u64 nd_port_thread(const struct nd_dump *dump, struct nd_u64 ethread)
{
	return object_of(dump, pointer(ethread), ND_OBJECT_THREAD);
}

static void read_port_message(const struct nd_rec *rec, struct nd_message *m)
{
	const enum nd_member_id outer = ND_M_KALPC_MESSAGE_PortMessage;
	const enum nd_member_id client = ND_M_PORT_MESSAGE_ClientId;

	m->data_bytes = nested(rec, outer, ND_M_PORT_MESSAGE_u1, 0, 2);
	m->total_bytes = nested(rec, outer, ND_M_PORT_MESSAGE_u1, 2, 2);
	m->type = nested(rec, outer, ND_M_PORT_MESSAGE_u2, 0, 2);
	m->data_info_offset = nested(rec, outer, ND_M_PORT_MESSAGE_u2, 2, 2);
	m->pid = nested(rec, outer, client, 0, 8);
	m->tid = nested(rec, outer, client, 8, 8);
	m->id = nested(rec, outer, ND_M_PORT_MESSAGE_MessageId, 0, 4);
	m->callback_id = nested(rec, outer, ND_M_PORT_MESSAGE_CallbackId, 0, 4);
}

enum nd_status nd_message_read(const struct nd_dump *dump, nd_va message, struct nd_message *ret)
{
	struct nd_rec rec;
	enum nd_status st;

	if (!nd_va_is_kernel(message) || message & 7)
		return ND_INVALID;
	st = nd_rec_read(&dump->kernel, message, ND_S_KALPC_MESSAGE, &rec);
	if (nd_is_failure(st) || (st != ND_OK && rec.st[1] != ND_OK))
		return st;
	*ret = (struct nd_message){ .at = message };
	ret->queue_port = port_of(dump, nd_rec_get(&rec, ND_M_KALPC_MESSAGE_PortQueue));
	ret->owner_port = port_of(dump, nd_rec_get(&rec, ND_M_KALPC_MESSAGE_OwnerPort));
	ret->connection_port = port_of(dump, nd_rec_get(&rec, ND_M_KALPC_MESSAGE_ConnectionPort));
	ret->waiting_thread =
		nd_port_thread(dump, nd_rec_get(&rec, ND_M_KALPC_MESSAGE_WaitingThread));
	ret->server_thread =
		nd_port_thread(dump, nd_rec_get(&rec, ND_M_KALPC_MESSAGE_ServerThread));
	ret->state = nd_rec_get(&rec, ND_M_KALPC_MESSAGE_u1);
	ret->sequence = nd_rec_get(&rec, ND_M_KALPC_MESSAGE_SequenceNo);
	ret->quota_process = pointer(nd_rec_get(&rec, ND_M_KALPC_MESSAGE_QuotaProcess));
	ret->cancel_queue_port = pointer(nd_rec_get(&rec, ND_M_KALPC_MESSAGE_CancelQueuePort));
	ret->cancel_sequence_port =
		pointer(nd_rec_get(&rec, ND_M_KALPC_MESSAGE_CancelSequencePort));
	ret->reserve = pointer(nd_rec_get(&rec, ND_M_KALPC_MESSAGE_Reserve));
	ret->data_user_va = nd_rec_get(&rec, ND_M_KALPC_MESSAGE_DataUserVa);
	ret->info = pointer(nd_rec_get(&rec, ND_M_KALPC_MESSAGE_CommunicationInfo));
	ret->extension = pointer(nd_rec_get(&rec, ND_M_KALPC_MESSAGE_ExtensionBuffer));
	ret->extension_bytes = nd_rec_get(&rec, ND_M_KALPC_MESSAGE_ExtensionBufferSize);
	read_port_message(&rec, ret);
	return ND_OK;
}

/* KALPC_MESSAGE.u1.s1: QueueType and QueuePortType are the low bits, as many as the build has. */
const char *nd_message_state_name(uint32_t build, unsigned bit)
{
	static const char *const name[] = {
		"Canceled",
		"Ready",
		"ReleaseMessage",
		"SharedQuota",
		"ReplyWaitReply",
		"OwnerPortReference",
		"ReserveReference",
		"ReceiverReference",
		"ViewAttributeRetrieved",
		"InDispatch",
	};
	unsigned first = build < 10240 ? 6 : 7, n;

	if (build < 9600 || bit < first)
		return NULL;
	n = bit - first;
	if (build >= 17134 && n >= 6) /* ReserveReference is gone */
		n++;
	return n < sizeof(name) / sizeof(*name) ? name[n] : NULL;
}

const char *nd_message_type_name(unsigned type)
{
	static const char *const name[] = {
		[1] = "LPC_REQUEST",
		[2] = "LPC_REPLY",
		[3] = "LPC_DATAGRAM",
		[4] = "LPC_LOST_REPLY",
		[5] = "LPC_PORT_CLOSED",
		[6] = "LPC_CLIENT_DIED",
		[7] = "LPC_EXCEPTION",
		[8] = "LPC_DEBUG_EVENT",
		[9] = "LPC_ERROR_EVENT",
		[10] = "LPC_CONNECTION_REQUEST",
		[11] = "LPC_CONNECTION_REPLY",
		[12] = "LPC_CANCELED",
		[13] = "LPC_UNREGISTER_PROCESS",
	};

	return type < sizeof(name) / sizeof(*name) ? name[type] : NULL;
}
