/*
 * engine/nt/callback.c - reads the kernel's arrays and lists of registered routines.
 *
 * The entries are in no symbol file; their places are the same in all builds that are known. Bug
 * check records are laid out in wdm.h.
 */
#include <stdlib.h>
#include <string.h>

#include "nt/callback.h"
#include "nt/driver.h"
#include "nt/list.h"

#define SLOTS 64u      /* of each array of notify routines */
#define IMAGE_SLOTS 8u /* of that of images, before Windows 8.1 */
#define WINDOWS_8_1 9600u
#define FAST_REF_MASK 0xfull /* references in the low bits of an EX_FAST_REF */
#define MJ_SHUTDOWN 16u
#define ALTITUDE_UNITS_MAX 256u /* digits; Windows wants a decimal number */

struct reader {
	const struct nd_dump *dump;
	struct nd_problems *problems;
	struct nd_callback_list *list;
	uint32_t cap;
};

static struct nd_u64 none(void)
{
	return nd_u64_missing(ND_NONE, 0);
}

static struct nd_callback blank(const struct reader *r, nd_va entry)
{
	return (struct nd_callback){ .index = r->list->count,
				     .entry = entry,
				     .routine = none(),
				     .context = none(),
				     .altitude = { .st = ND_NONE },
				     .operations = none(),
				     .enabled = none(),
				     .component_st = ND_NONE,
				     .reason = none() };
}

/* Takes over what `c` owns. */
static enum nd_status append(struct reader *r, struct nd_callback *c)
{
	struct nd_callback_list *list = r->list;

	if (nd_is_failure(c->routine.st) || nd_is_failure(c->context.st) ||
	    nd_is_failure(c->altitude.st) || nd_is_failure(c->component_st)) {
		nd_ustr_free(&c->altitude);
		return ND_EIO;
	}
	if (list->count == r->cap) {
		uint32_t cap = r->cap ? 2 * r->cap : 16;
		struct nd_callback *grown = realloc(list->item, cap * sizeof(*grown));

		if (!grown) {
			nd_ustr_free(&c->altitude);
			return ND_ENOMEM;
		}
		list->item = grown;
		r->cap = cap;
	}
	list->item[list->count++] = *c;
	return ND_OK;
}

static struct nd_u64 number(const struct reader *r, nd_va at, unsigned bytes)
{
	return nd_read_num(&r->dump->kernel, at, bytes);
}

/* --- arrays ----------------------------------------------------------------------------------- */

/* EX_CALLBACK_ROUTINE_BLOCK: rundown reference, function, context. */
static enum nd_status read_slot(struct reader *r, uint32_t slot, uint64_t ref)
{
	nd_va block = ref & ~FAST_REF_MASK;
	struct nd_callback c = blank(r, block);

	c.index = slot;
	if (!nd_va_is_kernel(block)) {
		c.routine = c.context = nd_u64_missing(ND_INVALID, block);
	} else {
		c.routine = number(r, block + 8, 8);
		c.context = number(r, block + 16, 8);
	}
	return append(r, &c);
}

static enum nd_status read_array(struct reader *r, nd_va array, uint32_t slots)
{
	uint8_t raw[SLOTS * 8];
	enum nd_status st = nd_read(&r->dump->kernel, array, raw, (size_t)slots * 8);

	if (nd_is_missing(st)) {
		r->list->st = st;
		r->list->at = array;
		return ND_OK;
	}
	for (uint32_t i = 0; st == ND_OK && i < slots; i++)
		if (nd_le64(raw + (size_t)i * 8) != 0)
			st = read_slot(r, i, nd_le64(raw + (size_t)i * 8));
	return st;
}

/* --- lists ------------------------------------------------------------------------------------ */

typedef enum nd_status read_entry_fn(struct reader *r, nd_va entry,
				     const struct nd_object_type *type);

/* A head that nobody has initialised is an answer, too, but no damage. */
static enum nd_status read_list(struct reader *r, nd_va head, const char *where, nd_va owner,
				const struct nd_object_type *type, read_entry_fn *read_entry)
{
	struct nd_u64 first = number(r, head, 8);
	struct nd_list ring;
	enum nd_status st = first.st;

	if (st == ND_OK && first.value == 0)
		st = ND_INVALID;
	if (st == ND_OK)
		st = nd_list_collect(&r->dump->kernel, head, ND_CALLBACKS_MAX, &ring);
	if (nd_is_missing(st)) {
		r->list->st = st;
		r->list->at = head;
		return ND_OK;
	}
	if (st != ND_OK)
		return st;
	nd_problem_add_list(r->problems, where, owner, &ring);
	for (size_t i = 0; st == ND_OK && i < ring.count && r->list->count < ND_CALLBACKS_MAX; i++)
		st = read_entry(r, ring.link[i], type);
	nd_list_free(&ring);
	return st;
}

static enum nd_status read_registry(struct reader *r, nd_va at, const struct nd_object_type *type)
{
	struct nd_callback c = blank(r, at);

	(void)type;
	c.context = number(r, at + 0x20, 8);
	c.routine = number(r, at + 0x28, 8);
	c.altitude = nd_ustr_read(&r->dump->kernel, at + 0x30);
	if (c.altitude.st == ND_OK && c.altitude.count > ALTITUDE_UNITS_MAX) {
		nd_ustr_free(&c.altitude);
		c.altitude = (struct nd_ustr){ .st = ND_INVALID, .at = at + 0x30 };
	}
	return append(r, &c);
}

/* One entry has a routine for before and one for after; a row each. */
static enum nd_status read_object(struct reader *r, nd_va at, const struct nd_object_type *type)
{
	struct nd_u64 owner = number(r, at + 0x20, 8);
	uint32_t index = r->list->count ? r->list->item[r->list->count - 1].index + 1 : 0;
	enum nd_status st = ND_OK;

	for (unsigned post = 0; st == ND_OK && post < 2; post++) {
		struct nd_callback c = blank(r, at);

		c.index = index;
		c.type = type;
		c.post = post;
		c.operations = number(r, at + 0x10, 4);
		c.enabled = number(r, at + 0x14, 4);
		c.context = number(r, at + 0x18, 8);
		c.routine = number(r, at + 0x28 + 8 * post, 8);
		if (owner.st == ND_OK && owner.value != type->at) /* of another type: no entry */
			c.routine = c.context = nd_u64_missing(ND_INVALID, at);
		if (c.routine.st == ND_OK && c.routine.value == 0)
			continue;
		st = append(r, &c);
	}
	return st;
}

/* A component's name: text at a pointer, up to its NUL. */
static void read_component(const struct reader *r, nd_va pointer_at, struct nd_callback *c)
{
	struct nd_u64 at = number(r, pointer_at, 8);
	size_t got = 0;

	c->component_st = at.st;
	if (at.st != ND_OK || at.value == 0) {
		c->component_st = at.st == ND_OK ? ND_NONE : at.st;
		return;
	}
	c->component_st = ND_INVALID;
	if (!nd_va_is_kernel(at.value))
		return;
	c->component_st = nd_read_some(&r->dump->kernel, at.value, c->component,
				       sizeof(c->component) - 1, &got);
	if (!nd_is_failure(c->component_st) && memchr(c->component, '\0', got))
		c->component_st = ND_OK; /* the text ends before what is missing */
	c->component[sizeof(c->component) - 1] = '\0';
}

/* KBUGCHECK_CALLBACK_RECORD: entry, routine, buffer, length, component. */
static enum nd_status read_bugcheck(struct reader *r, nd_va at, const struct nd_object_type *type)
{
	struct nd_callback c = blank(r, at);

	(void)type;
	c.routine = number(r, at + 0x10, 8);
	c.context = number(r, at + 0x18, 8);
	read_component(r, at + 0x28, &c);
	return append(r, &c);
}

/* KBUGCHECK_REASON_CALLBACK_RECORD: entry, routine, component, checksum, reason. */
static enum nd_status read_reason(struct reader *r, nd_va at, const struct nd_object_type *type)
{
	struct nd_callback c = blank(r, at);

	(void)type;
	c.routine = number(r, at + 0x10, 8);
	read_component(r, at + 0x18, &c);
	c.reason = number(r, at + 0x28, 4);
	return append(r, &c);
}

/* What is called is the shutdown routine of the device's driver. */
static enum nd_status read_shutdown(struct reader *r, nd_va at, const struct nd_object_type *type)
{
	uint32_t major = nd_offset(r->dump, ND_M_DRIVER_OBJECT_MajorFunction);
	struct nd_callback c = blank(r, at);

	(void)type;
	c.context = number(r, at + 0x10, 8);
	c.routine = c.context;
	if (c.context.st == ND_OK)
		c.routine = nd_device_read(r->dump, c.context.value).driver;
	if (c.routine.st == ND_OK && major == ND_OFFSET_ABSENT)
		c.routine = nd_u64_missing(ND_NOT_IN_BUILD, at);
	else if (c.routine.st == ND_OK && !nd_va_is_kernel(c.routine.value))
		c.routine = nd_u64_missing(ND_INVALID, c.context.value);
	else if (c.routine.st == ND_OK)
		c.routine = number(r, c.routine.value + major + 8 * MJ_SHUTDOWN, 8);
	return append(r, &c);
}

static enum nd_status read_file_system(struct reader *r, nd_va at,
				       const struct nd_object_type *type)
{
	struct nd_callback c = blank(r, at);

	(void)type;
	c.context = number(r, at + 0x10, 8);
	c.routine = number(r, at + 0x18, 8);
	return append(r, &c);
}

/* Every type's list: those of types that support no callbacks are empty. */
static enum nd_status read_objects(struct reader *r)
{
	uint32_t offset = nd_offset(r->dump, ND_M_OBJECT_TYPE_CallbackList);
	const struct nd_object_types *types;
	enum nd_status st = nd_object_types(r->dump, &types);
	bool any = false;

	if (st != ND_OK)
		return st;
	r->list->st = types->st != ND_OK	   ? types->st
		      : offset == ND_OFFSET_ABSENT ? ND_NOT_IN_BUILD
						   : ND_OK;
	r->list->at = types->at;
	if (r->list->st != ND_OK)
		return ND_OK;
	for (uint32_t i = 0; st == ND_OK && i < ND_OBJECT_TYPES; i++) {
		const struct nd_object_type *type = &types->type[i];

		if (type->at == 0)
			continue;
		st = read_list(r, type->at + offset, "OBJECT_TYPE.CallbackList", type->at, type,
			       read_object);
		any = any || r->list->st == ND_OK;
		if (any) /* a type without a list is one without callbacks */
			r->list->st = ND_OK;
	}
	return st;
}

/* --- kinds ------------------------------------------------------------------------------------ */

// clang-format off
static const struct {
	enum nd_symbol_id symbol;
	const char *where;
	read_entry_fn *read_entry; /* NULL: an array */
} kinds[ND_CALLBACK_KINDS] = {
	[ND_CALLBACK_PROCESS] = { ND_SYM_PspCreateProcessNotifyRoutine, NULL, NULL },
	[ND_CALLBACK_THREAD] = { ND_SYM_PspCreateThreadNotifyRoutine, NULL, NULL },
	[ND_CALLBACK_IMAGE] = { ND_SYM_PspLoadImageNotifyRoutine, NULL, NULL },
	[ND_CALLBACK_REGISTRY] = { ND_SYM_CallbackListHead, "CallbackListHead", read_registry },
	[ND_CALLBACK_BUGCHECK] = { ND_SYM_KeBugCheckCallbackListHead, "KeBugCheckCallbackListHead", read_bugcheck },
	[ND_CALLBACK_BUGCHECK_REASON] = { ND_SYM_KeBugCheckReasonCallbackListHead, "KeBugCheckReasonCallbackListHead", read_reason },
	[ND_CALLBACK_SHUTDOWN] = { ND_SYM_IopNotifyShutdownQueueHead, "IopNotifyShutdownQueueHead", read_shutdown },
	[ND_CALLBACK_SHUTDOWN_LAST] = { ND_SYM_IopNotifyLastChanceShutdownQueueHead, "IopNotifyLastChanceShutdownQueueHead", read_shutdown },
	[ND_CALLBACK_FILE_SYSTEM] = { ND_SYM_IopFsNotifyChangeQueueHead, "IopFsNotifyChangeQueueHead", read_file_system },
};
// clang-format on

static enum nd_status read_kind(struct reader *r, enum nd_callback_kind kind)
{
	nd_va at;

	if (kind == ND_CALLBACK_OBJECT)
		return read_objects(r);
	at = r->dump->symbol[kinds[kind].symbol];
	if (at == 0) {
		r->list->st = ND_NO_SYMBOLS;
		return ND_OK;
	}
	if (kinds[kind].read_entry)
		return read_list(r, at, kinds[kind].where, 0, NULL, kinds[kind].read_entry);
	return read_array(r, at,
			  kind == ND_CALLBACK_IMAGE && r->dump->build < WINDOWS_8_1 ? IMAGE_SLOTS
										    : SLOTS);
}

enum nd_status nd_callbacks_read(const struct nd_dump *dump, enum nd_callback_kind kind,
				 struct nd_problems *problems, struct nd_callback_list *ret)
{
	struct nd_callback_list list = { 0 };
	struct reader r = { .dump = dump, .problems = problems, .list = &list };
	enum nd_status st = read_kind(&r, kind);

	if (st != ND_OK)
		nd_callback_list_free(&list);
	else
		*ret = list;
	return st;
}

void nd_callback_list_free(struct nd_callback_list *list)
{
	for (uint32_t i = 0; i < list->count; i++)
		nd_ustr_free(&list->item[i].altitude);
	free(list->item);
	*list = (struct nd_callback_list){ 0 };
}

const char *nd_bugcheck_reason_name(uint64_t reason)
{
	/* KBUGCHECK_CALLBACK_REASON, wdm.h */
	static const char *const name[] = {
		"KbCallbackInvalid",	       "KbCallbackReserved1",
		"KbCallbackSecondaryDumpData", "KbCallbackDumpIo",
		"KbCallbackAddPages",	       "KbCallbackSecondaryMultiPartDumpData",
		"KbCallbackRemovePages",       "KbCallbackTriageDumpData",
	};

	return reason < sizeof(name) / sizeof(*name) ? name[reason] : NULL;
}
