/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * What hv asks of the firmware below it, by SBI calls.  Remote fences are the firmware's: it serves
 * them in M-mode, so a hart that waits in hv for another never has to answer one itself.
 */
#include "lib/kit/types.h"

void firmware_remote_hfence_gvma_vmid(u64 hart_id, u64 vmid);
/* ... of the VS-stage under the VMID that this hart's hgatp holds. */
void firmware_remote_hfence_vvma(u64 hart_id);
void firmware_remote_fence_i(u64 hart_id);
void firmware_send_ipi(u64 hart_id);
void firmware_set_timer(u64 time);
/* 0, or the SBI's error. */
long firmware_start_hart(u64 hart_id, u64 pc);
/* A byte on the firmware's console. */
void firmware_putchar(u8 byte);
/* Which firmware this is, on the console. */
void firmware_say(void);
