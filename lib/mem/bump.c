/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A double-ended bump allocator:
 *
 *     base                top          pages            end
 *     | word bytes | ...  |    free    | run | run | ... |
 *
 * Bytes go up.  In front of each block is a word: its size, whether it is free, and bits of its
 * address, so that a pointer to anything else is told from a block.  A freed block is memory again
 * if it is the topmost, and when the last used one is freed all of them are.
 *
 * Pages go down: what is aligned to a page or more, and bump_alloc_pages().  runs[] has for the
 * first page of each run twice its length, and 1 if it is used; it says nothing about lower pages.
 * A freed run is memory again when no used one is below it.
 *
 * Invariants: the blocks from base to top, and the runs from `pages` to end, have no gaps; the
 * lowest run is used; live counts the used blocks.
 *
 * So it is the fastest one, and right for a program that frees little, or everything.
 */
#include "lib/mem/bump.h"

#define WORD_FREE      1UL
#define WORD_SIZE      0xffffffff0UL
#define WORD_TAG_SHIFT 36
#define HEADER         sizeof(u64)
#define BYTES_MAX      (1UL << 35) /* of a block that is not pages */

#define RUN_USED 1U

size_t bump_map_bytes(size_t window_bytes)
{
    return window_bytes / MEM_PAGE_BYTES * sizeof(u32);
}

static u64 *word_at(u64 address)
{
    return (u64 *)(uintptr_t)address;
}

static u64 word_of(u64 address, u64 size)
{
    return address << WORD_TAG_SHIFT | size;
}

static u32 *run_at(const struct bump *bump, u64 address)
{
    return &bump->runs[(address - bump->window) / MEM_PAGE_BYTES];
}

static u64 run_bytes(u32 run)
{
    return (u64)(run / 2) * MEM_PAGE_BYTES;
}

/* Where the first word is: what follows it is aligned. */
static u64 first_word(const struct bump *bump)
{
    return bump->base + MEM_ALIGN - HEADER;
}

/*
 * bump_alloc_pages - a block of pages from the high end.
 *
 * align is a power of two; pages is not 0.  What alignment leaves above the block is part of it.
 * NULL: there is no room.
 */
void *bump_alloc_pages(struct bump *bump, size_t pages, size_t align)
{
    u64 room = bump->pages - align_up(bump->top, MEM_PAGE_BYTES), at;

    if (pages > room / MEM_PAGE_BYTES || !mem_is_power_of_two(align))
        return NULL;
    at = bump->pages - pages * MEM_PAGE_BYTES;
    at = align_down(at, align < MEM_PAGE_BYTES ? MEM_PAGE_BYTES : align);
    if (at < bump->top)
        return NULL;
    *run_at(bump, at) = (u32)((bump->pages - at) / MEM_PAGE_BYTES * 2) | RUN_USED;
    bump->pages = at;
    return (void *)(uintptr_t)at;
}

/* The size of a block of so many bytes, which are at most BYTES_MAX. */
static u64 size_for(u64 bytes)
{
    return align_up(bytes + HEADER, MEM_ALIGN);
}

static void *bump_alloc(struct allocator *a, size_t bytes, size_t align)
{
    struct bump *bump = (struct bump *)a;
    u64 at = bump->top, size, room = bump->pages - at;

    if (unlikely(align > MEM_ALIGN)) {
        if (align >= MEM_PAGE_BYTES)
            return bump_alloc_pages(bump, bytes == 0 ? 1 : (bytes - 1) / MEM_PAGE_BYTES + 1, align);
        at = align_up(at + HEADER, align) - HEADER;
    }
    if (unlikely(bytes > BYTES_MAX || !mem_is_power_of_two(align)))
        return NULL;
    size = size_for(bytes);
    if (unlikely(room < HEADER || at - bump->top + size > room - HEADER))
        return NULL;
    if (at != bump->top)
        *word_at(bump->top) = word_of(bump->top, at - bump->top) | WORD_FREE;
    *word_at(at) = word_of(at, size);
    bump->top = at + size;
    bump->live++;
    return word_at(at + HEADER);
}

/* Whether a run of pages begins here, used or not; goes through those below. */
static bool is_run(const struct bump *bump, u64 address)
{
    u64 at = bump->pages;

    while (at < address && at < bump->end)
        at += run_bytes(*run_at(bump, at));
    return at == address && at < bump->end;
}

/* Whether this is a block of bytes; or why not. */
static enum err find_word(const struct bump *bump, u64 address)
{
    u64 word;

    if (address % MEM_ALIGN != 0 || address < first_word(bump) + HEADER || address >= bump->end)
        return ERR_INVAL;
    if (address >= bump->top)
        return ERR_STATE;
    word = *word_at(address - HEADER) ^ word_of(address - HEADER, 0);
    if (word >> WORD_TAG_SHIFT != 0)
        return ERR_INVAL;
    return word & WORD_FREE ? ERR_STATE : ERR_OK;
}

static enum err free_pages(struct bump *bump, u64 address)
{
    if (!is_run(bump, address))
        return ERR_INVAL;
    if (!(*run_at(bump, address) & RUN_USED))
        return ERR_STATE;
    *run_at(bump, address) &= ~RUN_USED;
    while (bump->pages < bump->end && !(*run_at(bump, bump->pages) & RUN_USED))
        bump->pages += run_bytes(*run_at(bump, bump->pages));
    return ERR_OK;
}

static enum err bump_free(struct allocator *a, void *block)
{
    struct bump *bump = (struct bump *)a;
    u64 address = (u64)(uintptr_t)block, *word = word_at(address - HEADER);
    enum err err;

    if (unlikely(address >= bump->pages))
        return free_pages(bump, address);
    err = find_word(bump, address);
    if (unlikely(err != ERR_OK))
        return err;
    bump->live--;
    if (address - HEADER + (*word & WORD_SIZE) == bump->top)
        bump->top = address - HEADER;
    *word |= WORD_FREE;
    if (bump->live == 0)
        bump->top = first_word(bump);
    return ERR_OK;
}

/* Of a used run or block; 0: it is none. */
static size_t bump_usable(const struct allocator *a, const void *block)
{
    const struct bump *bump = (const struct bump *)a;
    u64 address = (u64)(uintptr_t)block;

    if (address < bump->pages)
        return find_word(bump, address) == ERR_OK
                   ? (*word_at(address - HEADER) & WORD_SIZE) - HEADER
                   : 0;
    if (!is_run(bump, address) || !(*run_at(bump, address) & RUN_USED))
        return 0;
    return run_bytes(*run_at(bump, address));
}

/* The topmost block grows and shrinks; others, and runs, keep what they have. */
static enum err bump_resize(struct allocator *a, void *block, size_t bytes)
{
    struct bump *bump = (struct bump *)a;
    u64 address = (u64)(uintptr_t)block, at = address - HEADER;
    u64 usable = bump_usable(a, block), size;

    if (usable == 0)
        return address < bump->pages ? find_word(bump, address) : ERR_INVAL;
    if (bytes > BYTES_MAX)
        return ERR_NOMEM;
    size = size_for(bytes);
    if (address >= bump->pages || at + usable + HEADER != bump->top)
        return bytes <= usable ? ERR_OK : ERR_NOMEM;
    if (bump->pages - at < HEADER || size > bump->pages - at - HEADER)
        return ERR_NOMEM;
    *word_at(at) = word_of(at, size);
    bump->top = at + size;
    return ERR_OK;
}

/*
 * bump_add - more memory, in one piece with what there is.
 *
 * On top of it only while there are no pages, below it only while there are no bytes: those are in
 * the way.  ERR_STATE: they are there.
 */
static enum err bump_add(struct allocator *a, void *base, size_t bytes)
{
    struct bump *bump = (struct bump *)a;
    u64 at = align_up((u64)(uintptr_t)base, MEM_PAGE_BYTES);
    u64 end = align_down((u64)(uintptr_t)base + bytes, MEM_PAGE_BYTES);

    if ((u64)(uintptr_t)base + bytes < bytes || at >= end || at < bump->window ||
        end > bump->window_end)
        return ERR_INVAL;
    if (bump->base == bump->end) {
        bump->base = at;
        bump->end = bump->pages = end;
        bump->top = first_word(bump);
    } else if (at == bump->end) {
        if (bump->pages != bump->end)
            return ERR_STATE;
        bump->end = bump->pages = end;
    } else if (end == bump->base) {
        if (bump->live != 0)
            return ERR_STATE;
        bump->base = at;
        bump->top = first_word(bump);
    } else {
        return ERR_INVAL;
    }
    return ERR_OK;
}

static void bump_stats(const struct allocator *a, struct mem_stats *stats)
{
    const struct bump *bump = (const struct bump *)a;
    u64 room = bump->pages - bump->top;

    *stats = (struct mem_stats){.total_bytes = bump->end - bump->base};
    for (u64 at = first_word(bump); at < bump->top; at += *word_at(at) & WORD_SIZE)
        stats->used_bytes += *word_at(at) & WORD_FREE ? 0 : *word_at(at) & WORD_SIZE;
    for (u64 at = bump->pages; at < bump->end; at += run_bytes(*run_at(bump, at)))
        stats->used_bytes += *run_at(bump, at) & RUN_USED ? run_bytes(*run_at(bump, at)) : 0;
    stats->free_bytes = stats->total_bytes - stats->used_bytes;
    if (bump->end != bump->base && room > 2 * HEADER)
        stats->largest_bytes = align_down(room - HEADER, MEM_ALIGN) - HEADER;
}

static const char *bump_check(const struct allocator *a, const void **at)
{
    const struct bump *bump = (const struct bump *)a;
    u64 live = 0, address = first_word(bump), end;

    *at = bump;
    if (bump->base == bump->end)
        return NULL;
    if (bump->top < address || bump->top > bump->pages || bump->pages > bump->end)
        return "the ends of the free memory are not in order";
    while (address < bump->top) {
        u64 word = *word_at(address) ^ word_of(address, 0), size = word & WORD_SIZE;

        *at = word_at(address + HEADER);
        if (word >> WORD_TAG_SHIFT != 0 || size < MEM_ALIGN || size > bump->top - address)
            return "the word of a block has been overwritten";
        live += !(word & WORD_FREE);
        address += size;
    }
    *at = bump;
    if (live != bump->live)
        return "the used blocks do not add up";
    for (address = bump->pages; address < bump->end; address = end) {
        *at = word_at(address);
        end = address + run_bytes(*run_at(bump, address));
        if (end <= address || end > bump->end)
            return "the length of a run of pages has been overwritten";
        if (address == bump->pages && !(*run_at(bump, address) & RUN_USED))
            return "the lowest run of pages is not used";
    }
    return NULL;
}

static const struct allocator_ops bump_ops = {
    .name = "bump",
    .alloc = bump_alloc,
    .free = bump_free,
    .resize = bump_resize,
    .usable = bump_usable,
    .add = bump_add,
    .stats = bump_stats,
    .check = bump_check,
};

/*
 * bump_init - an allocator that has no memory yet.
 *
 * base and bytes are whole pages, less than 8 TiB: the window that all memory it will ever get is
 * in.  map: bump_map_bytes(bytes), aligned to 4, which stays with it.
 */
struct allocator *bump_init(struct bump *bump, void *base, size_t bytes, void *map)
{
    *bump = (struct bump){.allocator = {&bump_ops},
                          .window = (u64)(uintptr_t)base,
                          .window_end = (u64)(uintptr_t)base + bytes,
                          .runs = map};
    return &bump->allocator;
}
