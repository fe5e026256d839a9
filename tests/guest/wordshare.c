/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Words whose page becomes shared, and its process's own again, while other vCPUs of the machine
 * wait for them: whoever waits is woken by each change, whichever of both it began to wait for.
 *
 * A waiter has its vCPU for itself, since it waits in the hypervisor.  One whose wake-up is lost
 * runs into its time limit.
 */
#include <pthread.h>
#include <stdio.h>

#include "sbi/ecall.h"

#include "guest/machine.h"
#include "guest/proc.h"

#include "tests/guest/expect.h"

#define WAITERS    3
#define ROUNDS     400
#define PAGE_BYTES 4096
#define LIMIT_S    5

const char *expect_name = "wordshare";

static struct page {
    u32 round; /* 0 after an unshare, until it is written again */
} __attribute__((aligned(PAGE_BYTES))) page;
static u32 seen[WAITERS]; /* elsewhere: unshare does not make them 0 */

static u32 load(const u32 *word)
{
    return __atomic_load_n(word, __ATOMIC_ACQUIRE);
}

/* Until the round is another one than `last`; which it is. */
static u32 wait_for_other(u32 last)
{
    for (;;) {
        u32 now = load(&page.round);
        long error;

        if (now != 0 && now != last) {
            return now;
        }
        error = proc_wait_on(&page.round, now, LIMIT_S * machine_timebase());
        EXPECT(error == 0 || error == PROC_ERR_INTR);
    }
}

static void *wait_rounds(void *of)
{
    u32 *mine = of, last = 0;

    while (last < ROUNDS) {
        last = wait_for_other(last);
        __atomic_store_n(mine, last, __ATOMIC_RELEASE);
    }
    return NULL;
}

static bool all_saw(u32 round)
{
    for (u32 i = 0; i < WAITERS; i++) {
        if (load(&seen[i]) != round) {
            return false;
        }
    }
    return true;
}

/* The word changes between, before and behind what its page becomes. */
static void change(u32 round)
{
    bool shares = round % 2;

    if (round % 3 == 0) {
        __atomic_store_n(&page.round, round, __ATOMIC_RELEASE);
        (void)proc_wake(&page.round, UINT64_MAX);
    }
    EXPECT((shares ? proc_share : proc_unshare)(&page, sizeof(page)) == 0);
    if (round % 3 != 0 || !shares) {
        EXPECT(shares || load(&page.round) == 0);
        __atomic_store_n(&page.round, round, __ATOMIC_RELEASE);
        (void)proc_wake(&page.round, UINT64_MAX);
    }
}

int main(void)
{
    pthread_t thread[WAITERS];

    for (u32 i = 0; i < WAITERS; i++) {
        EXPECT(pthread_create(&thread[i], NULL, wait_rounds, &seen[i]) == 0);
    }
    for (u32 round = 1; round <= ROUNDS; round++) {
        change(round);
        while (!all_saw(round)) {
            __asm__ volatile("nop");
        }
        for (u32 i = round % 7 * 300; i > 0; i--) { /* so that they wait again, or nearly so */
            __asm__ volatile("nop");
        }
    }
    for (u32 i = 0; i < WAITERS; i++) {
        EXPECT(pthread_join(thread[i], NULL) == 0);
    }
    printf("wordshare: ok\n");
    return 0;
}
