/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * SRST: the guest ends or restarts its own VM, never the machine.  A shutdown for system failure
 * ends the process as abort() would.  Vendors' types and reasons are not provided.
 *
 * [SBI "System Reset Extension"]
 */
#include "sbi/proc.h"

#include "hv/ecall.h"

long sbi_srst(struct vcpu *vcpu, u64 fid, const u64 *args)
{
    u32 type = (u32)args[0], reason = (u32)args[1];

    if (fid != SBI_SRST_SYSTEM_RESET)
        return SBI_ERR_NOT_SUPPORTED;
    if (type > SBI_SRST_TYPE_WARM_REBOOT || reason > SBI_SRST_REASON_SYSTEM_FAILURE)
        return SBI_ERR_INVALID_PARAM;
    if (type != SBI_SRST_TYPE_SHUTDOWN)
        return ecall_end(vcpu, END_RESET, 0);
    if (reason != SBI_SRST_REASON_NONE)
        return ecall_end(vcpu, END_SIGNAL, PROC_STATUS_SIGNALED(PROC_SIGABRT));
    return ecall_end(vcpu, END_SHUTDOWN, PROC_STATUS_EXITED(0));
}
