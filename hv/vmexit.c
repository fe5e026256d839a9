/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VM exits: what trapped decides, by a table, who serves it; the handler's verdict is applied here,
 * once.
 *
 * An exit is served in up to two halves.  In the first one only the registers that C may clobber
 * are saved (ra, sp, tp, t0-t6, a0-a7); most exits need no more and go straight back.  A handler
 * that has to read or write any other register, or to leave the hart, says VERDICT_FULL (with
 * nothing done) or a verdict above it, and the rest happens with all registers in place.
 */
#include "hv/vmexit.h"

#include "lib/riscv/cause.h"
#include "lib/riscv/csr.h"
#include "sbi/proc.h"

#include "hv/ecall.h"
#include "hv/fault.h"
#include "hv/irq.h"
#include "hv/tracing.h"
#include "hv/vcpu.h"
#include "hv/vinsn.h"

typedef enum verdict (*vmexit_fn)(struct vcpu *vcpu, const struct vmexit *e);

/* Exceptions that are delegated to VS-mode never get here; if one does, the guest has it. */
static enum verdict reflect(struct vcpu *vcpu, const struct vmexit *e)
{
    return vmexit_inject(vcpu, e->cause, e->tval);
}

static const vmexit_fn vmexits[CAUSE_COUNT] = {
    /* delegated, or reserved */
    [CAUSE_FETCH_MISALIGNED] = reflect,
    [CAUSE_FETCH_ACCESS] = reflect,
    [CAUSE_BREAKPOINT] = reflect,
    [CAUSE_LOAD_MISALIGNED] = reflect,
    [CAUSE_LOAD_ACCESS] = reflect,
    [CAUSE_STORE_MISALIGNED] = reflect,
    [CAUSE_STORE_ACCESS] = reflect,
    [CAUSE_ECALL_U] = reflect,
    [CAUSE_ECALL_S] = reflect,
    [11] = reflect,
    [CAUSE_FETCH_PAGE] = reflect,
    [CAUSE_LOAD_PAGE] = reflect,
    [14] = reflect,
    [CAUSE_STORE_PAGE] = reflect,
    [16 ... 19] = reflect,
    /* hv's own */
    [CAUSE_ILLEGAL] = illegal_serve,
    [CAUSE_ECALL_VS] = ecall_serve,
    [CAUSE_FETCH_GUEST] = fault_serve,
    [CAUSE_LOAD_GUEST] = fault_serve,
    [CAUSE_VIRTUAL] = virtual_serve,
    [CAUSE_STORE_GUEST] = fault_serve,
};

/*
 * A call is told by cause and pc alone; reading what hardware leaves zero would be the most
 * expensive part of it.
 */
static inline struct vmexit capture(u64 cause)
{
    struct vmexit e = {.cause = cause, .pc = csr_read(CSR_SEPC)};

    if (cause != CAUSE_ECALL_VS && !(cause & CAUSE_INTERRUPT)) {
        e.tval = csr_read(CSR_STVAL);
        e.htinst = csr_read(CSR_HTINST);
        e.gpa.v = csr_read(CSR_HTVAL) << 2 | (e.tval & 3);
        e.user = !(csr_read(CSR_SSTATUS) & SSTATUS_SPP);
    }
    return e;
}

static inline enum verdict dispatch(struct vcpu *vcpu, const struct vmexit *e)
{
    if (unlikely(e->cause >= CAUSE_COUNT))
        return e->cause & CAUSE_INTERRUPT ? irq_serve(vcpu, e) : reflect(vcpu, e);
    return vmexits[e->cause](vcpu, e);
}

/* What is left of a verdict once the guest's CSRs say where it goes on. */
static inline enum verdict apply(struct vcpu *vcpu, enum verdict verdict)
{
    if (likely(verdict == VERDICT_SKIP)) {
        csr_write(CSR_SEPC, csr_read(CSR_SEPC) + 4);
        return VERDICT_RESUME;
    }
    if (verdict == VERDICT_SKIP2) {
        csr_write(CSR_SEPC, csr_read(CSR_SEPC) + 2);
        return VERDICT_RESUME;
    }
    if (verdict == VERDICT_WAIT)
        csr_write(CSR_SEPC, csr_read(CSR_SEPC) + 4);
    if (verdict == VERDICT_INJECT) {
        vcpu_deliver_trap(vcpu, vcpu->inject.cause, vcpu->inject.tval);
        return VERDICT_RESUME;
    }
    return verdict;
}

u64 vmexit_serve(struct vcpu *vcpu)
{
    const struct vmexit e = capture(csr_read(CSR_SCAUSE));
    enum verdict verdict;

    vcpu->vmexits[likely(e.cause < CAUSE_COUNT) ? e.cause : 0]++;
    tracing_exit(&e);
    verdict = apply(vcpu, dispatch(vcpu, &e));
    if (likely(verdict == VERDICT_RESUME))
        tracing_entry();
    else if (verdict == VERDICT_FULL)
        vcpu->vmexit = e;
    return verdict;
}

enum verdict vmexit_serve_full(struct vcpu *vcpu)
{
    const struct vmexit e = vcpu->vmexit;

    return apply(vcpu, dispatch(vcpu, &e));
}

enum verdict vmexit_inject(struct vcpu *vcpu, u64 cause, u64 tval)
{
    vcpu->inject.cause = cause;
    vcpu->inject.tval = tval;
    vmexit_note(TRACE_DID_INJECT, 0, (u32)cause, 0, tval);
    return VERDICT_INJECT;
}

enum verdict vmexit_end_by_signal(struct vcpu *vcpu, u32 signal)
{
    vcpu->end.reason = END_SIGNAL;
    vcpu->end.status = PROC_STATUS_SIGNALED(signal);
    return VERDICT_END;
}
