/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VM exits: what trapped decides, by a table, who serves it; the handler's verdict is applied here
 * and, for the two most frequent ones, in run_guest.S.
 *
 * An exit is served in up to two halves.  In the first one only the registers that C may clobber
 * are saved (ra, sp, tp, t0-t6, a0-a7); most exits need no more and go straight back.  A handler
 * that has to read or write any other register says VERDICT_FULL, with nothing done, and is called
 * again when all are in place.
 *
 * Nothing in the first half is there for one kind of exit only, and nothing is saved twice: this is
 * the code that every exit pays for.
 */
#include "hv/vmexit.h"

#include "lib/riscv/cause.h"
#include "lib/riscv/csr.h"
#include "sbi/proc.h"

#include "hv/ecall.h"
#include "hv/fault.h"
#include "hv/irq.h"
#include "hv/offsets.h"
#include "hv/panic.h"
#include "hv/tracing.h"
#include "hv/vcpu.h"
#include "hv/vinsn.h"

typedef enum verdict vmexit_fn(struct vcpu *vcpu);

_Static_assert(VERDICT_SKIP == VERDICT_SKIP_NUMBER && VERDICT_INJECT > VERDICT_SKIP, "run_guest.S");

/* Exceptions that are delegated to VS-mode never get here; if one does, the guest has it. */
static enum verdict reflect(struct vcpu *vcpu)
{
    return vmexit_inject(vcpu, vcpu->vmexit.cause, vcpu->vmexit.tval);
}

static vmexit_fn *const vmexits[CAUSE_COUNT] = {
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
 * A call or an interrupt is told by its cause alone (the pc stays in sepc); reading what hardware
 * leaves undefined or zero would be the most expensive part of it.
 */
static inline void capture(struct vmexit *e, u64 cause)
{
    e->cause = cause;
    if (cause != CAUSE_ECALL_VS && !(cause & CAUSE_INTERRUPT)) {
        e->pc = csr_read(CSR_SEPC);
        e->tval = csr_read(CSR_STVAL);
        e->htinst = csr_read(CSR_HTINST);
        e->gpa.v = csr_read(CSR_HTVAL) << 2 | (e->tval & 3);
        e->user = !(csr_read(CSR_SSTATUS) & SSTATUS_SPP);
    }
}

static inline enum verdict dispatch(struct vcpu *vcpu, u64 cause)
{
    if (unlikely(cause >= CAUSE_COUNT))
        return cause & CAUSE_INTERRUPT ? irq_serve(vcpu) : reflect(vcpu);
    vcpu->vmexits[cause]++;
    return vmexits[cause](vcpu);
}

static __attribute__((noinline)) enum verdict serve_traced(struct vcpu *vcpu, u64 cause)
{
    enum verdict verdict;

    vcpu->vmexit.pc = csr_read(CSR_SEPC);
    tracing_record_exit(&vcpu->vmexit);
    verdict = dispatch(vcpu, cause);
    if (verdict <= VERDICT_SKIP)
        tracing_entry();
    return verdict;
}

enum verdict vmexit_serve(struct vcpu *vcpu)
{
    u64 cause = csr_read(CSR_SCAUSE);

    capture(&vcpu->vmexit, cause);
    if (unlikely(this_hart()->trace != NULL))
        return serve_traced(vcpu, cause);
    return dispatch(vcpu, cause);
}

static void skip(u64 bytes)
{
    csr_write(CSR_SEPC, csr_read(CSR_SEPC) + bytes);
}

enum verdict vmexit_finish(struct vcpu *vcpu, enum verdict verdict)
{
    vcpu->full = true;
    if (verdict == VERDICT_FULL)
        verdict = vmexits[vcpu->vmexit.cause](vcpu);
    vcpu->full = false;
    if (verdict >= VERDICT_LEAVES) {
        if (verdict == VERDICT_WAIT)
            skip(4);
        return verdict;
    }
    if (verdict == VERDICT_INJECT) {
        vcpu_deliver_trap(vcpu->inject.cause, vcpu->inject.tval);
    } else {
        assert(verdict <= VERDICT_SKIP);
        skip(verdict);
    }
    tracing_entry();
    return VERDICT_RESUME;
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
