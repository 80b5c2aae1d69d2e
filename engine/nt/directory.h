/*
 * engine/nt/directory.h - one OBJECT_DIRECTORY of the object manager: what its hash chains hold.
 */
#ifndef ND_NT_DIRECTORY_H
#define ND_NT_DIRECTORY_H

#include "ntdump.h"
#include "nt/problem.h"

#define ND_DIRECTORY_ENTRIES_MAX 262144u

struct nd_directory {
	nd_va *object; /* bodies, in the order of the chains; owned */
	uint32_t count;
	bool whole;	   /* no chain was broken */
	enum nd_status st; /* why there is nothing at all; ND_OK otherwise */
	nd_va at;
};

/*
 * Read the OBJECT_DIRECTORY at `directory`. ND_OK (ret->st tells why nothing is known), ND_ENOMEM,
 * ND_EIO. Chains that break or come round are told to `problems`, which may be NULL. Free with
 * nd_directory_free().
 */
enum nd_status nd_directory_read(const struct nd_dump *dump, nd_va directory,
				 struct nd_problems *problems, struct nd_directory *ret);
void nd_directory_free(struct nd_directory *directory);

/* The directory that ObpRootDirectoryObject points at: "\". */
struct nd_u64 nd_root_directory(const struct nd_dump *dump);

#endif
