/*
 * engine/nt/object.c - reads object headers.
 */
#include "nt/object.h"

#define DISTANCE_MAX 0x100u

enum nd_status nd_object_read(const struct nd_dump *dump, nd_va object, struct nd_object *ret)
{
	const struct nd_object_types *types;
	uint32_t body = nd_offset(dump, ND_M_OBJECT_HEADER_Body);
	struct nd_object o = { .object = object };
	struct nd_u64 index;
	struct nd_rec rec;
	enum nd_status st;

	if (body == ND_OFFSET_ABSENT)
		return ND_NOT_IN_BUILD;
	if (!nd_va_is_kernel(object) || object & 7)
		return ND_INVALID;
	st = nd_object_types(dump, &types);
	if (st != ND_OK)
		return st;
	o.header = object - body;
	st = nd_rec_read_bytes(&dump->kernel, o.header, body, &rec);
	if (st != ND_OK)
		return st;
	o.pointer_count = nd_rec_get(&rec, ND_M_OBJECT_HEADER_PointerCount);
	o.handle_count = nd_rec_get(&rec, ND_M_OBJECT_HEADER_HandleCount);
	o.info_mask = nd_rec_get(&rec, ND_M_OBJECT_HEADER_InfoMask);
	o.flags = nd_rec_get(&rec, ND_M_OBJECT_HEADER_Flags);
	o.security_descriptor = nd_rec_get(&rec, ND_M_OBJECT_HEADER_SecurityDescriptor);
	if (o.security_descriptor.st == ND_OK)
		o.security_descriptor.value &= ~15ull; /* EX_FAST_REF */
	index = nd_rec_get(&rec, ND_M_OBJECT_HEADER_TypeIndex);
	o.type_st = index.st;
	if (index.st == ND_OK)
		o.type = nd_object_type_of(types, o.header, (uint8_t)index.value, &o.type_st);
	*ret = o;
	return ND_OK;
}

/* Sizes of the optional headers by bit; those of the bits above differ between builds. */
static uint64_t computed_distance(uint64_t mask, uint64_t info)
{
	static const uint8_t bytes[] = { 0x20, 0x20, 0x10, 0x20, 0x10 };
	uint64_t distance = 0;

	for (unsigned i = 0; i < sizeof(bytes); i++)
		if (1ull << i <= info && mask & 1ull << i)
			distance += bytes[i];
	return distance;
}

struct nd_u64 nd_object_info_distance(const struct nd_dump *dump, uint64_t info_mask,
				      enum nd_object_info info)
{
	nd_va table = dump->symbol[ND_SYM_ObpInfoMaskToOffset];
	uint64_t mask = info_mask & (2 * (uint64_t)info - 1);
	uint64_t computed = computed_distance(mask, info);
	struct nd_u64 v;

	if (table != 0) { /* the kernel's own answer, unless it cannot be one */
		v = nd_read_num(&dump->kernel, table + mask, 1);
		if (v.st == ND_OK && v.value >= computed_distance(info, info) &&
		    v.value < DISTANCE_MAX)
			return v;
	}
	return nd_u64_of(computed);
}

struct nd_u64 nd_object_info_at(const struct nd_dump *dump, const struct nd_object *object,
				enum nd_object_info info)
{
	struct nd_u64 distance;

	if (object->info_mask.st != ND_OK)
		return object->info_mask;
	if (!(object->info_mask.value & info))
		return nd_u64_missing(ND_NONE, object->header);
	distance = nd_object_info_distance(dump, object->info_mask.value, info);
	if (distance.st == ND_OK)
		distance.value = object->header - distance.value;
	return distance;
}

static struct nd_u64 info_member(const struct nd_dump *dump, const struct nd_object *object,
				 enum nd_object_info info, enum nd_member_id member)
{
	struct nd_u64 at = nd_object_info_at(dump, object, info);

	return at.st == ND_OK ? nd_member_read(&dump->kernel, at.value, member) : at;
}

struct nd_u64 nd_object_creator_pid(const struct nd_dump *dump, const struct nd_object *object)
{
	return info_member(dump, object, ND_INFO_CREATOR,
			   ND_M_OBJECT_HEADER_CREATOR_INFO_CreatorUniqueProcess);
}

struct nd_u64 nd_object_exclusive_process(const struct nd_dump *dump,
					  const struct nd_object *object)
{
	return info_member(dump, object, ND_INFO_PROCESS,
			   ND_M_OBJECT_HEADER_PROCESS_INFO_ExclusiveProcess);
}

struct nd_u64 nd_object_paged_charge(const struct nd_dump *dump, const struct nd_object *object)
{
	return info_member(dump, object, ND_INFO_QUOTA,
			   ND_M_OBJECT_HEADER_QUOTA_INFO_PagedPoolCharge);
}

struct nd_u64 nd_object_nonpaged_charge(const struct nd_dump *dump, const struct nd_object *object)
{
	return info_member(dump, object, ND_INFO_QUOTA,
			   ND_M_OBJECT_HEADER_QUOTA_INFO_NonPagedPoolCharge);
}

struct nd_u64 nd_object_references(const struct nd_object *object, uint32_t held_by_handle)
{
	struct nd_u64 count = object->pointer_count;

	if (count.st != ND_OK || object->handle_count.st != ND_OK)
		return count.st != ND_OK ? count : object->handle_count;
	if (object->handle_count.value != 1 || count.value < held_by_handle)
		return nd_u64_missing(ND_NONE, count.at);
	count.value -= held_by_handle;
	return count;
}

const char *nd_object_flag_name(unsigned bit)
{
	static const char *const names[] = { "NewObject",	  "KernelObject",
					     "KernelOnlyAccess",  "ExclusiveObject",
					     "PermanentObject",	  "DefaultSecurityQuota",
					     "SingleHandleEntry", "DeletedInline" };

	return bit < sizeof(names) / sizeof(*names) ? names[bit] : NULL;
}
