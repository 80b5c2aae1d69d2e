/*
 * fs/nodes/callbacks.c - /callbacks: what drivers have registered with the kernel.
 */
#include <string.h>

#include "nodes/nodes.h"
#include "nt/callback.h"
#include "nt/object_name.h"
#include "ntdump.h"

/* Only where the list of modules can be trusted does code in none of them stand out. */
static bool modules_whole(const struct nd_module_list *modules)
{
	return modules->st == ND_OK && modules->count > 0 && modules->problems.count == 0;
}

/* module+0xRVA, always. */
static void rva(struct text *out, const struct nd_module *m, struct nd_u64 v)
{
	if (v.st == ND_OK && m)
		text_printf(out, "%s+0x%llx", m->symbol_name,
			    (unsigned long long)(v.value - m->base));
	else
		text_va(out, v);
}

static void path_of(struct text *out, const struct nd_dump *dump, struct nd_u64 object)
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

/* "Process pre CREATE|DUPLICATE" */
static void operations(struct text *out, const struct nd_callback *c)
{
	text_str(out, c->type->name_st == ND_OK ? c->type->name : "-");
	text_str(out, c->post ? " post " : " pre ");
	if (c->operations.st == ND_OK && c->operations.value >= 1 && c->operations.value <= 3)
		text_printf(out, "%s%s%s", c->operations.value & 1 ? "CREATE" : "",
			    c->operations.value == 3 ? "|" : "",
			    c->operations.value & 2 ? "DUPLICATE" : "");
	else
		text_hex(out, c->operations);
	if (c->enabled.st == ND_OK && c->enabled.value == 0)
		text_str(out, " disabled");
}

static void component(struct text *out, const struct nd_callback *c)
{
	if (c->component_st != ND_OK)
		text_missing(out, c->component_st, c->entry);
	else if (c->component[0] == '\0')
		text_char(out, '-');
	else
		text_utf8(out, c->component, strlen(c->component));
	if (c->reason.st == ND_NONE)
		return;
	text_char(out, ' ');
	if (c->reason.st == ND_OK && nd_bugcheck_reason_name(c->reason.value))
		text_str(out, nd_bugcheck_reason_name(c->reason.value));
	else
		text_dec(out, c->reason);
}

static void detail(struct text *out, const struct nd_dump *dump, enum nd_callback_kind kind,
		   const struct nd_callback *c)
{
	switch (kind) {
	case ND_CALLBACK_REGISTRY:
		if (c->altitude.st == ND_OK && c->altitude.count == 0)
			text_char(out, '-');
		else
			text_ustr(out, &c->altitude);
		break;
	case ND_CALLBACK_OBJECT:
		operations(out, c);
		break;
	case ND_CALLBACK_BUGCHECK:
	case ND_CALLBACK_BUGCHECK_REASON:
		component(out, c);
		break;
	case ND_CALLBACK_SHUTDOWN:
	case ND_CALLBACK_SHUTDOWN_LAST:
	case ND_CALLBACK_FILE_SYSTEM:
		path_of(out, dump, c->context);
		break;
	default:
		text_char(out, '-');
	}
}

static void row(struct text *out, const struct nd_dump *dump, const struct nd_module_list *modules,
		enum nd_callback_kind kind, const struct nd_callback *c)
{
	const struct nd_module *m =
		c->routine.st == ND_OK ? nd_module_of(modules, c->routine.value) : NULL;

	text_printf(out, "%u\t0x%016llx\t", c->index, (unsigned long long)c->entry);
	text_code(out, dump, UINT32_MAX, c->routine, CODE_SHORT);
	text_tab(out);
	rva(out, m, c->routine);
	text_tab(out);
	text_va(out, c->context);
	text_tab(out);
	detail(out, dump, kind, c);
	text_tab(out);
	if (m)
		text_str(out, "match");
	else if (c->routine.st == ND_OK && c->routine.value != 0 && modules_whole(modules))
		text_str(out, "FOREIGN");
	else
		text_char(out, '-');
	text_line(out);
}

static enum nd_status render_kind(struct text *out, const struct nd_dump *dump,
				  enum nd_callback_kind kind)
{
	const struct nd_module_list *modules;
	struct nd_callback_list list;
	enum nd_status st = nd_kernel_modules(dump, &modules);

	if (st == ND_OK)
		st = nd_callbacks_read(dump, kind, NULL, &list);
	if (st != ND_OK)
		return st;
	for (uint32_t i = 0; i < list.count && out->failed == ND_OK; i++)
		row(out, dump, modules, kind, &list.item[i]);
	if (list.st != ND_OK && list.count == 0)
		st = missing_or_fail(out, list.st, list.at);
	nd_callback_list_free(&list);
	return st;
}

#define KIND(name, kind) \
	static enum nd_status render_##name(struct text *out, const struct node_at *at) \
	{ \
		return render_kind(out, at->dump, kind); \
	}

KIND(process, ND_CALLBACK_PROCESS)
KIND(thread, ND_CALLBACK_THREAD)
KIND(image, ND_CALLBACK_IMAGE)
KIND(registry, ND_CALLBACK_REGISTRY)
KIND(object, ND_CALLBACK_OBJECT)
KIND(bugcheck, ND_CALLBACK_BUGCHECK)
KIND(bugcheckreason, ND_CALLBACK_BUGCHECK_REASON)
KIND(shutdown, ND_CALLBACK_SHUTDOWN)
KIND(lastshutdown, ND_CALLBACK_SHUTDOWN_LAST)
KIND(filesystem, ND_CALLBACK_FILE_SYSTEM)

#define COLUMNS "table: index entry routine module+rva context detail target (match, FOREIGN)"

// clang-format off
const struct node_row node_callbacks_rows[] = {
	{ "process",        COLUMNS " of process creation and exit",                       .render = render_process },
	{ "thread",         COLUMNS " of thread creation and exit",                        .render = render_thread },
	{ "image",          COLUMNS " of image loading",                                   .render = render_image },
	{ "registry",       COLUMNS " of registry operations; detail: altitude",           .render = render_registry },
	{ "object",         COLUMNS " of handle operations; context: registration, detail: type, pre or post, operations", .render = render_object },
	{ "bugcheck",       COLUMNS " of bug checks; context: buffer, detail: component",  .render = render_bugcheck },
	{ "bugcheckreason", COLUMNS " of stages of a bug check; detail: component reason", .render = render_bugcheckreason },
	{ "shutdown",       COLUMNS " of shutdown; context and detail: device",            .render = render_shutdown },
	{ "lastshutdown",   COLUMNS " of the last stage of shutdown; context and detail: device", .render = render_lastshutdown },
	{ "filesystem",     COLUMNS " of file systems that come and go; context and detail: driver", .render = render_filesystem },
	{ 0 }
};
// clang-format on
