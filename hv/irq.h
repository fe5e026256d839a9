/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Interrupts of the host that end a guest's run.  See irq.c. */
struct machine;
struct vcpu;
enum verdict;

/* On hart 0, once: the interrupts of the machine's devices. */
void irq_init(const struct machine *machine);
enum verdict irq_serve(struct vcpu *vcpu);
/* What a hart without a vCPU has to look at. */
void irq_serve_idle(void);
