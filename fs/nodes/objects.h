/*
 * fs/nodes/objects.h - how kernel objects are shown, wherever they are met: by a handle, in the
 * namespace, by address.
 */
#ifndef FS_OBJECTS_H
#define FS_OBJECTS_H

#include "nodes/nodes.h"
#include "nt/object.h"

/* The name of an object's type, or why it has none. */
void text_object_type(struct text *out, const struct nd_object *object);

/*
 * What people call the object: a path, "image (pid)" of a process, "image (pid) tid" of a thread,
 * the user's SID of a token, a provider's GUID; '-' without a name.
 */
void text_object_name(struct text *out, const struct nd_dump *dump, const struct nd_object *object);

/* 0x0012019f, and with names: " READ_CONTROL|SYNCHRONIZE|READ_DATA|..." as the type calls them. */
void text_access(struct text *out, uint32_t mask);
void text_access_names(struct text *out, const struct nd_object_type *type, uint32_t mask);

/* Facts: Header, HandleCount, PointerCount; held: references that the asking handle holds in
 * advance, or NULL. */
void object_header_facts(struct text *out, const struct nd_object *object, const uint32_t *held);
/* Facts of the optional headers, then those of the type. */
void object_facts(struct text *out, const struct nd_dump *dump, const struct nd_object *object);
/* Those of the type alone: object_facts.c. */
void object_type_facts(struct text *out, const struct nd_dump *dump,
		       const struct nd_object *object);

/* "image (pid)" of an EPROCESS, "image (pid) tid" of an ETHREAD, or why not. */
void text_process_name(struct text *out, const struct nd_dump *dump, struct nd_u64 eprocess);
void text_thread_name(struct text *out, const struct nd_dump *dump, struct nd_u64 ethread);

/* "0x1c0 NAME|NAME": set bits by name, unnamed ones as a number. */
struct bit_name {
	uint64_t bit;
	const char *name;
};
void text_bits(struct text *out, uint64_t value, const struct bit_name *names, size_t count);

#endif
