/*
 * fs/nodes/readme.c - /README: what the mounted tree is, from the tables that make it.
 */
#include <string.h>

#include "nodes/nodes.h"

#define FORMAT_NUMBER 1
#define DEPTH_MAX 8

static const char head[] =
	"This is a Windows kernel crash dump, mounted by ntdumpfs. Every directory and file is "
	"made\n"
	"from the dump when it is read; nothing here can be written.\n"
	"\n"
	"Format:\t%d\n"
	"\n"
	"Text is UTF-8. A file holds one value, or \"Key:<TAB>value\" lines, or a table: one "
	"record a\n"
	"line, TAB between the columns, no header line. Addresses are 0x and 16 hex digits "
	"everywhere,\n"
	"so that one grep finds every use of an object. A value that cannot be read says why:\n"
	"\n"
	"<not-in-dump>\tthe dump file does not hold the page\n"
	"<paged-out>\tthe page was in a page file or not yet read from its file\n"
	"<unmapped>\tnothing is mapped at the address\n"
	"<invalid>\tread, but it cannot be right\n"
	"<no-symbols>\tneeds a symbol file that was not found\n"
	"<not-in-this-build>\tthis Windows build has no such thing\n"
	"-\tthere is none\n"
	"\n"
	"Code is module!symbol+0xOFFSET (0xADDRESS) where a symbol is known and holds the address, "
	"else\n"
	"module+0xOFFSET (0xADDRESS), else the address alone.\n"
	"\n"
	"The files, with the columns of the tables:\n"
	"\n";

static void write_rows(struct text *out, const struct node_row *rows, const char *path, int depth)
{
	for (const struct node_row *r = rows; r->name && depth < DEPTH_MAX; r++) {
		char below[256];

		text_printf(out, "%s/%s%s\t%s\n", path, r->name, r->rows ? "/" : "", r->help);
		if (!r->rows || r->rows == rows)
			continue;
		if (strlen(path) + strlen(r->name) + 2 > sizeof(below))
			continue;
		stpcpy(stpcpy(stpcpy(below, path), "/"), r->name);
		write_rows(out, r->rows, below, depth + 1);
	}
}

enum nd_status render_readme(struct text *out, const struct node_at *at)
{
	(void)at;
	text_printf(out, head, FORMAT_NUMBER);
	write_rows(out, node_root_rows, "", 0);
	return ND_OK;
}
