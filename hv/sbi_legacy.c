/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The legacy extensions that simple kernels use: set_timer, console, shutdown.  Each has an EID of
 * its own, ignores the FID, returns its result in a0 and preserves a1.
 *
 * The others name harts by a guest-virtual address of a mask.  They are not provided, which a probe
 * tells: IPI and RFENCE replace them.
 *
 * [SBI "Legacy Extensions"]
 */
#include "hv/console.h"
#include "hv/ecall.h"

static struct sbiret legacy_result(const u64 *args, long a0)
{
    return (struct sbiret){.error = a0, .value = (long)args[1]};
}

static struct sbiret set_timer(struct vcpu *vcpu, u64 fid, const u64 *args)
{
    (void)fid;
    vcpu_set_timer(vcpu, args[0]);
    return legacy_result(args, 0);
}

static struct sbiret console_put(struct vcpu *vcpu, u64 fid, const u64 *args)
{
    (void)fid;
    console_putc(vcpu->vm, (char)args[0]);
    return legacy_result(args, 0);
}

static struct sbiret console_get(struct vcpu *vcpu, u64 fid, const u64 *args)
{
    (void)fid;
    return legacy_result(args, console_getc(vcpu->vm));
}

static struct sbiret shutdown(struct vcpu *vcpu, u64 fid, const u64 *args)
{
    (void)fid;
    (void)args;
    return ecall_end(vcpu, END_SHUTDOWN, 0);
}

const struct sbi_extension sbi_legacy_set_timer = {SBI_LEGACY_SET_TIMER, set_timer};
const struct sbi_extension sbi_legacy_putchar = {SBI_LEGACY_PUTCHAR, console_put};
const struct sbi_extension sbi_legacy_getchar = {SBI_LEGACY_GETCHAR, console_get};
const struct sbi_extension sbi_legacy_shutdown = {SBI_LEGACY_SHUTDOWN, shutdown};
