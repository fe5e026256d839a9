/* SPDX-License-Identifier: BSD-2-Clause */
/* In host tests a broken invariant of hv fails the running test, and a hart is a thread. */
#include "hv/panic.h"

#include <sched.h>
#include <stdarg.h>
#include <stdio.h>

#include "lib/kit/spinlock.h"

#include "tests/test.h"

void panic(const char *format, ...)
{
    char message[256];
    va_list args;

    va_start(args, format);
    vsnprintf(message, sizeof(message), format, args);
    va_end(args);
    FAIL("panic: %s", message);
}

void spin_wait(const u32 *held)
{
    (void)held;
    sched_yield();
}
