/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* A test-and-set lock's word, 0 free, for locks to be made of: spinlock.h here, guest/spin.h. */
#include "lib/kit/types.h"

static inline bool spinword_try(u32 *word)
{
    return __atomic_exchange_n(word, 1, __ATOMIC_ACQUIRE) == 0;
}

static inline void spinword_take(u32 *word)
{
    while (unlikely(!spinword_try(word))) {
        while (__atomic_load_n(word, __ATOMIC_RELAXED) != 0)
            ;
    }
}

static inline void spinword_free(u32 *word)
{
    __atomic_store_n(word, 0, __ATOMIC_RELEASE);
}
