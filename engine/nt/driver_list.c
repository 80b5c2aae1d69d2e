/*
 * engine/nt/driver_list.c - all driver objects: from the namespace, from the devices that lie in it
 * and those stacked on them, from handles, and from the devices of every driver found so.
 */
#include <stdlib.h>
#include <string.h>

#include "nt/driver.h"
#include "nt/handle.h"
#include "nt/namespace.h"
#include "nt/object.h"
#include "nt/object_name.h"
#include "nt/process.h"
#include "seen.h"

enum { BY_NAME, BY_DEVICE, BY_HANDLE, SOURCES }; /* bit numbers of nd_driver_source */

#define DEVICES_MAX 262144u	/* read while the list is made: more than any machine has */
#define NAME_UNITS_MAX 4194304u /* of all names together */

struct claim {
	nd_va driver;
	unsigned source; /* bit number */
};

struct find {
	const struct nd_dump *dump;
	struct nd_driver_list *list;
	struct nd_seen driver[SOURCES], device[SOURCES]; /* what a source has named already */
	struct nd_seen walked;				 /* drivers whose devices were read */
	struct claim *claim;
	uint32_t claims, cap, devices;
	size_t name_units;
};

static void tell(struct find *f, enum nd_problem_kind kind, const char *where, nd_va owner,
		 uint64_t a, enum nd_status st)
{
	nd_problem_add(&f->list->problems,
		       (struct nd_problem){
			       .kind = kind, .where = where, .owner = owner, .a = a, .st = st });
}

static enum nd_status add_driver(struct find *f, nd_va driver, unsigned source)
{
	enum nd_status st;

	if (nd_seen_has(&f->driver[source], driver) || f->claims >= SOURCES * ND_DRIVERS_MAX)
		return ND_OK;
	if (f->claims == f->cap) {
		uint32_t cap = f->cap ? 2 * f->cap : 256;
		struct claim *grown = realloc(f->claim, cap * sizeof(*grown));

		if (!grown)
			return ND_ENOMEM;
		f->claim = grown;
		f->cap = cap;
	}
	st = nd_seen_add(&f->driver[source], driver);
	if (st == ND_OK)
		f->claim[f->claims++] = (struct claim){ driver, source };
	return st;
}

static enum nd_status kind_of(struct find *f, nd_va at, enum nd_object_kind *ret)
{
	struct nd_object object;
	enum nd_status st = nd_object_read(f->dump, at, &object);

	if (st == ND_OK)
		*ret = object.type ? object.type->kind : ND_OBJECT_OTHER;
	return st == ND_OK && !object.type ? object.type_st : st;
}

/* What a device says is its driver: only a driver object can be one. */
static enum nd_status add_driver_of(struct find *f, const struct nd_device *d, unsigned source)
{
	enum nd_object_kind kind;
	enum nd_status st = d->driver.st;

	if (st == ND_OK && nd_seen_has(&f->driver[source], d->driver.value))
		return ND_OK;
	if (st == ND_OK)
		st = kind_of(f, d->driver.value, &kind);
	if (nd_is_failure(st))
		return st;
	if ((st == ND_OK && kind == ND_OBJECT_DRIVER) ||
	    (d->driver.st == ND_OK && (st == ND_NOT_IN_DUMP || st == ND_PAGED_OUT)))
		return add_driver(f, d->driver.value, source);
	if (d->driver.st == ND_OK)
		tell(f, ND_PROBLEM_POINTER, "DEVICE_OBJECT.DriverObject", d->at, d->driver.value,
		     ND_OK);
	return ND_OK;
}

/* A device and those stacked on it; what is broken is told once. */
static enum nd_status add_device(struct find *f, const struct nd_device *d, unsigned source)
{
	struct nd_problems *problems = source == BY_DEVICE ? &f->list->problems : NULL;
	struct nd_device_list stack;
	enum nd_status st;

	if (nd_seen_has(&f->device[source], d->at) || f->devices >= DEVICES_MAX)
		return ND_OK;
	st = nd_seen_add(&f->device[source], d->at);
	if (st == ND_OK)
		st = add_driver_of(f, d, source);
	if (st == ND_OK)
		st = nd_device_stack(f->dump, d, problems, &stack);
	if (st != ND_OK)
		return st;
	f->devices += 1 + stack.count;
	for (uint32_t i = 0; st == ND_OK && i < stack.count; i++)
		st = add_driver_of(f, &stack.device[i], source);
	nd_device_list_free(&stack);
	return st;
}

static enum nd_status add_device_at(struct find *f, nd_va at, unsigned source)
{
	struct nd_device d;

	if (!nd_va_is_kernel(at) || at & 7 || nd_seen_has(&f->device[source], at))
		return ND_OK;
	d = nd_device_read(f->dump, at);
	return nd_is_failure(d.driver.st) ? d.driver.st : add_device(f, &d, source);
}

/* --- sources ---------------------------------------------------------------------------------- */

static enum nd_status from_namespace(struct find *f)
{
	const struct nd_namespace *space;
	enum nd_status st = nd_namespace(f->dump, &space);

	if (st != ND_OK)
		return st;
	f->list->namespace_whole = space->st == ND_OK && space->problems.count == 0;
	for (uint32_t i = 0; st == ND_OK && i < space->count; i++) {
		enum nd_object_kind kind = ND_OBJECT_OTHER;

		if (space->node[i].directory)
			continue;
		st = kind_of(f, space->node[i].object, &kind);
		if (st == ND_OK && kind == ND_OBJECT_DRIVER)
			st = add_driver(f, space->node[i].object, BY_NAME);
		else if (st == ND_OK && kind == ND_OBJECT_DEVICE)
			st = add_device_at(f, space->node[i].object, BY_DEVICE);
		st = nd_is_failure(st) ? st : ND_OK;
	}
	return st;
}

static enum nd_status from_handle(struct find *f, nd_va object)
{
	enum nd_object_kind kind = ND_OBJECT_OTHER;
	struct nd_u64 device;
	enum nd_status st = kind_of(f, object, &kind);

	if (st != ND_OK)
		return nd_is_failure(st) ? st : ND_OK;
	if (kind == ND_OBJECT_DRIVER)
		return add_driver(f, object, BY_HANDLE);
	if (kind == ND_OBJECT_DEVICE)
		return add_device_at(f, object, BY_HANDLE);
	if (kind != ND_OBJECT_FILE)
		return ND_OK;
	device = nd_member_read(&f->dump->kernel, object, ND_M_FILE_OBJECT_DeviceObject);
	if (device.st != ND_OK)
		return nd_is_failure(device.st) ? device.st : ND_OK;
	return add_device_at(f, device.value, BY_HANDLE);
}

static enum nd_status from_handles(struct find *f)
{
	const struct nd_process_list *processes;
	enum nd_status st = nd_processes(f->dump, &processes);

	for (uint32_t i = 0; st == ND_OK && i < processes->count; i++) {
		const struct nd_handle_table *table;
		struct nd_handle_iter iter = { .dump = f->dump };
		struct nd_handle handle;

		st = nd_handle_table(f->dump, i, &table);
		if (st != ND_OK || table->st != ND_OK)
			continue;
		iter.table = table;
		while (st == ND_OK && (st = nd_handle_iter_next(&iter, &handle)) == ND_OK)
			st = from_handle(f, handle.object);
		st = st == ND_ENOENT ? ND_OK : st;
	}
	return st;
}

/* The devices of every driver, and with them the drivers of what is stacked on those. */
static enum nd_status from_devices(struct find *f)
{
	enum nd_status st = ND_OK;

	for (uint32_t i = 0; st == ND_OK && i < f->claims; i++) {
		nd_va at = f->claim[i].driver;
		struct nd_device_list devices;
		struct nd_driver driver;

		if (nd_seen_has(&f->walked, at) || f->devices >= DEVICES_MAX)
			continue;
		st = nd_seen_add(&f->walked, at);
		if (st == ND_OK)
			st = nd_driver_read(f->dump, at, &driver);
		if (st != ND_OK) {
			st = nd_is_failure(st) ? st : ND_OK;
			continue;
		}
		st = nd_driver_devices(f->dump, &driver, &f->list->problems, &devices);
		nd_driver_free(&driver);
		if (st != ND_OK)
			return st;
		f->devices += devices.count;
		for (uint32_t k = 0; st == ND_OK && k < devices.count; k++)
			st = add_device(f, &devices.device[k], BY_DEVICE);
		nd_device_list_free(&devices);
	}
	return st;
}

/* --- the list --------------------------------------------------------------------------------- */

static int by_driver(const void *a, const void *b)
{
	const struct claim *x = a, *y = b;

	return x->driver != y->driver ? (x->driver < y->driver ? -1 : 1)
				      : (int)x->source - (int)y->source;
}

static struct nd_ustr last_part(struct nd_ustr path)
{
	size_t start = 0;

	if (path.st != ND_OK || path.count == 0)
		return path;
	for (size_t i = 0; i < path.count; i++)
		if (path.units[i] == '\\')
			start = i + 1;
	path.count -= start;
	memmove(path.units, path.units + start, path.count * sizeof(*path.units));
	return path;
}

/* Of its own header; else what the driver object says. */
static enum nd_status name_of(const struct nd_dump *dump, nd_va at, struct nd_ustr *ret)
{
	struct nd_driver driver;
	enum nd_status st;

	*ret = nd_object_name(dump, at, NULL);
	if (ret->st == ND_OK || nd_is_failure(ret->st))
		return ret->st;
	st = nd_driver_read(dump, at, &driver);
	if (st != ND_OK)
		return nd_is_failure(st) ? st : ND_OK;
	*ret = last_part(driver.name);
	driver.name = (struct nd_ustr){ 0 };
	nd_driver_free(&driver);
	return ND_OK;
}

/* Names are kept: so many of 64 KiB that they fill the memory are no names. */
static enum nd_status name_driver(struct find *f, struct nd_driver_ref *ref)
{
	enum nd_status st = name_of(f->dump, ref->driver, &ref->name);

	if (st != ND_OK || ref->name.st != ND_OK)
		return st;
	if (ref->name.count > NAME_UNITS_MAX - f->name_units) {
		nd_ustr_free(&ref->name);
		ref->name = (struct nd_ustr){ .st = ND_INVALID, .at = ref->driver };
		return ND_OK;
	}
	f->name_units += ref->name.count;
	return ND_OK;
}

/* Names in any order that brings those together that are alike; drivers by address among them. */
static int by_name(const void *a, const void *b)
{
	const struct nd_driver_ref *x = *(struct nd_driver_ref *const *)a;
	const struct nd_driver_ref *y = *(struct nd_driver_ref *const *)b;
	int order = 0;

	if (x->name.count != y->name.count)
		return x->name.count < y->name.count ? -1 : 1;
	if (x->name.count)
		order = memcmp(x->name.units, y->name.units,
			       x->name.count * sizeof(*x->name.units));
	return order ? order : x->driver < y->driver ? -1 : x->driver > y->driver;
}

static bool same_name(const struct nd_ustr *a, const struct nd_ustr *b)
{
	return a->count == b->count &&
	       (a->count == 0 || memcmp(a->units, b->units, a->count * sizeof(*a->units)) == 0);
}

/* The second driver of a name is its first duplicate. */
static enum nd_status number_duplicates(struct nd_driver_list *list)
{
	struct nd_driver_ref **named =
		calloc(list->count ? list->count : 1, sizeof(struct nd_driver_ref *));
	uint32_t count = 0;

	if (!named)
		return ND_ENOMEM;
	for (uint32_t i = 0; i < list->count; i++)
		if (list->ref[i].name.st == ND_OK)
			named[count++] = &list->ref[i];
	if (count > 1)
		qsort(named, count, sizeof(*named), by_name);
	for (uint32_t i = 1; i < count; i++)
		if (same_name(&named[i]->name, &named[i - 1]->name))
			named[i]->duplicate = named[i - 1]->duplicate + 1;
	free(named);
	return ND_OK;
}

/* DriverStart leads to no module though the list of modules is whole. */
static enum nd_status check_module(struct find *f, nd_va at)
{
	const struct nd_module *module;
	struct nd_driver driver;
	bool whole;
	enum nd_status st = nd_driver_read(f->dump, at, &driver);

	if (st != ND_OK)
		return nd_is_failure(st) ? st : ND_OK;
	st = nd_driver_module(f->dump, &driver, &module, &whole);
	if (st == ND_OK && !module && whole && driver.start.st == ND_OK && driver.start.value != 0)
		tell(f, ND_PROBLEM_POINTER, "DRIVER_OBJECT.DriverStart", at, driver.start.value,
		     ND_OK);
	nd_driver_free(&driver);
	return st;
}

static enum nd_status take_claims(struct find *f)
{
	struct nd_driver_list *list = f->list;
	enum nd_status st = ND_OK;

	if (f->claims > 1)
		qsort(f->claim, f->claims, sizeof(*f->claim), by_driver);
	list->ref = calloc(f->claims ? f->claims : 1, sizeof(*list->ref));
	if (!list->ref)
		return ND_ENOMEM;
	for (uint32_t i = 0; st == ND_OK && i < f->claims; i++) {
		struct nd_driver_ref *ref = &list->ref[list->count];

		if (list->count && ref[-1].driver == f->claim[i].driver) {
			ref[-1].sources |= 1u << f->claim[i].source;
			continue;
		}
		ref->driver = f->claim[i].driver;
		ref->sources = 1u << f->claim[i].source;
		list->count++;
		st = name_driver(f, ref);
		if (st == ND_OK)
			st = check_module(f, ref->driver);
	}
	return st == ND_OK ? number_duplicates(list) : st;
}

enum nd_status nd_driver_list_build(const struct nd_dump *dump, struct nd_driver_list *ret)
{
	struct nd_driver_list list = { 0 };
	struct find f = { .dump = dump, .list = &list };
	enum nd_status st = from_namespace(&f);

	if (st == ND_OK)
		st = from_handles(&f);
	if (st == ND_OK)
		st = from_devices(&f);
	if (st == ND_OK)
		st = take_claims(&f);
	for (unsigned i = 0; i < SOURCES; i++) {
		nd_seen_deinit(&f.driver[i]);
		nd_seen_deinit(&f.device[i]);
	}
	nd_seen_deinit(&f.walked);
	free(f.claim);
	if (st != ND_OK)
		nd_driver_list_free(&list);
	else
		*ret = list;
	return st;
}

void nd_driver_list_free(struct nd_driver_list *list)
{
	for (uint32_t i = 0; i < list->count; i++)
		nd_ustr_free(&list->ref[i].name);
	free(list->ref);
	nd_problems_free(&list->problems);
	*list = (struct nd_driver_list){ 0 };
}
