/*
 * engine/nt/job.c - walks the nesting of job objects.
 */
#include <string.h>

#include "nt/job.h"

#define NESTING_MAX 64u

struct nd_silo_of nd_process_silo(const struct nd_dump *dump, const struct nd_process *process)
{
	struct nd_silo_of ret = { .st = process->job.st, .at = process->job.at };
	nd_va job = process->job.value;
	uint32_t id = nd_offset(dump, ND_M_EJOB_ContainerId);

	if (nd_offset(dump, ND_M_EJOB_ServerSiloGlobals) == ND_OFFSET_ABSENT)
		ret.st = ND_NOT_IN_BUILD;
	for (unsigned i = 0; ret.st == ND_OK && job != 0; i++) {
		struct nd_u64 globals, parent;

		if (i == NESTING_MAX || !nd_va_is_kernel(job)) {
			ret.st = ND_INVALID;
			return ret;
		}
		globals = nd_member_read(&dump->kernel, job, ND_M_EJOB_ServerSiloGlobals);
		parent = nd_member_read(&dump->kernel, job, ND_M_EJOB_ParentJob);
		ret.st = globals.st != ND_OK ? globals.st : parent.st;
		ret.at = job;
		if (ret.st == ND_OK && globals.value != 0) {
			ret.server = true;
			ret.job = job;
			ret.st = id == ND_OFFSET_ABSENT ? ND_NOT_IN_BUILD :
							  nd_read(&dump->kernel, job + id,
								  ret.container_id, 16);
			return ret;
		}
		job = parent.value;
	}
	return ret;
}
