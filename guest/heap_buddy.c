/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The heap by buddies.  Its map has a byte for each 32 of RAM and takes pages at once; those of it
 * that describe memory that the heap never gets are never touched.
 */
#include "lib/mem/buddy.h"

#include "guest/heap.h"
#include "guest/machine.h"
#include "guest/pages.h"
#include "guest/panic.h"

struct heap_backend heap_backend(void)
{
    static struct buddy buddy;
    struct range ram = machine_ram();
    u64 bytes = ram.end - ram.base;
    u64 map_pages = align_up(buddy_map_bytes(bytes), MEM_PAGE_BYTES) / MEM_PAGE_BYTES;
    void *map = pages_alloc(map_pages, 1);

    if (!map) {
        panic("heap: no memory for the map of %lu KiB of RAM; raise MEM", bytes >> 10);
    }
    return (struct heap_backend){.allocator = buddy_init(&buddy, (void *)ram.base, bytes, map),
                                 .grows = true};
}
