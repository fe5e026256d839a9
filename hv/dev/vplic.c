/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * The guest's platform-level interrupt controller, laid out as QEMU's virt has it: 95 sources, 7
 * priorities, and the contexts of hart n at 2n (M-mode, which a guest has not: reserved) and 2n + 1
 * (S-mode).  All sources are level-triggered.
 *
 *     line ──▶ gateway ──▶ pending ──claim──▶ in service ──complete──▶ gateway open again
 *
 * Invariants, under the lock: a source whose line is up is pending or in service; it is never both.
 * vcpu->external is whether the vCPU's context has something pending that is enabled and above its
 * threshold.
 *
 * A request stays pending when its line falls.  A claim does not look at the threshold.  Registers
 * are 32 bits; of reserved registers, and at any other width, reads are 0 and writes do nothing.
 *
 * [PLIC "Memory Map", "Interrupt Gateways", "Interrupt Claim Process", "Interrupt Completion"]
 */
#include "hv/dev/vplic.h"

#include <string.h>

#include "lib/drv/plic.h"

#include "hv/dev/dev.h"
#include "hv/vm.h"
#include "hv/vmexit.h"

_Static_assert(VPLIC_SOURCES == PLIC_VIRT_SOURCES + 1, "as on virt");

#define NO_CONTEXT UINT64_MAX

static bool has(const u32 *set, u32 source)
{
    return (set[source / 32] >> source % 32 & 1) != 0;
}

static void add(u32 *set, u32 source)
{
    set[source / 32] |= 1U << source % 32;
}

static void drop(u32 *set, u32 source)
{
    set[source / 32] &= ~(1U << source % 32);
}

/* The pending source with the highest priority above `above` that the vCPU has enabled, of several
 * the lowest; 0: none. */
static u32 most_urgent(const struct vplic *plic, u64 vcpu, u32 above)
{
    u32 found = 0;

    for (u32 word = 0; word < VPLIC_WORDS; word++) {
        u32 left = plic->pending[word] & plic->enabled[vcpu][word];

        for (; left != 0; left &= left - 1) {
            u32 source = word * 32 + (u32)__builtin_ctz(left);

            if (plic->priority[source] > above) {
                above = plic->priority[source];
                found = source;
            }
        }
    }
    return found;
}

/* plic_use.lock is held. */
static void update(struct vm *vm)
{
    for (u32 i = 0; i < vm->vcpus; i++)
        vcpu_set_external(vm->vcpu[i], most_urgent(&vm->plic, i, vm->plic.threshold[i]) != 0);
}

/* Takes the lock; all is zero at the first time. */
static void begin(struct vm *vm)
{
    spin_lock(&vm->plic_use.lock);
    if (unlikely(!vm->plic_use.begun)) {
        memset(&vm->plic, 0, sizeof(vm->plic));
        vm->plic_use.begun = true;
    }
}

static void end(struct vm *vm)
{
    spin_unlock(&vm->plic_use.lock);
}

void vplic_set_level(struct vm *vm, u32 source, bool raised)
{
    struct vplic *plic = &vm->plic;

    begin(vm);
    if (!raised) {
        drop(plic->level, source);
    } else if (!has(plic->level, source)) {
        add(plic->level, source);
        if (!has(plic->in_service, source) && !has(plic->pending, source)) {
            add(plic->pending, source);
            update(vm);
        }
    }
    end(vm);
}

/* ---- registers ------------------------------------------------------------------------------- */

static u32 claim(struct vm *vm, u64 vcpu)
{
    u32 source = most_urgent(&vm->plic, vcpu, 0);

    if (source != 0) {
        drop(vm->plic.pending, source);
        add(vm->plic.in_service, source);
        update(vm);
    }
    return source;
}

/* Any context that has the source enabled may, also one that has not claimed it. */
static void complete(struct vm *vm, u64 vcpu, u64 source)
{
    struct vplic *plic = &vm->plic;
    u32 id = (u32)source;

    if (source >= VPLIC_SOURCES || !has(plic->enabled[vcpu], id) || !has(plic->in_service, id))
        return;
    drop(plic->in_service, id);
    if (has(plic->level, id)) {
        add(plic->pending, id);
        update(vm);
    }
}

/* The vCPU of a context: NO_CONTEXT if it is M-mode's, or of a hart that there is not. */
static u64 vcpu_of(const struct vm *vm, u64 context)
{
    return context % 2 == 1 && context / 2 < vm->vcpus ? context / 2 : NO_CONTEXT;
}

/* The word of a set that a register is; NULL: reserved.  The first word has no source 0. */
static u32 *word_at(struct vm *vm, u64 offset)
{
    u64 in_context = offset % PLIC_ENABLE_BYTES, vcpu;

    if (in_context / sizeof(u32) >= VPLIC_WORDS)
        return NULL;
    if (offset < PLIC_ENABLE)
        return offset - PLIC_PENDING < PLIC_ENABLE_BYTES
                   ? &vm->plic.pending[in_context / sizeof(u32)]
                   : NULL;
    vcpu = vcpu_of(vm, (offset - PLIC_ENABLE) / PLIC_ENABLE_BYTES);
    return vcpu == NO_CONTEXT ? NULL : &vm->plic.enabled[vcpu][in_context / sizeof(u32)];
}

static u64 read_context(struct vm *vm, u64 offset)
{
    u64 vcpu = vcpu_of(vm, offset / PLIC_CONTEXT_BYTES);

    if (vcpu == NO_CONTEXT)
        return 0;
    switch (offset % PLIC_CONTEXT_BYTES) {
    case PLIC_THRESHOLD: return vm->plic.threshold[vcpu];
    case PLIC_CLAIM: return claim(vm, vcpu);
    default: return 0;
    }
}

static void write_context(struct vm *vm, u64 offset, u64 value)
{
    u64 vcpu = vcpu_of(vm, offset / PLIC_CONTEXT_BYTES);

    if (vcpu == NO_CONTEXT)
        return;
    switch (offset % PLIC_CONTEXT_BYTES) {
    case PLIC_THRESHOLD:
        vm->plic.threshold[vcpu] = value & VPLIC_PRIORITY_MAX;
        update(vm);
        break;
    case PLIC_CLAIM: complete(vm, vcpu, value); break;
    default: break;
    }
}

/* plic_use.lock is held. */
static u64 read_register(struct vm *vm, u64 offset)
{
    u64 source = offset / sizeof(u32);
    const u32 *word;

    if (offset >= PLIC_CONTEXT)
        return read_context(vm, offset - PLIC_CONTEXT);
    if (offset < PLIC_PENDING)
        return source < VPLIC_SOURCES ? vm->plic.priority[source] : 0;
    word = word_at(vm, offset);
    return word == NULL ? 0 : *word;
}

/* plic_use.lock is held. */
static void write_register(struct vm *vm, u64 offset, u64 value)
{
    u64 source = offset / sizeof(u32);
    u32 *word;

    if (offset >= PLIC_CONTEXT) {
        write_context(vm, offset - PLIC_CONTEXT, value);
    } else if (offset < PLIC_PENDING) {
        if (source > 0 && source < VPLIC_SOURCES)
            vm->plic.priority[source] = value & VPLIC_PRIORITY_MAX;
        update(vm);
    } else if (offset >= PLIC_ENABLE) {
        word = word_at(vm, offset);
        if (word != NULL)
            *word = (u32)value & (offset % PLIC_ENABLE_BYTES == 0 ? ~1U : ~0U);
        update(vm);
    }
}

static u64 vplic_read(struct device *dev, struct vcpu *vcpu, u64 offset, u32 bytes)
{
    u64 value;

    (void)vcpu;
    if (bytes != sizeof(u32))
        return 0;
    begin(dev->vm);
    value = read_register(dev->vm, offset);
    end(dev->vm);
    return value;
}

static int vplic_write(struct device *dev, struct vcpu *vcpu, u64 offset, u32 bytes, u64 value)
{
    (void)vcpu;
    if (bytes == sizeof(u32)) {
        begin(dev->vm);
        write_register(dev->vm, offset, value);
        end(dev->vm);
    }
    return VERDICT_SKIP;
}

/* The vCPUs are reset, too: none has an interrupt. */
static void vplic_reset(struct device *dev)
{
    dev->vm->plic_use.begun = false;
}

/* What is pending or in service is so in both, and each completes its own. */
static enum err vplic_clone(struct device *child, const struct device *parent, struct vm *child_vm)
{
    struct vm *from = parent->vm;

    (void)child;
    if (!__atomic_load_n(&from->plic_use.begun, __ATOMIC_RELAXED))
        return ERR_OK; /* the VM is stopped, and its lines begin with it */
    spin_lock(&from->plic_use.lock);
    child_vm->plic = from->plic;
    spin_unlock(&from->plic_use.lock);
    child_vm->plic_use.begun = true;
    update(child_vm);
    return ERR_OK;
}

const struct device_ops vplic_ops = {
    .name = "plic",
    .read = vplic_read,
    .write = vplic_write,
    .reset = vplic_reset,
    .clone = vplic_clone,
};
