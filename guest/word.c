/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Who waits alone, for one word, waits in the hypervisor: nothing else of this machine is stopped
 * by that.  Else the task sleeps as tasks do, after it has registered the words there: a wake
 * raises the event interrupt, and then all tasks that wait for words look again.
 *
 * No wake is lost: the words are looked at after they were registered, and while the task counts as
 * waiting already.  A registration serves once, so each look after an event registers again.
 *
 * Bare, all who wait for a word are tasks of this machine, and word_wake() finds them.
 */
#include "guest/word.h"

#include <errno.h>

#include "lib/riscv/csr.h"
#include "lib/riscv/ops.h"

#include "guest/await.h"
#include "guest/events.h"
#include "guest/libc/pause.h"
#include "guest/libc/signal.h"
#include "guest/proc.h"
#include "guest/timer.h"

#define FIRST_EVENT 1
#define POLL_NS     1000000 /* where the hypervisor can take no more registrations */

static struct wait_queue sleepers;
static u32 sleeping;             /* tasks */
static u32 events = FIRST_EVENT; /* that have come */

struct request {
    const struct word_at *at;
    size_t count;
    u32 registered; /* wakes_so_far() before the words were; 0: never */
    bool refused;   /* not all of them could be */
};

static bool changed(const struct word_at *at, size_t count)
{
    for (size_t i = 0; i < count; i++) {
        if (__atomic_load_n(at[i].word, __ATOMIC_ACQUIRE) != at[i].value) {
            return true;
        }
    }
    return false;
}

void word_look(void)
{
    __atomic_fetch_add(&events, 1, __ATOMIC_SEQ_CST);
    await_wake(&sleepers);
}

void events_word(void)
{
    word_look();
}

/* A child that was forked has no registrations, which is as if they had been used up. */
static u32 wakes_so_far(void)
{
    return __atomic_load_n(&events, __ATOMIC_SEQ_CST) + proc_forks;
}

static void enlist(struct request *request)
{
    u32 now = wakes_so_far();

    if (request->registered == now) {
        return;
    }
    request->registered = now;
    request->refused = false;
    for (size_t i = 0; i < request->count; i++) {
        if (proc_wait_on(request->at[i].word, request->at[i].value, 0) != 0) {
            request->refused = true;
        }
    }
}

static bool look(void *arg)
{
    struct request *request = arg;

    if (changed(request->at, request->count)) {
        return true;
    }
    if (proc_available()) {
        enlist(request);
    }
    return changed(request->at, request->count);
}

static int sleep_until(struct request *request, u64 deadline, const char *what,
                       enum word_signals signals)
{
    int error = 0;

    __atomic_fetch_add(&sleeping, 1, __ATOMIC_SEQ_CST);
    if (signals == WORD_DEAF) {
        error = await_until(&sleepers, look, request, deadline, what) ? 0 : ETIMEDOUT;
    } else {
        error =
            signal_wait_until(&sleepers, look, request, deadline, what, signals == WORD_RESTARTS);
    }
    __atomic_fetch_sub(&sleeping, 1, __ATOMIC_SEQ_CST);
    return error;
}

static int wait_as_task(const struct word_at *at, size_t count, u64 deadline, const char *what,
                        enum word_signals signals)
{
    struct request request = {.at = at, .count = count};
    u64 until;
    int error;

    (void)events_listen();
    do {
        until = deadline;
        if (request.refused && pause_deadline(POLL_NS) < deadline) {
            until = pause_deadline(POLL_NS);
        }
        error = sleep_until(&request, until, what, signals);
    } while (error == ETIMEDOUT && until < deadline);
    return error;
}

/* A signal that comes between the look and the call pends there, since interrupts are off, and the
 * call returns at once. */
static int wait_alone(const struct word_at *at, u64 deadline, enum word_signals signals)
{
    int error = 0;

    while (!error && !changed(at, 1)) {
        u64 irq = irq_save();
        bool pending = signals != WORD_DEAF && signal_pending();
        u64 now = timer_now();

        if (!pending && now < deadline) {
            (void)proc_wait_on(at->word, at->value,
                               deadline == PAUSE_FOR_EVER ? deadline : deadline - now);
        }
        irq_restore(irq);
        if (pending) {
            error = signal_deliver(signals == WORD_RESTARTS);
        } else if (now >= deadline) {
            error = ETIMEDOUT;
        }
    }
    return error;
}

int word_wait(const struct word_at *at, size_t count, u64 deadline, const char *what,
              enum word_signals signals)
{
    if (count == 1 && proc_available() && !pause_has_others()) {
        return wait_alone(at, deadline, signals);
    }
    return wait_as_task(at, count, deadline, what, signals);
}

void word_wake(const u32 *word, bool elsewhere)
{
    if (__atomic_load_n(&sleeping, __ATOMIC_SEQ_CST) > 0) {
        await_wake(&sleepers);
    }
    if (elsewhere) {
        (void)proc_wake(word, UINT64_MAX);
    }
}
