/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Harts beyond the first: started by HSM on stacks that the caller provides. */
#define HART_STACK_TOP 0
#define HART_THREAD    8

#ifndef __ASSEMBLER__

#    include "lib/kit/types.h"
#    include "sbi/ecall.h"

#    include "guest/thread.h"

struct hart {
    u64 stack_top;         /* 16-byte aligned */
    struct thread *thread; /* what it begins with, initialised but for its registers */
    u64 id;
    void (*run)(struct hart *hart); /* the hart stops when it returns */
    u64 index;                      /* component smp: counts them; the first one's is 0 */
};
_Static_assert(offsetof(struct hart, stack_top) == HART_STACK_TOP, "boot.S");
_Static_assert(offsetof(struct hart, thread) == HART_THREAD, "boot.S");

/* The hart that runs this. */
static inline struct hart *hart_self(void)
{
    return thread_self()->hart;
}

static inline u64 hart_index(void)
{
    return GUEST_HARTS_MAX > 1 ? hart_self()->index : 0;
}

/* The one that the machine began with. */
extern struct hart hart_boot;

void hart_init(struct hart *hart, u64 id, void *stacks, u64 bytes);
long hart_start(struct hart *hart);
void hart_main(struct hart *hart);

#endif
