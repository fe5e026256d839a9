/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * A test-and-set lock: one word, 0 free.  Not recursive, not fair; hold it for bounded work only.
 * Taking it with exits or interrupts enabled is the caller's mistake to avoid.
 */
#include "lib/kit/spinword.h"

struct spinlock {
    u32 held;
};

/* Somebody has the lock: returns soon, whether it is free by then or not.  The world's own. */
void spin_wait(const u32 *held);

static inline void spin_lock(struct spinlock *lock)
{
    while (unlikely(!spinword_try(&lock->held)))
        spin_wait(&lock->held);
}

static inline void spin_unlock(struct spinlock *lock)
{
    spinword_free(&lock->held);
}
