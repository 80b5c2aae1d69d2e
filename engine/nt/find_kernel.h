/*
 * engine/nt/find_kernel.h - the kernel in physical memory that has no dump header: page tables and
 * the base address of the image, then KDBG.
 */
#ifndef ND_NT_FIND_KERNEL_H
#define ND_NT_FIND_KERNEL_H

#include "ntdump.h"

/*
 * Set dump->kernel, kernel_base and kernel_found, trying in this order: what QEMU notes of its
 * processors, the start-up code below 1 MiB, page tables that map themselves. Each candidate must
 * lead to an image whose PDB is that of a kernel. ND_ENOENT when there is none (dump->kernel has
 * no page tables then); ND_EIO.
 */
enum nd_status nd_find_kernel(struct nd_dump *dump);

/*
 * Set dump->kdbg, and kdbg_copy where the kernel keeps it encoded: at its symbol, else searched in
 * the image's data. Nothing is set when it is not found.
 */
void nd_find_kdbg(struct nd_dump *dump);

#endif
