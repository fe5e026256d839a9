/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A load or store outside of RAM: find the device, decode the instruction, let the device answer.
 *
 * What a device never sees, because the guest gets a fault instead: an access that leaves the
 * device or is not aligned to its width, and anything but a plain load or store: atomics,
 * floating-point and fetches have no meaning there.
 *
 * [PRIV "Physical Memory Attributes"]: main memory supports every access, I/O what it says.
 */
#include "hv/mmio.h"

#include "lib/riscv/cause.h"
#include "lib/riscv/insn.h"

#include "hv/fault.h"
#include "hv/trap.h"
#include "hv/vcpu.h"
#include "hv/vm.h"
#include "hv/vmexit.h"

/* x0 and the registers that C may clobber: they are in vcpu->regs in the first half of an exit too.
 */
#define ALWAYS_IN_PLACE 0xf003fcf7U

static bool in_place(const struct vcpu *vcpu, u32 reg)
{
    return (ALWAYS_IN_PLACE >> reg & 1) != 0 || vcpu->full;
}

/* The instruction that did it: from htinst, or from the guest's memory.  False: it is gone. */
static bool decode(const struct vmexit *e, struct insn *insn)
{
    u32 word;

    if (e->htinst != 0) {
        insn_decode_htinst(insn, e->htinst);
        if (likely(insn->kind != INSN_UNKNOWN))
            return true;
    }
    if (!guest_fetch(e->pc, &word))
        return false;
    insn_decode(insn, word);
    return true;
}

static enum verdict load(struct vcpu *vcpu, struct device *device, u64 offset,
                         const struct insn *insn)
{
    u64 raw = device->ops->read(device, vcpu, offset, insn->bytes);

    if (insn->rd != 0)
        vcpu->regs.x[insn->rd] = insn_load_extend(insn, raw);
    vmexit_note(TRACE_DID_MMIO, device->base.v + offset, insn->bytes, 0, raw);
    return vmexit_skip(insn->length);
}

/* The device's verdict counts; VERDICT_SKIP means: by the instruction's length. */
static enum verdict store(struct vcpu *vcpu, struct device *device, u64 offset,
                          const struct insn *insn)
{
    u64 value = vcpu->regs.x[insn->rs2];
    enum verdict verdict;

    if (insn->bytes < 8)
        value &= (1UL << 8 * insn->bytes) - 1;
    vcpu->insn_bytes = insn->length;
    /* Before the write, so that a device may note something better: the doorbell forks. */
    vmexit_note(TRACE_DID_MMIO, device->base.v + offset, insn->bytes | TRACE_MMIO_STORE, 0, value);
    verdict = (enum verdict)device->ops->write(device, vcpu, offset, insn->bytes, value);
    return verdict == VERDICT_SKIP ? vmexit_skip(insn->length) : verdict;
}

enum verdict mmio_serve(struct vcpu *vcpu)
{
    const struct vmexit *e = &vcpu->vmexit;
    struct device *device = vm_find_device(vcpu->vm, e->gpa);
    struct insn insn;
    u64 offset;

    if (device == NULL)
        return fault_elsewhere(vcpu);
    if (unlikely(!decode(e, &insn)))
        return VERDICT_RESUME; /* another vCPU changed the code: let the guest fetch it again */
    if (insn.kind != INSN_LOAD && insn.kind != INSN_STORE)
        return fault_refuse(vcpu);
    if (unlikely(!in_place(vcpu, insn.kind == INSN_LOAD ? insn.rd : insn.rs2)))
        return VERDICT_FULL;
    offset = e->gpa.v - device->base.v - insn.offset;
    if (offset >= device->bytes || insn.bytes > device->bytes - offset || offset % insn.bytes != 0)
        return fault_refuse(vcpu);
    return insn.kind == INSN_LOAD ? load(vcpu, device, offset, &insn)
                                  : store(vcpu, device, offset, &insn);
}
