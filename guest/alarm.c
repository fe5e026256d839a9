/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Alarms by time, in a heap of each hart's, and the hart's timer: stimecmp where there is Sstc,
 * else SBI's.  The tick of the component preempt is not in the heap, since it comes so often.
 *
 * Invariant: the timer is set to the first alarm or the tick, whatever is sooner, or earlier.
 * [PRIV "Supervisor Timer (stimecmp) Register"]
 */
#include "guest/alarm.h"

#include <string.h>

#include "lib/riscv/csr.h"

#include "guest/hart.h"
#include "guest/init.h"
#include "guest/machine.h"
#include "guest/panic.h"
#include "guest/spin.h"
#include "guest/timer.h"
#include "guest/trap.h"

struct alarm_queue {
    struct spin lock; /* guards all, and the alarms */
    struct heap heap;
    u64 tick;  /* when the next one is, or ALARM_NEVER */
    u64 timer; /* what it is set to */
};

static struct alarm_queue queues[GUEST_HARTS_MAX];
static u64 hz;
static bool stimecmp;

__attribute__((weak)) u64 alarm_tick(u64 now)
{
    (void)now;
    return ALARM_NEVER;
}

/* This hart's timer; its queue is locked. */
static void set_timer(struct alarm_queue *queue)
{
    struct heap_node *first = heap_first(&queue->heap);
    u64 time = first && first->key < queue->tick ? first->key : queue->tick;

    queue->timer = time;
    if (stimecmp) {
        csr_write(CSR_STIMECMP, time);
    } else {
        timer_set(time);
    }
}

/*
 * alarm_set - ring at a time; at once, if that is over.  Not while it is set.
 *
 * On this hart, with any state of interrupts.  A time of ALARM_NEVER: it is not set.
 */
void alarm_set(struct alarm *alarm, u64 time)
{
    u64 irq = irq_save();
    struct alarm_queue *queue = &queues[hart_index()];

    if (time != ALARM_NEVER) {
        spin_raw_lock(&queue->lock);
        alarm->queue = queue;
        heap_add(&queue->heap, &alarm->node, time);
        if (time < queue->timer) {
            set_timer(queue);
        }
        spin_raw_unlock(&queue->lock);
    }
    irq_restore(irq);
}

/* After this it does not ring, and is not ringing.  True: it was set.  On any hart. */
bool alarm_cancel(struct alarm *alarm)
{
    struct alarm_queue *queue = __atomic_load_n(&alarm->queue, __ATOMIC_ACQUIRE);
    bool was_set;
    u64 irq;

    if (!queue) {
        return false;
    }
    irq = spin_lock_irq(&queue->lock);
    was_set = alarm->queue != NULL;
    if (was_set) {
        heap_remove(&queue->heap, &alarm->node);
        alarm->queue = NULL;
    }
    spin_unlock_irq(&queue->lock, irq);
    return was_set;
}

/* The timer interrupt. */
void alarm_interrupt(void)
{
    struct alarm_queue *queue = &queues[hart_index()];
    u64 now = timer_now();
    struct heap_node *first;

    spin_raw_lock(&queue->lock);
    while ((first = heap_first(&queue->heap)) && first->key <= now) {
        struct alarm *alarm = container_of(first, struct alarm, node);
        u64 again;

        heap_remove(&queue->heap, first);
        again = alarm->ring(alarm);
        if (again == ALARM_NEVER) {
            __atomic_store_n(&alarm->queue, NULL, __ATOMIC_RELEASE);
        } else {
            heap_add(&queue->heap, first, again);
        }
    }
    if (queue->tick <= now) {
        queue->tick = alarm_tick(now);
    }
    set_timer(queue);
    spin_raw_unlock(&queue->lock);
}

/* The next tick of this hart; interrupts are off. */
void alarm_tick_at(u64 time)
{
    struct alarm_queue *queue = &queues[hart_index()];

    spin_raw_lock(&queue->lock);
    if (queue->tick == ALARM_NEVER) {
        queue->tick = time;
        if (time < queue->timer) {
            set_timer(queue);
        }
    }
    spin_raw_unlock(&queue->lock);
}

/* How many ticks of the clock are no less than that. */
u64 alarm_ticks(u64 ns)
{
    return ns / 1000000000 * hz + (ns % 1000000000 * hz + 999999999) / 1000000000;
}

bool alarm_any(void)
{
    for (unsigned i = 0; i < GUEST_HARTS_MAX; i++) {
        if (*(struct heap_node *volatile *)&queues[i].heap.first) {
            return true;
        }
    }
    return false;
}

/* Interrupts are off. */
void alarm_only_me(void)
{
    for (unsigned i = 0; i < GUEST_HARTS_MAX; i++) {
        struct heap_node *first;

        queues[i].lock = (struct spin){};
        while ((first = heap_first(&queues[i].heap))) {
            heap_remove(&queues[i].heap, first);
            container_of(first, struct alarm, node)->queue = NULL;
        }
    }
    set_timer(&queues[hart_index()]);
}

/* This hart's timer belongs to us, and is quiet. */
void alarm_hart_init(void)
{
    struct alarm_queue *queue = &queues[hart_index()];

    queue->tick = ALARM_NEVER;
    set_timer(queue);
    csr_set(CSR_SIE, IP_STIP);
}

static bool note_refusal(struct trap *t)
{
    stimecmp = false;
    t->pc += 4;
    return true;
}

static GUEST_INIT(INIT_IRQ) void bring_up(void)
{
    trap_fn *before;

    hz = machine_timebase();
    if (hz == 0) {
        panic("alarms: the FDT has no timebase-frequency");
    }
    if (machine_isa_has("sstc")) {
        stimecmp = true;
        before = trap_hook(note_refusal);
        csr_write(CSR_STIMECMP, ALARM_NEVER);
        trap_hook(before);
    }
    alarm_hart_init();
}
