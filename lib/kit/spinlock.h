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

static inline void spin_lock(struct spinlock *lock)
{
    spinword_take(&lock->held);
}

static inline void spin_unlock(struct spinlock *lock)
{
    spinword_free(&lock->held);
}
