/*
 * engine/nt/object_name.h - the names of objects: in the header, as a path in the object manager's
 * namespace, and where each type keeps its own (files, keys, sections, ports).
 */
#ifndef ND_NT_OBJECT_NAME_H
#define ND_NT_OBJECT_NAME_H

#include "ntdump.h"
#include "nt/object.h"
#include "sym/rec.h"

/*
 * OBJECT_HEADER_NAME_INFO of the object whose body is at `object`: its own name. ND_NONE when the
 * header has no name. *ret_directory (may be NULL): the OBJECT_DIRECTORY that holds it, or 0.
 * Free with nd_ustr_free().
 */
struct nd_ustr nd_object_name(const struct nd_dump *dump, nd_va object, nd_va *ret_directory);

/* The name with all directories in front: \Device\HarddiskVolume2. Free with nd_ustr_free(). */
struct nd_ustr nd_object_path(const struct nd_dump *dump, nd_va object);

/*
 * FILE_OBJECT.FileName with that of RelatedFileObject where it is relative and the device's path
 * in front: \Device\HarddiskVolume2\Windows\System32\ntdll.dll. A device without a name is left
 * out. Free with nd_ustr_free().
 */
struct nd_ustr nd_file_object_path(const struct nd_dump *dump, nd_va file_object);

/*
 * What people call an object: the path of a file, key or section's file, the path in the
 * namespace, the connection port's path for a port without a name, else the name in the header.
 * ND_NONE for an object without a name. Processes, threads and tokens are not named here. Free
 * with nd_ustr_free().
 */
struct nd_ustr nd_object_display_name(const struct nd_dump *dump, const struct nd_object *object);

/* \REGISTRY\MACHINE\SOFTWARE of a CM_KEY_BODY. Free with nd_ustr_free(). */
struct nd_ustr nd_key_path(const struct nd_dump *dump, nd_va key_body);

/* The CM_KEY_CONTROL_BLOCK of a CM_KEY_BODY. */
struct nd_u64 nd_key_control_block(const struct nd_dump *dump, nd_va key_body);

/* What a section object maps. */
struct nd_section {
	struct nd_u64 size; /* bytes */
	struct nd_u64
		control_area; /* ND_NONE: a file on another machine, known by its object only */
	struct nd_u64 file;   /* FILE_OBJECT; ND_NONE: the page file backs it */
};

struct nd_section nd_section_read(const struct nd_dump *dump, nd_va section);

/* The ports of a connection: ALPC_PORT.CommunicationInfo. Each with its own reason. */
struct nd_port_ends {
	struct nd_u64 connection, server, client; /* ALPC_PORT; 0: none */
};

struct nd_port_ends nd_port_ends_read(const struct nd_dump *dump, nd_va port);

#endif
