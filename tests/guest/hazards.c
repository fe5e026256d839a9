/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a fork must not lose: "hazard=armed" forks with its timer armed, "hazard=pending" with the
 * timer's interrupt pending and masked, "hazard=handler" inside the handler of that interrupt.  On
 * both sides the interrupt comes exactly once, and not too early.
 *
 * What it must not copy: "hazard=software" forks with the software interrupt pending, which
 * somebody raised in the parent.  And what it must lose: "hazard=reserved" forks between a
 * load-reserved and its store-conditional, which fails in the child.
 */
#include <stdio.h>

#include "lib/kit/types.h"
#include "lib/riscv/csr.h"

#include "guest/args.h"
#include "guest/guest.h"
#include "guest/machine.h"
#include "guest/proc.h"
#include "guest/timer.h"
#include "guest/trap.h"

#define CAUSE_TIMER (CAUSE_INTERRUPT | IRQ_STIMER)
#define NEVER       UINT64_MAX

static volatile int interrupts;
static volatile bool is_early, fork_in_handler;
static u64 deadline;
static long child = -1; /* what fork has returned */

static void fork_now(void)
{
    child = proc_fork(PROC_DOOR_ECALL, 0);
}

static bool on_trap(struct trap *t)
{
    if (t->cause != CAUSE_TIMER)
        return false;
    is_early = timer_now() < deadline;
    interrupts++;
    timer_set(NEVER);
    if (fork_in_handler)
        fork_now();
    return true;
}

static void arm(u64 ms)
{
    deadline = timer_now() + machine_timebase() / 1000 * ms;
    timer_set(deadline);
    csr_set(CSR_SIE, IP_STIP);
}

static void wait_until(u64 time)
{
    while (timer_now() < time)
        ;
}

static void fork_armed(void)
{
    csr_set(CSR_SSTATUS, SSTATUS_SIE);
    arm(20);
    fork_now();
}

static void fork_pending(void)
{
    csr_clear(CSR_SSTATUS, SSTATUS_SIE);
    arm(1);
    wait_until(deadline + machine_timebase() / 1000);
    fork_now();
    if (interrupts != 0)
        printf("hazards: a masked interrupt came\n");
    csr_set(CSR_SSTATUS, SSTATUS_SIE);
}

static void fork_in_the_handler(void)
{
    fork_in_handler = true;
    csr_set(CSR_SSTATUS, SSTATUS_SIE);
    arm(5);
}

static bool software_pends(void)
{
    return (csr_read(CSR_SIP) & IP_SSIP) != 0;
}

/* True: the parent's pends, and the child has begun without.  Nothing is left to wait for. */
static bool fork_with_software(void)
{
    unsigned status = 0;
    bool pends;

    csr_clear(CSR_SSTATUS, SSTATUS_SIE);
    csr_set(CSR_SIP, IP_SSIP);
    fork_now();
    pends = software_pends();
    if (child <= 0)
        proc_exit(pends);
    csr_clear(CSR_SIP, IP_SSIP);
    return proc_wait(child, 0, &status) == child && status == PROC_STATUS_EXITED(0) && pends;
}

/* Both sides come here: their own interrupt comes, however late the host finds time for it, and
 * comes once. */
static bool is_as_it_should_be(void)
{
    u64 patience = deadline + machine_timebase() * 5;

    while (interrupts == 0 && timer_now() < patience)
        ;
    wait_until(timer_now() + machine_timebase() / 1000 * 20);
    if (interrupts == 1 && !is_early && child >= 0)
        return true;
    printf("hazards: fork %ld, %d interrupts%s\n", child, interrupts,
           is_early ? ", too early" : "");
    return false;
}

/* The child's status is 0 if its store did nothing. */
static bool fork_reserved(void)
{
    static _Alignas(8) volatile u64 word = 1;
    register u64 a0 __asm__("a0") = 0, a1 __asm__("a1") = 0;
    register u64 a6 __asm__("a6") = PROC_FORK, a7 __asm__("a7") = PROC_EID;
    unsigned status = 1;
    u64 failed;

    __asm__ volatile("lr.d t0, (%[word])\n"
                     "addi t0, t0, 1\n"
                     "ecall\n"
                     "sc.d %[failed], t0, (%[word])"
                     : "+r"(a0), "+r"(a1), [failed] "=&r"(failed)
                     : [word] "r"(&word), "r"(a6), "r"(a7)
                     : "t0", "memory");
    child = (long)a1;
    if (a0 == 0 && child == 0)
        proc_exit(failed != 0 && word == 1 ? 0 : 1);
    return a0 == 0 && proc_wait(child, 0, &status) == child && status == PROC_STATUS_EXITED(0);
}

int main(void)
{
    unsigned status = 0;
    bool is_right;

    if (args_is("hazard", "reserved")) {
        puts(fork_reserved() ? "hazards: ok" : "hazards: a reservation outlives a fork");
        return 0;
    }
    trap_hook(on_trap);
    if (args_is("hazard", "software")) {
        printf("hazards: %s\n", fork_with_software() ? "ok" : "the software interrupt is wrong");
        return 0;
    }
    if (args_is("hazard", "armed"))
        fork_armed();
    else if (args_is("hazard", "pending"))
        fork_pending();
    else if (args_is("hazard", "handler"))
        fork_in_the_handler();
    is_right = is_as_it_should_be();
    if (child <= 0)
        proc_exit(is_right ? 0 : 1);
    csr_clear(CSR_SSTATUS, SSTATUS_SIE);
    if (proc_wait(child, 0, &status) != child || status != PROC_STATUS_EXITED(0) || !is_right)
        return 1;
    printf("hazards: ok\n");
    return 0;
}
