/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Waiting for a word of guest memory to change: PROC_WAIT_ON and PROC_WAKE.  See futex.c. */
#include "lib/kit/err.h"
#include "lib/riscv/ops.h"

struct vcpu;
struct vm;

/*
 * ERR_OK: the word differs, or it was woken.  ERR_STATE: block until `*deadline`, then call again.
 * ERR_TIMEOUT, ERR_INTR, ERR_INVAL, ERR_FAULT, ERR_NOMEM, ERR_QUOTA: as sbi/proc.h has them.
 */
__must_check enum err futex_wait_on(struct vcpu *vcpu, gpa_t gpa, u32 expected, u64 timeout,
                                    u64 *deadline);
/* Up to n waiters go on; *woken says how many. */
__must_check enum err futex_wake(struct vcpu *vcpu, gpa_t gpa, u64 n, u64 *woken);
/* The VM is about to end or to be replaced: nobody waits for it any more. */
void futex_forget(struct vm *vm);
