/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The interrupts that hv enables for itself: its timer, which stands for many deadlines, those of
 * the machine's devices, which hart 0 takes where there is a PLIC, and the IPI, by which another
 * hart says "look": at what it has pended for the vCPU, or at the VM that is being stopped.
 */
#include "hv/irq.h"

#include "lib/drv/plic.h"
#include "lib/riscv/csr.h"

#include "dts/machine.h"

#include "hv/console.h"
#include "hv/disk_machine.h"
#include "hv/hart.h"
#include "hv/panic.h"
#include "hv/sched.h"
#include "hv/timer.h"
#include "hv/tracing.h"
#include "hv/vcpu.h"
#include "hv/vm.h"
#include "hv/vmexit.h"

static bool has_plic;
static struct plic plic; /* hart 0 only */

/* By source, what a device's interrupt means; set before the first guest runs. */
static struct {
    irq_fn *serve;
    void *of;
} devices[PLIC_VIRT_SOURCES + 1];

/*
 * irq_init - the interrupts of devices to this hart, which is hart 0, after hart_setup().
 *
 * Contexts are numbered as on QEMU's virt.  On a machine where they are not, or that has no PLIC,
 * no device interrupts: a guest's UART does for input only when the guest has looked at it.
 */
void irq_init(const struct machine *machine)
{
    if (machine->plic.bytes == 0)
        return;
    has_plic = true;
    plic_init(&plic, machine->plic.base, (u32)PLIC_VIRT_S_CONTEXT(this_hart()->id),
              PLIC_VIRT_SOURCES);
    csr_set(CSR_SIE, IP_SEIP);
    (void)irq_connect(machine->uart_source, console_arrived, NULL);
}

bool irq_connect(u32 source, irq_fn *serve, void *of)
{
    if (!has_plic || source == 0 || source > PLIC_VIRT_SOURCES)
        return false;
    devices[source].serve = serve;
    devices[source].of = of;
    plic_set_priority(&plic, source, 1);
    plic_enable(&plic, source);
    return true;
}

static void take_external(void)
{
    u32 source = plic_claim(&plic);

    if (source == 0)
        return;
    devices[source].serve(devices[source].of);
    plic_complete(&plic, source);
}

static void look_at_disks(void)
{
    u64 deadline = disk_next_deadline(), now;

    if (deadline == UINT64_MAX)
        return;
    now = timer_now();
    if (now >= deadline)
        disk_expire(now);
}

void irq_serve_idle(void)
{
    u64 pending = csr_read(CSR_SIP) & csr_read(CSR_SIE);

    if (pending & IP_STIP)
        timer_fired();
    if (pending & IP_SEIP)
        take_external();
    look_at_disks();
}

static enum verdict serve_external(void)
{
    take_external();
    vmexit_note(TRACE_DID_NOTHING, 0, 0, 0, 0);
    return VERDICT_RESUME;
}

static enum verdict serve_timer(struct vcpu *vcpu)
{
    u64 now = timer_now();
    bool fired = timer_serve(vcpu, now);

    look_at_disks();
    if (sched_slice_is_over(vcpu, now)) {
        vmexit_note(fired ? TRACE_DID_INJECT_TIMER : TRACE_DID_PREEMPT, 0, fired, 0, 0);
        return VERDICT_YIELD;
    }
    timer_program(vcpu);
    vmexit_note(fired ? TRACE_DID_INJECT_TIMER : TRACE_DID_TIMER, 0, 0, 0, 0);
    return VERDICT_RESUME;
}

static enum verdict serve_ipi(struct vcpu *vcpu)
{
    csr_clear(CSR_SIP, IP_SSIP);
    vmexit_note(TRACE_DID_IPI, 0, 0, 0, 0);
    tracing_follow();
    if (sched_must_leave(vcpu))
        return VERDICT_YIELD;
    vcpu_take_pending(vcpu);
    timer_program(vcpu); /* the slice may have got shorter */
    return VERDICT_RESUME;
}

enum verdict irq_serve(struct vcpu *vcpu)
{
    u64 irq = vcpu->vmexit.cause & ~CAUSE_INTERRUPT;

    vcpu->vmexits[0]++;
    if (irq == IRQ_STIMER)
        return serve_timer(vcpu);
    if (irq == IRQ_SEXT)
        return serve_external();
    assert(irq == IRQ_SSOFT);
    return serve_ipi(vcpu);
}
