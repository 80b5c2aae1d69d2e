/*
 * tests/oracle/pages.c - `pages DUMP MEMORY`: reads every page of a dump of any guest and compares
 * it with MEMORY, the guest's flat memory. Prints how many there were, and the processors' CR3.
 */
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <string.h>
#include <unistd.h>

#include "dump/source.h"

struct tally {
	uint64_t equal, different, unread, beyond;
};

static void compare_page(const struct nd_source *src, int memory, nd_pfn pfn, struct tally *tally)
{
	uint8_t here[ND_PAGE_BYTES], there[ND_PAGE_BYTES];

	if (pread(memory, there, sizeof(there), (off_t)(pfn << ND_PAGE_SHIFT)) !=
	    (ssize_t)sizeof(there))
		tally->beyond++;
	else if (nd_source_read(src, pfn, 0, here, sizeof(here)) != ND_OK)
		tally->unread++;
	else if (memcmp(here, there, sizeof(here)) != 0)
		tally->different++;
	else
		tally->equal++;
}

static struct tally compare(const struct nd_source *src, int memory)
{
	struct tally ret = { 0 };
	nd_pfn first = 0;
	uint64_t pages;

	for (nd_pfn at = 0; nd_source_next_run(src, at, &first, &pages) == ND_OK;
	     at = first + pages)
		for (uint64_t i = 0; i < pages; i++)
			compare_page(src, memory, first + i, &ret);
	return ret;
}

int main(int argc, char **argv)
{
	struct nd_source *src;
	struct nd_error err = { 0 };
	struct tally tally;
	int memory;

	if (argc != 3) {
		fputs("usage: pages DUMP MEMORY\n", stderr);
		return 2;
	}
	memory = open(argv[2], O_RDONLY | O_CLOEXEC);
	if (memory < 0 || nd_source_open(argv[1], &src, &err) != ND_OK) {
		printf("does not open: %s\n", err.text);
		return 2;
	}
	tally = compare(src, memory);
	printf("%s: %" PRIu64 " equal, %" PRIu64 " different, %" PRIu64 " unread, %" PRIu64
	       " beyond\n",
	       nd_source_container(src), tally.equal, tally.different, tally.unread, tally.beyond);
	for (uint32_t i = 0; i < nd_source_cpu_count(src); i++)
		printf("cr3 %" PRIx64 "\n", nd_source_cpu(src, i)->cr3);
	nd_source_close(src);
	close(memory);
	return tally.different != 0 || tally.unread != 0 || tally.equal == 0;
}
