/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Component irq: who is called for which interrupt.  Interrupts are on from the end of the
 * components' bring-up.  A handler runs with interrupts off, on the hart's trap stack, and must not
 * block or use floating point.
 */
#include "lib/kit/err.h"
#include "lib/kit/types.h"

typedef void irq_fn(void *arg);

/* One more handler of a cause: IRQ_SSOFT or IRQ_SEXT.  All of a cause are called in turn.  While
 * there is one, a payload may wait for it for ever: that is no deadlock. */
struct irq_handler {
    irq_fn *fn;
    void *arg;
    struct irq_handler *next;
};
void irq_add(unsigned cause, struct irq_handler *handler);

/* External interrupts by their number at the PLIC: the FDT's `interrupts`. */
__must_check enum err irq_connect(u32 number, irq_fn *fn, void *arg);
void irq_disconnect(u32 number);

/* Whether an interrupt other than the timer's may come. */
bool irq_expected(void);
