/* SPDX-License-Identifier: BSD-2-Clause */
/* The heap by slabs; what is larger than their objects is pages. */
#include "lib/mem/slab.h"

#include "guest/heap.h"
#include "guest/pages.h"

struct heap_backend heap_backend(void)
{
    static struct slab slab;

    return (struct heap_backend){.allocator = slab_init(&slab, &pages_allocator)};
}
