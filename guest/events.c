/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The event interrupt is the software interrupt, which other harts send, too; so events() is called
 * for each of them.  It comes to the hart that called that last, the first one before that.
 *
 * Invariant: a bit is looked at after it was taken; what it told of came before.  One hart at a
 * time takes bits and acts on them, so whoever holds the lock finds what was raised before acted
 * on.
 */
#include "guest/events.h"

#include "lib/riscv/csr.h"
#include "sbi/proc.h"

#include "guest/irq.h"
#include "guest/libc/fork.h"
#include "guest/preempt.h"
#include "guest/proc.h"
#include "guest/spin.h"

struct wait_queue events_children;

__attribute__((weak)) void events_child(void) {}

__attribute__((weak)) void events_signal(void) {}

__attribute__((weak)) void events_word(void) {}

static struct spin taking;
static bool listens;

static void take(void *unused)
{
    long answer;
    u64 bits;

    (void)unused;
    spin_raw_lock(&taking);
    answer = proc_events();
    bits = answer < 0 ? 0 : (u64)answer;
    if (bits & PROC_EVENT_CHILD) {
        events_child();
        await_wake(&events_children);
    }
    if (bits & PROC_EVENT_SIGNAL) {
        events_signal();
    }
    if (bits & PROC_EVENT_WORD) {
        events_word();
    }
    spin_raw_unlock(&taking);
}

/* The child has this hart alone, and its events come to it from now on. */
void fork_events(enum fork_step step)
{
    if (step == FORK_CHILD && listens) {
        take(NULL);
    }
}

void events_settle(void)
{
    if (listens) {
        u64 irq = irq_save();

        take(NULL);
        irq_restore(irq);
    }
}

/* What came before is taken now: it raises no further interrupt. */
bool events_listen(void)
{
    static struct irq_handler handler = {.fn = take};
    u64 irq;

    if (listens || !proc_available()) {
        return listens;
    }
    irq = irq_save();
    listens = true;
    irq_add(IRQ_SSOFT, &handler);
    take(NULL);
    irq_restore(irq);
    return true;
}
