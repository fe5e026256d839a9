/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Shared pages are pages like others that the hypervisor was told about (PROC_SHARE): from then on
 * a fork does not copy them.  They come from RAM's end, downwards, one behind the other: there an
 * image that this process executes rarely wants to lie, and to the hypervisor they are one range.
 *
 * Invariant: a page that is free, or somebody's private memory, is not shared with anybody: it was
 * unshared before, so that what others still have is not reached through it.
 *
 * Bare the same pages serve the tasks of one machine.
 */
#include "guest/shared.h"

#include "lib/mem/alloc.h"

#include "guest/pages.h"
#include "guest/proc.h"

void *shared_alloc(size_t pages)
{
    void *first = pages_alloc_high(pages);

    if (first && proc_available() && proc_share(first, pages * MEM_PAGE_BYTES) != 0) {
        pages_free(first);
        return NULL;
    }
    return first;
}

void shared_free(void *first, size_t pages)
{
    if (proc_available() && proc_unshare(first, pages * MEM_PAGE_BYTES) != 0) {
        return; /* no memory for pages of our own: these stay taken, and shared */
    }
    if (mem_usable(&pages_allocator, first) > 0) {
        pages_free(first);
    } else {
        /* another program's, of this process: it is memory from now on, if the backend can do that
         */
        (void)!mem_add(&pages_allocator, first, pages * MEM_PAGE_BYTES);
    }
}
