/*
 * fs/nodes/drivers.c - /drivers: driver objects, where their major functions lead, their devices.
 */
#include <stdio.h>
#include <string.h>

#include "nodes/lines.h"
#include "nodes/nodes.h"
#include "nt/driver.h"
#include "nt/irp.h"
#include "nt/object_name.h"
#include "ntdump.h"

/* --- names: of the object; its address where it has none; ~2 for the second ------------------- */

#define CUT_NAME_BYTES 190u /* names so long may have been cut, and then be alike */

static void driver_name(const struct nd_driver_ref *ref, char name[NODE_NAME_MAX + 1])
{
	char plain[256];
	size_t len = 0;

	if (ref->name.st == ND_OK && ref->name.count > 0)
		len = text_file_name_utf16(ref->name.units, ref->name.count, plain);
	if (len == 0)
		snprintf(name, NODE_NAME_MAX + 1, "0x%016llx", (unsigned long long)ref->driver);
	else if (len >= CUT_NAME_BYTES || strcmp(plain, "list") == 0)
		snprintf(name, NODE_NAME_MAX + 1, "%.200s~%016llx", plain,
			 (unsigned long long)ref->driver);
	else if (ref->duplicate)
		snprintf(name, NODE_NAME_MAX + 1, "%.200s~%u", plain, ref->duplicate + 1);
	else
		snprintf(name, NODE_NAME_MAX + 1, "%s", plain);
}

static enum nd_status next_driver(const struct node_at *dir, uint64_t *cursor,
				  struct node_entry *ret)
{
	const struct nd_driver_list *list;
	enum nd_status st = nd_drivers(dir->dump, &list);

	if (st != ND_OK)
		return st;
	if (*cursor >= list->count)
		return ND_ENOENT;
	ret->key = (uint32_t)(*cursor)++;
	driver_name(&list->ref[ret->key], ret->name);
	return ND_OK;
}

static enum nd_status at_driver(const struct node_at *at, const struct nd_driver_list **list,
				const struct nd_driver_ref **ret)
{
	enum nd_status st = nd_drivers(at->dump, list);

	if (st != ND_OK)
		return st;
	if (at->key[0] >= (*list)->count)
		return ND_ENOENT;
	*ret = &(*list)->ref[at->key[0]];
	return ND_OK;
}

static void about_driver(const struct node_at *at, struct node_about *ret)
{
	const struct nd_driver_list *list;
	const struct nd_driver_ref *ref;

	if (at_driver(at, &list, &ref) != ND_OK)
		return;
	ret->address = ref->driver;
	ret->type = "Driver";
	ret->source = layout_source_name(at->dump);
}

/* --- what both the table and the facts say ---------------------------------------------------- */

/* The module's file name; UNLISTED when the code is there and no list of modules has it. */
static void module_field(struct text *out, const struct nd_dump *dump,
			 const struct nd_driver *driver)
{
	const struct nd_module *module;
	bool whole;
	enum nd_status st = nd_driver_module(dump, driver, &module, &whole);

	if (st != ND_OK)
		text_fail(out, st);
	else if (module && module->name.st == ND_OK && module->name.count > 0)
		text_ustr(out, &module->name);
	else if (module)
		text_str(out, module->symbol_name[0] ? module->symbol_name : "-");
	else if (driver->start.st != ND_OK)
		text_missing(out, driver->start.st, driver->start.at);
	else
		text_str(out, whole && driver->start.value != 0 ? "UNLISTED" : "-");
}

/* --- /drivers/list ---------------------------------------------------------------------------- */

static enum nd_status counts(struct text *out, const struct nd_dump *dump,
			     const struct nd_driver *driver)
{
	struct nd_device_list devices;
	uint32_t foreign;
	enum nd_status st = nd_driver_foreign(dump, driver, &foreign);

	if (st == ND_OK)
		st = nd_driver_devices(dump, driver, NULL, &devices);
	if (st != ND_OK)
		return st;
	text_printf(out, "%u\t%u", foreign, devices.count);
	nd_device_list_free(&devices);
	return ND_OK;
}

static enum nd_status driver_row(struct text *out, const struct nd_dump *dump,
				 const struct nd_driver_ref *ref)
{
	char name[NODE_NAME_MAX + 1];
	struct nd_driver driver;
	enum nd_status st = nd_driver_read(dump, ref->driver, &driver);

	driver_name(ref, name);
	text_printf(out, "%s\t0x%016llx\t", name, (unsigned long long)ref->driver);
	if (nd_is_failure(st))
		return st;
	if (st != ND_OK) {
		text_missing(out, st, ref->driver);
		text_str(out, "\t-\t-\t-\t-\n");
		return ND_OK;
	}
	text_va(out, driver.start);
	text_tab(out);
	text_dec(out, driver.size);
	text_tab(out);
	module_field(out, dump, &driver);
	text_tab(out);
	st = counts(out, dump, &driver);
	text_line(out);
	nd_driver_free(&driver);
	return st;
}

static enum nd_status render_list(struct text *out, const struct node_at *at)
{
	const struct nd_driver_list *list;
	struct lines l;
	enum nd_status st = nd_drivers(at->dump, &list);

	lines_init(&l, out);
	l.text.copied = true;
	for (uint32_t i = 0; st == ND_OK && i < list->count; i++) {
		lines_begin(&l);
		st = driver_row(&l.text, at->dump, &list->ref[i]);
	}
	if (st == ND_OK)
		lines_write(&l, out);
	lines_free(&l);
	return st;
}

/* --- /drivers/<name> -------------------------------------------------------------------------- */

static void source_fact(struct text *out, const struct nd_driver_list *list,
			const struct nd_driver_ref *ref)
{
	static const char *const name[] = { "namespace", "devices", "handles" };
	const char *separator = "";

	text_key(out, "Source");
	for (unsigned i = 0; i < sizeof(name) / sizeof(*name); i++)
		if (ref->sources >> i & 1) {
			text_printf(out, "%s%s", separator, name[i]);
			separator = ",";
		}
	if (list->namespace_whole && !(ref->sources & ND_DRIVER_NAMESPACE))
		text_str(out, " UNLISTED");
	text_line(out);
}

/* "Key:<TAB>FOREIGN module+0x1f0 (0x...)", "port ndis!x (0x...)", "Null+0x1f0 (0x...)". */
static void code_fact(struct text *out, const struct nd_dump *dump, const struct nd_driver *driver,
		      const char *key, struct nd_u64 code, enum nd_status if_zero)
{
	enum nd_code_owner owner;
	enum nd_status st;

	if (code.st == ND_OK && code.value == 0)
		code.st = if_zero;
	st = nd_driver_code(dump, driver, code, &owner, NULL);
	if (st != ND_OK)
		text_fail(out, st);
	text_key(out, key);
	if (st == ND_OK && owner == ND_CODE_FOREIGN)
		text_str(out, "FOREIGN ");
	else if (st == ND_OK && owner == ND_CODE_PORT)
		text_str(out, "port ");
	text_code(out, dump, UINT32_MAX, code, CODE_FULL);
	text_line(out);
}

static void object_path(struct text *out, const struct nd_dump *dump, struct nd_u64 object)
{
	struct nd_ustr path;

	if (object.st != ND_OK || object.value == 0) {
		text_missing(out, object.st == ND_OK ? ND_NONE : object.st, object.at);
		return;
	}
	path = nd_object_path(dump, object.value);
	text_ustr(out, &path);
	nd_ustr_free(&path);
}

/* "0x... \Device\Null type 0x15", and who is stacked on it: " < 0x... \Driver\volsnap". */
static enum nd_status device_fact(struct text *out, const struct nd_dump *dump,
				  const struct nd_driver *driver, const struct nd_device *d)
{
	struct nd_device_list stack;
	enum nd_status st = nd_device_stack(dump, d, NULL, &stack);

	if (st != ND_OK)
		return st;
	text_key(out, "Device");
	text_va(out, nd_u64_of(d->at));
	text_char(out, ' ');
	object_path(out, dump, nd_u64_of(d->at));
	text_str(out, " type ");
	text_hex(out, d->type);
	if (d->driver.st == ND_OK && d->driver.value != driver->at) {
		text_str(out, " of ");
		text_va(out, d->driver);
	}
	for (uint32_t i = 0; i < stack.count && out->failed == ND_OK; i++) {
		text_str(out, " < ");
		text_va(out, nd_u64_of(stack.device[i].at));
		text_char(out, ' ');
		object_path(out, dump, stack.device[i].driver);
	}
	if (stack.st != ND_OK) {
		text_str(out, " < ");
		text_missing(out, stack.st, stack.at);
	}
	text_line(out);
	nd_device_list_free(&stack);
	return ND_OK;
}

static enum nd_status device_facts(struct text *out, const struct nd_dump *dump,
				   const struct nd_driver *driver)
{
	struct nd_device_list list;
	enum nd_status st = nd_driver_devices(dump, driver, NULL, &list);

	if (st != ND_OK)
		return st;
	text_printf(out, "Devices:\t%u", list.count);
	if (list.st != ND_OK) {
		text_char(out, ' ');
		text_missing(out, list.st, list.at);
	}
	text_line(out);
	for (uint32_t i = 0; st == ND_OK && i < list.count && out->failed == ND_OK; i++)
		st = device_fact(out, dump, driver, &list.device[i]);
	nd_device_list_free(&list);
	return st;
}

static void string_fact(struct text *out, const char *key, const struct nd_ustr *s)
{
	text_key(out, key);
	if (s->st == ND_OK && s->count == 0)
		text_char(out, '-');
	else
		text_ustr(out, s);
	text_line(out);
}

static void address_fact(struct text *out, const char *key, struct nd_u64 v)
{
	if (v.st == ND_OK && v.value == 0)
		v.st = ND_NONE;
	text_fact_va(out, key, v);
}

static void image_facts(struct text *out, const struct nd_dump *dump,
			const struct nd_driver *driver)
{
	string_fact(out, "DriverName", &driver->name);
	string_fact(out, "ServiceKey", &driver->service_key);
	address_fact(out, "DriverStart", driver->start);
	text_fact_dec(out, "DriverSize", driver->size);
	text_key(out, "Module");
	module_field(out, dump, driver);
	text_line(out);
	address_fact(out, "DriverSection", driver->section);
	text_fact_bits(out, "Flags", driver->flags, nd_driver_flag_name);
	address_fact(out, "FastIoDispatch", driver->fast_io);
	code_fact(out, dump, driver, "DriverInit", driver->init, ND_NONE);
	code_fact(out, dump, driver, "DriverStartIo", driver->start_io, ND_NONE);
	code_fact(out, dump, driver, "DriverUnload", driver->unload, ND_NONE);
}

static enum nd_status render_driver(struct text *out, const struct node_at *at)
{
	const struct nd_driver_list *list;
	const struct nd_driver_ref *ref;
	struct nd_driver driver;
	uint32_t foreign;
	enum nd_status st = at_driver(at, &list, &ref);

	if (st != ND_OK)
		return st;
	text_fact_va(out, "Object", nd_u64_of(ref->driver));
	text_key(out, "Name");
	object_path(out, at->dump, nd_u64_of(ref->driver));
	text_line(out);
	source_fact(out, list, ref);
	st = nd_driver_read(at->dump, ref->driver, &driver);
	if (st != ND_OK) {
		text_key(out, "DriverName");
		return missing_or_fail(out, st, ref->driver);
	}
	image_facts(out, at->dump, &driver);
	st = nd_driver_foreign(at->dump, &driver, &foreign);
	if (st == ND_OK)
		text_printf(out, "Foreign:\t%u\n", foreign);
	for (unsigned i = 0; i < ND_MAJOR_FUNCTIONS; i++)
		code_fact(out, at->dump, &driver, nd_irp_major_name(i), driver.major[i],
			  ND_INVALID);
	if (st == ND_OK)
		st = device_facts(out, at->dump, &driver);
	nd_driver_free(&driver);
	return st;
}

// clang-format off
const struct node_row node_drivers_rows[] = {
	{ "list",     "table: name object start size module foreign devices", .render = render_list },
	{ "<driver>", "facts of a driver object: image, 28 major functions (FOREIGN, port), devices with who is stacked on them",
	  .render = render_driver, .next = next_driver, .about = about_driver },
	{ 0 }
};
// clang-format on
