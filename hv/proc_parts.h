/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* What the files of the process extension share: proc.c, signal.c, group.c, foreground.c,
 * inspect.c, limit.c. */
#include "hv/pid.h"
#include "hv/proc.h"
#include "hv/vm.h"

static inline struct vm *vm_of(struct list *node)
{
    return container_of(node, struct vm, sibling);
}

/*
 * Locks the family that vm, which stays, belongs to, whosoever's it is by the time.
 */
static inline void family_lock(struct family *family)
{
    for (;;) {
        struct spinlock *lock = __atomic_load_n(&family->lock, __ATOMIC_ACQUIRE);

        spin_lock(lock);
        if (likely(lock == __atomic_load_n(&family->lock, __ATOMIC_RELAXED)))
            return;
        spin_unlock(lock);
    }
}

static inline void family_unlock(struct family *family)
{
    spin_unlock(family->lock);
}

static inline struct family *family_of(const struct vm *vm)
{
    return &vm->guest->family;
}

/* The family with that number, which exists. */
struct family *family_numbered(u32 number);
/* How many there are. */
u32 family_count(void);

/* The family's lock is held for all that follow. */

/* True if vm is `ancestor` or descends from it. */
static inline bool in_tree_of(const struct vm *vm, const struct vm *ancestor)
{
    while (vm != NULL && vm != ancestor)
        vm = vm->parent;
    return vm != NULL;
}

/* The process after `at` among `top` and all its descendants, zombies as well; NULL at the end. */
struct vm *proc_after(struct vm *at, const struct vm *top);
/* The process `pid` of this family, or NULL. */
struct vm *proc_of_family(const struct family *family, u64 pid);
/* Sets bits of vm->events, and interrupts.  vm is live. */
void proc_raise(struct vm *vm, u32 events);
/* Tells the parent, if there is one, that vm has stopped or continued: status says which. */
void proc_tell_change(struct vm *vm, u32 status);
/* Nothing is to be told any more. */
void proc_forget_change(struct vm *vm);
/* vm, which is live and in no group, becomes a member of one. */
void group_join(struct vm *vm, u32 group);
/* A live process ends: it stays in its group. */
void group_end(const struct vm *vm);
/* A zombie goes, or a live process goes to another group. */
void group_leave(struct vm *vm);
/* True if the caller or a descendant of it is in the group. */
bool group_has_member(struct vm *caller, u64 group);

/* vm, of which nobody finds the machine any more, has no console input from now on; no lock is
 * held. */
void foreground_leave(const struct vm *vm);

/*
 * The process `pid`, if `caller` (NULL: the operator) may know of it, with the family that it
 * belongs to locked.  NULL: nobody, or nobody that it may know of; nothing is locked, and
 * proc_unknown() is what to answer.
 */
struct vm *proc_lock(const struct vm *caller, u64 pid);
static inline enum err proc_unknown(const struct vm *caller)
{
    return caller->control ? ERR_CHILD : ERR_PERM;
}
