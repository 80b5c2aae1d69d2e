/*
 * fs/sandbox.c - see sandbox.h. Landlock says which files, seccomp which system calls.
 */
#include "sandbox.h"

#include <errno.h>
#include <fcntl.h>
#include <linux/capability.h>
#include <linux/landlock.h>
#include <pthread.h>
#include <sched.h>
#include <seccomp.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/syscall.h>
#include <unistd.h>

#include "ntdump.h"

/* The sanitizers' own threads, maps and forks are not the daemon's. */
#if defined(__SANITIZE_ADDRESS__) || defined(__SANITIZE_THREAD__)
#define SANITIZED true
#elif defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer)
#define SANITIZED true
#endif
#endif
#ifndef SANITIZED
#define SANITIZED false
#endif

#define DESCRIPTORS_MAX 1024u /* two pipes and a descriptor for each of 64 threads, and files */
#define FILE_BYTES_MAX (UINT64_C(1) << 30) /* of the largest file of the compiled cache */

static void note(struct text *notes, const char *what, int error)
{
	if (notes)
		text_printf(notes, "sandbox: no %s: %s\n", what, strerror(error));
}

static void limit(int resource, rlim_t value)
{
	struct rlimit now;

	if (getrlimit(resource, &now) != 0)
		return;
	if (now.rlim_max != RLIM_INFINITY && now.rlim_max < value)
		value = now.rlim_max;
	setrlimit(resource, &(struct rlimit){ value, value });
}

/*
 * glibc loads a library when a thread is cancelled or exits for the first time, which is too late
 * behind the walls.
 */
static void *exit_once(void *arg)
{
	pthread_exit(arg);
}

static void load_what_comes_late(void)
{
	pthread_t thread;

	if (pthread_create(&thread, NULL, exit_once, NULL) == 0)
		pthread_join(thread, NULL);
}

/* Root keeps the right to read others' symbol files, where it may still open files. */
static void drop_capabilities(enum sandbox_level level, struct text *notes)
{
	struct __user_cap_header_struct head = { .version = _LINUX_CAPABILITY_VERSION_3 };
	struct __user_cap_data_struct have[2], keep[2] = { { 0 } };

	for (int cap = 0; cap <= CAP_LAST_CAP; cap++)
		if (level == SANDBOX_STRICT || cap != CAP_DAC_READ_SEARCH)
			prctl(PR_CAPBSET_DROP, cap);
	prctl(PR_CAP_AMBIENT, PR_CAP_AMBIENT_CLEAR_ALL, 0, 0, 0);
	if (syscall(SYS_capget, &head, have) != 0) {
		note(notes, "dropping of capabilities", errno);
		return;
	}
	if (level != SANDBOX_STRICT)
		keep[0].effective = keep[0].permitted =
			have[0].permitted & (1u << CAP_DAC_READ_SEARCH);
	if (syscall(SYS_capset, &head, keep) != 0)
		note(notes, "dropping of capabilities", errno);
}

/* --- Landlock --------------------------------------------------------------------------------- */

#define ACCESS_READ (LANDLOCK_ACCESS_FS_READ_FILE | LANDLOCK_ACCESS_FS_READ_DIR)
#define ACCESS_CACHE \
	(ACCESS_READ | LANDLOCK_ACCESS_FS_WRITE_FILE | LANDLOCK_ACCESS_FS_MAKE_REG | \
	 LANDLOCK_ACCESS_FS_REMOVE_FILE)
/* Every right of the first version: the older the kernel, the fewer it knows. */
#define ACCESS_VERSION_1 ((LANDLOCK_ACCESS_FS_MAKE_SYM << 1) - 1)

static int landlock_version(void)
{
	return (int)syscall(SYS_landlock_create_ruleset, NULL, 0, LANDLOCK_CREATE_RULESET_VERSION);
}

/* A place of nd_symstore_places(); ctx is the ruleset's descriptor. */
static void allow_place(void *ctx, const char *path, bool written)
{
	const int *ruleset = ctx;
	int fd = open(path, O_PATH | O_CLOEXEC);
	struct stat st;

	if (fd < 0)
		return;
	if (fstat(fd, &st) == 0) {
		struct landlock_path_beneath_attr rule = { .parent_fd = fd };

		rule.allowed_access = !S_ISDIR(st.st_mode) ? LANDLOCK_ACCESS_FS_READ_FILE
				      : written		   ? ACCESS_CACHE
							   : ACCESS_READ;
		syscall(SYS_landlock_add_rule, *ruleset, LANDLOCK_RULE_PATH_BENEATH, &rule, 0);
	}
	close(fd);
}

static bool enter_landlock(enum sandbox_level level, const struct nd_dump *dump, struct text *notes)
{
	struct landlock_ruleset_attr attr = { .handled_access_fs = ACCESS_VERSION_1 };
	int version = landlock_version(), ruleset;
	bool entered;

	if (version >= 2)
		attr.handled_access_fs |= ACCESS_VERSION_1 + 1; /* REFER */
	if (version >= 3)
		attr.handled_access_fs |= (ACCESS_VERSION_1 + 1) << 1; /* TRUNCATE */
	ruleset = version < 1 ? -1
			      : (int)syscall(SYS_landlock_create_ruleset, &attr,
					     sizeof(attr.handled_access_fs), 0);
	if (ruleset < 0) {
		note(notes, "Landlock", errno);
		return false;
	}
	if (level != SANDBOX_STRICT && dump->symbols)
		nd_symstore_places(dump->symbols, allow_place, &ruleset);
	entered = syscall(SYS_landlock_restrict_self, ruleset, 0) == 0;
	if (!entered)
		note(notes, "Landlock", errno);
	close(ruleset);
	return entered;
}

/* --- seccomp ---------------------------------------------------------------------------------- */

/* What the loop, the C library and the readers of files need. All else kills the process. */
static const int allowed[] = {
	SCMP_SYS(read),
	SCMP_SYS(readv),
	SCMP_SYS(pread64),
	SCMP_SYS(preadv),
	SCMP_SYS(write),
	SCMP_SYS(writev),
	SCMP_SYS(pwrite64),
	SCMP_SYS(lseek),
	SCMP_SYS(_llseek),
	SCMP_SYS(splice),
	SCMP_SYS(vmsplice),
	SCMP_SYS(tee),
	SCMP_SYS(pipe2),
	SCMP_SYS(fcntl),
	SCMP_SYS(fcntl64),
	SCMP_SYS(close),
	SCMP_SYS(dup),
	SCMP_SYS(poll),
	SCMP_SYS(ppoll),
	SCMP_SYS(fstat),
	SCMP_SYS(newfstatat),
	SCMP_SYS(fstatat64),
	SCMP_SYS(stat),
	SCMP_SYS(lstat),
	SCMP_SYS(statx),
	SCMP_SYS(fstatfs),
	SCMP_SYS(getdents64),
	SCMP_SYS(access),
	SCMP_SYS(faccessat),
	SCMP_SYS(faccessat2),
	SCMP_SYS(readlink),
	SCMP_SYS(readlinkat),
	SCMP_SYS(getcwd),
	SCMP_SYS(ftruncate),
	SCMP_SYS(fadvise64),
	SCMP_SYS(fsync),
	SCMP_SYS(fdatasync),
	SCMP_SYS(munmap),
	SCMP_SYS(mremap),
	SCMP_SYS(madvise),
	SCMP_SYS(brk),
	SCMP_SYS(futex),
	SCMP_SYS(sched_yield),
	SCMP_SYS(sched_getaffinity),
	SCMP_SYS(set_robust_list),
	SCMP_SYS(rseq),
	SCMP_SYS(membarrier),
	SCMP_SYS(gettid),
	SCMP_SYS(getpid),
	SCMP_SYS(getuid),
	SCMP_SYS(geteuid),
	SCMP_SYS(getgid),
	SCMP_SYS(getegid),
	SCMP_SYS(getrandom),
	SCMP_SYS(sysinfo),
	SCMP_SYS(getrlimit),
	SCMP_SYS(clock_gettime),
	SCMP_SYS(clock_nanosleep),
	SCMP_SYS(nanosleep),
	SCMP_SYS(gettimeofday),
	SCMP_SYS(time),
	SCMP_SYS(rt_sigaction),
	SCMP_SYS(rt_sigprocmask),
	SCMP_SYS(rt_sigreturn),
	SCMP_SYS(rt_sigpending),
	SCMP_SYS(rt_sigtimedwait),
	SCMP_SYS(sigaltstack),
	SCMP_SYS(restart_syscall),
	SCMP_SYS(tgkill),
	SCMP_SYS(sendto),
	SCMP_SYS(wait4),
	SCMP_SYS(exit),
	SCMP_SYS(exit_group),
};

/* Refused with an errno, as a careful library that tries them goes on without. */
static const struct {
	int call, error;
} refused[] = {
	{ SCMP_SYS(clone3), ENOSYS }, /* its flags cannot be looked at; glibc falls back to clone */
	{ SCMP_SYS(umount2), EPERM },
	{ SCMP_SYS(set_mempolicy), EPERM },
	{ SCMP_SYS(mbind), EPERM },
};

/* Where files are opened and made: the walls are Landlock's. */
static const int of_files[] = {
	SCMP_SYS(open),	     SCMP_SYS(openat), SCMP_SYS(mkdir),
	SCMP_SYS(mkdirat),   SCMP_SYS(rename), SCMP_SYS(renameat),
	SCMP_SYS(renameat2), SCMP_SYS(unlink), SCMP_SYS(unlinkat),
};

static int allow_common(scmp_filter_ctx filter)
{
	int bad = 0;

	for (size_t i = 0; i < sizeof(allowed) / sizeof(allowed[0]); i++)
		bad |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, allowed[i], 0);
	for (size_t i = 0; i < sizeof(refused) / sizeof(refused[0]); i++)
		bad |= seccomp_rule_add(filter, SCMP_ACT_ERRNO((uint16_t)refused[i].error),
					refused[i].call, 0);
	/* Memory is never both made and executed; processes are never started, threads are. */
	bad |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mmap), 1,
				SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	bad |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(mprotect), 1,
				SCMP_A2(SCMP_CMP_MASKED_EQ, PROT_EXEC, 0));
	bad |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(clone), 1,
				SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, CLONE_THREAD));
	bad |= seccomp_rule_add(filter, SCMP_ACT_ERRNO(EPERM), SCMP_SYS(clone), 1,
				SCMP_A0(SCMP_CMP_MASKED_EQ, CLONE_THREAD, 0));
	bad |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prctl), 1,
				SCMP_A0(SCMP_CMP_EQ, PR_SET_NAME, 0));
	bad |= seccomp_rule_add(filter, SCMP_ACT_ALLOW, SCMP_SYS(prlimit64), 1,
				SCMP_A2(SCMP_CMP_EQ, 0, 0));
	return bad;
}

/* Without Landlock, files can only be read. */
static int allow_files(scmp_filter_ctx filter, enum sandbox_level level, bool landlocked)
{
	bool all = level != SANDBOX_STRICT && landlocked;
	int bad = 0;

	for (size_t i = 0; i < sizeof(of_files) / sizeof(of_files[0]); i++) {
		int call = of_files[i];

		if (!all && level != SANDBOX_STRICT && call == SCMP_SYS(openat)) {
			bad |= seccomp_rule_add(
				filter, SCMP_ACT_ALLOW, call, 1,
				SCMP_A2(SCMP_CMP_MASKED_EQ, O_ACCMODE | O_CREAT, 0));
			continue;
		}
		bad |= seccomp_rule_add(filter, all ? SCMP_ACT_ALLOW : SCMP_ACT_ERRNO(EACCES), call,
					0);
	}
	return bad;
}

static void enter_seccomp(enum sandbox_level level, bool landlocked, struct text *notes)
{
	scmp_filter_ctx filter = seccomp_init(SCMP_ACT_KILL_PROCESS);
	int result = filter ? 0 : -ENOMEM;

	/* Calls that an architecture does not have are no mistake. */
	if (filter && (allow_common(filter) != 0 || allow_files(filter, level, landlocked) != 0))
		result = -EINVAL;
	if (result == 0)
		result = seccomp_load(filter);
	if (result != 0)
		note(notes, "system call filter", -result);
	if (filter)
		seccomp_release(filter);
}

/* ---------------------------------------------------------------------------------------------- */

enum nd_status sandbox_check(enum sandbox_level level, struct nd_error *err)
{
	if (level != SANDBOX_STRICT)
		return ND_OK;
	if (landlock_version() < 1) {
		nd_error_set(err, "sandbox=strict: this kernel has no Landlock");
		return ND_EINVAL;
	}
	if (prctl(PR_GET_SECCOMP) < 0) {
		nd_error_set(err, "sandbox=strict: this kernel has no system call filter");
		return ND_EINVAL;
	}
	return ND_OK;
}

void sandbox_enter(enum sandbox_level level, const struct nd_dump *dump, struct text *notes)
{
	bool landlocked;

	if (level == SANDBOX_OFF)
		return;
	if (!SANITIZED) {
		load_what_comes_late();
		prctl(PR_SET_DUMPABLE, 0); /* the leak sanitizer traces its process */
	}
	limit(RLIMIT_CORE, 0);
	limit(RLIMIT_NOFILE, DESCRIPTORS_MAX);
	limit(RLIMIT_FSIZE, FILE_BYTES_MAX);
	if (prctl(PR_SET_NO_NEW_PRIVS, 1, 0, 0, 0) != 0) {
		note(notes, "walls", errno);
		return;
	}
	drop_capabilities(level, notes);
	if (SANITIZED)
		return;
	landlocked = enter_landlock(level, dump, notes);
	enter_seccomp(level, landlocked, notes);
}
