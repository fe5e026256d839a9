/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Component smp: the other harts of the machine, as many as GUEST_HARTS_MAX, run tasks too.
 *
 * Each has a queue of its own, and takes from the others' when that is empty.  A hart that waits
 * for an interrupt is kicked when there is something for it.
 */
#include "lib/riscv/csr.h"
#include "lib/riscv/ops.h"
#include "sbi/call.h"

#include "guest/alarm.h"
#include "guest/core.h"
#include "guest/hart.h"
#include "guest/init.h"
#include "guest/irq.h"
#include "guest/machine.h"
#include "guest/pages.h"
#include "guest/panic.h"
#include "guest/timer.h"

#define TRAP_STACK_PAGES 4
#define IDLE_STACK_BYTES 8192
#define KICK_NS          20000 /* between two kicks of one that does not stand still yet */

static struct hart harts[GUEST_HARTS_MAX]; /* from 1 on */

/* Interrupt the core's hart, to look at what it runs. */
void core_kick(struct core *core)
{
    sbi_call(SBI_EID_IPI, SBI_IPI_SEND_IPI, 1, core->idle->thread.hart->id, 0, 0, 0);
}

/* Something was queued there: somebody who is idle is to look. */
void core_spread(struct core *core)
{
    u64 idle;

    __atomic_thread_fence(__ATOMIC_SEQ_CST);
    idle = __atomic_load_n(&cores_idle, __ATOMIC_RELAXED);
    if (core->running == core->idle && (idle & 1UL << core_index(core))) {
        idle = 1UL << core_index(core);
    }
    while (idle) {
        u64 bit = idle & -idle;

        /* one hart is enough, and one kick */
        if (__atomic_fetch_and(&cores_idle, ~bit, __ATOMIC_SEQ_CST) & bit) {
            core_kick(&cores[__builtin_ctzl(bit)]);
            return;
        }
        idle &= ~bit;
    }
}

/* One that another core has queued: it is this core's now, in no queue yet. */
struct task *core_steal(struct core *core)
{
    unsigned me = core_index(core);

    for (unsigned i = 1; i < GUEST_HARTS_MAX; i++) {
        struct core *victim = &cores[(me + i) % GUEST_HARTS_MAX];
        struct runnable *r = NULL;
        struct task *task = NULL;

        if (*(volatile u32 *)&victim->queue.queued == 0) {
            continue;
        }
        spin_raw_lock(&victim->lock);
        r = run_queue_take(&victim->queue);
        if (r) {
            task = container_of(r, struct task, runnable);
            core_place(task, core);
        }
        spin_raw_unlock(&victim->lock);
        if (task) {
            return task;
        }
    }
    return NULL;
}

/* ---- standing still ---- */

static u64 stops;                   /* how many there were */
static u64 stop;                    /* which one all others are to stand still for; 0: none */
static u64 parked[GUEST_HARTS_MAX]; /* by core: the last one that it stood still for */

/* Stand still as long as that is wanted. */
static void park(struct core *core, u64 number)
{
    __atomic_store_n(&parked[core_index(core)], number, __ATOMIC_RELEASE);
    while (__atomic_load_n(&stop, __ATOMIC_ACQUIRE) == number) {
    }
}

/* All other harts stand still when this returns, each in an interrupt that came where it held no
 * spin lock, and this task is not switched.  One that was not ready is asked again. */
void core_stop_others(void)
{
    u64 number = __atomic_add_fetch(&stops, 1, __ATOMIC_RELAXED), other = 0;

    while (!__atomic_compare_exchange_n(&stop, &other, number, false, __ATOMIC_ACQUIRE,
                                        __ATOMIC_ACQUIRE)) {
        if (core_in_trap()) {
            park(core_of(task_self()), other);
        } else {
            task_yield();
        }
        other = 0;
    }
    preempt_disable();
    for (unsigned i = 0; i < GUEST_HARTS_MAX; i++) {
        if (!(cores_online & 1UL << i) || &cores[i] == core_of(task_self())) {
            continue;
        }
        while (__atomic_load_n(&parked[i], __ATOMIC_ACQUIRE) != number) {
            core_kick(&cores[i]);
            for (u64 until = timer_now() + alarm_ticks(KICK_NS); timer_now() < until;) {
            }
        }
    }
}

void core_go_others(void)
{
    __atomic_store_n(&stop, 0, __ATOMIC_RELEASE);
    preempt_enable();
}

/* The interrupt that core_kick sends. */
void irq_kicked(void)
{
    struct task *self = task_self();
    struct core *core = core_of(self);
    u64 number = __atomic_load_n(&stop, __ATOMIC_ACQUIRE);

    if (number != 0 && self->thread.preempt_off == 0) {
        park(core, number);
    }
    spin_raw_lock(&core->lock);
    if (core_preemptive && core_charge(core)) {
        self->thread.preempt_due = 1;
    }
    spin_raw_unlock(&core->lock);
}

/* What another hart does, for good. */
static void run(struct hart *hart)
{
    irq_hart_init();
    __atomic_or_fetch(&cores_online, 1UL << hart->index, __ATOMIC_SEQ_CST);
    core_idle(NULL);
}

static bool start(u64 id, u64 index)
{
    struct hart *hart = &harts[index];
    struct core *core = &cores[index];
    struct task *idle = task_make("idle", IDLE_STACK_BYTES);
    char *traps = pages_alloc(TRAP_STACK_PAGES, 1);

    if (!idle || !traps) {
        panic("smp: no memory for the stacks of hart %lu; raise MEM or lower VCPUS", id);
    }
    *hart = (struct hart){
        .stack_top = (u64)idle, .thread = &idle->thread, .id = id, .run = run, .index = index};
    idle->thread.hart = hart;
    core_init(core, idle, idle, (u64)traps + TRAP_STACK_PAGES * PAGE_BYTES);
    core_place(idle, core);
    idle->running = 1;
    return hart_start(hart) == 0;
}

static GUEST_INIT(INIT_SMP) void bring_up(void)
{
    u64 ids[GUEST_HARTS_MAX];
    size_t count = machine_harts(ids, GUEST_HARTS_MAX);
    u64 index = 1;

    csr_set(CSR_SIE, IP_SSIP);
    for (size_t i = 0; i < count && i < GUEST_HARTS_MAX && index < GUEST_HARTS_MAX; i++) {
        if (ids[i] != hart_boot.id && start(ids[i], index)) {
            index++;
        }
    }
}
