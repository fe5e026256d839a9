/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * POSIX has a child share its parent's open files: when one of them reads, the other goes on behind
 * it.  So before a fork the offset and the flags of each open file that has them for itself are
 * moved to a shared page.  What is in the file is not shared here: ramfs is memory, of which the
 * child has a copy, and so is its view of a disk.
 *
 * Invariant: a place in a page is given out once, before the fork that shares the page: parent and
 * child would else give the same place to different files.  The page goes when this process has no
 * file in it any more.
 *
 * Two processes that read at the same moment may both begin at the same offset.
 */
#include "guest/libc/states.h"

#include <stdlib.h>

#include "lib/kit/list.h"
#include "lib/mem/alloc.h"

#include "guest/fs/tree.h"
#include "guest/libc/descriptor.h"
#include "guest/shared.h"
#include "guest/spin.h"

#define STATES (MEM_PAGE_BYTES / sizeof(struct file_state))

struct page {
    struct list link; /* of pages */
    struct file_state *first;
    u32 users; /* files of this process */
};

static struct list pages = {&pages, &pages}; /* guarded by lock */
static struct spin lock;

static struct page *page_make(struct file_state *first)
{
    struct page *page = malloc(sizeof(*page));

    if (page) {
        *page = (struct page){.first = first};
        list_init(&page->link);
        spin_lock(&lock);
        list_add_tail(&pages, &page->link);
        spin_unlock(&lock);
    }
    return page;
}

static struct page *page_with_memory(void)
{
    struct file_state *first = shared_alloc(1);
    struct page *page = first ? page_make(first) : NULL;

    if (first && !page) {
        shared_free(first, 1);
    }
    return page;
}

/* The lock is held.  NULL: it is in none of ours. */
static struct page *page_of(const struct file_state *state)
{
    struct list *it;

    list_for_each(it, &pages) {
        struct page *page = container_of(it, struct page, link);

        if (state >= page->first && state < page->first + STATES) {
            return page;
        }
    }
    return NULL;
}

/* The file has its state in a page of ours; false: no memory. */
static bool share(struct file *file, struct page **page)
{
    if (!file_has_own_state(file)) {
        return true;
    }
    if (!*page || (*page)->users == STATES) {
        *page = page_with_memory();
    }
    if (!*page) {
        return false;
    }
    spin_lock(&lock);
    file_move_state(file, &(*page)->first[(*page)->users++]);
    spin_unlock(&lock);
    return true;
}

/* A page that is begun here is for this call alone: nobody gives out its places later. */
bool states_share(void)
{
    struct descriptor found;
    struct page *page = NULL;
    bool done = true;

    for (int fd = 0; done && descriptor_look(&fd, &found); file_put(found.file)) {
        done = share(found.file, &page);
    }
    return done;
}

bool states_adopt(struct file_state *state)
{
    struct page *page;

    spin_lock(&lock);
    page = page_of(state);
    spin_unlock(&lock);
    if (!page) {
        page = page_make((struct file_state *)align_down((u64)state, MEM_PAGE_BYTES));
    }
    if (page) {
        page->users++;
    }
    return page != NULL;
}

/* In the place of file.c's: a file is gone. */
void file_state_gone(const struct file_state *state)
{
    struct page *page;

    spin_lock(&lock);
    page = page_of(state);
    if (page && --page->users == 0) {
        list_del(&page->link);
    } else {
        page = NULL;
    }
    spin_unlock(&lock);
    if (page) {
        shared_free(page->first, 1);
        free(page);
    }
}
