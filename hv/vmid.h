/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* Which VMID a vCPU's translations carry, and how to make them unreachable.  See vmid.c. */
#include "lib/riscv/ops.h"

struct vmid {
    u64 generation; /* of the hart's numbering; 0: none */
    u32 hart;       /* index of the hart on which the number holds */
    u32 number;
    u32 running; /* that hart has the number in hgatp, or is about to */
};

/* How many bits hgatp.VMID has; once, before any vCPU is loaded. */
void vmid_init(u32 bits);

/* Puts root and a valid VMID into this hart's hgatp. */
void vmid_load(struct vmid *id, hpa_t root);

/* The vCPU has left this hart; hgatp translates nothing any more. */
void vmid_unload(struct vmid *id);

/* After this, nobody uses a translation made before the caller's last table stores. */
void vmid_fence(struct vmid *id);
void vmid_fence_page(struct vmid *id, gpa_t gpa);

/* The vCPU forgets what its guest's own tables said: sfence.vma on it, and fence.i. */
void vmid_fence_vs(struct vmid *id);
void vmid_fence_code(struct vmid *id);
