/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * Process groups.
 *
 * A group is a number that processes have in common; its count of members stands in the pid table
 * at that number, so that the number is no new process's while it has any.  All members are of one
 * family.
 */
#include "hv/proc_parts.h"
#include "hv/vcpu.h"

void group_join(struct vm *vm, u32 group)
{
    struct pid_slot *slot = pid_slot(group);

    slot->members++;
    slot->live++;
    vm->group = group;
}

void group_end(const struct vm *vm)
{
    pid_slot(vm->group)->live--;
}

void group_leave(struct vm *vm)
{
    struct pid_slot *slot = pid_slot(vm->group);

    slot->members--;
    pid_drop(slot);
}

bool group_has_member(struct vm *caller, u64 group)
{
    const struct vm *leader = proc_of_family(family_of(caller), group);

    if (caller->group == group ||
        (leader != NULL && leader->group == group && in_tree_of(leader, caller)))
        return true;
    for (const struct vm *vm = caller; vm != NULL; vm = proc_after((struct vm *)vm, caller)) {
        if (vm->group == group)
            return true;
    }
    return false;
}

/* The family's lock is held. */
static enum err set_group(struct vm *caller, u64 pid, u64 group)
{
    struct vm *vm = pid == 0 ? caller : proc_of_family(family_of(caller), pid);

    if (vm == NULL || !in_tree_of(vm, caller))
        return proc_unknown(caller);
    if ((vm != caller && vm->parent != caller) || vm->zombie)
        return ERR_CHILD;
    if (group == 0)
        group = vm->pid;
    if (group != vm->pid && !group_has_member(caller, group))
        return ERR_PERM;
    if (group == vm->group)
        return ERR_OK;
    group_end(vm);
    group_leave(vm);
    group_join(vm, (u32)group);
    return ERR_OK;
}

/*
 * proc_setpgid - put the caller or a child into a group.
 *
 * ERR_PERM: no such group in the caller's tree, or a pid that it may not know of.  ERR_CHILD: not
 * itself and not a live child.
 */
enum err proc_setpgid(struct vcpu *vcpu, u64 pid, u64 group)
{
    struct vm *caller = vcpu->vm;
    enum err err;

    family_lock(family_of(caller));
    err = set_group(caller, pid, group);
    family_unlock(family_of(caller));
    return err;
}

enum err proc_getpgid(struct vcpu *vcpu, u64 pid, u32 *group)
{
    struct vm *vm = proc_lock(vcpu->vm, pid == 0 ? vcpu->vm->pid : pid);

    if (vm == NULL)
        return proc_unknown(vcpu->vm);
    *group = vm->group;
    family_unlock(family_of(vm));
    return ERR_OK;
}
