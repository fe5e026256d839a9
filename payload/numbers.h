/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* A queue of numbers under a spin lock, as msgqueue and fairsched have it.  It is never full. */
#include "guest/spin.h"

#define NUMBERS_MAX 512

struct numbers {
    struct spin lock;
    int item[NUMBERS_MAX];
    unsigned pushed, popped; /* guarded by lock; so many ever */
};

static inline void numbers_push(struct numbers *numbers, int number)
{
    spin_lock(&numbers->lock);
    numbers->item[numbers->pushed++ % NUMBERS_MAX] = number;
    spin_unlock(&numbers->lock);
}

/* The oldest one; false: there is none. */
static inline bool numbers_pop(struct numbers *numbers, int *number)
{
    bool is_there;

    spin_lock(&numbers->lock);
    is_there = numbers->popped < numbers->pushed;
    if (is_there) {
        *number = numbers->item[numbers->popped++ % NUMBERS_MAX];
    }
    spin_unlock(&numbers->lock);
    return is_there;
}
