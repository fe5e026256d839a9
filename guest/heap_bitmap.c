/* SPDX-License-Identifier: BSD-2-Clause */
/* The heap by the page: each block is whole pages, from the bitmap that hands them out to others.
 */
#include "guest/heap.h"
#include "guest/pages.h"

struct heap_backend heap_backend(void)
{
    return (struct heap_backend){.allocator = &pages_allocator};
}
