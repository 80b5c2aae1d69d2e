/*
 * engine/nt/process.h - EPROCESS: one process, and the list of all processes.
 */
#ifndef ND_NT_PROCESS_H
#define ND_NT_PROCESS_H

#include "ntdump.h"
#include "nt/problem.h"
#include "sym/rec.h"

#define ND_PROCESSES_MAX 65536u
#define ND_IMAGE_NAME_BYTES 15u /* EPROCESS.ImageFileName: not always NUL-terminated */

struct nd_process {
	nd_va eprocess;
	struct nd_u64 pid;	  /* UniqueProcessId */
	struct nd_u64 parent_pid; /* InheritedFromUniqueProcessId; may have been reused */
	struct nd_u64 active_threads;
	struct nd_u64 create_time;   /* FILETIME */
	struct nd_u64 exit_time;     /* FILETIME; 0 while it runs */
	struct nd_u64 exit_status;   /* NTSTATUS */
	struct nd_u64 object_table;  /* HANDLE_TABLE; 0 when it has none */
	struct nd_u64 peb;	     /* user address; 0 for minimal and system processes */
	struct nd_u64 wow64_process; /* EWOW64PROCESS (or the 32-bit PEB's holder); 0 = native */
	struct nd_u64 directory_table_base;
	struct nd_u64 user_directory_table_base; /* not in builds before KVA shadow */
	struct nd_u64 session;			 /* MM_SESSION_SPACE; 0 when in no session */
	struct nd_u64 token;			 /* TOKEN, reference bits taken out */
	struct nd_u64 job;
	struct nd_u64 section_base; /* SectionBaseAddress: base of the main image */
	struct nd_u64 vad_root, vad_count;
	struct nd_u64 flags, flags2, flags3;
	struct nd_u64 exiting, deleting, break_on_termination, minimal;
	struct nd_u64 protection; /* PS_PROTECTION byte */
	struct nd_u64 signature_level, section_signature_level;
	struct nd_u64 mitigation_flags, mitigation_flags2;
	struct nd_u64 priority_class, base_priority;
	struct nd_u64 kernel_time, user_time;	       /* ticks */
	struct nd_u64 virtual_size, peak_virtual_size; /* bytes */
	struct nd_u64 commit_pages;		       /* CommitCharge */
	struct nd_u64 audit_name; /* OBJECT_NAME_INFORMATION of the image's path; may be 0 */
	char image_name[ND_IMAGE_NAME_BYTES + 1]; /* raw bytes; "" unless image_name_st is ND_OK */
	enum nd_status image_name_st;
};

/* Fill from the EPROCESS at `eprocess`. ND_OK when its first byte is there; members speak for
 * themselves. */
enum nd_status nd_process_read(const struct nd_dump *dump, nd_va eprocess, struct nd_process *ret);

/* The process's address space: kernel half and user half. levels is 0 if its root is unreadable
 * and the dump is no triage dump: then only reasons come back. */
struct nd_space nd_process_space(const struct nd_dump *dump, const struct nd_process *process);

/* MM_SESSION_SPACE.SessionId. ND_NONE when in no session. */
struct nd_u64 nd_process_session_id(const struct nd_dump *dump, const struct nd_process *process);

/*
 * An address space that can read the kernel address `va`: the kernel's own, or, for session space
 * (win32k on builds before 22000), that of the first process whose page tables map it. The
 * kernel's own where none does.
 */
struct nd_space nd_kernel_space_of(const struct nd_dump *dump, nd_va va);

/* HANDLE_TABLE's own count of open handles. ND_NONE without a table. */
struct nd_u64 nd_process_handle_count(const struct nd_dump *dump, const struct nd_process *process);

/* The image's NT path (SeAuditProcessCreationInfo). Free with nd_ustr_free(). */
struct nd_ustr nd_process_image_path(const struct nd_dump *dump, const struct nd_process *process);

/* From the PEB's process parameters: user memory. Free with nd_ustr_free(). ND_NONE without PEB. */
struct nd_ustr nd_process_command_line(const struct nd_dump *dump,
				       const struct nd_process *process);
/* NAME=value strings, each ended by a 0 unit, without the final empty one. */
struct nd_ustr nd_process_environment(const struct nd_dump *dump, const struct nd_process *process);

/* One entry of the list of all processes. */
struct nd_process_ref {
	nd_va eprocess;
	uint64_t pid; /* UniqueProcessId */
	enum nd_status pid_st;
	uint32_t duplicate; /* 0, or the how-manieth further process with this pid: 1, 2, ... */
	struct nd_u64 create_time;
	bool listed;	 /* on PsActiveProcessHead */
	uint8_t sources; /* who knows it: bits of nt/crossview.h, without the pool */
};

struct nd_process_list {
	struct nd_process_ref *ref; /* in list order, then those that other sources have, by
				       * address */
	uint32_t count;
	uint32_t *by_pid; /* indices sorted by pid, duplicate; unreadable pids last */
	uint8_t whole;	  /* sources that could be read to their ends */
	struct nd_problems problems;
	enum nd_status st; /* why there is no list at all; ND_OK otherwise */
};

/* All processes: built on first use, then shared; lives as long as the dump. ND_ENOMEM, ND_EIO. */
enum nd_status nd_processes(const struct nd_dump *dump, const struct nd_process_list **ret);
/* Index of the process at `eprocess`, or UINT32_MAX. */
uint32_t nd_process_index(const struct nd_process_list *list, nd_va eprocess);

/* For nt/tables.c: build and free the list. */
enum nd_status nd_process_list_build(const struct nd_dump *dump, struct nd_process_list *ret);
void nd_process_list_free(struct nd_process_list *list);

#endif
