/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The word is 0, or the pid of the process that has the lock; bit 31, that others wait.  All who
 * wait are woken: the first of them may have been killed.
 *
 * As `owner` of a struct proc_hold that its process holds it is free again when that is killed.
 * Which of its tasks has it, and that handlers of signals do not want it meanwhile, is the
 * process's own affair.
 */
#include "guest/owner.h"

#include "guest/proc.h"

#define WAITED   0x80000000U
#define BARE_PID 1

u32 owner_self(void)
{
    static u32 pid, forks;

    if (pid == 0 || forks != proc_forks) {
        pid = proc_available() ? (u32)proc_getpid() : BARE_PID;
        forks = proc_forks;
    }
    return pid;
}

bool owner_try(u32 *owner)
{
    u32 nobody = 0;

    return __atomic_compare_exchange_n(owner, &nobody, owner_self(), false, __ATOMIC_ACQUIRE,
                                       __ATOMIC_RELAXED);
}

int owner_wait(u32 *owner, u64 deadline, const char *what, enum word_signals signals)
{
    u32 now = __atomic_load_n(owner, __ATOMIC_RELAXED);

    if (now == 0) {
        return 0;
    }
    if (!(now & WAITED)) {
        if (!__atomic_compare_exchange_n(owner, &now, now | WAITED, false, __ATOMIC_RELAXED,
                                         __ATOMIC_RELAXED)) {
            return 0;
        }
        now |= WAITED;
    }
    return word_wait(&(struct word_at){owner, now}, 1, deadline, what, signals);
}

void owner_release(u32 *owner)
{
    if (__atomic_exchange_n(owner, 0, __ATOMIC_RELEASE) & WAITED) {
        word_wake(owner, true);
    }
}

bool owner_is_self(const u32 *owner)
{
    return (__atomic_load_n(owner, __ATOMIC_RELAXED) & ~WAITED) == owner_self();
}
