/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * How long a payload takes from its first instruction to main, in ticks of its clock.  It has what
 * hello has.  Under "-icount shift=7" a tick is 100 / 128 instructions.
 */
#include "guest/guest.h"
#include "guest/report.h"
#include "guest/timer.h"

int main(void)
{
    u64 now = timer_now();

    report_text("bench boot_hello ");
    report_decimal(now - guest_started);
    report_text(" ticks n=1\n");
    return 0;
}
