/*
 * fs/nodes/modules.c - /modules: kernel modules, loaded and unloaded.
 */
#include <string.h>

#include "nodes/lines.h"
#include "nodes/nodes.h"
#include "ntdump.h"

/* --- names ------------------------------------------------------------------------------------ */

static enum nd_status next_module(const struct node_at *dir, uint64_t *cursor,
				  struct node_entry *ret)
{
	const struct nd_module_list *list;
	enum nd_status st = nd_kernel_modules(dir->dump, &list);

	if (st != ND_OK)
		return st;
	return next_module_file(list, cursor, ret);
}

static enum nd_status find_module(const struct node_at *dir, const char *name,
				  struct node_entry *ret)
{
	const struct nd_module_list *list;
	enum nd_status st = nd_kernel_modules(dir->dump, &list);

	if (st != ND_OK)
		return st;
	return find_module_file(list, name, ret);
}

static enum nd_status at_module(const struct node_at *at, const struct nd_module **ret)
{
	const struct nd_module_list *list;
	enum nd_status st = nd_kernel_modules(at->dump, &list);

	if (st != ND_OK)
		return st;
	if (at->key[0] >= list->count)
		return ND_ENOENT;
	*ret = &list->module[at->key[0]];
	return ND_OK;
}

static void about_module(const struct node_at *at, struct node_about *ret)
{
	const struct nd_module *m;

	if (at_module(at, &m) != ND_OK)
		return;
	ret->address = m->entry;
	ret->type = "KLDR_DATA_TABLE_ENTRY";
	ret->source = layout_source_name(at->dump);
}

static struct nd_u64 module_base(const struct nd_module *m)
{
	return m->base_st == ND_OK ? nd_u64_of(m->base) : nd_u64_missing(m->base_st, m->entry);
}

/* --- tables ----------------------------------------------------------------------------------- */

static void pdb_field(struct text *out, const struct nd_dump *dump, const struct nd_module *m)
{
	struct nd_space space = nd_kernel_space_of(dump, m->base);
	const struct nd_image *image;
	enum nd_status st =
		m->base_st == ND_OK ? nd_image_get(&space, m->base, &image) : m->base_st;

	if (st != ND_OK) {
		text_missing(out, st, m->base);
		return;
	}
	if (image->id_st == ND_OK)
		text_pdb_key(out, image->pdb, &image->id);
	else
		text_missing(out, image->id_st, m->base);
	nd_image_put(dump, image);
}

static enum nd_status render_list(struct text *out, const struct node_at *at)
{
	const struct nd_module_list *list;
	enum nd_status st = nd_kernel_modules(at->dump, &list);

	if (st == ND_OK && list->st != ND_OK)
		return missing_or_fail(out, list->st, list->at);
	for (uint32_t i = 0; st == ND_OK && i < list->count; i++) {
		const struct nd_module *m = &list->module[list->by_base[i]];

		text_va(out, module_base(m));
		text_tab(out);
		text_dec(out, m->size);
		text_tab(out);
		text_ustr(out, &m->name);
		text_tab(out);
		text_hex_pad(out, m->timestamp, 8);
		text_tab(out);
		pdb_field(out, at->dump, m);
		text_tab(out);
		text_ustr(out, &m->path);
		text_line(out);
	}
	return st;
}

static enum nd_status render_unloaded(struct text *out, const struct node_at *at)
{
	struct nd_unloaded_list list;
	struct lines l;
	enum nd_status st = nd_unloaded_read(at->dump, &list);

	if (st != ND_OK)
		return st;
	if (list.st != ND_OK)
		return missing_or_fail(out, list.st, list.at);
	lines_init(&l, out);
	for (uint32_t i = 0; i < list.count; i++) {
		lines_begin(&l);
		text_ustr(&l.text, &list.item[i].name);
		text_tab(&l.text);
		text_va(&l.text, list.item[i].start);
		text_tab(&l.text);
		text_va(&l.text, list.item[i].end);
		text_tab(&l.text);
		text_time(&l.text, list.item[i].time);
		text_line(&l.text);
	}
	lines_write(&l, out);
	lines_free(&l);
	nd_unloaded_free(&list);
	return ND_OK;
}

/* --- modules/<name> --------------------------------------------------------------------------- */

static enum nd_status render_base(struct text *out, const struct node_at *at)
{
	const struct nd_module *m;
	enum nd_status st = at_module(at, &m);

	if (st == ND_OK)
		text_va(out, module_base(m));
	text_line(out);
	return st;
}

static enum nd_status render_size(struct text *out, const struct node_at *at)
{
	const struct nd_module *m;
	enum nd_status st = at_module(at, &m);

	if (st == ND_OK)
		text_dec(out, m->size);
	text_line(out);
	return st;
}

static enum nd_status render_path(struct text *out, const struct node_at *at)
{
	const struct nd_module *m;
	enum nd_status st = at_module(at, &m);

	if (st == ND_OK)
		text_ustr(out, &m->path);
	text_line(out);
	return st;
}

static enum nd_status render_timestamp(struct text *out, const struct node_at *at)
{
	const struct nd_module *m;
	enum nd_status st = at_module(at, &m);

	if (st == ND_OK)
		text_hex_pad(out, m->timestamp, 8);
	text_line(out);
	return st;
}

static enum nd_status render_pdb(struct text *out, const struct node_at *at)
{
	const struct nd_module *m;
	enum nd_status st = at_module(at, &m);

	if (st == ND_OK)
		pdb_field(out, at->dump, m);
	text_line(out);
	return st;
}

static void export_line(struct text *out, const struct nd_pe *pe, const struct nd_export *e)
{
	char name[ND_PE_NAME_MAX];
	enum nd_status st = e->name_rva ? nd_pe_name(pe, e->name_rva, name) : ND_NONE;

	text_printf(out, "0x%08x\t%u\t", e->rva, e->ordinal);
	if (st == ND_OK)
		text_utf8(out, name, strlen(name));
	else
		text_missing(out, st, pe->base + e->name_rva);
	text_tab(out);
	st = e->forwarder ? nd_pe_name(pe, e->rva, name) : ND_NONE;
	if (st == ND_OK)
		text_utf8(out, name, strlen(name));
	else
		text_missing(out, st, pe->base + e->rva);
	text_line(out);
}

/* ND_OK with the image; else the word is written already, or it is a failure. */
static enum nd_status with_image(struct text *out, const struct node_at *at,
				 const struct nd_image **ret)
{
	const struct nd_module *m;
	struct nd_space space;
	enum nd_status st = at_module(at, &m);

	if (st != ND_OK)
		return st;
	space = nd_kernel_space_of(at->dump, m->base);
	st = m->base_st == ND_OK ? nd_image_get(&space, m->base, ret) : m->base_st;
	if (nd_is_missing(st))
		missing_or_fail(out, st, m->base);
	return st;
}

static enum nd_status render_exports(struct text *out, const struct node_at *at)
{
	const struct nd_image *image;
	enum nd_status st = with_image(out, at, &image);

	if (st != ND_OK)
		return nd_is_missing(st) ? ND_OK : st;
	if (image->exports.st != ND_OK && image->exports.st != ND_NONE)
		missing_or_fail(out, image->exports.st, image->pe.base);
	for (uint32_t i = 0; i < image->exports.count && out->failed == ND_OK; i++)
		export_line(out, &image->pe, &image->exports.item[i]);
	nd_image_put(at->dump, image);
	return ND_OK;
}

static enum nd_status render_sections(struct text *out, const struct node_at *at)
{
	const struct nd_image *image;
	enum nd_status st = with_image(out, at, &image);

	if (st != ND_OK)
		return nd_is_missing(st) ? ND_OK : st;
	for (uint32_t i = 0; i < image->pe.section_count; i++) {
		const struct nd_pe_section *s = &image->pe.section[i];

		text_printf(out, "0x%08x\t%u\t0x%08x\t", s->rva, s->bytes, s->characteristics);
		text_utf8(out, s->name, strlen(s->name));
		text_line(out);
	}
	nd_image_put(at->dump, image);
	return ND_OK;
}

// clang-format off
static const struct node_row module_rows[] = {
	{ "base",      "address of the image",                            .render = render_base },
	{ "size",      "SizeOfImage in bytes",                            .render = render_size },
	{ "path",      "KLDR_DATA_TABLE_ENTRY.FullDllName",               .render = render_path },
	{ "timestamp", "TimeDateStamp",                                   .render = render_timestamp },
	{ "pdb",       "name.pdb/GUIDAGE of the RSDS record",             .render = render_pdb },
	{ "exports",   "table: rva ordinal name forwarder",               .render = render_exports },
	{ "sections",  "table: rva size characteristics name",            .render = render_sections },
	{ "image",     "the image as a PE file, laid out as in memory; its header says so. What the dump lacks is a hole", .raw = &node_kernel_image, .exists = exists_image, .flags = NODE_RAW },
	{ 0 }
};

const struct node_row node_modules_rows[] = {
	{ "list",     "table: base size name timestamp pdb path",         .render = render_list, .flags = NODE_COSTLY },
	{ "unloaded", "table: name start end time",         .render = render_unloaded },
	{ "<module>", "each kernel module; also by the name that symbols carry (nt)",
	  .rows = module_rows, .next = next_module, .find = find_module, .about = about_module },
	{ 0 }
};
// clang-format on
