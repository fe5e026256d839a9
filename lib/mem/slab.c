/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Slabs.  A page has objects of one size, which stand at its end; at its beginning is what they
 * need:
 *
 *     struct slab_page | unused | object n-1 | ... | object 1 | object 0 |
 *
 * So an object is aligned to each power of two that its size is a multiple of, and is never at the
 * beginning of a page: what is there came from the allocator of the pages, which serves what is
 * larger than 2016 bytes or aligned to more.
 *
 * Invariants: a page is in the list of its size if it has free objects, else in that of the full
 * ones; a list by size has at most one page that is all free.  So a page is given back as soon as
 * there is another one with free objects; and all of them are, before a request fails.
 *
 * An object that is freed twice, and a pointer that is none, are told from an object by the page's
 * tag and bits.
 */
#include "lib/mem/slab.h"

#include "lib/kit/bits.h"

#define WORD_BITS   64U
#define USED_WORDS  4
#define OFFSET_BITS 16 /* of the fraction in slab_class.inverse */
#define TAG         0x736c6162UL

struct slab_page {
    u64 tag; /* the page's own address, changed by TAG */
    struct slab_page *next, *prev;
    u32 class;
    u32 free_count;
    u64 free[USED_WORDS]; /* bit i: object i is free */
};

struct slab_class {
    u16 bytes;
    u16 count;   /* of objects in a page */
    u32 inverse; /* of bytes, rounded up */
};

#define HEADER sizeof(struct slab_page)
#define CLASS(object)                                                                      \
    {                                                                                      \
        (object), (MEM_PAGE_BYTES - HEADER) / (object), (1U << OFFSET_BITS) / (object) + 1 \
    }

static const struct slab_class classes[SLAB_CLASSES] = {
    CLASS(16),  CLASS(32),   CLASS(48),   CLASS(64),   CLASS(80),  CLASS(96),
    CLASS(112), CLASS(128),  CLASS(160),  CLASS(192),  CLASS(224), CLASS(256),
    CLASS(320), CLASS(384),  CLASS(448),  CLASS(496),  CLASS(576), CLASS(672),
    CLASS(800), CLASS(1008), CLASS(1344), CLASS(2016),
};

_Static_assert(MEM_PAGE_BYTES < 1 << OFFSET_BITS, "a multiple times an inverse is exact");
_Static_assert((MEM_PAGE_BYTES - HEADER) / MEM_ALIGN <= USED_WORDS * WORD_BITS, "a bit per object");

static u64 address_of(const void *p)
{
    return (u64)(uintptr_t)p;
}

static void enlist(struct slab_page **list, struct slab_page *page)
{
    page->next = *list;
    page->prev = NULL;
    if (*list != NULL)
        (*list)->prev = page;
    *list = page;
}

static void delist(struct slab_page **list, struct slab_page *page)
{
    if (page->next != NULL)
        page->next->prev = page->prev;
    if (page->prev != NULL)
        page->prev->next = page->next;
    else
        *list = page->next;
}

/* Gives a page back that is all free. */
static enum err release(struct slab *slab, struct slab_page *page)
{
    delist(&slab->partial[page->class], page);
    page->tag = 0;
    return mem_free(slab->pages, page);
}

/* Gives all pages back that are all free.  Whether there were any. */
static bool reclaim(struct slab *slab)
{
    bool has_released = false;

    for (u32 class = 0; class < SLAB_CLASSES; class ++) {
        struct slab_page *next;

        for (struct slab_page *page = slab->partial[class]; page != NULL; page = next) {
            next = page->next;
            if (page->free_count == classes[class].count)
                has_released = release(slab, page) == ERR_OK || has_released;
        }
    }
    return has_released;
}

static void *alloc_pages(struct slab *slab, size_t bytes, size_t align)
{
    void *pages;

    align = align < MEM_PAGE_BYTES ? MEM_PAGE_BYTES : align;
    pages = mem_alloc(slab->pages, bytes, align);
    if (unlikely(pages == NULL) && reclaim(slab))
        pages = mem_alloc(slab->pages, bytes, align);
    return pages;
}

/* A page of free objects; NULL: there is none. */
static __attribute__((noinline)) struct slab_page *create_page(struct slab *slab, u32 class)
{
    struct slab_page *page = alloc_pages(slab, MEM_PAGE_BYTES, MEM_PAGE_BYTES);
    u64 address = address_of(page);

    if (page == NULL)
        return NULL;
    *page = (struct slab_page){
        .tag = address ^ TAG, .class = class, .free_count = classes[class].count};
    for (u32 word = 0; word * WORD_BITS < page->free_count; word++) {
        u32 bits = page->free_count - word * WORD_BITS;

        page->free[word] = bits < WORD_BITS ? (1UL << bits) - 1 : ~0UL;
    }
    slab->low = address < slab->low ? address : slab->low;
    slab->high = address + MEM_PAGE_BYTES > slab->high ? address + MEM_PAGE_BYTES : slab->high;
    enlist(&slab->partial[class], page);
    return page;
}

static void *alloc_object(struct slab *slab, u32 class)
{
    struct slab_page *page = slab->partial[class];
    u32 word = 0, index;

    if (unlikely(page == NULL)) {
        page = create_page(slab, class);
        if (page == NULL)
            return NULL;
    }
    while (page->free[word] == 0)
        word++;
    index = word * WORD_BITS + bits_lowest64(page->free[word]);
    page->free[word] &= page->free[word] - 1;
    if (unlikely(--page->free_count == 0)) {
        delist(&slab->partial[class], page);
        enlist(&slab->full, page);
    }
    return (u8 *)page + MEM_PAGE_BYTES - (index + 1) * classes[class].bytes;
}

/* What is aligned to more than MEM_ALIGN, or too large for an object. */
static __attribute__((noinline)) void *alloc_slowly(struct slab *slab, size_t bytes, size_t align)
{
    u32 class;

    if (!mem_is_power_of_two(align))
        return NULL;
    if (bytes <= SLAB_OBJECT_MAX) {
        class = slab->class_for[(bytes + MEM_ALIGN - 1) / MEM_ALIGN];
        for (; class < SLAB_CLASSES; class ++) {
            if (classes[class].bytes % align == 0)
                return alloc_object(slab, class);
        }
    }
    return alloc_pages(slab, bytes, align);
}

static void *slab_alloc(struct allocator *a, size_t bytes, size_t align)
{
    struct slab *slab = (struct slab *)a;

    if (unlikely(bytes > SLAB_OBJECT_MAX || align != MEM_ALIGN))
        return alloc_slowly(slab, bytes, align);
    return alloc_object(slab, slab->class_for[(bytes + MEM_ALIGN - 1) / MEM_ALIGN]);
}

/* The page and number of an object, which does not stand at the beginning of a page; or why not. */
static inline enum err find_object(const struct slab *slab, const void *object,
                                   struct slab_page **page, u32 *index)
{
    u64 address = address_of(object), at = align_down(address, MEM_PAGE_BYTES);
    u32 from_end = (u32)(at + MEM_PAGE_BYTES - address), number;
    const struct slab_class *class;

    *page = (struct slab_page *)(uintptr_t)at;
    if (at - slab->low >= slab->high - slab->low || (*page)->tag != (at ^ TAG) ||
        (*page)->class >= SLAB_CLASSES)
        return ERR_INVAL;
    class = &classes[(*page)->class];
    number = from_end * class->inverse >> OFFSET_BITS;
    if (number * class->bytes != from_end || number > class->count)
        return ERR_INVAL;
    *index = number - 1;
    return (*page)->free[*index / WORD_BITS] >> *index % WORD_BITS & 1 ? ERR_STATE : ERR_OK;
}

static bool is_of_pages(const void *block)
{
    return address_of(block) % MEM_PAGE_BYTES == 0;
}

static enum err slab_free(struct allocator *a, void *block)
{
    struct slab *slab = (struct slab *)a;
    struct slab_page *page;
    u32 index;
    enum err err;

    if (unlikely(is_of_pages(block)))
        return mem_free(slab->pages, block);
    err = find_object(slab, block, &page, &index);
    if (unlikely(err != ERR_OK))
        return err;
    page->free[index / WORD_BITS] |= 1UL << index % WORD_BITS;
    page->free_count++;
    if (unlikely(page->free_count == 1)) {
        delist(&slab->full, page);
        enlist(&slab->partial[page->class], page);
    }
    if (page->free_count == classes[page->class].count &&
        (page->next != NULL || page->prev != NULL))
        return release(slab, page);
    return ERR_OK;
}

static enum err slab_resize(struct allocator *a, void *block, size_t bytes)
{
    struct slab *slab = (struct slab *)a;
    struct slab_page *page;
    u32 index;
    enum err err;

    if (is_of_pages(block))
        return mem_resize(slab->pages, block, bytes);
    err = find_object(slab, block, &page, &index);
    if (err != ERR_OK)
        return err;
    return bytes <= classes[page->class].bytes ? ERR_OK : ERR_NOMEM;
}

static size_t slab_usable(const struct allocator *a, const void *block)
{
    const struct slab *slab = (const struct slab *)a;
    struct slab_page *page;
    u32 index;

    if (is_of_pages(block))
        return mem_usable(slab->pages, block);
    return find_object(slab, block, &page, &index) == ERR_OK ? classes[page->class].bytes : 0;
}

static enum err slab_add(struct allocator *a, void *base, size_t bytes)
{
    return mem_add(((struct slab *)a)->pages, base, bytes);
}

/* A page counts as used, but for its free objects, or as free, if they all are. */
static void slab_stats(const struct allocator *a, struct mem_stats *stats)
{
    const struct slab *slab = (const struct slab *)a;

    mem_stats(slab->pages, stats);
    for (u32 class = 0; class < SLAB_CLASSES; class ++) {
        const struct slab_class *of = &classes[class];

        for (const struct slab_page *page = slab->partial[class]; page != NULL; page = page->next)
            stats->used_bytes -=
                page->free_count == of->count ? MEM_PAGE_BYTES : (u64)page->free_count * of->bytes;
    }
    stats->free_bytes = stats->total_bytes - stats->used_bytes;
}

/* What is wrong with a list of pages, of this class or, when it is SLAB_CLASSES, the full ones. */
static const char *check_list(const struct slab *slab, u32 class, const void **at)
{
    const struct slab_page *prev = NULL, *page;
    u32 all_free = 0;

    page = class == SLAB_CLASSES ? slab->full : slab->partial[class];
    for (; page != NULL; prev = page, page = page->next) {
        u64 address = address_of(page);
        u32 count = 0;

        *at = prev;
        if (address % MEM_PAGE_BYTES != 0 || address - slab->low >= slab->high - slab->low ||
            page->tag != (address ^ TAG))
            return "the link of a page of objects leads to what is none, or that is overwritten";
        *at = page;
        if (page->prev != prev)
            return "the links of a page of objects do not agree";
        if (page->class >= SLAB_CLASSES || (class < SLAB_CLASSES && page->class != class))
            return "a page of objects is in the list of another size";
        for (u32 word = 0; word < USED_WORDS; word++)
            count += bits_count64(page->free[word]);
        if (count != page->free_count || count > classes[page->class].count)
            return "the free objects of a page do not add up";
        if ((count == 0) != (class == SLAB_CLASSES))
            return "a page of objects is full and in the list of the others, or the reverse";
        all_free += count == classes[page->class].count;
    }
    return all_free <= 1 ? NULL : "a size has two pages that are all free";
}

static const char *slab_check(const struct allocator *a, const void **at)
{
    const struct slab *slab = (const struct slab *)a;
    const char *words = mem_check(slab->pages, at);

    for (u32 class = 0; class <= SLAB_CLASSES && words == NULL; class ++)
        words = check_list(slab, class, at);
    return words;
}

static const struct allocator_ops slab_ops = {
    .name = "slab",
    .alloc = slab_alloc,
    .free = slab_free,
    .resize = slab_resize,
    .usable = slab_usable,
    .add = slab_add,
    .stats = slab_stats,
    .check = slab_check,
};

/*
 * slab_init - an allocator that takes its memory from another one by the page.
 *
 * pages must be able to align to MEM_PAGE_BYTES; others may use it beside this one.
 */
struct allocator *slab_init(struct slab *slab, struct allocator *pages)
{
    u32 class = 0;

    *slab = (struct slab){.allocator = {&slab_ops}, .pages = pages, .low = UINT64_MAX};
    for (u32 step = 0; step < ARRAY_LEN(slab->class_for); step++) {
        if (step * MEM_ALIGN > classes[class].bytes)
            class ++;
        slab->class_for[step] = (u8) class;
    }
    return &slab->allocator;
}
