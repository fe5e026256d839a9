/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Component irq: who is called for which interrupt.  Interrupts are on from INIT_INTERRUPTS on.  A
 * handler runs with interrupts off, on the hart's trap stack, and must not block or use floating
 * point.
 */
#include "lib/kit/types.h"

typedef void irq_fn(void *arg);

/* One more handler of a cause, for good: IRQ_SSOFT or IRQ_SEXT.  All of a cause are called.  While
 * there is one, a payload may wait for it for ever: that is no deadlock. */
struct irq_handler {
    irq_fn *fn;
    void *arg;
    struct irq_handler *next; /* ours */
};
void irq_add(unsigned cause, struct irq_handler *handler);

/* Whether an interrupt other than the timer's may come. */
bool irq_expected(void);

/* Inside: components smp and plic. */
void irq_hart_init(void);
void irq_hart_up(void); /* weak: this hart may take interrupts soon */
void irq_kicked(void);  /* weak: another hart wants something */
