/*
 * engine/sym/undecorate.c - see undecorate.h.
 */
#include "sym/undecorate.h"

#include <string.h>

#define PARTS_MAX 16u  /* of a name: itself and its scopes */
#define REMEMBERED 10u /* parts that a digit may stand for */

struct part {
	const char *at;
	size_t len;
};

static bool is_identifier(const char *at, size_t len)
{
	if (at[0] >= '0' && at[0] <= '9')
		return false;
	for (size_t i = 0; i < len; i++)
		if (!(at[i] >= 'A' && at[i] <= 'Z') && !(at[i] >= 'a' && at[i] <= 'z') &&
		    !(at[i] >= '0' && at[i] <= '9') && at[i] != '_')
			return false;
	return true;
}

/*
 * The next part: an identifier up to its '@', or a digit for one of the first parts. Where the rest
 * begins; NULL when it is neither.
 */
static const char *next_part(const char *at, const struct part *parts, unsigned count,
			     struct part *ret)
{
	size_t len = strcspn(at, "@");

	if (at[0] >= '0' && at[0] <= '9') {
		unsigned which = (unsigned)(at[0] - '0');

		if (which >= count || which >= REMEMBERED)
			return NULL;
		*ret = parts[which];
		return at + 1;
	}
	if (at[len] != '@' || len == 0 || !is_identifier(at, len))
		return NULL;
	*ret = (struct part){ at, len };
	return at + len + 1;
}

bool nd_undecorate(const char *name, char *ret, size_t bytes)
{
	struct part parts[PARTS_MAX];
	unsigned count = 0;
	size_t all = 0;
	const char *at = name + 1;

	if (name[0] != '?')
		return false;
	while (*at != '@') {
		if (count == PARTS_MAX)
			return false;
		at = next_part(at, parts, count, &parts[count]);
		if (at == NULL)
			return false;
		all += parts[count++].len;
	}
	if (count == 0 || at[1] == '\0' || all + 2 * (count - 1) >= bytes)
		return false;
	while (count-- > 0) {
		memcpy(ret, parts[count].at, parts[count].len);
		ret += parts[count].len;
		if (count > 0)
			ret = stpcpy(ret, "::");
	}
	*ret = '\0';
	return true;
}
