/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The tree of processes, after all sequences of a few forks, ends, waits and changes of two guests
 * and what descends from them: who has a parent is in the right list of it, a parent lives, and the
 * counts are right.
 *
 * every quick tree     -DSTEPS=5
 * every full longer    -DSTEPS=6
 * every soak longest   -DSTEPS=7
 * break tree     hv/proc.c s/proc_forget_change(child);/;/
 * break tree     hv/proc.c s/list_add_tail(&parent->ended, &vm->sibling)/(void)parent/
 * break tree     hv/proc.c s/child->parent = heir;/;/
 * break tree     hv/proc.c s/leave(child)/(void)child/
 * break tree     hv/proc.c s/child->zombie ? &heir->ended :/child->zombie \&\& false ? NULL :/
 */
#include <setjmp.h>
#include <string.h>

#include "hv/proc.c"

#include "tests/prove/every.h"

#define GUESTS 2U
#define VMS    (GUESTS + STEPS)

static struct vm vms[VMS];
static struct guest guests[GUESTS];
static struct pid_slot slots[VMS + 1];
static u32 next_pid;
static u64 processes;

void panic(const char *format, ...)
{
    (void)format;
    must(false, "panic");
    abort();
}

enum err pid_take(u32 owner, u32 *pid)
{
    slots[next_pid].owner = owner;
    *pid = next_pid;
    return ERR_OK;
}

struct pid_slot *pid_slot(u64 pid)
{
    return pid > VMS ? NULL : &slots[pid];
}

void quota_return_proc(struct tree *tree)
{
    (void)tree;
    processes--;
}

/* vcpus says whether a VM is there. */
void vm_free(struct vm *vm)
{
    must(vm->vcpus == 1, "a process goes once");
    vm->vcpus = 0;
}

/* What others do about it is not looked at. */
void quota_tree_put(struct tree *tree)
{
    (void)tree;
}

void quota_uncommit(u64 frames)
{
    (void)frames;
}

void group_join(struct vm *vm, u32 group)
{
    vm->group = group;
}

void group_end(const struct vm *vm)
{
    (void)vm;
}

void group_leave(struct vm *vm)
{
    (void)vm;
}

void sched_wake(struct vcpu *vcpu)
{
    (void)vcpu;
}

void vcpu_pend_soft(struct vcpu *vcpu)
{
    (void)vcpu;
}

static jmp_buf power_off;

void report_and_power_off(u32 live)
{
    (void)live;
    longjmp(power_off, 1);
}

static void begin(u32 number, struct vm *parent, struct family *family)
{
    struct vm *vm = &vms[number];

    next_pid = number + 1;
    processes++;
    vm->vcpus = 1;
    vm->boot_vcpu.vm = vm;
    vm->vcpu[0] = &vm->boot_vcpu;
    vm->tree = &family->tree;
    must(enter(vm, parent, family) == ERR_OK, "it is entered");
}

static void act(struct vm *vm, u32 what, u32 step)
{
    u64 result;

    if (what == 0) {
        vms[GUESTS + step].guest = vm->guest;
        begin(GUESTS + step, vm, family_of(vm));
    } else if (what == 1) {
        become_zombie(vm, 0);
    } else if (what == 2) {
        (void)!wait_locked(vm->vcpu[0], -1, PROC_WAIT_NOHANG | PROC_WAIT_STOPPED, &result);
    } else {
        proc_tell_change(vm, PROC_STATUS_STOPPED);
    }
}

static bool is_in(const struct list *list, const struct vm *vm)
{
    const struct list *node = list->next;
    bool found = false;

    for (u32 i = 0; i < VMS && node != list; i++, node = node->next)
        found |= node == &vm->sibling;
    must(node == list, "a list ends");
    return found;
}

static void check(const struct vm *parent)
{
    u32 changes = 0;

    for (u32 i = 0; i < VMS; i++) {
        bool is_child = vms[i].vcpus != 0 && vms[i].parent == parent;

        must(is_in(&parent->children, &vms[i]) == (is_child && !vms[i].zombie),
             "a live child is in its parent's list");
        must(is_in(&parent->ended, &vms[i]) == (is_child && vms[i].zombie),
             "a zombie is in its parent's other list");
        changes += is_child && vms[i].change != 0;
    }
    must(parent->changes == changes, "a parent knows how many changed");
}

static void begin_guests(void)
{
    memset(vms, 0, sizeof(vms));
    memset(guests, 0, sizeof(guests));
    memset(slots, 0, sizeof(slots));
    families_used = guests_live = 0;
    first_waits = false;
    processes = 0;
    for (u32 i = 0; i < GUESTS; i++) {
        struct family *family = &guests[i].family;

        vms[i].guest = &guests[i];
        vms[i].is_guest = true;
        family->lock = &family->own;
        family->number = i + 1;
        families[families_used++] = family;
        guests_live++;
        begin(i, NULL, family);
    }
}

/* One of those that live, or NULL if there are none. */
static struct vm *choose_vm(u32 begun)
{
    struct vm *live[VMS];
    u32 count = 0;

    for (u32 i = 0; i < begun; i++) {
        if (vms[i].vcpus != 0 && !vms[i].zombie)
            live[count++] = &vms[i];
    }
    return count == 0 ? NULL : live[choose(count)];
}

static void check_all(void)
{
    u64 count = 0;

    for (u32 i = 0; i < VMS; i++) {
        if (vms[i].vcpus == 0)
            continue;
        count++;
        must(slots[i + 1].vm == &vms[i], "a process has its pid");
        must(vms[i].parent != NULL || !vms[i].zombie, "a zombie has a parent");
        must(vms[i].parent == NULL || (vms[i].parent->vcpus != 0 && !vms[i].parent->zombie),
             "a parent lives");
        if (!vms[i].zombie)
            check(&vms[i]);
    }
    must(processes == count, "processes are counted");
}

static void run(void)
{
    begin_guests();
    if (setjmp(power_off) != 0) {
        check_all();
        return;
    }
    for (u32 step = 0; step < STEPS; step++) {
        struct vm *vm = choose_vm(GUESTS + step);

        if (vm == NULL)
            return;
        act(vm, choose(4), step);
        check_all();
    }
}

int main(void)
{
    run_every(run);
    return 0;
}
