/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * VMIDs are a matter of one hart.  A TLB belongs to a hart, so each hart numbers the vCPUs that it
 * loads by itself, and starts again with a new generation when the numbers are used up.
 *
 * Invariant: a translation that a hart may hold under number n was made by the vCPU whose vmid says
 * (this hart, this hart's generation, n).  It holds because a number's old translations, of both
 * stages, are fenced away when it is given out.  Each vCPU has a number of its own, so siblings on
 * one hart never see each other's VS-stage translations either.
 *
 * To forget everything about a vCPU that does not run is to forget its number: the next load takes
 * a new one.  Where VMIDLEN is 0, every load takes number 0 and fences.
 *
 * [PRIV "Hypervisor Guest Address Translation and Protection Register (hgatp)", "HFENCE.GVMA"]
 */
#include "hv/vmid.h"

#include "lib/riscv/csr.h"
#include "lib/riscv/fence.h"

#include "hv/firmware.h"
#include "hv/hart.h"

static u32 vmid_max;

void vmid_init(u32 bits)
{
    vmid_max = (1U << bits) - 1;
}

/* The vsatp that is live belongs to another vCPU: translate nothing with it meanwhile. */
static void hgatp_set(hpa_t root, u32 number)
{
    vsatp_write(0);
    hgatp_write(HGATP_MODE_SV39X4 | (u64)number << HGATP_VMID_SHIFT | root.v >> PAGE_SHIFT);
}

/*
 * vmid_load - give id a number of this hart if it has none, and set hgatp.
 *
 * vsatp is 0 afterwards: the caller writes the vCPU's own.  `running` is set before the generation
 * is read, and vmid_fence() clears the generation before it reads `running`: one of the two sees
 * the other.
 */
void vmid_load(struct vmid *id, hpa_t root)
{
    struct hart *hart = this_hart();

    __atomic_store_n(&id->running, 1, __ATOMIC_SEQ_CST);
    if (likely(__atomic_load_n(&id->generation, __ATOMIC_SEQ_CST) == hart->vmid_generation &&
               id->hart == hart->index)) {
        hgatp_set(root, id->number);
        return;
    }
    if (hart->vmid_next > vmid_max) {
        hart->vmid_next = 0;
        hart->vmid_generation++;
    }
    id->number = hart->vmid_next++;
    id->hart = hart->index;
    __atomic_store_n(&id->generation, hart->vmid_generation, __ATOMIC_SEQ_CST);
    hgatp_set(root, id->number);
    hfence_gvma_vmid(id->number);
    hfence_vvma_all();
}

void vmid_unload(struct vmid *id)
{
    vsatp_write(0);
    hgatp_write(0);
    __atomic_store_n(&id->running, 0, __ATOMIC_RELEASE);
}

static bool runs_here(const struct vmid *id)
{
    return id->running && id->hart == this_hart()->index;
}

static void fence_elsewhere(struct vmid *id)
{
    __atomic_store_n(&id->generation, 0, __ATOMIC_SEQ_CST);
    if (__atomic_load_n(&id->running, __ATOMIC_SEQ_CST))
        firmware_remote_hfence_gvma_vmid(hart_at(id->hart)->id, id->number);
}

void vmid_fence(struct vmid *id)
{
    if (likely(runs_here(id)))
        hfence_gvma_vmid(id->number);
    else
        fence_elsewhere(id);
}

void vmid_fence_page(struct vmid *id, gpa_t gpa)
{
    if (likely(runs_here(id)))
        hfence_gvma_page(gpa, id->number);
    else
        fence_elsewhere(id);
}
