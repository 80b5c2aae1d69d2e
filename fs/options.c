/*
 * fs/options.c - see options.h: getopt for the flags, one table for the words of -o.
 */
#include "options.h"

#include <errno.h>
#include <getopt.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#define THREADS_DEFAULT 4u
#define THREADS_MAX 64u
#define CACHE_DEFAULT (24u << 20)
#define CACHE_MAX (UINT64_C(1) << 40)

const char options_usage[] =
	"usage: ntdumpfs [options] DUMP DIR\n"
	"Mount a Windows kernel crash dump as a read-only tree of text files.\n"
	"\n"
	"  -f             stay in the foreground\n"
	"  -d             debug output on stderr (implies -f)\n"
	"  -s             one thread\n"
	"  -h, --help     this text\n"
	"  -V, --version  version and format number\n"
	"  --explain PATH print what a file of the tree is, in a mount or not; mount nothing\n"
	"  --tree         print the paths of the tree, their kind and what they are\n"
	"  --symbol-id FILE  print a symbol file's name, GUID, age and kind; mount nothing\n"
	"  -o WORD[,WORD...]\n"
	"    symbols=DIR[:DIR...]  where symbol files are\n"
	"    nocache               do not keep compiled symbol files in ~/.cache/ntdumpfs\n"
	"    threads=N             requests answered at the same time (4)\n"
	"    cache=SIZE            memory for finished texts, with K, M or G (24M)\n"
	"    raw=list|hide|off     raw memory: listed, opened by name only, absent (hide)\n"
	"    sandbox=on|strict|off what the daemon gives up after the mount (on)\n"
	"    uid=N gid=N umask=N   owner and permissions of what is in the tree\n"
	"    allow_other           other users may look, too; allow_root: root may\n"
	"    auto_unmount          unmount even when the daemon is killed\n"
	"    fsname=NAME           first column of mount(8)'s list (the dump's path)\n"
	"    stats=FILE            request counters, written at the end and on SIGUSR1\n"
	"  Words of mount(8) and fstab(5) are accepted; the mount is always read-only.\n"
	"\n"
	"Unmount with umount(8), or as a user with fusermount3 -u DIR.\n"
	"Exit status: 0 mounted, 1 usage, 32 not mounted.\n";

/* --- values ----------------------------------------------------------------------------------- */

static enum nd_status bad_value(const char *word, const char *value, struct nd_error *err)
{
	nd_error_set(err, "option '%s': bad value '%s'", word, value);
	return ND_EINVAL;
}

/* A whole non-negative number up to `max`. */
static bool parse_number(const char *s, int base, uint64_t max, uint64_t *ret)
{
	unsigned long long n;
	char *end;

	if (*s < '0' || *s > '9')
		return false;
	errno = 0;
	n = strtoull(s, &end, base);
	if (errno != 0 || *end != '\0' || n > max)
		return false;
	*ret = n;
	return true;
}

/* Bytes, or with a unit of 1024, 1024^2, 1024^3. */
static bool parse_size(const char *s, uint64_t *ret)
{
	static const char units[] = "KMG";
	size_t len = strlen(s);
	const char *unit = len > 0 ? strchr(units, s[len - 1] & ~0x20) : NULL;
	char digits[24];
	uint64_t n;

	if (unit && *unit == '\0')
		unit = NULL;
	len -= unit != NULL;
	if (len >= sizeof(digits))
		return false;
	memcpy(digits, s, len);
	digits[len] = '\0';
	if (!parse_number(digits, 10, unit ? 1u << 20 : CACHE_MAX, &n))
		return false;
	if (unit)
		n <<= 10 * (unit - units + 1);
	*ret = n;
	return true;
}

static enum nd_status set_string(char **ret, const char *value)
{
	char *copy = strdup(value);

	if (!copy)
		return ND_ENOMEM;
	free(*ret);
	*ret = copy;
	return ND_OK;
}

/* --- the words of -o -------------------------------------------------------------------------- */

/* `value` is "" where the word has none. False: a bad value. */
typedef bool set_fn(struct options *o, const char *value);

static bool set_threads(struct options *o, const char *value)
{
	uint64_t n;

	if (!parse_number(value, 10, THREADS_MAX, &n) || n == 0)
		return false;
	o->threads = (unsigned)n;
	return true;
}

static bool set_cache(struct options *o, const char *value)
{
	uint64_t n;

	if (!parse_size(value, &n) || n > CACHE_MAX)
		return false;
	o->cache_bytes = n;
	return true;
}

static bool set_raw(struct options *o, const char *value)
{
	static const char *const words[] = {
		[RAW_HIDE] = "hide", [RAW_LIST] = "list", [RAW_OFF] = "off"
	};

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(value, words[i]) != 0)
			continue;
		o->raw = (enum raw_option)i;
		return true;
	}
	return false;
}

static bool set_sandbox(struct options *o, const char *value)
{
	static const char *const words[] = {
		[SANDBOX_ON] = "on", [SANDBOX_STRICT] = "strict", [SANDBOX_OFF] = "off"
	};

	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		if (strcmp(value, words[i]) != 0)
			continue;
		o->sandbox = (enum sandbox_level)i;
		return true;
	}
	return false;
}

static bool set_uid(struct options *o, const char *value)
{
	uint64_t n;

	if (!parse_number(value, 10, UINT32_MAX - 1, &n))
		return false;
	o->uid = (uid_t)n;
	return true;
}

static bool set_gid(struct options *o, const char *value)
{
	uint64_t n;

	if (!parse_number(value, 10, UINT32_MAX - 1, &n))
		return false;
	o->gid = (gid_t)n;
	return true;
}

static bool set_umask(struct options *o, const char *value)
{
	uint64_t n;

	if (!parse_number(value, 8, 0777, &n))
		return false;
	o->umask = (mode_t)n;
	return true;
}

static bool set_symbols(struct options *o, const char *value)
{
	return *value && set_string(&o->symbols, value) == ND_OK;
}

static bool set_stats(struct options *o, const char *value)
{
	return *value && set_string(&o->stats, value) == ND_OK;
}

static bool set_fsname(struct options *o, const char *value)
{
	return *value && set_string(&o->fsname, value) == ND_OK;
}

static bool set_allow_other(struct options *o, const char *value)
{
	(void)value;
	o->allow_other = true;
	return true;
}

static bool set_allow_root(struct options *o, const char *value)
{
	(void)value;
	o->allow_root = true;
	return true;
}

static bool set_auto_unmount(struct options *o, const char *value)
{
	(void)value;
	o->auto_unmount = true;
	return true;
}

static bool set_no_cache(struct options *o, const char *value)
{
	(void)value;
	o->no_symbol_cache = true;
	return true;
}

static bool set_debug(struct options *o, const char *value)
{
	(void)value;
	o->debug = true;
	return true;
}

struct word {
	const char *name; /* with '=' at the end when it has a value */
	set_fn *set;
};

static const struct word words[] = {
	{ "allow_other", set_allow_other },
	{ "allow_root", set_allow_root },
	{ "auto_unmount", set_auto_unmount },
	{ "cache=", set_cache },
	{ "debug", set_debug },
	{ "fsname=", set_fsname },
	{ "gid=", set_gid },
	{ "nocache", set_no_cache },
	{ "raw=", set_raw },
	{ "sandbox=", set_sandbox },
	{ "stats=", set_stats },
	{ "symbols=", set_symbols },
	{ "threads=", set_threads },
	{ "uid=", set_uid },
	{ "umask=", set_umask },
};

/*
 * What mount(8), fstab(5) and systemd may pass on and what means nothing here: the tree is
 * read-only and holds nothing to execute. A '=' or '-' at the end stands for any rest.
 */
static const char *const ignored[] = {
	"rw",
	"ro",
	"defaults",
	"auto",
	"noauto",
	"nofail",
	"_netdev",
	"user",
	"nouser",
	"users",
	"nousers",
	"owner",
	"noowner",
	"group",
	"nogroup",
	"exec",
	"noexec",
	"suid",
	"nosuid",
	"dev",
	"nodev",
	"atime",
	"noatime",
	"diratime",
	"nodiratime",
	"relatime",
	"norelatime",
	"strictatime",
	"nostrictatime",
	"lazytime",
	"nolazytime",
	"sync",
	"async",
	"dirsync",
	"iversion",
	"noiversion",
	"mand",
	"nomand",
	"silent",
	"loud",
	"symfollow",
	"default_permissions",
	"subtype=",
	"comment=",
	"x-",
	"X-",
	"helper=",
	"uhelper=",
};

static bool is_ignored(const char *text)
{
	for (unsigned i = 0; i < sizeof(ignored) / sizeof(ignored[0]); i++) {
		size_t len = strlen(ignored[i]);
		bool open_end = ignored[i][len - 1] == '=' || ignored[i][len - 1] == '-';

		if (open_end ? strncmp(text, ignored[i], len) == 0 : strcmp(text, ignored[i]) == 0)
			return true;
	}
	return false;
}

/* One word of -o, without escapes. */
static enum nd_status parse_word(struct options *o, const char *text, struct nd_error *err)
{
	for (unsigned i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		size_t len = strlen(words[i].name);
		bool valued = words[i].name[len - 1] == '=';

		if (strncmp(text, words[i].name, len) != 0 || (!valued && text[len] != '\0'))
			continue;
		if (!words[i].set(o, text + len))
			return bad_value(words[i].name, text + len, err);
		return ND_OK;
	}
	if (*text == '\0' || is_ignored(text) || o->sloppy)
		return ND_OK;
	nd_error_set(err, "unknown option '%s'", text);
	return ND_EINVAL;
}

/* The words of one -o: a comma ends a word, a backslash takes what follows as it is. */
static enum nd_status parse_words(struct options *o, const char *list, struct nd_error *err)
{
	char *word = malloc(strlen(list) + 1);
	enum nd_status st = ND_OK;
	bool more = true;

	if (!word)
		return ND_ENOMEM;
	while (more && st == ND_OK) {
		size_t len = 0;

		for (; *list && *list != ','; list++) {
			if (*list == '\\' && list[1])
				list++;
			word[len++] = *list;
		}
		word[len] = '\0';
		more = *list++ == ',';
		st = parse_word(o, word, err);
	}
	free(word);
	return st;
}

/* --- the flags -------------------------------------------------------------------------------- */

/* A flag of the program itself. */
static bool parse_own_flag(struct options *o, int flag)
{
	switch (flag) {
	case 'f':
		o->foreground = true;
		return true;
	case 'd':
		o->debug = true;
		return true;
	case 's':
		o->single = true;
		return true;
	default:
		return false;
	}
}

/* A flag of mount(8)'s to its helpers: -n (no mtab), -v and -t say nothing that matters here. */
static enum nd_status parse_helper_flag(struct options *o, int flag)
{
	switch (flag) {
	case 'f':
		o->nothing = true;
		return ND_OK;
	case 's':
		o->sloppy = true;
		return ND_OK;
	case 'N':
		return set_string(&o->mount_namespace, optarg);
	case 'n':
	case 'v':
	case 't':
		return ND_OK;
	default:
		return ND_EINVAL;
	}
}

static enum nd_status parse_flag(struct options *o, int flag, struct nd_error *err)
{
	bool known = true;

	if (flag == 'I')
		return set_string(&o->symbol_id, optarg);
	if (flag == 'E')
		return set_string(&o->explain, optarg);
	if (flag == 'h')
		o->help = true;
	else if (flag == 'T')
		o->tree = true;
	else if (flag == 'V')
		o->version = true;
	else if (o->helper)
		known = parse_helper_flag(o, flag) == ND_OK;
	else
		known = parse_own_flag(o, flag);
	if (known)
		return ND_OK;
	nd_error_set(err, flag == ':' ? "option -%c needs a value" : "unknown option -%c", optopt);
	return ND_EINVAL;
}

/* The two words that are not options. */
static enum nd_status parse_operands(struct options *o, int count, char **operand,
				     struct nd_error *err)
{
	enum nd_status st;

	if (count != 2) {
		nd_error_set(err, count < 2 ? "a dump and a directory are needed (see --help)"
					    : "too many arguments (see --help)");
		return ND_EINVAL;
	}
	st = set_string(&o->dump, operand[0]);
	return st == ND_OK ? set_string(&o->dir, operand[1]) : st;
}

/* All -o lists: after the flags, so that a -s behind them counts. */
static enum nd_status parse_lists(struct options *o, char **list, int count, struct nd_error *err)
{
	enum nd_status st = ND_OK;

	for (int i = 0; i < count && st == ND_OK; i++)
		st = parse_words(o, list[i], err);
	if (st == ND_OK && o->allow_other && o->allow_root) {
		nd_error_set(err, "allow_other and allow_root exclude each other");
		st = ND_EINVAL;
	}
	return st;
}

static enum nd_status parse_all(struct options *o, int argc, char **argv, char **list,
				struct nd_error *err)
{
	static const struct option longs[] = { { "help", no_argument, NULL, 'h' },
					       { "version", no_argument, NULL, 'V' },
					       { "explain", required_argument, NULL, 'E' },
					       { "tree", no_argument, NULL, 'T' },
					       { "symbol-id", required_argument, NULL, 'I' },
					       { 0 } };
	const char *flags = o->helper ? ":hVsfnvN:o:t:" : ":hVfdso:";
	enum nd_status st = ND_OK;
	int flag, lists = 0;

	optind = 0; /* from the beginning, whatever getopt keeps of an earlier command line */
	opterr = 0;
	while (st == ND_OK && (flag = getopt_long(argc, argv, flags, longs, NULL)) != -1) {
		if (flag == 'o')
			list[lists++] = optarg;
		else if (flag == '?' && optopt == 0) {
			nd_error_set(err, "unknown option %s", argv[optind - 1]);
			st = ND_EINVAL;
		} else {
			st = parse_flag(o, flag, err);
		}
	}
	if (st != ND_OK || o->help || o->version || o->symbol_id || o->explain || o->tree)
		return st;
	st = parse_operands(o, argc - optind, argv + optind, err);
	return st == ND_OK ? parse_lists(o, list, lists, err) : st;
}

enum nd_status options_parse(struct options *ret, int argc, char **argv, struct nd_error *err)
{
	const char *slash = argc > 0 ? strrchr(argv[0], '/') : NULL;
	const char *name = argc > 0 ? slash ? slash + 1 : argv[0] : "";
	char **list = calloc((size_t)argc + 1, sizeof(*list));
	enum nd_status st;

	*ret = (struct options){
		.cache_bytes = CACHE_DEFAULT,
		.threads = THREADS_DEFAULT,
		.uid = getuid(),
		.gid = getgid(),
		.helper = strncmp(name, "mount.", 6) == 0,
	};
	if (!list)
		return ND_ENOMEM;
	st = parse_all(ret, argc, argv, list, err);
	ret->foreground |= ret->debug;
	if (ret->single)
		ret->threads = 1;
	free(list);
	return st;
}

void options_deinit(struct options *options)
{
	free(options->dump);
	free(options->dir);
	free(options->fsname);
	free(options->symbols);
	free(options->stats);
	free(options->symbol_id);
	free(options->explain);
	free(options->mount_namespace);
	*options = (struct options){ 0 };
}
