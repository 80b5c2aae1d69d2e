/*
 * fs/readahead.c - finds and turns the knob for reading ahead in the kernel's sysfs.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "readahead.h"

#define DEVICE_BYTES 32 /* of "major:minor" */

/* In /proc/self/mountinfo blanks and the like are written as a backslash and three octal digits. */
static void unescape(char *s)
{
	char *to = s;

	while (*s) {
		if (s[0] == '\\' && strspn(s + 1, "01234567") >= 3) {
			*to++ = (char)((s[1] - '0') << 6 | (s[2] - '0') << 3 | (s[3] - '0'));
			s += 4;
		} else {
			*to++ = *s++;
		}
	}
	*to = '\0';
}

/* major:minor of the mount at dir: of the last line, which lies on top of others. */
static int device_of(const char *dir, char ret[DEVICE_BYTES])
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t room = 0;
	int found = -1;

	if (!file)
		return -1;
	while (getline(&line, &room, file) > 0) {
		char device[DEVICE_BYTES], *at;

		/* id, parent's id, major:minor, root, mount point */
		if (sscanf(line, "%*s %*s %31s %*s %ms", device, &at) != 2)
			continue;
		unescape(at);
		if (strcmp(at, dir) == 0) {
			memcpy(ret, device, sizeof(device));
			found = 0;
		}
		free(at);
	}
	free(line);
	fclose(file);
	return found;
}

int readahead_open(const char *dir)
{
	char device[DEVICE_BYTES], path[96];

	if (device_of(dir, device) != 0)
		return -1;
	snprintf(path, sizeof(path), "/sys/class/bdi/%s/read_ahead_kb", device);
	return open(path, O_WRONLY | O_CLOEXEC);
}

void readahead_raise(int fd)
{
	static const char kib[] = "1024\n";

	if (fd >= 0 && write(fd, kib, sizeof(kib) - 1) < 0)
		return; /* slower, that is all */
}
