/*
 * engine/dump/notes.h - ELF notes, as ELF cores and kdump-compressed dumps carry them: what QEMU
 * tells of the processors, and the DUMP_HEADER64 that a Windows guest hands to it; private to
 * engine/dump.
 */
#ifndef ND_DUMP_NOTES_H
#define ND_DUMP_NOTES_H

#include "dump/container.h"

/* What is looked at; QEMU writes 816 bytes for each processor. */
#define ND_NOTES_BYTES_MAX (8u << 20)

/*
 * Read the notes that lie at `offset` of the file: fills src->cpu and src->header. Notes that make
 * no sense are passed over. ND_EFORMAT with a line in *err when they say that this is the memory of
 * another system or of a single process; ND_EIO, ND_ENOMEM.
 */
enum nd_status nd_notes_read(struct nd_source *src, uint64_t offset, uint64_t bytes,
			     struct nd_error *err);

#endif
