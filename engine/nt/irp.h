/*
 * engine/nt/irp.h - I/O requests that a thread has started and that are not done: ETHREAD.IrpList.
 */
#ifndef ND_NT_IRP_H
#define ND_NT_IRP_H

#include "ntdump.h"
#include "nt/problem.h"
#include "nt/thread.h"

#define ND_IRPS_MAX 4096u

struct nd_irp {
	nd_va irp;
	/* Of the current stack location; ND_NONE when no driver has the request. */
	struct nd_u64 major, minor;
	struct nd_u64 device;	   /* DEVICE_OBJECT; 0 without one */
	struct nd_u64 driver;	   /* DRIVER_OBJECT */
	struct nd_u64 file_object; /* FILE_OBJECT; 0 without one */
};

struct nd_irp_list {
	struct nd_irp *irp; /* in list order; owned */
	uint32_t count;
	enum nd_status st; /* why there is no list at all; ND_OK otherwise */
	nd_va at;
};

/*
 * The thread's requests. ND_OK (ret->st tells why there is no list), ND_EIO, ND_ENOMEM. What is
 * broken goes to `problems`, which may be NULL. Free with nd_irp_list_free().
 */
enum nd_status nd_irp_list_read(const struct nd_dump *dump, nd_va ethread, struct nd_irp_list *ret,
				struct nd_problems *problems);
void nd_irp_list_free(struct nd_irp_list *list);

/* "IRP_MJ_READ"; NULL when the value has no name. */
const char *nd_irp_major_name(uint64_t major);

#endif
