/* SPDX-License-Identifier: BSD-2-Clause */
/* The one thread there is without the component task, which defines all of these itself. */
#include "guest/threads.h"

#include "guest/guest.h"

/* Who could call this has interrupted it. */
void thread_poke(struct thread *thread)
{
    (void)thread;
}

bool thread_poke_first(bool (*fits)(const struct thread *thread, u64 arg), u64 arg)
{
    return fits(thread_self(), arg);
}

enum thread_is thread_is(void)
{
    return THREAD_RUNS;
}

u64 thread_stack_low(void)
{
    return (u64)boot_stack;
}
