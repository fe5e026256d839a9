/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What a process cannot do for itself when it is killed: let go of what others see it hold.
 *
 * A held struct proc_hold is in a shared page, so its place in memory never changes; a hold has a
 * reference to the frame, whatever becomes of the page in the guest.  A VM's holds are in a chain
 * of cells, in no order; one that has none pays a look at a pointer in fork and end.
 *
 * Invariant: each hold of a VM is counted once in `holders` there, unless a guest has written
 * there. Nothing here depends on what guests write.
 *
 * Lock order: holds, then gstage or nothing.  Waiters are woken without a lock.
 */
#include "hv/hold.h"

#include "sbi/proc.h"

#include "hv/cell.h"
#include "hv/frame.h"
#include "hv/futex.h"
#include "hv/gstage.h"
#include "hv/vm.h"

#define SLOTS      7U
#define KEPT       1UL /* in a slot, beside the address: an exec does not end it */
#define HOLD_ALIGN 16UL
#define WAITED     0x80000000U /* in owner: the guests' own */

struct hold_cell {
    struct hold_cell *next;
    u64 slot[SLOTS]; /* the HPA of a struct proc_hold, and KEPT; 0: none */
};
_Static_assert(sizeof(struct hold_cell) <= CELL_BYTES, "it is a cell");
_Static_assert(sizeof(struct proc_hold) == HOLD_ALIGN, "sbi/proc.h");

#define hold_for_each(slot, holds)                                         \
    for (struct hold_cell *cell = (holds)->first; cell; cell = cell->next) \
        for (u64 *slot = cell->slot; slot < cell->slot + SLOTS; slot++)

static struct proc_hold *held(u64 slot)
{
    return hpa_ptr((hpa_t){slot & ~KEPT});
}

/* While it is looked at a waiter may set WAITED, once: a word that changes again is that of guests
 * who break their own lock. */
static void disown(struct proc_hold *hold, u32 pid)
{
    u32 owner = __atomic_load_n(&hold->owner, __ATOMIC_RELAXED);

    for (u32 tries = 0; tries < 2 && (owner & ~WAITED) == pid; tries++) {
        if (__atomic_compare_exchange_n(&hold->owner, &owner, 0, false, __ATOMIC_RELEASE,
                                        __ATOMIC_RELAXED))
            break;
    }
}

static void wake(const u32 *word)
{
    futex_wake_shared(&(struct word_key){.where = (u64)word});
}

/*
 * All who wait look again, after what they wait for has changed: also for a lock that was not the
 * process's, and what it has done before.  It may have been stopped for good before it woke
 * anybody.
 */
static void ring(struct proc_hold *hold, u32 pid)
{
    disown(hold, pid);
    __atomic_fetch_add(&hold->bell, 1, __ATOMIC_RELEASE);
    wake(&hold->owner);
    wake(&hold->bell);
}

/* The hold is in no list any more; its reference ends.  pid 0: the VM never was a process, its fork
 * failed: nobody is told, since the parent has held the same all the time. */
static void let_go(u64 slot, u32 pid)
{
    struct proc_hold *hold = held(slot);

    __atomic_fetch_sub(&hold->holders, 1, __ATOMIC_RELEASE);
    if (likely(pid != 0))
        ring(hold, pid);
    frame_put((hpa_t){align_down(slot, PAGE_BYTES)});
}

static u64 *find(struct holds *holds, u64 where)
{
    hold_for_each(slot, holds) {
        if ((*slot & ~KEPT) == where)
            return slot;
    }
    return NULL;
}

/* An empty slot; NULL: no memory. */
static u64 *find_room(struct holds *holds)
{
    u64 *room = find(holds, 0);
    struct hold_cell *more;

    if (room != NULL)
        return room;
    more = cell_alloc();
    if (more == NULL)
        return NULL;
    *more = (struct hold_cell){.next = holds->first};
    holds->first = more;
    return more->slot;
}

/* Takes over the reference to the frame, if it succeeds. */
static enum err add(struct holds *holds, u64 slot)
{
    u64 *room;

    if (holds->count == PROC_HOLDS_MAX)
        return ERR_QUOTA;
    room = find_room(holds);
    if (room == NULL)
        return ERR_NOMEM;
    *room = slot;
    holds->count++;
    __atomic_fetch_add(&held(slot)->holders, 1, __ATOMIC_RELAXED);
    return ERR_OK;
}

static enum err change(struct vm *vm, u64 where, enum proc_hold_how how)
{
    struct holds *holds = &vm->holds;
    u64 wanted = where | (how == PROC_HOLD_KEPT ? KEPT : 0), *slot, gone = 0;
    enum err err = ERR_OK;
    bool is_new;

    spin_lock(&holds->lock);
    slot = find(holds, where);
    is_new = how != PROC_HOLD_NONE && slot == NULL;
    if (is_new) {
        err = add(holds, wanted);
    } else if (how != PROC_HOLD_NONE) {
        *slot = wanted;
    } else if (slot != NULL) {
        gone = *slot;
        *slot = 0;
        holds->count--;
    }
    spin_unlock(&holds->lock);
    if (gone != 0)
        let_go(gone, vm->pid);
    if (!is_new || err != ERR_OK)
        frame_put((hpa_t){align_down(where, PAGE_BYTES)});
    return err;
}

enum err hold_set(struct vm *vm, gpa_t gpa, u64 how)
{
    hpa_t frame;

    if (how > PROC_HOLD_KEPT || gpa.v % HOLD_ALIGN != 0)
        return ERR_INVAL;
    frame = gstage_shared_frame(&vm->gs, gpa);
    if (frame.v == 0)
        return ERR_FAULT;
    return change(vm, frame.v + gpa.v % PAGE_BYTES, (enum proc_hold_how)how);
}

static __attribute__((noinline)) enum err inherit(struct vm *child, const struct vm *parent,
                                                  bool kept_only)
{
    hold_for_each(slot, &parent->holds) {
        if (*slot == 0 || (kept_only && !(*slot & KEPT)))
            continue;
        frame_get((hpa_t){align_down(*slot, PAGE_BYTES)});
        if (add(&child->holds, *slot) != ERR_OK) {
            frame_put((hpa_t){align_down(*slot, PAGE_BYTES)});
            hold_end(child);
            return ERR_NOMEM;
        }
    }
    return ERR_OK;
}

enum err hold_inherit(struct vm *child, const struct vm *parent, bool kept_only)
{
    return likely(parent->holds.first == NULL) ? ERR_OK : inherit(child, parent, kept_only);
}

void hold_exec(struct vm *vm)
{
    hold_for_each(slot, &vm->holds) {
        u64 gone = *slot;

        if (gone & KEPT) {
            ring(held(gone), vm->pid);
        } else if (gone != 0) {
            *slot = 0;
            vm->holds.count--;
            let_go(gone, vm->pid);
        }
    }
}

static __attribute__((noinline)) void end_all(struct vm *vm)
{
    struct hold_cell *next;

    hold_for_each(slot, &vm->holds) {
        if (*slot != 0)
            let_go(*slot, vm->pid);
    }
    for (struct hold_cell *cell = vm->holds.first; cell != NULL; cell = next) {
        next = cell->next;
        cell_free(cell);
    }
    vm->holds = (struct holds){.count = 0};
}

void hold_end(struct vm *vm)
{
    if (unlikely(vm->holds.first != NULL))
        end_all(vm);
}
