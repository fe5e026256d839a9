/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Class rtc: the time of day.  Component rtc: a goldfish RTC. */
#include "guest/device.h"

struct rtc_ops {
    u64 (*now_ns)(const struct device *device);
};

/* Nanoseconds since 1 January 1970, UTC. */
static inline u64 rtc_now_ns(const struct device *device)
{
    return ((const struct rtc_ops *)device->driver->ops)->now_ns(device);
}
