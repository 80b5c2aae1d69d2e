/*
 * engine/sym/symid.c - what a symbol file of either kind says of itself, by its contents.
 */
#include "sym/isf.h"
#include "sym/symio.h"

#include <string.h>
#include <strings.h>
#include <unistd.h>

bool nd_pdb_name_is_safe(const char *name)
{
	size_t len =
		strspn(name, "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-");

	return len > 0 && len <= 64 && name[len] == '\0' && name[0] != '.';
}

/* Every PDB, of whatever age, begins so; so do the things that are taken for one. */
static bool is_pdb(const uint8_t *head, size_t len)
{
	static const char *const magics[] = { "Microsoft C/C++ ", "BSJB", "MSCF" };

	for (size_t i = 0; i < sizeof(magics) / sizeof(*magics); i++)
		if (len >= strlen(magics[i]) && memcmp(head, magics[i], strlen(magics[i])) == 0)
			return true;
	return false;
}

/* A PDB does not hold its name: the file's counts when it ends as a PDB's does. */
static void name_of_file(const char *path, char ret[65])
{
	const char *slash = strrchr(path, '/'), *name = slash == NULL ? path : slash + 1;
	size_t len = strlen(name);

	ret[0] = '\0';
	if (len > 4 && len < 65 && strcasecmp(name + len - 4, ".pdb") == 0)
		memcpy(ret, name, len + 1);
}

enum nd_status nd_symfile_identify(const char *path, struct nd_symfile_id *ret,
				   struct nd_error *err)
{
	struct nd_symfile_id id = { .kind = ND_SYMFILE_PDB };
	int fd = nd_symio_open_file(path, err);
	uint8_t head[32];
	enum nd_status st;
	ssize_t len;

	if (fd < 0)
		return ND_EIO;
	len = read(fd, head, sizeof(head));
	close(fd);
	if (len >= 0 && is_pdb(head, (size_t)len)) {
		name_of_file(path, id.pdb_name);
		st = nd_pdb_read_id(path, &id.id, err);
	} else {
		st = nd_isf_identify(path, &id, err);
	}
	if (st != ND_OK)
		return st;
	if (!nd_pdb_name_is_safe(id.pdb_name))
		id.pdb_name[0] = '\0';
	*ret = id;
	return ND_OK;
}
