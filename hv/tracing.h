/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Where the run loop meets the recorder: each call costs one predictable branch while tracing is
 * off.  See tracing.c.
 */
#include "lib/kit/err.h"
#include "lib/riscv/ops.h"
#include "sbi/trace.h"

#include "hv/hart.h"
#include "hv/vmexit.h"

struct machine;

/* Turns tracing on for harts that start from now on; ERR_INVAL and a message if it cannot be. */
__must_check enum err tracing_start(const struct machine *machine, const char *filter);
/* Gives a hart, which does not run guests yet, a ring, if tracing is on. */
void tracing_start_hart(struct hart *hart);
/* Sends everything and ends the stream.  Harmless if there is none.  Not while panicking: whoever
 * panics may hold the port. */
void tracing_stop(void);

/* Whether exits are recorded from now on, where tracing was started; on all harts, soon. ERR_STATE:
 * it was not. */
__must_check enum err tracing_set(bool on);
bool tracing_is_on(void);
/* This hart does as tracing_set() has said.  In an exit, or with no vCPU loaded. */
void tracing_follow(void);

void tracing_record_exit(const struct vmexit *e);
void tracing_record_entry(void);
void tracing_record_vm(enum trace_did did, u32 pid, u32 detail);
void tracing_record_idle(void);
void tracing_record_busy(void);

/* A guest is about to be entered. */
static inline void tracing_entry(void)
{
    if (unlikely(this_hart()->trace != NULL))
        tracing_record_entry();
}

/* A VM began or ended. */
static inline void tracing_vm(enum trace_did did, u32 pid, u32 detail)
{
    if (unlikely(this_hart()->trace != NULL))
        tracing_record_vm(did, pid, detail);
}

/* The hart has nothing to run and is about to wait. */
static inline void tracing_idle(void)
{
    if (unlikely(this_hart()->trace != NULL))
        tracing_record_idle();
}

/* The hart has something to run. */
static inline void tracing_busy(void)
{
    if (unlikely(this_hart()->trace != NULL))
        tracing_record_busy();
}
