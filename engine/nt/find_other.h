/*
 * engine/nt/find_other.h - what memory holds in which no Windows kernel was found.
 */
#ifndef ND_NT_FIND_OTHER_H
#define ND_NT_FIND_OTHER_H

#include "ntdump.h"

/*
 * Look through the memory once more and set *err to one line that says what is there: another system,
 * a 32-bit Windows, a kernel whose page tables are lost, firmware only, nothing but zeros. Looks at
 * 16 GiB at most.
 */
void nd_tell_other_system(const struct nd_dump *dump, struct nd_error *err);

#endif
