/* SPDX-License-Identifier: BSD-2-Clause */
/* The goldfish RTC: reading the low half of the time keeps the high half until it is read. */
#include "guest/rtc.h"

#define TIME_LOW  0
#define TIME_HIGH 1

static u64 now_ns(const struct device *device)
{
    const volatile u32 *registers = device->registers;
    u64 low = registers[TIME_LOW];

    return (u64)registers[TIME_HIGH] << 32 | low;
}

static const struct rtc_ops ops = {.now_ns = now_ns};

static const struct driver DRIVER goldfish_rtc = {
    .name = "rtc", .compatible = "google,goldfish-rtc", .class = DEVICE_RTC, .ops = &ops};
