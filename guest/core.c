/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Switching tasks, waiting and waking.
 *
 * A core's lock is held from before a task leaves its queue until the next one runs: nobody can
 * pick up a task whose registers are not saved yet.  So who is switched to lets go of a lock that
 * somebody else took.  A task is woken into the queue of the core that it ran on last; idle cores
 * take what they find in the queues of others.
 *
 * Invariant: a task is scheduled (it runs or is in its core's queue), or it is waiting or over. One
 * that waits may still be scheduled: on its way to task_block, or preempted there.  A wake then
 * only changes its state.  That is why none is lost.
 */
#include "guest/core.h"

#include "lib/riscv/csr.h"
#include "lib/riscv/ops.h"

#include "guest/alarm.h"
#include "guest/irq.h"
#include "guest/machine.h"
#include "guest/threads.h"
#include "guest/timer.h"

struct core cores[GUEST_HARTS_MAX];
u64 cores_online, cores_idle;
bool core_preemptive;

__attribute__((weak)) struct task *core_steal(struct core *core)
{
    (void)core;
    return NULL;
}

__attribute__((weak)) void core_stop_others(void)
{
    preempt_disable();
}

__attribute__((weak)) void core_go_others(void)
{
    preempt_enable();
}

__attribute__((weak)) void core_kick(struct core *core)
{
    (void)core;
}

__attribute__((weak)) void core_spread(struct core *core)
{
    (void)core;
}

__attribute__((weak)) void core_tick_start(void) {}

__attribute__((weak)) void thread_resumed(void) {}

/* ---- switching; core->lock is held, interrupts are off ---- */

/* Account for the time of self, which runs there.  True: it must be preempted. */
static inline bool charge(struct core *core, struct task *self)
{
    u64 now = timer_now();
    u64 delta = now - core->charged_at;

    core->charged_at = now;
    return run_queue_tick(&core->queue, &self->runnable, delta);
}

/* The same of whoever runs there. */
bool core_charge(struct core *core)
{
    return core->running != core->idle && charge(core, core->running);
}

static inline struct task *pick(struct core *core)
{
    struct runnable *r = run_queue_pick(&core->queue);
    struct task *next = r ? container_of(r, struct task, runnable) : core->idle;

    core->running = next;
    if (GUEST_HARTS_MAX > 1) {
        next->running = 1;
    }
    return next;
}

/* Save what self has in the floating-point registers, if it changed there.  Who used them leaves
 * them as they are for one who never did.  status: where self's FS is. */
static inline void fp_leave(struct task *self, u64 status)
{
    if (unlikely((s64)status < 0)) { /* SD: FS is dirty, there is no VS or XS */
        fp_store(&self->fp);
        self->fp_used = 1;
    }
    if (unlikely(self->fp_used)) {
        __asm__ volatile("fscsr zero");
        csr_clear(CSR_SSTATUS, SSTATUS_FS_INITIAL); /* dirty -> clean */
    }
}

static inline void fp_return(const struct task *self)
{
    if (unlikely(self->fp_used)) {
        fp_load(&self->fp);
        csr_clear(CSR_SSTATUS, SSTATUS_FS_INITIAL);
    }
}

static void check_stack(const struct task *self)
{
    if (unlikely(*self->stack_low != TASK_CANARY)) {
        task_overflow(self);
    }
}

/* self runs again, on whatever core; before was switched from. */
static void arrive(struct task *self, struct task *before)
{
    if (GUEST_HARTS_MAX > 1) {
        __atomic_store_n(&before->running, 0, __ATOMIC_RELEASE);
    }
    spin_raw_unlock(&core_of(self)->lock);
}

/* Go on with the next one; returns when self is, without the lock.  Inline where switches are to be
 * fast: another call and its saved registers are a tenth of one. */
static inline __attribute__((always_inline)) void leave(struct core *core, struct task *self)
{
    struct task *next = pick(core);

    if (next == self) {
        spin_raw_unlock(&core->lock);
        return;
    }
    check_stack(self);
    self->thread.preempt_due = 0;
    fp_leave(self, csr_read(CSR_SSTATUS));
    arrive(self, context_switch(self, next, &next->thread + 1));
    fp_return(self);
}

/* The first that a new task does. */
void core_begin(struct task *before)
{
    struct task *self = task_self();

    arrive(self, before);
    csr_set(CSR_SSTATUS, SSTATUS_SIE);
    task_exit(self->fn(self->arg));
}

/* A preempted task runs again, on the trap stack; its frame is what goes on. */
void core_resume(struct task *before)
{
    struct task *self = task_self();

    arrive(self, before);
    fp_return(self);
    thread_resumed();
}

void task_yield(void)
{
    struct task *self = task_self();
    u64 irq = irq_save();
    struct core *core = core_of(self);

    spin_raw_lock(&core->lock);
    charge(core, self);
    if (core->queue.queued != 0) {
        run_queue_put(&core->queue, &self->runnable, false);
        leave(core, self);
    } else {
        spin_raw_unlock(&core->lock);
    }
    irq_restore(irq);
}

/* ---- preemption ---- */

/* In a trap handler, so on a stack that is not a task's. */
bool core_in_trap(void)
{
    return csr_read(CSR_SSCRATCH) == 0;
}

/* In a trap, or with interrupts off, it stays due: the end of the next trap sees to it. */
void preempt_now(void)
{
    struct task *self = task_self();
    u64 irq = irq_save();
    struct core *core = core_of(self);

    if (!irq || core_in_trap()) {
        irq_restore(irq);
        return;
    }
    spin_raw_lock(&core->lock);
    charge(core, self);
    self->thread.preempt_due = 0;
    run_queue_put(&core->queue, &self->runnable, true);
    leave(core, self);
    irq_restore(irq);
}

/* From the end of a trap, on the trap stack.  If another one is next, the frame is all that remains
 * of self, and this does not return. */
void core_preempt(struct task *self)
{
    struct trap *frame = &self->thread.frame;
    struct core *core = core_of(self);
    struct task *next;

    self->thread.preempt_due = 0;
    spin_raw_lock(&core->lock);
    charge(core, self);
    run_queue_put(&core->queue, &self->runnable, true);
    next = pick(core);
    if (next == self) {
        spin_raw_unlock(&core->lock);
        return;
    }
    check_stack(self);
    fp_leave(self, frame->status);
    frame->status = (frame->status & ~SSTATUS_FS) | SSTATUS_FS_CLEAN;
    self->context.ra = (u64)context_preempted;
    self->context.s[0] = (u64)frame;
    context_load(self, next, &next->thread + 1);
}

/* ---- waiting ---- */

/* What self is about to wait for, for reports. */
void task_wait_for(const char *what, const void *object, const void *place)
{
    struct task *self = task_self();

    self->waits_for = what;
    self->waits_on = object;
    self->waits_at = (u64)place;
}

/* From here on task_wake keeps self from blocking.  What it waits for is looked at afterwards. */
void task_wait_begin(void)
{
    __atomic_store_n(&task_self()->state, TASK_WAITING, __ATOMIC_RELAXED);
    if (GUEST_HARTS_MAX > 1) {
        __atomic_thread_fence(__ATOMIC_SEQ_CST);
    }
}

/* Not now after all, or not any more. */
void task_wait_end(void)
{
    __atomic_store_n(&task_self()->state, TASK_READY, __ATOMIC_RELAXED);
}

/* Return when task_wake was called after task_wait_begin. */
void task_block(void)
{
    struct task *self = task_self();
    u64 irq = irq_save();
    struct core *core = core_of(self);

    if (unlikely(core_in_trap())) {
        task_misuse("an interrupt handler waits", self->waits_at);
    }
    if (unlikely(self->thread.preempt_off != 0)) {
        task_misuse("a task waits that must not be switched", self->waits_at);
    }
    spin_raw_lock(&core->lock);
    if (self->state == TASK_WAITING) {
        charge(core, self);
        self->scheduled = 0;
        leave(core, self);
    } else {
        spin_raw_unlock(&core->lock);
    }
    irq_restore(irq);
}

/* The last that a task does; interrupts are off. */
void core_end(void)
{
    struct task *self = task_self();
    struct core *core = core_of(self);

    spin_raw_lock(&core->lock);
    self->state = TASK_OVER;
    self->scheduled = 0;
    charge(core, self);
    leave(core, self);
    __builtin_unreachable();
}

/* The lock of the core that the task belongs to, which may change until it is held. */
static struct core *lock_core_of(const struct task *task)
{
    for (;;) {
        struct core *core = core_of(task);

        spin_raw_lock(&core->lock);
        if (GUEST_HARTS_MAX == 1 || core == *(struct core *const volatile *)&task->core) {
            return core;
        }
        spin_raw_unlock(&core->lock);
    }
}

/* Make the task, which is away, run some time; its core is locked. */
static void add(struct core *core, struct task *task)
{
    task->scheduled = 1;
    run_queue_add(&core->queue, &task->runnable);
    if (core_preemptive && core_charge(core)) {
        if (core == core_of(task_self())) {
            task_self()->thread.preempt_due = 1;
        } else {
            core_kick(core);
        }
    }
    if (GUEST_HARTS_MAX > 1) {
        core_spread(core);
    }
}

/* As irq_restore, after something that may have woken somebody. */
void core_irq_restore(u64 irq)
{
    struct thread *self = thread_self();

    irq_restore(irq);
    if (irq && unlikely(self->preempt_due != 0) && self->preempt_off == 0) {
        preempt_now();
    }
}

void core_add(struct task *task)
{
    u64 irq = irq_save();
    struct core *core = lock_core_of(task);

    add(core, task);
    spin_raw_unlock(&core->lock);
    core_irq_restore(irq);
}

/* End the task's wait; nothing, if it does not wait. */
void task_wake(struct task *task)
{
    u64 irq = irq_save();
    struct core *core = lock_core_of(task);

    if (task->state == TASK_WAITING) {
        task->state = TASK_READY;
        if (!task->scheduled) {
            add(core, task);
        }
    }
    spin_raw_unlock(&core->lock);
    core_irq_restore(irq);
}

static bool any_queued(void)
{
    for (unsigned i = 0; i < GUEST_HARTS_MAX; i++) {
        if (*(volatile u32 *)&cores[i].queue.queued != 0) {
            return true;
        }
    }
    return false;
}

static bool all_idle(void)
{
    return __atomic_load_n(&cores_idle, __ATOMIC_SEQ_CST) ==
           __atomic_load_n(&cores_online, __ATOMIC_SEQ_CST);
}

/* Run what there is, here or elsewhere, and return when it is all away. */
static void run_others(struct core *core, struct task *self)
{
    for (;;) {
        struct task *stolen = NULL;

        if (GUEST_HARTS_MAX > 1 && core->queue.queued == 0) {
            stolen = core_steal(core);
        }
        spin_raw_lock(&core->lock);
        if (stolen) {
            run_queue_add(&core->queue, &stolen->runnable);
        }
        if (core->queue.queued == 0) {
            spin_raw_unlock(&core->lock);
            return;
        }
        core->charged_at = timer_now();
        core_tick_start(); /* this hart's alarms may be locked inside its core's lock, too: who
                              rings has interrupts off */
        leave(core, self);
    }
}

/*
 * What a hart does that has nothing to do.
 *
 * The bit says so before the last look at the queues: who queues something later sees it.  While it
 * is set this hart holds nothing that is in no queue, and handles no interrupt; so if all have it
 * set, all queues are empty, and nothing can come, nobody will ever run again.
 */
int core_idle(void *unused)
{
    struct task *self = task_self();
    struct core *core = core_of(self);
    u64 me = 1UL << core_index(core);

    (void)unused;
    for (;;) {
        irq_save();
        run_others(core, self);
        __atomic_or_fetch(&cores_idle, me, __ATOMIC_SEQ_CST);
        if (!any_queued()) {
            if (all_idle() && !alarm_any() && !irq_expected() && !any_queued() && all_idle()) {
                task_deadlock();
            }
            wfi();
        }
        __atomic_and_fetch(&cores_idle, ~me, __ATOMIC_SEQ_CST);
        csr_set(CSR_SSTATUS, SSTATUS_SIE);
    }
}

/* ---- bring-up ---- */

/* The task belongs to this core from now on; it does not run. */
void core_place(struct task *task, struct core *core)
{
    task->core = core;
    task->thread.hart = core->idle->thread.hart;
    task->thread.frame.stack = core->trap_stack;
}

/* It runs the task `running`, and nobody else is there. */
void core_init(struct core *core, struct task *idle, struct task *running, u64 trap_stack)
{
    core->lock = (struct spin){};
    core->idle = idle;
    core->running = running;
    core->trap_stack = trap_stack;
    core->charged_at = timer_now();
    run_queue_init(&core->queue, sched_policy, machine_timebase() / CORE_TICKS_A_SECOND);
    if (running != idle) { /* who runs already goes through the queue as all do */
        run_queue_add(&core->queue, &running->runnable);
        run_queue_pick(&core->queue);
    }
}
