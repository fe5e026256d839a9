/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Forks of an address space: when memory runs out at any allocation, one upon the other a thousand
 * deep, and one after the other for ever.
 */
#include <stdlib.h>
#include <string.h>

#include "lib/riscv/fence.h"
#include "lib/riscv/pgtable.h"

#include "hv/frame.h"
#include "hv/gstage.h"

#include "tests/host/hv_world.h"
#include "tests/host/tlb_model.h"
#include "tests/test.h"

#define RAM_BASE  0x80000000UL
#define RAM_BYTES 0x40400000UL
#define TOUCHED   6

/* In three leaf tables under two tables above. */
static const gpa_t gpas[TLB_PAGES] = {{RAM_BASE},
                                      {RAM_BASE + 0x1000},
                                      {RAM_BASE + 0x1ff000},
                                      {RAM_BASE + 0x200000},
                                      {RAM_BASE + 0x40000000},
                                      {RAM_BASE + 0x40200000},
                                      {RAM_BASE + 0x2000},
                                      {RAM_BASE + 0x3000},
                                      {RAM_BASE + 0x201000},
                                      {RAM_BASE + 0x40001000}};

static const struct backing nothing;
static void boot(u32 frames)
{
    world_boot(1, frames);
    vmid_init(1);
    tlb_start(gpas);
}

static void write_word(struct gstage *gs, u32 page, u64 word)
{
    CHECK_EQ(gstage_write(gs, gpas[page], &word, sizeof(word)), ERR_OK);
}

static void check_word(struct gstage *gs, u32 page, u64 expected)
{
    u64 word;

    CHECK_EQ(gstage_read(gs, gpas[page], &word, sizeof(word)), ERR_OK);
    CHECK_EQ(word, expected);
}

static void make_parent(struct gstage *gs)
{
    CHECK_EQ(gstage_create(gs, (gpa_t){RAM_BASE}, RAM_BYTES, &nothing, 1), ERR_OK);
    for (u32 page = 0; page < TOUCHED; page++)
        write_word(gs, page, 100 + page);
}

/* ---- the n-th allocation fails ---- */

/*
 * Clones with n frames left, from none until it succeeds.
 */
static void run_clone_fails(void *argument)
{
    enum clone_mode mode = *(enum clone_mode *)argument;
    struct gstage parent, child;
    u64 free_at_start, failures = 0;
    bool is_done = false;

    boot(200);
    free_at_start = world_free_frames();
    make_parent(&parent);
    for (u64 n = 0; !is_done; n++) {
        u64 before;
        enum err err;

        world_leave_free(n);
        before = world_free_frames();
        CHECK_EQ(before, n);
        err = gstage_clone(&child, &parent, mode);
        if (err == ERR_OK) {
            for (u32 page = 0; page < TOUCHED; page++)
                check_word(&child, page, 100 + page);
            gstage_destroy(&child);
            is_done = true;
        } else {
            CHECK_EQ(err, ERR_NOMEM);
            failures++;
        }
        CHECK_EQ(world_free_frames(), before);
        world_give_back();
        for (u32 page = 0; page < TOUCHED; page++) {
            check_word(&parent, page, 100 + page);
            write_word(&parent, page, 100 + page);
        }
    }
    if (mode == CLONE_COW)
        CHECK_EQ(failures, 0); /* it needs no memory */
    else
        CHECK(failures >= TOUCHED); /* there are nodes, too */
    gstage_destroy(&parent);
    CHECK_EQ(world_free_frames(), free_at_start);
}

TEST(fork_fails_as_a_whole_or_not_at_all)
{
    for (enum clone_mode mode = CLONE_COW; mode <= CLONE_COPY; mode++)
        test_must_pass(run_clone_fails, &mode);
}

/* Each way to need memory in a fault: a table above, a leaf table, a page, a copy. */
static void run_fault_fails(void *argument)
{
    struct gstage parent, child;
    enum trace_did did;
    u64 free_at_start;

    (void)argument;
    boot(200);
    free_at_start = world_free_frames();
    CHECK_EQ(gstage_create(&parent, (gpa_t){RAM_BASE}, RAM_BYTES, &nothing, 1), ERR_OK);
    world_leave_free(3);
    CHECK_EQ(world_fault(&parent, gpas[4], ACCESS_READ, &did), ERR_NOMEM); /* a root */
    world_give_back();
    CHECK_EQ(world_fault(&parent, gpas[4], ACCESS_READ, &did), ERR_OK);
    world_leave_free(0);
    CHECK_EQ(world_fault(&parent, gpas[0], ACCESS_READ, &did), ERR_NOMEM);
    for (u32 tables = 0; tables < 2; tables++) { /* one at a time: what was made stays */
        world_give_back();
        world_leave_free(1);
        CHECK_EQ(world_fault(&parent, gpas[0], ACCESS_READ, &did), ERR_NOMEM);
    }
    world_give_back();
    world_leave_free(1);
    CHECK_EQ(world_fault(&parent, gpas[0], ACCESS_READ, &did), ERR_OK);
    world_give_back();
    for (u32 page = 0; page < TOUCHED; page++)
        write_word(&parent, page, 100 + page);
    CHECK_EQ(gstage_clone(&child, &parent, CLONE_COW), ERR_OK);
    for (u32 page = 0; page < TOUCHED; page++)
        CHECK_EQ(world_fault(&child, gpas[page], ACCESS_READ, &did), ERR_OK);
    (void)gstage_load(&parent, 0); /* who runs keeps its tables */
    world_leave_free(0);
    for (u32 page = 0; page < TOUCHED; page++) {
        CHECK_EQ(world_fault(&child, gpas[page], ACCESS_READ, &did), ERR_OK);
        CHECK_EQ(world_fault(&child, gpas[page], ACCESS_WRITE, &did), ERR_NOMEM);
        check_word(&child, page, 100 + page);
        check_word(&parent, page, 100 + page);
    }
    world_give_back();
    vmid_unload(&parent.vmid[0]);
    gstage_destroy(&parent);
    for (u32 page = 0; page < TOUCHED; page++)
        write_word(&child, page, 200 + page);
    gstage_destroy(&child);
    CHECK_EQ(world_free_frames(), free_at_start);
}

TEST(fork_faults_without_memory_change_nothing)
{
    test_must_pass(run_fault_fails, NULL);
}

/* ---- many ---- */

#define SLEEPERS   400
#define OWN_FRAMES 2 /* a page and, of the nodes, less than another one */

/*
 * Children that write a page each and sleep, until there is no memory: then none but the last has
 * tables.  Who wakes takes those of another one.
 */
static void run_asleep(void *argument)
{
    static struct gstage child[SLEEPERS];
    struct gstage parent;
    enum trace_did did;
    u64 free_at_start;
    u32 count = 0;
    enum err err;

    (void)argument;
    boot(400);
    free_at_start = world_free_frames();
    make_parent(&parent);
    do {
        CHECK(count < SLEEPERS);
        CHECK_EQ(gstage_clone(&child[count], &parent, CLONE_COW), ERR_OK);
        err = world_fault(&child[count], gpas[count % TOUCHED], ACCESS_WRITE, &did);
        if (err == ERR_OK)
            write_word(&child[count], count % TOUCHED, 1000 + count);
        count++;
    } while (err == ERR_OK);
    CHECK_EQ(err, ERR_NOMEM);
    gstage_destroy(&child[--count]);
    CHECK(count >= (free_at_start - 40) / OWN_FRAMES);
    for (u32 i = 0; i < count; i++)
        CHECK_EQ(world_fault(&child[i], gpas[i % TOUCHED], ACCESS_WRITE, &did), ERR_OK);
    for (u32 i = 0; i < count; i++) {
        for (u32 page = 0; page < TOUCHED; page++)
            check_word(&child[i], page, page == i % TOUCHED ? 1000 + i : 100 + page);
    }
    for (u32 i = 0; i < count; i++)
        gstage_destroy(&child[i]);
    gstage_destroy(&parent);
    CHECK_EQ(world_free_frames(), free_at_start);
}

TEST(fork_takes_the_tables_of_who_sleeps)
{
    test_must_pass(run_asleep, NULL);
}

/*
 * Nobody has tables; with n frames left, from none on, a fork writes each page.  Nor do some have
 * tables that cannot be taken: somebody is busy with that VM.
 */
static void run_evicted(void *argument)
{
    struct gstage parent, child, other;
    enum trace_did did;
    u64 free_at_start;
    u32 done = 0, failures = 0;

    (void)argument;
    boot(200);
    free_at_start = world_free_frames();
    make_parent(&parent);
    CHECK_EQ(gstage_clone(&other, &parent, CLONE_COW), ERR_OK);
    for (u32 page = 0; page < TOUCHED; page++)
        CHECK_EQ(world_fault(&other, gpas[page], ACCESS_READ, &did), ERR_OK);
    spin_lock(&other.lock);
    for (u64 n = 0; done < TOUCHED; n++) {
        u64 before = world_free_frames();

        CHECK_EQ(world_fault(&parent, gpas[0], ACCESS_READ, &did), ERR_OK);
        CHECK(gstage_evict(&parent) && !gstage_evict(&parent) && !gstage_evict(&other));
        world_leave_free(n);
        CHECK_EQ(gstage_clone(&child, &parent, CLONE_COW), ERR_OK);
        for (done = 0; done < TOUCHED; done++) {
            if (world_fault(&child, gpas[done], ACCESS_WRITE, &did) != ERR_OK)
                break;
            write_word(&child, done, 200 + done);
        }
        failures += done < TOUCHED;
        for (u32 page = 0; page < TOUCHED; page++) {
            check_word(&child, page, page < done ? 200 + page : 100 + page);
            check_word(&parent, page, 100 + page);
        }
        gstage_destroy(&child);
        world_give_back();
        CHECK_EQ(world_free_frames(), before);
    }
    CHECK(failures > 4 + 2 + 3 + TOUCHED); /* a root, tables, pages; nodes, too */
    world_leave_free(0);
    CHECK_EQ(world_fault(&parent, gpas[0], ACCESS_WRITE, &did), ERR_NOMEM);
    spin_unlock(&other.lock);
    CHECK_EQ(world_fault(&parent, gpas[0], ACCESS_WRITE, &did), ERR_OK);
    CHECK(!gstage_evict(&other));
    world_give_back();
    gstage_destroy(&parent);
    gstage_destroy(&other);
    CHECK_EQ(world_free_frames(), free_at_start);
}

TEST(fork_of_who_is_evicted_without_memory)
{
    test_must_pass(run_evicted, NULL);
}

#define SOME 5

/* Pages have taken all memory: of who wakes nobody ends for want of tables. */
static void run_wakers(void *argument)
{
    struct gstage vm[SOME];
    hpa_t taken = {0}, frame;
    enum trace_did did;
    u64 free_at_start;

    (void)argument;
    boot(8192);
    free_at_start = world_free_frames();
    for (u32 i = 0; i < SOME; i++) {
        make_parent(&vm[i]);
        CHECK_EQ(world_fault(&vm[i], gpas[0], ACCESS_WRITE, &did), ERR_OK);
    }
    while ((frame = frame_alloc()).v != 0) {
        *(hpa_t *)hpa_ptr(frame) = taken;
        taken = frame;
    }
    for (u32 i = 0; i < SOME; i++)
        CHECK(!gstage_evict(&vm[i]));
    for (u32 page = 0; page < TOUCHED; page++) {
        for (u32 i = 0; i < SOME; i++)
            CHECK_EQ(world_fault(&vm[i], gpas[page], ACCESS_WRITE, &did), ERR_OK);
    }
    CHECK(frame_alloc().v == 0);
    while (taken.v != 0) {
        frame = taken;
        taken = *(hpa_t *)hpa_ptr(frame);
        frame_put(frame);
    }
    for (u32 i = 0; i < SOME; i++)
        gstage_destroy(&vm[i]);
    CHECK_EQ(world_free_frames(), free_at_start);
}

TEST(fork_finds_tables_when_pages_have_taken_all_memory)
{
    test_must_pass(run_wakers, NULL);
}

#define DEPTH 1000

/* Each generation writes one page and is checked after all others have come and some have gone. */
static void run_deep(void *argument)
{
    static struct gstage chain[DEPTH];
    enum trace_did did;
    u64 free_at_start;

    (void)argument;
    boot(16384 / 2);
    tlb_start(gpas);
    free_at_start = world_free_frames();
    make_parent(&chain[0]);
    for (u32 i = 1; i < DEPTH; i++) {
        /* as in life: the parent's number is forgotten, since it does not run here */
        CHECK_EQ(gstage_clone(&chain[i], &chain[i - 1], CLONE_COW), ERR_OK);
        if (i % 3 == 0) /* others have no tables */
            CHECK_EQ(world_fault(&chain[i], gpas[i % TOUCHED], ACCESS_WRITE, &did), ERR_OK);
        write_word(&chain[i], i % TOUCHED, 1000 + i);
        if (i >= 400) /* the older ones end while their descendants live */
            gstage_destroy(&chain[i - 400]);
    }
    for (u32 i = DEPTH - 400; i < DEPTH; i++) {
        for (u32 page = 0; page < TOUCHED; page++) {
            u32 writer = i - (i + TOUCHED - page) % TOUCHED;

            check_word(&chain[i], page, 1000 + writer);
        }
    }
    for (u32 i = DEPTH - 400; i < DEPTH; i++)
        gstage_destroy(&chain[i]);
    CHECK_EQ(world_free_frames(), free_at_start);
}

TEST(fork_of_a_fork_a_thousand_deep)
{
    test_must_pass(run_deep, NULL);
}

static void run_many(void *argument)
{
    struct gstage parent, child;
    u64 free_at_start, free_with_parent;
    enum trace_did did;

    (void)argument;
    boot(100);
    free_at_start = world_free_frames();
    CHECK_EQ(gstage_create(&parent, (gpa_t){RAM_BASE}, RAM_BYTES, &nothing, 1), ERR_OK);
    CHECK_EQ(world_fault(&parent, gpas[0], ACCESS_WRITE, &did), ERR_OK);
    free_with_parent = world_free_frames();
    for (u64 i = 0; i < world_times(100000); i++) {
        CHECK_EQ(gstage_clone(&child, &parent, i % 64 == 63 ? CLONE_COPY : CLONE_COW), ERR_OK);
        CHECK_EQ(world_fault(i & 1 ? &child : &parent, gpas[0], ACCESS_WRITE, &did), ERR_OK);
        write_word(i & 1 ? &child : &parent, 0, i);
        gstage_destroy(&child);
        CHECK_EQ(world_free_frames(), free_with_parent);
    }
    gstage_destroy(&parent);
    CHECK_EQ(world_free_frames(), free_at_start);
}

TEST(fork_for_ever_loses_nothing)
{
    test_must_pass(run_many, NULL);
}
