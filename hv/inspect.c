/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * What inspect and machine tell: records of processes, and of all of them together.
 *
 * A process is described with its family locked, so that its machine stays; its memory is counted
 * by a walk meanwhile.
 */
#include <string.h>

#include "hv/frame.h"
#include "hv/hart.h"
#include "hv/proc_parts.h"
#include "hv/vcpu.h"

/* vcpu->vmexits[] counts interrupts in [0]. */
static enum proc_exit_kind kind_of_cause(u32 cause)
{
    switch (cause) {
    case 0: return PROC_EXITS_INTERRUPT;
    case CAUSE_ECALL_VS: return PROC_EXITS_ECALL;
    case CAUSE_FETCH_GUEST: return PROC_EXITS_FETCH_FAULT;
    case CAUSE_LOAD_GUEST: return PROC_EXITS_LOAD_FAULT;
    case CAUSE_STORE_GUEST: return PROC_EXITS_STORE_FAULT;
    case CAUSE_VIRTUAL: return PROC_EXITS_VINSN;
    case CAUSE_ILLEGAL: return PROC_EXITS_ILLEGAL;
    default: return PROC_EXITS_OTHER;
    }
}

/* The family's lock is held; vm is live: its memory and vCPUs stay while the lock is held. */
static void describe_machine(struct vm *vm, struct proc_record *record)
{
    struct gstage_census census = gstage_count(&vm->gs);

    vtransport_count(vm, &census.owned, &census.shared);
    record->frames_owned = census.owned + vm->vcpus; /* the VM, and each vCPU but the first */
    record->frames_shared = census.shared;
    record->leaves_4k = census.leaves_4k;
    record->leaves_2m = census.leaves_2m;
    record->state = PROC_BLOCKED;
    for (u32 i = 0; i < vm->vcpus; i++) {
        const struct vcpu *vcpu = vm->vcpu[i];

        if (vcpu->state == VCPU_RUNNING || vcpu->state == VCPU_RUNNABLE)
            record->state = PROC_RUNNABLE;
        record->run_ticks += vcpu->run_ticks;
        for (u32 cause = 0; cause < CAUSE_COUNT; cause++)
            record->exits[kind_of_cause(cause)] += vcpu->vmexits[cause];
    }
    if (vm->stopped)
        record->state = PROC_STOPPED;
}

/* The family's lock is held. */
static void describe(struct vm *vm, struct proc_record *record)
{
    *record = (struct proc_record){.version = PROC_RECORD_VERSION,
                                   .bytes = sizeof(*record),
                                   .pid = vm->pid,
                                   .ppid = vm->parent == NULL ? 0 : vm->parent->pid,
                                   .state = PROC_ZOMBIE,
                                   .status = vm->zombie ? vm->status : 0,
                                   .group = vm->group,
                                   .vcpus = vm->vcpus,
                                   .mem_bytes = vm->guest->mem_bytes};
    _Static_assert(sizeof(record->name) >= sizeof(vm->guest->name), "a name fits");
    memcpy(record->name, vm->guest->name, sizeof(vm->guest->name));
    if (vm->ending)
        record->frames_owned = 1;
    else
        describe_machine(vm, record);
}

/* The smallest pid from `pid` on of a process that the caller may know of, or 0. */
static u32 next_seen(const struct vm *caller, u64 pid)
{
    const struct family *family = family_of(caller);
    u32 end = pid_end(), found = 0;

    family_lock(family_of(caller));
    for (; pid < end && found == 0; pid++) {
        const struct pid_slot *slot = pid_slot(pid);
        const struct vm *vm = slot == NULL ? NULL : __atomic_load_n(&slot->vm, __ATOMIC_RELAXED);

        if (vm == NULL)
            continue;
        if (caller->control || (proc_of_family(family, pid) == vm && in_tree_of(vm, caller)))
            found = (u32)pid;
    }
    family_unlock(family_of(caller));
    return found;
}

void proc_inspect(struct vcpu *vcpu, u64 pid, struct proc_record *record, bool *found, u32 *next)
{
    struct vm *caller = vcpu->vm, *vm = proc_lock(caller, pid);

    *found = vm != NULL;
    if (vm != NULL) {
        describe(vm, record);
        family_unlock(family_of(vm));
    }
    *next = pid >= PIDS_MAX ? 0 : next_seen(caller, pid + 1);
}

void proc_count_machine(struct proc_machine *machine)
{
    *machine = (struct proc_machine){.version = PROC_MACHINE_VERSION,
                                     .bytes = sizeof(*machine),
                                     .harts = hart_count(),
                                     .processes = proc_count(),
                                     .frames_total = frame_total_count(),
                                     .frames_free = frame_free_count()};
}
