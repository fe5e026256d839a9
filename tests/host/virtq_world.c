/* SPDX-License-Identifier: BSD-2-Clause */
/* One memory, seen twice; see virtq_world.h. */
#define _GNU_SOURCE
#include "tests/host/virtq_world.h"

#include <string.h>
#include <sys/mman.h>
#include <unistd.h>

#include "tests/test.h"

#define RAM_BYTES     (WORLD_PAGES * WORLD_PAGE_BYTES)
#define ISLANDS_BYTES (2 * RAM_BYTES + WORLD_PAGE_BYTES)

static u8 *ram;
static u8 *islands;

static void *island(u64 page)
{
    return islands + (2 * (WORLD_PAGES - page) - 1) * WORLD_PAGE_BYTES;
}

/* Mapped once for all tests. */
static void map_memory(void)
{
    int file = memfd_create("virtq_world", 0);

    CHECK(file >= 0 && ftruncate(file, RAM_BYTES) == 0);
    ram = mmap(NULL, RAM_BYTES, PROT_READ | PROT_WRITE, MAP_SHARED, file, 0);
    islands = mmap(NULL, ISLANDS_BYTES, PROT_NONE, MAP_PRIVATE | MAP_ANONYMOUS, -1, 0);
    CHECK(ram != MAP_FAILED && islands != MAP_FAILED);
    for (u64 page = 0; page < WORLD_PAGES; page++) {
        void *at = mmap(island(page), WORLD_PAGE_BYTES, PROT_READ | PROT_WRITE,
                        MAP_SHARED | MAP_FIXED, file, (off_t)(page * WORLD_PAGE_BYTES));

        CHECK(at != MAP_FAILED);
    }
    close(file);
}

static void *page_of(void *arg, u64 addr)
{
    const struct virtq_world *world = arg;
    u64 page = (addr - world->base) / WORLD_PAGE_BYTES;

    CHECK_EQ(addr % WORLD_PAGE_BYTES, 0);
    return addr >= world->base && page < WORLD_PAGES && !world->absent[page] ? island(page) : NULL;
}

void virtq_world_init(struct virtq_world *world, u64 base)
{
    if (ram == NULL)
        map_memory();
    memset(ram, 0, RAM_BYTES);
    *world = (struct virtq_world){
        .ram = ram,
        .base = base != 0 ? base : (uintptr_t)ram,
        .memory = {.page = page_of, .arg = world},
    };
}
