/* SPDX-License-Identifier: BSD-2-Clause */
/* IPI: a software interrupt for other vCPUs of the VM.  [SBI "IPI Extension"] */
#include "hv/ecall.h"
#include "hv/hartmask.h"
#include "hv/vm.h"

long sbi_ipi(struct vcpu *vcpu, u64 fid, const u64 *args)
{
    struct vm *vm = vcpu->vm;
    long error;
    u64 set;

    if (fid != SBI_IPI_SEND_IPI)
        return SBI_ERR_NOT_SUPPORTED;
    error = hartmask_parse(args[0], args[1], vm->vcpus, &set);
    if (error != SBI_SUCCESS)
        return error;
    for (u32 i = 0; i < vm->vcpus; i++) {
        if (set >> i & 1)
            vcpu_pend_soft(vm->vcpu[i]);
    }
    vcpu_take_pending(vcpu); /* the caller may have meant itself: nobody else tells it */
    return SBI_SUCCESS;
}
