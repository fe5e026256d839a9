/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The two interrupts that hv enables for itself: its timer, which stands for many deadlines, and
 * the IPI, by which another hart says "look": at what it has pended for the vCPU, or at the VM that
 * is being stopped.
 */
#include "hv/irq.h"

#include "lib/riscv/csr.h"

#include "hv/hart.h"
#include "hv/panic.h"
#include "hv/sched.h"
#include "hv/timer.h"
#include "hv/vcpu.h"
#include "hv/vm.h"
#include "hv/vmexit.h"

static enum verdict serve_timer(struct vcpu *vcpu)
{
    struct hart *hart = this_hart();
    u64 now = timer_now();
    bool fired = timer_serve(vcpu, now);

    if (now >= hart->slice_end) {
        if (sched_contended()) {
            vmexit_note(fired ? TRACE_DID_INJECT_TIMER : TRACE_DID_PREEMPT, 0, fired, 0, 0);
            return VERDICT_YIELD;
        }
        hart->slice_end = now + timer_ticks_of_ns(SLICE_NS);
    }
    timer_program(vcpu);
    vmexit_note(fired ? TRACE_DID_INJECT_TIMER : TRACE_DID_TIMER, 0, 0, 0, 0);
    return VERDICT_RESUME;
}

static enum verdict serve_ipi(struct vcpu *vcpu)
{
    csr_clear(CSR_SIP, IP_SSIP);
    vmexit_note(TRACE_DID_IPI, 0, 0, 0, 0);
    if (sched_must_leave(vcpu))
        return VERDICT_YIELD;
    vcpu_take_pending(vcpu);
    return VERDICT_RESUME;
}

enum verdict irq_serve(struct vcpu *vcpu)
{
    u64 irq = vcpu->vmexit.cause & ~CAUSE_INTERRUPT;

    vcpu->vmexits[0]++;
    if (irq == IRQ_STIMER)
        return serve_timer(vcpu);
    assert(irq == IRQ_SSOFT);
    return serve_ipi(vcpu);
}
