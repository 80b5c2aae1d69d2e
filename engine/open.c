/*
 * engine/open.c - opening a dump: container, page tables, kernel image, layout, key variables.
 * A fixed number of reads, whatever the size of the dump.
 */
#include <stdlib.h>
#include <string.h>

#include "ntdump.h"
#include "nt/find_kernel.h"
#include "nt/find_other.h"
#include "nt/kdbg.h"
#include "nt/system.h"
#include "nt/tables.h"
#include "sym/pe.h"
#include "sym/rec.h"

#define CR3_MASK 0x000ffffffffff000ull
#define SYSTEM_PID 4
#define BUILD_LAB_BYTES 64
/* KLDR_DATA_TABLE_ENTRY.DllBase: the same place from Windows 7 to 11; needed before any layout. */
#define KLDR_DLL_BASE 0x30
#define KUSER_NT_BUILD_NUMBER 0x260

/* Whether the header's module list reads as a ring in this space: the test of a page-table root. */
static bool space_fits(const struct nd_space *space, nd_va list)
{
	struct nd_u64 next = nd_read_num(space, list, 8), back;

	if (next.st != ND_OK || !nd_va_is_kernel(next.value))
		return false;
	back = nd_read_num(space, next.value + 8, 8);
	return back.st == ND_OK && back.value == list;
}

static void find_space(struct nd_dump *dump)
{
	const struct nd_header *h = dump->header;

	dump->kernel = (struct nd_space){ .dump = dump };
	if (nd_source_is_virtual(dump->src) || !h || h->directory_table_base.st != ND_OK)
		return;
	dump->kernel.root = h->directory_table_base.value & CR3_MASK;
	dump->kernel.levels = 5; /* a PML4 read as PML5 leads nowhere, and the other way round */
	if (h->ps_loaded_module_list.st == ND_OK &&
	    space_fits(&dump->kernel, h->ps_loaded_module_list.value))
		return;
	dump->kernel.levels = 4;
}

static void set_symbol(struct nd_dump *dump, enum nd_symbol_id id, struct nd_u64 v)
{
	if (dump->symbol[id] == 0 && v.st == ND_OK && nd_va_is_kernel(v.value))
		dump->symbol[id] = v.value;
}

/* Addresses that KDBG gives without any symbols. */
static void use_kdbg(struct nd_dump *dump)
{
	static const struct {
		enum nd_symbol_id symbol;
		enum nd_kdbg_member member;
	} rows[] = {
		{ ND_SYM_PsLoadedModuleList, ND_KDBG_PsLoadedModuleList },
		{ ND_SYM_PsActiveProcessHead, ND_KDBG_PsActiveProcessHead },
		{ ND_SYM_PspCidTable, ND_KDBG_PspCidTable },
		{ ND_SYM_KeTimeIncrement, ND_KDBG_KeTimeIncrement },
		{ ND_SYM_KiBugCheckData, ND_KDBG_KiBugcheckData },
		{ ND_SYM_ObpRootDirectoryObject, ND_KDBG_ObpRootDirectoryObject },
		{ ND_SYM_ObpTypeObjectType, ND_KDBG_ObpTypeObjectType },
		{ ND_SYM_MmPfnDatabase, ND_KDBG_MmPfnDatabase },
		{ ND_SYM_NtBuildLab, ND_KDBG_NtBuildLab },
		{ ND_SYM_KiProcessorBlock, ND_KDBG_KiProcessorBlock },
		{ ND_SYM_MmUnloadedDrivers, ND_KDBG_MmUnloadedDrivers },
		{ ND_SYM_MmLastUnloadedDriver, ND_KDBG_MmLastUnloadedDriver },
	};

	for (size_t i = 0; i < sizeof(rows) / sizeof(*rows); i++)
		set_symbol(dump, rows[i].symbol, nd_kdbg_get(dump, rows[i].member, 8));
}

/* Addresses that the header gives, and KDBG through it. */
static void find_kdbg(struct nd_dump *dump)
{
	const struct nd_header *h = dump->header;

	set_symbol(dump, ND_SYM_PsLoadedModuleList, h->ps_loaded_module_list);
	set_symbol(dump, ND_SYM_PsActiveProcessHead, h->ps_active_process_head);
	if (h->kd_debugger_data_block.st != ND_OK ||
	    !nd_kdbg_check(&dump->kernel, h->kd_debugger_data_block.value, &dump->kdbg_bytes))
		return;
	dump->kdbg = h->kd_debugger_data_block.value;
	use_kdbg(dump);
}

/* KDBG.KernBase, else the first loaded module: both name the kernel's image. */
static void find_kernel_base(struct nd_dump *dump)
{
	struct nd_u64 base = nd_kdbg_get(dump, ND_KDBG_KernBase, 8), first;
	struct nd_triage_driver driver;

	if (base.st == ND_OK && nd_va_is_kernel(base.value) && !(base.value & 0xfff)) {
		dump->kernel_base = base.value;
		dump->kernel_found = "KDBG.KernBase";
		return;
	}
	if (nd_source_triage(dump->src) &&
	    nd_source_triage_driver(dump->src, 0, &driver) == ND_OK) {
		dump->kernel_base = driver.base;
		dump->kernel_found = "driver list";
		return;
	}
	if (dump->symbol[ND_SYM_PsLoadedModuleList] == 0)
		return;
	first = nd_read_num(&dump->kernel, dump->symbol[ND_SYM_PsLoadedModuleList], 8);
	if (first.st != ND_OK || !nd_va_is_kernel(first.value))
		return;
	base = nd_read_num(&dump->kernel, first.value + KLDR_DLL_BASE, 8);
	if (base.st == ND_OK && nd_va_is_kernel(base.value) && !(base.value & 0xfff)) {
		dump->kernel_base = base.value;
		dump->kernel_found = "PsLoadedModuleList";
	}
}

static void read_kernel_image(struct nd_dump *dump)
{
	struct nd_pe pe;

	if (dump->kernel_base == 0 || nd_pe_read(&dump->kernel, dump->kernel_base, &pe) != ND_OK)
		return;
	dump->kernel_bytes = pe.size_bytes;
	dump->kernel_id_known = nd_pe_rsds(&pe, &dump->kernel_id, dump->kernel_pdb) == ND_OK;
	if (!dump->kernel_id_known)
		dump->kernel_pdb[0] = '\0';
}

static bool parse_number(const char **p, uint32_t *ret)
{
	uint32_t v = 0;
	const char *s = *p;

	while (*s >= '0' && *s <= '9' && v < 10000000)
		v = v * 10 + (uint32_t)(*s++ - '0');
	if (s == *p)
		return false;
	*p = s;
	*ret = v;
	return true;
}

/* KUSER_SHARED_DATA.NtBuildNumber: at the same place in every build that has it. */
static uint32_t shared_build(const struct nd_dump *dump)
{
	struct nd_u64 v =
		nd_read_num(&dump->kernel, ND_KUSER_SHARED_DATA + KUSER_NT_BUILD_NUMBER, 4);

	return v.st == ND_OK && v.value < 100000 ? (uint32_t)v.value : 0;
}

/* "10240.16393.amd64fre.th1_st1.150717-1719": build and revision of this very kernel. */
static void read_build(struct nd_dump *dump)
{
	char lab[BUILD_LAB_BYTES + 1] = { 0 };
	const char *p = lab;
	uint32_t build, revision;
	size_t got = 0;

	if (dump->header && dump->header->minor_version.st == ND_OK)
		dump->build = (uint32_t)dump->header->minor_version.value & 0xffff;
	else if (!dump->header && dump->build == 0)
		dump->build = shared_build(dump);
	if (dump->symbol[ND_SYM_NtBuildLab] == 0)
		return;
	nd_read_some(&dump->kernel, dump->symbol[ND_SYM_NtBuildLab], lab, BUILD_LAB_BYTES, &got);
	if (got == 0 || !parse_number(&p, &build) || *p++ != '.' || !parse_number(&p, &revision))
		return;
	dump->build = build;
	dump->revision = revision;
}

/* A layout fits when KDBG agrees and the first process on the list is System. */
static bool layout_fits(struct nd_dump *dump, const struct nd_layout *layout)
{
	struct nd_layout before = dump->layout;
	struct nd_kdbg_check_row row;
	struct nd_u64 link, pid;
	char name[8] = { 0 };
	nd_va system;
	bool fits = nd_kdbg_mismatch(dump, layout, 0, &row) == ND_ENOENT;

	if (!fits || nd_source_is_virtual(dump->src))
		return fits;
	link = nd_read_num(&dump->kernel, dump->symbol[ND_SYM_PsActiveProcessHead], 8);
	if (link.st != ND_OK)
		return nd_is_missing(link.st) && dump->kdbg != 0;
	dump->layout = *layout;
	system = link.value - nd_offset(dump, ND_M_EPROCESS_ActiveProcessLinks);
	pid = nd_member_read(&dump->kernel, system, ND_M_EPROCESS_UniqueProcessId);
	fits = pid.st == ND_OK && pid.value == SYSTEM_PID &&
	       nd_read(&dump->kernel, system + nd_offset(dump, ND_M_EPROCESS_ImageFileName), name,
		       7) == ND_OK &&
	       strcmp(name, "System") == 0;
	dump->layout = before;
	return fits;
}

/* What the symbol file of this very kernel says; nothing without one. */
static void read_symbol_file(struct nd_dump *dump, struct nd_layout *ret)
{
	nd_layout_clear(ret);
	if (dump->kernel_id_known &&
	    nd_symstore_get(dump->symbols, dump->kernel_pdb, &dump->kernel_id,
			    &dump->kernel_symbols, &dump->symbols_tried) == ND_OK)
		nd_layout_from_symfile(dump->kernel_symbols, ret);
}

/* A file may have names and no types. */
static bool has_types(const struct nd_layout *layout)
{
	return layout->member[ND_M_EPROCESS_ActiveProcessLinks].offset != ND_OFFSET_ABSENT &&
	       layout->member[ND_M_EPROCESS_UniqueProcessId].offset != ND_OFFSET_ABSENT;
}

/* The built-in profile that this kernel has, or one that fits it. */
static void choose_profile(struct nd_dump *dump)
{
	struct nd_layout candidate;

	if (dump->kernel_id_known && nd_profile_exact(&dump->kernel_id, &candidate) == ND_OK) {
		dump->layout = candidate;
		return;
	}
	for (uint32_t i = 0;
	     nd_profile_candidate(dump->build, dump->revision, i, &candidate) == ND_OK; i++)
		if (layout_fits(dump, &candidate)) {
			dump->layout = candidate;
			return;
		}
}

static void choose_layout(struct nd_dump *dump)
{
	struct nd_layout exact;

	read_symbol_file(dump, &exact);
	if (has_types(&exact)) {
		dump->layout = exact;
		return;
	}
	nd_layout_clear(&dump->layout);
	choose_profile(dump);
	for (int i = 0; i < ND_SYMBOL_COUNT; i++)
		if (exact.symbol_rva[i] != ND_RVA_ABSENT)
			dump->layout.symbol_rva[i] = exact.symbol_rva[i];
}

static void resolve_symbols(struct nd_dump *dump)
{
	for (int i = 0; i < ND_SYMBOL_COUNT; i++) {
		uint32_t rva = dump->layout.symbol_rva[i];

		if (rva != ND_RVA_ABSENT && dump->kernel_base != 0 &&
		    (dump->kernel_bytes == 0 || rva < dump->kernel_bytes))
			set_symbol(dump, (enum nd_symbol_id)i, nd_u64_of(dump->kernel_base + rva));
	}
}

/* Kernel exports are variables' addresses too, where the export table is there. */
static void resolve_exports(struct nd_dump *dump)
{
	struct nd_exports exports;
	struct nd_pe pe;
	char name[ND_PE_NAME_MAX];

	if (dump->layout.source == ND_LAYOUT_ISF || dump->layout.source == ND_LAYOUT_PDB ||
	    dump->layout.source == ND_LAYOUT_PROFILE_EXACT || dump->kernel_base == 0 ||
	    nd_pe_read(&dump->kernel, dump->kernel_base, &pe) != ND_OK ||
	    nd_pe_exports_read(&pe, &exports) != ND_OK)
		return;
	for (uint32_t i = 0; i < exports.count; i++) {
		if (exports.item[i].forwarder || exports.item[i].name_rva == 0 ||
		    nd_pe_name(&pe, exports.item[i].name_rva, name) != ND_OK)
			continue;
		for (int s = 0; s < ND_SYMBOL_COUNT; s++)
			if (strcmp(name, nd_symbol_name[s]) == 0)
				set_symbol(dump, (enum nd_symbol_id)s,
					   nd_u64_of(dump->kernel_base + exports.item[i].rva));
	}
	nd_exports_free(&exports);
}

/* The System process's page tables outlive every other: prefer them for kernel addresses. */
static void use_system_tables(struct nd_dump *dump)
{
	uint32_t links = nd_offset(dump, ND_M_EPROCESS_ActiveProcessLinks);
	nd_va head = dump->symbol[ND_SYM_PsActiveProcessHead];
	struct nd_space space = dump->kernel;
	struct nd_u64 link, pid, root;

	if (space.levels == 0 || head == 0 || links == ND_OFFSET_ABSENT)
		return;
	link = nd_read_num(&dump->kernel, head, 8);
	if (link.st != ND_OK)
		return;
	pid = nd_member_read(&dump->kernel, link.value - links, ND_M_EPROCESS_UniqueProcessId);
	root = nd_member_read(&dump->kernel, link.value - links, ND_M_KPROCESS_DirectoryTableBase);
	if (pid.st != ND_OK || pid.value != SYSTEM_PID || root.st != ND_OK)
		return;
	space.root = root.value & CR3_MASK;
	if (space_fits(&space, dump->symbol[ND_SYM_PsLoadedModuleList]))
		dump->kernel.root = space.root;
}

/* _MI_SYSTEM_INFORMATION.Hardware.InvalidPteMask, where MiState and its layout are known. */
static void read_invalid_pte_mask(struct nd_dump *dump)
{
	uint32_t hardware = nd_offset(dump, ND_M_MI_SYSTEM_INFORMATION_Hardware);
	uint32_t mask = nd_offset(dump, ND_M_MI_HARDWARE_STATE_InvalidPteMask);
	nd_va state = dump->symbol[ND_SYM_MiState];
	struct nd_u64 v;

	if (hardware == ND_OFFSET_ABSENT || mask == ND_OFFSET_ABSENT || state == 0)
		return;
	v = nd_read_num(&dump->kernel, state + hardware + mask, 8);
	if (v.st != ND_OK || (v.value & 0xfff) != 0)
		return;
	dump->invalid_pte_mask = v.value;
	dump->invalid_pte_mask_known = true;
}

static void add_overlay(struct nd_dump *dump, nd_va va, uint64_t file_offset, uint64_t bytes)
{
	if (file_offset == 0 || !nd_va_is_kernel(va) ||
	    dump->overlay_count >= sizeof(dump->overlay) / sizeof(*dump->overlay))
		return;
	dump->overlay[dump->overlay_count++] = (struct nd_overlay){ va, file_offset, bytes };
}

/*
 * A triage dump keeps its PRCB, ETHREAD and EPROCESS without their addresses. The PRCB's
 * CurrentThread is the address of the ETHREAD, and that thread's Process the address of the
 * EPROCESS.
 */
static void find_triage_objects(struct nd_dump *dump)
{
	const struct nd_triage *t = nd_source_triage(dump->src);
	const struct nd_layout *l = &dump->layout;
	uint32_t current = nd_offset(dump, ND_M_KPRCB_CurrentThread);
	uint32_t process = nd_offset(dump, ND_M_KTHREAD_Process);
	uint8_t raw[8];

	if (!t || current == ND_OFFSET_ABSENT || process == ND_OFFSET_ABSENT)
		return;
	if (t->prcb_offset == 0 ||
	    nd_source_read_file(dump->src, t->prcb_offset + current, raw, 8) != ND_OK ||
	    !nd_va_is_kernel(nd_le64(raw)))
		return;
	dump->triage_thread = nd_le64(raw);
	add_overlay(dump, dump->triage_thread, t->thread_offset, l->struct_bytes[ND_S_ETHREAD]);
	if (nd_read(&dump->kernel, dump->triage_thread + process, raw, 8) != ND_OK ||
	    !nd_va_is_kernel(nd_le64(raw)))
		return;
	dump->triage_process = nd_le64(raw);
	add_overlay(dump, dump->triage_process, t->process_offset, l->struct_bytes[ND_S_EPROCESS]);
}

static void find_by_header(struct nd_dump *dump)
{
	find_space(dump);
	find_kdbg(dump);
	find_kernel_base(dump);
	read_kernel_image(dump);
	read_build(dump);
	choose_layout(dump);
}

/* Physical memory without a header: the image comes first, all else from its symbols. */
static enum nd_status find_without_header(struct nd_dump *dump, struct nd_error *err)
{
	enum nd_status st = nd_find_kernel(dump);

	if (st == ND_ENOENT) {
		nd_tell_other_system(dump, err);
		return ND_EFORMAT;
	}
	if (st != ND_OK) {
		nd_error_set(err, "cannot read the memory in which to look for a Windows kernel");
		return st;
	}
	read_kernel_image(dump);
	choose_layout(dump);
	resolve_symbols(dump);
	resolve_exports(dump);
	nd_find_kdbg(dump);
	use_kdbg(dump);
	read_build(dump);
	if (dump->layout.source == ND_LAYOUT_NONE)
		choose_profile(dump);
	return ND_OK;
}

static enum nd_status understand(struct nd_dump *dump, struct nd_error *err)
{
	enum nd_status st = ND_OK;

	dump->kernel_found = "not found";
	if (dump->header)
		find_by_header(dump);
	else
		st = find_without_header(dump, err);
	if (st != ND_OK)
		return st;
	resolve_symbols(dump);
	resolve_exports(dump);
	read_build(dump); /* the symbols may have told where the build lab string is */
	use_system_tables(dump);
	read_invalid_pte_mask(dump);
	find_triage_objects(dump);
	return ND_OK;
}

enum nd_status nd_dump_open(const char *path, const struct nd_open_options *options,
			    struct nd_dump **ret, struct nd_error *err)
{
	uint64_t before = nd_source_failures();
	struct nd_dump *dump = calloc(1, sizeof(*dump));
	enum nd_status st = dump ? ND_OK : ND_ENOMEM;

	if (st == ND_OK)
		st = nd_source_open(path, &dump->src, err);
	else
		nd_error_set(err, "out of memory");
	if (st == ND_OK) {
		dump->header = nd_source_header(dump->src);
		st = nd_symstore_new(options ? options->symbols : NULL,
				     options && !options->no_cache, &dump->symbols);
		if (st == ND_OK)
			st = nd_tables_new(&dump->tables);
		if (st != ND_OK)
			nd_error_set(err, "out of memory");
	}
	if (st == ND_OK)
		st = understand(dump, err);
	if (st == ND_OK && nd_source_failures() != before) {
		/* What was not read would be missing for as long as the dump is open. */
		nd_error_set(err, "cannot read the dump, or memory ran out");
		st = ND_EIO;
	}
	if (st != ND_OK) {
		nd_dump_close(dump);
		return st;
	}
	*ret = dump;
	return ND_OK;
}

void nd_dump_close(struct nd_dump *dump)
{
	if (!dump)
		return;
	nd_tables_free(dump->tables);
	nd_symstore_free(dump->symbols);
	nd_source_close(dump->src);
	free(dump->symbols_tried);
	free(dump);
}
