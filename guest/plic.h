/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Component plic: handlers of devices' interrupts.  They run as those of irq.h do, on the hart that
 * the interrupt is routed to.  See plic.c.
 */
#include "lib/kit/err.h"

#include "guest/irq.h"

/* From now on fn is called while the device `number` interrupts, for good; on the hart that the
 * machine began with, until it is routed elsewhere. */
__must_check enum err irq_connect(u32 number, irq_fn *fn, void *arg);
/* From now on it is called on this hart (struct hart's id). */
__must_check enum err irq_route(u32 number, u64 hart);
