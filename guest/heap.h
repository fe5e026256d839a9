/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What is behind malloc.  See heap.c. */
#include "lib/mem/alloc.h"

void heap_stats(struct mem_stats *stats);
const char *heap_check(const void **at);

/* While a VM is cloned nobody else may be inside. */
void heap_lock(void);
void heap_unlock(void);

/* What the chosen component of the kind heap brings: an allocator of bytes on the pages, which may
 * be without memory yet; grows: it takes more by mem_add, else it takes pages by itself. */
struct heap_backend {
    struct allocator *allocator;
    bool grows;
};
struct heap_backend heap_backend(void);

/* What the component heapcheck puts between malloc and the allocator. */
void *heap_block_alloc(struct allocator *a, size_t bytes, size_t align);
void heap_block_free(struct allocator *a, void *block);
__must_check enum err heap_block_resize(struct allocator *a, void *block, size_t bytes);
size_t heap_block_usable(const struct allocator *a, const void *block);
