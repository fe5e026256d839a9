/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What belongs to one hart of the machine.  See hart.c. */
#include "lib/kit/heap.h"
#include "lib/kit/spinlock.h"
#include "lib/riscv/ops.h"
#include "lib/sched/policy.h"

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
    bool fp_is_zero;          /* these are all 0, but for what it does while it is loaded */
    struct trace_ring *trace; /* NULL: tracing is off */
    u64 vmid_generation;      /* from 1 */
    u32 vmid_next;
    u32 vmid;           /* in hgatp */
    u64 reservation;    /* vcpu_load() ends any LR's reservation by an SC to it */
    u64 timer_deadline; /* what the host timer is set to */
    u64 idle_ticks;     /* time with nothing to run; read by others, too */
    struct frame_cache frames;
    struct space_node_cache nodes;

    struct spinlock queue_lock;
    /* guarded by queue_lock, which guards the vCPUs that belong to this hart, too: */
    bool is_running; /* it has one that was picked */
    struct run_queue queue;
    struct heap sleepers; /* vCPUs blocked here that have a deadline */
    u64 next_wake;        /* the soonest of these, or UINT64_MAX; written under the lock */
    u64 picked_at;        /* when the one that runs was picked; since when it is charged */
    u64 charged_at;
    u64 slice_end; /* when it has to let others run, or UINT64_MAX */
};

#ifdef __riscv
register struct hart *hart_in_tp __asm__("tp");

extern struct hart harts[HARTS_MAX];

static inline struct hart *this_hart(void)
{
    return hart_in_tp;
}

static inline struct hart *hart_at(u32 index)
{
    return &harts[index];
}
#else
struct hart *this_hart(void);
struct hart *hart_at(u32 index);
#endif

/* Harts that are used: 0 to hart_count() - 1. */
u32 hart_count(void);

/* Makes hart 0 this one; before anything else that asks for this_hart(). */
void hart_init_boot(u64 id);
/* Sets up this hart's CSRs and its trace. */
void hart_setup(void);
/* Starts every other hart that the machine has; they enter hart_run(). */
struct machine;
void hart_start_all(const struct machine *machine);
/* For loops that wait for another hart: lets it run.  This hart has an IPI afterwards. */
void hart_relax(void);
/* At the end of the run, with no VM left: returns when no other hart does anything any more. */
void hart_rest_others(void);
/* This hart has nothing to do and nothing in its hands: if the run is over it does not return. */
void hart_rest(void);
/* Runs vCPUs for ever. */
__noreturn void hart_run(void);
