/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Each vCPU has a deadline of its own, vcpu->csr.timer; a hart has one timer.
 *
 *     guest has Sstc    while it is loaded, vstimecmp is its timer and hardware raises VSTIP
 *     otherwise         the host timer stands for it, and hv raises VSTIP in hvip
 *
 * Invariant: hart->timer_deadline is what the hart's timer is set to, and while a guest runs, or
 * the hart waits, it is never later than the soonest of the slice's end, the sleepers of this hart,
 * and the loaded guest's injected timer.  It may be earlier: it is not set anew for what goes away
 * or moves on, which costs one interrupt at most. For a disk that is to be looked at, the hart that
 * finds out and all that set their timer later have theirs set.
 *
 * [PRIV "Supervisor Timer (stimecmp) Register", "Virtual Supervisor Timer (vstimecmp) Register"]
 */
#include "hv/timer.h"

#include "lib/riscv/csr.h"

#include "hv/disk_machine.h"
#include "hv/firmware.h"
#include "hv/hart.h"
#include "hv/sched.h"
#include "hv/vcpu.h"

static u64 hz;
static bool host_has_sstc, guest_has_sstc;

void timer_init(u64 timebase_hz, bool host_sstc, bool allow_sstc)
{
    hz = timebase_hz;
    host_has_sstc = host_sstc;
    guest_has_sstc = host_sstc && allow_sstc;
}

/* What the comparator holds after reset is open, and QEMU 10 has it raise VSTIP also while
 * henvcfg.STCE is clear. */
void timer_setup_hart(void)
{
    if (host_has_sstc)
        csr_write(CSR_VSTIMECMP, UINT64_MAX);
}

u64 timer_now(void)
{
    return csr_read(CSR_TIME);
}

u64 timer_ticks_of_ns(u64 ns)
{
    return ns * hz / 1000000000UL;
}

bool timer_guest_has_sstc(void)
{
    return guest_has_sstc;
}

void timer_load(const struct vcpu *vcpu)
{
    if (guest_has_sstc)
        csr_write(CSR_VSTIMECMP, vcpu->csr.timer);
}

void timer_save(struct vcpu *vcpu)
{
    if (guest_has_sstc)
        vcpu->csr.timer = csr_read(CSR_VSTIMECMP);
}

static void set_host_timer(u64 deadline)
{
    this_hart()->timer_deadline = deadline;
    if (host_has_sstc)
        csr_write(CSR_STIMECMP, deadline);
    else
        firmware_set_timer(deadline);
}

static u64 min(u64 a, u64 b)
{
    return a < b ? a : b;
}

/* It has fired, or is about to: nothing later is due by it. */
static bool timer_is_spent(const struct hart *hart)
{
    return hart->timer_deadline <= timer_now();
}

void timer_program(const struct vcpu *loaded)
{
    struct hart *hart = this_hart();
    u64 deadline = sched_next_deadline();

    if (loaded != NULL)
        deadline = min(deadline, __atomic_load_n(&hart->slice_end, __ATOMIC_RELAXED));
    deadline = min(deadline, disk_next_deadline());
    if (loaded != NULL && !guest_has_sstc)
        deadline = min(deadline, loaded->csr.timer);
    if (deadline < hart->timer_deadline || timer_is_spent(hart))
        set_host_timer(deadline);
}

/*
 * Whatever the timer was set to, it is to be set again: the interrupt pends until then.  It may
 * come for a deadline that has been replaced meanwhile, as QEMU's does from a thread of its own.
 */
void timer_fired(void)
{
    this_hart()->timer_deadline = 0;
}

/* True if VSTIP was set: a deadline is used up by that, so this is at most once for each. */
bool timer_serve(struct vcpu *loaded, u64 now)
{
    bool fires = !guest_has_sstc && loaded->csr.timer <= now;

    timer_fired();
    if (fires) {
        loaded->csr.timer = UINT64_MAX;
        csr_set(CSR_HVIP, IP_VSTIP);
    }
    sched_expire(now);
    return fires;
}

/*
 * vcpu_set_timer - [SBI "Timer Extension", Function: set_timer].
 *
 * A time that has come already fires at once; UINT64_MAX is never.
 */
void vcpu_set_timer(struct vcpu *vcpu, u64 time)
{
    if (guest_has_sstc) {
        csr_write(CSR_VSTIMECMP, time);
        return;
    }
    csr_clear(CSR_HVIP, IP_VSTIP);
    vcpu->csr.timer = time;
    timer_program(vcpu);
}
