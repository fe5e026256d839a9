/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Instructions that a guest may not execute.
 *
 *     virtual instruction    wfi (hstatus.VTW is set): the vCPU waits; anything else would be
 *                            illegal on the machine that the guest sees, so it is for the guest
 *     illegal instruction    the fork instruction, from VS-mode: the second door; a read of mhartid
 *                            if the machine has the option; everything else is the guest's own trap
 *
 * Firmware keeps hedeleg's bit 2 out of our hands if it is set, so it is clear, and what is not
 * ours is delivered as hardware would have done.
 *
 * [PRIV "Virtual-Instruction Exception", "Hypervisor Status Register (hstatus)"]
 */
#include "hv/vinsn.h"

#include "lib/riscv/cause.h"
#include "lib/riscv/csr.h"
#include "lib/riscv/insn.h"
#include "sbi/proc.h"

#include "hv/fork.h"
#include "hv/trap.h"
#include "hv/vcpu.h"
#include "hv/vm.h"
#include "hv/vmexit.h"

/* stval holds the instruction, or 0 where the hart does not tell.  False: it cannot be fetched. */
static bool instruction(const struct vmexit *e, u32 *word)
{
    *word = (u32)e->tval;
    return likely(*word != 0) || guest_fetch(e->pc, word);
}

/* stval is not asked: for hlv, hlvx and hsv QEMU 7.2 leaves there whatever was refused before, and
 * that may be a wfi. */
enum verdict virtual_serve(struct vcpu *vcpu)
{
    const struct vmexit *e = &vcpu->vmexit;
    struct insn insn;
    u32 word;

    if (unlikely(!guest_fetch(e->pc, &word)))
        return VERDICT_RESUME;
    insn_decode(&insn, word);
    if (insn.kind == INSN_WFI && !e->user) {
        vmexit_note(TRACE_DID_WFI, 0, 0, 0, 0);
        return VERDICT_WAIT;
    }
    return vmexit_inject(vcpu, CAUSE_ILLEGAL, word);
}

/* csrr rd, mhartid: a read alone; a write to a read-only CSR stays illegal. */
static bool reads_mhartid(const struct insn *insn)
{
    return insn->kind == INSN_CSR && insn->csr == CSR_MHARTID && insn->rs1 == 0 &&
           insn->csr_op != INSN_CSR_WRITE;
}

enum verdict illegal_serve(struct vcpu *vcpu)
{
    const struct vmexit *e = &vcpu->vmexit;
    const struct guest *guest = vcpu->vm->guest;
    struct insn insn;
    u32 word;

    if (unlikely(!instruction(e, &word)))
        return VERDICT_RESUME;
    if (e->user)
        return vmexit_inject(vcpu, CAUSE_ILLEGAL, e->tval);
    if (word == PROC_FORK_INSN)
        return fork_serve(vcpu, vcpu->regs.a0, 4, TRACE_DOOR_INVALID);
    insn_decode(&insn, word);
    if (guest->has_mhartid && reads_mhartid(&insn)) {
        if (!vcpu->full)
            return VERDICT_FULL;
        if (insn.rd != 0)
            vcpu->regs.x[insn.rd] = guest->mhartid;
        vmexit_note(TRACE_DID_CSR, insn.csr, insn.rd, 0, guest->mhartid);
        return VERDICT_SKIP;
    }
    return vmexit_inject(vcpu, CAUSE_ILLEGAL, e->tval);
}
