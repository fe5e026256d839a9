/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The third door of fork: a 32-bit store to offset 0 forks with the stored value as flags.  a0 and
 * a1 are overwritten as by the SBI call.  Everything else there reads as zero and ignores stores.
 *
 * The store is a device access like any other: that it forks is known here alone.
 */
#include "hv/dev/dev.h"
#include "hv/fork.h"
#include "hv/vcpu.h"

static u64 doorbell_read(struct device *dev, struct vcpu *vcpu, u64 offset, u32 bytes)
{
    (void)dev;
    (void)vcpu;
    (void)offset;
    (void)bytes;
    return 0;
}

static int doorbell_write(struct device *dev, struct vcpu *vcpu, u64 offset, u32 bytes, u64 value)
{
    (void)dev;
    if (offset != 0 || bytes != 4)
        return VERDICT_SKIP;
    return fork_serve(vcpu, value, vcpu->insn_bytes, TRACE_DOOR_MMIO);
}

const struct device_ops doorbell_ops = {
    .name = "doorbell",
    .read = doorbell_read,
    .write = doorbell_write,
    .reset = device_reset_nothing,
    .clone = device_clone_nothing,
};
