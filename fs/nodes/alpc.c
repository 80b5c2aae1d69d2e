/*
 * fs/nodes/alpc.c - /alpc: all ports and who waits for whom; the ports of a process, and what a
 * thread has to do with them.
 */
#include <stdio.h>
#include <stdlib.h>

#include "nodes/alpc.h"
#include "ntdump.h"

/* --- tables of ports -------------------------------------------------------------------------- */

/* port kind pid image name queued pending: pid and image of the owner, or of the peer. */
static enum nd_status port_row(struct text *out, const struct nd_dump *dump, nd_va at, bool peer)
{
	struct nd_port p;
	enum nd_status st = nd_port_read(dump, at, &p);

	if (nd_is_failure(st))
		return st;
	text_va(out, nd_u64_of(at));
	text_tab(out);
	if (st != ND_OK) {
		for (int column = 1; column < 7; column++) {
			text_missing(out, st, at);
			text_char(out, column < 6 ? '\t' : '\n');
		}
		return ND_OK;
	}
	port_kind(out, &p);
	text_tab(out);
	text_process(out, dump, peer ? port_peer_process(dump, &p) : p.owner, '\t');
	text_tab(out);
	port_name(out, dump, &p);
	text_tab(out);
	text_dec(out, port_queued(&p));
	text_tab(out);
	text_dec(out, p.length[ND_QUEUE_PENDING]);
	text_line(out);
	return ND_OK;
}

static enum nd_status render_list(struct text *out, const struct node_at *at)
{
	const struct nd_alpc *alpc;
	enum nd_status st = nd_alpc(at->dump, &alpc);

	out->copied = true; /* the ports' own files say the same */
	for (uint32_t i = 0; st == ND_OK && i < alpc->count && out->failed == ND_OK; i++)
		st = port_row(out, at->dump, alpc->ref[i].port, false);
	return st;
}

enum nd_status render_process_ports(struct text *out, const struct node_at *at)
{
	const struct nd_process_ref *ref;
	const struct nd_alpc *alpc;
	enum nd_status st = at_process_ref(at, &ref);

	if (st == ND_OK)
		st = nd_alpc(at->dump, &alpc);
	out->copied = true;
	for (uint32_t i = 0; st == ND_OK && i < alpc->count && out->failed == ND_OK; i++)
		if (alpc->ref[i].owner == ref->eprocess)
			st = port_row(out, at->dump, alpc->ref[i].port, true);
	return st;
}

/* --- /alpc/waits ------------------------------------------------------------------------------ */

struct wait_line {
	struct nd_u64 pid, tid;
	const struct nd_port_wait *wait;
};

static int compare_ids(struct nd_u64 a, struct nd_u64 b)
{
	if (a.st != b.st && (a.st == ND_OK || b.st == ND_OK))
		return a.st == ND_OK ? -1 : 1;
	return a.value < b.value ? -1 : a.value > b.value;
}

static int by_ids(const void *a, const void *b)
{
	const struct wait_line *x = a, *y = b;
	int order = compare_ids(x->pid, y->pid);

	if (order == 0)
		order = compare_ids(x->tid, y->tid);
	return order ? order : x->wait < y->wait ? -1 : x->wait > y->wait;
}

static struct nd_u64 process_id(const struct nd_dump *dump, struct nd_u64 eprocess)
{
	return eprocess.st == ND_OK ? nd_member_read(&dump->kernel, eprocess.value,
						     ND_M_EPROCESS_UniqueProcessId)
				    : eprocess;
}

static void connection_name(struct text *out, const struct nd_dump *dump, struct nd_u64 connection)
{
	struct nd_port p;
	enum nd_status st = connection.st;

	if (st == ND_OK)
		st = nd_port_read(dump, connection.value, &p);
	if (st == ND_OK)
		port_name(out, dump, &p);
	else
		text_missing(out, st, connection.at);
}

static void wait_row(struct text *out, const struct nd_dump *dump, const struct wait_line *line)
{
	const struct nd_port_wait *w = line->wait;

	text_dec(out, line->pid);
	text_tab(out);
	text_dec(out, line->tid);
	text_tab(out);
	text_dec(out, process_id(dump, w->server_process));
	text_tab(out);
	text_dec(out, thread_tid(dump, w->server_thread));
	text_tab(out);
	text_va(out, w->connection);
	text_tab(out);
	connection_name(out, dump, w->connection);
	text_line(out);
}

static enum nd_status render_waits(struct text *out, const struct node_at *at)
{
	const struct nd_alpc *alpc;
	struct wait_line *line;
	enum nd_status st = nd_alpc(at->dump, &alpc);

	if (st != ND_OK || alpc->waits == 0)
		return st;
	line = calloc(alpc->waits, sizeof(*line));
	if (!line)
		return ND_ENOMEM;
	for (uint32_t i = 0; i < alpc->waits; i++)
		line[i] = (struct wait_line){
			.pid = thread_pid(at->dump, nd_u64_of(alpc->wait[i].client)),
			.tid = thread_tid(at->dump, nd_u64_of(alpc->wait[i].client)),
			.wait = &alpc->wait[i],
		};
	qsort(line, alpc->waits, sizeof(*line), by_ids);
	for (uint32_t i = 0; i < alpc->waits && out->failed == ND_OK; i++)
		wait_row(out, at->dump, &line[i]);
	free(line);
	return ND_OK;
}

/* --- /alpc/<address> -------------------------------------------------------------------------- */

static enum nd_status next_port(const struct node_at *dir, uint64_t *cursor, struct node_entry *ret)
{
	const struct nd_alpc *alpc;
	enum nd_status st = nd_alpc(dir->dump, &alpc);

	if (st != ND_OK)
		return st;
	if (*cursor >= alpc->count)
		return ND_ENOENT;
	ret->key = (uint32_t)(*cursor)++;
	snprintf(ret->name, sizeof(ret->name), "0x%016llx",
		 (unsigned long long)alpc->ref[ret->key].port);
	return ND_OK;
}

static enum nd_status find_port(const struct node_at *dir, const char *name, struct node_entry *ret)
{
	const struct nd_alpc *alpc;
	nd_va port;
	enum nd_status st;

	if (!parse_address(name, &port))
		return ND_ENOENT;
	st = nd_alpc(dir->dump, &alpc);
	if (st != ND_OK)
		return st;
	ret->key = nd_port_index(alpc, port);
	if (ret->key == UINT32_MAX)
		return ND_ENOENT;
	snprintf(ret->name, sizeof(ret->name), "0x%016llx", (unsigned long long)port);
	return ND_OK;
}

static void about_port(const struct node_at *at, struct node_about *ret)
{
	const struct nd_alpc *alpc;

	if (nd_alpc(at->dump, &alpc) != ND_OK || at->key[0] >= alpc->count)
		return;
	ret->address = alpc->ref[at->key[0]].port;
	ret->type = "ALPC Port";
	ret->source = layout_source_name(at->dump);
}

static enum nd_status render_port(struct text *out, const struct node_at *at)
{
	const struct nd_alpc *alpc;
	enum nd_status st = nd_alpc(at->dump, &alpc);

	if (st != ND_OK)
		return st;
	if (at->key[0] >= alpc->count)
		return ND_ENOENT;
	return text_port_facts(out, at->dump, alpc, &alpc->ref[at->key[0]]);
}

/* --- threads/<tid>/alpc ----------------------------------------------------------------------- */

#define CHAIN_MAX 64u

static void hop_fact(struct text *out, const struct nd_dump *dump, const struct nd_port_wait *w)
{
	text_key(out, "WaitsFor");
	text_dec(out, process_id(dump, w->server_process));
	text_char(out, ' ');
	text_dec(out, thread_tid(dump, w->server_thread));
	text_char(out, ' ');
	connection_name(out, dump, w->connection);
}

/* One line for each thread down the chain; a chain that comes round is a deadlock. */
static void chain_facts(struct text *out, const struct nd_dump *dump, const struct nd_alpc *alpc,
			const struct nd_port_wait *first)
{
	const struct nd_port_wait *seen[CHAIN_MAX];
	const struct nd_port_wait *w = first;
	unsigned count = 0;

	if (!w)
		text_str(out, "WaitsFor:\t-\n");
	while (w && count < CHAIN_MAX) {
		const struct nd_port_wait *next = NULL;
		bool round = false;

		seen[count++] = w;
		hop_fact(out, dump, w);
		if (w->server_thread.st == ND_OK)
			next = nd_port_wait_of(alpc, w->server_thread.value);
		for (unsigned i = 0; next && i < count; i++)
			round |= seen[i] == next;
		text_str(out, round ? " deadlock\n" : "\n");
		w = round ? NULL : next;
	}
}

static void receive_facts(struct text *out, const struct nd_dump *dump, const struct nd_alpc *alpc,
			  nd_va ethread)
{
	uint32_t i = nd_port_received_by(alpc, ethread);

	for (; i < alpc->receivers && out->failed == ND_OK; i++) {
		const struct nd_port_receiver *r = &alpc->receiver[alpc->by_receiver[i]];

		if (r->thread != ethread)
			return;
		text_key(out, "Receives");
		text_va(out, nd_u64_of(alpc->ref[r->port].port));
		text_char(out, ' ');
		connection_name(out, dump, nd_u64_of(alpc->ref[r->port].port));
		text_line(out);
	}
}

static void held_facts(struct text *out, const struct nd_dump *dump, const struct nd_alpc *alpc,
		       nd_va ethread)
{
	uint32_t i = nd_port_served_by(alpc, ethread);

	for (; i < alpc->served && out->failed == ND_OK; i++) {
		const struct nd_queued_message *m = &alpc->message[alpc->by_server[i]];

		if (m->server_thread != ethread)
			return;
		text_key(out, "Holds");
		text_message(out, dump, m->message, nd_port_queue_name(m->queue));
		text_line(out);
	}
}

enum nd_status render_thread_alpc(struct text *out, const struct node_at *at)
{
	const struct nd_thread_list *threads;
	const struct nd_port_wait *wait;
	const struct nd_alpc *alpc;
	nd_va ethread;
	enum nd_status st = nd_threads(at->dump, at->key[0], &threads);

	if (st == ND_OK)
		st = nd_alpc(at->dump, &alpc);
	if (st != ND_OK)
		return st;
	if (at->key[1] >= threads->count)
		return ND_ENOENT;
	ethread = threads->ref[at->key[1]].ethread;
	wait = nd_port_wait_of(alpc, ethread);
	text_fact_dec(out, "MessageId",
		      nd_member_read(&at->dump->kernel, ethread, ND_M_ETHREAD_AlpcMessageId));
	text_key(out, "Message");
	if (wait)
		text_message(out, at->dump, wait->message,
			     wait->entry == UINT32_MAX
				     ? NULL
				     : nd_port_queue_name(alpc->message[wait->entry].queue));
	else
		text_char(out, '-');
	text_line(out);
	chain_facts(out, at->dump, alpc, wait);
	receive_facts(out, at->dump, alpc, ethread);
	held_facts(out, at->dump, alpc, ethread);
	return ND_OK;
}

// clang-format off
const struct node_row node_alpc_rows[] = {
	{ "list",      "table: port kind owner-pid owner-image name queued pending", .render = render_list },
	{ "waits",     "table: client-pid client-tid server-pid server-tid port name; each thread that waits for a reply, and who has its message",
	  .render = render_waits },
	{ "<address>", "facts of an ALPC port on AlpcpPortList, known by a handle, a name or a connection, with its queues and their messages",
	  .render = render_port, .next = next_port, .find = find_port, .about = about_port },
	{ 0 }
};
// clang-format on
