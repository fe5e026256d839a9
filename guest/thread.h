/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What a hart executes: the start-up's thread, and with the component task any number of tasks.  It
 * lies right below its thread-local storage, which tp points to, so that finding it is a
 * subtraction and picolibc's errno is its own.
 *
 *        +------+--------------+------------------------+
 *        | task | thread       | thread-local variables |
 *        +------+--------------+------------------------+
 *               ^ sscratch     ^ tp
 */
#include "guest/trap.h"

#define THREAD_HART  TRAP_BYTES
#define THREAD_BYTES (TRAP_BYTES + 16)

#ifndef __ASSEMBLER__

struct hart;

struct thread {
    struct trap frame; /* its registers while it is in a trap */
    struct hart *hart; /* that it runs on; changes only while it does not run */
    u32 preempt_off;   /* preempt.h */
    u32 preempt_due;
};
_Static_assert(sizeof(struct thread) == THREAD_BYTES, "boot.S");
_Static_assert(offsetof(struct thread, hart) == THREAD_HART, "boot.S");

static inline struct thread *thread_self(void)
{
    struct thread *tp;

    __asm__("mv %0, tp" : "=r"(tp));
    return tp - 1;
}

/* Bytes of thread-local variables, a multiple of 16. */
extern char _tls_bytes[], _tls_image[], _tls_image_bytes[];

void thread_init(struct thread *thread);

#endif
