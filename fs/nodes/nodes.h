/*
 * fs/nodes/nodes.h - the tables of the mounted tree, one file per top-level directory, and what
 * their renderers share.
 */
#ifndef FS_NODES_H
#define FS_NODES_H

#include "nt/module.h"
#include "nt/name.h"
#include "nt/process.h"
#include "nt/thread.h"
#include "sym/rec.h"
#include "text.h"
#include "tree.h"

extern const struct node_row node_dump_rows[];	  /* dump.c */
extern const struct node_row node_mem_rows[];	  /* mem.c */
extern const struct node_row node_listing_rows[]; /* listing.c */
extern const struct node_row node_proc_rows[];	  /* proc.c */
extern const struct node_row node_thread_rows[];  /* thread.c */
extern const struct node_row node_modules_rows[]; /* modules.c */
extern const struct node_row node_ssdt_rows[];	  /* ssdt.c */
extern const struct node_row node_win32k_rows[];
extern const struct node_row node_stubs_rows[];
extern const struct node_row node_cpu_rows[];	    /* cpu.c */
extern const struct node_row node_idt_rows[];	    /* idt.c */
extern const struct node_row node_drivers_rows[];   /* drivers.c */
extern const struct node_row node_callbacks_rows[]; /* callbacks.c */
extern const struct node_row node_alpc_rows[];	    /* alpc.c */
extern const struct node_row node_job_rows[];	    /* jobs.c */
extern const struct node_row node_silo_rows[];
extern const struct node_row node_session_rows[]; /* sessions.c */
extern const struct node_row node_symbol_rows[];  /* symbol.c */
extern const struct node_row node_process_symbol_rows[];
extern const struct node_row node_code_rows[]; /* code.c */
extern const struct node_row node_process_code_rows[];
/*
 * The first 8 kernel instructions at va, as /code/<address>/u shows them but with module+0xRVA for
 * addresses: nothing in it depends on the boot. code.c
 */
enum nd_status text_first_insns(struct text *out, const struct nd_dump *dump, nd_va va);
/*
 * "pdb", "isf" or "export": where the name of a code address is known from; NULL without a name.
 * process as in text_code(). code.c
 */
const char *code_source_name(const struct nd_dump *dump, uint32_t process, nd_va va);
extern const struct node_row node_handles_rows[]; /* handles.c */
extern const struct node_row node_object_rows[];  /* object.c */
extern const struct node_row node_object_at_rows[];

enum nd_status render_readme(struct text *out, const struct node_at *at);    /* readme.c */
enum nd_status render_vertarget(struct text *out, const struct node_at *at); /* target.c */
enum nd_status render_target(struct text *out, const struct node_at *at);
enum nd_status render_ssdt_listing(struct text *out, const struct node_at *at); /* ssdt.c */
enum nd_status render_win32k_listing(struct text *out, const struct node_at *at);
enum nd_status render_pcr_listing(struct text *out, const struct node_at *at); /* cpu.c */
enum nd_status render_idt_listing(struct text *out, const struct node_at *at); /* idt.c */
/* Processes as children of a directory: /proc and /mem; the key is at_process()'s. */
enum nd_status next_process(const struct node_at *dir, uint64_t *cursor, struct node_entry *ret);
enum nd_status find_process(const struct node_at *dir, const char *name, struct node_entry *ret);
/* The processors as children of a directory: /cpu and /idt. */
enum nd_status next_cpu(const struct node_at *dir, uint64_t *cursor, struct node_entry *ret);
enum nd_status find_cpu(const struct node_at *dir, const char *name, struct node_entry *ret);
enum nd_status render_process_listing(struct text *out, const struct node_at *at); /* listing.c */
enum nd_status render_syscall_listing(struct text *out, const struct node_at *at); /* syscalls.c */
enum nd_status render_process_syscalls(struct text *out, const struct node_at *at);
enum nd_status render_syscall(struct text *out, const struct node_at *at);
/* Mapped images as PE files: image.c */
extern const struct node_raw node_kernel_image;
extern const struct node_raw node_process_image;
extern const struct node_row node_process_image_rows[];
bool exists_image(const struct node_at *at);
/*
 * The modules of a list as children: their files' names, distinct in the list; found also by the name
 * that symbols carry ("nt", "ntdll"). Keys are places in the list.
 */
enum nd_status next_module_file(const struct nd_module_list *list, uint64_t *cursor,
				struct node_entry *ret);
enum nd_status find_module_file(const struct nd_module_list *list, const char *name,
				struct node_entry *ret);

enum nd_status render_thread_stack(struct text *out, const struct node_at *at); /* stacks.c */
enum nd_status render_crash_stack(struct text *out, const struct node_at *at);
enum nd_status render_wait(struct text *out, const struct node_at *at); /* waits.c */
enum nd_status render_irps(struct text *out, const struct node_at *at);
enum nd_status render_impersonation(struct text *out, const struct node_at *at);
enum nd_status render_handlelist(struct text *out, const struct node_at *at); /* handles.c */
/* "HandlesListed:<TAB>count" of the path's process. */
void handles_listed_fact(struct text *out, const struct node_at *at);
/* The namespace's root directory as metadata of /object: object.c. */
void about_object_root(const struct node_at *at, struct node_about *ret);
enum nd_status render_crossview(struct text *out, const struct node_at *at); /* crossview.c */
/* "Source:<TAB>links,cid,...": the sources that know a process, without the pool. */
void text_source_fact(struct text *out, const struct nd_process_ref *ref);
/* The symbol files that would help: symbol_files.c. */
enum nd_status render_symbol_files(struct text *out, const struct node_at *at);
/* One process's block of /listing/processes. */
enum nd_status listing_process(struct text *out, const struct nd_dump *dump, uint32_t process);
/* A word for what is inside the dump, and the name of its container's DumpType. */
const char *dump_kind_name(const struct nd_dump *dump);
const char *dump_type_name(const struct nd_dump *dump);
/* "pdb", "isf", "profile" or "none": where the kernel's layout comes from. */
const char *layout_source_name(const struct nd_dump *dump);

/* How a code address is written: tree.md rule 3 and the spellings of the listings. */
enum code_style {
	CODE_FULL,    /* module!symbol+0x1a (0x...), module+0x1a (0x...), 0x... */
	CODE_SHORT,   /* the same without the address: table columns */
	CODE_LISTING, /* with WinDbg's address: module!symbol+0x1a (hi`lo), hi`lo */
};

/* "nt!NtClose" of a system call number, or why it has no name: ssdt.c. */
void text_service(struct text *out, const struct nd_dump *dump, struct nd_u64 number);

/* --- thread.c: what the process's table and the listings show of a thread, too ------------ */

/* The frame's Rip, '-' without a frame. */
void thread_rip(struct text *out, const struct nd_dump *dump, uint32_t process,
		const struct nd_thread *t, enum code_style style);
/* Three fields: number service arg; '-' each when the thread is in no system call: syscalls.c. */
void thread_system_call(struct text *out, const struct nd_dump *dump, const struct nd_thread *t);
/* The row of a thread of which nothing can be read. */
void thread_absent_row(struct text *out, nd_va ethread, enum nd_status st);

/* --- security.c and jobs.c: files and links of a process and a thread ---------------------- */

enum nd_status render_token(struct text *out, const struct node_at *at); /* security.c */
void about_token(const struct node_at *at, struct node_about *ret);
enum nd_status render_thread_token(struct text *out, const struct node_at *at);
bool exists_thread_token(const struct node_at *at);
void about_thread_token(const struct node_at *at, struct node_about *ret);
enum nd_status render_protection(struct text *out, const struct node_at *at);
enum nd_status render_process_mitigations(struct text *out, const struct node_at *at);
/* "FlagNames:<TAB>ProcessExiting|Wow64|..." */
/* "Key:<TAB>A|B", "-" for none, and why the rest is not known. security.c */
struct nd_flags;
void flag_names_fact(struct text *out, const char *key, const struct nd_flags *flags);
void process_flag_names_fact(struct text *out, const struct nd_dump *dump,
			     const struct nd_process *process);
enum nd_status render_job_link(struct text *out, const struct node_at *at); /* jobs.c */
bool exists_job_link(const struct node_at *at);
enum nd_status render_silo_link(struct text *out, const struct node_at *at);
bool exists_silo_link(const struct node_at *at);
enum nd_status render_process_ports(struct text *out, const struct node_at *at); /* alpc.c */
enum nd_status render_thread_alpc(struct text *out, const struct node_at *at);
enum nd_status render_session_link(struct text *out, const struct node_at *at); /* sessions.c */
bool exists_session_link(const struct node_at *at);

/* --- common.c: what renderers share ------------------------------------------------------ */

/* Shorthands for the path's process and thread. ND_ENOENT when the key is out of range. */
enum nd_status at_process_ref(const struct node_at *at, const struct nd_process_ref **ret);
enum nd_status at_process(const struct node_at *at, struct nd_process *ret);
enum nd_status at_thread(const struct node_at *at, struct nd_thread *ret);

/*
 * For a renderer whose object cannot be read at all: writes the word and gives ND_OK for a missing
 * value, hands a failure on. Use: `if (st != ND_OK) return missing_or_fail(out, st, address);`
 */
enum nd_status missing_or_fail(struct text *out, enum nd_status st, nd_va address);

/* The code at v; process UINT32_MAX: kernel code only. v may be missing. */
void text_code(struct text *out, const struct nd_dump *dump, uint32_t process, struct nd_u64 v,
	       enum code_style style);

/* Text from the dump in contents, or its reason. */
void text_ustr(struct text *out, const struct nd_ustr *s);
/* ImageFileName, escaped, or its reason. */
void text_image_name(struct text *out, const struct nd_process *process);
/* As text_dec with missing written '-' for ND_NONE; names by a table function or the number. */
void text_state(struct text *out, const struct nd_thread *thread);
void text_wait_reason(struct text *out, const struct nd_thread *thread);
/* "-" or like PsProtectedSignerWinTcb-Light. */
void text_protection(struct text *out, struct nd_u64 protection);
/* "Medium", "High", ...; "-" without a label. */
void text_integrity(struct text *out, struct nd_u64 level);
/* {name}.pdb/GUIDAGE in symbol-store form. */
void text_pdb_key(struct text *out, const char *pdb, const struct nd_guid_age *id);
/* "Key:<TAB>duration" of clock ticks (KeTimeIncrement), or the ticks where that is unknown. */
void text_fact_ticks(struct text *out, const struct nd_dump *dump, const char *key,
		     struct nd_u64 ticks);
/* "Key:<TAB>5 Name": a number and its name, where it has one. */
void text_fact_named(struct text *out, const char *key, struct nd_u64 v,
		     const char *(*name)(uint64_t));
/* "Key:<TAB>0x00002003 NAME|NAME": 32 bits; those without a name as hex. */
void text_fact_bits(struct text *out, const char *key, struct nd_u64 v,
		    const char *(*name)(unsigned bit));
/* A GUID as silos are called: lower case, with dashes, without braces. */
#define GUID_NAME_BYTES 37
void guid_name(const uint8_t guid[16], char ret[GUID_NAME_BYTES]);
/* Ends a value file's line or a table's field. */
void text_tab(struct text *out);
void text_line(struct text *out);

/* Parse "0x1f", "0n31" or "31"; false for anything else. No leading zeros in decimal. */
bool parse_number(const char *s, uint64_t *ret);
/* An address in hex, with or without 0x and WinDbg's backtick: symbol.c. */
bool parse_address(const char *asked, nd_va *ret);

#endif
