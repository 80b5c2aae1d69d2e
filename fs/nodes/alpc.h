/*
 * fs/nodes/alpc.h - what /alpc and the files of processes and threads about ALPC share.
 */
#ifndef FS_ALPC_H
#define FS_ALPC_H

#include "nodes/nodes.h"
#include "nt/alpc.h"

/* "connection", "server", "client", or its word. */
void port_kind(struct text *out, const struct nd_port *port);
void port_name(struct text *out, const struct nd_dump *dump, const struct nd_port *port);
/* Messages that nobody has received yet: main, large and direct queue. */
struct nd_u64 port_queued(const struct nd_port *port);
/* The EPROCESS at the other end. */
struct nd_u64 port_peer_process(const struct nd_dump *dump, const struct nd_port *port);
/* "pid<separator>image" of an EPROCESS, which may be missing. */
void text_process(struct text *out, const struct nd_dump *dump, struct nd_u64 eprocess,
		  char separator);
/* "pid<separator>tid" of an ETHREAD, which may be missing. */
void text_thread(struct text *out, const struct nd_dump *dump, struct nd_u64 ethread,
		 char separator);
/* ETHREAD.Cid.UniqueThread */
struct nd_u64 thread_tid(const struct nd_dump *dump, struct nd_u64 ethread);
struct nd_u64 thread_pid(const struct nd_dump *dump, struct nd_u64 ethread);
/*
 * One line's worth about the message: "0x... queue=PendingQueue id=16452 type=LPC_REQUEST ...".
 * queue NULL: in none.
 */
void text_message(struct text *out, const struct nd_dump *dump, nd_va message, const char *queue);
/* The facts of one port, and its queues: alpc_facts.c. */
enum nd_status text_port_facts(struct text *out, const struct nd_dump *dump,
			       const struct nd_alpc *alpc, const struct nd_port_ref *ref);

#endif
