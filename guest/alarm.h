/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Component irq: something to be done at a time.  Each hart has a queue of alarms, and sets its
 * timer to the first.
 */
#include "lib/kit/heap.h"
#include "lib/kit/types.h"

struct alarm;
struct alarm_queue;

/*
 * Called on the hart that set the alarm, in the timer interrupt, at its time or somewhat later.  It
 * may wake tasks.  It must not block, and not set or cancel alarms; the same one rings again at the
 * time that it returns, ALARM_NEVER: not.
 */
typedef u64 alarm_fn(struct alarm *alarm);

#define ALARM_NEVER (~0UL)

/* All zeros but for ring: not set. */
struct alarm {
    struct heap_node node; /* its key is the time: timer.h's ticks */
    alarm_fn *ring;
    struct alarm_queue *queue; /* that it is in; NULL: not set */
};

void alarm_set(struct alarm *alarm, u64 time);
bool alarm_cancel(struct alarm *alarm);
u64 alarm_ticks(u64 ns);
bool alarm_any(void);     /* one is set, on any hart */
void alarm_only_me(void); /* after a fork: no alarm is set, and this hart's timer is ours */

/* Inside: irq.c; preempt.c, whose tick needs no alarm. */
void alarm_hart_init(void);
void alarm_interrupt(void);
void alarm_tick_at(u64 time);
u64 alarm_tick(u64 now); /* weak, component preempt: when the next one is */
