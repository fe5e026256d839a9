/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * RFENCE: fence.i and sfence.vma on other vCPUs of the VM.
 *
 * Address ranges and ASIDs are widened to everything: a fence may always do more.  The firmware
 * reaches the harts that run the vCPUs, in M-mode; no hart of hv waits for another one to answer,
 * so vCPUs that fence each other cannot deadlock.  Which vCPU runs where, and why one that does not
 * run needs nothing now, is vmid.c's.
 *
 * The fences of guests' guests are not supported: guests have no H extension.
 *
 * [SBI "RFENCE Extension"]
 */
#include "hv/ecall.h"
#include "hv/hartmask.h"
#include "hv/vm.h"

static void fence(struct vmid *id, u64 fid)
{
    if (fid == SBI_RFENCE_REMOTE_FENCE_I)
        vmid_fence_code(id);
    else
        vmid_fence_vs(id);
}

long sbi_rfence(struct vcpu *vcpu, u64 fid, const u64 *args)
{
    struct vm *vm = vcpu->vm;
    long error;
    u64 set;

    if (fid > SBI_RFENCE_REMOTE_SFENCE_VMA_ASID)
        return SBI_ERR_NOT_SUPPORTED;
    error = hartmask_parse(args[0], args[1], vm->vcpus, &set);
    if (error != SBI_SUCCESS)
        return error;
    for (u32 i = 0; i < vm->vcpus; i++) {
        if (set >> i & 1)
            fence(&vm->gs.vmid[i], fid);
    }
    return SBI_SUCCESS;
}
