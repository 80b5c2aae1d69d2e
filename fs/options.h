/*
 * fs/options.h - the command line: what a person types, and what mount(8) passes when the program
 * is called mount.ntdumpfs.
 */
#ifndef FS_OPTIONS_H
#define FS_OPTIONS_H

#include <sys/types.h>

#include "base.h"
#include "sandbox.h"

/* Exit codes of mount(8). */
enum { EXIT_USAGE = 1, EXIT_MOUNT = 32 };

enum raw_option { RAW_HIDE, RAW_LIST, RAW_OFF };

struct options {
	char *dump, *dir;      /* owned */
	char *fsname;	       /* owned; NULL: the dump's path */
	char *symbols;	       /* owned; colon-separated folders; NULL */
	char *stats;	       /* owned; NULL */
	char *explain;	       /* owned; a path to explain, nothing else; NULL */
	char *symbol_id;       /* owned; a symbol file to identify, nothing else; NULL */
	char *mount_namespace; /* owned; mount(8)'s -N; NULL */
	size_t cache_bytes;
	unsigned threads; /* 1..64 */
	enum raw_option raw;
	enum sandbox_level sandbox;
	uid_t uid;
	gid_t gid;
	mode_t umask;
	bool tree; /* list the rows of the tree, nothing else */
	bool help, version, foreground, debug;
	bool no_symbol_cache;
	bool nothing; /* mount -f: say yes and do nothing */
	bool allow_other, allow_root, auto_unmount;
	/* Of the parser. */
	bool helper, sloppy, single;
};

/*
 * Fill *ret from the command line. ND_OK; ND_EINVAL with one line in *err for a usage error;
 * ND_ENOMEM. options_deinit() in any case. With help, version or symbol_id nothing else is asked
 * for.
 */
enum nd_status options_parse(struct options *ret, int argc, char **argv, struct nd_error *err);
void options_deinit(struct options *options);

/* What --help prints. */
extern const char options_usage[];

#endif
