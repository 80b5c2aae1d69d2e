/*
 * tests/unit/test_symcache.c - the compiled symbol cache: what comes out is what went in; damaged,
 * stale and foreign files are not used; the folder stays within bounds.
 */
#include "sym/symcache.h"
#include "sym/symstore.h"
#include "sym/symrows.h"

#include <dirent.h>
#include <fcntl.h>
#include <time.h>

#include "symfile_compare.h"
#include "tap.h"

#define TINY "tests/unit/data/tiny.isf.json"

static char folder[64];

static bool same_tables(const struct nd_symfile *a, const struct nd_symfile *b)
{
	bool same = a->public_count == b->public_count && a->type_count == b->type_count &&
		    a->field_count == b->field_count && a->enum_count == b->enum_count &&
		    a->constant_count == b->constant_count;

	for (uint32_t i = 0; same && i < a->public_count; i++)
		same = a->publics[i].rva == b->publics[i].rva &&
		       a->publics[i].flags == b->publics[i].flags &&
		       strcmp(a->publics[i].name, b->publics[i].name) == 0 &&
		       a->by_name[i] == b->by_name[i];
	for (uint32_t i = 0; same && i < a->type_count; i++)
		same = strcmp(a->types[i].name, b->types[i].name) == 0 &&
		       a->types[i].bytes == b->types[i].bytes &&
		       a->types[i].first_field == b->types[i].first_field &&
		       a->types[i].field_count == b->types[i].field_count;
	for (uint32_t i = 0; same && i < a->field_count; i++)
		same = same_field(&a->fields[i], &b->fields[i]);
	for (uint32_t i = 0; same && i < a->enum_count; i++)
		same = strcmp(a->enums[i].name, b->enums[i].name) == 0 &&
		       a->enums[i].first_constant == b->enums[i].first_constant &&
		       a->enums[i].constant_count == b->enums[i].constant_count;
	for (uint32_t i = 0; same && i < a->constant_count; i++)
		same = strcmp(a->constants[i].name, b->constants[i].name) == 0 &&
		       a->constants[i].value == b->constants[i].value;
	return same && a->kind == b->kind && a->id_known && b->id_known &&
	       memcmp(&a->id, &b->id, sizeof(a->id)) == 0 && strcmp(a->path, b->path) == 0;
}

static struct nd_symkey key_of(const struct nd_symfile *file, const char *pdb_name)
{
	return (struct nd_symkey){ .kind = file->kind,
				   .pdb_name = pdb_name,
				   .id = file->id,
				   .path = file->path,
				   .source_bytes = 1234567,
				   .source_seconds = -5,
				   .source_nanoseconds = 999999999 };
}

/* What a block reads as; NULL when it is refused. It lies at the very end of its memory. */
static struct nd_symfile *unpack(const uint8_t *bytes, size_t len, const struct nd_symkey *key)
{
	struct nd_symfile *file = NULL;
	uint8_t *exact = malloc(len + 1);

	memcpy(exact, bytes, len);
	exact = realloc(exact, len > 0 ? len : 1);
	if (nd_sympack_read(exact, len, key, &file) != ND_OK && file != NULL)
		ok(false, "a refused block gives a result");
	free(exact);
	return file;
}

static void test_round_trip(const struct nd_symfile *file, const char *what)
{
	struct nd_symkey key = key_of(file, "ntkrnlmp.pdb");
	struct nd_symfile *again;
	uint8_t *bytes = NULL, *twice = NULL;
	size_t len = 0, twice_len = 0;

	if (!ok(nd_sympack_write(file, &key, &bytes, &len) == ND_OK, "%s is packed", what))
		return;
	again = unpack(bytes, len, &key);
	ok(again != NULL && same_tables(file, again), "and unpacked the same");
	ok(again != NULL && nd_sympack_write(again, &key, &twice, &twice_len) == ND_OK &&
		   twice_len == len && memcmp(bytes, twice, len) == 0,
	   "and packed again to the same bytes");
	nd_symfile_free(again);
	free(bytes);
	free(twice);
}

/* Each byte with each of a few changes, the checksum as it was or made right again. */
static void test_flips(const struct nd_symfile *file, bool repair)
{
	static const uint8_t flips[] = { 0x01, 0x80, 0xff, 0x20 };
	struct nd_symkey key = key_of(file, "a.pdb");
	uint8_t *bytes = NULL;
	size_t len = 0, wrong = 0, read = 0;

	if (nd_sympack_write(file, &key, &bytes, &len) != ND_OK)
		return;
	for (size_t at = 0; at < len; at++) {
		for (size_t i = 0; i < sizeof(flips); i++) {
			struct nd_symfile *got;

			bytes[at] ^= flips[i];
			if (repair) {
				uint64_t sum = nd_sympack_checksum(bytes, len);

				memcpy(bytes + ND_SYMPACK_CHECKSUM_AT, &sum, sizeof(sum));
			}
			got = unpack(bytes, len, &key);
			read += got != NULL;
			wrong += !repair && got != NULL && !same_tables(got, file);
			nd_symfile_free(got);
			bytes[at] ^= flips[i];
		}
	}
	if (repair)
		ok(read > 0, "with a right checksum, too, no byte makes it crash");
	else
		ok(wrong == 0 && read == 0, "with any byte changed it is refused (%zu bytes)", len);
	free(bytes);
}

static void test_cuts(const struct nd_symfile *file)
{
	struct nd_symkey key = key_of(file, "a.pdb");
	size_t len = 0, read = 0;
	uint8_t *bytes = NULL;

	if (nd_sympack_write(file, &key, &bytes, &len) != ND_OK)
		return;
	for (size_t cut = 0; cut < len; cut++) {
		struct nd_symfile *got = unpack(bytes, cut, &key);

		read += got != NULL;
		nd_symfile_free(got);
	}
	ok(read == 0, "cut short anywhere it is refused");
	free(bytes);
}

static bool is_read(const uint8_t *bytes, size_t len, struct nd_symkey key)
{
	struct nd_symfile *got = unpack(bytes, len, &key);

	nd_symfile_free(got);
	return got != NULL;
}

static void test_keys(const struct nd_symfile *file)
{
	struct nd_symkey key = key_of(file, "a.pdb"), other;
	uint8_t *bytes = NULL;
	size_t len = 0;

	if (nd_sympack_write(file, &key, &bytes, &len) != ND_OK)
		return;
	ok(is_read(bytes, len, key), "of the same key");
	other = key, other.pdb_name = "b.pdb";
	ok(!is_read(bytes, len, other), "not of another name");
	other = key, other.path = "elsewhere";
	ok(!is_read(bytes, len, other), "not of another file");
	other = key, other.id.age++;
	ok(!is_read(bytes, len, other), "not of another age");
	other = key, other.id.guid[15]++;
	ok(!is_read(bytes, len, other), "not of another GUID");
	other = key, other.kind = ND_SYMFILE_PDB;
	ok(!is_read(bytes, len, other), "not of another kind");
	other = key, other.source_bytes++;
	ok(!is_read(bytes, len, other), "not when the file's size has changed");
	other = key, other.source_seconds++;
	ok(!is_read(bytes, len, other), "nor its time");
	other = key, other.source_nanoseconds--;
	ok(!is_read(bytes, len, other), "nor the nanoseconds of it");
	free(bytes);
}

/* --- the folder ------------------------------------------------------------------------------- */

/* Files in the cache's folder; *path is the last one's. */
static unsigned count_files(const struct nd_symcache *cache, char path[5000])
{
	DIR *dir = opendir(cache->folder);
	struct dirent *entry;
	unsigned count = 0;

	while (dir != NULL && (entry = readdir(dir)) != NULL)
		if (entry->d_name[0] != '.') {
			snprintf(path, 5000, "%s/%s", cache->folder, entry->d_name);
			count++;
		}
	if (dir != NULL)
		closedir(dir);
	return count;
}

static bool is_cached(const struct nd_symcache *cache, const struct nd_symkey *key,
		      const char **why)
{
	struct nd_symfile *file = NULL;
	enum nd_status st = nd_symcache_load(cache, key, &file, why);

	nd_symfile_free(file);
	return st == ND_OK;
}

static void test_folder(const struct nd_symfile *file)
{
	struct nd_symkey key = key_of(file, "a.pdb");
	struct nd_symcache cache;
	char path[5000] = "";
	const char *why = NULL;
	struct stat st;

	nd_symcache_init(&cache);
	ok(!is_cached(&cache, &key, &why) && why == NULL, "nothing is there at first");
	nd_symcache_store(&cache, &key, file);
	ok(count_files(&cache, path) == 1 && stat(path, &st) == 0 && (st.st_mode & 0777) == 0600,
	   "one file is written, for its owner only");
	ok(is_cached(&cache, &key, &why) && why == NULL, "and read");
	chmod(path, 0620);
	ok(!is_cached(&cache, &key, &why) && why != NULL && strstr(why, "others may write") != NULL,
	   "not when others may write to it");
	chmod(path, 0600);
	chmod(cache.folder, 0777);
	ok(!is_cached(&cache, &key, &why) && why != NULL, "nor when they may write to the folder");
	chmod(cache.folder, 0700);
	if (geteuid() == 0) {
		if (chown(path, 1, 1) == 0)
			ok(!is_cached(&cache, &key, &why) && why != NULL &&
				   strstr(why, "another user") != NULL,
			   "nor when it is another user's");
		if (chown(path, 0, 0) != 0)
			diag("chown");
	} else {
		skip("needs root");
	}
	ok(is_cached(&cache, &key, &why), "and again when all is well");
	unlink(path);
	ok(symlink("/dev/zero", path) == 0 && !is_cached(&cache, &key, &why), "a link is not read");
	nd_symcache_store(&cache, &key, file);
	ok(is_cached(&cache, &key, &why), "but replaced");
}

static void test_bounds(const struct nd_symfile *file)
{
	struct nd_symkey key = key_of(file, "a.pdb");
	struct nd_symcache cache;
	const char *why = NULL;
	char path[5000] = "";
	struct stat st;

	nd_symcache_init(&cache);
	if (count_files(&cache, path) != 1 || stat(path, &st) != 0)
		return;
	cache.max_bytes = 3 * (uint64_t)st.st_size + 100;
	for (uint32_t i = 1; i <= 5; i++) {
		struct timespec pause = { 0, 20000000 };

		key.id.age = i;
		nd_symcache_store(&cache, &key, file);
		nanosleep(&pause, NULL);
	}
	ok(count_files(&cache, path) == 3, "no more than fits");
	key.id.age = 5;
	ok(is_cached(&cache, &key, &why), "the newest stays");
	key.id.age = 2;
	ok(!is_cached(&cache, &key, &why), "the oldest goes");
	cache.max_bytes = 100;
	key.id.age = 9;
	nd_symcache_store(&cache, &key, file);
	ok(!is_cached(&cache, &key, &why), "what is larger than the whole is not kept");
}

static void test_no_folder(const struct nd_symfile *file)
{
	static const char *const places[] = { "/dev/null", "/proc", "", "relative" };
	struct nd_symkey key = key_of(file, "a.pdb");
	struct nd_symcache cache;
	const char *why = NULL;

	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		setenv("XDG_CACHE_HOME", places[i], 1);
		unsetenv("HOME");
		nd_symcache_init(&cache);
		nd_symcache_store(&cache, &key, file);
		ok(!is_cached(&cache, &key, &why) && why == NULL, "no cache in '%s', silently",
		   places[i]);
	}
	setenv("XDG_CACHE_HOME", folder, 1);
}

/* --- as a dump uses it ------------------------------------------------------------------------ */

static const struct nd_symfile *get(struct nd_symstore *store, const struct nd_guid_age *id)
{
	const struct nd_symfile *file = NULL;

	return nd_symstore_get(store, "ntkrnlmp.pdb", id, &file, NULL) == ND_OK ? file : NULL;
}

/* A store of its own each time: 'c' compiled, 'r' read, '-' none. */
static char used(const char *search, const struct nd_guid_age *id, bool use_cache)
{
	struct nd_symstore *store;
	const struct nd_symfile *file;
	char ret = '-';

	if (nd_symstore_new(search, use_cache, &store) != ND_OK)
		return '!';
	file = get(store, id);
	if (file != NULL)
		ret = file->compiled ? 'c' : 'r';
	if (file != get(store, id))
		ret = '2';
	nd_symstore_free(store);
	return ret;
}

static void test_store(const struct nd_symfile *file)
{
	struct nd_guid_age id = file->id;
	struct timespec times[2] = { { 1, 0 }, { 2, 3 } };
	char search[200], path[300];
	size_t len = 0;
	char *json = get_file(TINY, &len);

	snprintf(search, sizeof(search), "%s/symbols", folder);
	snprintf(path, sizeof(path), "%s/loose.json", search);
	put_file(path, json, len);
	ok(used(search, &id, false) == 'r' && used(search, &id, false) == 'r',
	   "without the cache it is read each time");
	ok(used(search, &id, true) == 'r' && used(search, &id, true) == 'c',
	   "with it only the first time");
	json[len++] = '\n';
	put_file(path, json, len);
	ok(used(search, &id, true) == 'r' && used(search, &id, true) == 'c',
	   "another size: read again");
	utimensat(AT_FDCWD, path, times, 0);
	ok(used(search, &id, true) == 'r' && used(search, &id, true) == 'c',
	   "another time: read again");
	unlink(path);
	ok(used(search, &id, true) == '-', "without the symbol file its compiled form is none");
	id.age++;
	ok(used(search, &id, true) == '-', "nor is it one of another age");
	free(json);
}

/* --- speed, where a real kernel's symbols are at hand ------------------------------------------- */

static double milliseconds(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void test_real(const char *path)
{
	struct nd_symfile *file = NULL, *again = NULL;
	struct nd_symcache cache;
	struct nd_symkey key;
	struct nd_error err;
	const char *why;
	double best = 1e9, from, stored;

	if (nd_symfile_identify(path, &(struct nd_symfile_id){ 0 }, &err) != ND_OK ||
	    (nd_pdb_read(path, &file, &err) != ND_OK && nd_isf_read(path, &file, &err) != ND_OK)) {
		ok(false, "%s", err.text);
		return;
	}
	test_round_trip(file, path);
	key = key_of(file, "ntkrnlmp.pdb");
	nd_symcache_init(&cache);
	from = milliseconds();
	nd_symcache_store(&cache, &key, file);
	stored = milliseconds() - from;
	for (int i = 0; i < 10; i++) {
		from = milliseconds();
		if (nd_symcache_load(&cache, &key, &again, &why) != ND_OK)
			break;
		from = milliseconds() - from;
		best = from < best ? from : best;
		nd_symfile_free(again);
	}
	diag("%u symbols, %u types, %u members: stored in %.1f ms, loaded in %.2f ms",
	     file->public_count, file->type_count, file->field_count, stored, best);
	nd_symfile_free(file);
}

int main(int argc, char **argv)
{
	struct nd_symfile *file = NULL, *pdb = NULL;
	struct nd_error err = { "" };
	char path[300], command[700];

	if (!begin_folder(folder) || nd_isf_read(TINY, &file, &err) != ND_OK) {
		ok(false, "cannot begin: %s", err.text);
		return done_testing();
	}
	test_round_trip(file, "an ISF file");
	snprintf(path, sizeof(path), "%s/small.pdb", folder);
	snprintf(command, sizeof(command), "python3 tests/fixtures/pdb.py '%s'", path);
	if (ok(system(command) == 0 && nd_pdb_read(path, &pdb, &err) == ND_OK, "a PDB %s",
	       err.text))
		test_round_trip(pdb, "a PDB");
	nd_symfile_free(pdb);
	test_flips(file, false);
	test_flips(file, true);
	test_cuts(file);
	test_keys(file);
	test_folder(file);
	test_bounds(file);
	test_no_folder(file);
	test_store(file);
	for (int i = 1; i < argc; i++)
		test_real(argv[i]);
	nd_symfile_free(file);
	remove_folder(folder);
	return done_testing();
}
