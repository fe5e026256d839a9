/* SPDX-License-Identifier: BSD-2-Clause */
/* A virtio entropy device; see virtio_rng.h.  [VIRTIO "Entropy Device"] */
#include "lib/drv/virtio_rng.h"

/*
 * virtio_rng_open - bring up the entropy device in the slot at base.
 *
 * The struct must stay where it is, since the device reads the ring in it.
 *
 * ERR_NOENT    there is none in this slot
 * ERR_NOSUPP   it is a legacy device, or lacks what is needed
 * others       the device refused its queue
 */
enum err virtio_rng_open(struct virtio_rng *rng, u64 base)
{
    enum err err = virtio_mmio_probe(&rng->dev, base, VIRTIO_DEVICE_ENTROPY);

    if (err) {
        return err;
    }
    err = virtio_mmio_begin(&rng->dev, 0, 0);
    if (err) {
        return err;
    }
    virtq_driver_init(&rng->queue, rng->ring, VIRTIO_RNG_QUEUE_SIZE, rng->dev.features);
    virtq_driver_quiet(&rng->queue);
    err = virtio_mmio_add_queue(&rng->dev, VIRTIO_RNG_REQUESTQ, &rng->queue.ring);
    if (err) {
        virtio_mmio_reset(&rng->dev);
        return err;
    }
    rng->asked = 0;
    rng->dead = false;
    virtio_mmio_ready(&rng->dev);
    return ERR_OK;
}

static enum err give_up(struct virtio_rng *rng, enum err err)
{
    virtio_mmio_reset(&rng->dev);
    rng->asked = 0;
    rng->dead = true;
    return err;
}

/*
 * virtio_rng_start - have a buffer filled.
 *
 * to is an address as the device sees it, and the device's until virtio_rng_finished gives it back
 * or says that the device is dead.
 *
 * ERR_INVAL    no byte; nothing changed
 * ERR_STATE    the device is dead, or has a buffer already; nothing changed
 */
enum err virtio_rng_start(struct virtio_rng *rng, void *to, u32 bytes)
{
    struct virtq_buf buf = {.addr = (uintptr_t)to, .bytes = bytes};
    enum err err;
    u16 head;

    if (bytes == 0) {
        return ERR_INVAL;
    }
    if (rng->dead || rng->asked != 0) {
        return ERR_STATE;
    }
    err = virtq_driver_push(&rng->queue, &buf, 0, 1, &head);
    if (err) {
        return err;
    }
    rng->asked = bytes;
    if (virtq_driver_must_kick(&rng->queue)) {
        virtio_mmio_notify(&rng->dev, VIRTIO_RNG_REQUESTQ);
    }
    return ERR_OK;
}

/*
 * virtio_rng_finished - take back what virtio_rng_start gave, if the device is done with it.
 *
 * ERR_NOENT    not yet; nothing changed
 * ERR_STATE    the device is dead, or was given nothing
 * ERR_FORMAT   the device broke the rules of the ring; it is dead from now on
 */
enum err virtio_rng_finished(struct virtio_rng *rng, u32 *bytes)
{
    enum err err;
    u16 head;

    if (rng->asked == 0) {
        return ERR_STATE;
    }
    err = virtq_driver_pop(&rng->queue, &head, bytes);
    if (err == ERR_NOENT) {
        return err;
    }
    if (err != ERR_OK || *bytes == 0 || *bytes > rng->asked) {
        return give_up(rng, ERR_FORMAT);
    }
    rng->asked = 0;
    return ERR_OK;
}

/*
 * virtio_rng_read - fill a buffer and wait for it.
 *
 * patience is for each piece that the device gives.
 *
 * ERR_INVAL    no byte
 * ERR_STATE    the device is dead, or had a buffer already, or did not answer and is dead from now
 * on ERR_FORMAT   the device broke the rules of the ring; it is dead from now on
 */
enum err virtio_rng_read(struct virtio_rng *rng, void *to, u32 bytes, u64 patience)
{
    u8 *at = to;

    do {
        enum err err = virtio_rng_start(rng, at, bytes);
        u32 done;

        if (err) {
            return err;
        }
        err = ERR_NOENT;
        for (u64 i = 0; i < patience && err == ERR_NOENT; i++) {
            err = virtio_rng_finished(rng, &done);
        }
        if (err) {
            return err == ERR_NOENT ? give_up(rng, ERR_STATE) : err;
        }
        at += done;
        bytes -= done;
    } while (bytes != 0);
    return ERR_OK;
}
