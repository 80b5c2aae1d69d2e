/*
 * engine/sym/isf.c - reads an Intermediate Symbol Format file (JSON, perhaps xz-compressed) event by
 * event; no tree is built. What an object comes to, when it closes, is in isf_rows.c.
 */
#include "sym/isf.h"
#include "sym/symio.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>
#include <yajl/yajl_parse.h>

// clang-format off
/* Which key of `in` opens which place; NULL: any key. */
static const struct {
	const char *key;
	enum nd_isf_place in, opens;
} places[] = {
	{ "metadata", IN_TOP, IN_METADATA },
	{ "base_types", IN_TOP, IN_BASE_TYPES },
	{ "user_types", IN_TOP, IN_USER_TYPES },
	{ "enums", IN_TOP, IN_ENUMS },
	{ "symbols", IN_TOP, IN_SYMBOLS },
	{ "windows", IN_METADATA, IN_WINDOWS },
	{ "pdb", IN_WINDOWS, IN_PDB },
	{ NULL, IN_BASE_TYPES, IN_BASE_TYPE },
	{ NULL, IN_USER_TYPES, IN_USER_TYPE },
	{ "fields", IN_USER_TYPE, IN_FIELDS },
	{ NULL, IN_FIELDS, IN_FIELD },
	{ "type", IN_FIELD, IN_FIELD_TYPE },
	{ "subtype", IN_FIELD_TYPE, IN_FIELD_TYPE },
	{ "type", IN_FIELD_TYPE, IN_FIELD_TYPE },
	{ NULL, IN_ENUMS, IN_ENUM },
	{ "constants", IN_ENUM, IN_CONSTANTS },
	{ NULL, IN_SYMBOLS, IN_SYMBOL },
};
// clang-format on

static enum nd_isf_place here(const struct nd_isf_reader *r)
{
	return r->depth == 0 ? IN_NOTHING : r->place[r->depth - 1];
}

static enum nd_isf_place place_opened(const struct nd_isf_reader *r)
{
	if (r->depth == 0)
		return IN_TOP;
	for (size_t i = 0; i < sizeof(places) / sizeof(*places); i++) {
		if (places[i].in == here(r) &&
		    (places[i].key == NULL || strcmp(places[i].key, r->key) == 0))
			return r->id_only && r->depth == 1 && places[i].opens != IN_METADATA
				       ? IN_SKIPPED
				       : places[i].opens;
	}
	return IN_SKIPPED;
}

static void open_type_level(struct nd_isf_reader *r)
{
	if (r->type_open == 0)
		r->type_levels = 0;
	r->type[r->type_open++] = (struct nd_isf_level){ .name = "" };
	if (r->type_levels < r->type_open)
		r->type_levels = r->type_open;
}

static void open_place(struct nd_isf_reader *r, enum nd_isf_place place)
{
	switch (place) {
	case IN_BASE_TYPE:
	case IN_USER_TYPE:
	case IN_ENUM:
		r->bytes_known = false;
		break;
	case IN_FIELD:
		r->offset_known = false;
		r->type_levels = 0;
		break;
	case IN_FIELD_TYPE:
		open_type_level(r);
		break;
	case IN_SYMBOL:
		r->address_known = false;
		r->linkage_name = NULL;
		break;
	default:
		break;
	}
}

static int on_start_map(void *context)
{
	struct nd_isf_reader *r = context;
	enum nd_isf_place place = place_opened(r);

	if (r->depth == ND_ISF_MAX_DEPTH)
		return nd_isf_refuse(r, "nested too deeply");
	r->place[r->depth++] = place;
	open_place(r, place);
	return nd_isf_go_on(r);
}

static int on_start_array(void *context)
{
	struct nd_isf_reader *r = context;

	if (r->depth == ND_ISF_MAX_DEPTH)
		return nd_isf_refuse(r, "nested too deeply");
	if (r->depth == 0)
		return nd_isf_refuse(r, "not an object");
	r->place[r->depth++] = IN_SKIPPED;
	return 1;
}

static int on_key(void *context, const unsigned char *bytes, size_t len)
{
	struct nd_isf_reader *r = context;

	r->key[0] = '\0';
	if (len < sizeof(r->key) && memchr(bytes, '\0', len) == NULL) {
		memcpy(r->key, bytes, len);
		r->key[len] = '\0';
	}
	switch (here(r)) {
	case IN_BASE_TYPES:
	case IN_USER_TYPES:
	case IN_ENUMS:
	case IN_SYMBOLS:
		r->name = nd_symbuild_name(&r->build, bytes, len);
		break;
	case IN_FIELDS:
		r->field_name = nd_symbuild_name(&r->build, bytes, len);
		break;
	case IN_CONSTANTS:
		r->constant_name = nd_symbuild_name(&r->build, bytes, len);
		break;
	default:
		break;
	}
	return nd_isf_go_on(r);
}

struct number {
	bool negative, known;
	uint64_t value; /* magnitude */
};

/* An integer as JSON writes it; unknown when it has a fraction or does not fit 64 bits. */
static struct number parse_number(const char *text, size_t len)
{
	struct number ret = { .negative = len > 0 && text[0] == '-' };

	for (size_t i = ret.negative; i < len; i++) {
		if (text[i] < '0' || text[i] > '9' ||
		    __builtin_mul_overflow(ret.value, 10u, &ret.value) ||
		    __builtin_add_overflow(ret.value, (uint64_t)(text[i] - '0'), &ret.value))
			return (struct number){ .known = false };
	}
	ret.known = len > (size_t)ret.negative;
	return ret;
}

static bool key_is(const struct nd_isf_reader *r, const char *key)
{
	return strcmp(r->key, key) == 0;
}

static void number_in_type(struct nd_isf_reader *r, uint64_t value)
{
	struct nd_isf_level *level = &r->type[r->type_open - 1];

	if (key_is(r, "count"))
		level->count = value;
	else if (key_is(r, "bit_position"))
		level->bit_position = value;
	else if (key_is(r, "bit_length"))
		level->bit_length = value;
}

/* A plain number, zero or above, that is the value of `key`. */
static void number_here(struct nd_isf_reader *r, uint64_t value)
{
	switch (here(r)) {
	case IN_PDB:
		if (key_is(r, "age") && value <= UINT32_MAX) {
			r->id.age = (uint32_t)value;
			r->age_known = true;
		}
		break;
	case IN_BASE_TYPE:
	case IN_USER_TYPE:
	case IN_ENUM:
		if (key_is(r, "size")) {
			r->bytes = value;
			r->bytes_known = true;
		}
		break;
	case IN_FIELD:
		if (key_is(r, "offset")) {
			r->offset = value;
			r->offset_known = true;
		}
		break;
	case IN_FIELD_TYPE:
		number_in_type(r, value);
		break;
	case IN_SYMBOL:
		if (key_is(r, "address")) {
			r->address = value;
			r->address_known = true;
		}
		break;
	default:
		break;
	}
}

static int on_number(void *context, const char *text, size_t len)
{
	struct nd_isf_reader *r = context;
	struct number n = parse_number(text, len);

	if (here(r) == IN_CONSTANTS) {
		if (!n.known || (n.negative && n.value > (uint64_t)INT64_MAX + 1))
			return nd_isf_refuse(r, "an enum constant is not a 64-bit number");
		nd_symbuild_constant(&r->build, r->constant_name,
				     (int64_t)(n.negative ? 0 - n.value : n.value));
	} else if (n.known && !n.negative) {
		number_here(r, n.value);
	}
	return nd_isf_go_on(r);
}

static void set_type_kind(struct nd_isf_level *level, const unsigned char *bytes, size_t len)
{
	// clang-format off
	static const struct {
		const char *text;
		enum nd_isf_kind kind;
		enum nd_type_kind named;
	} kinds[] = {
		{ "base", KIND_NAMED, ND_TYPE_BASE },
		{ "struct", KIND_NAMED, ND_TYPE_STRUCT },
		{ "union", KIND_NAMED, ND_TYPE_STRUCT },
		{ "class", KIND_NAMED, ND_TYPE_STRUCT },
		{ "enum", KIND_NAMED, ND_TYPE_ENUM },
		{ "pointer", KIND_POINTER, ND_TYPE_POINTER },
		{ "array", KIND_ARRAY, ND_TYPE_OTHER },
		{ "bitfield", KIND_BITS, ND_TYPE_OTHER },
		{ "function", KIND_FUNCTION, ND_TYPE_OTHER },
	};
	// clang-format on

	for (size_t i = 0; i < sizeof(kinds) / sizeof(*kinds); i++) {
		if (strlen(kinds[i].text) == len && memcmp(kinds[i].text, bytes, len) == 0) {
			level->kind = kinds[i].kind;
			level->named = kinds[i].named;
		}
	}
}

static void read_guid(struct nd_isf_reader *r, const unsigned char *bytes, size_t len)
{
	char text[33];

	if (len != sizeof(text) - 1)
		return;
	memcpy(text, bytes, len);
	text[len] = '\0';
	r->guid_known = nd_guid_parse(text, r->id.guid);
}

static int on_string(void *context, const unsigned char *bytes, size_t len)
{
	struct nd_isf_reader *r = context;

	if (here(r) == IN_FIELD_TYPE) {
		struct nd_isf_level *level = &r->type[r->type_open - 1];

		if (key_is(r, "kind"))
			set_type_kind(level, bytes, len);
		else if (key_is(r, "name"))
			level->name = nd_symbuild_name(&r->build, bytes, len);
	} else if (here(r) == IN_SYMBOL && key_is(r, "linkage_name")) {
		r->linkage_name = nd_symbuild_name(&r->build, bytes, len);
	} else if (here(r) == IN_PDB && key_is(r, "GUID")) {
		read_guid(r, bytes, len);
	} else if (here(r) == IN_PDB && key_is(r, "database") && len < sizeof(r->database)) {
		memcpy(r->database, bytes, len);
		r->database[len] = '\0';
	}
	return nd_isf_go_on(r);
}

static int close_place(struct nd_isf_reader *r, enum nd_isf_place place)
{
	switch (place) {
	case IN_BASE_TYPE:
		return nd_isf_add_base(r);
	case IN_USER_TYPE:
		return nd_isf_add_type(r);
	case IN_FIELD:
		return nd_isf_add_field(r);
	case IN_FIELD_TYPE:
		r->type_open--;
		return 1;
	case IN_ENUM:
		return nd_isf_add_enum(r);
	case IN_SYMBOL:
		return nd_isf_add_symbol(r);
	case IN_PDB:
		r->done = r->id_only && r->guid_known && r->age_known;
		return !r->done;
	default:
		return 1;
	}
}

static int on_end(void *context)
{
	struct nd_isf_reader *r = context;
	enum nd_isf_place place = here(r);

	if (r->depth == 0) /* yajl pairs its events: never */
		return 0;
	r->depth--;
	return close_place(r, place);
}

static int on_null(void *context)
{
	(void)context;
	return 1;
}

static int on_boolean(void *context, int value)
{
	(void)context;
	(void)value;
	return 1;
}

static const yajl_callbacks callbacks = {
	.yajl_null = on_null,
	.yajl_boolean = on_boolean,
	.yajl_number = on_number,
	.yajl_string = on_string,
	.yajl_start_map = on_start_map,
	.yajl_map_key = on_key,
	.yajl_end_map = on_end,
	.yajl_start_array = on_start_array,
	.yajl_end_array = on_end,
};

static enum nd_status parse_pieces(struct nd_isf_reader *r, struct nd_symio *io, yajl_handle json)
{
	for (;;) {
		const uint8_t *piece;
		size_t len;
		enum nd_status st = nd_symio_next(io, &piece, &len, r->err);
		yajl_status answer;

		if (st != ND_OK)
			return st;
		answer = len == 0 ? yajl_complete_parse(json) : yajl_parse(json, piece, len);
		if (r->done || r->build.st != ND_OK)
			return r->build.st;
		if (answer != yajl_status_ok) {
			r->trouble = "not JSON, or cut short";
			return ND_EFORMAT;
		}
		if (len == 0)
			return ND_OK;
	}
}

/* Everything between an open file (or memory) and filled tables. */
static enum nd_status parse(struct nd_isf_reader *r, int fd, const void *memory, size_t len,
			    const char *path)
{
	struct nd_symio *io = malloc(sizeof(*io));
	yajl_handle json = yajl_alloc(&callbacks, NULL, r);
	struct nd_error inner = { .text = "" };
	enum nd_status st = ND_ENOMEM;
	struct nd_error *err = r->err;

	r->err = &inner;
	r->base = calloc(ND_ISF_MAX_BASE_TYPES, sizeof(*r->base));
	if (io != NULL && json != NULL && r->base != NULL) {
		yajl_config(json, yajl_dont_validate_strings, 1);
		st = nd_symio_begin(io, fd, memory, len, path, r->err);
		if (st == ND_OK)
			st = parse_pieces(r, io, json);
		nd_symio_end(io);
	}
	if (st != ND_OK) {
		const char *why = r->trouble != NULL ? r->trouble : inner.text;

		if (st == ND_ENOMEM && why[0] == '\0')
			why = "out of memory, or larger than a symbol file can be";
		nd_error_set(err, "%s: %s", path, why[0] == '\0' ? "a damaged name" : why);
	}
	r->err = err;
	if (json != NULL)
		yajl_free(json);
	free(io);
	return st;
}

static enum nd_status read_all(int fd, const void *memory, size_t len, const char *path,
			       struct nd_symfile **ret, struct nd_error *err)
{
	struct nd_isf_reader *r = calloc(1, sizeof(*r));
	struct nd_symfile *file = NULL;
	enum nd_status st;

	if (r == NULL)
		return ND_ENOMEM;
	r->err = err;
	nd_symbuild_begin(&r->build, ND_SYMFILE_ISF, path);
	st = r->build.st == ND_OK ? parse(r, fd, memory, len, path) : ND_ENOMEM;
	nd_symbuild_fail(&r->build, st);
	if (st == ND_OK && r->build.file->type_count == 0 && r->build.file->public_count == 0) {
		nd_error_set(err, "%s: has neither types nor symbols", path);
		nd_symbuild_fail(&r->build, ND_EFORMAT);
	}
	st = nd_symbuild_finish(&r->build, &file);
	if (st == ND_OK) {
		nd_isf_size_fields(r, file);
		nd_symbuild_sort_fields(file);
		file->id = r->id;
		file->id_known = r->guid_known && r->age_known;
		*ret = file;
	}
	free(r->base);
	free(r->enums);
	free(r);
	return st;
}

enum nd_status nd_isf_read_memory(const char *path, const void *bytes, size_t len,
				  struct nd_symfile **ret, struct nd_error *err)
{
	return read_all(-1, bytes, len, path, ret, err);
}

enum nd_status nd_isf_read(const char *path, struct nd_symfile **ret, struct nd_error *err)
{
	int fd = nd_symio_open_file(path, err);
	enum nd_status st;

	if (fd < 0)
		return ND_EIO;
	st = read_all(fd, NULL, 0, path, ret, err);
	close(fd);
	return st;
}

enum nd_status nd_isf_identify(const char *path, struct nd_symfile_id *ret, struct nd_error *err)
{
	struct nd_isf_reader *r = calloc(1, sizeof(*r));
	enum nd_status st = ND_ENOMEM;
	int fd = nd_symio_open_file(path, err);

	if (r != NULL && fd >= 0) {
		r->err = err;
		r->id_only = true;
		nd_symbuild_begin(&r->build, ND_SYMFILE_ISF, path);
		st = r->build.st == ND_OK ? parse(r, fd, NULL, 0, path) : ND_ENOMEM;
		nd_symbuild_abandon(&r->build);
		if (st == ND_OK && !(r->guid_known && r->age_known))
			st = ND_NO_SYMBOLS;
		if (st == ND_OK)
			*ret = (struct nd_symfile_id){ .kind = ND_SYMFILE_ISF, .id = r->id };
		if (st == ND_OK)
			memcpy(ret->pdb_name, r->database, sizeof(ret->pdb_name));
		free(r->base);
		free(r->enums);
	}
	free(r);
	if (fd >= 0)
		close(fd);
	return fd < 0 ? ND_EIO : st;
}

enum nd_status nd_isf_read_id(const char *path, struct nd_guid_age *ret, struct nd_error *err)
{
	struct nd_symfile_id id;
	enum nd_status st = nd_isf_identify(path, &id, err);

	if (st == ND_OK)
		*ret = id.id;
	return st;
}
