/*
 * engine/sym/symstore.c - see symstore.h.
 */
#include "sym/symstore.h"
#include "sym/symfind.h"
#include "dump/source.h"

#include <pthread.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

/* Images with a PDB record that are looked for; more than any machine has loaded. */
#define MAX_ROWS 16384u
/* Rows of all tables together: the bound of what many symbol files can come to in memory. */
#define MAX_TABLE_ROWS (8u << 20)

struct row {
	char pdb_name[ND_SYMFIND_NAME_BYTES + 1];
	struct nd_guid_age id;
	struct nd_symfile *file; /* NULL: there is none */
};

struct nd_symstore {
	pthread_mutex_t lock;
	char *search; /* NULL: the usual places only */
	char *cwd;    /* when it was made: a daemon leaves it; NULL when unknown */
	bool use_cache;
	struct nd_symcache cache;
	struct nd_symmemo memo;
	nd_symtell_fn *tell;
	void *tell_ctx;
	struct row *rows;
	uint32_t count, room;
	uint64_t table_rows;
};

enum nd_status nd_symstore_new(const char *search, bool use_cache, struct nd_symstore **ret)
{
	struct nd_symstore *store = calloc(1, sizeof(*store));

	if (store == NULL)
		return ND_ENOMEM;
	if (search != NULL) {
		store->search = strdup(search);
		if (store->search == NULL) {
			free(store);
			return ND_ENOMEM;
		}
	}
	store->cwd = getcwd(NULL, 0);
	pthread_mutex_init(&store->lock, NULL);
	store->use_cache = use_cache;
	if (use_cache)
		nd_symcache_init(&store->cache);
	*ret = store;
	return ND_OK;
}

void nd_symstore_free(struct nd_symstore *store)
{
	if (store == NULL)
		return;
	for (uint32_t i = 0; i < store->count; i++)
		nd_symfile_free(store->rows[i].file);
	free(store->rows);
	free(store->search);
	free(store->cwd);
	nd_symmemo_deinit(&store->memo);
	pthread_mutex_destroy(&store->lock);
	free(store);
}

static struct row *find_row(struct nd_symstore *store, const char *pdb_name,
			    const struct nd_guid_age *id)
{
	for (uint32_t i = 0; i < store->count; i++) {
		struct row *row = &store->rows[i];

		if (row->id.age == id->age &&
		    memcmp(row->id.guid, id->guid, sizeof(id->guid)) == 0 &&
		    strcmp(row->pdb_name, pdb_name) == 0)
			return row;
	}
	return NULL;
}

static bool make_room(struct nd_symstore *store)
{
	uint32_t room = store->room == 0 ? 64 : store->room * 2;
	struct row *more;

	if (store->count < store->room)
		return true;
	more = reallocarray(store->rows, room, sizeof(*more));
	if (more == NULL)
		return false;
	store->rows = more;
	store->room = room;
	return true;
}

/* The lines of `tried` about files of that name which are of another image. */
static void tell_others(const struct nd_symstore *store, const char *pdb_name, const char *tried)
{
	size_t stem = strcspn(pdb_name, ".");
	char name[ND_SYMFIND_NAME_BYTES + 1];

	memcpy(name, pdb_name, stem);
	name[stem] = '\0';
	while (store->tell != NULL && tried != NULL && *tried != '\0') {
		size_t len = strcspn(tried, "\n");
		char *line = strndup(tried, len);

		if (line != NULL && strstr(line, ND_SYMFIND_OTHER) != NULL &&
		    strcasestr(line, name) != NULL)
			store->tell(store->tell_ctx, line, len);
		free(line);
		tried += len + (tried[len] == '\n');
	}
}

static enum nd_status add_row(struct nd_symstore *store, const char *pdb_name,
			      const struct nd_guid_age *id, struct row **ret, char **tried)
{
	struct nd_symfind f = {
		.pdb_name = pdb_name,
		.id = id,
		.cache = store->use_cache ? &store->cache : NULL,
		.memo = &store->memo,
		.cwd = store->cwd,
		.want_tried = tried != NULL || store->tell != NULL,
	};
	uint64_t before = nd_source_failures();
	struct row *row;

	if (store->table_rows > MAX_TABLE_ROWS || store->count == MAX_ROWS)
		return ND_NO_SYMBOLS;
	if (!make_room(store)) {
		nd_source_note_failure();
		return ND_ENOMEM;
	}
	nd_symfind(&f, store->search);
	if (nd_source_failures() != before) { /* perhaps a folder was left out: not to be kept */
		nd_symfile_free(f.found);
		free(f.tried);
		return ND_ENOMEM;
	}
	if (tried != NULL) {
		*tried = f.tried;
	} else {
		tell_others(store, pdb_name, f.tried);
		free(f.tried);
	}
	row = &store->rows[store->count++];
	*row = (struct row){ .id = *id, .file = f.found };
	memcpy(row->pdb_name, pdb_name, strlen(pdb_name) + 1);
	if (f.found != NULL)
		store->table_rows += (uint64_t)f.found->public_count + f.found->field_count +
				     f.found->type_count + f.found->constant_count;
	*ret = row;
	return ND_OK;
}

enum nd_status nd_symstore_get(struct nd_symstore *store, const char *pdb_name,
			       const struct nd_guid_age *id, const struct nd_symfile **ret,
			       char **tried)
{
	enum nd_status st = ND_OK;
	struct row *row;

	if (tried != NULL)
		*tried = NULL;
	if (strlen(pdb_name) > ND_SYMFIND_NAME_BYTES)
		return ND_NO_SYMBOLS;
	pthread_mutex_lock(&store->lock);
	row = find_row(store, pdb_name, id);
	if (row == NULL)
		st = add_row(store, pdb_name, id, &row, tried);
	if (st == ND_OK && row->file == NULL)
		st = ND_NO_SYMBOLS;
	if (st == ND_OK)
		*ret = row->file;
	pthread_mutex_unlock(&store->lock);
	return st;
}

void nd_symstore_tell(struct nd_symstore *store, nd_symtell_fn *tell, void *ctx)
{
	store->tell = tell;
	store->tell_ctx = ctx;
}

void nd_symstore_places(struct nd_symstore *store, nd_symplace_fn *visit, void *ctx)
{
	struct nd_symfind f = { .cwd = store->cwd };
	bool any = false;

	nd_symfind_places(&f, store->search);
	for (uint32_t i = 0; i < f.folder_count; i++) {
		if (access(f.folder[i], F_OK) == 0) {
			visit(ctx, f.folder[i], false);
			any = true;
		}
		free(f.folder[i]);
	}
	if (any && store->use_cache && nd_symcache_prepare(&store->cache))
		visit(ctx, store->cache.folder, true);
}
