/*
 * tests/unit/test_tree.c - a tree of toy rows: lookup, listing, inode numbers, contents and their
 * cache, what is missing, and many readers at once.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "dump/header.h"
#include "ntdump.h"
#include "tap.h"
#include "tree.h"

/* --- the toy ---------------------------------------------------------------------------------- */

#define PROCESSES 50u
#define THREADS 7u
#define CRASH_FILETIME 130831284826581234u

static atomic_uint rendered[8]; /* how often each of these was made */
enum { NAME, SLOW, BROKEN, NESTED, CIRCLE, BIG };

static enum nd_status render_name(struct text *out, const struct node_at *at)
{
	rendered[NAME]++;
	text_printf(out, "%u/%u\n", at->key[0], at->key[1]);
	return ND_OK;
}

static enum nd_status render_slow(struct text *out, const struct node_at *at)
{
	(void)at;
	rendered[SLOW]++;
	usleep(50000);
	text_str(out, "slow\n");
	return ND_OK;
}

static enum nd_status render_broken(struct text *out, const struct node_at *at)
{
	(void)out;
	(void)at;
	rendered[BROKEN]++;
	return ND_EIO;
}

static enum nd_status render_absent(struct text *out, const struct node_at *at)
{
	struct nd_u64 v = { .st = ND_NOT_IN_DUMP, .at = 0x1000 + at->key[0] };

	text_fact_va(out, "Peb", v);
	return ND_OK;
}

static enum nd_status render_paged_out(struct text *out, const struct node_at *at)
{
	(void)out;
	(void)at;
	return ND_PAGED_OUT;
}

static enum nd_status render_big(struct text *out, const struct node_at *at)
{
	(void)at;
	rendered[BIG]++;
	for (int i = 0; i < 20000; i++)
		text_printf(out, "%09d\n", i);
	return ND_OK;
}

/* Copies another file of the tree. */
static enum nd_status copy_of(struct text *out, const struct node_at *at, const char *name)
{
	struct tree_content content;
	uint64_t ino;
	enum nd_status st = tree_lookup(at->tree, TREE_ROOT_INO, name, &ino);

	if (st == ND_OK)
		st = tree_content_get(at->tree, ino, &content);
	if (st != ND_OK)
		return st;
	text_bytes(out, content.p, content.len);
	tree_content_put(at->tree, &content);
	return ND_OK;
}

static enum nd_status render_nested(struct text *out, const struct node_at *at)
{
	rendered[NESTED]++;
	return copy_of(out, at, "slow");
}

static enum nd_status render_circle_a(struct text *out, const struct node_at *at)
{
	rendered[CIRCLE]++;
	return copy_of(out, at, "circle-b");
}

static enum nd_status render_circle_b(struct text *out, const struct node_at *at)
{
	rendered[CIRCLE]++;
	return copy_of(out, at, "circle-a");
}

static void tell(void *ctx, const char *path, nd_va address, enum nd_status reason)
{
	text_printf(ctx, "%s 0x%x %s\n", path, (unsigned)address, text_reason(reason));
}

static enum nd_status render_missing(struct text *out, const struct node_at *at)
{
	return tree_collect_missing(at->tree, tell, out);
}

static enum nd_status render_link(struct text *out, const struct node_at *at)
{
	(void)at;
	text_str(out, "../../name");
	return ND_OK;
}

static bool is_odd(const struct node_at *at)
{
	return at->key[0] % 2 == 1;
}

static enum nd_status next_number(uint64_t *cursor, unsigned count, unsigned first,
				  struct node_entry *ret)
{
	if (*cursor >= count)
		return ND_ENOENT;
	ret->key = (uint32_t)(*cursor)++;
	snprintf(ret->name, sizeof(ret->name), "%u", first + 4 * ret->key);
	return ND_OK;
}

static enum nd_status next_process(const struct node_at *dir, uint64_t *cursor,
				   struct node_entry *ret)
{
	(void)dir;
	return next_number(cursor, PROCESSES, 4, ret);
}

static enum nd_status find_process(const struct node_at *dir, const char *name,
				   struct node_entry *ret)
{
	char *end;
	unsigned long pid = strtoul(name, &end, 0);

	(void)dir;
	if (*end || pid == 0 || pid % 4 || pid / 4 > PROCESSES)
		return ND_ENOENT;
	ret->key = (uint32_t)(pid / 4 - 1);
	snprintf(ret->name, sizeof(ret->name), "%s", name);
	return ND_OK;
}

static enum nd_status next_thread(const struct node_at *dir, uint64_t *cursor,
				  struct node_entry *ret)
{
	(void)dir;
	return next_number(cursor, THREADS, 1000, ret);
}

static void about_process(const struct node_at *at, struct node_about *ret)
{
	ret->address = 0xffffe00000000000 + at->key[0];
	ret->type = "Process";
	ret->filetime = CRASH_FILETIME - 10000000u * (1 + at->key[0]);
}

static void about_symbols(const struct node_at *at, struct node_about *ret)
{
	(void)at;
	ret->source = "pdb";
}

/* Directory n holds the directories 3n+1 .. 3n+3 up to 39, and one leaf of its own. */
static uint32_t number_of(const struct node_at *dir)
{
	return dir->row->name[0] == '<' ? dir->key[0] : 0;
}

static enum nd_status next_directory(const struct node_at *dir, uint64_t *cursor,
				     struct node_entry *ret)
{
	uint32_t number = 3 * number_of(dir) + 1 + (uint32_t)*cursor;

	if (*cursor >= 3 || number > 39)
		return ND_ENOENT;
	++*cursor;
	ret->key = number;
	snprintf(ret->name, sizeof(ret->name), "dir%u", number);
	return ND_OK;
}

static enum nd_status next_leaf(const struct node_at *dir, uint64_t *cursor, struct node_entry *ret)
{
	if ((*cursor)++ > 0)
		return ND_ENOENT;
	ret->key = number_of(dir);
	snprintf(ret->name, sizeof(ret->name), "leaf");
	return ND_OK;
}

/* Names that a row should not give: they must not reach the kernel. */
static enum nd_status next_hostile(const struct node_at *dir, uint64_t *cursor,
				   struct node_entry *ret)
{
	static const char *const names[] = { "..", "a/b", "", ".", "good" };

	(void)dir;
	if (*cursor >= sizeof(names) / sizeof(names[0]))
		return ND_ENOENT;
	ret->key = (uint32_t)*cursor;
	snprintf(ret->name, sizeof(ret->name), "%s", names[(*cursor)++]);
	return ND_OK;
}

static enum nd_status next_stuck(const struct node_at *dir, uint64_t *cursor,
				 struct node_entry *ret)
{
	(void)dir;
	(void)cursor;
	snprintf(ret->name, sizeof(ret->name), "again");
	return ND_OK;
}

static enum nd_status find_symbol(const struct node_at *dir, const char *name,
				  struct node_entry *ret)
{
	(void)dir;
	if (strcmp(name, "nt!NtClose") != 0)
		return ND_ENOENT;
	ret->key = 77;
	return ND_OK;
}

// clang-format off
static const struct node_row thread_rows[] = {
	{ "name", "", .render = render_name },
	{ "peb",  "", .render = render_absent },
	{ 0 }
};
static const struct node_row threads_rows[] = {
	{ "<tid>", "", .rows = thread_rows, .next = next_thread },
	{ 0 }
};
static const struct node_row process_rows[] = {
	{ "name",    "", .render = render_name },
	{ "threads", "", .rows = threads_rows },
	{ "job",     "", .render = render_link, .exists = is_odd, .flags = NODE_LINK },
	{ "hidden",  "", .render = render_name, .flags = NODE_UNLISTED },
	{ 0 }
};
static const struct node_row proc_rows[] = {
	{ "list",  "", .render = render_name },
	{ "<pid>", "", .rows = process_rows, .next = next_process, .find = find_process, .about = about_process },
	{ 0 }
};
static const struct node_row object_rows[] = {
	{ "kind",   "", .render = render_name },
	{ "<dir>",  "", .rows = object_rows, .next = next_directory },
	{ "<leaf>", "", .render = render_name, .next = next_leaf },
	{ 0 }
};
static const struct node_row hostile_rows[] = {
	{ "<name>", "", .render = render_name, .next = next_hostile },
	{ 0 }
};
static const struct node_row stuck_rows[] = {
	{ "<name>", "", .render = render_name, .next = next_stuck },
	{ 0 }
};
static const struct node_row symbol_rows[] = {
	{ "<symbol>", "", .render = render_name, .find = find_symbol, .about = about_symbols },
	{ 0 }
};
static const struct node_row root_rows[] = {
	{ "proc",     "", .rows = proc_rows },
	{ "object",   "", .rows = object_rows },
	{ "hostile",  "", .rows = hostile_rows },
	{ "symbol",   "", .rows = symbol_rows },
	{ "stuck",    "", .rows = stuck_rows, .flags = NODE_UNLISTED },
	{ "slow",     "", .render = render_slow, .flags = NODE_COSTLY },
	{ "nested",   "", .render = render_nested, .flags = NODE_COSTLY },
	{ "circle-a", "", .render = render_circle_a, .flags = NODE_COSTLY },
	{ "circle-b", "", .render = render_circle_b, .flags = NODE_COSTLY },
	{ "broken",   "", .render = render_broken, .flags = NODE_COSTLY },
	{ "big",      "", .render = render_big, .flags = NODE_COSTLY },
	{ "missing",  "", .render = render_missing, .flags = NODE_COSTLY },
	{ "paged",    "", .render = render_paged_out },
	{ 0 }
};
// clang-format on

static struct nd_header header;
static struct nd_dump dump = { .header = &header };

static struct tree *toy_tree(size_t cache_bytes)
{
	struct tree_options options = { .cache_bytes = cache_bytes, .default_mtime_seconds = 5 };
	struct tree *tree;

	header.system_time = (struct nd_u64){ .value = CRASH_FILETIME };
	if (tree_new(&dump, root_rows, &options, &tree) != ND_OK) {
		puts("Bail out! no tree");
		exit(1);
	}
	return tree;
}

/* --- helpers ---------------------------------------------------------------------------------- */

/* The ino of a path; 0 when there is none. */
static uint64_t walk(struct tree *tree, const char *path)
{
	uint64_t ino = TREE_ROOT_INO;
	char copy[512], *rest = copy, *name;

	snprintf(copy, sizeof(copy), "%s", path);
	while ((name = strsep(&rest, "/")) != NULL)
		if (tree_lookup(tree, ino, name, &ino) != ND_OK)
			return 0;
	return ino;
}

static enum nd_status status_of(struct tree *tree, const char *path)
{
	struct tree_content content;
	enum nd_status st = tree_content_get(tree, walk(tree, path), &content);

	if (st == ND_OK)
		tree_content_put(tree, &content);
	return st;
}

static bool reads(struct tree *tree, const char *path, const char *expected)
{
	struct tree_content content;
	bool same;

	if (tree_content_get(tree, walk(tree, path), &content) != ND_OK)
		return false;
	same = content.len == strlen(expected) && memcmp(content.p, expected, content.len) == 0;
	if (!same)
		printf("# %s is '%.*s'\n", path, (int)content.len, content.p);
	tree_content_put(tree, &content);
	return same;
}

/* All names of a directory, each followed by a blank, and how many. */
static unsigned list(struct tree *tree, const char *path, char *ret, size_t bytes)
{
	uint64_t cursor = 0, ino = *path ? walk(tree, path) : TREE_ROOT_INO;
	struct tree_child child;
	unsigned count = 0;

	ret[0] = '\0';
	for (; tree_next(tree, ino, &cursor, &child) == ND_OK; count++) {
		strncat(ret, child.name, bytes - strlen(ret) - 1);
		strncat(ret, " ", bytes - strlen(ret) - 1);
	}
	return count;
}

/* --- tests ------------------------------------------------------------------------------------ */

static void test_lookup(struct tree *tree)
{
	uint64_t ino;

	ok(walk(tree, "proc/list") != 0, "a static file");
	ok(reads(tree, "proc/8/threads/1004/name", "1/1\n"), "two dynamic levels");
	ok(walk(tree, "proc/0x8/name") == walk(tree, "proc/8/name"), "an alias is the same node");
	ok(walk(tree, "proc/9") == 0, "no such key");
	ok(walk(tree, "proc/<pid>") == 0, "a dynamic row's own name is none");
	ok(walk(tree, "proc/8/job") != 0 && walk(tree, "proc/4/job") == 0, "exists decides");
	ok(walk(tree, "proc/8/hidden") != 0, "an unlisted one is found");
	ok(reads(tree, "symbol/nt!NtClose", "77/0\n"), "a row that only finds");
	ok(tree_lookup(tree, walk(tree, "proc/list"), "x", &ino) == ND_ENOENT,
	   "nothing below a file");
	ok(tree_lookup(tree, UINT64_MAX, "x", &ino) == ND_ENOENT, "nothing below nonsense");
}

static void test_inode_numbers(struct tree *tree)
{
	struct node_at at;

	ok(tree_at(tree, TREE_ROOT_INO, &at) == ND_OK && tree_kind_of(&at) == TREE_DIR, "root");
	ok(tree_at(tree, 0, &at) == ND_ENOENT && tree_at(tree, 2, &at) == ND_ENOENT, "not 0, 2");
	ok(tree_at(tree, walk(tree, "proc") | 1, &at) == ND_ENOENT, "no key where none belongs");
	ok(tree_at(tree, walk(tree, "proc/12/threads/1008/name"), &at) == ND_OK && at.key[0] == 2 &&
		   at.key[1] == 2 && at.tree == tree && at.dump == &dump &&
		   strcmp(at.row->name, "name") == 0,
	   "row, keys, tree and dump come back");
	ok(tree_parent(tree, walk(tree, "proc/12/threads/1008")) == walk(tree, "proc/12/threads") &&
		   tree_parent(tree, walk(tree, "proc/12")) == walk(tree, "proc") &&
		   tree_parent(tree, walk(tree, "proc")) == TREE_ROOT_INO &&
		   tree_parent(tree, TREE_ROOT_INO) == TREE_ROOT_INO,
	   "parents");
}

static void test_listing(struct tree *tree)
{
	uint64_t cursors[PROCESSES + 2] = { 0 }, cursor = 0, dir = walk(tree, "proc");
	struct tree_child child;
	unsigned count = 0, same = 0;
	char names[2000];

	ok(list(tree, "", names, sizeof(names)) == 12 && !strstr(names, "stuck"), "the root");
	ok(list(tree, "proc/4", names, sizeof(names)) == 2 && strcmp(names, "name threads ") == 0,
	   "no job, nothing unlisted: %s", names);
	ok(list(tree, "proc/8", names, sizeof(names)) == 3 && strstr(names, "job"), "with a job");
	ok(list(tree, "proc/8/threads", names, sizeof(names)) == THREADS, "threads");
	ok(list(tree, "hostile", names, sizeof(names)) == 1, "unsound names are left out");
	ok(list(tree, "symbol", names, sizeof(names)) == 0, "what is only found is not listed");
	ok(tree_next(tree, walk(tree, "stuck"), &cursor, &child) == ND_EIO, "a stuck cursor ends");
	cursor = 0;
	while (tree_next(tree, dir, &cursor, &child) == ND_OK)
		cursors[++count] = cursor;
	ok(count == PROCESSES + 1, "list and all processes");
	for (unsigned i = 0; i < count; i++) { /* resuming at any place gives the same next one */
		cursor = cursors[i];
		same += tree_next(tree, dir, &cursor, &child) == ND_OK && cursor == cursors[i + 1];
	}
	ok(same == count && cursors[count] < INT64_MAX / 2, "cursors are stable and positive");
	ok(tree_next(tree, dir, &(uint64_t){ UINT64_MAX }, &child) == ND_ENOENT, "past the end");
	ok(tree_next(tree, walk(tree, "paged"), &(uint64_t){ 0 }, &child) == ND_ENOENT,
	   "a file lists nothing");
}

static void test_directories_in_themselves(struct tree *tree)
{
	char path[512], names[200];

	ok(reads(tree, "object/kind", "0/0\n"), "a file at the top");
	ok(reads(tree, "object/dir2/dir7/dir22/kind", "22/0\n"), "the innermost key counts");
	ok(walk(tree, "object/dir2/dir4") == 0, "not somebody else's directory");
	ok(reads(tree, "object/dir2/dir7/leaf", "7/0\n"), "a leaf");
	ok(list(tree, "object/dir2/dir7", names, sizeof(names)) == 5, "lists %s", names);
	ok(tree_path(tree, walk(tree, "object/dir2/dir7/dir22/kind"), path, sizeof(path)) ==
			   ND_OK &&
		   strcmp(path, "object/dir2/dir7/dir22/kind") == 0,
	   "path of a deep one");
}

static void test_paths(struct tree *tree)
{
	static const char *const paths[] = { "proc", "proc/12/threads/1008/name", "paged",
					     "proc/8/hidden", "object/dir1" };
	char path[512] = "untouched";

	for (unsigned i = 0; i < sizeof(paths) / sizeof(paths[0]); i++)
		ok(tree_path(tree, walk(tree, paths[i]), path, sizeof(path)) == ND_OK &&
			   strcmp(path, paths[i]) == 0,
		   "path %s", paths[i]);
	ok(tree_path(tree, TREE_ROOT_INO, path, sizeof(path)) == ND_OK && path[0] == '\0',
	   "the root's path is empty");
	ok(tree_path(tree, walk(tree, "proc/8/hidden"), path, 8) != ND_OK, "too long a path");
}

static void test_attributes(struct tree *tree)
{
	struct tree_attr attr;
	struct node_about about;

	ok(tree_attr(tree, walk(tree, "proc/8/name"), &attr) == ND_OK && attr.size == 4 &&
		   attr.kind == TREE_FILE && attr.links == 1,
	   "a file's size");
	ok(attr.mtime_seconds == 1438654882 && attr.mtime_nanoseconds == 658123400, "crash time");
	ok(tree_attr(tree, walk(tree, "proc/8"), &attr) == ND_OK && attr.size == 0 &&
		   attr.kind == TREE_DIR && attr.mtime_seconds == 1438654880,
	   "a process's own time");
	ok(tree_attr(tree, walk(tree, "proc/8/job"), &attr) == ND_OK && attr.size == 10 &&
		   attr.kind == TREE_LINK,
	   "a link's size is its target's");
	ok(tree_attr(tree, walk(tree, "broken"), &attr) == ND_EIO, "a failure is handed on");
	ok(tree_about(tree, walk(tree, "proc/8/threads/1000/name"), &about) == ND_OK &&
		   about.address == 0xffffe00000000001 && strcmp(about.type, "Process") == 0 &&
		   !about.source,
	   "address and type come from above");
	ok(tree_about(tree, walk(tree, "symbol/nt!NtClose"), &about) == ND_OK && !about.address &&
		   strcmp(about.source, "pdb") == 0,
	   "source is the node's own");
	ok(tree_about(tree, walk(tree, "paged"), &about) == ND_OK && !about.address && !about.type,
	   "nothing known");
	ok(reads(tree, "paged", "<paged-out>\n"), "a missing status is the whole value");
}

static void test_no_time(void)
{
	struct tree_options options = { .default_mtime_seconds = 5 };
	struct tree_attr attr;
	struct tree *tree;

	header.system_time = (struct nd_u64){ .st = ND_NONE };
	if (tree_new(&dump, root_rows, &options, &tree) != ND_OK)
		return;
	ok(tree_attr(tree, TREE_ROOT_INO, &attr) == ND_OK && attr.mtime_seconds == 5,
	   "without a crash time: the default");
	tree_free(tree);
}

static void test_cache(void)
{
	struct tree *tree = toy_tree(1 << 20);
	struct tree_content first, second;
	char name[32];
	unsigned before;

	before = rendered[NAME];
	reads(tree, "proc/8/name", "1/0\n");
	reads(tree, "proc/8/name", "1/0\n");
	ok(rendered[NAME] == before + 1 && tree_counts(tree).cache_hits == 1, "made once");
	before = rendered[BROKEN];
	ok(status_of(tree, "broken") == ND_EIO && status_of(tree, "broken") == ND_EIO &&
		   rendered[BROKEN] == before + 2,
	   "a failure is not kept");
	tree_free(tree);

	tree = toy_tree(1000);
	before = rendered[NAME];
	for (unsigned i = 1; i <= 40; i++) {
		snprintf(name, sizeof(name), "proc/%u/name", 4 * i);
		status_of(tree, name);
	}
	ok(tree_counts(tree).cache_bytes <= 1000 && tree_counts(tree).cache_evictions > 25,
	   "the bound holds: %llu bytes", (unsigned long long)tree_counts(tree).cache_bytes);
	reads(tree, "proc/160/name", "39/0\n");
	ok(rendered[NAME] == before + 40, "the last one is there");
	reads(tree, "proc/4/name", "0/0\n");
	ok(rendered[NAME] == before + 41, "the first one went");

	before = rendered[BIG];
	ok(tree_content_get(tree, walk(tree, "big"), &first) == ND_OK && first.len == 200000 &&
		   tree_content_get(tree, walk(tree, "big"), &second) == ND_OK &&
		   second.p == first.p,
	   "one beyond the bound is served and shared");
	tree_content_put(tree, &first);
	tree_content_put(tree, &second);
	status_of(tree, "proc/8/name");
	status_of(tree, "big");
	ok(rendered[BIG] == before + 1, "and stays for a while");
	for (unsigned i = 0; i < 5000; i++)
		status_of(tree, "proc/8/name");
	ok(tree_counts(tree).cache_bytes <= 1000, "but not for ever");
	tree_free(tree);
}

static void test_missing(struct tree *tree)
{
	struct tree_content content;
	unsigned lines = 0, slow = rendered[SLOW];
	enum nd_status st = tree_content_get(tree, walk(tree, "missing"), &content);

	ok(st == ND_OK, "collecting what is missing");
	if (st != ND_OK)
		return;
	for (size_t i = 0; i < content.len; i++)
		lines += content.p[i] == '\n';
	ok(lines == PROCESSES * THREADS + 1 && rendered[SLOW] == slow, "%u lines, none costly",
	   lines);
	ok(strncmp(content.p, "proc/4/threads/1000/peb 0x1000 not-in-dump\n", 42) == 0,
	   "path, address, reason: %.42s", content.p);
	ok(memmem(content.p, content.len, "\npaged 0x0 paged-out\n", 21) != NULL,
	   "a whole value that is missing is told");
	tree_content_put(tree, &content);
}

static void test_unsound_tables(void)
{
	// clang-format off
	static const struct node_row both[] = {
		{ "x", "", .rows = thread_rows, .render = render_name },
		{ 0 }
	};
	static const struct node_row third[] = {
		{ "<third>", "", .rows = thread_rows, .next = next_thread },
		{ 0 }
	};
	static const struct node_row second[] = {
		{ "<second>", "", .rows = third, .next = next_thread },
		{ 0 }
	};
	static const struct node_row first[] = {
		{ "<first>", "", .rows = second, .next = next_thread },
		{ 0 }
	};
	static const struct node_row endless[] = {
		{ "x", "", .rows = endless },
		{ 0 }
	};
	// clang-format on
	const struct node_row *const tables[] = { both, first, endless };
	struct tree_options options = { .cache_bytes = 1000 };
	struct tree *tree;

	for (unsigned i = 0; i < 3; i++)
		ok(tree_new(&dump, tables[i], &options, &tree) == ND_EINVAL, "unsound table %u", i);
}

/* --- many readers ----------------------------------------------------------------------------- */

struct reader {
	struct tree *tree;
	pthread_t thread;
	const char *path;
	unsigned wrong;
};

static void *read_one(void *arg)
{
	struct reader *reader = arg;

	reader->wrong = status_of(reader->tree, reader->path) != ND_OK;
	return NULL;
}

static void *read_all(void *arg)
{
	struct reader *reader = arg;
	char path[64], expected[32];

	for (unsigned n = 0; n < 2000; n++) {
		unsigned process = n * 7 % PROCESSES, thread = n % THREADS;

		snprintf(path, sizeof(path), "proc/%u/threads/%u/name", 4 + 4 * process,
			 1000 + 4 * thread);
		snprintf(expected, sizeof(expected), "%u/%u\n", process, thread);
		reader->wrong += !reads(reader->tree, path, expected);
		if (n % 500 == 0)
			reader->wrong += status_of(reader->tree, "big") != ND_OK;
		if (n % 1000 == 0)
			reader->wrong += status_of(reader->tree, "missing") != ND_OK;
	}
	return NULL;
}

/* Run `what` in four threads, thread i on path[i]; the number of wrong answers. */
static unsigned run_readers(struct tree *tree, void *(*what)(void *), const char *const path[4])
{
	struct reader reader[4];
	unsigned wrong = 0;

	for (unsigned i = 0; i < 4; i++) {
		reader[i] = (struct reader){ .tree = tree, .path = path[i] };
		if (pthread_create(&reader[i].thread, NULL, what, &reader[i]) != 0)
			exit(1);
	}
	for (unsigned i = 0; i < 4; i++) {
		pthread_join(reader[i].thread, NULL);
		wrong += reader[i].wrong;
	}
	return wrong;
}

static void test_readers(void)
{
	static const char *const slow[] = { "slow", "slow", "slow", "slow" };
	static const char *const nested[] = { "nested", "slow", "nested", "slow" };
	static const char *const circle[] = { "circle-a", "circle-b", "circle-a", "circle-b" };
	struct tree *tree = toy_tree(1 << 20);
	unsigned before = rendered[SLOW];

	ok(run_readers(tree, read_one, slow) == 0 && rendered[SLOW] == before + 1,
	   "four threads that want one file: made once");
	tree_free(tree);
	tree = toy_tree(1 << 20);
	ok(run_readers(tree, read_one, nested) == 0, "a file made of a file that is being made");
	ok(run_readers(tree, read_one, circle) == 4,
	   "files that need each other end with an error");
	tree_free(tree);
	tree = toy_tree(4000);
	ok(run_readers(tree, read_all, slow) == 0, "four readers, a small cache, right contents");
	ok(tree_counts(tree).cache_evictions > 1000, "and many evictions");
	tree_free(tree);
}

int main(void)
{
	struct tree *tree = toy_tree(1 << 20);

	alarm(120);
	test_lookup(tree);
	test_inode_numbers(tree);
	test_listing(tree);
	test_directories_in_themselves(tree);
	test_paths(tree);
	test_attributes(tree);
	test_missing(tree);
	tree_free(tree);
	test_no_time();
	test_cache();
	test_unsound_tables();
	test_readers();
	return done_testing();
}
