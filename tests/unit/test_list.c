/*
 * tests/unit/test_list.c - rings of LIST_ENTRYs, written link by link: what is reached when links
 * break, and which of several troubles is told.
 */
#include "nt/list.h"
#include "tap.h"
#include "tiny_machine.h"

#define HEAD TINY_VA(8)
#define ENTRY(i) (TINY_VA(9) + (i)*0x40ull)

static struct tiny machine;

/* A good ring of `count` entries. */
static void ring(unsigned count)
{
	memset(&machine, 0, sizeof(machine));
	tiny_map(&machine);
	for (unsigned i = 0; i <= count; i++) {
		nd_va at = i ? ENTRY(i) : HEAD;

		tiny_write(&machine, at, i == count ? HEAD : ENTRY(i + 1), 8);
		tiny_write(&machine, at + 8, i > 1 ? ENTRY(i - 1) : i ? HEAD : ENTRY(count), 8);
	}
}

static void flink(unsigned i, nd_va to)
{
	tiny_write(&machine, ENTRY(i), to, 8);
}

static void blink(unsigned i, nd_va to)
{
	tiny_write(&machine, ENTRY(i) + 8, to, 8);
}

static struct nd_list collect(size_t max)
{
	struct nd_dump *dump = tiny_open(&machine, 19041);
	struct nd_list list = { 0 };

	is(nd_list_collect(&dump->kernel, HEAD, max, &list), ND_OK, "the ring is read");
	nd_dump_close(dump);
	return list;
}

static void check(size_t max, size_t count, enum nd_list_trouble trouble, nd_va at, nd_va to,
		  const char *what)
{
	struct nd_list list = collect(max);

	is(list.count, count, "%s: entries", what);
	is(list.trouble, trouble, "%s: trouble", what);
	is(list.trouble_at, at, "%s: where", what);
	is(list.trouble_to, to, "%s: to", what);
	nd_list_free(&list);
}

static void one_trouble(void)
{
	ring(6);
	check(100, 6, ND_LIST_SOUND, 0, 0, "a good ring");
	check(4, 4, ND_LIST_TOO_LONG, ENTRY(4), ENTRY(5), "a ring longer than the bound");
	ring(6);
	blink(3, ENTRY(1));
	check(100, 6, ND_LIST_BACK_LINK, ENTRY(3), ENTRY(1), "a Blink that disagrees");
	ring(6);
	flink(4, ENTRY(2));
	check(100, 6, ND_LIST_LOOP, ENTRY(4), ENTRY(2), "a loop");
	ring(6);
	flink(4, 0x1234);
	check(100, 6, ND_LIST_BAD_LINK, ENTRY(4), 0x1234, "a link to nowhere");
}

/* Links that disagree before the loop do not hide it. */
static void worst_trouble(void)
{
	ring(6);
	blink(2, ENTRY(5));
	flink(4, ENTRY(3));
	check(100, 6, ND_LIST_LOOP, ENTRY(4), ENTRY(3), "a Blink that disagrees, then a loop");
	ring(6);
	blink(2, ENTRY(5));
	flink(4, 0x1234);
	check(100, 6, ND_LIST_BAD_LINK, ENTRY(4), 0x1234, "a Blink that disagrees, then nowhere");
	ring(6);
	flink(4, ENTRY(2));
	blink(6, ENTRY(6));
	check(100, 5, ND_LIST_LOOP, ENTRY(4), ENTRY(2), "two loops: the first");
	ring(6);
	blink(3, ENTRY(1));
	blink(5, ENTRY(2));
	check(100, 6, ND_LIST_BACK_LINK, ENTRY(3), ENTRY(1), "two Blinks that disagree: the first");
}

/* Entries that only the Blinks reach, and that never lead back: a loop, though forwards all is well. */
static void loop_backwards(void)
{
	ring(4);
	blink(4, ENTRY(1)); /* so that the other direction is tried */
	tiny_write(&machine, HEAD + 8, ENTRY(7), 8);
	flink(7, HEAD);
	blink(7, ENTRY(8));
	flink(8, ENTRY(7));
	blink(8, ENTRY(7));
	check(100, 6, ND_LIST_LOOP, ENTRY(8), ENTRY(7), "a loop of those that only Blink reaches");
}

int main(void)
{
	one_trouble();
	worst_trouble();
	loop_backwards();
	return done_testing();
}
