/*
 * engine/sym/profile.c - layouts of known kernels, built in: found by identity, or by build and
 * nearest servicing level.
 */
#include "sym/profile_data.h"

#include <string.h>

static void unpack(uint32_t place, struct nd_member_place *ret)
{
	if (place == UINT32_MAX)
		return;
	ret->offset = place & 0xfffff;
	ret->bit_position = (uint8_t)(place >> 20 & 0x3f);
	ret->bit_length = (uint8_t)(place >> 26);
}

/* Members and structure sizes of a kernel's layout; no symbols. */
static void fill_types(const struct nd_profile_row *row, struct nd_layout *ret)
{
	const struct nd_profile_data *data = &nd_profile_data;
	const uint32_t *member = data->member + (size_t)row->layout * data->members;
	const uint32_t *bytes = data->struct_bytes + (size_t)row->layout * data->structs;

	nd_layout_clear(ret);
	strncpy(ret->version, row->version, sizeof(ret->version) - 1);
	for (uint32_t i = 0; i < data->members; i++)
		unpack(member[i], &ret->member[data->member_column[i]]);
	for (uint32_t i = 0; i < data->structs; i++)
		ret->struct_bytes[data->struct_column[i]] = bytes[i];
}

static void fill_exact(uint32_t kernel, struct nd_layout *ret)
{
	const struct nd_profile_data *data = &nd_profile_data;
	const struct nd_profile_row *row = &data->kernel[kernel];
	const uint32_t *symbol = data->symbol + (size_t)row->symbols * data->symbols;

	fill_types(row, ret);
	ret->source = ND_LAYOUT_PROFILE_EXACT;
	for (uint32_t i = 0; i < data->symbols; i++)
		ret->symbol_rva[data->symbol_column[i]] = symbol[i];
	for (uint32_t i = 0; i < data->extras; i++) {
		if (data->extra[i].kernel == kernel)
			unpack(data->extra[i].place, &ret->member[data->extra[i].member]);
	}
}

enum nd_status nd_profile_exact(const struct nd_guid_age *id, struct nd_layout *ret)
{
	for (uint32_t i = 0; i < nd_profile_data.exact_kernels; i++) {
		const struct nd_guid_age *known = &nd_profile_data.kernel[i].id;

		if (known->age == id->age && memcmp(known->guid, id->guid, sizeof(id->guid)) == 0) {
			fill_exact(i, ret);
			return ND_OK;
		}
	}
	return ND_NO_SYMBOLS;
}

/* The build whose kernel image a build shares. */
static uint32_t kernel_build(uint32_t build)
{
	if (build >= 19042 && build <= 19045)
		return 19041;
	return build == 18363 ? 18362 : build;
}

/* Nearer to `revision`; the older of two equally near ones. */
static bool is_nearer(const struct nd_profile_row *a, const struct nd_profile_row *b,
		      uint32_t revision)
{
	uint32_t far_a = a->revision > revision ? a->revision - revision : revision - a->revision;
	uint32_t far_b = b->revision > revision ? b->revision - revision : revision - b->revision;

	return far_a != far_b ? far_a < far_b : a->revision < b->revision;
}

/* The first of a layout's kernels in the order of is_nearer(): it stands for the layout. */
static bool is_nearest_of_layout(const struct nd_profile_row *row, uint32_t revision)
{
	for (uint32_t i = 0; i < nd_profile_data.kernels; i++) {
		const struct nd_profile_row *other = &nd_profile_data.kernel[i];

		if (other->build == row->build && other->layout == row->layout &&
		    is_nearer(other, row, revision))
			return false;
	}
	return true;
}

enum nd_status nd_profile_candidate(uint32_t build, uint32_t revision, uint32_t i,
				    struct nd_layout *ret)
{
	const struct nd_profile_row *last = NULL;

	build = kernel_build(build);
	for (uint32_t rank = 0; rank <= i; rank++) {
		const struct nd_profile_row *best = NULL;

		for (uint32_t k = 0; k < nd_profile_data.kernels; k++) {
			const struct nd_profile_row *row = &nd_profile_data.kernel[k];

			if (row->build == build &&
			    (last == NULL || is_nearer(last, row, revision)) &&
			    (best == NULL || is_nearer(row, best, revision)) &&
			    is_nearest_of_layout(row, revision))
				best = row;
		}
		if (best == NULL)
			return ND_ENOENT;
		last = best;
	}
	fill_types(last, ret);
	ret->source = ND_LAYOUT_PROFILE_NEAREST;
	return ND_OK;
}

uint32_t nd_profile_count(void)
{
	return nd_profile_data.exact_kernels;
}

bool nd_profile_kernel(uint32_t i, const char **version, struct nd_guid_age *id)
{
	if (i >= nd_profile_data.exact_kernels)
		return false;
	*version = nd_profile_data.kernel[i].version;
	*id = nd_profile_data.kernel[i].id;
	return true;
}
