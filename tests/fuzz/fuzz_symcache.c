/*
 * tests/fuzz/fuzz_symcache.c - any bytes as a file of the compiled symbol cache, with the header's
 * checksum and key made right, so that what lies behind them is reached.
 */
#include "sym/symrows.h"

#include "symfile_walk.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const struct nd_symkey key = {
	.kind = ND_SYMFILE_ISF,
	.pdb_name = "a.pdb",
	.path = "a",
};

static void put32(uint8_t *at, uint32_t v)
{
	for (unsigned i = 0; i < 4; i++)
		at[i] = (uint8_t)(v >> 8 * i);
}

/* All but the counts, the places of the two names, and the rest. */
static void mend_header(uint8_t *block, size_t size)
{
	uint64_t sum;

	memcpy(block, nd_sympack_magic, sizeof(nd_sympack_magic));
	put32(block + 8, ND_SYMPACK_VERSION);
	put32(block + 12, ND_SYMFILE_ISF);
	memset(block + 16, 0, 40);
	memset(block + 88, 0, 24);
	sum = nd_sympack_checksum(block, size);
	put32(block + ND_SYMPACK_CHECKSUM_AT, (uint32_t)sum);
	put32(block + ND_SYMPACK_CHECKSUM_AT + 4, (uint32_t)(sum >> 32));
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct nd_symfile *file = NULL;
	uint8_t *block = malloc(size + 1);

	must(block != NULL);
	if (size > 0)
		memcpy(block, data, size);
	if (size >= ND_SYMPACK_HEADER_BYTES)
		mend_header(block, size);
	if (nd_sympack_read(block, size, &key, &file) == ND_OK)
		walk_symfile(file);
	nd_symfile_free(file);
	free(block);
	return 0;
}
