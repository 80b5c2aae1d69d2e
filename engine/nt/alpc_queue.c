/*
 * engine/nt/alpc_queue.c - the queues of all ports, and from their messages, and from those that
 * threads hold, who waits for whom.
 */
#include <stdlib.h>

#include "nt/alpc.h"
#include "nt/cid.h"
#include "nt/list.h"
#include "nt/object_name.h"
#include "nt/process.h"
#include "nt/thread.h"
#include "seen.h"

struct build {
	const struct nd_dump *dump;
	struct nd_alpc *alpc;
	struct nd_seen waited; /* messages whose wait is known */
	size_t message_cap, receiver_cap, wait_cap;
	size_t receivers_walked; /* entries of wait queues, also those that are no threads */
};

static const struct {
	enum nd_member_id head;
	const char *queue, *length;
} queues[ND_PORT_QUEUES] = {
	{ ND_M_ALPC_PORT_MainQueue, "ALPC_PORT.MainQueue", "ALPC_PORT.MainQueueLength" },
	{ ND_M_ALPC_PORT_LargeMessageQueue, "ALPC_PORT.LargeMessageQueue",
	  "ALPC_PORT.LargeMessageQueueLength" },
	{ ND_M_ALPC_PORT_PendingQueue, "ALPC_PORT.PendingQueue", "ALPC_PORT.PendingQueueLength" },
	{ ND_M_ALPC_PORT_DirectQueue, "ALPC_PORT.DirectQueue", "ALPC_PORT.DirectQueueLength" },
	{ ND_M_ALPC_PORT_CanceledQueue, "ALPC_PORT.CanceledQueue",
	  "ALPC_PORT.CanceledQueueLength" },
	{ ND_M_ALPC_PORT_WaitQueue, "ALPC_PORT.WaitQueue", "ALPC_PORT.WaitQueueLength" },
};

static void tell(struct build *b, enum nd_problem_kind kind, const char *where, nd_va owner,
		 uint64_t a, uint64_t other)
{
	nd_problem_add(&b->alpc->problems,
		       (struct nd_problem){
			       .kind = kind, .where = where, .owner = owner, .a = a, .b = other });
}

/* --- queues ----------------------------------------------------------------------------------- */

/* The canceled queue links messages by a member of its own, unless they are in no other queue. */
static enum nd_status message_of(const struct nd_dump *dump, nd_va port, enum nd_port_queue queue,
				 nd_va link, nd_va *ret)
{
	uint32_t entry = nd_offset(dump, ND_M_KALPC_MESSAGE_Entry);
	uint32_t cancel = nd_offset(dump, ND_M_KALPC_MESSAGE_CancelListEntry);
	struct nd_u64 its = { .st = ND_NONE };

	*ret = link - entry;
	if (queue != ND_QUEUE_CANCELED || cancel == ND_OFFSET_ABSENT)
		return ND_OK;
	its = nd_member_read(&dump->kernel, *ret, ND_M_KALPC_MESSAGE_PortQueue);
	if (its.st == ND_OK && its.value == port)
		return ND_OK;
	if (!nd_is_failure(its.st))
		its = nd_member_read(&dump->kernel, link - cancel,
				     ND_M_KALPC_MESSAGE_CancelQueuePort);
	if (its.st == ND_OK && its.value == port)
		*ret = link - cancel;
	return nd_is_failure(its.st) ? its.st : ND_OK;
}

static enum nd_status add_message(struct build *b, uint32_t port, enum nd_port_queue queue,
				  nd_va link)
{
	struct nd_alpc *alpc = b->alpc;
	nd_va at = alpc->ref[port].port, message;
	struct nd_u64 back;
	enum nd_status st = message_of(b->dump, at, queue, link, &message);

	if (st == ND_OK)
		st = nd_grow((void **)&alpc->message, &b->message_cap, alpc->messages,
			     sizeof(*alpc->message));
	if (st != ND_OK)
		return st;
	alpc->message[alpc->messages++] =
		(struct nd_queued_message){ .message = message, .port = port, .queue = queue };
	alpc->ref[port].message_count++;
	back = nd_member_read(&b->dump->kernel, message, ND_M_KALPC_MESSAGE_PortQueue);
	if (back.st == ND_OK && back.value != at && queue != ND_QUEUE_CANCELED)
		tell(b, ND_PROBLEM_NOT_BACK, queues[queue].queue, at, message, back.value);
	return nd_is_failure(back.st) ? back.st : ND_OK;
}

static enum nd_status add_receiver(struct build *b, uint32_t port, nd_va link)
{
	struct nd_alpc *alpc = b->alpc;
	nd_va ethread = link - nd_offset(b->dump, ND_M_ETHREAD_AlpcWaitListEntry);
	struct nd_u64 thread = nd_port_thread(b->dump, nd_u64_of(ethread));
	enum nd_status st;

	if (thread.st == ND_INVALID)
		tell(b, ND_PROBLEM_POINTER, "ALPC_PORT.WaitQueue", alpc->ref[port].port, ethread,
		     0);
	if (thread.st != ND_OK)
		return nd_is_failure(thread.st) ? thread.st : ND_OK;
	st = nd_grow((void **)&alpc->receiver, &b->receiver_cap, alpc->receivers,
		     sizeof(*alpc->receiver));
	if (st != ND_OK)
		return st;
	alpc->receiver[alpc->receivers++] = (struct nd_port_receiver){ ethread, port };
	alpc->ref[port].receiver_count++;
	return ND_OK;
}

/* How many entries a ring may still have. */
static size_t budget(const struct build *b, enum nd_port_queue queue)
{
	return ND_PORT_MESSAGES_MAX -
	       (queue == ND_QUEUE_WAIT ? b->receivers_walked : b->alpc->messages);
}

static enum nd_status add_queue(struct build *b, uint32_t port, const struct nd_port *p,
				enum nd_port_queue queue)
{
	struct nd_port_ref *ref = &b->alpc->ref[port];
	struct nd_list ring;
	enum nd_status st;

	if (budget(b, queue) == 0 ||
	    (queue == ND_QUEUE_WAIT &&
	     nd_offset(b->dump, ND_M_ETHREAD_AlpcWaitListEntry) == ND_OFFSET_ABSENT) ||
	    nd_offset(b->dump, ND_M_KALPC_MESSAGE_Entry) == ND_OFFSET_ABSENT)
		return ND_OK;
	st = nd_list_collect(&b->dump->kernel, p->at + nd_offset(b->dump, queues[queue].head),
			     budget(b, queue), &ring);
	if (st != ND_OK)
		return nd_is_failure(st) ? st : ND_OK;
	nd_problem_add_list(&b->alpc->problems, queues[queue].queue, p->at, &ring);
	if (queue == ND_QUEUE_WAIT)
		b->receivers_walked += ring.count;
	for (size_t i = 0; st == ND_OK && i < ring.count; i++)
		st = queue == ND_QUEUE_WAIT ? add_receiver(b, port, ring.link[i])
					    : add_message(b, port, queue, ring.link[i]);
	ref->found[queue] = (uint32_t)ring.count;
	if (ring.trouble == ND_LIST_SOUND && p->length[queue].st == ND_OK &&
	    p->length[queue].value != ring.count)
		tell(b, ND_PROBLEM_COUNT, queues[queue].length, p->at, p->length[queue].value,
		     ring.count);
	nd_list_free(&ring);
	return st;
}

static enum nd_status add_port(struct build *b, uint32_t port)
{
	struct nd_port_ref *ref = &b->alpc->ref[port];
	struct nd_port p;
	enum nd_status st = nd_port_read(b->dump, ref->port, &p);

	if (st != ND_OK)
		return nd_is_failure(st) ? st : ND_OK;
	ref->first_message = b->alpc->messages;
	ref->first_receiver = b->alpc->receivers;
	for (enum nd_port_queue queue = 0; st == ND_OK && queue < ND_PORT_QUEUES; queue++)
		if (!p.empty[queue])
			st = add_queue(b, port, &p, queue);
		else if (p.length[queue].st == ND_OK && p.length[queue].value != 0)
			tell(b, ND_PROBLEM_COUNT, queues[queue].length, p.at, p.length[queue].value,
			     0);
	return st;
}

/* --- waits ------------------------------------------------------------------------------------ */

/* The process that has the message, or that is to receive it. */
static struct nd_u64 process_of(const struct nd_dump *dump, const struct nd_port_wait *w,
				const struct nd_message *m, const struct nd_queued_message *queued)
{
	struct nd_u64 peer = { .st = ND_NONE, .at = m->at };
	struct nd_port port;
	enum nd_status st;

	if (w->server_thread.st == ND_OK)
		return nd_member_read(&dump->kernel, w->server_thread.value, ND_M_KTHREAD_Process);
	if (queued &&
	    (queued->queue == ND_QUEUE_MAIN || queued->queue == ND_QUEUE_LARGE ||
	     queued->queue == ND_QUEUE_DIRECT) &&
	    m->queue_port.st == ND_OK)
		return nd_port_owner(dump, m->queue_port.value);
	st = m->owner_port.st == ND_OK ? nd_port_read(dump, m->owner_port.value, &port)
				       : m->owner_port.st;
	if (st == ND_OK)
		peer = nd_port_peer(dump, &port);
	else
		peer.st = st;
	if (peer.st != ND_OK && !nd_is_failure(peer.st) && w->connection.st == ND_OK)
		peer = w->connection;
	return peer.st == ND_OK ? nd_port_owner(dump, peer.value) : peer;
}

/* The connection port: of the port that the message is in, else of the one it came through. */
static struct nd_u64 connection_of(const struct nd_dump *dump, const struct nd_message *m,
				   const struct nd_port_ref *queue)
{
	struct nd_u64 ret = nd_u64_missing(ND_NONE, m->at);

	if (queue)
		ret = nd_port_ends_read(dump, queue->port).connection;
	if ((ret.st != ND_OK || ret.value == 0) && !nd_is_failure(ret.st) &&
	    m->owner_port.st == ND_OK)
		ret = nd_port_ends_read(dump, m->owner_port.value).connection;
	if ((ret.st != ND_OK || ret.value == 0) && !nd_is_failure(ret.st))
		ret = m->connection_port;
	if (ret.st == ND_OK && ret.value == 0)
		ret = nd_u64_missing(ND_NONE, ret.at);
	if (ret.st == ND_OK && (!nd_va_is_kernel(ret.value) || ret.value & 7))
		ret = nd_u64_missing(ND_INVALID, ret.at);
	return ret;
}

/* A pointer that leads to something else. */
static void tell_pointer(struct build *b, const struct nd_message *m, const struct nd_u64 *pointer,
			 enum nd_member_id member, const char *where)
{
	if (pointer->st == ND_INVALID)
		tell(b, ND_PROBLEM_POINTER, where, m->at,
		     nd_member_read(&b->dump->kernel, m->at, member).value, 0);
}

static enum nd_status add_wait(struct build *b, const struct nd_message *m, uint32_t entry)
{
	struct nd_alpc *alpc = b->alpc;
	const struct nd_queued_message *queued = entry != UINT32_MAX ? &alpc->message[entry] : NULL;
	struct nd_port_wait w = { .client = m->waiting_thread.value,
				  .message = m->at,
				  .entry = entry,
				  .server_thread = m->server_thread };
	enum nd_status st = nd_seen_add(&b->waited, m->at);

	w.connection = connection_of(b->dump, m, queued ? &alpc->ref[queued->port] : NULL);
	w.server_process = process_of(b->dump, &w, m, queued);
	if (st == ND_OK && nd_is_failure(w.server_thread.st))
		st = w.server_thread.st;
	if (st == ND_OK && nd_is_failure(w.connection.st))
		st = w.connection.st;
	if (st == ND_OK && nd_is_failure(w.server_process.st))
		st = w.server_process.st;
	if (st == ND_OK)
		st = nd_grow((void **)&alpc->wait, &b->wait_cap, alpc->waits, sizeof(*alpc->wait));
	if (st == ND_OK)
		alpc->wait[alpc->waits++] = w;
	return st;
}

/* Messages in queues: who works on each, and who waits for the reply. */
static enum nd_status wait_for_queued(struct build *b, uint32_t i)
{
	struct nd_queued_message *q = &b->alpc->message[i];
	struct nd_message m;
	struct nd_u64 its;
	enum nd_status st = nd_message_read(b->dump, q->message, &m);

	if (st != ND_OK)
		return nd_is_failure(st) ? st : ND_OK;
	tell_pointer(b, &m, &m.owner_port, ND_M_KALPC_MESSAGE_OwnerPort, "KALPC_MESSAGE.OwnerPort");
	tell_pointer(b, &m, &m.server_thread, ND_M_KALPC_MESSAGE_ServerThread,
		     "KALPC_MESSAGE.ServerThread");
	tell_pointer(b, &m, &m.waiting_thread, ND_M_KALPC_MESSAGE_WaitingThread,
		     "KALPC_MESSAGE.WaitingThread");
	q->server_thread = m.server_thread.value;
	if (nd_seen_has(&b->waited, m.at) || m.waiting_thread.st != ND_OK)
		return nd_is_failure(m.waiting_thread.st) ? m.waiting_thread.st : ND_OK;
	its = nd_member_read(&b->dump->kernel, m.waiting_thread.value, ND_M_ETHREAD_AlpcMessage);
	if (its.st == ND_OK && its.value != m.at)
		tell(b, ND_PROBLEM_NOT_BACK, "KALPC_MESSAGE.WaitingThread", m.at,
		     m.waiting_thread.value, its.value);
	return nd_is_failure(its.st) ? its.st : add_wait(b, &m, i);
}

/*
 * A message in no queue, known by the thread that waits for its reply. `message` is what the thread
 * has as AlpcMessage, which means something else in other threads.
 */
static enum nd_status wait_of_thread(struct build *b, nd_va ethread, nd_va message)
{
	struct nd_message m;
	enum nd_status st;

	if (!nd_va_is_kernel(message) || message & 7 || nd_seen_has(&b->waited, message))
		return ND_OK;
	st = nd_message_read(b->dump, message, &m);
	if (st != ND_OK)
		return nd_is_failure(st) ? st : ND_OK;
	if (m.waiting_thread.st != ND_OK || m.waiting_thread.value != ethread)
		return nd_is_failure(m.waiting_thread.st) ? m.waiting_thread.st : ND_OK;
	return add_wait(b, &m, UINT32_MAX);
}

static enum nd_status waits_of_listed(struct build *b)
{
	const struct nd_process_list *processes;
	enum nd_status st = nd_processes(b->dump, &processes);

	for (uint32_t i = 0; st == ND_OK && i < processes->count; i++) {
		const struct nd_thread_list *threads;

		st = nd_threads(b->dump, i, &threads);
		for (uint32_t k = 0; st == ND_OK && k < threads->count; k++) {
			nd_va ethread = threads->ref[k].ethread;
			struct nd_u64 message =
				nd_member_read(&b->dump->kernel, ethread, ND_M_ETHREAD_AlpcMessage);

			st = nd_is_failure(message.st) ? message.st
						       : wait_of_thread(b, ethread, message.value);
		}
	}
	return st;
}

/* All threads that have an id; where that table is not whole, those of all processes. */
static enum nd_status waits_of_threads(struct build *b)
{
	const struct nd_cid_table *cid;
	enum nd_status st = nd_cid_table(b->dump, &cid);

	if (st == ND_OK && (cid->st != ND_OK || !cid->whole))
		return waits_of_listed(b);
	for (uint32_t i = 0; st == ND_OK && i < cid->count; i++)
		if (cid->entry[i].thread)
			st = wait_of_thread(b, cid->entry[i].object, cid->entry[i].alpc_message);
	return st;
}

/* --- indices ---------------------------------------------------------------------------------- */

static int by_client(const void *a, const void *b)
{
	const struct nd_port_wait *x = a, *y = b;

	if (x->client != y->client)
		return x->client < y->client ? -1 : 1;
	return x->message < y->message ? -1 : x->message > y->message;
}

static int compare_servers(const void *a, const void *b, void *context)
{
	const struct nd_queued_message *m = ((const struct nd_alpc *)context)->message;
	const struct nd_queued_message *x = &m[*(const uint32_t *)a], *y = &m[*(const uint32_t *)b];

	if (x->server_thread != y->server_thread)
		return x->server_thread < y->server_thread ? -1 : 1;
	return x < y ? -1 : x > y;
}

static int compare_receivers(const void *a, const void *b, void *context)
{
	const struct nd_port_receiver *r = ((const struct nd_alpc *)context)->receiver;
	const struct nd_port_receiver *x = &r[*(const uint32_t *)a], *y = &r[*(const uint32_t *)b];

	if (x->thread != y->thread)
		return x->thread < y->thread ? -1 : 1;
	return x < y ? -1 : x > y;
}

static enum nd_status sort(struct nd_alpc *alpc)
{
	if (alpc->waits > 1)
		qsort(alpc->wait, alpc->waits, sizeof(*alpc->wait), by_client);
	alpc->by_server = calloc(alpc->messages ? alpc->messages : 1, sizeof(*alpc->by_server));
	alpc->by_receiver =
		calloc(alpc->receivers ? alpc->receivers : 1, sizeof(*alpc->by_receiver));
	if (!alpc->by_server || !alpc->by_receiver)
		return ND_ENOMEM;
	for (uint32_t i = 0; i < alpc->messages; i++)
		if (alpc->message[i].server_thread != 0)
			alpc->by_server[alpc->served++] = i;
	for (uint32_t i = 0; i < alpc->receivers; i++)
		alpc->by_receiver[i] = i;
	qsort_r(alpc->by_server, alpc->served, sizeof(*alpc->by_server), compare_servers, alpc);
	qsort_r(alpc->by_receiver, alpc->receivers, sizeof(*alpc->by_receiver), compare_receivers,
		alpc);
	return ND_OK;
}

enum nd_status nd_alpc_add_queues(const struct nd_dump *dump, struct nd_alpc *alpc)
{
	struct build b = { .dump = dump, .alpc = alpc };
	enum nd_status st = ND_OK;

	for (uint32_t i = 0; st == ND_OK && i < alpc->count; i++)
		st = add_port(&b, i);
	for (uint32_t i = 0; st == ND_OK && i < alpc->messages; i++)
		st = wait_for_queued(&b, i);
	if (st == ND_OK)
		st = waits_of_threads(&b);
	nd_seen_deinit(&b.waited);
	return st == ND_OK ? sort(alpc) : st;
}

const struct nd_port_wait *nd_port_wait_of(const struct nd_alpc *alpc, nd_va ethread)
{
	uint32_t low = 0, high = alpc->waits;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (alpc->wait[middle].client < ethread)
			low = middle + 1;
		else
			high = middle;
	}
	return low < alpc->waits && alpc->wait[low].client == ethread ? &alpc->wait[low] : NULL;
}

uint32_t nd_port_served_by(const struct nd_alpc *alpc, nd_va ethread)
{
	uint32_t low = 0, high = alpc->served;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (alpc->message[alpc->by_server[middle]].server_thread < ethread)
			low = middle + 1;
		else
			high = middle;
	}
	return low < alpc->served && alpc->message[alpc->by_server[low]].server_thread == ethread
		       ? low
		       : alpc->served;
}

uint32_t nd_port_received_by(const struct nd_alpc *alpc, nd_va ethread)
{
	uint32_t low = 0, high = alpc->receivers;

	while (low < high) {
		uint32_t middle = low + (high - low) / 2;

		if (alpc->receiver[alpc->by_receiver[middle]].thread < ethread)
			low = middle + 1;
		else
			high = middle;
	}
	return low < alpc->receivers && alpc->receiver[alpc->by_receiver[low]].thread == ethread
		       ? low
		       : alpc->receivers;
}
