/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Whom console input goes to, by group: the leader of the foreground group, or where that is gone
 * its first member; at first pid 1.
 *
 * When that process ends the input goes to another one of the group, or, if there is none, back to
 * the one that gave it away, or, if that is gone as well, to pid 1.  So a shell that is killed, or
 * its job, leaves the console to somebody.
 *
 * Invariant: the console knows only a process that is not `ending`, since it is told with the lock
 * of the process's family held, and an end comes here once nobody can find its machine any more.
 */
#include "hv/console.h"
#include "hv/proc_parts.h"
#include "hv/vcpu.h"

#define FIRST_PID 1U

static u32 foreground = FIRST_PID; /* group; atomic */

/* The family's lock is held. */
static void give(struct vm *to, const struct vm *by)
{
    __atomic_store_n(&foreground, to->group, __ATOMIC_RELAXED);
    console_give_input(to, by);
}

static bool can_read(const struct vm *vm, u32 group)
{
    return vm != NULL && vm->group == group && !vm->ending && !vm->zombie;
}

/* The family's lock is held.  Who in the caller's tree reads for the group, or NULL. */
static struct vm *find_reader(struct vm *caller, u32 group)
{
    struct vm *vm = proc_of_family(family_of(caller), group);

    if (can_read(vm, group) && in_tree_of(vm, caller))
        return vm;
    for (vm = caller; vm != NULL; vm = proc_after(vm, caller)) {
        if (can_read(vm, group))
            return vm;
    }
    return NULL;
}

/* The family's lock is held. */
static bool is_known(const struct vm *caller, u32 group)
{
    u32 owner = __atomic_load_n(&pid_slot(group)->owner, __ATOMIC_RELAXED);

    return caller->control ||
           (owner != 0 && family_numbered(owner)->lock == family_of(caller)->lock);
}

/* ERR_PERM: no live process of that group is in the caller's tree. */
enum err proc_set_foreground(struct vcpu *vcpu, s64 group, u32 *before)
{
    struct vm *caller = vcpu->vm, *to;
    enum err err = ERR_OK;

    family_lock(family_of(caller));
    *before = __atomic_load_n(&foreground, __ATOMIC_RELAXED);
    if (!is_known(caller, *before))
        *before = 0;
    if (group != -1) {
        to = group > 0 && group < PIDS_MAX ? find_reader(caller, (u32)group) : NULL;
        if (to != NULL)
            give(to, caller);
        else
            err = ERR_PERM;
    }
    family_unlock(family_of(caller));
    return err;
}

/* ERR_PERM: it is not of the family, if one is asked for. */
static enum err attach(u32 pid, const struct family *family)
{
    struct vm *vm = proc_lock(NULL, pid);
    enum err err = ERR_OK;

    if (vm == NULL)
        return ERR_CHILD;
    if (family != NULL && family_of(vm) != family)
        err = ERR_PERM;
    else if (vm->ending || vm->zombie)
        err = ERR_STATE;
    else
        give(vm, NULL);
    family_unlock(family_of(vm));
    return err;
}

enum err proc_attach(u32 pid)
{
    return attach(pid, NULL);
}

void foreground_signal(u32 signal)
{
    (void)proc_signal_group(__atomic_load_n(&foreground, __ATOMIC_RELAXED), signal);
}

/* False: nobody else of its group is alive. */
static bool pass(const struct vm *vm)
{
    const struct pid_slot *group = pid_slot(vm->group);
    struct family *family = family_of(vm);
    struct vm *to = NULL;

    family_lock(family);
    for (u32 pid = 1; pid < pid_end() && group->members > 1 && to == NULL; pid++) {
        struct vm *member = proc_of_family(family, pid);

        if (member != vm && can_read(member, vm->group))
            to = member;
    }
    if (to != NULL)
        console_pass_input(to, vm);
    family_unlock(family);
    return to != NULL;
}

/* Who gave it away may be gone, and its pid be another's; then that is a relative at least. */
void foreground_leave(const struct vm *vm)
{
    u32 heir;

    if (likely(!console_has_input(vm, &heir)) || pass(vm))
        return;
    if (heir == 0 || attach(heir, family_of(vm)) != ERR_OK)
        (void)!attach(FIRST_PID, NULL);
}
