/*
 * engine/nt/tables.h - what is listed once and kept: processes, their threads and modules, kernel
 * modules, images. Built on first use behind one mutex, immutable from then on.
 */
#ifndef ND_NT_TABLES_H
#define ND_NT_TABLES_H

#include "ntdump.h"

/* For engine/open.c. */
enum nd_status nd_tables_new(struct nd_tables **ret);
void nd_tables_free(struct nd_tables *tables);

/* The cache of images (nt/image.c); *lock serialises its use. */
struct nd_image_cache;
struct nd_image_cache *nd_tables_images(const struct nd_dump *dump);

#endif
