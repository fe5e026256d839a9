/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Harts beyond the first: started by HSM on stacks that the caller provides. */
#define HART_STACK_TOP      0
#define HART_TRAP_STACK_TOP 8

#ifndef __ASSEMBLER__

#    include "lib/kit/types.h"
#    include "sbi/ecall.h"

struct hart {
    u64 stack_top;      /* 16-byte aligned */
    u64 trap_stack_top; /* 16-byte aligned, 4 KiB or more below it */
    u64 id;
    void (*run)(struct hart *hart); /* the hart stops when it returns */
};
_Static_assert(offsetof(struct hart, stack_top) == HART_STACK_TOP, "boot.S");
_Static_assert(offsetof(struct hart, trap_stack_top) == HART_TRAP_STACK_TOP, "boot.S");

/* The hart that runs this; NULL on the first one. */
static inline struct hart *hart_self(void)
{
    struct hart *hart;

    __asm__ volatile("mv %0, tp" : "=r"(hart));
    return hart;
}

long hart_start(struct hart *hart);
void hart_main(struct hart *hart);

#endif
