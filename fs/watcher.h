/*
 * fs/watcher.h - a small process that takes the mount away when the daemon cannot do it itself: it
 * has given up the right to, or it was killed.
 */
#ifndef FS_WATCHER_H
#define FS_WATCHER_H

#include <sys/types.h>

#include "base.h"

struct watcher {
	int fd; /* of a socket to it; -1: there is none */
	pid_t pid;
};

/*
 * Start one for the mount at the absolute path `dir`. Call it while the process has one thread. From
 * now on the mount goes when this process ends, however it ends. `argv` is main()'s: its strings are
 * overwritten in the new process, so that ps(1) tells the two apart. ND_EIO: there is none, ret->fd is
 * -1.
 */
enum nd_status watcher_start(const char *dir, char **argv, struct watcher *ret);
/*
 * Let it unmount now, if `mounted`, and wait until that is done, at most 10 seconds. Without a watcher
 * nothing happens.
 */
void watcher_end(struct watcher *watcher, bool mounted);

#endif
