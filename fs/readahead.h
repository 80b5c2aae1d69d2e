/*
 * fs/readahead.h - how much of a file the kernel asks for ahead of a sequential reader.
 */
#ifndef FS_READAHEAD_H
#define FS_READAHEAD_H

/*
 * The knob of the mount at `dir` (an absolute path without links), open for readahead_raise(); the
 * caller closes it. -1 where there is none, or only root may turn it.
 */
int readahead_open(const char *dir);

/*
 * Let the kernel ask for 1 MiB at once: the most that one request can bring. At first it is 128 KiB,
 * and FUSE sets it back to that when the connection begins: so this is for later, and works once.
 */
void readahead_raise(int fd);

#endif
