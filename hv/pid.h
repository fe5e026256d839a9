/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Who has which pid.  See pid.c. */
#include "lib/kit/err.h"
#include "lib/kit/types.h"

#include "hv/limits.h"

struct vm;

/*
 * A pid, and the group of that number.  A pid is taken while owner is not 0: as long as a process
 * or a group has it.  All but owner, which is atomic, is guarded by the lock of the owner's family.
 */
struct pid_slot {
    struct vm *vm; /* NULL: the process is gone, or not there yet */
    u32 owner;     /* number of the guest in whose family it is; 0: the pid is free */
    u32 members;   /* processes in the group, zombies as well */
    u32 live;      /* ... that have not ended */
};

/* The next free pid now belongs to that guest, with nobody in it.  ERR_QUOTA: there is none;
 * ERR_NOMEM. */
__must_check enum err pid_take(u32 owner, u32 *pid);
/* The slot of a pid, or NULL if it was never taken. */
struct pid_slot *pid_slot(u64 pid);
/* No pid from here on was ever taken. */
u32 pid_end(void);
/* Frames that the table occupies; it never shrinks. */
u64 pid_frames(void);

/* Frees the pid if neither a process nor a group has it any more. */
static inline void pid_drop(struct pid_slot *slot)
{
    if (slot->vm == NULL && slot->members == 0)
        __atomic_store_n(&slot->owner, 0, __ATOMIC_RELEASE);
}
