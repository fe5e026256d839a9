/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Free RAM by the page: all that is above the image but the FDT, the initrd and what is reserved.
 * It is the lower of two levels: the heap, the stacks of tasks and page tables stand on it.
 *
 * Invariant: a page is the backend's, or of whom it was given to.  What the backend remembers takes
 * the first pages of the RAM that it describes.
 */
#include "guest/pages.h"

#include "lib/mem/bitmap.h"

#include "guest/guest.h"
#include "guest/init.h"
#include "guest/panic.h"
#include "guest/spin.h"

#define BOOKKEEPING_SHARE 1024 /* no backend needs a larger part of what it manages */

static struct spin lock;
static struct allocator *backend;

__attribute__((weak)) struct allocator *pages_backend(struct range window, u64 *first)
{
    static struct bitmap bitmap;
    u64 bytes = window.end - window.base;
    void *map = (void *)*first;

    *first = align_up(*first + bitmap_map_bytes(bytes), MEM_PAGE_BYTES);
    return *first <= window.end ? bitmap_init(&bitmap, (void *)window.base, bytes, map) : NULL;
}

/* count whole pages at a multiple of align_pages, a power of two; their contents are anything.
 * NULL: not to be had. */
void *pages_alloc(size_t count, size_t align_pages)
{
    return mem_alloc(&pages_allocator, count * MEM_PAGE_BYTES, align_pages * MEM_PAGE_BYTES);
}

/* The same near the end of RAM: where an image that takes this one's place rarely comes to lie. */
void *pages_alloc_high(size_t count)
{
    return mem_alloc_high(&pages_allocator, count * MEM_PAGE_BYTES);
}

/* All pages of one pages_alloc. */
void pages_free(void *first)
{
    if (mem_free(&pages_allocator, first) != ERR_OK) {
        panic("pages_free: %p is not the first of pages that are in use", first);
    }
}

static void *locked_alloc(struct allocator *self, size_t bytes, size_t align)
{
    void *block;

    (void)self;
    spin_lock(&lock);
    block = mem_alloc(backend, bytes, align);
    spin_unlock(&lock);
    return block;
}

static void *locked_alloc_high(struct allocator *self, size_t bytes)
{
    void *block;

    (void)self;
    spin_lock(&lock);
    block = mem_alloc_high(backend, bytes);
    spin_unlock(&lock);
    return block;
}

static enum err locked_free(struct allocator *self, void *block)
{
    enum err err;

    (void)self;
    spin_lock(&lock);
    err = mem_free(backend, block);
    spin_unlock(&lock);
    return err;
}

static enum err locked_resize(struct allocator *self, void *block, size_t bytes)
{
    enum err err;

    (void)self;
    spin_lock(&lock);
    err = mem_resize(backend, block, bytes);
    spin_unlock(&lock);
    return err;
}

static size_t locked_usable(const struct allocator *self, const void *block)
{
    size_t bytes;

    (void)self;
    spin_lock(&lock);
    bytes = mem_usable(backend, block);
    spin_unlock(&lock);
    return bytes;
}

static enum err locked_add(struct allocator *self, void *base, size_t bytes)
{
    enum err err;

    (void)self;
    spin_lock(&lock);
    err = mem_add(backend, base, bytes);
    spin_unlock(&lock);
    return err;
}

static void locked_stats(const struct allocator *self, struct mem_stats *stats)
{
    (void)self;
    spin_lock(&lock);
    mem_stats(backend, stats);
    spin_unlock(&lock);
}

static const char *locked_check(const struct allocator *self, const void **at)
{
    const char *broken;

    (void)self;
    spin_lock(&lock);
    broken = mem_check(backend, at);
    spin_unlock(&lock);
    return broken;
}

static const struct allocator_ops locked_ops = {.name = "pages",
                                                .alloc = locked_alloc,
                                                .alloc_high = locked_alloc_high,
                                                .free = locked_free,
                                                .resize = locked_resize,
                                                .usable = locked_usable,
                                                .add = locked_add,
                                                .stats = locked_stats,
                                                .check = locked_check};

struct allocator pages_allocator = {&locked_ops};

static bool add(u64 base, u64 end)
{
    return base < end && mem_add(backend, (void *)base, end - base) == ERR_OK;
}

/* Free RAM: from the first piece on that surely has room for what the backend remembers of all. */
static struct range window(void)
{
    struct range window = {0, 0}, piece;
    u64 bookkeeping;

    for (u64 from = 0; machine_free(from, &piece); from = piece.end) {
        window.end = piece.end;
    }
    bookkeeping = (window.end - machine_ram().base) / BOOKKEEPING_SHARE;
    for (u64 from = 0; machine_free(from, &piece); from = piece.end) {
        if (piece.end - piece.base > bookkeeping) {
            window.base = piece.base;
            break;
        }
    }
    return window;
}

static GUEST_INIT(INIT_PAGES) void bring_up(void)
{
    struct range all = window(), piece = {0, 0};
    u64 first = all.base;

    if (all.base != 0) {
        backend = pages_backend(all, &first);
    }
    if (!backend || !machine_free(all.base, &piece) || !add(first, piece.end)) {
        panic("MEM is too small: RAM ends at 0x%lx, the image and its stacks take it up to 0x%lx",
              machine_ram().end, (u64)_image_end);
    }
    while (machine_free(piece.end, &piece)) {
        add(piece.base, piece.end); /* a backend of one piece does without */
    }
}
