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

#include "guest/core.h"
#include "guest/hart.h"
#include "guest/init.h"
#include "guest/irq.h"
#include "guest/machine.h"
#include "guest/pages.h"
#include "guest/panic.h"

#define TRAP_STACK_PAGES 4
#define IDLE_STACK_BYTES 8192

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

/* The interrupt that core_kick sends. */
void irq_kicked(void)
{
    struct task *self = task_self();
    struct core *core = core_of(self);

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
