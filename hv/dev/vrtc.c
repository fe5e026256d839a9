/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's clock, a goldfish RTC: the machine's, and how far the guest has set its own ahead.
 *
 * Invariant: who reads the low half finds the high half of the same moment in the other register,
 * until it reads the low half again.
 *
 * It has no alarm: the other registers read as 0, and stores to them do nothing.  Registers are 32
 * bits; so it is at any other width.
 */
#include "lib/drv/goldfish_rtc.h"

#include "hv/dev/dev.h"
#include "hv/rtc.h"
#include "hv/vmexit.h"

/* What the words of the state are. */
enum { AHEAD_NS, HIGH };

static u64 vrtc_read(struct device *dev, struct vcpu *vcpu, u64 offset, u32 bytes)
{
    u64 ns;

    (void)vcpu;
    if (bytes != sizeof(u32))
        return 0;
    switch (offset) {
    case GOLDFISH_RTC_TIME_LOW:
        ns = rtc_ns() + dev->state[AHEAD_NS];
        dev->state[HIGH] = ns >> 32;
        return (u32)ns;
    case GOLDFISH_RTC_TIME_HIGH: return dev->state[HIGH];
    default: return 0;
    }
}

/* Sets one half of the time that it is now. */
static int vrtc_write(struct device *dev, struct vcpu *vcpu, u64 offset, u32 bytes, u64 value)
{
    u64 now = rtc_ns() + dev->state[AHEAD_NS], set = now;

    (void)vcpu;
    if (bytes == sizeof(u32) && offset == GOLDFISH_RTC_TIME_LOW)
        set = now >> 32 << 32 | value;
    if (bytes == sizeof(u32) && offset == GOLDFISH_RTC_TIME_HIGH)
        set = value << 32 | (u32)now;
    dev->state[AHEAD_NS] += set - now;
    return VERDICT_SKIP;
}

static void vrtc_reset(struct device *dev)
{
    dev->state[AHEAD_NS] = 0;
    dev->state[HIGH] = 0;
}

const struct device_ops vrtc_ops = {
    .name = "rtc",
    .read = vrtc_read,
    .write = vrtc_write,
    .reset = vrtc_reset,
    .clone = device_clone_nothing,
};
