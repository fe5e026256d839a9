/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtio console's port 0; see virtio_console.h. */
#include "lib/drv/virtio_console.h"

#include <string.h>

/* Offers the device the piece of a chain of one; there is always room for it. */
static enum err offer_piece(struct virtio_console_input *input, u16 index)
{
    struct virtq_buf buf = {.addr = (uintptr_t)input->piece[index],
                            .bytes = VIRTIO_CONSOLE_PIECE_BYTES};
    u16 head;
    enum err err = virtq_driver_push(&input->queue, &buf, 0, 1, &head);

    /* The free list is last in, first out, and nothing was popped since: the same descriptor. */
    return err == ERR_OK && head != index ? ERR_FORMAT : err;
}

/* An empty queue for input, all pieces offered. */
static enum err add_input(const struct virtio_console *console)
{
    struct virtio_console_input *input = console->input;

    input->length = 0;
    input->read = 0;
    virtq_driver_init(&input->queue, input->ring, VIRTIO_CONSOLE_QUEUE_SIZE, console->dev.features);
    virtq_driver_quiet(&input->queue);
    for (u16 i = 0; i < VIRTIO_CONSOLE_QUEUE_SIZE; i++) {
        enum err err = offer_piece(input, i);

        if (err) {
            return err;
        }
    }
    return virtio_mmio_add_queue(&console->dev, VIRTIO_CONSOLE_RECEIVEQ, &input->queue.ring);
}

/*
 * virtio_console_open_input - bring up the console in the slot at base for output and input.
 *
 * Both structs must stay where they are, since the device reads the rings in them.  No interrupt is
 * asked for before virtio_console_expect.
 *
 * ERR_NOENT    there is no console in this slot (ask the next one)
 * ERR_NOSUPP   it is a legacy device, or lacks what is needed
 * others       the device refused its queues
 *
 * [VIRTIO "Console Device", "Device Initialization"]
 */
enum err virtio_console_open_input(struct virtio_console *console,
                                   struct virtio_console_input *input, u64 base, u64 patience)
{
    enum err err = virtio_mmio_probe(&console->dev, base, VIRTIO_DEVICE_CONSOLE);

    if (err) {
        return err;
    }
    err = virtio_mmio_begin(&console->dev, 0, 0);
    if (err) {
        return err;
    }
    console->input = input;
    console->patience = patience;
    console->dead = false;
    virtq_driver_init(&console->transmitq, console->ring, VIRTIO_CONSOLE_QUEUE_SIZE,
                      console->dev.features);
    virtq_driver_quiet(&console->transmitq);
    err = input != NULL ? add_input(console) : ERR_OK;
    if (err == ERR_OK) {
        err = virtio_mmio_add_queue(&console->dev, VIRTIO_CONSOLE_TRANSMITQ,
                                    &console->transmitq.ring);
    }
    if (err) {
        virtio_mmio_reset(&console->dev);
        return err;
    }
    virtio_mmio_ready(&console->dev);
    if (input != NULL && virtq_driver_must_kick(&input->queue)) {
        virtio_mmio_notify(&console->dev, VIRTIO_CONSOLE_RECEIVEQ);
    }
    return ERR_OK;
}

/* As virtio_console_open_input, without a queue for input. */
enum err virtio_console_open(struct virtio_console *console, u64 base, u64 patience)
{
    return virtio_console_open_input(console, NULL, base, patience);
}

static void give_up(struct virtio_console *console)
{
    virtio_mmio_reset(&console->dev);
    console->dead = true;
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
        give_up(console);
    }
    return err;
}

/* Makes the next piece that the device has filled the one that is read, if there is one. */
static enum err next_piece(struct virtio_console_input *input)
{
    enum err err = virtq_driver_pop(&input->queue, &input->head, &input->length);

    input->read = 0;
    if (err) {
        input->length = 0;
        return err;
    }
    return input->length != 0 && input->length <= VIRTIO_CONSOLE_PIECE_BYTES ? ERR_OK : ERR_FORMAT;
}

/* Copies what there is from the piece that is read; offers it again when it is empty. */
static enum err drain(struct virtio_console_input *input, u8 *to, u32 room, u32 *count)
{
    u32 left = input->length - input->read;

    *count = left < room ? left : room;
    memcpy(to, input->piece[input->head] + input->read, *count);
    input->read += *count;
    return input->read == input->length ? offer_piece(input, input->head) : ERR_OK;
}

/*
 * virtio_console_read - take what has come in, without waiting.
 *
 * The console was opened for input.  A device that breaks the rules of the ring is dead from then
 * on; what it had sent before is returned.
 */
u32 virtio_console_read(struct virtio_console *console, u8 *to, u32 bytes)
{
    struct virtio_console_input *input = console->input;
    enum err err = console->dead ? ERR_NOENT : ERR_OK;
    u32 done = 0;

    while (err == ERR_OK && done < bytes) {
        u32 count = 0;

        if (input->read == input->length) {
            err = next_piece(input);
        }
        if (err == ERR_OK) {
            err = drain(input, to + done, bytes - done, &count);
        }
        done += count;
    }
    if (err != ERR_OK && err != ERR_NOENT) {
        give_up(console);
    } else if (done != 0 && virtq_driver_must_kick(&input->queue)) {
        virtio_mmio_notify(&console->dev, VIRTIO_CONSOLE_RECEIVEQ);
    }
    return done;
}

/* False for a dead one, too: there is nothing to wait for. */
bool virtio_console_expect(struct virtio_console *console)
{
    struct virtio_console_input *input = console->input;

    return !console->dead && input->read == input->length && virtq_driver_expect(&input->queue, 1);
}
