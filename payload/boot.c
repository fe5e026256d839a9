/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long a payload takes from its first instruction to main, in ticks of its clock.  It has what
 * hello has.  Under "-icount shift=7" a tick is 100 / 128 instructions.
 */
#include <stdio.h>

#include "guest/guest.h"
#include "guest/timer.h"

int main(void)
{
    u64 now = timer_now();

    printf("bench boot_hello %lu ticks n=1\n", (unsigned long)(now - guest_started));
    return 0;
}
