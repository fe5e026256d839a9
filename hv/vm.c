/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtual machine: memory, vCPUs and devices, made, cloned, reset and taken apart together.
 *
 * A VM has vCPU 0 in it; five are cut from 16 KiB, and three further vCPUs from a frame.  Nothing
 * here runs a guest or knows of processes: proc.c does.
 */
#include "hv/vm.h"

#include <string.h>

#include "lib/kit/words.h"

#include "hv/cell.h"
#include "hv/disk.h"
#include "hv/frame.h"
#include "hv/load.h"
#include "hv/panic.h"
#include "hv/program.h"

_Static_assert(sizeof(struct vm_next) <= PAGE_BYTES, "a frame");
_Static_assert(sizeof(((struct vm *)0)->name) == sizeof(((struct program *)0)->name), "a name");
_Static_assert(offsetof(struct vm, console.line) % 8 == 0, "clear_words()");
_Static_assert(sizeof(struct vm) <= CELL_VM_BYTES, "a VM is a cell");
_Static_assert(sizeof(struct vcpu) <= CELL_VCPU_BYTES, "a vCPU beyond the first is a cell");

static void free_vcpus(struct vm *vm)
{
    for (u32 i = 1; i < vm->vcpus; i++) {
        if (vm->vcpu[i] != NULL)
            cell_give(CELL_VCPU, vm->vcpu[i]);
        vm->vcpu[i] = NULL;
    }
}

/* ERR_NOMEM: none is there. */
static enum err alloc_vcpus(struct vm *vm, u32 count)
{
    vm->vcpus = count;
    vm->vcpu[0] = &vm->boot_vcpu;
    for (u32 i = 1; i < count; i++) {
        vm->vcpu[i] = cell_take(CELL_VCPU);
        if (vm->vcpu[i] == NULL) {
            free_vcpus(vm);
            return ERR_NOMEM;
        }
    }
    return ERR_OK;
}

static void set_program(struct vm *vm, struct program *program)
{
    vm->program = program;
    memcpy(__builtin_assume_aligned(vm->name, 8), __builtin_assume_aligned(program->name, 8),
           sizeof(vm->name));
}

static void begin_vcpu(struct vm *vm)
{
    vcpu_set_entry(vm->vcpu[0], vm->program->entry, 0, vm->program->fdt.v);
}

static void reset_vcpus(struct vm *vm)
{
    for (u32 i = 0; i < vm->vcpus; i++)
        vcpu_init(vm->vcpu[i], vm, i);
    begin_vcpu(vm);
}

/* What the process has used so far goes on. */
static void reset_used_vcpu(struct vcpu *vcpu)
{
    u64 run_ticks = vcpu->run_ticks, vmexits[CAUSE_COUNT];

    memcpy(vmexits, vcpu->vmexits, sizeof(vmexits));
    vcpu_init(vcpu, vcpu->vm, vcpu->id);
    vcpu->run_ticks = run_ticks;
    memcpy(vcpu->vmexits, vmexits, sizeof(vmexits));
}

static struct vm *alloc_vm(u32 vcpus)
{
    struct vm *vm = cell_take(CELL_VM);

    if (vm == NULL)
        return NULL;
    clear_words(vm, offsetof(struct vm, console.line));
    list_init(&vm->children);
    list_init(&vm->sibling);
    if (alloc_vcpus(vm, vcpus) != ERR_OK) {
        vm_free(vm);
        return NULL;
    }
    return vm;
}

static bool open_disk(struct vm *vm, struct vm *parent)
{
    vm->disk = parent == NULL ? disk_open(vm->guest->disk) : disk_clone(parent->disk);
    return vm->disk != NULL;
}

struct vm *vm_create(struct program *program, struct vm *parent)
{
    struct vm *vm = alloc_vm(program->guest->vcpus);

    if (vm == NULL)
        return NULL;
    vm->guest = program->guest;
    set_program(vm, program);
    vm->control = parent == NULL && vm->guest->control;
    if (gstage_create_from(&vm->gs, &program->gs, &program->backing, vm->vcpus,
                           parent == NULL ? NULL : &parent->gs) != ERR_OK) {
        free_vcpus(vm);
        vm_free(vm);
        return NULL;
    }
    gstage_set_payer(&vm->gs, &vm->tree);
    vm->gs.credit = 0;
    program_get(program);
    reset_vcpus(vm);
    if (vm->vcpus > 1)
        load_attach_devices(vm);
    if ((vm->guest->disk != NULL && !open_disk(vm, parent)) ||
        (parent != NULL && hold_inherit(vm, parent, true) != ERR_OK)) {
        vm_destroy(vm);
        vm_free(vm);
        return NULL;
    }
    return vm;
}

/* The calling vCPU goes on in the child under the same hart id; the others are stopped there. */
static void clone_vcpus(struct vm *child, const struct vcpu *caller)
{
    for (u32 i = 0; i < child->vcpus; i++) {
        if (i == caller->id)
            vcpu_continue(child->vcpu[i], child, caller);
        else
            vcpu_init(child->vcpu[i], child, i);
    }
}

/* The last ones first: the interrupt controller comes before those whose lines go there.  What the
 * parent has never touched, neither has the child. */
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
        vm_free(child);
        return NULL;
    }
    gstage_set_payer(&child->gs, &child->tree);
    set_program(child, parent->program);
    program_get(child->program);
    vcpu_save(vcpu);
    clone_vcpus(child, vcpu);
    if ((parent->disk != NULL && !open_disk(child, parent)) ||
        clone_devices(child, parent) != ERR_OK || hold_inherit(child, parent, false) != ERR_OK) {
        vm_destroy(child);
        vm_free(child);
        return NULL;
    }
    return child;
}

static enum err prepare(struct vm *vm, struct program *program, struct gstage *keep)
{
    hpa_t frame = frame_alloc();
    struct vm_next *next = hpa_ptr(frame);

    if (frame.v == 0)
        return ERR_NOMEM;
    if (gstage_create_from(&next->gs, &program->gs, &program->backing, vm->vcpus, keep) != ERR_OK) {
        frame_put(frame);
        return ERR_NOMEM;
    }
    program_get(program);
    next->program = program;
    vm->next = next;
    return ERR_OK;
}

enum err vm_prepare(struct vm *vm, struct program *program)
{
    return prepare(vm, program, &vm->gs);
}

/* What it began with, again. */
static enum err prepare_again(struct vm *vm)
{
    struct program *again;
    enum err err = program_again(vm->program, &again);

    if (err != ERR_OK)
        return err;
    err = prepare(vm, again, NULL);
    program_put(again);
    return err;
}

static void free_next(struct vm *vm)
{
    frame_put(hpa_of(vm->next));
    vm->next = NULL;
}

enum err vm_reset(struct vm *vm)
{
    bool is_exec = vm->next != NULL;
    enum err err = is_exec ? ERR_OK : prepare_again(vm);

    if (err != ERR_OK)
        return err;
    if (is_exec)
        hold_exec(vm);
    else
        hold_end(vm);
    gstage_replace(&vm->gs, &vm->next->gs);
    program_put(vm->program);
    set_program(vm, vm->next->program);
    free_next(vm);
    for (u32 i = 0; i < vm->vcpus; i++)
        reset_used_vcpu(vm->vcpu[i]);
    begin_vcpu(vm);
    for (u32 i = 0; i < vm->devices; i++)
        vm->device[i].ops->reset(&vm->device[i]);
    return ERR_OK;
}

void vm_destroy(struct vm *vm)
{
    hold_end(vm);
    gstage_destroy(&vm->gs);
    if (vm->next != NULL) {
        gstage_destroy(&vm->next->gs);
        program_put(vm->next->program);
        free_next(vm);
    }
    program_put(vm->program);
    vtransport_end(vm);
    free_vcpus(vm);
}

void vm_free(struct vm *vm)
{
    cell_give(CELL_VM, vm);
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

/*
 * vm_find_device - the device at gpa, or NULL.
 *
 * A VM with one vCPU, which is the caller's, gets its devices only now: most processes touch none
 * but that which ends them.
 */
struct device *vm_find_device(struct vm *vm, gpa_t gpa)
{
    if (unlikely(vm->devices == 0))
        load_attach_devices(vm);
    for (struct device *device = vm->device; device < vm->device + vm->devices; device++) {
        if (gpa.v - device->base.v < device->bytes)
            return device;
    }
    return NULL;
}
