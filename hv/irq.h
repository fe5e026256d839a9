/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Interrupts of the host that end a guest's run.  See irq.c. */
struct vcpu;
enum verdict;

enum verdict irq_serve(struct vcpu *vcpu);
