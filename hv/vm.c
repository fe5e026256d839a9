/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtual machine: memory, vCPUs and devices, made, cloned, reset and taken apart together.
 *
 * A VM is one frame, with vCPU 0 in it; each further vCPU has a frame of its own.  Nothing here
 * runs a guest or knows of processes: proc.c does.
 */
#include "hv/vm.h"

#include <string.h>

#include "hv/disk.h"
#include "hv/frame.h"
#include "hv/load.h"
#include "hv/panic.h"

_Static_assert(sizeof(struct vcpu) <= PAGE_BYTES, "a vCPU beyond the first is one frame");

static void free_vcpus(struct vm *vm)
{
    for (u32 i = 1; i < vm->vcpus; i++) {
        if (vm->vcpu[i] != NULL)
            frame_put(hpa_of(vm->vcpu[i]));
        vm->vcpu[i] = NULL;
    }
}

/* ERR_NOMEM: none is there. */
static enum err alloc_vcpus(struct vm *vm, u32 count)
{
    vm->vcpus = count;
    vm->vcpu[0] = &vm->boot_vcpu;
    for (u32 i = 1; i < count; i++) {
        hpa_t frame = frame_alloc();

        vm->vcpu[i] = frame.v == 0 ? NULL : hpa_ptr(frame);
        if (vm->vcpu[i] == NULL) {
            free_vcpus(vm);
            return ERR_NOMEM;
        }
    }
    return ERR_OK;
}

static void reset_vcpus(struct vm *vm)
{
    for (u32 i = 0; i < vm->vcpus; i++)
        vcpu_init(vm->vcpu[i], vm, i);
    vcpu_set_entry(vm->vcpu[0], vm->guest->entry, 0, vm->guest->fdt.v);
}

static struct vm *alloc_vm(u32 vcpus)
{
    hpa_t frame = frame_alloc();
    struct vm *vm = hpa_ptr(frame);

    if (frame.v == 0)
        return NULL;
    memset(vm, 0, offsetof(struct vm, boot_vcpu));
    list_init(&vm->children);
    list_init(&vm->sibling);
    if (alloc_vcpus(vm, vcpus) != ERR_OK) {
        frame_put(frame);
        return NULL;
    }
    return vm;
}

static bool open_disk(struct vm *vm)
{
    vm->disk = disk_open(vm->guest->disk);
    return vm->disk != NULL;
}

struct vm *vm_create(struct guest *guest)
{
    struct vm *vm = alloc_vm(guest->vcpus);

    if (vm == NULL)
        return NULL;
    vm->guest = guest;
    vm->control = guest->control;
    if (gstage_create(&vm->gs, guest->ram_base, guest->mem_bytes, &guest->backing, vm->vcpus) !=
        ERR_OK) {
        free_vcpus(vm);
        frame_put(hpa_of(vm));
        return NULL;
    }
    reset_vcpus(vm);
    load_attach_devices(vm);
    if (guest->disk != NULL && !open_disk(vm)) {
        vm_destroy(vm);
        vm_free(vm);
        return NULL;
    }
    return vm;
}

/* The calling vCPU goes on in the child under the same hart id; the others are stopped there. */
static void clone_vcpus(struct vm *child, const struct vcpu *caller)
{
    for (u32 i = 0; i < child->vcpus; i++)
        vcpu_init(child->vcpu[i], child, i);
    child->vcpu[caller->id]->regs = caller->regs;
    child->vcpu[caller->id]->csr = caller->csr;
    child->vcpu[caller->id]->fp = caller->fp;
}

/* The last ones first: the interrupt controller comes before those whose lines go there. */
static enum err clone_devices(struct vm *child, const struct vm *parent)
{
    enum err err = ERR_OK;

    child->devices = parent->devices;
    for (u32 i = child->devices; i-- > 0 && err == ERR_OK;) {
        child->device[i] = parent->device[i];
        child->device[i].vm = child;
        err = child->device[i].ops->clone(&child->device[i], &parent->device[i], child);
    }
    return err;
}

struct vm *vm_clone(struct vm *parent, struct vcpu *vcpu, enum clone_mode mode)
{
    struct vm *child = alloc_vm(parent->vcpus);

    if (child == NULL)
        return NULL;
    child->guest = parent->guest;
    if (gstage_clone(&child->gs, &parent->gs, mode) != ERR_OK) {
        free_vcpus(child);
        frame_put(hpa_of(child));
        return NULL;
    }
    vcpu_save(vcpu);
    clone_vcpus(child, vcpu);
    if (clone_devices(child, parent) != ERR_OK) {
        vm_destroy(child);
        vm_free(child);
        return NULL;
    }
    return child;
}

enum err vm_reset(struct vm *vm)
{
    gstage_destroy(&vm->gs);
    if (gstage_create(&vm->gs, vm->guest->ram_base, vm->guest->mem_bytes, &vm->guest->backing,
                      vm->vcpus) != ERR_OK)
        return ERR_NOMEM;
    reset_vcpus(vm);
    for (u32 i = 0; i < vm->devices; i++)
        vm->device[i].ops->reset(&vm->device[i]);
    return ERR_OK;
}

void vm_destroy(struct vm *vm)
{
    gstage_destroy(&vm->gs);
    vtransport_end(vm);
    free_vcpus(vm);
}

void vm_free(struct vm *vm)
{
    frame_put(hpa_of(vm));
}

/* Devices are attached by load.c alone, which sees to it that they do not overlap: what it does
 * wrong is a mistake of ours. */
struct device *vm_attach(struct vm *vm, const struct device_ops *ops, gpa_t base, u64 bytes)
{
    struct device *device = &vm->device[vm->devices];

    assert(vm->devices < DEVICES_MAX);
    assert(ops->read != NULL && ops->write != NULL && ops->reset != NULL && ops->clone != NULL);
    *device = (struct device){.ops = ops, .base = base, .bytes = bytes, .vm = vm};
    ops->reset(device);
    vm->devices++;
    return device;
}

struct device *vm_find_device(struct vm *vm, gpa_t gpa)
{
    for (struct device *device = vm->device; device < vm->device + vm->devices; device++) {
        if (gpa.v - device->base.v < device->bytes)
            return device;
    }
    return NULL;
}
