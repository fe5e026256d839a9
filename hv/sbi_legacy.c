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

static long legacy_result(struct vcpu *vcpu, long a0)
{
    vcpu->regs.a0 = (u64)a0;
    vmexit_note(TRACE_DID_SBI, vcpu->regs.a7, 0, (u32)a0, 0);
    return ecall_verdict(VERDICT_SKIP);
}

long sbi_legacy_set_timer(struct vcpu *vcpu, u64 fid, const u64 *args)
{
    (void)fid;
    vcpu_set_timer(vcpu, args[0]);
    return legacy_result(vcpu, 0);
}

long sbi_legacy_putchar(struct vcpu *vcpu, u64 fid, const u64 *args)
{
    (void)fid;
    console_putc(vcpu->vm, (char)args[0]);
    return legacy_result(vcpu, 0);
}

long sbi_legacy_getchar(struct vcpu *vcpu, u64 fid, const u64 *args)
{
    (void)fid;
    (void)args;
    return legacy_result(vcpu, console_getc(vcpu->vm));
}

long sbi_legacy_shutdown(struct vcpu *vcpu, u64 fid, const u64 *args)
{
    (void)fid;
    (void)args;
    return ecall_end(vcpu, END_SHUTDOWN, 0);
}
