/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Interrupts of the host that end a guest's run.  See irq.c. */
#include "lib/kit/types.h"

struct machine;
struct vcpu;
enum verdict;

/* On hart 0, once: the interrupts of the machine's devices. */
void irq_init(const struct machine *machine);
/* From here on serve(of) is called, on hart 0, when the source interrupts.  False: it cannot. */
typedef void irq_fn(void *of);
bool irq_connect(u32 source, irq_fn *serve, void *of);
enum verdict irq_serve(struct vcpu *vcpu);
/* What a hart without a vCPU has to look at. */
void irq_serve_idle(void);
