/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A mutex that others wait for.  Who lets go of it gives it to the first of them, so that it is
 * theirs before they run: in order of arrival, and nobody comes between.
 *
 * Who lets go of it does not touch it any more once somebody else can have it: that one may be the
 * last to use it, and free it.
 *
 * Invariant: while there are waiters, the owner word has MUTEX_CONTENDED, which keeps lock and
 * unlock out of their fast paths; it is set and cleared under the queue's lock.
 */
#include "lib/riscv/csr.h"

#include "guest/core.h"
#include "guest/guest.h"
#include "guest/report.h"
#include "guest/sync.h"

static __noreturn void misuse(const struct mutex *mutex, const char *what, const void *place)
{
    const struct task *owner = mutex_owner(mutex);

    irq_save();
    report_text("mutex ");
    report_hex((u64)mutex);
    report_text(": task ");
    report_text(task_self()->name);
    report_text(what);
    report_place((u64)place);
    if (owner) {
        report_text("; task ");
        report_text(owner->name);
        report_text(" has locked it at ");
        report_place(mutex->place);
    } else {
        report_text("; it is free");
    }
    report_text("\n");
    guest_exit(1);
}

/* True: it was free after all.  Otherwise who unlocks it will give it to a waiter. */
static bool take_or_mark(struct mutex *mutex, u64 self)
{
    u64 owner = __atomic_load_n(&mutex->owner, __ATOMIC_RELAXED);

    for (;;) {
        u64 wanted = owner ? owner | MUTEX_CONTENDED : self;

        if (__atomic_compare_exchange_n(&mutex->owner, &owner, wanted, true, __ATOMIC_ACQUIRE,
                                        __ATOMIC_RELAXED)) {
            return wanted == self;
        }
    }
}

/* True, and out of the queue, if the mutex is not given to this waiter yet; else who gave it has
 * left the queue alone by now. */
static bool give_up(struct mutex *mutex, struct waiter *waiter)
{
    u64 irq = spin_lock_irq(&mutex->queue.lock);
    bool waits = !list_empty(&waiter->link);

    list_del(&waiter->link);
    if (list_empty(&mutex->queue.waiters)) {
        __atomic_and_fetch(&mutex->owner, ~MUTEX_CONTENDED, __ATOMIC_RELAXED);
    }
    spin_unlock_irq(&mutex->queue.lock, irq);
    return waits;
}

/* What mutex_lock does if it is not free. */
bool mutex_lock_slow(struct mutex *mutex, u64 time)
{
    struct task *self = task_self();
    const void *place = __builtin_return_address(0);
    struct waiter waiter;
    bool taken;
    u64 irq;

    if (mutex_owner(mutex) == self) {
        misuse(mutex, " locks it again at ", place);
    }
    waiter_init(&waiter, "a mutex", mutex, place);
    irq = spin_lock_irq(&mutex->queue.lock);
    if (take_or_mark(mutex, (u64)self)) {
        spin_unlock_irq(&mutex->queue.lock, irq);
        mutex->place = (u64)place;
        return true;
    }
    if (!mutex->queue.waiters.next) {
        list_init(&mutex->queue.waiters);
    }
    list_add_tail(&mutex->queue.waiters, &waiter.link);
    self->waits_in = &waiter.link;
    spin_unlock_irq(&mutex->queue.lock, irq);
    do {
        task_wait_begin();
    } while (mutex_owner(mutex) != self && waiter_block(time));
    task_wait_end();
    taken = !give_up(mutex, &waiter);
    self->waits_in = NULL;
    if (taken) {
        mutex->place = (u64)place;
    }
    return taken;
}

/* Gives it to the first waiter; false: there is none any more, and it is still the caller's. */
static bool give(struct mutex *mutex)
{
    struct wait_queue *queue = &mutex->queue;
    u64 irq = spin_lock_irq(&queue->lock);
    bool given = !list_empty(&queue->waiters);

    if (given) {
        struct waiter *first = container_of(queue->waiters.next, struct waiter, link);
        u64 contended;

        list_del(&first->link);
        contended = list_empty(&queue->waiters) ? 0 : MUTEX_CONTENDED;
        __atomic_store_n(&mutex->owner, (u64)first->task | contended, __ATOMIC_RELEASE);
        task_wake(first->task);
    } else {
        __atomic_and_fetch(&mutex->owner, ~MUTEX_CONTENDED, __ATOMIC_RELAXED);
    }
    spin_raw_unlock(&queue->lock);
    core_irq_restore(irq);
    return given;
}

/* What mutex_unlock does if others wait. */
void mutex_unlock_slow(struct mutex *mutex)
{
    u64 self = (u64)task_self(), expected;

    if (mutex_owner(mutex) != task_self()) {
        misuse(mutex, " unlocks it, and is not its owner, at ", __builtin_return_address(0));
    }
    do {
        if (give(mutex)) {
            return;
        }
        expected = self;
    } while (!__atomic_compare_exchange_n(&mutex->owner, &expected, 0, false, __ATOMIC_RELEASE,
                                          __ATOMIC_RELAXED));
}
