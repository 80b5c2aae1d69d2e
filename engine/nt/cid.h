/*
 * engine/nt/cid.h - PspCidTable: the handle table in which the kernel looks up every process and
 * thread by its id.
 */
#ifndef ND_NT_CID_H
#define ND_NT_CID_H

#include "ntdump.h"
#include "nt/problem.h"

struct nd_cid {
	uint32_t id; /* pid or tid: the entry's place in the table */
	bool thread; /* an ETHREAD, else an EPROCESS */
	nd_va object;
	struct nd_u64 owner; /* of a thread: its EPROCESS (KTHREAD.Process) */
	nd_va alpc_message;  /* of a thread: ETHREAD.AlpcMessage, which may mean something else */
};

struct nd_cid_table {
	struct nd_cid *entry; /* by id */
	uint32_t count;
	bool whole; /* all of the table could be read, and the heads of what it holds */
	struct nd_problems problems;
	enum nd_status st; /* why there is no table at all; ND_OK otherwise */
	nd_va at;	   /* the HANDLE_TABLE */
};

/* Built on first use, lives with the dump. ND_ENOMEM, ND_EIO. */
enum nd_status nd_cid_table(const struct nd_dump *dump, const struct nd_cid_table **ret);

/* For nt/tables.c. */
enum nd_status nd_cid_table_build(const struct nd_dump *dump, struct nd_cid_table *ret);
void nd_cid_table_free(struct nd_cid_table *table);

#endif
