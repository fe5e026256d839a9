/* SPDX-License-Identifier: BSD-2-Clause */
/* SBI calls to the firmware.  An error from a fence or an IPI to a hart that runs is a broken
 * invariant: there is no way to go on without it. */
#include "hv/firmware.h"

#include "sbi/call.h"

#include "hv/console.h"
#include "hv/panic.h"

static void must(const char *what, struct sbiret ret)
{
    if (unlikely(ret.error != SBI_SUCCESS))
        panic("the firmware refused %s: SBI error %ld", what, ret.error);
}

void firmware_remote_hfence_gvma_vmid(u64 hart_id, u64 vmid)
{
    must("a remote hfence.gvma",
         sbi_call(SBI_EID_RFENCE, SBI_RFENCE_REMOTE_HFENCE_GVMA_VMID, 1, hart_id, 0, -1UL, vmid));
}

void firmware_remote_hfence_vvma(u64 hart_id)
{
    must("a remote hfence.vvma",
         sbi_call(SBI_EID_RFENCE, SBI_RFENCE_REMOTE_HFENCE_VVMA, 1, hart_id, 0, -1UL, 0));
}

void firmware_remote_fence_i(u64 hart_id)
{
    must("a remote fence.i",
         sbi_call(SBI_EID_RFENCE, SBI_RFENCE_REMOTE_FENCE_I, 1, hart_id, 0, 0, 0));
}

void firmware_send_ipi(u64 hart_id)
{
    must("an IPI", sbi_call(SBI_EID_IPI, SBI_IPI_SEND_IPI, 1, hart_id, 0, 0, 0));
}

void firmware_set_timer(u64 time)
{
    must("set_timer", sbi_call(SBI_EID_TIME, SBI_TIME_SET_TIMER, time, 0, 0, 0, 0));
}

long firmware_start_hart(u64 hart_id, u64 pc)
{
    return sbi_call(SBI_EID_HSM, SBI_HSM_HART_START, hart_id, pc, 0, 0, 0).error;
}

/* The legacy call: SBI v1.0 has no other, and who has no console ignores it. */
void firmware_putchar(u8 byte)
{
    sbi_call(SBI_LEGACY_PUTCHAR, 0, byte, 0, 0, 0, 0);
}

/* [SBI "SBI Implementation IDs"]: OpenSBI is 1, its version is major << 16 | minor. */
void firmware_say(void)
{
    long spec = sbi_call(SBI_EID_BASE, SBI_BASE_GET_SPEC_VERSION, 0, 0, 0, 0, 0).value;
    long id = sbi_call(SBI_EID_BASE, SBI_BASE_GET_IMPL_ID, 0, 0, 0, 0, 0).value;
    long version = sbi_call(SBI_EID_BASE, SBI_BASE_GET_IMPL_VERSION, 0, 0, 0, 0, 0).value;

    console_log("firmware %s %ld.%ld, SBI %ld.%ld", id == 1 ? "OpenSBI" : "of another kind",
                version >> 16, version & 0xffff, spec >> 24, spec & 0xffffff);
}
