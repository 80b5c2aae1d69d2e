/*
 * engine/sym/symcache.c - the folder of compiled symbol files: whom it must belong to, finding,
 * writing and bounding it. What is in a file is sympack.c's.
 */
#include "sym/symcache.h"

#include <dirent.h>
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#define SUFFIX ".symcache"
#define PART_SUFFIX ".part"
#define PART_SECONDS 3600  /* a file that was not finished by then never will be */
#define MAX_ENTRIES 65536u /* entries of the folder that are looked at */

bool nd_symcache_home(char ret[PATH_MAX])
{
	const char *cache = getenv("XDG_CACHE_HOME");
	const char *home = getenv("HOME");
	int n = -1;

	if (cache != NULL && cache[0] == '/')
		n = snprintf(ret, PATH_MAX, "%s/ntdumpfs", cache);
	else if (home != NULL && home[0] == '/')
		n = snprintf(ret, PATH_MAX, "%s/.cache/ntdumpfs", home);
	return n > 0 && n < PATH_MAX;
}

void nd_symcache_init(struct nd_symcache *cache)
{
	char home[PATH_MAX];
	int n;

	cache->max_bytes = ND_SYMCACHE_MAX_BYTES;
	cache->folder[0] = '\0';
	if (!nd_symcache_home(home))
		return;
	n = snprintf(cache->folder, sizeof(cache->folder), "%s/compiled", home);
	if (n < 0 || (size_t)n >= sizeof(cache->folder))
		cache->folder[0] = '\0';
}

/* Ours alone: nobody else may have written there. */
static const char *why_not_trusted(const struct stat *st)
{
	if (st->st_uid != geteuid())
		return "belongs to another user: not used";
	return (st->st_mode & (S_IWGRP | S_IWOTH)) != 0 ? "others may write to it: not used" : NULL;
}

/* The folder, when it is there and ours; else -1 and perhaps *why. */
static int open_folder(const struct nd_symcache *cache, const char **why)
{
	struct stat st;
	int fd;

	if (cache->folder[0] == '\0')
		return -1;
	fd = open(cache->folder, O_RDONLY | O_DIRECTORY | O_NOFOLLOW | O_CLOEXEC);
	if (fd < 0)
		return -1;
	*why = fstat(fd, &st) == 0 ? why_not_trusted(&st) : strerror(errno);
	if (*why == NULL)
		return fd;
	close(fd);
	return -1;
}

static void file_name(const struct nd_symkey *key, char ret[NAME_MAX + 1])
{
	char guid[33];

	nd_guid_text(key->id.guid, guid);
	(void)snprintf(ret, NAME_MAX + 1, "%.64s-%s%X-%s" SUFFIX, key->pdb_name, guid, key->id.age,
		       key->kind == ND_SYMFILE_PDB ? "pdb" : "isf");
}

static bool read_all(int fd, uint8_t *to, size_t len)
{
	while (len > 0) {
		ssize_t n = read(fd, to, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		to += n;
		len -= (size_t)n;
	}
	return true;
}

static bool write_all(int fd, const uint8_t *from, size_t len)
{
	while (len > 0) {
		ssize_t n = write(fd, from, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0)
			return false;
		from += n;
		len -= (size_t)n;
	}
	return true;
}

static enum nd_status load(int fd, const struct nd_symkey *key, struct nd_symfile **ret,
			   const char **why)
{
	struct stat st;
	uint8_t *bytes;
	enum nd_status result = ND_ENOENT;

	if (fstat(fd, &st) != 0 || !S_ISREG(st.st_mode) || st.st_size < ND_SYMPACK_HEADER_BYTES ||
	    st.st_size > ND_SYMPACK_MAX_BYTES)
		return ND_ENOENT;
	*why = why_not_trusted(&st);
	if (*why != NULL)
		return ND_ENOENT;
	bytes = malloc((size_t)st.st_size);
	if (bytes == NULL)
		return ND_ENOMEM;
	if (read_all(fd, bytes, (size_t)st.st_size))
		result = nd_sympack_read(bytes, (size_t)st.st_size, key, ret);
	free(bytes);
	return result == ND_EFORMAT ? ND_ENOENT : result;
}

enum nd_status nd_symcache_load(const struct nd_symcache *cache, const struct nd_symkey *key,
				struct nd_symfile **ret, const char **why)
{
	char name[NAME_MAX + 1];
	enum nd_status st = ND_ENOENT;
	int folder, fd;

	*why = NULL;
	folder = open_folder(cache, why);
	if (folder < 0)
		return ND_ENOENT;
	file_name(key, name);
	fd = openat(folder, name, O_RDONLY | O_NOFOLLOW | O_NONBLOCK | O_NOCTTY | O_CLOEXEC);
	if (fd >= 0) {
		st = load(fd, key, ret, why);
		close(fd);
	}
	close(folder);
	return st;
}

/* --- writing ---------------------------------------------------------------------------------- */

/* The first `len` bytes of a path. */
static void cut(char ret[PATH_MAX], const char *path, size_t len)
{
	memcpy(ret, path, len);
	ret[len] = '\0';
}

/*
 * mkdir -p of at most the last three folders (.cache, ntdumpfs, compiled), when what is there already
 * is ours: root's files do not belong in a user's home.
 */
static void make_folders(const char *path)
{
	char part[PATH_MAX];
	size_t end[4] = { strlen(path) };
	unsigned missing = 0;
	struct stat st;

	for (;; missing++) {
		size_t len = end[missing];

		cut(part, path, len);
		if (stat(part, &st) == 0)
			break;
		while (len > 0 && path[len - 1] != '/')
			len--;
		if (missing == 3 || len < 2)
			return;
		end[missing + 1] = len - 1;
	}
	while (missing-- > 0 && st.st_uid == geteuid()) {
		cut(part, path, end[missing]);
		if (mkdir(part, 0700) != 0)
			return;
	}
}

bool nd_symcache_prepare(const struct nd_symcache *cache)
{
	if (cache->folder[0] == '\0')
		return false;
	make_folders(cache->folder);
	return access(cache->folder, F_OK) == 0;
}

struct entry {
	struct timespec time;
	uint64_t bytes;
	char *name;
};

static int compare_entries(const void *a, const void *b)
{
	const struct entry *x = a, *y = b;

	if (x->time.tv_sec != y->time.tv_sec)
		return x->time.tv_sec < y->time.tv_sec ? -1 : 1;
	return (x->time.tv_nsec > y->time.tv_nsec) - (x->time.tv_nsec < y->time.tv_nsec);
}

static bool ends_with(const char *name, const char *suffix)
{
	size_t len = strlen(name), suffix_len = strlen(suffix);

	return len > suffix_len && strcmp(name + len - suffix_len, suffix) == 0;
}

/* Note one entry of the folder; what was left half-written long ago is removed. */
static bool add_entry(int folder, const char *name, struct entry *ret)
{
	struct stat st;

	if (!ends_with(name, SUFFIX) && !ends_with(name, PART_SUFFIX))
		return false;
	if (fstatat(folder, name, &st, AT_SYMLINK_NOFOLLOW) != 0 || !S_ISREG(st.st_mode))
		return false;
	if (ends_with(name, PART_SUFFIX)) {
		if (time(NULL) - st.st_mtime > PART_SECONDS)
			unlinkat(folder, name, 0);
		return false;
	}
	*ret = (struct entry){ st.st_mtim, (uint64_t)st.st_size, strdup(name) };
	return ret->name != NULL;
}

static uint32_t list_entries(int folder, struct entry **ret)
{
	uint32_t count = 0, room = 0, looked_at = 0;
	int copy = openat(folder, ".", O_RDONLY | O_DIRECTORY | O_CLOEXEC);
	DIR *dir = copy < 0 ? NULL : fdopendir(copy);
	struct dirent *d;

	if (dir == NULL && copy >= 0)
		close(copy);
	while (dir != NULL && looked_at++ < MAX_ENTRIES && (d = readdir(dir)) != NULL) {
		if (count == room) {
			struct entry *more = reallocarray(*ret, room * 2 + 64, sizeof(**ret));

			if (more == NULL)
				break;
			*ret = more;
			room = room * 2 + 64;
		}
		count += add_entry(folder, d->d_name, &(*ret)[count]);
	}
	if (dir != NULL)
		closedir(dir);
	return count;
}

/* Remove the oldest files until the rest is within bounds. */
static void bound_folder(int folder, uint64_t max_bytes)
{
	struct entry *entries = NULL;
	uint32_t count = list_entries(folder, &entries);
	uint64_t total = 0;

	for (uint32_t i = 0; i < count; i++)
		total += entries[i].bytes;
	if (count > 1)
		qsort(entries, count, sizeof(*entries), compare_entries);
	for (uint32_t i = 0; i < count; i++) {
		if (total > max_bytes && unlinkat(folder, entries[i].name, 0) == 0)
			total -= entries[i].bytes;
		free(entries[i].name);
	}
	free(entries);
}

/* Under a name of its own first, then in one step under the right one. */
static void write_file(int folder, const char *name, const uint8_t *bytes, size_t len)
{
	char part[64];
	struct timespec now;
	bool fine;
	int fd;

	clock_gettime(CLOCK_REALTIME, &now);
	(void)snprintf(part, sizeof(part), "%ld-%lld-%ld" PART_SUFFIX, (long)getpid(),
		       (long long)now.tv_sec, now.tv_nsec);
	fd = openat(folder, part, O_WRONLY | O_CREAT | O_EXCL | O_NOFOLLOW | O_CLOEXEC, 0600);
	if (fd < 0)
		return;
	fine = write_all(fd, bytes, len);
	fine = close(fd) == 0 && fine;
	if (!fine || renameat(folder, part, folder, name) != 0)
		unlinkat(folder, part, 0);
}

void nd_symcache_store(const struct nd_symcache *cache, const struct nd_symkey *key,
		       const struct nd_symfile *file)
{
	char name[NAME_MAX + 1];
	const char *why = NULL;
	uint8_t *bytes = NULL;
	size_t len = 0;
	int folder;

	if (cache->folder[0] == '\0')
		return;
	make_folders(cache->folder);
	folder = open_folder(cache, &why);
	if (folder < 0)
		return;
	if (faccessat(folder, ".", W_OK, AT_EACCESS) == 0 &&
	    nd_sympack_write(file, key, &bytes, &len) == ND_OK && len <= cache->max_bytes) {
		file_name(key, name);
		write_file(folder, name, bytes, len);
		bound_folder(folder, cache->max_bytes);
	}
	free(bytes);
	close(folder);
}
