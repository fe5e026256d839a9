/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What processes hold: counts, bells and owners through forks, execs, spawns and ends, against a
 * model; and without memory.  Shared pages, cells and futexes are faked.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "sbi/proc.h"

#include "hv/cell.h"
#include "hv/frame.h"
#include "hv/futex.h"
#include "hv/vm.h"

#include "tests/test.h"

#define PAGES 2U
#define GPA   0x80000000UL
#define RACES 100000U
#define HOLDS (PAGES * PAGE_BYTES / 16)

static u8 memory[PAGES * PAGE_BYTES] __attribute__((aligned(PAGE_BYTES)));
static u32 refs[PAGES];    /* of frames, by holds */
static u32 cells;          /* in use */
static u32 cells_left;     /* until there is no memory */
static u32 bells, owners;  /* that were woken */
static struct vm *vms[40]; /* by pid; NULL: none */

static void *fake_cell_alloc(void)
{
    if (cells_left == 0)
        return NULL;
    cells_left--;
    cells++;
    return aligned_alloc(CELL_BYTES, CELL_BYTES);
}

static void fake_cell_free(void *cell)
{
    cells--;
    free(cell);
}

static u32 *refs_of(hpa_t frame)
{
    CHECK(frame.v % PAGE_BYTES == 0 && frame.v - (u64)memory < sizeof(memory));
    return &refs[(frame.v - (u64)memory) / PAGE_BYTES];
}

static void fake_frame_put(hpa_t frame)
{
    CHECK(*refs_of(frame) > 0);
    --*refs_of(frame);
}

static hpa_t fake_shared_frame(struct gstage *gs, gpa_t gpa)
{
    hpa_t frame = {(u64)memory + align_down(gpa.v - GPA, PAGE_BYTES)};

    (void)gs;
    if (gpa.v - GPA >= sizeof(memory))
        return (hpa_t){0};
    ++*refs_of(frame);
    return frame;
}

static void fake_wake(const struct word_key *key)
{
    CHECK(key->who == NULL);
    if (key->where % sizeof(struct proc_hold) == offsetof(struct proc_hold, bell))
        bells++;
    else if (key->where % sizeof(struct proc_hold) == offsetof(struct proc_hold, owner))
        owners++;
    else
        test_fail(__FILE__, __LINE__, "another word was woken");
}

#define cell_alloc          fake_cell_alloc
#define cell_free           fake_cell_free
#define frame_get(frame)    (void)++*refs_of(frame)
#define frame_put           fake_frame_put
#define futex_wake_shared   fake_wake
#define gstage_shared_frame fake_shared_frame
#include "hv/hold.c" // NOLINT(bugprone-suspicious-include)

static struct proc_hold *hold_at(u32 index)
{
    return (struct proc_hold *)(void *)(memory + index * sizeof(struct proc_hold));
}

static gpa_t gpa_at(u32 index)
{
    return (gpa_t){GPA + index * sizeof(struct proc_hold)};
}

static struct vm *begin_vm(u32 pid)
{
    CHECK(vms[pid] == NULL);
    vms[pid] = calloc(1, sizeof(*vms[pid]));
    vms[pid]->pid = pid;
    return vms[pid];
}

static void end_vm(u32 pid)
{
    hold_end(vms[pid]);
    CHECK_EQ(vms[pid]->holds.count, 0);
    free(vms[pid]);
    vms[pid] = NULL;
}

static void begin(void)
{
    memset(memory, 0, sizeof(memory));
    memset(refs, 0, sizeof(refs));
    cells = bells = owners = 0;
    cells_left = UINT32_MAX;
}

/* Nobody holds anything. */
static void census(void)
{
    for (u32 pid = 0; pid < ARRAY_LEN(vms); pid++) {
        if (vms[pid] != NULL)
            end_vm(pid);
    }
    CHECK_EQ(cells, 0);
    for (u32 page = 0; page < PAGES; page++)
        CHECK_EQ(refs[page], 0);
    for (u32 i = 0; i < HOLDS; i++)
        CHECK_EQ(hold_at(i)->holders, 0);
}

TEST(hold_is_counted_once)
{
    struct vm *vm;

    begin();
    vm = begin_vm(1);
    CHECK_EQ(hold_set(vm, gpa_at(3), PROC_HOLD_HERE), ERR_OK);
    CHECK_EQ(hold_set(vm, gpa_at(3), PROC_HOLD_KEPT), ERR_OK);
    CHECK_EQ(hold_set(vm, gpa_at(4), PROC_HOLD_NONE), ERR_OK);
    CHECK_EQ(hold_at(3)->holders, 1);
    CHECK_EQ(hold_at(3)->bell + bells, 0);
    CHECK_EQ(hold_set(vm, gpa_at(3), PROC_HOLD_NONE), ERR_OK);
    CHECK_EQ(hold_at(3)->holders, 0);
    CHECK_EQ(hold_at(3)->bell, 1);
    CHECK_EQ(bells, 1);
    CHECK_EQ(refs[0], 0);
    census();
}

TEST(hold_refuses_what_is_wrong)
{
    struct vm *vm;

    begin();
    vm = begin_vm(1);
    CHECK_EQ(hold_set(vm, (gpa_t){GPA + 8}, PROC_HOLD_HERE), ERR_INVAL);
    CHECK_EQ(hold_set(vm, (gpa_t){GPA}, PROC_HOLD_KEPT + 1), ERR_INVAL);
    CHECK_EQ(hold_set(vm, (gpa_t){GPA}, UINT64_MAX), ERR_INVAL);
    CHECK_EQ(hold_set(vm, (gpa_t){GPA + sizeof(memory)}, PROC_HOLD_HERE), ERR_FAULT);
    CHECK_EQ(hold_set(vm, (gpa_t){0}, PROC_HOLD_NONE), ERR_FAULT);
    for (u32 i = 0; i < PROC_HOLDS_MAX; i++)
        CHECK_EQ(hold_set(vm, gpa_at(i), PROC_HOLD_HERE), ERR_OK);
    CHECK_EQ(hold_set(vm, gpa_at(PROC_HOLDS_MAX), PROC_HOLD_HERE), ERR_QUOTA);
    CHECK_EQ(hold_at(PROC_HOLDS_MAX)->holders, 0);
    CHECK_EQ(hold_set(vm, gpa_at(7), PROC_HOLD_NONE), ERR_OK);
    CHECK_EQ(hold_set(vm, gpa_at(PROC_HOLDS_MAX), PROC_HOLD_HERE), ERR_OK);
    census();
}

/* The lock that the dead one had is free; others' stay. */
TEST(hold_frees_what_its_process_owned)
{
    struct vm *vm, *child;

    begin();
    vm = begin_vm(1);
    child = begin_vm(2);
    for (u32 i = 0; i < 4; i++)
        CHECK_EQ(hold_set(vm, gpa_at(i), i == 2 ? PROC_HOLD_HERE : PROC_HOLD_KEPT), ERR_OK);
    CHECK_EQ(hold_inherit(child, vm, false), ERR_OK);
    hold_at(0)->owner = 2;
    hold_at(1)->owner = 2 | WAITED;
    hold_at(2)->owner = 1;
    hold_exec(child);
    CHECK_EQ(hold_at(0)->owner + hold_at(1)->owner, 0);
    CHECK_EQ(hold_at(2)->owner, 1);
    /* also what is kept, and is another's: who was stopped for good may have woken nobody */
    CHECK_EQ(owners, 4);
    CHECK_EQ(bells, 4);
    CHECK_EQ(hold_at(0)->bell, 1);
    CHECK_EQ(hold_at(2)->holders, 1); /* the child's did not outlive its exec */
    CHECK_EQ(hold_at(0)->holders, 2);
    hold_at(3)->owner = 1;
    hold_at(1)->owner = 2;
    end_vm(1);
    CHECK_EQ(hold_at(2)->owner + hold_at(3)->owner, 0);
    CHECK_EQ(hold_at(1)->owner, 2);
    CHECK_EQ(owners, 8);
    census();
}

static u32 asked, answered; /* rounds of the next test */

static void wait_for_round(const u32 *rounds, u32 i)
{
    for (u32 n = 1; __atomic_load_n(rounds, __ATOMIC_ACQUIRE) < i; n++) {
        if (n % 1000 == 0)
            sched_yield();
    }
}

/* Of another process, on another hart: it says that it waits for the owner. */
static void *wait_for_owner(void *unused)
{
    (void)unused;
    for (u32 i = 1; i <= RACES; i++) {
        u32 owner = 5;

        wait_for_round(&asked, i);
        for (volatile u32 n = 0; n < i % 64; n++) {
        }
        (void)!__atomic_compare_exchange_n(&hold_at(0)->owner, &owner, 5 | WAITED, false,
                                           __ATOMIC_RELAXED, __ATOMIC_RELAXED);
        __atomic_store_n(&answered, i, __ATOMIC_RELEASE);
    }
    return NULL;
}

TEST(hold_frees_what_another_hart_begins_to_wait_for)
{
    pthread_t waiter;

    begin();
    asked = answered = 0;
    CHECK_EQ(pthread_create(&waiter, NULL, wait_for_owner, NULL), 0);
    for (u32 i = 1; i <= RACES; i++) {
        begin_vm(5);
        CHECK_EQ(hold_set(vms[5], gpa_at(0), PROC_HOLD_HERE), ERR_OK);
        hold_at(0)->owner = 5;
        __atomic_store_n(&asked, i, __ATOMIC_RELEASE);
        end_vm(5);
        wait_for_round(&answered, i);
        CHECK_EQ(hold_at(0)->owner, 0);
    }
    CHECK_EQ(pthread_join(waiter, NULL), 0);
    census();
}

/* A fork that fails has changed nothing, at whatever step. */
TEST(hold_of_a_child_that_never_was)
{
    struct vm *vm, *child;

    begin();
    vm = begin_vm(1);
    child = begin_vm(0);
    CHECK_EQ(hold_set(vm, gpa_at(1), PROC_HOLD_HERE), ERR_OK);
    hold_at(1)->owner = 1;
    CHECK_EQ(hold_inherit(child, vm, false), ERR_OK);
    CHECK_EQ(hold_at(1)->holders, 2);
    end_vm(0);
    CHECK_EQ(hold_at(1)->holders, 1);
    CHECK_EQ(hold_at(1)->bell, 0);
    CHECK_EQ(hold_at(1)->owner, 1);
    CHECK_EQ(bells + owners, 0);
    census();
}

/* The n-th cell is not to be had: nothing has changed. */
TEST(hold_without_memory)
{
    for (u32 n = 0;; n++) {
        struct vm *vm, *child;
        enum err err = ERR_OK;
        u32 held = 0;

        begin();
        vm = begin_vm(1);
        child = begin_vm(0);
        cells_left = n;
        for (; held < 40 && err == ERR_OK; held += err == ERR_OK)
            err = hold_set(vm, gpa_at(held), PROC_HOLD_HERE);
        if (err == ERR_OK)
            err = hold_inherit(child, vm, false);
        CHECK(err == ERR_OK || err == ERR_NOMEM);
        for (u32 i = 0; i < HOLDS; i++)
            CHECK_EQ(hold_at(i)->holders, (i < held) + (i < held && child->holds.count > 0));
        CHECK_EQ(vm->holds.count, held);
        census();
        if (err == ERR_OK)
            break;
    }
}

static enum proc_hold_how model[ARRAY_LEN(vms)][HOLDS];

static void step(u64 *seed)
{
    u32 pid = (u32)(test_random(seed) % ARRAY_LEN(vms));
    u32 other = (u32)(test_random(seed) % ARRAY_LEN(vms));
    u32 index = (u32)(test_random(seed) % 60);
    u32 how = (u32)(test_random(seed) % (PROC_HOLD_KEPT + 1)), what = (u32)test_random(seed) % 10;
    bool kept_only = what == 0;

    if (vms[pid] == NULL) {
        begin_vm(pid);
        memset(model[pid], 0, sizeof(model[pid]));
    } else if (what <= 1 && vms[other] == NULL) {
        CHECK_EQ(hold_inherit(begin_vm(other), vms[pid], kept_only), ERR_OK);
        for (u32 i = 0; i < HOLDS; i++)
            model[other][i] =
                kept_only && model[pid][i] != PROC_HOLD_KEPT ? PROC_HOLD_NONE : model[pid][i];
    } else if (what == 2) {
        hold_exec(vms[pid]);
        for (u32 i = 0; i < HOLDS; i++)
            model[pid][i] = model[pid][i] == PROC_HOLD_KEPT ? PROC_HOLD_KEPT : PROC_HOLD_NONE;
    } else if (what == 3) {
        end_vm(pid);
        memset(model[pid], 0, sizeof(model[pid]));
    } else {
        CHECK_EQ(hold_set(vms[pid], gpa_at(index), how), ERR_OK);
        model[pid][index] = how;
    }
}

TEST(hold_is_as_its_model)
{
    u64 seed = 11;

    begin();
    memset(model, 0, sizeof(model));
    for (u32 steps = 0; steps < 20000; steps++) {
        step(&seed);
        for (u32 i = 0; steps % 50 == 0 && i < HOLDS; i++) {
            u32 holders = 0;

            for (u32 pid = 0; pid < ARRAY_LEN(vms); pid++)
                holders += vms[pid] != NULL && model[pid][i] != PROC_HOLD_NONE;
            CHECK_EQ(hold_at(i)->holders, holders);
        }
    }
    census();
}
