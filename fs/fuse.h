/*
 * fs/fuse.h - a tree as a mounted filesystem. fuse.c alone knows libfuse.
 *
 * Order of calls: fs_new, fs_mount, fs_daemonize, fs_loop, fs_free. One per process.
 */
#ifndef FS_FUSE_H
#define FS_FUSE_H

#include <sys/types.h>

#include "base.h"

struct fs;
struct tree;

struct fs_options {
	const char *fsname;  /* what mount(8) shows in its first column */
	uint64_t file_bytes; /* size of the dump, for statfs */
	unsigned threads;    /* requests answered at the same time, >= 1 */
	uid_t uid;
	gid_t gid;
	mode_t umask;
	int stats_fd; /* for the counters at the end and on SIGUSR1; -1: none */
	/* Called at the end, before the daemon's own try to unmount; `mounted`: it still is. */
	void (*unmount)(void *ctx, bool mounted);
	void *ctx; /* of unmount */
	bool allow_other, allow_root, auto_unmount, debug;
};

/*
 * Prepare a filesystem over `tree`, which must outlive it, and take over SIGHUP, SIGINT, SIGTERM
 * (unmount and end) and SIGUSR1 (write the counters). ND_EINVAL with one line in *err.
 */
enum nd_status fs_new(struct tree *tree, const struct fs_options *options, struct fs **ret,
		      struct nd_error *err);
/*
 * Mount on the existing directory `dir`. ND_EIO with one line in *err, or with none where
 * fusermount3(1), which mounts for a user, has written one to stderr itself.
 */
enum nd_status fs_mount(struct fs *fs, const char *dir, struct nd_error *err);
/*
 * Go to the background: the calling process ends with 0, the child returns in "/" with stdin,
 * stdout and stderr on /dev/null. ND_EIO when that is not possible.
 */
enum nd_status fs_daemonize(struct fs *fs);
/* Answer requests until somebody unmounts or a signal comes. ND_EIO when the kernel fails us. */
enum nd_status fs_loop(struct fs *fs);
/* Unmount where that has not happened, write the counters. NULL is accepted. */
void fs_free(struct fs *fs);

#endif
