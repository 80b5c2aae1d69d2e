/*
 * engine/nt/problem.c - the growing array of things found broken.
 */
#include <stdlib.h>

#include "dump/source.h"
#include "nt/list.h"
#include "nt/problem.h"

void nd_problem_add(struct nd_problems *problems, struct nd_problem problem)
{
	if (!problems || problems->count >= ND_PROBLEMS_MAX)
		return;
	if (problems->count == problems->cap) {
		size_t cap = problems->cap ? 2 * problems->cap : 16;
		struct nd_problem *grown = realloc(problems->item, cap * sizeof(*grown));

		if (!grown) {
			nd_source_note_failure();
			return;
		}
		problems->item = grown;
		problems->cap = cap;
	}
	problems->item[problems->count++] = problem;
}

void nd_problem_add_list(struct nd_problems *problems, const char *where, nd_va owner,
			 const struct nd_list *list)
{
	static const enum nd_problem_kind kind[] = {
		[ND_LIST_ABSENT] = ND_PROBLEM_LIST_ABSENT,
		[ND_LIST_BAD_LINK] = ND_PROBLEM_LIST_BAD_LINK,
		[ND_LIST_LOOP] = ND_PROBLEM_LIST_LOOP,
		[ND_LIST_TOO_LONG] = ND_PROBLEM_LIST_TOO_LONG,
		[ND_LIST_BACK_LINK] = ND_PROBLEM_LIST_BACK_LINK,
	};

	if (list->trouble == ND_LIST_SOUND)
		return;
	nd_problem_add(problems, (struct nd_problem){ .kind = kind[list->trouble],
						      .where = where,
						      .owner = owner,
						      .a = list->trouble_at,
						      .b = list->trouble_to,
						      .st = list->st });
}

void nd_problems_free(struct nd_problems *problems)
{
	free(problems->item);
	*problems = (struct nd_problems){ 0 };
}
