/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* For broken invariants of ours, never for what a guest did. */
#include "lib/kit/types.h"

/* Prints the message, where it was called from and a backtrace, then stops the machine, status 255.
 */
__noreturn void panic(const char *format, ...) __printf_like(1, 2);

/* Stays in release builds: its cost is measured, not feared. */
#define assert(condition)        \
    (likely(condition) ? (void)0 \
                       : panic("%s:%d: assertion failed: %s", __FILE__, __LINE__, #condition))
