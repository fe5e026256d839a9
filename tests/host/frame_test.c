/* SPDX-License-Identifier: BSD-2-Clause */
/* The frame allocator: no frame has two owners, none is lost, and all of them can be had. */
#include <stdlib.h>
#include <string.h>

#include "hv/frame.h"

#include "tests/host/hv_world.h"
#include "tests/test.h"

#define FRAMES 300
#define GROUP  4U

/* Who has a frame, by its number in the arena. */
#define KINDS 5
enum kind { FREE, FRAME, GROUP_OF_FRAMES, TABLE, ROOT };
static struct {
    enum kind kind;
    u32 refs;
} owner[FRAMES];

/* What is held, to pick from. */
static hpa_t held[FRAMES];
static u32 held_count;

static u32 number(hpa_t hpa)
{
    u64 frame = (hpa.v - world_ram().v) >> PAGE_SHIFT;

    CHECK(hpa.v % PAGE_BYTES == 0 && frame < FRAMES);
    return (u32)frame;
}

static u32 frames_of(enum kind kind)
{
    return kind == GROUP_OF_FRAMES || kind == ROOT ? GROUP : 1;
}

static hpa_t take(enum kind kind)
{
    switch (kind) {
    case FRAME: return frame_alloc();
    case GROUP_OF_FRAMES: return frame_alloc_group();
    case TABLE: return table_alloc();
    case ROOT: return table_alloc_root();
    case FREE: break;
    }
    FAIL("nothing to take");
}

static void check_table(hpa_t table, u32 frames)
{
    const u64 *entry = hpa_ptr(table);

    CHECK(frame_of(table)->first >= frame_of(table)->end);
    for (u64 i = 0; i < frames * PAGE_BYTES / sizeof(*entry); i++)
        CHECK_EQ(entry[i], 0);
}

/* False: there is no memory. */
static bool take_and_note(enum kind kind)
{
    hpa_t hpa = take(kind);
    u32 frames = frames_of(kind);

    if (hpa.v == 0)
        return false;
    CHECK_EQ(hpa.v % (frames * PAGE_BYTES), 0);
    for (u32 i = 0; i < frames; i++) {
        CHECK_EQ(owner[number(hpa) + i].kind, FREE);
        owner[number(hpa) + i].kind = kind;
    }
    owner[number(hpa)].refs = 1;
    if (kind == FRAME)
        CHECK_EQ(frame_refs(hpa), 1);
    if (kind == TABLE || kind == ROOT)
        check_table(hpa, frames);
    else
        memset(hpa_ptr(hpa), 0x5a, frames * PAGE_BYTES);
    held[held_count++] = hpa;
    return true;
}

/* Drops a reference of held[at]. */
static void give(u32 at)
{
    hpa_t hpa = held[at];
    u32 first = number(hpa);
    enum kind kind = owner[first].kind;

    if (--owner[first].refs == 0) {
        for (u32 i = 0; i < frames_of(kind); i++)
            owner[first + i].kind = FREE;
        held[at] = held[--held_count];
    }
    switch (kind) {
    case FRAME: frame_put(hpa); break;
    case GROUP_OF_FRAMES: frame_free_group(hpa); break;
    case TABLE: table_free(hpa); break;
    case ROOT: table_free_root(hpa); break;
    case FREE: FAIL("nobody has this frame");
    }
}

static u64 held_frames(void)
{
    u64 count = 0;

    for (u32 i = 0; i < FRAMES; i++)
        count += owner[i].kind != FREE;
    return count;
}

static u64 held_as_tables(void)
{
    u64 count = 0;

    for (u32 i = 0; i < FRAMES; i++)
        count += owner[i].kind == TABLE || owner[i].kind == ROOT;
    return count;
}

static void give_all(void)
{
    while (held_count > 0)
        give(held_count - 1);
    CHECK_EQ(frame_free_count(), frame_total_count());
}

static void run_random(void *argument)
{
    u64 random = *(u64 *)argument;
    u32 harts = 1 + (u32)random % WORLD_HARTS;

    world_boot(harts, FRAMES);
    for (u64 step = 0; step < world_times(20000); step++) {
        bool is_growing = step / 400 % 2 == 0;
        u64 act = test_random(&random) % 10;
        u32 at = held_count == 0 ? 0 : (u32)(test_random(&random) % held_count);

        world_on((u32)(test_random(&random) % harts));
        if (act < (is_growing ? 6U : 3U) || held_count == 0) {
            (void)take_and_note(1 + (enum kind)(test_random(&random) % (KINDS - 1)));
        } else if (act == 9 && owner[number(held[at])].kind == FRAME) {
            frame_get(held[at]);
            owner[number(held[at])].refs++;
        } else {
            give(at);
        }
        CHECK_EQ(frame_free_count(), frame_total_count() - held_frames());
        CHECK_EQ(table_frames(), held_as_tables());
    }
    give_all();
}

TEST(frame_has_one_owner)
{
    for (u64 seed = 1; seed <= 8; seed++)
        test_must_pass(run_random, &seed);
}

/* After any past, one hart that asks for frames gets every one. */
static void run_exhaust(void *argument)
{
    enum kind past = *(enum kind *)argument;

    world_boot(1, FRAMES);
    for (u32 round = 0; round < 3; round++) {
        while (take_and_note(past))
            ;
        CHECK(frame_free_count() < GROUP * GROUP);
        give_all();
        while (take_and_note(FRAME))
            ;
        CHECK_EQ(frame_free_count(), 0);
        give_all();
    }
}

TEST(frame_clean_tables_are_memory_again)
{
    for (enum kind past = FRAME; past < KINDS; past++)
        test_must_pass(run_exhaust, &past);
}

/* Cached frames stand between whole groups: they are given back before a group is refused. */
static void run_cached(void *argument)
{
    (void)argument;
    world_boot(1, FRAMES);
    while (take_and_note(GROUP_OF_FRAMES))
        ;
    for (u32 i = 0; i < 8; i++)
        give(held_count - 1);
    for (u32 i = 0; i < 32; i++)
        CHECK(take_and_note(FRAME));
    for (u32 i = 0; i < 32; i++)
        give(held_count - 1);
    for (u32 i = 0; i < 8; i++)
        CHECK(take_and_note(ROOT));
    give_all();
}

TEST(frame_groups_come_back_from_the_cache)
{
    test_must_pass(run_cached, NULL);
}

/* RAM in two pieces, with holes and reserved pages that do not fit frames. */
static void run_ranges(void *argument)
{
    u8 *ram = aligned_alloc(CHUNK_BYTES, CHUNK_BYTES);
    u64 base = (u64)ram;
    struct memory_range ranges[] = {
        {base + 0x800,           20 * PAGE_BYTES},
        {base + 30 * PAGE_BYTES, 20 * PAGE_BYTES}
    };
    struct memory_range reserved[] = {
        {base + 5 * PAGE_BYTES + 1,  1         },
        {base + 35 * PAGE_BYTES - 1, PAGE_BYTES}
    };
    u64 got = 0;

    (void)argument;
    world_boot(1, 0);
    frame_init(ranges, 2, reserved, 2);
    for (hpa_t frame = frame_alloc(); frame.v != 0; frame = frame_alloc()) {
        u64 page = (frame.v - base) / PAGE_BYTES;

        CHECK((page >= 1 && page < 20) || (page >= 30 && page < 50));
        CHECK(page != 5 && page != 34 && page != 35);
        got++;
    }
    /* 19 whole pages and 20, less 1 and 2 reserved, less the arrays: 513 * 32 bytes */
    CHECK_EQ(got, 19 + 20 - 3 - 5);
    free(ram);
}

TEST(frame_init_takes_whole_unreserved_pages)
{
    test_must_pass(run_ranges, NULL);
}
