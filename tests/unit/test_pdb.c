/*
 * tests/unit/test_pdb.c - the PDB reader and symbol stores, with small PDBs that
 * tests/fixtures/pdb.py writes and that describe the same structures as data/tiny.isf.json.
 *
 * With NTDUMPFS_PDBS (a symbol store; its PDBs may be xz-compressed) and NTDUMPFS_LAYOUTS (ISF
 * files), each PDB is compared with the ISF file of the same kernel.
 */
#include "sym/layout.h"
#include "sym/symio.h"

#include <glob.h>

#include "symfile_compare.h"
#include "tap.h"

#define GUID "11223344556677880123456789ABCDEF"

static char folder[64];

/* Run the generator; the path of what it wrote, in a static buffer. */
static const char *make_pdb(const char *name, const char *options)
{
	static char path[512];
	char command[1024];

	snprintf(path, sizeof(path), "%s/%s", folder, name);
	put_file(path, "", 0); /* makes the folders */
	snprintf(command, sizeof(command), "python3 tests/fixtures/pdb.py '%s' %s", path, options);
	ok(system(command) == 0, "made %s %s", name, options);
	return path;
}

static struct nd_symfile *read_pdb(const char *path)
{
	struct nd_symfile *file = NULL;
	struct nd_error err = { .text = "" };

	if (nd_pdb_read(path, &file, &err) != ND_OK)
		ok(false, "%s", err.text);
	return file;
}

static void test_types(const struct nd_symfile *pdb)
{
	const struct nd_type *newer = nd_symfile_type(pdb, "_NEWER");
	const struct nd_type *twice = nd_symfile_type(pdb, "_TWICE");
	struct nd_symfile *isf = NULL;
	struct nd_error err;

	ok(nd_isf_read("tests/unit/data/tiny.isf.json", &isf, &err) == ND_OK, "the ISF file");
	if (isf == NULL)
		return;
	ok(same_type(pdb, isf, "_LIST_ENTRY"), "a structure that is declared before it is defined");
	ok(nd_symfile_type(pdb, "_EPROCESS")->field_count ==
		   nd_symfile_type(isf, "_EPROCESS")->field_count,
	   "an anonymous structure's members are the parent's; methods and statics are none");
	ok(same_type(pdb, isf, "__unnamed_1009"), "an unnamed type, by its index");
	ok(newer != NULL && newer->bytes == 0x12345 &&
		   pdb->fields[newer->first_field].offset == 65536,
	   "the record form of VS 2019, and long numbers");
	ok(twice != NULL && twice->bytes == 8 && twice->field_count == 1,
	   "of two definitions the last one counts");
	ok(nd_symfile_type(pdb, "_OPAQUE") == NULL, "what is only declared is not listed");
	nd_symfile_free(isf);
}

/* Every field but the one whose type the PDB does not have at all. */
static void test_fields(const struct nd_symfile *pdb)
{
	const struct nd_type *type = nd_symfile_type(pdb, "_EPROCESS");
	const struct nd_type *other;
	struct nd_symfile *isf = NULL;
	struct nd_error err;

	if (nd_isf_read("tests/unit/data/tiny.isf.json", &isf, &err) != ND_OK)
		return;
	other = nd_symfile_type(isf, "_EPROCESS");
	for (uint32_t i = 0; i < type->field_count && i < other->field_count; i++) {
		const struct nd_field *field = &pdb->fields[type->first_field + i];

		ok(same_field(field, &isf->fields[other->first_field + i]) ||
			   strcmp(field->name, "Unknown") == 0,
		   "_EPROCESS.%s as in the ISF file", field->name);
	}
	nd_symfile_free(isf);
}

static void test_enum(const struct nd_symfile *pdb)
{
	const struct nd_enum *state = nd_symfile_enum(pdb, "_STATE");
	const struct nd_constant *at;

	ok(state != NULL && state->constant_count == 4, "an enum");
	if (state == NULL)
		return;
	at = &pdb->constants[state->first_constant];
	ok(at[0].value == 0 && at[1].value == -1 && at[2].value == 0x12345678 &&
		   at[3].value == INT32_MIN,
	   "numbers of each size and sign");
}

static bool public_is(const struct nd_symfile *pdb, const char *name, uint32_t rva, uint32_t flags)
{
	const struct nd_public *row = nd_symfile_public(pdb, name);

	return row != NULL && row->rva == rva && row->flags == flags;
}

static void test_publics(const struct nd_symfile *pdb)
{
	ok(public_is(pdb, "KeBugCheckEx", 0x1010, ND_PUBLIC_FUNCTION), "a function");
	ok(public_is(pdb, "PsActiveProcessHead", 0x5008, 0), "a variable in another section");
	ok(public_is(pdb, "?name@scope@@YAXXZ", 0x5100, ND_PUBLIC_CODE), "a decorated name");
	ok(nd_symfile_public(pdb, "Absolute") == NULL && nd_symfile_public(pdb, "Nowhere") == NULL,
	   "what is in no section has no address");
	ok(nd_symfile_public(pdb, "NotPublic") == NULL, "other records are no publics");
}

static void test_moved(void)
{
	struct nd_symfile *pdb = read_pdb(make_pdb("omap.pdb", "--omap --block 512 --reverse"));

	if (pdb == NULL)
		return;
	ok(public_is(pdb, "KeBugCheckEx", 0x2010, ND_PUBLIC_FUNCTION) &&
		   public_is(pdb, "PsActiveProcessHead", 0x6008, 0) &&
		   public_is(pdb, "__guard", 0xa000, 0),
	   "symbols of an image whose parts were moved");
	ok(nd_symfile_public(pdb, "NtClose") == NULL, "a part that was removed has no symbols");
	nd_symfile_free(pdb);
}

static void test_refused(const char *path)
{
	static const struct {
		const char *bytes, *say;
	} others[] = {
		{ "", "not a PDB" },
		{ "{}", "not a PDB" },
		{ "Microsoft C/C++ program database 2.00\r\n\x1aJG", "2.00" },
		{ "BSJB", "portable PDB" },
		{ "MSCF", "cabinet" },
	};
	struct nd_symfile *file = NULL;
	struct nd_error err;
	size_t len = 0, sound = 0;
	char *pdb = get_file(path, &len);

	for (size_t i = 0; i < sizeof(others) / sizeof(*others); i++) {
		err.text[0] = '\0';
		ok(nd_pdb_read_memory("name", others[i].bytes, strlen(others[i].bytes), &file,
				      &err) == ND_EFORMAT &&
			   file == NULL && strncmp(err.text, "name: ", 6) == 0 &&
			   strstr(err.text, others[i].say) != NULL,
		   "refused: %s", others[i].say);
	}
	for (size_t cut = 0; pdb != NULL && cut <= len - 1024;
	     cut += 64) /* the last block's end is free */
		sound += nd_pdb_read_memory("cut", pdb, cut, &file, &err) != ND_EFORMAT;
	ok(sound == 0, "cut short anywhere it is refused");
	free(pdb);
}

static void test_circles(void)
{
	const char *path = make_pdb("circles.pdb", "--circles");
	struct nd_symfile *file = NULL;
	struct nd_error err;
	enum nd_status st;

	alarm(20);
	st = nd_pdb_read(path, &file, &err);
	alarm(0);
	ok(st == ND_EFORMAT && strstr(err.text, "circles") != NULL,
	   "types that refer to themselves end the reading");
	nd_symfile_free(file);
}

/* Where the file was found for that age; "" when it was not. `say` must be in the text. */
static const char *find(const char *search, uint32_t age, const char *say)
{
	static char path[512];
	struct nd_guid_age id = { .age = age };
	struct nd_symfile *file = NULL;
	char *tried = NULL;

	nd_guid_parse(GUID, id.guid);
	snprintf(path, sizeof(path), "%s", "");
	if (nd_symfile_find(search, "ntkrnlmp.pdb", &id, &file, &tried) == ND_OK)
		snprintf(path, sizeof(path), "%s", file->path);
	if (tried == NULL || (say != NULL && strstr(tried, say) == NULL)) {
		printf("# tried: %s\n", tried);
		snprintf(path, sizeof(path), "%s", "(the text lacks what it should say)");
	}
	free(tried);
	nd_symfile_free(file);
	return path;
}

static void test_stores(void)
{
	static const char *const places[] = {
		"a/ntkrnlmp.pdb/" GUID "1F/ntkrnlmp.pdb",
		"b/NTKRNLMP.PDB/11223344556677880123456789abcdef1f/ntkrnlmp.pdb",
		"c/nt/ntkrnlmp.pdb/" GUID "1F/ntkrnlmp.pdb",
		"d/ntkrnlmp.pdb",
		"e/symbols/pdb/ntkrnlmp.pdb",
	};
	char root[128], path[512];

	snprintf(path, sizeof(path), "%s/c/index2.txt", folder);
	put_file(path, "", 0);
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		snprintf(path, sizeof(path), "%s", make_pdb(places[i], "--age 31"));
		snprintf(root, sizeof(root), "%s/%c", folder, places[i][0]);
		ok(strcmp(find(root, 31, NULL), path) == 0, "found: %s", places[i]);
		ok(strcmp(find(root, 32, NULL), "") == 0, "another age is not");
	}
	snprintf(root, sizeof(root), "%s/d", folder);
	ok(strcmp(find(root, 32, "of another image: GUID " GUID " age 31"), "") == 0,
	   "a PDB of another image is said and not used");
	snprintf(path, sizeof(path), "cache*%s/none;srv*%s/a*https://example.invalid", folder,
		 folder);
	setenv("_NT_SYMBOL_PATH", path, 1);
	ok(strstr(find(NULL, 31, "example.invalid: not a local"), "/a/ntkrnlmp.pdb/") != NULL,
	   "the local folders of $_NT_SYMBOL_PATH");
	unsetenv("_NT_SYMBOL_PATH");
	snprintf(path, sizeof(path), "%s/p/ntkrnlmp.pdb/" GUID "1F/ntkrnlmp.pd_", folder);
	put_file(path, "MSCF", 4);
	snprintf(root, sizeof(root), "%s/p", folder);
	ok(strcmp(find(root, 31, "cabextract"), "") == 0, "a packed PDB is said");
}

static void test_preference(void)
{
	char search[256], path[512];
	size_t len = 0;
	char *json = get_file("tests/unit/data/tiny.isf.json", &len);

	snprintf(path, sizeof(path), "%s/isf/" GUID "-3.json", folder);
	ok(json != NULL && put_file(path, json, len), "an ISF file");
	free(json);
	make_pdb("pdb/ntkrnlmp.pdb", "--age 3");
	snprintf(search, sizeof(search), "%s/isf:%s/pdb", folder, folder);
	ok(strstr(find(search, 3, NULL), "/pdb/ntkrnlmp.pdb") != NULL,
	   "a PDB goes before an ISF file of an earlier folder");
}

/* A whole file, unpacked when it is xz; malloc'ed. */
static uint8_t *unpack(const char *path, size_t *ret_len)
{
	struct nd_symio *io = malloc(sizeof(*io));
	uint8_t *all = malloc(64 << 20);
	int fd = nd_symio_open_file(path, NULL);
	const uint8_t *piece;
	size_t len = 0, total = 0;

	if (nd_symio_begin(io, fd, NULL, 0, path, NULL) == ND_OK) {
		while (nd_symio_next(io, &piece, &len, NULL) == ND_OK && len > 0 &&
		       len <= (64 << 20) - total) {
			memcpy(all + total, piece, len);
			total += len;
		}
	}
	nd_symio_end(io);
	close(fd);
	free(io);
	*ret_len = total;
	return all;
}

static uint32_t count_different(const struct nd_symfile *a, const struct nd_symfile *b)
{
	uint32_t different = a->type_count != b->type_count;

	for (uint32_t i = 0; i < a->type_count; i++)
		different += !same_type(a, b, a->types[i].name);
	for (uint32_t i = 0; i < a->public_count; i++) {
		const struct nd_public *row = nd_symfile_public(b, a->publics[i].name);

		different += row == NULL || row->rva != a->publics[i].rva;
	}
	return different;
}

static void compare_with_isf(const char *path, const char *layouts)
{
	struct nd_symfile *pdb = NULL, *isf = NULL;
	struct nd_layout a, b;
	struct nd_error err;
	size_t len = 0;
	uint8_t *bytes = unpack(path, &len);

	ok(nd_pdb_read_memory(path, bytes, len, &pdb, &err) == ND_OK, "%s", path);
	free(bytes);
	if (pdb != NULL &&
	    nd_symfile_find(layouts, "ntkrnlmp.pdb", &pdb->id, &isf, NULL) == ND_OK) {
		nd_layout_from_symfile(pdb, &a);
		nd_layout_from_symfile(isf, &b);
		b.source = a.source;
		ok(memcmp(&a, &b, sizeof(a)) == 0, "the same layout as the ISF file");
		ok(count_different(pdb, isf) == 0, "all types and symbols as in the ISF file");
		nd_symfile_free(isf);
	}
	nd_symfile_free(pdb);
}

static void compare_all(const char *pdbs, const char *layouts)
{
	char pattern[4096];
	glob_t found;

	snprintf(pattern, sizeof(pattern), "%s/*.pdb/*/*.pdb*", pdbs);
	if (glob(pattern, 0, NULL, &found) != 0)
		return;
	for (size_t i = 0; i < found.gl_pathc; i++)
		compare_with_isf(found.gl_pathv[i], layouts);
	globfree(&found);
}

int main(void)
{
	const char *path;
	struct nd_symfile *pdb;

	if (!begin_folder(folder)) {
		ok(false, "no temporary folder");
		return done_testing();
	}
	path = make_pdb("plain.pdb", "--age 3");
	pdb = read_pdb(path);
	if (pdb != NULL) {
		ok(pdb->id_known && pdb->id.age == 3, "the age is that of the debug information");
		test_types(pdb);
		test_fields(pdb);
		test_enum(pdb);
		test_publics(pdb);
		nd_symfile_free(pdb);
	}
	test_refused(path);
	test_moved();
	test_circles();
	test_stores();
	test_preference();
	remove_folder(folder);
	if (getenv("NTDUMPFS_PDBS") == NULL || getenv("NTDUMPFS_LAYOUTS") == NULL)
		skip("no NTDUMPFS_PDBS and NTDUMPFS_LAYOUTS with real kernels");
	else
		compare_all(getenv("NTDUMPFS_PDBS"), getenv("NTDUMPFS_LAYOUTS"));
	return done_testing();
}
