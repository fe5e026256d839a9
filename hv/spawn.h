/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Images that processes are made of: exec and spawn.  See spawn.c. */
#include "lib/kit/err.h"
#include "lib/riscv/ops.h"

struct vcpu;
struct vm;

/* Where in the caller's memory the image (0 bytes: its name) and the arguments are. */
struct spawn_args {
    gpa_t image;
    u64 image_bytes;
    gpa_t args;
    u64 args_bytes;
};

/*
 * Replaces the VM of `vcpu`.  ERR_OK: vCPU 0 is set up to begin and is this hart's business: the
 * caller of the call never returns to its old place.  ERR_STATE, ERR_BUSY: as proc_fork().
 * ERR_NOENT: no such image.  ERR_INVAL, ERR_FAULT, ERR_NOMEM: nothing changed.
 */
__must_check enum err spawn_exec(struct vcpu *vcpu, const struct spawn_args *args);
/* A child of the VM of `vcpu` that begins with the image.  Errors as above, and ERR_QUOTA. */
__must_check enum err spawn_child(struct vcpu *vcpu, const struct spawn_args *args, u32 *pid);

/* A new process without a parent, in a machine like that of the first guest, with an image of the
 * bundle and without the control right; args as of spawn().  ERR_NOENT, ERR_INVAL, ERR_NOMEM,
 * ERR_QUOTA: there is none. */
__must_check enum err spawn_guest(const char *name, const char *args, u64 args_bytes, u32 *pid);
