/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Forgetting a secret: a memset that the compiler may not leave out as a store nobody reads. */
#include <string.h>

static inline void wipe(void *secret, size_t bytes)
{
    memset(secret, 0, bytes);
    __asm__ volatile("" : : "r"(secret) : "memory");
}
