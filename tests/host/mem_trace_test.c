/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Traces of requests, the same for each allocator, against a model: what is live, where, and what
 * was written there.  A block must be aligned, inside the memory that was added, apart from all
 * others, and must keep its contents; what is freed twice or was never a block is refused.
 *
 * A trace is made of numbers, random ones or the bytes of a fuzzer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "tests/host/hv_world.h"
#include "tests/host/mem_world.h"
#include "tests/test.h"

#define LIVE_MAX 4096U

struct live {
    u8 *block;
    size_t bytes, align;
    u8 mark;
};

struct trace {
    struct mem_world world;
    u64 random;      /* the state of the random numbers; not used when there are bytes */
    const u8 *bytes; /* of the fuzzer */
    size_t left;
    u32 count;
    bool is_small; /* everything is looked at after a step */
    bool had_null;
    u64 live_bytes;
    struct live live[LIVE_MAX];
};

static u64 next_number(struct trace *trace, u64 below)
{
    u64 number = 0;

    if (trace->bytes == NULL)
        return test_random(&trace->random) % below;
    for (u64 reach = 1; reach < below && trace->left > 0; reach <<= 8, trace->left--)
        number = number << 8 | *trace->bytes++;
    return number % below;
}

static size_t next_size(struct trace *trace)
{
    switch (next_number(trace, 8)) {
    case 0: return 0;
    case 1:
    case 2:
    case 3: return next_number(trace, 128);
    case 4: return next_number(trace, 2100);
    case 5: return 4080 + next_number(trace, 32);
    case 6: return next_number(trace, trace->world.bytes / 8);
    default: return 16UL << next_number(trace, 8);
    }
}

static size_t next_align(struct trace *trace)
{
    if (next_number(trace, 4) != 0)
        return MEM_ALIGN;
    return 1UL << next_number(trace, next_number(trace, 8) == 0 ? 22 : 14);
}

static void fill(const struct live *live)
{
    memset(live->block, live->mark, live->bytes);
}

static void check_contents(const struct live *live, size_t bytes)
{
    for (size_t i = 0; i < bytes; i++) {
        if (live->block[i] != live->mark)
            FAIL("byte %zu of a block of %zu has changed", i, live->bytes);
    }
}

static void check_block(const struct trace *trace, const struct live *live)
{
    const struct mem_world *world = &trace->world;
    size_t usable = mem_usable(world->allocator, live->block);

    CHECK_EQ((u64)(uintptr_t)live->block % live->align, 0);
    CHECK_EQ((u64)(uintptr_t)live->block % MEM_ALIGN, 0);
    CHECK(usable >= live->bytes && usable > 0);
    CHECK(live->block >= world->memory && live->block + usable <= world->memory + world->bytes);
    for (u32 i = 0; i < trace->count; i++) {
        const struct live *other = &trace->live[i];

        if (other != live && live->block < other->block + other->bytes + (other->bytes == 0) &&
            other->block < live->block + usable)
            FAIL("a block of %zu bytes overlaps one of %zu", live->bytes, other->bytes);
    }
}

static void check_refused(struct trace *trace, u8 *pointer)
{
    struct allocator *a = trace->world.allocator;

    CHECK(mem_free(a, pointer) != ERR_OK);
    CHECK(mem_resize(a, pointer, 1) != ERR_OK);
    CHECK_EQ(mem_usable(a, pointer), 0);
}

static void step_alloc(struct trace *trace)
{
    struct live *live = &trace->live[trace->count];

    *live = (struct live){.bytes = next_size(trace), .align = next_align(trace)};
    live->mark = (u8)next_number(trace, 256);
    live->block = mem_alloc(trace->world.allocator, live->bytes, live->align);
    if (live->block == NULL) {
        trace->had_null = true;
        return;
    }
    trace->count++;
    trace->live_bytes += live->bytes;
    check_block(trace, live);
    fill(live);
}

static void step_free(struct trace *trace)
{
    u32 at = (u32)next_number(trace, trace->count);
    struct live live = trace->live[at];

    check_contents(&live, live.bytes);
    trace->live[at] = trace->live[--trace->count];
    trace->live_bytes -= live.bytes;
    CHECK_EQ(mem_free(trace->world.allocator, live.block), ERR_OK);
    check_refused(trace, live.block);
}

static void step_resize(struct trace *trace)
{
    struct live *live = &trace->live[next_number(trace, trace->count)];
    size_t bytes = next_size(trace), common = bytes < live->bytes ? bytes : live->bytes;
    u8 *old = live->block;

    if (next_number(trace, 2) == 0) {
        enum err err = mem_resize(trace->world.allocator, live->block, bytes);

        CHECK(err == ERR_OK || err == ERR_NOMEM);
        if (err == ERR_NOMEM)
            return;
    } else {
        u8 *moved = mem_move(trace->world.allocator, live->block, bytes);

        if (moved == NULL) {
            check_contents(live, live->bytes);
            return;
        }
        if (moved != old)
            live->align = MEM_ALIGN;
        live->block = moved;
    }
    check_contents(live, common);
    trace->live_bytes += bytes - live->bytes;
    live->bytes = bytes;
    check_block(trace, live);
    fill(live);
    if (live->block != old)
        check_refused(trace, old);
}

/* Pointers near blocks, and ones from elsewhere. */
static void step_wrong(struct trace *trace)
{
    struct live *live = &trace->live[next_number(trace, trace->count)];

    check_refused(trace, live->block + 8);
    if (live->bytes > 64) {
        check_refused(trace, live->block + 16);
        check_refused(trace, live->block + 32);
    }
    check_refused(trace, (u8 *)trace);
    check_refused(trace, trace->world.memory + trace->world.bytes);
    check_refused(trace, NULL);
}

static void check_stats(const struct trace *trace)
{
    struct mem_stats stats;

    mem_stats(trace->world.allocator, &stats);
    CHECK_EQ(stats.used_bytes + stats.free_bytes, stats.total_bytes);
    CHECK(stats.total_bytes <= trace->world.bytes && stats.largest_bytes <= stats.free_bytes);
    CHECK(stats.used_bytes >= trace->live_bytes);
}

static void step(struct trace *trace, bool is_growing)
{
    u64 act = next_number(trace, 16);

    if (trace->count < LIVE_MAX && (trace->count == 0 || act < (is_growing ? 9U : 4U)))
        step_alloc(trace);
    else if (act < 12)
        step_free(trace);
    else if (act < 15)
        step_resize(trace);
    else
        step_wrong(trace);
    if (!trace->is_small)
        return;
    mem_world_check(&trace->world);
    check_stats(trace);
}

static void free_all(struct trace *trace)
{
    while (trace->count > 0)
        step_free(trace);
    mem_world_check(&trace->world);
    check_stats(trace);
}

static struct trace *create_trace(enum mem_kind kind, size_t bytes, u64 seed)
{
    struct trace *trace = calloc(1, sizeof(*trace));

    trace->random = seed;
    mem_world_create_full(&trace->world, kind, bytes);
    return trace;
}

static void destroy_trace(struct trace *trace)
{
    mem_world_destroy(&trace->world);
    free(trace);
}

static void run_small(enum mem_kind kind, u64 seed)
{
    struct trace *trace = create_trace(kind, 256UL << 10, seed);
    size_t largest = mem_world_largest(&trace->world);

    trace->is_small = true;
    for (u32 i = 0; i < 3000; i++)
        step(trace, i / 300 % 2 == 0);
    free_all(trace);
    CHECK_EQ(mem_world_largest(&trace->world), largest);
    destroy_trace(trace);
}

TEST(mem_small_traces)
{
    for (enum mem_kind kind = 0; kind < MEM_KINDS; kind++) {
        for (u64 seed = 1; seed <= world_times(4); seed++)
            run_small(kind, seed);
    }
}

static void run_long(enum mem_kind kind, u64 seed)
{
    struct trace *trace = create_trace(kind, 8UL << 20, seed);
    size_t largest = mem_world_largest(&trace->world);

    for (u64 i = 0; i < world_times(20000); i++) {
        step(trace, i / 2000 % 2 == 0);
        if (i % 500 == 0) {
            mem_world_check(&trace->world);
            check_stats(trace);
        }
    }
    free_all(trace);
    CHECK_EQ(mem_world_largest(&trace->world), largest);
    destroy_trace(trace);
}

TEST(mem_long_traces)
{
    for (enum mem_kind kind = 0; kind < MEM_KINDS; kind++)
        run_long(kind, 4711);
}

/*
 * Fills the memory until a request fails, frees a random half, and fills it again, a few times. How
 * much of the memory was asked for when it failed says what is lost to rounding and to holes.
 */
static void run_fragmentation(enum mem_kind kind)
{
    struct trace *trace = create_trace(kind, 4UL << 20, 99);
    size_t largest = mem_world_largest(&trace->world);
    u64 first = 0;

    for (u32 round = 0; round < 8; round++) {
        trace->had_null = false;
        while (!trace->had_null && trace->count < LIVE_MAX)
            step_alloc(trace);
        first = round == 0 ? trace->live_bytes : first;
        mem_world_check(&trace->world);
        check_stats(trace);
        if (round == 7)
            break;
        for (u32 i = trace->count / 2; i > 0; i--)
            step_free(trace);
    }
    printf("%s: %llu %% of memory asked for when a request fails first, %llu %% later\n",
           mem_kind_name(kind), (unsigned long long)(first * 100 / trace->world.bytes),
           (unsigned long long)(trace->live_bytes * 100 / trace->world.bytes));
    free_all(trace);
    CHECK_EQ(mem_world_largest(&trace->world), largest);
    destroy_trace(trace);
}

TEST(mem_fragmentation)
{
    for (enum mem_kind kind = 0; kind < MEM_KINDS; kind++)
        run_fragmentation(kind);
}

FUZZ(mem)
{
    struct trace *trace;

    if (size == 0)
        return 0;
    trace = create_trace(bytes[0] % MEM_KINDS, 128UL << 10, 0);
    trace->bytes = bytes + 1;
    trace->left = size - 1;
    for (u32 i = 0; trace->left > 0; i++) {
        trace->is_small = i % 16 == 0;
        step(trace, trace->left / 512 % 2 == 0);
    }
    free_all(trace);
    destroy_trace(trace);
    return 0;
}

FUZZ_SEEDS(mem)
{
    u8 bytes[500];
    u64 random = 7;

    for (u8 kind = 0; kind < MEM_KINDS; kind++) {
        for (size_t i = 0; i < sizeof(bytes); i++)
            bytes[i] = (u8)test_random(&random);
        bytes[0] = kind;
        fuzz_seed(bytes, sizeof(bytes));
    }
}
