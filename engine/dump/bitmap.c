/*
 * engine/dump/bitmap.c - types 5 and 6 (and 2): one bit for each page frame, then the pages whose
 * bit is set, in ascending order. Active, kernel, automatic and live dumps are of this kind.
 *
 * The bitmap is kept in memory with a count for every 512 bits (the set bits before them), so that
 * a lookup is one count and at most eight words.
 */
#include <stdlib.h>
#include <string.h>

#include "dump/container.h"

#define BITMAP_AT ND_HEADER_BYTES
#define FIXED_BYTES_64 0x38 /* up to the bits */
#define FIXED_BYTES_32 0x28
#define SIGNATURE_SDMP 0x504d4453
#define SIGNATURE_FDMP 0x504d4446
#define SIGNATURE_DUMP 0x504d5544
#define FILL_32 0x45474150
#define BITS_MAX (1ull << 34) /* 64 TiB of memory; a bitmap of 2 GiB */
#define CHUNK_BYTES ((size_t)256 << 10)
#define BLOCK_WORDS 8 /* words of 64 bits for each count */

/* popcnt(1) where the processor has it; sanitizers do not go with the ifunc that chooses. */
#if defined(__has_feature)
#if __has_feature(address_sanitizer) || __has_feature(thread_sanitizer) || \
	__has_feature(memory_sanitizer)
#define PLAIN_POPCOUNT
#endif
#endif
#if defined(__x86_64__) && defined(__GLIBC__) && !defined(__SANITIZE_ADDRESS__) && \
	!defined(__SANITIZE_THREAD__) && !defined(PLAIN_POPCOUNT)
#define FAST_POPCOUNT __attribute__((target_clones("popcnt", "default")))
#else
#define FAST_POPCOUNT
#endif

struct bitmap {
	uint64_t *word; /* bit n of the map: bit n % 64 of word[n / 64]; bits past the last are 0 */
	uint64_t *rank; /* set bits before word[BLOCK_WORDS * i] */
	uint64_t words;
	uint64_t first_page; /* file offset */
	nd_pfn present_end;  /* from here on, no page lies whole inside the file */
};

/* What the file says, before anything is believed. */
struct bitmap_header {
	uint64_t bits;
	uint64_t bits_at; /* file offset */
	uint64_t first_page;
};

/* --- the bitmap's header ------------------------------------------------------------------ */

static bool probe_bitmap(const struct nd_header *header)
{
	return header->dump_type.value == ND_DUMP_BITMAP_FULL ||
	       header->dump_type.value == ND_DUMP_BITMAP_KERNEL;
}

static bool probe_summary(const struct nd_header *header)
{
	return header->dump_type.value == ND_DUMP_SUMMARY;
}

static enum nd_status check_header(const struct nd_source *src, const struct bitmap_header *h,
				   struct nd_error *err)
{
	unsigned long long bits = h->bits, first = h->first_page;
	uint64_t bytes = bits / 8 + (bits % 8 != 0);

	if (bits == 0 || bits > BITS_MAX) {
		nd_error_set(err, "damaged page bitmap: %llu bits", bits);
	} else if (!nd_source_holds(src, h->bits_at, bytes, 1)) {
		nd_error_set(err, "the page bitmap (%llu bits) is cut off: the file has %llu bytes",
			     bits, (unsigned long long)src->file_bytes);
	} else if (first < h->bits_at || first - h->bits_at < bytes) {
		nd_error_set(err, "damaged page bitmap: the first page at 0x%llx lies inside it",
			     first);
	} else if (first > src->file_bytes) {
		nd_error_set(err, "the file ends before its first page at 0x%llx", first);
	} else {
		return ND_OK;
	}
	return ND_EFORMAT;
}

static enum nd_status read_header(const struct nd_source *src, struct bitmap_header *ret,
				  struct nd_error *err)
{
	uint8_t raw[FIXED_BYTES_64];
	uint32_t narrow_first;
	enum nd_status st = nd_source_read_part(src, BITMAP_AT, raw, sizeof(raw),
						"the bitmap header at 0x2000", err);

	if (st != ND_OK)
		return st;
	if ((nd_le32(raw) != SIGNATURE_SDMP && nd_le32(raw) != SIGNATURE_FDMP) ||
	    nd_le32(raw + 4) != SIGNATURE_DUMP) {
		nd_error_set(err, "dump type %u, but no SDMP or FDMP header at 0x2000",
			     (unsigned)src->header.dump_type.value);
		return ND_EFORMAT;
	}
	narrow_first = nd_le32(raw + 0xc);
	if (probe_summary(&src->header) && narrow_first != 0 && narrow_first != FILL_32) {
		ret->first_page = narrow_first;
		ret->bits = nd_le32(raw + 0x10);
		ret->bits_at = BITMAP_AT + FIXED_BYTES_32;
	} else {
		ret->first_page = nd_le64(raw + 0x20);
		ret->bits = nd_le64(raw + 0x30);
		ret->bits_at = BITMAP_AT + FIXED_BYTES_64;
	}
	return check_header(src, ret, err);
}

/* --- building the index ------------------------------------------------------------------- */

/* Parts that hold no bit are not written to: a bitmap with large holes costs no memory. */
static bool all_zero(const uint8_t *bytes, size_t len)
{
	return len == 0 || (bytes[0] == 0 && memcmp(bytes, bytes + 1, len - 1) == 0);
}

static enum nd_status read_bits(const struct nd_source *src, const struct bitmap_header *h,
				struct bitmap *map, struct nd_error *err)
{
	uint64_t bytes = h->bits / 8 + (h->bits % 8 != 0);
	uint8_t *chunk = malloc(CHUNK_BYTES);
	enum nd_status st = chunk != NULL ? ND_OK : ND_ENOMEM;

	for (uint64_t at = 0; st == ND_OK && at < bytes; at += CHUNK_BYTES) {
		size_t now = bytes - at < CHUNK_BYTES ? (size_t)(bytes - at) : CHUNK_BYTES;

		st = nd_source_read_part(src, h->bits_at + at, chunk, now, "the page bitmap", err);
		if (st == ND_OK && !all_zero(chunk, now))
			memcpy((uint8_t *)map->word + at, chunk, now);
	}
	free(chunk);
	if (st == ND_OK && h->bits % 64 != 0)
		map->word[map->words - 1] &= (1ull << h->bits % 64) - 1;
	return st;
}

/* Fill rank[] (a count for every BLOCK_WORDS words, plus the total); `words` is rounded up. */
FAST_POPCOUNT
static uint64_t count_bits(const uint64_t *word, uint64_t *rank, uint64_t blocks)
{
	uint64_t total = 0;

	for (uint64_t b = 0; b < blocks; b++) {
		rank[b] = total;
		for (unsigned i = 0; i < BLOCK_WORDS; i++)
			total += (uint64_t)__builtin_popcountll(word[b * BLOCK_WORDS + i]);
	}
	rank[blocks] = total;
	return total;
}

/* Set bits before `pfn`, which lies inside the map. */
FAST_POPCOUNT
static uint64_t rank_of(const struct bitmap *map, nd_pfn pfn)
{
	uint64_t w = pfn / 64;
	uint64_t rank = map->rank[w / BLOCK_WORDS];

	for (uint64_t i = w - w % BLOCK_WORDS; i < w; i++)
		rank += (uint64_t)__builtin_popcountll(map->word[i]);
	return rank + (uint64_t)__builtin_popcountll(map->word[w] & ((1ull << pfn % 64) - 1));
}

/* The position of the set bit that has `rank` set bits before it; one with that rank exists. */
static nd_pfn select_bit(const struct bitmap *map, uint64_t rank)
{
	uint64_t low = 0, high = map->words / BLOCK_WORDS, w, word;

	while (high - low > 1) {
		uint64_t middle = low + (high - low) / 2;

		if (map->rank[middle] <= rank)
			low = middle;
		else
			high = middle;
	}
	rank -= map->rank[low];
	for (w = low * BLOCK_WORDS;; w++) {
		uint64_t here = (uint64_t)__builtin_popcountll(map->word[w]);

		if (rank < here)
			break;
		rank -= here;
	}
	for (word = map->word[w]; rank > 0; rank--)
		word &= word - 1;
	return w * 64 + (uint64_t)__builtin_ctzll(word);
}

/* Which of the set bits have their page inside the file: the bitmap decides, not the page count. */
static void count_pages(struct nd_source *src, struct bitmap *map, uint64_t total)
{
	uint64_t room = (src->file_bytes - map->first_page) / ND_PAGE_BYTES;
	uint64_t present = total < room ? total : room;

	src->counts.present_pages = present;
	src->counts.cut_pages = total - present;
	src->counts.end_pfn = total > 0 ? select_bit(map, total - 1) + 1 : 0;
	map->present_end = present < total ? select_bit(map, present) : src->counts.end_pfn;
}

static void bitmap_close(void *state)
{
	struct bitmap *map = state;

	if (map == NULL)
		return;
	free(map->word);
	free(map->rank);
	free(map);
}

static enum nd_status build(struct nd_source *src, const struct bitmap_header *h,
			    struct nd_error *err)
{
	struct bitmap *map = calloc(1, sizeof(*map));
	uint64_t blocks = (h->bits + 64 * BLOCK_WORDS - 1) / (64 * BLOCK_WORDS);
	enum nd_status st;

	src->state = map;
	if (map == NULL)
		return ND_ENOMEM;
	map->first_page = h->first_page;
	map->word = calloc(blocks, BLOCK_WORDS * sizeof(*map->word));
	map->rank = calloc(blocks + 1, sizeof(*map->rank));
	if (map->word == NULL || map->rank == NULL)
		return ND_ENOMEM;
	map->words = h->bits / 64 + (h->bits % 64 != 0);
	st = read_bits(src, h, map, err);
	if (st != ND_OK)
		return st;
	map->words = blocks * BLOCK_WORDS;
	count_pages(src, map, count_bits(map->word, map->rank, blocks));
	return ND_OK;
}

static enum nd_status bitmap_open(struct nd_source *src, struct nd_error *err)
{
	struct bitmap_header h = { 0 };
	enum nd_status st = read_header(src, &h, err);

	if (st == ND_OK)
		st = build(src, &h, err);
	if (st == ND_ENOMEM)
		nd_error_set(err, "out of memory for the page bitmap (%llu bits)",
			     (unsigned long long)h.bits);
	return st;
}

/* --- lookup ------------------------------------------------------------------------------- */

static bool bitmap_find(const void *state, nd_pfn pfn, uint64_t *ret_offset)
{
	const struct bitmap *map = state;

	if (pfn >= map->present_end || !(map->word[pfn / 64] >> pfn % 64 & 1))
		return false;
	*ret_offset = map->first_page + (rank_of(map, pfn) << ND_PAGE_SHIFT);
	return true;
}

/* The first bit at or after `from`, below present_end, that is set (`set`) or clear (`!set`). */
static nd_pfn next_bit(const struct bitmap *map, nd_pfn from, bool set)
{
	uint64_t flip = set ? 0 : UINT64_MAX;
	uint64_t last = (map->present_end - 1) / 64;
	uint64_t w = from / 64;
	uint64_t word = (map->word[w] ^ flip) & UINT64_MAX << from % 64;
	nd_pfn at;

	while (word == 0 && w < last) {
		w++;
		/* The counts say where blocks without any set bit are. */
		while (set && w % BLOCK_WORDS == 0 && w + BLOCK_WORDS <= last &&
		       map->rank[w / BLOCK_WORDS] == map->rank[w / BLOCK_WORDS + 1])
			w += BLOCK_WORDS;
		word = map->word[w] ^ flip;
	}
	if (word == 0)
		return map->present_end;
	at = w * 64 + (uint64_t)__builtin_ctzll(word);
	return at < map->present_end ? at : map->present_end;
}

static enum nd_status bitmap_next_run(const void *state, nd_pfn from, nd_pfn *first,
				      uint64_t *pages)
{
	const struct bitmap *map = state;
	nd_pfn start;

	if (from >= map->present_end)
		return ND_ENOENT;
	start = next_bit(map, from, true);
	if (start >= map->present_end)
		return ND_ENOENT;
	*first = start;
	*pages = next_bit(map, start, false) - start;
	return ND_OK;
}

const struct nd_container nd_container_bitmap = {
	.name = "bitmap",
	.probe = probe_bitmap,
	.open = bitmap_open,
	.close = bitmap_close,
	.find = bitmap_find,
	.next_run = bitmap_next_run,
};

/* Type 2, kernel dumps of Windows 7 and older: the same with 32-bit fields. */
const struct nd_container nd_container_summary = {
	.name = "summary",
	.probe = probe_summary,
	.open = bitmap_open,
	.close = bitmap_close,
	.find = bitmap_find,
	.next_run = bitmap_next_run,
};
