/*
 * engine/nt/object.h - kernel objects: the OBJECT_HEADER in front of every body, and the optional
 * headers in front of that.
 */
#ifndef ND_NT_OBJECT_H
#define ND_NT_OBJECT_H

#include "ntdump.h"
#include "nt/object_type.h"
#include "sym/rec.h"

/* OBJECT_HEADER.InfoMask: which optional headers there are, nearest first. */
enum nd_object_info {
	ND_INFO_CREATOR = 0x01,
	ND_INFO_NAME = 0x02,
	ND_INFO_HANDLE = 0x04,
	ND_INFO_QUOTA = 0x08,
	ND_INFO_PROCESS = 0x10,
};

struct nd_object {
	nd_va object; /* the body: what handles and pointers mean */
	nd_va header;
	const struct nd_object_type *type; /* NULL: see type_st */
	enum nd_status type_st;
	struct nd_u64 pointer_count; /* as stored: with the references that handles hold in
					      advance */
	struct nd_u64 handle_count;
	struct nd_u64 info_mask, flags, security_descriptor;
};

/*
 * Read the header of the object whose body is at `object`. ND_OK when its first byte is there;
 * members speak for themselves. ND_INVALID: no kernel address; ND_ENOMEM, ND_EIO.
 */
enum nd_status nd_object_read(const struct nd_dump *dump, nd_va object, struct nd_object *ret);

/* Where an optional header lies. ND_NONE: this object has none. */
struct nd_u64 nd_object_info_at(const struct nd_dump *dump, const struct nd_object *object,
				enum nd_object_info info);

/* How many bytes before the header `info` begins, for a header with this InfoMask. */
struct nd_u64 nd_object_info_distance(const struct nd_dump *dump, uint64_t info_mask,
				      enum nd_object_info info);

/* From the optional headers, ND_NONE without them: who made it, whose it is alone, its charges in
 * bytes. */
struct nd_u64 nd_object_creator_pid(const struct nd_dump *dump, const struct nd_object *object);
struct nd_u64 nd_object_exclusive_process(const struct nd_dump *dump,
					  const struct nd_object *object);
struct nd_u64 nd_object_paged_charge(const struct nd_dump *dump, const struct nd_object *object);
struct nd_u64 nd_object_nonpaged_charge(const struct nd_dump *dump, const struct nd_object *object);

/*
 * The references that are not held in advance by handles: PointerCount without what the only
 * handle of the object has not used yet. ND_NONE where more handles exist, or the numbers
 * contradict each other: nothing honest can be said then.
 */
struct nd_u64 nd_object_references(const struct nd_object *object, uint32_t held_by_handle);

/* "PermanentObject", ... for a bit of OBJECT_HEADER.Flags; NULL for a bit without a name. */
const char *nd_object_flag_name(unsigned bit);

#endif
