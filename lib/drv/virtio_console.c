/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtio console's port 0, output only and polled; see virtio_console.h. */
#include "lib/drv/virtio_console.h"

/*
 * virtio_console_open - bring up the transmit queue of the console in the slot at base.
 *
 * The struct must stay where it is, since the device reads the ring in it.
 *
 * ERR_NOENT    there is no console in this slot (ask the next one)
 * ERR_NOSUPP   it is a legacy device, or lacks what is needed
 * others       the device refused its queue
 *
 * [VIRTIO "Console Device", "Device Initialization"]
 */
enum err virtio_console_open(struct virtio_console *console, u64 base, u64 patience)
{
    enum err err = virtio_mmio_probe(&console->dev, base, VIRTIO_DEVICE_CONSOLE);

    if (err) {
        return err;
    }
    err = virtio_mmio_begin(&console->dev, 0);
    if (err) {
        return err;
    }
    virtq_driver_init(&console->transmitq, console->ring, VIRTIO_CONSOLE_QUEUE_SIZE);
    console->transmitq.ring.avail->flags = VIRTQ_AVAIL_NO_INTERRUPT;
    err = virtio_mmio_add_queue(&console->dev, VIRTIO_CONSOLE_TRANSMITQ, &console->transmitq.ring);
    if (err) {
        virtio_mmio_reset(&console->dev);
        return err;
    }
    console->patience = patience;
    console->dead = false;
    virtio_mmio_ready(&console->dev);
    return ERR_OK;
}

/* Waits until the device gives the chain from head back, and nothing else. */
static enum err await(struct virtio_console *console, u16 head)
{
    for (u64 i = 0; i < console->patience; i++) {
        u16 done;
        u32 written_bytes;
        enum err err = virtq_driver_pop(&console->transmitq, &done, &written_bytes);

        if (err != ERR_NOENT) {
            return err == ERR_OK && done != head ? ERR_FORMAT : err;
        }
    }
    return ERR_STATE;
}

/*
 * virtio_console_write - write pieces of memory to the port.
 *
 * bufs are addresses as the device sees them, at most VIRTIO_CONSOLE_QUEUE_SIZE; they are the
 * caller's again on return, after an error as well.
 *
 * ERR_INVAL    no piece; nothing was written
 * ERR_NOMEM    too many pieces; nothing was written
 * ERR_STATE    the device is dead, or did not answer and is dead from now on
 * ERR_FORMAT   the device broke the rules of the ring; it is dead from now on
 */
enum err virtio_console_write(struct virtio_console *console, const struct virtq_buf *bufs,
                              unsigned count)
{
    u16 head;
    enum err err;

    if (console->dead) {
        return ERR_STATE;
    }
    err = virtq_driver_push(&console->transmitq, bufs, count, 0, &head);
    if (err) {
        return err;
    }
    virtio_mmio_notify(&console->dev, VIRTIO_CONSOLE_TRANSMITQ);
    err = await(console, head);
    if (err) {
        virtio_mmio_reset(&console->dev);
        console->dead = true;
    }
    return err;
}
