/*
 * engine/nt/problem.h - what was found broken while the kernel's structures were walked: values
 * for /dump/warnings, collected by whoever walks.
 */
#ifndef ND_NT_PROBLEM_H
#define ND_NT_PROBLEM_H

#include "base.h"

struct nd_list;

enum nd_problem_kind {
	ND_PROBLEM_LIST_ABSENT,	   /* a: entry whose link leads to b; status: why b is unreadable */
	ND_PROBLEM_LIST_BAD_LINK,  /* a: entry, b: what its link holds */
	ND_PROBLEM_LIST_LOOP,	   /* a: entry, b: the earlier entry that it leads back to */
	ND_PROBLEM_LIST_TOO_LONG,  /* a: last entry read */
	ND_PROBLEM_LIST_BACK_LINK, /* a: entry, b: what its other link holds */
	ND_PROBLEM_TREE,	   /* a: node that is missing, repeated or absurd */
	ND_PROBLEM_COUNT,	   /* a: what the counter says, b: what was found */
	ND_PROBLEM_DUPLICATE_PID,  /* a: EPROCESS, b: the pid */
	ND_PROBLEM_TRAP_FRAME,	   /* a: KTHREAD.TrapFrame outside of the thread's stack */
	ND_PROBLEM_NAME,	   /* a: address of a name that cannot be read */
	ND_PROBLEM_LAYOUT,	   /* a: what KDBG says, b: what the layout says */
	ND_PROBLEM_ABSURD,	   /* a: a count that cannot be, b: the array's address */
	ND_PROBLEM_SID,		   /* a: address of what should be a SID, b: its index */
	ND_PROBLEM_POINTER,	   /* a: where it points: not what it should be */
	ND_PROBLEM_NOT_BACK,	   /* a: where it points: what is there does not point back */
	ND_PROBLEM_UNLISTED,	   /* a: an object that is on no list that should have it */
	ND_PROBLEM_NESTING,	   /* a: where a chain of parents comes round, or is too long */
	ND_PROBLEM_WAIT_BLOCK,	 /* a: a wait block that is not its thread's, or its absurd list */
	ND_PROBLEM_HANDLE_TABLE, /* a: a page of the table that is missing, repeated or absurd */
	ND_PROBLEM_CID,		 /* a: what the entry points at, b: the id that it stands for */
	ND_PROBLEM_HIDDEN_PROCESS, /* a: EPROCESS on no list, b: its pid */
	ND_PROBLEM_HIDDEN_THREAD,  /* a: ETHREAD on no list, b: its tid */
	ND_PROBLEM_ORPHAN_THREAD,  /* a: ETHREAD whose start is in no module, b: its tid */
};

struct nd_problem {
	enum nd_problem_kind kind;
	const char *where; /* static text: "EPROCESS.ActiveProcessLinks" */
	nd_va owner;	   /* the object whose list, tree or member it is; 0: the system */
	uint64_t a, b;
	enum nd_status st;
};

/* A bounded, growing array. Zero-initialise. */
struct nd_problems {
	struct nd_problem *item;
	size_t count, cap;
};

#define ND_PROBLEMS_MAX 100000u

/* Dropped silently when memory is out or the bound is reached. NULL is accepted. */
void nd_problem_add(struct nd_problems *problems, struct nd_problem problem);
/* What a list walk met, if anything. */
void nd_problem_add_list(struct nd_problems *problems, const char *where, nd_va owner,
			 const struct nd_list *list);
void nd_problems_free(struct nd_problems *problems);

#endif
