/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The well-behaved neighbour: "rounds=N ms=M".  A round lasts M milliseconds; in it, again and
 * again, it fills memory from a seed, checks every word of it, and checks the floating-point
 * registers, while its timer interrupts a hundred times a second.
 *
 * Its output is the same whatever else runs, how fast ever, so that a test can compare it to the
 * byte.  It fails if a word or a register differs, if its timer comes too early, or not at all.
 */
#include <stdio.h>

#include "lib/riscv/csr.h"

#include "guest/args.h"
#include "guest/fp.h"
#include "guest/guest.h"
#include "guest/machine.h"
#include "guest/timer.h"
#include "guest/trap.h"

#define WORDS (64UL * 1024 / sizeof(u64))

static u64 period, deadline;
static volatile u64 interrupts;
static bool early;

static bool tick(struct trap *t)
{
    u64 now = timer_now();

    if (t->cause != (CAUSE_INTERRUPT | IRQ_STIMER)) {
        return false;
    }
    early |= now < deadline;
    interrupts++;
    deadline = now + period;
    timer_set(deadline);
    return true;
}

static u64 next(u64 x)
{
    return x * 6364136223846793005UL + 1442695040888963407UL;
}

/* One pass; its checksum, or 0 if anything was not as it was left. */
static u64 pass(u64 *words, u64 seed)
{
    struct fp_regs before, after;
    u64 x = seed, sum = seed;

    for (size_t i = 0; i < 32; i++) {
        before.f[i] = seed ^ i;
    }
    before.fcsr = seed & 0x1f;
    fp_load(&before);
    for (size_t i = 0; i < WORDS; i++) {
        x = next(x);
        words[i] = x;
    }
    x = seed;
    for (size_t i = 0; i < WORDS; i++) {
        x = next(x);
        if (((volatile u64 *)words)[i] != x) {
            printf("good: word %lu differs\n", (unsigned long)i);
            return 0;
        }
        sum = (sum << 1 | sum >> 63) ^ x;
    }
    fp_store(&after);
    for (size_t i = 0; i < 32; i++) {
        if (after.f[i] != before.f[i]) {
            printf("good: f%lu differs\n", (unsigned long)i);
            return 0;
        }
    }
    return after.fcsr == before.fcsr ? sum : 0;
}

static bool round_ok(u64 *words, u64 number, u64 ticks)
{
    u64 end = timer_now() + ticks;
    u64 before = interrupts;
    u64 sum = pass(words, number);

    while (timer_now() < end || interrupts == before) {
        if (timer_now() > end + 100 * ticks) {
            printf("good: no timer interrupt\n");
            return false;
        }
        if (pass(words, number) != sum) {
            return false;
        }
    }
    if (early) {
        printf("good: a timer interrupt came too early\n");
        return false;
    }
    printf("good: round %lu, checksum %016lx\n", (unsigned long)number, (unsigned long)sum);
    return sum != 0;
}

int main(void)
{
    u64 rounds = args_u64("rounds", 5), ms = args_u64("ms", 1000);
    u64 *words = machine_take(WORDS * sizeof(u64));
    u64 hz = machine_timebase();

    period = hz / 100;
    trap_hook(tick);
    deadline = timer_now() + period;
    timer_set(deadline);
    csr_set(CSR_SIE, IP_STIP);
    csr_set(CSR_SSTATUS, SSTATUS_SIE);
    for (u64 i = 1; i <= rounds; i++) {
        if (!round_ok(words, i, ms * hz / 1000)) {
            return 1;
        }
    }
    csr_clear(CSR_SSTATUS, SSTATUS_SIE);
    printf("good: ok\n");
    return 0;
}
