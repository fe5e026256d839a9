/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * virtio over MMIO, version 2, the device's side: eight slots, as QEMU's virt has them.
 *
 *     slot   source   device
 *     0      1        block, where the guest has a disk       vblk.c
 *     6      7        entropy, where hv has random numbers    vrng.c
 *     7      8        console                                 vconsole.c
 *
 * An empty slot has device ID 0.  One struct device covers them all.
 *
 * The state is a frame that the first write brings, so a VM that does not look has none.  Without
 * it every register reads as after reset; where there is no memory for it, they stay so.
 *
 * Invariants, under use.lock: the line of a slot is up exactly if its InterruptStatus is not 0.
 * Nothing of a queue is touched that the driver has not started, or that was broken.  A disk
 * request in flight has memory of the VM's: neither a fork nor a reset nor an end goes on while
 * there is one (vtransport_settle(), write_status()).
 *
 * A store to QueueNotify serves a bounded number of chains.  If there may be more the guest repeats
 * the store: it takes its interrupts, and the hart those of others, between.  So a queue whose
 * driver need not notify is never left before it is empty.
 *
 * A broken queue stops its device, in that VM alone: NEEDS_RESET, an interrupt for the change of
 * the configuration, a line on the console.
 *
 * Registers are 32 bits; at any other width reads are 0 and writes do nothing.  The configuration
 * space never changes.
 *
 * [VIRTIO "MMIO Device Register Layout", "Device Initialization", "Device Status Field"]
 */
#include "hv/dev/vtransport.h"

#include <string.h>

#include "hv/console.h"
#include "hv/dev/dev.h"
#include "hv/disk.h"
#include "hv/frame.h"
#include "hv/sched.h"
#include "hv/vcpu.h"
#include "hv/vm.h"
#include "hv/vmexit.h"

_Static_assert(sizeof(struct vtransport) <= PAGE_BYTES, "a frame");

#define VENDOR_ID       0x52564b46U /* "FKVR" */
#define FEATURES_OF_ALL (VIRTIO_F_VERSION_1 | VIRTIO_F_INDIRECT_DESC | VIRTIO_F_EVENT_IDX)
#define NEVER_OFFERED   (1ULL << 63)
#define STATUS_OF_DRIVER                                                            \
    (VIRTIO_STATUS_ACKNOWLEDGE | VIRTIO_STATUS_DRIVER | VIRTIO_STATUS_FEATURES_OK | \
     VIRTIO_STATUS_DRIVER_OK | VIRTIO_STATUS_FAILED)

static const struct vdev_kind *const kinds[VDEV_COUNT] = {
    [VDEV_BLOCK] = &vblk_kind,
    [VDEV_ENTROPY] = &vrng_kind,
    [VDEV_CONSOLE] = &vconsole_kind,
};

/* What is in a slot; VDEV_COUNT: nothing. */
static enum vdev dev_in(const struct vm *vm, u64 slot)
{
    for (enum vdev dev = 0; dev < VDEV_COUNT; dev++) {
        if (kinds[dev]->slot == slot)
            return kinds[dev]->is_there(vm) ? dev : VDEV_COUNT;
    }
    return VDEV_COUNT;
}

static u64 offered(const struct vm *vm, enum vdev dev)
{
    return FEATURES_OF_ALL | kinds[dev]->features(vm);
}

u64 vtransport_no_config(const struct vm *vm, u64 offset, u32 bytes)
{
    (void)vm;
    (void)offset;
    (void)bytes;
    return 0;
}

u64 vtransport_no_features(const struct vm *vm)
{
    (void)vm;
    return 0;
}

/* ---- for the devices ------------------------------------------------------------------------- */

static void raise(struct vm *vm, enum vdev dev, u32 why)
{
    struct vslot *slot = &vm->virtio.state->slot[dev];

    if (slot->interrupt == 0)
        vplic_set_level(vm, VTRANSPORT_SOURCE + kinds[dev]->slot, true);
    slot->interrupt |= why;
}

static void acknowledge(struct vm *vm, enum vdev dev, u32 what)
{
    struct vslot *slot = &vm->virtio.state->slot[dev];

    if (slot->interrupt == 0)
        return;
    slot->interrupt &= ~what;
    if (slot->interrupt == 0)
        vplic_set_level(vm, VTRANSPORT_SOURCE + kinds[dev]->slot, false);
}

/* Where what was in a place is kept when it has to go: two pages may be wanted by turns. */
static struct vplace *other_place(struct vtransport *state, const struct vplace *place)
{
    return &state->place[(u64)(place - state->place) ^ VTRANSPORT_PLACES / 2];
}

u8 *vtransport_find(struct vtransport *state, u64 gpa, u64 *run)
{
    struct vm *vm = state->memory.arg;
    u64 page = align_down(gpa, PAGE_BYTES);
    struct vplace *place = vtransport_place_of(state, gpa);
    u64 bytes;
    u8 *at = hpa_ptr(gstage_pin(&vm->gs, (gpa_t){page}, &bytes));

    if (at == NULL)
        return NULL;
    *other_place(state, place) = *place;
    *place = (struct vplace){.gpa = page, .bytes = bytes, .at = at};
    *run = bytes - (gpa - page);
    return at + (gpa - page);
}

u8 *vtransport_place_elsewhere(struct vtransport *state, u64 gpa, u64 *run)
{
    const struct vplace *place = other_place(state, vtransport_place_of(state, gpa));
    u64 offset = gpa - place->gpa;

    if (offset >= place->bytes)
        return vtransport_find(state, gpa, run);
    *run = place->bytes - offset;
    return place->at + offset;
}

enum err vtransport_push(struct vm *vm, enum vdev dev, u32 queue, u16 head, u32 written)
{
    struct vtransport *state = vm->virtio.state;
    struct virtq_device *of = &state->slot[dev].queue[queue];
    enum err err = virtq_device_push(of, &state->memory, head, written);

    if (err == ERR_OK && virtq_device_should_interrupt(of))
        raise(vm, dev, VIRTIO_MMIO_INTERRUPT_USED);
    return err;
}

void vtransport_break(struct vm *vm, enum vdev dev)
{
    struct vslot *slot = &vm->virtio.state->slot[dev];

    if (slot->status & VIRTIO_STATUS_NEEDS_RESET)
        return;
    slot->status |= VIRTIO_STATUS_NEEDS_RESET;
    if (slot->status & VIRTIO_STATUS_DRIVER_OK)
        raise(vm, dev, VIRTIO_MMIO_INTERRUPT_CONFIG);
    console_log("pid %u: virtio %s: its driver has broken the rules of the queue; the device "
                "stands still until it is reset",
                (unsigned)vm->pid, kinds[dev]->name);
}

void vtransport_landed(struct vm *vm)
{
    struct vtransport_use *use = &vm->virtio;

    use->in_flight--;
    if (likely(!use->awaited) || use->in_flight > 0)
        return;
    use->awaited = false;
    for (u32 i = 0; i < vm->vcpus; i++)
        sched_wake(vm->vcpu[i]);
}

/* ---- registers ------------------------------------------------------------------------------- */

/* slot is NULL after reset. */
static u32 read_slot(const struct vm *vm, enum vdev dev, const struct vslot *slot, u64 reg)
{
    switch (reg) {
    case VIRTIO_MMIO_DEVICE_FEATURES:
        if (slot == NULL || slot->features_sel == 0)
            return (u32)offered(vm, dev);
        return slot->features_sel == 1 ? (u32)(offered(vm, dev) >> 32) : 0;
    case VIRTIO_MMIO_QUEUE_NUM_MAX:
        return slot == NULL || slot->queue_sel < kinds[dev]->queues ? VTRANSPORT_QUEUE_MAX : 0;
    case VIRTIO_MMIO_QUEUE_READY:
        return slot != NULL && slot->queue_sel < kinds[dev]->queues &&
               slot->queue[slot->queue_sel].ready;
    case VIRTIO_MMIO_INTERRUPT_STATUS: return slot == NULL ? 0 : slot->interrupt;
    case VIRTIO_MMIO_STATUS: return slot == NULL ? 0 : slot->status;
    default: return 0;
    }
}

/* Single words of the state: another vCPU's write is before or after them. */
static u64 vtransport_read(struct device *device, struct vcpu *vcpu, u64 offset, u32 bytes)
{
    struct vm *vm = device->vm;
    enum vdev dev = dev_in(vm, offset / VTRANSPORT_SLOT_BYTES);
    u64 reg = offset % VTRANSPORT_SLOT_BYTES;
    const struct vtransport *state;

    (void)vcpu;
    if (reg >= VIRTIO_MMIO_CONFIG)
        return dev == VDEV_COUNT ? 0 : kinds[dev]->config(vm, reg - VIRTIO_MMIO_CONFIG, bytes);
    if (bytes != sizeof(u32))
        return 0;
    switch (reg) {
    case VIRTIO_MMIO_MAGIC_VALUE: return VIRTIO_MMIO_MAGIC;
    case VIRTIO_MMIO_VERSION: return VIRTIO_MMIO_VERSION_MODERN;
    case VIRTIO_MMIO_DEVICE_ID:
        return dev == VDEV_COUNT ? VIRTIO_DEVICE_NONE : kinds[dev]->device_id;
    case VIRTIO_MMIO_VENDOR_ID: return VENDOR_ID;
    default: break;
    }
    if (dev == VDEV_COUNT)
        return 0;
    state = __atomic_load_n(&vm->virtio.state, __ATOMIC_ACQUIRE);
    return read_slot(vm, dev, state == NULL ? NULL : &state->slot[dev], reg);
}

/* The queue that is selected, while the driver may describe it; or NULL. */
static struct virtq_device *queue_to_set(struct vslot *slot, enum vdev dev)
{
    struct virtq_device *queue = &slot->queue[slot->queue_sel];

    return slot->queue_sel < kinds[dev]->queues && !queue->ready ? queue : NULL;
}

static void set_low(u64 *address, u32 value)
{
    *address = (*address & ~(u64)UINT32_MAX) | value;
}

static void set_high(u64 *address, u32 value)
{
    *address = (*address & UINT32_MAX) | (u64)value << 32;
}

static void describe_queue(struct virtq_device *queue, u64 reg, u32 value)
{
    switch (reg) {
    case VIRTIO_MMIO_QUEUE_NUM: queue->size = value <= VTRANSPORT_QUEUE_MAX ? (u16)value : 0; break;
    case VIRTIO_MMIO_QUEUE_DESC_LOW: set_low(&queue->desc, value); break;
    case VIRTIO_MMIO_QUEUE_DESC_HIGH: set_high(&queue->desc, value); break;
    case VIRTIO_MMIO_QUEUE_DRIVER_LOW: set_low(&queue->avail, value); break;
    case VIRTIO_MMIO_QUEUE_DRIVER_HIGH: set_high(&queue->avail, value); break;
    case VIRTIO_MMIO_QUEUE_DEVICE_LOW: set_low(&queue->used, value); break;
    default: set_high(&queue->used, value); break;
    }
}

/*
 * The driver takes queues away: their memory is its own again when the store is over.  Until what
 * is in flight is done the vCPU waits, and then stores again.
 */
static int when_landed(struct vm *vm, enum vdev dev)
{
    if (dev != VDEV_BLOCK || vm->virtio.in_flight == 0)
        return VERDICT_SKIP;
    vm->virtio.awaited = true;
    return VERDICT_BLOCK;
}

/* Before FEATURES_OK nobody knows how the queue is to be read. */
static int write_ready(struct vm *vm, enum vdev dev, u32 value)
{
    struct vslot *slot = &vm->virtio.state->slot[dev];
    struct virtq_device *queue = &slot->queue[slot->queue_sel];

    if (slot->queue_sel >= kinds[dev]->queues || !(slot->status & VIRTIO_STATUS_FEATURES_OK))
        return VERDICT_SKIP;
    if (value == 0) {
        queue->ready = false;
        return when_landed(vm, dev);
    }
    if (queue->ready)
        return VERDICT_SKIP;
    queue->indirect = (slot->driver_features & VIRTIO_F_INDIRECT_DESC) != 0;
    queue->event_idx = (slot->driver_features & VIRTIO_F_EVENT_IDX) != 0;
    if (virtq_device_start(queue) != ERR_OK)
        vtransport_break(vm, dev);
    return VERDICT_SKIP;
}

static int reset_slot(struct vm *vm, enum vdev dev)
{
    struct vslot *slot = &vm->virtio.state->slot[dev];
    int verdict = when_landed(vm, dev);

    for (u32 i = 0; i < VTRANSPORT_QUEUES; i++)
        slot->queue[i].ready = false;
    if (verdict != VERDICT_SKIP)
        return verdict;
    acknowledge(vm, dev, slot->interrupt);
    memset(slot, 0, sizeof(*slot));
    return VERDICT_SKIP;
}

/* Bits are only added.  FEATURES_OK does not stay if the driver wants what there is not, or an old
 * device; without it there is no DRIVER_OK. */
static int write_status(struct vm *vm, enum vdev dev, u32 value)
{
    struct vslot *slot = &vm->virtio.state->slot[dev];
    u32 status = slot->status | (value & STATUS_OF_DRIVER);

    if (value == 0)
        return reset_slot(vm, dev);
    if ((slot->driver_features & ~offered(vm, dev)) != 0 ||
        !(slot->driver_features & VIRTIO_F_VERSION_1))
        status &= ~VIRTIO_STATUS_FEATURES_OK;
    if (!(status & VIRTIO_STATUS_FEATURES_OK))
        status &= ~VIRTIO_STATUS_DRIVER_OK;
    slot->status = status;
    return VERDICT_SKIP;
}

static void write_features(struct vslot *slot, u32 value)
{
    if (slot->status & VIRTIO_STATUS_FEATURES_OK)
        return;
    if (slot->driver_features_sel == 0)
        set_low(&slot->driver_features, value);
    else if (slot->driver_features_sel == 1)
        set_high(&slot->driver_features, value);
    else if (value != 0)
        slot->driver_features |= NEVER_OFFERED;
}

/* Until there is no chain (ERR_NOENT) or the work is done (ERR_OK, left is 0). */
static enum err serve_chains(struct vm *vm, struct vcpu *vcpu, enum vdev dev, u32 queue,
                             struct vwork *work)
{
    while (work->left > 0) {
        struct virtq_chain chain;
        enum err err = vtransport_pop(vm->virtio.state, dev, queue, &chain);

        if (err == ERR_OK)
            err = kinds[dev]->serve(vm, vcpu, queue, &chain, work);
        if (err != ERR_OK)
            return err;
    }
    return ERR_OK;
}

static int notify(struct vm *vm, struct vcpu *vcpu, enum vdev dev, u32 queue, struct vwork *work)
{
    enum err err;

    if (queue >= kinds[dev]->queues || !vslot_runs(&vm->virtio.state->slot[dev], queue))
        return VERDICT_SKIP;
    err = serve_chains(vm, vcpu, dev, queue, work);
    if (err == ERR_OK)
        return VERDICT_RESUME;
    if (err == ERR_FORMAT)
        vtransport_break(vm, dev);
    return VERDICT_SKIP;
}

static int write_slot(struct vm *vm, enum vdev dev, u64 reg, u32 value)
{
    struct vslot *slot = &vm->virtio.state->slot[dev];
    struct virtq_device *queue;

    switch (reg) {
    case VIRTIO_MMIO_DEVICE_FEATURES_SEL: slot->features_sel = value; break;
    case VIRTIO_MMIO_DRIVER_FEATURES_SEL: slot->driver_features_sel = value; break;
    case VIRTIO_MMIO_DRIVER_FEATURES: write_features(slot, value); break;
    case VIRTIO_MMIO_QUEUE_SEL: slot->queue_sel = value; break;
    case VIRTIO_MMIO_QUEUE_READY: return write_ready(vm, dev, value);
    case VIRTIO_MMIO_INTERRUPT_ACK: acknowledge(vm, dev, value); break;
    case VIRTIO_MMIO_STATUS: return write_status(vm, dev, value);
    case VIRTIO_MMIO_QUEUE_NUM:
    case VIRTIO_MMIO_QUEUE_DESC_LOW:
    case VIRTIO_MMIO_QUEUE_DESC_HIGH:
    case VIRTIO_MMIO_QUEUE_DRIVER_LOW:
    case VIRTIO_MMIO_QUEUE_DRIVER_HIGH:
    case VIRTIO_MMIO_QUEUE_DEVICE_LOW:
    case VIRTIO_MMIO_QUEUE_DEVICE_HIGH:
        queue = queue_to_set(slot, dev);
        if (queue != NULL)
            describe_queue(queue, reg, value);
        break;
    default: break;
    }
    return VERDICT_SKIP;
}

/* A page of the guest's, for its queues; use.lock is held. */
static void *page_of(void *vm, u64 page)
{
    u64 run;

    return vtransport_place(((struct vm *)vm)->virtio.state, page, &run);
}

/* False: no memory. */
static bool make_state(struct vm *vm)
{
    hpa_t frame = frame_alloc();
    struct vtransport *state = hpa_ptr(frame);

    if (frame.v == 0)
        return false;
    memset(state, 0, offsetof(struct vtransport, segment));
    state->memory = (struct virtq_memory){.page = page_of, .arg = vm};
    __atomic_store_n(&vm->virtio.state, state, __ATOMIC_RELEASE);
    return true;
}

/* use.lock is held.  False: there is no state, since the guest has but reset the device, or since
 * there is no memory, which is said once. */
static bool begin(struct vm *vm, u64 reg, u64 value)
{
    if (likely(vm->virtio.state != NULL))
        return true;
    if (reg == VIRTIO_MMIO_STATUS && value == 0)
        return false;
    if (make_state(vm))
        return true;
    if (!vm->virtio.refused)
        console_log("pid %u: no memory for its virtio devices: they do not answer",
                    (unsigned)vm->pid);
    vm->virtio.refused = true;
    return false;
}

static int vtransport_write(struct device *device, struct vcpu *vcpu, u64 offset, u32 bytes,
                            u64 value)
{
    struct vm *vm = device->vm;
    enum vdev dev = dev_in(vm, offset / VTRANSPORT_SLOT_BYTES);
    u64 reg = offset % VTRANSPORT_SLOT_BYTES;
    struct vwork work;
    int verdict = VERDICT_SKIP;

    if (dev == VDEV_COUNT || bytes != sizeof(u32))
        return VERDICT_SKIP;
    work.left = VTRANSPORT_WORK;
    work.ios = 0;
    spin_lock(&vm->virtio.lock);
    if (begin(vm, reg, value))
        verdict = reg == VIRTIO_MMIO_QUEUE_NOTIFY ? notify(vm, vcpu, dev, (u32)value, &work)
                                                  : write_slot(vm, dev, reg, (u32)value);
    spin_unlock(&vm->virtio.lock);
    for (u32 i = 0; i < work.ios; i++)
        disk_start(work.io[i]);
    return verdict;
}

/* All that was typed: it is not much. */
void vtransport_input(struct vcpu *vcpu)
{
    struct vm *vm = vcpu->vm;
    int verdict = VERDICT_RESUME;

    spin_lock(&vm->virtio.lock);
    while (vm->virtio.state != NULL && verdict == VERDICT_RESUME) {
        struct vwork work;

        work.left = VTRANSPORT_WORK;
        work.ios = 0;
        verdict = notify(vm, vcpu, VDEV_CONSOLE, VIRTIO_CONSOLE_RECEIVEQ, &work);
    }
    spin_unlock(&vm->virtio.lock);
}

/* ---- for the VM ------------------------------------------------------------------------------ */

bool vtransport_settle(struct vm *vm)
{
    struct vtransport_use *use = &vm->virtio;
    bool is_settled;

    if (likely(use->state == NULL))
        return true;
    spin_lock(&use->lock);
    is_settled = use->in_flight == 0;
    use->awaited = !is_settled;
    spin_unlock(&use->lock);
    return is_settled;
}

static void drop_state(struct vm *vm)
{
    if (vm->virtio.state != NULL)
        frame_put(hpa_of(vm->virtio.state));
    vm->virtio.state = NULL;
    vm->virtio.refused = false;
}

void vtransport_end(struct vm *vm)
{
    drop_state(vm);
    if (vm->disk != NULL)
        disk_close(vm->disk);
    vm->disk = NULL;
}

void vtransport_count(const struct vm *vm, u64 *owned, u64 *shared)
{
    const struct vtransport_use *use = &vm->virtio;

    *owned += (__atomic_load_n(&use->state, __ATOMIC_RELAXED) != NULL) +
              __atomic_load_n(&use->in_flight, __ATOMIC_RELAXED);
    if (vm->disk != NULL)
        disk_count(vm->disk, owned, shared);
}

/* The disk stays as it is. */
static void vtransport_reset(struct device *device)
{
    drop_state(device->vm);
}

static void forget_places(struct vtransport *state)
{
    memset(state->place, 0, sizeof(state->place));
    for (enum vdev dev = 0; dev < VDEV_COUNT; dev++) {
        for (u32 i = 0; i < kinds[dev]->queues; i++)
            virtq_device_forget(&state->slot[dev].queue[i]);
    }
}

void vtransport_forget(struct vm *vm)
{
    if (vm->virtio.state != NULL)
        forget_places(vm->virtio.state);
}

/*
 * The queues are in memory that was copied: both sides go on with theirs, in pages that are now
 * shared, so each looks for them again.  The child's input is at its end, which it is to be told.
 */
static enum err vtransport_clone(struct device *child, const struct device *parent,
                                 struct vm *child_vm)
{
    struct vm *from = parent->vm;
    struct vtransport *state = from->virtio.state;

    (void)child;
    if (state == NULL)
        return ERR_OK;
    forget_places(state);
    if (!make_state(child_vm))
        return ERR_NOMEM;
    memcpy(child_vm->virtio.state->slot, state->slot, sizeof(state->slot));
    if (vslot_runs(&child_vm->virtio.state->slot[VDEV_CONSOLE], VIRTIO_CONSOLE_RECEIVEQ)) {
        for (u32 i = 0; i < child_vm->vcpus; i++)
            child_vm->vcpu[i]->pend |= VCPU_PEND_INPUT;
    }
    return ERR_OK;
}

const struct device_ops vtransport_ops = {
    .name = "virtio",
    .read = vtransport_read,
    .write = vtransport_write,
    .reset = vtransport_reset,
    .clone = vtransport_clone,
};
