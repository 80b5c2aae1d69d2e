/*
 * engine/nt/wait.c - reads a waiting thread's wait blocks and the headers of what it waits for.
 */
#include "nt/wait.h"

#define BLOCK_ACTIVE 4u /* KWAIT_BLOCK_STATE: WaitBlockActive */
#define TYPE_MASK 0x7fu /* bit 7 is the header's lock (DISPATCHER_HEADER.Lock) */

const char *nd_dispatcher_type_name(uint64_t type)
{
	/* KOBJECTS, 9600 to 22000. */
	static const char *const name[] = {
		[0] = "EventNotification",
		[1] = "EventSynchronization",
		[2] = "Mutant",
		[3] = "Process",
		[4] = "Queue",
		[5] = "Semaphore",
		[6] = "Thread",
		[7] = "Gate",
		[8] = "TimerNotification",
		[9] = "TimerSynchronization",
		[17] = "ProfileCallback",
		[18] = "Apc",
		[19] = "Dpc",
		[20] = "DeviceQueue",
		[21] = "PriQueue",
		[22] = "Interrupt",
		[23] = "Profile",
		[24] = "Timer2Notification",
		[25] = "Timer2Synchronization",
		[26] = "ThreadedDpc",
	};

	return type < sizeof(name) / sizeof(*name) ? name[type] : NULL;
}

/* A pointer that must lead to an object of the kernel; 0 is none. */
static struct nd_u64 object_pointer(struct nd_u64 v)
{
	if (v.st != ND_OK)
		return v;
	if (v.value == 0)
		return nd_u64_missing(ND_NONE, v.at);
	if (!nd_va_is_kernel(v.value) || v.value & 7)
		return nd_u64_missing(ND_INVALID, v.at);
	return v;
}

static void read_object(const struct nd_dump *dump, struct nd_wait_block *b)
{
	nd_va object = b->object.value;

	b->thread = b->process = nd_u64_missing(ND_NONE, object);
	b->type = nd_member_read(&dump->kernel, object, ND_M_DISPATCHER_HEADER_Type);
	if (b->type.st != ND_OK)
		return;
	b->type.value &= TYPE_MASK;
	if (b->type.value == ND_DISPATCHER_MUTANT)
		b->thread = object_pointer(
			nd_member_read(&dump->kernel, object, ND_M_KMUTANT_OwnerThread));
	else if (b->type.value == ND_DISPATCHER_THREAD)
		b->thread = nd_u64_of(object);
	else if (b->type.value == ND_DISPATCHER_PROCESS)
		b->process = nd_u64_of(object);
	if (b->thread.st == ND_OK)
		b->process = object_pointer(
			nd_member_read(&dump->kernel, b->thread.value, ND_M_KTHREAD_Process));
}

static enum nd_status read_block(const struct nd_dump *dump, const struct nd_thread *thread,
				 nd_va at, struct nd_wait_block *b)
{
	struct nd_u64 owner = nd_member_read(&dump->kernel, at, ND_M_KWAIT_BLOCK_Thread);

	*b = (struct nd_wait_block){ .block = at };
	b->object = nd_member_read(&dump->kernel, at, ND_M_KWAIT_BLOCK_Object);
	b->wait_type = nd_member_read(&dump->kernel, at, ND_M_KWAIT_BLOCK_WaitType);
	if (owner.st != ND_OK)
		b->object = owner;
	else if (b->object.st == ND_OK &&
		 (owner.value != thread->ethread || object_pointer(b->object).st != ND_OK))
		b->object = nd_u64_missing(ND_INVALID, at);
	if (b->object.st == ND_OK)
		read_object(dump, b);
	else
		b->type = b->thread = b->process = nd_u64_missing(ND_NONE, at);
	return nd_is_failure(b->object.st) ? b->object.st
	       : nd_is_failure(b->type.st) ? b->type.st
					   : ND_OK;
}

static void note(struct nd_problems *problems, const struct nd_thread *thread, nd_va a, uint64_t b)
{
	nd_problem_add(problems, (struct nd_problem){ .kind = ND_PROBLEM_WAIT_BLOCK,
						      .where = "KTHREAD.WaitBlockList",
						      .owner = thread->ethread,
						      .a = a,
						      .b = b });
}

/* A block in use: active, its thread's, and on a ring of waiters that leads back to it. */
static bool is_in_use(const struct nd_dump *dump, const struct nd_thread *thread, nd_va at)
{
	uint32_t link = nd_offset(dump, ND_M_KWAIT_BLOCK_WaitListEntry);
	struct nd_u64 owner = nd_member_read(&dump->kernel, at, ND_M_KWAIT_BLOCK_Thread);
	struct nd_u64 state = nd_member_read(&dump->kernel, at, ND_M_KWAIT_BLOCK_BlockState);
	struct nd_u64 next, back;

	if (link == ND_OFFSET_ABSENT || owner.st != ND_OK || owner.value != thread->ethread ||
	    state.st != ND_OK || state.value != BLOCK_ACTIVE)
		return false;
	next = nd_read_num(&dump->kernel, at + link, 8);
	if (next.st != ND_OK || object_pointer(next).st != ND_OK)
		return false;
	back = nd_read_num(&dump->kernel, next.value + 8, 8); /* LIST_ENTRY.Blink */
	return back.st == ND_OK && back.value == at + link;
}

/* How many blocks the list has where WaitBlockCount does not say: those that are in use. */
static uint64_t count_blocks(const struct nd_dump *dump, const struct nd_thread *thread, nd_va list,
			     uint32_t step)
{
	uint64_t count = 0;

	while (count < ND_WAIT_BLOCKS_MAX && is_in_use(dump, thread, list + step * count))
		count++;
	return count;
}

enum nd_status nd_wait_read(const struct nd_dump *dump, const struct nd_thread *thread,
			    struct nd_wait *ret, struct nd_problems *problems)
{
	struct nd_u64 list, count;
	uint32_t step = dump->layout.struct_bytes[ND_S_KWAIT_BLOCK];

	ret->count = 0;
	ret->st = ND_OK;
	ret->at = thread->ethread;
	if (!nd_thread_is_waiting(thread)) {
		ret->st = thread->state.st;
		return nd_is_failure(ret->st) ? ret->st : ND_OK;
	}
	list = nd_member_read(&dump->kernel, thread->ethread, ND_M_KTHREAD_WaitBlockList);
	count = nd_member_read(&dump->kernel, thread->ethread, ND_M_KTHREAD_WaitBlockCount);
	ret->st = step == 0 ? ND_NOT_IN_BUILD : list.st != ND_OK ? list.st : count.st;
	if (ret->st != ND_OK)
		return nd_is_failure(ret->st) ? ret->st : ND_OK;
	if (list.value == 0)
		return ND_OK;
	if (count.value == 0 && object_pointer(list).st == ND_OK)
		count.value = count_blocks(dump, thread, list.value, step);
	if (count.value > ND_WAIT_BLOCKS_MAX || object_pointer(list).st != ND_OK) {
		note(problems, thread, list.value, count.value);
		ret->st = ND_INVALID;
		ret->at = list.at;
		return ND_OK;
	}
	for (uint32_t i = 0; i < count.value; i++) {
		struct nd_wait_block *b = &ret->block[ret->count++];
		enum nd_status st = read_block(dump, thread, list.value + (nd_va)step * i, b);

		if (st != ND_OK)
			return st;
		if (b->object.st == ND_INVALID) { /* what follows is no better */
			note(problems, thread, b->block, count.value);
			return ND_OK;
		}
	}
	return ND_OK;
}
