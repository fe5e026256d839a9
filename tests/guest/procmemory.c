/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * share, unshare, hold and inspect from a real guest: with arguments that are right, at their
 * limits, and with every kind that is not, which changes nothing.
 */
#include "guest/guest.h"
#include "guest/machine.h"

#include "tests/guest/answers.h"

#define PAGE       4096UL
#define SOME_PAGES 64UL

const char *const answers_of = "procmemory";

static volatile u32 *page;        /* RAM that nobody else uses */
static volatile u8 *pages, *more; /* and some more of it, in one piece */

/* A child's write is seen in a shared page, and nowhere else. */
static bool is_shared(volatile u8 *at)
{
    u8 before = *at;
    long pid = proc_fork(PROC_DOOR_ECALL, 0);

    if (pid == 0) {
        *at = (u8)(before + 1);
        proc_exit(0);
    }
    EXPECT(pid << 32, ask_until(PROC_WAIT, (u64)pid, 0, 0));
    return *at != before;
}

static void bad_ranges(u64 fid)
{
    u64 end = machine_ram().end, base = machine_ram().base, at = (u64)pages;
    const u64 nowhere[][2] = {
        {0,                  PAGE     }, /* devices, then what is not there */
        {0x10000000UL,       PAGE     },
        {0x0c000000UL,       PAGE     },
        {0x100000UL,         PAGE     },
        {1UL << 60,          PAGE     },
        {end,                PAGE     }, /* around the edges of RAM */
        {end - PAGE,         2 * PAGE },
        {base - PAGE,        PAGE     },
        {base - PAGE,        2 * PAGE },
        {at,                 1UL << 40},
        {at,                 -PAGE    }, /* around the end of all */
        {at,                 -at      },
        {-PAGE,              PAGE     },
        {-PAGE,              2 * PAGE },
        {1UL << 63,          1UL << 63},
        {(u64)INT64_MAX + 1, 3UL << 62},
    };
    const u64 crooked[][2] = {
        {at,       0       },
        {at,       1       },
        {at,       PAGE + 8},
        {at + 1,   PAGE    },
        {at + 8,   PAGE    },
        {at,       -1UL    },
        {end - 16, 16      },
    };

    for (u32 i = 0; i < ARRAY_LEN(nowhere); i++)
        EXPECT(SBI_ERR_INVALID_ADDRESS, ask(fid, nowhere[i][0], nowhere[i][1], 0));
    for (u32 i = 0; i < ARRAY_LEN(crooked); i++)
        EXPECT(SBI_ERR_INVALID_PARAM, ask(fid, crooked[i][0], crooked[i][1], 0));
}

static void shares(void)
{
    u64 at = (u64)pages;

    pages[0] = pages[PAGE] = pages[2 * PAGE] = 7;
    bad_ranges(PROC_SHARE);
    bad_ranges(PROC_UNSHARE);
    EXPECT(false, is_shared(pages));
    EXPECT(7, pages[2 * PAGE]);
    EXPECT(0, ask(PROC_SHARE, at, 2 * PAGE, 0));
    EXPECT(0, ask(PROC_SHARE, at + PAGE, 2 * PAGE, 0)); /* one of them again */
    EXPECT(true, is_shared(pages) && is_shared(pages + 2 * PAGE));
    EXPECT(false, is_shared(pages + 3 * PAGE));
    bad_ranges(PROC_SHARE);
    bad_ranges(PROC_UNSHARE);
    EXPECT(8, pages[0]);
    EXPECT(7, pages[PAGE]);
    EXPECT(0, ask(PROC_UNSHARE, at + PAGE, PAGE, 0));
    EXPECT(0, pages[PAGE]);
    EXPECT(false, is_shared(pages + PAGE));
    EXPECT(true, is_shared(pages) && is_shared(pages + 2 * PAGE));
    EXPECT(0, ask(PROC_UNSHARE, at, 3 * PAGE, 0));
}

/* More ranges than a process may have: a hole is one more, but not at an end. */
static void too_many_ranges(void)
{
    u64 at = (u64)pages;

    EXPECT(0, ask(PROC_SHARE, at, SOME_PAGES * PAGE, 0));
    for (u64 i = 1; i + 1 < SOME_PAGES; i += 2)
        EXPECT(0, ask(PROC_UNSHARE, at + i * PAGE, PAGE, 0));
    for (u64 i = 0; i < PROC_SHARED_RANGES_MAX - SOME_PAGES / 2; i++)
        EXPECT(0, ask(PROC_SHARE, (u64)more + (2 * i + 1) * PAGE, PAGE, 0));
    EXPECT(PROC_ERR_QUOTA, ask(PROC_SHARE, (u64)more + (SOME_PAGES + 3) * PAGE, PAGE, 0));
    EXPECT(false, is_shared(more + (SOME_PAGES + 3) * PAGE));
    EXPECT(0, ask(PROC_SHARE, at + PAGE, PAGE, 0)); /* two become one */
    EXPECT(0, ask(PROC_SHARE, (u64)more + (SOME_PAGES + 3) * PAGE, PAGE, 0));
    EXPECT(PROC_ERR_QUOTA, ask(PROC_UNSHARE, at + PAGE, PAGE, 0));
    EXPECT(true, is_shared(pages + PAGE));
    EXPECT(0, ask(PROC_UNSHARE, at, SOME_PAGES * PAGE, 0));
    EXPECT(0, ask(PROC_UNSHARE, (u64)more, 2 * SOME_PAGES * PAGE, 0));
}

/* holders counts this process once. */
static void holds(void)
{
    u64 at = (u64)pages, end = machine_ram().end;
    volatile struct proc_hold *first = (volatile struct proc_hold *)pages;

    EXPECT(SBI_ERR_INVALID_ADDRESS, ask(PROC_HOLD, at, PROC_HOLD_HERE, 0)); /* not shared */
    EXPECT(0, ask(PROC_SHARE, at, 2 * PAGE, 0));
    for (u64 offset = 1; offset < sizeof(struct proc_hold); offset++)
        EXPECT(SBI_ERR_INVALID_PARAM, ask(PROC_HOLD, at + offset, PROC_HOLD_HERE, 0));
    EXPECT(SBI_ERR_INVALID_PARAM, ask(PROC_HOLD, at, PROC_HOLD_KEPT + 1, 0));
    EXPECT(SBI_ERR_INVALID_PARAM, ask(PROC_HOLD, at, -1UL, 0));
    EXPECT(SBI_ERR_INVALID_ADDRESS, ask(PROC_HOLD, end, PROC_HOLD_HERE, 0));
    EXPECT(SBI_ERR_INVALID_ADDRESS, ask(PROC_HOLD, -16UL, PROC_HOLD_HERE, 0));
    EXPECT(SBI_ERR_INVALID_ADDRESS, ask(PROC_HOLD, 0x10000000UL, PROC_HOLD_HERE, 0));
    EXPECT(0, first->holders);
    for (u64 i = 0; i < PROC_HOLDS_MAX; i++)
        EXPECT(0, ask(PROC_HOLD, at + i * sizeof(*first), PROC_HOLD_HERE, 0));
    EXPECT(0, ask(PROC_HOLD, at, PROC_HOLD_KEPT, 0));
    EXPECT(1, first->holders);
    EXPECT(PROC_ERR_QUOTA, ask(PROC_HOLD, at + PAGE, PROC_HOLD_HERE, 0));
    EXPECT(0, ask(PROC_HOLD, at, PROC_HOLD_NONE, 0));
    EXPECT(0, first->holders);
    EXPECT(1, first->bell);
    EXPECT(0, ask(PROC_HOLD, at + PAGE, PROC_HOLD_HERE, 0));
    EXPECT(0, ask(PROC_UNSHARE, at, 2 * PAGE, 0));
}

static void inspects(void)
{
    u64 end = machine_ram().end, self = (u64)proc_getpid();
    static const u64 nowhere[] = {0, 0x10000000UL, 0x0c000000UL, 1UL << 60, -8UL, -1UL};

    for (u32 i = 0; i < ARRAY_LEN(nowhere); i++)
        EXPECT(SBI_ERR_INVALID_ADDRESS, ask(PROC_INSPECT, self, nowhere[i], 8));
    EXPECT(SBI_ERR_INVALID_ADDRESS, ask(PROC_INSPECT, self, end - 8, 16));
    EXPECT(SBI_ERR_INVALID_ADDRESS, ask(PROC_INSPECT, self, machine_ram().base - 4, 8));
    for (u64 bytes = 0; bytes < 8; bytes++)
        EXPECT(SBI_ERR_INVALID_PARAM, ask(PROC_INSPECT, self, (u64)page, bytes));
    page[2] = 5;
    EXPECT(0, ask(PROC_INSPECT, self, (u64)page, 8));
    EXPECT(PROC_RECORD_VERSION, page[0]);
    EXPECT(5, page[2]);
    EXPECT(0, ask(PROC_INSPECT, self, (u64)page, UINT64_MAX));
    EXPECT(self, page[2]);
    EXPECT(0, ask(PROC_INSPECT, UINT64_MAX, 0, 8)); /* nobody: nothing is written */
}

int main(void)
{
    page = machine_take(PAGE);
    pages = machine_take(SOME_PAGES * PAGE);
    more = machine_take(2 * SOME_PAGES * PAGE);
    shares();
    too_many_ranges();
    holds();
    inspects();
    return say_answers();
}
