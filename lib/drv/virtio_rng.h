/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * A virtio entropy device, driver half: a buffer is filled with random bytes, one at a time.
 *
 *     virtio_rng_start ──▶ device ──▶ virtio_rng_finished          (or virtio_rng_read does both)
 *
 * Invariant: the device holds at most the one buffer between start and finished.  One that breaks
 * the rules, or that virtio_rng_read has waited for in vain, is reset and dead from then on.
 *
 * With interrupts: virtq_driver_expect(&rng->queue, 1) after start.  No lock: the caller
 * serialises.
 */
#include "lib/drv/virtio_mmio.h"
#include "lib/kit/err.h"
#include "lib/kit/types.h"
#include "lib/virtio/virtq.h"

#define VIRTIO_RNG_QUEUE_SIZE 1

struct virtio_rng {
    struct virtio_mmio dev;
    struct virtq_driver queue;
    u32 asked; /* bytes of the buffer that the device has; 0: it has none */
    bool dead;
    _Alignas(VIRTQ_DESC_ALIGN) u8 ring[VIRTQ_BYTES(VIRTIO_RNG_QUEUE_SIZE)];
};

/* Starts the entropy device in the slot at base; it is asked for no interrupt. */
__must_check enum err virtio_rng_open(struct virtio_rng *rng, u64 base);
/* Gives the device a buffer of at least one byte. */
__must_check enum err virtio_rng_start(struct virtio_rng *rng, void *to, u32 bytes);
/* Takes the buffer back, of which so many bytes, at least one, are random.  ERR_NOENT: not yet. */
__must_check enum err virtio_rng_finished(struct virtio_rng *rng, u32 *bytes);
/* Fills all of it, polling; patience: looks at the used ring until the device counts as dead. */
__must_check enum err virtio_rng_read(struct virtio_rng *rng, void *to, u32 bytes, u64 patience);
