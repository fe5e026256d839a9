/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting where there are no tasks.  The hart sleeps if nobody uses its timer, which is so while
 * the timer's interrupt is not enabled; else it looks at the time until it has come.
 */
#include "guest/libc/pause.h"

#include "lib/riscv/csr.h"

#include "guest/machine.h"
#include "guest/timer.h"

#define NS_PER_S 1000000000UL

/* Ticks in a second; 0 where the FDT does not say. */
u64 pause_hz(void)
{
    static u64 hz;

    if (hz == 0) {
        hz = machine_timebase();
    }
    return hz;
}

/* So many ticks, not less; PAUSE_FOR_EVER if they are more than can be counted.  0 where the FDT
 * gives no timebase: nobody waits then for what would never come. */
u64 pause_ticks(u64 seconds, u64 nanoseconds)
{
    u64 hz = pause_hz(), ticks;

    if (__builtin_mul_overflow(seconds, hz, &ticks) ||
        __builtin_add_overflow(ticks, (nanoseconds * hz + NS_PER_S - 1) / NS_PER_S, &ticks)) {
        return PAUSE_FOR_EVER;
    }
    return ticks;
}

/* nanoseconds: less than 18 seconds. */
u64 pause_deadline(u64 nanoseconds)
{
    return timer_now() + pause_ticks(nanoseconds / NS_PER_S, nanoseconds % NS_PER_S);
}

/* wfi ends also while interrupts are masked, once an enabled one pends. */
static void sleep_until(u64 deadline)
{
    u64 interrupts = csr_read(CSR_SSTATUS) & SSTATUS_SIE;

    csr_clear(CSR_SSTATUS, SSTATUS_SIE);
    timer_set(deadline);
    csr_set(CSR_SIE, IP_STIP);
    __asm__ volatile("wfi" : : : "memory");
    csr_clear(CSR_SIE, IP_STIP);
    timer_set(PAUSE_FOR_EVER);
    csr_set(CSR_SSTATUS, interrupts);
}

__attribute__((weak)) void pause_until(u64 deadline)
{
    bool timer_is_free = !(csr_read(CSR_SIE) & IP_STIP);

    while (timer_now() < deadline) {
        if (timer_is_free) {
            sleep_until(deadline);
        }
    }
}

__attribute__((weak)) bool pause_has_others(void)
{
    return false;
}
