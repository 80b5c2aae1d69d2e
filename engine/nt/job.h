/*
 * engine/nt/job.h - job objects: which silo a process belongs to.
 */
#ifndef ND_NT_JOB_H
#define ND_NT_JOB_H

#include "ntdump.h"
#include "nt/process.h"

struct nd_silo_of {
	enum nd_status st;    /* ND_NOT_IN_BUILD before 14393; ND_OK; or why it cannot be told */
	nd_va at;
	bool server;          /* in a server silo: container_id and job say which; else the host's */
	nd_va job;            /* the EJOB that is the silo */
	uint8_t container_id[16];
};

/* The server silo of a process: the first job above it that has ServerSiloGlobals. */
struct nd_silo_of nd_process_silo(const struct nd_dump *dump, const struct nd_process *process);

#endif
