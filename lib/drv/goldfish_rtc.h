/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The goldfish RTC that QEMU's virt has: a count of nanoseconds in two halves. */
#include "lib/drv/mmio.h"
#include "lib/kit/types.h"

#define GOLDFISH_RTC_TIME_LOW  0x0 /* reading it keeps the other half as it is now */
#define GOLDFISH_RTC_TIME_HIGH 0x4

/* Since 1 January 1970, UTC.  Callers serialise themselves. */
static inline u64 goldfish_rtc_ns(u64 base)
{
    u64 low = mmio_read32(base + GOLDFISH_RTC_TIME_LOW);

    return (u64)mmio_read32(base + GOLDFISH_RTC_TIME_HIGH) << 32 | low;
}
