/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whatever a driver puts into its memory: the device half touches nothing but that memory, writes
 * nothing but the used ring, and what it takes is a chain.
 *
 * An input is a struct ring_input, and what is in memory from CONTENTS_AT on.
 */
#include "lib/virtio/virtq.h"

#include <string.h>

#include "lib/virtio/virtq_device.h"

#include "tests/host/virtq_world.h"
#include "tests/test.h"

#define BASE        0x80000000ULL
#define CONTENTS_AT (WORLD_PAGE_BYTES - 128)
#define RAM_BYTES   (WORLD_PAGES * WORLD_PAGE_BYTES)
#define MAX         16 /* segments */
#define STEPS       24

struct ring_input {
    u16 desc, avail, used; /* offsets in memory */
    u8 size;
    u8 features; /* bit 0: indirect, bit 1: event index */
    u8 absent;   /* a bit for each page */
    u8 max;      /* segments, modulo MAX + 1 */
    u8 more;     /* chains that the driver offers at each step, without a look at its ring */
    u8 keeps;    /* chains that the device keeps for a while */
    u8 forgets;  /* bits: where pages are is forgotten before a pop, a push, a should_interrupt */
    u8 reserved;
};

static struct virtq_world world;
static struct virtq_device queue;

static void prepare(const struct ring_input *input, const u8 *contents, size_t bytes)
{
    virtq_world_init(&world, BASE);
    memcpy(world.ram + CONTENTS_AT, contents,
           bytes < RAM_BYTES - CONTENTS_AT ? bytes : RAM_BYTES - CONTENTS_AT);
    for (unsigned i = 0; i < WORLD_PAGES; i++)
        world.absent[i] = input->absent >> i & 1;
    queue = (struct virtq_device){.desc = BASE + input->desc,
                                  .avail = BASE + input->avail,
                                  .used = BASE + input->used,
                                  .size = input->size,
                                  .indirect = input->features & 1,
                                  .event_idx = input->features >> 1 & 1};
}

static void check_chain(const struct virtq_chain *chain)
{
    u32 count = (u32)chain->readable + chain->writable;

    CHECK(chain->head < queue.size);
    CHECK(count >= 1 && count <= chain->max);
    for (u32 i = 0; i < count; i++) {
        CHECK(chain->segment[i].bytes != 0);
        CHECK(chain->segment[i].addr + chain->segment[i].bytes >= chain->segment[i].addr);
    }
}

static void forget(const struct ring_input *input, u32 bit)
{
    if (input->forgets >> bit & 1)
        virtq_device_forget(&queue);
}

/* Takes a chain, and gives one back if it has more than it keeps.  False: the ring is broken. */
static bool step(const struct ring_input *input, u16 *heads, u32 *count)
{
    struct virtq_segment segments[MAX];
    struct virtq_chain chain = {.max = input->max % (MAX + 1), .segment = segments};
    enum err err;

    forget(input, 0);
    err = virtq_device_pop(&queue, &world.memory, &chain);
    CHECK(err == ERR_OK || err == ERR_NOENT || err == ERR_FORMAT);
    if (err == ERR_FORMAT)
        return false;
    if (err == ERR_OK) {
        check_chain(&chain);
        heads[(*count)++] = chain.head;
    }
    if (*count > input->keeps % 4U) {
        forget(input, 1);
        CHECK_EQ(virtq_device_push(&queue, &world.memory, heads[--*count], 1), ERR_OK);
        forget(input, 2);
        virtq_device_should_interrupt(&queue);
    }
    return true;
}

/* Only the used ring may differ from what was before. */
static void check_memory(const u8 *before, const struct ring_input *input)
{
    u64 end = input->used + VIRTQ_USED_BYTES((u64)queue.size);

    CHECK(memcmp(before, world.ram, input->used) == 0);
    CHECK(end >= RAM_BYTES || memcmp(before + end, world.ram + end, RAM_BYTES - end) == 0);
}

FUZZ(virtq)
{
    static u8 before[RAM_BYTES];
    struct ring_input input;
    u16 heads[STEPS];
    u32 count = 0;
    u64 idx;

    if (size < sizeof(input))
        return 0;
    memcpy(&input, bytes, sizeof(input));
    input.used %= RAM_BYTES;
    prepare(&input, bytes + sizeof(input), size - sizeof(input));
    if (virtq_device_start(&queue) != ERR_OK)
        return 0;
    idx = input.avail + offsetof(struct virtq_avail, idx);
    for (u32 i = 0; i < STEPS; i++) {
        memcpy(before, world.ram, RAM_BYTES);
        if (!step(&input, heads, &count))
            return 0;
        check_memory(before, &input);
        if (idx < RAM_BYTES)
            world.ram[idx] = (u8)(world.ram[idx] + input.more % 4);
    }
    return 0;
}

/* A ring of 4: chain 0 is of three descriptors, chain 3 a table of three in two pages. */
FUZZ_SEEDS(virtq)
{
    struct {
        struct ring_input input;
        struct virtq_desc desc[4];
        struct {
            u16 flags, idx, ring[4], used_event;
        } avail;
        u8 used[2 + 4 + 4 * 8 + 2 + 2];
        struct virtq_desc table[3];
    } __attribute__((packed)) seed = {
        .input = {.desc = CONTENTS_AT,
                  .avail = CONTENTS_AT + 64,
                  .used = CONTENTS_AT + 64 + 16,
                  .size = 4,
                  .features = 3,
                  .max = 8,
                  .more = 1,
                  .keeps = 1},
        .desc = {{BASE + 0x100, 16, VIRTQ_DESC_NEXT, 1},
                  {BASE + 0x200, 512, VIRTQ_DESC_NEXT | VIRTQ_DESC_WRITE, 2},
                  {BASE + 0x300, 1, VIRTQ_DESC_WRITE, 0},
                  {BASE + CONTENTS_AT + 120, 48, VIRTQ_DESC_INDIRECT, 0}},
        .avail = {.idx = 2,                                                      .ring = {0, 3, 3, 0}                },
        .table = {{BASE + 0x100, 16, VIRTQ_DESC_NEXT, 1},
                  {BASE + 0x200, 512, VIRTQ_DESC_NEXT | VIRTQ_DESC_WRITE, 2},
                  {BASE + 0x300, 1, VIRTQ_DESC_WRITE, 0}},
    };

    fuzz_seed(&seed, sizeof(seed));
    seed.input.features = 1;
    seed.input.keeps = 0;
    seed.input.forgets = 7;
    seed.avail.idx = 4;
    fuzz_seed(&seed, sizeof(seed));
}
