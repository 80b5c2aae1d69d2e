/*
 * engine/nt/peer.h - processes by image and session, and the how-manieth of its kind each is: a way
 * to call a process that holds over boots, as its id and its address do not.
 */
#ifndef ND_NT_PEER_H
#define ND_NT_PEER_H

#include "ntdump.h"
#include "nt/process.h"

struct nd_peer {
	uint32_t process;      /* index in nd_processes() */
	uint32_t number;       /* from 1: by create time, those that have ended last */
	struct nd_u64 session; /* SessionId; ND_NONE without */
	char image[ND_IMAGE_NAME_BYTES + 1]; /* ImageFileName; "" unless image_st is ND_OK */
	enum nd_status image_st;
};

struct nd_peer_list {
	struct nd_peer *peer; /* by image, session and number; owned */
	uint32_t count;
};

/* All processes: built on first use, then shared; lives as long as the dump. ND_ENOMEM, ND_EIO. */
enum nd_status nd_peers(const struct nd_dump *dump, const struct nd_peer_list **ret);

/* For nt/tables.c. */
enum nd_status nd_peer_list_build(const struct nd_dump *dump, struct nd_peer_list *ret);
void nd_peer_list_free(struct nd_peer_list *list);

#endif
