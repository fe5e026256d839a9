/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Positions of bits, without Zbb and without a call: where the compiler has no instruction for
 * __builtin_ctzl it calls libgcc, some 30 instructions.  A de Bruijn sequence has each group of 5
 * (6) bits once, so the product with one bit has another group on top for each position.
 */
#include "lib/kit/types.h"

/* The position of the lowest bit of x, which is not 0. */
static inline u32 bits_lowest32(u32 x)
{
    static const u8 position[32] = {0,  1,  28, 2,  29, 14, 24, 3, 30, 22, 20, 15, 25, 17, 4,  8,
                                    31, 27, 13, 23, 21, 19, 16, 7, 26, 12, 18, 6,  11, 5,  10, 9};

    return position[((x & -x) * 0x077cb531U) >> 27];
}

/* The same of 64 bits. */
static inline u32 bits_lowest64(u64 x)
{
    return (u32)x != 0 ? bits_lowest32((u32)x) : 32 + bits_lowest32((u32)(x >> 32));
}

/* The position of the highest bit of x, which is not 0. */
static inline u32 bits_highest64(u64 x)
{
    static const u8 position[16] = {0, 0, 1, 1, 2, 2, 2, 2, 3, 3, 3, 3, 3, 3, 3, 3};
    u32 at = 0;

    if (x >> 32 != 0) {
        x >>= 32;
        at = 32;
    }
    if (x >> 16 != 0) {
        x >>= 16;
        at += 16;
    }
    if (x >> 8 != 0) {
        x >>= 8;
        at += 8;
    }
    if (x >> 4 != 0) {
        x >>= 4;
        at += 4;
    }
    return at + position[x];
}

/* How many bits of x are set. */
static inline u32 bits_count64(u64 x)
{
    u32 count = 0;

    for (; x != 0; x &= x - 1)
        count++;
    return count;
}
