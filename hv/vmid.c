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
 * Code is fenced at every load: what others wrote while the vCPU was away, they need not tell it.
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

static void take_number(struct vmid *id, struct hart *hart)
{
    if (hart->vmid_next > vmid_max) {
        hart->vmid_next = 0;
        hart->vmid_generation++;
    }
    id->number = hart->vmid_next++;
    id->hart = hart->index;
    __atomic_store_n(&id->generation, hart->vmid_generation, __ATOMIC_SEQ_CST);
}

/*
 * vmid_load - give id a number of this hart if it has none, and set hgatp.
 *
 * vsatp is 0, as at boot or as vmid_unload() has left it, so that nothing is looked up under it
 * meanwhile; the caller then writes the vCPU's own.  `running` is set before the generation
 * is read, and vmid_fence() clears the generation before it reads `running`: one of the two sees
 * the other.
 */
void vmid_load(struct vmid *id, hpa_t root)
{
    struct hart *hart = this_hart();
    bool is_new;

    __atomic_store_n(&id->running, 1, __ATOMIC_SEQ_CST);
    is_new = __atomic_load_n(&id->generation, __ATOMIC_SEQ_CST) != hart->vmid_generation ||
             id->hart != hart->index;
    if (unlikely(is_new))
        take_number(id, hart);
    hart->vmid = id->number;
    hgatp_write(HGATP_MODE_SV39X4 | (u64)id->number << HGATP_VMID_SHIFT | root.v >> PAGE_SHIFT);
    fence_i();
    if (unlikely(is_new)) {
        hfence_gvma_vmid(id->number);
        hfence_vvma_all();
    }
}

void vmid_unload(struct vmid *id)
{
    vsatp_write(0);
    hgatp_write(0);
    __atomic_store_n(&id->running, 0, __ATOMIC_RELEASE);
}

/*
 * The fence orders the caller's table stores before the look: if `hart` is stale because the vCPU
 * is just being loaded elsewhere, that load's own fences come after the stores.
 */
static bool runs_here(const struct vmid *id)
{
    __atomic_thread_fence(__ATOMIC_SEQ_CST);
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

/*
 * vmid_fence_vs - the vCPU uses no VS-stage translation made before the caller's last table stores.
 *
 * `id` is of the caller's VM, whose vCPU this hart has loaded.  The firmware's fence is for the
 * VMID in this hart's hgatp, and to the other hart the vCPU is `number`: so this hart takes that
 * number for the time of the call.  Here it is somebody else's number.  vsatp is 0 meanwhile, and
 * what the hart may have looked up under it by itself is fenced away before the somebody can use
 * it.
 */
void vmid_fence_vs(struct vmid *id)
{
    u64 hgatp = hgatp_read(), vsatp = vsatp_read(), number;

    if (runs_here(id)) {
        hfence_vvma_all();
        return;
    }
    __atomic_store_n(&id->generation, 0, __ATOMIC_SEQ_CST);
    if (!__atomic_load_n(&id->running, __ATOMIC_SEQ_CST))
        return;
    number = id->number;
    vsatp_write(0);
    hgatp_write((hgatp & ~HGATP_VMID) | number << HGATP_VMID_SHIFT);
    firmware_remote_hfence_vvma(hart_at(id->hart)->id);
    hgatp_write(hgatp);
    hfence_gvma_vmid(number);
    vsatp_write(vsatp);
}

/* vmid_fence_code - the vCPU fetches no instruction that was overwritten before the call. */
void vmid_fence_code(struct vmid *id)
{
    if (runs_here(id))
        fence_i();
    else if (__atomic_load_n(&id->running, __ATOMIC_SEQ_CST))
        firmware_remote_fence_i(hart_at(id->hart)->id);
}
