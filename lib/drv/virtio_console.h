/* SPDX-License-Identifier: BSD-2-Clause */
#pragma once
/*
 * Port 0 of a virtio console.  Output without interrupts: a write is submitted, and the used ring
 * is polled until the device has taken it.  Input, where the caller wants it: the device fills
 * pieces of struct virtio_console_input, which are read when they come, by interrupt or without.
 *
 * Invariant: between calls the device holds no buffer of the caller's.  A device that does not take
 * output within patience polls is reset and counts as dead from then on, for input as well; no call
 * ever hangs.
 *
 * No further ports.  No lock: the caller serialises.
 */
#include "lib/drv/virtio_mmio.h"
#include "lib/kit/err.h"
#include "lib/kit/types.h"
#include "lib/virtio/virtq.h"

#define VIRTIO_CONSOLE_QUEUE_SIZE 4

#define VIRTIO_CONSOLE_PIECE_BYTES 64

struct virtio_console_input {
    struct virtq_driver queue;
    u16 head;         /* of the chain that is being read; its piece is piece[head] */
    u32 length, read; /* bytes in it, and how many of them were read; no chain if they are equal */
    u8 piece[VIRTIO_CONSOLE_QUEUE_SIZE][VIRTIO_CONSOLE_PIECE_BYTES];
    _Alignas(VIRTQ_DESC_ALIGN) u8 ring[VIRTQ_BYTES(VIRTIO_CONSOLE_QUEUE_SIZE)];
};

struct virtio_console {
    struct virtio_mmio dev;
    struct virtq_driver transmitq;
    struct virtio_console_input *input; /* NULL: output only */
    u64 patience; /* looks at the used ring before the device counts as dead */
    bool dead;
    _Alignas(VIRTQ_DESC_ALIGN) u8 ring[VIRTQ_BYTES(VIRTIO_CONSOLE_QUEUE_SIZE)];
};

/* Starts the console in the slot at base, for output only. */
__must_check enum err virtio_console_open(struct virtio_console *console, u64 base, u64 patience);
/* ... and for input. */
__must_check enum err virtio_console_open_input(struct virtio_console *console,
                                                struct virtio_console_input *input, u64 base,
                                                u64 patience);
/* Writes all pieces, in order; on return they are the caller's again. */
__must_check enum err virtio_console_write(struct virtio_console *console,
                                           const struct virtq_buf *bufs, unsigned count);
/* Takes what has come in, at most so many bytes: how many.  0: none; dead tells whether any will.
 */
u32 virtio_console_read(struct virtio_console *console, u8 *to, u32 bytes);
/* Asks for an interrupt when something comes in; false: it has come in already. */
__must_check bool virtio_console_expect(struct virtio_console *console);
