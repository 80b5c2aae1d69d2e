/*
 * engine/nt/image.c - the cache of what images offer (headers, exports, symbol file), shared by
 * all processes that map the same pages at the same place.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "nt/tables.h"
#include "nt/name.h"

#define BUCKETS 1024u
#define EXPORTS_KEPT_MAX 2000000u /* 16 bytes each: the bound of what hostile images can hold */
#define IMAGES_KEPT_MAX 8192u

struct nd_image_cache {
	pthread_mutex_t lock;
	struct nd_image *bucket[BUCKETS];
	uint32_t images;
	uint64_t exports;
};

struct nd_image_cache *nd_image_cache_new(void)
{
	struct nd_image_cache *cache = calloc(1, sizeof(*cache));

	if (cache)
		pthread_mutex_init(&cache->lock, NULL);
	return cache;
}

static void image_free(struct nd_image *image)
{
	nd_exports_free(&image->exports);
	free(image);
}

void nd_image_cache_free(struct nd_image_cache *cache)
{
	if (!cache)
		return;
	for (uint32_t i = 0; i < BUCKETS; i++)
		while (cache->bucket[i]) {
			struct nd_image *image = cache->bucket[i];

			cache->bucket[i] = image->next;
			image_free(image);
		}
	pthread_mutex_destroy(&cache->lock);
	free(cache);
}

/* Physical page of an address, +1 so that "none" is 0: equal pages have equal contents. */
static uint64_t page_key(const struct nd_space *space, nd_va va)
{
	struct nd_page page;

	if (space->levels == 0)
		return 1;
	if (nd_translate(space, va, &page) != ND_OK || page.state == ND_PAGE_DEMAND_ZERO)
		return 0;
	return page.pfn + 1;
}

/* Two processes share an image when its header and its export directory are the same pages. */
static void make_key(const struct nd_pe *pe, uint64_t key[3])
{
	const struct nd_pe_directory *d = &pe->directory[ND_PE_EXPORT];

	key[0] = pe->base;
	key[1] = page_key(&pe->space, pe->base);
	key[2] = d->rva ? page_key(&pe->space, pe->base + d->rva) : 0;
}

static uint32_t bucket_of(const uint64_t key[3])
{
	uint64_t h =
		(key[0] >> 12) * 0x9e3779b97f4a7c15ull ^ key[1] * 0xc2b2ae3d27d4eb4full ^ key[2];

	return (uint32_t)(h >> 32 ^ h) % BUCKETS;
}

static struct nd_image *find(const struct nd_image_cache *cache, const uint64_t key[3])
{
	struct nd_image *image = cache->bucket[bucket_of(key)];

	while (image && memcmp(image->key, key, sizeof(image->key)) != 0)
		image = image->next;
	return image;
}

static enum nd_status load(const struct nd_pe *pe, struct nd_image *image)
{
	image->pe = *pe;
	image->id_st = nd_pe_rsds(pe, &image->id, image->pdb);
	if (nd_is_failure(image->id_st))
		return image->id_st;
	return nd_pe_exports_read(pe, &image->exports);
}

enum nd_status nd_image_get(const struct nd_space *space, nd_va base, const struct nd_image **ret)
{
	struct nd_image_cache *cache = nd_tables_images(space->dump);
	struct nd_image *image;
	struct nd_pe pe;
	uint64_t key[3], before;
	enum nd_status st = nd_pe_read(space, base, &pe);

	if (st != ND_OK)
		return st;
	make_key(&pe, key);
	pthread_mutex_lock(&cache->lock);
	image = find(cache, key);
	if (!image) {
		image = calloc(1, sizeof(*image));
		before = nd_source_failures();
		st = image ? load(&pe, image) : ND_ENOMEM;
		if (st == ND_OK && nd_source_failures() != before)
			st = ND_EIO;
		if (st == ND_ENOMEM)
			nd_source_note_failure();
		if (st != ND_OK && image)
			image_free(image);
		if (st == ND_OK) {
			memcpy(image->key, key, sizeof(key));
			image->cached = cache->images < IMAGES_KEPT_MAX &&
					cache->exports + image->exports.count <= EXPORTS_KEPT_MAX;
		}
		if (st == ND_OK && image->cached) {
			image->next = cache->bucket[bucket_of(key)];
			cache->bucket[bucket_of(key)] = image;
			cache->images++;
			cache->exports += image->exports.count;
		}
	}
	pthread_mutex_unlock(&cache->lock);
	if (st == ND_OK)
		*ret = image;
	return st;
}

void nd_image_put(const struct nd_dump *dump, const struct nd_image *image)
{
	(void)dump;
	if (image && !image->cached)
		image_free((struct nd_image *)image);
}

static const struct nd_symfile *find_symbols(const struct nd_dump *dump,
					     const struct nd_image *image)
{
	const struct nd_symfile *file = NULL;

	if (image->id_st != ND_OK || dump->symbols == NULL)
		return NULL;
	if (dump->kernel_symbols && image->pe.base == dump->kernel_base)
		return dump->kernel_symbols;
	if (nd_symstore_get(dump->symbols, image->pdb, &image->id, &file, NULL) != ND_OK)
		return NULL;
	return file;
}

const struct nd_symfile *nd_image_symbols(const struct nd_dump *dump, const struct nd_image *image)
{
	struct nd_image *cached = (struct nd_image *)image;

	if (!atomic_load(&cached->symbols_known)) { /* two who find it find the same */
		atomic_store(&cached->symbols, find_symbols(dump, image));
		atomic_store(&cached->symbols_known, true);
	}
	return atomic_load(&cached->symbols);
}
