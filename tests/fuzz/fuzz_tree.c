/*
 * tests/fuzz/fuzz_tree.c - a valid small dump with some bytes changed, then the whole tree is read.
 *
 * The input is a list of edits, 8 bytes each: where (4 bytes, scaled to the file), how (1 byte),
 * and a value. The dump is $NTDUMPFS_FUZZ_DUMP, or else is built by tests/fixtures/mkdump.py.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ntdump.h"
#include "tree.h"

#define EDITS_MAX 32u
#define FILES_MAX 20000u

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len);

static uint8_t *dump_bytes; /* shared mapping of the memfd: edits are what the engine reads */
static size_t dump_len;
static char dump_path[64];

static void load_dump(void)
{
	char built[] = "/tmp/ntdumpfs-fuzz-XXXXXX", command[256];
	const char *given = getenv("NTDUMPFS_FUZZ_DUMP");
	int fd = given ? open(given, O_RDONLY | O_CLOEXEC) : mkstemp(built);
	int memfd = memfd_create("dump", MFD_CLOEXEC);
	struct stat st;

	if (!given) {
		snprintf(command, sizeof(command),
			 "python3 tests/fixtures/mkdump.py zoo-10240 %s >/dev/null", built);
		if (system(command) != 0)
			exit(98);
		close(fd);
		fd = open(built, O_RDONLY | O_CLOEXEC);
		unlink(built);
	}
	if (fd < 0 || memfd < 0 || fstat(fd, &st) != 0 || ftruncate(memfd, st.st_size) != 0)
		exit(98);
	dump_len = (size_t)st.st_size;
	dump_bytes = mmap(NULL, dump_len, PROT_READ | PROT_WRITE, MAP_SHARED, memfd, 0);
	if (dump_bytes == MAP_FAILED || pread(fd, dump_bytes, dump_len, 0) != (ssize_t)dump_len)
		exit(98);
	close(fd);
	snprintf(dump_path, sizeof(dump_path), "/proc/self/fd/%d", memfd);
}

/* Every file below `dir`, each read once. */
static void read_all(struct tree *tree, uint64_t dir, unsigned depth, unsigned *files)
{
	struct tree_child child;
	uint64_t cursor = 0;

	while (*files < FILES_MAX && tree_next(tree, dir, &cursor, &child) == ND_OK) {
		struct tree_content content;

		if (child.kind == TREE_DIR) {
			if (depth < 12)
				read_all(tree, child.ino, depth + 1, files);
			continue;
		}
		++*files;
		if (tree_content_get(tree, child.ino, &content) == ND_OK) {
			for (size_t i = 0; i < content.len; i++) /* no byte may move a cursor */
				if ((uint8_t)content.p[i] < 0x20 && content.p[i] != '\n' &&
				    content.p[i] != '\t')
					abort();
			tree_content_put(tree, &content);
		}
	}
}

static void edit(const uint8_t *e, uint8_t *undo, size_t *at)
{
	uint32_t where;

	memcpy(&where, e, 4);
	*at = (size_t)(((uint64_t)where * (dump_len - 8)) >> 32);
	if (e[4] & 1) /* half of them 8-byte aligned: pointers, PTEs, counts */
		*at &= ~(size_t)7;
	memcpy(undo, dump_bytes + *at, 8);
	switch (e[4] >> 1 & 3) {
	case 0:
		dump_bytes[*at] = e[5];
		break;
	case 1:
		memset(dump_bytes + *at, e[5], 8);
		break;
	case 2:
		memcpy(dump_bytes + *at, dump_bytes + (*at * 7919 + e[5] * 8192u) % (dump_len - 8),
		       8);
		break;
	default:
		dump_bytes[*at + (e[6] & 7)] ^= (uint8_t)(1u << (e[5] & 7));
	}
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t len)
{
	static uint8_t undo[EDITS_MAX][8];
	static size_t at[EDITS_MAX];
	size_t edits = len / 8 < EDITS_MAX ? len / 8 : EDITS_MAX;
	struct nd_dump *dump;
	struct nd_error err;

	if (!dump_bytes)
		load_dump();
	for (size_t i = 0; i < edits; i++)
		edit(data + i * 8, undo[i], &at[i]);
	if (nd_dump_open(dump_path, NULL, &dump, &err) == ND_OK) {
		struct tree_options options = { .cache_bytes = 1u << 20 };
		struct tree *tree;
		unsigned files = 0;

		if (tree_new(dump, node_root_rows, &options, &tree) == ND_OK) {
			read_all(tree, TREE_ROOT_INO, 0, &files);
			tree_free(tree);
		}
		nd_dump_close(dump);
	}
	for (size_t i = edits; i > 0; i--)
		memcpy(dump_bytes + at[i - 1], undo[i - 1], 8);
	return 0;
}
