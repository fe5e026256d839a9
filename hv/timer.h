/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Time, and the one host timer of a hart that serves many deadlines.  See timer.c. */
#include "lib/kit/types.h"

struct vcpu;

/* Which timers the harts have; guests get Sstc only if allow_sstc.  Once, on the boot hart. */
void timer_init(u64 timebase_hz, bool host_sstc, bool allow_sstc);
/* This hart's share of it. */
void timer_setup_hart(void);
u64 timer_now(void);
u64 timer_ticks_of_ns(u64 ns);
/* True if a guest's stimecmp is the hart's vstimecmp. */
bool timer_guest_has_sstc(void);

/* Move a guest's timer between vcpu->csr.timer and the hart. */
void timer_load(const struct vcpu *vcpu);
void timer_save(struct vcpu *vcpu);
/* The host timer has fired while no guest was loaded. */
void timer_fired(void);
/* The host timer has fired: raises the guest's timer interrupt if that is why, wakes sleepers. */
bool timer_serve(struct vcpu *loaded, u64 now);
/* Sets the host timer to the soonest of: slice end, sleepers, disks, the loaded guest's injected
 * timer. NULL: none is loaded. */
void timer_program(const struct vcpu *loaded);
