/*
 * fs/push.c - see push.h: notices that files are read one after another, and pushes the siblings.
 */
#include "push.h"

#include <pthread.h>
#include <signal.h>
#include <stdlib.h>
#include <time.h>

#include "tree.h"

#define STREAK_READS 16u	 /* reads in a row before anything is pushed */
#define STREAK_GAP_NS 20000000ll /* a longer pause ends the row */
#define QUEUE_DIRS 64u		 /* power of two */
#define RECENT_DIRS 256u	 /* directories that are not pushed twice */
#define CHILDREN_MAX 64u	 /* of one directory that are looked at */
#define FILE_BYTES_MAX (128u << 10)

struct push {
	struct tree *tree;
	push_store_fn *store;
	void *ctx;
	pthread_t thread;
	pthread_mutex_t lock;
	pthread_cond_t wake;
	bool stop;
	uint64_t queue[QUEUE_DIRS];
	unsigned head, tail; /* head - tail entries are waiting */
	uint64_t recent[RECENT_DIRS];
	int64_t last_ns;
	unsigned streak;
};

static int64_t now_ns(void)
{
	struct timespec t;

	clock_gettime(CLOCK_MONOTONIC_COARSE, &t);
	return t.tv_sec * 1000000000ll + t.tv_nsec;
}

static void push_file(struct push *push, uint64_t ino)
{
	struct tree_content content;

	if (tree_content_get(push->tree, ino, &content) != ND_OK)
		return;
	if (content.len > 0 && content.len <= FILE_BYTES_MAX)
		push->store(push->ctx, ino, content.p, content.len);
	tree_content_put(push->tree, &content);
}

static void push_dir(struct push *push, uint64_t dir)
{
	struct tree_child child;
	uint64_t cursor = 0;

	for (unsigned i = 0; i < CHILDREN_MAX; i++) {
		if (__atomic_load_n(&push->stop, __ATOMIC_RELAXED) ||
		    tree_next(push->tree, dir, &cursor, &child) != ND_OK)
			break;
		if (child.kind == TREE_FILE && !child.costly)
			push_file(push, child.ino);
	}
}

static void *run(void *arg)
{
	struct push *push = arg;

	pthread_mutex_lock(&push->lock);
	while (!push->stop) {
		uint64_t dir;

		if (push->head == push->tail) {
			pthread_cond_wait(&push->wake, &push->lock);
			continue;
		}
		dir = push->queue[push->tail++ % QUEUE_DIRS];
		pthread_mutex_unlock(&push->lock);
		push_dir(push, dir);
		pthread_mutex_lock(&push->lock);
	}
	pthread_mutex_unlock(&push->lock);
	return NULL;
}

enum nd_status push_new(struct tree *tree, push_store_fn *store, void *ctx, struct push **ret)
{
	struct push *push = calloc(1, sizeof(*push));
	sigset_t all, before;
	int failed;

	if (!push)
		return ND_ENOMEM;
	push->tree = tree;
	push->store = store;
	push->ctx = ctx;
	pthread_mutex_init(&push->lock, NULL);
	pthread_cond_init(&push->wake, NULL);
	sigfillset(&all); /* signals are for the thread that waits for them */
	pthread_sigmask(SIG_BLOCK, &all, &before);
	failed = pthread_create(&push->thread, NULL, run, push);
	pthread_sigmask(SIG_SETMASK, &before, NULL);
	if (failed) {
		pthread_cond_destroy(&push->wake);
		pthread_mutex_destroy(&push->lock);
		free(push);
		return ND_ENOMEM;
	}
	*ret = push;
	return ND_OK;
}

/* Queue a directory while files are being read in a row. The lock is held. */
static void enqueue(struct push *push, uint64_t dir)
{
	unsigned slot = (unsigned)((dir * 0x9e3779b97f4a7c15ull) >> 56) % RECENT_DIRS;

	if (push->streak < STREAK_READS || push->recent[slot] == dir ||
	    push->head - push->tail >= QUEUE_DIRS)
		return;
	push->recent[slot] = dir;
	push->queue[push->head++ % QUEUE_DIRS] = dir;
	pthread_cond_signal(&push->wake);
}

void push_note_read(struct push *push, uint64_t ino)
{
	int64_t now;

	if (!push)
		return;
	now = now_ns();
	pthread_mutex_lock(&push->lock);
	push->streak = now - push->last_ns < STREAK_GAP_NS ? push->streak + 1 : 1;
	push->last_ns = now;
	enqueue(push, tree_parent(push->tree, ino));
	pthread_mutex_unlock(&push->lock);
}

void push_note_listed(struct push *push, uint64_t dir)
{
	if (!push)
		return;
	pthread_mutex_lock(&push->lock);
	if (now_ns() - push->last_ns < STREAK_GAP_NS)
		enqueue(push, dir);
	pthread_mutex_unlock(&push->lock);
}

void push_free(struct push *push)
{
	if (!push)
		return;
	pthread_mutex_lock(&push->lock);
	__atomic_store_n(&push->stop, true, __ATOMIC_RELAXED);
	pthread_cond_signal(&push->wake);
	pthread_mutex_unlock(&push->lock);
	pthread_join(push->thread, NULL);
	pthread_cond_destroy(&push->wake);
	pthread_mutex_destroy(&push->lock);
	free(push);
}
