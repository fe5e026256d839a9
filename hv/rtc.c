/* SPDX-License-Identifier: BSD-2-Clause */
/* The machine's clock, a goldfish RTC: one reader at a time, as the chip keeps half of a count. */
#include "hv/rtc.h"

#include "lib/drv/goldfish_rtc.h"
#include "lib/kit/spinlock.h"

static struct spinlock lock;
static u64 base;

void rtc_init(u64 at)
{
    base = at;
}

bool rtc_is_there(void)
{
    return base != 0;
}

u64 rtc_ns(void)
{
    u64 ns;

    if (base == 0)
        return 0;
    spin_lock(&lock);
    ns = goldfish_rtc_ns(base);
    spin_unlock(&lock);
    return ns;
}
