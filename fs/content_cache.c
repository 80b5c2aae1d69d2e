/*
 * fs/content_cache.c - see content_cache.h: a hash table of texts, a list of those that nobody
 * borrows in the order of their last use, one lock, and a condition for texts in the making.
 */
#include "content_cache.h"

#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#define FIRST_SLOTS 1024u
#define MALLOC_BYTES 16u  /* what malloc itself needs for a block, about */
#define INLINE_MAX 65536u /* a longer text is taken over instead of copied */
#define BIG_PUTS 4096u	  /* puts after which an unused oversized text goes */
#define MAKING_DEPTH_MAX 8u

struct content {
	uint64_t ino;
	struct content *next;	       /* in its hash slot */
	struct content *newer, *older; /* among the unborrowed; NULL while borrowed */
	char *p;		       /* = text, or a block of its own */
	size_t len;
	uint32_t refs;
	bool shared; /* it is in the hash table */
	char text[];
};

/* A text in the making; lives on the stack of the thread that makes it. */
struct making {
	uint64_t ino;
	struct making *next;
};

struct content_cache {
	content_make_fn *make;
	void *ctx;
	size_t max_bytes;
	pthread_mutex_t lock;
	pthread_cond_t made; /* `making` became shorter */
	struct making *making;
	struct content **slot;
	size_t slots; /* a power of two */
	struct content *newest, *oldest;
	struct content *big; /* an unborrowed one beyond the bound; in no list */
	size_t beyond_bytes; /* of all texts beyond the bound, borrowed or not */
	unsigned big_age;    /* puts since it was put */
	/* Written under the lock, read without it by content_cache_counts(). */
	atomic_uint_fast64_t bytes, entries, hits, misses, evictions;
};

static _Thread_local unsigned making_depth;

enum nd_status content_making_enter(void)
{
	if (making_depth >= MAKING_DEPTH_MAX)
		return ND_EIO;
	making_depth++;
	return ND_OK;
}

void content_making_leave(void)
{
	making_depth--;
}

enum nd_status content_cache_new(size_t max_bytes, content_make_fn *make, void *ctx,
				 struct content_cache **ret)
{
	struct content_cache *cache = calloc(1, sizeof(*cache));

	if (!cache)
		return ND_ENOMEM;
	cache->slots = FIRST_SLOTS;
	cache->slot = calloc(cache->slots, sizeof(struct content *));
	if (!cache->slot) {
		free(cache);
		return ND_ENOMEM;
	}
	cache->make = make;
	cache->ctx = ctx;
	cache->max_bytes = max_bytes;
	pthread_mutex_init(&cache->lock, NULL);
	pthread_cond_init(&cache->made, NULL);
	*ret = cache;
	return ND_OK;
}

static void content_free(struct content *content)
{
	if (content->p != content->text)
		free(content->p);
	free(content);
}

void content_cache_free(struct content_cache *cache)
{
	if (!cache)
		return;
	for (size_t i = 0; i < cache->slots; i++) {
		while (cache->slot[i]) {
			struct content *content = cache->slot[i];

			cache->slot[i] = content->next;
			content_free(content);
		}
	}
	pthread_cond_destroy(&cache->made);
	pthread_mutex_destroy(&cache->lock);
	free(cache->slot);
	free(cache);
}

/* Spread inode numbers, whose fields count up from 0, over the table. */
static struct content **slot_of(struct content_cache *cache, uint64_t ino)
{
	uint64_t hash = ino * 0x9e3779b97f4a7c15u;

	return &cache->slot[(hash ^ hash >> 32) & (cache->slots - 1)];
}

static struct content *find(struct content_cache *cache, uint64_t ino)
{
	struct content *content = *slot_of(cache, ino);

	while (content && content->ino != ino)
		content = content->next;
	return content;
}

/* Double the table; when there is no memory for that, chains just get longer. */
static void grow(struct content_cache *cache)
{
	struct content **old = cache->slot;
	size_t old_slots = cache->slots;
	struct content **slot = calloc(old_slots * 2, sizeof(struct content *));

	if (!slot)
		return;
	cache->slot = slot;
	cache->slots = old_slots * 2;
	for (size_t i = 0; i < old_slots; i++) {
		while (old[i]) {
			struct content *content = old[i];
			struct content **head = slot_of(cache, content->ino);

			old[i] = content->next;
			content->next = *head;
			*head = content;
		}
	}
	free(old);
}

static void hash_insert(struct content_cache *cache, struct content *content)
{
	struct content **head;

	if (cache->entries >= cache->slots)
		grow(cache);
	head = slot_of(cache, content->ino);
	content->next = *head;
	*head = content;
	content->shared = true;
	cache->entries++;
}

static void hash_remove(struct content_cache *cache, struct content *content)
{
	struct content **link = slot_of(cache, content->ino);

	while (*link != content)
		link = &(*link)->next;
	*link = content->next;
	content->shared = false;
	cache->entries--;
}

static size_t cost(const struct content *content)
{
	size_t block = content->p == content->text ? 0 : MALLOC_BYTES;

	return sizeof(*content) + MALLOC_BYTES + sizeof(struct content *) + content->len + block;
}

/* Count a text of the table in or out. */
static void account(struct content_cache *cache, const struct content *content, bool in)
{
	size_t bytes = cost(content);

	cache->bytes += in ? bytes : 0 - bytes;
	if (bytes > cache->max_bytes)
		cache->beyond_bytes += in ? bytes : 0 - bytes;
}

static void list_remove(struct content_cache *cache, struct content *content)
{
	*(content->newer ? &content->newer->older : &cache->newest) = content->older;
	*(content->older ? &content->older->newer : &cache->oldest) = content->newer;
	content->newer = NULL;
	content->older = NULL;
}

static void list_push(struct content_cache *cache, struct content *content)
{
	content->older = cache->newest;
	content->newer = NULL;
	*(cache->newest ? &cache->newest->newer : &cache->oldest) = content;
	cache->newest = content;
}

static void drop(struct content_cache *cache, struct content *content)
{
	hash_remove(cache, content);
	account(cache, content, false);
	cache->evictions++;
	content_free(content);
}

static void drop_big(struct content_cache *cache)
{
	struct content *content = cache->big;

	cache->big = NULL;
	if (content)
		drop(cache, content);
}

/* Free the oldest texts until the rest fits; texts beyond the bound have their own rule. */
static void evict(struct content_cache *cache)
{
	while (cache->bytes - cache->beyond_bytes > cache->max_bytes && cache->oldest) {
		struct content *content = cache->oldest;

		list_remove(cache, content);
		drop(cache, content);
	}
}

/* Take `content` out of the unborrowed and count one more user. */
static void borrow(struct content_cache *cache, struct content *content)
{
	if (content->refs++ > 0)
		return;
	if (content == cache->big)
		cache->big = NULL;
	else
		list_remove(cache, content);
}

/* The last user has gone: keep it for the next one, or not. Lock held. */
static void give_back(struct content_cache *cache, struct content *content)
{
	if (!content->shared) {
		content_free(content);
	} else if (cost(content) > cache->max_bytes) {
		drop_big(cache);
		cache->big = content;
		cache->big_age = 0;
	} else {
		list_push(cache, content);
		if (cache->big && ++cache->big_age > BIG_PUTS)
			drop_big(cache);
	}
	evict(cache);
}

void content_cache_put(struct content_cache *cache, struct content *content)
{
	pthread_mutex_lock(&cache->lock);
	if (--content->refs == 0)
		give_back(cache, content);
	pthread_mutex_unlock(&cache->lock);
}

static enum nd_status run_maker(struct content_cache *cache, uint64_t ino, struct text *out)
{
	enum nd_status st = content_making_enter();

	if (st != ND_OK)
		return st;
	st = cache->make(cache->ctx, ino, out);
	content_making_leave();
	return st == ND_OK ? out->failed : st;
}

/* A finished text as an object: a small one in one block with it, a large one handed over. */
static struct content *content_from_text(uint64_t ino, struct text *text)
{
	bool copy = text->len <= INLINE_MAX;
	struct content *content = malloc(sizeof(*content) + (copy ? text->len : 0));
	char *shrunk;

	if (!content)
		return NULL;
	*content = (struct content){ .ino = ino, .len = text->len, .refs = 1 };
	content->p = content->text;
	if (copy && text->len > 0)
		memcpy(content->text, text->p, text->len);
	if (!copy) {
		shrunk = realloc(text->p, text->len);
		content->p = shrunk ? shrunk : text->p;
		text->p = NULL;
	}
	return content;
}

/* *ret has one user and is not in the table. No lock held. */
static enum nd_status make(struct content_cache *cache, uint64_t ino, struct content **ret)
{
	struct content *content;
	struct text text;
	enum nd_status st;

	text_init(&text);
	st = run_maker(cache, ino, &text);
	if (st == ND_OK) {
		content = content_from_text(ino, &text);
		if (content)
			*ret = content;
		else
			st = ND_ENOMEM;
	}
	text_deinit(&text);
	return st;
}

static bool is_making(const struct content_cache *cache, uint64_t ino)
{
	for (const struct making *making = cache->making; making; making = making->next)
		if (making->ino == ino)
			return true;
	return false;
}

static void making_remove(struct content_cache *cache, const struct making *making)
{
	struct making **link = &cache->making;

	while (*link != making)
		link = &(*link)->next;
	*link = making->next;
	pthread_cond_broadcast(&cache->made);
}

/* Make the text that is not there, with the lock held before and after but not meanwhile. */
static enum nd_status make_unlocked(struct content_cache *cache, uint64_t ino, struct content **ret)
{
	struct making making = { .ino = ino, .next = cache->making };
	bool alone = !is_making(cache, ino); /* else a nested one that must not wait */
	enum nd_status st;

	if (alone)
		// cppcheck-suppress autoVariables ; making_remove() takes it out again below
		cache->making = &making;
	pthread_mutex_unlock(&cache->lock);
	st = make(cache, ino, ret);
	pthread_mutex_lock(&cache->lock);
	if (!alone)
		return st;
	making_remove(cache, &making);
	if (st == ND_OK) {
		hash_insert(cache, *ret);
		account(cache, *ret, true);
	}
	return st;
}

enum nd_status content_cache_get(struct content_cache *cache, uint64_t ino, struct content **ret)
{
	enum nd_status st = ND_OK;
	struct content *content;

	pthread_mutex_lock(&cache->lock);
	content = find(cache, ino);
	while (!content && making_depth == 0 && is_making(cache, ino)) {
		pthread_cond_wait(&cache->made, &cache->lock);
		content = find(cache, ino);
	}
	if (content) {
		cache->hits++;
		borrow(cache, content);
	} else {
		cache->misses++;
		st = make_unlocked(cache, ino, &content);
	}
	pthread_mutex_unlock(&cache->lock);
	if (st == ND_OK)
		*ret = content;
	return st;
}

const char *content_bytes(const struct content *content, size_t *ret_len)
{
	*ret_len = content->len;
	return content->p;
}

struct content_counts content_cache_counts(const struct content_cache *cache)
{
	return (struct content_counts){
		.hits = cache->hits,
		.misses = cache->misses,
		.evictions = cache->evictions,
		.entries = cache->entries,
		.bytes = cache->bytes,
	};
}
