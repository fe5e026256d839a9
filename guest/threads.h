/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Threads from the outside, for what may concern any of them.  Component task has tasks
 * (threads_task.c); else there is one (threads.c).  For interrupt handlers, too.
 */
#include "guest/thread.h"

enum thread_is {
    THREAD_RUNS,
    THREAD_WAITS, /* or is about to: it will look at what it waits for before it does */
    THREAD_IDLES, /* it is nobody: the hart has nothing to do */
};

/* It looks again at what it waits for; or the hart that it runs on takes a software interrupt. */
void thread_poke(struct thread *thread);
/* The same to the first that fits, unless that is this one.  False: none does. */
bool thread_poke_first(bool (*fits)(const struct thread *thread, u64 arg), u64 arg);
/* This one: in an interrupt handler, the one that was interrupted. */
enum thread_is thread_is(void);
/* How far down its stack may go. */
u64 thread_stack_low(void);

/* The same thread-local variable of another one. */
static inline void *thread_local_of(const struct thread *thread, const void *own)
{
    return (char *)(uintptr_t)(thread + 1) + ((const char *)own - (char *)(thread_self() + 1));
}

/* Called when a preempted thread is about to go on, on the trap stack; weak. */
void thread_resumed(void);
