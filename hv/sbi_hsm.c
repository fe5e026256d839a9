/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * HSM: the guest starts, stops and suspends its vCPUs.
 *
 * Invariant: while a VM runs only hart_start moves its vCPUs out of VCPU_STOPPED, one at a time
 * (start_lock), so what it has seen stopped stays stopped until it starts it.
 *
 * A suspended vCPU waits as wfi does; its state reads as started, since it is ready at any time.
 *
 * [SBI "Hart State Management Extension"]
 */
#include "lib/kit/spinlock.h"

#include "hv/ecall.h"
#include "hv/sched.h"
#include "hv/vm.h"

static struct spinlock start_lock;

static bool is_stopped(const struct vcpu *vcpu)
{
    return __atomic_load_n(&vcpu->state, __ATOMIC_ACQUIRE) == VCPU_STOPPED;
}

/* A hart starts where it could fetch: an even address in RAM. */
static bool can_start_at(const struct vm *vm, u64 pc)
{
    return pc % 2 == 0 && gstage_is_ram(&vm->gs, (gpa_t){pc});
}

static long hart_start(struct vm *vm, u64 id, u64 pc, u64 opaque)
{
    long error = SBI_ERR_ALREADY_AVAILABLE;

    if (id >= vm->vcpus)
        return SBI_ERR_INVALID_PARAM;
    if (!can_start_at(vm, pc))
        return SBI_ERR_INVALID_ADDRESS;
    spin_lock(&start_lock);
    if (is_stopped(vm->vcpu[id])) {
        vcpu_set_entry(vm->vcpu[id], (gpa_t){pc}, id, opaque);
        sched_start(vm->vcpu[id]);
        error = SBI_SUCCESS;
    }
    spin_unlock(&start_lock);
    return error;
}

static long hart_get_status(const struct vm *vm, u64 id)
{
    if (id >= vm->vcpus)
        return SBI_ERR_INVALID_PARAM;
    return is_stopped(vm->vcpu[id]) ? SBI_HSM_STATE_STOPPED : SBI_HSM_STATE_STARTED;
}

static long suspend_retentive(struct vcpu *vcpu)
{
    vcpu->regs.a0 = SBI_SUCCESS;
    vcpu->regs.a1 = 0;
    return ecall_verdict(VERDICT_WAIT);
}

/* The vCPU starts anew at pc, once the wait is over, which moves its pc by an ecall's 4 bytes. */
static long suspend_non_retentive(struct vcpu *vcpu, u64 pc, u64 opaque)
{
    if (!can_start_at(vcpu->vm, pc))
        return SBI_ERR_INVALID_ADDRESS;
    if (!vcpu->full)
        return ecall_verdict(VERDICT_FULL);
    vcpu_put(vcpu);
    vcpu_set_entry(vcpu, (gpa_t){pc - 4}, vcpu->id, opaque);
    vcpu_load(vcpu);
    return ecall_verdict(VERDICT_WAIT);
}

static long hart_suspend(struct vcpu *vcpu, u32 type, u64 pc, u64 opaque)
{
    switch (type) {
    case SBI_HSM_SUSPEND_RETENTIVE: return suspend_retentive(vcpu);
    case SBI_HSM_SUSPEND_NON_RETENTIVE: return suspend_non_retentive(vcpu, pc, opaque);
    default: return SBI_ERR_INVALID_PARAM;
    }
}

long sbi_hsm(struct vcpu *vcpu, u64 fid, const u64 *args)
{
    switch (fid) {
    case SBI_HSM_HART_START: return hart_start(vcpu->vm, args[0], args[1], args[2]);
    case SBI_HSM_HART_STOP: return ecall_verdict(VERDICT_STOP);
    case SBI_HSM_HART_GET_STATUS: return hart_get_status(vcpu->vm, args[0]);
    case SBI_HSM_HART_SUSPEND: return hart_suspend(vcpu, (u32)args[0], args[1], args[2]);
    default: return SBI_ERR_NOT_SUPPORTED;
    }
}
