/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The double-ended heap: one allocator over all free RAM, bytes from its low end, pages for whoever
 * needs some from its high end.
 */
#include "lib/mem/bump.h"

#include "guest/heap.h"
#include "guest/pages.h"

struct allocator *pages_backend(struct range window, u64 *first)
{
    static struct bump bump;
    u64 bytes = window.end - window.base;
    void *map = (void *)*first;

    *first = align_up(*first + bump_map_bytes(bytes), MEM_PAGE_BYTES);
    return *first <= window.end ? bump_init(&bump, (void *)window.base, bytes, map) : NULL;
}

struct heap_backend heap_backend(void)
{
    return (struct heap_backend){.allocator = &pages_allocator};
}
