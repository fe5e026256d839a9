/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A breakpoint and a load of an address where nothing is: the hook that a program may set sees each
 * trap with its cause and its place, lets the program go on behind it, and is gone when it is taken
 * back.
 */
#include <stdio.h>

#include "lib/riscv/cause.h"
#include "lib/riscv/csr.h"

#include "guest/trap.h"

#include "payload/apps/apps.h"

#define NOWHERE 0x123000UL

static struct trap seen;
static unsigned traps;

static bool skip(struct trap *t)
{
    if (t->cause != CAUSE_BREAKPOINT && t->cause != CAUSE_LOAD_PAGE) {
        return false;
    }
    seen = *t;
    traps++;
    t->pc += trap_insn_bytes(t->pc);
    return true;
}

/* The last trap was this one. */
static bool was(u64 cause, u64 pc)
{
    printf("faults: %s (%lu), pc 0x%lx, tval 0x%lx\n", cause_words(seen.cause),
           (unsigned long)seen.cause, (unsigned long)seen.pc, (unsigned long)seen.tval);
    return seen.cause == cause && seen.pc == pc;
}

bool faults_ok(void)
{
    trap_fn *before = trap_hook(skip);
    u64 pc, value;
    bool ok;

    __asm__ volatile("lla %0, 1f\n1: ebreak" : "=r"(pc) : : "memory");
    ok = was(CAUSE_BREAKPOINT, pc);
    __asm__ volatile("lla %0, 1f\n1: ld %1, (%2)"
                     : "=&r"(pc), "=r"(value)
                     : "r"(NOWHERE)
                     : "memory");
    ok = was(CAUSE_LOAD_PAGE, pc) && seen.tval == NOWHERE && ok;
    trap_hook(before);
    return ok && traps == 2;
}
