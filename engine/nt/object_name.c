/*
 * engine/nt/object_name.c - object names and paths, file names with their device.
 */
#include <stdlib.h>
#include <string.h>

#include "nt/object_name.h"

#define INFO_CREATOR 0x01u /* OBJECT_HEADER.InfoMask bits and the sizes of what they announce */
#define INFO_NAME 0x02u
#define CREATOR_INFO_BYTES 0x20u
#define NAME_INFO_BYTES 0x20u
#define DIRECTORY_DEPTH_MAX 64u
#define RELATED_DEPTH_MAX 8u
#define PATH_UNITS_MAX ND_USTR_UNITS_MAX

static struct nd_ustr missing(enum nd_status st, nd_va at)
{
	return (struct nd_ustr){ .st = st, .at = at };
}

/* How far the name info lies before the header: the kernel's own table where it is known. */
static struct nd_u64 name_info_distance(const struct nd_dump *dump, uint64_t info_mask)
{
	nd_va table = dump->symbol[ND_SYM_ObpInfoMaskToOffset];
	struct nd_u64 v;

	if (table != 0) {
		v = nd_read_num(&dump->kernel, table + (info_mask & (2 * INFO_NAME - 1)), 1);
		if (v.st == ND_OK && v.value >= NAME_INFO_BYTES)
			return v;
	}
	return nd_u64_of(NAME_INFO_BYTES + (info_mask & INFO_CREATOR ? CREATOR_INFO_BYTES : 0));
}

struct nd_ustr nd_object_name(const struct nd_dump *dump, nd_va object, nd_va *ret_directory)
{
	uint32_t body = nd_offset(dump, ND_M_OBJECT_HEADER_Body);
	uint32_t name = nd_offset(dump, ND_M_OBJECT_HEADER_NAME_INFO_Name);
	struct nd_u64 mask, distance, directory;
	nd_va info;

	if (ret_directory)
		*ret_directory = 0;
	if (body == ND_OFFSET_ABSENT || name == ND_OFFSET_ABSENT)
		return missing(ND_NOT_IN_BUILD, object);
	if (!nd_va_is_kernel(object) || object & 7)
		return missing(ND_INVALID, object);
	mask = nd_member_read(&dump->kernel, object - body, ND_M_OBJECT_HEADER_InfoMask);
	if (mask.st != ND_OK)
		return missing(mask.st, mask.at);
	if (!(mask.value & INFO_NAME))
		return missing(ND_NONE, object);
	distance = name_info_distance(dump, mask.value);
	info = object - body - distance.value;
	directory = nd_member_read(&dump->kernel, info, ND_M_OBJECT_HEADER_NAME_INFO_Directory);
	if (ret_directory && directory.st == ND_OK)
		*ret_directory = directory.value;
	return nd_ustr_read(&dump->kernel, info + name);
}

/* before + "\" (unless after begins with one) + after; frees both parts. */
static struct nd_ustr join(struct nd_ustr before, struct nd_ustr after)
{
	struct nd_ustr ret = { .at = after.at };
	bool slash = after.count == 0 || after.units[0] != '\\';
	size_t count = before.count + (slash ? 1 : 0) + after.count;

	if (count > PATH_UNITS_MAX)
		ret.st = ND_INVALID;
	else if (!(ret.units = malloc((count + 1) * sizeof(*ret.units))))
		ret.st = ND_ENOMEM;
	if (ret.st == ND_OK) {
		if (before.count)
			memcpy(ret.units, before.units, before.count * sizeof(*ret.units));
		ret.count = before.count;
		if (slash)
			ret.units[ret.count++] = '\\';
		if (after.count)
			memcpy(ret.units + ret.count, after.units, after.count * sizeof(*ret.units));
		ret.count = count;
	}
	nd_ustr_free(&before);
	nd_ustr_free(&after);
	return ret;
}

static bool is_root(const struct nd_ustr *name, nd_va directory)
{
	return directory == 0 && name->count == 1 && name->units[0] == '\\';
}

struct nd_ustr nd_object_path(const struct nd_dump *dump, nd_va object)
{
	nd_va directory;
	struct nd_ustr path = nd_object_name(dump, object, &directory);

	if (path.st != ND_OK || directory == 0)
		return path;
	for (unsigned depth = 0; depth < DIRECTORY_DEPTH_MAX && directory != 0; depth++) {
		nd_va above;
		struct nd_ustr name = nd_object_name(dump, directory, &above);

		if (name.st == ND_NONE || (name.st == ND_OK && is_root(&name, above))) {
			nd_ustr_free(&name);
			break;
		}
		if (name.st != ND_OK) {
			nd_ustr_free(&path);
			return name;
		}
		path = join(name, path);
		if (path.st != ND_OK)
			return path;
		directory = above;
	}
	return join((struct nd_ustr){ 0 }, path);
}

/* FileName, below those of the related file objects. */
static struct nd_ustr relative_name(const struct nd_dump *dump, nd_va file)
{
	struct nd_ustr name = { 0 };

	for (unsigned depth = 0; depth < RELATED_DEPTH_MAX; depth++) {
		uint32_t at = nd_offset(dump, ND_M_FILE_OBJECT_FileName);
		struct nd_ustr part;
		struct nd_u64 related;

		if (at == ND_OFFSET_ABSENT)
			return missing(ND_NOT_IN_BUILD, file);
		part = nd_ustr_read(&dump->kernel, file + at);
		if (part.st != ND_OK) {
			nd_ustr_free(&name);
			return part;
		}
		name = depth == 0 ? part : join(part, name);
		if (name.st != ND_OK || (name.count > 0 && name.units[0] == '\\'))
			return name;
		related = nd_member_read(&dump->kernel, file, ND_M_FILE_OBJECT_RelatedFileObject);
		if (related.st != ND_OK || !nd_va_is_kernel(related.value))
			return name;
		file = related.value;
	}
	return name;
}

struct nd_ustr nd_file_object_path(const struct nd_dump *dump, nd_va file_object)
{
	struct nd_ustr name, device;
	struct nd_u64 device_object;

	if (!nd_va_is_kernel(file_object) || file_object & 7)
		return missing(ND_INVALID, file_object);
	name = relative_name(dump, file_object);
	if (name.st != ND_OK)
		return name;
	device_object = nd_member_read(&dump->kernel, file_object, ND_M_FILE_OBJECT_DeviceObject);
	if (device_object.st != ND_OK || device_object.value == 0)
		return name;
	device = nd_object_path(dump, device_object.value);
	if (nd_is_failure(device.st)) {
		nd_ustr_free(&name);
		return device;
	}
	if (device.st != ND_OK)
		return name;
	if (name.count == 0) { /* the device itself was opened */
		nd_ustr_free(&name);
		return device;
	}
	return join(device, name);
}
