/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What happens after the vector: the payload's hook may deal with the trap, then components may,
 * otherwise it is a crash (report.c), and the payload ends with status 1.
 */
#include "guest/trap.h"

#include "lib/riscv/cause.h"
#include "lib/riscv/csr.h"

#include "guest/guest.h"
#include "guest/preempt.h"
#include "guest/report.h"

static trap_fn *hook;

/* Set who looks at traps first; NULL: nobody.  Returns who did until now. */
trap_fn *trap_hook(trap_fn *fn)
{
    trap_fn *old = hook;

    hook = fn;
    return old;
}

__attribute__((weak)) bool trap_interrupt(struct trap *t)
{
    (void)t;
    return false;
}

__attribute__((weak)) bool trap_page_fault(struct trap *t)
{
    (void)t;
    return false;
}

__attribute__((weak)) void trap_leave(struct trap *t)
{
    (void)t;
}

__attribute__((weak)) void preempt_now(void) {}

static bool is_page_fault(u64 cause)
{
    return cause == CAUSE_FETCH_PAGE || cause == CAUSE_LOAD_PAGE || cause == CAUSE_STORE_PAGE;
}

/* A trap within the hook is not the hook's, or it could go on so until its stack is used up. */
static bool hook_takes(struct trap *t)
{
    static bool within;
    bool nested = t->scratch == 0, taken;

    if (!hook || (nested && within)) {
        return false;
    }
    within |= !nested;
    taken = hook(t);
    within &= nested;
    return taken;
}

static bool dealt_with(struct trap *t)
{
    if (hook_takes(t)) {
        return true;
    }
    if (t->cause & CAUSE_INTERRUPT) {
        return trap_interrupt(t);
    }
    return is_page_fault(t->cause) && trap_page_fault(t);
}

void trap_take(struct trap *t)
{
    if (dealt_with(t)) {
        trap_leave(t);
        return;
    }
    report_trap(t);
}

/* Length of the instruction at pc, which must be readable: 2 or 4.
 * [UNPRIV "Expanded Instruction-Length Encoding"] */
u64 trap_insn_bytes(u64 pc)
{
    return (*(const volatile u16 *)pc & 3U) == 3U ? 4 : 2;
}
