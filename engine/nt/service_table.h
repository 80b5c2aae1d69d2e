/*
 * engine/nt/service_table.h - the system service tables: KiServiceTable of the kernel and
 * W32pServiceTable of win32k, decoded, named, and judged.
 */
#ifndef ND_NT_SERVICE_TABLE_H
#define ND_NT_SERVICE_TABLE_H

#include "ntdump.h"
#include "nt/module.h"

#define ND_SERVICES_MAX 4096u /* the number's low 12 bits index a table */
#define ND_SERVICE_NAME_MAX 96u
#define ND_WIN32K_FIRST 0x1000u

/* Where a service's name comes from. */
enum nd_service_source {
	ND_SERVICE_UNNAMED,
	ND_SERVICE_PDB,
	ND_SERVICE_ISF,
	ND_SERVICE_EXPORT,  /* the target is an export of the module */
	ND_SERVICE_STUB,    /* ntdll's, win32u's or the kernel's own Zw stub of the number */
	ND_SERVICE_PROFILE, /* built-in list of the build */
};

enum nd_service_verdict {
	ND_SERVICE_MATCH,   /* inside the module, and where the name belongs as far as is known */
	ND_SERVICE_FOREIGN, /* outside of the module, or another function than the number's */
	ND_SERVICE_UNKNOWN, /* inside, but nothing says what should be there */
};

struct nd_service {
	uint32_t number;
	char name[ND_SERVICE_NAME_MAX]; /* what the index should be; "" when unknown */
	enum nd_service_source source;
	struct nd_u64 target;	  /* address of the routine */
	struct nd_u64 stack_args; /* arguments passed on the stack */
	enum nd_service_verdict verdict;
	const struct nd_module *module; /* that holds the target; NULL when none does */
};

struct nd_service_table {
	struct nd_service *service;
	uint32_t count;
	nd_va base;	    /* of the table */
	const char *module; /* "nt", "win32k" */
	enum nd_status st;  /* why there is no table; ND_OK otherwise */
	nd_va at;
};

enum nd_service_table_id { ND_TABLE_NT, ND_TABLE_WIN32K, ND_SERVICE_TABLES };

/* Built on first use, lives with the dump. ND_ENOMEM, ND_EIO. */
enum nd_status nd_service_table(const struct nd_dump *dump, enum nd_service_table_id id,
				const struct nd_service_table **ret);
/* The service of a system call number (EAX); NULL when its table has none. */
const struct nd_service *nd_service_of(const struct nd_dump *dump, uint64_t number);

/* For nt/tables.c. */
enum nd_status nd_service_table_build(const struct nd_dump *dump, enum nd_service_table_id id,
				      struct nd_service_table *ret);
void nd_service_table_free(struct nd_service_table *table);

/* Finding the tables: nt/service_find.c. */
struct nd_service_place {
	nd_va base, arguments; /* table, argument bytes (0 when unknown) */
	uint32_t count;
};
enum nd_status nd_service_place_find(const struct nd_dump *dump, enum nd_service_table_id id,
				     struct nd_service_place *ret);

#endif
