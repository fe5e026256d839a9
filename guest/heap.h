/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What is behind malloc.  See heap.c. */
#include "lib/mem/alloc.h"

const char *heap_check(const void **at);

/* What the chosen component of the kind allocator brings: an allocator of bytes on the pages, which
 * may be without memory yet; grows: it takes more by mem_add, else it takes pages by itself. */
struct heap_backend {
    struct allocator *allocator;
    bool grows;
};
struct heap_backend heap_backend(void);

/* What malloc is to use for it: itself, or what the component heapcheck puts in front of it. */
struct allocator *heap_front(struct allocator *allocator);
