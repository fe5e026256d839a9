/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Output through port 0 of a virtio console, without interrupts: a write is submitted, and the used
 * ring is polled until the device has taken it.
 *
 * Invariant: between calls the device holds no buffer.  A device that does not answer within
 * patience polls is reset and counts as dead from then on; no call ever hangs.
 *
 * No input, no further ports.  No lock: the caller serialises.
 */
#include "lib/drv/virtio_mmio.h"
#include "lib/kit/err.h"
#include "lib/kit/types.h"
#include "lib/virtio/virtq.h"

#define VIRTIO_CONSOLE_QUEUE_SIZE 4

struct virtio_console {
    struct virtio_mmio dev;
    struct virtq_driver transmitq;
    u64 patience; /* looks at the used ring before the device counts as dead */
    bool dead;
    _Alignas(VIRTQ_DESC_ALIGN) u8 ring[VIRTQ_BYTES(VIRTIO_CONSOLE_QUEUE_SIZE)];
};

/* Starts the console in the slot at base. */
__must_check enum err virtio_console_open(struct virtio_console *console, u64 base, u64 patience);
/* Writes all pieces, in order; on return they are the caller's again. */
__must_check enum err virtio_console_write(struct virtio_console *console,
                                           const struct virtq_buf *bufs, unsigned count);
