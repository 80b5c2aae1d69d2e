/*
 * engine/nt/irp.c - walks ETHREAD.IrpList and reads each request's current stack location.
 */
#include <stdlib.h>

#include "nt/irp.h"
#include "nt/list.h"

#define IO_TYPE_IRP 6u
#define STACK_LOCATIONS_MAX 127u /* IRP.StackCount is a signed char */

const char *nd_irp_major_name(uint64_t major)
{
	/* wdm.h */
	static const char *const name[] = {
		"IRP_MJ_CREATE",
		"IRP_MJ_CREATE_NAMED_PIPE",
		"IRP_MJ_CLOSE",
		"IRP_MJ_READ",
		"IRP_MJ_WRITE",
		"IRP_MJ_QUERY_INFORMATION",
		"IRP_MJ_SET_INFORMATION",
		"IRP_MJ_QUERY_EA",
		"IRP_MJ_SET_EA",
		"IRP_MJ_FLUSH_BUFFERS",
		"IRP_MJ_QUERY_VOLUME_INFORMATION",
		"IRP_MJ_SET_VOLUME_INFORMATION",
		"IRP_MJ_DIRECTORY_CONTROL",
		"IRP_MJ_FILE_SYSTEM_CONTROL",
		"IRP_MJ_DEVICE_CONTROL",
		"IRP_MJ_INTERNAL_DEVICE_CONTROL",
		"IRP_MJ_SHUTDOWN",
		"IRP_MJ_LOCK_CONTROL",
		"IRP_MJ_CLEANUP",
		"IRP_MJ_CREATE_MAILSLOT",
		"IRP_MJ_QUERY_SECURITY",
		"IRP_MJ_SET_SECURITY",
		"IRP_MJ_POWER",
		"IRP_MJ_SYSTEM_CONTROL",
		"IRP_MJ_DEVICE_CHANGE",
		"IRP_MJ_QUERY_QUOTA",
		"IRP_MJ_SET_QUOTA",
		"IRP_MJ_PNP",
	};

	return major < sizeof(name) / sizeof(*name) ? name[major] : NULL;
}

static bool is_object(struct nd_u64 v)
{
	return v.st == ND_OK && nd_va_is_kernel(v.value) && !(v.value & 7);
}

/*
 * The stack locations lie behind the IRP, the first one last used: the current one is
 * CurrentLocation, counted from 1; StackCount + 1 means that no driver has it yet.
 */
static struct nd_u64 current_location(const struct nd_dump *dump, nd_va irp)
{
	uint32_t head = dump->layout.struct_bytes[ND_S_IRP];
	uint32_t one = dump->layout.struct_bytes[ND_S_IO_STACK_LOCATION];
	struct nd_u64 type = nd_member_read(&dump->kernel, irp, ND_M_IRP_Type);
	struct nd_u64 count = nd_member_read(&dump->kernel, irp, ND_M_IRP_StackCount);
	struct nd_u64 current = nd_member_read(&dump->kernel, irp, ND_M_IRP_CurrentLocation);

	if (type.st == ND_OK && type.value != IO_TYPE_IRP)
		return nd_u64_missing(ND_INVALID, irp); /* the list led to something else */
	if (type.st != ND_OK)
		return type;
	if (count.st != ND_OK)
		return count;
	if (current.st != ND_OK)
		return current;
	if (head == 0 || one == 0)
		return nd_u64_missing(ND_NOT_IN_BUILD, irp);
	if (current.value == count.value + 1)
		return nd_u64_missing(ND_NONE, irp);
	if (count.value > STACK_LOCATIONS_MAX || current.value == 0 || current.value > count.value)
		return nd_u64_missing(ND_INVALID, irp);
	return nd_u64_of(irp + head + one * (current.value - 1));
}

static void read_irp(const struct nd_dump *dump, nd_va at, struct nd_irp *irp)
{
	struct nd_u64 location = current_location(dump, at);
	struct nd_rec rec;

	irp->irp = at;
	irp->major = irp->minor = irp->device = irp->driver = irp->file_object = location;
	if (location.st == ND_OK)
		location.st =
			nd_rec_read(&dump->kernel, location.value, ND_S_IO_STACK_LOCATION, &rec);
	if (location.st != ND_OK) {
		irp->major = nd_u64_missing(location.st, location.value ? location.value : at);
		irp->minor = irp->device = irp->driver = irp->file_object = irp->major;
		return;
	}
	irp->major = nd_rec_get(&rec, ND_M_IO_STACK_LOCATION_MajorFunction);
	irp->minor = nd_rec_get(&rec, ND_M_IO_STACK_LOCATION_MinorFunction);
	irp->device = nd_rec_get(&rec, ND_M_IO_STACK_LOCATION_DeviceObject);
	irp->file_object = nd_rec_get(&rec, ND_M_IO_STACK_LOCATION_FileObject);
	irp->driver = irp->device;
	if (is_object(irp->device))
		irp->driver = nd_member_read(&dump->kernel, irp->device.value,
					     ND_M_DEVICE_OBJECT_DriverObject);
}

enum nd_status nd_irp_list_read(const struct nd_dump *dump, nd_va ethread, struct nd_irp_list *ret,
				struct nd_problems *problems)
{
	uint32_t head = nd_offset(dump, ND_M_ETHREAD_IrpList);
	uint32_t link = nd_offset(dump, ND_M_IRP_ThreadListEntry);
	struct nd_irp_list list = { .at = ethread, .st = ND_NOT_IN_BUILD };
	struct nd_list ring = { 0 };
	enum nd_status st = ND_OK;

	if (head != ND_OFFSET_ABSENT && link != ND_OFFSET_ABSENT)
		list.st = nd_list_collect(&dump->kernel, ethread + head, ND_IRPS_MAX, &ring);
	if (nd_is_failure(list.st))
		return list.st;
	if (list.st == ND_OK) {
		nd_problem_add_list(problems, "ETHREAD.IrpList", ethread, &ring);
		list.irp = calloc(ring.count ? ring.count : 1, sizeof(*list.irp));
		st = list.irp ? ND_OK : ND_ENOMEM;
	}
	for (size_t i = 0; st == ND_OK && i < ring.count; i++) {
		read_irp(dump, ring.link[i] - link, &list.irp[list.count++]);
		if (nd_is_failure(list.irp[i].major.st))
			st = list.irp[i].major.st;
	}
	nd_list_free(&ring);
	if (st != ND_OK)
		nd_irp_list_free(&list);
	else
		*ret = list;
	return st;
}

void nd_irp_list_free(struct nd_irp_list *list)
{
	free(list->irp);
	list->irp = NULL;
	list->count = 0;
}
