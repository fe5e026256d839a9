/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What belongs to one hart of the machine.  See hart.c. */
#include "lib/kit/list.h"
#include "lib/riscv/ops.h"

#include "hv/frame.h"
#include "hv/limits.h"
#include "hv/offsets.h"
#include "hv/space_node.h"

struct trace_ring;
struct vcpu;

/*
 * tp holds the address of this hart's.  The C library finds its thread-local storage there too: the
 * linker script proves that it fits into libc_tls.
 */
struct hart {
    u64 libc_tls[8];
    u32 index; /* 0 for the hart that booted, then in the order of the FDT */
    u64 id;    /* the SBI's name for it */
    u8 *stack_top;
    u8 *trap_stack_top;

    /* this hart only: */
    struct vcpu *vcpu;        /* loaded: its VS CSRs are in the registers; NULL if none */
    struct vcpu *fp;          /* whose FP registers the hart holds; see fp.c */
    struct trace_ring *trace; /* NULL: tracing is off */
    u64 vmid_generation;      /* from 1 */
    u32 vmid_next;
    u32 vmid;           /* in hgatp */
    u64 reservation;    /* vcpu_load() ends any LR's reservation by an SC to it */
    u64 slice_end;      /* time at which the loaded vCPU has used up its slice */
    u64 timer_deadline; /* what the host timer is set to */
    struct frame_cache frames;
    struct space_node_cache nodes;

    /* guarded by the scheduler's lock: */
    struct list sleepers; /* vCPUs blocked here, by deadline, soonest first */
    bool idle;
};

#ifdef __riscv
register struct hart *hart_in_tp __asm__("tp");

static inline struct hart *this_hart(void)
{
    return hart_in_tp;
}
#else
struct hart *this_hart(void);
#endif

/* Harts that are used: 0 to hart_count() - 1. */
u32 hart_count(void);
struct hart *hart_at(u32 index);

/* Makes hart 0 this one; before anything else that asks for this_hart(). */
void hart_init_boot(u64 id);
/* Sets up this hart's CSRs and its trace. */
void hart_setup(void);
/* Starts every other hart that the machine has; they enter hart_run(). */
struct machine;
void hart_start_all(const struct machine *machine);
/* Runs vCPUs for ever. */
__noreturn void hart_run(void);
