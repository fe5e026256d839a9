/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The test finisher of QEMU's virt (sifive,test0): a store ends or restarts the guest's VM, never
 * the machine.  The low half of the value is the command, the high half the exit code; unknown
 * commands are ignored, and it reads as zero.
 */
#include "sbi/proc.h"

#include "hv/dev/dev.h"
#include "hv/vcpu.h"
#include "hv/vmexit.h"

#define FINISHER_FAIL  0x3333
#define FINISHER_PASS  0x5555
#define FINISHER_RESET 0x7777

static u64 finisher_read(struct device *dev, struct vcpu *vcpu, u64 offset, u32 bytes)
{
    (void)dev;
    (void)vcpu;
    (void)offset;
    (void)bytes;
    return 0;
}

static int end(struct vcpu *vcpu, enum end_reason reason, u32 status)
{
    vcpu->end.reason = reason;
    vcpu->end.status = status;
    return VERDICT_END;
}

static int finisher_write(struct device *dev, struct vcpu *vcpu, u64 offset, u32 bytes, u64 value)
{
    (void)dev;
    (void)bytes;
    if (offset != 0)
        return VERDICT_SKIP;
    switch (value & 0xffff) {
    case FINISHER_FAIL: return end(vcpu, END_EXIT, PROC_STATUS_EXITED(value >> 16));
    case FINISHER_PASS: return end(vcpu, END_EXIT, PROC_STATUS_EXITED(0));
    case FINISHER_RESET: return end(vcpu, END_RESET, 0);
    default: return VERDICT_SKIP;
    }
}

const struct device_ops finisher_ops = {
    .name = "finisher",
    .read = finisher_read,
    .write = finisher_write,
    .reset = device_reset_nothing,
    .clone = device_clone_nothing,
};
