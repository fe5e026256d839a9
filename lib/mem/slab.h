/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Small blocks of fixed sizes, by the page; larger ones from the allocator of the pages.  See
 * slab.c. */
#include "lib/mem/alloc.h"

#define SLAB_CLASSES    22
#define SLAB_OBJECT_MAX 2016 /* bytes; larger blocks are pages */

struct slab_page;

struct slab {
    struct allocator allocator;
    struct allocator *pages;                       /* where memory comes from */
    struct slab_page *partial[SLAB_CLASSES];       /* pages with free objects, by size */
    struct slab_page *full;                        /* pages without */
    u8 class_for[SLAB_OBJECT_MAX / MEM_ALIGN + 1]; /* by size in steps of MEM_ALIGN, rounded up */
    u64 low, high;                                 /* all pages there ever were are between these */
};

/* Stands on an allocator of pages, which stays the caller's; memory that is added goes to that. */
struct allocator *slab_init(struct slab *slab, struct allocator *pages);
