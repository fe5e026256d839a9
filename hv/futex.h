/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Waiting for a word of guest memory to change: PROC_WAIT_ON and PROC_WAKE.  See futex.c. */
#include "lib/kit/err.h"
#include "lib/kit/list.h"
#include "lib/riscv/ops.h"

#include "hv/gstage.h"

struct vcpu;
struct vm;

/* Who waits for a word: a vCPU, or a process that has registered. */
struct waiter {
    struct list node; /* in its bucket, who came first is first */
    struct word_key key;
    struct vcpu *vcpu; /* NULL: registered */
};

/* A vCPU's, that it blocks with; written by that vCPU, but for WAITING to WOKEN. */
struct word_wait {
    struct waiter waiter;
    enum { WORD_IDLE, WORD_WAITING, WORD_WOKEN } state; /* guarded by the bucket's lock */
    u64 deadline;
};

void futex_init(void);

/*
 * ERR_OK: the word differs, or it was woken.  ERR_STATE: block until `*deadline`, then call again
 * before the guest runs.  ERR_TIMEOUT, ERR_INTR, ERR_INVAL, ERR_FAULT, ERR_NOMEM, ERR_QUOTA: as
 * sbi/proc.h has them.
 */
__must_check enum err futex_wait_on(struct vcpu *vcpu, gpa_t gpa, u32 expected, u64 timeout,
                                    u64 *deadline);
/* Up to n waiters go on; *woken says how many. */
__must_check enum err futex_wake(struct vcpu *vcpu, gpa_t gpa, u64 n, u64 *woken);
/* All who wait for a word in shared memory, which has changed, go on.  Any hart, no lock. */
void futex_wake_shared(const struct word_key *key);
/* All that the VM waits for is woken, since its words may be others from now on.  No other vCPU of
 * it runs. */
void futex_wake_all(struct vm *vm);
/* The VM is about to end or to be replaced: nobody waits for it any more.  No vCPU of it runs but
 * the caller's. */
void futex_forget(struct vm *vm);
