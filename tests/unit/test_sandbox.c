/*
 * tests/unit/test_sandbox.c - what can still be done behind the walls of fs/sandbox.c, tried by
 * children that enter them.
 */
#include <errno.h>
#include <fcntl.h>
#include <limits.h>
#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/socket.h>
#include <sys/syscall.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ntdump.h"
#include "sandbox.h"
#include "tap.h"

#define KILLED 1000 /* + the signal */

static char place[PATH_MAX], inside[PATH_MAX], fresh[PATH_MAX];

/* What is tried: 0 or an errno. */
typedef int attempt_fn(void);

static int opened(int fd)
{
	return fd < 0 ? errno : 0;
}

static int read_inside(void)
{
	return opened(open(inside, O_RDONLY));
}

static int read_outside(void)
{
	return opened(open("/etc/passwd", O_RDONLY));
}

static int make_inside(void)
{
	return opened(open(fresh, O_WRONLY | O_CREAT, 0600));
}

static int write_inside(void)
{
	return opened(open(inside, O_WRONLY));
}

static int make_socket(void)
{
	return opened(socket(AF_INET, SOCK_STREAM, 0));
}

static int run_program(void)
{
	execl("/bin/true", "true", (char *)NULL);
	return errno;
}

static int start_process(void)
{
	pid_t pid = (pid_t)syscall(SYS_clone, SIGCHLD, NULL, NULL, NULL, NULL);

	if (pid == 0)
		_exit(0);
	return pid < 0 ? errno : 0;
}

static int map_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_EXEC, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED ? errno : 0;
}

static int make_code(void)
{
	void *p = mmap(NULL, 4096, PROT_READ | PROT_WRITE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);

	return p == MAP_FAILED || mprotect(p, 4096, PROT_READ | PROT_EXEC) != 0 ? errno : 0;
}

static int look_into_others(void)
{
	return syscall(SYS_ptrace, 16, getppid(), 0, 0) != 0 ? errno : 0;
}

static int use_memory(void)
{
	void *p = malloc(64u << 20);

	free(p);
	return p ? 0 : ENOMEM;
}

static int grow_limits(void)
{
	struct rlimit core = { RLIM_INFINITY, RLIM_INFINITY };

	return setrlimit(RLIMIT_CORE, &core) != 0 ? errno : 0;
}

static void *nothing(void *arg)
{
	return arg;
}

static int start_thread(void)
{
	pthread_t thread;
	int error = pthread_create(&thread, NULL, nothing, NULL);

	return error ? error : pthread_join(thread, NULL);
}

static int outcome(enum sandbox_level level, const struct nd_dump *dump, attempt_fn *attempt)
{
	pid_t pid;
	int status;

	fflush(stdout);
	pid = fork();
	if (pid == 0) {
		setrlimit(RLIMIT_CORE, &(struct rlimit){ 0, 0 });
		sandbox_enter(level, dump, NULL);
		_exit(attempt());
	}
	if (pid < 0 || waitpid(pid, &status, 0) != pid)
		return -1;
	return WIFSIGNALED(status) ? KILLED + WTERMSIG(status) : WEXITSTATUS(status);
}

static const struct {
	const char *what;
	attempt_fn *attempt;
	int on, strict;
} cases[] = {
	{ "reading in a symbol folder", read_inside, 0, EACCES },
	{ "reading elsewhere", read_outside, EACCES, EACCES },
	{ "making a file in a symbol folder", make_inside, EACCES, EACCES },
	{ "writing to a symbol file", write_inside, EACCES, EACCES },
	{ "a socket", make_socket, KILLED + SIGSYS, KILLED + SIGSYS },
	{ "another program", run_program, KILLED + SIGSYS, KILLED + SIGSYS },
	{ "another process", start_process, EPERM, EPERM },
	{ "memory that can be executed", map_code, KILLED + SIGSYS, KILLED + SIGSYS },
	{ "making memory executable", make_code, KILLED + SIGSYS, KILLED + SIGSYS },
	{ "looking into another process", look_into_others, KILLED + SIGSYS, KILLED + SIGSYS },
	{ "higher limits", grow_limits, KILLED + SIGSYS, KILLED + SIGSYS },
	{ "memory", use_memory, 0, 0 },
	{ "a thread", start_thread, 0, 0 },
};

static bool make_place(void)
{
	const char *tmp = getenv("TMPDIR");
	int fd;

	(void)snprintf(place, sizeof(place), "%s/ntdumpfs-sandbox-XXXXXX", tmp ? tmp : "/tmp");
	if (!mkdtemp(place))
		return false;
	(void)snprintf(inside, sizeof(inside), "%.4000s/a.pdb", place);
	(void)snprintf(fresh, sizeof(fresh), "%.4000s/b.pdb", place);
	fd = open(inside, O_WRONLY | O_CREAT, 0600);
	if (fd >= 0)
		close(fd);
	return fd >= 0;
}

int main(void)
{
	struct nd_dump dump = { 0 };
	struct nd_error err;

	if (getenv("NTDUMPFS_SANITIZED")) {
		skip("system calls are not filtered under sanitizers");
		return done_testing();
	}
	if (sandbox_check(SANDBOX_STRICT, &err) != ND_OK) {
		skip("%s", err.text);
		return done_testing();
	}
	if (!make_place() || nd_symstore_new(place, false, &dump.symbols) != ND_OK)
		return 1;
	for (unsigned i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		is(outcome(SANDBOX_ON, &dump, cases[i].attempt), cases[i].on, "on: %s",
		   cases[i].what);
		is(outcome(SANDBOX_STRICT, &dump, cases[i].attempt), cases[i].strict, "strict: %s",
		   cases[i].what);
	}
	is(outcome(SANDBOX_OFF, &dump, read_outside), 0, "off: reading elsewhere");
	nd_symstore_free(dump.symbols);
	unlink(inside);
	unlink(fresh);
	rmdir(place);
	return done_testing();
}
