/*
 * engine/nt/object_name.h - the name in an object's header, and its path in the object manager's
 * namespace; the full name of a FILE_OBJECT.
 */
#ifndef ND_NT_OBJECT_NAME_H
#define ND_NT_OBJECT_NAME_H

#include "ntdump.h"
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

#endif
