/* SPDX-License-Identifier: BSD-2-Clause */
/* Allocators: sizes at the edges, growth, damage that is found, and lab1.  Traces are in
 * mem_trace_test.c. */
#include <stdio.h>
#include <string.h>

#include "tests/host/mem_world.h"
#include "tests/test.h"

static struct mem_world world;
static struct allocator *a;

static void create(enum mem_kind kind, size_t bytes)
{
    mem_world_create(&world, kind, bytes);
    a = world.allocator;
}

static void create_full(enum mem_kind kind, size_t bytes)
{
    mem_world_create_full(&world, kind, bytes);
    a = world.allocator;
}

static void destroy(void)
{
    mem_world_check(&world);
    mem_world_destroy(&world);
}

static void *must_alloc(size_t bytes, size_t align)
{
    void *block = mem_alloc(a, bytes, align);

    if (block == NULL)
        FAIL("%s has no %zu bytes aligned to %zu", a->ops->name, bytes, align);
    CHECK_EQ((u64)(uintptr_t)block % align, 0);
    CHECK(mem_usable(a, block) >= bytes && mem_usable(a, block) > 0);
    memset(block, 0x5a, bytes);
    return block;
}

static void must_free(void *block)
{
    CHECK_EQ(mem_free(a, block), ERR_OK);
}

/* What nobody can have is refused, and changes nothing. */
TEST(mem_refuses_impossible_requests)
{
    static const size_t sizes[] = {
        SIZE_MAX,        SIZE_MAX - 7,      SIZE_MAX - 15,     SIZE_MAX - 16,   SIZE_MAX - 4095,
        SIZE_MAX / 2,    SIZE_MAX / 2 + 1,  1UL << 40,         (1UL << 36) + 1, 1UL << 36,
        (1UL << 36) - 8, (1UL << 36) - 500, (1UL << 36) - 600, 1UL << 35,       (4UL << 20) + 1};
    static const size_t bad_aligns[] = {0, 3, 17, 24, 4095, SIZE_MAX};

    for (enum mem_kind kind = 0; kind < MEM_KINDS; kind++) {
        struct mem_stats before, after;
        void *block;

        create_full(kind, 4UL << 20);
        block = must_alloc(100, MEM_ALIGN);
        mem_stats(a, &before);
        for (u32 i = 0; i < ARRAY_LEN(sizes); i++) {
            CHECK(mem_alloc(a, sizes[i], MEM_ALIGN) == NULL);
            CHECK(mem_alloc(a, sizes[i], 4096) == NULL);
            CHECK(mem_alloc(a, 1, sizes[i]) == NULL);
            CHECK_EQ(mem_resize(a, block, sizes[i]), ERR_NOMEM);
            CHECK(mem_move(a, block, sizes[i]) == NULL);
        }
        for (u32 i = 0; i < ARRAY_LEN(bad_aligns); i++)
            CHECK(mem_alloc(a, 1, bad_aligns[i]) == NULL);
        mem_stats(a, &after);
        CHECK(memcmp(&before, &after, sizeof(before)) == 0);
        must_free(block);
        destroy();
    }
}

TEST(mem_without_memory_has_none)
{
    for (enum mem_kind kind = 0; kind < MEM_KINDS; kind++) {
        create(kind, 64UL << 10);
        CHECK(mem_alloc(a, 0, MEM_ALIGN) == NULL);
        CHECK(mem_alloc(a, 1UL << 20, 4096) == NULL);
        CHECK(mem_free(a, world.memory + 64) != ERR_OK);
        CHECK_EQ(mem_add(a, world.memory, 15), ERR_INVAL);
        CHECK_EQ(mem_add(a, world.memory + 5, 0), ERR_INVAL);
        CHECK_EQ(mem_add(a, world.memory + 16, SIZE_MAX), ERR_INVAL);
        destroy();
    }
}

TEST(mem_aligns_up_to_2_mib)
{
    for (enum mem_kind kind = 0; kind < MEM_KINDS; kind++) {
        void *blocks[18];

        create_full(kind, 16UL << 20);
        for (u32 round = 0; round < 2; round++) {
            for (u32 log = 4; log <= 21; log++)
                blocks[log - 4] = must_alloc(log % 2 == 0 ? 24 : 1UL << log, 1UL << log);
            mem_world_check(&world);
            for (u32 i = 0; i < ARRAY_LEN(blocks); i++)
                must_free(blocks[i]);
            mem_world_check(&world);
        }
        destroy();
    }
}

/* The largest free block can be had, whatever requests are rounded to. */
TEST(mem_gives_all_at_once)
{
    for (enum mem_kind kind = 0; kind < MEM_KINDS; kind++) {
        size_t lost = kind == MEM_SLAB_OVER_TLSF ? 8192 : 0; /* to alignment */
        struct mem_stats stats;

        create_full(kind, MEM_WORLD_ALIGN);
        mem_stats(a, &stats);
        CHECK_EQ(stats.used_bytes, 0);
        CHECK_EQ(align_up(stats.largest_bytes, 4096), world.bytes);
        CHECK(mem_world_largest(&world) + lost >= stats.largest_bytes);
        destroy();
    }
}

/* Empty and small blocks are all different, and live beside each other. */
TEST(mem_zero_bytes_is_a_block)
{
    for (enum mem_kind kind = 0; kind < MEM_KINDS; kind++) {
        u8 *one, *other;

        create_full(kind, 64UL << 10);
        one = must_alloc(0, MEM_ALIGN);
        other = must_alloc(0, MEM_ALIGN);
        CHECK(one != other);
        must_free(one);
        CHECK(mem_free(a, one) != ERR_OK);
        must_free(other);
        destroy();
    }
}

/* Memory is added above, below and apart; what touches becomes one. */
TEST(mem_grows)
{
    const size_t piece = 1UL << 20;

    for (enum mem_kind kind = 0; kind < MEM_KINDS; kind++) {
        struct mem_stats stats;
        void *block, *large;

        create(kind, 8 * piece);
        CHECK_EQ(mem_add(a, world.memory + 2 * piece, piece), ERR_OK);
        CHECK(mem_alloc(a, piece + 1, MEM_ALIGN) == NULL);
        block = must_alloc(3000, MEM_ALIGN);
        CHECK_EQ(mem_add(a, world.memory + 3 * piece, piece), ERR_OK);
        mem_world_check(&world);
        large = must_alloc(piece, MEM_ALIGN); /* a buddy has all of the new piece for it */
        mem_world_check(&world);
        must_free(large);
        must_free(block);
        CHECK_EQ(mem_add(a, world.memory + piece, piece), ERR_OK);
        mem_world_check(&world);
        CHECK(mem_world_largest(&world) >= 2 * piece);
        /* What it has already, in part or whole, is refused. */
        CHECK_EQ(mem_add(a, world.memory + piece, piece), ERR_INVAL);
        CHECK_EQ(mem_add(a, world.memory + 3 * piece + 4096, 8192), ERR_INVAL);
        CHECK_EQ(mem_add(a, world.memory, 2 * piece), ERR_INVAL);
        if (kind == MEM_BUMP) {
            CHECK_EQ(mem_add(a, world.memory + 5 * piece, piece), ERR_INVAL);
            CHECK_EQ(mem_add(a, world.memory + 4 * piece, piece), ERR_OK);
        } else {
            CHECK_EQ(mem_add(a, world.memory + 5 * piece, piece), ERR_OK);
            mem_world_check(&world);
            CHECK(mem_free(a, world.memory + 4 * piece) != ERR_OK);
            CHECK_EQ(mem_add(a, world.memory + 4 * piece, piece), ERR_OK); /* fills the gap */
        }
        mem_world_check(&world);
        mem_stats(a, &stats);
        CHECK(stats.total_bytes + 4096 >= (kind == MEM_BUMP ? 4 : 5) * piece);
        CHECK(kind == MEM_BUDDY || stats.largest_bytes + 4096 >= stats.total_bytes);
        destroy();
    }
}

/* A heap that grows a little at a time, while all it has is in use, is one piece in the end. */
TEST(mem_grows_under_load)
{
    for (enum mem_kind kind = 0; kind < MEM_KINDS; kind++) {
        void *blocks[64];

        create(kind, 1UL << 20);
        for (u32 i = 0; i < ARRAY_LEN(blocks); i++) {
            CHECK_EQ(mem_add(a, world.memory + i * 16384UL, 16384), ERR_OK);
            blocks[i] = must_alloc(10000, MEM_ALIGN);
        }
        mem_world_check(&world);
        for (u32 i = 0; i < ARRAY_LEN(blocks); i++)
            must_free(blocks[i * 37 % ARRAY_LEN(blocks)]);
        CHECK(mem_world_largest(&world) >= world.bytes - 8192);
        destroy();
    }
}

/* Bytes grow up, pages down; either end is one piece again when nothing is used there. */
TEST(mem_bump_has_two_ends)
{
    struct bump *bump = &world.bump;
    u8 *bytes, *more, *pages, *lower;

    create_full(MEM_BUMP, 64UL << 10);
    bytes = must_alloc(100, MEM_ALIGN);
    more = must_alloc(100, MEM_ALIGN);
    CHECK(more > bytes && more < bytes + 200);
    pages = bump_alloc_pages(bump, 2, 4096);
    lower = must_alloc(4096, 4096);
    CHECK(pages == world.memory + world.bytes - 8192 && lower == pages - 4096);
    CHECK(bump_alloc_pages(bump, 14, 4096) == NULL);
    CHECK_EQ(mem_add(a, world.memory + world.bytes, 4096), ERR_INVAL);
    must_free(pages);
    CHECK(bump_alloc_pages(bump, 1, 4096) == lower - 4096); /* what is below keeps it */
    must_free(lower - 4096);
    must_free(lower);
    CHECK(bump_alloc_pages(bump, 2, 4096) == pages);
    must_free(pages);
    must_free(bytes);
    CHECK(must_alloc(100, MEM_ALIGN) > (void *)more); /* one is left: no reset */
    must_free(more + (more - bytes));
    must_free(more);
    CHECK(must_alloc(100, MEM_ALIGN) == (void *)bytes);
    must_free(bytes);
    destroy();
}

/* The highest run of pages that is long enough. */
TEST(mem_bitmap_has_a_high_end)
{
    u8 *last, *block, *high, *low;

    create_full(MEM_BITMAP, 1UL << 20);
    last = world.memory + world.bytes;
    block = mem_alloc_high(a, 4096);
    CHECK(block == last - 4096);
    high = mem_alloc_high(a, 3 * 4096);
    CHECK(high == block - 3 * 4096);
    must_free(block);
    CHECK(mem_alloc_high(a, 2 * 4096) == high - 2 * 4096);
    CHECK(mem_alloc_high(a, 0) == block);
    mem_world_check(&world);
    low = must_alloc(world.bytes - 70 * 4096, 4096); /* more than a word of pages is left */
    CHECK(low == world.memory);
    CHECK(mem_alloc_high(a, 65 * 4096) == NULL);
    must_free(high - 2 * 4096);
    CHECK(mem_alloc_high(a, 67 * 4096) == NULL);
    must_free(high);
    CHECK(mem_alloc_high(a, 69 * 4096) == last - 70 * 4096);
    CHECK(mem_alloc_high(a, SIZE_MAX) == NULL);
    must_free(last - 70 * 4096);
    must_free(block);
    must_free(low);
    destroy();
}

/* A block that grows where it is, when what is above it is free. */
TEST(mem_resizes_in_place)
{
    for (enum mem_kind kind = 0; kind < MEM_KINDS; kind++) {
        u8 *block, *next;

        create_full(kind, 1UL << 20);
        block = must_alloc(8192, MEM_ALIGN);
        memset(block, 7, 8192);
        next = must_alloc(8192, MEM_ALIGN);
        must_free(next);
        CHECK_EQ(mem_resize(a, block, 16384), ERR_OK);
        CHECK(mem_usable(a, block) >= 16384 && block[8191] == 7);
        CHECK(mem_free(a, next) != ERR_OK); /* a block is there now, but does not begin there */
        next = must_alloc(16384, MEM_ALIGN);
        CHECK_EQ(mem_resize(a, block, 32768), ERR_NOMEM);
        CHECK_EQ(mem_resize(a, block, 4096), ERR_OK);
        CHECK(mem_usable(a, block) < 16384 || kind == MEM_BUMP);
        mem_world_check(&world);
        must_free(next);
        CHECK(mem_resize(a, block, 65536) == ERR_OK || kind == MEM_BUDDY);
        CHECK(mem_free(a, next) != ERR_OK);
        must_free(block);
        destroy();
    }
}

/* mem_check finds the damage, and says where: `at`, if that is not NULL. */
static void must_find(const void *at)
{
    const void *found = NULL;
    const char *words = mem_check(a, &found);

    if (words == NULL)
        FAIL("%s does not see the damage", a->ops->name);
    if (at != NULL && found != at)
        FAIL("%s sees \"%s\", but at memory + %#lx", a->ops->name, words,
             (unsigned long)((const u8 *)found - world.memory));
}

/* Writes over a u64, looks at what is found, and puts it back. */
static void damage(void *where, u64 value, const void *at)
{
    u64 before = *(u64 *)where;

    mem_world_check(&world);
    *(u64 *)where = value;
    must_find(at);
    *(u64 *)where = before;
    mem_world_check(&world);
}

TEST(mem_check_finds_damage_in_tlsf)
{
    u64 *blocks[6];

    create_full(MEM_TLSF, 1UL << 20);
    (void)must_alloc(100, MEM_ALIGN); /* so that there is a rest */
    for (u32 i = 0; i < ARRAY_LEN(blocks); i++)
        blocks[i] = must_alloc(1000, MEM_ALIGN);
    must_free(blocks[1]);
    must_free(blocks[3]);
    for (u32 i = 0; i < ARRAY_LEN(blocks); i++) {
        damage(blocks[i] - 1, 0, blocks[i]);
        damage(blocks[i] - 1, ~0UL, blocks[i]);
        damage(blocks[i] - 1, *(blocks[i] - 1) + 16, i % 2 == 1 && i < 5 ? blocks[i] : NULL);
    }
    damage(blocks[0] + 125, 17, NULL);      /* one word too far: the next one's size */
    damage(blocks[3] + 124, 17, blocks[3]); /* the size at the end of a free block */
    damage(blocks[3], 8, NULL);             /* links */
    damage(blocks[3] + 1, 0x1234, NULL);
    damage(&world.tlsf.rest_bytes, 64, world.tlsf.rest);
    damage(world.memory + world.bytes - 8, 0, world.memory + world.bytes - 8);
    *(blocks[2] - 1) = 0x4141414141414140; /* what an overrun does to the next block */
    CHECK_EQ(mem_free(a, blocks[2]), ERR_INVAL);
    CHECK_EQ(mem_resize(a, blocks[2], 10), ERR_INVAL);
    must_find(blocks[2]);
    mem_world_destroy(&world);
}

TEST(mem_check_finds_damage_in_others)
{
    u64 *block, *other, *page;

    create_full(MEM_BUMP, 1UL << 20);
    block = must_alloc(100, MEM_ALIGN);
    page = must_alloc(8192, 4096);
    damage(block - 1, 0x4141414141414141, block);
    damage(&world.bump.live, 2, NULL);
    damage(&world.bump.runs[254], 0, page);
    *(block - 1) = 0;
    CHECK_EQ(mem_free(a, block), ERR_INVAL);
    mem_world_destroy(&world);

    create_full(MEM_BUDDY, 1UL << 20);
    block = must_alloc(100, MEM_ALIGN);
    other = block + 128 / sizeof(*block); /* its buddy, free */
    damage(other, 0x1000, NULL);
    damage(other + 1, 0x1000, other);
    damage(&world.buddy.map[0], 0, NULL);
    mem_world_destroy(&world);

    create_full(MEM_BITMAP, 1UL << 20);
    block = must_alloc(8192, MEM_ALIGN);
    damage(world.bitmap.head, 0, block);
    damage(world.bitmap.free, ~0UL, NULL);
    damage(world.bitmap.any, 0, world.memory);
    mem_world_destroy(&world);

    create_full(MEM_SLAB, 1UL << 20);
    block = must_alloc(100, MEM_ALIGN);
    page = (u64 *)align_down((u64)(uintptr_t)block, 4096);
    for (u32 word = 0; word < 8; word++)
        damage(page + word, 0x4141414141414141, NULL);
    page[0] = 0;
    CHECK_EQ(mem_free(a, block), ERR_INVAL);
    mem_world_destroy(&world);
}

/*
 * lab1: rounds of 15 blocks of 32 << k bytes and a little more each time, of which every second
 * one stays for ever.  The figure is the round in which memory ends.
 */
#define LAB1_BLOCKS 15U
#define LAB1_BYTES  (124UL << 20)

static u32 lab1(u32 step)
{
    void *blocks[LAB1_BLOCKS];

    for (u32 round = 0;; round++) {
        for (u32 k = 0; k < LAB1_BLOCKS; k++) {
            blocks[k] = mem_alloc(a, (32UL << k) + (size_t)round * step, MEM_ALIGN);
            if (blocks[k] == NULL)
                return round;
        }
        for (u32 k = LAB1_BLOCKS; k-- > 0;) {
            if (k % 2 == 0)
                must_free(blocks[k]);
        }
    }
}

/* With other steps too: no allocator is made for the one of lab1. */
TEST(mem_lab1)
{
    static const u32 steps[] = {1, 0, 3, 16, 100};
    static const u32 floors[MEM_KINDS] = {360, 94, 92, 92, 0, 170};

    for (enum mem_kind kind = 0; kind < MEM_KINDS; kind++) {
        u32 figures[ARRAY_LEN(steps)];

        for (u32 i = 0; i < ARRAY_LEN(steps); i++) {
            mem_world_create(&world, kind, LAB1_BYTES);
            a = world.allocator;
            CHECK_EQ(mem_add(a, world.memory, align_down(LAB1_BYTES - world.map_bytes, 4096)),
                     ERR_OK);
            figures[i] = lab1(steps[i]);
            destroy();
        }
        printf("lab1 on %s: %u; sizes that grow by 0, 3, 16, 100 instead of 1: %u %u %u %u\n",
               mem_kind_name(kind), figures[0], figures[1], figures[2], figures[3], figures[4]);
        CHECK(figures[0] >= floors[kind]);
    }
}
