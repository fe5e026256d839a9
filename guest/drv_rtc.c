/* SPDX-License-Identifier: BSD-2-Clause */
/* The goldfish RTC. */
#include "lib/drv/goldfish_rtc.h"

#include "guest/rtc.h"

static u64 now_ns(const struct device *device)
{
    return goldfish_rtc_ns((u64)device->registers);
}

static const struct rtc_ops ops = {.now_ns = now_ns};

static const struct driver DRIVER goldfish_rtc = {
    .name = "rtc", .compatible = "google,goldfish-rtc", .class = DEVICE_RTC, .ops = &ops};
