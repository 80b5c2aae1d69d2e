/*
 * fs/readahead.c - finds and turns the knob for reading ahead in the kernel's sysfs.
 */
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "readahead.h"

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

/* The device of the mount at dir: of the last line, which lies on top of others. */
static int device_of(const char *dir, unsigned *ret_major, unsigned *ret_minor)
{
	FILE *file = fopen("/proc/self/mountinfo", "re");
	char *line = NULL;
	size_t room = 0;
	int found = -1;

	if (!file)
		return -1;
	while (getline(&line, &room, file) > 0) {
		unsigned major, minor;
		char *at;

		/* id, parent's id, major:minor, root, mount point */
		if (sscanf(line, "%*u %*u %u:%u %*s %ms", &major, &minor, &at) != 3)
			continue;
		unescape(at);
		if (strcmp(at, dir) == 0) {
			*ret_major = major;
			*ret_minor = minor;
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
	unsigned major, minor;
	char path[64];

	if (device_of(dir, &major, &minor) != 0)
		return -1;
	snprintf(path, sizeof(path), "/sys/class/bdi/%u:%u/read_ahead_kb", major, minor);
	return open(path, O_WRONLY | O_CLOEXEC);
}

void readahead_raise(int fd)
{
	static const char kib[] = "1024\n";

	if (fd >= 0 && write(fd, kib, sizeof(kib) - 1) < 0)
		return; /* slower, that is all */
}
