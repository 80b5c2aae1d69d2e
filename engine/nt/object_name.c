/*
 * engine/nt/object_name.c - object names and paths, file names with their device.
 */
#include <stdlib.h>
#include <string.h>

#include "nt/namespace.h"
#include "nt/object_name.h"

#define DIRECTORY_DEPTH_MAX 64u
#define RELATED_DEPTH_MAX 8u
#define PATH_UNITS_MAX ND_USTR_UNITS_MAX
#define KEY_DEPTH_MAX 512u	/* the registry's own limit */
#define KEY_NAME_BYTES_MAX 512u /* 256 characters */
#define SECTION_REMOTE_FILE 3u	/* SECTION.u1: RemoteImageFileObject, RemoteDataFileObject */

static struct nd_ustr missing(enum nd_status st, nd_va at)
{
	return (struct nd_ustr){ .st = st, .at = at };
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
	if (!(mask.value & ND_INFO_NAME))
		return missing(ND_NONE, object);
	distance = nd_object_info_distance(dump, mask.value, ND_INFO_NAME);
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
			memcpy(ret.units + ret.count, after.units,
			       after.count * sizeof(*ret.units));
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

/* A copy of `before`, then as join(). */
static struct nd_ustr join_below(const struct nd_ustr *before, struct nd_ustr after)
{
	struct nd_ustr copy = { .units = malloc((before->count + 1) * sizeof(*copy.units)) };

	if (!copy.units) {
		nd_ustr_free(&after);
		return missing(ND_ENOMEM, 0);
	}
	if (before->count)
		memcpy(copy.units, before->units, before->count * sizeof(*copy.units));
	copy.count = before->count;
	return join(copy, after);
}

struct nd_ustr nd_object_path(const struct nd_dump *dump, nd_va object)
{
	const struct nd_namespace *space;
	const struct nd_name_node *node;
	nd_va directory;
	struct nd_ustr path = nd_object_name(dump, object, &directory);
	enum nd_status st;

	if (path.st != ND_OK || directory == 0)
		return path;
	st = nd_namespace(dump, &space);
	if (st != ND_OK) {
		nd_ustr_free(&path);
		return missing(st, object);
	}
	node = nd_namespace_find(space, directory);
	if (node && node->directory && node->path.st == ND_OK)
		return join_below(&node->path, path);
	/* A directory that the walk from the root does not meet: up, as the headers say. */
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

/* --- keys ------------------------------------------------------------------------------------- */

/* CM_NAME_CONTROL_BLOCK: bytes or UTF-16, never more than NameLength of them. */
static struct nd_ustr name_block(const struct nd_dump *dump, nd_va block)
{
	uint32_t at = nd_offset(dump, ND_M_CM_NAME_CONTROL_BLOCK_Name);
	struct nd_u64 compressed, bytes;
	struct nd_ustr ret = { .at = block };
	uint8_t raw[KEY_NAME_BYTES_MAX];

	compressed = nd_member_read(&dump->kernel, block, ND_M_CM_NAME_CONTROL_BLOCK_Compressed);
	bytes = nd_member_read(&dump->kernel, block, ND_M_CM_NAME_CONTROL_BLOCK_NameLength);
	if (at == ND_OFFSET_ABSENT || compressed.st != ND_OK || bytes.st != ND_OK)
		return missing(at == ND_OFFSET_ABSENT	? ND_NOT_IN_BUILD
			       : compressed.st != ND_OK ? compressed.st
							: bytes.st,
			       block);
	if (!compressed.value)
		return nd_ustr_read_at(&dump->kernel, block + at, (size_t)bytes.value);
	if (bytes.value > sizeof(raw))
		return missing(ND_INVALID, block);
	ret.st = nd_read(&dump->kernel, block + at, raw, (size_t)bytes.value);
	if (ret.st == ND_OK && bytes.value) {
		ret.units = malloc((size_t)bytes.value * sizeof(*ret.units));
		ret.st = ret.units ? ND_OK : ND_ENOMEM;
	}
	if (ret.st == ND_OK)
		for (; ret.count < bytes.value; ret.count++)
			ret.units[ret.count] = raw[ret.count];
	return ret;
}

struct nd_u64 nd_key_control_block(const struct nd_dump *dump, nd_va key_body)
{
	struct nd_u64 kcb =
		nd_member_read(&dump->kernel, key_body, ND_M_CM_KEY_BODY_KeyControlBlock);

	if (kcb.st == ND_OK && (!nd_va_is_kernel(kcb.value) || kcb.value & 7))
		return nd_u64_missing(ND_INVALID, kcb.at);
	return kcb;
}

/* The name of one key, and the control block above it (0 at the top). */
static struct nd_ustr key_name(const struct nd_dump *dump, nd_va kcb, nd_va *ret_parent)
{
	struct nd_u64 block, parent;

	if (!nd_va_is_kernel(kcb) || kcb & 7)
		return missing(ND_INVALID, kcb);
	block = nd_member_read(&dump->kernel, kcb, ND_M_CM_KEY_CONTROL_BLOCK_NameBlock);
	parent = nd_member_read(&dump->kernel, kcb, ND_M_CM_KEY_CONTROL_BLOCK_ParentKcb);
	if (block.st != ND_OK || parent.st != ND_OK)
		return missing(block.st != ND_OK ? block.st : parent.st, kcb);
	if (!nd_va_is_kernel(block.value))
		return missing(ND_INVALID, block.at);
	*ret_parent = parent.value;
	return name_block(dump, block.value);
}

/* "\\" and each part, the last one first; frees the parts. */
static struct nd_ustr join_parts(struct nd_ustr *part, size_t parts)
{
	struct nd_ustr ret = { .st = ND_OK };
	size_t count = 0;

	for (size_t i = 0; i < parts; i++)
		count += 1 + part[i].count;
	if (count > PATH_UNITS_MAX)
		ret.st = ND_INVALID;
	else if (!(ret.units = malloc((count + 1) * sizeof(*ret.units))))
		ret.st = ND_ENOMEM;
	for (size_t i = parts; i-- > 0; nd_ustr_free(&part[i])) {
		if (ret.st != ND_OK)
			continue;
		ret.units[ret.count++] = '\\';
		if (part[i].count)
			memcpy(ret.units + ret.count, part[i].units,
			       part[i].count * sizeof(*ret.units));
		ret.count += part[i].count;
	}
	return ret;
}

struct nd_ustr nd_key_path(const struct nd_dump *dump, nd_va key_body)
{
	struct nd_u64 kcb = nd_key_control_block(dump, key_body);
	struct nd_ustr part[KEY_DEPTH_MAX], path;
	nd_va at = kcb.value;
	size_t parts = 0;

	if (kcb.st != ND_OK)
		return missing(kcb.st, kcb.at);
	while (at != 0) {
		nd_va parent = 0;
		struct nd_ustr name = parts < KEY_DEPTH_MAX ? key_name(dump, at, &parent)
							    : missing(ND_INVALID, at);

		if (name.st != ND_OK) {
			path = join_parts(part, parts);
			nd_ustr_free(&path);
			return name;
		}
		part[parts++] = name;
		at = parent;
	}
	return join_parts(part, parts);
}

/* --- sections and ports ----------------------------------------------------------------------- */

/* CONTROL_AREA.FilePointer is an EX_FAST_REF. */
static struct nd_u64 file_of(const struct nd_dump *dump, struct nd_u64 control_area)
{
	struct nd_u64 file;

	if (control_area.st != ND_OK)
		return control_area;
	file = nd_member_read(&dump->kernel, control_area.value, ND_M_CONTROL_AREA_FilePointer);
	if (file.st == ND_OK) {
		file.value &= ~15ull;
		if (file.value == 0)
			return nd_u64_missing(ND_NONE, file.at);
	}
	return file;
}

static struct nd_u64 kernel_pointer(struct nd_u64 v)
{
	if (v.st == ND_OK && v.value == 0)
		return nd_u64_missing(ND_NONE, v.at);
	if (v.st == ND_OK && (!nd_va_is_kernel(v.value) || v.value & 7))
		return nd_u64_missing(ND_INVALID, v.at);
	return v;
}

/* Windows 8.1 and older: SECTION_OBJECT.Segment is a SEGMENT. */
static struct nd_section old_section(const struct nd_dump *dump, nd_va section)
{
	struct nd_u64 segment =
		kernel_pointer(nd_member_read(&dump->kernel, section, ND_M_SECTION_OBJECT_Segment));
	struct nd_section ret = { .size = segment, .control_area = segment };

	if (segment.st == ND_OK) {
		ret.size = nd_member_read(&dump->kernel, segment.value, ND_M_SEGMENT_SizeOfSegment);
		ret.control_area = kernel_pointer(
			nd_member_read(&dump->kernel, segment.value, ND_M_SEGMENT_ControlArea));
	}
	ret.file = file_of(dump, ret.control_area);
	return ret;
}

struct nd_section nd_section_read(const struct nd_dump *dump, nd_va section)
{
	struct nd_section ret;
	struct nd_u64 u1;

	if (nd_offset(dump, ND_M_SECTION_SizeOfSection) == ND_OFFSET_ABSENT)
		return old_section(dump, section);
	ret.size = nd_member_read(&dump->kernel, section, ND_M_SECTION_SizeOfSection);
	u1 = nd_member_read(&dump->kernel, section, ND_M_SECTION_u1);
	if (u1.st == ND_OK && u1.value & SECTION_REMOTE_FILE) {
		u1.value &= ~(uint64_t)SECTION_REMOTE_FILE;
		ret.control_area = nd_u64_missing(ND_NONE, u1.at);
		ret.file = kernel_pointer(u1);
		return ret;
	}
	ret.control_area = kernel_pointer(u1);
	ret.file = file_of(dump, ret.control_area);
	return ret;
}

struct nd_port_ends nd_port_ends_read(const struct nd_dump *dump, nd_va port)
{
	struct nd_u64 info = kernel_pointer(
		nd_member_read(&dump->kernel, port, ND_M_ALPC_PORT_CommunicationInfo));
	struct nd_port_ends ret = { info, info, info };

	if (info.st != ND_OK)
		return ret;
	ret.connection = nd_member_read(&dump->kernel, info.value,
					ND_M_ALPC_COMMUNICATION_INFO_ConnectionPort);
	ret.server = nd_member_read(&dump->kernel, info.value,
				    ND_M_ALPC_COMMUNICATION_INFO_ServerCommunicationPort);
	ret.client = nd_member_read(&dump->kernel, info.value,
				    ND_M_ALPC_COMMUNICATION_INFO_ClientCommunicationPort);
	return ret;
}

static struct nd_ustr connection_name(const struct nd_dump *dump, nd_va port)
{
	struct nd_u64 connection = kernel_pointer(nd_port_ends_read(dump, port).connection);

	if (connection.st != ND_OK)
		return missing(connection.st, connection.at);
	return nd_object_path(dump, connection.value);
}

/* --- any object ------------------------------------------------------------------------------- */

static struct nd_ustr section_name(const struct nd_dump *dump, nd_va object)
{
	struct nd_u64 file = nd_section_read(dump, object).file;

	return file.st == ND_OK ? nd_file_object_path(dump, file.value) : missing(file.st, file.at);
}

struct nd_ustr nd_object_display_name(const struct nd_dump *dump, const struct nd_object *object)
{
	enum nd_object_kind kind = object->type ? object->type->kind : ND_OBJECT_OTHER;
	struct nd_ustr name = { .st = ND_NONE };

	if (kind == ND_OBJECT_FILE)
		return nd_file_object_path(dump, object->object);
	if (kind == ND_OBJECT_KEY)
		return nd_key_path(dump, object->object);
	if (object->info_mask.st != ND_OK)
		return missing(object->info_mask.st, object->info_mask.at);
	if (object->info_mask.value & ND_INFO_NAME)
		name = nd_object_path(dump, object->object);
	if (name.st == ND_OK && name.count == 0) { /* room for a name, but none in it */
		nd_ustr_free(&name);
		name.st = ND_NONE;
	}
	if (name.st == ND_NONE && kind == ND_OBJECT_SECTION)
		return section_name(dump, object->object);
	if (name.st == ND_NONE && kind == ND_OBJECT_ALPC_PORT)
		return connection_name(dump, object->object);
	return name;
}
