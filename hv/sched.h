/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Which vCPU runs on which hart, fairly by run time.  See sched.c and sched_vm.c. */
#include "lib/riscv/ops.h"

struct hart;
struct vcpu;
struct vm;

#define SLICE_NS       3000000UL   /* how long a vCPU runs while others wait */
#define SLICE_WOKEN_NS 1000000UL   /* ... if one has just woken */
#define SLICE_ALONE_NS 100000000UL /* ... if nobody waits, and there is no other hart */

/* The hart gets an empty queue; before it starts. */
void sched_init_hart(struct hart *hart);

/* The vCPU joins a run queue.  It was stopped. */
void sched_start(struct vcpu *vcpu);
/* The next vCPU for this hart, now VCPU_RUNNING; waits for one. */
struct vcpu *sched_next(void);

/* The vCPU that this hart has put: back into the queue ... */
void sched_requeue(struct vcpu *vcpu);
/* ... or asleep until sched_wake() or the time `deadline`, unless a wake-up came already ... */
void sched_block(struct vcpu *vcpu, u64 deadline);
/* ... or stopped until sched_start(). */
void sched_stop(struct vcpu *vcpu);

/* Ends a block, or prevents the next one; a vCPU that runs elsewhere soon looks at its pend. */
void sched_wake(struct vcpu *vcpu);

/* vCPUs asleep on this hart whose deadline has come join the queue. */
void sched_expire(u64 now);
/* The soonest deadline of those asleep here, or UINT64_MAX. */
u64 sched_next_deadline(void);
/* True if another vCPU waits for this hart. */
bool sched_contended(void);
/* True if the one that runs here is to leave by VERDICT_YIELD; else its slice goes on. */
bool sched_slice_is_over(struct vcpu *vcpu, u64 now);
/* True if another vCPU of its VM is stopping it, or the VM is halted or doomed: the caller leaves
 * its hart by VERDICT_YIELD. */
bool sched_must_leave(const struct vcpu *vcpu);

/* ---- sched_vm.c ---- */

/*
 * Gets every vCPU of the VM but `self` off its hart, and keeps it off until sched_resume_others().
 * False: another vCPU is doing the same; the caller leaves its hart by VERDICT_YIELD and tries
 * again.  Who has stopped them may leave its hart, and come back and ask again.
 */
__must_check bool sched_stop_others(struct vm *vm, struct vcpu *self);
void sched_resume_others(struct vm *vm);
/* The others, which sched_stop_others() has stopped, are STOPPED and in no list: the VM ends. */
void sched_forget_others(struct vm *vm, const struct vcpu *self);

/*
 * From outside, for kill, stop and continue; they return at once, whatever the vCPUs are doing.
 *
 * halt: every vCPU of the VM leaves its hart soon and is kept off, runnable or not, until unhalt.
 * A halted one may be woken meanwhile: it runs when unhalted.
 * doom: the VM ends as `status` says: one of its vCPUs, woken, unhalted and unparked as need be,
 * comes to proc_end(), on whichever hart.  The first doom counts.
 */
void sched_halt(struct vm *vm);
void sched_unhalt(struct vm *vm);
void sched_doom(struct vm *vm, u32 status);
