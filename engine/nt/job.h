/*
 * engine/nt/job.h - job objects: limits, accounting, members, nesting; jobs that are silos.
 */
#ifndef ND_NT_JOB_H
#define ND_NT_JOB_H

#include "ntdump.h"
#include "nt/problem.h"
#include "nt/process.h"
#include "sym/rec.h"

#define ND_JOBS_MAX 16384u
#define ND_JOB_NESTING_MAX 64u

struct nd_silo_of {
	enum nd_status st; /* ND_NOT_IN_BUILD before 14393; ND_OK; or why it cannot be told */
	nd_va at;
	bool server; /* in a server silo: container_id and job say which; else the host's */
	nd_va job;   /* the EJOB that is the silo */
	uint8_t container_id[16];
};

/* The server silo of a process: the first job above it that has ServerSiloGlobals. */
struct nd_silo_of nd_process_silo(const struct nd_dump *dump, const struct nd_process *process);

struct nd_job {
	nd_va at;
	struct nd_u64 parent, root; /* EJOB; 0 without */
	struct nd_u64 nesting_depth;
	struct nd_u64 session_id, id; /* JobId: since 14393 */
	struct nd_u64 flags, flags2;  /* JobFlags */
	struct nd_u64 silo;	      /* the Silo bit of JobFlags */
	struct nd_u64 server_globals; /* ESERVERSILO_GLOBALS; 0 unless a server silo */
	struct nd_u64 completion_port;
	struct nd_u64 total_processes, active_processes, terminated_processes;
	struct nd_u64 user_time, kernel_time; /* 100 ns units; of ended processes */
	struct nd_u64 cycle_time, page_faults;
	struct nd_u64 read_operations, write_operations, other_operations;
	struct nd_u64 read_bytes, write_bytes, other_bytes;
	struct nd_u64 memory_used, peak_memory_used, peak_process_memory_used; /* pages */
	struct nd_u64 limit_flags; /* JOB_OBJECT_LIMIT_*; which of the following are in force */
	struct nd_u64 active_process_limit;
	struct nd_u64 process_time_limit, job_time_limit;	/* 100 ns units */
	struct nd_u64 minimum_working_set, maximum_working_set; /* pages */
	struct nd_u64 process_memory_limit, job_memory_limit;	/* pages */
	struct nd_u64 priority_class, scheduling_class;
	struct nd_u64 affinity;	       /* of processor group 0 */
	struct nd_u64 ui_restrictions; /* JOB_OBJECT_UILIMIT_* */
	struct nd_u64 end_of_job_time_action;
};

/* Fill from the EJOB at `job`. ND_OK when some of it is there; members speak for themselves. */
enum nd_status nd_job_read(const struct nd_dump *dump, nd_va job, struct nd_job *ret);

/* Names of single bits; NULL for a bit without one. */
const char *nd_job_limit_name(unsigned bit);
const char *nd_job_ui_name(unsigned bit);
const char *nd_job_flag_name(uint32_t build, unsigned bit);

/* --- all jobs --------------------------------------------------------------------------------- */

enum {
	ND_JOB_LISTED = 1u << 0,     /* on PspJobList */
	ND_JOB_OF_PROCESS = 1u << 1, /* a process's Job */
	ND_JOB_RELATED = 1u << 2,    /* another job's parent or child */
};

/* A process in a job: on the job's list, by the process's own pointer, or (normally) both. */
struct nd_job_member {
	nd_va eprocess;
	uint32_t process; /* index in nd_processes(), or UINT32_MAX */
	bool on_list, by_pointer;
};

struct nd_job_ref {
	nd_va job;
	unsigned sources; /* ND_JOB_* */
	bool server_silo;
	uint32_t duplicate; /* server silos: how many before it have the same container_id */
	enum nd_status container_st;
	uint8_t container_id[16];
	uint32_t first_member, member_count; /* into nd_job_list.member, by address; direct only */
};

struct nd_job_list {
	struct nd_job_ref *ref; /* by address */
	uint32_t count;
	struct nd_job_member *member;
	uint32_t member_count;
	struct nd_problems problems;
};

/* All jobs: built on first use, then shared; lives as long as the dump. ND_ENOMEM, ND_EIO. */
enum nd_status nd_jobs(const struct nd_dump *dump, const struct nd_job_list **ret);
/* Index of the job at `job`, or UINT32_MAX. */
uint32_t nd_job_index(const struct nd_job_list *list, nd_va job);
bool nd_job_has_member(const struct nd_job_list *list, const struct nd_job_ref *ref,
		       nd_va eprocess);

/* For nt/tables.c. */
enum nd_status nd_job_list_build(const struct nd_dump *dump, struct nd_job_list *ret);
void nd_job_list_free(struct nd_job_list *list);
/* Notes nesting that comes round, and jobs whose ActiveProcesses, which counts those of the jobs
 * inside it too, exceeds what was found. ND_ENOMEM. */
enum nd_status nd_job_list_check(const struct nd_dump *dump, struct nd_job_list *list);

/* --- server silos ----------------------------------------------------------------------------- */

/* ESERVERSILO_GLOBALS: of a server silo, or of the host (PspHostSiloGlobals). */
struct nd_silo_globals {
	nd_va at;
	struct nd_ustr root;	    /* SiloRootDirectoryName: \Silos\<JobId> */
	struct nd_ustr system_root; /* NtSystemRoot */
	struct nd_u64 state;	    /* SERVERSILO_STATE */
	struct nd_u64 exit_status;
	struct nd_u64 session_leader;			/* EPROCESS */
	struct nd_u64 service_session, console_session; /* session ids */
	struct nd_u64 downlevel;			/* IsDownlevelContainer */
};

/* Each member has its own reason. Free with nd_silo_globals_free(). */
struct nd_silo_globals nd_silo_globals_read(const struct nd_dump *dump, nd_va at);
void nd_silo_globals_free(struct nd_silo_globals *globals);
/* "STARTED", ...; NULL for an unknown value. */
const char *nd_silo_state_name(uint64_t state);

#endif
