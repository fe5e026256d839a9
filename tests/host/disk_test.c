/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Disks, rule by rule: who is interrupted when, who waits for whom, what happens to a device that
 * does not answer, and what forks cost.  What views see is for disk_model_test.c.
 */
#include <pthread.h>
#include <sched.h>
#include <stdlib.h>
#include <string.h>

#include "hv/frame.h"

#include "tests/host/disk_world.h"
#include "tests/host/hv_world.h"
#include "tests/test.h"

#define FRAMES       4096
#define SECTOR       512U
#define BLOCK        4096U
#define SECTORS      1024
#define TIMEOUT      30
#define SECOND       10000000U /* ticks */
#define MILLISECOND  10000U
#define QUEUE        128U
#define REQUESTS_MAX 200

static struct disk_io *ios;
static u8 (*buffers)[BLOCK];
static bool is_done[REQUESTS_MAX];
static u32 done_count;

static void note_done(struct disk_io *io)
{
    CHECK(!is_done[io - ios]);
    __atomic_fetch_add(&done_count, 1, __ATOMIC_RELAXED);
    __atomic_store_n(&is_done[io - ios], true, __ATOMIC_RELEASE);
}

static void power_on(void)
{
    size_t bytes = align_up(REQUESTS_MAX * sizeof(*ios), PAGE_BYTES);

    disk_world_boot(FRAMES, TIMEOUT);
    ios = aligned_alloc(PAGE_BYTES, bytes);
    buffers = malloc(REQUESTS_MAX * sizeof(*buffers));
    CHECK(ios != NULL && buffers != NULL);
    memset(ios, 0, bytes);
}

/* So many disks of the usual kind, not started yet. */
static void describe(u32 disks)
{
    for (u32 i = 0; i < disks; i++) {
        fake_disks[i].sectors = SECTORS;
        fake_disks[i].pieces_max = QUEUE - 2;
        fake_disks[i].piece_bytes_max = UINT32_MAX;
        fake_disks[i].room = QUEUE;
    }
    world_has_interrupts = true;
}

static void boot(u32 disks)
{
    describe(disks);
    power_on();
}

/* A request by number, of one piece. */
static void start(u32 number, struct disk_view *view, enum disk_op op, u64 sector, u32 bytes)
{
    struct disk_io *io = &ios[number];

    is_done[number] = false;
    io->view = view;
    io->done = note_done;
    io->op = op;
    io->sector = sector;
    io->bytes = bytes;
    io->pieces = bytes == 0 ? 0 : 1;
    io->piece[1] = (struct virtq_desc){.addr = (u64)buffers[number], .len = bytes};
    disk_start(io);
}

static void answer(u32 disk, u32 count)
{
    for (u32 i = 0; i < count; i++) {
        fake_disk_carry_out(disk, 0, false);
        fake_disk_give_back(disk, 0);
    }
}

static void answer_all(u32 disk)
{
    while (fake_disk_waiting(disk) > 0)
        answer(disk, 1);
    world_time += MILLISECOND;
    disk_expire(world_time);
}

static struct disk_view *open_machine(u32 disk)
{
    struct disk_view *view = disk_open(disk_of_machine(disk));

    CHECK(view != NULL);
    return view;
}

static struct disk_view *fork_of(struct disk_view *parent)
{
    struct disk_view *view = disk_clone(parent);

    CHECK(view != NULL);
    return view;
}

/* ---- the machine's disks ---- */

static void run_found(void *argument)
{
    struct disk_info info;

    (void)argument;
    describe(2);
    fake_disks[1].readonly = true;
    fake_disks[0].cannot_start = true;
    power_on();
    CHECK(disk_of_machine(0) == NULL && disk_of_machine(2) == NULL);
    info = disk_info(disk_of_machine(1));
    CHECK(info.sectors == SECTORS && info.readonly);
    CHECK_EQ(world_lines, 2);
    CHECK_STR(world_said, "disk 1: 512 KiB, read-only");
}

TEST(disk_that_cannot_be_started_keeps_its_number)
{
    test_must_pass(run_found, NULL);
}

static void run_none(void *argument)
{
    (void)argument;
    boot(0);
    CHECK(disk_of_machine(0) == NULL);
    CHECK_EQ(disk_next_deadline(), UINT64_MAX);
    CHECK_EQ(world_lines, 0);
    CHECK_EQ(frame_free_count(), frame_total_count());
}

TEST(disk_machine_without_any_pays_nothing)
{
    test_must_pass(run_none, NULL);
}

static void run_small_pieces(void *argument)
{
    (void)argument;
    describe(1);
    fake_disks[0].piece_bytes_max = BLOCK / 2;
    power_on();
    CHECK(disk_of_machine(0) == NULL);
    CHECK_EQ(fake_disks[0].resets, 1);
}

TEST(disk_of_pieces_below_a_block_is_not_used)
{
    test_must_pass(run_small_pieces, NULL);
}

/* ---- interrupts ---- */

static void run_coalesced(void *argument)
{
    struct disk_view *view;

    (void)argument;
    boot(1);
    view = open_machine(0);
    for (u32 i = 0; i < 33; i++)
        start(i, view, DISK_READ, i, SECTOR);
    CHECK_EQ(fake_disks[0].expected, 1);
    answer(0, 1);
    CHECK_EQ(done_count, 1);
    CHECK_EQ(fake_disks[0].expected, 8);
    answer(0, 7);
    CHECK_EQ(done_count, 1);
    answer(0, 1);
    CHECK_EQ(done_count, 9);
    CHECK_EQ(fake_disks[0].expected, 6);
    answer(0, 1); /* for which no interrupt comes */
    CHECK_EQ(disk_next_deadline(), world_time + MILLISECOND);
    world_time += MILLISECOND;
    disk_expire(world_time);
    CHECK_EQ(done_count, 10);
    answer_all(0);
    CHECK_EQ(done_count, 33);
    CHECK_EQ(disk_next_deadline(), UINT64_MAX);
}

TEST(disk_interrupts_for_some_at_a_time)
{
    test_must_pass(run_coalesced, NULL);
}

static void run_single(void *argument)
{
    struct disk_view *view;

    (void)argument;
    boot(1);
    view = open_machine(0);
    for (u32 i = 0; i < 10; i++) {
        start(i, view, DISK_READ, i, SECTOR);
        CHECK_EQ(disk_next_deadline(), world_time + TIMEOUT * SECOND);
        answer(0, 1);
        CHECK_EQ(done_count, i + 1);
        disk_expire(world_time);
    }
}

TEST(disk_interrupts_for_one_at_once)
{
    test_must_pass(run_single, NULL);
}

static void run_eager(void *argument)
{
    struct disk_view *view;

    (void)argument;
    boot(1);
    fake_disks[0].is_eager = true;
    view = open_machine(0);
    for (u32 i = 0; i < 3; i++) {
        start(i, view, DISK_READ, i, SECTOR);
        CHECK_EQ(fake_disks[0].interrupts, i + 1);
        disk_expire(world_time);
        CHECK_EQ(done_count, i + 1);
    }
}

TEST(disk_interrupt_is_asked_for_before_the_request)
{
    test_must_pass(run_eager, NULL);
}

static void run_polled(void *argument)
{
    struct disk_view *view;

    (void)argument;
    describe(1);
    world_has_interrupts = false;
    power_on();
    view = open_machine(0);
    start(0, view, DISK_READ, 0, SECTOR);
    CHECK(fake_disks[0].is_quiet);
    answer(0, 1);
    CHECK_EQ(done_count, 0);
    CHECK_EQ(disk_next_deadline(), world_time + MILLISECOND);
    world_time += MILLISECOND;
    disk_expire(world_time);
    CHECK_EQ(done_count, 1);
}

TEST(disk_without_interrupts_is_looked_at)
{
    test_must_pass(run_polled, NULL);
}

/* ---- turns ---- */

static void run_turns(void *argument)
{
    struct disk_view *greedy, *modest;

    (void)argument;
    boot(1);
    fake_disks[0].room = 4;
    greedy = open_machine(0);
    modest = fork_of(greedy);
    for (u32 i = 0; i < 100; i++)
        start(i, greedy, DISK_READ, i, SECTOR);
    start(100, modest, DISK_READ, 0, SECTOR);
    start(101, modest, DISK_READ, 8, SECTOR);
    CHECK_EQ(fake_disk_waiting(0), 4);
    answer(0, 4);
    world_time += MILLISECOND;
    disk_expire(world_time);
    answer(0, 4);
    world_time += MILLISECOND;
    disk_expire(world_time);
    CHECK(is_done[100] && is_done[101]);
    CHECK_EQ(done_count, 8);
    while (fake_disk_waiting(0) > 0)
        answer_all(0);
    CHECK_EQ(done_count, 102);
}

TEST(disk_views_take_turns)
{
    test_must_pass(run_turns, NULL);
}

/* ---- devices that fail ---- */

static void run_timeout(void *argument)
{
    struct disk_view *stalled, *other;

    (void)argument;
    boot(2);
    fake_disks[1].room = 4;
    stalled = open_machine(1);
    other = open_machine(0);
    start(0, other, DISK_READ, 0, SECTOR);
    world_time += SECOND;
    for (u32 i = 1; i <= 6; i++)
        start(i, stalled, DISK_WRITE, i, SECTOR);
    answer(0, 1);
    CHECK_EQ(done_count, 1);
    for (u64 end = world_time + TIMEOUT * SECOND; world_time < end; world_time += SECOND / 10)
        disk_expire(world_time);
    CHECK_EQ(done_count, 1);
    disk_expire(world_time);
    CHECK_EQ(done_count, 7);
    for (u32 i = 1; i <= 6; i++)
        CHECK(is_done[i] && ios[i].failed);
    CHECK_EQ(fake_disks[1].resets, 1);
    CHECK_EQ(fake_disks[0].resets, 0);
    CHECK_EQ(world_lines, 3);
    CHECK_STR(world_said, "disk 1: it does not answer: reset, 6 requests failed");
    start(1, stalled, DISK_READ, 1, SECTOR);
    answer(1, 1);
    CHECK(is_done[1] && !ios[1].failed);
}

static void run_late_look(void *argument)
{
    struct disk_view *view;

    (void)argument;
    boot(1);
    view = open_machine(0);
    world_time = SECOND;
    start(0, view, DISK_READ, 0, SECTOR);
    disk_expire(world_time - 1);
    CHECK_EQ(fake_disks[0].resets, 0);
    CHECK(done_count == 0);
}

TEST(disk_is_not_late_for_a_hart_that_read_the_clock_before)
{
    test_must_pass(run_late_look, NULL);
}

TEST(disk_that_does_not_answer_is_reset)
{
    test_must_pass(run_timeout, NULL);
}

static void run_gone(void *argument)
{
    struct disk_view *view, *child;

    (void)argument;
    boot(1);
    view = open_machine(0);
    child = fork_of(view);
    start(0, child, DISK_WRITE, 8, BLOCK);
    start(1, view, DISK_FLUSH, 0, 0);
    fake_disks[0].cannot_start = true;
    world_time += TIMEOUT * SECOND;
    CHECK(world_time >= disk_next_deadline());
    disk_expire(world_time);
    CHECK(is_done[1] && ios[1].failed);
    CHECK_STR(world_said, "disk 0: it does not answer: reset, 1 request failed; it does not start "
                          "again: all will fail from now on");
    start(2, view, DISK_READ, 0, SECTOR);
    start(3, view, DISK_WRITE, 0, SECTOR);
    start(4, child, DISK_WRITE, 17, SECTOR);
    for (u32 i = 2; i <= 4; i++)
        CHECK(is_done[i] && ios[i].failed);
    start(5, child, DISK_READ, 9, SECTOR); /* what is in memory is still there */
    CHECK(is_done[5] && !ios[5].failed);
    disk_expire(world_time);
    CHECK_EQ(disk_next_deadline(), UINT64_MAX);
    CHECK_EQ(fake_disks[0].resets, 1);
}

TEST(disk_that_is_gone_fails_at_once)
{
    test_must_pass(run_gone, NULL);
}

static void run_changed(void *argument)
{
    struct disk_view *view;

    (void)argument;
    boot(1);
    view = open_machine(0);
    start(0, view, DISK_READ, 0, SECTOR);
    fake_disks[0].sectors--;
    fake_disks[0].breaks_rules = true;
    world_time += TIMEOUT * SECOND;
    disk_expire(world_time);
    CHECK(is_done[0] && ios[0].failed);
    CHECK_STR(world_said, "disk 0: it breaks the rules of virtio: reset, 1 request failed; it does "
                          "not start again: all will fail from now on");
    CHECK_EQ(fake_disks[0].resets, 2);
}

TEST(disk_that_comes_back_as_another_is_not_used)
{
    test_must_pass(run_changed, NULL);
}

static void run_error(void *argument)
{
    struct disk_view *view;

    (void)argument;
    boot(1);
    view = open_machine(0);
    start(0, view, DISK_READ, 0, SECTOR);
    fake_disk_carry_out(0, 0, true);
    fake_disk_give_back(0, 0);
    CHECK(is_done[0] && ios[0].failed);
    CHECK_EQ(fake_disks[0].resets, 0);
    CHECK_EQ(world_lines, 1); /* that of the boot */
}

TEST(disk_error_is_that_requests)
{
    test_must_pass(run_error, NULL);
}

/* ---- requests ---- */

static void run_flush(void *argument)
{
    struct disk_view *view, *child;

    (void)argument;
    boot(1);
    view = open_machine(0);
    child = fork_of(view);
    start(0, view, DISK_FLUSH, 0, 0);
    start(1, child, DISK_FLUSH, 0, 0);
    CHECK(!is_done[0] && is_done[1] && !ios[1].failed);
    answer(0, 1);
    CHECK(is_done[0] && !ios[0].failed);
}

TEST(disk_flush_of_a_private_view_is_nothing)
{
    test_must_pass(run_flush, NULL);
}

static void run_readonly(void *argument)
{
    struct disk_view *view, *child;

    (void)argument;
    describe(1);
    fake_disks[0].readonly = true;
    power_on();
    view = open_machine(0);
    child = fork_of(view);
    start(0, view, DISK_WRITE, 0, BLOCK);
    start(1, child, DISK_WRITE, 0, BLOCK);
    CHECK(is_done[0] && ios[0].failed && is_done[1] && ios[1].failed);
    CHECK_EQ(fake_disks[0].starts, 0);
}

TEST(disk_that_is_readonly_is_not_written)
{
    test_must_pass(run_readonly, NULL);
}

/* Sectors of so many pieces each, to a device that takes three at once. */
static void read_scattered(struct disk_view *view, u32 pieces_of_sector)
{
    struct disk_io *io = &ios[0];

    is_done[0] = false;
    *io = (struct disk_io){.view = view, .done = note_done, .op = DISK_READ, .bytes = 2 * SECTOR};
    for (u32 i = 0; i < 2 * pieces_of_sector; i++)
        io->piece[++io->pieces] =
            (struct virtq_desc){.addr = (u64)buffers[i], .len = SECTOR / pieces_of_sector};
    disk_start(io);
    while (fake_disk_waiting(0) > 0)
        answer(0, 1);
    CHECK(is_done[0]);
}

static void run_scattered(void *argument)
{
    struct disk_view *view;

    (void)argument;
    describe(1);
    fake_disks[0].pieces_max = 3;
    for (u32 i = 0; i < 2 * SECTOR; i++)
        fake_disks[0].bytes[i] = (u8)(i / 256);
    power_on();
    view = open_machine(0);
    read_scattered(view, 1);
    CHECK(!ios[0].failed && buffers[1][0] == 2);
    read_scattered(view, 2);
    CHECK(!ios[0].failed && buffers[3][0] == 3);
    CHECK_EQ(fake_disks[0].starts, 1 + 2);
    read_scattered(view, 4);
    CHECK(ios[0].failed);
}

TEST(disk_sector_in_too_many_pieces_fails)
{
    test_must_pass(run_scattered, NULL);
}

/* ---- memory ---- */

static void run_no_memory(void *argument)
{
    struct disk_view *view, *children[2];

    (void)argument;
    boot(1);
    view = open_machine(0);
    children[0] = fork_of(view);
    children[1] = fork_of(view);
    world_alloc_fails = 1;
    for (u32 i = 0; i < 6; i++) {
        start(i, children[i % 2], DISK_WRITE, 8 * i, i < 4 ? BLOCK : SECTOR);
        CHECK(is_done[i] && ios[i].failed);
    }
    CHECK_EQ(world_lines, 3);
    start(6, view, DISK_WRITE, 0, SECTOR); /* nobody would have what it overwrites */
    CHECK(is_done[6] && ios[6].failed);
    CHECK_EQ(world_lines, 4);
    CHECK_STR(world_said, "no memory for what a guest writes to its disk: such writes fail");
    CHECK(disk_clone(children[0]) != NULL); /* there is room beside the others */
}

TEST(disk_without_memory_says_so_once_for_each_view)
{
    test_must_pass(run_no_memory, NULL);
}

/* An image in RAM, of which each block is to be seen. */
static struct disk_view *open_image(void)
{
    static u8 image[SECTORS * SECTOR];
    struct disk *disk = disk_of_memory(image, sizeof(image));
    struct disk_view *view = disk == NULL ? NULL : disk_open(disk);

    CHECK(view != NULL);
    return view;
}

static void write_block(struct disk_view *view, u64 block)
{
    start(0, view, DISK_WRITE, block * (BLOCK / SECTOR), BLOCK);
    CHECK(is_done[0] && !ios[0].failed);
}

static u64 frames_in_use(void)
{
    return frame_total_count() - frame_free_count();
}

static void run_generations(void *argument)
{
    struct disk_view *owner, *view;
    u64 before, after;

    (void)argument;
    boot(0);
    owner = open_image();
    view = fork_of(owner);
    before = frames_in_use();
    for (u32 i = 0; i < 1000; i++) {
        struct disk_view *child = fork_of(view);

        write_block(child, i % 4);
        disk_close(view);
        view = child;
    }
    after = frames_in_use();
    CHECK_EQ(after - before, 1 + 4);
    disk_close(view);
    CHECK_EQ(frames_in_use(), before); /* the owner is beside the view in its frame */
}

TEST(disk_generations_cost_what_is_written)
{
    test_must_pass(run_generations, NULL);
}

static void run_snapshots(void *argument)
{
    struct disk_view *owner, *children[100];
    u64 before;

    (void)argument;
    boot(0);
    owner = open_image();
    before = frames_in_use();
    for (u32 i = 0; i < ARRAY_LEN(children); i++)
        children[i] = fork_of(owner);
    CHECK(frames_in_use() - before <= 3); /* a hundred views */
    write_block(owner, 1);
    write_block(owner, 1);
    write_block(owner, 2);
    CHECK(frames_in_use() - before <= 3 + 1 + 2);
    for (u32 i = 0; i < ARRAY_LEN(children); i++)
        disk_close(children[i]);
    CHECK_EQ(frames_in_use(), before);
    children[0] = fork_of(owner);
    for (u32 i = 0; i < 1000; i++) {
        struct disk_view *child = fork_of(owner);

        write_block(owner, i % 4); /* kept for both, then for the one that stays */
        disk_close(child);
    }
    CHECK_EQ(frames_in_use() - before, 1 + 4);
    disk_close(children[0]);
    CHECK_EQ(frames_in_use(), before);
}

TEST(disk_snapshots_are_kept_for_who_sees_them)
{
    test_must_pass(run_snapshots, NULL);
}

static void check_count(const struct disk_view *view, u64 owned, u64 shared)
{
    u64 is_owned, is_shared;

    disk_count(view, &is_owned, &is_shared);
    CHECK_EQ(is_owned, owned);
    CHECK_EQ(is_shared, shared);
}

static void run_counts(void *argument)
{
    struct disk_view *owner, *child, *grandchild, *late, *twin;

    (void)argument;
    boot(0);
    owner = open_image();
    child = fork_of(owner);
    check_count(child, 0, 0);
    write_block(child, 0);
    write_block(child, 1);
    check_count(child, 3, 0); /* two blocks and a node */
    grandchild = fork_of(child);
    check_count(child, 0, 3);
    write_block(grandchild, 1);
    check_count(grandchild, 2, 1);
    check_count(child, 2, 1);
    disk_close(grandchild);
    check_count(child, 3, 0);
    write_block(owner, 5);
    check_count(child, 5, 0); /* what is kept is for it alone */
    late = fork_of(owner);
    write_block(owner, 6);
    check_count(late, 0, 2);
    check_count(child, 5, 2);
    check_count(owner, 0, 0);
    disk_close(child);
    check_count(late, 2, 0);
    twin = fork_of(late);
    check_count(late, 0, 2);
    disk_close(twin);
    check_count(late, 2, 0);
}

TEST(disk_frames_are_counted)
{
    test_must_pass(run_counts, NULL);
}

/* ---- several harts ---- */

#define BLOCKS     20
#define PARTS      (BLOCK / SECTOR)
#define OWN_IOS    4
#define WORKERS    (WORLD_HARTS - 1)
#define ROUNDS     2000
#define NUMBER(of) ((of)->hart * OWN_IOS)

/* A hart with a view of its own, and what that holds: a byte for each sector. */
struct worker {
    u32 hart;
    u64 random;
    struct disk_view *view;
    u8 tag[BLOCKS * PARTS];
};

static u32 workers_left;

static void await(u32 number)
{
    while (!__atomic_load_n(&is_done[number], __ATOMIC_ACQUIRE))
        sched_yield();
    CHECK(!ios[number].failed);
}

/* Writes some sectors of each of a few blocks, all at the same time. */
static void write_some(struct worker *worker, struct disk_view *view)
{
    for (u32 i = 0; i < OWN_IOS; i++) {
        u32 sectors = 1 + (u32)(test_random(&worker->random) % (2 * PARTS / OWN_IOS));
        u32 first = i * (BLOCKS / OWN_IOS) * PARTS +
                    (u32)(test_random(&worker->random) % (BLOCKS / OWN_IOS * PARTS - sectors));
        u8 tag = (u8)test_random(&worker->random);

        memset(buffers[NUMBER(worker) + i], tag, sectors * SECTOR);
        memset(&worker->tag[first], tag, sectors);
        start(NUMBER(worker) + i, view, DISK_WRITE, first, sectors * SECTOR);
    }
    for (u32 i = 0; i < OWN_IOS; i++)
        await(NUMBER(worker) + i);
}

static void check_view(const struct worker *worker, struct disk_view *view, const u8 *tags)
{
    for (u32 block = 0; block < BLOCKS; block++) {
        const u8 *at = buffers[NUMBER(worker)];

        start(NUMBER(worker), view, DISK_READ, block * PARTS, BLOCK);
        await(NUMBER(worker));
        for (u32 i = 0; i < BLOCK; i++)
            CHECK_EQ(at[i], tags[block * PARTS + i / SECTOR]);
    }
}

/* A fork sees what was there then, whatever its parent writes; either of the two goes on. */
static void *work(void *argument)
{
    struct worker *worker = argument;

    world_on(worker->hart);
    for (u32 round = 0; round < ROUNDS; round++) {
        u8 then[BLOCKS * PARTS];
        struct disk_view *child;

        write_some(worker, worker->view);
        memcpy(then, worker->tag, sizeof(then));
        child = fork_of(worker->view);
        write_some(worker, worker->view);
        if (round % 8 == 0) {
            check_view(worker, child, then);
            check_view(worker, worker->view, worker->tag);
        }
        if (worker->hart != 1 && round % 2 == 0) {
            disk_close(worker->view);
            worker->view = child;
            memcpy(worker->tag, then, sizeof(then));
        } else {
            disk_close(child);
        }
    }
    __atomic_fetch_sub(&workers_left, 1, __ATOMIC_RELEASE);
    return NULL;
}

/* This hart takes the interrupts, and the device is on it too. */
static void serve_disk(u64 *random)
{
    u32 waiting = fake_disk_waiting(0), carried_out = fake_disk_carried_out(0);

    if (waiting > 0)
        fake_disk_carry_out(0, (u32)(test_random(random) % waiting), false);
    if (carried_out > 0)
        fake_disk_give_back(0, (u32)(test_random(random) % carried_out));
    __atomic_fetch_add(&world_time, MILLISECOND / 4, __ATOMIC_RELAXED);
    if (world_time >= disk_next_deadline())
        disk_expire(world_time);
    sched_yield();
}

static void run_harts(void *argument)
{
    struct worker workers[WORKERS] = {0};
    pthread_t threads[WORKERS];
    u64 random = 1;

    (void)argument;
    boot(1);
    fake_disks[0].room = 6;
    workers_left = WORKERS;
    for (u32 i = 0; i < WORKERS; i++) {
        workers[i].hart = 1 + i;
        workers[i].random = 1 + i;
        workers[i].view = open_machine(0); /* the first one is the owner's */
    }
    for (u32 i = 0; i < WORKERS; i++)
        CHECK_EQ(pthread_create(&threads[i], NULL, work, &workers[i]), 0);
    while (__atomic_load_n(&workers_left, __ATOMIC_ACQUIRE) > 0)
        serve_disk(&random);
    for (u32 i = 0; i < WORKERS; i++) {
        pthread_join(threads[i], NULL);
        disk_close(workers[i].view);
    }
    CHECK_EQ(frames_in_use(), 2); /* the disk and its ring */
}

TEST(disk_serves_all_harts)
{
    test_must_pass(run_harts, NULL);
}
