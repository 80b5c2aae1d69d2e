/*
 * engine/sym/undecorate.h - the plain form of a C++ name as the linker has it.
 */
#ifndef ND_SYM_UNDECORATE_H
#define ND_SYM_UNDECORATE_H

#include "base.h"

/*
 * "?name@inner@outer@@..." becomes "outer::inner::name": what it takes and gives is left out. False,
 * and nothing is written, for every other name: plain ones, operators, templates, unnamed scopes, and
 * what does not fit into `bytes`.
 */
bool nd_undecorate(const char *name, char *ret, size_t bytes);

#endif
