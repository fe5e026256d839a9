/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Which vCPU runs on which hart, round robin.  See sched.c. */
#include "lib/riscv/ops.h"

struct hart;
struct vcpu;
struct vm;

#define SLICE_NS 10000000UL /* how long a vCPU runs while others wait */

/* The vCPU joins the run queue.  It was stopped. */
void sched_start(struct vcpu *vcpu);
/* The next vCPU for this hart, now VCPU_RUNNING; waits for one. */
struct vcpu *sched_next(void);
/* The vCPU that this hart has put: back into the queue ... */
void sched_requeue(struct vcpu *vcpu);
/* ... or asleep until sched_wake() or `deadline`, unless a wake-up came already ... */
void sched_block(struct vcpu *vcpu, u64 deadline);
/* ... or stopped until sched_start(). */
void sched_stop(struct vcpu *vcpu);
/* Ends a block, or prevents the next one. */
void sched_wake(struct vcpu *vcpu);
/* If another hart runs it, that hart soon looks at vcpu->pend. */
void sched_kick(struct vcpu *vcpu);
/* vCPUs asleep on this hart whose deadline has come join the queue. */
void sched_expire(u64 now);
/* The soonest deadline of those asleep here, or UINT64_MAX. */
u64 sched_next_deadline(void);
/* True if another vCPU waits for a hart. */
bool sched_contended(void);
