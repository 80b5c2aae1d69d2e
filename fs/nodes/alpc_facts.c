/*
 * fs/nodes/alpc_facts.c - /alpc/<address>: one port with its queues, and how a message is written.
 */
#include "nodes/alpc.h"
#include "ntdump.h"

#define TYPE_CONTINUATION 0x2000u
#define TYPE_NO_IMPERSONATE 0x4000u
#define TYPE_KERNEL_MODE 0x8000u

/* --- what tables show, too -------------------------------------------------------------------- */

void port_kind(struct text *out, const struct nd_port *port)
{
	static const char *const name[] = { [ND_PORT_CONNECTION] = "connection",
					    [ND_PORT_SERVER] = "server",
					    [ND_PORT_CLIENT] = "client" };

	if (port->kind.st != ND_OK)
		text_missing(out, port->kind.st, port->kind.at);
	else
		text_str(out, name[port->kind.value]);
}

void port_name(struct text *out, const struct nd_dump *dump, const struct nd_port *port)
{
	struct nd_ustr name = nd_port_name(dump, port);

	text_ustr(out, &name);
	nd_ustr_free(&name);
}

struct nd_u64 port_queued(const struct nd_port *port)
{
	static const enum nd_port_queue waiting[] = { ND_QUEUE_MAIN, ND_QUEUE_LARGE,
						      ND_QUEUE_DIRECT };
	struct nd_u64 sum = nd_u64_of(0);

	for (size_t i = 0; i < sizeof(waiting) / sizeof(*waiting); i++) {
		struct nd_u64 length = port->length[waiting[i]];

		if (length.st == ND_NOT_IN_BUILD)
			continue; /* a queue that the build does not have */
		if (length.st != ND_OK)
			return length;
		sum.value += length.value;
	}
	return sum;
}

struct nd_u64 port_peer_process(const struct nd_dump *dump, const struct nd_port *port)
{
	struct nd_u64 peer = nd_port_peer(dump, port);

	return peer.st == ND_OK ? nd_port_owner(dump, peer.value) : peer;
}

void text_process(struct text *out, const struct nd_dump *dump, struct nd_u64 eprocess,
		  char separator)
{
	struct nd_process p;

	if (eprocess.st == ND_OK) {
		eprocess.st = nd_process_read(dump, eprocess.value, &p);
		eprocess.at = eprocess.value;
	}
	if (eprocess.st != ND_OK) {
		text_missing(out, eprocess.st, eprocess.at);
		text_char(out, separator);
		text_missing(out, eprocess.st, eprocess.at);
		return;
	}
	text_dec(out, p.pid);
	text_char(out, separator);
	text_image_name(out, &p);
}

static struct nd_u64 client_id(const struct nd_dump *dump, struct nd_u64 ethread,
			       enum nd_member_id member)
{
	uint32_t cid = nd_offset(dump, ND_M_ETHREAD_Cid), id = nd_offset(dump, member);

	if (ethread.st != ND_OK)
		return ethread;
	if (cid == ND_OFFSET_ABSENT || id == ND_OFFSET_ABSENT)
		return nd_u64_missing(ND_NOT_IN_BUILD, ethread.value);
	return nd_read_num(&dump->kernel, ethread.value + cid + id, 8);
}

struct nd_u64 thread_pid(const struct nd_dump *dump, struct nd_u64 ethread)
{
	return client_id(dump, ethread, ND_M_CLIENT_ID_UniqueProcess);
}

struct nd_u64 thread_tid(const struct nd_dump *dump, struct nd_u64 ethread)
{
	return client_id(dump, ethread, ND_M_CLIENT_ID_UniqueThread);
}

void text_thread(struct text *out, const struct nd_dump *dump, struct nd_u64 ethread,
		 char separator)
{
	text_dec(out, thread_pid(dump, ethread));
	text_char(out, separator);
	text_dec(out, thread_tid(dump, ethread));
}

/* --- messages --------------------------------------------------------------------------------- */

static void message_type(struct text *out, struct nd_u64 type)
{
	const char *name = type.st == ND_OK ? nd_message_type_name(type.value & 0xff) : NULL;

	if (!name) {
		text_hex(out, type);
		return;
	}
	text_str(out, name);
	if (type.value & TYPE_CONTINUATION)
		text_str(out, "|CONTINUATION_REQUIRED");
	if (type.value & TYPE_NO_IMPERSONATE)
		text_str(out, "|NO_IMPERSONATE");
	if (type.value & TYPE_KERNEL_MODE)
		text_str(out, "|KERNELMODE");
}

/* "-" for none, "pid.tid" for a thread. */
static void message_thread(struct text *out, const struct nd_dump *dump, const char *key,
			   struct nd_u64 ethread)
{
	text_printf(out, " %s=", key);
	if (ethread.st != ND_OK)
		text_missing(out, ethread.st, ethread.at);
	else
		text_thread(out, dump, ethread, '.');
}

static void message_state(struct text *out, const struct nd_dump *dump, struct nd_u64 state)
{
	char separator = ',';

	text_str(out, " state=");
	text_hex(out, state);
	for (unsigned bit = 0; state.st == ND_OK && bit < 32; bit++)
		if (state.value >> bit & 1 && nd_message_state_name(dump->build, bit)) {
			text_printf(out, "%c%s", separator,
				    nd_message_state_name(dump->build, bit));
			separator = '|';
		}
}

void text_message(struct text *out, const struct nd_dump *dump, nd_va message, const char *queue)
{
	struct nd_message m;
	enum nd_status st = nd_message_read(dump, message, &m);

	text_va(out, nd_u64_of(message));
	text_printf(out, " queue=%s", queue ? queue : "-");
	if (st != ND_OK) {
		text_char(out, ' ');
		text_missing(out, st, message);
		return;
	}
	text_str(out, " id=");
	text_dec(out, m.id);
	text_str(out, " type=");
	message_type(out, m.type);
	text_str(out, " data=");
	text_dec(out, m.data_bytes);
	text_str(out, " total=");
	text_dec(out, m.total_bytes);
	text_str(out, " sequence=");
	text_dec(out, m.sequence);
	text_str(out, " sender=");
	text_dec(out, m.pid);
	text_char(out, '.');
	text_dec(out, m.tid);
	message_thread(out, dump, "waiting", m.waiting_thread);
	message_thread(out, dump, "server", m.server_thread);
	text_str(out, " owner-port=");
	text_va(out, m.owner_port);
	text_str(out, " callback=");
	text_dec(out, m.callback_id);
	text_str(out, " extension=");
	text_va(out, m.extension);
	message_state(out, dump, m.state);
}

/* --- ports ------------------------------------------------------------------------------------ */

static void process_facts(struct text *out, const struct nd_dump *dump, const char *key,
			  struct nd_u64 eprocess)
{
	text_key(out, key);
	if (eprocess.st == ND_OK) {
		text_va(out, eprocess);
		text_char(out, ' ');
		text_process(out, dump, eprocess, ' ');
	} else {
		text_missing(out, eprocess.st, eprocess.at);
	}
	text_line(out);
}

static void connection_facts(struct text *out, const struct nd_dump *dump, const struct nd_port *p)
{
	process_facts(out, dump, "OwnerProcess", p->owner);
	text_fact_va(out, "PeerPort", nd_port_peer(dump, p));
	process_facts(out, dump, "PeerProcess", port_peer_process(dump, p));
	text_fact_va(out, "CommunicationInfo", p->info);
	text_fact_va(out, "ConnectionPort", p->connection);
	text_fact_va(out, "ServerPort", p->server);
	text_fact_va(out, "ClientPort", p->client);
}

static void attribute_facts(struct text *out, const struct nd_port *p)
{
	static const char *const level[] = { "SecurityAnonymous", "SecurityIdentification",
					     "SecurityImpersonation", "SecurityDelegation" };

	text_fact_bits(out, "Flags", p->flags, nd_port_flag_name);
	text_key(out, "ImpersonationLevel");
	text_dec(out, p->impersonation_level);
	if (p->impersonation_level.st == ND_OK &&
	    p->impersonation_level.value < sizeof(level) / sizeof(*level))
		text_printf(out, " %s", level[p->impersonation_level.value]);
	text_line(out);
	text_fact_dec(out, "MaxMessageBytes", p->max_message);
	text_fact_dec(out, "MemoryBandwidthBytes", p->memory_bandwidth);
	text_fact_dec(out, "MaxPoolBytes", p->max_pool);
	text_fact_dec(out, "MaxSectionBytes", p->max_section);
	text_fact_dec(out, "MaxViewBytes", p->max_view);
	text_fact_dec(out, "MaxTotalSectionBytes", p->max_total_section);
	text_fact_hex(out, "DupObjectTypes", p->dup_object_types);
}

#define STATE_TYPE 6u /* two bits that Kind stands for */

static void state_facts(struct text *out, const struct nd_port *p)
{
	char separator = ' ';

	text_key(out, "State");
	text_hex_pad(out, p->state, 8);
	for (unsigned bit = 0; p->state.st == ND_OK && bit < 32; bit++) {
		const char *name = nd_port_state_name(bit);

		if (!(p->state.value >> bit & 1) || STATE_TYPE >> bit & 1)
			continue;
		text_char(out, separator);
		if (name)
			text_str(out, name);
		else
			text_printf(out, "0x%x", 1u << bit);
		separator = '|';
	}
	text_line(out);
	text_fact_dec(out, "SequenceNo", p->sequence);
	text_fact_dec(out, "References", p->references);
	text_fact_va(out, "CompletionPort", p->completion_port);
	text_fact_hex(out, "CompletionKey", p->completion_key);
	text_fact_va(out, "CompletionList", p->completion_list);
	text_fact_hex(out, "PortContext", p->context);
	text_fact_va(out, "TargetQueuePort", p->target_queue);
	text_fact_va(out, "TargetSequencePort", p->target_sequence);
	text_fact_va(out, "CachedMessage", p->cached_message);
}

static void source_fact(struct text *out, const struct nd_port_ref *ref)
{
	static const char *const name[] = { "list", "handles", "namespace", "connections" };
	const char *separator = "";

	text_key(out, "Source");
	for (unsigned i = 0; i < sizeof(name) / sizeof(*name); i++)
		if (ref->sources >> i & 1) {
			text_printf(out, "%s%s", separator, name[i]);
			separator = ",";
		}
	text_line(out);
}

/* "0xINFO server=0x... client=0x... 288 explorer.exe" */
static void client_fact(struct text *out, const struct nd_dump *dump,
			const struct nd_port_client *c)
{
	struct nd_u64 server = c->server, client = c->client, owner = client;

	if (server.st == ND_OK && server.value == 0)
		server.st = ND_NONE;
	if (client.st == ND_OK && client.value == 0)
		owner.st = client.st = ND_NONE;
	else if (client.st == ND_OK)
		owner = nd_port_owner(dump, client.value);
	text_key(out, "Client");
	text_va(out, nd_u64_of(c->info));
	text_str(out, " server=");
	text_va(out, server);
	text_str(out, " client=");
	text_va(out, client);
	text_char(out, ' ');
	text_process(out, dump, owner, ' ');
	text_line(out);
}

static enum nd_status client_facts(struct text *out, const struct nd_dump *dump,
				   const struct nd_port *p)
{
	struct nd_port_clients clients;
	enum nd_status st;

	if (p->kind.st != ND_OK || p->kind.value != ND_PORT_CONNECTION)
		return ND_OK;
	st = nd_port_clients_read(dump, p, NULL, &clients);
	if (st != ND_OK)
		return st;
	text_key(out, "Clients");
	if (clients.st != ND_OK)
		text_missing(out, clients.st, clients.at);
	else
		text_printf(out, "%u", clients.count);
	text_line(out);
	for (uint32_t i = 0; i < clients.count && out->failed == ND_OK; i++)
		client_fact(out, dump, &clients.client[i]);
	nd_port_clients_free(&clients);
	return ND_OK;
}

/* The port's own counts, with what was found where that differs; then what lies in the queues. */
static void queue_facts(struct text *out, const struct nd_dump *dump, const struct nd_alpc *alpc,
			const struct nd_port_ref *ref, const struct nd_port *p)
{
	for (int i = 0; i < ND_PORT_QUEUES; i++) {
		if (p->length[i].st == ND_NOT_IN_BUILD && ref->found[i] == 0)
			continue;
		text_key(out, nd_port_queue_name(i));
		text_dec(out, p->length[i]);
		if (p->length[i].st != ND_OK || p->length[i].value != ref->found[i])
			text_printf(out, " found %u", ref->found[i]);
		text_line(out);
	}
	for (uint32_t i = 0; i < ref->message_count && out->failed == ND_OK; i++) {
		const struct nd_queued_message *m = &alpc->message[ref->first_message + i];

		text_key(out, "Message");
		text_message(out, dump, m->message, nd_port_queue_name(m->queue));
		text_line(out);
	}
	for (uint32_t i = 0; i < ref->receiver_count && out->failed == ND_OK; i++) {
		nd_va thread = alpc->receiver[ref->first_receiver + i].thread;

		text_key(out, "Receiver");
		text_va(out, nd_u64_of(thread));
		text_char(out, ' ');
		text_thread(out, dump, nd_u64_of(thread), ' ');
		text_line(out);
	}
}

enum nd_status text_port_facts(struct text *out, const struct nd_dump *dump,
			       const struct nd_alpc *alpc, const struct nd_port_ref *ref)
{
	struct nd_port p;
	enum nd_status st = nd_port_read(dump, ref->port, &p);

	text_fact_va(out, "Port", nd_u64_of(ref->port));
	if (st != ND_OK) {
		text_key(out, "Kind");
		return missing_or_fail(out, st, ref->port);
	}
	text_key(out, "Kind");
	port_kind(out, &p);
	text_line(out);
	text_key(out, "Name");
	port_name(out, dump, &p);
	text_line(out);
	connection_facts(out, dump, &p);
	state_facts(out, &p);
	attribute_facts(out, &p);
	source_fact(out, ref);
	st = client_facts(out, dump, &p);
	if (st == ND_OK)
		queue_facts(out, dump, alpc, ref, &p);
	return st;
}
