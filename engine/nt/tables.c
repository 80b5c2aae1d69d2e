/*
 * engine/nt/tables.c - the lazily built lists of an open dump. A list that could not be built for
 * want of memory or because of an I/O error is not kept: the next caller tries again.
 */
#include <pthread.h>
#include <stdatomic.h>
#include <stdlib.h>
#include <string.h>

#include "nt/alpc.h"
#include "nt/cid.h"
#include "nt/driver.h"
#include "nt/handle.h"
#include "nt/job.h"
#include "nt/module.h"
#include "nt/namespace.h"
#include "nt/object_type.h"
#include "nt/pool_scan.h"
#include "nt/peer.h"
#include "nt/process.h"
#include "nt/service_table.h"
#include "nt/session.h"
#include "nt/stub.h"
#include "nt/tables.h"
#include "nt/thread.h"
#include "nt/name.h"

/*
 * Build a list; it is kept only when no read failed under it, whether its builder noticed or not.
 * (A macro, as each list has its own type.)
 */
#define BUILD(st, build, list, undo) \
	do { \
		uint64_t before_ = nd_source_failures(); \
		(st) = (build); \
		if ((st) == ND_OK && nd_source_failures() != before_) { \
			undo(list); \
			memset((list), 0, sizeof(*(list))); \
			(st) = ND_EIO; \
		} else if ((st) == ND_ENOMEM) { \
			nd_source_note_failure(); \
		} \
	} while (0)

static enum nd_status no_memory(void)
{
	nd_source_note_failure();
	return ND_ENOMEM;
}

struct nd_tables {
	pthread_mutex_t lock;	   /* recursive: building one list may need another */
	pthread_mutex_t pool_lock; /* its own: the scan is long, and nothing else waits for it */
	bool pool_built;
	struct nd_pool_scan pool;
	struct nd_image_cache *images;
	bool cid_built, processes_built, kernel_modules_built;
	struct nd_cid_table cid;
	struct nd_process_list processes;
	atomic_bool object_types_built,
		namespace_built; /* asked for each handle: without the lock */
	struct nd_object_types object_types;
	struct nd_namespace object_names;
	bool drivers_built;
	struct nd_driver_list drivers;
	bool jobs_built, sessions_built, alpc_built;
	bool peers_built;
	struct nd_peer_list peers;
	struct nd_alpc alpc;
	struct nd_job_list jobs;
	struct nd_session_list sessions;
	struct nd_module_list kernel_modules;
	struct nd_thread_list **threads; /* one slot a process; NULL until built */
	struct nd_module_list **modules;
	struct nd_handle_table **handles;
	bool stubs_built[ND_STUB_MODULES], services_built[ND_SERVICE_TABLES];
	struct nd_stub_list stubs[ND_STUB_MODULES];
	struct nd_service_table services[ND_SERVICE_TABLES];
};

enum nd_status nd_tables_new(struct nd_tables **ret)
{
	struct nd_tables *t = calloc(1, sizeof(*t));
	pthread_mutexattr_t attr;

	if (!t)
		return ND_ENOMEM;
	t->images = nd_image_cache_new();
	if (!t->images) {
		free(t);
		return ND_ENOMEM;
	}
	pthread_mutexattr_init(&attr);
	pthread_mutexattr_settype(&attr, PTHREAD_MUTEX_RECURSIVE);
	pthread_mutex_init(&t->lock, &attr);
	pthread_mutexattr_destroy(&attr);
	pthread_mutex_init(&t->pool_lock, NULL);
	*ret = t;
	return ND_OK;
}

void nd_tables_free(struct nd_tables *t)
{
	if (!t)
		return;
	for (uint32_t i = 0; t->threads && i < t->processes.count; i++)
		if (t->threads[i]) {
			nd_thread_list_free(t->threads[i]);
			free(t->threads[i]);
		}
	for (uint32_t i = 0; t->modules && i < t->processes.count; i++)
		if (t->modules[i]) {
			nd_module_list_free(t->modules[i]);
			free(t->modules[i]);
		}
	for (uint32_t i = 0; t->handles && i < t->processes.count; i++)
		if (t->handles[i]) {
			nd_handle_table_free(t->handles[i]);
			free(t->handles[i]);
		}
	free(t->threads);
	free(t->modules);
	free(t->handles);
	nd_namespace_free(&t->object_names);
	nd_cid_table_free(&t->cid);
	nd_driver_list_free(&t->drivers);
	nd_job_list_free(&t->jobs);
	nd_session_list_free(&t->sessions);
	nd_alpc_free(&t->alpc);
	nd_peer_list_free(&t->peers);
	if (t->processes_built)
		nd_process_list_free(&t->processes);
	if (t->kernel_modules_built)
		nd_module_list_free(&t->kernel_modules);
	for (int i = 0; i < ND_STUB_MODULES; i++)
		nd_stub_list_free(&t->stubs[i]);
	for (int i = 0; i < ND_SERVICE_TABLES; i++)
		nd_service_table_free(&t->services[i]);
	nd_image_cache_free(t->images);
	nd_pool_scan_free(&t->pool);
	pthread_mutex_destroy(&t->pool_lock);
	pthread_mutex_destroy(&t->lock);
	free(t);
}

struct nd_image_cache *nd_tables_images(const struct nd_dump *dump)
{
	return dump->tables->images;
}

static enum nd_status build_processes(const struct nd_dump *dump, struct nd_tables *t)
{
	enum nd_status st;
	size_t slots;

	BUILD(st, nd_process_list_build(dump, &t->processes), &t->processes, nd_process_list_free);
	if (st != ND_OK)
		return st;
	slots = t->processes.count ? t->processes.count : 1;
	t->threads = calloc(slots, sizeof(*t->threads));
	t->modules = calloc(slots, sizeof(*t->modules));
	t->handles = calloc(slots, sizeof(*t->handles));
	if (!t->threads || !t->modules || !t->handles) {
		free(t->threads);
		free(t->modules);
		free(t->handles);
		t->threads = NULL;
		t->modules = NULL;
		t->handles = NULL;
		nd_process_list_free(&t->processes);
		return no_memory();
	}
	t->processes_built = true;
	return ND_OK;
}

enum nd_status nd_processes(const struct nd_dump *dump, const struct nd_process_list **ret)
{
	struct nd_tables *t = dump->tables;
	enum nd_status st = ND_OK;

	pthread_mutex_lock(&t->lock);
	if (!t->processes_built)
		st = build_processes(dump, t);
	pthread_mutex_unlock(&t->lock);
	if (st == ND_OK)
		*ret = &t->processes;
	return st;
}

enum nd_status nd_cid_table(const struct nd_dump *dump, const struct nd_cid_table **ret)
{
	struct nd_tables *t = dump->tables;
	enum nd_status st = ND_OK;

	pthread_mutex_lock(&t->lock);
	if (!t->cid_built) {
		BUILD(st, nd_cid_table_build(dump, &t->cid), &t->cid, nd_cid_table_free);
		t->cid_built = st == ND_OK;
	}
	pthread_mutex_unlock(&t->lock);
	if (st == ND_OK)
		*ret = &t->cid;
	return st;
}

enum nd_status nd_pool_scan(const struct nd_dump *dump, const struct nd_pool_scan **ret)
{
	struct nd_tables *t = dump->tables;
	enum nd_status st = ND_OK;

	pthread_mutex_lock(&t->pool_lock);
	if (!t->pool_built) {
		BUILD(st, nd_pool_scan_build(dump, &t->pool), &t->pool, nd_pool_scan_free);
		t->pool_built = st == ND_OK;
	}
	pthread_mutex_unlock(&t->pool_lock);
	if (st == ND_OK)
		*ret = &t->pool;
	return st;
}

enum nd_status nd_kernel_modules(const struct nd_dump *dump, const struct nd_module_list **ret)
{
	struct nd_tables *t = dump->tables;
	enum nd_status st = ND_OK;

	pthread_mutex_lock(&t->lock);
	if (!t->kernel_modules_built) {
		BUILD(st, nd_kernel_modules_build(dump, &t->kernel_modules), &t->kernel_modules,
		      nd_module_list_free);
		t->kernel_modules_built = st == ND_OK;
	}
	pthread_mutex_unlock(&t->lock);
	if (st == ND_OK)
		*ret = &t->kernel_modules;
	return st;
}

enum nd_status nd_threads(const struct nd_dump *dump, uint32_t process,
			  const struct nd_thread_list **ret)
{
	struct nd_tables *t = dump->tables;
	const struct nd_process_list *processes;
	enum nd_status st = nd_processes(dump, &processes);

	if (st != ND_OK)
		return st;
	if (process >= processes->count)
		return ND_ENOENT;
	pthread_mutex_lock(&t->lock);
	if (!t->threads[process]) {
		struct nd_thread_list *list = calloc(1, sizeof(*list));

		st = list ? ND_OK : no_memory();
		if (list)
			BUILD(st,
			      nd_thread_list_build(dump, processes->ref[process].eprocess, list),
			      list, nd_thread_list_free);
		if (st == ND_OK)
			t->threads[process] = list;
		else
			free(list);
	}
	if (st == ND_OK)
		*ret = t->threads[process];
	pthread_mutex_unlock(&t->lock);
	return st;
}

enum nd_status nd_process_modules(const struct nd_dump *dump, uint32_t process,
				  const struct nd_module_list **ret)
{
	struct nd_tables *t = dump->tables;
	const struct nd_process_list *processes;
	enum nd_status st = nd_processes(dump, &processes);

	if (st != ND_OK)
		return st;
	if (process >= processes->count)
		return ND_ENOENT;
	pthread_mutex_lock(&t->lock);
	if (!t->modules[process]) {
		struct nd_module_list *list = calloc(1, sizeof(*list));

		st = list ? ND_OK : no_memory();
		if (list)
			BUILD(st,
			      nd_process_modules_build(dump, processes->ref[process].eprocess,
						       list),
			      list, nd_module_list_free);
		if (st == ND_OK)
			t->modules[process] = list;
		else
			free(list);
	}
	if (st == ND_OK)
		*ret = t->modules[process];
	pthread_mutex_unlock(&t->lock);
	return st;
}

enum nd_status nd_handle_table(const struct nd_dump *dump, uint32_t process,
			       const struct nd_handle_table **ret)
{
	struct nd_tables *t = dump->tables;
	const struct nd_process_list *processes;
	enum nd_status st = nd_processes(dump, &processes);

	if (st != ND_OK)
		return st;
	if (process >= processes->count)
		return ND_ENOENT;
	pthread_mutex_lock(&t->lock);
	if (!t->handles[process]) {
		struct nd_handle_table *table = calloc(1, sizeof(*table));

		st = table ? ND_OK : no_memory();
		if (table)
			BUILD(st,
			      nd_handle_table_build(dump, processes->ref[process].eprocess, table),
			      table, nd_handle_table_free);
		if (st == ND_OK)
			t->handles[process] = table;
		else
			free(table);
	}
	if (st == ND_OK)
		*ret = t->handles[process];
	pthread_mutex_unlock(&t->lock);
	return st;
}

enum nd_status nd_object_types(const struct nd_dump *dump, const struct nd_object_types **ret)
{
	struct nd_tables *t = dump->tables;
	enum nd_status st = ND_OK;

	if (!t->object_types_built) {
		pthread_mutex_lock(&t->lock);
		if (!t->object_types_built)
			BUILD(st, nd_object_types_build(dump, &t->object_types), &t->object_types,
			      (void));
		if (st == ND_OK)
			t->object_types_built = true;
		pthread_mutex_unlock(&t->lock);
	}
	if (st == ND_OK)
		*ret = &t->object_types;
	return st;
}

enum nd_status nd_namespace(const struct nd_dump *dump, const struct nd_namespace **ret)
{
	struct nd_tables *t = dump->tables;
	enum nd_status st = ND_OK;

	if (!t->namespace_built) {
		pthread_mutex_lock(&t->lock);
		if (!t->namespace_built)
			BUILD(st, nd_namespace_build(dump, &t->object_names), &t->object_names,
			      nd_namespace_free);
		if (st == ND_OK)
			t->namespace_built = true;
		pthread_mutex_unlock(&t->lock);
	}
	if (st == ND_OK)
		*ret = &t->object_names;
	return st;
}

enum nd_status nd_drivers(const struct nd_dump *dump, const struct nd_driver_list **ret)
{
	struct nd_tables *t = dump->tables;
	enum nd_status st = ND_OK;

	pthread_mutex_lock(&t->lock);
	if (!t->drivers_built) {
		BUILD(st, nd_driver_list_build(dump, &t->drivers), &t->drivers,
		      nd_driver_list_free);
		t->drivers_built = st == ND_OK;
	}
	pthread_mutex_unlock(&t->lock);
	if (st == ND_OK)
		*ret = &t->drivers;
	return st;
}

enum nd_status nd_jobs(const struct nd_dump *dump, const struct nd_job_list **ret)
{
	struct nd_tables *t = dump->tables;
	enum nd_status st = ND_OK;

	pthread_mutex_lock(&t->lock);
	if (!t->jobs_built) {
		BUILD(st, nd_job_list_build(dump, &t->jobs), &t->jobs, nd_job_list_free);
		t->jobs_built = st == ND_OK;
	}
	pthread_mutex_unlock(&t->lock);
	if (st == ND_OK)
		*ret = &t->jobs;
	return st;
}

enum nd_status nd_sessions(const struct nd_dump *dump, const struct nd_session_list **ret)
{
	struct nd_tables *t = dump->tables;
	enum nd_status st = ND_OK;

	pthread_mutex_lock(&t->lock);
	if (!t->sessions_built) {
		BUILD(st, nd_session_list_build(dump, &t->sessions), &t->sessions,
		      nd_session_list_free);
		t->sessions_built = st == ND_OK;
	}
	pthread_mutex_unlock(&t->lock);
	if (st == ND_OK)
		*ret = &t->sessions;
	return st;
}

enum nd_status nd_alpc(const struct nd_dump *dump, const struct nd_alpc **ret)
{
	struct nd_tables *t = dump->tables;
	enum nd_status st = ND_OK;

	pthread_mutex_lock(&t->lock);
	if (!t->alpc_built) {
		BUILD(st, nd_alpc_build(dump, &t->alpc), &t->alpc, nd_alpc_free);
		t->alpc_built = st == ND_OK;
	}
	pthread_mutex_unlock(&t->lock);
	if (st == ND_OK)
		*ret = &t->alpc;
	return st;
}

enum nd_status nd_stubs(const struct nd_dump *dump, enum nd_stub_module module,
			const struct nd_stub_list **ret)
{
	struct nd_tables *t = dump->tables;
	enum nd_status st = ND_OK;

	pthread_mutex_lock(&t->lock);
	if (!t->stubs_built[module]) {
		BUILD(st, nd_stub_list_build(dump, module, &t->stubs[module]), &t->stubs[module],
		      nd_stub_list_free);
		t->stubs_built[module] = st == ND_OK;
	}
	pthread_mutex_unlock(&t->lock);
	if (st == ND_OK)
		*ret = &t->stubs[module];
	return st;
}

enum nd_status nd_service_table(const struct nd_dump *dump, enum nd_service_table_id id,
				const struct nd_service_table **ret)
{
	struct nd_tables *t = dump->tables;
	enum nd_status st = ND_OK;

	pthread_mutex_lock(&t->lock);
	if (!t->services_built[id]) {
		BUILD(st, nd_service_table_build(dump, id, &t->services[id]), &t->services[id],
		      nd_service_table_free);
		t->services_built[id] = st == ND_OK;
	}
	pthread_mutex_unlock(&t->lock);
	if (st == ND_OK)
		*ret = &t->services[id];
	return st;
}

enum nd_status nd_peers(const struct nd_dump *dump, const struct nd_peer_list **ret)
{
	struct nd_tables *t = dump->tables;
	enum nd_status st = ND_OK;

	pthread_mutex_lock(&t->lock);
	if (!t->peers_built) {
		BUILD(st, nd_peer_list_build(dump, &t->peers), &t->peers, nd_peer_list_free);
		t->peers_built = st == ND_OK;
	}
	pthread_mutex_unlock(&t->lock);
	if (st == ND_OK)
		*ret = &t->peers;
	return st;
}
