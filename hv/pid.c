/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The table of pids: taken in turn, each by one compare-and-swap, without a lock.
 *
 * Pages of the table come into being when the first pid in them is tried.  Pids are given again
 * from the beginning when `limit` is reached; where too many in a row are taken already, the limit
 * is raised instead, so that the table is as large as needed and a look for a free pid short.
 *
 * The first pid is never given again: who had it would get the orphans of others.
 */
#include "hv/pid.h"

#include "lib/riscv/ops.h"

#include "hv/frame.h"

#define SLOTS       (PAGE_BYTES / sizeof(struct pid_slot)) /* in a page */
#define PIDS_FIRST  32768U                                 /* the limit at first */
#define TAKEN_MAX   64U                                    /* so many in a row raise it */
#define FIRST_AGAIN 2U

static struct {
    u32 last;  /* given */
    u32 limit; /* pids are below; 0 at first */
    u32 end;   /* no pid from here on was ever tried */
    u32 frames;
    struct pid_slot *page[PIDS_MAX / SLOTS + 1];
} table;

/* {0}: there is no memory. */
static struct pid_slot *make_page(struct pid_slot **at)
{
    hpa_t frame = frame_alloc();
    struct pid_slot *before = NULL, *page = hpa_ptr(frame);

    if (frame.v == 0)
        return NULL;
    page_zero(frame);
    if (!__atomic_compare_exchange_n(at, &before, page, false, __ATOMIC_ACQ_REL,
                                     __ATOMIC_ACQUIRE)) {
        frame_put(frame);
        return before;
    }
    __atomic_fetch_add(&table.frames, 1, __ATOMIC_RELAXED);
    return page;
}

struct pid_slot *pid_slot(u64 pid)
{
    struct pid_slot *page;

    if (unlikely(pid >= PIDS_MAX))
        return NULL;
    page = __atomic_load_n(&table.page[pid / SLOTS], __ATOMIC_ACQUIRE);
    return page == NULL ? NULL : &page[pid % SLOTS];
}

u32 pid_end(void)
{
    return __atomic_load_n(&table.end, __ATOMIC_RELAXED);
}

u64 pid_frames(void)
{
    return table.frames;
}

static u32 min(u32 a, u32 b)
{
    return a < b ? a : b;
}

static u32 limit_now(void)
{
    u32 limit = __atomic_load_n(&table.limit, __ATOMIC_RELAXED);

    return limit == 0 ? min(PIDS_FIRST, PIDS_MAX) : limit;
}

/* The pid after the last one: each is one hart's to try. */
static u32 next_pid(u32 limit)
{
    u32 last = __atomic_load_n(&table.last, __ATOMIC_RELAXED), next;

    do {
        next = last + 1 < limit ? last + 1 : FIRST_AGAIN;
    } while (!__atomic_compare_exchange_n(&table.last, &last, next, true, __ATOMIC_RELAXED,
                                          __ATOMIC_RELAXED));
    return next;
}

static void raise_end(u32 pid)
{
    u32 end = __atomic_load_n(&table.end, __ATOMIC_RELAXED);

    while (end <= pid && !__atomic_compare_exchange_n(&table.end, &end, pid + 1, true,
                                                      __ATOMIC_RELAXED, __ATOMIC_RELAXED))
        ;
}

/* Another hart may do the same; both double the same limit. */
static void raise_limit(u32 limit)
{
    __atomic_store_n(&table.limit, min(2 * limit, PIDS_MAX), __ATOMIC_RELAXED);
    __atomic_store_n(&table.last, limit - 1, __ATOMIC_RELAXED);
}

enum err pid_take(u32 owner, u32 *taken)
{
    u32 limit = limit_now();

    for (u32 tries = 0; tries < limit; tries++) {
        u32 pid, nobody = 0;
        struct pid_slot *slot;

        if (unlikely(tries % TAKEN_MAX == TAKEN_MAX - 1 && limit < PIDS_MAX)) {
            raise_limit(limit);
            limit = limit_now();
        }
        pid = next_pid(limit);
        slot = pid_slot(pid);
        if (unlikely(slot == NULL)) {
            struct pid_slot *page = make_page(&table.page[pid / SLOTS]);

            if (page == NULL)
                return ERR_NOMEM;
            slot = &page[pid % SLOTS];
        }
        if (likely(__atomic_compare_exchange_n(&slot->owner, &nobody, owner, false,
                                               __ATOMIC_ACQUIRE, __ATOMIC_RELAXED))) {
            raise_end(pid);
            *taken = pid;
            return ERR_OK;
        }
    }
    return ERR_QUOTA;
}
