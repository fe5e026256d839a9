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

/* NULL, or words for what is broken and where. */
const char *heap_check(const void **at)
{
    const char *broken;

    spin_lock(&lock);
    broken = mem_check(heap.allocator, at);
    spin_unlock(&lock);
    return broken;
}

__attribute__((weak)) struct allocator *heap_front(struct allocator *allocator)
{
    return allocator;
}

static __noreturn __attribute__((noinline)) void refuse(const char *what, void *block, enum err err)
{
    panic("%s(%p): %s", what, block,
          err == ERR_STATE ? "freed already" : "no block, or overwritten in front of it");
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
static __attribute__((noinline)) void *alloc_growing(size_t bytes, size_t align)
{
    size_t wanted = bytes + 2 * align + MEM_PAGE_BYTES;

    if (!heap.grows || wanted < bytes) {
        return NULL;
    }
    wanted = wanted < GROW_BYTES ? GROW_BYTES : wanted;
    while (wanted >= MEM_PAGE_BYTES) {
        if (grow(wanted)) {
            void *block = mem_alloc(heap.allocator, bytes, align);

            if (block) {
                return block;
            }
        } else {
            wanted /= 2;
        }
    }
    return NULL;
}

static inline void *take(size_t bytes, size_t align)
{
    void *block;

    spin_lock(&lock);
    block = mem_alloc(heap.allocator, bytes, align);
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
    enum err err;

    if (!block) {
        return;
    }
    spin_lock(&lock);
    err = mem_free(heap.allocator, block);
    spin_unlock(&lock);
    if (unlikely(err != ERR_OK)) {
        refuse("free", block, err);
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
        bytes = mem_usable(heap.allocator, block);
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
    err = mem_resize(heap.allocator, block, bytes);
    old = mem_usable(heap.allocator, block);
    spin_unlock(&lock);
    if (err == ERR_OK) {
        return block;
    }
    if (err != ERR_NOMEM) {
        refuse("realloc", block, err);
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
    heap.allocator = heap_front(heap.allocator);
}
