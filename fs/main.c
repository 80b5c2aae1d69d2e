/*
 * fs/main.c - ntdumpfs: options, the dump, the mount, the daemon's life.
 *
 * Whatever can be wrong is found before anything is mounted, and said in one line on stderr.
 */
#include <errno.h>
#include <fcntl.h>
#include <sched.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/vfs.h>
#include <unistd.h>

#include "explain.h"
#include "fuse.h"
#include "ntdump.h"
#include "options.h"
#include "text.h"
#include "tree.h"
#include "watcher.h"

#define FUSE_MAGIC 0x65735546

static const char version[] = "ntdumpfs " NTDUMPFS_VERSION " (tree format 1)\n";

/* What has to be undone at the end, in the order of its making. */
struct daemon {
	struct options options;
	struct stat file; /* the dump's */
	struct nd_dump *dump;
	struct tree *tree;
	struct fs *fs;
	char *fsname;
	char *dir; /* the mount point, absolute */
	struct watcher watcher;
	int stats_fd;
};

/*
 * Nothing inherited but the standard streams: a pipe or a test that waits for the end of a
 * descriptor must not wait for the daemon. And the standard streams are there, so that no file of
 * ours becomes one of them.
 */
static void settle_descriptors(void)
{
	int fd;

	close_range(3, ~0u, 0);
	do
		fd = open("/dev/null", O_RDWR);
	while (fd >= 0 && fd <= 2);
	if (fd > 2)
		close(fd);
}

/* Write a text to a standard stream and release it; nobody can be told when that fails. */
static void say(int fd, struct text *text)
{
	if (text->len > 0 && write(fd, text->p, text->len) < 0)
		errno = 0;
	text_deinit(text);
}

/* "ntdumpfs: FILE: reason", in one line whatever the name holds; file may be NULL. */
static void complain(const char *file, const char *reason)
{
	struct text line;

	text_init(&line);
	text_str(&line, "ntdumpfs: ");
	if (file) {
		text_utf8(&line, file, strlen(file));
		text_str(&line, ": ");
	}
	text_str(&line, reason);
	text_char(&line, '\n');
	say(STDERR_FILENO, &line);
}

static int refuse(const char *file, const char *reason)
{
	complain(file, reason);
	return EXIT_MOUNT;
}

/* A status without a line of its own. */
static const char *reason_of(enum nd_status st)
{
	return st == ND_ENOMEM ? "out of memory" : "internal error";
}

/* A symbol file that was not used, while requests are answered. */
static void tell_refused(void *ctx, const char *line, size_t len)
{
	struct text out;

	(void)ctx;
	text_init(&out);
	text_str(&out, "ntdumpfs: symbols: ");
	text_utf8(&out, line, len);
	text_char(&out, '\n');
	say(STDERR_FILENO, &out);
}

static void tell_about(const struct nd_dump *dump)
{
	struct text out;

	text_init(&out);
	text_printf(&out, "ntdumpfs: container %s, build %u.%u\n", nd_source_container(dump->src),
		    dump->build, dump->revision);
	text_printf(&out, "ntdumpfs: kernel at 0x%016llx, found by %s\n",
		    (unsigned long long)dump->kernel_base,
		    dump->kernel_found ? dump->kernel_found : "-");
	for (const char *line = dump->symbols_tried; line && *line; line += line[0] == '\n') {
		size_t len = strcspn(line, "\n");

		text_str(&out, "ntdumpfs: symbols: ");
		text_utf8(&out, line, len);
		text_char(&out, '\n');
		line += len;
	}
	if (dump->kernel_symbols) {
		text_str(&out, "ntdumpfs: symbols: ");
		text_utf8(&out, dump->kernel_symbols->path, strlen(dump->kernel_symbols->path));
		text_str(&out,
			 dump->kernel_symbols->compiled ? ": used, compiled before\n" : ": used\n");
	}
	say(STDERR_FILENO, &out);
}

/* --symbol-id: one line, "name GUID age kind"; what the file does not say is '-'. */
static int identify(const char *path)
{
	struct nd_error err = { "" };
	struct nd_symfile_id id;
	struct text out;
	char guid[33];
	enum nd_status st = nd_symfile_identify(path, &id, &err);

	if (st != ND_OK) {
		complain(err.text[0] ? NULL : path,
			 err.text[0] ? err.text : "states no GUID and age");
		return EXIT_USAGE;
	}
	text_init(&out);
	nd_guid_text(id.id.guid, guid);
	text_utf8(&out, id.pdb_name[0] ? id.pdb_name : "-",
		  strlen(id.pdb_name[0] ? id.pdb_name : "-"));
	text_printf(&out, " %s %u %s\n", guid, id.id.age,
		    id.kind == ND_SYMFILE_PDB ? "pdb" : "isf");
	say(STDOUT_FILENO, &out);
	return 0;
}

/* --explain and --tree. */
static int tell_of_tree(const char *path)
{
	struct text out;

	text_init(&out);
	if (!path)
		explain_tree(&out);
	else if (explain_path(&out, path) != ND_OK) {
		text_deinit(&out);
		complain(path, "no path of the tree (see ntdumpfs --tree)");
		return EXIT_USAGE;
	}
	say(STDOUT_FILENO, &out);
	return 0;
}

static int open_stats(struct daemon *d)
{
	const char *path = d->options.stats;

	if (!path)
		return 0;
	d->stats_fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0644);
	return d->stats_fd >= 0 ? 0 : refuse(path, strerror(errno));
}

/*
 * The folders with those that are relative made absolute, as symbols may be looked for when the
 * daemon has left its folder. The caller frees it; NULL: no memory, or no current folder.
 */
static char *absolute_folders(const char *folders)
{
	char *cwd = getcwd(NULL, 0);
	struct text out;
	bool more = true;

	text_init(&out);
	text_fail(&out, cwd ? ND_OK : ND_EIO);
	while (more && cwd) {
		size_t part = strcspn(folders, ":");

		if (part > 0 && *folders != '/') {
			text_str(&out, cwd);
			text_char(&out, '/');
		}
		text_bytes(&out, folders, part);
		more = folders[part] == ':';
		text_char(&out, more ? ':' : '\0');
		folders += part + 1;
	}
	free(cwd);
	if (out.failed != ND_OK)
		text_deinit(&out);
	return out.p;
}

static int settle_symbols(struct daemon *d)
{
	char *folders;

	if (!d->options.symbols)
		return 0;
	folders = absolute_folders(d->options.symbols);
	if (!folders)
		return refuse(d->options.symbols, strerror(errno));
	free(d->options.symbols);
	d->options.symbols = folders;
	return 0;
}

static int open_dump(struct daemon *d)
{
	struct nd_open_options options = { .symbols = d->options.symbols,
					   .no_cache = d->options.no_symbol_cache };
	const char *path = d->options.dump;
	struct nd_error err = { "" };
	enum nd_status st;

	if (stat(path, &d->file) != 0)
		return refuse(path, strerror(errno));
	if (S_ISDIR(d->file.st_mode))
		return refuse(path, strerror(EISDIR));
	if (access(path, R_OK) != 0)
		return refuse(path, strerror(errno));
	st = nd_dump_open(path, &options, &d->dump, &err);
	if (st != ND_OK)
		return refuse(path, err.text[0] ? err.text : reason_of(st));
	if (d->options.debug) {
		tell_about(d->dump);
		nd_symstore_tell(d->dump->symbols, tell_refused, NULL);
	}
	d->fsname = d->options.fsname ? strdup(d->options.fsname) : realpath(path, NULL);
	return d->fsname ? 0 : refuse(path, strerror(errno));
}

static int make_tree(struct daemon *d)
{
	static const enum tree_raw raw[] = {
		[RAW_HIDE] = TREE_RAW_HIDE,
		[RAW_LIST] = TREE_RAW_LIST,
		[RAW_OFF] = TREE_RAW_OFF,
	};
	struct tree_options options = {
		.raw = raw[d->options.raw],
		.cache_bytes = d->options.cache_bytes,
		.default_mtime_seconds = d->file.st_mtim.tv_sec,
		.default_mtime_nanoseconds = (uint32_t)d->file.st_mtim.tv_nsec,
	};
	enum nd_status st = tree_new(d->dump, node_root_rows, &options, &d->tree);

	return st == ND_OK ? 0 : refuse(d->options.dump, reason_of(st));
}

/* mount -N: the directory is one of another mount namespace; the dump was one of ours. */
static int enter_namespace(const char *path)
{
	int fd, result = 0;

	if (!path)
		return 0;
	fd = open(path, O_RDONLY | O_CLOEXEC);
	if (fd < 0 || setns(fd, CLONE_NEWNS) != 0)
		result = refuse(path, strerror(errno));
	if (fd >= 0)
		close(fd);
	return result;
}

/* Is `dir` the top of a FUSE filesystem? Mounting over that is most likely a mistake. */
static bool is_fuse_mount(const char *dir, const struct stat *at)
{
	struct statfs fs;
	struct stat above;
	char *parent;
	bool is_top;

	if (statfs(dir, &fs) != 0 || fs.f_type != FUSE_MAGIC || asprintf(&parent, "%s/..", dir) < 0)
		return false;
	is_top = stat(parent, &above) == 0 && above.st_dev != at->st_dev;
	free(parent);
	return is_top;
}

static int check_dir(const char *dir)
{
	struct stat at;

	if (stat(dir, &at) != 0)
		return refuse(dir, strerror(errno));
	if (!S_ISDIR(at.st_mode))
		return refuse(dir, strerror(ENOTDIR));
	if (geteuid() != 0 && access(dir, W_OK) != 0)
		return refuse(dir, "no permission to mount here");
	if (is_fuse_mount(dir, &at))
		return refuse(dir, "already mounted");
	return 0;
}

static void unmount(void *ctx, bool mounted)
{
	watcher_end(ctx, mounted);
}

static int mount_tree(struct daemon *d)
{
	const struct options *o = &d->options;
	struct fs_options options = {
		.fsname = d->fsname,
		.file_bytes = (uint64_t)d->file.st_size,
		.threads = o->threads,
		.uid = o->uid,
		.gid = o->gid,
		.umask = o->umask,
		.stats_fd = d->stats_fd,
		.unmount = unmount,
		.ctx = &d->watcher,
		.allow_other = o->allow_other,
		.allow_root = o->allow_root,
		.auto_unmount = o->auto_unmount,
		.debug = o->debug,
	};
	struct nd_error err = { "" };

	d->dir = realpath(o->dir, NULL);
	if (!d->dir)
		return refuse(o->dir, strerror(errno));
	if (fs_new(d->tree, &options, &d->fs, &err) == ND_OK &&
	    fs_mount(d->fs, d->dir, &err) == ND_OK)
		return 0;
	return err.text[0] ? refuse(o->dir, err.text) : EXIT_MOUNT;
}

static int prepare(struct daemon *d)
{
	struct nd_error err = { "" };
	int code = open_stats(d);

	if (code == 0 && sandbox_check(d->options.sandbox, &err) != ND_OK)
		code = refuse(NULL, err.text);
	if (code == 0)
		code = settle_symbols(d);
	if (code == 0)
		code = open_dump(d);
	if (code == 0)
		code = make_tree(d);
	if (code == 0)
		code = enter_namespace(d->options.mount_namespace);
	if (code == 0)
		code = check_dir(d->options.dir);
	return code;
}

/*
 * Behind the walls the mount cannot be taken away any more: somebody outside does it. No walls without
 * him.
 */
static void wall_in(struct daemon *d, char **argv)
{
	struct text notes;

	if (d->options.sandbox == SANDBOX_OFF)
		return;
	text_init(&notes);
	if (watcher_start(d->dir, argv, &d->watcher) == ND_OK)
		sandbox_enter(d->options.sandbox, d->dump, &notes);
	else
		text_str(&notes, "sandbox: no process for the unmounting\n");
	if (d->options.debug)
		say(STDERR_FILENO, &notes);
	else
		text_deinit(&notes);
}

static int run(struct daemon *d, char **argv)
{
	int code = prepare(d);

	if (code == 0)
		code = mount_tree(d);
	if (code != 0)
		return code;
	if (!d->options.foreground && fs_daemonize(d->fs) != ND_OK)
		return refuse(d->options.dir, "cannot go to the background");
	wall_in(d, argv);
	return fs_loop(d->fs) == ND_OK ? 0 : EXIT_MOUNT;
}

static void daemon_deinit(struct daemon *d)
{
	fs_free(d->fs);
	tree_free(d->tree);
	nd_dump_close(d->dump);
	free(d->fsname);
	free(d->dir);
	if (d->stats_fd >= 0)
		close(d->stats_fd);
	options_deinit(&d->options);
}

int main(int argc, char **argv)
{
	struct daemon d = { .stats_fd = -1, .watcher.fd = -1 };
	struct nd_error err = { "" };
	enum nd_status st;
	int code = 0;

	settle_descriptors();
	st = options_parse(&d.options, argc, argv, &err);
	if (st != ND_OK) {
		complain(NULL, err.text[0] ? err.text : reason_of(st));
		code = EXIT_USAGE;
	} else if (d.options.help || d.options.version) {
		struct text out;

		text_init(&out);
		text_str(&out, d.options.help ? options_usage : version);
		say(STDOUT_FILENO, &out);
	} else if (d.options.symbol_id) {
		code = identify(d.options.symbol_id);
	} else if (d.options.explain || d.options.tree) {
		code = tell_of_tree(d.options.explain);
	} else if (!d.options.nothing) {
		code = run(&d, argv);
	}
	daemon_deinit(&d);
	return code;
}
