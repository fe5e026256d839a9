/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Component preempt: a tick on each hart that has something to do, and the switch at the end of a
 * trap.  Whether a task has run for long enough is the policy's to say, at each tick and when
 * another one becomes ready.
 *
 * Invariant: a task is switched for another one only where interrupts are on and its count is 0.
 */
#include "lib/riscv/csr.h"

#include "guest/alarm.h"
#include "guest/core.h"
#include "guest/init.h"
#include "guest/machine.h"
#include "guest/timer.h"

static u64 period;

void core_tick_start(void)
{
    alarm_tick_at(timer_now() + period);
}

/* A hart without anything to do needs no ticks. */
u64 alarm_tick(u64 now)
{
    struct task *self = task_self();
    struct core *core = core_of(self);

    if (core->idle == self) {
        return ALARM_NEVER;
    }
    spin_raw_lock(&core->lock);
    if (core_charge(core)) {
        self->thread.preempt_due = 1;
    }
    spin_raw_unlock(&core->lock);
    return now + period;
}

void trap_leave(struct trap *t)
{
    struct thread *self = thread_self();

    if (unlikely(self->preempt_due != 0) && self->preempt_off == 0 && t == &self->frame &&
        (t->status & SSTATUS_SPIE)) {
        core_preempt(task_self());
    }
}

static GUEST_INIT(INIT_SMP) void bring_up(void)
{
    period = machine_timebase() / CORE_TICKS_A_SECOND;
    core_preemptive = true;
    core_tick_start();
}
