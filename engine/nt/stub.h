/*
 * engine/nt/stub.h - system call stubs: the exports of ntdll and win32u that load a number and
 * enter the kernel, as the dumped processes had them in memory.
 */
#ifndef ND_NT_STUB_H
#define ND_NT_STUB_H

#include "ntdump.h"

#define ND_STUB_BYTES 24u
#define ND_STUB_NAME_MAX 96u
#define ND_STUBS_MAX 4096u

/* How a stub enters the kernel. */
enum nd_stub_entry {
	ND_STUB_SYSCALL,       /* mov r10,rcx; mov eax,N; syscall; ret */
	ND_STUB_SYSCALL_INT2E, /* the same with the test of SharedUserData!SystemCall */
	ND_STUB_OTHER,	       /* loads a number, but the rest is none of these forms */
	ND_STUB_JUMP,	       /* a jump within the module: NtQuerySystemTime in real ones */
	ND_STUB_PATCHED,       /* an Nt export that does not begin as a stub: hooked */
	ND_STUB_ABSENT,	       /* its page cannot be read */
};

struct nd_stub {
	char name[ND_STUB_NAME_MAX]; /* "NtClose" */
	uint32_t number;	     /* UINT32_MAX for JUMP, PATCHED and ABSENT */
	enum nd_stub_entry entry;
	uint32_t rva;
	uint32_t jump_rva; /* for JUMP: where it leads */
	enum nd_status st; /* for ABSENT: why */
	uint8_t bytes[ND_STUB_BYTES];
};

/* Sorted by number, then name. */
struct nd_stub_list {
	struct nd_stub *stub;
	uint32_t count;
	uint32_t process;  /* index of the process that they were read in */
	nd_va base;	   /* of the module there */
	enum nd_status st; /* why there are none; ND_OK otherwise */
};

enum nd_stub_module { ND_STUBS_NTDLL, ND_STUBS_WIN32U, ND_STUB_MODULES };

/*
 * The stubs of a module, from the first process whose copy of it can be read best. Built on first
 * use, lives with the dump. ND_ENOMEM, ND_EIO.
 */
enum nd_status nd_stubs(const struct nd_dump *dump, enum nd_stub_module module,
			const struct nd_stub_list **ret);
/* The stub of a system call number; NULL when there is none. */
const struct nd_stub *nd_stub_of(const struct nd_stub_list *list, uint32_t number);

/* For nt/tables.c. */
enum nd_status nd_stub_list_build(const struct nd_dump *dump, enum nd_stub_module module,
				  struct nd_stub_list *ret);
void nd_stub_list_free(struct nd_stub_list *list);

#endif
