/*
 * engine/vm/vad.h - a process's virtual address descriptors: the tree of _MMVAD_SHORT/_MMVAD
 * nodes at EPROCESS.VadRoot, what each describes, and the file behind it.
 */
#ifndef ND_VM_VAD_H
#define ND_VM_VAD_H

#include "ntdump.h"
#include "sym/rec.h"

/* _MI_VAD_TYPE, the values of _MMVAD_FLAGS.VadType (not in public symbols). */
enum nd_vad_type {
	ND_VAD_NONE = 0,
	ND_VAD_DEVICE_PHYSICAL_MEMORY,
	ND_VAD_IMAGE_MAP,
	ND_VAD_AWE,
	ND_VAD_WRITE_WATCH,
	ND_VAD_LARGE_PAGES,
	ND_VAD_ROTATE_PHYSICAL,
	ND_VAD_LARGE_PAGE_SECTION,
};

struct nd_vad {
	nd_va address;		      /* of the node */
	nd_va start, end;	      /* inclusive byte addresses */
	struct nd_u64 type;	      /* enum nd_vad_type */
	struct nd_u64 protection;     /* 0..31, the memory manager's own value */
	struct nd_u64 private_memory; /* 0 or 1 */
	struct nd_u64 commit_pages;   /* CommitCharge; ND_NONE where it says "not charged" */
	struct nd_u64 mem_commit;     /* 0 or 1 */
	struct nd_u64 subsection;     /* _SUBSECTION; ND_NONE for a private range */
	struct nd_u64 first_prototype_pte;
	struct nd_u64 last_contiguous_pte;
};

/* A process's ranges in address order. */
struct nd_vad_list {
	struct nd_vad *vad;
	size_t count;
	enum nd_status st; /* why the tree is not complete; ND_OK when it is */
	nd_va trouble;	   /* the node that was missing, repeated or absurd */
};

#define ND_VAD_MAX 1000000u

/* Read one node. *ret is written on ND_OK only. */
enum nd_status nd_vad_read(const struct nd_dump *dump, nd_va node, struct nd_vad *ret);

/*
 * All ranges of a process. ND_OK also when parts of the tree are unreadable (list->st tells);
 * ND_ENOMEM, ND_EIO. The caller frees with nd_vad_list_free().
 */
enum nd_status nd_vad_list_read(const struct nd_dump *dump, nd_va eprocess,
				struct nd_vad_list *ret);
void nd_vad_list_free(struct nd_vad_list *list);

/* The range that holds `va`: ND_OK, ND_UNMAPPED when none does, or why the tree cannot tell. */
enum nd_status nd_vad_find(const struct nd_dump *dump, nd_va eprocess, nd_va va,
			   struct nd_vad *ret);

/* The range that holds `va`, else the first one above it: ND_UNMAPPED when there is none. */
enum nd_status nd_vad_next(const struct nd_dump *dump, nd_va eprocess, nd_va va,
			   struct nd_vad *ret);

/*
 * The address of the prototype PTE of `va`. ND_NONE: private committed memory, so demand zero.
 * ND_UNMAPPED: no range, or reserved only.
 */
enum nd_status nd_vad_prototype(const struct nd_dump *dump, nd_va eprocess, nd_va va, nd_va *ret);

/* The FILE_OBJECT behind a mapped range: ND_NONE for private memory or a page-file section. */
struct nd_u64 nd_vad_file_object(const struct nd_dump *dump, const struct nd_vad *vad);

#endif
