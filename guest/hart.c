/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Starting further harts.  What a hart shares with the others is the payload's business; the trap
 * hook and the console are shared by all and have no lock.
 */
#include "guest/hart.h"

#include "sbi/call.h"

void hart_entry(void);

/*
 * hart_start - let a stopped hart run hart->run(hart).
 *
 * *hart stays in use until the hart has stopped again.  Returns SBI's error; the hart may still be
 * on its way when this returns.  [SBI "Hart State Management Extension"]
 */
long hart_start(struct hart *hart)
{
    return sbi_call(SBI_EID_HSM, SBI_HSM_HART_START, hart->id, (unsigned long)hart_entry,
                    (unsigned long)hart, 0, 0)
        .error;
}

/* Where boot.S takes a further hart.  hart_stop returns only if it fails, and then there is nothing
 * left to do here but to stay out of the way. */
void hart_main(struct hart *hart)
{
    hart->run(hart);
    sbi_call(SBI_EID_HSM, SBI_HSM_HART_STOP, 0, 0, 0, 0, 0);
    for (;;) {
        __asm__ volatile("wfi");
    }
}
