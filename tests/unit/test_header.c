/*
 * tests/unit/test_header.c - DUMP_HEADER64 field by field, and what is said of other files.
 */
#include <fcntl.h>
#include <sys/stat.h>

#include "dump_image.h"

static struct image f;

static void test_fields(void)
{
	struct nd_header h;
	struct nd_error err = { "" };

	image_start(&f, 1);
	put64(&f, 0x10, 0x1ad002);
	put64(&f, 0x18, 0xffffec0000000000ull);
	put64(&f, 0x20, 0xfffff8047c62a730ull);
	put64(&f, 0x28, 0xfffff8047c61dff0ull);
	put32(&f, 0x34, 16);
	put32(&f, 0x38, 0x1000007e);
	for (unsigned i = 0; i < 4; i++)
		put64(&f, 0x40 + 8 * i, 0xffffffffc0000005ull + i);
	put_text(&f, 0x60, "a version");
	put(&f, 0x69, 0, 1);
	put64(&f, 0x80, 0xfffff8047c600b20ull);
	put32(&f, 0x88, 2);
	put64(&f, 0x90, 7);
	put64(&f, 0x98, 2);
	put64(&f, 0xa0, 3);
	put64(&f, 0xa8, 0x100000);
	put64(&f, 0xb0, 4);
	put64(&f, 0x348 + 0xf8, 0xfffff80412345678ull);
	put32(&f, 0xf00, 0x80000003);
	put32(&f, 0xf04, 1);
	put64(&f, 0xf08, 0);
	put64(&f, 0xf10, 0xfffff8047bdf3ea0ull);
	put32(&f, 0xf18, 2);
	put64(&f, 0xf20, 11);
	put64(&f, 0xf28, 12);
	put64(&f, 0xfa0, 0x9000);
	put64(&f, 0xfa8, 132760633615170000ull);
	put_text(&f, 0xfb0, "hello");
	put(&f, 0xfb5, 0, 1);
	put64(&f, 0x1030, 0x23bc1e9);
	put32(&f, 0x1038, 0xcff);
	put32(&f, 0x1040, 3);
	put32(&f, 0x1044, 0x110);
	put32(&f, 0x1048, 0);
	put(&f, 0x104d, 0, 1);
	put32(&f, 0x1050, 0x18);
	put32(&f, 0x1054, 0xd);
	if (!is(nd_header_parse(f.bytes, &h, &err), ND_OK, "a full header parses"))
		return;
	is(h.major_version.value, 15, "MajorVersion");
	is(h.minor_version.value, 19041, "MinorVersion");
	is(h.directory_table_base.value, 0x1ad002, "DirectoryTableBase keeps its low bits");
	is(h.pfn_database.value, 0xffffec0000000000ull, "PfnDataBase");
	is(h.ps_loaded_module_list.value, 0xfffff8047c62a730ull, "PsLoadedModuleList");
	is(h.ps_active_process_head.value, 0xfffff8047c61dff0ull, "PsActiveProcessHead");
	is(h.machine_image_type.value, 0x8664, "MachineImageType");
	is(h.number_processors.value, 16, "NumberProcessors");
	is(h.bugcheck_code.value, 0x1000007e, "BugCheckCode");
	is(h.bugcheck_parameter[0].value, 0xffffffffc0000005ull, "BugCheckParameter1");
	is(h.bugcheck_parameter[3].value, 0xffffffffc0000008ull, "BugCheckParameter4");
	is_str(h.version_user, "a version", "VersionUser");
	is(h.kd_debugger_data_block.value, 0xfffff8047c600b20ull, "KdDebuggerDataBlock");
	is(h.number_of_runs.value, 2, "NumberOfRuns");
	is(h.number_of_pages.value, 7, "NumberOfPages");
	is(h.run_count, 2, "two runs");
	is(h.run[1].first, 0x100000, "Run[1].BasePage");
	is(h.run[1].pages, 4, "Run[1].PageCount");
	ok(h.context_set, "a context that is partly written is set");
	is(nd_le64(h.context + 0xf8), 0xfffff80412345678ull, "CONTEXT.Rip");
	is(h.exception_code.value, 0x80000003, "ExceptionCode");
	is(h.exception_flags.value, 1, "ExceptionFlags");
	is(h.exception_record.st, ND_OK, "ExceptionRecord 0 is a value");
	is(h.exception_address.value, 0xfffff8047bdf3ea0ull, "ExceptionAddress");
	is(h.exception_parameter_count, 2, "NumberParameters");
	is(h.exception_parameter[1], 12, "ExceptionInformation[1]");
	is(h.required_dump_space.value, 0x9000, "RequiredDumpSpace");
	is(h.system_time.value, 132760633615170000ull, "SystemTime");
	is_str(h.comment, "hello", "Comment");
	is(h.system_up_time.value, 0x23bc1e9, "SystemUpTime");
	is(h.mini_dump_fields.value, 0xcff, "MiniDumpFields");
	is(h.secondary_data_state.st, ND_NONE, "SecondaryDataState was not written");
	is(h.product_type.value, 3, "ProductType");
	is(h.suite_mask.value, 0x110, "SuiteMask");
	is(h.writer_status.st, ND_OK, "WriterStatus 0 is a value");
	is(h.kd_secondary_version.st, ND_OK, "KdSecondaryVersion 0 is a value");
	is(h.attributes.value, 0x18, "Attributes");
	is(h.boot_id.value, 0xd, "BootId");
}

static void test_fill(void)
{
	struct nd_header h;
	const struct nd_u64 *unset[] = {
		&h.directory_table_base,
		&h.pfn_database,
		&h.bugcheck_code,
		&h.bugcheck_parameter[2],
		&h.kd_debugger_data_block,
		&h.number_of_runs,
		&h.number_of_pages,
		&h.exception_code,
		&h.exception_address,
		&h.required_dump_space,
		&h.system_time,
		&h.system_up_time,
		&h.mini_dump_fields,
		&h.writer_status,
		&h.kd_secondary_version,
		&h.attributes,
		&h.boot_id,
		&h.product_type,
	};
	unsigned none = 0;

	image_start(&f, 4);
	if (!is(nd_header_parse(f.bytes, &h, NULL), ND_OK, "a header of fill parses"))
		return;
	for (size_t i = 0; i < sizeof(unset) / sizeof(*unset); i++)
		none += unset[i]->st == ND_NONE && unset[i]->value == 0;
	is(none, sizeof(unset) / sizeof(*unset), "what holds the fill pattern is not set");
	is(h.run_count, 0, "no runs");
	ok(!h.context_set, "no context");
	is_str(h.comment, "", "no comment");
	is_str(h.version_user, "", "no user version");
	is(h.exception_parameter_count, 0, "no exception parameters");
	memset(f.bytes + 0x348, 0, 0x4d0);
	nd_header_parse(f.bytes, &h, NULL);
	ok(!h.context_set, "a context of zeros is not set");
	put32(&f, 0x88, 0xffffffff);
	put64(&f, 0x98, 1);
	put64(&f, 0xa0, 1);
	put32(&f, 0xf18, 16);
	nd_header_parse(f.bytes, &h, NULL);
	is(h.run_count, 1, "an absurd number of runs ends at the fill");
	is(h.exception_parameter_count, 0, "16 exception parameters cannot be");
	memset(f.bytes + 0xfb0, 'x', 128);
	nd_header_parse(f.bytes, &h, NULL);
	is(strlen(h.comment), 128, "a comment without a NUL ends at its field's end");
}

/* libkdumpfile 0.5.1 does not free what it allocated for a file that it refuses. */
const char *__lsan_default_suppressions(void);
const char *__lsan_default_suppressions(void)
{
	return "leak:libkdumpfile";
}

/* --- refusals ----------------------------------------------------------------------------- */

static void refuse_start(const char *bytes, size_t len, size_t file_bytes, const char *word)
{
	image_end(&f);
	memcpy(image_room(&f, 0, len), bytes, len);
	image_room(&f, file_bytes, 0);
	image_refused(&f, word, "a file of another kind");
}

static void test_other_files(void)
{
	refuse_start("PAGEDUMP", 8, 0x1000, "32-bit");
	refuse_start("PAGEDUMP", 8, 0x3000, "32-bit");
	refuse_start("MDMP\x93\xa7", 6, 0x3000, "MDMP");
	refuse_start("HIBR", 4, 0x3000, "hibernation");
	refuse_start("hibr", 4, 0x3000, "hibernation");
	refuse_start("WAKE", 4, 0x3000, "hibernation");
	refuse_start("RSTR", 4, 0x3000, "hibernation");
	refuse_start("\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\4\0", 18, 0x3000, "ELF core");
	refuse_start("\177ELF\2\1\1\0\0\0\0\0\0\0\0\0\3\0", 18, 0x3000, "an ELF file");
	refuse_start("\177ELF", 4, 4, "an ELF file");
	refuse_start("KDUMP   ", 8, 0x3000, "blocks of 0 bytes");
	refuse_start("makedumpfile\0\0\0\0", 16, 0x3000, "flattened");
	refuse_start("EMiL", 4, 0x3000, "LiME image of version 0");
	refuse_start("\xd2\xbe\xd2\xbe", 4, 0x3000, "VMware");
	refuse_start("\xf0\x00\x1b\x9d\xff\x01\x02\x03", 8, 0x3000, "f0 00 1b 9d ff 01 02 03");
	refuse_start("", 0, 0x3000, "00 00 00 00");
	refuse_start("\x33\xc0", 2, 2, "begins with 33 c0)");
	refuse_start("", 0, 0, "empty");
	refuse_start("PAGEDU64", 8, 0x1fff, "truncated");
	refuse_start("PAGE\0\0\0\0", 8, 0x3000, "unfinished");
	refuse_start("PAGE", 4, 4, "not a Windows crash dump");
}

static void refuse_field(size_t at, uint32_t value, const char *word)
{
	image_start(&f, 1);
	put32(&f, at, value);
	image_refused(&f, word, "a header that cannot be read");
}

static void test_headers(void)
{
	refuse_field(0x30, 0xaa64, "ARM64");
	refuse_field(0x30, 0x14c, "x86");
	refuse_field(0x30, 0x200, "Itanium");
	refuse_field(0x30, 0x1234, "0x1234");
	refuse_field(0x30, 0x45474150, "machine type is not set");
	refuse_field(0xf98, 3, "type 3");
	refuse_field(0xf98, 7, "type 7");
	refuse_field(0xf98, 0, "type 0");
	refuse_field(0xf98, 77, "type 77");
	refuse_field(0xf98, 0x45474150, "dump type is not set");
	refuse_field(0x1050, 0x100, "encrypted");
	refuse_field(0x88, 0x45474150, "list of memory runs");
}

static void refuse_path(const char *path, enum nd_status want, const char *word)
{
	struct nd_source *src = NULL;
	struct nd_error err = { "" };

	is(nd_source_open(path, &src, &err), want, "%s is refused", path);
	if (!ok(strstr(err.text, word) != NULL, "... with \"%s\"", word))
		diag("%s", err.text);
	nd_source_close(src);
}

static void test_paths(void)
{
	char folder[] = P_tmpdir "/test_header.XXXXXX", fifo[64];

	refuse_path("/", ND_EFORMAT, "directory");
	refuse_path("/dev/null", ND_EFORMAT, "neither");
	refuse_path("/no/such/file", ND_EIO, "No such file");
	if (mkdtemp(folder) == NULL)
		abort();
	snprintf(fifo, sizeof(fifo), "%s/fifo", folder);
	if (mkfifo(fifo, 0600) == 0)
		refuse_path(fifo, ND_EFORMAT, "neither");
	unlink(fifo);
	rmdir(folder);
}

static void test_error_line(void)
{
	struct nd_error err;
	char wide[300];

	nd_error_set(NULL, "%d", 1);
	nd_error_set(&err, "a\nb\033[31mc\x7f\xc2\x9b%s", "\xc3\xa4");
	is_str(err.text, "a?b?[31mc???\xc3\xa4", "control characters are replaced");
	memset(wide, 'w', sizeof(wide));
	wide[sizeof(wide) - 1] = '\0';
	nd_error_set(&err, "%s", wide);
	is(strlen(err.text), sizeof(err.text) - 1, "a long line is cut");
}

int main(void)
{
	test_fields();
	test_fill();
	test_other_files();
	test_headers();
	test_paths();
	test_error_line();
	image_end(&f);
	return done_testing();
}
