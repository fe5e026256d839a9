/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Clearing what is small, of known size, and in a hurry: for more there is memset(). */
#include "lib/kit/types.h"

/* Both are multiples of 8. */
static inline void clear_words(void *at, size_t bytes)
{
    u64 *word = (u64 *)at, *end = word + bytes / sizeof(u64);

    for (u64 *last = end - 7; word < last; word += 8) {
        __asm__("" : "+r"(word)); /* or the compiler makes a memset() of it */
#pragma GCC unroll 8
        for (u32 i = 0; i < 8; i++)
            word[i] = 0;
    }
    for (; word < end; word++) {
        __asm__("" : "+r"(word));
        *word = 0;
    }
}
