/*
 * engine/nt/alpc.h - ALPC: ports, the connections between them, the messages in their queues, and
 * which thread waits for which.
 */
#ifndef ND_NT_ALPC_H
#define ND_NT_ALPC_H

#include "ntdump.h"
#include "nt/problem.h"
#include "sym/rec.h"

#define ND_PORTS_MAX 262144u
#define ND_PORT_MESSAGES_MAX 1048576u /* in the queues of all ports */
#define ND_PORT_CLIENTS_MAX 65536u    /* of one connection port */

/* As ALPC_PORT.u1.s1.Type has them. */
enum nd_port_kind {
	ND_PORT_CONNECTION = 1, /* the server's, with a name: clients connect to it */
	ND_PORT_SERVER = 2,	/* the server's end of one connection */
	ND_PORT_CLIENT = 3,	/* the client's end */
};

enum nd_port_queue {
	ND_QUEUE_MAIN,
	ND_QUEUE_LARGE,	  /* too big for who wanted to receive it */
	ND_QUEUE_PENDING, /* received, not yet replied to */
	ND_QUEUE_DIRECT,
	ND_QUEUE_CANCELED,
	ND_QUEUE_WAIT, /* of threads that want to receive */
	ND_PORT_QUEUES,
};

struct nd_port {
	nd_va at;
	struct nd_u64 kind; /* enum nd_port_kind; ND_INVALID: contradicts itself */
	struct nd_u64 info; /* ALPC_COMMUNICATION_INFO */
	struct nd_u64 connection, server, client; /* ALPC_PORTs of the connection; ND_NONE: none */
	struct nd_u64 owner;			  /* EPROCESS; ND_NONE: closed */
	struct nd_u64 state;			  /* u1: bits, named by nd_port_state_name() */
	struct nd_u64 sequence, references;
	struct nd_u64 completion_port, completion_key, completion_list, context;
	struct nd_u64 target_queue, target_sequence; /* ALPC_PORT; ND_NONE */
	struct nd_u64 cached_message;		     /* KALPC_MESSAGE; ND_NONE */
	struct nd_u64 length[ND_PORT_QUEUES];	     /* as the port itself counts */
	bool empty[ND_PORT_QUEUES]; /* the ring's head names itself on both sides */
	struct nd_u64 flags;	    /* PortAttributes: bits, named by nd_port_flag_name() */
	struct nd_u64 impersonation_level;
	struct nd_u64 max_message, memory_bandwidth, max_pool, max_section, max_view,
		max_total_section; /* bytes */
	struct nd_u64 dup_object_types;
};

/* Fill from the ALPC_PORT at `port`. ND_OK when some of it is there; ND_INVALID: no address. */
enum nd_status nd_port_read(const struct nd_dump *dump, nd_va port, struct nd_port *ret);

/*
 * What people call a port: its path in the namespace, else that of its connection port. ND_NONE
 * without either. Free with nd_ustr_free().
 */
struct nd_ustr nd_port_name(const struct nd_dump *dump, const struct nd_port *port);

/*
 * The other end of a connection: for a client's port the server's (while there is none yet or any
 * more: the connection port), for a server's port the client's. ND_NONE for connection ports, and
 * where the other end is closed; ND_INVALID when that port does not belong to the same connection.
 */
struct nd_u64 nd_port_peer(const struct nd_dump *dump, const struct nd_port *port);
/* ALPC_PORT.OwnerProcess without its tag bits: EPROCESS. ND_INVALID: no process. */
struct nd_u64 nd_port_owner(const struct nd_dump *dump, nd_va port);

const char *nd_port_state_name(unsigned bit);
const char *nd_port_flag_name(unsigned bit);
/* "MainQueue", ... */
const char *nd_port_queue_name(enum nd_port_queue queue);

/* --- messages --------------------------------------------------------------------------------- */

struct nd_message {
	nd_va at;
	/* ND_NONE for 0, ND_INVALID where there is something else. */
	struct nd_u64 queue_port, owner_port, connection_port; /* ALPC_PORT */
	struct nd_u64 waiting_thread, server_thread;	       /* ETHREAD */
	struct nd_u64 state; /* u1: bits, named by nd_message_state_name() */
	struct nd_u64 sequence;
	struct nd_u64 quota_process; /* EPROCESS; ND_NONE */
	struct nd_u64 cancel_queue_port, cancel_sequence_port, reserve;
	struct nd_u64 data_user_va, info;
	struct nd_u64 extension, extension_bytes;
	/* PORT_MESSAGE */
	struct nd_u64 data_bytes, total_bytes;
	struct nd_u64 type; /* low byte: nd_message_type_name(); bits 13-15: flags */
	struct nd_u64 data_info_offset;
	struct nd_u64 pid, tid; /* of the sender */
	struct nd_u64 id, callback_id;
};

/* Fill from the KALPC_MESSAGE at `message`. As nd_port_read(). */
enum nd_status nd_message_read(const struct nd_dump *dump, nd_va message, struct nd_message *ret);

/* A pointer to an ETHREAD: ND_NONE for 0, ND_INVALID where there is something else. */
struct nd_u64 nd_port_thread(const struct nd_dump *dump, struct nd_u64 ethread);

/* Of one bit of nd_message.state; NULL for those without a name. */
const char *nd_message_state_name(uint32_t build, unsigned bit);
/* "LPC_REQUEST", ...; NULL for an unknown value. */
const char *nd_message_type_name(unsigned type);

/* --- all of them ------------------------------------------------------------------------------ */

enum nd_port_source {
	ND_PORT_LISTED = 1u << 0,    /* on AlpcpPortList */
	ND_PORT_BY_HANDLE = 1u << 1, /* a process has a handle */
	ND_PORT_BY_NAME = 1u << 2,   /* in the namespace */
	ND_PORT_CONNECTED = 1u << 3, /* another port's connection names it */
};

struct nd_port_ref {
	nd_va port;
	unsigned sources;			 /* ND_PORT_* */
	nd_va owner;				 /* EPROCESS; 0: none, or not to be read */
	uint32_t first_message, message_count;	 /* into nd_alpc.message */
	uint32_t first_receiver, receiver_count; /* into nd_alpc.receiver */
	uint32_t found[ND_PORT_QUEUES];		 /* entries that could be read */
};

struct nd_queued_message {
	nd_va message;
	uint32_t port; /* index of the one whose queue it is in */
	enum nd_port_queue queue;
	nd_va server_thread; /* ETHREAD that works on it; 0: none yet */
};

struct nd_port_receiver {
	nd_va thread; /* ETHREAD */
	uint32_t port;
};

/* A thread that waits for a reply. */
struct nd_port_wait {
	nd_va client;		      /* ETHREAD */
	nd_va message;		      /* KALPC_MESSAGE */
	uint32_t entry;		      /* index in nd_alpc.message; UINT32_MAX: in no queue */
	struct nd_u64 server_thread;  /* ETHREAD; ND_NONE: nobody has received it yet */
	struct nd_u64 server_process; /* EPROCESS that has, or is to receive, it */
	struct nd_u64 connection;     /* ALPC_PORT */
};

struct nd_alpc {
	struct nd_port_ref *ref; /* by address */
	uint32_t count;
	struct nd_queued_message *message; /* by port, then queue, then in the queue's order */
	uint32_t messages;
	uint32_t *by_server; /* indices of those with a server thread, by its address */
	uint32_t served;
	struct nd_port_receiver *receiver; /* by port, in the queue's order */
	uint32_t receivers;
	uint32_t *by_receiver;	   /* indices, by thread */
	struct nd_port_wait *wait; /* by client */
	uint32_t waits;
	struct nd_problems problems;
};

/* All of ALPC: found on first use, then shared; lives with the dump. ND_ENOMEM, ND_EIO. */
enum nd_status nd_alpc(const struct nd_dump *dump, const struct nd_alpc **ret);
/* Index of the port at `port`, or UINT32_MAX. */
uint32_t nd_port_index(const struct nd_alpc *alpc, nd_va port);
/* The wait of a thread, or NULL. */
const struct nd_port_wait *nd_port_wait_of(const struct nd_alpc *alpc, nd_va ethread);
/* First place in by_server (or by_receiver) of this thread; the count where there is none. */
uint32_t nd_port_served_by(const struct nd_alpc *alpc, nd_va ethread);
uint32_t nd_port_received_by(const struct nd_alpc *alpc, nd_va ethread);

/* One client of a connection port. */
struct nd_port_client {
	nd_va info;
	struct nd_u64 server, client; /* ALPC_PORT; 0: none (any more) */
};

struct nd_port_clients {
	struct nd_port_client *client; /* in the order of CommunicationList; owned */
	uint32_t count;
	enum nd_status st; /* why nothing is known; ND_OK otherwise */
	nd_va at;
};

/*
 * The clients of a connection port; none of other ports. A ring that is broken is told to
 * `problems` (may be NULL). ND_ENOMEM, ND_EIO. Free with nd_port_clients_free().
 */
enum nd_status nd_port_clients_read(const struct nd_dump *dump, const struct nd_port *port,
				    struct nd_problems *problems, struct nd_port_clients *ret);
void nd_port_clients_free(struct nd_port_clients *clients);

/* For nt/tables.c. */
enum nd_status nd_alpc_build(const struct nd_dump *dump, struct nd_alpc *ret);
void nd_alpc_free(struct nd_alpc *alpc);
/* For nt/alpc_list.c: queues and waits, once the ports are there. */
enum nd_status nd_alpc_add_queues(const struct nd_dump *dump, struct nd_alpc *alpc);

#endif
