/*
 * tests/soak/soak.c - opens thousands of broken dumps and reads the whole tree of each, in process.
 *
 *     soak [--first SEED] [--count N] [--jobs N] [--seconds N] [--write FILE] DUMP...
 *
 * A seed decides which of the dumps is broken, and how: the same seed and dumps give the same bytes.
 * Each is read in a process of its own, which may take --seconds and MEMORY_KIB. What is wrong is told
 * in one line with its seed; --write FILE writes the dump of the seed --first instead of reading it.
 * Exit status 1 when anything was wrong.
 */
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdbool.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/resource.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <unistd.h>

#include "ntdump.h"
#include "tree.h"

#define DUMPS_MAX 64
#define DUMP_BYTES_MAX ((off_t)16 << 30) /* most of it holes */
#define PAGE 4096u
#define FILES_MAX 50000u
#define DEPTH_MAX 24u
#define CACHE_BYTES (4u << 20)
#define MEMORY_KIB (1024u << 10) /* sanitizers use several times what the daemon does */
#define RAW_READS 8u

/* Exit statuses of a child. */
enum { FINE = 0, REFUSED = 3, WRONG = 4 };

struct sample {
	const char *path;
	uint8_t *good; /* as it is */
	uint8_t *bad; /* shared mapping of a memfd that the engine reads; never smaller than good */
	size_t len;
	int fd;
	uint32_t *page; /* numbers of the pages that are not all zero */
	size_t pages;
};

static struct sample sample[DUMPS_MAX];
static size_t samples;

/* --- chance ----------------------------------------------------------------------------------- */

struct chance {
	uint64_t state;
};

/* SplitMix64 */
static uint64_t next(struct chance *c)
{
	uint64_t z = c->state += 0x9e3779b97f4a7c15u;

	z = (z ^ z >> 30) * 0xbf58476d1ce4e5b9u;
	z = (z ^ z >> 27) * 0x94d049bb133111ebu;
	return z ^ z >> 31;
}

static uint64_t below(struct chance *c, uint64_t n)
{
	return n ? next(c) % n : 0;
}

/* --- samples ---------------------------------------------------------------------------------- */

static bool fail(const char *path, const char *what)
{
	fprintf(stderr, "soak: %s: %s\n", path, what);
	return false;
}

static bool note_pages(struct sample *s, int fd)
{
	static const uint8_t zero[PAGE];
	off_t at = 0;

	s->page = calloc(s->len / PAGE + 1, sizeof(*s->page));
	if (!s->page)
		return fail(s->path, "out of memory");
	while ((at = lseek(fd, at, SEEK_DATA)) >= 0) {
		off_t end = lseek(fd, at, SEEK_HOLE);

		for (at &= ~(off_t)(PAGE - 1); at < end && at + PAGE <= (off_t)s->len; at += PAGE)
			if (memcmp(s->good + at, zero, PAGE) != 0)
				s->page[s->pages++] = (uint32_t)(at / PAGE);
		at = end;
	}
	return s->pages > 2 || fail(s->path, "nothing in it");
}

static bool load(struct sample *s, const char *path)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC);
	struct stat st;

	s->path = path;
	if (fd < 0 || fstat(fd, &st) != 0)
		return fail(path, strerror(errno));
	if (st.st_size < 3 * (off_t)PAGE || st.st_size > DUMP_BYTES_MAX)
		return fail(path, "too small or too large");
	s->len = (size_t)st.st_size;
	s->good = mmap(NULL, s->len, PROT_READ, MAP_PRIVATE, fd, 0);
	s->fd = memfd_create("dump", MFD_CLOEXEC);
	if (s->good == MAP_FAILED || s->fd < 0 || ftruncate(s->fd, st.st_size) != 0)
		return fail(path, strerror(errno));
	s->bad = mmap(NULL, s->len, PROT_READ | PROT_WRITE, MAP_SHARED, s->fd, 0);
	if (s->bad == MAP_FAILED)
		return fail(path, strerror(errno));
	return note_pages(s, fd) && close(fd) == 0;
}

/* The pages that are there into the file that the engine reads. */
static void mend(struct sample *s)
{
	if (ftruncate(s->fd, 0) != 0 || ftruncate(s->fd, (off_t)s->len) != 0)
		exit(2);
	for (size_t i = 0; i < s->pages; i++)
		memcpy(s->bad + (size_t)s->page[i] * PAGE, s->good + (size_t)s->page[i] * PAGE,
		       PAGE);
	memcpy(s->bad + s->len / PAGE * PAGE, s->good + s->len / PAGE * PAGE, s->len % PAGE);
}

/* --- damage ----------------------------------------------------------------------------------- */

/* A place with something in it; aligned where that is more telling. */
static size_t place(struct sample *s, struct chance *c, size_t bytes)
{
	size_t at = (size_t)s->page[below(c, s->pages)] * PAGE + below(c, PAGE);

	if (below(c, 4) != 0)
		at &= ~(size_t)7;
	return at <= s->len - bytes ? at : s->len - bytes;
}

static void change_word(struct sample *s, struct chance *c)
{
	size_t at = place(s, c, 8), other = place(s, c, 8);
	uint64_t v;

	memcpy(&v, s->bad + at, 8);
	switch (below(c, 10)) {
	case 0:
		v = 0;
		break;
	case 1:
		v = UINT64_MAX;
		break;
	case 2:
		v = next(c);
		break;
	case 3: /* what stands somewhere else: another object, another list */
		memcpy(&v, s->good + other, 8);
		break;
	case 4:
		v += (below(c, 64) - 32) * 8;
		break;
	case 5:
		v ^= (uint64_t)1 << below(c, 64);
		break;
	case 6: /* a count that is too large */
		v = (v & ~(uint64_t)0xffffffff) | (uint32_t)next(c);
		break;
	case 7: /* the neighbour's: lists that loop */
		memcpy(&v, s->good + (at >= 8 ? at - 8 : at), 8);
		break;
	case 8:
		v = 0xffff800000000000u | (next(c) & 0x7fffffffffff);
		break;
	default:
		v = below(c, 0x10000);
		break;
	}
	memcpy(s->bad + at, &v, 8);
}

static void change_byte(struct sample *s, struct chance *c)
{
	size_t at = place(s, c, 1) + below(c, 8);

	if (at < s->len)
		s->bad[at] =
			below(c, 2) ? (uint8_t)next(c) : s->bad[at] ^ (uint8_t)(1u << below(c, 8));
}

/* Headers, bitmaps, run lists: what the first two pages are made of. */
static void change_header(struct sample *s, struct chance *c)
{
	size_t at = below(c, 2 * PAGE - 8) & ~(size_t)3;
	uint32_t v = below(c, 3) ? (uint32_t)next(c) : (uint32_t)below(c, 3) - 1;

	memcpy(s->bad + at, &v, sizeof(v));
}

static void change_page(struct sample *s, struct chance *c)
{
	uint8_t *at = s->bad + (size_t)s->page[below(c, s->pages)] * PAGE;
	const uint8_t *other = s->good + (size_t)s->page[below(c, s->pages)] * PAGE;

	switch (below(c, 4)) {
	case 0:
		memset(at, 0, PAGE);
		break;
	case 1:
		memset(at, (int)below(c, 256), PAGE);
		break;
	case 2:
		memcpy(at, other, PAGE);
		break;
	default:
		for (size_t i = 0; i < PAGE; i += 8) {
			uint64_t v = next(c);

			memcpy(at + i, &v, 8);
		}
		break;
	}
}

/* Break the sample that the seed names. */
static struct sample *damage(uint64_t seed)
{
	struct chance c = { seed * 0x2545f4914f6cdd1du + 1 };
	struct sample *s = &sample[seed % samples];
	uint64_t kind = below(&c, 16), n;

	mend(s);
	if (kind < 6)
		for (n = 1 + below(&c, 64); n > 0; n--)
			change_word(s, &c);
	else if (kind < 9)
		for (n = 1 + below(&c, 4096); n > 0; n--)
			change_word(s, &c);
	else if (kind < 11)
		for (n = 1 + below(&c, 1024); n > 0; n--)
			change_byte(s, &c);
	else if (kind < 13)
		for (n = 1 + below(&c, s->pages / 8); n > 0; n--)
			change_page(s, &c);
	else if (kind < 15)
		for (n = 1 + below(&c, 6); n > 0; n--)
			change_header(s, &c);
	if (kind == 15 || below(&c, 16) == 0)
		if (ftruncate(s->fd, (off_t)below(&c, s->len + PAGE)) != 0)
			exit(2);
	return s;
}

/* --- reading ---------------------------------------------------------------------------------- */

static unsigned files;
static bool cut;	/* the file is shorter than it was: EIO is right then */
static char wrong[512]; /* what was; empty: nothing */

static void complain(struct tree *tree, uint64_t ino, const char *what)
{
	char path[256] = "";

	if (wrong[0])
		return;
	if (tree_path(tree, ino, path, sizeof(path)) != ND_OK)
		snprintf(path, sizeof(path), "inode %#llx", (unsigned long long)ino);
	snprintf(wrong, sizeof(wrong), "%s: %s", path, what);
}

static void read_raw(struct tree *tree, uint64_t ino, const struct node_raw *raw,
		     const struct node_at *at, struct chance *c)
{
	static uint8_t buf[3 * PAGE];
	uint64_t size;

	if (raw->size(at, &size) != ND_OK)
		return;
	if (size >> 63 != 0)
		complain(tree, ino, "a size that no file can have");
	for (unsigned i = 0; i < RAW_READS && size > 0; i++) {
		uint64_t offset = below(c, size), to;
		size_t len = (size_t)below(c, sizeof(buf)) + 1;

		len = len < size - offset ? len : (size_t)(size - offset);
		if (raw->read(at, offset, buf, len) == ND_OK &&
		    raw->seek(at, offset, below(c, 2) != 0, &to) == ND_OK &&
		    (to < offset || to > size))
			complain(tree, ino, "a hole outside of the file");
	}
}

static void read_file(struct tree *tree, const struct tree_child *child, struct chance *c)
{
	struct tree_content content;
	struct tree_attr attr;
	struct node_at at;
	const struct node_raw *raw = tree_raw_of(tree, child->ino, &at);

	files++;
	if (raw) {
		read_raw(tree, child->ino, raw, &at, c);
		return;
	}
	if (tree_attr(tree, child->ino, &attr) != ND_OK ||
	    tree_content_get(tree, child->ino, &content) != ND_OK) {
		if (!cut)
			complain(tree, child->ino, "cannot be read");
		return;
	}
	if (attr.size != content.len)
		complain(tree, child->ino, "not as long as it says");
	if (child->kind == TREE_FILE && content.len > 0 && content.p[content.len - 1] != '\n')
		complain(tree, child->ino, "its last line has no end");
	for (size_t i = 0; i < content.len; i++)
		if (((uint8_t)content.p[i] < ' ' && content.p[i] != '\n' && content.p[i] != '\t') ||
		    content.p[i] == 0x7f)
			complain(tree, child->ino, "a control character");
	tree_content_put(tree, &content);
}

static void read_folder(struct tree *tree, uint64_t dir, unsigned depth, struct chance *c)
{
	struct tree_child child;
	uint64_t cursor = 0, ino;

	while (files < FILES_MAX && tree_next(tree, dir, &cursor, &child) == ND_OK) {
		if (child.name[0] == '\0' || strchr(child.name, '/') ||
		    strcmp(child.name, ".") == 0 || strcmp(child.name, "..") == 0)
			complain(tree, dir, "a name that cannot be");
		else if (tree_lookup(tree, dir, child.name, &ino) == ND_OK && ino != child.ino)
			complain(tree, child.ino, "listed and looked up are not the same");
		if (child.kind != TREE_DIR)
			read_file(tree, &child, c);
		else if (depth < DEPTH_MAX)
			read_folder(tree, child.ino, depth + 1, c);
	}
}

/* In a child: all of the dump at `path`. */
static int read_dump(const char *path, uint64_t seed)
{
	struct tree_options options = { .raw = TREE_RAW_LIST, .cache_bytes = CACHE_BYTES };
	struct chance c = { ~seed };
	struct nd_error err = { "" };
	struct nd_dump *dump;
	struct tree *tree;

	if (nd_dump_open(path, NULL, &dump, &err) != ND_OK) {
		if (err.text[0] == '\0' || strchr(err.text, '\n'))
			snprintf(wrong, sizeof(wrong), "refused without one line that says why");
		return wrong[0] ? WRONG : REFUSED;
	}
	if (tree_new(dump, node_root_rows, &options, &tree) == ND_OK) {
		read_folder(tree, TREE_ROOT_INO, 0, &c);
		tree_free(tree);
	}
	nd_dump_close(dump);
	return wrong[0] ? WRONG : FINE;
}

static int child_main(struct sample *s, uint64_t seed, unsigned seconds)
{
	struct stat st;
	char path[64];
	int status;

	alarm(seconds);
	cut = fstat(s->fd, &st) != 0 || (size_t)st.st_size < s->len;
	snprintf(path, sizeof(path), "/proc/self/fd/%d", s->fd);
	status = read_dump(path, seed);
	if (status == WRONG)
		fprintf(stderr, "soak: seed %llu (%s): %s\n", (unsigned long long)seed, s->path,
			wrong);
	return status;
}

/* --- many of them ----------------------------------------------------------------------------- */

struct totals {
	uint64_t read, refused, wrong;
	double slowest;
	long memory_kib;
};

static void judge(struct totals *t, uint64_t seed, const struct sample *s, int status,
		  const struct rusage *used)
{
	double seconds = (double)(used->ru_utime.tv_sec + used->ru_stime.tv_sec) +
			 (double)(used->ru_utime.tv_usec + used->ru_stime.tv_usec) / 1e6;
	bool ended = WIFEXITED(status);

	if (seconds > t->slowest)
		t->slowest = seconds;
	if (used->ru_maxrss > t->memory_kib)
		t->memory_kib = used->ru_maxrss;
	if (ended && WEXITSTATUS(status) == REFUSED)
		t->refused++;
	else if (ended && WEXITSTATUS(status) == FINE)
		t->read++;
	else
		t->wrong++;
	if (WIFSIGNALED(status))
		fprintf(stderr, "soak: seed %llu (%s): %s\n", (unsigned long long)seed, s->path,
			WTERMSIG(status) == SIGALRM ? "takes too long"
						    : strsignal(WTERMSIG(status)));
	else if (ended && WEXITSTATUS(status) != FINE && WEXITSTATUS(status) != REFUSED &&
		 WEXITSTATUS(status) != WRONG)
		fprintf(stderr, "soak: seed %llu (%s): exit status %d\n", (unsigned long long)seed,
			s->path, WEXITSTATUS(status));
	if (used->ru_maxrss > (long)MEMORY_KIB) {
		fprintf(stderr, "soak: seed %llu (%s): %ld MiB of memory\n",
			(unsigned long long)seed, s->path, used->ru_maxrss >> 10);
		t->wrong++;
	}
}

/* Seeds first, first + step ... below end; the totals go to the pipe. */
static void work(uint64_t first, uint64_t end, uint64_t step, unsigned seconds, int out)
{
	struct totals t = { 0 };

	for (size_t i = 0; i < samples; i++) { /* files of its own */
		size_t len = sample[i].len;

		munmap(sample[i].bad, len);
		sample[i].fd = memfd_create("dump", MFD_CLOEXEC);
		if (sample[i].fd < 0 || ftruncate(sample[i].fd, (off_t)len) != 0)
			exit(2);
		sample[i].bad =
			mmap(NULL, len, PROT_READ | PROT_WRITE, MAP_SHARED, sample[i].fd, 0);
		if (sample[i].bad == MAP_FAILED)
			exit(2);
	}
	for (uint64_t seed = first; seed < end; seed += step) {
		struct sample *s = damage(seed);
		struct rusage used = { 0 };
		int status = 0;
		pid_t pid = fork();

		if (pid < 0)
			exit(2);
		if (pid == 0)
			exit(child_main(s, seed, seconds));
		while (wait4(pid, &status, 0, &used) < 0 && errno == EINTR)
			;
		judge(&t, seed, s, status, &used);
		if ((seed - first) / step % 500 == 499) {
			fprintf(stderr, "soak: seed %llu\n", (unsigned long long)seed);
			fflush(stderr);
		}
	}
	if (write(out, &t, sizeof(t)) != sizeof(t))
		exit(2);
	exit(0);
}

static int soak(uint64_t first, uint64_t count, unsigned jobs, unsigned seconds)
{
	struct totals sum = { 0 }, one;
	int ends[2], failed = 0, status;
	unsigned reports = 0;

	if (pipe(ends) != 0)
		return 2;
	for (unsigned i = 0; i < jobs; i++) {
		pid_t pid = fork();

		if (pid < 0)
			return 2;
		if (pid == 0)
			work(first + i, first + count, jobs, seconds, ends[1]);
	}
	close(ends[1]);
	while (read(ends[0], &one, sizeof(one)) == sizeof(one)) {
		sum.read += one.read;
		sum.refused += one.refused;
		sum.wrong += one.wrong;
		sum.slowest = one.slowest > sum.slowest ? one.slowest : sum.slowest;
		sum.memory_kib = one.memory_kib > sum.memory_kib ? one.memory_kib : sum.memory_kib;
		reports++;
	}
	while (wait(&status) > 0)
		failed |= status;
	printf("%llu dumps: %llu read to the end, %llu refused, %llu wrong; "
	       "the slowest took %.1f s of CPU, the largest %ld MiB\n",
	       (unsigned long long)(sum.read + sum.refused + sum.wrong),
	       (unsigned long long)sum.read, (unsigned long long)sum.refused,
	       (unsigned long long)sum.wrong, sum.slowest, sum.memory_kib >> 10);
	return failed || sum.wrong || reports != jobs || sum.read == 0 ? 1 : 0;
}

static int write_one(uint64_t seed, const char *path)
{
	struct sample *s = damage(seed);
	int fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	struct stat st;
	off_t at = 0;

	if (fd < 0 || fstat(s->fd, &st) != 0)
		return fail(path, strerror(errno)), 2;
	while ((at = lseek(s->fd, at, SEEK_DATA)) >= 0 && at < st.st_size) {
		size_t len = st.st_size - at < (off_t)PAGE ? (size_t)(st.st_size - at) : PAGE;

		if (pwrite(fd, s->bad + at, len, at) != (ssize_t)len)
			return fail(path, strerror(errno)), 2;
		at += (off_t)len;
	}
	if (ftruncate(fd, st.st_size) != 0 || close(fd) != 0)
		return fail(path, strerror(errno)), 2;
	printf("%s\n", s->path);
	return 0;
}

int main(int argc, char **argv)
{
	uint64_t first = 0, count = 1000;
	unsigned jobs = 1, seconds = 60;
	const char *write_to = NULL;
	int i = 1;

	for (; i + 1 < argc && strncmp(argv[i], "--", 2) == 0; i += 2) {
		unsigned long long n = strtoull(argv[i + 1], NULL, 10);

		if (strcmp(argv[i], "--first") == 0)
			first = n;
		else if (strcmp(argv[i], "--count") == 0)
			count = n;
		else if (strcmp(argv[i], "--jobs") == 0)
			jobs = n > 0 && n < 256 ? (unsigned)n : 1;
		else if (strcmp(argv[i], "--seconds") == 0)
			seconds = (unsigned)n;
		else if (strcmp(argv[i], "--write") == 0)
			write_to = argv[i + 1];
		else
			return fail(argv[i], "unknown"), 2;
	}
	for (; i < argc && samples < DUMPS_MAX; i++)
		if (!load(&sample[samples++], argv[i]))
			return 2;
	if (samples == 0)
		return fail("DUMP...", "none"), 2;
	return write_to ? write_one(first, write_to) : soak(first, count, jobs, seconds);
}
