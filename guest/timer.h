/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Time, deadlines and cycles.  A tick is one of /cpus timebase-frequency: machine_timebase(). */
#include "lib/kit/types.h"
#include "sbi/call.h"

static inline u64 timer_now(void)
{
    u64 ticks;

    __asm__ volatile("rdtime %0" : "=r"(ticks) : : "memory");
    return ticks;
}

/* The supervisor timer interrupt pends from this time on; -1 takes it back.
 * [SBI "Timer Extension"] */
static inline void timer_set(u64 deadline)
{
    sbi_call(SBI_EID_TIME, SBI_TIME_SET_TIMER, deadline, 0, 0, 0, 0);
}

bool timer_cycle_readable(void);

static inline u64 timer_cycle(void)
{
    u64 cycles;

    __asm__ volatile("rdcycle %0" : "=r"(cycles) : : "memory");
    return cycles;
}
