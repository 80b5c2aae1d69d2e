/*
 * fs/watcher.c - see watcher.h. The two talk over a socket: one byte says what to do; its end says
 * that the other one is gone.
 */
#include "watcher.h"

#include <errno.h>
#include <fcntl.h>
#include <poll.h>
#include <signal.h>
#include <string.h>
#include <sys/mount.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/vfs.h>
#include <sys/wait.h>
#include <unistd.h>

#define SAY_UNMOUNT 'u'
#define SAY_NOTHING 'n'
#define PATIENCE_MS 10000

/* Nothing may keep the daemon's FUSE connection, the dump or a pipe of the caller open. */
static void leave_the_daemon(int fd)
{
	int null = open("/dev/null", O_RDWR | O_CLOEXEC);

	for (int i = 0; i <= 2 && null >= 0; i++)
		dup2(null, i);
	if (fd != 3) {
		dup2(fd, 3);
		close(fd);
	}
	close_range(4, ~0u, 0);
	setsid();
	for (int s = 1; s < 32; s++)
		signal(s, s == SIGCHLD ? SIG_DFL : SIG_IGN);
	if (chdir("/") != 0)
		errno = 0;
}

/* The strings of argv lie one behind the other. */
static void take_a_name(char **argv)
{
	static const char name[] = "ntdumpfs-watch";
	size_t room = 0;

	for (char **arg = argv; *arg && *arg == argv[0] + room; arg++)
		room += strlen(*arg) + 1;
	if (room > 0)
		memset(argv[0], 0, room);
	if (room > sizeof(name))
		memcpy(argv[0], name, sizeof(name));
	prctl(PR_SET_NAME, name);
}

static void unmount(const char *dir)
{
	if (umount2(dir, MNT_DETACH | UMOUNT_NOFOLLOW) == 0 || geteuid() == 0)
		return;
	/* Descriptor 3 is closed, and so tells the daemon, when fusermount3 is done. */
	execlp("fusermount3", "fusermount3", "-u", "-z", "-q", "--", dir, (char *)NULL);
}

/*
 * A mount whose daemon was killed; not what somebody has mounted there since. stat(2) would be
 * answered from the kernel's cache.
 */
static bool is_dead(const char *dir)
{
	struct statfs st;

	/* ECONNABORTED: asked in the moment in which the connection ended. */
	return statfs(dir, &st) != 0 && (errno == ENOTCONN || errno == ECONNABORTED);
}

__attribute__((noreturn)) static void watch(const char *dir, char **argv, int fd)
{
	char word = 0;
	ssize_t n;

	leave_the_daemon(fd);
	take_a_name(argv);
	do
		n = read(3, &word, 1);
	while (n < 0 && errno == EINTR);
	if (n == 1 ? word == SAY_UNMOUNT : is_dead(dir))
		unmount(dir);
	_exit(0);
}

enum nd_status watcher_start(const char *dir, char **argv, struct watcher *ret)
{
	int pair[2];
	pid_t pid;

	*ret = (struct watcher){ .fd = -1 };
	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, pair) != 0)
		return ND_EIO;
	pid = fork();
	if (pid == 0)
		watch(dir, argv, pair[1]);
	close(pair[1]);
	if (pid < 0) {
		close(pair[0]);
		return ND_EIO;
	}
	*ret = (struct watcher){ .fd = pair[0], .pid = pid };
	return ND_OK;
}

void watcher_end(struct watcher *watcher, bool mounted)
{
	struct pollfd gone = { .fd = watcher->fd, .events = POLLIN };
	char word = mounted ? SAY_UNMOUNT : SAY_NOTHING;

	if (watcher->fd < 0)
		return;
	if (send(watcher->fd, &word, 1, MSG_NOSIGNAL) == 1 && poll(&gone, 1, PATIENCE_MS) == 1)
		waitpid(watcher->pid, NULL, 0);
	close(watcher->fd);
	watcher->fd = -1;
}
