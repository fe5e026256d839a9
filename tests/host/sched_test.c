/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The scheduler: its rules one by one, then with a thread for each hart, where no vCPU may be on
 * two harts and none beside one that has stopped it.
 */
#include <pthread.h>
#include <sched.h>
#include <setjmp.h>
#include <stdio.h>
#include <stdlib.h>
#include <unistd.h>

#include "lib/riscv/csr.h"

#include "hv/firmware.h"
#include "hv/hart.h"
#include "hv/irq.h"
#include "hv/panic.h"
#include "hv/sched.h"
#include "hv/timer.h"
#include "hv/tracing.h"
#include "hv/vcpu.h"
#include "hv/vm.h"

#include "tests/host/hv_world.h"
#include "tests/test.h"

#define firmware_send_ipi fake_send_ipi
#define hart_relax        sched_yield
#define hart_rest()       ((void)0)
#define irq_serve_idle()  ((void)0)
#define timer_now         fake_timer_now
#define timer_program     fake_timer_program
#define timer_ticks_of_ns fake_ticks_of_ns
#define tracing_busy()    ((void)0)
#define tracing_idle()    ((void)0)
#define wfi               fake_wfi
#undef csr_clear
#define csr_clear(csr, bits) ((void)0)
#undef csr_set
#define csr_set(csr, bits) fake_send_ipi(this_hart()->id)

#define HARTS 3
#define VMS   4
#define VCPUS 3

/* Fails the process: test_fail() is for the main thread. */
#define MUST(condition)                                                \
    do {                                                               \
        if (!(condition)) {                                            \
            printf("%s:%d: not %s\n", __FILE__, __LINE__, #condition); \
            fflush(stdout);                                            \
            _exit(1);                                                  \
        }                                                              \
    } while (0)

static struct vm vms[VMS];
static struct vcpu vcpus[VMS][VCPUS];

static u64 run_time[VMS][VCPUS];
static u64 time_now;
static u64 ipis[HARTS];
static _Thread_local jmp_buf would_wait; /* where sched_next() goes when it would wait */
static bool all_over;
static void unhalt_all(void);

static u64 fake_timer_now(void)
{
    return __atomic_load_n(&time_now, __ATOMIC_RELAXED);
}

static u64 fake_ticks_of_ns(u64 ns)
{
    return ns / 100; /* 10 MHz */
}

static void fake_timer_program(const struct vcpu *loaded)
{
    (void)loaded;
}

static void fake_send_ipi(u64 hart_id)
{
    for (u32 i = 0; i < HARTS; i++) {
        if (hart_at(i)->id == hart_id)
            __atomic_fetch_add(&ipis[i], 1, __ATOMIC_RELAXED);
    }
}

static void fake_wfi(void)
{
    if (__atomic_load_n(&all_over, __ATOMIC_RELAXED))
        longjmp(would_wait, 1);
    if (__atomic_fetch_add(&time_now, 1, __ATOMIC_RELAXED) % 4096 == 0)
        unhalt_all();
    sched_yield();
}

#include "hv/sched.c"    // NOLINT(bugprone-suspicious-include)
#include "hv/sched_vm.c" // NOLINT(bugprone-suspicious-include)

static void boot(void)
{
    world_boot(HARTS, 0);
    idle_harts = 0;
    for (u32 i = 0; i < HARTS; i++)
        sched_init_hart(hart_at(i));
    for (u32 i = 0; i < VMS; i++) {
        vms[i].vcpus = VCPUS;
        for (u32 k = 0; k < VCPUS; k++) {
            vms[i].vcpu[k] = &vcpus[i][k];
            vcpus[i][k] = (struct vcpu){.vm = &vms[i], .id = k, .state = VCPU_STOPPED};
            runnable_init(&vcpus[i][k].run);
        }
    }
}

static bool is_idle(u32 hart)
{
    return (idle_harts >> hart & 1) != 0;
}

/* What this hart would run; NULL if it would wait. */
static struct vcpu *next(void)
{
    all_over = true;
    if (setjmp(would_wait) != 0)
        return NULL;
    return sched_next();
}

static struct vcpu *next_on(u32 hart)
{
    u32 here = this_hart()->index;
    struct vcpu *vcpu;

    world_on(hart);
    vcpu = next();
    world_on(here);
    return vcpu;
}

/* ---- one by one ---- */

static void run_turns(void *argument)
{
    (void)argument;
    boot();
    CHECK(next() == NULL);
    CHECK(is_idle(0));
    for (u32 i = 0; i < VMS; i++)
        sched_start(&vcpus[i][0]);
    CHECK(sched_contended());
    for (u32 turn = 0; turn < 3 * VMS; turn++) {
        CHECK(next() == &vcpus[turn % VMS][0]);
        CHECK_EQ(vcpus[turn % VMS][0].state, VCPU_RUNNING);
        sched_requeue(&vcpus[turn % VMS][0]);
    }
    for (u32 i = 0; i < VMS; i++)
        sched_stop(next());
    CHECK(!sched_contended() && next() == NULL);
}

TEST(sched_serves_in_turn)
{
    test_must_pass(run_turns, NULL);
}

static void run_sleepers(void *argument)
{
    static const u64 deadlines[VMS] = {30, 10, UINT64_MAX, 10};

    (void)argument;
    boot();
    for (u32 i = 0; i < VMS; i++)
        sched_start(&vcpus[i][0]);
    for (u32 i = 0; i < VMS; i++)
        sched_block(next(), deadlines[i]);
    CHECK_EQ(sched_next_deadline(), 10);
    sched_expire(9);
    CHECK(next() == NULL);
    sched_expire(29);
    CHECK(next() == &vcpus[1][0] && next() == &vcpus[3][0] && next() == NULL);
    CHECK_EQ(sched_next_deadline(), 30);
    world_on(1); /* whose sleepers these are not */
    CHECK_EQ(sched_next_deadline(), UINT64_MAX);
    sched_expire(UINT64_MAX - 1);
    CHECK(next() == NULL);
    sched_wake(&vcpus[2][0]);
    CHECK(next() == &vcpus[2][0]);
    world_on(0);
    sched_expire(30);
    CHECK(next() == &vcpus[0][0]);
    CHECK_EQ(sched_next_deadline(), UINT64_MAX);
}

TEST(sched_sleepers_wake_in_order_of_time)
{
    test_must_pass(run_sleepers, NULL);
}

/* A wake-up before the block ends that block, and only that. */
static void run_early_wake(void *argument)
{
    struct vcpu *vcpu = &vcpus[0][0];

    (void)argument;
    boot();
    sched_start(vcpu);
    CHECK(next() == vcpu);
    world_on(1);
    sched_wake(vcpu);
    sched_wake(vcpu);
    CHECK_EQ(ipis[0], 2); /* it looks at what pends */
    world_on(0);
    sched_block(vcpu, UINT64_MAX);
    CHECK(next() == vcpu);
    sched_block(vcpu, UINT64_MAX);
    CHECK(next() == NULL && is_idle(0));
    world_on(1);
    this_hart()->vcpu = &vcpus[1][0];
    sched_wake(vcpu);
    CHECK(!is_idle(0));
    CHECK_EQ(ipis[0], 3); /* a hart that waits is told */
    CHECK(next_on(0) == vcpu);
    world_on(0);
    sched_block(vcpu, UINT64_MAX);
    CHECK(next() == NULL && is_idle(0));
    world_on(1);
    this_hart()->vcpu = NULL;
    sched_wake(vcpu);
    CHECK(is_idle(0)); /* one that has nothing loaded takes it along */
    CHECK_EQ(ipis[0], 3);
    CHECK(next() == vcpu);
}

TEST(sched_wake_before_block_counts)
{
    test_must_pass(run_early_wake, NULL);
}

/* Computes on the hart until its slice is over, and then lets others run. */
static void compute(u32 hart, u64 *worst)
{
    struct vcpu *vcpu = next_on(hart);
    u64 begin = time_now;

    world_on(hart);
    while (!sched_slice_is_over(vcpu, time_now)) {
        time_now += SLICE_NS / 100 / 16;
        MUST(time_now < begin + 3 * SLICE_NS / 100);
    }
    if (time_now - begin > *worst)
        *worst = time_now - begin;
    sched_requeue(vcpu);
    run_time[vcpu->vm - vms][vcpu->id] += time_now - begin;
}

/* By turns on one hart, and one of them sleeps: who wakes is next, at most a slice later. */
static void run_wake_latency(void *argument)
{
    struct vcpu *sleeper = &vcpus[0][0], *runner;
    u64 worst = 0;

    (void)argument;
    boot();
    time_now = 1000000;
    sched_start(sleeper);
    CHECK(next() == sleeper);
    sched_block(sleeper, UINT64_MAX);
    for (u32 i = 1; i < VMS * VCPUS; i++)
        sched_start(&vcpus[i / VCPUS][i % VCPUS]);
    for (u32 round = 0; round < 200; round++) {
        for (u32 i = 0; i < round % 7; i++)
            compute(0, &worst);
        runner = next();
        time_now += round * 100;
        sched_wake(sleeper);
        CHECK(this_hart()->slice_end <= this_hart()->picked_at + SLICE_WOKEN_NS / 100);
        while (!sched_slice_is_over(runner, time_now))
            time_now += 10;
        CHECK(time_now - this_hart()->picked_at <= round * 100 + SLICE_WOKEN_NS / 100 + 10);
        sched_requeue(runner);
        CHECK(next() == sleeper);
        time_now += 5;
        sched_block(sleeper, UINT64_MAX);
    }
    CHECK(worst <= SLICE_NS / 100 + SLICE_NS / 100 / 16);
}

TEST(sched_runs_the_woken_soon)
{
    test_must_pass(run_wake_latency, NULL);
}

/* One that has used up its share and a slice more waits for its turn. */
static void run_greedy_sleeper(void *argument)
{
    struct vcpu *greedy = &vcpus[0][0], *other = &vcpus[1][0];

    (void)argument;
    boot();
    time_now = 1000000;
    sched_start(greedy);
    CHECK(next() == greedy);
    sched_start(other);
    time_now += 3 * SLICE_NS / 100;
    sched_block(greedy, UINT64_MAX);
    CHECK(next() == other);
    sched_wake(greedy);
    time_now += SLICE_NS / 100;
    CHECK(!sched_slice_is_over(other, time_now));
    time_now += SLICE_NS / 100;
    (void)sched_slice_is_over(other, time_now);
    sched_requeue(other);
    CHECK(next() == greedy);
}

TEST(sched_wakes_nobody_into_more_than_its_share)
{
    test_must_pass(run_greedy_sleeper, NULL);
}

/* All start on one hart, and each gets the same of all harts. */
static void run_fairness(void *argument)
{
    u64 worst = 0, sum = 0;

    (void)argument;
    boot();
    time_now = 1000000;
    for (u32 i = 0; i < VMS * VCPUS; i++)
        sched_start(&vcpus[i / VCPUS][i % VCPUS]);
    for (u32 round = 0; round < 3000; round++)
        compute(round % HARTS, &worst);
    for (u32 i = 0; i < VMS * VCPUS; i++)
        sum += run_time[i / VCPUS][i % VCPUS];
    for (u32 i = 0; i < VMS * VCPUS; i++) {
        u64 mean = sum / (VMS * VCPUS), its = run_time[i / VCPUS][i % VCPUS];

        CHECK(its > mean - mean / 8 && its < mean + mean / 8);
    }
    for (u32 i = 0; i < HARTS; i++) {
        u32 queued = hart_at(i)->queue.queued;

        CHECK(queued + 1 >= VMS * VCPUS / HARTS && queued <= VMS * VCPUS / HARTS + 1);
    }
}

TEST(sched_shares_all_harts_alike)
{
    test_must_pass(run_fairness, NULL);
}

/* Without a deadline there is no place among the sleepers; a slice ends also where nobody waits. */
static void run_little_to_pay(void *argument)
{
    (void)argument;
    boot();
    sched_start(&vcpus[0][0]);
    CHECK(next() == &vcpus[0][0]);
    CHECK(this_hart()->slice_end > time_now && this_hart()->slice_end <= time_now + SLICE_NS / 100);
    sched_block(&vcpus[0][0], UINT64_MAX);
    CHECK(heap_first(&this_hart()->sleepers) == NULL);
    CHECK_EQ(sched_next_deadline(), UINT64_MAX);
}

TEST(sched_costs_little_alone)
{
    test_must_pass(run_little_to_pay, NULL);
}

/* Queues that grow while every hart has something to do are evened out all the same. */
static void run_alone_elsewhere(void *argument)
{
    struct vcpu *alone = &vcpus[0][0];

    (void)argument;
    boot();
    world_on(1);
    sched_start(alone);
    CHECK(next_on(1) == alone);
    world_on(0);
    for (u32 i = 1; i < 8; i++)
        sched_start(&vcpus[i / VCPUS][i % VCPUS]);
    CHECK(next_on(0) != NULL);
    CHECK_EQ(hart_at(1)->queue.queued, 0);
    time_now += SLICE_NS / 100;
    world_on(1);
    (void)sched_slice_is_over(alone, time_now);
    CHECK_EQ(hart_at(0)->queue.queued, 3);
    CHECK_EQ(hart_at(1)->queue.queued, 3);
}

TEST(sched_evens_out_while_all_are_busy)
{
    test_must_pass(run_alone_elsewhere, NULL);
}

static void run_stop_others(void *argument)
{
    struct vcpu *self = &vcpus[0][0], *ready = &vcpus[0][1], *asleep = &vcpus[0][2];
    struct vcpu *stranger = &vcpus[1][0];

    (void)argument;
    boot();
    sched_start(asleep);
    sched_block(next(), 50);
    sched_start(self);
    CHECK(next() == self);
    sched_start(ready);
    sched_start(stranger);
    CHECK(sched_stop_others(&vms[0], self));
    CHECK(!sched_stop_others(&vms[0], ready));
    CHECK(sched_must_leave(ready) && !sched_must_leave(self) && !sched_must_leave(stranger));
    sched_expire(50);
    world_on(1);
    CHECK(next() == stranger && next() == NULL); /* nobody of the VM meanwhile */
    CHECK_EQ(ready->state, VCPU_PARKED);
    CHECK_EQ(asleep->state, VCPU_PARKED);
    sched_resume_others(&vms[0]);
    CHECK(next() == ready && next() == asleep && next() == NULL);

    sched_requeue(ready);
    sched_block(asleep, 60);
    CHECK(sched_stop_others(&vms[0], self));
    sched_forget_others(&vms[0], self);
    sched_expire(100);
    CHECK(next() == NULL);
    CHECK_EQ(ready->state, VCPU_STOPPED);
    CHECK_EQ(asleep->state, VCPU_STOPPED);
    CHECK(vms[0].stopper == NULL && heap_first(&this_hart()->sleepers) == NULL);
}

TEST(sched_stops_the_others)
{
    test_must_pass(run_stop_others, NULL);
}

static void run_halt(void *argument)
{
    struct vcpu *self = &vcpus[0][0], *ready = &vcpus[0][1], *asleep = &vcpus[0][2];

    (void)argument;
    boot();
    sched_start(asleep);
    sched_block(next(), 50);
    sched_start(self);
    CHECK(next() == self);
    sched_start(ready);
    world_on(1);
    sched_halt(&vms[0]);
    CHECK_EQ(ipis[0], 1);
    CHECK(sched_must_leave(self));
    CHECK(next() == NULL); /* ready neither */
    world_on(0);
    sched_requeue(self);
    sched_wake(asleep);
    CHECK(next() == NULL);
    CHECK_EQ(asleep->state, VCPU_PARKED);
    sched_unhalt(&vms[0]);
    CHECK(next() == self && next() == ready); /* who may not run is not stolen */
    CHECK(next() == asleep && next() == NULL);

    /* It halts itself, and has stopped the others. */
    sched_requeue(ready);
    sched_block(asleep, UINT64_MAX);
    CHECK(sched_stop_others(&vms[0], self));
    sched_halt(&vms[0]);
    CHECK_EQ(ipis[0], 2); /* from here: it does not enter its guest again */
    sched_resume_others(&vms[0]);
    sched_requeue(self);
    CHECK(next() == NULL);
    sched_unhalt(&vms[0]);
    CHECK(next() == self && next() == ready && next() == NULL);
}

TEST(sched_halts_and_goes_on)
{
    test_must_pass(run_halt, NULL);
}

/* The vCPU is the next one, and what it does is end its VM. */
static void check_ends(struct vcpu *vcpu, u32 status)
{
    CHECK(next() == vcpu);
    CHECK_EQ(vcpu->held, VERDICT_END);
    CHECK_EQ(vcpu->end.status, status);
    CHECK_EQ(vcpu->end.reason, PROC_STATUS_IS_EXIT(status) ? END_EXIT : END_SIGNAL);
    CHECK(sched_stop_others(vcpu->vm, vcpu));
    sched_forget_others(vcpu->vm, vcpu);
    CHECK(next() == NULL && next_on(1) == NULL);
}

static void doom_stopped(void)
{
    sched_doom(&vms[0], 9);
    sched_doom(&vms[0], 15);
    check_ends(&vcpus[0][0], 9);
}

static void doom_running_and_ready(void)
{
    sched_start(&vcpus[0][2]);
    sched_start(&vcpus[0][1]);
    CHECK(next_on(1) == &vcpus[0][2]);
    sched_doom(&vms[0], 9);
    CHECK_EQ(ipis[1], 1);
    CHECK(sched_must_leave(&vcpus[0][2]));
    sched_stop(&vcpus[0][2]); /* it wanted to stop, and may not */
    CHECK(next() == &vcpus[0][1] && vcpus[0][1].held == VERDICT_END);
    vcpus[0][1].held = VERDICT_RESUME;
    sched_requeue(&vcpus[0][1]); /* as it does if another one stops the others */
    check_ends(&vcpus[0][1], 9);
}

static void doom_asleep(void)
{
    struct vcpu *vcpu = &vcpus[0][1];

    sched_start(vcpu);
    sched_block(next(), 50);
    sched_doom(&vms[0], 7 << 8);
    CHECK(next() == vcpu && vcpu->held == VERDICT_END);
    vcpu->held = VERDICT_FULL; /* not about to end: it may not sleep */
    sched_block(vcpu, UINT64_MAX);
    check_ends(vcpu, 7 << 8);
}

static void doom_halted(void)
{
    sched_start(&vcpus[0][1]);
    sched_halt(&vms[0]);
    CHECK(next() == NULL);
    sched_doom(&vms[0], 9);
    check_ends(&vcpus[0][1], 9);
}

/* One has stopped the others and waits for a disk, to fork: it ends the VM, not another one. */
static void doom_while_held(void)
{
    struct vcpu *stopper = &vcpus[0][2];

    for (u32 i = 0; i < VCPUS; i++)
        sched_start(&vcpus[0][i]);
    sched_requeue(next());
    sched_requeue(next());
    CHECK(next() == stopper && sched_stop_others(&vms[0], stopper));
    stopper->held = VERDICT_FULL;
    sched_block(stopper, UINT64_MAX);
    CHECK(next() == NULL);
    sched_halt(&vms[0]);
    sched_doom(&vms[0], 9);
    check_ends(stopper, 9);
}

/* It ends already, and waits for a disk. */
static void doom_while_ending(void)
{
    struct vcpu *vcpu = &vcpus[0][0];

    sched_start(vcpu);
    CHECK(next() == vcpu && sched_stop_others(&vms[0], vcpu));
    vcpu->held = VERDICT_END;
    vcpu->end.status = 3 << 8;
    sched_block(vcpu, UINT64_MAX);
    sched_doom(&vms[0], 9);
    CHECK(next() == NULL);
    sched_wake(vcpu);
    CHECK(next() == vcpu);
    CHECK_EQ(vcpu->end.status, 3 << 8);
}

static void run_doom(void *argument)
{
    void (*const *doom)(void) = argument;

    boot();
    (*doom)();
}

TEST(sched_dooms_whatever_a_vm_does)
{
    static void (*const dooms[])(void) = {doom_stopped, doom_running_and_ready, doom_asleep,
                                          doom_halted,  doom_while_held,        doom_while_ending};

    for (u32 i = 0; i < ARRAY_LEN(dooms); i++)
        test_must_pass(run_doom, (void *)&dooms[i]);
}

/* ---- all at once ---- */

static bool is_running[VMS][VCPUS];
static struct vcpu *stopped_by[VMS];
static u64 ends;                               /* of VMs */
static pthread_mutex_t hsm[VMS], process[VMS]; /* as sbi_hsm.c and proc.c lock */
static u64 acts_left;
static pthread_barrier_t all_are_here;

static u32 vm_index(const struct vcpu *vcpu)
{
    return (u32)(vcpu->vm - vms);
}

static void set_running(const struct vcpu *vcpu, bool value)
{
    MUST(__atomic_exchange_n(&is_running[vm_index(vcpu)][vcpu->id], value, __ATOMIC_SEQ_CST) !=
         value);
}

static bool stops_and_resumes(struct vcpu *vcpu)
{
    u32 vm = vm_index(vcpu);

    if (!sched_stop_others(vcpu->vm, vcpu))
        return false;
    __atomic_store_n(&stopped_by[vm], vcpu, __ATOMIC_SEQ_CST);
    for (u32 round = 0; round < 20; round++) {
        for (u32 id = 0; id < VCPUS; id++)
            MUST(id == vcpu->id || !__atomic_load_n(&is_running[vm][id], __ATOMIC_SEQ_CST));
    }
    __atomic_store_n(&stopped_by[vm], NULL, __ATOMIC_SEQ_CST);
    sched_resume_others(vcpu->vm);
    return true;
}

static void start_sibling(const struct vcpu *self, u64 *random)
{
    struct vcpu *vcpu = self->vm->vcpu[test_random(random) % VCPUS];
    pthread_mutex_t *lock = &hsm[vm_index(self)];

    pthread_mutex_lock(lock);
    if (__atomic_load_n(&vcpu->state, __ATOMIC_ACQUIRE) == VCPU_STOPPED)
        sched_start(vcpu);
    pthread_mutex_unlock(lock);
}

static void signal_somebody(u64 *random)
{
    u32 vm = (u32)test_random(random) % VMS;
    u64 signal = test_random(random) % 64;

    pthread_mutex_lock(&process[vm]);
    if (signal == 0)
        sched_doom(&vms[vm], 9);
    else if (signal < 12)
        sched_halt(&vms[vm]);
    else
        sched_unhalt(&vms[vm]);
    pthread_mutex_unlock(&process[vm]);
}

/* Its VM is doomed: the VM ends, and another one begins in its place. */
static void end_vm(struct vcpu *vcpu)
{
    struct vm *vm = vcpu->vm;

    if (!sched_stop_others(vm, vcpu)) {
        sched_requeue(vcpu);
        return;
    }
    sched_forget_others(vm, vcpu);
    pthread_mutex_lock(&process[vm_index(vcpu)]);
    for (u32 id = 0; id < VCPUS; id++) {
        MUST(!__atomic_load_n(&is_running[vm_index(vcpu)][id], __ATOMIC_SEQ_CST));
        *vm->vcpu[id] = (struct vcpu){.vm = vm, .id = id, .state = VCPU_STOPPED};
        runnable_init(&vm->vcpu[id]->run);
    }
    vm->doomed = false;
    vm->halted = false;
    sched_start(vm->vcpu[0]);
    pthread_mutex_unlock(&process[vm_index(vcpu)]);
    __atomic_fetch_add(&ends, 1, __ATOMIC_RELAXED);
}

/* Runs a vCPU until it leaves the hart. */
static void run_vcpu(struct vcpu *vcpu, u64 *random)
{
    u64 act;

    if (vcpu->held == VERDICT_END) {
        vcpu->held = VERDICT_RESUME;
        end_vm(vcpu);
        return;
    }
    set_running(vcpu, true);
    for (;;) {
        struct vcpu *stopper = __atomic_load_n(&stopped_by[vm_index(vcpu)], __ATOMIC_SEQ_CST);

        MUST(stopper == NULL || stopper == vcpu);
        act = test_random(random) % 16;
        if (sched_must_leave(vcpu) || act >= 12)
            break;
        if (act < 4)
            sched_wake(&vcpus[test_random(random) % VMS][test_random(random) % VCPUS]);
        else if (act < 6)
            start_sibling(vcpu, random);
        else if (act < 8 && !stops_and_resumes(vcpu))
            break;
        else if (act == 8)
            signal_somebody(random);
    }
    set_running(vcpu, false);
    if (act == 12 && vcpu->id != 0)
        sched_stop(vcpu);
    else if (act >= 13 && act < 15)
        sched_block(vcpu, fake_timer_now() + test_random(random) % 50);
    else
        sched_requeue(vcpu);
}

/* Whatever has been halted goes on, so that not all sleep for ever. */
static void unhalt_all(void)
{
    for (u32 vm = 0; vm < VMS; vm++) {
        pthread_mutex_lock(&process[vm]);
        sched_unhalt(&vms[vm]);
        pthread_mutex_unlock(&process[vm]);
    }
}

static void *run_hart(void *argument)
{
    u64 random = *(u32 *)argument;

    world_on(*(u32 *)argument);
    pthread_barrier_wait(&all_are_here);
    if (setjmp(would_wait) != 0)
        return NULL;
    while (__atomic_fetch_sub(&acts_left, 1, __ATOMIC_RELAXED) < UINT64_MAX / 2) {
        struct vcpu *vcpu = sched_next();

        run_vcpu(vcpu, &random);
        sched_expire(fake_timer_now());
    }
    __atomic_store_n(&all_over, true, __ATOMIC_RELAXED);
    return NULL;
}

static u32 count_nodes(const struct heap_node *node, u32 hart, enum vcpu_state state)
{
    const struct vcpu *vcpu;

    if (node == NULL)
        return 0;
    vcpu = container_of(node, struct vcpu, run.node);
    CHECK_EQ(vcpu->state, state);
    CHECK_EQ(vcpu->hart, hart);
    return 1 + count_nodes(node->left, hart, state) + count_nodes(node->right, hart, state);
}

/* Each vCPU is in the queue that its state and its hart say. */
static void check_queues(void)
{
    u32 expected[VCPU_PARKED + 1] = {0}, queued = 0, asleep = 0;

    for (u32 i = 0; i < VMS; i++) {
        for (u32 k = 0; k < VCPUS; k++)
            expected[vcpus[i][k].state]++;
        CHECK(vms[i].stopper == NULL);
    }
    for (u32 i = 0; i < HARTS; i++) {
        const struct hart *hart = hart_at(i);
        u32 here = count_nodes(hart->queue.by_vruntime.first, i, VCPU_RUNNABLE);

        CHECK_EQ(here, hart->queue.queued);
        queued += here;
        asleep += count_nodes(hart->sleepers.first, i, VCPU_BLOCKED);
    }
    CHECK_EQ(queued, expected[VCPU_RUNNABLE]);
    CHECK_EQ(asleep, expected[VCPU_BLOCKED]); /* each has a deadline here */
    CHECK_EQ(expected[VCPU_RUNNING] + expected[VCPU_PARKED], 0);
}

static void run_threads(void *argument)
{
    static u32 index[HARTS] = {0, 1, 2};
    pthread_t threads[HARTS];

    (void)argument;
    boot();
    pthread_barrier_init(&all_are_here, NULL, HARTS);
    acts_left = world_times(500000);
    for (u32 i = 0; i < VMS; i++) {
        pthread_mutex_init(&hsm[i], NULL);
        pthread_mutex_init(&process[i], NULL);
    }
    for (u32 i = 0; i < VMS; i++) {
        for (u32 k = 0; k < VCPUS; k++)
            sched_start(&vcpus[i][k]);
    }
    for (u32 i = 0; i < HARTS; i++)
        CHECK(pthread_create(&threads[i], NULL, run_hart, &index[i]) == 0);
    for (u32 i = 0; i < HARTS; i++)
        pthread_join(threads[i], NULL);
    unhalt_all();
    CHECK(ends > 100);
    check_queues();
}

TEST(sched_puts_nobody_on_two_harts)
{
    test_must_pass(run_threads, NULL);
}
