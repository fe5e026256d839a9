/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Pages from bitmaps.  A block is a run of pages; two bits say of each page of the window:
 *
 *     free head
 *      1    0    free
 *      0    1    the first page of a block
 *      0    0    a further page of a block
 *      1    1    not ours: never added
 *
 * A third bitmap has a bit for each word of these two, so that 4096 pages without a free one are
 * passed over in a step.  A request gets the lowest run that is long enough, or the highest if it
 * asks for that.
 *
 * Invariant: a further page has a page of the same block below it.  Nothing is written into the
 * pages themselves.
 */
#include "lib/mem/bitmap.h"

#include <string.h>

#include "lib/kit/bits.h"

#define WORD_BITS 64U

static u32 words_for(u64 bits)
{
    return (u32)((bits + WORD_BITS - 1) / WORD_BITS);
}

size_t bitmap_map_bytes(size_t window_bytes)
{
    u32 words = words_for(window_bytes / MEM_PAGE_BYTES);

    return (2UL * words + words_for(words)) * sizeof(u64);
}

static bool is_set(const u64 *map, u32 bit)
{
    return map[bit / WORD_BITS] >> bit % WORD_BITS & 1;
}

/* The bits of word `word` that are in [from, to). */
static u64 mask_of(u32 word, u32 from, u32 to)
{
    u32 low = word * WORD_BITS;
    u64 mask = ~0UL;

    if (from > low)
        mask &= ~0UL << (from - low);
    if (to < low + WORD_BITS)
        mask &= ~(~0UL << (to - low));
    return mask;
}

static u64 free_bits(const struct bitmap *bitmap, u32 word)
{
    return bitmap->free[word] & ~bitmap->head[word];
}

/* Of pages [from, to), which is not empty: all are free, or none. */
static void write_free(struct bitmap *bitmap, u32 from, u32 to, bool is_free)
{
    for (u32 word = from / WORD_BITS; word <= (to - 1) / WORD_BITS; word++) {
        u64 mask = mask_of(word, from, to), any = 1UL << word % WORD_BITS;

        if (is_free)
            bitmap->free[word] |= mask;
        else
            bitmap->free[word] &= ~mask;
        if (free_bits(bitmap, word) != 0)
            bitmap->any[word / WORD_BITS] |= any;
        else
            bitmap->any[word / WORD_BITS] &= ~any;
    }
    if (is_free) {
        bitmap->free_pages += to - from;
        bitmap->first_free = from < bitmap->first_free ? from : bitmap->first_free;
    } else {
        bitmap->free_pages -= to - from;
        bitmap->first_free = from == bitmap->first_free ? to : bitmap->first_free;
    }
}

/* The first word from this one on that has a free page; bitmap->words: none. */
static u32 next_any(const struct bitmap *bitmap, u32 word)
{
    for (u32 at = word / WORD_BITS; at * WORD_BITS < bitmap->words; at++) {
        u64 bits = bitmap->any[at] & mask_of(at, word, bitmap->words);

        if (bits != 0)
            return at * WORD_BITS + bits_lowest64(bits);
    }
    return bitmap->words;
}

/* The first free page from this one on; bitmap->pages: none. */
static u32 next_free(const struct bitmap *bitmap, u32 page)
{
    u32 word = page / WORD_BITS;
    u64 bits;

    if (page >= bitmap->pages)
        return bitmap->pages;
    bits = free_bits(bitmap, word) & mask_of(word, page, UINT32_MAX);
    if (bits == 0) {
        word = next_any(bitmap, word + 1);
        if (word == bitmap->words)
            return bitmap->pages;
        bits = free_bits(bitmap, word);
    }
    return word * WORD_BITS + bits_lowest64(bits);
}

/* The first page of [page, to) that is not free; `to`: none. */
static u32 next_used(const struct bitmap *bitmap, u32 page, u32 to)
{
    for (u32 word = page / WORD_BITS; word * WORD_BITS < to; word++) {
        u64 bits = ~free_bits(bitmap, word) & mask_of(word, page, to);

        if (bits != 0)
            return word * WORD_BITS + bits_lowest64(bits);
    }
    return to;
}

/* The page behind a block. */
static u32 end_of(const struct bitmap *bitmap, u32 page)
{
    page++;
    for (u32 word = page / WORD_BITS; word < bitmap->words; word++) {
        u64 bits = (bitmap->free[word] | bitmap->head[word]) & mask_of(word, page, UINT32_MAX);

        if (bits != 0)
            return word * WORD_BITS + bits_lowest64(bits);
    }
    return bitmap->pages;
}

static void *page_at(const struct bitmap *bitmap, u32 page)
{
    return (void *)(uintptr_t)(bitmap->base + (u64)page * MEM_PAGE_BYTES);
}

/* How many pages; more than there are for what is too much. */
static u64 pages_for(size_t bytes)
{
    return bytes == 0 ? 1 : (bytes - 1) / MEM_PAGE_BYTES + 1;
}

/* The lowest page from `page` on whose address is a multiple of align. */
static u64 align_page(const struct bitmap *bitmap, u64 page, u64 align)
{
    u64 address = bitmap->base + page * MEM_PAGE_BYTES;

    return page + (align_up(address, align) - address) / MEM_PAGE_BYTES;
}

static void *take(struct bitmap *bitmap, u32 from, u32 to)
{
    write_free(bitmap, from, to, false);
    bitmap->head[from / WORD_BITS] |= 1UL << from % WORD_BITS;
    return page_at(bitmap, from);
}

static void *bitmap_alloc(struct allocator *a, size_t bytes, size_t align)
{
    struct bitmap *bitmap = (struct bitmap *)a;
    u64 count = pages_for(bytes), from, to;

    if (!mem_is_power_of_two(align) || count > bitmap->free_pages)
        return NULL;
    align = align < MEM_PAGE_BYTES ? MEM_PAGE_BYTES : align;
    from = next_free(bitmap, bitmap->first_free);
    bitmap->first_free = (u32)from;
    for (;;) {
        from = align_page(bitmap, from, align);
        if (from >= bitmap->pages || bitmap->pages - from < count)
            return NULL;
        to = next_used(bitmap, (u32)from, (u32)(from + count));
        if (to == from + count)
            break;
        from = next_free(bitmap, (u32)to);
    }
    return take(bitmap, (u32)from, (u32)to);
}

/* From the last page down; words without a free one are passed over. */
static void *bitmap_alloc_high(struct allocator *a, size_t bytes)
{
    struct bitmap *bitmap = (struct bitmap *)a;
    u64 count = pages_for(bytes), run = 0;
    u32 page = bitmap->pages;

    while (page > 0) {
        u64 bits = free_bits(bitmap, --page / WORD_BITS);

        run = bits >> page % WORD_BITS & 1 ? run + 1 : 0;
        if (run == count)
            return take(bitmap, page, page + (u32)count);
        if (bits == 0)
            page = page / WORD_BITS * WORD_BITS;
    }
    return NULL;
}

/* The number of the first page of this block, or why it is none. */
static enum err find_block(const struct bitmap *bitmap, const void *block, u32 *page)
{
    u64 offset = (u64)(uintptr_t)block - bitmap->base;

    if (offset % MEM_PAGE_BYTES != 0 || offset / MEM_PAGE_BYTES >= bitmap->pages)
        return ERR_INVAL;
    *page = (u32)(offset / MEM_PAGE_BYTES);
    if (is_set(bitmap->head, *page))
        return is_set(bitmap->free, *page) ? ERR_INVAL : ERR_OK;
    return is_set(bitmap->free, *page) ? ERR_STATE : ERR_INVAL;
}

static enum err bitmap_free(struct allocator *a, void *block)
{
    struct bitmap *bitmap = (struct bitmap *)a;
    u32 page, end;
    enum err err = find_block(bitmap, block, &page);

    if (err != ERR_OK)
        return err;
    end = end_of(bitmap, page);
    bitmap->head[page / WORD_BITS] &= ~(1UL << page % WORD_BITS);
    write_free(bitmap, page, end, true);
    return ERR_OK;
}

static enum err bitmap_resize(struct allocator *a, void *block, size_t bytes)
{
    struct bitmap *bitmap = (struct bitmap *)a;
    u64 count = pages_for(bytes);
    u32 page, end, wanted;
    enum err err = find_block(bitmap, block, &page);

    if (err != ERR_OK)
        return err;
    if (count > bitmap->pages - page)
        return ERR_NOMEM;
    end = end_of(bitmap, page);
    wanted = page + (u32)count;
    if (wanted < end)
        write_free(bitmap, wanted, end, true);
    else if (next_used(bitmap, end, wanted) < wanted)
        return ERR_NOMEM;
    else if (wanted > end)
        write_free(bitmap, end, wanted, false);
    return ERR_OK;
}

static size_t bitmap_usable(const struct allocator *a, const void *block)
{
    const struct bitmap *bitmap = (const struct bitmap *)a;
    u32 page;

    if (find_block(bitmap, block, &page) != ERR_OK)
        return 0;
    return (size_t)(end_of(bitmap, page) - page) * MEM_PAGE_BYTES;
}

/* Takes the whole pages of what is given. */
static enum err bitmap_add(struct allocator *a, void *base, size_t bytes)
{
    struct bitmap *bitmap = (struct bitmap *)a;
    u64 at = align_up((u64)(uintptr_t)base, MEM_PAGE_BYTES);
    u64 end = align_down((u64)(uintptr_t)base + bytes, MEM_PAGE_BYTES);
    u64 from = (at - bitmap->base) / MEM_PAGE_BYTES, to = (end - bitmap->base) / MEM_PAGE_BYTES;

    if ((u64)(uintptr_t)base + bytes < bytes || at >= end || at < bitmap->base ||
        to > bitmap->pages)
        return ERR_INVAL;
    for (u64 page = from; page < to; page++) {
        if (!is_set(bitmap->free, (u32)page) || !is_set(bitmap->head, (u32)page))
            return ERR_INVAL;
    }
    for (u64 page = from; page < to; page++)
        bitmap->head[page / WORD_BITS] &= ~(1UL << page % WORD_BITS);
    write_free(bitmap, (u32)from, (u32)to, true);
    bitmap->added_pages += (u32)(to - from);
    return ERR_OK;
}

static void bitmap_stats(const struct allocator *a, struct mem_stats *stats)
{
    const struct bitmap *bitmap = (const struct bitmap *)a;
    u32 largest = 0;

    for (u32 page = next_free(bitmap, 0), end; page < bitmap->pages;
         page = next_free(bitmap, end)) {
        end = next_used(bitmap, page, bitmap->pages);
        largest = end - page > largest ? end - page : largest;
    }
    *stats = (struct mem_stats){
        .total_bytes = (u64)bitmap->added_pages * MEM_PAGE_BYTES,
        .used_bytes = (u64)(bitmap->added_pages - bitmap->free_pages) * MEM_PAGE_BYTES,
        .free_bytes = (u64)bitmap->free_pages * MEM_PAGE_BYTES,
        .largest_bytes = (u64)largest * MEM_PAGE_BYTES,
    };
}

static const char *bitmap_check(const struct allocator *a, const void **at)
{
    const struct bitmap *bitmap = (const struct bitmap *)a;
    u32 free_pages = 0, added_pages = 0;
    bool in_block = false;

    for (u32 page = 0; page < bitmap->pages; page++) {
        bool is_free = is_set(bitmap->free, page), is_head = is_set(bitmap->head, page);

        *at = page_at(bitmap, page);
        if (!is_free && !is_head && !in_block)
            return "a page is part of a block that does not begin";
        if (is_free && !is_head && page < bitmap->first_free)
            return "a page is free below the first free one";
        in_block = !is_free;
        free_pages += is_free && !is_head;
        added_pages += !is_free || !is_head;
    }
    for (u32 word = 0; word < bitmap->words; word++) {
        *at = page_at(bitmap, word * WORD_BITS);
        if (is_set(bitmap->any, word) != (free_bits(bitmap, word) != 0))
            return "the summary is wrong about the pages from here on";
    }
    *at = bitmap;
    if (free_pages != bitmap->free_pages || added_pages != bitmap->added_pages)
        return "the pages do not add up";
    return NULL;
}

static const struct allocator_ops bitmap_ops = {
    .name = "bitmap",
    .alloc = bitmap_alloc,
    .alloc_high = bitmap_alloc_high,
    .free = bitmap_free,
    .resize = bitmap_resize,
    .usable = bitmap_usable,
    .add = bitmap_add,
    .stats = bitmap_stats,
    .check = bitmap_check,
};

/*
 * bitmap_init - an allocator that has no page yet.
 *
 * base and bytes are whole pages, at most UINT32_MAX - 64 of them: the window that all memory it
 * will ever get is in.  map: bitmap_map_bytes(bytes), aligned to 8, which stays with it.
 */
struct allocator *bitmap_init(struct bitmap *bitmap, void *base, size_t bytes, void *map)
{
    u32 pages = (u32)(bytes / MEM_PAGE_BYTES), words = words_for(pages);
    u64 *maps = map;

    *bitmap = (struct bitmap){.allocator = {&bitmap_ops},
                              .base = (u64)(uintptr_t)base,
                              .pages = pages,
                              .words = words,
                              .free = maps,
                              .head = maps + words,
                              .any = maps + 2UL * words,
                              .first_free = pages};
    memset(maps, 0xff, 2UL * words * sizeof(u64)); /* nothing is ours */
    memset(bitmap->any, 0, words_for(words) * sizeof(u64));
    return &bitmap->allocator;
}
