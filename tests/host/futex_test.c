/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Waiting for words: random calls of a few VMs against the rules, written down as a list of who
 * waits since when; over fakes of memory, time and the scheduler.  Words of one page are shared.
 * Then the same with a thread for each hart, where no wake-up may be lost.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "hv/cell.h"
#include "hv/frame.h"
#include "hv/futex.h"
#include "hv/proc.h"
#include "hv/sched.h"
#include "hv/timer.h"
#include "hv/vm.h"

#include "tests/host/hv_world.h"
#include "tests/test.h"

#define gstage_word        fake_gstage_word
#define proc_word_woken    fake_proc_word_woken
#define sched_wake         fake_sched_wake
#define timer_now          fake_timer_now
#define timer_serve        fake_timer_serve
#define vcpu_has_interrupt fake_vcpu_has_interrupt
#define vcpu_take_pending  fake_vcpu_take_pending

#define VMS    3
#define VCPUS  2
#define WORDS  8 /* of each VM; the second half is shared by all */
#define SHARED (WORDS / 2)

static struct vm vms[VMS];
static struct vcpu others[VMS];
static u32 memory[VMS][WORDS];
static u32 words_woken[VMS], vcpus_woken[VMS];
static u64 time_now;
static bool has_interrupt, has_no_memory, cell_fails;
static u32 moves; /* how often a word's key is another one at the second look */

static bool is_shared_word(u64 word)
{
    return word >= SHARED;
}

static u32 *word_at(u32 vm, u64 word)
{
    return &memory[is_shared_word(word) ? 0 : vm][word];
}

static u32 index_of(const struct vm *vm)
{
    return (u32)(vm - vms);
}

static enum err fake_gstage_word(struct gstage *gs, gpa_t gpa, u32 *value, struct word_key *key)
{
    u32 vm = index_of(container_of(gs, struct vm, gs));
    u64 word = gpa.v / sizeof(u32);

    if (word >= WORDS)
        return ERR_FAULT;
    if (has_no_memory)
        return ERR_NOMEM;
    *value = __atomic_load_n(word_at(vm, word), __ATOMIC_SEQ_CST);
    *key = is_shared_word(word) ? (struct word_key){(u64)word_at(vm, word), NULL}
                                : (struct word_key){gpa.v, gs};
    if (moves > 0) {
        moves--;
        key->where += PAGE_BYTES;
    }
    return ERR_OK;
}

static void fake_proc_word_woken(struct vm *vm)
{
    __atomic_fetch_add(&words_woken[index_of(vm)], 1, __ATOMIC_SEQ_CST);
}

static void fake_sched_wake(struct vcpu *vcpu)
{
    __atomic_fetch_or(&vcpus_woken[index_of(vcpu->vm)], 1U << vcpu->id, __ATOMIC_SEQ_CST);
}

static u64 fake_timer_now(void)
{
    return __atomic_load_n(&time_now, __ATOMIC_RELAXED);
}

static bool fake_timer_serve(struct vcpu *vcpu, u64 time)
{
    (void)vcpu;
    (void)time;
    return false;
}

static bool fake_vcpu_has_interrupt(const struct vcpu *vcpu)
{
    (void)vcpu;
    return has_interrupt;
}

static void fake_vcpu_take_pending(struct vcpu *vcpu)
{
    (void)vcpu;
}

#define cell_alloc() (cell_fails ? NULL : (cell_alloc)())

#include "hv/futex.c" // NOLINT(bugprone-suspicious-include)

/* ---- the same, by the rules ---- */

/* Who waits, in the order of coming. */
static struct rule {
    u32 vm, vcpu; /* vcpu VCPUS: registered */
    u64 word, deadline;
    bool woken;
} rule[VMS * (VCPUS + WORDS)];
static u32 rules;

static u64 random_state;

static u64 pick(u64 count)
{
    return test_random(&random_state) % count;
}

static struct rule *find_rule(u32 vm, u32 vcpu, u64 word)
{
    for (u32 i = 0; i < rules; i++) {
        if (rule[i].vm == vm && rule[i].vcpu == vcpu && (vcpu < VCPUS || rule[i].word == word))
            return &rule[i];
    }
    return NULL;
}

static void remove_rule(struct rule *gone)
{
    u32 at = (u32)(gone - rule);

    memmove(gone, gone + 1, (--rules - at) * sizeof(*gone));
}

static bool is_same_word(const struct rule *waiter, u32 vm, u64 word)
{
    return waiter->word == word && (is_shared_word(word) || waiter->vm == vm);
}

static u32 count_registered(u32 vm)
{
    u32 count = 0;

    for (u32 i = 0; i < rules; i++)
        count += rule[i].vm == vm && rule[i].vcpu == VCPUS;
    return count;
}

/* What must have been woken since the step began. */
static u32 must_events[VMS], must_wake[VMS];

/* Whether the waiter is gone: a vCPU is so only when it comes back. */
static bool rule_wake(struct rule *waiter)
{
    if (waiter->vcpu == VCPUS) {
        must_events[waiter->vm]++;
        remove_rule(waiter);
        return true;
    }
    must_wake[waiter->vm] |= 1U << waiter->vcpu;
    waiter->woken = true;
    return false;
}

static void try_wake(struct vcpu *vcpu, u64 word)
{
    u32 vm = index_of(vcpu->vm);
    u64 n = pick(4) == 0 ? UINT64_MAX : pick(4), woken = 99, count = 0;

    CHECK_EQ(futex_wake(vcpu, (gpa_t){word * sizeof(u32)}, n, &woken), ERR_OK);
    for (u32 i = 0; i < rules && count < n; i++) {
        if (!rule[i].woken && is_same_word(&rule[i], vm, word)) {
            count++;
            i -= rule_wake(&rule[i]);
        }
    }
    CHECK_EQ(woken, count);
}

/* A blocked vCPU comes back: woken, or for another reason. */
static void come_back(struct vcpu *vcpu, struct rule *waiter)
{
    enum err expected = waiter->woken                  ? ERR_OK
                        : waiter->deadline <= time_now ? ERR_TIMEOUT
                        : has_interrupt                ? ERR_INTR
                                                       : ERR_STATE;
    u64 deadline = 0;

    /* The arguments are those of the call as it came first, and time goes on. */
    CHECK_EQ(futex_wait_on(vcpu, (gpa_t){waiter->word * sizeof(u32)}, 0, 1 + pick(5), &deadline),
             expected);
    if (expected == ERR_STATE)
        CHECK_EQ(deadline, waiter->deadline);
    else
        remove_rule(waiter);
}

static void try_block(struct vcpu *vcpu, u64 word)
{
    u32 vm = index_of(vcpu->vm), expected = (u32)pick(2);
    u64 timeout = pick(3) == 0 ? UINT64_MAX : 1 + pick(20), deadline = 0;
    bool differs = *word_at(vm, word) != expected;
    enum err err = differs ? ERR_OK : has_interrupt ? ERR_INTR : ERR_STATE;

    CHECK_EQ(futex_wait_on(vcpu, (gpa_t){word * sizeof(u32)}, expected, timeout, &deadline), err);
    if (err != ERR_STATE)
        return;
    CHECK_EQ(deadline, timeout == UINT64_MAX ? UINT64_MAX : time_now + timeout);
    rule[rules++] = (struct rule){vm, vcpu->id, word, deadline, false};
}

static void try_register(struct vcpu *vcpu, u64 word)
{
    u32 vm = index_of(vcpu->vm), expected = (u32)pick(2);
    bool is_new = *word_at(vm, word) == expected && find_rule(vm, VCPUS, word) == NULL;
    u64 deadline;

    CHECK_EQ(futex_wait_on(vcpu, (gpa_t){word * sizeof(u32)}, expected, 0, &deadline),
             is_new && cell_fails ? ERR_NOMEM : ERR_OK);
    if (is_new && !cell_fails)
        rule[rules++] = (struct rule){vm, VCPUS, word, 0, false};
}

static void try_wrongly(struct vcpu *vcpu)
{
    u64 result, wrong = pick(2) == 0 ? WORDS * sizeof(u32) : 1UL << (10 + pick(54));

    CHECK_EQ(futex_wait_on(vcpu, (gpa_t){wrong}, 0, pick(3), &result), ERR_FAULT);
    CHECK_EQ(futex_wake(vcpu, (gpa_t){wrong}, 1, &result), ERR_FAULT);
    CHECK_EQ(futex_wait_on(vcpu, (gpa_t){wrong + 1 + pick(3)}, 0, pick(3), &result), ERR_INVAL);
    CHECK_EQ(futex_wake(vcpu, (gpa_t){wrong + 1 + pick(3)}, 1, &result), ERR_INVAL);
    has_no_memory = true;
    CHECK_EQ(futex_wait_on(vcpu, (gpa_t){0}, *word_at(index_of(vcpu->vm), 0), pick(3), &result),
             ERR_NOMEM);
    CHECK_EQ(futex_wake(vcpu, (gpa_t){0}, 1, &result), ERR_NOMEM);
    has_no_memory = false;
}

/* An end, an exec, or ranges that become shared or are no longer. */
static void try_all(u32 vm)
{
    bool is_end = pick(2) == 0;

    if (is_end)
        futex_forget(&vms[vm]);
    else
        futex_wake_all(&vms[vm]);
    for (u32 i = 0; i < rules; i++) {
        if (rule[i].vm != vm)
            continue;
        if (is_end) {
            remove_rule(&rule[i]);
            i--;
        } else if (!rule[i].woken) {
            i -= rule_wake(&rule[i]);
        }
    }
}

static u32 count_in_buckets(void)
{
    u32 count = 0;

    for (u32 i = 0; i < BUCKETS; i++) {
        struct list *node;

        CHECK_EQ(buckets[i].lock.held, 0);
        list_for_each(node, &buckets[i].waiters)
            count++;
    }
    return count;
}

static void compare(void)
{
    u32 waiting = 0;

    for (u32 i = 0; i < rules; i++)
        waiting += !rule[i].woken;
    CHECK_EQ(count_in_buckets(), waiting);
    for (u32 vm = 0; vm < VMS; vm++) {
        CHECK_EQ(vms[vm].words.count, count_registered(vm));
        CHECK_EQ(vms[vm].words.lock.held, 0);
        CHECK_EQ(words_woken[vm], must_events[vm]);
        CHECK_EQ(vcpus_woken[vm], must_wake[vm]);
    }
}

static void step(void)
{
    u32 vm = (u32)pick(VMS);
    struct vcpu *vcpu = vms[vm].vcpu[pick(VCPUS)];
    u64 word = pick(WORDS), act = pick(100);
    struct rule *waiter = find_rule(vm, vcpu->id, 0);

    memset(words_woken, 0, sizeof(words_woken));
    memset(vcpus_woken, 0, sizeof(vcpus_woken));
    memset(must_events, 0, sizeof(must_events));
    memset(must_wake, 0, sizeof(must_wake));
    time_now += pick(3);
    has_interrupt = pick(5) == 0;
    cell_fails = pick(10) == 0;
    moves = pick(10) == 0 ? (u32)pick(2) : 0;
    if (act < 3)
        try_all(vm);
    else if (waiter != NULL)
        come_back(vcpu, waiter);
    else if (act < 20)
        *word_at(vm, word) = (u32)pick(2);
    else if (act < 50)
        try_block(vcpu, word);
    else if (act < 65)
        try_register(vcpu, word);
    else if (act < 95)
        try_wake(vcpu, word);
    else
        try_wrongly(vcpu);
    moves = 0;
}

static void boot(u32 harts)
{
    world_boot(harts, 1024);
    futex_init();
    for (u32 i = 0; i < VMS; i++) {
        vms[i].vcpus = VCPUS;
        vms[i].vcpu[0] = &vms[i].boot_vcpu;
        vms[i].vcpu[1] = &others[i];
        list_init(&vms[i].words.list);
        for (u32 k = 0; k < VCPUS; k++) {
            vms[i].vcpu[k]->vm = &vms[i];
            vms[i].vcpu[k]->id = k;
        }
    }
}

static void run_model(void *argument)
{
    u64 free_frames;

    (void)argument;
    boot(1);
    free_frames = frame_free_count();
    random_state = 1;
    for (u64 steps = world_times(200000); steps > 0; steps--) {
        step();
        compare();
    }
    for (u32 i = 0; i < VMS; i++)
        futex_forget(&vms[i]);
    CHECK_EQ(frame_free_count(), free_frames);
}

TEST(futex_waits_and_wakes_by_the_rules)
{
    test_must_pass(run_model, NULL);
}

static void run_quota(void *argument)
{
    struct vcpu *vcpu = &vms[0].boot_vcpu;
    u64 deadline;

    (void)argument;
    boot(1);
    vms[0].words.count = PROC_WAITERS_MAX - 1; /* as if it had registered for so many */
    CHECK_EQ(futex_wait_on(vcpu, (gpa_t){0}, 0, 0, &deadline), ERR_OK);
    CHECK_EQ(futex_wait_on(vcpu, (gpa_t){0}, 0, 0, &deadline), ERR_OK);
    CHECK_EQ(futex_wait_on(vcpu, (gpa_t){4}, 0, 0, &deadline), ERR_QUOTA);
    CHECK_EQ(futex_wait_on(vcpu, (gpa_t){4}, 1, 0, &deadline), ERR_OK);
}

TEST(futex_registrations_have_a_quota)
{
    test_must_pass(run_quota, NULL);
}

/* ---- harts ---- */

/*
 * Each VM is a thread: it takes a turn from a shared word and hands it on.  Who waits sleeps until
 * it is woken, and for nothing else, so a lost wake-up is a hang; forgetting is in between.
 */
#define TURNS 20000U

static void sleep_until_woken(struct vcpu *vcpu)
{
    u32 vm = index_of(vcpu->vm);

    while (__atomic_exchange_n(&vcpus_woken[vm], 0, __ATOMIC_SEQ_CST) == 0)
        sched_yield();
}

static void wait_for_turn(struct vcpu *vcpu, gpa_t gpa, u32 seen)
{
    u64 deadline;
    enum err err = futex_wait_on(vcpu, gpa, seen, UINT64_MAX, &deadline);

    while (err == ERR_STATE) {
        sleep_until_woken(vcpu);
        err = futex_wait_on(vcpu, gpa, seen, UINT64_MAX, &deadline);
    }
    CHECK_EQ(err, ERR_OK);
}

static void *take_turns(void *argument)
{
    struct vm *vm = argument;
    u32 me = index_of(vm), *turn = word_at(me, WORDS - 1);
    gpa_t gpa = {(WORDS - 1) * sizeof(u32)};
    u64 state = me + 1, woken;

    world_on(me);
    for (;;) {
        u32 seen = __atomic_load_n(turn, __ATOMIC_SEQ_CST);

        if (seen >= TURNS)
            break;
        if (seen % VMS != me) {
            wait_for_turn(vm->vcpu[0], gpa, seen);
            continue;
        }
        if (test_random(&state) % 8 == 0)
            CHECK_EQ(futex_wait_on(vm->vcpu[0], gpa, seen, 0, &woken), ERR_OK);
        if (test_random(&state) % 8 == 0)
            futex_forget(vm);
        __atomic_store_n(turn, seen + 1, __ATOMIC_SEQ_CST);
        CHECK_EQ(futex_wake(vm->vcpu[0], gpa, UINT64_MAX, &woken), ERR_OK);
    }
    CHECK_EQ(futex_wake(vm->vcpu[0], gpa, UINT64_MAX, &woken), ERR_OK);
    futex_forget(vm);
    return NULL;
}

static void run_threads(void *argument)
{
    pthread_t threads[VMS];

    (void)argument;
    boot(VMS);
    for (u32 i = 0; i < VMS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, take_turns, &vms[i]), 0);
    for (u32 i = 0; i < VMS; i++)
        CHECK_EQ(pthread_join(threads[i], NULL), 0);
    CHECK_EQ(count_in_buckets(), 0);
}

TEST(futex_loses_no_wakeup_between_harts)
{
    test_must_pass(run_threads, NULL);
}
