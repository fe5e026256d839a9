/* SPDX-License-Identifier: BSD-2-Clause */
/* See mem_world.h. */
#include "tests/host/mem_world.h"

#include <stdlib.h>

#include "tests/test.h"

const char *mem_kind_name(enum mem_kind kind)
{
    static const char *const names[MEM_KINDS] = {"tlsf",   "buddy", "slab",
                                                 "bitmap", "bump",  "slab over tlsf"};

    return names[kind];
}

static void *create_map(struct mem_world *world, size_t bytes)
{
    world->map_bytes = bytes;
    world->map = malloc(bytes);
    return world->map;
}

void mem_world_create(struct mem_world *world, enum mem_kind kind, size_t bytes)
{
    u8 *memory = aligned_alloc(MEM_WORLD_ALIGN, align_up(bytes, MEM_WORLD_ALIGN));

    *world = (struct mem_world){.kind = kind, .memory = memory, .bytes = bytes};
    switch (kind) {
    case MEM_TLSF: world->allocator = tlsf_init(&world->tlsf); break;
    case MEM_BUDDY:
        world->allocator =
            buddy_init(&world->buddy, memory, bytes, create_map(world, buddy_map_bytes(bytes)));
        break;
    case MEM_SLAB:
    case MEM_BITMAP:
        world->allocator =
            bitmap_init(&world->bitmap, memory, bytes, create_map(world, bitmap_map_bytes(bytes)));
        if (kind == MEM_SLAB)
            world->allocator = slab_init(&world->slab, world->allocator);
        break;
    case MEM_BUMP:
        world->allocator =
            bump_init(&world->bump, memory, bytes, create_map(world, bump_map_bytes(bytes)));
        break;
    case MEM_SLAB_OVER_TLSF:
        world->allocator = slab_init(&world->slab, tlsf_init(&world->tlsf));
        break;
    case MEM_KINDS: FAIL("no such allocator");
    }
}

void mem_world_create_full(struct mem_world *world, enum mem_kind kind, size_t bytes)
{
    mem_world_create(world, kind, bytes);
    CHECK_EQ(mem_add(world->allocator, world->memory, bytes), ERR_OK);
}

void mem_world_destroy(struct mem_world *world)
{
    free(world->memory);
    free(world->map);
}

void mem_world_check(const struct mem_world *world)
{
    const void *at = NULL;
    const char *words = mem_check(world->allocator, &at);

    if (words != NULL)
        FAIL("%s: %s, at memory + %#lx", mem_kind_name(world->kind), words,
             (unsigned long)((const u8 *)at - world->memory));
}

size_t mem_world_largest(struct mem_world *world)
{
    size_t fits = 0, too_much = world->bytes + 1;

    while (too_much - fits > 1) {
        size_t bytes = fits + (too_much - fits) / 2;
        void *block = mem_alloc(world->allocator, bytes, MEM_ALIGN);

        if (block == NULL) {
            too_much = bytes;
        } else {
            CHECK_EQ(mem_free(world->allocator, block), ERR_OK);
            fits = bytes;
        }
    }
    return fits;
}
