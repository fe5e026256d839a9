/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * malloc and its family, as picolibc's headers have them, over the allocator that the payload
 * chose. It is the upper of two levels: it begins empty and takes pages when it has no block, as
 * few as will do; it never gives them back.
 *
 * Invariant: the allocator is used under the lock only, by tasks and not by interrupt handlers.
 *
 * A free of what is no block, or no longer one, ends the payload with the address, as far as the
 * allocator can tell; the component heapcheck can tell more.
 */
#include "guest/heap.h"

#include <errno.h>
#include <malloc.h>
#include <stdlib.h>
#include <string.h>

#include "guest/init.h"
#include "guest/pages.h"
#include "guest/panic.h"
#include "guest/spin.h"

#define GROW_BYTES (64 * 1024UL) /* at least, while there are pages */

static struct spin lock;
static struct heap_backend heap;

void heap_lock(void)
{
    spin_lock(&lock);
}

void heap_unlock(void)
{
    spin_unlock(&lock);
}

void heap_stats(struct mem_stats *stats)
{
    heap_lock();
    mem_stats(heap.allocator, stats);
    heap_unlock();
}

/* NULL, or words for what is broken and where. */
const char *heap_check(const void **at)
{
    const char *broken;

    heap_lock();
    broken = mem_check(heap.allocator, at);
    heap_unlock();
    return broken;
}

__attribute__((weak)) void *heap_block_alloc(struct allocator *a, size_t bytes, size_t align)
{
    return mem_alloc(a, bytes, align);
}

__attribute__((weak)) void heap_block_free(struct allocator *a, void *block)
{
    enum err err = mem_free(a, block);

    if (err != ERR_OK) {
        panic("free(%p): %s", block,
              err == ERR_STATE ? "freed twice" : "no block, or overwritten in front of it");
    }
}

__attribute__((weak)) enum err heap_block_resize(struct allocator *a, void *block, size_t bytes)
{
    return mem_resize(a, block, bytes);
}

__attribute__((weak)) size_t heap_block_usable(const struct allocator *a, const void *block)
{
    return mem_usable(a, block);
}

/* Give the allocator so many bytes of pages; false: there are not so many together. */
static bool grow(size_t bytes)
{
    size_t count = (bytes + MEM_PAGE_BYTES - 1) / MEM_PAGE_BYTES;
    void *memory = pages_alloc(count, 1);

    if (!memory) {
        return false;
    }
    if (mem_add(heap.allocator, memory, count * MEM_PAGE_BYTES) != ERR_OK) {
        pages_free(memory);
        return false;
    }
    return true;
}

/*
 * A block from pages that the heap did not have.  Towards the end of memory ever smaller pieces
 * are tried, since they may touch what is free already.
 */
static void *alloc_growing(size_t bytes, size_t align)
{
    size_t wanted = bytes + 2 * align + MEM_PAGE_BYTES;

    if (!heap.grows || wanted < bytes) {
        return NULL;
    }
    wanted = wanted < GROW_BYTES ? GROW_BYTES : wanted;
    while (wanted >= MEM_PAGE_BYTES) {
        if (grow(wanted)) {
            void *block = heap_block_alloc(heap.allocator, bytes, align);

            if (block) {
                return block;
            }
        } else {
            wanted /= 2;
        }
    }
    return NULL;
}

static void *take(size_t bytes, size_t align)
{
    void *block;

    spin_lock(&lock);
    block = heap_block_alloc(heap.allocator, bytes, align);
    if (unlikely(!block)) {
        block = alloc_growing(bytes, align);
    }
    spin_unlock(&lock);
    if (unlikely(!block)) {
        errno = ENOMEM;
    }
    return block;
}

void *malloc(size_t bytes)
{
    return take(bytes, MEM_ALIGN);
}

void free(void *block)
{
    if (block) {
        spin_lock(&lock);
        heap_block_free(heap.allocator, block);
        spin_unlock(&lock);
    }
}

void *calloc(size_t count, size_t each)
{
    size_t bytes;
    void *block;

    if (__builtin_mul_overflow(count, each, &bytes)) {
        errno = ENOMEM;
        return NULL;
    }
    block = malloc(bytes);
    return block ? memset(block, 0, bytes) : NULL;
}

size_t malloc_usable_size(void *block)
{
    size_t bytes = 0;

    if (block) {
        spin_lock(&lock);
        bytes = heap_block_usable(heap.allocator, block);
        spin_unlock(&lock);
    }
    return bytes;
}

/* In place where that can be; else moved.  NULL: the block stays as it is. */
void *realloc(void *block, size_t bytes)
{
    enum err err;
    void *moved;
    size_t old;

    if (!block) {
        return malloc(bytes);
    }
    spin_lock(&lock);
    err = heap_block_resize(heap.allocator, block, bytes);
    old = heap_block_usable(heap.allocator, block);
    spin_unlock(&lock);
    if (err == ERR_OK) {
        return block;
    }
    if (err != ERR_NOMEM) {
        panic("realloc(%p): no block, or overwritten in front of it", block);
    }
    moved = malloc(bytes);
    if (moved) {
        memcpy(moved, block, old < bytes ? old : bytes);
        free(block);
    }
    return moved;
}

/* align that is no power of two is refused by errno EINVAL. */
void *memalign(size_t align, size_t bytes)
{
    if (!mem_is_power_of_two(align)) {
        errno = EINVAL;
        return NULL;
    }
    return take(bytes, align);
}

void *aligned_alloc(size_t align, size_t bytes)
{
    return memalign(align, bytes);
}

int posix_memalign(void **to, size_t align, size_t bytes)
{
    int before = errno;
    void *block;

    if (!mem_is_power_of_two(align) || align % sizeof(void *)) {
        return EINVAL;
    }
    block = take(bytes, align);
    errno = before;
    if (!block) {
        return ENOMEM;
    }
    *to = block;
    return 0;
}

static GUEST_INIT(INIT_HEAP) void bring_up(void)
{
    heap = heap_backend();
}
