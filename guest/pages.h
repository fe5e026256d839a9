/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Component pages: free RAM by the page.  See pages.c. */
#include "lib/mem/alloc.h"

#include "guest/machine.h"

void *pages_alloc(size_t count, size_t align_pages);
void *pages_alloc_high(size_t count);
void pages_free(void *pages);

/* The same as an allocator, for what stands on pages; it takes the lock itself. */
extern struct allocator pages_allocator;

/* An allocator without memory for what will be added in window; state in pages of the window from
 * *first on, which it moves.  A component may bring another than the base's bitmap. */
struct allocator *pages_backend(struct range window, u64 *first);
