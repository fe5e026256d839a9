/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scheduler's work on a VM as a whole: a vCPU stops its siblings; others halt, continue and
 * doom the VM.
 *
 * Each of them first says in the VM who may run, and then looks at its vCPUs one by one, each under
 * the lock of its hart; sched.c says why none is missed.  PARKED ones are made runnable likewise:
 * who is PARKED after the look has seen the later word.
 *
 * Of a doomed VM one vCPU is RUNNING, is RUNNABLE, or waits for the VM's disks to end it: it does
 * not stop, it does not block otherwise, and the stopper is that one if there is a stopper.  Who of
 * it is put into RUNNING has VERDICT_END held, so it never enters the guest.
 */
#include "lib/kit/spinlock.h"

#include "hv/hart.h"
#include "hv/sched.h"
#include "hv/sched_parts.h"
#include "hv/vcpu.h"
#include "hv/vm.h"

static void kick_if_it_runs(const struct vcpu *vcpu)
{
    struct hart *hart = sched_lock(vcpu);
    bool runs = vcpu->state == VCPU_RUNNING;

    spin_unlock(&hart->queue_lock);
    if (runs)
        sched_kick_off(hart);
}

static void unpark(struct vcpu *vcpu)
{
    struct hart *hart = sched_lock(vcpu);

    if (vcpu->state == VCPU_PARKED)
        sched_join_and_unlock(hart, vcpu, false);
    else
        spin_unlock(&hart->queue_lock);
}

static void unpark_all(struct vm *vm)
{
    for (u32 i = 0; i < vm->vcpus; i++)
        unpark(vm->vcpu[i]);
}

bool sched_stop_others(struct vm *vm, struct vcpu *self)
{
    struct vcpu *stopper = NULL;

    if (vm->vcpus == 1)
        return true;
    if (!__atomic_compare_exchange_n(&vm->stopper, &stopper, self, false, __ATOMIC_SEQ_CST,
                                     __ATOMIC_SEQ_CST) &&
        stopper != self)
        return false;
    for (u32 i = 0; i < vm->vcpus; i++) {
        if (vm->vcpu[i] != self)
            kick_if_it_runs(vm->vcpu[i]);
    }
    for (u32 i = 0; i < vm->vcpus; i++) {
        struct vcpu *vcpu = vm->vcpu[i];

        while (vcpu != self && __atomic_load_n(&vcpu->state, __ATOMIC_ACQUIRE) == VCPU_RUNNING)
            hart_relax();
    }
    return true;
}

void sched_resume_others(struct vm *vm)
{
    if (vm->vcpus == 1)
        return;
    __atomic_store_n(&vm->stopper, NULL, __ATOMIC_SEQ_CST);
    unpark_all(vm);
}

void sched_forget_others(struct vm *vm, const struct vcpu *self)
{
    for (u32 i = 0; i < vm->vcpus; i++) {
        struct vcpu *vcpu = vm->vcpu[i];
        struct hart *hart;

        if (vcpu == self)
            continue;
        hart = sched_lock(vcpu);
        sched_leave_lists(hart, vcpu);
        spin_unlock(&hart->queue_lock);
    }
    __atomic_store_n(&vm->stopper, NULL, __ATOMIC_SEQ_CST);
}

/*
 * sched_halt - keep all vCPUs of the VM off the harts.
 *
 * The caller sees to it that the VM keeps its vCPUs, and that nobody else does the same to it
 * meanwhile; so for all three.  One that forks, or ends the VM, gets there first: it leaves its
 * hart when it would enter the guest again.
 */
void sched_halt(struct vm *vm)
{
    __atomic_store_n(&vm->halted, true, __ATOMIC_SEQ_CST);
    for (u32 i = 0; i < vm->vcpus; i++)
        kick_if_it_runs(vm->vcpu[i]);
}

void sched_unhalt(struct vm *vm)
{
    __atomic_store_n(&vm->halted, false, __ATOMIC_SEQ_CST);
    unpark_all(vm);
}

/* Wakes, unparks or kicks the vCPU, whichever it needs to get to the end; false if it is stopped.
 */
static bool rouse(struct vcpu *vcpu)
{
    struct hart *hart = sched_lock(vcpu);
    enum vcpu_state state = vcpu->state;

    if (state == VCPU_PARKED)
        sched_join_and_unlock(hart, vcpu, true);
    else if (state == VCPU_BLOCKED && sched_must_end(vcpu))
        sched_wake_and_unlock(hart, vcpu);
    else
        spin_unlock(&hart->queue_lock);
    if (state == VCPU_RUNNING)
        sched_kick_off(hart);
    return state != VCPU_STOPPED;
}

/*
 * sched_doom - the VM ends as `status` says, unless it ends otherwise before.
 *
 * If all its vCPUs are stopped nobody else can start one, so the first is started for the purpose.
 * A VM whose first vCPU is not started yet must not be doomed: who makes it known starts it under
 * the same lock of the caller's.
 */
void sched_doom(struct vm *vm, u32 status)
{
    bool is_coming = false;

    if (vm->doomed)
        return;
    vm->doom_status = status;
    __atomic_store_n(&vm->doomed, true, __ATOMIC_SEQ_CST);
    for (u32 i = 0; i < vm->vcpus; i++)
        is_coming |= rouse(vm->vcpu[i]);
    if (!is_coming)
        sched_start(vm->vcpu[0]);
}
