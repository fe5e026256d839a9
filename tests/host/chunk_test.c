/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Chunks of the frame pool: what is reserved is in its place, belongs to one owner, and is free
 * memory to everybody else.
 */
#include <pthread.h>
#include <string.h>

#include "hv/frame.h"

#include "tests/host/hv_world.h"
#include "tests/test.h"

/* The arrays are in the first chunk: the others are spare at first. */
#define CHUNKS 6U
#define FRAMES (CHUNKS * (u32)CHUNK_FRAMES)

static u8 owners[FRAMES];

static void note(hpa_t frame, u8 change)
{
    u64 index = (frame.v - world_ram().v) >> PAGE_SHIFT;

    CHECK(frame.v % PAGE_BYTES == 0 && index < FRAMES);
    CHECK_EQ(__atomic_add_fetch(&owners[index], change, __ATOMIC_RELAXED), change == 1);
}

static void put(hpa_t frame)
{
    note(frame, (u8)-1);
    frame_put(frame);
}

/* A leaf table and some of its pages. */
struct region {
    hpa_t table;
    hpa_t page[CHUNK_FRAMES]; /* {0}: not there */
};

/* False: no memory. */
static bool region_begin(struct region *region)
{
    memset(region, 0, sizeof(*region));
    region->table = table_alloc();
    if (region->table.v == 0)
        return false;
    note(region->table, 1);
    table_reserve(region->table, (hpa_t){0}, 0);
    return true;
}

static bool region_touch(struct region *region, u64 index)
{
    if (region->page[index].v != 0)
        return true;
    region->page[index] = frame_alloc_home(region->table, index);
    if (region->page[index].v == 0)
        return false;
    CHECK_EQ(frame_refs(region->page[index]), 1);
    note(region->page[index], 1);
    return true;
}

static void region_end(struct region *region)
{
    for (u64 i = 0; i < CHUNK_FRAMES; i++) {
        if (region->page[i].v != 0)
            put(region->page[i]);
    }
    note(region->table, (u8)-1);
    table_release(region->table);
    table_free(region->table);
    region->table.v = 0;
}

static bool is_in_one_piece(const struct region *region)
{
    for (u64 i = 0; i < CHUNK_FRAMES; i++) {
        if (region->page[i].v != region->page[0].v + i * PAGE_BYTES)
            return false;
    }
    return region->page[0].v % CHUNK_BYTES == 0;
}

/*
 * As many regions as there are spare chunks, filled in turns, then given back, and again: then the
 * hart has frames of some chunk in its cache, and there is one less.
 */
static void run_in_place(void *argument)
{
    static struct region regions[CHUNKS];

    (void)argument;
    world_boot(1, FRAMES);
    for (u32 round = 0; round < 3; round++) {
        u32 spare = round == 0 ? CHUNKS - 1 : CHUNKS - 2;

        for (u32 i = 0; i < CHUNKS; i++)
            CHECK(region_begin(&regions[i]));
        CHECK_EQ(frame_free_count(), frame_total_count() - CHUNKS);
        for (u64 page = 0; page < CHUNK_FRAMES; page++) {
            for (u32 i = 0; i < spare; i++)
                CHECK(region_touch(&regions[i], page * 51 % CHUNK_FRAMES));
        }
        for (u32 i = 0; i < spare; i++)
            CHECK(is_in_one_piece(&regions[i]));
        CHECK(region_touch(&regions[CHUNKS - 1], 0));
        for (u32 i = 0; i < CHUNKS; i++)
            region_end(&regions[i]);
        CHECK_EQ(frame_free_count(), frame_total_count());
    }
}

TEST(chunk_pages_are_in_their_places)
{
    test_must_pass(run_in_place, NULL);
}

/* One page of each chunk is reserved for; somebody else takes all memory; then it is as before. */
static void run_taken_away(void *argument)
{
    static struct region regions[CHUNKS - 1];
    static hpa_t taken[FRAMES];
    u32 count = 0;

    (void)argument;
    world_boot(2, FRAMES);
    for (u32 i = 0; i < CHUNKS - 1; i++) {
        CHECK(region_begin(&regions[i]));
        CHECK(region_touch(&regions[i], 7));
    }
    world_on(1);
    while ((taken[count] = frame_alloc()).v != 0)
        note(taken[count++], 1);
    world_on(0);
    while ((taken[count] = frame_alloc()).v != 0) /* what its own hart had in its cache */
        note(taken[count++], 1);
    CHECK_EQ(frame_free_count(), 0);
    for (u32 i = 0; i < CHUNKS - 1; i++)
        CHECK(!region_touch(&regions[i], 8));
    while (count > 0)
        put(taken[--count]);
    for (u32 i = 0; i < CHUNKS - 1; i++) {
        CHECK(region_touch(&regions[i], 8));
        region_end(&regions[i]);
    }
    CHECK_EQ(frame_free_count(), frame_total_count());
    /* what the hart has in its cache comes first, and leaves it */
    while (count < 4 * FRAME_CACHE)
        taken[count++] = frame_alloc();
    for (u32 i = 0; i < count; i++)
        frame_put(taken[i]);
    for (u32 i = 0; i < CHUNKS - 3; i++) {
        CHECK(region_begin(&regions[i]));
        for (u64 page = 0; page < CHUNK_FRAMES; page++)
            CHECK(region_touch(&regions[i], page));
        CHECK(is_in_one_piece(&regions[i]));
    }
}

TEST(chunk_reservation_is_free_memory)
{
    test_must_pass(run_taken_away, NULL);
}

/* Roots need groups, which may have to be cut from what is reserved. */
static void run_roots(void *argument)
{
    static struct region regions[CHUNKS - 1];
    u64 roots = 0;

    (void)argument;
    world_boot(1, FRAMES);
    for (u32 i = 0; i < CHUNKS - 1; i++) {
        CHECK(region_begin(&regions[i]));
        CHECK(region_touch(&regions[i], 0));
    }
    while (table_alloc_root().v != 0)
        roots++;
    CHECK(roots >= (CHUNKS - 1) * (CHUNK_FRAMES / 4 - 1));
}

TEST(chunk_reservation_is_cut_for_roots)
{
    test_must_pass(run_roots, NULL);
}

/* Regions and frames come and go; every frame has one owner. */
#define REGIONS 5

static struct region regions[REGIONS];
static hpa_t loose[FRAMES];
static u32 loose_count;
static u64 dice;

static u64 pick(u64 count)
{
    return test_random(&dice) % count;
}

static void step_region(struct region *region)
{
    if (region->table.v == 0) {
        (void)region_begin(region);
    } else if (pick(40) == 0) {
        region_end(region);
    } else {
        for (u64 i = 0, count = pick(100); i < count; i++)
            (void)region_touch(region, pick(CHUNK_FRAMES));
    }
}

static void step_frames(void)
{
    u64 count = pick(200);
    bool takes = pick(2);

    for (u64 i = 0; i < count; i++) {
        if (takes) {
            loose[loose_count] = frame_alloc();
            if (loose[loose_count].v == 0)
                return;
            note(loose[loose_count++], 1);
        } else if (loose_count > 0) {
            u64 at = pick(loose_count);

            put(loose[at]);
            loose[at] = loose[--loose_count];
        }
    }
}

static u64 owned_frames(void)
{
    u64 count = 0;

    for (u32 i = 0; i < FRAMES; i++)
        count += owners[i];
    return count;
}

static void run_random(void *argument)
{
    u32 harts;

    dice = *(u64 *)argument;
    harts = 1 + (u32)pick(WORLD_HARTS);
    world_boot(harts, FRAMES);
    for (u64 step = 0; step < world_times(3000); step++) {
        u64 what = pick(8);

        world_on((u32)pick(harts));
        if (what < 5)
            step_region(&regions[pick(REGIONS)]);
        else
            step_frames();
        CHECK_EQ(frame_free_count(), frame_total_count() - owned_frames());
    }
    while (loose_count > 0)
        put(loose[--loose_count]);
    for (u32 i = 0; i < REGIONS; i++) {
        if (regions[i].table.v != 0)
            region_end(&regions[i]);
    }
    CHECK_EQ(frame_free_count(), frame_total_count());
}

TEST(chunk_frames_have_one_owner)
{
    for (u64 seed = 1; seed <= 6; seed++)
        test_must_pass(run_random, &seed);
}

/* One hart fills regions while another takes all that it can get. */
static void *fill_regions(void *argument)
{
    static struct region region;

    world_on(0);
    for (u64 i = 0; i < *(u64 *)argument; i++) {
        u64 page = 0;

        if (!region_begin(&region))
            continue;
        while (page < CHUNK_FRAMES && region_touch(&region, page))
            page++;
        region_end(&region);
    }
    return NULL;
}

static void *take_all(void *argument)
{
    world_on(1);
    for (u64 i = 0; i < *(u64 *)argument; i++) {
        while ((loose[loose_count] = frame_alloc()).v != 0)
            note(loose[loose_count++], 1);
        while (loose_count > 0)
            put(loose[--loose_count]);
    }
    return NULL;
}

static void run_race(void *argument)
{
    u64 times[] = {world_times(400), world_times(100)};
    pthread_t thread;

    (void)argument;
    world_boot(2, FRAMES);
    CHECK(pthread_create(&thread, NULL, take_all, &times[1]) == 0);
    fill_regions(&times[0]);
    pthread_join(thread, NULL);
    CHECK_EQ(frame_free_count(), frame_total_count());
}

TEST(chunk_is_cut_while_its_owner_takes)
{
    test_must_pass(run_race, NULL);
}
