/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Guest-page faults: the one place that decides whether an address is RAM, a device, or the guest's
 * mistake.
 *
 *     the access was                      cause says      htinst says
 *     the instruction's own               what it was     the instruction, transformed, or 0
 *     a VS-stage walk reading a PTE       what the        0x3000 (0x2000)
 *     a VS-stage walk setting A or D      instruction was 0x3020 (0x2020): a write
 *
 * A device register is never a page table: such a walk gets an access fault, as does every access
 * to an address where there is nothing, which is what a physical machine answers.  A device that is
 * passed through is the machine's own, to read like RAM, and only that.
 *
 * [PRIV "Guest-Page Faults", "Transformed Instruction or Pseudoinstruction for mtinst or htinst"]
 */
#include "hv/fault.h"

#include "lib/riscv/cause.h"
#include "lib/riscv/csr.h"
#include "lib/riscv/insn.h"

#include "hv/mmio.h"
#include "hv/report.h"
#include "hv/vcpu.h"
#include "hv/vm.h"
#include "hv/vmexit.h"

#define WALK_PSEUDO_BITS  (~(0x1000UL | 0x20UL)) /* what the four pseudoinstructions share */
#define WALK_PSEUDO       0x2000UL
#define WALK_PSEUDO_WRITE 0x20UL

static bool by_walk(const struct vmexit *e)
{
    return (e->htinst & WALK_PSEUDO_BITS) == WALK_PSEUDO;
}

static inline enum access access_of(const struct vmexit *e)
{
    if (unlikely(by_walk(e)))
        return e->htinst & WALK_PSEUDO_WRITE ? ACCESS_WRITE : ACCESS_READ;
    if (e->cause == CAUSE_STORE_GUEST)
        return ACCESS_WRITE;
    return e->cause == CAUSE_FETCH_GUEST ? ACCESS_EXEC : ACCESS_READ;
}

/* The access fault that corresponds to a guest-page fault, by the original access. */
static u64 access_fault(u64 cause)
{
    switch (cause) {
    case CAUSE_FETCH_GUEST: return CAUSE_FETCH_ACCESS;
    case CAUSE_LOAD_GUEST: return CAUSE_LOAD_ACCESS;
    default: return CAUSE_STORE_ACCESS;
    }
}

/*
 * fault_refuse - give the guest the access fault that a machine would.
 *
 * If what could not be fetched is the first instruction of its own trap handler, it would get that
 * fault for ever: no code of the guest can run any more, and it ends by signal 11.
 */
enum verdict fault_refuse(struct vcpu *vcpu)
{
    const struct vmexit *e = &vcpu->vmexit;

    if (e->cause == CAUSE_FETCH_GUEST && !e->user && e->pc == (csr_read(CSR_VSTVEC) & ~3UL))
        return vmexit_end_by_signal(vcpu, PROC_SIGSEGV);
    return vmexit_inject(vcpu, access_fault(e->cause), e->tval);
}

/* There is no frame, or its tree may have no more. */
static enum verdict without_memory(struct vcpu *vcpu, enum err err)
{
    report_out_of_memory(vcpu->vm, err);
    return vmexit_end_by_signal(vcpu, PROC_SIGKILL);
}

/* What is neither RAM nor an emulated device: one that is passed through, or nothing. */
enum verdict fault_elsewhere(struct vcpu *vcpu)
{
    const struct vmexit *e = &vcpu->vmexit;
    enum access access = access_of(e);
    enum trace_did did;
    enum err err = gstage_fault_window(&vcpu->vm->gs, e->gpa, access, &did);

    if (err == ERR_NOMEM)
        return without_memory(vcpu, err);
    if (err != ERR_OK)
        return fault_refuse(vcpu);
    vmexit_note(did, e->gpa.v, 0, access, 0);
    return VERDICT_RESUME;
}

/* In the trace, result is the access and addr the GPA. */
static enum verdict serve_ram(struct vcpu *vcpu, gpa_t gpa, enum access access)
{
    enum trace_did did;
    enum err err = gstage_fault(&vcpu->vm->gs, gpa, access, &did);

    if (unlikely(err != ERR_OK))
        return without_memory(vcpu, err);
    vmexit_note(did, gpa.v, 0, access, 0);
    return VERDICT_RESUME;
}

enum verdict fault_serve(struct vcpu *vcpu)
{
    const struct vmexit *e = &vcpu->vmexit;
    enum access access = access_of(e);

    if (likely(gstage_is_ram(&vcpu->vm->gs, e->gpa)))
        return serve_ram(vcpu, by_walk(e) ? (gpa_t){e->gpa.v & ~3UL} : e->gpa, access);
    if (by_walk(e) || access == ACCESS_EXEC)
        return fault_elsewhere(vcpu);
    return mmio_serve(vcpu);
}
