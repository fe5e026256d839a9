/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Sections in which the thread is not switched for another one: it stays on its hart, and alone
 * there but for interrupt handlers.  They nest, and must not block.  Without the component preempt
 * nobody is ever preempted, and these only count.
 *
 * What comes due meanwhile happens when the count goes from 1 to 0.
 */
#include "lib/riscv/csr.h"

#include "guest/thread.h"

/* The component task's: switch, if it is still due.  Interrupts may be on or off. */
void preempt_now(void);

static inline void preempt_disable(void)
{
    thread_self()->preempt_off++;
    __asm__ volatile("" ::: "memory");
}

static inline void preempt_enable(void)
{
    struct thread *self = thread_self();

    __asm__ volatile("" ::: "memory");
    if (--self->preempt_off == 0 && unlikely(self->preempt_due != 0)) {
        preempt_now();
    }
}

/* Interrupts of this hart off; returns what irq_restore takes.  They nest. */
static inline u64 irq_save(void)
{
    u64 before;

    __asm__ volatile("csrrci %0, " CSR_STR(CSR_SSTATUS) ", %1"
                     : "=r"(before)
                     : "i"(SSTATUS_SIE)
                     : "memory");
    return before & SSTATUS_SIE;
}

static inline void irq_restore(u64 before)
{
    csr_set(CSR_SSTATUS, before);
}
