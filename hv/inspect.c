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
#include "hv/timer.h"
#include "hv/vcpu.h"

static u64 started_at; /* time when the run began */

void proc_run_begins(void)
{
    started_at = timer_now();
}

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

/* The family's lock is held; vm is live.  A vCPU that leaves its hart just now may count a slice
 * twice or not at all. */
static u64 run_ticks(const struct vm *vm)
{
    u64 ticks = 0, now = timer_now();

    for (u32 i = 0; i < vm->vcpus; i++) {
        const struct vcpu *vcpu = vm->vcpu[i];

        ticks += vcpu->run_ticks;
        if (vcpu->state == VCPU_RUNNING && now > vcpu->loaded_at)
            ticks += now - vcpu->loaded_at;
    }
    return ticks;
}

/* The family's lock is held; vm is live: its memory and vCPUs stay while the lock is held. */
static void describe_machine(struct vm *vm, struct proc_record *record)
{
    struct gstage_census census = gstage_count(&vm->gs);

    record->run_ticks = run_ticks(vm);
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
    _Static_assert(sizeof(record->name) == sizeof(vm->name), "a name fits");
    memcpy(record->name, vm->name, sizeof(record->name));
    if (vm->ending)
        record->frames_owned = 1;
    else
        describe_machine(vm, record);
}

/* The smallest pid from `pid` on of a process that the caller may know of, or 0. */
static u32 next_seen(const struct vm *caller, u64 pid)
{
    struct family *family = caller == NULL ? NULL : family_of(caller);
    bool any = caller == NULL || caller->control;
    u32 end = pid_end(), found = 0;

    if (family != NULL)
        family_lock(family);
    for (; pid < end && found == 0; pid++) {
        const struct pid_slot *slot = pid_slot(pid);
        const struct vm *vm = slot == NULL ? NULL : __atomic_load_n(&slot->vm, __ATOMIC_RELAXED);

        if (vm == NULL)
            continue;
        if (any || (proc_of_family(family, pid) == vm && in_tree_of(vm, caller)))
            found = (u32)pid;
    }
    if (family != NULL)
        family_unlock(family);
    return found;
}

static bool inspect(const struct vm *caller, u64 pid, struct proc_record *record, u32 *next)
{
    struct vm *vm = proc_lock(caller, pid);

    if (vm != NULL) {
        describe(vm, record);
        family_unlock(family_of(vm));
    }
    *next = pid >= PIDS_MAX ? 0 : next_seen(caller, pid + 1);
    return vm != NULL;
}

void proc_inspect(struct vcpu *vcpu, u64 pid, struct proc_record *record, bool *found, u32 *next)
{
    *found = inspect(vcpu->vm, pid, record, next);
}

bool proc_describe(u32 pid, struct proc_record *record, u32 *next)
{
    return inspect(NULL, pid, record, next);
}

u64 proc_run_since(u32 pid)
{
    struct vm *vm = proc_lock(NULL, pid);
    u64 before, now = 0;

    if (vm == NULL)
        return 0;
    before = vm->run_ticks_seen;
    if (!vm->ending)
        vm->run_ticks_seen = now = run_ticks(vm);
    family_unlock(family_of(vm));
    return now > before ? now - before : 0;
}

static u64 idle_ticks(void)
{
    u64 ticks = 0;

    for (u32 i = 0; i < hart_count(); i++)
        ticks += __atomic_load_n(&hart_at(i)->idle_ticks, __ATOMIC_RELAXED);
    return ticks;
}

void proc_count_machine(struct proc_machine *machine)
{
    u64 kept = table_kept_frames();

    *machine = (struct proc_machine){.version = PROC_MACHINE_VERSION,
                                     .bytes = sizeof(*machine),
                                     .harts = hart_count(),
                                     .processes = proc_count(),
                                     .frames_total = frame_total_count(),
                                     .frames_free = frame_free_count() - kept,
                                     .frames_reclaimable = table_frames() + kept + space_waiting(),
                                     .uptime_ticks = timer_now() - started_at,
                                     .idle_ticks = idle_ticks()};
}
