/*
 * fs/stats.h - how often what was asked: counters for the tests that count work instead of
 * seconds. Written as "name value" lines.
 */
#ifndef FS_STATS_H
#define FS_STATS_H

#include "base.h"

struct tree;

enum stat_name {
	STAT_LOOKUP,
	STAT_FORGET,
	STAT_GETATTR,
	STAT_READLINK,
	STAT_OPEN,
	STAT_READ,
	STAT_LSEEK,
	STAT_RELEASE,
	STAT_OPENDIR,
	STAT_READDIR,
	STAT_READDIRPLUS,
	STAT_RELEASEDIR,
	STAT_STATFS,
	STAT_GETXATTR,
	STAT_LISTXATTR,
	STAT_PUSHED, /* files given to the kernel before it asked: no request */
	STAT_COUNT
};

void stats_count(enum stat_name name);

/*
 * Write the counters, and those of `tree`, to the open file `fd`, replacing what it held. Safe in
 * a signal handler.
 */
void stats_write(int fd, const struct tree *tree);

#endif
