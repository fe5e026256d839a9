/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * A test-and-set lock: one word, 0 free.  Not recursive, not fair; hold it for bounded work only.
 * Taking it with exits or interrupts enabled is the caller's mistake to avoid.
 */
#include "lib/kit/types.h"

struct spinlock {
    u32 held;
};

static inline void spin_lock(struct spinlock *lock)
{
    while (unlikely(__atomic_exchange_n(&lock->held, 1, __ATOMIC_ACQUIRE) != 0)) {
        while (__atomic_load_n(&lock->held, __ATOMIC_RELAXED) != 0)
            ;
    }
}

static inline void spin_unlock(struct spinlock *lock)
{
    __atomic_store_n(&lock->held, 0, __ATOMIC_RELEASE);
}
