/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The process extension as a payload calls it.  Results are SBI's: a negative error, else the
 * value.  Without the extension (bare) everything is SBI_ERR_NOT_SUPPORTED.
 */
#include "lib/kit/types.h"
#include "sbi/proc.h"

enum proc_door { PROC_DOOR_ECALL, PROC_DOOR_INVALID, PROC_DOOR_MMIO };

/* How many forks lie between the first process and this one. */
extern u32 proc_forks;

bool proc_available(void);
long proc_fork(enum proc_door door, u64 flags);
__noreturn void proc_exit(int status);
long proc_wait(long pid, u64 flags, unsigned *status);
long proc_getpid(void);
long proc_getppid(void);
long proc_entropy(void *to, u64 bytes);
long proc_inspect(long pid, struct proc_record *record);
