/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * The process extension as a payload calls it.  Results are SBI's: a negative error, else the
 * value.  Without the extension (bare) everything is SBI_ERR_NOT_SUPPORTED.
 */
#include "lib/kit/types.h"
#include "sbi/proc.h"

/* As a shell says that a program ended by a signal. */
#define PROC_SHELL_STATUS 128

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

/* An image in memory, or with 0 bytes its name in the bundle; arguments as sbi/proc.h has them. */
struct proc_image {
    const void *image;
    u64 image_bytes;
    const void *args;
    u64 args_bytes;
};
long proc_exec(const struct proc_image *image); /* returns only if it fails */
long proc_spawn(const struct proc_image *image);

/* Signals and groups. */
long proc_kill(long pid, u64 signal);
long proc_signals(void);
long proc_events(void);
long proc_setpgid(long pid, long group);
long proc_getpgid(long pid);
long proc_foreground(long group);
long proc_keys(long take);
__noreturn void proc_end_by(int signal);

/* Memory that processes share, and words in it. */
long proc_share(const void *memory, u64 bytes);
long proc_unshare(const void *memory, u64 bytes);
long proc_wait_on(const u32 *word, u32 expected, u64 timeout_ticks);
long proc_wake(const u32 *word, u64 n);
long proc_hold(struct proc_hold *hold, enum proc_hold_how how);

long proc_limit(enum proc_limit what, long value);

/* With the control right. */
long proc_trace(long on);
long proc_machine(struct proc_machine *record);
