/* SPDX-License-Identifier: BSD-2-Clause */
/* Part of the component task: tasks as threads from the outside. */
#include "guest/core.h"
#include "guest/threads.h"

void thread_poke(struct thread *thread)
{
    struct task *task = container_of(thread, struct task, thread);

    if (task->state == TASK_WAITING) {
        task_wake(task);
    } else if (GUEST_HARTS_MAX > 1 && task->running && core_of(task) != core_of(task_self())) {
        core_kick(core_of(task));
    }
}

bool thread_poke_first(bool (*fits)(const struct thread *thread, u64 arg), u64 arg)
{
    struct task *self = task_self(), *found = NULL;
    struct list *it;
    u64 irq;

    if (thread_is() != THREAD_IDLES && fits(&self->thread, arg)) {
        return true;
    }
    irq = spin_lock_irq(&tasks_lock);
    list_for_each(it, &tasks) {
        struct task *task = container_of(it, struct task, link);

        if (!found && !task->over && fits(&task->thread, arg)) {
            found = task;
        }
    }
    if (found) {
        thread_poke(&found->thread);
    }
    spin_raw_unlock(&tasks_lock);
    core_irq_restore(irq);
    return found != NULL;
}

enum thread_is thread_is(void)
{
    struct task *self = task_self();

    return core_of(self)->idle == self   ? THREAD_IDLES
           : self->state == TASK_WAITING ? THREAD_WAITS
                                         : THREAD_RUNS;
}

u64 thread_stack_low(void)
{
    return (u64)task_self()->stack_low;
}
