/*
 * engine/nt/module.h - loaded images: kernel modules (PsLoadedModuleList), unloaded drivers, and a
 * process's modules (loader lists of both widths, and file-backed image VADs).
 */
#ifndef ND_NT_MODULE_H
#define ND_NT_MODULE_H

#include "ntdump.h"
#include "nt/problem.h"
#include "nt/process.h"
#include "sym/rec.h"

#define ND_MODULES_MAX 8192u
#define ND_UNLOADED_MAX 50u /* MI_UNLOADED_DRIVERS: the kernel's own array */

enum nd_module_source {
	ND_MODULE_KERNEL, /* PsLoadedModuleList */
	ND_MODULE_TRIAGE, /* a triage dump's driver list */
	ND_MODULE_LDR,	  /* PEB.Ldr */
	ND_MODULE_LDR32,  /* the 32-bit PEB's Ldr (WoW64) */
	ND_MODULE_VAD,	  /* an image VAD that no loader list names */
};

struct nd_module {
	enum nd_module_source source;
	nd_va entry; /* KLDR/LDR entry or VAD node; 0 in triage dumps */
	nd_va base;  /* 0 unless base_st is ND_OK */
	enum nd_status base_st;
	struct nd_u64 size; /* bytes */
	struct nd_u64 entry_point;
	struct nd_u64 timestamp; /* TimeDateStamp */
	struct nd_u64 checksum;
	struct nd_u64 flags;
	struct nd_ustr name;  /* BaseDllName, or the last component of the path */
	struct nd_ustr path;  /* FullDllName, or the file's NT path */
	uint32_t duplicate;   /* how many modules before it in the list have the same name */
	char symbol_name[64]; /* prefix of symbols: "nt", "ntdll"; printable ASCII, maybe cut */
};

struct nd_module_list {
	struct nd_module *module; /* in list order; loader lists before VADs */
	uint32_t count;
	uint32_t *by_base; /* indices sorted by base address */
	struct nd_problems problems;
	enum nd_status st; /* why there is no list at all; ND_OK otherwise */
	nd_va at;	   /* what could not be read then */
};

/* Kernel modules; built on first use, lives with the dump. ND_ENOMEM, ND_EIO. */
enum nd_status nd_kernel_modules(const struct nd_dump *dump, const struct nd_module_list **ret);
/* Modules of the `process`-th process of nd_processes(); the same. */
enum nd_status nd_process_modules(const struct nd_dump *dump, uint32_t process,
				  const struct nd_module_list **ret);

/* The module that holds va: the one with the highest base where images overlap; NULL when none. */
const struct nd_module *nd_module_of(const struct nd_module_list *list, nd_va va);

struct nd_unloaded {
	struct nd_ustr name;
	struct nd_u64 start, end;
	struct nd_u64 time; /* FILETIME of unloading; ND_NOT_IN_DUMP in triage dumps */
};

struct nd_unloaded_list {
	struct nd_unloaded item[ND_UNLOADED_MAX];
	uint32_t count; /* newest first */
	enum nd_status st;
	nd_va at;
};

/* MmUnloadedDrivers. Free with nd_unloaded_free(). ND_ENOMEM, ND_EIO. */
enum nd_status nd_unloaded_read(const struct nd_dump *dump, struct nd_unloaded_list *ret);
void nd_unloaded_free(struct nd_unloaded_list *list);

/* For nt/tables.c. */
enum nd_status nd_kernel_modules_build(const struct nd_dump *dump, struct nd_module_list *ret);
enum nd_status nd_process_modules_build(const struct nd_dump *dump, nd_va eprocess,
					struct nd_module_list *ret);
void nd_module_list_free(struct nd_module_list *list);

/* For the files of this module: append a module (owned by the list from here on), and finish. */
enum nd_status nd_module_append(struct nd_module_list *list, struct nd_module *module);
enum nd_status nd_module_list_sort(struct nd_module_list *list);
void nd_module_free(struct nd_module *module);

#endif
