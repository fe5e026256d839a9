/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What happens after the vector: the payload's hook may deal with the trap, then components may,
 * otherwise it is a crash: it is reported, and the payload ends with status 1.
 *
 * Invariant: an unexpected trap ends the payload, also one on the way of reporting another.
 */
#include "guest/trap.h"

#include "lib/riscv/cause.h"
#include "lib/riscv/csr.h"

#include "guest/guest.h"
#include "guest/preempt.h"
#include "guest/report.h"

static trap_fn *hook;
static bool reporting;

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

__attribute__((weak)) void report_thread(const struct trap *t)
{
    (void)t;
}

static bool is_page_fault(u64 cause)
{
    return cause == CAUSE_FETCH_PAGE || cause == CAUSE_LOAD_PAGE || cause == CAUSE_STORE_PAGE;
}

static bool dealt_with(struct trap *t)
{
    if (hook && hook(t)) {
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
    if (!reporting) {
        reporting = true;
        report_thread(t);
        report_trap(t);
    }
    guest_exit(1);
}

/* Length of the instruction at pc, which must be readable: 2 or 4.
 * [UNPRIV "Expanded Instruction-Length Encoding"] */
u64 trap_insn_bytes(u64 pc)
{
    return (*(const volatile u16 *)pc & 3U) == 3U ? 4 : 2;
}
