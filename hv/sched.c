/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scheduler: one queue of runnable vCPUs for all harts, served in turn.
 *
 *                 sched_start                     sched_next
 *     STOPPED ─────────────────▶ RUNNABLE ─────────────────────▶ RUNNING
 *        ▲                        ▲  │ ▲                        │  │  │
 *        │                   wake │  │ └────── sched_requeue ───┘  │  │
 *        │                     BLOCKED ◀──────── sched_block ──────┘  │
 *        └──────────────────────────────────────── sched_stop ────────┘
 *
 * PARKED is a RUNNABLE vCPU whose VM another of its vCPUs is stopping, or that is halted: it is in
 * no queue.
 *
 * Invariants, under the lock: a vCPU is in the queue exactly if it is RUNNABLE, and among the
 * sleepers of the hart on which it blocked exactly if it is BLOCKED; no vCPU but vm->stopper of a
 * VM that has one is put into RUNNING, and none of a halted VM.  `woken` makes a wake-up that comes
 * before the block count.
 *
 * Of a doomed VM one vCPU is RUNNING, is RUNNABLE, or waits for the VM's disks to end it: it does
 * not stop, it does not block otherwise, and the stopper is that one if there is a stopper.  Who of
 * it is put into RUNNING has VERDICT_END held, so it never enters the guest.
 *
 * It keeps no accounts and knows no priorities: a slice each.
 */
#include "hv/sched.h"

#include "lib/kit/list.h"
#include "lib/kit/spinlock.h"
#include "lib/riscv/csr.h"

#include "hv/firmware.h"
#include "hv/hart.h"
#include "hv/irq.h"
#include "hv/panic.h"
#include "hv/timer.h"
#include "hv/tracing.h"
#include "hv/vcpu.h"
#include "hv/vm.h"

static struct {
    struct spinlock lock;
    struct list runnable;
} queue;

static struct vcpu *vcpu_of(struct list *node)
{
    return container_of(node, struct vcpu, queue);
}

void sched_init(void)
{
    list_init(&queue.runnable);
}

static void kick(const struct hart *hart)
{
    if (hart != this_hart())
        firmware_send_ipi(hart->id);
}

/* As kick(), but for the vCPU that the caller serves, too: it does not enter its guest again. */
static void kick_off(const struct hart *hart)
{
    if (hart == this_hart())
        csr_set(CSR_SIP, IP_SSIP);
    else
        firmware_send_ipi(hart->id);
}

/* queue.lock is held. */
static void kick_one_idle(void)
{
    for (u32 i = 0; i < hart_count(); i++) {
        struct hart *hart = hart_at(i);

        if (hart->idle) {
            hart->idle = false;
            kick(hart);
            return;
        }
    }
}

/* queue.lock is held. */
static bool may_run(const struct vcpu *vcpu)
{
    const struct vm *vm = vcpu->vm;

    return (vm->stopper == NULL || vm->stopper == vcpu) && (!vm->halted || vm->doomed);
}

/* queue.lock is held; the vCPU is in no list. */
static void make_runnable(struct vcpu *vcpu)
{
    if (!may_run(vcpu)) {
        vcpu->state = VCPU_PARKED;
        return;
    }
    vcpu->state = VCPU_RUNNABLE;
    list_add_tail(&queue.runnable, &vcpu->queue);
    kick_one_idle();
}

void sched_start(struct vcpu *vcpu)
{
    spin_lock(&queue.lock);
    assert(vcpu->state == VCPU_STOPPED);
    make_runnable(vcpu);
    spin_unlock(&queue.lock);
}

void sched_requeue(struct vcpu *vcpu)
{
    spin_lock(&queue.lock);
    make_runnable(vcpu);
    spin_unlock(&queue.lock);
}

void sched_stop(struct vcpu *vcpu)
{
    spin_lock(&queue.lock);
    if (vcpu->vm->doomed)
        make_runnable(vcpu);
    else
        vcpu->state = VCPU_STOPPED;
    spin_unlock(&queue.lock);
}

/* queue.lock is held.  Its VM is doomed, and nothing but the disks is left to wait for. */
static bool must_end(const struct vcpu *vcpu)
{
    return vcpu->vm->doomed && vcpu->held != VERDICT_END;
}

void sched_block(struct vcpu *vcpu, u64 deadline)
{
    struct hart *hart = this_hart();
    struct list *at;

    spin_lock(&queue.lock);
    if (vcpu->woken || must_end(vcpu)) {
        vcpu->woken = false;
        make_runnable(vcpu);
    } else {
        vcpu->state = VCPU_BLOCKED;
        vcpu->deadline = deadline;
        list_for_each(at, &hart->sleepers) {
            if (vcpu_of(at)->deadline > deadline)
                break;
        }
        list_add_tail(at, &vcpu->queue);
    }
    spin_unlock(&queue.lock);
}

/* queue.lock is held. */
static void wake_locked(struct vcpu *vcpu)
{
    list_del(&vcpu->queue);
    make_runnable(vcpu);
}

void sched_wake(struct vcpu *vcpu)
{
    spin_lock(&queue.lock);
    if (vcpu->state == VCPU_BLOCKED) {
        wake_locked(vcpu);
    } else {
        vcpu->woken = true;
        if (vcpu->state == VCPU_RUNNING)
            kick(hart_at(vcpu->hart));
    }
    spin_unlock(&queue.lock);
}

/* Only this hart adds to its sleepers, so without the lock "none" is true, and "some" may be late.
 */
static bool none_sleeps(const struct hart *hart)
{
    return __atomic_load_n(&hart->sleepers.next, __ATOMIC_RELAXED) == &hart->sleepers;
}

void sched_expire(u64 now)
{
    struct hart *hart = this_hart();

    if (none_sleeps(hart))
        return;
    spin_lock(&queue.lock);
    while (!list_empty(&hart->sleepers) && vcpu_of(hart->sleepers.next)->deadline <= now)
        wake_locked(vcpu_of(hart->sleepers.next));
    spin_unlock(&queue.lock);
}

/* Another hart may take sleepers away, which makes the answer early at worst. */
u64 sched_next_deadline(void)
{
    struct hart *hart = this_hart();
    u64 deadline = UINT64_MAX;

    if (none_sleeps(hart))
        return deadline;
    spin_lock(&queue.lock);
    if (!list_empty(&hart->sleepers))
        deadline = vcpu_of(hart->sleepers.next)->deadline;
    spin_unlock(&queue.lock);
    return deadline;
}

bool sched_contended(void)
{
    return !list_empty(&queue.runnable);
}

bool sched_must_leave(const struct vcpu *vcpu)
{
    const struct vm *vm = vcpu->vm;
    struct vcpu *stopper = __atomic_load_n(&vm->stopper, __ATOMIC_RELAXED);

    return (stopper != NULL && stopper != vcpu) || __atomic_load_n(&vm->halted, __ATOMIC_RELAXED) ||
           __atomic_load_n(&vm->doomed, __ATOMIC_RELAXED);
}

/* queue.lock is held; the vCPU is in no list. */
static void run_here(struct vcpu *vcpu)
{
    vcpu->state = VCPU_RUNNING;
    vcpu->hart = this_hart()->index;
    if (unlikely(must_end(vcpu))) {
        vcpu->end.status = vcpu->vm->doom_status;
        vcpu->end.reason = PROC_STATUS_IS_EXIT(vcpu->end.status) ? END_EXIT : END_SIGNAL;
        vcpu->held = VERDICT_END;
    }
}

/* Takes the first vCPU of the queue that may run; NULL if there is none. */
static struct vcpu *take(void)
{
    struct vcpu *found = NULL;

    spin_lock(&queue.lock);
    while (found == NULL && !list_empty(&queue.runnable)) {
        struct vcpu *vcpu = vcpu_of(queue.runnable.next);

        list_del(&vcpu->queue);
        if (may_run(vcpu)) {
            run_here(vcpu);
            found = vcpu;
        } else {
            vcpu->state = VCPU_PARKED;
        }
    }
    this_hart()->idle = found == NULL;
    spin_unlock(&queue.lock);
    return found;
}

/*
 * sched_next - the vCPU to load, sooner or later.
 *
 * wfi falls through if an enabled interrupt pends, even while they are masked; so what happens
 * between the look at the queue and wfi is not missed.
 */
struct vcpu *sched_next(void)
{
    for (;;) {
        struct vcpu *vcpu = take();

        if (vcpu != NULL) {
            tracing_busy();
            return vcpu;
        }
        tracing_idle();
        timer_program(NULL);
        wfi();
        csr_clear(CSR_SIP, IP_SSIP);
        irq_serve_idle();
        sched_expire(timer_now());
    }
}

/* queue.lock is held. */
static void kick_all(const struct vm *vm, const struct vcpu *but)
{
    for (u32 i = 0; i < vm->vcpus; i++) {
        if (vm->vcpu[i] != but && vm->vcpu[i]->state == VCPU_RUNNING)
            kick_off(hart_at(vm->vcpu[i]->hart));
    }
}

/* queue.lock is held. */
static void unpark_all(struct vm *vm)
{
    for (u32 i = 0; i < vm->vcpus; i++) {
        if (vm->vcpu[i]->state == VCPU_PARKED)
            make_runnable(vm->vcpu[i]);
    }
}

bool sched_stop_others(struct vm *vm, struct vcpu *self)
{
    bool is_first;

    if (vm->vcpus == 1)
        return true;
    spin_lock(&queue.lock);
    is_first = vm->stopper == NULL || vm->stopper == self;
    if (is_first) {
        vm->stopper = self;
        kick_all(vm, self);
    }
    spin_unlock(&queue.lock);
    if (!is_first)
        return false;
    for (u32 i = 0; i < vm->vcpus; i++) {
        struct vcpu *vcpu = vm->vcpu[i];

        while (vcpu != self && __atomic_load_n(&vcpu->state, __ATOMIC_ACQUIRE) == VCPU_RUNNING)
            ;
    }
    return true;
}

void sched_resume_others(struct vm *vm)
{
    if (vm->vcpus == 1)
        return;
    spin_lock(&queue.lock);
    vm->stopper = NULL;
    unpark_all(vm);
    spin_unlock(&queue.lock);
}

void sched_forget_others(struct vm *vm, const struct vcpu *self)
{
    spin_lock(&queue.lock);
    for (u32 i = 0; i < vm->vcpus; i++) {
        struct vcpu *vcpu = vm->vcpu[i];

        if (vcpu != self) {
            list_del(&vcpu->queue);
            vcpu->state = VCPU_STOPPED;
        }
    }
    vm->stopper = NULL;
    spin_unlock(&queue.lock);
}

/*
 * sched_halt - keep all vCPUs of the VM off the harts.
 *
 * The caller sees to it that the VM keeps its vCPUs; so for all three.  One that forks, or ends the
 * VM, gets there first: it leaves its hart when it would enter the guest again.
 */
void sched_halt(struct vm *vm)
{
    spin_lock(&queue.lock);
    vm->halted = true;
    kick_all(vm, NULL);
    spin_unlock(&queue.lock);
}

void sched_unhalt(struct vm *vm)
{
    spin_lock(&queue.lock);
    vm->halted = false;
    unpark_all(vm);
    spin_unlock(&queue.lock);
}

/* How soon a vCPU in each state gets to the end of its VM. */
static const u8 distance[] = {
    [VCPU_RUNNING] = 0, [VCPU_RUNNABLE] = 1, [VCPU_BLOCKED] = 2,
    [VCPU_PARKED] = 2,  [VCPU_STOPPED] = 3,
};

/* queue.lock is held.  Who has stopped the others is the only one that may run. */
static struct vcpu *nearest_to_end(const struct vm *vm)
{
    struct vcpu *nearest = vm->vcpu[0];

    if (vm->stopper != NULL)
        return vm->stopper;
    for (u32 i = 1; i < vm->vcpus; i++) {
        if (distance[vm->vcpu[i]->state] < distance[nearest->state])
            nearest = vm->vcpu[i];
    }
    return nearest;
}

/*
 * sched_doom - the VM ends as `status` says, unless it ends otherwise before.
 *
 * A first vCPU that is not started yet must not be so later: it is started and made known to those
 * who might doom it under the same lock of the caller's.
 */
void sched_doom(struct vm *vm, u32 status)
{
    struct vcpu *vcpu;

    spin_lock(&queue.lock);
    if (!vm->doomed) {
        vm->doomed = true;
        vm->doom_status = status;
        vcpu = nearest_to_end(vm);
        switch (vcpu->state) {
        case VCPU_RUNNING: kick_off(hart_at(vcpu->hart)); break;
        case VCPU_RUNNABLE: break;
        case VCPU_BLOCKED:
            if (must_end(vcpu))
                wake_locked(vcpu);
            break;
        case VCPU_PARKED:
        case VCPU_STOPPED: make_runnable(vcpu); break;
        }
    }
    spin_unlock(&queue.lock);
}
