/*
 * fs/nodes/jobs.h - what /job, /silo and /session share.
 */
#ifndef FS_NODES_JOBS_H
#define FS_NODES_JOBS_H

#include "nodes/nodes.h"
#include "nt/job.h"

/* The GUID, "GUID~2" for a further silo that claims it; the address where it cannot be read. */
void silo_name(const struct nd_job_ref *ref, char name[NODE_NAME_MAX + 1]);
/* Whether jobs can be server silos in this build. */
bool has_silos(const struct nd_dump *dump);
/* A line of a `processes` table. */
enum nd_status process_row(struct text *out, const struct nd_dump *dump, nd_va eprocess);
/* "Key:<TAB>path" of an object, '-' for none. */
void object_name_fact(struct text *out, const struct nd_dump *dump, const char *key,
		      struct nd_u64 object);
/* An address, '-' for 0. */
void address_or_none(struct text *out, const char *key, struct nd_u64 v);

#endif
