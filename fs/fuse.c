/*
 * fs/fuse.c - the low-level FUSE operations; the only file that knows libfuse.
 *
 * The dump never changes. So the kernel is told to keep everything for ever: entries, attributes,
 * names that do not exist, directories, contents. open and opendir are refused with ENOSYS, which
 * makes the kernel stop asking and do without; there is no per-open state and a node is found
 * again from its inode number alone, so that forget has nothing to do.
 */
#define FUSE_USE_VERSION FUSE_MAKE_VERSION(3, 14)

#include "fuse.h"

#include <errno.h>
#include <fuse_lowlevel.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdatomic.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "push.h"
#include "readahead.h"
#include "stats.h"
#include "text.h"
#include "tree.h"
#include "xattr.h"

#define FOR_EVER 1e9 /* seconds: 31 years */
#define BLOCK_BYTES 4096u
#define REPLY_BYTES_MAX (1u << 20) /* of one reply */
#define DOTS 2			   /* offsets of "." and "..", before those of the tree */

struct fs {
	struct tree *tree;
	struct fs_options options;
	struct fuse_session *session;
	struct push *push; /* NULL: nothing is pushed */
	bool mounted;
	bool no_open, no_opendir; /* the kernel can do without */
	atomic_int readahead;	  /* the knob until it has been turned; -1: none */
};

/* For the SIGUSR1 handler and the log function, which get no argument. */
static struct fs *the_fs;
static char log_line[200];

static struct fs *fs_of(fuse_req_t req)
{
	return fuse_req_userdata(req);
}

/* The one place where an outcome becomes an errno. */
static int errno_of(enum nd_status st)
{
	switch (st) {
	case ND_OK:
		return 0;
	case ND_ENOENT:
		return ENOENT;
	case ND_ENOMEM:
		return ENOMEM;
	case ND_EINVAL:
		return EINVAL;
	default:
		return EIO;
	}
}

/* --- attributes ------------------------------------------------------------------------------- */

static mode_t mode_of(const struct fs *fs, enum tree_kind kind)
{
	switch (kind) {
	case TREE_DIR:
		return S_IFDIR | (0555 & ~fs->options.umask);
	case TREE_LINK:
		return S_IFLNK | 0777;
	default:
		return S_IFREG | (0444 & ~fs->options.umask);
	}
}

static enum nd_status stat_of(struct fs *fs, fuse_ino_t ino, struct stat *ret)
{
	struct tree_attr attr;
	enum nd_status st = tree_attr(fs->tree, ino, &attr);

	if (st != ND_OK)
		return st;
	*ret = (struct stat){
		.st_ino = ino,
		.st_mode = mode_of(fs, attr.kind),
		.st_nlink = attr.links,
		.st_uid = fs->options.uid,
		.st_gid = fs->options.gid,
		.st_size = (off_t)attr.size,
		.st_blksize = BLOCK_BYTES,
		.st_blocks = (blkcnt_t)((attr.stored + 511) / 512),
		.st_mtim = { .tv_sec = attr.mtime_seconds, .tv_nsec = attr.mtime_nanoseconds },
	};
	ret->st_atim = ret->st_mtim;
	ret->st_ctim = ret->st_mtim;
	return ND_OK;
}

static enum nd_status entry_of(struct fs *fs, fuse_ino_t ino, struct fuse_entry_param *ret)
{
	*ret = (struct fuse_entry_param){
		.ino = ino,
		.attr_timeout = FOR_EVER,
		.entry_timeout = FOR_EVER,
	};
	return stat_of(fs, ino, &ret->attr);
}

/*
 * At the first request, when the connection stands: what the kernel reads ahead of a file is settled
 * when it is opened.
 */
static void ask_for_more(struct fs *fs)
{
	int fd;

	if (atomic_load_explicit(&fs->readahead, memory_order_relaxed) < 0)
		return;
	fd = atomic_exchange(&fs->readahead, -1);
	if (fd < 0)
		return;
	readahead_raise(fd);
	close(fd);
}

static void op_lookup(fuse_req_t req, fuse_ino_t parent, const char *name)
{
	struct fs *fs = fs_of(req);
	struct fuse_entry_param entry = { .entry_timeout = FOR_EVER };
	uint64_t ino;
	enum nd_status st;

	ask_for_more(fs_of(req));
	stats_count(STAT_LOOKUP);
	if (strlen(name) > NODE_NAME_MAX) {
		fuse_reply_err(req, ENAMETOOLONG);
		return;
	}
	st = tree_lookup(fs->tree, parent, name, &ino);
	if (st == ND_OK)
		st = entry_of(fs, ino, &entry);
	else if (st == ND_ENOENT)
		st = ND_OK; /* with ino 0: the kernel remembers that there is none */
	if (st == ND_OK)
		fuse_reply_entry(req, &entry);
	else
		fuse_reply_err(req, errno_of(st));
}

static void op_forget(fuse_req_t req, fuse_ino_t ino, uint64_t nlookup)
{
	(void)ino;
	(void)nlookup;
	stats_count(STAT_FORGET);
	fuse_reply_none(req);
}

static void op_forget_multi(fuse_req_t req, size_t count, struct fuse_forget_data *forgets)
{
	(void)count;
	(void)forgets;
	stats_count(STAT_FORGET);
	fuse_reply_none(req);
}

static void op_getattr(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	struct stat stat;
	enum nd_status st;

	(void)fi;
	stats_count(STAT_GETATTR);
	st = stat_of(fs_of(req), ino, &stat);
	if (st == ND_OK)
		fuse_reply_attr(req, &stat, FOR_EVER);
	else
		fuse_reply_err(req, errno_of(st));
}

static void op_statfs(fuse_req_t req, fuse_ino_t ino)
{
	const struct fs *fs = fs_of(req);
	struct statvfs statvfs = {
		.f_bsize = BLOCK_BYTES,
		.f_frsize = BLOCK_BYTES,
		.f_blocks = fs->options.file_bytes / BLOCK_BYTES + 1, /* df hides 0 */
		.f_namemax = NODE_NAME_MAX,
	};

	(void)ino;
	stats_count(STAT_STATFS);
	fuse_reply_statfs(req, &statvfs);
}

/* --- contents --------------------------------------------------------------------------------- */

static void op_readlink(fuse_req_t req, fuse_ino_t ino)
{
	struct fs *fs = fs_of(req);
	struct tree_content content;
	char target[PATH_MAX];
	enum nd_status st;

	stats_count(STAT_READLINK);
	st = tree_content_get(fs->tree, ino, &content);
	if (st != ND_OK) {
		fuse_reply_err(req, errno_of(st));
		return;
	}
	if (content.len == 0 || content.len >= sizeof(target)) {
		fuse_reply_err(req, EIO);
	} else {
		memcpy(target, content.p, content.len);
		target[content.len] = '\0';
		fuse_reply_readlink(req, target);
	}
	tree_content_put(fs->tree, &content);
}

static void op_open(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	stats_count(STAT_OPEN);
	fi->keep_cache = 1;
	fi->noflush = 1;
	if (fs_of(req)->no_open)
		fuse_reply_err(req, ENOSYS);
	else
		fuse_reply_open(req, fi);
}

/* A piece of a file that is not kept in the cache of contents. */
static void reply_raw(fuse_req_t req, const struct node_raw *raw, const struct node_at *at,
		      uint64_t offset, size_t len)
{
	uint64_t size;
	uint8_t *buf = NULL;
	enum nd_status st = raw->size(at, &size);

	if (st == ND_OK) {
		uint64_t rest = offset < size ? size - offset : 0;

		len = len < REPLY_BYTES_MAX ? len : REPLY_BYTES_MAX;
		len = len < rest ? len : (size_t)rest;
		buf = malloc(len + 1);
		st = buf ? ND_OK : ND_ENOMEM;
	}
	if (st == ND_OK && len > 0)
		st = raw->read(at, offset, buf, len);
	if (st == ND_OK)
		fuse_reply_buf(req, (const char *)buf, len);
	else
		fuse_reply_err(req, errno_of(st));
	free(buf);
}

static void op_read(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		    struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	struct tree_content content;
	const struct node_raw *raw;
	struct node_at at;
	enum nd_status st;

	(void)fi;
	stats_count(STAT_READ);
	raw = tree_raw_of(fs->tree, ino, &at);
	if (raw) {
		reply_raw(req, raw, &at, offset < 0 ? UINT64_MAX : (uint64_t)offset, size);
		return;
	}
	st = tree_content_get(fs->tree, ino, &content);
	if (st != ND_OK) {
		fuse_reply_err(req, errno_of(st));
		return;
	}
	if (offset < 0 || (uint64_t)offset >= content.len) {
		fuse_reply_buf(req, NULL, 0);
	} else {
		size_t rest = content.len - (size_t)offset;

		fuse_reply_buf(req, content.p + offset, size < rest ? size : rest);
	}
	tree_content_put(fs->tree, &content);
	if (offset == 0)
		push_note_read(fs->push, ino);
}

/* SEEK_DATA and SEEK_HOLE; other files than raw ones are data from end to end. */
static void op_lseek(fuse_req_t req, fuse_ino_t ino, off_t offset, int whence,
		     struct fuse_file_info *fi)
{
	struct fs *fs = fs_of(req);
	bool hole = whence == SEEK_HOLE;
	struct tree_attr attr;
	struct node_at at;
	const struct node_raw *raw;
	uint64_t to = 0;
	enum nd_status st;

	(void)fi;
	stats_count(STAT_LSEEK);
	st = tree_attr(fs->tree, ino, &attr);
	if (st == ND_OK && (offset < 0 || (uint64_t)offset >= attr.size))
		st = ND_ENOENT;
	raw = tree_raw_of(fs->tree, ino, &at);
	if (st == ND_OK && raw)
		st = raw->seek(&at, (uint64_t)offset, hole, &to);
	else if (st == ND_OK)
		to = hole ? attr.size : (uint64_t)offset;
	if (st == ND_OK)
		fuse_reply_lseek(req, (off_t)to);
	else
		fuse_reply_err(req, st == ND_ENOENT ? ENXIO : errno_of(st));
}

static void op_release(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	(void)fi;
	stats_count(STAT_RELEASE);
	fuse_reply_err(req, 0);
}

/* --- directories ------------------------------------------------------------------------------ */

static void op_opendir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	stats_count(STAT_OPENDIR);
	fi->keep_cache = 1;
	fi->cache_readdir = 1;
	if (fs_of(req)->no_opendir)
		fuse_reply_err(req, ENOSYS);
	else
		fuse_reply_open(req, fi);
}

/* One reply of READDIR or READDIRPLUS being filled. */
struct listing {
	fuse_req_t req;
	struct fs *fs;
	fuse_ino_t dir;
	bool plus;
	char *p;
	size_t len, size;
};

/*
 * Append an entry; `next` is the offset behind it. An entry of READDIRPLUS with ino 0 is a plain
 * one: the kernel looks it up when it wants to know more. False when it does not fit.
 */
static bool listing_add(struct listing *listing, const char *name,
			const struct fuse_entry_param *entry, off_t next)
{
	char *p = listing->p + listing->len;
	size_t room = listing->size - listing->len;
	size_t len;

	if (listing->plus)
		len = fuse_add_direntry_plus(listing->req, p, room, name, entry, next);
	else
		len = fuse_add_direntry(listing->req, p, room, name, &entry->attr, next);
	if (len > room)
		return false;
	listing->len += len;
	return true;
}

/* "." and "..": the kernel knows them, their numbers are only shown. */
static bool listing_add_dot(struct listing *listing, bool parent)
{
	struct fs *fs = listing->fs;
	struct fuse_entry_param entry = {
		.attr.st_ino = parent ? tree_parent(fs->tree, listing->dir) : listing->dir,
		.attr.st_mode = S_IFDIR,
	};

	return listing_add(listing, parent ? ".." : ".", &entry, parent ? 2 : 1);
}

/* A child with what is known of it, or only its name where finding out is costly or fails. */
static bool listing_add_child(struct listing *listing, const struct tree_child *child, off_t next)
{
	struct fuse_entry_param entry;
	bool full = listing->plus && !child->costly;

	if (!full || entry_of(listing->fs, child->ino, &entry) != ND_OK)
		entry = (struct fuse_entry_param){
			.attr.st_ino = child->ino,
			.attr.st_mode = mode_of(listing->fs, child->kind),
		};
	return listing_add(listing, child->name, &entry, next);
}

static enum nd_status listing_fill(struct listing *listing, off_t offset)
{
	struct tree *tree = listing->fs->tree;
	uint64_t cursor = offset > DOTS ? (uint64_t)offset - DOTS : 0;
	struct tree_child child;
	enum nd_status st;

	if (offset < 0)
		return ND_EINVAL;
	for (; offset < DOTS; offset++)
		if (!listing_add_dot(listing, offset == 1))
			return ND_OK;
	while ((st = tree_next(tree, listing->dir, &cursor, &child)) == ND_OK)
		if (!listing_add_child(listing, &child, (off_t)cursor + DOTS))
			return ND_OK;
	return st == ND_ENOENT || listing->len > 0 ? ND_OK : st;
}

static void reply_listing(fuse_req_t req, fuse_ino_t dir, size_t size, off_t offset, bool plus)
{
	struct listing listing = {
		.req = req,
		.fs = fs_of(req),
		.dir = dir,
		.plus = plus,
		.size = size < REPLY_BYTES_MAX ? size : REPLY_BYTES_MAX,
	};
	enum nd_status st = ND_ENOMEM;

	listing.p = malloc(listing.size);
	if (listing.p)
		st = listing_fill(&listing, offset);
	if (st == ND_OK)
		fuse_reply_buf(req, listing.p, listing.len);
	else
		fuse_reply_err(req, errno_of(st));
	if (st == ND_OK && plus && offset > 0 && listing.len == 0)
		push_note_listed(listing.fs->push, dir);
	free(listing.p);
}

static void op_readdir(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
		       struct fuse_file_info *fi)
{
	(void)fi;
	stats_count(STAT_READDIR);
	reply_listing(req, ino, size, offset, false);
}

static void op_readdirplus(fuse_req_t req, fuse_ino_t ino, size_t size, off_t offset,
			   struct fuse_file_info *fi)
{
	(void)fi;
	stats_count(STAT_READDIRPLUS);
	reply_listing(req, ino, size, offset, true);
}

static void op_releasedir(fuse_req_t req, fuse_ino_t ino, struct fuse_file_info *fi)
{
	(void)ino;
	(void)fi;
	stats_count(STAT_RELEASEDIR);
	fuse_reply_err(req, 0);
}

/* --- extended attributes ---------------------------------------------------------------------- */

/* size 0 asks how long the value is. */
static void reply_xattr(fuse_req_t req, const char *p, size_t len, size_t size)
{
	if (size == 0)
		fuse_reply_xattr(req, len);
	else if (len > size)
		fuse_reply_err(req, ERANGE);
	else
		fuse_reply_buf(req, p, len);
}

/*
 * Whoever asks for an access list or a capability ("ls -l" does) is told that such things are not
 * supported here rather than absent: then it does not ask again for every file.
 */
static void op_getxattr(fuse_req_t req, fuse_ino_t ino, const char *name, size_t size)
{
	char value[XATTR_BYTES_MAX];
	size_t len;
	enum nd_status st;

	stats_count(STAT_GETXATTR);
	if (strncmp(name, "user.", 5) != 0) {
		fuse_reply_err(req, EOPNOTSUPP);
		return;
	}
	st = xattr_get(fs_of(req)->tree, ino, name, value, &len);
	if (st == ND_OK)
		reply_xattr(req, value, len, size);
	else
		fuse_reply_err(req, st == ND_NONE ? ENODATA : errno_of(st));
}

static void op_listxattr(fuse_req_t req, fuse_ino_t ino, size_t size)
{
	char list[XATTR_BYTES_MAX];
	size_t len;
	enum nd_status st;

	stats_count(STAT_LISTXATTR);
	st = xattr_list(fs_of(req)->tree, ino, list, &len);
	if (st == ND_OK)
		reply_xattr(req, list, len, size);
	else
		fuse_reply_err(req, errno_of(st));
}

/* --- the session ------------------------------------------------------------------------------ */

static void op_init(void *userdata, struct fuse_conn_info *conn)
{
	struct fs *fs = userdata;
	unsigned want = FUSE_CAP_READDIRPLUS | FUSE_CAP_CACHE_SYMLINKS |
			FUSE_CAP_EXPLICIT_INVAL_DATA | FUSE_CAP_PARALLEL_DIROPS;

	fs->no_open = conn->capable & FUSE_CAP_NO_OPEN_SUPPORT;
	fs->no_opendir = conn->capable & FUSE_CAP_NO_OPENDIR_SUPPORT;
	conn->want |= conn->capable & want;
	conn->want &= ~(unsigned)(FUSE_CAP_READDIRPLUS_AUTO | FUSE_CAP_AUTO_INVAL_DATA);
}

/* Operations that are not here are answered with ENOSYS, once; the kernel remembers. */
static const struct fuse_lowlevel_ops operations = {
	.init = op_init,
	.lookup = op_lookup,
	.forget = op_forget,
	.forget_multi = op_forget_multi,
	.getattr = op_getattr,
	.readlink = op_readlink,
	.open = op_open,
	.read = op_read,
	.lseek = op_lseek,
	.release = op_release,
	.opendir = op_opendir,
	.readdir = op_readdir,
	.readdirplus = op_readdirplus,
	.releasedir = op_releasedir,
	.statfs = op_statfs,
	.getxattr = op_getxattr,
	.listxattr = op_listxattr,
};

/* Keep the last line of libfuse's, without its "fuse: ", for our own one-line message. */
__attribute__((format(printf, 2, 0))) static void keep_log(enum fuse_log_level level,
							   const char *format, va_list args)
{
	static const char prefix[] = "fuse: ";
	char line[sizeof(log_line)];
	size_t skip;

	(void)level;
	(void)vsnprintf(line, sizeof(line), format, args);
	line[strcspn(line, "\n")] = '\0';
	skip = strncmp(line, prefix, sizeof(prefix) - 1) == 0 ? sizeof(prefix) - 1 : 0;
	memmove(log_line, line + skip, strlen(line + skip) + 1);
}

static void on_usr1(int signal)
{
	int saved = errno;

	(void)signal;
	if (the_fs && the_fs->options.stats_fd >= 0)
		stats_write(the_fs->options.stats_fd, the_fs->tree);
	errno = saved;
}

static void append_escaped(struct text *out, const char *s)
{
	for (; *s; s++) {
		if (*s == ',' || *s == '\\')
			text_char(out, '\\');
		text_char(out, *s);
	}
}

/* The -o words for libfuse, as a string. */
static void mount_words(struct text *out, const struct fs_options *options)
{
	text_str(out, "ro,nosuid,nodev,default_permissions,subtype=ntdumpfs,fsname=");
	append_escaped(out, options->fsname);
	if (options->allow_other)
		text_str(out, ",allow_other");
	if (options->allow_root)
		text_str(out, ",allow_root");
	if (options->auto_unmount)
		text_str(out, ",auto_unmount");
	if (options->debug)
		text_str(out, ",debug");
	text_char(out, '\0');
}

static struct fuse_session *session_new(struct fs *fs)
{
	char *argv[] = { (char[]){ "ntdumpfs" }, (char[]){ "-o" }, NULL, NULL };
	struct fuse_args args = FUSE_ARGS_INIT(3, argv);
	struct fuse_session *session = NULL;
	struct text words;

	text_init(&words);
	mount_words(&words, &fs->options);
	argv[2] = words.p;
	if (words.failed == ND_OK)
		session = fuse_session_new(&args, &operations, sizeof(operations), fs);
	fuse_opt_free_args(&args);
	text_deinit(&words);
	return session;
}

enum nd_status fs_new(struct tree *tree, const struct fs_options *options, struct fs **ret,
		      struct nd_error *err)
{
	struct sigaction usr1 = { .sa_handler = on_usr1, .sa_flags = SA_RESTART };
	struct fs *fs = calloc(1, sizeof(*fs));

	if (!fs) {
		nd_error_set(err, "out of memory");
		return ND_ENOMEM;
	}
	fs->tree = tree;
	fs->readahead = -1;
	fs->options = *options;
	if (!options->debug)
		fuse_set_log_func(keep_log);
	fs->session = session_new(fs);
	if (!fs->session || fuse_set_signal_handlers(fs->session) != 0) {
		nd_error_set(err, "%s", log_line[0] ? log_line : "FUSE cannot be set up");
		fs_free(fs);
		return ND_EINVAL;
	}
	the_fs = fs;
	sigaction(SIGUSR1, &usr1, NULL);
	*ret = fs;
	return ND_OK;
}

enum nd_status fs_mount(struct fs *fs, const char *dir, struct nd_error *err)
{
	if (fuse_session_mount(fs->session, dir) != 0) {
		nd_error_set(err, "%s", log_line); /* none: fusermount3 has said it */
		return ND_EIO;
	}
	fs->mounted = true;
	fs->readahead = readahead_open(dir);
	return ND_OK;
}

enum nd_status fs_daemonize(struct fs *fs)
{
	(void)fs;
	return fuse_daemonize(0) == 0 ? ND_OK : ND_EIO;
}

/* Errors are normal here: the kernel does not know the inode, or has forgotten it. */
static void store_in_kernel(void *ctx, uint64_t ino, const char *p, size_t len)
{
	struct fs *fs = ctx;
	struct fuse_bufvec bytes = FUSE_BUFVEC_INIT(len);

	bytes.buf[0].mem = (void *)p;
	if (fuse_lowlevel_notify_store(fs->session, ino, 0, &bytes, 0) == 0)
		stats_count(STAT_PUSHED);
}

static enum nd_status loop_threads(struct fs *fs)
{
	struct fuse_loop_config *config;
	int result;

	config = fuse_loop_cfg_create();
	if (!config)
		return ND_ENOMEM;
	/* Ending idle threads and starting them again costs more than a request. */
	fuse_loop_cfg_set_max_threads(config, fs->options.threads);
	fuse_loop_cfg_set_idle_threads(config, fs->options.threads);
	result = fuse_session_loop_mt(fs->session, config); /* > 0: the signal that ended it */
	fuse_loop_cfg_destroy(config);
	return result < 0 ? ND_EIO : ND_OK;
}

enum nd_status fs_loop(struct fs *fs)
{
	enum nd_status st;

	if (fs->options.threads <= 1)
		return fuse_session_loop(fs->session) < 0 ? ND_EIO : ND_OK;
	push_new(fs->tree, store_in_kernel, fs, &fs->push); /* without it all works, slower */
	st = loop_threads(fs);
	push_free(fs->push);
	fs->push = NULL;
	return st;
}

/* The kernel has not said that the connection is over. */
static bool still_mounted(const struct fs *fs)
{
	struct pollfd fd = { .fd = fuse_session_fd(fs->session) };

	return poll(&fd, 1, 0) == 0;
}

void fs_free(struct fs *fs)
{
	if (!fs)
		return;
	if (fs->mounted && fs->options.stats_fd >= 0)
		stats_write(fs->options.stats_fd, fs->tree);
	the_fs = NULL;
	if (fs->mounted)
		fs->options.unmount(fs->options.ctx, still_mounted(fs));
	if (fs->mounted)
		fuse_session_unmount(fs->session);
	if (fs->session) {
		fuse_remove_signal_handlers(fs->session);
		fuse_session_destroy(fs->session);
	}
	if (fs->readahead >= 0)
		close(fs->readahead);
	free(fs);
}
