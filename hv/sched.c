/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scheduler: a queue of runnable vCPUs for each hart, shared out by run time.
 *
 *                 sched_start                     sched_next
 *     STOPPED ─────────────────▶ RUNNABLE ─────────────────────▶ RUNNING
 *        ▲                        ▲  │ ▲                        │  │  │
 *        │                   wake │  │ └────── sched_requeue ───┘  │  │
 *        │                     BLOCKED ◀──────── sched_block ──────┘  │
 *        └──────────────────────────────────────── sched_stop ────────┘
 *
 * PARKED is a RUNNABLE vCPU whose VM another of its vCPUs is stopping, or that is halted: it is in
 * no queue.  See sched_vm.c for what is done to a VM as a whole.
 *
 * A vCPU belongs to the hart vcpu->hart: it runs there, or waits in its queue, or sleeps among its
 * sleepers.  That hart's lock guards it, and only who holds the lock gives it to another hart.
 * Invariants, under that lock: a vCPU is in the queue exactly if it is RUNNABLE, and among the
 * sleepers exactly if it is BLOCKED and has a deadline.  On its way from one hart to another it is
 * RUNNING for a moment.  `woken` makes a wake-up count that comes while it runs, before it blocks.
 *
 * Who may run is decided when it is picked.  A VM's stopper, halted and doomed are written before
 * the locks of its vCPUs' harts are taken: either who picks sees what was written, or who wrote it
 * sees the vCPU RUNNING, and kicks it.
 *
 * A hart that has nothing to do steals from the longest queue before it waits.  It says in
 * `idle_harts` that it waits, and then looks again; who makes a vCPU runnable looks at idle_harts
 * afterwards.  One of the two sees the other.
 *
 * How long one waits: by run time, as lib/sched/cfs.c does it.  A woken one goes before all that
 * have had no less than it, but for a slice (the credit): so it waits for those that woke before it
 * and for the rest of SLICE_WOKEN_NS of the running one, unless it has used up more than its share
 * by a slice.  A slice ends only while somebody waits, and so does the timer's for it.
 *
 * No IPI is sent with a lock of the scheduler held.
 */
#include "hv/sched.h"

#include "lib/riscv/csr.h"

#include "hv/firmware.h"
#include "hv/hart.h"
#include "hv/irq.h"
#include "hv/panic.h"
#include "hv/reclaim.h"
#include "hv/sched_parts.h"
#include "hv/timer.h"
#include "hv/tracing.h"
#include "hv/vcpu.h"
#include "hv/vm.h"

#define STEAL_MAX  16U          /* vCPUs that change harts at a time */
#define EXPIRE_MAX 64U          /* sleepers woken at a time */
#define SPREAD     2654435761UL /* a large prime: makes of multiples of one number any numbers */

_Static_assert(HARTS_MAX <= 64, "a bit of idle_harts each");
static u64 idle_harts; /* atomic: who waits, and nobody has woken it */

static struct vcpu *vcpu_of(struct runnable *r)
{
    return container_of(r, struct vcpu, run);
}

static struct vcpu *sleeper_of(struct heap_node *node)
{
    return vcpu_of(container_of(node, struct runnable, node));
}

void sched_init_hart(struct hart *hart)
{
    run_queue_init(&hart->queue, &sched_cfs, 1);
    heap_init(&hart->sleepers);
    hart->next_wake = UINT64_MAX;
    hart->slice_end = UINT64_MAX;
}

static u64 slice_ticks(void)
{
    return timer_ticks_of_ns(SLICE_NS);
}

/* ---- the lock of a vCPU ---------------------------------------------------------------------- */

struct hart *sched_lock(const struct vcpu *vcpu)
{
    for (;;) {
        u32 index = __atomic_load_n(&vcpu->hart, __ATOMIC_RELAXED);
        struct hart *hart = hart_at(index);

        spin_lock(&hart->queue_lock);
        if (likely(__atomic_load_n(&vcpu->hart, __ATOMIC_RELAXED) == index))
            return hart;
        spin_unlock(&hart->queue_lock);
    }
}

/* What others read without the lock comes behind what the vCPU has done. */
static void set_state(struct vcpu *vcpu, enum vcpu_state state)
{
    __atomic_store_n(&vcpu->state, state, __ATOMIC_RELEASE);
}

/* ---- telling harts --------------------------------------------------------------------------- */

static void kick(const struct hart *hart)
{
    if (hart != this_hart())
        firmware_send_ipi(hart->id);
}

/* As kick(), but for the vCPU that the caller serves, too: it does not enter its guest again. */
void sched_kick_off(const struct hart *hart)
{
    if (hart == this_hart())
        csr_set(CSR_SIP, IP_SSIP);
    else
        firmware_send_ipi(hart->id);
}

/* True if it was idle, and the caller is who wakes it. */
static bool claim(u32 index)
{
    u64 bit = 1UL << index;

    return (__atomic_fetch_and(&idle_harts, ~bit, __ATOMIC_SEQ_CST) & bit) != 0;
}

static void wake_idle(const struct hart *preferred, u64 idle)
{
    u32 index = idle >> preferred->index & 1 ? preferred->index : (u32)__builtin_ctzl(idle);

    if (claim(index))
        kick(hart_at(index));
}

/*
 * A vCPU has joined the hart's queue, whose lock the caller has let go.
 *
 * slice_is_cut: the hart's timer may have to be set for that.  This hart takes the vCPU by itself
 * if it has none loaded and one to take: nobody needs to come for it.
 */
static void announce(struct hart *hart, bool slice_is_cut)
{
    struct hart *here = this_hart();
    u64 idle;

    if (hart == here && here->vcpu == NULL && here->queue.queued == 1)
        return;
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* the queue before idle_harts: see sched_next() */
    idle = __atomic_load_n(&idle_harts, __ATOMIC_RELAXED);
    if (unlikely(idle != 0)) {
        wake_idle(hart, idle);
        if (idle >> hart->index & 1)
            return;
    }
    if (!slice_is_cut)
        return;
    if (hart != here)
        kick(hart);
    else if (here->vcpu != NULL)
        timer_program(here->vcpu);
}

/* ---- queues ---------------------------------------------------------------------------------- */

/*
 * The hart's lock is held; so for all below.  True if the slice now ends earlier.
 *
 * A woken vCPU waits for what is left of a short slice; one that is new, for a whole
 * one: so who forks goes on, however long it has run alone before.
 */
static bool cut_slice(struct hart *hart, bool is_woken)
{
    u64 end = is_woken ? hart->picked_at + timer_ticks_of_ns(SLICE_WOKEN_NS)
                       : timer_now() + slice_ticks();

    if (!hart->is_running || end >= hart->slice_end)
        return false;
    hart->slice_end = end;
    return true;
}

/*
 * When a slice ends that begins now; the hart's lock is held.
 *
 * Each hart has its own places in time for that, four fifths of SLICE_NS apart and between those of
 * the others, so that they do not come to the same locks at once; and each lies up to a quarter of
 * that earlier, lest what coincides by chance does so for ever.  (Where harts are emulated in
 * turns, turns end with slices: with regular ones some harts have longer turns than others for
 * ever.)  A first slice may be short; then run times decide who is next.
 *
 * Also where nobody waits a slice ends, since somebody may wait at another hart, whose queue has
 * become the longer one.  Where there is no other hart it is a long one: QEMU 7.2 can lose an
 * interrupt of the guest's timer that comes while the guest writes sip, and finds it again at the
 * next of the hart's.
 */
static u64 slice_end_after(const struct hart *hart, u64 now)
{
    u64 period, phase, place, end;

    if (hart_count() == 1 && likely(hart->queue.queued == 0)) {
        period = timer_ticks_of_ns(SLICE_ALONE_NS);
        return now + period - now % period;
    }
    period = slice_ticks() * 4 / 5;
    phase = period * hart->index / hart_count();
    place = now - (now + period - phase) % period;
    do {
        place += period;
        end = place - place * SPREAD % (period / 4);
    } while (end <= now);
    return end;
}

/* A woken one is queued as if it had run for a slice less; see unfavour(). */
static void favour(const struct run_queue *queue, struct vcpu *vcpu)
{
    struct runnable *r = &vcpu->run;
    u64 lead = 0;

    if (r->home == queue && heap_key_before(queue->min_vruntime, r->vruntime))
        lead = r->vruntime - queue->min_vruntime;
    r->home = NULL;
    r->vruntime = lead - slice_ticks() * RUNNABLE_VRUNTIME_SCALE;
    vcpu->is_favoured = true;
}

/* It is in the queue no more. */
static void unfavour(struct vcpu *vcpu)
{
    if (vcpu->is_favoured) {
        vcpu->run.vruntime += slice_ticks() * RUNNABLE_VRUNTIME_SCALE;
        vcpu->is_favoured = false;
    }
}

static bool may_run(const struct vcpu *vcpu)
{
    const struct vm *vm = vcpu->vm;
    const struct vcpu *stopper = __atomic_load_n(&vm->stopper, __ATOMIC_RELAXED);

    if (unlikely(__atomic_load_n(&vm->halted, __ATOMIC_RELAXED)) &&
        !__atomic_load_n(&vm->doomed, __ATOMIC_RELAXED))
        return false;
    return stopper == NULL || stopper == vcpu;
}

bool sched_must_end(const struct vcpu *vcpu)
{
    return __atomic_load_n(&vcpu->vm->doomed, __ATOMIC_ACQUIRE) && vcpu->held != VERDICT_END;
}

/* The vCPU is away from all queues.  *slice_is_cut: as announce() takes it.  False: it is PARKED.
 */
static bool join(struct hart *hart, struct vcpu *vcpu, bool is_woken, bool *slice_is_cut)
{
    if (!may_run(vcpu)) {
        set_state(vcpu, VCPU_PARKED);
        return false;
    }
    if (is_woken)
        favour(&hart->queue, vcpu);
    run_queue_add(&hart->queue, &vcpu->run);
    set_state(vcpu, VCPU_RUNNABLE);
    *slice_is_cut |= cut_slice(hart, is_woken);
    return true;
}

void sched_join_and_unlock(struct hart *hart, struct vcpu *vcpu, bool is_woken)
{
    bool slice_is_cut = false;
    bool joined = join(hart, vcpu, is_woken, &slice_is_cut);

    spin_unlock(&hart->queue_lock);
    if (joined)
        announce(hart, slice_is_cut);
}

/* This hart's vCPU leaves it; time counts until now. */
static void charge(struct hart *hart, struct vcpu *vcpu)
{
    u64 now = timer_now();

    (void)run_queue_tick(&hart->queue, &vcpu->run, now - hart->charged_at);
    hart->charged_at = now;
    hart->is_running = false;
}

void sched_start(struct vcpu *vcpu)
{
    struct hart *hart = sched_lock(vcpu);

    assert(vcpu->state == VCPU_STOPPED);
    sched_join_and_unlock(hart, vcpu, false);
}

void sched_requeue(struct vcpu *vcpu)
{
    struct hart *hart = sched_lock(vcpu);

    charge(hart, vcpu);
    if (likely(may_run(vcpu))) {
        run_queue_put(&hart->queue, &vcpu->run, true);
        set_state(vcpu, VCPU_RUNNABLE);
    } else {
        set_state(vcpu, VCPU_PARKED);
    }
    spin_unlock(&hart->queue_lock);
}

void sched_stop(struct vcpu *vcpu)
{
    struct hart *hart = sched_lock(vcpu);

    charge(hart, vcpu);
    if (unlikely(__atomic_load_n(&vcpu->vm->doomed, __ATOMIC_ACQUIRE))) {
        sched_join_and_unlock(hart, vcpu, true);
        return;
    }
    set_state(vcpu, VCPU_STOPPED);
    spin_unlock(&hart->queue_lock);
}

/* ---- sleep and wake-up ----------------------------------------------------------------------- */

static void sleepers_changed(struct hart *hart)
{
    struct heap_node *first = heap_first(&hart->sleepers);

    __atomic_store_n(&hart->next_wake, first == NULL ? UINT64_MAX : first->key, __ATOMIC_RELAXED);
}

static void fall_asleep(struct hart *hart, struct vcpu *vcpu, u64 deadline)
{
    set_state(vcpu, VCPU_BLOCKED);
    vcpu->deadline = deadline;
    if (deadline != UINT64_MAX) {
        heap_add(&hart->sleepers, &vcpu->run.node, deadline);
        sleepers_changed(hart);
    }
}

/* The vCPU is BLOCKED, and then in no heap. */
static void take_from_sleepers(struct hart *hart, struct vcpu *vcpu)
{
    if (vcpu->deadline != UINT64_MAX) {
        heap_remove(&hart->sleepers, &vcpu->run.node);
        sleepers_changed(hart);
    }
}

void sched_block(struct vcpu *vcpu, u64 deadline)
{
    struct hart *hart = sched_lock(vcpu);

    charge(hart, vcpu);
    if (unlikely(vcpu->woken || sched_must_end(vcpu))) {
        vcpu->woken = false;
        sched_join_and_unlock(hart, vcpu, true);
        return;
    }
    fall_asleep(hart, vcpu, deadline);
    spin_unlock(&hart->queue_lock);
}

/* The vCPU is in no list; afterwards it belongs to this hart, is RUNNING, and the caller's. */
static void move_here(struct vcpu *vcpu)
{
    set_state(vcpu, VCPU_RUNNING);
    __atomic_store_n(&vcpu->hart, this_hart()->index, __ATOMIC_RELEASE);
}

/* A hart that has none loaded takes it along: it runs sooner there, and no hart must be told. */
void sched_wake_and_unlock(struct hart *hart, struct vcpu *vcpu)
{
    struct hart *here = this_hart();

    take_from_sleepers(hart, vcpu);
    if (hart != here && here->vcpu == NULL) {
        move_here(vcpu);
        spin_unlock(&hart->queue_lock);
        spin_lock(&here->queue_lock);
        hart = here;
    }
    sched_join_and_unlock(hart, vcpu, true);
}

void sched_wake(struct vcpu *vcpu)
{
    struct hart *hart = sched_lock(vcpu);
    bool runs = vcpu->state == VCPU_RUNNING;

    if (likely(vcpu->state == VCPU_BLOCKED)) {
        sched_wake_and_unlock(hart, vcpu);
        return;
    }
    vcpu->woken = true;
    spin_unlock(&hart->queue_lock);
    if (runs)
        kick(hart);
}

/* Only this hart adds to its sleepers; others may take some away, which makes it early at worst. */
u64 sched_next_deadline(void)
{
    return __atomic_load_n(&this_hart()->next_wake, __ATOMIC_RELAXED);
}

/* If there are more than EXPIRE_MAX the timer stays due. */
void sched_expire(u64 now)
{
    struct hart *hart = this_hart();
    bool joined = false, slice_is_cut = false;

    if (likely(sched_next_deadline() > now))
        return;
    spin_lock(&hart->queue_lock);
    for (u32 i = 0; i < EXPIRE_MAX && hart->next_wake <= now; i++) {
        struct vcpu *vcpu = sleeper_of(heap_first(&hart->sleepers));

        take_from_sleepers(hart, vcpu);
        joined |= join(hart, vcpu, true, &slice_is_cut);
    }
    spin_unlock(&hart->queue_lock);
    if (joined)
        announce(hart, slice_is_cut);
}

void sched_leave_lists(struct hart *hart, struct vcpu *vcpu)
{
    if (vcpu->state == VCPU_RUNNABLE) {
        run_queue_remove(&hart->queue, &vcpu->run);
        unfavour(vcpu);
    } else if (vcpu->state == VCPU_BLOCKED) {
        take_from_sleepers(hart, vcpu);
    }
    set_state(vcpu, VCPU_STOPPED);
}

/* ---- stealing -------------------------------------------------------------------------------- */

static u32 queued_at(const struct hart *hart)
{
    return __atomic_load_n(&hart->queue.queued, __ATOMIC_RELAXED);
}

/* The hart with the longest queue, if that is worth while for one whose own has `queued`. */
static struct hart *richest(u32 queued)
{
    struct hart *richest = NULL;
    u32 most = queued == 0 ? 0 : queued + 1;

    for (u32 i = 0; i < hart_count(); i++) {
        if (queued_at(hart_at(i)) > most) {
            richest = hart_at(i);
            most = queued_at(richest);
        }
    }
    return richest;
}

/*
 * Half of what `victim` has more than this hart, which may be nothing by now.  One that may not run
 * stays: who stops it has seen that it does not, and may end its VM while it is on its way.
 */
static u32 take_half(struct hart *victim, struct vcpu **taken)
{
    struct hart *here = this_hart();
    u32 ours = queued_at(here), count = 0, share;

    spin_lock(&victim->queue_lock);
    share = victim->queue.queued > ours ? (victim->queue.queued - ours + 1) / 2 : 0;
    for (; share > 0 && count < STEAL_MAX; share--) {
        struct vcpu *vcpu = vcpu_of(run_queue_take(&victim->queue));

        unfavour(vcpu);
        if (unlikely(!may_run(vcpu))) {
            set_state(vcpu, VCPU_PARKED);
            continue;
        }
        move_here(vcpu);
        taken[count++] = vcpu;
    }
    spin_unlock(&victim->queue_lock);
    return count;
}

/* This hart's queue gets as long as the longest one.  False: there was nothing to take. */
static bool steal(void)
{
    struct hart *here = this_hart(), *victim = richest(queued_at(here));
    struct vcpu *taken[STEAL_MAX];
    bool slice_is_cut = false;
    u32 count;

    if (victim == NULL || victim == here)
        return false;
    count = take_half(victim, taken);
    spin_lock(&here->queue_lock);
    for (u32 i = 0; i < count; i++)
        (void)join(here, taken[i], false, &slice_is_cut);
    spin_unlock(&here->queue_lock);
    if (count > 1)
        announce(here, slice_is_cut); /* there may be a next hart that has nothing to do */
    return count != 0;
}

/* ---- a hart's next --------------------------------------------------------------------------- */

bool sched_contended(void)
{
    return queued_at(this_hart()) != 0;
}

bool sched_slice_is_over(struct vcpu *vcpu, u64 now)
{
    struct hart *hart = this_hart();
    bool is_over;

    if (now < __atomic_load_n(&hart->slice_end, __ATOMIC_RELAXED))
        return false;
    (void)steal();
    spin_lock(&hart->queue_lock);
    is_over = run_queue_tick(&hart->queue, &vcpu->run, now - hart->charged_at);
    hart->charged_at = now;
    hart->slice_end = slice_end_after(hart, now);
    spin_unlock(&hart->queue_lock);
    return is_over;
}

bool sched_must_leave(const struct vcpu *vcpu)
{
    return !may_run(vcpu) || __atomic_load_n(&vcpu->vm->doomed, __ATOMIC_RELAXED);
}

/* It was picked, and may run. */
static void run_here(struct hart *hart, struct vcpu *vcpu)
{
    set_state(vcpu, VCPU_RUNNING);
    vcpu->woken = false; /* it looks again at what it waits for before it blocks */
    hart->picked_at = timer_now();
    hart->charged_at = hart->picked_at;
    hart->is_running = true;
    hart->slice_end = slice_end_after(hart, hart->picked_at);
    if (unlikely(sched_must_end(vcpu))) {
        vcpu->end.status = vcpu->vm->doom_status;
        vcpu->end.reason = PROC_STATUS_IS_EXIT(vcpu->end.status) ? END_EXIT : END_SIGNAL;
        vcpu->held = VERDICT_END;
    }
}

/* The first of this hart's queue that may run; NULL if there is none. */
static struct vcpu *pick(struct hart *hart)
{
    struct vcpu *found = NULL;
    struct runnable *r;

    if (queued_at(hart) == 0)
        return NULL;
    spin_lock(&hart->queue_lock);
    while (found == NULL && (r = run_queue_pick(&hart->queue)) != NULL) {
        struct vcpu *vcpu = vcpu_of(r);

        unfavour(vcpu);
        if (likely(may_run(vcpu))) {
            run_here(hart, vcpu);
            found = vcpu;
        } else {
            set_state(vcpu, VCPU_PARKED);
        }
    }
    spin_unlock(&hart->queue_lock);
    return found;
}

static bool anybody_waits(void)
{
    for (u32 i = 0; i < hart_count(); i++) {
        if (queued_at(hart_at(i)) != 0)
            return true;
    }
    return false;
}

/*
 * Waits for something to happen, unless there is something to do: at least memory to clean up.
 *
 * wfi falls through if an enabled interrupt pends, even while they are masked; so a kick between
 * the look at the queues and wfi is not missed.
 */
static void wait_idle(struct hart *hart)
{
    u64 bit = 1UL << hart->index;

    hart_rest();
    __atomic_fetch_or(&idle_harts, bit, __ATOMIC_SEQ_CST);
    __atomic_thread_fence(__ATOMIC_SEQ_CST); /* idle_harts before the queues: see announce() */
    if (!anybody_waits() && !reclaim_slice()) {
        u64 since = timer_now();

        tracing_idle();
        timer_program(NULL);
        wfi();
        __atomic_store_n(&hart->idle_ticks, hart->idle_ticks + timer_now() - since,
                         __ATOMIC_RELAXED);
    }
    __atomic_fetch_and(&idle_harts, ~bit, __ATOMIC_SEQ_CST);
    csr_clear(CSR_SIP, IP_SSIP);
    irq_serve_idle();
    sched_expire(timer_now());
}

struct vcpu *sched_next(void)
{
    struct hart *hart = this_hart();

    for (;;) {
        struct vcpu *vcpu = pick(hart);

        if (vcpu != NULL) {
            tracing_busy();
            return vcpu;
        }
        if (!steal())
            wait_idle(hart);
    }
}
