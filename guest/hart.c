/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Threads as they begin, and starting further harts.  What a hart shares with the others is the
 * payload's business, or the component smp's; the trap hook is shared by all.
 */
#include "guest/hart.h"

#include <string.h>

#include "sbi/call.h"

void hart_entry(void);

/* thread_init - its thread-local variables as the image has them.  The frame is the caller's. */
void thread_init(struct thread *thread)
{
    u64 initialised = (u64)_tls_image_bytes;
    char *variables = (char *)(thread + 1);

    memcpy(variables, _tls_image, initialised);
    memset(variables + initialised, 0, (u64)_tls_bytes - initialised);
    thread->preempt_off = 0;
    thread->preempt_due = 0;
}

/*
 * hart_init - a hart that can be started, in memory of the caller's.
 *
 * stacks: 16-byte aligned; the upper half becomes the stack of what it runs, the lower half holds
 * its thread and the stack of its traps.
 */
void hart_init(struct hart *hart, u64 id, void *stacks, u64 bytes)
{
    struct thread *thread = stacks;
    u64 middle = align_down((u64)stacks + bytes / 2, 16);

    thread_init(thread);
    thread->hart = hart;
    thread->frame.stack = middle;
    hart->id = id;
    hart->index = 0;
    hart->thread = thread;
    hart->stack_top = align_down((u64)stacks + bytes, 16);
}

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
