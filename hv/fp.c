/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The FP registers of a hart belong to the vCPU that used them last, and stay there until another
 * one is loaded that has used some.
 *
 * Invariant: if hart->fp is v and v->fp_hart is that hart, the hart's registers are v's; v->fp is
 * equal to them unless the HS-level sstatus.FS, while v is loaded, says Dirty.  vsstatus.FS is the
 * guest's own and tells nothing: the guest may write it.
 *
 * Most guests never use FP: while vcpu->fp_used is false its registers are all 0 and vcpu->fp means
 * nothing.  Two such guests follow each other without moving any.
 *
 * sstatus.FS is never Off while a guest runs, since it would take the guest's FP away from it.
 *
 * [PRIV "Extension Context Status in mstatus Register", "Supervisor Status (sstatus) Register"]
 */
#include "hv/fp.h"

#include "lib/riscv/csr.h"

#include "hv/hart.h"
#include "hv/vcpu.h"

static const struct fp_regs zero;

static void load_regs(struct hart *hart, const struct vcpu *vcpu)
{
    csr_set(CSR_SSTATUS, SSTATUS_FS);
    fp_regs_load(vcpu->fp_used ? &vcpu->fp : &zero);
    hart->fp_is_zero = !vcpu->fp_used;
}

void fp_load(struct vcpu *vcpu)
{
    struct hart *hart = this_hart();

    if (hart->fp != vcpu || vcpu->fp_hart != hart->index) {
        if (vcpu->fp_used || !hart->fp_is_zero)
            load_regs(hart, vcpu);
        hart->fp = vcpu;
        vcpu->fp_hart = hart->index;
    }
    vcpu->csr.sstatus = (vcpu->csr.sstatus & ~SSTATUS_FS) | SSTATUS_FS_CLEAN;
}

void fp_save(struct vcpu *vcpu)
{
    u64 sstatus = csr_read(CSR_SSTATUS);

    if ((sstatus & SSTATUS_FS) != SSTATUS_FS_DIRTY)
        return;
    fp_regs_save(&vcpu->fp);
    vcpu->fp_used = true;
    this_hart()->fp_is_zero = false;
    csr_write(CSR_SSTATUS, (sstatus & ~SSTATUS_FS) | SSTATUS_FS_CLEAN);
}
