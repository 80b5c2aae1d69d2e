/*
 * engine/dump/header.c - parsing DUMP_HEADER64, and saying what a file is that has none.
 */
#include <string.h>

#include "dump/container.h"

#define SIGNATURE_PAGE 0x45474150 /* also the pattern of everything that was never written */
#define VALID_DU64 0x34365544
#define VALID_DUMP 0x504d5544

#define MACHINE_AMD64 0x8664
#define MACHINE_ARM64 0xaa64
#define MACHINE_I386 0x014c
#define MACHINE_IA64 0x0200
#define MACHINE_ARMNT 0x01c4

#define ATTRIBUTE_ENCRYPTED (1u << 8)

#define RUNS_AT 0x98
#define CONTEXT_AT 0x348
#define VERSION_USER_AT 0x60
#define COMMENT_AT 0xfb0
#define EXCEPTION_AT 0xf00
#define EXCEPTION_PARAMETERS_AT 0xf20

/* --- fields ------------------------------------------------------------------------------- */

struct field {
	uint16_t offset, bytes;
	uint16_t member; /* offsetof in struct nd_header */
};

// clang-format off
#define FIELD(offset, bytes, name) { offset, bytes, offsetof(struct nd_header, name) }
static const struct field fields[] = {
	FIELD(0x0008, 4, major_version),
	FIELD(0x000c, 4, minor_version),
	FIELD(0x0010, 8, directory_table_base),
	FIELD(0x0018, 8, pfn_database),
	FIELD(0x0020, 8, ps_loaded_module_list),
	FIELD(0x0028, 8, ps_active_process_head),
	FIELD(0x0030, 4, machine_image_type),
	FIELD(0x0034, 4, number_processors),
	FIELD(0x0038, 4, bugcheck_code),
	FIELD(0x0040, 8, bugcheck_parameter[0]),
	FIELD(0x0048, 8, bugcheck_parameter[1]),
	FIELD(0x0050, 8, bugcheck_parameter[2]),
	FIELD(0x0058, 8, bugcheck_parameter[3]),
	FIELD(0x0080, 8, kd_debugger_data_block),
	FIELD(0x0088, 4, number_of_runs),
	FIELD(0x0090, 8, number_of_pages),
	FIELD(0x0f00, 4, exception_code),
	FIELD(0x0f04, 4, exception_flags),
	FIELD(0x0f08, 8, exception_record),
	FIELD(0x0f10, 8, exception_address),
	FIELD(0x0f98, 4, dump_type),
	FIELD(0x0fa0, 8, required_dump_space),
	FIELD(0x0fa8, 8, system_time),
	FIELD(0x1030, 8, system_up_time),
	FIELD(0x1038, 4, mini_dump_fields),
	FIELD(0x103c, 4, secondary_data_state),
	FIELD(0x1040, 4, product_type),
	FIELD(0x1044, 4, suite_mask),
	FIELD(0x1048, 4, writer_status),
	FIELD(0x104d, 1, kd_secondary_version),
	FIELD(0x1050, 4, attributes),
	FIELD(0x1054, 4, boot_id),
};
// clang-format on

static bool is_fill(const uint8_t *bytes, size_t offset, size_t len)
{
	for (size_t i = offset; i < offset + len; i++)
		if (bytes[i] != (uint8_t) "PAGE"[i % 4])
			return false;
	return true;
}

static bool is_zero(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		if (bytes[i] != 0)
			return false;
	return true;
}

static struct nd_u64 read_field(const uint8_t *bytes, size_t offset, size_t len)
{
	struct nd_u64 v = { .st = ND_NONE };

	if (is_fill(bytes, offset, len))
		return v;
	v.st = ND_OK;
	for (size_t i = 0; i < len; i++)
		v.value |= (uint64_t)bytes[offset + i] << 8 * i;
	return v;
}

static void parse_fields(const uint8_t *bytes, struct nd_header *h)
{
	for (size_t i = 0; i < sizeof(fields) / sizeof(*fields); i++) {
		struct nd_u64 v = read_field(bytes, fields[i].offset, fields[i].bytes);

		memcpy((uint8_t *)h + fields[i].member, &v, sizeof(v));
	}
}

/* Text up to its NUL, or "" where nobody wrote any; `ret` has room for len + 1. */
static void parse_text(const uint8_t *bytes, size_t offset, size_t len, char *ret)
{
	memset(ret, 0, len + 1);
	if (!is_fill(bytes, offset, 4))
		memcpy(ret, bytes + offset, strnlen((const char *)bytes + offset, len));
}

static void parse_runs(const uint8_t *bytes, struct nd_header *h)
{
	uint64_t count = h->number_of_runs.st == ND_OK ? h->number_of_runs.value : 0;

	for (uint32_t i = 0; i < count && i < ND_HEADER_RUNS_MAX; i++) {
		size_t at = RUNS_AT + (size_t)i * 16;

		if (is_fill(bytes, at, 8) || is_fill(bytes, at + 8, 8))
			break;
		h->run[i].first = nd_le64(bytes + at);
		h->run[i].pages = nd_le64(bytes + at + 8);
		h->run_count = i + 1;
	}
}

static void parse_exception_parameters(const uint8_t *bytes, struct nd_header *h)
{
	struct nd_u64 count = read_field(bytes, EXCEPTION_AT + 0x18, 4);

	if (count.st != ND_OK || count.value > 15)
		return;
	h->exception_parameter_count = (uint32_t)count.value;
	for (uint32_t i = 0; i < h->exception_parameter_count; i++)
		h->exception_parameter[i] = nd_le64(bytes + EXCEPTION_PARAMETERS_AT + 8 * i);
}

/* --- refusals ----------------------------------------------------------------------------- */

struct magic {
	const char *bytes;
	uint8_t len;
	const char *refusal;
};

// clang-format off
#define NOT_YET " is not supported"
static const struct magic magics[] = {
	{ "PAGEDUMP", 8, "32-bit Windows crash dump (PAGEDUMP); only 64-bit (x64) dumps are supported" },
	{ "MDMP", 4, "user-mode minidump (MDMP) of one process, not a dump of the Windows kernel" },
	{ "hibr", 4, "Windows hibernation file, not a crash dump" },
	{ "HIBR", 4, "Windows hibernation file, not a crash dump" },
	{ "wake", 4, "Windows hibernation file, not a crash dump" },
	{ "WAKE", 4, "Windows hibernation file, not a crash dump" },
	{ "RSTR", 4, "Windows hibernation file, not a crash dump" },
	{ "KDUMP   ", 8, "damaged kdump-compressed dump: shorter than its headers" },
	{ "makedumpfile\0\0\0\0", 16, "a flattened kdump-compressed dump; assemble it first: makedumpfile -R NEW < DUMP" },
	{ "EMiL", 4, "damaged LiME image: shorter than its header" },
	{ "\xd2\xbe\xd2\xbe", 4, "a VMware saved state" NOT_YET },
	{ "\xd3\xbe\xd3\xbe", 4, "a VMware saved state" NOT_YET },
	{ "\xd1\xba\xd1\xba", 4, "a VMware saved state" NOT_YET },
};
// clang-format on

static enum nd_status refuse_elf(const uint8_t *bytes, size_t len, struct nd_error *err)
{
	if (len >= 18 && nd_le16(bytes + 16) == 4)
		nd_error_set(err, "an ELF core that is not of a 64-bit x86 machine");
	else
		nd_error_set(err, "an ELF file, not a Windows crash dump");
	return ND_EFORMAT;
}

static enum nd_status refuse_unknown(const uint8_t *bytes, size_t len, struct nd_error *err)
{
	char hex[8 * 3 + 1] = "";
	static const char digit[] = "0123456789abcdef";
	size_t shown = len < 8 ? len : 8;

	for (size_t i = 0; i < shown; i++) {
		hex[3 * i] = ' ';
		hex[3 * i + 1] = digit[bytes[i] >> 4];
		hex[3 * i + 2] = digit[bytes[i] & 15];
		hex[3 * i + 3] = '\0';
	}
	nd_error_set(err,
		     "not a Windows crash dump (it begins with%s), and too short for raw memory",
		     hex);
	return ND_EFORMAT;
}

static const char *known_refusal(const uint8_t *bytes, size_t len)
{
	for (size_t i = 0; i < sizeof(magics) / sizeof(*magics); i++)
		if (len >= magics[i].len && memcmp(bytes, magics[i].bytes, magics[i].len) == 0)
			return magics[i].refusal;
	return NULL;
}

bool nd_header_is_unknown(const uint8_t *bytes, size_t len)
{
	return len >= 8 && known_refusal(bytes, len) == NULL && memcmp(bytes, "\177ELF", 4) != 0 &&
	       nd_le32(bytes) != SIGNATURE_PAGE;
}

enum nd_status nd_header_sniff(const uint8_t *bytes, size_t len, struct nd_error *err)
{
	if (len == 0) {
		nd_error_set(err, "empty file");
		return ND_EFORMAT;
	}
	if (known_refusal(bytes, len) != NULL) {
		nd_error_set(err, "%s", known_refusal(bytes, len));
		return ND_EFORMAT;
	}
	if (len >= 4 && memcmp(bytes, "\177ELF", 4) == 0)
		return refuse_elf(bytes, len, err);
	if (len < 8 || nd_le32(bytes) != SIGNATURE_PAGE)
		return refuse_unknown(bytes, len, err);
	if (nd_le32(bytes + 4) != VALID_DU64) {
		nd_error_set(err,
			     "unfinished Windows crash dump: ValidDump is 0x%08x instead of DU64",
			     (unsigned)nd_le32(bytes + 4));
		return ND_EFORMAT;
	}
	return ND_OK;
}

static enum nd_status check_machine(struct nd_u64 machine, struct nd_error *err)
{
	static const struct {
		uint16_t number;
		const char *name;
	} machines[] = {
		{ MACHINE_ARM64, "an ARM64" },
		{ MACHINE_I386, "a 32-bit x86" },
		{ MACHINE_IA64, "an Itanium" },
		{ MACHINE_ARMNT, "a 32-bit ARM" },
	};
	const char *name = "an unknown kind of";

	if (machine.st == ND_OK && machine.value == MACHINE_AMD64)
		return ND_OK;
	if (machine.st != ND_OK) {
		nd_error_set(err, "damaged dump header: the machine type is not set");
		return ND_EFORMAT;
	}
	for (size_t i = 0; i < sizeof(machines) / sizeof(*machines); i++)
		if (machine.value == machines[i].number)
			name = machines[i].name;
	nd_error_set(err, "dump of %s machine (type 0x%x); only x64 is supported", name,
		     (unsigned)machine.value);
	return ND_EFORMAT;
}

static enum nd_status check_type(struct nd_u64 type, struct nd_error *err)
{
	unsigned number = (unsigned)type.value;

	if (type.st != ND_OK) {
		nd_error_set(err, "damaged dump header: the dump type is not set");
		return ND_EFORMAT;
	}
	switch (type.value) {
	case ND_DUMP_FULL:
	case ND_DUMP_SUMMARY:
	case ND_DUMP_TRIAGE:
	case ND_DUMP_BITMAP_FULL:
	case ND_DUMP_BITMAP_KERNEL:
	case ND_DUMP_RDMP_KERNEL:
	case ND_DUMP_RDMP_KERNEL_USER:
	case ND_DUMP_RDMP_FULL:
		return ND_OK;
	case ND_DUMP_HEADER_ONLY:
		nd_error_set(err, "header-only dump (type %u): it holds no memory", number);
		break;
	default:
		nd_error_set(err, "dump type %u is not supported", number);
		break;
	}
	return ND_EFORMAT;
}

enum nd_status nd_header_parse(const uint8_t bytes[ND_HEADER_BYTES], struct nd_header *ret,
			       struct nd_error *err)
{
	struct nd_header h = { 0 };
	enum nd_status st = nd_header_sniff(bytes, ND_HEADER_BYTES, err);

	if (st != ND_OK)
		return st;
	parse_fields(bytes, &h);
	st = check_machine(h.machine_image_type, err);
	if (st == ND_OK)
		st = check_type(h.dump_type, err);
	if (st != ND_OK)
		return st;
	if (h.attributes.st == ND_OK && (h.attributes.value & ATTRIBUTE_ENCRYPTED) != 0) {
		nd_error_set(err, "encrypted dump (attributes 0x%x): its pages cannot be read",
			     (unsigned)h.attributes.value);
		return ND_EFORMAT;
	}
	parse_runs(bytes, &h);
	parse_exception_parameters(bytes, &h);
	parse_text(bytes, VERSION_USER_AT, sizeof(h.version_user) - 1, h.version_user);
	parse_text(bytes, COMMENT_AT, sizeof(h.comment) - 1, h.comment);
	memcpy(h.context, bytes + CONTEXT_AT, sizeof(h.context));
	h.context_set = !is_zero(h.context, sizeof(h.context)) &&
			!is_fill(bytes, CONTEXT_AT, sizeof(h.context));
	*ret = h;
	return ND_OK;
}
