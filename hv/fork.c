/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest forks: by an SBI call (sbi_proc.c), by the invalid instruction (vinsn.c) or by a store to
 * the doorbell (dev/doorbell.c).  Whichever it was, a0 becomes the error and a1 the child's pid.
 *
 * What a fork does is proc.c's.
 */
#include "hv/fork.h"

#include "hv/ecall.h"
#include "hv/proc.h"

/*
 * fork_serve - fork, and tell the parent.
 *
 * VERDICT_SKIP or VERDICT_SKIP2, by insn_bytes: a0 and a1 hold the result.  VERDICT_FULL, and
 * VERDICT_YIELD while another vCPU stops this VM: nothing was done, the same instruction comes
 * again.  VERDICT_HOLD while a disk has a request of the VM: its other vCPUs are stopped.
 */
enum verdict fork_serve(struct vcpu *vcpu, u64 flags, u64 insn_bytes, enum trace_door door)
{
    u32 pid = 0;
    enum err err;
    long error;

    if (!vcpu->full)
        return VERDICT_FULL;
    err = proc_fork(vcpu, flags, insn_bytes, &pid);
    if (err == ERR_STATE)
        return VERDICT_YIELD;
    if (err == ERR_BUSY)
        return VERDICT_HOLD;
    error = ecall_sbi_error(err);
    vcpu->regs.a0 = (u64)error;
    vcpu->regs.a1 = pid;
    vmexit_note(TRACE_DID_FORK, 0, door, (u32)error, pid);
    return vmexit_skip(insn_bytes);
}
