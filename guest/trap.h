/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Traps in S-mode (VS-mode in a VM): the saved registers, and who looks at them. */
#define TRAP_PC      (32 * 8)
#define TRAP_STATUS  (33 * 8)
#define TRAP_CAUSE   (34 * 8)
#define TRAP_TVAL    (35 * 8)
#define TRAP_SCRATCH (36 * 8)
#define TRAP_STACK   (37 * 8)
#define TRAP_BYTES   304

#ifndef __ASSEMBLER__

#    include "lib/kit/types.h"

struct trap {
    union {
        u64 x[32]; /* by number; x[0] is not meaningful */
        struct {
            u64 zero, ra, sp, gp, tp, t0, t1, t2, s0, s1, a0, a1, a2, a3, a4, a5, a6, a7;
            u64 s2, s3, s4, s5, s6, s7, s8, s9, s10, s11, t3, t4, t5, t6;
        };
    };
    u64 pc;      /* sepc, and where the return goes */
    u64 status;  /* sstatus */
    u64 cause;   /* scause */
    u64 tval;    /* stval */
    u64 scratch; /* what sscratch is again after the return: trap.S */
    u64 stack;   /* top of the stack that the handler gets */
};
_Static_assert(offsetof(struct trap, pc) == TRAP_PC, "trap.S");
_Static_assert(offsetof(struct trap, status) == TRAP_STATUS, "trap.S");
_Static_assert(offsetof(struct trap, cause) == TRAP_CAUSE, "trap.S");
_Static_assert(offsetof(struct trap, tval) == TRAP_TVAL, "trap.S");
_Static_assert(offsetof(struct trap, scratch) == TRAP_SCRATCH, "trap.S");
_Static_assert(offsetof(struct trap, stack) == TRAP_STACK, "trap.S");
_Static_assert(sizeof(struct trap) == TRAP_BYTES, "trap.S");

/* True: dealt with, return to t->pc with the registers of *t.  It must not use floating point. */
typedef bool trap_fn(struct trap *t);

trap_fn *trap_hook(trap_fn *fn);
void trap_take(struct trap *t);
u64 trap_insn_bytes(u64 pc);

/* What components add; the base has weak ones that do nothing.  Interrupts are off. */
bool trap_interrupt(struct trap *t); /* component irq: true: dealt with */
bool trap_page_fault(struct trap *t);
void trap_leave(struct trap *t); /* component preempt: the thread may be switched from here */
__noreturn void trap_return(struct trap *t);

#endif
