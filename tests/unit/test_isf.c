/*
 * tests/unit/test_isf.c - the ISF reader, and finding ISF files in folders.
 */
#include "symfile_compare.h"
#include "tap.h"

#define TINY "tests/unit/data/tiny.isf.json"
#define GUID "11223344556677880123456789ABCDEF"

static struct nd_symfile *tiny;

static const struct nd_field *field_of(const char *type_name, const char *name)
{
	const struct nd_type *type = nd_symfile_type(tiny, type_name);

	return type == NULL ? NULL : nd_symfile_field(tiny, type, name);
}

static bool field_is(const char *name, uint32_t offset, uint32_t bytes, uint32_t count,
		     enum nd_type_kind kind, const char *type_name)
{
	const struct nd_field *field = field_of("_EPROCESS", name);

	return field != NULL && field->offset == offset && field->bytes == bytes &&
	       field->array_count == count && field->type_kind == kind &&
	       strcmp(field->type_name, type_name) == 0;
}

static void test_identity(void)
{
	char guid[33];

	nd_guid_text(tiny->id.guid, guid);
	ok(tiny->kind == ND_SYMFILE_ISF && tiny->id_known && tiny->id.age == 3 &&
		   strcmp(guid, GUID) == 0,
	   "the file states its identity");
	ok(strcmp(tiny->path, TINY) == 0, "and knows where it came from");
}

static void test_fields(void)
{
	const struct nd_field *high = field_of("_EPROCESS", "High");

	ok(field_is("UniqueProcessId", 16, 8, 0, ND_TYPE_POINTER, "void"), "a pointer");
	ok(field_is("Token", 48, 8, 0, ND_TYPE_POINTER, "_OPAQUE"), "a pointer to an unknown type");
	ok(field_is("Routine", 56, 8, 0, ND_TYPE_POINTER, ""), "a pointer to a function");
	ok(field_is("Deep", 88, 8, 0, ND_TYPE_POINTER, ""), "a pointer to a pointer");
	ok(field_is("ImageFileName", 24, 15, 15, ND_TYPE_BASE, "unsigned char"), "an array");
	ok(field_is("Grid", 144, 48, 12, ND_TYPE_BASE, "unsigned long"), "an array of arrays");
	ok(field_is("Links", 192, 64, 4, ND_TYPE_STRUCT, "_LIST_ENTRY"), "an array of structures");
	ok(field_is("Tail", 256, 0, 0, ND_TYPE_BASE, "unsigned long long"), "an array of none");
	ok(field_is("State", 64, 4, 0, ND_TYPE_ENUM, "_STATE"), "an enum");
	ok(field_is("Unknown", 96, 0, 0, ND_TYPE_STRUCT, "_NOT_HERE"),
	   "an unknown type's size is 0");
	ok(field_is("u1", 72, 8, 0, ND_TYPE_STRUCT, "__unnamed_1009") &&
		   field_of("__unnamed_1009", "High") != NULL,
	   "an unnamed type is reached by the name that the field has");
	ok(high != NULL && high->offset == 40 && high->bytes == 4 && high->bit_position == 3 &&
		   high->bit_length == 29,
	   "a bit-field");
	ok(field_of("_EPROCESS", "Nothing") == NULL && nd_symfile_type(tiny, "_NOTHING") == NULL &&
		   nd_symfile_enum(tiny, "_NOTHING") == NULL &&
		   nd_symfile_public(tiny, "Nothing") == NULL,
	   "what is not there is not found");
}

static void test_order(void)
{
	const struct nd_type *type = nd_symfile_type(tiny, "_EPROCESS");
	const struct nd_field *at = &tiny->fields[type->first_field];

	ok(strcmp(at[0].name, "ActiveProcessLinks") == 0 && strcmp(at[3].name, "Flags") == 0 &&
		   strcmp(at[4].name, "Low") == 0 && strcmp(at[5].name, "High") == 0,
	   "fields come by offset, the whole before its bits");
}

static void test_enum(void)
{
	const struct nd_enum *state = nd_symfile_enum(tiny, "_STATE");
	const struct nd_constant *at = &tiny->constants[state->first_constant];

	ok(state->constant_count == 6 && at[1].value == 0 && at[2].value == -1,
	   "an enum's constants, two with one value");
	ok(at[3].value == INT64_MIN && at[4].value == -1,
	   "the lowest number, and the highest unsigned one by its bits");
}

static void test_symbols(void)
{
	const struct nd_public *head = nd_symfile_public(tiny, "PsActiveProcessHead");

	ok(head != NULL && head->rva == 0x5008 && head->flags == 0, "a symbol");
	ok(nd_symfile_public(tiny, "__imp_ExAllocatePool") != NULL &&
		   nd_symfile_public(tiny, "_imp_ExAllocatePool") == NULL,
	   "the linkage name is the name");
	ok(nd_symfile_public(tiny, "Absolute") == NULL &&
		   nd_symfile_public(tiny, "Constant") == NULL &&
		   nd_symfile_public(tiny, "NotOne") == NULL,
	   "what has no address in the image is left out");
	ok(nd_symfile_nearest(tiny, 4) == tiny->public_count, "nothing is below the first");
	ok(strcmp(tiny->publics[nd_symfile_nearest(tiny, 0x1010)].name, "KeBugCheckAlias") == 0 &&
		   strcmp(tiny->publics[nd_symfile_nearest(tiny, 0x5007)].name,
			  "KeBugCheckAlias") == 0,
	   "the nearest of several with one address is the first");
	ok(strcmp(tiny->publics[nd_symfile_nearest(tiny, UINT32_MAX)].name,
		  "__imp_ExAllocatePool") == 0,
	   "the nearest to the end is the last");
}

static bool is_refused(const char *json, size_t len)
{
	struct nd_symfile *file = NULL;
	struct nd_error err = { .text = "" };
	enum nd_status st = nd_isf_read_memory("name", json, len, &file, &err);

	return st == ND_EFORMAT && file == NULL && strncmp(err.text, "name: ", 6) == 0 &&
	       strlen(err.text) > 8;
}

static void test_refused(void)
{
	static const char *const bad[] = {
		"",
		"{",
		"[]",
		"7",
		"{}",
		"{\"symbols\":{}}",
		"{\"symbols\":{\"a\":{\"address\":1}}",
		"{\"symbols\":{\"a\":{\"address\":1}}} {}",
		"{\"symbols\":{\"a\\u0000b\":{\"address\":1}}}",
		"{\"user_types\":{\"a\":{\"size\":1,\"fields\":{\"b\":{}}}}}",
		"{\"user_types\":{\"a\":{\"fields\":{}}}}",
		"{\"user_types\":{\"a\":{\"size\":4294967296,\"fields\":{}}}}",
		"{\"user_types\":{\"a\":{\"size\":1,\"fields\":{\"b\":{\"offset\":4294967296}}}}}",
		"{\"user_types\":{\"a\":{\"size\":1,\"fields\":{\"b\":{\"offset\":0,\"type\":"
		"{\"kind\":\"bitfield\",\"bit_position\":60,\"bit_length\":5}}}}}}",
		"{\"user_types\":{\"a\":{\"size\":1,\"fields\":{\"b\":{\"offset\":0,\"type\":"
		"{\"kind\":\"array\",\"count\":65536,\"subtype\":"
		"{\"kind\":\"array\",\"count\":65536}}}}}}}",
		"{\"enums\":{\"a\":{\"constants\":{\"b\":18446744073709551616}}}}",
		"{\"enums\":{\"a\":{\"constants\":{\"b\":1.5}}}}",
		"{\"enums\":{\"a\":{\"constants\":{\"b\":-9223372036854775809}}}}",
	};
	char deep[4096];

	for (size_t i = 0; i < sizeof(bad) / sizeof(*bad); i++)
		ok(is_refused(bad[i], strlen(bad[i])), "refused with a reason: %.60s", bad[i]);
	memset(deep, '[', sizeof(deep));
	memcpy(deep, "{\"a\":", 5);
	ok(is_refused(deep, sizeof(deep)), "refused with a reason: too deep");
}

static void test_xz(void)
{
	struct nd_symfile *file = NULL;
	struct nd_error err;
	size_t len = 0, refused = 0;
	char *xz = get_file("tests/fuzz/corpus/isf/tiny.json.xz", &len);

	ok(xz != NULL && nd_isf_read_memory("xz", xz, len, &file, &err) == ND_OK &&
		   same_type(file, tiny, "_EPROCESS") && file->public_count == tiny->public_count,
	   "an xz file is recognised by its contents");
	nd_symfile_free(file);
	for (size_t cut = 0; xz != NULL && cut < len; cut++)
		refused += is_refused(xz, cut);
	ok(refused == len, "cut short anywhere it is refused");
	free(xz);
}

static void test_id_only(void)
{
	struct nd_guid_age id = { .age = 99 };
	struct nd_error err;

	ok(nd_isf_read_id(TINY, &id, &err) == ND_OK && id.age == 3 &&
		   memcmp(id.guid, tiny->id.guid, 16) == 0,
	   "the identity alone");
	ok(nd_isf_read_id("/dev/null", &id, &err) == ND_EIO, "a device is no symbol file");
	ok(nd_isf_read_id("tests/unit/data", &id, &err) == ND_EIO, "nor is a folder");
	ok(nd_isf_read_id("tests/unit/data/no-such-file", &id, &err) == ND_EIO &&
		   strstr(err.text, "no-such-file") != NULL,
	   "nor what is not there");
}

/* Whether the tiny file is found; the text must hold `say` (NULL: not looked at). */
static bool find(const char *search, const char *pdb_name, uint32_t age, const char *say)
{
	struct nd_guid_age id = tiny->id;
	struct nd_symfile *file = NULL;
	char *tried = NULL;
	enum nd_status st;
	bool said;

	id.age = age;
	st = nd_symfile_find(search, pdb_name, &id, &file, &tried);
	said = tried != NULL && (say == NULL || strstr(tried, say) != NULL);
	if (!said)
		printf("# tried: %s\n", tried);
	free(tried);
	nd_symfile_free(file);
	return said && st == (file != NULL ? ND_OK : ND_NO_SYMBOLS) && file != NULL;
}

static void test_find_layouts(const char *folder, const char *json, size_t len)
{
	static const char *const layouts[] = {
		"ntkrnlmp.pdb/" GUID "-3.json",
		"symbols/windows/ntkrnlmp.pdb/" GUID "-3.json",
		"windows/NTKRNLMP.PDB/11223344556677880123456789abcdef-3.json",
		GUID "-3.json",
		"any name.JSON",
	};
	char path[512];

	for (size_t i = 0; i < sizeof(layouts) / sizeof(*layouts); i++) {
		char root[128];

		snprintf(root, sizeof(root), "%s/layout%zu", folder, i);
		snprintf(path, sizeof(path), "%s/%s", root, layouts[i]);
		ok(put_file(path, json, len) && find(root, "ntkrnlmp.pdb", 3, NULL), "found: %s",
		   layouts[i]);
	}
	ok(find(path, "ntkrnlmp.pdb", 3, NULL), "found: the file itself in the list");
	ok(!find(path, "ntkrnlmp.pdb", 4, "of another image"), "of another age: said, not used");
	snprintf(path, sizeof(path), "/no-such-folder:%s/layout0", folder);
	ok(find(path, "NTKRNLMP.pdb", 3, "/no-such-folder: does not exist"),
	   "a list of folders, and a name in another case");
	snprintf(path, sizeof(path), "SRV*%s/layout0*https://example.invalid/x;C:\\x", folder);
	ok(find(path, "ntkrnlmp.pdb", 3, "https://example.invalid/x: not a local folder"),
	   "a list as Windows writes it");
	snprintf(path, sizeof(path), "%s/layout0", folder);
	setenv("NTDUMPFS_SYMBOLS", path, 1);
	ok(find(NULL, "ntkrnlmp.pdb", 3, NULL), "the folders of $NTDUMPFS_SYMBOLS");
	unsetenv("NTDUMPFS_SYMBOLS");
	ok(!find(NULL, "ntkrnlmp.pdb", 3, "ntdumpfs: does not exist"), "and no others without it");
	snprintf(path, sizeof(path), "%s/ntdumpfs/ntkrnlmp.pdb/" GUID "-3.json", folder);
	ok(put_file(path, json, len) && find(NULL, "ntkrnlmp.pdb", 3, NULL), "the cache folder");
}

static void test_find_hostile(const char *folder, const char *json, size_t len)
{
	static const char *const names[] = {
		"",
		".",
		"..",
		".hidden",
		"../ntkrnlmp.pdb",
		"a/b",
		"a b",
		"nt\nkrnl.pdb",
		"0123456789012345678901234567890123456789012345678901234567890123456789.pdb",
	};
	char root[128], path[512];

	snprintf(root, sizeof(root), "%s/no-cache", folder);
	setenv("XDG_CACHE_HOME", root, 1);
	snprintf(root, sizeof(root), "%s/layout0", folder);
	for (size_t i = 0; i < sizeof(names) / sizeof(*names); i++)
		ok(!find(root, names[i], 3, "names its symbol file"), "a bad name finds nothing");
	snprintf(root, sizeof(root), "%s/wrong", folder);
	snprintf(path, sizeof(path), "%s/ntkrnlmp.pdb/" GUID "-9.json", root);
	ok(put_file(path, json, len) && !find(root, "ntkrnlmp.pdb", 9, GUID " age 3"),
	   "what the file states counts, not its name");
	ok(put_file(path, json, len / 2) && !find(root, "ntkrnlmp.pdb", 3, NULL),
	   "half a file is not used");
	snprintf(path, sizeof(path), "%s/bad\nname.json", root);
	ok(put_file(path, "{}", 2) && !find(root, "ntkrnlmp.pdb", 3, "bad?name.json: "),
	   "a file's name cannot break the lines of the text");
}

int main(void)
{
	struct nd_error err = { .text = "" };
	char folder[64];
	size_t len = 0;
	char *json = get_file(TINY, &len);

	if (json == NULL || nd_isf_read(TINY, &tiny, &err) != ND_OK) {
		ok(false, "%s: %s", TINY, err.text);
		return done_testing();
	}
	test_identity();
	test_fields();
	test_order();
	test_enum();
	test_symbols();
	test_refused();
	test_xz();
	test_id_only();
	if (begin_folder(folder)) {
		test_find_layouts(folder, json, len);
		test_find_hostile(folder, json, len);
		remove_folder(folder);
	}
	nd_symfile_free(tiny);
	free(json);
	return done_testing();
}
