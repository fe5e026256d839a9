/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/* The fences of a VM's G-stage, for those who change it: which change needs which is in gstage.c.
 */
#include "lib/riscv/fence.h"

#include "hv/gstage.h"
#include "hv/hart.h"

/* This hart forgets gpa under the VMID that it translates with now.  A sibling that ran here before
 * under a VMID of its own finds the right when it faults. */
static inline void fence_page_here(gpa_t gpa)
{
    hfence_gvma_page(gpa, this_hart()->vmid);
}

/*
 * ... all of the VM: it may have cached that there was no table yet, and a fence with an address is
 * for leaves only.
 */
static inline void fence_here(void)
{
    hfence_gvma_vmid(this_hart()->vmid);
}

/* This hart runs the VM, and no other does.  Not so where a device's answer comes to another hart.
 */
static inline bool runs_here_alone(const struct gstage *gs)
{
    const struct vmid *id = &gs->vmid[0];

    return gs->vcpus == 1 && id->running && id->hart == this_hart()->index;
}

/* No hart that runs this VM still translates gpa to the frame it had. */
static inline void fence_replaced(struct gstage *gs, gpa_t gpa)
{
    if (likely(runs_here_alone(gs))) {
        fence_page_here(gpa);
        return;
    }
    for (u32 i = 0; i < gs->vcpus; i++)
        vmid_fence_page(&gs->vmid[i], gpa);
}

/* The vCPUs of this VM on other harts: as fence_code(). */
void fence_code_elsewhere(const struct gstage *gs);

/* Guest code may be fetched from a page that was just written: no hart may use what it prefetched.
 */
static inline void fence_code(const struct gstage *gs)
{
    fence_i();
    if (unlikely(!runs_here_alone(gs)))
        fence_code_elsewhere(gs);
}
