/*
 * tests/unit/test_failing.c - memory that runs out and a disk that fails, at any allocation and any
 * read: one file of each kind of the tree gives the bytes of an undisturbed run or an error, the same
 * bytes when it is read again, and nothing is left allocated.
 *
 * The Makefile links this with the allocation and read functions wrapped. Which ones fail is spread
 * evenly over all that a file needs; NTDUMPFS_TRIES says how many for each file, NTDUMPFS_SCENARIO
 * which sample.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "ntdump.h"
#include "tap.h"
#include "tree.h"

#define FILES_MAX 2000u
#define CACHE_BYTES (1u << 20)
#define COMPLAINTS_MAX 40u
#define BIG_BYTES (1u << 20) /* files that are longer are left to other tests */

/* --- what fails --------------------------------------------------------------------------------- */

enum trouble { NO_TROUBLE, NO_MEMORY, NO_MEMORY_SINCE, DISK_ERROR, DISK_SHORT, DISK_SIGNAL };

static const char *const word[] = { "",	      "an allocation", "all allocations from one on",
				    "a read", "a short read",  "an interrupted read" };

static enum trouble under_test; /* of which `trouble` is armed, or not */
static enum trouble trouble;
static uint64_t calls, fail_at; /* since arm(), of the kind that is to fail; 0: none */
static int64_t live;		/* blocks that are allocated */

static void arm(enum trouble what, uint64_t at)
{
	trouble = what;
	calls = 0;
	fail_at = at;
}

static bool allocation_fails(void)
{
	if (trouble != NO_MEMORY && trouble != NO_MEMORY_SINCE)
		return false;
	calls++;
	return fail_at && (calls == fail_at || (trouble == NO_MEMORY_SINCE && calls > fail_at));
}

void *__real_malloc(size_t bytes);
void *__real_calloc(size_t count, size_t bytes);
void *__real_realloc(void *p, size_t bytes);
void __real_free(void *p);
void *__wrap_malloc(size_t bytes);
void *__wrap_calloc(size_t count, size_t bytes);
void *__wrap_realloc(void *p, size_t bytes);
void *__wrap_reallocarray(void *p, size_t count, size_t bytes);
char *__wrap_strdup(const char *s);
char *__wrap_strndup(const char *s, size_t len);
void __wrap_free(void *p);

static void *counted(void *p)
{
	live += p != NULL;
	return p;
}

void *__wrap_malloc(size_t bytes)
{
	return allocation_fails() ? NULL : counted(__real_malloc(bytes));
}

void *__wrap_calloc(size_t count, size_t bytes)
{
	return allocation_fails() ? NULL : counted(__real_calloc(count, bytes));
}

void *__wrap_realloc(void *p, size_t bytes)
{
	void *moved = allocation_fails() ? NULL : __real_realloc(p, bytes);

	live += !p && moved;
	return moved;
}

void *__wrap_reallocarray(void *p, size_t count, size_t bytes)
{
	size_t all;

	if (__builtin_mul_overflow(count, bytes, &all))
		return NULL;
	return __wrap_realloc(p, all);
}

char *__wrap_strndup(const char *s, size_t len)
{
	size_t have = strnlen(s, len);
	char *copy = __wrap_malloc(have + 1);

	if (!copy)
		return NULL;
	memcpy(copy, s, have);
	copy[have] = '\0';
	return copy;
}

char *__wrap_strdup(const char *s)
{
	return __wrap_strndup(s, strlen(s));
}

void __wrap_free(void *p)
{
	live -= p != NULL;
	__real_free(p);
}

char *__real_getcwd(char *buf, size_t bytes);
char *__wrap_getcwd(char *buf, size_t bytes);

char *__wrap_getcwd(char *buf, size_t bytes)
{
	if (buf)
		return __real_getcwd(buf, bytes);
	return allocation_fails() ? NULL : counted(__real_getcwd(NULL, bytes));
}

ssize_t __real_pread64(int fd, void *buf, size_t len, off_t at);
ssize_t __wrap_pread64(int fd, void *buf, size_t len, off_t at);
ssize_t __wrap_pread(int fd, void *buf, size_t len, off_t at);

ssize_t __wrap_pread64(int fd, void *buf, size_t len, off_t at)
{
	if (trouble >= DISK_ERROR && ++calls == fail_at) {
		if (trouble == DISK_SHORT)
			return __real_pread64(fd, buf, len / 2 + 1, at);
		errno = trouble == DISK_SIGNAL ? EINTR : EIO;
		return -1;
	}
	return __real_pread64(fd, buf, len, at);
}

ssize_t __wrap_pread(int fd, void *buf, size_t len, off_t at)
{
	return __wrap_pread64(fd, buf, len, at);
}

/* --- the dump and its files ------------------------------------------------------------------------ */

static char dump_path[64];

struct file {
	uint64_t ino;
	char path[256];
	char *bytes; /* as read undisturbed; NULL: not wanted */
	size_t len;
};

static struct file file[FILES_MAX];
static size_t files;

struct reader {
	struct nd_dump *dump;
	struct tree *tree;
};

static enum nd_status reader_open(struct reader *r, struct nd_error *err)
{
	struct tree_options options = { .cache_bytes = CACHE_BYTES };
	struct nd_open_options open_options = { .symbols = "", .no_cache = true };
	enum nd_status st;

	memset(r, 0, sizeof(*r));
	st = nd_dump_open(dump_path, &open_options, &r->dump, err);
	if (st != ND_OK)
		return st;
	st = tree_new(r->dump, node_root_rows, &options, &r->tree);
	if (st != ND_OK)
		nd_dump_close(r->dump);
	return st;
}

static void reader_close(struct reader *r)
{
	tree_free(r->tree);
	nd_dump_close(r->dump);
}

/* Build a sample and open it by descriptor. */
static bool make_dump(const char *scenario)
{
	char built[] = "/tmp/ntdumpfs-failing-XXXXXX", command[256];
	int fd = mkstemp(built);

	if (fd < 0)
		return false;
	close(fd);
	snprintf(command, sizeof(command), "python3 tests/fixtures/mkdump.py %s %s >/dev/null",
		 scenario, built);
	if (system(command) != 0)
		return false;
	fd = open(built, O_RDONLY | O_CLOEXEC);
	unlink(built);
	snprintf(dump_path, sizeof(dump_path), "/proc/self/fd/%d", fd);
	return fd >= 0;
}

/* The first file of each row, in each place that the row has. */
static void note_files(struct tree *tree, uint64_t dir, unsigned depth, bool *seen)
{
	struct tree_child child;
	uint64_t cursor = 0;
	struct node_at at;

	while (tree_next(tree, dir, &cursor, &child) == ND_OK && files < FILES_MAX) {
		if (tree_at(tree, child.ino, &at) != ND_OK || at.row->raw)
			continue;
		if (child.kind == TREE_DIR && depth < 8 && !seen[at.instance]) {
			note_files(tree, child.ino, depth + 1, seen);
			seen[at.instance] = at.row->name[0] == '<';
		} else if (child.kind != TREE_DIR && !seen[at.instance]) {
			seen[at.instance] = true;
			file[files].ino = child.ino;
			tree_path(tree, child.ino, file[files].path, sizeof(file[files].path));
			files++;
		}
	}
}

static bool keep_bytes(struct reader *r, struct file *f)
{
	struct tree_content content;

	if (tree_content_get(r->tree, f->ino, &content) != ND_OK)
		return false;
	if (content.len <= BIG_BYTES) {
		f->len = content.len;
		f->bytes = malloc(content.len + 1);
		if (f->bytes) {
			memcpy(f->bytes, content.p, content.len);
			f->bytes[content.len] = '\0';
		}
	}
	tree_content_put(r->tree, &content);
	return true;
}

/* --- one try ---------------------------------------------------------------------------------------- */

static unsigned complaints;

static void complain(const struct file *f, const char *what)
{
	if (complaints++ < COMPLAINTS_MAX)
		diag("%s: %s (%s fails: %llu)", f ? f->path : "opening", what, word[under_test],
		     (unsigned long long)fail_at);
}

static bool same(const struct file *f, const struct tree_content *content)
{
	size_t at = 0, room = content->len < f->len ? content->len : f->len;

	while (at < room && content->p[at] == f->bytes[at])
		at++;
	if (at == content->len && at == f->len)
		return true;
	if (complaints < COMPLAINTS_MAX)
		diag("got \"%.*s\" instead of \"%.*s\"",
		     (int)(content->len - at < 80 ? content->len - at : 80), content->p + at,
		     (int)(f->len - at < 80 ? f->len - at : 80), f->bytes + at);
	return false;
}

/* Where memory ran out, callers that cannot pass that on say that something failed. */
static bool is_expected(enum nd_status st)
{
	return st == ND_EIO || (st == ND_ENOMEM && under_test <= NO_MEMORY_SINCE);
}

static void read_file(struct reader *r, const struct file *f)
{
	struct tree_content content;
	enum nd_status st = tree_content_get(r->tree, f->ino, &content);

	if (st == ND_OK) {
		if (!same(f, &content))
			complain(f, "other bytes");
		tree_content_put(r->tree, &content);
	} else if (!is_expected(st)) {
		complain(f, "another error");
	}
}

static void read_again(struct reader *r, const struct file *f)
{
	struct tree_content content;

	if (tree_content_get(r->tree, f->ino, &content) != ND_OK) {
		complain(f, "an error that stays");
		return;
	}
	if (!same(f, &content))
		complain(f, "other bytes that stay");
	tree_content_put(r->tree, &content);
}

/* Open, read `f` with trouble at the call `at`, and again without. The number of calls. */
static uint64_t try_file(const struct file *f, enum trouble what, uint64_t at)
{
	struct nd_error err = { "" };
	struct reader r;
	int64_t before = live;
	uint64_t made;

	arm(NO_TROUBLE, 0);
	if (reader_open(&r, &err) != ND_OK) {
		complain(f, "does not open");
		return 0;
	}
	arm(what, at);
	read_file(&r, f);
	made = calls;
	arm(NO_TROUBLE, at);
	read_again(&r, f);
	reader_close(&r);
	if (live != before)
		complain(f, "memory that is not given back");
	return made;
}

static uint64_t try_open(enum trouble what, uint64_t at)
{
	struct nd_error err = { "" };
	struct reader r;
	int64_t before = live;
	enum nd_status st;
	uint64_t made;

	arm(what, at);
	st = reader_open(&r, &err);
	made = calls;
	if (st == ND_OK) {
		arm(NO_TROUBLE, at);
		for (size_t i = 0; i < files && i < 4; i++)
			if (file[i].bytes)
				read_again(&r, &file[i]);
		reader_close(&r);
	} else if (!is_expected(st)) {
		complain(NULL, "another error");
	} else if (strchr(err.text, '\n')) {
		complain(NULL, "more than one line");
	}
	if (live != before)
		complain(NULL, "memory that is not given back");
	return made;
}

/* --- many ------------------------------------------------------------------------------------------- */

static void test_open(enum trouble what)
{
	uint64_t n;

	complaints = 0;
	under_test = what;
	n = try_open(what, 0);
	for (uint64_t at = 1; at <= n; at++)
		try_open(what, at);
	is(complaints, 0, "opening while %s fails (%llu of them)", word[what],
	   (unsigned long long)n);
}

static void test_files(enum trouble what, unsigned tries)
{
	uint64_t tried = 0;

	complaints = 0;
	under_test = what;
	for (size_t i = 0; i < files; i++) {
		uint64_t n;

		if (!file[i].bytes)
			continue;
		n = try_file(&file[i], what, 0);
		for (uint64_t k = 0; k < tries && k < n; k++, tried++)
			try_file(&file[i], what,
				 n <= tries ? k + 1 : 1 + k * n / tries + i * 7 % (n / tries));
	}
	is(complaints, 0, "reading while %s fails (%llu tries)", word[what],
	   (unsigned long long)tried);
}

int main(void)
{
	const char *given = getenv("NTDUMPFS_TRIES"), *scenario = getenv("NTDUMPFS_SCENARIO");
	unsigned tries = given ? (unsigned)strtoul(given, NULL, 10) : 2;
	static bool seen[1 << 16];
	struct nd_error err;
	struct reader r;

	if (!ok(make_dump(scenario ? scenario : "small") && reader_open(&r, &err) == ND_OK,
		"a sample is built and opens"))
		return done_testing();
	note_files(r.tree, TREE_ROOT_INO, 0, seen);
	ok(files > 100, "the tree has more than 100 kinds of files: %zu", files);
	for (size_t i = 0; i < files; i++)
		if (!keep_bytes(&r, &file[i]))
			diag("%s cannot be read", file[i].path);
	reader_close(&r);
	for (enum trouble what = NO_MEMORY; what <= DISK_SIGNAL; what++)
		test_open(what);
	for (enum trouble what = NO_MEMORY; what <= DISK_SIGNAL; what++)
		test_files(what, tries);
	for (size_t i = 0; i < files; i++)
		free(file[i].bytes);
	return done_testing();
}
