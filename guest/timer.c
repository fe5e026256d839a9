/* SPDX-License-Identifier: BSD-2-Clause */
/* Whether there is a cycle counter is for the execution environment to say: scounteren's elder
 * brothers.  An attempt is the only way to know.  [PRIV "Counter-Enable (scounteren) Register"] */
#include "guest/timer.h"

#include "guest/trap.h"

static bool refused;

static bool note(struct trap *t)
{
    refused = true;
    t->pc += 4;
    return true;
}

bool timer_cycle_readable(void)
{
    trap_fn *before = trap_hook(note);

    refused = false;
    timer_cycle();
    trap_hook(before);
    return !refused;
}
