/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Interrupts by cause.  The timer's is the alarms'; the software interrupt comes from other harts
 * and from the hypervisor, so all who may have been meant look.
 *
 * Invariant: interrupts of a cause are enabled only where there is somebody to call, but for those
 * of devices on further harts: there, none is routed before.
 */
#include "guest/irq.h"

#include "lib/riscv/csr.h"

#include "guest/alarm.h"
#include "guest/init.h"
#include "guest/preempt.h"
#include "guest/trap.h"

static struct irq_handler *software, *external;

__attribute__((weak)) void irq_kicked(void) {}

__attribute__((weak)) void irq_hart_up(void) {}

/* On this hart from now on, and on those that start later. */
void irq_add(unsigned cause, struct irq_handler *handler)
{
    struct irq_handler **list = cause == IRQ_SSOFT ? &software : &external;
    u64 irq = irq_save();

    handler->next = *list;
    __atomic_store_n(list, handler, __ATOMIC_RELEASE);
    csr_set(CSR_SIE, 1UL << cause);
    irq_restore(irq);
}

bool irq_expected(void)
{
    return software || external;
}

/* What this hart, another than the first, listens to: also to devices, which may be routed to it
 * later.  Before, none is. */
void irq_hart_init(void)
{
    alarm_hart_init();
    irq_hart_up();
    csr_set(CSR_SIE, IP_SSIP | IP_SEIP);
}

static void call(const struct irq_handler *handler)
{
    for (; handler; handler = handler->next) {
        handler->fn(handler->arg);
    }
}

bool trap_interrupt(struct trap *t)
{
    switch (t->cause & ~CAUSE_INTERRUPT) {
    case IRQ_STIMER: alarm_interrupt(); return true;
    case IRQ_SSOFT:
        csr_clear(CSR_SIP, IP_SSIP);
        irq_kicked();
        call(software);
        return true;
    case IRQ_SEXT: call(external); return external != NULL;
    default: return false;
    }
}

static GUEST_INIT(INIT_INTERRUPTS) void turn_on(void)
{
    csr_set(CSR_SSTATUS, SSTATUS_SIE);
}
