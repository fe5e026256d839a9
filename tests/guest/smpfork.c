/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A guest of two harts forks while its second one counts: two words, always the second one just
 * behind the first.  In the child only the forking hart goes on: the other is stopped, the words
 * stand still and are one point in time; it can be started again.  In the parent it goes on
 * counting.
 */
#include <stdatomic.h>
#include <stdio.h>

#include "lib/kit/types.h"
#include "sbi/call.h"

#include "guest/guest.h"
#include "guest/hart.h"
#include "guest/machine.h"
#include "guest/proc.h"
#include "guest/timer.h"

#define FORKS       20
#define STILL_MS    2     /* long enough to see a counter move */
#define PATIENCE_MS 20000 /* for a hart that the host has to find time for */

static _Alignas(4096) atomic_ulong first;
static _Alignas(4096) atomic_ulong second; /* on a page of its own */
static atomic_bool stop;
static _Alignas(16) char stacks[8192];
static struct hart other;

static void count(struct hart *hart)
{
    (void)hart;
    while (!atomic_load(&stop)) {
        atomic_fetch_add(&first, 1);
        atomic_fetch_add(&second, 1);
    }
}

static long state_of(u64 id)
{
    return sbi_call(SBI_EID_HSM, SBI_HSM_HART_GET_STATUS, id, 0, 0, 0, 0).value;
}

/* True if the counter moves within ms. */
static bool moves(u64 ms)
{
    u64 before = atomic_load(&first), end = timer_now() + machine_timebase() / 1000 * ms;

    while (atomic_load(&first) == before) {
        if (timer_now() >= end)
            return false;
    }
    return true;
}

static __noreturn void be_child(void)
{
    u64 ahead = atomic_load(&first) - atomic_load(&second);

    if (state_of(other.id) != SBI_HSM_STATE_STOPPED)
        proc_exit(1);
    if (ahead > 1)
        proc_exit(2);
    if (moves(STILL_MS))
        proc_exit(3);
    if (hart_start(&other) != SBI_SUCCESS || !moves(PATIENCE_MS))
        proc_exit(4);
    proc_exit(0);
}

static bool fork_once(void)
{
    long pid = proc_fork(PROC_DOOR_ECALL, 0);
    unsigned status = 0;

    if (pid == 0)
        be_child();
    if (pid < 0 || proc_wait(pid, 0, &status) != pid || status != 0) {
        printf("smpfork: fork %ld, child's status %#x\n", pid, status);
        return false;
    }
    return moves(PATIENCE_MS);
}

int main(void)
{
    u64 ids[2];

    if (machine_harts(ids, 2) != 2) {
        printf("smpfork: give it VCPUS=2\n");
        return 2;
    }
    hart_init(&other, ids[0] == guest_hart_id() ? ids[1] : ids[0], stacks, sizeof(stacks));
    other.run = count;
    if (hart_start(&other) != SBI_SUCCESS || !moves(PATIENCE_MS))
        return 1;
    for (int i = 0; i < FORKS; i++) {
        if (!fork_once())
            return 1;
    }
    printf("smpfork: ok\n");
    return 0;
}
