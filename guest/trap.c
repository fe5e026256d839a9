/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What happens after the vector: the payload's hook may deal with the trap, otherwise it is a
 * crash: cause, pc and tval are printed and the payload ends with status 1.
 *
 * Invariant: an unexpected trap ends the payload, also one on the way of reporting another.
 */
#include "guest/trap.h"

#include <stdio.h>

#include "lib/riscv/cause.h"
#include "lib/riscv/csr.h"

#include "guest/guest.h"

static trap_fn *hook;
static bool reporting;

/* Set who looks at traps first; NULL: nobody.  Returns who did until now. */
trap_fn *trap_hook(trap_fn *fn)
{
    trap_fn *old = hook;

    hook = fn;
    return old;
}

static void report(const struct trap *t)
{
    if (t->cause & CAUSE_INTERRUPT) {
        printf("trap: interrupt %lu", (unsigned long)(t->cause & ~CAUSE_INTERRUPT));
    } else {
        printf("trap: %s (%lu)", cause_words(t->cause), (unsigned long)t->cause);
    }
    printf(", pc 0x%lx, tval 0x%lx, ra 0x%lx, sp 0x%lx\n", (unsigned long)t->pc,
           (unsigned long)t->tval, (unsigned long)t->ra, (unsigned long)t->sp);
}

void trap_take(struct trap *t)
{
    if (hook && hook(t)) {
        return;
    }
    if (!reporting) {
        reporting = true;
        report(t);
    }
    guest_exit(1);
}

/* Length of the instruction at pc, which must be readable: 2 or 4.
 * [UNPRIV "Expanded Instruction-Length Encoding"] */
u64 trap_insn_bytes(u64 pc)
{
    return (*(const volatile u16 *)pc & 3U) == 3U ? 4 : 2;
}
