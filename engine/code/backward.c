/*
 * engine/code/backward.c - see disasm.h: the instructions before an address.
 *
 * Every byte before it is decoded as if an instruction began there. Each of these starts gives its
 * vote to the instructions that it leads to, and starts that are known to be right (where a
 * function begins) give very many. No instruction may lie across a known boundary. Then the way
 * back takes the predecessor with the most votes: code synchronizes itself within a few
 * instructions, so that wrong starts are outvoted.
 */
#include <stdlib.h>

#include "code/disasm.h"

#define SLACK_BYTES 96u /* before the first instruction wanted, to synchronize in */
#define KNOWN_VOTES (UINT64_C(1) << 24)

struct window {
	nd_va low;  /* address of byte[0] */
	size_t len; /* bytes; the address asked about is low + len */
	uint8_t *byte;
	uint8_t *insn;	/* length of the instruction at each byte; 0 for none */
	bool *boundary; /* a function, or what is between two, begins here */
	uint64_t *votes;
	enum nd_status st; /* why there is nothing below low; ND_OK: nobody asked */
	nd_va missing;
};

static void window_free(struct window *w)
{
	free(w->byte);
	free(w->insn);
	free(w->boundary);
	free(w->votes);
}

static enum nd_status window_new(nd_va va, size_t len, struct window *ret)
{
	*ret = (struct window){ .low = va - len, .len = len };
	ret->byte = calloc(len, sizeof(*ret->byte));
	ret->insn = calloc(len, sizeof(*ret->insn));
	ret->boundary = calloc(len, sizeof(*ret->boundary));
	ret->votes = calloc(len, sizeof(*ret->votes));
	if (ret->byte && ret->insn && ret->boundary && ret->votes)
		return ND_OK;
	window_free(ret);
	return ND_ENOMEM;
}

/* Read it page by page from its end; what lies below an absent page is left out. */
static enum nd_status window_read(const struct nd_disasm *d, struct window *w)
{
	size_t from = w->len;

	while (from > 0) {
		nd_va last = w->low + from - 1;
		size_t in_page = (size_t)(last % ND_PAGE_BYTES) + 1;
		size_t n = in_page < from ? in_page : from;
		struct nd_space space = nd_place_space(d->place, last);
		enum nd_status st = nd_read(&space, w->low + from - n, w->byte + from - n, n);

		if (nd_is_failure(st))
			return st;
		if (st != ND_OK) {
			w->st = st;
			w->missing = last;
			break;
		}
		from -= n;
	}
	for (size_t i = from; i < w->len; i++)
		w->byte[i - from] = w->byte[i];
	w->low += from;
	w->len -= from;
	return ND_OK;
}

static enum nd_status window_bound(const struct nd_disasm *d, struct window *w)
{
	for (size_t i = w->len; i > 0;) {
		nd_va boundary;
		enum nd_status st = nd_place_boundary(d->place, w->low + i - 1, &boundary);

		if (st == ND_NONE || (st == ND_OK && boundary < w->low))
			return ND_OK;
		if (st != ND_OK)
			return st;
		i = (size_t)(boundary - w->low);
		w->boundary[i] = true;
	}
	return ND_OK;
}

/* An instruction's length at i; 0 where there is none, or it crosses a boundary or the end. */
static uint8_t fitting(struct nd_disasm *d, const struct window *w, size_t i)
{
	uint8_t length = nd_insn_length(&d->decoder, w->low + i, w->byte + i, w->len - i);

	for (size_t k = 1; k < length; k++)
		if (w->boundary[i + k])
			return 0;
	return length;
}

static void window_vote(struct nd_disasm *d, struct window *w)
{
	for (size_t i = 0; i < w->len; i++) {
		w->insn[i] = fitting(d, w, i);
		w->votes[i] += w->boundary[i] ? KNOWN_VOTES : 1;
		if (w->insn[i] > 0 && i + w->insn[i] < w->len)
			w->votes[i + w->insn[i]] += w->votes[i];
	}
}

/* Where the instruction begins that ends at `end` (not 0); a byte alone where there is none. */
static size_t predecessor(const struct window *w, size_t end)
{
	size_t best = end - 1;
	uint64_t votes = 0;

	for (size_t n = 1; n <= ND_INSN_BYTES_MAX && n <= end; n++)
		if (w->insn[end - n] == n && w->votes[end - n] >= votes) {
			best = end - n;
			votes = w->votes[best];
		}
	return best;
}

static enum nd_status window_list(const struct window *w, uint32_t count, struct nd_code_list *ret)
{
	size_t *begin = calloc(count + (size_t)1, sizeof(*begin));
	uint32_t n = 0;
	enum nd_status st = ND_OK;

	if (!begin)
		return ND_ENOMEM;
	begin[0] = w->len;
	for (; n < count && begin[n] > 0; n++)
		begin[n + 1] = predecessor(w, begin[n]);
	if (n < count && w->st != ND_OK)
		st = nd_code_list_add(ret, &(struct nd_code_line){ .va = w->missing,
								   .missing = w->missing,
								   .st = w->st });
	for (; n > 0 && st == ND_OK; n--) {
		uint8_t length = (uint8_t)(begin[n - 1] - begin[n]);

		st = nd_code_list_add(
			ret, &(struct nd_code_line){ .va = w->low + begin[n], .length = length });
	}
	free(begin);
	return st;
}

enum nd_status nd_code_backward(struct nd_disasm *disasm, nd_va va, uint32_t count,
				struct nd_code_list *ret)
{
	struct window w;
	size_t len;
	enum nd_status st;

	if (count > ND_BACKWARD_INSNS_MAX)
		count = ND_BACKWARD_INSNS_MAX;
	len = count * (size_t)ND_INSN_BYTES_MAX + SLACK_BYTES;
	if (len > va)
		len = (size_t)va;
	if (count == 0 || len == 0)
		return ND_OK;
	st = window_new(va, len, &w);
	if (st != ND_OK)
		return st;
	st = window_read(disasm, &w);
	if (st == ND_OK)
		st = window_bound(disasm, &w);
	if (st == ND_OK) {
		window_vote(disasm, &w);
		st = window_list(&w, count, ret);
	}
	window_free(&w);
	return st;
}
