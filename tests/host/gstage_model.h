/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* VMs that do anything at all, and what must hold of them.  See gstage_model.c. */
#include "hv/gstage.h"

#include "tests/host/tlb_model.h"

struct gstage_run {
    u64 seed, steps;
    u32 harts, frames, vmid_bits;
    u32 sweeps; /* of 100 steps of a vCPU, those that touch up to 2 MiB */
    enum clone_mode mode;
    const struct tlb_site *without; /* this fence does nothing */
    u64 *digest; /* shared memory: of all that guests read; NULL if nobody asks */
};

/* One run, for test_in_child(). */
void gstage_model_run(void *run);
