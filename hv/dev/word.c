/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A machine option of a guest: a 64-bit word that reads as what the option says, at any width, and
 * ignores stores.  The value is in the state, at WORD_VALUE.
 */
#include "hv/dev/dev.h"
#include "hv/vmexit.h"

static u64 word_read(struct device *dev, struct vcpu *vcpu, u64 offset, u32 bytes)
{
    u64 value = dev->state[WORD_VALUE] >> 8 * offset;

    (void)vcpu;
    return bytes == 8 ? value : value & ((1UL << 8 * bytes) - 1);
}

static int word_write(struct device *dev, struct vcpu *vcpu, u64 offset, u32 bytes, u64 value)
{
    (void)dev;
    (void)vcpu;
    (void)offset;
    (void)bytes;
    (void)value;
    return VERDICT_SKIP;
}

const struct device_ops word_ops = {
    .name = "word",
    .read = word_read,
    .write = word_write,
    .reset = device_reset_nothing,
    .clone = device_clone_nothing,
};
