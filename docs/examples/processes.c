/*
 * docs/examples/processes.c - a program on libntdump: the processes of a dump.
 *
 *	cc processes.c $(pkg-config --cflags --libs --static libntdump) -o processes
 *	./processes MEMORY.DMP
 */
#include <stdio.h>

#include "nt/process.h"

static void print_process(const struct nd_dump *dump, nd_va eprocess)
{
	struct nd_process process;

	if (nd_process_read(dump, eprocess, &process) != ND_OK)
		return;
	printf("0x%016llx", (unsigned long long)eprocess);
	/* A value travels with the reason why there is none. */
	if (process.pid.st == ND_OK)
		printf("\t%llu", (unsigned long long)process.pid.value);
	else
		printf("\t?");
	/* Whoever wrote the dump wrote the name: only letters are safe on a terminal. */
	putchar('\t');
	for (const char *c = process.image_name; *c; c++)
		putchar(*c > ' ' && *c < 0x7f ? *c : '?');
	putchar('\n');
}

int main(int argc, char **argv)
{
	const struct nd_process_list *list;
	struct nd_error err = { "" };
	struct nd_dump *dump;

	if (argc != 2) {
		fprintf(stderr, "usage: processes DUMP\n");
		return 2;
	}
	if (nd_dump_open(argv[1], NULL, &dump, &err) != ND_OK) {
		fprintf(stderr, "processes: %s: %s\n", argv[1], err.text);
		return 1;
	}
	if (nd_processes(dump, &list) == ND_OK)
		for (uint32_t i = 0; i < list->count; i++)
			print_process(dump, list->ref[i].eprocess);
	nd_dump_close(dump);
	return 0;
}
