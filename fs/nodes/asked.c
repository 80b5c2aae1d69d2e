/*
 * fs/nodes/asked.c - the table of names that were asked for: append only, bounded, one per daemon.
 * Only names that resolve are entered, so that guessing cannot fill it.
 */
#include <pthread.h>
#include <stdlib.h>
#include <string.h>

#include "nodes/asked.h"

#define NAMES_MAX 65536u
#define BUCKETS 4096u

static pthread_mutex_t lock = PTHREAD_MUTEX_INITIALIZER;
static struct {
	char *name;
	uint32_t next; /* key + 1 of the next name in the bucket */
} table[NAMES_MAX];
static uint32_t bucket[BUCKETS]; /* key + 1 */
static uint32_t count;

static uint32_t hash(const char *s)
{
	uint32_t h = 2166136261u;

	while (*s)
		h = (h ^ (uint8_t)*s++) * 16777619u;
	return h % BUCKETS;
}

enum nd_status asked_key(const char *name, uint32_t *ret)
{
	uint32_t *head = &bucket[hash(name)], i;
	enum nd_status st = ND_OK;

	if (strlen(name) > ASKED_NAME_MAX)
		return ND_ENOENT;
	pthread_mutex_lock(&lock);
	for (i = *head; i != 0 && strcmp(table[i - 1].name, name) != 0; i = table[i - 1].next)
		;
	if (i == 0) {
		char *copy = count < NAMES_MAX ? strdup(name) : NULL;

		if (copy) {
			table[count].name = copy;
			table[count].next = *head;
			*head = i = ++count;
		} else {
			st = ND_ENOMEM;
		}
	}
	pthread_mutex_unlock(&lock);
	if (st == ND_OK)
		*ret = i - 1;
	return st;
}

const char *asked_name(uint32_t key)
{
	const char *name;

	pthread_mutex_lock(&lock);
	name = key < count ? table[key].name : NULL;
	pthread_mutex_unlock(&lock);
	return name;
}
