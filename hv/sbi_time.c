/* SPDX-License-Identifier: BSD-2-Clause */
/* TIME: the guest's next timer interrupt.  [SBI "Timer Extension"] */
#include "hv/ecall.h"

long sbi_time(struct vcpu *vcpu, u64 fid, const u64 *args)
{
    if (fid != SBI_TIME_SET_TIMER)
        return SBI_ERR_NOT_SUPPORTED;
    vcpu_set_timer(vcpu, args[0]);
    return SBI_SUCCESS;
}
