/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Between sched.c and sched_vm.c: one vCPU under the lock of its hart. */
#include "lib/kit/types.h"

struct hart;
struct vcpu;

/* Locks the hart to which the vCPU belongs, and says which it is. */
struct hart *sched_lock(const struct vcpu *vcpu);

/* The lock is held; the first two let it go. */
/* The vCPU is in no list: it becomes RUNNABLE, or PARKED. */
void sched_join_and_unlock(struct hart *hart, struct vcpu *vcpu, bool is_woken);
/* It is BLOCKED. */
void sched_wake_and_unlock(struct hart *hart, struct vcpu *vcpu);
/* It does not run: it becomes STOPPED. */
void sched_leave_lists(struct hart *hart, struct vcpu *vcpu);
/* Its VM is doomed, and it does not just wait for the disks to end it. */
bool sched_must_end(const struct vcpu *vcpu);

/* No lock is held: whatever runs on the hart leaves its guest soon, also on this one. */
void sched_kick_off(const struct hart *hart);
