/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * mmap() of anonymous memory: whole pages that are zero.  With MAP_SHARED a child that is forked
 * has the same, with MAP_PRIVATE a copy.
 *
 * Files are not mapped (ENODEV), nobody chooses where (MAP_FIXED: EINVAL), and all memory can be
 * read and written, and without the component paging executed: other protections are EINVAL, and
 * mprotect() is ENOSYS.  What was mapped at once is unmapped at once.
 */
#include <errno.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>
#include <sys/mman.h>

#include "lib/kit/list.h"
#include "lib/mem/alloc.h"

#include "guest/libc/shared_sync.h"
#include "guest/pages.h"
#include "guest/shared.h"
#include "guest/spin.h"

struct mapping {
    struct list link; /* of mappings */
    void *first;
    size_t pages;
    bool shared;
};

static struct list mappings = {&mappings, &mappings}; /* guarded by lock */
static struct spin lock;

static int fail(int error)
{
    errno = error;
    return -1;
}

static size_t pages_of(size_t bytes)
{
    return bytes / MEM_PAGE_BYTES + (bytes % MEM_PAGE_BYTES != 0);
}

static int why_not(size_t bytes, int protection, int flags)
{
    int kind = flags & (MAP_SHARED | MAP_PRIVATE);

    if (bytes == 0 || (kind != MAP_SHARED && kind != MAP_PRIVATE) || (flags & MAP_FIXED) ||
        (protection & (PROT_READ | PROT_WRITE)) != (PROT_READ | PROT_WRITE)) {
        return EINVAL;
    }
    return flags & MAP_ANONYMOUS ? 0 : ENODEV;
}

/* EINVAL, ENODEV: above; ENOMEM.  `at`, fd and offset mean nothing. */
void *mmap(void *at, size_t bytes, int protection, int flags, int fd, off_t offset)
{
    bool shared = (flags & MAP_SHARED) != 0;
    int error = why_not(bytes, protection, flags);
    struct mapping *mapping;
    void *first;

    (void)at;
    (void)fd;
    (void)offset;
    if (error) {
        fail(error);
        return MAP_FAILED;
    }
    mapping = malloc(sizeof(*mapping));
    first = !mapping ? NULL
            : shared ? shared_alloc(pages_of(bytes))
                     : pages_alloc(pages_of(bytes), 1);
    if (!first) {
        free(mapping);
        fail(ENOMEM);
        return MAP_FAILED;
    }
    *mapping = (struct mapping){.first = first, .pages = pages_of(bytes), .shared = shared};
    memset(first, 0, mapping->pages * MEM_PAGE_BYTES);
    spin_lock(&lock);
    list_add_tail(&mappings, &mapping->link);
    spin_unlock(&lock);
    return first;
}

/* Out of the list; NULL: there is none of that place and size. */
static struct mapping *take(const void *first, size_t pages)
{
    struct mapping *found = NULL;
    struct list *it;

    spin_lock(&lock);
    list_for_each(it, &mappings) {
        struct mapping *mapping = container_of(it, struct mapping, link);

        if (mapping->first == first && mapping->pages == pages) {
            found = mapping;
            list_del(&mapping->link);
            break;
        }
    }
    spin_unlock(&lock);
    return found;
}

__attribute__((weak)) void mutex_shared_forget(const void *first, size_t bytes)
{
    (void)first;
    (void)bytes;
}

/* EINVAL: it is no whole mapping. */
int munmap(void *at, size_t bytes)
{
    struct mapping *mapping = take(at, pages_of(bytes));

    if (!mapping) {
        return fail(EINVAL);
    }
    if (mapping->shared) {
        mutex_shared_forget(mapping->first, mapping->pages * MEM_PAGE_BYTES);
        shared_free(mapping->first, mapping->pages);
    } else {
        pages_free(mapping->first);
    }
    free(mapping);
    return 0;
}

int mprotect(void *at, size_t bytes, int protection)
{
    (void)at;
    (void)bytes;
    (void)protection;
    return fail(ENOSYS);
}
