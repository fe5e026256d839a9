/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Locks that are held for a few instructions.  On one hart they have no word: what keeps others out
 * is that nobody else runs there meanwhile.
 *
 *     spin_lock, spin_unlock           for what interrupt handlers leave alone
 *     spin_lock_irq, spin_unlock_irq   for what they use, too
 *     spin_raw_lock, spin_raw_unlock   where interrupts are off already
 *
 * They need no component.  The holder must not block.  Not recursive, not fair.  All zeros is free.
 */
#include "lib/kit/spinword.h"

#include "guest/preempt.h"

struct spin {
    u32 word[GUEST_HARTS_MAX > 1]; /* 0: free */
};

static inline bool spin_raw_try_lock(struct spin *lock)
{
    return GUEST_HARTS_MAX == 1 || spinword_try(lock->word);
}

static inline void spin_raw_lock(struct spin *lock)
{
    if (GUEST_HARTS_MAX > 1) {
        spinword_take(lock->word);
    }
    __asm__ volatile("" ::: "memory");
}

static inline void spin_raw_unlock(struct spin *lock)
{
    __asm__ volatile("" ::: "memory");
    if (GUEST_HARTS_MAX > 1) {
        spinword_free(lock->word);
    }
}

static inline void spin_lock(struct spin *lock)
{
    preempt_disable();
    spin_raw_lock(lock);
}

static inline void spin_unlock(struct spin *lock)
{
    spin_raw_unlock(lock);
    preempt_enable();
}

/* Returns what spin_unlock_irq takes. */
static inline u64 spin_lock_irq(struct spin *lock)
{
    u64 irq = irq_save();

    spin_raw_lock(lock);
    return irq;
}

static inline void spin_unlock_irq(struct spin *lock, u64 irq)
{
    spin_raw_unlock(lock);
    irq_restore(irq);
}
