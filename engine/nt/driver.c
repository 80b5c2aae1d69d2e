/*
 * engine/nt/driver.c - reads DRIVER_OBJECT, tells whose code its entries lead to, walks its devices.
 */
#include <stdlib.h>
#include <string.h>

#include "nt/driver.h"
#include "seen.h"

#define IMAGE_BYTES_MAX 0x20000000u /* no driver's image is larger */

/* --- one driver ------------------------------------------------------------------------------- */

static struct nd_ustr service_key(const struct nd_dump *dump, const struct nd_rec *rec)
{
	struct nd_u64 extension = nd_rec_get(rec, ND_M_DRIVER_OBJECT_DriverExtension);
	uint32_t offset = nd_offset(dump, ND_M_DRIVER_EXTENSION_ServiceKeyName);

	if (extension.st == ND_OK && extension.value == 0)
		extension.st = ND_NONE;
	else if (extension.st == ND_OK && !nd_va_is_kernel(extension.value))
		extension.st = ND_INVALID;
	if (extension.st == ND_OK && offset == ND_OFFSET_ABSENT)
		extension.st = ND_NOT_IN_BUILD;
	if (extension.st != ND_OK)
		return (struct nd_ustr){ .st = extension.st, .at = extension.at };
	return nd_ustr_read(&dump->kernel, extension.value + offset);
}

static void read_members(const struct nd_rec *rec, struct nd_driver *d)
{
	uint32_t major = nd_offset(rec->dump, ND_M_DRIVER_OBJECT_MajorFunction);

	d->device = nd_rec_get(rec, ND_M_DRIVER_OBJECT_DeviceObject);
	d->flags = nd_rec_get(rec, ND_M_DRIVER_OBJECT_Flags);
	d->start = nd_rec_get(rec, ND_M_DRIVER_OBJECT_DriverStart);
	d->size = nd_rec_get(rec, ND_M_DRIVER_OBJECT_DriverSize);
	d->section = nd_rec_get(rec, ND_M_DRIVER_OBJECT_DriverSection);
	d->init = nd_rec_get(rec, ND_M_DRIVER_OBJECT_DriverInit);
	d->start_io = nd_rec_get(rec, ND_M_DRIVER_OBJECT_DriverStartIo);
	d->unload = nd_rec_get(rec, ND_M_DRIVER_OBJECT_DriverUnload);
	d->fast_io = nd_rec_get(rec, ND_M_DRIVER_OBJECT_FastIoDispatch);
	for (uint32_t i = 0; i < ND_MAJOR_FUNCTIONS; i++)
		d->major[i] = major == ND_OFFSET_ABSENT ? nd_u64_missing(ND_NOT_IN_BUILD, rec->at)
							: nd_rec_num(rec, major + 8 * i, 8);
}

enum nd_status nd_driver_read(const struct nd_dump *dump, nd_va at, struct nd_driver *ret)
{
	uint32_t major = nd_offset(dump, ND_M_DRIVER_OBJECT_MajorFunction);
	struct nd_driver d = { .at = at };
	struct nd_rec rec;
	enum nd_status st;

	if (!nd_va_is_kernel(at) || at & 7)
		return ND_INVALID;
	if (major == ND_OFFSET_ABSENT || major > ND_PAGE_BYTES - 8 * ND_MAJOR_FUNCTIONS)
		return ND_NOT_IN_BUILD;
	st = nd_rec_read_bytes(&dump->kernel, at, major + 8 * ND_MAJOR_FUNCTIONS, &rec);
	if (st != ND_OK)
		return st;
	read_members(&rec, &d);
	d.name = nd_rec_ustr(&rec, &dump->kernel, ND_M_DRIVER_OBJECT_DriverName);
	d.service_key = service_key(dump, &rec);
	if (nd_is_failure(d.name.st) || nd_is_failure(d.service_key.st)) {
		st = nd_is_failure(d.name.st) ? d.name.st : d.service_key.st;
		nd_driver_free(&d);
		return st;
	}
	*ret = d;
	return ND_OK;
}

void nd_driver_free(struct nd_driver *driver)
{
	nd_ustr_free(&driver->name);
	nd_ustr_free(&driver->service_key);
}

const char *nd_driver_flag_name(unsigned bit)
{
	/* wdm.h has the first three. */
	static const char *const name[] = {
		"DRVO_UNLOAD_INVOKED",	  "DRVO_LEGACY_DRIVER", "DRVO_BUILTIN_DRIVER",
		"DRVO_REINIT_REGISTERED", "DRVO_INITIALIZED",	"DRVO_BOOTREINIT_REGISTERED",
		"DRVO_LEGACY_RESOURCES",
	};

	return bit < sizeof(name) / sizeof(*name) ? name[bit] : NULL;
}

/* --- whose code ------------------------------------------------------------------------------- */

/*
 * Port drivers, class drivers and frameworks: they write their own routines into the driver objects
 * of the drivers that register with them.
 */
static bool is_port(const struct nd_module *m)
{
	static const char *const name[] = {
		"storport", "scsiport", "ataport", "pciidex",	  "classpnp", "tape",
		"ndis",	    "wdf01000", "fltmgr",  "ks",	  "portcls",  "stream",
		"videoprt", "dxgkrnl",	"usbport", "usbcamd2",	  "hidclass", "bthport",
		"1394bus",  "sdport",	"rdbss",   "verifierext",
	};

	for (size_t i = 0; i < sizeof(name) / sizeof(*name); i++)
		if (strcasecmp(m->symbol_name, name[i]) == 0)
			return true;
	return false;
}

static bool is_kernel(const struct nd_module *m)
{
	return strcmp(m->symbol_name, "nt") == 0 || strcmp(m->symbol_name, "hal") == 0;
}

/* The address that says which image is the driver's: see nd_driver_module(). */
static struct nd_u64 image_address(const struct nd_driver *driver)
{
	if (driver->start.st == ND_OK && driver->start.value == 0)
		return driver->init;
	return driver->start;
}

/* Modules that are all there are: only then code in none of them is suspicious. */
static bool is_whole(const struct nd_module_list *modules)
{
	if (modules->st != ND_OK || modules->count == 0 || modules->problems.count > 0)
		return false;
	for (uint32_t i = 0; i < modules->count; i++)
		if (modules->module[i].base_st != ND_OK || modules->module[i].size.st != ND_OK)
			return false;
	return true;
}

enum nd_status nd_driver_module(const struct nd_dump *dump, const struct nd_driver *driver,
				const struct nd_module **ret, bool *ret_whole)
{
	struct nd_u64 at = image_address(driver);
	const struct nd_module_list *modules;
	enum nd_status st = nd_kernel_modules(dump, &modules);

	if (st != ND_OK)
		return st;
	*ret = at.st == ND_OK ? nd_module_of(modules, at.value) : NULL;
	*ret_whole = is_whole(modules);
	return ND_OK;
}

/* Inside what the driver object says is its image; asked only where no module is. */
static bool is_inside(const struct nd_driver *driver, nd_va code)
{
	return driver->start.st == ND_OK && driver->size.st == ND_OK &&
	       nd_va_is_kernel(driver->start.value) && driver->size.value <= IMAGE_BYTES_MAX &&
	       code >= driver->start.value && code - driver->start.value < driver->size.value;
}

static enum nd_code_owner owner_of(const struct nd_driver *driver, nd_va code,
				   const struct nd_module *holder, const struct nd_module *own,
				   bool whole)
{
	if (holder) {
		if (holder == own)
			return ND_CODE_OWN;
		if (is_kernel(holder))
			return ND_CODE_KERNEL;
		if (is_port(holder))
			return ND_CODE_PORT;
		/* Whose image it is must be known before another one is called foreign. */
		return image_address(driver).st == ND_OK && (own || whole) ? ND_CODE_FOREIGN
									   : ND_CODE_UNKNOWN;
	}
	if (is_inside(driver, code))
		return ND_CODE_OWN;
	return whole ? ND_CODE_FOREIGN : ND_CODE_UNKNOWN;
}

enum nd_status nd_driver_code(const struct nd_dump *dump, const struct nd_driver *driver,
			      struct nd_u64 code, enum nd_code_owner *ret,
			      const struct nd_module **ret_module)
{
	const struct nd_module_list *modules;
	const struct nd_module *own, *holder;
	bool whole;
	enum nd_status st = nd_kernel_modules(dump, &modules);

	if (st == ND_OK)
		st = nd_driver_module(dump, driver, &own, &whole);
	if (st != ND_OK)
		return st;
	holder = code.st == ND_OK ? nd_module_of(modules, code.value) : NULL;
	*ret = code.st == ND_OK && code.value != 0
		       ? owner_of(driver, code.value, holder, own, whole)
		       : ND_CODE_UNKNOWN;
	if (ret_module)
		*ret_module = holder;
	return ND_OK;
}

enum nd_status nd_driver_foreign(const struct nd_dump *dump, const struct nd_driver *driver,
				 uint32_t *ret)
{
	uint32_t count = 0;

	for (unsigned i = 0; i < ND_MAJOR_FUNCTIONS; i++) {
		enum nd_code_owner owner;
		enum nd_status st = nd_driver_code(dump, driver, driver->major[i], &owner, NULL);

		if (st != ND_OK)
			return st;
		count += owner == ND_CODE_FOREIGN;
	}
	*ret = count;
	return ND_OK;
}

/* --- devices ---------------------------------------------------------------------------------- */

struct nd_device nd_device_read(const struct nd_dump *dump, nd_va at)
{
	const struct nd_space *space = &dump->kernel;
	struct nd_device d = { .at = at };

	if (!nd_va_is_kernel(at) || at & 7) {
		d.driver = d.next = d.attached = d.type = d.flags = nd_u64_missing(ND_INVALID, at);
		return d;
	}
	d.driver = nd_member_read(space, at, ND_M_DEVICE_OBJECT_DriverObject);
	d.next = nd_member_read(space, at, ND_M_DEVICE_OBJECT_NextDevice);
	d.attached = nd_member_read(space, at, ND_M_DEVICE_OBJECT_AttachedDevice);
	d.type = nd_member_read(space, at, ND_M_DEVICE_OBJECT_DeviceType);
	d.flags = nd_member_read(space, at, ND_M_DEVICE_OBJECT_Flags);
	return d;
}

struct chain {
	const char *where;
	nd_va owner;
	uint32_t max;
	bool stack; /* follow AttachedDevice, not NextDevice */
};

static void tell(struct nd_problems *problems, const struct chain *c, enum nd_problem_kind kind,
		 enum nd_status st, nd_va at, nd_va to)
{
	nd_problem_add(problems, (struct nd_problem){ .kind = kind,
						      .where = c->where,
						      .owner = c->owner,
						      .a = at,
						      .b = to,
						      .st = st });
}

static enum nd_status append(struct nd_device_list *list, const struct nd_device *d, uint32_t *cap)
{
	if (list->count == *cap) {
		uint32_t wanted = *cap ? 2 * *cap : 8;
		struct nd_device *grown = realloc(list->device, wanted * sizeof(*grown));

		if (!grown)
			return ND_ENOMEM;
		list->device = grown;
		*cap = wanted;
	}
	list->device[list->count++] = *d;
	return ND_OK;
}

/* The next device of a chain may be taken; else its end is told. */
static bool may_follow(const struct chain *c, struct nd_device_list *list,
		       const struct nd_seen *seen, nd_va from, nd_va to,
		       struct nd_problems *problems)
{
	enum nd_problem_kind kind;

	if (!nd_va_is_kernel(to) || to & 7)
		kind = ND_PROBLEM_LIST_BAD_LINK;
	else if (nd_seen_has(seen, to))
		kind = ND_PROBLEM_LIST_LOOP;
	else if (list->count >= c->max)
		kind = ND_PROBLEM_LIST_TOO_LONG;
	else
		return true;
	list->st = ND_INVALID;
	list->at = to;
	tell(problems, c, kind, ND_OK, from, to);
	return false;
}

static enum nd_status walk(const struct nd_dump *dump, const struct chain *c, struct nd_u64 first,
			   struct nd_problems *problems, struct nd_device_list *ret)
{
	struct nd_device_list list = { .st = first.st, .at = first.at };
	struct nd_u64 to = first;
	struct nd_seen seen = { 0 };
	enum nd_status st = nd_seen_add(&seen, c->owner);
	nd_va from = c->owner;
	uint32_t cap = 0;

	while (st == ND_OK && to.st == ND_OK && to.value != 0 &&
	       may_follow(c, &list, &seen, from, to.value, problems)) {
		struct nd_device d = nd_device_read(dump, to.value);
		struct nd_u64 next = c->stack ? d.attached : d.next;

		if (nd_is_failure(d.driver.st) || nd_is_failure(next.st)) {
			st = nd_is_failure(next.st) ? next.st : d.driver.st;
			break;
		}
		st = nd_seen_add(&seen, to.value);
		if (st == ND_OK)
			st = append(&list, &d, &cap);
		from = to.value;
		to = next;
	}
	if (st == ND_OK && nd_is_failure(to.st))
		st = to.st;
	if (st == ND_OK && to.st != ND_OK) {
		list.st = to.st;
		list.at = to.at;
		if (list.count)
			tell(problems, c, ND_PROBLEM_LIST_ABSENT, to.st, from, to.at);
	}
	nd_seen_deinit(&seen);
	if (st != ND_OK)
		nd_device_list_free(&list);
	else
		*ret = list;
	return st;
}

enum nd_status nd_driver_devices(const struct nd_dump *dump, const struct nd_driver *driver,
				 struct nd_problems *problems, struct nd_device_list *ret)
{
	const struct chain c = { .where = "DRIVER_OBJECT.DeviceObject",
				 .owner = driver->at,
				 .max = ND_DRIVER_DEVICES_MAX };

	return walk(dump, &c, driver->device, problems, ret);
}

enum nd_status nd_device_stack(const struct nd_dump *dump, const struct nd_device *device,
			       struct nd_problems *problems, struct nd_device_list *ret)
{
	const struct chain c = { .where = "DEVICE_OBJECT.AttachedDevice",
				 .owner = device->at,
				 .max = ND_DEVICE_STACK_MAX,
				 .stack = true };

	return walk(dump, &c, device->attached, problems, ret);
}

void nd_device_list_free(struct nd_device_list *list)
{
	free(list->device);
	*list = (struct nd_device_list){ 0 };
}
