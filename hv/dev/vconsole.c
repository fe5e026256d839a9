/* SPDX-License-Identifier: BSD-2-Clause */
/*
 * A virtio console, port 0, on the guest's side of the console.  Output and input are those of its
 * UART, too: who reads first gets a byte, and who asked last is told of the next.
 *
 * Output goes out in portions, between which others have the console: `console_done` is how far the
 * chain is out that comes next.  Input goes into a chain as far as there is any.
 *
 * [VIRTIO "Console Device"]
 */
#include "hv/console.h"
#include "hv/dev/vtransport.h"
#include "hv/vm.h"

#define WORK_BYTES 4U /* that count as a chain */

static enum err put_bytes(struct vm *vm, gpa_t from, u32 bytes)
{
    char text[VTRANSPORT_WORK * WORK_BYTES];
    enum err err = gstage_read(&vm->gs, from, text, bytes);

    if (err != ERR_OK)
        return ERR_FORMAT;
    console_write(vm, text, bytes);
    return ERR_OK;
}

/* ERR_OK with nothing left to do: the chain may not be out yet. */
static enum err put_chain(struct vm *vm, const struct virtq_chain *chain, struct vwork *work)
{
    u64 *done = &vm->virtio.state->slot[VDEV_CONSOLE].console_done;
    u64 skip = *done;

    for (u32 i = 0; i < chain->readable; i++) {
        const struct virtq_segment *segment = &chain->segment[i];

        if (skip >= segment->bytes) {
            skip -= segment->bytes;
            continue;
        }
        while (skip < segment->bytes) {
            u64 left = segment->bytes - skip, may = (u64)work->left * WORK_BYTES;
            u32 now = (u32)(left < may ? left : may);

            if (now == 0)
                return ERR_OK;
            if (put_bytes(vm, (gpa_t){segment->addr + skip}, now) != ERR_OK)
                return ERR_FORMAT;
            work->left -= (now + WORK_BYTES - 1) / WORK_BYTES;
            skip += now;
            *done += now;
        }
        skip = 0;
    }
    *done = 0;
    return vtransport_push(vm, VDEV_CONSOLE, VIRTIO_CONSOLE_TRANSMITQ, chain->head, 0);
}

static enum err transmit(struct vm *vm, const struct virtq_chain *chain, struct vwork *work)
{
    enum err err = put_chain(vm, chain, work);

    if (err != ERR_OK)
        return err;
    if (vm->virtio.state->slot[VDEV_CONSOLE].console_done > 0)
        vtransport_unpop(vm->virtio.state, VDEV_CONSOLE, VIRTIO_CONSOLE_TRANSMITQ);
    else if (work->left > 0)
        work->left--;
    return ERR_OK;
}

static enum err get_bytes(struct vm *vm, struct vcpu *vcpu, struct virtq_segment segment,
                          u32 *written)
{
    u64 run = 0;
    u8 *at = NULL;

    for (; segment.bytes > 0; segment.bytes--, run--) {
        int byte;

        if (run == 0)
            at = vtransport_place(vm->virtio.state, segment.addr, &run);
        if (at == NULL)
            return ERR_FORMAT;
        byte = console_receive(vm, vcpu);
        if (byte == CONSOLE_NONE)
            return ERR_NOENT;
        *at++ = (u8)byte;
        segment.addr++;
        ++*written;
    }
    return ERR_OK;
}

/* ERR_NOENT: there is no more input, and the vCPU will be told of it. */
static enum err get_chain(struct vm *vm, struct vcpu *vcpu, const struct virtq_chain *chain)
{
    u32 written = 0;
    enum err err = ERR_OK, pushed = ERR_OK;

    if (chain->writable == 0)
        return ERR_FORMAT; /* so that each chain takes input */
    for (u32 i = 0; i < chain->writable && err == ERR_OK; i++)
        err = get_bytes(vm, vcpu, chain->segment[chain->readable + i], &written);
    if (err == ERR_NOENT && written == 0)
        vtransport_unpop(vm->virtio.state, VDEV_CONSOLE, VIRTIO_CONSOLE_RECEIVEQ);
    else if (err != ERR_FORMAT)
        pushed = vtransport_push(vm, VDEV_CONSOLE, VIRTIO_CONSOLE_RECEIVEQ, chain->head, written);
    return pushed == ERR_OK ? err : pushed;
}

static enum err serve(struct vm *vm, struct vcpu *vcpu, u32 queue, struct virtq_chain *chain,
                      struct vwork *work)
{
    enum err err;

    if (queue == VIRTIO_CONSOLE_TRANSMITQ)
        return transmit(vm, chain, work);
    err = get_chain(vm, vcpu, chain);
    if (err == ERR_OK)
        work->left--;
    return err;
}

static bool is_there(const struct vm *vm)
{
    (void)vm;
    return true;
}

const struct vdev_kind vconsole_kind = {
    .name = "console",
    .device_id = VIRTIO_DEVICE_CONSOLE,
    .slot = 7,
    .queues = 2,
    .is_there = is_there,
    .features = vtransport_no_features,
    .config = vtransport_no_config,
    .serve = serve,
};
