/*
 * engine/nt/system.c - version, product, times, processors, and what kind of memory a dump holds.
 */
#include <string.h>

#include "nt/process.h"
#include "nt/system.h"

#define ATTRIBUTE_LIVE_DUMP (1u << 4) /* DUMP_HEADER64.Attributes: LiveDumpGeneratedDump */
#define BUGCHECK_LIVE_SYSTEM_DUMP 0x161u
#define MAJOR_CHECKED 0xcu /* DUMP_HEADER64.MajorVersion of a checked build */
#define PROBED_PROCESSES 32u

const char *nd_suite_name(unsigned bit)
{
	/* SuiteMask: KUSER_SHARED_DATA and the dump header, in WinDbg's words. */
	static const char *const name[] = {
		"SmallBusiness",
		"Enterprise",
		"BackOffice",
		"CommunicationServer",
		"TerminalServer",
		"SmallBusinessRestricted",
		"EmbeddedNT",
		"DataCenter",
		"SingleUserTS",
		"Personal",
		"Blade",
		"EmbeddedRestricted",
		"SecurityAppliance",
		"StorageServer",
		"ComputeServer",
		"WHServer",
		"PhoneNT",
		"MultiUserTS",
	};

	return bit < sizeof(name) / sizeof(*name) ? name[bit] : NULL;
}

const char *nd_product_name(uint64_t product_type)
{
	static const char *const name[] = { NULL, "WinNt", "LanManNt", "ServerNt" };

	return product_type < 4 ? name[product_type] : NULL;
}

static void read_ascii(const struct nd_dump *dump, enum nd_symbol_id id, struct nd_astr *ret)
{
	size_t got = 0;

	ret->at = dump->symbol[id];
	ret->st = ND_NO_SYMBOLS;
	if (ret->at == 0)
		return;
	ret->st = nd_read_some(&dump->kernel, ret->at, ret->text, ND_LAB_BYTES, &got);
	if (got > 0 && !nd_is_failure(ret->st)) /* up to a page that is absent, or the whole */
		ret->st = memchr(ret->text, '\0', got) ? ND_OK : ND_INVALID;
	if (ret->st != ND_OK)
		ret->text[0] = '\0';
}

static struct nd_u64 kuser(const struct nd_dump *dump, enum nd_member_id member)
{
	return nd_member_read(&dump->kernel, ND_KUSER_SHARED_DATA, member);
}

/* The header's word where it was set, else that of the running kernel. */
static struct nd_u64 header_or(const struct nd_u64 *header, struct nd_u64 kernel)
{
	return header && header->st == ND_OK ? *header : kernel;
}

struct nd_u64 nd_crash_time(const struct nd_dump *dump)
{
	if (dump->header && dump->header->system_time.st == ND_OK)
		return dump->header->system_time;
	if (!dump->kernel.dump)
		return nd_u64_missing(ND_NOT_IN_DUMP, 0);
	return kuser(dump, ND_M_KUSER_SHARED_DATA_SystemTime);
}

/* How many processors have a KPRCB. */
static struct nd_u64 count_processors(const struct nd_dump *dump)
{
	uint32_t count = 0;
	struct nd_u64 v;

	while ((v = nd_prcb(dump, count)).st == ND_OK)
		count++;
	return v.st == ND_NONE && count > 0 ? nd_u64_of(count)
					    : nd_u64_missing(ND_NOT_IN_DUMP, v.at);
}

void nd_system_read(const struct nd_dump *dump, struct nd_system *ret)
{
	const struct nd_header *h = dump->header;
	nd_va increment = dump->symbol[ND_SYM_KeTimeIncrement];
	uint32_t root = nd_offset(dump, ND_M_KUSER_SHARED_DATA_NtSystemRoot);
	struct nd_system s = { 0 };

	read_ascii(dump, ND_SYM_NtBuildLab, &s.build_lab);
	read_ascii(dump, ND_SYM_NtBuildLabEx, &s.build_lab_ex);
	s.major_version = kuser(dump, ND_M_KUSER_SHARED_DATA_NtMajorVersion);
	s.minor_version = kuser(dump, ND_M_KUSER_SHARED_DATA_NtMinorVersion);
	s.build = dump->build ? nd_u64_of(dump->build)
			      : kuser(dump, ND_M_KUSER_SHARED_DATA_NtBuildNumber);
	s.product_type = header_or(h ? &h->product_type : NULL,
				   kuser(dump, ND_M_KUSER_SHARED_DATA_NtProductType));
	s.suite_mask =
		header_or(h ? &h->suite_mask : NULL, kuser(dump, ND_M_KUSER_SHARED_DATA_SuiteMask));
	s.checked_build = nd_u64_missing(ND_NOT_IN_DUMP, 0);
	if (h && h->major_version.st == ND_OK)
		s.checked_build = nd_u64_of(h->major_version.value == MAJOR_CHECKED);
	s.processors = h && h->number_processors.st == ND_OK ? h->number_processors
							     : count_processors(dump);
	s.crash_time = nd_crash_time(dump);
	s.uptime = header_or(h ? &h->system_up_time : NULL,
			     kuser(dump, ND_M_KUSER_SHARED_DATA_InterruptTime));
	s.time_zone_bias = kuser(dump, ND_M_KUSER_SHARED_DATA_TimeZoneBias);
	s.system_call = kuser(dump, ND_M_KUSER_SHARED_DATA_SystemCall);
	s.time_increment = increment ? nd_read_num(&dump->kernel, increment, 4)
				     : nd_u64_missing(ND_NO_SYMBOLS, 0);
	s.system_root = (struct nd_ustr){ .st = ND_NOT_IN_BUILD };
	if (root != ND_OFFSET_ABSENT)
		s.system_root = nd_ustr_read_at(&dump->kernel, ND_KUSER_SHARED_DATA + root, 520);
	for (size_t i = 0; i < s.system_root.count; i++)
		if (s.system_root.units[i] == 0)
			s.system_root.count = i;
	*ret = s;
}

void nd_system_free(struct nd_system *system)
{
	nd_ustr_free(&system->system_root);
}

/* The value of the string that begins with `name` and '=' (names match without regard to case). */
static bool take_variable(struct nd_ustr *env, const char *name)
{
	size_t len = strlen(name);

	for (size_t i = 0, from = 0; i < env->count; i++) {
		size_t k = 0;

		if (env->units[i] != 0)
			continue;
		while (k < len && from + k < i && (env->units[from + k] | 0x20) == (name[k] | 0x20))
			k++;
		if (k == len && from + k < i && env->units[from + k] == '=') {
			memmove(env->units, env->units + from + k + 1,
				(i - from - k - 1) * sizeof(*env->units));
			env->count = i - from - k - 1;
			return true;
		}
		from = i + 1;
	}
	return false;
}

struct nd_ustr nd_machine_name(const struct nd_dump *dump)
{
	const struct nd_process_list *list;
	enum nd_status st = nd_processes(dump, &list);

	for (uint32_t i = 0, probed = 0; st == ND_OK && i < list->count; i++) {
		struct nd_process p;
		struct nd_ustr env;

		if (probed == PROBED_PROCESSES ||
		    nd_process_read(dump, list->ref[i].eprocess, &p) != ND_OK)
			break;
		env = nd_process_environment(dump, &p);
		probed += env.st == ND_OK;
		if (env.st == ND_OK && take_variable(&env, "COMPUTERNAME"))
			return env;
		nd_ustr_free(&env);
	}
	return (struct nd_ustr){ .st = nd_is_failure(st) ? st : ND_NONE };
}

struct nd_u64 nd_prcb(const struct nd_dump *dump, uint32_t number)
{
	nd_va block = dump->symbol[ND_SYM_KiProcessorBlock];
	struct nd_u64 v;

	if (block == 0)
		return nd_u64_missing(ND_NO_SYMBOLS, 0);
	if (number >= 2048) /* the kernel's own limit of processors */
		return nd_u64_missing(ND_NONE, 0);
	v = nd_read_num(&dump->kernel, block + 8ull * number, 8);
	if (v.st == ND_OK && v.value == 0)
		return nd_u64_missing(ND_NONE, v.at);
	if (v.st == ND_OK && !nd_va_is_kernel(v.value))
		return nd_u64_missing(ND_INVALID, v.at);
	return v;
}

/* One page that every process with user memory has touched tells kernel and active dumps apart. */
static struct nd_u64 user_pages(const struct nd_dump *dump)
{
	const struct nd_process_list *list;
	enum nd_status st = nd_processes(dump, &list);
	struct nd_u64 ret = nd_u64_missing(ND_NOT_IN_DUMP, 0);

	if (st != ND_OK)
		return nd_u64_missing(st, 0);
	for (uint32_t i = 0, probed = 0; i < list->count && probed < PROBED_PROCESSES; i++) {
		struct nd_process p;
		struct nd_space space;
		struct nd_page page;

		if (nd_process_read(dump, list->ref[i].eprocess, &p) != ND_OK ||
		    p.peb.st != ND_OK || p.peb.value == 0)
			continue;
		space = nd_process_space(dump, &p);
		if (nd_translate(&space, p.peb.value, &page) != ND_OK ||
		    page.state == ND_PAGE_DEMAND_ZERO)
			continue;
		probed++;
		ret = nd_u64_of(0);
		if (nd_page_present(&space, &page))
			return nd_u64_of(1);
	}
	return ret;
}

enum nd_contents nd_contents_of(const struct nd_dump *dump, struct nd_u64 *ret_user)
{
	static const struct {
		const char *name;
		enum nd_contents contents;
	} container[] = {
		{ "elf", ND_CONTENTS_ELF },
		{ "kdump", ND_CONTENTS_KDUMP },
		{ "lime", ND_CONTENTS_RAW },
		{ "raw", ND_CONTENTS_RAW },
	};
	const struct nd_header *h = dump->header;
	struct nd_source_counts counts = nd_source_counts(dump->src);
	uint64_t ram = 0;

	if (nd_source_is_virtual(dump->src)) {
		*ret_user = nd_u64_of(0);
		return ND_CONTENTS_TRIAGE;
	}
	*ret_user = user_pages(dump);
	for (size_t i = 0; i < sizeof(container) / sizeof(*container); i++)
		if (strcmp(nd_source_container(dump->src), container[i].name) == 0)
			return container[i].contents;
	for (uint32_t i = 0; h && i < h->run_count; i++)
		ram += h->run[i].pages;
	if (h &&
	    ((h->attributes.st == ND_OK && (h->attributes.value & ATTRIBUTE_LIVE_DUMP)) ||
	     (h->bugcheck_code.st == ND_OK && h->bugcheck_code.value == BUGCHECK_LIVE_SYSTEM_DUMP)))
		return ND_CONTENTS_LIVE;
	if (ram != 0 && counts.present_pages + counts.cut_pages >= ram)
		return ND_CONTENTS_FULL;
	if (ret_user->st == ND_OK && ret_user->value == 1)
		return ND_CONTENTS_ACTIVE;
	return ND_CONTENTS_KERNEL;
}
