/*
 * tests/fuzz/fuzz_isf.c - any bytes as an ISF file: what is read must be consistent.
 */
#include "sym/layout.h"

#include "symfile_walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nd_symfile *file = NULL;
	struct nd_error err;

	if (nd_isf_read_memory("fuzz", data, size, &file, &err) == ND_OK)
		walk_symfile(file);
	nd_symfile_free(file);
	return 0;
}
