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

#define firmware_send_ipi   fake_send_ipi
#define irq_serve_idle()    ((void)0)
#define timer_now           fake_timer_now
#define timer_program(vcpu) ((void)0)
#define tracing_busy()      ((void)0)
#define tracing_idle()      ((void)0)
#define wfi                 fake_wfi
#undef csr_clear
#define csr_clear(csr, bits) ((void)0)

#define HARTS 3
#define VMS   4
#define VCPUS 3

static struct vm vms[VMS];
static struct vcpu vcpus[VMS][VCPUS];

static u64 time_now;
static u64 ipis[HARTS];
static _Thread_local jmp_buf idle; /* where sched_next() goes when it would wait */
static bool is_over;

static u64 fake_timer_now(void)
{
    return __atomic_load_n(&time_now, __ATOMIC_RELAXED);
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
    if (__atomic_load_n(&is_over, __ATOMIC_RELAXED))
        longjmp(idle, 1);
    __atomic_fetch_add(&time_now, 1, __ATOMIC_RELAXED);
    sched_yield();
}

#include "hv/sched.c" // NOLINT(bugprone-suspicious-include)

static void boot(void)
{
    world_boot(HARTS, 0);
    sched_init();
    for (u32 i = 0; i < VMS; i++) {
        vms[i].vcpus = VCPUS;
        for (u32 k = 0; k < VCPUS; k++) {
            vms[i].vcpu[k] = &vcpus[i][k];
            vcpus[i][k] = (struct vcpu){.vm = &vms[i], .id = k, .state = VCPU_STOPPED};
            list_init(&vcpus[i][k].queue);
        }
    }
}

/* What this hart would run; NULL if it would wait. */
static struct vcpu *next(void)
{
    is_over = true;
    if (setjmp(idle) != 0)
        return NULL;
    return sched_next();
}

/* ---- one by one ---- */

static void run_turns(void *argument)
{
    (void)argument;
    boot();
    CHECK(next() == NULL);
    CHECK(this_hart()->idle);
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
    CHECK(next() == NULL && this_hart()->idle);
    world_on(1);
    sched_wake(vcpu);
    CHECK(!hart_at(0)->idle);
    CHECK_EQ(ipis[0], 3); /* a hart that waits is told */
}

TEST(sched_wake_before_block_counts)
{
    test_must_pass(run_early_wake, NULL);
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
    CHECK(vms[0].stopper == NULL && list_empty(&this_hart()->sleepers));
}

TEST(sched_stops_the_others)
{
    test_must_pass(run_stop_others, NULL);
}

/* ---- all at once ---- */

/* Fails the process: test_fail() is for the main thread. */
#define MUST(condition)                                                \
    do {                                                               \
        if (!(condition)) {                                            \
            printf("%s:%d: not %s\n", __FILE__, __LINE__, #condition); \
            fflush(stdout);                                            \
            _exit(1);                                                  \
        }                                                              \
    } while (0)

static bool is_running[VMS][VCPUS], is_startable[VMS][VCPUS];
static struct vcpu *stopped_by[VMS];
static u64 acts_left;
static pthread_barrier_t all_are_here;

static u32 vm_index(const struct vcpu *vcpu)
{
    return (u32)(vcpu->vm - vms);
}

static bool *flag_of(bool flags[VMS][VCPUS], const struct vcpu *vcpu)
{
    return &flags[vm_index(vcpu)][vcpu->id];
}

static void set(bool *flag, bool value)
{
    MUST(__atomic_exchange_n(flag, value, __ATOMIC_SEQ_CST) != value);
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

static void start_somebody(u64 *random)
{
    struct vcpu *vcpu = &vcpus[test_random(random) % VMS][test_random(random) % VCPUS];

    if (__atomic_exchange_n(flag_of(is_startable, vcpu), false, __ATOMIC_SEQ_CST))
        sched_start(vcpu);
}

/* Runs a vCPU until it leaves the hart. */
static void run_vcpu(struct vcpu *vcpu, u64 *random)
{
    u64 act;

    set(flag_of(is_running, vcpu), true);
    for (;;) {
        struct vcpu *stopper = __atomic_load_n(&stopped_by[vm_index(vcpu)], __ATOMIC_SEQ_CST);

        MUST(stopper == NULL || stopper == vcpu);
        act = test_random(random) % 16;
        if (sched_must_leave(vcpu) || act >= 12)
            break;
        if (act < 4)
            sched_wake(&vcpus[test_random(random) % VMS][test_random(random) % VCPUS]);
        else if (act < 6)
            start_somebody(random);
        else if (act < 8 && !stops_and_resumes(vcpu))
            break;
    }
    set(flag_of(is_running, vcpu), false);
    if (act == 12 && vcpu->id != 0) {
        sched_stop(vcpu);
        set(flag_of(is_startable, vcpu), true);
    } else if (act >= 13 && act < 15) {
        sched_block(vcpu, fake_timer_now() + test_random(random) % 50);
    } else {
        sched_requeue(vcpu);
    }
}

static void *run_hart(void *argument)
{
    u64 random = *(u32 *)argument;

    world_on(*(u32 *)argument);
    pthread_barrier_wait(&all_are_here);
    if (setjmp(idle) != 0)
        return NULL;
    while (__atomic_fetch_sub(&acts_left, 1, __ATOMIC_RELAXED) < UINT64_MAX / 2) {
        struct vcpu *vcpu = sched_next();

        run_vcpu(vcpu, &random);
        sched_expire(fake_timer_now());
    }
    __atomic_store_n(&is_over, true, __ATOMIC_RELAXED);
    return NULL;
}

/* Each vCPU is in the list that its state says. */
static void check_lists(void)
{
    u32 count[VCPU_PARKED + 1] = {0};
    struct list *node;

    for (u32 i = 0; i < VMS; i++) {
        for (u32 k = 0; k < VCPUS; k++)
            count[vcpus[i][k].state]++;
        CHECK(vms[i].stopper == NULL);
    }
    list_for_each(node, &queue.runnable) {
        CHECK_EQ(vcpu_of(node)->state, VCPU_RUNNABLE);
        count[VCPU_RUNNABLE]--;
    }
    for (u32 hart = 0; hart < HARTS; hart++) {
        u64 deadline = 0;

        list_for_each(node, &hart_at(hart)->sleepers) {
            CHECK_EQ(vcpu_of(node)->state, VCPU_BLOCKED);
            CHECK(vcpu_of(node)->deadline >= deadline);
            deadline = vcpu_of(node)->deadline;
            count[VCPU_BLOCKED]--;
        }
    }
    CHECK_EQ(count[VCPU_RUNNABLE] + count[VCPU_BLOCKED] + count[VCPU_RUNNING] + count[VCPU_PARKED],
             0);
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
        for (u32 k = 0; k < VCPUS; k++)
            sched_start(&vcpus[i][k]);
    }
    for (u32 i = 0; i < HARTS; i++)
        CHECK(pthread_create(&threads[i], NULL, run_hart, &index[i]) == 0);
    for (u32 i = 0; i < HARTS; i++)
        pthread_join(threads[i], NULL);
    check_lists();
}

TEST(sched_puts_nobody_on_two_harts)
{
    test_must_pass(run_threads, NULL);
}
