/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Tasks as they come and go.
 *
 *     block: | guard page | stack, grows down ...       | struct task | thread-local variables |
 *                         ^ canary
 *
 * Where there is no component paging, the guard page is room in which an overflow is found, by the
 * canary at the next switch, before it does harm.
 *
 * Invariant: a task is in the list from task_spawn until somebody joined it, or it was detached and
 * has ended.  Its memory goes when no hart is on its stack any more.
 */
#include <string.h>

#include "lib/riscv/csr.h"
#include "lib/riscv/ops.h"

#include "guest/alarm.h"
#include "guest/core.h"
#include "guest/guest.h"
#include "guest/init.h"
#include "guest/pages.h"
#include "guest/paging.h"
#include "guest/panic.h"
#include "guest/sync.h"
#include "guest/timer.h"

#define IDLE_STACK_BYTES 8192

struct spin tasks_lock;
struct list tasks;

static struct list ended = {&ended, &ended}; /* detached, and over; guarded by tasks_lock */
static u32 living;                           /* guarded by tasks_lock */
static int main_code;

/* main's, but for its thread: right below that (guest.ld). */
static char main_task[offsetof(struct task, thread)]
    __attribute__((section(".boot_thread"), used, aligned(16)));

_Static_assert(offsetof(struct task, context) == 0, "switch.S");
_Static_assert(sizeof(main_task) % 16 == 0, "guest.ld");
_Static_assert(offsetof(struct task, thread) + sizeof(struct thread) == sizeof(struct task),
               "thread.h");

__attribute__((weak)) void paging_guard(void *page)
{
    (void)page;
}

__attribute__((weak)) void paging_unguard(void *page)
{
    (void)page;
}

__attribute__((weak)) void task_leaving(void) {}

static void set_up(struct task *task, const char *name, void *block, u64 *stack_low)
{
    memset(task, 0, offsetof(struct task, thread));
    runnable_init(&task->runnable);
    list_init(&task->link);
    strncpy(task->name, name, TASK_NAME_BYTES - 1);
    task->block = block;
    task->stack_low = stack_low;
    *stack_low = TASK_CANARY;
}

/* A task that does nothing yet and is in no list; NULL: no memory.  stack_bytes: at least. */
struct task *task_make(const char *name, size_t stack_bytes)
{
    u64 own = align_up(sizeof(struct task) + (u64)_tls_bytes, 16);
    u64 bytes = PAGE_BYTES + align_up(stack_bytes + own, PAGE_BYTES);
    char *block = stack_bytes < bytes ? pages_alloc(bytes / PAGE_BYTES, 1) : NULL;
    struct task *task;

    if (!block) {
        return NULL;
    }
    paging_guard(block);
    task = (struct task *)(block + bytes - own);
    set_up(task, name, block, (u64 *)(block + PAGE_BYTES));
    thread_init(&task->thread);
    return task;
}

/* Its memory, which nobody uses. */
void task_free(struct task *task)
{
    void *block = task->block;

    if (block) {
        paging_unguard(block);
        pages_free(block);
    }
}

/* It will begin with fn(arg), on this core or another one, once core_add is called. */
void task_ready(struct task *task, int (*fn)(void *arg), void *arg, struct core *core)
{
    task->fn = fn;
    task->arg = arg;
    task->context.ra = (u64)core_begin;
    task->context.sp = (u64)task;
    core_place(task, core);
}

/* Give the memory of detached tasks back that no hart is on any more. */
static void reap(void)
{
    struct list *it, *after;
    u64 irq = spin_lock_irq(&tasks_lock);

    list_for_each_safe(it, after, &ended) {
        struct task *task = container_of(it, struct task, link);

        if (GUEST_HARTS_MAX == 1 || !__atomic_load_n(&task->running, __ATOMIC_ACQUIRE)) {
            list_del(&task->link);
            task_free(task);
        }
    }
    spin_unlock_irq(&tasks_lock, irq);
}

/*
 * task_spawn - a task that runs fn(arg), and ends with its result.
 *
 * It is joined or detached some time, or its memory stays.  NULL: no memory, or a nice value that
 * the policy refuses; nothing changed.
 */
struct task *task_spawn(int (*fn)(void *arg), void *arg, const struct task_options *options)
{
    static const struct task_options none;
    const struct task_options *o = options ? options : &none;
    struct task *task;
    u64 irq;

    reap();
    task =
        task_make(o->name ? o->name : "task", o->stack_bytes ? o->stack_bytes : TASK_STACK_BYTES);
    if (!task) {
        return NULL;
    }
    if (o->nice != 0 &&
        run_queue_set_priority(&core_of(task_self())->queue, &task->runnable, o->nice) != ERR_OK) {
        task_free(task);
        return NULL;
    }
    irq = spin_lock_irq(&tasks_lock);
    list_add_tail(&tasks, &task->link);
    living++;
    task_ready(task, fn, arg, core_of(task_self()));
    spin_unlock_irq(&tasks_lock, irq);
    core_add(task);
    return task;
}

/* End this task; the payload, if it was the last one.  Interrupts go off for good: who joins it
 * gets to run after it is off its stack. */
void task_exit(int code)
{
    struct task *self = task_self();
    bool last;

    task_leaving();
    irq_save();
    spin_raw_lock(&tasks_lock);
    last = --living == 0;
    self->code = code;
    __atomic_store_n(&self->over, true, __ATOMIC_RELEASE);
    if (!self->block) {
        main_code = code;
    }
    if (self->detached) {
        list_del(&self->link);
        list_add_tail(&ended, &self->link);
    }
    spin_raw_unlock(&tasks_lock);
    if (last) {
        guest_exit(main_code);
    }
    wake_all(&self->ended);
    core_end();
}

static bool is_there(const struct task *task)
{
    struct list *it;

    list_for_each(it, &tasks) {
        if (it == &task->link) {
            return true;
        }
    }
    return false;
}

/* Make it the caller's to wait for or to leave alone.  *over: it had ended by then, so it does not
 * know.  ERR_NOENT: there is no such task (any more); ERR_STATE: it is somebody else's already. */
static enum err claim(struct task *task, bool *flag, bool *over)
{
    enum err err = ERR_OK;
    u64 irq = spin_lock_irq(&tasks_lock);

    if (!is_there(task)) {
        err = ERR_NOENT;
    } else if (task->joined || task->detached) {
        err = ERR_STATE;
    } else {
        *flag = true;
        *over = task->over;
    }
    spin_unlock_irq(&tasks_lock, irq);
    return err;
}

/* A task that is over, out of the list; no hart is on its stack in a moment. */
static void bury(struct task *task)
{
    u64 irq;

    while (GUEST_HARTS_MAX > 1 && __atomic_load_n(&task->running, __ATOMIC_ACQUIRE)) {
    }
    irq = spin_lock_irq(&tasks_lock);
    list_del(&task->link);
    spin_unlock_irq(&tasks_lock, irq);
    task_free(task);
}

/*
 * task_join - wait until the task has ended; it is no more then.
 *
 * code may be NULL.  ERR_INVAL: it is the caller; ERR_NOENT: no such task, it was joined before;
 * ERR_STATE: it is detached, or another one waits for it.
 */
enum err task_join(struct task *task, int *code)
{
    bool over;
    enum err err = task == task_self() ? ERR_INVAL : claim(task, &task->joined, &over);

    if (err) {
        return err;
    }
    wait_until_as(&task->ended, __atomic_load_n(&task->over, __ATOMIC_ACQUIRE), ALARM_NEVER,
                  "the end of", task->name, __builtin_return_address(0));
    if (code) {
        *code = task->code;
    }
    bury(task);
    return ERR_OK;
}

/* Nobody will join it: its memory goes some time after it has ended.  Errors as of task_join. */
enum err task_detach(struct task *task)
{
    bool over = false;
    enum err err = claim(task, &task->detached, &over);

    if (err == ERR_OK && over) {
        bury(task);
    }
    return err;
}

/* ERR_INVAL: not NICE_MIN to NICE_MAX; ERR_NOSUPP: the policy knows none. */
enum err task_set_nice(struct task *task, int nice)
{
    u64 irq = irq_save();
    struct core *core = core_of(task);
    enum err err;

    spin_raw_lock(&core->lock);
    core_charge(core);
    err = run_queue_set_priority(&core->queue, &task->runnable, nice);
    spin_raw_unlock(&core->lock);
    irq_restore(irq);
    return err;
}

void task_sleep_until(u64 time)
{
    task_wait_for("a time", NULL, __builtin_return_address(0));
    do {
        task_wait_begin();
    } while (waiter_block(time));
    task_wait_end();
}

void task_sleep_ns(u64 ns)
{
    task_sleep_until(timer_now() + alarm_ticks(ns));
}

void task_fork_begin(void)
{
    core_stop_others();
}

void task_fork_end(bool child)
{
    if (child) {
        task_only_me();
    }
    core_go_others();
}

/*
 * task_only_me - after a fork: the other tasks are gone, their memory is free, and they wait for
 * nothing; the harts but this one are gone; no alarm is set.
 *
 * What they had locked stays locked: locks that a fork takes before are to be let go of first.
 * A mutex that the caller holds stays its own.
 */
void task_only_me(void)
{
    struct task *self = task_self();
    struct core *core = core_of(self);
    u64 irq = irq_save();
    struct list *it, *after;

    cores_online = 1UL << core_index(core);
    cores_idle = 0;
    tasks_lock = (struct spin){};
    for (unsigned i = 0; i < GUEST_HARTS_MAX; i++) {
        core_init(&cores[i], cores[i].idle, cores[i].idle, cores[i].trap_stack);
    }
    core_init(core, core->idle, self, core->trap_stack);
    task_ready(core->idle, core_idle, NULL, core);
    alarm_only_me();
    list_for_each_safe(it, after, &tasks) {
        struct task *task = container_of(it, struct task, link);

        if (task == self) {
            continue;
        }
        if (task->waits_in) {
            list_del(task->waits_in);
        }
        list_del(&task->link);
        task_free(task);
    }
    living = 1;
    irq_restore(irq);
}

static GUEST_INIT(INIT_TASK) void bring_up(void)
{
    struct task *self = task_self();
    struct task *idle = task_make("idle", IDLE_STACK_BYTES);

    if (!idle) {
        panic("tasks: no memory for the idle task's stack; raise MEM");
    }
    list_init(&tasks);
    set_up(self, "main", NULL, (u64 *)boot_stack);
    self->core = cores;
    self->scheduled = 1;
    self->running = 1;
    list_add_tail(&tasks, &self->link);
    living = 1;
    idle->thread.hart = self->thread.hart;
    core_init(cores, idle, self, self->thread.frame.stack);
    task_ready(idle, core_idle, NULL, cores);
    cores_online = 1;
}
